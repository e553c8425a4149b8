"""Jinja's immutable sandbox, closed further: fields for attributes, few methods, bounded operators."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jinja2 import StrictUndefined, UndefinedError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from engine.language import tr
from engine.mapping.allowance import TEXT_MOST, Allowance, too_much
from engine.mapping.jsonout import json_text
from engine.mapping.paths import MISSING
from engine.mapping.scope import RecordView, field_of
from engine.mapping.textmethods import TEXT_METHODS, TextMethod
from engine.mapping.values import to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2.runtime import Context

    from engine.mapping.scope import Scope

__all__ = [
    "ALLOWANCE",
    "BINARY",
    "SCOPE",
    "Function",
    "Sandbox",
    "UnknownNameError",
    "allowance_of",
    "number",
    "scope_of",
    "text_of",
]

ALLOWANCE: Final = " allowance"
"""Where the evaluation's allowance stands among the variables: no template can write a name with a blank."""

SCOPE: Final = " scope"

_EXPONENT_MOST = 100
_LOOP_FIELDS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth"}
)


class UnknownNameError(UndefinedError):
    """A template uses what is not there: a variable (`holder` is `missing`), or a field of `holder`."""

    def __init__(self, message: str, name: Any, holder: Any) -> None:
        super().__init__(message)
        self.name = name
        self.holder = holder


class _Undefined(StrictUndefined):
    """What is not there; any use of it but ``is defined`` and ``default`` raises UnknownNameError."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = None
    ) -> None:
        def fail(message: str) -> UndefinedError:
            if hint is None and obj is not missing:
                message = tr("there is no '{name}' here", name=str(name)[:60])
            return UnknownNameError(hint or message, name, obj)

        super().__init__(hint, missing, name, fail if exc is None else exc)  # type: ignore[arg-type]


class Function:
    """One of the engine's own functions, for one evaluation."""

    __slots__ = ("_run",)

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(*args, **kwargs)

    def __repr__(self) -> str:
        return "<function>"


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of all templates. What it is given as filters and tests is all that they know."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(
        self, filters: Mapping[str, Callable[..., Any]], tests: Mapping[str, Callable[..., Any]]
    ) -> None:
        super().__init__(
            undefined=_Undefined,
            autoescape=False,
            keep_trailing_newline=True,
            optimized=False,  # nothing is worked out while parsing: limits hold for an evaluation
            finalize=_finalize,
        )
        self.filters = dict(filters)
        self.tests = dict(tests)
        self.globals = {}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field; a method's name of a text; nothing else, whatever Python's object has."""
        if obj.__class__ is RecordView:
            return self.getitem(obj, attribute)
        if isinstance(obj, str):
            return TextMethod(obj, attribute) if attribute in TEXT_METHODS else self._nothing(obj, attribute)
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in _LOOP_FIELDS else self._nothing(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A field by name, or an element by number."""
        if obj.__class__ is RecordView:
            value = field_of(obj, argument)
            return self._nothing(obj, argument) if value is MISSING else value
        if isinstance(obj, (dict, list, tuple, str, range)):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()
        return self._nothing(obj, argument)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call the engine's own functions and a text's listed methods; nothing else is callable."""
        kwargs.pop("_loop_vars", None)  # Jinja's own, for callables that take the context
        kwargs.pop("_block_vars", None)
        if not isinstance(__obj, (Function, TextMethod)):
            raise SecurityError(tr("this cannot be called"))
        allowance = allowance_of(__context)
        allowance.time()
        return allowance.made(__obj(*args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Operators between numbers, and ``+`` between texts or lists, with bounded results."""
        allowance = allowance_of(context)
        allowance.time()
        return allowance.made(BINARY[operator](left, right))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        found = number(arg, operator)
        return -found if operator == "-" else found

    def _nothing(self, holder: Any, name: Any) -> Any:
        return _Undefined(None, holder, name)


def allowance_of(context: Context) -> Allowance:
    """The allowance of the evaluation that is under way."""
    found: Allowance = context.parent[ALLOWANCE]
    return found


def scope_of(context: Context) -> Scope:
    """The scope of the evaluation that is under way."""
    found: Scope = context.parent[SCOPE]
    return found


def text_of(value: Any, allowance: Allowance) -> str:
    """A value as it stands in a text; counts as output."""
    if value.__class__ is str:
        allowance.text(len(value))
        return value
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    text = json_text(value) if isinstance(value, (RecordView, list, tuple, dict)) else to_text(value)
    allowance.text(len(text))
    return text


@pass_context
def _finalize(context: Context, value: Any) -> str:
    return text_of(value, allowance_of(context))


def number(value: Any, sign: str) -> int | Decimal:
    """The operand of an operator, which must be a number."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return value
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if isinstance(value, str):
        raise TypeError(tr("'{sign}' works with numbers; a text becomes one with | decimal", sign=sign))
    raise TypeError(tr("'{sign}' works with numbers only", sign=sign))


def _arithmetic(sign: str, run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def work(left: Any, right: Any) -> Any:
        return run(number(left, sign), number(right, sign))

    return work


def _plus(left: Any, right: Any) -> Any:
    for kind in (str, list, tuple):
        if isinstance(left, kind) and isinstance(right, kind):
            return left + right  # type: ignore[operator]
    if isinstance(left, str) or isinstance(right, str):
        for side in (left, right):
            if isinstance(side, Undefined):
                side._fail_with_undefined_error()
        raise TypeError(tr("'+' adds numbers; texts are joined with ~"))
    return number(left, "+") + number(right, "+")


def _times(left: Any, right: Any) -> Any:
    text, count = (right, left) if isinstance(right, str) else (left, right)
    if isinstance(text, str) and isinstance(count, int):
        if len(text) * count > TEXT_MOST:
            raise too_much(tr("a text is longer than {most} KB", most=TEXT_MOST // 1024))
        return text * count
    return number(left, "*") * number(right, "*")


def _power(base: int | Decimal, exponent: int | Decimal) -> Decimal | int:
    if not -_EXPONENT_MOST <= exponent <= _EXPONENT_MOST or exponent != int(exponent):
        raise too_much(tr("'**' takes whole exponents up to {most}", most=_EXPONENT_MOST))
    return base ** int(exponent) if exponent >= 0 else Decimal(base) ** int(exponent)


BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": _plus,
    "*": _times,
    "-": _arithmetic("-", operator.sub),
    "/": _arithmetic("/", lambda left, right: Decimal(left) / right),  # never a float
    "//": _arithmetic("//", operator.floordiv),
    "%": _arithmetic("%", operator.mod),  # a text's % would build what its width asks for
    "**": _arithmetic("**", _power),
}
"""The operators of templates; what they give is not bounded yet."""
