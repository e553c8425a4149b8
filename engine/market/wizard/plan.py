"""The whole wizard: from where one begins to all that must be known to write the files."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.connector.api import Choice
from engine.errors import UsageError
from engine.language import tr
from engine.market.wizard.blank import blank_scheme
from engine.market.wizard.params import ask_params
from engine.market.wizard.question import Question

if TYPE_CHECKING:
    from datetime import datetime

    from engine.market.card import Card
    from engine.market.wizard.draft import Draft
    from engine.market.wizard.question import Flow
    from engine.market.wizard.surroundings import Surroundings
    from engine.scheme.model import Scheme

__all__ = ["BLANK", "Plan", "Start", "plan"]

BLANK = "blank"
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Start:
    """What the wizard begins with. `cards` are the market's, `taken` the ids that the project has already."""

    cards: Mapping[str, Card]
    schemes: Callable[[str], Sequence[Scheme]]
    """The schemes of a market scheme, the main one first."""
    taken: Collection[str]
    environments: Sequence[str]
    sandboxes: Collection[str]
    around: Callable[[str], Surroundings]
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made: a copy of a market scheme, or a draft of one's own."""

    id: str
    environment: str
    real: bool
    market: str | None = None
    draft: Draft | None = None
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Answers by the market's scheme id and param."""


def plan(start: Start) -> Flow[Plan]:
    """Ask all there is to ask."""
    offered = [Choice(name, str(card.title)) for name, card in start.cards.items()]
    own = Choice(BLANK, tr("a scheme from nothing: source, filter, target, mapping"))
    begin = yield Question(
        "start", tr("Copy a market scheme, or begin with nothing"), choices=[*offered, own], open=False
    )
    free = _free("my_scheme" if begin == BLANK else start.cards[begin].main, start.taken)
    id = yield Question(
        "id", tr("The scheme's id, which is its file's name too"), default=free, check=_id_check(start)
    )
    environment = yield Question(
        "environment",
        tr("In which environment it is tried and will run"),
        help=tr("an environment of connections.yaml; the sandbox touches nothing real"),
        default=start.environments[0],
        choices=[Choice(name, name) for name in start.environments],
        open=False,
    )
    real = environment not in start.sandboxes
    around = start.around(environment)
    if begin == BLANK:
        draft = yield from blank_scheme(id, around)
        return Plan(id, environment, real, draft=draft)
    values = yield from ask_params(start.cards[begin], start.schemes(begin), around, start.now, real=real)
    return Plan(id, environment, real, market=begin, values=values)


def _free(wanted: str, taken: Collection[str]) -> str:
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _id_check(start: Start) -> Callable[[str], None]:
    def check(answer: str) -> None:
        if not _ID.fullmatch(answer):
            raise UsageError(tr('"{id}" is no id: letters, digits, _ and -, a letter first', id=answer))
        if answer.casefold() in {each.casefold() for each in start.taken}:  # some disks know no case
            raise UsageError(tr('there is a scheme "{id}" already', id=answer))

    return check
