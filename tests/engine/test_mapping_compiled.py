"""The compiled form of a mapping gives what the interpreted one gives, failures too; its source is safe."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from engine.clock import SHANGHAI
from engine.errors import EngineError, Position, SchemeError
from engine.mapping.compiled.runtime import NAMES
from engine.mapping.compiled.single import compile_template
from engine.mapping.evaluator import Evaluator
from engine.mapping.mapper import Mapped, Mapper
from engine.mapping.parse import parse_mapping
from engine.mapping.scope import MISS
from engine.mapping.templates import Template, parse_template
from engine.scheme.load import load_scheme
from engine.yaml_nodes import read_yaml_text

SCHEMES = Path(__file__).parents[2] / "schemes"


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        yield


EXAMPLES = int(os.environ.get("COMPILED_EXAMPLES", "200"))
"""How many schemes each property is tried on; more in a soak."""


# --- records ----------------------------------------------------------------------------------------------

LABELS = ("a", "b", "名称", "金额(元)", "x-y", "日期", "title", "总金额")
BARE = ("a", "b", "名称", "日期", "title", "总金额", "没有")
TEXTS = (
    *(
        "",
        " ",
        "x",
        " trimmed ",
        "张三提交的报销",
        "1",
        "0",
        "12.50",
        "1,234.50",
        "1，000",
        "-3",
        "+4",
        ".5",
        "5.",
    ),
    *("1e5", "NaN", "true", "否", "2024-05-08", "2024-05-08 15:40:09", "2024-05-08T15:40:09", "2024/5/8"),
    *("2024-02-30", "2024-05-08 24:00:00", "2024-05-08 15:40:60", "2024-W19-3", "20240508", "2024年5月8日"),
    *(
        "1715154009000",
        "２０２４-05-08",
        "١٢",
        "²",
        "\u3000",
        "😀",
        "é" * 30,
        "k1",
        "k2",
        "k3",
        "pending",
        "$x",
    ),
    *("2024-05-08 15:40:09+08:00", "20240508T154009.123", "2024-05-08 154009.1", "2024-05-08 15+08:00"),
)
SCALARS = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([2.5, 0.1, 1e30, -0.0, 10**45]),
    st.sampled_from([Decimal("1.50"), Decimal("-2"), Decimal("1E+3"), Decimal("0.00"), Decimal(10) ** 60]),
)
GROUPS = st.dictionaries(st.sampled_from([*LABELS, "status", "FNumber"]), SCALARS, max_size=4)
VALUES = st.one_of(SCALARS, SCALARS, SCALARS, SCALARS, GROUPS, st.lists(SCALARS, max_size=3))
ROWS = st.dictionaries(st.sampled_from(LABELS), SCALARS, max_size=5) | st.fixed_dictionaries(
    {"a": SCALARS, "金额(元)": SCALARS}, optional={"附件": st.lists(GROUPS, max_size=3)}
)
TABLES = st.one_of(
    st.lists(ROWS, max_size=4),
    st.lists(ROWS, max_size=4),
    st.lists(ROWS, min_size=9, max_size=11),
    st.sampled_from([None, "", [], "text", {"a": 1}]),
    st.lists(SCALARS, max_size=3),
)


TAME = ("x", "k1", "张三", "12.50", "1,234.50", "2024-05-08", "2024-05-08 15:40:09", "", None)


@st.composite
def tame_records(draw: st.DrawFn) -> dict[str, Any]:
    """Records as sources give them."""
    texts = st.sampled_from(TAME)
    day, amount = (
        st.sampled_from(["2024-05-08", "2024-05-08 15:40:09"]),
        st.sampled_from(["12.50", "1,234.50"]),
    )
    row = st.fixed_dictionaries(
        {"a": texts, "名称": texts, "金额(元)": amount, "x-y": amount, "日期": day},
        optional={"附件": st.lists(st.fixed_dictionaries({"a": texts, "status": texts}), max_size=2)},
    )
    made = {label: draw(texts) for label in ("a", "b", "名称", "x-y", "title")}
    made |= {"金额(元)": draw(amount), "日期": draw(day), "总金额": draw(amount)}
    made["明细"], made["项目明细"] = draw(st.lists(row, max_size=3)), draw(st.lists(row, max_size=1))
    made |= {"extend": {"status": draw(texts), "a": "x"}, "_ext": {"a": draw(texts)}, "_repeated": []}
    return made


@st.composite
def odd_records(draw: st.DrawFn) -> dict[str, Any]:
    """Records that no source should give."""
    record = draw(st.dictionaries(st.sampled_from(LABELS), VALUES, max_size=8))
    for name, values in (
        ("extend", GROUPS | SCALARS),
        ("明细", TABLES),
        ("项目明细", TABLES),
        ("_ext", GROUPS),
    ):
        if draw(st.integers(0, 7)):
            record[name] = draw(values)
    if not draw(st.integers(0, 5)):
        label = draw(st.sampled_from(["a", "明细", "名称"]))
        record.pop(label, None)
        record |= {f"{label}#1": "one", f"{label}#2": "two", "_repeated": [label]}
    elif draw(st.booleans()):
        record["_repeated"] = []
    return record


def records() -> st.SearchStrategy[dict[str, Any]]:
    """Records of both kinds."""
    return tame_records() | odd_records()


# --- templates --------------------------------------------------------------------------------------------


def names(depth: int) -> st.SearchStrategy[str]:
    """A variable or field, as a template names it where `depth` rows are around it."""
    made = [
        st.sampled_from(BARE),
        st.sampled_from(BARE),
        st.sampled_from(["extend.status", "extend.a", "extend.没有.x", "extend['a']", "record['金额(元)']"]),
        st.sampled_from(["record.title", "record['x-y']", "params.org", "params.none", "params.n", "_ext.a"]),
        st.sampled_from(["明细[0].a", "明细[0]", "明细", "title[0]", "title[1:3]", "extend", "record"]),
    ]
    if depth:
        made += [
            st.sampled_from(["row.a", "row.名称", "row['金额(元)']", "row['x-y']", "row", "row.附件"])
        ] * 3
    if depth > 1:
        made.append(st.sampled_from(["parent.a", "parent['金额(元)']", "parent"]))
    return st.one_of(*made)


CONSTANTS = st.sampled_from(
    ["'x'", "''", "'k1'", "' '", "1", "0", "2.50", "none", "true", "false", "'2024-05-08'", "'中文 {}'", "[]"]
)
FILTERS = (
    *(
        "default('')",
        "default('', true)",
        "default(none)",
        "d('x')",
        "default(0, boolean=true)",
        "default(b, true)",
    ),
    *(
        "decimal",
        "money",
        "int",
        "float",
        "abs",
        "round(1)",
        "string",
        "trim",
        "upper",
        "lower",
        "title",
        "length",
    ),
    *(
        "cut(3)",
        "cut(0)",
        "digits",
        "replace('x', 'y')",
        "date",
        "date('yyyyMMdd')",
        "datetime",
        "time",
        "unix_ms",
    ),
    *("lookup('t')", "lookup('t', 'none')", "lookup('s')", "lookup('d')", "lookup('t', default=a)", "json"),
    *(
        "first",
        "last",
        "list",
        "join('-')",
        "join",
        "select | join(' / ')",
        "select | list",
        "reject | list",
        "sort",
    ),
    *(
        "map('string') | join(',')",
        "map('decimal') | sum",
        "unique | list",
        "reverse",
        "sum",
        "max",
        "min",
        "count",
    ),
    *("truncate(3)", "items | list", "capitalize", "escape", "wordcount", "tojson", "map('upper') | list"),
)
TESTS = (
    *(
        "defined",
        "undefined",
        "none",
        "string",
        "number",
        "mapping",
        "sequence",
        "not none",
        "not defined",
        "even",
    ),
    *("in ['x', 'k1']", "eq('x')", "divisibleby(2)", "boolean", "true", "iterable", "sameas none", "upper"),
)
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "and", "or", "in", "not in")
METHODS = (
    "strip()",
    "split('-')",
    "upper()",
    "zfill(5)",
    "replace('a', 'b')",
    "startswith('x')",
    "isdigit()",
    "x",
)


WIDER = (
    *("({0} | {filter})",) * 8,
    *("({0} {operator} {1})",) * 3,
    *("({0} is {test})",) * 3,
    *(
        "(not {0})",
        "(-{0})",
        "({0} if {1} else {2})",
        "({0} if {1})",
        "({0} < {1} <= {2})",
        "lookup('t', {0})",
    ),
    *("[{0}, {1}, {2}]", "([{0}, {1}, {2}] | select | join(' / '))", "({0}, {1})", "{{'k': {0}, 'n': {1}}}"),
    *("({0}).{method}", "({0})['a']", "({0})[0]", "({0})[:2]", "({0}).a"),
)


@st.composite
def expressions(draw: st.DrawFn, depth: int, size: int = 3) -> str:
    """Expressions; brackets keep their parts together."""
    if not size or not draw(st.integers(0, 3)):
        return draw(names(depth) if draw(st.integers(0, 2)) else CONSTANTS)
    wider = draw(st.sampled_from(WIDER))
    more = {
        "filter": draw(st.sampled_from(FILTERS)) if "{filter}" in wider else "",
        "operator": draw(st.sampled_from(OPERATORS)) if "{operator}" in wider else "",
        "test": draw(st.sampled_from(TESTS)) if "{test}" in wider else "",
        "method": draw(st.sampled_from(METHODS)) if "{method}" in wider else "",
    }
    count = sum(f"{{{number}}}" in wider for number in range(3))
    inner = [draw(expressions(depth, (size - 1) // count)) for _ in range(count)]
    return wider.format(*inner, **more)


PARTS = (
    *("{{{{ {0} }}}}", "text", " ", "{{{{ x }}}}", "{{{{ x | default('-') }}}}", "{{{{ a }}}}"),
    *("{{% set x = {0} %}}", "{{% set a = {0} %}}", "{{% set x, y = {0}, 1 %}}"),
    *("{{% set x %}}<{1}>{{% endset %}}", "{{% if {0} %}}{1}{{% endif %}}"),
    *("{{% if {0} %}}{1}{{% else %}}{2}{{% endif %}}",),
    *("{{% if {0} %}}{1}{{% elif a %}}{2}{{% elif b %}}z{{% endif %}}",),
    *("{{% for x in 明细 %}}{{{{ loop.index }}}}{1}{{{{ x.a | default('?') }}}}{{% endfor %}}",),
    *("{{% for x in 明细 if x.a %}}{1}{{% else %}}none{{% endfor %}}",),
    *("{{% for x in {0} %}}{1}{{% endfor %}}", "{{% for x, y in [(1, 2)] %}}{1}{{% endfor %}}"),
    *("{{% for k, v in extend | items %}}{{{{ k }}}}{{{{ v }}}}{1}{{% endfor %}}",),
    *("{{% for x in range(3) %}}{{{{ loop.last }}}}{{{{ loop.revindex }}}}{1}{{% endfor %}}",),
    *(
        "{{% for r in 明细 %}}{{% for x in r.附件 | default([]) %}}{{{{ loop.length }}}}{1}{{% endfor %}}"
        "{{% endfor %}}",
    ),
    *("{{% for a in [1, 2] %}}{{% set b = a %}}{1}{{{{ b }}}}{{% endfor %}}{{{{ b }}}}",),
    *("{{% for x in 明细 | map('string') %}}{{{{ x | cut(9) }}}}{{% endfor %}}",),
)


@st.composite
def statements(draw: st.DrawFn, depth: int, size: int = 3) -> str:
    """Templates with set, for and if, within each other."""
    made = ""
    for part in draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3)):
        inner = [
            draw(statements(depth, size - 1)) if f"{{{number}}}" in part and size else "."
            for number in (1, 2)
        ]
        made += part.format(draw(expressions(depth, 1)) if "{0}" in part else "", *inner)
    return made


def templates(depth: int) -> st.SearchStrategy[str]:
    """Templates: an expression alone, texts with expressions, and now and then statements."""
    one = expressions(depth)
    return st.one_of(
        one.map("{{{{ {} }}}}".format),
        one.map("{{{{ {} }}}}".format),
        st.builds("DD{{{{ {} }}}}".format, one),
        st.builds("{{{{ {} }}}} {{{{ {} }}}}".format, one, one),
        statements(depth),
    )


# --- schemes ----------------------------------------------------------------------------------------------


def paths(depth: int) -> st.SearchStrategy[str]:
    """Paths of one value."""
    made = [f"$.{label}" for label in LABELS]
    made += [
        "$.extend.status",
        "$._ext.a",
        "$._ext.名称.FNumber",
        "$.没有",
        "$.明细[0].a",
        "$.明细[*].a",
        "$..a",
    ]
    made += ["$", "$.a.b.c", "$['x-y','b']"]
    if depth:
        made += [f"@.{label}" for label in LABELS] * 2 + ["@", "@.附件[0].a"]
    return st.sampled_from(made)


def leaves(depth: int) -> st.SearchStrategy[Any]:
    """What a value can be."""
    return st.one_of(
        paths(depth),
        paths(depth),
        templates(depth),
        templates(depth),
        st.sampled_from(["FKDLX02", "", " ", " code ", 5, True, None, 1.5, "$$x", "2024-05-08", "x" * 12]),
    )


@st.composite
def rules(draw: st.DrawFn, depth: int) -> Any:
    """A leaf alone, or a rule."""
    if draw(st.booleans()):
        return draw(leaves(depth))
    rule: dict[str, Any] = {"value": draw(leaves(depth))}
    if not draw(st.integers(0, 2)):
        rule["default"] = draw(leaves(depth))
    if not draw(st.integers(0, 2)):
        rule["lookup"] = draw(st.sampled_from("tsd"))
    if not draw(st.integers(0, 3)):
        rule["required"] = draw(st.booleans())
    if not draw(st.integers(0, 3)):
        rule["when"] = draw(expressions(depth).map("{{{{ {} }}}}".format) | st.booleans())
    if not draw(st.integers(0, 4)):
        rule["max_length"] = draw(st.integers(1, 12))
    if not draw(st.integers(0, 5)):
        rule["label"] = "名"
    if not draw(st.integers(0, 1)):
        kinds = ["string", "integer", "decimal", "boolean", "date", "datetime"]
        rule["type"] = draw(st.sampled_from(kinds))
        if rule["type"] in ("date", "datetime", "decimal") and not draw(st.integers(0, 2)):
            rule["format"] = (
                "0.00" if rule["type"] == "decimal" else draw(st.sampled_from(["yyyyMMdd", "%Y/%m"]))
            )
    return rule


@st.composite
def blocks(draw: st.DrawFn, depth: int) -> Any:
    """Rows from a table, or a literal row."""
    if not draw(st.integers(0, 3)):
        return draw(fields(depth, 2)) or {"A": 1}
    tables = [
        "$.明细[*]",
        "$.明细[*]",
        "$.项目明细[*]",
        "$.明细",
        "$.extend.x[*]",
        "$.明细[0,1]",
        "$.没有[*]",
    ]
    if depth:
        tables = ["@.附件[*]", "@.附件[*]", "$.明细[*]"]
    block: dict[str, Any] = {
        "each": draw(st.sampled_from(tables)),
        "row": draw(fields(depth + 1, 3)) or {"A": "@"},
    }
    if not draw(st.integers(0, 2)):
        block["where"] = draw(expressions(depth + 1).map("{{{{ {} }}}}".format))
    if draw(st.booleans()):
        block["optional"] = True
    return block


@st.composite
def fields(draw: st.DrawFn, depth: int = 0, most: int = 3) -> dict[str, Any]:
    """A group of fields."""
    made: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from("ABCDEF"), max_size=most, unique=True)):
        kind = draw(st.integers(0, 11))
        if kind == 0:
            made[name] = draw(fields(depth, 2)) or {"A": "$.a"}
        elif kind == 1 and depth < 2:
            made[name] = draw(st.lists(blocks(depth), min_size=1, max_size=2))
        elif kind == 2:
            made[name] = draw(st.lists(leaves(depth), max_size=3))
        else:
            made[name] = draw(rules(depth))
    return made


@st.composite
def schemes(draw: st.DrawFn) -> dict[str, Any]:
    """A mapping with checks: fields of all kinds, an array with an amount, fields that read the document."""
    mapping = draw(fields())
    if draw(st.booleans()):
        amount = {"value": "@.金额(元)", "type": "decimal"}
        mapping["T"] = [
            {"each": "$.明细[*]", "optional": True, "row": {"AMOUNT": amount, **draw(fields(1, 2))}}
        ]
        mapping["T"] += draw(st.lists(blocks(0), max_size=1))
        if draw(st.booleans()):
            first = {"SUM": "{{ total('T.AMOUNT') }}", "LATE": draw(st.sampled_from(LATE))}
            mapping = {**first, **mapping} if draw(st.booleans()) else {**mapping, **first}
        if not draw(st.integers(0, 2)):
            within = draw(st.sampled_from(["A", "T", "T.row"]))
            late = {"W": draw(st.sampled_from(LATE)), "Z": "$.a"}
            if within == "T.row":
                mapping["T"][0]["row"] = {**late, **mapping["T"][0]["row"]}
            else:
                mapping |= {
                    "G": late,
                    "H": [late, {"each": "$.明细[*]", "optional": True, "row": dict(late)}],
                }
    made: dict[str, Any] = {"mapping": mapping or {"A": 1}}
    if "T" in mapping and draw(st.booleans()):
        that = draw(
            st.sampled_from(["total('T.AMOUNT') == 总金额 | decimal", "document.T", "total('T.AMOUNT') > 1"])
        )
        made["checks"] = [
            {"that": f"{{{{ {that} }}}}", "say": draw(st.sampled_from(["no", "{{ title }}", "$.a"]))}
        ]
    return made


LATE = (
    *(
        "{{ document.A }}",
        "{{ document.SUM }}",
        "{{ document.A | default('x', true) }}-{{ document.T }}",
        "{{ document }}",
    ),
    *(
        "{{ 'T.AMOUNT' | total | money }}",
        "{{ total('T.A') }}",
        "{{ document.A is defined }}",
        "{{ document.LATE }}",
    ),
)


class Form(dict[tuple[str, ...], Any]):
    def field(self, path: tuple[str, ...], /) -> Any:
        return self.get(path)


class Described:
    def __init__(self, type: str, required: bool) -> None:
        self.label, self.type, self.required = "标签", type, required
        self.base = "FNumber" if type == "base" else None


KINDS = st.sampled_from(
    [
        "base",
        "base",
        "string",
        "integer",
        "decimal",
        "decimal",
        "boolean",
        "date",
        "datetime",
        "array",
        "other",
    ]
)


@st.composite
def forms(draw: st.DrawFn) -> Form | None:
    """What a form's catalog may say of the fields."""
    if not draw(st.integers(0, 3)):
        return None
    at = st.tuples(st.sampled_from("ABCDET")) | st.tuples(st.sampled_from("ABT"), st.sampled_from("ABCDE"))
    described = draw(
        st.dictionaries(at, st.builds(Described, KINDS, st.sampled_from([False] * 5 + [True])), max_size=6)
    )
    return Form(described)


# --- the two forms side by side ---------------------------------------------------------------------------

STATIC = {"s": {"x": "X", "k1": " code ", "1": 5, "trimmed": ""}, "d": {"k1": "D1"}}
LIVE = {
    "t": {"x": "TX", "k1": "", "k2": Decimal("2.5"), "1": None, "张三提交的报销": {"FNumber": "1"}, "k3": 2.5}
}
PARAMS = {"org": "100", "none": None, "n": 7, "day": "2024-05-08"}


class Pending(Exception):
    pass


def find(table: str, key: str) -> Any:
    if key == "pending" and table == "t":
        raise Pending(table, key)
    return {**STATIC, **LIVE}[table].get(key, MISS)


def shown(value: Any) -> Any:
    """A value with its types and order."""
    if isinstance(value, dict):
        return ("dict", [(name, shown(part)) for name, part in value.items()])
    if isinstance(value, list):
        return ("list", [shown(part) for part in value])
    return (type(value).__name__, str(value) if isinstance(value, Decimal) else value)


def outcome(run: Any, record: dict[str, Any]) -> Any:
    """What a mapping gives, or how it fails."""
    try:
        mapped: Mapped = run(record, PARAMS, find)
    except Pending as error:
        return ("pending", error.args)
    except EngineError as error:
        parts = {name: getattr(error, name, None) for name in ("failure", "field", "label", "path", "hint")}
        return (type(error).__name__, error.message, str(error), str(error.position), parts)
    return ("document", shown(mapped.document), shown(mapped.payload))


def mappers(scheme: dict[str, Any], form: Any = None, **more: Any) -> tuple[Mapper, Mapper] | None:
    """The compiled and the interpreted form; None for a scheme that is no mapping."""
    node = read_yaml_text(json.dumps(scheme, indent=1), "s.yaml")
    findings: list[Any] = []
    mapping = node.get("mapping")
    assert mapping is not None
    spec = parse_mapping(mapping, findings, checks=node.get("checks"))
    if any(finding.severity == "error" for finding in findings):
        return None
    options = {"form": form, "table_defaults": {"d": " D0 ", "s": None}, "tables": STATIC} | more
    return Mapper(spec, **options), Mapper(spec, compiled=False, **options)


def same(scheme: dict[str, Any], form: Any, given_records: list[dict[str, Any]], **more: Any) -> None:
    """Both forms give the same for each record, and leave the record alone."""
    both = mappers(scheme, form, **more)
    if both is None:
        event("no scheme")
        return
    compiled, interpreted = both
    safe(compiled.compile().source)
    for record in given_records:
        before = shown(record)
        wanted = outcome(interpreted.map, record)
        assert outcome(compiled.map, record) == wanted
        assert shown(record) == before
        way = "sandboxed" if more.get("nodes_most") is not None else "compiled"
        event(f"{wanted[0]}, {_run_alone(compiled, record, wanted)}, {way}")


SIZES = st.sampled_from([None, None, 0, 6])
"""How large compiled templates may be: the larger ones of an object are left to Jinja together."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(statements(1), st.lists(tame_records(), min_size=2, max_size=4), SIZES)
def test_statements_give_the_same(
    text: str, given_records: list[dict[str, Any]], nodes_most: int | None
) -> None:
    scheme = {"A": text.replace("row", "record"), "T": {"each": "$.明细[*]", "row": {"F": text}}}
    for name in scheme:
        same({"mapping": {name: scheme[name], "G": 1}}, None, given_records, nodes_most=nodes_most)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), st.integers(0, 2), st.lists(records(), min_size=2, max_size=5), SIZES)
def test_a_rule_gives_the_same(
    data: st.DataObject, depth: int, given_records: list[dict[str, Any]], nodes_most: int | None
) -> None:
    scheme: Any = {"F": data.draw(rules(depth)), "G": {"value": "x"}}
    path = ("F",)
    if depth > 1:
        scheme, path = {"I": {"each": "@.附件[*]", "optional": True, "row": scheme}}, ("I", "F")
    if depth:
        scheme = {"T": {"each": "$.明细[*]", "optional": True, "row": scheme}, "A": 1}
        path = ("T", *path)
    described = data.draw(st.none() | st.builds(Described, KINDS, st.just(False)))
    form = Form({path: described} if described else {})
    same({"mapping": scheme}, form, given_records, nodes_most=nodes_most)


@settings(max_examples=EXAMPLES, deadline=None)
@given(schemes(), forms(), st.lists(records(), min_size=1, max_size=4), SIZES)
def test_a_mapping_gives_the_same(
    scheme: dict[str, Any], form: Any, given_records: list[dict[str, Any]], nodes_most: int | None
) -> None:
    same(scheme, form, given_records, nodes_most=nodes_most)


@settings(max_examples=EXAMPLES, deadline=None)
@given(templates(0), st.lists(records(), min_size=2, max_size=5))
def test_a_condition_gives_the_same(text: str, given_records: list[dict[str, Any]]) -> None:
    try:
        template = parse_template(text, Position("s.yaml", 3, 9))
    except SchemeError:
        return
    options: dict[str, Any] = {"table_defaults": {"d": " D0 ", "s": None}, "tables": STATIC}
    run, source = compile_template(template, zone=SHANGHAI, **options)
    compiled, interpreted = Evaluator(**options), Evaluator(**options, compiled=False)
    safe(source)
    for record in given_records:
        before = shown(record)
        wanted = worked_out(interpreted.evaluate, template, record)
        assert worked_out(compiled.evaluate, template, record) == wanted
        assert shown(record) == before
        event(f"{wanted[0]}, {'compiled' if run is not None else 'interpreted'}")


def worked_out(run: Any, template: Template, record: dict[str, Any]) -> Any:
    """What a template gives, or how it fails."""
    try:
        return ("value", shown(run(template, record, PARAMS, find)))
    except Pending as error:
        return ("pending", error.args)
    except EngineError as error:
        parts = {name: getattr(error, name, None) for name in ("failure", "field", "label", "path", "hint")}
        return (type(error).__name__, error.message, str(error), str(error.position), parts)


def _run_alone(mapper: Mapper, record: dict[str, Any], wanted: Any) -> str:
    """The compiled form without the interpreted one to fall back on: it fails, or gives the same."""
    run = mapper.compile().run
    if run is None:
        return "interpreted"
    try:
        mapped = run(record, PARAMS, find, None, None)
    except Exception:
        return "left to the interpreted form"
    assert ("document", shown(mapped.document), shown(mapped.payload)) == wanted
    return "compiled"


# --- what stands in the source ----------------------------------------------------------------------------

OWN = re.compile(
    r"[vks][0-9]+|name|mapped|worked|record|params|look|clock|deadline|scope|zone|bases|Mapped|made|p|written|late"
)
ATTRIBUTES = {"get", "strip", "isspace", "isascii", "isdigit", "replace", "append", "join", "__class__"}
NODES = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.AugAssign, ast.Delete, ast.Expr),
    *(ast.If, ast.For, ast.Try, ast.ExceptHandler, ast.Raise, ast.Continue, ast.Pass, ast.Return),
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.Call, ast.keyword, ast.IfExp),
    *(ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Dict, ast.Tuple, ast.List),
    *(ast.NamedExpr, ast.Starred),
    *(ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)


def safe(source: str) -> None:
    """The source holds nothing but the engine's own names, plain literals, and what the list above allows."""
    assert source.isascii()
    for node in ast.walk(ast.parse(source)):
        assert isinstance(node, NODES), ast.dump(node)
        if isinstance(node, ast.Name):
            assert node.id in NAMES or OWN.fullmatch(node.id), node.id
        elif isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "made"
            assert node.attr in ATTRIBUTES or (own and node.attr in Mapped.__slots__), node.attr
        elif isinstance(node, ast.Constant):
            assert node.value is None or type(node.value) in (str, int, bool)
        elif isinstance(node, ast.keyword):
            assert node.arg is None


HOSTILE = (
    *("'", '"', "\\", "\n", "'); raise SystemExit('", '"""', "{0}", "{{", "#", "\u2028", "\x00"),
    *(
        "__import__('os')",
        "record",
        "v1",
        "UNUSUAL",
        "\r\nreturn",
        "${x}",
        "ｏｓ",
        "*",
        "lambda: 0",
        "%s",
        "a]['b",
    ),
)


@pytest.mark.parametrize("nodes_most", [None, 0])
@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_scheme_says_is_never_code(text: str, nodes_most: int | None) -> None:
    quoted = "['" + text.replace("\\", "\\\\").replace("'", "\\'") + "']"
    written = "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
    row = {text: f"@{quoted}", "b": {"value": "$.a", "lookup": text, "default": text}}
    mapping = {
        text: {"value": f"$.a{quoted}", "default": text},
        "A": {text: {text: text}},
        "B": f"{{{{ {written} ~ (a | default({written})) }}}}",
        "C": f"{{{{ record[{written}] | default({written}) | replace({written}, '-') }}}}",
        "T": [{"each": "$.明细[*]", "row": row}, {text: text}],
    }
    record = {"a": text, text: "found", "明细": [{text: "cell"}, {}]}
    form = Form({("A", text): Described("base", False), ("T", text): Described("base", False)})
    tables = {text: {text.strip(): text}}
    made = mappers(
        {"mapping": mapping}, form, tables=tables, table_defaults={text: text}, nodes_most=nodes_most
    )
    if made is None:  # refused when it is read: nothing of it can be compiled
        return
    safe(made[0].compile().source)
    find_it = {text: {text.strip(): text}}
    both = [mapper.map(record, {}, lambda table, key: find_it[table].get(key, MISS)) for mapper in made]
    assert shown(both[0].payload) == shown(both[1].payload)
    assert shown(both[0].document) == shown(both[1].document)


def test_numbers_and_texts_of_any_size_are_kept_out_of_the_source() -> None:
    made = mappers({"mapping": {"A": "x" * 60_000, "B": "{{ 123456789012345678901234567890 }}", "C": 1e300}})
    assert made is not None
    assert outcome(made[0].map, {}) == outcome(made[1].map, {})


# --- what is compiled and what is not ---------------------------------------------------------------------


def ways(scheme: dict[str, Any]) -> dict[str, str | None]:
    """Which way each field goes."""
    made = mappers(scheme)
    assert made is not None
    return {way.field: way.reason for way in made[0].compile().ways}


def test_each_field_says_which_way_it_goes() -> None:
    row = {"X": "@.a", "Y": "{{ row.a | map('date') | first }}"}
    found = ways(
        {
            "mapping": {
                "A": "{% for x in 明细 if x.a %}{{ x.a }}{% endfor %}",
                "B": "$..a",
                "C": "{% for x in 明细 %}{{ loop.previtem }}{% endfor %}",
                "D": "{{ " + " + ".join("1" * 200) + " }}",
                "T": {"each": "$.明细[*]", "where": "{{ row.a }}", "row": row},
            },
            "checks": [{"that": "{{ document.A }}"}, {"that": "{{ document }}"}],
        }
    )
    assert found == {
        "A": None,
        "B": "its path can find several values",
        "C": "it uses what only Jinja works out",
        "D": "the template is too long or too deep",
        "T.X": None,
        "T.Y": "it uses what only Jinja works out",
        "T where": None,
        "checks[1]": None,
        "checks[2]": "it goes deep into the document",
    }


def test_a_mapping_that_is_not_compiled_says_why_for_all_fields() -> None:
    late = {"mapping": {"A": 1, "T": [{"X": "{{ document.A }}", "Y": "$.a"}]}}
    assert ways(late) == {"A": None, "T.X": "a field within rows or a group reads the document", "T.Y": None}
    many = {"mapping": {f"F{number}": "$.a" for number in range(2001)}}
    assert set(ways(many).values()) == {"the mapping has too many fields"}


LEFT_TO_JINJA = {
    ("bill_status_to_dingtalk", "text"),
    ("kingdee_basedata_to_table", "row.部门编码"),
    ("kingdee_basedata_to_table", "row.部门名称"),
    ("purchase_request_to_requisition", "checks[1]"),
}
"""Sums and choices over rows of a query's; everything else that ships is compiled."""


def test_the_shipped_schemes_are_compiled_wholly() -> None:
    paths = [path for path in sorted(SCHEMES.rglob("*.yaml")) if path.name != "market.yaml"]
    assert len(paths) > 12
    left = set()
    for path in paths:
        scheme = load_scheme(path).scheme
        assert scheme is not None
        ways = Mapper(scheme.target.mapping).compile().ways
        left |= {(scheme.id, way.field) for way in ways if way.reason}
    assert left == LEFT_TO_JINJA


def test_a_field_that_fails_leaves_the_rest_to_the_interpreted_form_once() -> None:
    asked: list[str] = []

    def count(table: str, key: str) -> Any:
        asked.append(key)
        return MISS

    made = mappers({"mapping": {"A": {"value": "$.a", "lookup": "t", "default": "x"}, "B": "{{ 没有 }}"}})
    assert made is not None
    with pytest.raises(EngineError, match="没有"):
        made[0].map({"a": "1"}, {}, count)
    assert len(asked) <= 2


ROW = {"A": "{{ row.a | cut(3) }}", "B": "{{ row.b | default('-') }} {{ parent.a | default(x) }}"}
INNER = {"each": "$.明细[*]", "row": {"A": "{{ row.a }}", "I": {"each": "@.附件[*]", "row": ROW}}}
TOGETHER = (
    {"A": "{{ a }}", "B": "{{ 没有 }}", "C": "{{ b }}"},
    {"A": "{{ Ａ }}", "B": "{{ A }}", "C": "{% set x = a %}{{ x }}", "D": "{{ x }}"},
    {"A": "{{ loop }}", "T": {"each": "$.明细[*]", "row": {"A": "{{ loop }}", "B": "{{ row.a }}"}}},
    {
        "T": INNER,
        "U": {"each": "$.明细[*]", "where": "{{ row.a == 'x' }}", "row": {"A": "{{ row.c | cut(1) }}"}},
    },
    {"A": {"value": "{{ c | default('') }}", "default": "{{ [a, b] | join('-') }}"}},
    {
        "A": {"value": "{{ 没有 }}", "when": "{{ a == 'no' }}"},
        "B": "{{ b }}",
        "C": "{{ extend.a.b | default(1) }}",
    },
)


@pytest.mark.parametrize("mapping", TOGETHER)
def test_what_is_worked_out_together_is_what_it_is_alone(mapping: dict[str, Any]) -> None:
    rows = [{"a": "x", "c": "yes", "附件": [{"a": "1234"}, {"a": "5", "b": "6"}]}, {"a": "z", "附件": []}]
    for record in (
        {"a": "1", "b": "2", "Ａ": "wide", "A": "plain", "x": "ex", "loop": "own", "明细": rows},
        {"a": "1", "b": "2", "A": "plain", "x": "ex", "loop": 5, "extend": {"a": {"b": "deep"}}, "明细": []},
    ):
        made = mappers({"mapping": mapping}, nodes_most=0)
        assert made is not None
        assert outcome(made[0].map, record) == outcome(made[1].map, record)


LONG = (
    *(
        "{{ a }}",
        "x{{ a }}",
        "{{ a }}{{ b }}{{ a }}",
        "{{ a | cut(3) }}",
        "{{ a ~ b }}",
        "{{ a + b }}",
        "{{ [a] }}",
    ),
    *(
        "{{ [a, b] | select | join('-') }}",
        "{{ [b, b] | select | join(a) }}",
        "{{ a | trim }}",
        "{{ a | default(b) }}",
    ),
    *(
        "{{ a | upper | length }}",
        "{{ [a, b] | join }}",
        "{{ 明细 | map('string') | join }}",
        "{{ a.strip() | length }}",
    ),
    *(
        "{% set x = a %}{{ x | length }}",
        "{% for x in 明细 %}{{ x }}{% endfor %}",
        "{% set x %}{{ b }}{% endset %}{{ x }}",
    ),
    *(
        "{% for x in 明细 %}{% set y = x ~ x %}{{ y | length }}{% endfor %}",
        "{{ lookup('long', b) | length }}",
    ),
    *("{% for x in range(9999) %}{% for y in range(2) %}{% endfor %}{% endfor %}x", "{{ b * 70000 }}"),
    *(
        "{% for x in range(5000) %}{% set y = b * 60000 %}{% endfor %}x",
        "{% for x in range(3000) %}{{ b }}x{{ b }}{% endfor %}",
    ),
    *("{% for x in range(5000) %}{% set y = 'x' * 60000 %}{% endfor %}x",),
    *("{% for x in range(100) %}{% set y = 'x' * 60000 %}{% endfor %}x",),
)


@pytest.mark.parametrize("nodes_most", [None, 0])
@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("size", [40_000, 65_536, 65_537])
def test_limits_are_the_same(text: str, size: int, nodes_most: int | None) -> None:
    record = {"a": "y" * size, "b": "zzzzzzzzzzzz", "明细": ["w" * 30_000, "w" * 30_000, "w"]}
    made = mappers({"mapping": {"A": text, "B": {"value": text, "type": "string"}}}, nodes_most=nodes_most)
    assert made is not None

    def long(table: str, key: str) -> Any:
        return "l" * size

    both = []
    for mapper in made:
        try:
            both.append(("made", shown(mapper.map(record, {}, long).document)))
        except EngineError as error:
            both.append(("failed", str(error)))
    assert both[0] == both[1]


def test_a_look_up_that_must_be_fetched_first_is_asked_for_at_once() -> None:
    asked: list[str] = []

    def pending(table: str, key: str) -> Any:
        asked.append(key)
        raise Pending(table, key)

    made = mappers(
        {"mapping": {"A": "$.a", "B": {"value": "$.a", "lookup": "t"}, "C": {"value": "$.b", "lookup": "t"}}}
    )
    assert made is not None
    with pytest.raises(Pending):
        made[0].map({"a": "1", "b": "2"}, {}, pending)
    assert asked == ["1", "1"]  # by the compiled field, and by the interpreted one in its place


def test_the_time_for_a_record_is_bounded_over_many_rows() -> None:
    ticks = iter(range(10_000))
    made = mappers(
        {"mapping": {"T": {"each": "$.明细[*]", "row": {"A": "{{ row.a }}"}}}},
        monotonic=lambda: next(ticks) / 100,
    )
    assert made is not None
    with pytest.raises(EngineError, match="longer than a second"):
        made[0].map({"明细": [{"a": "x"}] * 500}, {}, find)
