"""From Jinja's tree to Python statements that give the same value, or raise where it would not be plain.

Whatever raises here is worked out again by the interpreted form, which gives the value or the failure. So a
statement may be stricter than the template, never laxer, and may be worked out earlier than Jinja would.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from engine.mapping.allowance import TEXT_MOST
from engine.mapping.compiled.reads import Level, read_field
from engine.mapping.compiled.statements import write_statements
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.filters import KNOWN_FILTERS, PLAIN_FILTERS, TESTS
from engine.mapping.scope import ENGINE_WORDS
from engine.mapping.template_rewrite import as_expression
from engine.mapping.textmethods import TEXT_METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.mapping.compiled.reads import Place
    from engine.mapping.compiled.writer import Writer
    from engine.mapping.templates import Template

__all__ = ["Expressions", "Surroundings", "is_digits", "look_up"]

_NODES_MOST: Final = 150
_DEEPEST: Final = 20
_CUT_MOST: Final = TEXT_MOST

_OPERATORS: Final = {
    "eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in",
}  # fmt: skip

_TOO_LARGE: Final = "the template is too long or too deep"
_NO_WAY: Final = "it uses what only Jinja works out"
_NO_ROW: Final = "it reads a row that is not there"
_DOCUMENT: Final = "it goes deep into the document"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for all of a mapping: the tables' defaults, the zone, and how totals are added up."""

    table_defaults: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    """Those that are wholly known; the others are asked through ``look``."""
    params: Level
    sums: Mapping[str, str]
    """The variables of totals over amounts."""
    top: frozenset[str]
    """The document's fields that hold no rows and no groups."""
    values: Mapping[str, str]
    """Those that are worked out already, by name."""


def look_up(writer: Writer, around: Surroundings, table: str, key: str) -> str:
    """An expression for a table's value or `MISS`."""
    known = around.tables.get(table)
    if known is None:
        return f"look({writer.literal(table)}, {key})"
    return f"{writer.keep(known)}.get({key}, MISS)"


def is_digits(name: str) -> str:
    """An expression for whether a value is a text of digits with one point at most, as most amounts are."""
    plain = f"{name}.isascii() and {name}.replace('.', '', 1).isdigit()"
    return f"{name}.__class__ is str and len({name}) <= 40 and {plain}"


class Expressions:
    """Writes the templates of one place. Raises `Outside` for what is not compiled."""

    def __init__(self, writer: Writer, place: Place, around: Surroundings) -> None:
        self.writer = writer
        self.place = place
        self.around = around
        self.floats: Mapping[float, str] = {}
        self.locals: dict[str, Value] = {}
        """What the template itself sets or goes through."""
        self.loop: tuple[str, str] | None = None
        """The number of a loop's turn, and how many there are."""
        self.counter: str | None = None
        """How much was built in loops."""

    def template(self, template: Template) -> Value:
        """A template's value as a rule takes it: plain data."""
        tree = template.tree()
        _measure(tree)
        self.floats = template.floats
        labels = tuple(use.name for use in template.names if use.name not in ENGINE_WORDS)
        if labels and _branches(
            tree
        ):  # the interpreted form reads all of them, those of the other branch too
            record = self.place.levels[0]
            repeated = read_field(self.writer, record, ("_repeated",))
            self.line(f"if {repeated} and {repeated} is not MISSING: singles(record, {self.keep(labels)})")
        if not template.is_expression:
            if all(type(statement).__name__ == "Output" for statement in tree.body):
                return self.output(tree)
            return write_statements(self, template, tree)
        expression = as_expression(tree)
        assert expression is not None
        value = self.value(expression)
        if value.kind in ("text", "plain"):
            return value
        make = "unwrap(seen({0}))" if value.kind == "raw" else "unwrap({0})"
        return self.put(f"{value.name} if {value.name}.__class__ is str else {make.format(value.name)}")

    def day(self, template: Template) -> Value | None:
        """The day as text of a template that is a value with the filter ``date``; None for others."""
        tree = template.tree()
        node: Any = as_expression(tree) if template.is_expression else None
        if type(node).__name__ != "Filter" or node.name != "date" or node.args or node.kwargs:
            return None
        _measure(tree)
        if _branches(tree):
            return None
        self.floats = template.floats
        return self.put(f"day({self.data(node.node).name}, zone)", "day")

    def condition(self, template: Template) -> str:
        """A variable that is true where the condition holds."""
        return self.template(template).name

    # --- small words --------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        self.writer.line(text)

    def keep(self, value: Any) -> str:
        return self.writer.keep(value)

    def put(self, source: str, kind: str = "data") -> Value:
        """A new variable with that value."""
        made = self.writer.local()
        self.line(f"{made} = {source}")
        if self.counter is not None and kind in ("data", "text"):
            self.line(f"{self.counter} = {self.counter} + size({made})")
        return Value(made, kind)

    def value(self, node: Any) -> Value:
        """A node's value, of any kind."""
        write = _NODES.get(type(node).__name__)
        if write is None:
            raise Outside(_NO_WAY)
        return write(self, node)

    def data(self, node: Any) -> Value:
        """A node's value as templates see it; never missing."""
        value = self.value(node)
        if value.kind != "raw":
            return value
        return self.put(f"{value.name} if {value.name}.__class__ is str else seen({value.name})")

    def text(self, node: Any) -> str:
        """A node's value as it stands in a text."""
        is_default = type(node).__name__ == "Filter" and node.name in ("default", "d")
        value = self.defaulted(node, as_text=True) if is_default else self.value(node)
        if value.kind == "text":
            return value.name
        make = "raw_text" if value.kind == "raw" else "text"
        return self.put(f"{value.name} if {value.name}.__class__ is str else {make}({value.name})").name

    def scalar_text(self, node: Any) -> str:
        """A node's value as a text, which it must be able to stand as."""
        value = self.data(node)
        if value.kind == "text":
            return value.name
        return self.put(f"{value.name} if {value.name}.__class__ is str else to_text({value.name})").name

    # --- names and fields ---------------------------------------------------------------------------------

    def chain(self, node: Any) -> tuple[Level | Value | None, tuple[str, ...]] | None:
        """What a node begins with, and the fields that it goes through; None for other nodes.

        It begins with a record, a row, the params, a name of the template's own, or the document (None).
        """
        names: list[str] = []
        while type(node).__name__ != "Name":
            kind = type(node).__name__
            if kind == "Getattr":
                names.append(node.attr)
            elif kind == "Getitem" and type(node.arg).__name__ == "Const" and type(node.arg.value) is str:
                names.append(node.arg.value)
            else:
                return None
            node = node.node
        names.reverse()
        levels = self.place.levels
        own = self.locals.get(node.name)
        if own is not None:
            return (own, tuple(names)) if own.kind == "raw" or not names else None
        match node.name:
            case "record":
                return levels[0], tuple(names)
            case "params":
                return self.around.params, tuple(names)
            case "row" | "parent":
                place = len(levels) - (1 if node.name == "row" else 2)
                if place < 1:
                    raise Outside(_NO_ROW)
                return levels[place], tuple(names)
            case "document":
                return None, tuple(names)
        if node.name in ENGINE_WORDS or (node.name == "loop" and self.loop is not None):
            raise Outside(_NO_WAY)
        return levels[0], (node.name, *names)

    def fields(self, begin: Level | Value | None, names: tuple[str, ...]) -> tuple[str, str]:
        """The variables of the last field of a chain, and of what holds it."""
        if isinstance(begin, Level):
            return read_field(self.writer, begin, names), read_field(self.writer, begin, names[:-1])
        if isinstance(begin, Value):
            found = holder = begin.name
            for name in names:
                holder, literal = found, self.writer.literal(name)
                read = f"{holder}.get({literal}, MISSING) if {holder}.__class__ is dict"
                found = self.put(f"{read} else got({holder}, {literal})", "raw").name
            return found, holder
        if len(names) != 1 or names[0] not in self.around.top:
            raise Outside(_DOCUMENT)
        known = self.around.values.get(names[0])
        if known is None:  # always left out, or worked out later
            return "None", "record"
        return self.put(f"None if {known} is OUT else {known}").name, "record"

    def reached(self, node: Any) -> Value:
        """The value of a name or field."""
        if self.loop is not None and type(node).__name__ == "Getattr" and _is_loop(node.node):
            return self.turn(node.attr)
        chain = self.chain(node)
        if chain is None:
            return self.reached_otherwise(node)
        begin, names = chain
        if names:
            return Value(self.fields(begin, names)[0], "raw")
        if begin is None:
            raise Outside(_DOCUMENT)
        if isinstance(begin, Level):
            return Value(begin.root, "raw")
        if begin.kind == "set":
            self.line(f"if {begin.name} is MISSING: raise UNUSUAL")
            return Value(begin.name)
        return begin

    def turn(self, name: str) -> Value:
        """A field of ``loop``."""
        assert self.loop is not None
        number, count = self.loop
        source = {
            "index": f"{number} + 1",
            "index0": number,
            "first": f"{number} == 0",
            "last": f"{number} + 1 == {count}",
            "length": count,
            "revindex": f"{count} - {number}",
            "revindex0": f"{count} - {number} - 1",
        }.get(name)
        if source is None:
            raise Outside(_NO_WAY)
        return self.put(source, "plain")

    def reached_otherwise(self, node: Any) -> Value:
        holder = self.data(node.node)
        if type(node).__name__ == "Getattr":
            return self.put(f"attribute({holder.name}, {self.writer.literal(node.attr)})")
        if type(node.arg).__name__ == "Slice":
            piece = node.arg
            ends = [
                self.data(end).name if end is not None else "None"
                for end in (piece.start, piece.stop, piece.step)
            ]
            return self.put(f"sliced({holder.name}, {', '.join(ends)})")
        return self.put(f"item({holder.name}, {self.data(node.arg).name})")

    def maybe(self, node: Any) -> tuple[Value, str]:
        """A value as ``default`` and ``is defined`` take it, and a statement for when it is missing.

        The statement refuses what may not be missing even then; it is '' for what cannot be missing.
        """
        chain = self.chain(node) if type(node).__name__ in ("Name", "Getattr", "Getitem") else None
        if chain is not None and not chain[1] and isinstance(chain[0], Value) and chain[0].kind == "set":
            return Value(chain[0].name), "pass"
        if chain is None or not chain[1]:
            return self.data(node), ""
        found, holder = self.fields(*chain)
        names = chain[1]
        return Value(found, "raw"), f"undefined({holder}, {self.writer.literal(names[-1])})"

    # --- constants and lists ------------------------------------------------------------------------------

    def constant(self, node: Any) -> Value:
        value = node.value
        if isinstance(value, float):
            return Value(self.keep(Decimal(self.floats[value])), "plain")
        if type(value) is str:
            return Value(self.writer.literal(value), "text")
        if value is None or type(value) in (bool, int):
            return Value(self.writer.literal(value), "plain")
        raise Outside(_NO_WAY)

    def items(self, node: Any) -> str:
        """A list's or tuple's values, between brackets."""
        return "".join(f"{self.data(part).name}, " for part in node.items)

    def listed(self, node: Any) -> Value:
        return self.put(f"weighed([{self.items(node)}])")

    def tupled(self, node: Any) -> Value:
        return self.put(f"weighed(({self.items(node)}))")

    def grouped(self, node: Any) -> Value:
        pairs = [f"{self.data(pair.key).name}: {self.data(pair.value).name}" for pair in node.items]
        return self.put(f"bounded({{{', '.join(pairs)}}})")

    def sequence(self, node: Any) -> str:
        """A list that a filter goes through: also what ``select``, ``reject`` and ``map`` give."""
        kind = type(node).__name__
        if kind == "Filter" and node.name in ("select", "reject") and not node.args and not node.kwargs:
            values = self.sequence(node.node)
            return self.put(f"{node.name}(steps({values}))").name
        if kind == "Filter" and node.name in ("select", "reject") and not node.kwargs:
            run, values = self.keep(TESTS[node.args[0].value]), self.sequence(node.node)
            more = "".join(f", {self.data(part).name}" for part in node.args[1:])
            return self.put(f"tested({values}, {node.name == 'select'}, {run}{more})").name
        if kind == "Filter" and node.name == "items" and not node.args and not node.kwargs:
            return self.put(f"pairs({self.data(node.node).name})").name
        if kind == "Filter" and node.name == "map" and not node.kwargs:
            name = node.args[0].value
            if name not in PLAIN_FILTERS:
                raise Outside(_NO_WAY)
            values = self.sequence(node.node)
            more = "".join(f", {self.data(part).name}" for part in node.args[1:])
            return self.put(f"mapped({values}, {self.keep(PLAIN_FILTERS[name])}{more})").name
        value = self.data(node)
        self.line(f"if {value.name}.__class__ is not list: raise UNUSUAL")
        return value.name

    # --- operators ----------------------------------------------------------------------------------------

    def operated(self, node: Any) -> Value:
        left, right = self.data(node.left).name, self.data(node.right).name
        return self.put(f"op_{type(node).__name__}({left}, {right})")

    def signed(self, node: Any) -> Value:
        make = "minus" if type(node).__name__ == "Neg" else "plus"
        return self.put(f"{make}({self.data(node.node).name})")

    def negated(self, node: Any) -> Value:
        return self.put(f"not {self.data(node.node).name}", "plain")

    def either(self, node: Any) -> Value:
        left = self.data(node.left)
        made = self.put(left.name)
        sign = "" if type(node).__name__ == "And" else "not "
        with self.writer.block(f"if {sign}{made.name}:"):
            right = self.data(node.right)
            self.line(f"{made.name} = {right.name}")
        return Value(made.name, left.kind if left.kind == right.kind else "data")

    def chosen(self, node: Any) -> Value:
        test = self.data(node.test).name
        made = self.writer.local()
        with self.writer.block(f"if {test}:"):
            first = self.data(node.expr1)
            self.line(f"{made} = {first.name}")
        with self.writer.block("else:"):
            if node.expr2 is None:
                self.line("raise UNUSUAL")
                return Value(made, first.kind)
            second = self.data(node.expr2)
            self.line(f"{made} = {second.name}")
        return Value(made, first.kind if first.kind == second.kind else "data")

    def compared(self, node: Any) -> Value:
        source = self.data(node.expr).name
        for operand in node.ops:
            constants = _constants(operand.expr) if operand.op in ("in", "notin") else None
            right = self.keep(constants) if constants is not None else self.data(operand.expr).name
            source += f" {_OPERATORS[operand.op]} {right}"
        return self.put(source, "plain")

    def concatenated(self, node: Any) -> Value:
        return self.glued([self.text(part) for part in node.nodes])

    def output(self, tree: Any) -> Value:
        """The text of a template that is more than one expression."""
        parts = [
            self.writer.literal(part.data) if type(part).__name__ == "TemplateData" else self.text(part)
            for statement in tree.body
            for part in statement.nodes
        ]
        return self.glued(parts)

    def glued(self, parts: list[str]) -> Value:
        if not parts:
            return Value("''", "text")
        worked_out = [part for part in parts if part.isidentifier()]
        if worked_out:
            lengths = " + ".join(f"len({part})" for part in worked_out)
            fixed = sum(len(part) for part in parts if not part.isidentifier())
            # a literal is never shorter than the text it stands for
            self.line(f"if {lengths} > {max(TEXT_MOST - fixed, 0)}: raise UNUSUAL")
        if len(parts) > 4:
            return self.put(f"''.join(({', '.join(parts)}))", "text")
        return self.put(" + ".join(parts), "text")

    # --- filters, tests, calls ----------------------------------------------------------------------------

    def filtered(self, node: Any) -> Value:
        own = _FILTERS.get(node.name)
        if own is not None:
            return own(self, node)
        run = PLAIN_FILTERS.get(node.name)
        if run is None and node.name in ("first", "last", "min", "max"):
            value = (
                self.sequence(node.node)
                if type(node.node).__name__ == "Filter"
                else self.data(node.node).name
            )
            if type(node.node).__name__ == "Filter" and node.name == "last":
                raise Outside(_NO_WAY)
            return self.put(
                f"bounded(with_sandbox({self.keep(KNOWN_FILTERS[node.name])}, {value}{self.arguments(node)}))"
            )
        if run is None:
            raise Outside(_NO_WAY)
        goes_through = node.name in ("list", "sum", "sort", "unique") and type(node.node).__name__ == "Filter"
        value = self.sequence(node.node) if goes_through else self.data(node.node).name
        return self.put(f"bounded({self.keep(run)}({value}{self.arguments(node)}))")

    def arguments(self, node: Any) -> str:
        made = "".join(f", {self.data(part).name}" for part in node.args)
        if node.kwargs:
            pairs = [f"{self.writer.literal(pair.key)}: {self.data(pair.value).name}" for pair in node.kwargs]
            made += f", **{{{', '.join(pairs)}}}"
        return made

    def argument(self, node: Any, place: int, name: str) -> Any:
        """The node of an argument, or None."""
        if len(node.args) > place:
            return node.args[place]
        return next((pair.value for pair in node.kwargs if pair.key == name), None)

    def defaulted(self, node: Any, *, as_text: bool = False) -> Value:
        if len(node.args) > 2 or any(pair.key not in ("default_value", "boolean") for pair in node.kwargs):
            raise Outside(_NO_WAY)
        given, falsy = self.argument(node, 0, "default_value"), self.argument(node, 1, "boolean")
        if falsy is not None and type(falsy).__name__ != "Const":
            raise Outside(_NO_WAY)
        default = self.data(given) if given is not None else Value("''", "text")
        value, missing = self.maybe(node.node)
        also_falsy = falsy is not None and bool(falsy.value)
        if not missing and not also_falsy:
            return value
        made = self.writer.local()
        name = value.name
        make = {(True, True): "raw_text({0})", (True, False): "seen({0})", (False, True): "text({0})"}
        other = make.get((value.kind == "raw", as_text), "{0}").format(name)
        # an empty text is as good as the default '' itself
        usual = f"{name}.__class__ is str" + (f" and {name}" if also_falsy and default.name != "''" else "")
        with self.writer.block(f"if {usual}:"):
            self.line(f"{made} = {name}")
        with self.writer.block(f"elif {name}:" if also_falsy else f"elif {name} is not MISSING:"):
            self.line(f"{made} = {other}")
        with self.writer.block("else:"):
            if missing:
                self.line(f"if {name} is MISSING: {missing}")
            is_text = not as_text or default.kind == "text"
            self.line(f"{made} = {default.name}" if is_text else f"{made} = text({default.name})")
        return Value(made, "text" if as_text else "data")

    def joined(self, node: Any) -> Value:
        if len(node.args) > 1 or node.kwargs:
            raise Outside(_NO_WAY)
        separator = self.scalar_text(node.args[0]) if node.args else "''"
        source = node.node
        is_choice = type(source).__name__ == "Filter" and source.name == "select" and not source.args
        if is_choice and not source.kwargs and type(source.node).__name__ == "List":
            # what select drops weighs nothing, and join weighs the rest
            return self.joined_choice([self.data(part) for part in source.node.items], separator)
        return self.put(f"join({self.sequence(source)}, {separator})", "text")

    def joined_choice(self, values: list[Value], separator: str) -> Value:
        """``[…] | select | join``: what is empty is left out."""
        made, parts = self.writer.local(), [value.name for value in values]
        chosen = f"{made} = join_chosen(({''.join(f'{part}, ' for part in parts)}), {separator})"
        unknown = [part for part in parts if part.isidentifier()]
        odd = any(value.kind != "text" and not value.name.isidentifier() for value in values)
        if odd or separator.isidentifier() or not unknown or len(parts) > 10:
            self.line(chosen)
            return Value(made, "text")
        with self.writer.block(f"if {' and '.join(f'{part}.__class__ is str' for part in unknown)}:"):
            fixed = sum(len(part) for part in parts if part not in unknown) + len(separator) * len(parts)
            lengths = " + ".join(f"len({part})" for part in unknown)
            self.line(f"if {lengths} > {TEXT_MOST - fixed}: raise UNUSUAL")
            self.line(f"{made} = {parts[0]}")
            for part in parts[1:]:
                self.line(f"if {part}: {made} = {made} + {separator} + {part} if {made} else {part}")
        with self.writer.block("else:"):
            self.line(chosen)
        return Value(made, "text")

    def cut(self, node: Any) -> Value:
        length = node.args[0] if len(node.args) == 1 and not node.kwargs else None
        number: Any = getattr(length, "value", None) if type(length).__name__ == "Const" else None
        if type(number) is not int or not 0 <= number <= _CUT_MOST:
            raise Outside(_NO_WAY)
        return self.put(f"{self.text(node.node)}[:{number}]", "text")

    def as_decimal(self, node: Any) -> Value:
        if node.args or node.kwargs:
            raise Outside(_NO_WAY)
        value = self.data(node.node).name
        return self.put(f"Decimal({value}) if {is_digits(value)} else amount({value})", "plain")

    def as_date(self, node: Any) -> Value:
        return self.as_moment(node, "to_date({value}, {zone})")

    def as_datetime(self, node: Any) -> Value:
        return self.as_moment(node, "to_moment({value}, {zone})")

    def as_time(self, node: Any) -> Value:
        return self.as_moment(node, "time_of({value}, {zone})")

    def as_unix_ms(self, node: Any) -> Value:
        if node.args or node.kwargs:
            raise Outside(_NO_WAY)
        return self.put(f"to_unix_ms({self.data(node.node).name}, zone)", "plain")

    def as_moment(self, node: Any, source: str) -> Value:
        form = self.argument(node, 0, "format")
        if len(node.args) + len(node.kwargs) > (form is not None):
            raise Outside(_NO_WAY)
        made = self.put(source.format(value=self.data(node.node).name, zone="zone"))
        if form is None:
            return made
        shape = self.data(form).name
        return self.put(f"bounded({made.name} if {shape} is None else write_moment({made.name}, {shape}))")

    def looked_up(self, node: Any) -> Value:
        """The filter ``lookup``."""
        if len(node.args) > 2 or any(pair.key not in ("table", "default") for pair in node.kwargs):
            raise Outside(_NO_WAY)
        default = self.argument(node, 1, "default")
        return self.found(self.argument(node, 0, "table").value, node.node, default)

    def found(self, table: str, key: Any, default: Any) -> Value:
        other = self.data(default).name if default is not None else self.table_default(table)
        trimmed = f"{self.scalar_text(key)}.strip()"
        made = self.put(look_up(self.writer, self.around, table, trimmed))
        with self.writer.block(f"if {made.name} is MISS:"):
            self.line("raise UNUSUAL" if other is None else f"{made.name} = {other}")
        self.line(
            f"if {made.name}.__class__ is not str or len({made.name}) > {TEXT_MOST}: "
            f"{made.name} = bounded({made.name})"
        )
        return made

    def table_default(self, table: str) -> str | None:
        defaults = self.around.table_defaults
        return self.writer.literal(defaults[table]) if table in defaults else None

    def totalled(self, node: Any) -> Value:
        """The filter ``total``."""
        if node.args or node.kwargs:
            raise Outside(_NO_WAY)
        return self.added_up(node.node.value)

    def added_up(self, name: str) -> Value:
        total = self.around.sums.get(name)
        if total is None:
            raise Outside(_DOCUMENT)
        return Value(total, "plain")

    def tested(self, node: Any) -> Value:
        if node.name in ("defined", "undefined") and not node.args and not node.kwargs:
            value, missing = self.maybe(node.node)
            if not missing:
                return Value(self.writer.literal(node.name == "defined"), "plain")
            self.line(f"if {value.name} is MISSING: {missing}")
            sign = "is not" if node.name == "defined" else "is"
            return self.put(f"{value.name} {sign} MISSING", "plain")
        run = self.keep(TESTS[node.name])
        value = self.data(node.node)
        return self.put(f"{run}({value.name}{self.arguments(node)})")

    def called(self, node: Any) -> Value:
        target = node.node
        if type(target).__name__ == "Name":
            return self.function(target.name, node)
        if type(target).__name__ != "Getattr" or target.attr not in TEXT_METHODS:
            raise Outside(_NO_WAY)
        receiver = self.data(target.node).name
        return self.put(f"method({self.writer.literal(target.attr)}, {receiver}{self.arguments(node)})")

    def function(self, name: str, node: Any) -> Value:
        if name == "total" and len(node.args) == 1 and not node.kwargs:
            return self.added_up(node.args[0].value)
        if name == "lookup" and 2 <= len(node.args) <= 3 and not node.kwargs:
            return self.found(node.args[0].value, node.args[1], node.args[2] if len(node.args) > 2 else None)
        raise Outside(_NO_WAY)


_NODES: Final[Mapping[str, Callable[[Expressions, Any], Value]]] = {
    **dict.fromkeys(("Name", "Getattr", "Getitem"), Expressions.reached),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"), Expressions.operated),
    **dict.fromkeys(("Neg", "Pos"), Expressions.signed),
    **dict.fromkeys(("And", "Or"), Expressions.either),
    "Call": Expressions.called,
    "Compare": Expressions.compared,
    "Concat": Expressions.concatenated,
    "CondExpr": Expressions.chosen,
    "Const": Expressions.constant,
    "Dict": Expressions.grouped,
    "Filter": Expressions.filtered,
    "List": Expressions.listed,
    "Not": Expressions.negated,
    "Test": Expressions.tested,
    "Tuple": Expressions.tupled,
}

_FILTERS: Final[Mapping[str, Callable[[Expressions, Any], Value]]] = {
    "cut": Expressions.cut,
    "d": Expressions.defaulted,
    "date": Expressions.as_date,
    "datetime": Expressions.as_datetime,
    "decimal": Expressions.as_decimal,
    "default": Expressions.defaulted,
    "join": Expressions.joined,
    "lookup": Expressions.looked_up,
    "time": Expressions.as_time,
    "total": Expressions.totalled,
    "unix_ms": Expressions.as_unix_ms,
}


def _constants(node: Any) -> list[Any] | None:
    if type(node).__name__ not in ("List", "Tuple") or not node.items or len(node.items) > 50:
        return None
    values = [part.value if type(part).__name__ == "Const" else node for part in node.items]
    return values if all(type(value) in (str, int, bool) for value in values) else None


def _branches(tree: Any) -> bool:
    """Whether a part of the tree may be left out."""
    return any(type(node).__name__ in ("CondExpr", "And", "Or", "If", "For") for node in _all(tree))


def _all(node: Any) -> Any:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(found.iter_child_nodes())


def _measure(tree: Any) -> None:
    """Refuse trees that are too large: what one evaluation builds stays far below its limits then."""
    level, count = [tree], 0
    for _ in range(_DEEPEST):
        count += len(level)
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level and count <= _NODES_MOST:
            return
    raise Outside(_TOO_LARGE)


def _is_loop(node: Any) -> bool:
    return type(node).__name__ == "Name" and node.name == "loop"
