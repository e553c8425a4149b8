"""A question of the wizard, and how questions, given values and remembered answers come together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.errors import EngineError, UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.api import Choice
    from engine.market.wizard.answers import Answers

__all__ = ["Asker", "Flow", "Question", "answered"]

T = TypeVar("T")


def _anything(answer: str) -> None:
    """Every answer will do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask. `id` is its name on the command line (``--set id=…``) and among kept answers.

    `default` is taken where nobody answers; None where somebody must. `guess` stands in its place where a
    person is asked. `choices` are offered; other answers are taken only where `open`. `check` raises an
    EngineError for an answer that will not do.
    """

    id: str
    text: str
    help: str = ""
    default: str | None = None
    guess: str | None = None
    choices: Sequence[Choice] = ()
    open: bool = True
    check: Callable[[str], None] = _anything

    @property
    def settled(self) -> bool:
        """Whether there is one answer only, so that nobody is asked; a given one is checked all the same."""
        return not self.open and [each.value for each in self.choices] == [self.default]

    def refuse(self, answer: str) -> None:
        """Raises an EngineError that says why an answer will not do."""
        if self.choices and not self.open and answer not in {each.value for each in self.choices}:
            known = ", ".join(each.value for each in self.choices)
            raise UsageError(
                tr(
                    '"{answer}" is none of the choices for {id}: {known}',
                    answer=answer,
                    id=self.id,
                    known=known,
                )
            )
        self.check(answer)


Flow = Generator[Question, str, T]
"""Yields questions, is sent their answers, and returns what it made of them."""


class Asker(Protocol):
    """Whoever answers: a person at a terminal, or nobody."""

    def __call__(self, question: Question, problem: str | None) -> str | None:
        """An answer, or None where nobody can be asked. `problem` says why the last one would not do."""


def answered(flow: Flow[T], answers: Answers, ask: Asker, problems: dict[str, str] | None = None) -> T:
    """Go through a flow to its end. What was answered before is not asked again; each answer is kept at once.

    `problems`: why the last answer to a question would not do; each is taken out when it is told.

    Raises UsageError for a question that nobody answers and that has no default, and what `check` raises for
    an answer that was given on the command line.
    """
    try:
        answers.found.clear()
        question = next(flow)
        while True:
            answer = _answer(question, answers, ask, problems or {})
            answers.found[question.id] = answer
            question = flow.send(answer)
    except StopIteration as end:
        value: T = end.value
        return value


def _answer(question: Question, answers: Answers, ask: Asker, problems: dict[str, str]) -> str:
    problem: str | None = None
    found = answers.of(question.id)
    if found is not None:
        try:
            question.refuse(found)
        except EngineError as error:
            if question.id in answers.given:
                raise
            problem = error.message  # it was remembered, and would do then
        else:
            return found
    if question.settled and question.default is not None:
        return question.default
    problem = problems.pop(question.id, problem)
    while True:
        answer = ask(question, problem)
        if answer is None:
            if question.default is None:
                raise UsageError(
                    tr('"{id}" has no answer: {text}', id=question.id, text=question.text),
                    hint=tr("give it with --set {id}=…, or run the wizard in a terminal", id=question.id),
                )
            answer = question.default
            question.refuse(answer)
            return answer  # a default is not kept: it may be another the next time
        if not answer and question.default is None:
            problem = tr(
                "an empty answer will not do here: there is no default; Ctrl-C stops, to go on later"
            )
            continue
        try:
            question.refuse(answer)
        except EngineError as error:
            problem = f"{error.message}\n  {error.hint}" if error.hint else error.message
            continue
        answers.keep(question.id, answer)
        return answer
