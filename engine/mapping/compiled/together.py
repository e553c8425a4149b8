"""The templates of one object that are not compiled, as one template of Jinja's: worked out in one go.

Each is what it is alone: bounded and sandboxed, with names of its own. What fails, fails for all of them; the
object's fields are then filled one by one, so that each failure is where it belongs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from unicodedata import normalize

from jinja2 import TemplateError, nodes
from jinja2.nodes import EvalContext
from jinja2.utils import missing

from engine.mapping.allowance import Allowance
from engine.mapping.paths import MISSING
from engine.mapping.sandbox import ALLOWANCE, SCOPE
from engine.mapping.scope import ENGINE_WORDS, RecordView, field_of, unwrap, wrap
from engine.mapping.template_rewrite import as_expression, bound, output_of
from engine.mapping.template_shortcuts import shortened, text_of_parts
from engine.mapping.templates import SANDBOX, function_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engine.mapping.scope import Scope
    from engine.mapping.templates import Template

__all__ = ["Together", "Whole"]

_LETTERS_MOST: Final = 64 * 1024
_ALL, _GUARD = "__all__", "__guard__"
Whole = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A template, and the condition without which it has no value."""

    template: Template
    when: Template | None


class Together:
    """The templates of one object, which become one function that gives their values in order.

    Nothing, where one of them fails. Where there is a `guard`, its value comes first, and those of the others
    only where it holds.
    """

    def __init__(self) -> None:
        self.guard: Template | None = None
        self._parts: list[_Part] = []
        self._places: dict[tuple[str, str], int] = {}
        self._letters = 0

    def add(self, template: Template, when: Template | None = None) -> int | None:
        """The place of the template's value; None where there is no room for more."""
        texts = (template.text, when.text if when is not None else "")
        place = self._places.get(texts)
        if place is None:
            self._letters += sum(map(len, texts))
            if self._letters > _LETTERS_MOST and self._parts:
                return None
            place = self._places[texts] = len(self._parts)
            self._parts.append(_Part(template, when))
        return place + (self.guard is not None)

    def compiled(self) -> Callable[..., Whole]:
        """The function of a scope and the rows around it."""
        templates = [part.template for part in self._parts]
        templates += [part.when for part in self._parts if part.when is not None]
        templates += [self.guard] if self.guard is not None else []
        try:
            tree = self._tree()
            if not _alike(tree):
                return _evaluation(tree, templates, guarded=self.guard is not None)
        except (TemplateError, RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
            pass
        return lambda scope, *rows: ()

    def _tree(self) -> nodes.Template:
        body: list[nodes.Node] = []
        values: nodes.Expr = nodes.List([self._value(part, body) for part in self._parts])
        if self.guard is not None:
            holds = nodes.Name(_GUARD, "load")
            body.insert(0, nodes.Assign(nodes.Name(_GUARD, "store"), _expression(self.guard)))
            values = nodes.CondExpr(holds, values, nodes.List([]))
        body.append(nodes.Assign(nodes.Name(_ALL, "store"), values))
        return nodes.Template(body)

    def _value(self, part: _Part, body: list[nodes.Node]) -> nodes.Expr:
        """A template as an expression; statements go into the body before it."""
        when = _expression(part.when) if part.when is not None else None
        if part.template.is_expression:
            value: nodes.Expr | None = _expression(part.template)
        else:
            tree = bound(SANDBOX.parse(part.template.text), part.template.floats)
            output = output_of(tree)
            shortened(tree, sets_names=output is None)
            value = text_of_parts(output_of(tree) or []) if output is not None else None
        if value is not None:
            return value if when is None else nodes.CondExpr(when, value, nodes.Const(None))
        name = f"__{len(body)}__"
        block: nodes.Node = nodes.AssignBlock(nodes.Name(name, "store"), None, tree.body)
        tests: list[nodes.Expr] = [nodes.Name(_GUARD, "load")] if self.guard is not None else []
        tests += [when] if when is not None else []
        for test in tests:
            block = nodes.If(test, [block], [], [])
        body.append(block)
        made = nodes.Name(name, "load")
        if when is None:
            return made
        return nodes.CondExpr(nodes.Test(made, "defined", [], [], None, None), made, nodes.Const(None))


def _expression(template: Template) -> nodes.Expr:
    """The bounded tree of a template that is one expression."""
    alone = as_expression(SANDBOX.parse(template.text))
    assert alone is not None
    tree: Any = bound(nodes.Template([nodes.Output([alone])]), template.floats)
    return cast("nodes.Expr", shortened(tree, sets_names=False).body[0].nodes[0])


def _alike(tree: nodes.Template) -> bool:
    """Whether two names of different templates are one for Python, such as a full-width and a plain Ａ."""
    names = {node.name for node in tree.find_all(nodes.Name)}
    return len({normalize("NFKC", name) for name in names}) < len(names)


class _Names(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return missing


class _Context:
    """What Jinja's code asks of a context, and no more."""

    __slots__ = ("parent", "resolve_or_missing", "vars")

    environment = SANDBOX
    eval_ctx = EvalContext(SANDBOX, None)

    def __init__(self, names: _Names) -> None:
        self.parent = names
        self.resolve_or_missing = names.__getitem__
        self.vars: dict[str, Any] = {}


def _evaluation(
    tree: nodes.Template, templates: Iterable[Template], *, guarded: bool
) -> Callable[..., Whole]:
    """The working out of a tree."""
    used = {use.name for template in templates for use in template.names}
    fields = tuple(sorted(used - ENGINE_WORDS))
    functions = tuple(sorted({name for template in templates for name in template.functions}))
    read = {node.name for node in tree.find_all(nodes.Name)}
    as_names = tuple(name for name in fields if name in read)
    functions = tuple(name for name in functions if name in read)
    of_record = bool(fields) or "record" in used
    in_row, in_parent = "row" in used, "parent" in used
    for node in tree.find_all(nodes.Node):
        node.lineno = node.lineno or 1
    tree.lineno = 1
    tree.set_environment(SANDBOX)
    render: Any = SANDBOX.from_string(tree).root_render_func

    def work_out(scope: Scope, *rows: Any) -> Whole:
        try:
            allowance = Allowance(scope.monotonic, scope.deadline)
            allowance.time()
            names = _Names()
            names[ALLOWANCE], names[SCOPE] = allowance, scope
            if of_record:
                record = names["record"] = RecordView(scope.record)
                for name in fields if scope.record.get("_repeated") else as_names:
                    value = field_of(record, name)
                    if value is not MISSING:
                        names[name] = value
            if "params" in used:
                names["params"] = RecordView(scope.params)
            if in_row:
                names["row"] = wrap(rows[-1])
            if in_parent:
                names["parent"] = wrap(rows[-2])
            for name in functions:
                names[name] = function_of(name, scope, allowance)
            context = _Context(names)
            for _ in render(context):
                pass
            found = context.vars
            made = [value if value.__class__ is str else _data(value) for value in found[_ALL]]
            return (_data(found[_GUARD]), *made) if guarded else tuple(made)
        except Exception:  # whatever it is, the interpreted form says what comes of it
            return ()

    return work_out


def _data(value: Any) -> Any:
    fail = getattr(value, "_fail_with_undefined_error", None) if not isinstance(value, RecordView) else None
    return fail() if fail is not None else unwrap(value)
