"""Filters and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.mapping.compiled.calls import looked_up, totalled
from engine.mapping.compiled.names import maybe
from engine.mapping.compiled.sequences import arguments, sequence
from engine.mapping.compiled.surroundings import is_digits
from engine.mapping.compiled.texts import cut, joined
from engine.mapping.compiled.trees import NO_WAY, argument
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.filters import KNOWN_FILTERS, PLAIN_FILTERS, TESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.mapping.compiled.expressions import Expressions

__all__ = ["defaulted", "filtered", "tested"]


def filtered(to: Expressions, node: Any) -> Value:
    """A value through a filter."""
    own = _FILTERS.get(node.name)
    if own is not None:
        return own(to, node)
    run = PLAIN_FILTERS.get(node.name)
    if run is None and node.name in ("first", "last", "min", "max"):
        value = sequence(to, node.node) if type(node.node).__name__ == "Filter" else to.data(node.node).name
        if type(node.node).__name__ == "Filter" and node.name == "last":
            raise Outside(NO_WAY)
        return to.put(
            f"bounded(with_sandbox({to.keep(KNOWN_FILTERS[node.name])}, {value}{arguments(to, node)}))"
        )
    if run is None:
        raise Outside(NO_WAY)
    goes_through = node.name in ("list", "sum", "sort", "unique") and type(node.node).__name__ == "Filter"
    value = sequence(to, node.node) if goes_through else to.data(node.node).name
    return to.put(f"bounded({to.keep(run)}({value}{arguments(to, node)}))")


def tested(to: Expressions, node: Any) -> Value:
    """Whether a test holds."""
    if node.name in ("defined", "undefined") and not node.args and not node.kwargs:
        value, missing = maybe(to, node.node)
        if not missing:
            return Value(to.writer.literal(node.name == "defined"), "plain")
        to.line(f"if {value.name} is MISSING: {missing}")
        sign = "is not" if node.name == "defined" else "is"
        return to.put(f"{value.name} {sign} MISSING", "plain")
    run = to.keep(TESTS[node.name])
    value = to.data(node.node)
    return to.put(f"{run}({value.name}{arguments(to, node)})")


def defaulted(to: Expressions, node: Any, *, as_text: bool = False) -> Value:
    """The filter ``default``; `as_text` for where its value stands in a text."""
    if len(node.args) > 2 or any(pair.key not in ("default_value", "boolean") for pair in node.kwargs):
        raise Outside(NO_WAY)
    given, falsy = argument(node, 0, "default_value"), argument(node, 1, "boolean")
    if falsy is not None and type(falsy).__name__ != "Const":
        raise Outside(NO_WAY)
    default = to.data(given) if given is not None else Value("''", "text")
    value, missing = maybe(to, node.node)
    also_falsy = falsy is not None and bool(falsy.value)
    if not missing and not also_falsy:
        return value
    made = to.writer.local()
    name = value.name
    make = {(True, True): "raw_text({0})", (True, False): "seen({0})", (False, True): "text({0})"}
    other = make.get((value.kind == "raw", as_text), "{0}").format(name)
    # an empty text is as good as the default '' itself
    usual = f"{name}.__class__ is str" + (f" and {name}" if also_falsy and default.name != "''" else "")
    with to.writer.block(f"if {usual}:"):
        to.line(f"{made} = {name}")
    with to.writer.block(f"elif {name}:" if also_falsy else f"elif {name} is not MISSING:"):
        to.line(f"{made} = {other}")
    with to.writer.block("else:"):
        if missing:
            to.line(f"if {name} is MISSING: {missing}")
        is_text = not as_text or default.kind == "text"
        to.line(f"{made} = {default.name}" if is_text else f"{made} = text({default.name})")
    return Value(made, "text" if as_text else "data")


def _as_decimal(to: Expressions, node: Any) -> Value:
    if node.args or node.kwargs:
        raise Outside(NO_WAY)
    value = to.data(node.node).name
    return to.put(f"Decimal({value}) if {is_digits(value)} else amount({value})", "plain")


def _as_date(to: Expressions, node: Any) -> Value:
    return _as_moment(to, node, "to_date({value}, {zone})")


def _as_datetime(to: Expressions, node: Any) -> Value:
    return _as_moment(to, node, "to_moment({value}, {zone})")


def _as_time(to: Expressions, node: Any) -> Value:
    return _as_moment(to, node, "time_of({value}, {zone})")


def _as_unix_ms(to: Expressions, node: Any) -> Value:
    if node.args or node.kwargs:
        raise Outside(NO_WAY)
    return to.put(f"to_unix_ms({to.data(node.node).name}, zone)", "plain")


def _as_moment(to: Expressions, node: Any, source: str) -> Value:
    form = argument(node, 0, "format")
    if len(node.args) + len(node.kwargs) > (form is not None):
        raise Outside(NO_WAY)
    made = to.put(source.format(value=to.data(node.node).name, zone="zone"))
    if form is None:
        return made
    shape = to.data(form).name
    return to.put(f"bounded({made.name} if {shape} is None else write_moment({made.name}, {shape}))")


_FILTERS: Final[Mapping[str, Callable[[Expressions, Any], Value]]] = {
    "cut": cut,
    "d": defaulted,
    "date": _as_date,
    "datetime": _as_datetime,
    "decimal": _as_decimal,
    "default": defaulted,
    "join": joined,
    "lookup": looked_up,
    "time": _as_time,
    "total": totalled,
    "unix_ms": _as_unix_ms,
}
