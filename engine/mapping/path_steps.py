"""Read a path's text into steps, with names as the forms write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from engine.errors import SchemeError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.errors import Position

__all__ = ["Step", "bare", "plain_names", "read_steps"]

StepKind = Literal["name", "names", "index", "indices", "every", "descent"]

_LONGEST = 2000
_PLAIN = re.compile(
    r"\[\s*(?:(?P<every>\*)|(?P<index>-?\d{1,9})"
    r"|(?P<indices>-?\d{1,9}(?:\s*,\s*-?\d{1,9})+|(?:-?\d{1,9})?\s*:\s*(?:-?\d{1,9})?))\s*\]"
)
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path; `quoted` is how jsonpath-ng reads it, `names` the fields of a step by name."""

    kind: StepKind
    quoted: str
    names: tuple[str, ...] = ()

    @property
    def many(self) -> bool:
        """Whether the step can lead to several values."""
        return self.kind not in ("name", "index")

    @classmethod
    def named(cls, *names: str) -> Step:
        """The step to one field, or to several at once."""
        inner = ",".join("'" + re.sub(r"(['\\])", r"\\\1", name) + "'" for name in names)
        return cls("name" if len(names) == 1 else "names", f"[{inner}]", names)


def bare(name: str) -> bool:
    """Whether a name can stand without quotes after a dot."""
    return bool(name) and name != "*" and not any(sign in name for sign in ".[]{}") and name == name.strip()


def plain_names(steps: tuple[Step, ...]) -> tuple[str, ...] | None:
    """The fields that steps go through one by one; None for steps that only jsonpath-ng can follow."""
    if any(step.kind != "name" or any(sign in step.names[0] for sign in "'\"\\*") for step in steps):
        return None
    return tuple(step.names[0] for step in steps)


def read_steps(text: str, place: Callable[[int], Position]) -> tuple[Step, ...]:
    """The steps after the leading ``$`` or ``@``. `place` gives the position of a character of `text`.

    Raises SchemeError at the character that does not fit.
    """
    return _Reader(text, place).steps()


class _Reader:
    def __init__(self, text: str, place: Callable[[int], Position]) -> None:
        self.text = text
        self.place = place
        self.at = 1

    def steps(self) -> tuple[Step, ...]:
        if len(self.text) > _LONGEST:
            raise self.error(tr("a path is longer than {most} characters", most=_LONGEST), 0)
        if "{{" in self.text or "{%" in self.text:
            at = min(index for sign in ("{{", "{%") if (index := self.text.find(sign)) >= 0)
            hint = tr("write the whole text as a template, with the field's name in it")
            raise self.error(tr("a path cannot hold a template"), at, hint)
        steps: list[Step] = []
        while self.at < len(self.text):
            steps.extend(self.dotted() if self.text[self.at] == "." else [self.bracket()])
        if sum(step.kind == "descent" for step in steps) > 1:
            raise self.error(tr("a path can hold '..' once"), self.text.rfind(".."))
        return tuple(steps)

    def dotted(self) -> list[Step]:
        descent = self.text.startswith("..", self.at)
        self.at += 2 if descent else 1
        bracketed = descent and self.text[self.at : self.at + 1] == "["
        step = self.bracket() if bracketed else self.name()
        if not descent:
            return [step]
        # jsonpath-ng joins `..` with what follows, so the two are one step for it
        return [Step("descent", ".." + step.quoted.removeprefix("."))]

    def name(self) -> Step:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ".[":
            if self.text[self.at] == "]":
                raise self.error(tr("a ']' without its '['"), self.at, self.quoting(start))
            self.at += 1
        name = self.text[start : self.at]
        if not name:
            hint = tr("a name with a dot or a bracket needs ['…']")
            raise self.error(tr("a name is missing after the dot"), start, hint)
        return Step("every", ".*") if name == "*" else Step.named(name)

    def bracket(self) -> Step:
        start = self.at
        if self.text[start] != "[":
            raise self.error(tr("'.' or '[' must follow here"), start)
        plain = _PLAIN.match(self.text, start)
        if plain is not None:
            self.at = plain.end()
            kind = cast("StepKind", plain.lastgroup)
            return Step(kind, f"[{''.join(plain[kind].split())}]")
        return self.quoted_names(start)

    def quoted_names(self, start: int) -> Step:
        names: list[str] = []
        at = start + 1
        while match := _QUOTED.match(self.text, at):
            raw = match.group(1) if match.group(1) is not None else match.group(2)
            names.append(re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL))
            at = match.end()
            if self.text[at : at + 1] != ",":
                break
            at += 1
        if not names or self.text[at : at + 1] != "]":
            raise self.bracket_problem(start, at)
        self.at = at + 1
        return Step.named(*names)

    def bracket_problem(self, start: int, at: int) -> SchemeError:
        rest = self.text[start + 1 :]
        if rest.lstrip().startswith("?"):
            hint = tr("choose rows with where: beside each:")
            return self.error(tr("a path knows no filters"), start, hint)
        if "]" not in rest:
            return self.error(tr("the '[' is never closed"), start)
        if rest.lstrip()[:1] in ("'", '"'):
            return self.error(tr("the quoted name is not closed as it should be"), at)
        inner = rest[: rest.index("]")]
        hint = tr("a name in brackets needs quotes: ['{inner}']", inner=inner)
        return self.error(tr("'{inner}' is no index", inner=inner), start + 1, hint)

    def quoting(self, start: int) -> str:
        return tr("a name with a bracket needs quotes: ['{name}']", name=self.text[start:].partition(".")[0])

    def error(self, message: str, offset: int, hint: str | None = None) -> SchemeError:
        return SchemeError(message, position=self.place(offset), hint=hint)
