"""Paths into a record: jsonpath-ng's, with names as the forms write them.

jsonpath-ng's lexer refuses many Chinese names and any bracket inside a name, so every name is quoted here
before it parses. What the user may write is the plain grammar: names, ``['quoted names']``, ``[0]``,
``[-1]``, ``[0,2]``, ``[1:3]``, ``[*]``, ``.*``, and one ``..``. Nothing else here imports jsonpath-ng.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from jsonpath_ng.parser import parse as _parse_jsonpath

from engine.errors import FailureClass, Position, RecordError, SchemeError
from engine.language import tr
from engine.mapping.path_steps import Step, bare, plain_names, read_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MISSING", "Missing", "Path", "at_column", "is_path", "parse_path", "repeated_label", "unescape"]


class Missing:
    """The type of `MISSING`: a path found nothing. Not null: null is a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()

_BEGINNINGS = ("$.", "$[", "@.", "@[")


@dataclass(frozen=True, slots=True)
class Path:
    """One parsed path.

    `text` is as the user wrote it; `scope` is ``record`` for ``$`` and ``row`` for ``@``; `names` are the
    plain field names it begins with, up to the first index; `hint` names the true path of an alias; `plain`
    says that there is nothing but names.
    """

    text: str
    scope: Literal["record", "row"]
    names: tuple[str, ...]
    position: Position
    hint: str | None
    steps: tuple[Step, ...]
    plain: bool = False

    def find(self, root: Any) -> list[Any]:
        """All values at this path; none where it leads nowhere, and null counts as a value.

        Raises RecordError when the path names a label that the form has more than once.
        """
        found = _walk(self.names, root) if self.plain else _search(self.steps, root)
        if not found:
            self._refuse_repeated(root)
        return found

    def one(self, root: Any) -> Any:
        """The value, or `MISSING`. Raises RecordError when there are several."""
        found = self.find(root)
        if len(found) > 1:
            raise RecordError(
                tr("'{path}' finds {count} values where one is expected", path=self.text, count=len(found)),
                path=self.text,
                position=self.position,
                hint=tr("take one of them with [0], or read them as rows with each"),
            )
        return found[0] if found else MISSING

    def rows(self, root: Any) -> list[Any] | None:
        """The rows of the table at this path; None when the table's name is absent.

        A table that is null or '' has no rows; an outer table without rows has no inner ones, which is not
        the same as an absent name. Raises RecordError (form changed) where something else than a table is.
        """
        last = self.steps[-1] if self.steps else None
        steps = self.steps[:-1] if last is not None and last.kind in ("every", "indices") else self.steps
        tables = _search(steps, root)
        if not tables:
            return self._no_table(steps, root)
        rows: list[Any] = []
        for table in tables:
            if isinstance(table, list):
                rows.extend(table)
            elif table is not None and table != "":
                raise RecordError(
                    tr("'{path}' is no table", path=self.text),
                    failure=FailureClass.FORM_CHANGED,
                    path=self.text,
                    position=self.position,
                )
        return rows if last is None or last.kind != "indices" else _search(self.steps, root)

    def _no_table(self, steps: tuple[Step, ...], root: Any) -> list[Any] | None:
        first = next((index for index, step in enumerate(steps) if step.many), None)
        if first is not None and any(not outer for outer in _search(steps[:first], root)):
            return []
        self._refuse_repeated(root)
        return None

    def _refuse_repeated(self, root: Any) -> None:
        names = self.names[1:] if self.names[:1] == ("_ext",) else self.names
        if names:
            problem = repeated_label(root, names[0])
            if problem is not None:
                problem.path, problem.position = self.text, self.position
                raise problem


def is_path(text: str, position: Position | None = None) -> bool:
    """Whether a leaf is a path: exactly ``$`` or ``@``, or beginning ``$.``, ``$[``, ``@.``, ``@[``.

    Raises SchemeError for any other leading ``$`` or ``@`` that is not doubled.
    """
    if text in ("$", "@") or text.startswith(_BEGINNINGS):
        return True
    sign = text[:1]
    if sign in ("$", "@") and text[1:2] != sign:
        raise SchemeError(
            tr("a text that begins with '{sign}' is neither a path nor doubled", sign=sign),
            position=position,
            hint=tr(
                "for the text itself write '{doubled}'; a path begins with '{sign}.' or '{sign}['",
                doubled=sign + text,
                sign=sign,
            ),
        )
    return False


def unescape(text: str) -> str:
    """The constant meant by a text: a doubled leading ``$$`` or ``@@`` stands for one."""
    return text[1:] if text.startswith(("$$", "@@")) else text


def parse_path(text: str, position: Position, *, aliases: Mapping[str, str] | None = None) -> Path:
    """Parse `text`, whose first character stands at `position`.

    `aliases` maps dotted prefixes of older documents to true ones (``报销明细.项目费用明细.extend`` →
    ``extend``); a prefix that ends in a dot stands for what lies beneath it alone. Raises SchemeError, its
    column within the user's text.
    """
    if not is_path(text, position):
        raise SchemeError(
            tr("'{text}' is no path", text=text),
            position=position,
            hint=tr("a path begins with '$.' (the record) or '@.' (the row)"),
        )
    steps = read_steps(text, lambda offset: at_column(position, offset))
    hint = None
    if aliases and text[0] == "$":
        true = _unaliased(steps, aliases)
        if true is not None:
            steps = true
            hint = tr("an older name; the true path is {path}", path=_written(text[0], steps))
    try:
        _compiled(steps)
    except Exception as error:  # jsonpath-ng raises bare Exceptions of its own
        message = tr("'{text}' is no path: {reason}", text=text, reason=str(error))
        raise SchemeError(message, position=position) from error
    scope: Literal["record", "row"] = "record" if text[0] == "$" else "row"
    plain = plain_names(steps) is not None
    return Path(text, scope, _leading_names(steps), position, hint, steps, plain)


def at_column(position: Position, offset: int) -> Position:
    """The place `offset` characters further on in the same line."""
    return replace(position, column=position.column + offset)


def repeated_label(root: Any, label: str) -> RecordError | None:
    """The error for a bare use of a label that stands more than once, or None when it does not."""
    if not isinstance(root, dict) or label in root or label not in (root.get("_repeated") or ()):
        return None
    keys = ", ".join(f"record['{key}']" for key in root if str(key).startswith(f"{label}#"))
    return RecordError(
        tr("the form has '{label}' more than once, or as a word of the engine", label=label),
        failure=FailureClass.FORM_CHANGED,
        path=label,
        hint=tr("name the one you mean: {keys}", keys=keys) if keys else None,
    )


def _walk(names: tuple[str, ...], root: Any) -> list[Any]:
    """What jsonpath-ng finds by names alone, which it takes long for."""
    found = root
    for name in names:
        try:
            found = found.get(name, MISSING)
        except (TypeError, AttributeError):
            return []
        if found is MISSING:
            return []
    return [found]


def _search(steps: tuple[Step, ...], root: Any) -> list[Any]:
    return [match.value for match in _compiled(steps).find(root)]


@lru_cache(maxsize=4096)
def _compiled(steps: tuple[Step, ...]) -> Any:
    return _parse_jsonpath("$" + "".join(step.quoted for step in steps))


def _leading_names(steps: tuple[Step, ...]) -> tuple[str, ...]:
    names: list[str] = []
    for step in steps:
        if step.kind != "name":
            break
        names.append(step.names[0])
    return tuple(names)


def _unaliased(steps: tuple[Step, ...], aliases: Mapping[str, str]) -> tuple[Step, ...] | None:
    """The steps with the longest known prefix replaced; None where no alias is used."""
    names = _leading_names(steps)
    for length in range(len(names), 0, -1):
        dotted = ".".join(names[:length])
        followed = length < len(steps) and steps[length].kind == "name"
        true = aliases.get(dotted + ".") if followed else None
        if true is None:
            true = aliases.get(dotted)
        if true is not None:
            parts = [part for part in true.removeprefix("$.").split(".") if part and part != "$"]
            return (*(Step.named(part) for part in parts), *steps[length:])
    return None


def _written(sign: str, steps: tuple[Step, ...]) -> str:
    return sign + "".join(
        f".{step.names[0]}" if step.kind == "name" and bare(step.names[0]) else step.quoted for step in steps
    )
