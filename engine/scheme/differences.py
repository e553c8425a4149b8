"""Hold a document against what a test expects of it: only what the test names, by value."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["differences"]

_MOST = 20


def differences(expected: Any, got: Any) -> list[str]:
    """What differs, one line each, at most twenty and a count of the rest.

    A mapping names the fields that matter; a list has its length; a scalar matches base data by what is
    wrapped; amounts compare by value; null stands for a field that is left out.
    """
    found = [
        tr("{path}: expected {expected}, got {got}", path=path or "document", expected=_shown(want), got=have)
        for path, want, have in _compare("", expected, got)
    ]
    if len(found) > _MOST:
        found = [*found[:_MOST], tr("and {count} more", count=len(found) - _MOST)]
    return found


def _compare(path: str, expected: Any, got: Any) -> Iterator[tuple[str, Any, str]]:
    if isinstance(expected, dict):
        yield from _compare_fields(path, expected, got)
    elif isinstance(expected, list):
        yield from _compare_rows(path, expected, got)
    elif not _equal(expected, got):
        yield path, expected, _shown(got)


def _compare_fields(path: str, expected: Mapping[str, Any], got: Any) -> Iterator[tuple[str, Any, str]]:
    if not isinstance(got, dict):
        yield path, expected, _shown(got)
        return
    for key, want in expected.items():
        place = f"{path}.{key}" if path else key
        if key in got:
            yield from _compare(place, want, got[key])
        elif want is not None:
            yield place, want, tr("nothing: the field is left out")


def _compare_rows(path: str, expected: list[Any], got: Any) -> Iterator[tuple[str, Any, str]]:
    if not isinstance(got, list):
        yield path, expected, _shown(got)
        return
    if len(expected) != len(got):
        rows = tr("{count} rows", count=len(got))
        yield path, tr("{count} rows", count=len(expected)), f"{rows}: {_shown(got)}"
        return
    for index, (want, have) in enumerate(zip(expected, got, strict=True)):
        yield from _compare(f"{path}[{index}]", want, have)


def _equal(expected: Any, got: Any) -> bool:
    if isinstance(got, dict) and len(got) == 1 and expected is not None:
        return _equal(expected, next(iter(got.values())))
    if isinstance(expected, bool) or isinstance(got, bool) or expected is None or got is None:
        return expected is got
    if isinstance(got, (int, Decimal)):
        try:
            return Decimal(str(expected)) == got
        except InvalidOperation:
            return False
    return str(expected) == str(got)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else text[:199] + "…"
