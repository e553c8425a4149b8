"""Schemes of one folder that read the same records: both would write a document for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import SchemeError
from engine.scheme.load import scheme_files
from engine.yaml_nodes import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["readers_of_the_same"]


def readers_of_the_same(file: Path) -> list[str]:
    """The ids of other schemes beside a file that read the same request of the same connection.

    Compared are the request's values as the params' defaults fill them; what cannot be read is left out.
    """
    own = _read(file)
    if own is None:
        return []
    others = (each for each in scheme_files(file.parent) if each.resolve() != file.resolve())
    found = [read for each in others if (read := _read(each)) is not None]
    return sorted(id for id, connection, values in found if (connection, values) == own[1:])


def _read(file: Path) -> tuple[str, str, frozenset[str]] | None:
    """A scheme's id, its source's connection, and the codes that say which records it asks for."""
    try:
        plain: Any = read_yaml(file).plain()
        source, params = plain["source"], plain.get("params") or {}
        codes = {
            _filled(str(value), params)
            for name, value in (source.get("request") or {}).items()
            if name.casefold().replace("_", "") in ("processcode", "formid")
        }
        return (str(plain["id"]), str(source["connection"]), frozenset(codes)) if codes else None
    except (SchemeError, KeyError, TypeError, AttributeError):
        return None


def _filled(text: str, params: dict[str, Any]) -> str:
    for name, spec in params.items():
        default = spec.get("default", "") if isinstance(spec, dict) else ""
        text = text.replace(f"{{{{ params.{name} }}}}", str(default))
    return text
