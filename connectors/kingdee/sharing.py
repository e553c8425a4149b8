"""Whose entry is whose: the successes and errors of one answer, shared out among the documents of a call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.kingdee.answers import Code, Done, Problem, Status
from connectors.kingdee.reasons import speaks_of_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Share", "by_identity", "by_index", "mentions", "share_out"]


@dataclass(slots=True)
class Share:
    """What an answer says of one document."""

    problems: list[Problem] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)


def share_out(
    status: Status, numbers: Sequence[str], owner_of: Callable[[Done, int], int | None]
) -> tuple[list[Share], list[Problem]]:
    """Each document's entries, and the errors that are nobody's in particular."""
    count = len(numbers)
    shares = [Share() for _ in numbers]
    for done in status.done:
        owner = owner_of(done, count)
        if owner is None and done.index is None and done.number:
            owner = _only(index for index, number in enumerate(numbers) if number == done.number)
        if owner is not None:
            shares[owner].done.append(done)
    general: list[Problem] = []
    for problem in status.problems:
        owner = _owner_of_problem(problem, status, numbers)
        if owner is None:
            general.append(problem)
        else:
            shares[owner].problems.append(problem)
    return shares, general


def _owner_of_problem(problem: Problem, status: Status, numbers: Sequence[str]) -> int | None:
    named = _only(index for index, number in enumerate(numbers) if mentions(problem.message, number))
    if problem.index is None:
        return 0 if len(numbers) == 1 else named
    if not 0 <= problem.index < len(numbers):
        return None
    if len(numbers) == 1:
        return 0
    if named is not None and problem.index == 0:
        return named
    lone_zero = not status.done and all(not other.index for other in status.problems)
    of_the_call = status.code in Code.WHOLE_CALL or not speaks_of_document(problem, status.code)
    if lone_zero and not problem.field and of_the_call:
        return None
    return problem.index


def by_index(done: Done, count: int) -> int | None:
    """Saving: ``DIndex`` is a document's place in ``Model``."""
    if done.index is None:
        return 0 if count == 1 else None
    return done.index if 0 <= done.index < count else None


def by_identity(ids: Sequence[str], numbers: Sequence[str]) -> Callable[[Done, int], int | None]:
    """Submit and Audit: a success belongs to the document of its id, else of its number."""

    def owner(done: Done, count: int) -> int | None:
        if done.id in ids:
            return ids.index(done.id)
        return numbers.index(done.number) if done.number in numbers else None

    return owner


def mentions(text: str, number: str) -> bool:
    """True when a text names this number, and not a longer one that begins or ends with it."""
    return bool(number) and bool(re.search(rf"(?<![\w-]){re.escape(number)}(?![\w-])", text, re.ASCII))


def _only(found: Iterable[int]) -> int | None:
    indexes = list(found)
    return indexes[0] if len(indexes) == 1 else None
