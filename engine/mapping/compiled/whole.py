"""Run a tree that gives the values of one object at once, or of one row after the other."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NoReturn

from jinja2 import nodes
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.nodes import EvalContext
from jinja2.utils import missing

from engine.mapping.allowance import Allowance
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import ALLOWANCE, SCOPE, Sandbox
from engine.mapping.scope import ENGINE_WORDS, LookupFn, RecordView, Scope, field_of, unwrap, wrap
from engine.mapping.template_rewrite import INNER_FILTERS
from engine.mapping.template_shortcuts import FIELD, SHORT_FILTERS, TOTALS
from engine.mapping.templates import FILTERS, TESTS, function_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo

    from jinja2.compiler import Frame

    from engine.mapping.templates import Template

__all__ = ["ROWS", "Begun", "for_record", "for_rows", "nothing_for_record", "nothing_for_rows"]

_LONGEST_CHAIN: Final = 3
_GROUPS: Final = frozenset({"record", "row", "parent", "params"})
ROWS: Final = "__rows__"
"""What the tree of rows goes through."""
Values = list[Any]
_PLAIN: Final = frozenset({str, int, bool, type(None), Decimal, date})


class _Writing(NativeCodeGenerator):
    """Jinja's own code, which hands out values instead of their texts, and reads texts without a call."""

    def _output_child_to_const(self, *_: Any) -> NoReturn:
        raise nodes.Impossible

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 - Jinja's naming
        self._reading(node, frame, lambda: super(_Writing, self).visit_Getitem(node, frame))

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        self._reading(node, frame, lambda: super(_Writing, self).visit_Getattr(node, frame))

    def visit_AssignBlock(self, node: nodes.AssignBlock, frame: Frame) -> None:  # noqa: N802
        """The text of a template that has statements: nothing is escaped, and nobody else asks for it."""
        ours = isinstance(node.target, nodes.Name) and node.target.name.startswith("__")
        if node.filter is not None or not ours:
            super().visit_AssignBlock(node, frame)
            return
        inner = frame.inner()
        inner.require_output_check = False
        inner.symbols.analyze_node(node)
        self.enter_frame(inner)
        self.buffer(inner)
        self.blockvisit(node.body, inner)
        self.newline(node)
        self.visit(node.target, frame)
        self.write(f" = concat({inner.buffer})")
        self.leave_frame(inner)

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:  # noqa: N802
        def write() -> None:
            super(_Writing, self).visit_Filter(node, frame)

        also = node.args[2] if node.name == FIELD and len(node.args) > 2 else nodes.Const(False)
        if node.name != FIELD or node.node is None or not isinstance(also, nodes.Const):
            write()
        else:
            read = nodes.Getitem(node.node, node.args[0], "load")
            self._reading(read, frame, write, full=bool(also.value))

    def _reading(
        self, node: nodes.Expr, frame: Frame, otherwise: Callable[[], None], *, full: bool = False
    ) -> None:
        """A field of what is surely a group, where it is a text; `full` asks for one with letters."""
        chain = _chain(node)
        if chain is None:
            otherwise()
            return
        group, *names = chain
        held, tests = f"{frame.symbols.ref(group)}._fields", list[str]()
        for name in names[:-1]:
            tests.append(f"(_held := {held}.get({name!r})).__class__ is dict")
            held = "_held"
        tests.append(f"(_text := {held}.get({names[-1]!r})).__class__ is str")
        tests += ["_text"] if full else []
        self.write(f"(_text if {' and '.join(tests)} else ")
        otherwise()
        self.write(")")


def _chain(node: Any) -> list[str] | None:
    """The group that fields are read from one by one, and their names; None for what else a node may be."""
    names: list[str] = []
    while isinstance(node, (nodes.Getitem, nodes.Getattr)) and len(names) < _LONGEST_CHAIN:
        if isinstance(node, nodes.Getattr):
            names.insert(0, node.attr)
        elif isinstance(node.arg, nodes.Const) and type(node.arg.value) is str:
            names.insert(0, node.arg.value)
        else:
            return None
        node = node.node
    known = isinstance(node, nodes.Name) and node.name in _GROUPS
    return [node.name, *names] if known and names else None


class _Whole(Sandbox):
    """The sandbox, for trees whose texts are made by filters."""

    code_generator_class = _Writing

    def __init__(self) -> None:
        super().__init__({**FILTERS, **INNER_FILTERS, **SHORT_FILTERS}, TESTS)
        self.finalize = None


_WHOLE: Final = _Whole()


class _Names(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return missing


class _Context:
    """What Jinja's code asks of a context, and no more."""

    __slots__ = ("parent", "resolve_or_missing", "vars")

    environment = _WHOLE
    eval_ctx = EvalContext(_WHOLE, None)

    def __init__(self, names: _Names) -> None:
        self.parent = names
        self.resolve_or_missing = names.__getitem__
        self.vars: dict[str, Any] = {}


class Begun(Scope):
    """What all templates of a record share; they are worked out one after the other."""

    __slots__ = ("allowance", "context", "seen")

    def __init__(
        self,
        record: Mapping[str, Any],
        params: Mapping[str, Any],
        tables: LookupFn | None,
        zone: tzinfo,
        table_defaults: Mapping[str, Any],
        monotonic: Callable[[], float] | None,
        deadline: float | None,
    ) -> None:
        self.record, self.params, self.tables, self.zone = record, params, tables, zone
        self.table_defaults, self.total, self.passing = table_defaults, None, None
        self.allowance = Allowance(monotonic, deadline)
        self.seen = _Names({ALLOWANCE: self.allowance, SCOPE: self, "record": RecordView(record)})
        self.seen["params"] = RecordView(params)
        self.context: Any = _Context(self.seen)


class _Prepared:
    """A tree as Jinja's code, and the names that it needs."""

    def __init__(self, tree: nodes.Template, templates: Sequence[Template]) -> None:
        used = {use.name for template in templates for use in template.names}
        read = {node.name for node in tree.find_all(nodes.Name)}
        self.fields = tuple(sorted(used - ENGINE_WORDS))
        self.as_names = tuple(name for name in self.fields if name in read)
        self.of_parent = "parent" in used
        functions = {name for template in templates for name in template.functions}
        self.functions = tuple(sorted(functions & read))
        for node in tree.find_all(nodes.Node):
            node.lineno = node.lineno or 1
        tree.lineno = 1
        tree.set_environment(_WHOLE)
        self.render: Any = _WHOLE.from_string(tree).root_render_func

    def begin(self, begun: Begun) -> None:
        """Give the tree its names. Raises RecordError."""
        names = begun.seen
        for name in self.fields if begun.record.get("_repeated") else self.as_names:
            value = field_of(names["record"], name)
            if value is not MISSING:
                names[name] = value
        for name in self.functions:
            names[name] = function_of(name, begun, begun.allowance)


def for_record(tree: nodes.Template, templates: Sequence[Template]) -> Callable[..., Values]:
    """A function of what has begun, and of the document's totals, that gives the values.

    It gives nothing where one of them fails: whatever that is, the interpreted form says what comes of it.
    """
    prepared = _Prepared(tree, templates)
    render, begin = prepared.render, prepared.begin

    def work_out(begun: Begun, totals: Mapping[str, Any] | None = None) -> Values:
        try:
            begun.allowance.renew()
            begun.allowance.time()
            begin(begun)
            begun.seen[TOTALS] = totals
            found = next(render(begun.context))
            return [value if value.__class__ is str else _data(value) for value in found]
        except Exception:
            return []

    return work_out


def for_rows(tree: nodes.Template, templates: Sequence[Template]) -> Callable[..., Callable[[Any], Values]]:
    """A function of what has begun, and of the row around the rows, that gives a function of a row.

    Jinja's code goes through the rows, and waits at each for the next one, so that what holds for all of them
    is done once. Each is allowed as much as one alone.
    """
    prepared = _Prepared(tree, templates)

    def begin(begun: Begun, *parents: Any) -> Callable[[Any], Values]:
        allowance, fed = begun.allowance, list[Any]()
        try:
            prepared.begin(begun)
            begun.seen[ROWS] = map(fed.pop, repeat(-1))
            if prepared.of_parent:
                begun.seen["parent"] = wrap(parents[-1])
            values = prepared.render(begun.context)
        except Exception:
            return nothing_for_record

        def work_out(row: Any) -> Values:
            try:
                allowance.renew()
                fed.append(RecordView(row) if row.__class__ is dict else wrap(row))
                found = next(values)
                return [value if value.__class__ is str else _data(value) for value in found]
            except Exception:
                return []

        return work_out

    return begin


def nothing_for_record(*_: Any) -> Values:
    """In place of what cannot be worked out together."""
    return []


def nothing_for_rows(*_: Any) -> Callable[[Any], Values]:
    """In place of what cannot be worked out together, for rows."""
    return nothing_for_record


def _data(value: Any) -> Any:
    if value.__class__ in _PLAIN:
        return value
    fail = getattr(value, "_fail_with_undefined_error", None) if not isinstance(value, RecordView) else None
    return fail() if fail is not None else unwrap(value)
