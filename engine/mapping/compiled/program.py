"""A plan as one Python function: record in, document and payload out. Rows are loops within it.

    mapped(record, params, look, clock, deadline) -> Mapped

It raises whatever is out of the ordinary, a field that fails above all; the interpreted form then says what
comes of the record. Its source holds names of the engine's own and literals of the scheme's texts, no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.mapping.compiled.leaves import Leaves
from engine.mapping.compiled.reads import Level, Place, read_path, refuse_repeated
from engine.mapping.compiled.runtime import NAMES
from engine.mapping.compiled.surroundings import Surroundings
from engine.mapping.compiled.trees import NODES_MOST
from engine.mapping.compiled.ways import Outside, Way
from engine.mapping.compiled.writer import Writer
from engine.mapping.rules import Items, Nested, Rule, templates_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from engine.mapping.plan import BlockPlan, FieldPlan
    from engine.mapping.rules import Check, MappingSpec

__all__ = ["Program", "compile_mapping"]

_FIELDS_MOST: Final = 2000
_SHORT: Final = 8
"""Rows that are gone through without a look at the clock."""
_WRITTEN: Final = "(written := written or [])"
_LATE_WITHIN: Final = "a field within rows or a group reads the document"
_TOO_MANY: Final = "the mapping has too many fields"
_ODD: Final = "Python cannot take it in one piece"

Run = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled mapping. `run` is None where none of it is compiled; `source` is there to be looked at."""

    run: Run | None
    ways: tuple[Way, ...]
    source: str = ""


def compile_mapping(
    spec: MappingSpec,
    plans: tuple[FieldPlan, ...],
    bases: Mapping[tuple[str, ...], str],
    *,
    zone: tzinfo,
    table_defaults: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Any]],
    scope: Callable[..., Any],
    result: Callable[..., Any],
    nodes_most: int | None = None,
) -> Program:
    """Compile a mapping.

    `scope` makes the interpreted form's scope, for what is left to it; `result` takes what is made.
    """
    try:
        if sum(1 for _ in _leaves(plans)) > _FIELDS_MOST:
            raise Outside(_TOO_MANY)
        names = {"scope": scope, "zone": zone, "bases": bases, "Mapped": result}
        made = _Compiler(spec, plans, zone, table_defaults, tables, names, nodes_most)
        made.document(plans)
        made.checks(spec.checks)
        return made.program()
    except Outside as outside:
        reason = outside.reason
    except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
        reason = _ODD
    ways = [Way(name, plan.field.position, reason) for name, plan in _leaves(plans)]
    return Program(None, tuple(ways))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A field that was worked out: what is sent of it, when it is left out ('' for never), and its value.

    Groups and rows have no value of their own.
    """

    name: str
    sent: str
    absent: str
    value: str = ""


class _Compiler:
    def __init__(
        self,
        spec: MappingSpec,
        plans: tuple[FieldPlan, ...],
        zone: tzinfo,
        table_defaults: Mapping[str, Any],
        tables: Mapping[str, Mapping[str, Any]],
        names: Mapping[str, Any],
        nodes_most: int | None,
    ) -> None:
        self.writer = Writer({**NAMES, **names})
        self.writer.open("def mapped(record, params, look, clock, deadline):")
        start = self.writer.part()
        self.tail = any(plan.late for plan in _within(plans)) or any(
            plan.late and not isinstance(plan.field.entry, Rule) for plan in plans
        )
        """Whether fields within groups or rows read the document.

        It is made as the interpreted form makes it then, which fills these fields in the end.
        """
        if self.tail:
            start.line("late = []")
        self.sums = _sums(spec, plans)
        for variable in self.sums.values():
            start.line(f"{variable} = ZERO")
        start.line("written = ()")
        self.values: dict[str, str] = {}
        around = Surroundings(
            table_defaults=table_defaults,
            tables=tables,
            sums=self.sums,
            params=Level("params", True, self.writer.part()),
            top=frozenset(
                plan.name for plan in plans if isinstance(plan.field.entry, Rule) and not self.tail
            ),
            values=self.values,
            nodes_most=NODES_MOST if nodes_most is None else nodes_most,
        )
        self.leaves = Leaves(self.writer, around, zone, start)
        self.ways: list[Way] = []
        self.top = Place((Level("record", True, self.writer.part()),))

    def program(self) -> Program:
        """What was written, ready to run."""
        self.writer.line("made = blank(Mapped)")
        taken_back = ("made.payload = p", "made.bases = bases", "if written: made.written = written")
        filled = ("made.payload = wrapped(p, bases)", "made._document = p")
        for line in filled if self.tail else taken_back:
            self.writer.line(line)
        self.writer.line("return made")
        self.leaves.finish()
        names = self.writer.names
        exec(self.writer.code(), names)  # the engine's own source: see `Writer`
        return Program(names["mapped"], tuple(self.ways), self.writer.source())

    def document(self, plans: tuple[FieldPlan, ...]) -> None:
        """The document's fields; those that read the document come last and stand in their place."""
        if self.tail:
            self.group(plans, self.top, (), "p")
            self.writer.line(f"finish_late({self.writer.keep(plans)}, p, late)")
            self.leaves.document = "p"
            return
        made = self.entries([plan for plan in plans if not plan.late], self.top, ())
        for plan in (plan for plan in plans if plan.late):
            self.leaves.document = f"unwrapped({self.present(made)}, bases, written)"
            made.append(self.late(plan))
        order = {plan.name: number for number, plan in enumerate(plans)}
        made.sort(key=lambda entry: order[entry.name])
        self.write(made, "p")
        self.leaves.document = "unwrapped(p, bases, written)"

    def checks(self, checks: tuple[Check, ...]) -> None:
        """What every document must meet."""
        for number, check in enumerate(checks, 1):
            holds, reason = self.leaves.condition(check.that, self.top)
            self.ways.append(Way(f"checks[{number}]", check.position, reason))
            self.writer.line(f"if not {holds}: raise UNUSUAL")
        self.check_time()

    def check_time(self) -> None:
        self.writer.line("if clock is not None and clock() > deadline: raise UNUSUAL")

    # --- groups -------------------------------------------------------------------------------------------

    def group(
        self, plans: tuple[FieldPlan, ...], place: Place, path: tuple[str, ...], sent: str
    ) -> tuple[bool, list[_Entry]]:
        """Work out a group and put it together; whether it surely holds something, or is going to."""
        is_document = self.tail and not path  # which is there from the start
        if not is_document and not any(plan.late for plan in plans):
            made = self.entries(plans, place, path)
            return self.write(made, sent), made
        self.writer.line(f"{sent} = {{}}")
        made = self.entries(plans, place, path, sent)
        for entry in made:
            put = f"{sent}[{self.writer.literal(entry.name)}] = {entry.sent}"
            self.writer.line(f"if not ({entry.absent}): {put}" if entry.absent else put)
        return True, made

    def entries(
        self, plans: Sequence[FieldPlan], place: Place, path: tuple[str, ...], holder: str = ""
    ) -> list[_Entry]:
        """Work out a group's fields, in order; those that read the document are noted down for `holder`."""
        made: list[_Entry] = []
        for number, plan in enumerate(plans, 1):
            if number % 50 == 0:
                self.check_time()
            if plan.late:
                order, scope = self.writer.keep(plans), place.new_scope("p")
                self.writer.line(f"late.append(({holder}, {order}, {self.writer.keep(plan)}, {scope}))")
                self.ways.append(Way(".".join((*path, plan.name)), plan.field.position, _LATE_WITHIN))
                continue
            entry = self.entry(plan, place, path)
            if entry is not None:
                made.append(entry)
                if not path and entry.value:
                    self.values[plan.name] = entry.value
        return made

    def write(self, made: list[_Entry], sent: str) -> bool:
        """Put a group together; whether it surely holds something."""
        pairs = ", ".join(f"{self.writer.literal(entry.name)}: {entry.sent}" for entry in made)
        self.writer.line(f"{sent} = {{{pairs}}}")
        for entry in made:
            if entry.absent:
                self.writer.line(f"if {entry.absent}: del {sent}[{self.writer.literal(entry.name)}]")
        return any(not entry.absent for entry in made)

    def present(self, made: list[_Entry]) -> str:
        """An expression for a group as far as it is there."""
        parts = [
            f"({self.writer.literal(entry.name)}, {entry.sent}, {entry.absent or False})" for entry in made
        ]
        return f"present(({''.join(f'{part}, ' for part in parts)}))"

    def entry(self, plan: FieldPlan, place: Place, path: tuple[str, ...]) -> _Entry | None:
        """Work out a field; None where it is always left out."""
        entry = plan.field.entry
        here = (*path, plan.name)
        if isinstance(entry, Rule):
            made, certain, reason = self.leaves.field(plan, entry, place)
            self.ways.append(Way(".".join(here), plan.field.position, reason))
            if made == "OUT":
                return None
            return _Entry(plan.name, self.sent(plan, made, here), "" if certain else f"{made} is OUT", made)
        if isinstance(entry, Items):
            return self.items(plan, entry, place, here)
        sent = self.writer.local()
        if isinstance(entry, Nested):
            certain, _ = self.group(plan.fields, place, here, sent)
            if plan.base is not None and not self.tail:
                self.writer.line(f"written = [*written, {sent}]")
        else:
            certain = False
            self.array(plan, place, here, sent)
        if plan.required and not certain:
            self.writer.line(f"if not {sent}: raise UNUSUAL")
        absent = "" if certain or plan.required else f"not {sent}"
        return _Entry(plan.name, sent, absent)

    def late(self, plan: FieldPlan) -> _Entry:
        entry = plan.field.entry
        assert isinstance(entry, Rule)
        made, reason = self.leaves.late(plan, entry, self.top)
        self.ways.append(Way(plan.name, plan.field.position, reason))
        self.values[plan.name] = made
        return _Entry(plan.name, self.sent(plan, made, (plan.name,)), f"{made} is OUT", made)

    def sent(self, plan: FieldPlan, made: str, here: tuple[str, ...]) -> str:
        """What is sent of a value."""
        if self.tail or plan.kind not in (None, "base"):
            return made
        plain = f"{{{self.writer.literal(plan.base)}: {made}}}" if plan.base is not None else made
        if not made.startswith("v"):  # a literal
            return plain
        test = f"{made}.__class__ is str or {made} is OUT"
        if plan.base is None:
            test = f"{test} or {made}.__class__ in PLAIN"
        return f"{plain} if {test} else wrapped({made}, bases, {self.writer.keep(here)}, {_WRITTEN})"

    def items(self, plan: FieldPlan, entry: Items, place: Place, here: tuple[str, ...]) -> _Entry:
        made, found = self.writer.local(), list[tuple[list[str], str | None]]()
        try:
            self.writer.attempt(lambda: found.append(self.leaves.values(entry.leaves, place)))
            values, reason = found[0]
            self.writer.line(f"{made} = listed([{', '.join(values)}])")
        except Outside as outside:
            reason = outside.reason
            self.writer.line(f"{made} = read_all({self.writer.keep(entry)}, {place.kept_scope(self.writer)})")
        self.ways.append(Way(".".join(here), plan.field.position, reason))
        if self.tail:
            return _Entry(plan.name, made, f"{made} is OUT")
        sent, path = self.writer.local(), self.writer.keep(here)
        self.writer.line(f"{sent} = {made} if {made} is OUT else wrapped({made}, bases, {path}, {_WRITTEN})")
        return _Entry(plan.name, sent, f"{made} is OUT")

    # --- rows ---------------------------------------------------------------------------------------------

    def array(self, plan: FieldPlan, place: Place, here: tuple[str, ...], sent: str) -> None:
        self.writer.line(f"{sent} = []")
        for part in plan.blocks:
            if part.block.each is None:
                self.row(part, place, here, sent)
            else:
                self.block(part, place, here, sent)

    def block(self, part: BlockPlan, place: Place, here: tuple[str, ...], sent: str) -> None:
        path = part.block.each
        assert path is not None
        table = self.table(part, place.levels[0] if path.scope == "record" else place.levels[-1])
        row = self.writer.local()
        before = self.writer.part()
        long = f"timed({table}, clock, deadline)"
        with self.writer.block(f"for {row} in {table} if len({table}) <= {_SHORT} else {long}:"):
            inner = Place((*place.levels, Level(row, False, self.writer.part(), table=table, before=before)))
            if part.block.where is not None:
                holds, reason = self.leaves.condition(part.block.where, inner, guards=True)
                self.ways.append(Way(f"{'.'.join(here)} where", part.block.where.position, reason))
                self.writer.line(f"if not {holds}: continue")
            self.row(part, inner, here, sent)

    def table(self, part: BlockPlan, level: Level) -> str:
        """The variable of a table's rows."""
        path, optional = part.block.each, part.block.optional
        assert path is not None
        line = self.writer.line
        made = self.writer.local()
        found = read_path(self.writer, level, path, rows=True)
        if found is None:  # only jsonpath-ng finds it
            line(f"{made} = {self.writer.keep(path.rows)}({level.root})")
            line(f"if {made} is None: {f'{made} = ()' if optional else 'raise UNUSUAL'}")
            return made
        line(f"{made} = {found}")
        with self.writer.block(f"if {made}.__class__ is not list:"):
            with self.writer.block(f"if {made} is MISSING:"):
                refuse = refuse_repeated(self.writer, level, path)
                line((refuse or "pass") if optional else "raise UNUSUAL")
            line(f"elif {made} is not None and {made} != '': raise UNUSUAL")
            line(f"{made} = ()")
        return made

    def row(self, part: BlockPlan, place: Place, here: tuple[str, ...], sent: str) -> None:
        payload = self.writer.local()
        certain, made = self.group(part.fields, place, here, payload)
        with self.writer.block("if True:" if certain else f"if {payload}:"):
            self.writer.line(f"{sent}.append({payload})")
            for entry in made:
                total = self.sums.get(".".join((*here, entry.name)))
                if total is not None:
                    added = f"{total} += {entry.value}"
                    self.writer.line(f"if {entry.value} is not OUT: {added}" if entry.absent else added)


def _sums(spec: MappingSpec, plans: tuple[FieldPlan, ...]) -> dict[str, str]:
    """A variable for each total that is asked for and whose field is an amount wherever it is filled."""
    tables = {plan.name: plan for plan in plans if plan.blocks}
    wanted = sorted({name for template in templates_of(spec) for name in template.totals})
    made: dict[str, str] = {}
    for name in wanted:
        table, _, field = name.partition(".")
        plan = tables.get(table)
        found = [each for part in plan.blocks for each in part.fields if each.name == field] if plan else []
        if found and all(_is_amount(each) for each in found):
            made[name] = f"s{len(made)}"
    return made


def _is_amount(plan: FieldPlan) -> bool:
    return plan.kind == "decimal" and isinstance(plan.field.entry, Rule) and not plan.late


def _within(plans: tuple[FieldPlan, ...]) -> list[FieldPlan]:
    inner = [each for plan in plans for each in plan.fields]
    inner += [each for plan in plans for part in plan.blocks for each in part.fields]
    return inner + (_within(tuple(inner)) if inner else [])


def _leaves(plans: tuple[FieldPlan, ...], path: str = "") -> Any:
    for plan in plans:
        name = f"{path}{plan.name}"
        if not plan.fields and not plan.blocks:
            yield name, plan
        yield from _leaves(plan.fields, f"{name}.")
        for part in plan.blocks:
            yield from _leaves(part.fields, f"{name}.")
