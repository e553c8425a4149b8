"""Reading a mapping: every mistake is a finding with its place, and none hides the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.mapping.parse import parse_condition, parse_leaf, parse_mapping
from engine.mapping.rules import Array, Constant, Items, Nested, PathLeaf, Rule, TemplateLeaf
from engine.yaml_nodes import read_yaml_text


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        yield


def findings_of(text: str) -> list[Any]:
    node = read_yaml_text(text, "s.yaml")
    found: list[Any] = []
    mapping = node.get("mapping")
    assert mapping is not None
    parse_mapping(mapping, found, checks=node.get("checks"))
    return found


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "message", "hint"),
    [
        ('mapping: {A: "$x"}', "S401", 1, 15, "neither a path nor doubled", "$$x"),
        ('mapping: {A: "@me"}', "S401", 1, 15, "neither a path nor doubled", "@@me"),
        ('mapping: {A: "${env:KEY}"}', "S401", 1, 15, "reference ${env:KEY}", "connections.yaml"),
        ('mapping: {A: "x ${file:/etc/passwd}"}', "S401", 1, 17, "reference", "param"),
        ('mapping: {A: "$.报销明细[?]"}', "S402", 1, 21, "no filters", "where"),
        ("mapping:\n  A: $.a]", "S402", 2, 9, "without its '['", "quotes"),
        ('mapping:\n  A: "{{ a | uper }}"', "S403", 2, 14, "no filter 'uper'", "'upper'"),
        ('mapping: {A: "$${{ a | uper }}"}', "S403", 1, 24, "no filter 'uper'", ""),
        ('mapping: {A: "@.x"}', "S404", 1, 14, "the row", "'$'"),
        ('mapping: {A: "{{ row.x }}"}', "S404", 1, 18, "'row' is not known", "each"),
        ('mapping: {A: {each: "$.t[*]", row: {B: "{{ parent.x }}"}}}', "S404", 1, 44, "'parent'", "within"),
        ('mapping: {A: {value: 1, when: "yes"}}', "S405", 1, 31, "must be a template", "{{"),
        ('mapping: {A: {value: 1, when: "{{ a }} "}}', None, 0, 0, "", ""),
        ('mapping: {A: {value: 1, when: "x{{ a }}"}}', "S405", 1, 31, "one expression", "{{"),
        ("mapping: {A: {value: 1, defalt: 2}}", "S406", 1, 25, "no key 'defalt'", "'default'"),
        ("mapping: {A: {default: 1, required: true}}", "S406", 1, 14, "needs value", ""),
        ('mapping: {A: {value: 1, required: "yes"}}', "S407", 1, 35, "true or false", ""),
        ("mapping: {A: {value: 1, type: money}}", "S407", 1, 31, "no type 'money'", ""),
        ("mapping: {A: {value: 1, type: decimals}}", "S407", 1, 31, "no type 'decimals'", "'decimal'"),
        ("mapping: {A: {value: 1, max_length: 0}}", "S407", 1, 37, "above zero", ""),
        ("mapping: {A: {value: [1]}}", "S407", 1, 22, "one value", ""),
        ('mapping: {A: {each: "$.t[*]", rows: {B: 1}}}', "S406", 1, 31, "no key 'rows'", "'row'"),
        ('mapping: {A: {each: "$.t[*]"}}', "S408", 1, 14, "needs row", ""),
        ("mapping: {A: {row: {B: 1}}}", "S408", 1, 14, "needs each", "each:"),
        ("mapping: {A: {each: t, row: {B: 1}}}", "S402", 1, 21, "no path", "$."),
        ("mapping: {A: [{B: 1}, 2]}", "S408", 1, 23, "not both", ""),
        ("mapping: {}", "S409", 1, 10, "the document's fields", "FBillNo"),
        ("mapping: text", "S409", 1, 10, "the document's fields", ""),
        ("mapping: {A: 1}\nchecks: {that: 1}", "S410", 2, 9, "a list", ""),
        ("mapping: {A: 1}\nchecks: [{say: x}]", "S410", 2, 10, "needs that", ""),
        ('mapping: {A: 1}\nchecks: [{that: "{{ 1 }}", sya: x}]', "S406", 2, 28, "no key 'sya'", "'say'"),
        ("mapping: {A: 1}\nchecks: [{that: true}]", "S405", 2, 17, "must be a template", ""),
        ('mapping: {A: {value: 1, format: "0.00"}}', "S412", 1, 33, "needs type", ""),
        ('mapping: {A: {value: 1, type: decimal, format: "#,##0"}}', "S412", 1, 48, "digits", ""),
        ('mapping: {A: {value: 1, type: date, format: "DD.MM"}}', "S412", 1, 45, "'D'", ""),
        (
            'mapping: {A: {each: "$.t[*]", where: "{{ document.B }}", row: {B: 1}}}',
            "S413",
            1,
            38,
            "checks",
            "",
        ),
        ("mapping: {A: [{FSUM: 1}], S: \"{{ total('A.FSMU') }}\"}", "S414", 1, 31, "'FSMU'", "'FSUM'"),
    ],
)
def test_a_mistake_is_found_where_it_stands(
    text: str, code: str | None, line: int, column: int, message: str, hint: str
) -> None:
    found = findings_of(text)
    if code is None:
        assert found == []
        return
    assert [finding.code for finding in found] == [code]
    assert (found[0].position.line, found[0].position.column) == (line, column)
    assert message in found[0].message
    assert hint in (found[0].hint or "")


def test_one_mistake_does_not_hide_the_next() -> None:
    text = """
mapping:
  A: "$x"
  B: {value: "{{ a | uper }}", typ: decimal, required: maybe}
  C:
    - each: "$.t[*]"
      wher: "{{ row.a }}"
      row: {D: "{{ parent.x }}", E: {value: "@.y", type: amount}}
checks:
  - that: "{{ total('C.F') > 0 }}"
"""
    assert [(finding.code, finding.position.line) for finding in findings_of(text)] == [
        ("S401", 3),
        ("S406", 4),
        ("S403", 4),
        ("S407", 4),
        ("S406", 7),
        ("S404", 8),
        ("S407", 8),
        ("S414", 10),
    ]


def test_each_stands_in_a_row_once() -> None:
    inner = '{each: "@.c[*]", row: {D: 1}}'
    for _ in range(2):
        inner = f'{{each: "@.b[*]", row: {{X: {inner}}}}}'
    text = f"mapping: {{A: {inner.replace('@.b', '$.b', 1)}}}"
    assert [finding.code for finding in findings_of(text)] == ["S408"]


def test_shapes() -> None:
    text = """
mapping:
  CONSTANT: x
  PATH: "$.a"
  TEMPLATE: "{{ a }}"
  RULE: {value: "$.a", default: "{{ b }}", label: 名}
  GROUP: {FNUMBER: x}
  BLOCK: {each: "$.t[*]", optional: true, row: {A: "@.a"}}
  ROWS: [{A: 1}, {each: "$.t[*]", row: {A: 2}}]
  ITEMS: [a, "$.b"]
"""
    found: list[Any] = []
    mapping = read_yaml_text(text, "s.yaml").get("mapping")
    assert mapping is not None
    entries = {field.name: field.entry for field in parse_mapping(mapping, found).fields}
    assert found == []
    leaves = [type(entry.leaf) for entry in entries.values() if isinstance(entry, Rule)]
    assert leaves == [Constant, PathLeaf, TemplateLeaf, PathLeaf]
    assert isinstance(entries["GROUP"], Nested)
    assert isinstance(entries["ITEMS"], Items)
    assert isinstance(entries["BLOCK"], Array)
    assert [block.optional for block in entries["BLOCK"].blocks] == [True]
    assert isinstance(entries["ROWS"], Array)
    assert [block.each is None for block in entries["ROWS"].blocks] == [True, False]


def test_a_leaf_and_a_condition_alone() -> None:
    found: list[Any] = []
    assert isinstance(parse_leaf(read_yaml_text('"$.id"', "s.yaml"), found), PathLeaf)
    assert parse_condition(read_yaml_text('"{{ a == 1 }}"', "s.yaml"), found) is not None
    assert found == []
    assert parse_leaf(read_yaml_text("[1]", "s.yaml"), found) is None
    assert parse_condition(read_yaml_text("plain", "s.yaml"), found) is None
    assert [finding.code for finding in found] == ["S407", "S405"]
