"""Jinja leaves: parsed and checked once, evaluated many times within bounds.

A text that is one ``{{ expression }}`` keeps the expression's type; any other renders to text. `sandbox` says
what a template can reach, `template_check` what it may hold, `template_rewrite` how its steps are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.meta import TrackingCodeGenerator
from jinja2.utils import missing

from engine.errors import Position, RecordError, SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.mapping.allowance import Allowance
from engine.mapping.filters import FILTERS, TESTS
from engine.mapping.lookups import find_in_table
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import ALLOWANCE, SCOPE, Function, Sandbox, UnknownNameError
from engine.mapping.scope import FUNCTIONS, RecordView, names_of, unwrap
from engine.mapping.template_check import check_template
from engine.mapping.template_places import Places
from engine.mapping.template_rewrite import INNER_FILTERS, as_expression, bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2 import Template as JinjaTemplate

    from engine.mapping.scope import Scope

__all__ = [
    "FILTERS",
    "SANDBOX",
    "TESTS",
    "NameUse",
    "Template",
    "function_of",
    "is_template",
    "parse_template",
]

_RESULT: Final = "__result__"
_LONGEST: Final = 64 * 1024
SANDBOX: Final = Sandbox({**FILTERS, **INNER_FILTERS}, TESTS)

# What working out a template may raise because of the data; anything else is a defect or the look-up's own.
_FAILURES = (
    *(TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError),
    *(RecursionError, MemoryError),
)


@dataclass(frozen=True, slots=True)
class NameUse:
    """A variable that a template reads, and where it stands first."""

    name: str
    position: Position


@dataclass(frozen=True, slots=True)
class Template:
    """One parsed template.

    `names` are the variables that it reads (functions left out), `tables` those it looks up in, `totals` the
    document fields it sums; `is_expression` says that it keeps its type.
    """

    text: str
    position: Position
    names: tuple[NameUse, ...]
    tables: frozenset[str]
    totals: frozenset[str]
    is_expression: bool
    compiled: JinjaTemplate
    functions: frozenset[str]
    floats: Mapping[float, str] = field(compare=False)

    def tree(self) -> nodes.Template:
        """Jinja's tree, as it is before the bounds are built in; `floats` are its numbers with a point.

        It is shared: nobody may change it.
        """
        return _tree(self.text)

    @property
    def reads_document(self) -> bool:
        """Whether the document must be there first."""
        return (
            "total" in self.functions
            or bool(self.totals)
            or any(use.name == "document" for use in self.names)
        )

    def evaluate(self, scope: Scope) -> Any:
        """The value for what `scope` holds; of an expression any data, else a text.

        Raises RecordError, placed at this template, and whatever the scope's look-up itself raises.
        """
        try:
            return self._run(scope)
        except RecordError as error:
            if error.position is None:
                error.position = self.position
            raise
        except _FAILURES as error:
            if error is scope.passing:
                raise
            raise self._failure(error, scope) from error

    def _run(self, scope: Scope) -> Any:
        allowance = Allowance(scope.monotonic, scope.deadline)
        allowance.time()
        variables: dict[str, Any] = {ALLOWANCE: allowance, SCOPE: scope}
        for use in self.names:
            value = scope.resolve(use.name)
            if value is not MISSING:
                variables[use.name] = value
        for name in self.functions:
            variables[name] = function_of(name, scope, allowance)
        context = self.compiled.new_context(variables)
        pieces = self.compiled.root_render_func(context)
        if not self.is_expression:
            return "".join(pieces)
        for _ in pieces:
            pass
        result = context.vars[_RESULT]
        fail = (
            getattr(result, "_fail_with_undefined_error", None)
            if not isinstance(result, RecordView)
            else None
        )
        return fail() if fail is not None else unwrap(result)

    def _failure(self, error: BaseException, scope: Scope) -> RecordError:
        if isinstance(error, UnknownNameError) and error.name is not None:
            return self._unknown(error, scope)
        if isinstance(error, UndefinedError):  # Jinja's own: an if without else, the first of nothing
            reason = tr("it comes to an if without else, or to the first of none")
            return RecordError(
                tr("the template gives nothing: {reason}", reason=reason),
                path=self.text,
                position=self.position,
            )
        if isinstance(error, ZeroDivisionError):
            reason = tr("a division by zero")
        elif isinstance(error, ArithmeticError):
            reason = tr("a number is too large or no number")
        elif isinstance(error, (RecursionError, MemoryError)):
            reason = tr("it is too deep or too large")
        else:
            reason = str(error)[:200]
        return RecordError(
            tr("the template cannot be worked out: {reason}", reason=reason),
            path=self.text,
            position=self.position,
        )

    def _unknown(self, error: UnknownNameError, scope: Scope) -> RecordError:
        name = str(error.name)
        known = scope.names() if error.holder is missing else []
        if isinstance(error.holder, RecordView):
            known = names_of(error.holder)
        guess = nearest(name, known)
        place = next((use.position for use in self.names if use.name == name), self.position)
        return RecordError(
            tr("'{name}' is not there", name=name),
            path=self.text,
            position=place,
            hint=tr("did you mean '{guess}'?", guess=guess)
            if guess and guess != name
            else tr("for a field that may be missing write {example}", example=f"{name} | default('')"),
        )


def is_template(text: str) -> bool:
    """Whether a text is Jinja: it holds ``{{`` or ``{%``."""
    return "{{" in text or "{%" in text


def parse_template(text: str, position: Position) -> Template:
    """Parse, check and compile `text`, whose first character stands at `position`. Raises SchemeError."""
    if len(text) > _LONGEST:
        raise SchemeError(tr("a template is longer than {most} KB", most=_LONGEST // 1024), position=position)
    try:
        return _parse(text, position)
    except TemplateSyntaxError as error:
        place = Position(position.file, position.line + error.lineno - 1, 1) if error.lineno > 1 else position
        raise SchemeError(
            tr("the template cannot be read: {reason}", reason=error.message or ""),
            position=place,
            hint=_syntax_hint(text, error.message or ""),
        ) from error
    except (RecursionError, MemoryError, SyntaxError, TemplateError, OverflowError, ValueError) as error:
        raise SchemeError(tr("the template is too deep or too large"), position=position) from error


@lru_cache(maxsize=256)
def _tree(text: str) -> nodes.Template:
    return SANDBOX.parse(text)


def _syntax_hint(text: str, reason: str) -> str:
    opened, closed = text.count("{{"), text.count("}}")
    if opened != closed:
        return tr("'{opened}' and '{closed}' must come in pairs", opened="{{", closed="}}")
    if reason.endswith("got '='"):
        return tr("to compare, write {equal} or {unequal}", equal="==", unequal="!=")
    return tr("a name with a sign or a bracket in it is written {example}", example="record['…']")


def _parse(text: str, position: Position) -> Template:
    tree = SANDBOX.parse(text)
    places = Places(text, position, SANDBOX)
    used = check_template(tree, places)
    _check_numbers(places, position)
    read = _variables(tree)
    expression = as_expression(tree)
    if expression is not None:
        target = nodes.Name(_RESULT, "store", lineno=1)
        tree = nodes.Template([nodes.Assign(target, expression, lineno=1)], lineno=1)
    floats = {float(word.replace("_", "")): word.replace("_", "") for word in places.floats}
    tree = bound(tree, floats)
    tree.set_environment(SANDBOX)
    compiled = SANDBOX.from_string(tree)
    _check_alike(read, places)
    uses = [NameUse(name, places.of("name", name)) for name in read - FUNCTIONS]
    return Template(
        text=text,
        position=position,
        names=tuple(sorted(uses, key=lambda use: use.position)),
        tables=frozenset(used.tables),
        totals=frozenset(used.totals),
        is_expression=expression is not None,
        compiled=compiled,
        functions=frozenset(read & FUNCTIONS),
        floats=floats,
    )


def _variables(tree: nodes.Template) -> set[str]:
    """The names that the template reads and does not set itself."""
    tracker = TrackingCodeGenerator(SANDBOX)
    tracker.optimizer = None  # it would work out filters now, and change the tree
    tracker.visit(tree)
    return tracker.undeclared_identifiers


def _check_alike(names: set[str], places: Places) -> None:
    """Refuse names that Python takes for one, such as a full-width and a plain Ａ."""
    seen: dict[str, str] = {}
    for name in sorted(names):
        other = seen.setdefault(normalize("NFKC", name), name)
        if other != name:
            raise SchemeError(
                tr("'{name}' and '{other}' are too alike for one template", name=name, other=other),
                position=places.of("name", name),
                hint=tr("write one of them as {example}", example=f"record['{name}']"),
            )


def _check_numbers(places: Places, position: Position) -> None:
    for word in places.floats:
        if Decimal(word.replace("_", "")) != Decimal(repr(float(word.replace("_", "")))):
            raise SchemeError(
                tr("the number {number} has more digits than are kept", number=word),
                position=position,
                hint=tr("write it as a text: {example}", example=f"'{word}' | decimal"),
            )


def function_of(name: str, scope: Scope, allowance: Allowance) -> Function:
    """One of the engine's functions, for one evaluation."""
    if name == "range":
        return Function(allowance.range)
    if name == "total":
        return Function(scope.sum_up)
    return Function(lambda table, key, default=MISSING: find_in_table(scope, table, key, default))
