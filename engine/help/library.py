"""Read the pages, which are data (`pages/*.yaml`), and find the one that a word means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from engine.errors import UsageError
from engine.findings import nearest
from engine.language import current, tr
from engine.market.codes import CODES as MARKET
from engine.scheme.codes import CODES as SCHEME

__all__ = ["Example", "Page", "page_of", "pages"]


@dataclass(frozen=True, slots=True)
class Example:
    """What goes wrong, the message that it gives, and the same mended.

    For the tests, which try it: among the schemes that ship, `file` is where `wrong` and `right` stand in
    place of the lines `at`, and `checked` the file that is then validated; `also` are other codes that the
    mistake brings about; `untested` says why it cannot be tried.
    """

    wrong: str
    shown: str
    right: str
    at: str
    file: str | None
    checked: str | None
    also: tuple[str, ...]
    untested: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """One code (`S201`) or class (`conflict`): what it is, why it comes, an example, and what to do."""

    code: str
    title: str
    cause: str
    mend: str
    example: Example


def pages(language: str | None = None) -> dict[str, Page]:
    """All pages by their codes, in order; in the user's language, or in `language` but for the titles."""
    return {code: _page(code, given, language or current()) for code, given in _given().items()}


def page_of(word: str) -> Page:
    """The page that a word means: ``s201``, ``base-data-missing``, or a class as the user's language has it.

    Raises UsageError, with the code that was probably meant.
    """
    known = pages()
    wanted = _plain(word)
    for code, page in known.items():
        if wanted in (_plain(code), _plain(tr(code))):
            return page
    alike = [code for code in known if code[:2] == wanted[:2].upper()]  # S2…: rather a code of its hundred
    close = nearest(wanted.upper(), alike) or nearest(wanted, known)
    raise UsageError(
        tr('there is no page "{word}"', word=word),
        hint=tr('did you mean "{word}"?', word=close) if close else tr("`engine help` lists them all"),
    )


def _plain(word: str) -> str:
    return " ".join(word.casefold().replace("-", " ").replace("_", " ").split())


@cache
def _given() -> dict[str, Mapping[str, Any]]:
    """The pages as they are written: schemes first, then the market, then the classes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Mapping[str, Any]] = {}
    for file in files(__package__).joinpath("pages").iterdir():
        if file.name.endswith(".yaml"):
            found.update(yaml.load(file.read_text(encoding="utf-8"), Loader=loader))
    order = "SM"
    return dict(sorted(found.items(), key=lambda item: _place(item[0], order)))


def _place(code: str, order: str) -> tuple[int, str]:
    return (order.index(code[0]), code) if code[:1] in order and code[1:].isdigit() else (len(order), "")


def _page(code: str, given: Mapping[str, Any], language: str) -> Page:
    words = given[language]
    meaning = SCHEME.get(code) or MARKET.get(code)
    file = None if not meaning or "untested" in given else given.get("file", "expense_to_paybill.yaml")
    right = _in(given.get("right", ""), language)
    return Page(
        code=code,
        title=tr(meaning) if meaning else words["title"],
        cause=words["cause"],
        mend=words["mend"],
        example=Example(
            wrong=_in(given["wrong"], language),
            shown=_in(given["shown"], language),
            right=right,
            at=given.get("at", right),
            file=file,
            checked=given.get("checked", file),
            also=tuple(given.get("also", ())),
            untested=given.get("untested"),
        ),
    )


def _in(text: Any, language: str) -> str:
    """A text that is the same in all languages, or the one in this."""
    return str(text[language] if isinstance(text, dict) else text).rstrip("\n")
