"""The card of a market scheme, `market.yaml`: its name, what it connects and needs, what changed in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import Position, SchemeError
from engine.findings import Finding, nearest
from engine.language import current, tr
from engine.yaml_nodes import read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.nodes import Node

__all__ = ["FILE_NAME", "Card", "Change", "ParamCard", "Words", "read_card", "release_order"]

FILE_NAME = "market.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_RELEASE = re.compile(
    r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-[0-9A-Za-z][0-9A-Za-z.-]{0,30})?"
)
_FIELD = re.compile(r"[^\s{}\[\]]{1,100}")
_LONGEST = 2000
_MOST = 100


@dataclass(frozen=True, slots=True)
class Words:
    """A text in Chinese and English; one may stand for both."""

    zh: str
    en: str

    def __str__(self) -> str:
        """The text in the user's language."""
        return self.zh if current() == "zh" else self.en

    @property
    def both(self) -> tuple[str, ...]:
        """The Chinese text, and the English one where it is another."""
        return (self.zh,) if self.zh == self.en else (self.zh, self.en)


@dataclass(frozen=True, slots=True)
class ParamCard:
    """What a scheme's own `params` do not say of one of them.

    `choices` is ``CONNECTOR.LIST``: where a connector can list what may be chosen; None where it is typed in.
    """

    name: str
    position: Position
    example: str | None = None
    help: Words | None = None
    choices: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a release changed, for those who have a copy of an earlier one."""

    release: str
    words: Words
    position: Position


@dataclass(frozen=True, slots=True)
class Card:
    """A market scheme's card. `schemes` are ids, the main one first; `connects` are connectors."""

    name: str
    release: str
    title: Words
    summary: Words
    schemes: tuple[str, ...]
    connects: tuple[str, ...]
    node: Node
    params: Mapping[str, ParamCard] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unsure: tuple[str, ...] = ()

    @property
    def main(self) -> str:
        """The id of the scheme that is run; the others are called back by it."""
        return self.schemes[0]


def release_order(release: str) -> tuple[int, int, int, bool, str]:
    """What sorts releases: 1.10.0 after 1.9.0, 2.0.0-rc1 before 2.0.0. A text that is none comes first."""
    found = _RELEASE.fullmatch(release)
    if found is None:
        return (-1, 0, 0, False, release)
    return (int(found[1]), int(found[2]), int(found[3]), found[4] is None, found[4] or "")


def read_card(text: str, name: str, found: list[Finding]) -> Card | None:
    """The card in a text; `name` stands in positions. All that is wrong is appended to `found`; None then."""
    before = len(found)
    try:
        root = read_yaml_text(text, name, found)
    except SchemeError as error:
        found.append(Finding("M101", error.position or Position(name), error.message, hint=error.hint))
        return None
    if not root.is_mapping:
        found.append(Finding("M101", root.position, tr("the card must be a mapping"), hint=_example()))
        return None
    values = _Entries(root, found).read(_CARD, required=("version", "name", "release", "title", "summary",
                                                         "schemes", "connects"))  # fmt: skip
    if len(found) > before:
        return None
    values.pop("version")
    card = Card(node=root, **values)
    _check_changes(card, found)
    return card if len(found) == before else None


def _example() -> str:
    return tr("see {page}", page="docs/market.md")


def _check_changes(card: Card, found: list[Finding]) -> None:
    order = [release_order(change.release) for change in card.changes]
    place = card.node.keys.get("changes", card.node.position)
    if card.changes and card.changes[0].release != card.release:
        message = tr('the newest of the changes must be of release "{release}"', release=card.release)
        found.append(Finding("M105", card.changes[0].position, message))
    elif order != sorted(order, reverse=True) or len(set(order)) < len(order):
        found.append(Finding("M105", place, tr("changes stand newest first, each release once")))


class _Entries:
    """The entries of one mapping, each read by the reader of its key; what is wrong is collected."""

    def __init__(self, node: Node, found: list[Finding]) -> None:
        self.node = node
        self.found = found

    def read(
        self, readers: Mapping[str, Callable[[Node, str], Any]], *, required: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, child in self.node.items():
            reader = readers.get(key)
            if reader is None:
                self._unknown(key, child, readers)
                continue
            try:
                values[key] = reader(child, key)
            except _Wrong as wrong:
                self.found += wrong.findings
        for key in required:
            if self.node.get(key) is None:
                message = tr('the card lacks "{key}"', key=key)
                self.found.append(Finding("M102", self.node.position, message, hint=_example()))
        return values

    def _unknown(self, key: str, child: Node, known: Mapping[str, Any]) -> None:
        close = nearest(key, known)
        hint = tr('did you mean "{word}"?', word=close) if close else None
        place = self.node.keys.get(key, child.position)
        message = tr(
            'the card has an unknown key "{key}"; known are {names}', key=key, names=", ".join(known)
        )
        self.found.append(Finding("M102", place, message, hint=hint))


class _Wrong(Exception):
    """A value that is not as it must be."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__()
        self.findings = findings


def _wrong(node: Node, name: str, wanted: str) -> _Wrong:
    message = tr('"{name}" must be {wanted}', name=name, wanted=wanted)
    return _Wrong(Finding("M103", node.position, message, hint=_example()))


# --- readers -----------------------------------------------------------------------------------------------


def _mapping(node: Node, name: str) -> Node:
    if not node.is_mapping or len(node.value) > _MOST:
        raise _wrong(node, name, tr("a mapping"))
    return node


def _inside(
    node: Node, readers: Mapping[str, Callable[[Node, str], Any]], required: tuple[str, ...] = ()
) -> Any:
    found: list[Finding] = []
    values = _Entries(node, found).read(readers, required=required)
    if found:
        raise _Wrong(*found)
    return values


def _text(node: Node, name: str) -> str:
    if not isinstance(node.value, str) or not node.value.strip() or len(node.value) > _LONGEST:
        raise _wrong(node, name, tr("a text"))
    return node.value.strip()


def _scalar(node: Node, name: str) -> str:
    if node.value is None or node.is_list or node.is_mapping or len(str(node.value)) > _LONGEST:
        raise _wrong(node, name, tr("a single value"))
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def _matching(pattern: re.Pattern[str], wanted: str) -> Callable[[Node, str], str]:
    def read(node: Node, name: str) -> str:
        if not isinstance(node.value, str) or not pattern.fullmatch(node.value):
            raise _wrong(node, name, tr(wanted))
        return node.value

    return read


def _words(node: Node, name: str) -> Words:
    if not node.is_mapping:
        text = _text(node, name)
        return Words(text, text)
    values = _inside(node, {"zh": _text, "en": _text})
    if not values:
        raise _wrong(node, name, tr("a text, or {zh: …, en: …}"))
    first = next(iter(values.values()))
    return Words(values.get("zh", first), values.get("en", first))


def _names(
    pattern: re.Pattern[str], wanted: str, *, least: int = 0
) -> Callable[[Node, str], tuple[str, ...]]:
    one = _matching(pattern, wanted)

    def read(node: Node, name: str) -> tuple[str, ...]:
        if not node.is_list or not least <= len(node.value) <= _MOST:
            raise _wrong(node, name, tr("a list"))
        names = tuple(one(child, name) for child in node.value)
        if len({each.casefold() for each in names}) < len(names):
            raise _wrong(node, name, tr("a list in which each stands once"))
        return names

    return read


def _version(node: Node, name: str) -> int:
    if node.value != 1 or isinstance(node.value, bool):
        raise _wrong(node, name, "1")
    return 1


def _params(node: Node, name: str) -> dict[str, ParamCard]:
    readers = {"example": _scalar, "help": _words, "choices": _matching(_CHOICES, _CHOICES_FORM)}
    return {
        key: ParamCard(name=key, position=child.position, **_inside(_mapping(child, key), readers))
        for key, child in _mapping(node, name).items()
    }


def _changes(node: Node, name: str) -> tuple[Change, ...]:
    if not node.is_list or len(node.value) > _MOST:
        raise _wrong(node, name, tr("a list"))
    return tuple(_change(child, name) for child in node.value)


def _change(node: Node, name: str) -> Change:
    readers = {"release": _matching(_RELEASE, _RELEASE_FORM), "zh": _text, "en": _text}
    values = _inside(_mapping(node, name), readers, required=("release",))
    texts = [values[key] for key in ("zh", "en") if key in values]
    if not texts:
        raise _wrong(node, name, tr("a release with what changed: {release: 1.0.0, zh: …, en: …}"))
    words = Words(values.get("zh", texts[0]), values.get("en", texts[0]))
    return Change(values["release"], words, node.position)


_CHOICES = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_.:]*", re.IGNORECASE)
_CHOICES_FORM = "a connector and a list of its, such as dingtalk.templates"
_RELEASE_FORM = "three numbers such as 1.2.0"
_NAME_FORM = "a name of lower-case letters, digits and _ that begins with a letter"
_ID_FORM = "ids of schemes"
_CARD: dict[str, Callable[[Node, str], Any]] = {
    "version": _version,
    "name": _matching(_NAME, _NAME_FORM),
    "release": _matching(_RELEASE, _RELEASE_FORM),
    "title": _words,
    "summary": _words,
    "schemes": _names(_ID, _ID_FORM, least=1),
    "connects": _names(_NAME, _NAME_FORM, least=1),
    "params": _params,
    "changes": _changes,
    "unsure": _names(_FIELD, "names of fields"),
}
