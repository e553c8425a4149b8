"""Reading YAML: safe types, places, and the traps that a scheme's author falls into."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SchemeError
from engine.findings import Finding
from engine.yaml_nodes import read_yaml, read_yaml_text


def read(text: str) -> tuple[object, list[Finding]]:
    findings: list[Finding] = []
    return read_yaml_text(text, "s.yaml", findings).plain(), findings


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("true", True),
        ("False", False),
        ("007", "007"),
        ("0", 0),
        ("-3", -3),
        ("+3", "+3"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("1.50", Decimal("1.50")),
        ("-0.1", Decimal("-0.1")),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".5", ".5"),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T08:00:00Z", "2026-12-01T08:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'12'", "12"),
        ("202405081021000178717", 202405081021000178717),
    ],
)
def test_plain_scalars_keep_to_few_types(written: str, value: object) -> None:
    plain, findings = read(f"key: {written}")
    assert plain == {"key": value}
    assert type(plain["key"]) is type(value)  # type: ignore[index]
    assert not findings


def test_a_key_is_always_a_text() -> None:
    assert read("on: 1\n5237: 2\ntrue: 3\n1.5: 4")[0] == {"on": 1, "5237": 2, "true": 3, "1.5": 4}


def test_positions_count_characters_from_one() -> None:
    node = read_yaml_text("备注:\n  - 电汇: x\n", "s.yaml")
    entry = node.get("备注").value[0]  # type: ignore[union-attr]
    assert (entry.keys["电汇"].line, entry.keys["电汇"].column) == (2, 5)
    assert (entry.get("电汇").position.line, entry.get("电汇").position.column) == (2, 9)


@pytest.mark.parametrize(
    ("text", "place", "mended", "value"),
    [
        ("a: @.费用明细\nb: 1", (1, 4), 'a: "@.费用明细"', {"a": "@.费用明细", "b": 1}),
        ("a: {{ x.y }}", (1, 4), 'a: "{{ x.y }}"', {"a": "{{ x.y }}"}),
        ("a: {{ x['y'] }} 元", (1, 4), "a: \"{{ x['y'] }} 元\"", {"a": "{{ x['y'] }} 元"}),
        ("a: {% if x %}1{% endif %}", (1, 4), 'a: "{% if x %}1{% endif %}"', {"a": "{% if x %}1{% endif %}"}),
        ("a: [金额]元", (1, 4), 'a: "[金额]元"', {"a": "[金额]元"}),
        (
            "a: {value: @.x, type: t}",
            (1, 12),
            'a: {value: "@.x", type: t}',
            {"a": {"value": "@.x", "type": "t"}},
        ),
        (
            "a: {each: $.x[*].y, b: 1}",
            (1, 11),
            'a: {each: "$.x[*].y", b: 1}',
            {"a": {"each": "$.x[*].y", "b": 1}},
        ),
        (
            "a: {value: {{ x }}, b: 1}",
            (1, 12),
            'a: {value: "{{ x }}", b: 1}',
            {"a": {"value": "{{ x }}", "b": 1}},
        ),
        ('a: {{ x["y"] }}', (1, 4), "a: '{{ x[\"y\"] }}'", {"a": '{{ x["y"] }}'}),
        ("- @.x", (1, 3), '- "@.x"', ["@.x"]),
        ("a: b: c", (1, 4), 'a: "b: c"', {"a": "b: c"}),
        ("a: *.x", (1, 4), 'a: "*.x"', {"a": "*.x"}),
        ("row: {A: @.x,\n  B: 2}", (1, 10), 'row: {A: "@.x",', {"row": {"A": "@.x", "B": 2}}),
    ],
)
def test_a_missing_quote_is_told_with_the_mended_line(
    text: str, place: tuple[int, int], mended: str, value: object
) -> None:
    plain, findings = read(text)
    assert plain == value
    assert [finding.code for finding in findings] == ["S103"]
    assert (findings[0].position.line, findings[0].position.column) == place
    assert findings[0].hint is not None
    assert findings[0].hint.endswith(mended)


def test_many_missing_quotes_are_all_told_and_later_columns_are_the_users() -> None:
    findings: list[Finding] = []
    node = read_yaml_text("a: {v: @.x, w: $.y[*].z, u: [1]}\nb: {{ c }}\nb: 2\n", "s.yaml", findings)
    assert [(f.code, f.position.line, f.position.column) for f in findings] == [
        ("S103", 1, 8),
        ("S103", 1, 16),
        ("S103", 2, 4),
        ("S102", 3, 1),
    ]
    assert node.get("a").get("u").position.column == 29  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a:\n\tb: 1", (2, 1), "tab"),
        ('a: "x\nb: 1', (1, 4), "quote"),
        ("a: {b: 1\nc: 2", (1, 4), "brace"),
        ("a: [1, 2\nc: 2", (1, 4), "bracket"),
        ("a: 1\n b: 2", (2, 3), "colon"),
        ("a:\n    b: 1\n  c: 2", (3, 3), "fit"),
        ("a: 1\n---\nb: 2", (2, 1), "more than one"),
        ("a: \x07", (1, 4), "U+0007"),
        ("a: &x [*x]", (1, 4), "alias"),
        ("[" * 300, (1, 101), "deeper than 100"),
        ("a: &x 1\nb: [" + "*x," * 101 + "]", None, "100 aliases"),
    ],
)
def test_what_cannot_be_read_raises_with_its_place(
    text: str, place: tuple[int, int] | None, words: str
) -> None:
    with pytest.raises(SchemeError) as caught:
        read_yaml_text(text, "s.yaml", [])
    assert words in caught.value.message
    assert caught.value.position is not None
    if place is not None:
        assert (caught.value.position.line, caught.value.position.column) == place


def test_aliases_cannot_blow_up() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [" + ",".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 9)]
    with pytest.raises(SchemeError, match="repeated by aliases"):
        read_yaml_text("\n".join(lines), "s.yaml")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2", "S102"),
        ("<<: {a: 1}", "S106"),
        ("a: !!python/object/apply:os.system [x]", "S105"),
        ("a: !secret x", "S105"),
        ('"": 1', "S107"),
        ("? [a]\n: 1", "S107"),
    ],
)
def test_what_can_be_read_past_is_a_finding_or_raises_without_a_list(text: str, code: str) -> None:
    assert [finding.code for finding in read(text)[1]] == [code]
    with pytest.raises(SchemeError):
        read_yaml_text(text, "s.yaml")


def test_files_that_cannot_be_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SchemeError, match="no file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(SchemeError, match="is no file"):
        read_yaml(tmp_path)
    broken = tmp_path / "broken.yaml"
    broken.write_bytes("a: 1\nb: 电".encode() + b"\xff")
    with pytest.raises(SchemeError, match="not UTF-8") as caught:
        read_yaml(broken)
    assert (caught.value.position.line, caught.value.position.column) == (2, 5)  # type: ignore[union-attr]
    big = tmp_path / "big.yaml"
    big.write_bytes(b"a: " + b"x" * 2_000_001)
    with pytest.raises(SchemeError, match="2 MB"):
        read_yaml(big)
    marked = tmp_path / "bom.yaml"
    marked.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_yaml(marked).plain() == {"a": 1}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab:-{}[]@\"'#&*!|>%`\n\t ?,$.x电<\\\x00", max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    findings: list[Finding] = []
    with contextlib.suppress(SchemeError):  # any other error is a traceback for the user
        read_yaml_text(text, "s.yaml", findings)
