"""From a field's rule to Python statements: what `engine.mapping.fill` does, for one rule."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from engine.errors import RecordError
from engine.mapping.compiled.expressions import Expressions
from engine.mapping.compiled.reads import Place, read_path, refuse_repeated
from engine.mapping.compiled.runtime import PLAIN
from engine.mapping.compiled.sandboxed import Sandboxed
from engine.mapping.compiled.surroundings import is_digits, look_up
from engine.mapping.compiled.value import Value
from engine.mapping.compiled.ways import Outside
from engine.mapping.fill import LEFT_OUT, fill
from engine.mapping.rules import Constant, PathLeaf, Rule, TemplateLeaf
from engine.mapping.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from engine.mapping.compiled.reads import Level
    from engine.mapping.compiled.surroundings import Surroundings
    from engine.mapping.compiled.writer import Lines, Writer
    from engine.mapping.plan import FieldPlan
    from engine.mapping.rules import Leaf
    from engine.mapping.templates import Template

__all__ = ["Leaves"]

_SEARCHED: Final = "its path can find several values"


class Leaves:
    """Writes rules. What was worked out once for a record is not worked out again for each row."""

    def __init__(self, writer: Writer, around: Surroundings, zone: tzinfo, start: Lines) -> None:
        self.writer = writer
        self.around = around
        self.zone = zone
        self.start = start
        self.document = "{}"
        """An expression for the document as far as it is there."""
        self._known: dict[Any, str] = {}
        """The variables of values that depend on the record alone, by what they are worked out from."""
        self._of_rows: set[str] = set()
        """Those that are worked out only when there are rows."""
        self._done: set[tuple[str, str]] = set()
        self._sandboxed = Sandboxed(writer, around)
        self._reasons: list[str] = []
        """Why parts of the field that is written are not compiled."""
        self._known_reasons: dict[Any, list[str]] = {}

    def field(self, plan: FieldPlan, rule: Rule, place: Place) -> tuple[str, bool, str | None]:
        """Write one field; gives its variable, whether it is surely there, and why it is not compiled."""
        constant = self._constant(plan, rule)
        if constant is not None:
            return constant, constant != "OUT", None
        made = self.writer.local()
        self._reasons.clear()
        try:
            self.writer.attempt(lambda: self._once(plan, rule, place, made))
        except Outside as outside:
            self.writer.line(f"{made} = fill_now({self._plan(plan, rule)}, {place.kept_scope(self.writer)})")
            return made, False, outside.reason
        return made, self._is_certain(plan, rule), self._reason()

    def late(self, plan: FieldPlan, rule: Rule, place: Place) -> tuple[str, str | None]:
        """Write a field that reads the document."""
        made = self.writer.local()
        self._reasons.clear()
        try:
            self.writer.attempt(lambda: self._tried(plan, rule, place, made))
        except Outside as outside:
            self.writer.line(f"{made} = fill_now({self._plan(plan, rule)}, {place.new_scope(self.document)})")
            return made, outside.reason
        return made, self._reason()

    def condition(
        self, condition: Template | Constant, place: Place, *, guards: bool = False
    ) -> tuple[str, str | None]:
        """Write a condition; gives its variable, and why it is not compiled.

        `guards` says that nothing of the row is worked out where it does not hold.
        """
        if isinstance(condition, Constant):
            return self.writer.literal(bool(condition.value)), None
        self._reasons.clear()
        try:
            write = self._sandboxed.guard if guards else self._sandboxed.value
            return self._template(condition, place, write).name, self._reason()
        except Outside as outside:
            made = self.writer.local()
            scope = (
                place.new_scope(self.document) if condition.reads_document else place.kept_scope(self.writer)
            )
            self.writer.line(f"{made} = holds({self.writer.keep(condition)}, {scope})")
            return made, outside.reason

    def values(self, leaves: tuple[Leaf, ...], place: Place) -> tuple[list[str], str | None]:
        """Write plain leaves; gives their variables, and why they are not compiled. Raises Outside."""
        self._reasons.clear()
        found = [self._read(leaf, place).name for leaf in leaves]
        for name, leaf in zip(found, leaves, strict=True):
            self._refuse(name, leaf, place)
        return found, self._reason()

    def finish(self) -> None:
        """Make what the source names."""
        self._sandboxed.finish()

    def _reason(self) -> str | None:
        return self._reasons[0] if self._reasons else None

    # --- once for a record, or for each row ---------------------------------------------------------------

    def _once(self, plan: FieldPlan, rule: Rule, place: Place, made: str) -> None:
        signature = _signature(plan, rule)
        level = place.levels[1] if len(place.levels) > 1 else None
        known = self._known.get(signature) if signature is not None else None
        if signature is None or (level is None and (known is None or known in self._of_rows)):
            self._tried(plan, rule, place, made)
            if signature is not None:
                self._known[signature] = made
                self._known_reasons[signature] = [*self._reasons]
            return
        if known is None:
            known = self.writer.local()
            self._of_rows.add(known)
            self.start.line(f"{known} = NEW")
        if level is not None and known in self._of_rows:
            early = Place(place.levels[:1])
            self._before(level, known, lambda name: self._tried(plan, rule, early, name, fill="fill"))
            self._known[signature] = known
            self._known_reasons.setdefault(signature, [*self._reasons])
        self._reasons = [*self._known_reasons[signature]]
        self.writer.line(f"{made} = {known}")
        if plan.required:
            self.writer.line(f"if {made} is OUT: raise UNUSUAL")

    def _before(self, level: Level, known: str, write: Callable[[str], None]) -> None:
        """Work out a value once, before the first row that asks for it."""
        if (level.root, known) in self._done:
            return

        def work_out() -> None:
            with self.writer.block(f"if {known} is NEW and {level.table}:"):
                write(known)

        assert level.before is not None
        with self.writer.into(level.before):
            self.writer.attempt(work_out)
        self._done.add((level.root, known))

    def _tried(self, plan: FieldPlan, rule: Rule, place: Place, made: str, *, fill: str = "fill_now") -> None:
        with self.writer.block("try:"):
            if rule.when is None:
                self._filled(plan, rule, place, made)
            else:
                holds = (
                    self.writer.literal(bool(rule.when.value))
                    if isinstance(rule.when, Constant)
                    else self._template(rule.when, place, self._sandboxed.value).name
                )
                with self.writer.block(f"if {holds}:"):
                    self._filled(plan, rule, place, made)
                with self.writer.block("else:"):
                    self.writer.line(f"{made} = OUT")
            if plan.late:
                self.writer.line(f"if {made} is not OUT and {made}.__class__ not in PLAIN: raise UNUSUAL")
        with self.writer.block("except Exception:"):
            document = self.document if plan.late else "{}"
            self.writer.line(f"{made} = {fill}({self._plan(plan, rule)}, {place.new_scope(document)})")

    def _plan(self, plan: FieldPlan, rule: Rule) -> str:
        return f"{self.writer.keep(plan)}, {self.writer.keep(rule)}"

    # --- the steps of a rule ------------------------------------------------------------------------------

    def _filled(self, plan: FieldPlan, rule: Rule, place: Place, made: str) -> None:
        line = self.writer.line
        value = self._first(plan, rule, place)
        line(f"{made} = {value.name}")
        if value.kind == "day":
            return
        if rule.lookup is not None:
            self._looked_up(plan, rule, place, made, value)
        else:
            self._typed(plan, rule, place, made, value, rule.leaf)
            if rule.default is not None or plan.required:
                with self.writer.block(f"if {made} is OUT:"):
                    self._nothing(plan, rule, place, made)
        if plan.required and (rule.default is not None or rule.lookup is not None):
            line(f"if {made} is OUT: raise UNUSUAL")
        if rule.max_length is not None:
            fits = f"fits({made}, {self.writer.literal(rule.max_length)})"
            line(fits if self._is_certain(plan, rule) else f"if {made} is not OUT: {fits}")

    def _first(self, plan: FieldPlan, rule: Rule, place: Place) -> Value:
        """The leaf's value; a day that ends as a text is one from the start."""
        plain = rule.format is None and rule.lookup is None and rule.max_length is None
        if plain and isinstance(rule.leaf, TemplateLeaf) and plan.kind in (None, "string", "date"):
            value = self._day(rule.leaf.template, place)
            if value is not None:
                return value
        return self._read(rule.leaf, place, rule.when if not isinstance(rule.when, Constant) else None)

    def _read(self, leaf: Leaf, place: Place, when: Template | None = None) -> Value:
        if isinstance(leaf, Constant):
            return Value(self.writer.literal(leaf.value), "text" if type(leaf.value) is str else "data")
        if isinstance(leaf, TemplateLeaf):
            return self._template(
                leaf.template, place, lambda template, place: self._sandboxed.value(template, place, when)
            )
        level = _level(leaf, place)
        found = read_path(self.writer, level, leaf.path)
        if found is None:
            self._reasons.append(_SEARCHED)
            found = self.writer.local()
            self.writer.line(f"{found} = one({self.writer.keep(leaf.path)}, {level.root})")
        return Value(found, "raw")

    def _template(
        self, template: Template, place: Place, otherwise: Callable[[Template, Place], Value]
    ) -> Value:
        """A template's value, compiled or as `otherwise` writes it. Raises Outside."""
        found: list[Value] = []
        try:
            self.writer.attempt(
                lambda: found.append(Expressions(self.writer, place, self.around).template(template))
            )
        except Outside as outside:
            try:
                found.append(otherwise(template, place))
            except Outside:
                raise outside from None
            self._reasons.append(outside.reason)
        return found[0]

    def _seldom(self, template: Template, place: Place, rule: Rule) -> Value:
        """A default that is not compiled: beside the leaf's template, else by itself."""
        leaf = rule.leaf.template if isinstance(rule.leaf, TemplateLeaf) else None
        beside = rule.lookup is None and leaf is not None and leaf.is_expression and self._reasons
        if not beside or leaf is None or leaf.reads_document or template.reads_document:
            return self._sandboxed.alone(template, place)
        when = rule.when if not isinstance(rule.when, Constant) else None
        return self._sandboxed.value(template, place, when, leaf)

    def _day(self, template: Template, place: Place) -> Value | None:
        found: list[Value | None] = []
        try:
            self.writer.attempt(
                lambda: found.append(Expressions(self.writer, place, self.around).day(template))
            )
        except Outside:
            return None
        return found[0]

    def _typed(
        self, plan: FieldPlan, rule: Rule, place: Place, made: str, value: Value, leaf: Leaf | None
    ) -> None:
        """From a value to what stands in the document: of the field's type, or `OUT` for nothing."""
        usual, otherwise = _way(plan, rule, made)
        if value.kind == "text" and plan.kind in (None, "string", "base") and usual:
            if plan.kind == "base" or leaf is None or not _is_full(leaf):
                for each in usual:
                    self.writer.line(each)
            return
        if not usual:
            self._refuse(made, leaf, place)
            self.writer.line(f"{made} = {otherwise}")
            return
        with self.writer.block(
            f"if {is_digits(made) if plan.kind == 'decimal' else f'{made}.__class__ is str'}:"
        ):
            for each in usual:
                self.writer.line(each)
        with self.writer.block("else:"):
            self._refuse(made, leaf, place)
            self.writer.line(f"{made} = {otherwise}")

    def _refuse(self, made: str, leaf: Leaf | None, place: Place) -> None:
        """A label that stands more than once is no missing one."""
        if isinstance(leaf, PathLeaf):
            refuse = refuse_repeated(self.writer, _level(leaf, place), leaf.path)
            if refuse is not None:
                self.writer.line(f"if {made} is MISSING: {refuse}")

    def _looked_up(self, plan: FieldPlan, rule: Rule, place: Place, made: str, value: Value) -> None:
        assert rule.lookup is not None
        line = self.writer.line
        if value.kind == "text":
            line(f"{made} = {made}.strip()")
        else:
            with self.writer.block(f"if {made}.__class__ is str:"):
                line(f"{made} = {made}.strip()")
            with self.writer.block("else:"):
                self._refuse(made, rule.leaf, place)
                line(f"{made} = key({made})")
        with self.writer.block(f"if {made}:"):
            line(f"{made} = {look_up(self.writer, self.around, rule.lookup, made)}")
            with self.writer.block(f"if {made} is MISS:"):
                if rule.default is not None:
                    self._default(plan, rule, place, made)
                elif rule.lookup in self.around.table_defaults:
                    self._constant_as(plan, rule, place, made, self.around.table_defaults[rule.lookup])
                else:
                    line("raise UNUSUAL")
            with self.writer.block("else:"):
                self._typed(plan, rule, place, made, Value(made), None)
        with self.writer.block("else:"):
            self._nothing(plan, rule, place, made)

    def _nothing(self, plan: FieldPlan, rule: Rule, place: Place, made: str) -> None:
        """What stands for a value that is left out."""
        if rule.default is not None:
            self._default(plan, rule, place, made)
        else:
            self.writer.line("raise UNUSUAL" if plan.required else f"{made} = OUT")

    def _default(self, plan: FieldPlan, rule: Rule, place: Place, made: str) -> None:
        assert rule.default is not None
        if isinstance(rule.default, Constant):
            self._constant_as(plan, rule, place, made, rule.default.value)
            return
        if isinstance(rule.default, TemplateLeaf):
            value = self._template(
                rule.default.template, place, lambda template, place: self._seldom(template, place, rule)
            )
        else:
            value = self._read(rule.default, place)
        self.writer.line(f"{made} = {value.name}")
        self._typed(plan, rule, place, made, value, rule.default)

    def _constant_as(self, plan: FieldPlan, rule: Rule, place: Place, made: str, value: Any) -> None:
        """A constant, of the field's type."""
        bare = replace(
            rule, leaf=Constant(value, rule.position), default=None, lookup=None, when=None, max_length=None
        )
        constant = self._constant(replace(plan, required=False), bare)
        self.writer.line("raise UNUSUAL" if constant is None else f"{made} = {constant}")

    # --- what is known beforehand -------------------------------------------------------------------------

    def _constant(self, plan: FieldPlan, rule: Rule) -> str | None:
        if not isinstance(rule.leaf, Constant) or rule.lookup is not None or rule.when is not None:
            return None
        if rule.default is not None and not isinstance(rule.default, Constant):
            return None
        with suppress(RecordError, ArithmeticError):
            value = fill(plan, rule, Scope({}, zone=self.zone))
            if value is LEFT_OUT:
                return "OUT"
            if type(value) in PLAIN:
                return self.writer.literal(value)
        return None

    def _is_certain(self, plan: FieldPlan, rule: Rule) -> bool:
        """Whether the field is always there, or the record fails."""
        if rule.when is not None:
            return False
        if plan.required:
            return True
        if rule.lookup is not None:
            return False  # a table may have an empty text
        return _is_full(rule.leaf) or (rule.default is not None and _is_full(rule.default))


def _is_full(leaf: Leaf) -> bool:
    """Whether a leaf always gives something."""
    if isinstance(leaf, Constant):
        return type(leaf.value) in (int, bool) or (type(leaf.value) is str and bool(leaf.value.strip()))
    if not isinstance(leaf, TemplateLeaf) or leaf.template.is_expression:
        return False
    begins = leaf.template.text.partition("{")[0]
    return bool(begins.strip())


def _signature(plan: FieldPlan, rule: Rule) -> Any:
    """What a rule's value is worked out from, where that is the record and the params alone; else None."""
    parts: list[Any] = []
    for leaf in (rule.leaf, rule.default):
        if isinstance(leaf, PathLeaf):
            if leaf.path.scope != "record":
                return None
            parts.append(leaf.path.steps)
        elif isinstance(leaf, TemplateLeaf):
            if _reads_rows(leaf.template):
                return None
            parts.append(leaf.template.text)
        else:
            parts.append(leaf and (type(leaf.value).__name__, repr(leaf.value)))
    if isinstance(rule.when, Constant):
        parts.append(bool(rule.when.value))
    elif rule.when is not None:
        if _reads_rows(rule.when):
            return None
        parts.append(rule.when.text)
    else:
        parts.append(None)
    return (*parts, rule.lookup, rule.type, rule.format, rule.max_length, plan.kind)


def _reads_rows(template: Template) -> bool:
    return template.reads_document or any(use.name in ("row", "parent") for use in template.names)


def _level(leaf: PathLeaf, place: Place) -> Level:
    return place.levels[0] if leaf.path.scope == "record" else place.levels[-1]


def _way(plan: FieldPlan, rule: Rule, made: str) -> tuple[tuple[str, ...], str]:
    """How a value becomes one of the field's type: statements for usual texts, an expression for all else.

    Some types have no short way. The types are the engine's own words.
    """
    if plan.kind in (None, "string"):
        return (f"if not {made} or {made}.isspace(): {made} = OUT",), f"{plan.kind or 'loose'}({made})"
    if plan.kind == "base" and rule.type in (None, "string"):
        return (f"{made} = {made}.strip()", f"if not {made}: {made} = OUT"), f"code({made}, None, None, zone)"
    if plan.kind == "decimal" and rule.format is None:
        return (f"{made} = Decimal({made})",), f"amount_or_out({made})"
    if plan.kind == "date" and rule.format is None:
        return (), f"day_or_out({made}, zone)"
    kind = rule.type if plan.kind == "base" else plan.kind
    make = "code" if plan.kind == "base" else "typed"
    return (), f"{make}({made}, {kind!a}, {rule.format!a}, zone)"
