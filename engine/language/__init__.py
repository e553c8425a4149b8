"""What the user reads, in Chinese or English.

Code writes the English text; `zh/*.yaml` holds the Chinese one under the same key. The language is
``ENGINE_LANG`` (``zh`` or ``en``), else the locale's.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["current", "speaking", "tr"]

_chosen: ContextVar[str | None] = ContextVar("language", default=None)


@contextmanager
def speaking(language: str | None) -> Iterator[None]:
    """Within it, texts are in this language whatever the surroundings say; None leaves it to them."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def current() -> str:
    """The language in force: ``zh`` or ``en``."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    wanted = os.environ.get("ENGINE_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if wanted.lower().startswith("zh") else "en"


def tr(text: str, /, **values: object) -> str:
    """The text in the user's language, with `{name}` places filled from `values`.

    A text without a translation stays English: a message must never be lost for want of one.
    """
    shown = _catalog().get(text, text) if current() == "zh" else text
    return shown.format(**values) if values else shown


@cache
def _catalog() -> dict[str, str]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time; a start must not be felt
    merged: dict[str, str] = {}
    for part in sorted(files(__package__).joinpath("zh").iterdir(), key=lambda part: part.name):
        if part.name.endswith(".yaml"):
            merged.update(yaml.load(part.read_text(encoding="utf-8"), Loader=loader) or {})
    return merged
