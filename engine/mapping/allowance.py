"""How much one evaluation may do: text, steps and time, so that no template can hang or flood a run."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from engine.errors import FailureClass, RecordError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["ITEMS_MOST", "STEPS_MOST", "TEXT_MOST", "Allowance", "bounded", "too_much"]

TEXT_MOST: Final = 64 * 1024
STEPS_MOST: Final = 10_000
ITEMS_MOST: Final = 10_000
MADE_MOST: Final = 16 * 1024 * 1024
"""Characters, and values eightfold, that one evaluation may build in all, kept or not."""
_BITS_MOST = 1024
_DIGITS_MOST = 100
_FEW = 100
_TEXTS = frozenset({str})
_SMALL = frozenset({bool, type(None), date, datetime, time})
_SIZED = (str, list, tuple, dict)


def too_much(message: str) -> RecordError:
    """The error for a template that goes beyond its limits."""
    return RecordError(message, failure=FailureClass.CONFIGURATION)


class Allowance:
    """What is left for one evaluation. Raises RecordError when something is used up."""

    __slots__ = ("_deadline", "_loops", "_made", "_monotonic", "_ranges", "_text")

    def __init__(self, monotonic: Callable[[], float] | None = None, deadline: float | None = None) -> None:
        self._monotonic = monotonic
        self._deadline = deadline
        self._text = self._loops = self._ranges = self._made = 0

    def renew(self) -> None:
        """Allow as much again, in what is left of the time."""
        self._text = self._loops = self._ranges = self._made = 0

    def time(self) -> None:
        """Look at the clock."""
        if self._monotonic is not None and self._deadline is not None and self._monotonic() > self._deadline:
            raise too_much(tr("the mapping takes longer than a second"))

    def text(self, length: int) -> None:
        """Use up output."""
        self._text += length
        if self._text > TEXT_MOST:
            raise too_much(tr("a template gives more than {most} KB of text", most=TEXT_MOST // 1024))

    def made(self, value: Any) -> Any:
        """The value, if it is of a size that belongs in a document; counts as built."""
        if value.__class__ is str and len(value) <= TEXT_MOST:
            self._made += len(value)
        elif value.__class__ not in _SMALL:
            bounded(value)
            if isinstance(value, _SIZED):
                self._made += len(value) * (1 if isinstance(value, str) else 8)
        if self._made > MADE_MOST:
            raise too_much(tr("a template builds more than {most} MB", most=MADE_MOST // 1024 // 1024))
        return value

    def step(self) -> None:
        """Use up one step of a loop, whatever it goes over."""
        self._loops += 1
        if self._loops > STEPS_MOST:
            raise too_much(tr("a template takes more than {most} steps", most=STEPS_MOST))
        self.time()

    def steps(self, values: Iterable[Any]) -> Iterator[Any]:
        """The values, each of which is a step."""
        for value in values:
            self.step()
            yield value

    def taken(self, values: Any) -> list[Any]:
        """A list's values, all of which are gone through."""
        if values.__class__ is not list:
            return list(self.steps(values))
        self._loops += len(values)
        if self._loops > STEPS_MOST:
            raise too_much(tr("a template takes more than {most} steps", most=STEPS_MOST))
        self.time()
        return values

    def range(self, *bounds: int) -> range:
        """Python's range, whose length is used up at once."""
        if not all(isinstance(bound, int) for bound in bounds):
            raise TypeError(tr("range takes whole numbers"))
        steps = range(*bounds)
        if steps and (abs(steps[-1] - steps[0]) // abs(steps.step)) >= STEPS_MOST:
            raise too_much(tr("a range has more than {most} steps", most=STEPS_MOST))
        self._ranges += len(steps)
        if self._ranges > STEPS_MOST:
            raise too_much(tr("the ranges of a template have more than {most} steps", most=STEPS_MOST))
        return steps


def bounded(value: Any) -> Any:
    """The value, if it is of a size that belongs in a document.

    Lists are weighed with all they hold: ``[a, a]`` of ``[b, b]`` of … doubles with every level.
    """
    if value.__class__ is list:
        _weigh(value)
    elif value.__class__ is Decimal:
        if not value.is_finite() or abs(value.adjusted()) > _DIGITS_MOST:
            raise too_much(tr("a number is too large or no number"))
    elif isinstance(value, str):
        if len(value) > TEXT_MOST:
            raise too_much(tr("a text is longer than {most} KB", most=TEXT_MOST // 1024))
    elif isinstance(value, bool):
        return value
    elif isinstance(value, int):
        if value.bit_length() > _BITS_MOST:
            raise too_much(tr("a number is too large"))
    elif isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > _DIGITS_MOST:
            raise too_much(tr("a number is too large or no number"))
    elif isinstance(value, (list, tuple, dict)):
        _weigh(value)
    return value


def _weigh(value: Any) -> None:
    if value.__class__ is list and len(value) < _FEW:
        try:
            if sum(map(len, value)) <= TEXT_MOST and _TEXTS.issuperset(map(type, value)):
                return
        except TypeError:
            pass
    left, letters, heap = ITEMS_MOST, TEXT_MOST, [value]
    while heap:
        held = heap.pop()
        parts = [*held, *held.values()] if isinstance(held, dict) else held
        for part in parts:
            left -= 1
            if isinstance(part, str):
                letters -= len(part)
            elif isinstance(part, (list, tuple, dict)):
                heap.append(part)
            if left < 0 or letters < 0:
                raise too_much(tr("a list holds more than {most} values", most=ITEMS_MOST))
