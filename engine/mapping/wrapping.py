"""What is sent of a document, and back: base data stands under its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["unwrapped", "wrapped"]


def wrapped(
    value: Any,
    bases: Mapping[tuple[str, ...], str],
    path: tuple[str, ...] = (),
    written: list[dict[str, Any]] | None = None,
) -> Any:
    """A copy of the value at `path` as it is sent: a scalar of base data under its key, an object as written.

    Objects that stand as written where base data is meant are added to `written`.
    """
    if isinstance(value, dict):
        made = {name: wrapped(part, bases, (*path, name), written) for name, part in value.items()}
        if written is not None and path in bases:
            written.append(made)
        return made
    if isinstance(value, list):
        return [wrapped(part, bases, path, written) if isinstance(part, dict) else part for part in value]
    base = bases.get(path)
    return value if base is None else {base: value}


def unwrapped(
    value: Any,
    bases: Mapping[tuple[str, ...], str],
    written: Sequence[dict[str, Any]],
    path: tuple[str, ...] = (),
) -> Any:
    """The value at `path` before it was wrapped; `written` are the objects that stand as written."""
    if isinstance(value, list):
        return [_within(part, bases, written, path) if isinstance(part, dict) else part for part in value]
    if not isinstance(value, dict):
        return value
    base = bases.get(path)
    if base is not None and not any(value is each for each in written):
        return value[base]
    return _within(value, bases, written, path)


def _within(
    value: dict[str, Any],
    bases: Mapping[tuple[str, ...], str],
    written: Sequence[dict[str, Any]],
    path: tuple[str, ...],
) -> dict[str, Any]:
    return {name: unwrapped(part, bases, written, (*path, name)) for name, part in value.items()}
