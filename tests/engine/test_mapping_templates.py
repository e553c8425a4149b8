"""Templates: what they give, what they can name, and how their failures read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FailureClass, Position, RecordError, SchemeError
from engine.mapping.scope import MISS, RecordView, Scope
from engine.mapping.templates import Template, parse_template
from engine.mapping.totals import total


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        yield


AT = Position("scheme.yaml", 7, 11)
RECORD: dict[str, Any] = {
    "title": "张三提交的费用报销",
    "总金额": "1,234.50",
    "备注": None,
    "报销明细": [{"费用明细": "办公费", "金额": "1.10", "items": "I"}, {"费用明细": "交通", "金额": "2.20"}],
    "extend": {"status": "COMPLETED", "finish_time": "2024-05-08 15:40:09"},
    "表格#TableField_1": [],
    "row": "a label",
    "公司帐号(必填)": "是",
    "_repeated": ["表格"],
}
DOCUMENT = {"FBillNo": "DD1", "FENTRY": [{"FAMOUNT": Decimal("1.10")}, {"FAMOUNT": "2,000.20"}, {}]}


def lookup(table: str, key: str) -> Any:
    return {("employee", "5237"): "E0031"}.get((table, key), MISS)


def scope(**changes: Any) -> Scope:
    document = RecordView(DOCUMENT, {"FBillNo": {}, "FREMARK": {}, "FENTRY": {"FAMOUNT": {}}})
    given: dict[str, Any] = {
        "row": RECORD["报销明细"][0],
        "parent": {"费用明细": "outer"},
        "document": document,
        "total": lambda name: total(DOCUMENT, name),
    }
    return Scope(RECORD, {"pay_org": "100"}, lookup, **{**given, **changes})


def work(text: str, **changes: Any) -> Any:
    return parse_template(text, AT).evaluate(scope(**changes))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 总金额 | decimal }}", Decimal("1234.50")),
        ("{{ 7 }}", 7),
        (" {{ 7 }}\n", 7),
        ("{{ true }}", True),
        ("{{ '007' }}", "007"),
        ("{{ '[1]' }}", "[1]"),
        ("{{ [1, '2'] }}", [1, "2"]),
        ("{{ {'a': 1} }}", {"a": 1}),
        ("{{ 备注 }}", None),
        ("{{ extend.finish_time | date }}", date(2024, 5, 8)),
        ("{{ extend }}", RECORD["extend"]),
        ("{{ 报销明细 | map('length') | list }}", [3, 2]),
        ("{{ 1 }}{{ 2 }}", "12"),
        ("DD{{ 7 }}", "DD7"),
        ("{% if true %}1{% endif %}", "1"),
    ],
)
def test_one_expression_keeps_its_type_and_other_text_is_text(text: str, expected: Any) -> None:
    got = work(text)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 备注 }}-", "-"),
        ("{{ true }}/{{ false }}", "true/false"),
        ("{{ '5.10' | decimal }} 元", "5.10 元"),
        (
            "{{ extend.finish_time | date }} {{ extend.finish_time | datetime }}",
            "2024-05-08 2024-05-08 15:40:09",
        ),
        ("{{ extend.finish_time | time('HH:mm') }}!", "15:40!"),
        ("{{ 报销明细[1] }}!", '{"费用明细":"交通","金额":"2.20"}!'),
        ("{% for r in 报销明细 %}{{ loop.index }}.{{ r.费用明细 }}{% endfor %}", "1.办公费2.交通"),
        ("{% for r in 报销明细 %}{{ '' if loop.first else '、' }}{{ r.金额 }}{% endfor %}", "1.10、2.20"),
        ("{% set a = 1 %}{% set a = a + 1 %}{{ a }}", "2"),
        ("{% set a %}x{{ 1 }}{% endset %}{{ a }}!", "x1!"),
        ("{# note #}a{{ 1 }}", "a1"),
    ],
)
def test_values_in_a_text(text: str, expected: str) -> None:
    assert work(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ 1.10 + 2.20 }}", "3.30"),
        ("{{ 0.1 + 0.2 == 0.3 }}", "True"),
        ("{{ 7 / 2 }}", "3.5"),
        ("{{ 10 // 3 }}", "3"),
        ("{{ 2 ** 10 }}", "1024"),
        ("{{ 2 ** -1 }}", "0.5"),
        ("{{ -1.5 }}", "-1.5"),
        ("{{ 报销明细 | length * 2 }}", "4"),
        ("{{ (总金额 | decimal) * 0.5 }}", "617.250"),
        ("{{ 2.345 | money }}", "2.35"),
        ("{{ 2.345 | round(1) }}", "2.3"),
        ("{{ 2.31 | round(1, 'ceil') }}", "2.4"),
        ("{{ ['1.10', '2'] | map('decimal') | sum }}", "3.10"),
        ("{{ '-3' | int | abs }}", "3"),
        ("{{ 'x' | int(0) }}", "0"),
        ("{{ '1.50' | float }}", "1.50"),
        ("{{ [3, 1, 2] | sort | join(',') }}", "1,2,3"),
        ("{{ [3, 1, 2] | max }}", "3"),
        ("{{ ['b', 'A', 'a'] | unique | join }}", "bA"),
        ("{{ 1 is odd and 4 is even and 9 is divisibleby 3 }}", "True"),
        ("{{ 'a' ~ 1.50 ~ none }}", "a1.50"),
        ("{{ 'abc'[1:] + 'd' }}", "bcd"),
        ("{{ '-' * 3 }}", "---"),
    ],
)
def test_arithmetic_is_decimal(text: str, expected: str) -> None:
    assert str(work(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ ' a ' | trim }}", "a"),
        ("{{ 备注 | upper }}", ""),
        ("{{ 备注 | default('无', true) }}", "无"),
        ("{{ 没有 | default('无') }}", "无"),
        ("{{ 'a-b'.split('-') | last }}", "b"),
        ("{{ '5'.zfill(3) ~ 'ab'.replace('a', 'x').upper() }}", "005XB"),
        ("{{ ','.join(['a', 'b']) }}", "a,b"),
        ("{{ 'No. 12-34' | digits }}", "1234"),
        ("{{ '付款单备注' | cut(3) }}", "付款单"),
        ("{{ {'a': 1.50, 'b': [none, '张']} | json }}", '{"a":1.50,"b":[null,"张"]}'),
        ("{{ extend.finish_time | unix_ms }}", 1715154009000),
        ("{{ extend.finish_time | date('yyyyMMdd') }}", "20240508"),
        ("{{ '5237' | lookup('employee') }}", "E0031"),
        ("{{ lookup('employee', ' 5237 ') }}", "E0031"),
        ("{{ '1' | lookup('employee', '-') }}", "-"),
        ("{{ ['5237'] | map('lookup', 'employee') | first }}", "E0031"),
        ("{{ '<b>' | escape }}", "&lt;b&gt;"),
        ("{{ '<b>x</b>' | striptags }}", "x"),
        ("{{ 'a b' | urlencode }}", "a%20b"),
        ("{{ ['', 'a', none] | select | list | length }}", 1),
        ("{{ [1, 2, 3] | reject('odd') | list }}", [2]),
        ("{{ extend | items | first | first }}", "status"),
        ("{{ 'long text here' | truncate(8, true, '…', 0) }}", "long te…"),
    ],
)
def test_filters_and_methods(text: str, expected: Any) -> None:
    assert work(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ row.费用明细 }}", "办公费"),
        ("{{ parent.费用明细 }}", "outer"),
        ("{{ record['row'] }}", "a label"),
        ("{{ record['公司帐号(必填)'] }}", "是"),
        ("{{ params.pay_org }}", "100"),
        ("{{ document.FBillNo }}", "DD1"),
        ("{{ document.FREMARK is none }}", True),
        ("{{ document.FENTRY[2].FAMOUNT is none }}", True),
        ("{{ total('FENTRY.FAMOUNT') }}", Decimal("2001.30")),
        ("{{ 'FENTRY.FAMOUNT' | total }}", Decimal("2001.30")),
        ("{{ row.items }}", "I"),
        ("{{ row['items'] }}", "I"),
        ("{{ row.keys is defined or row.get is defined or row.values is defined }}", False),
        ("{{ row['总金额'] is defined }}", False),
        ("{{ 没有 is defined }}", False),
        ("{{ '费用明细' in row }}", True),
        ("{{ row | length }}", 3),
        ("{{ row | list }}", ["费用明细", "金额", "items"]),
        ("{{ row == 报销明细[0] }}", True),
        ("{{ row is mapping and 报销明细 is sequence }}", True),
        ("{{ total('FENTRY.FAMOUNT') == 总金额 | decimal }}", False),
    ],
)
def test_variables(text: str, expected: Any) -> None:
    assert work(text) == expected


def test_variables_are_reported_with_their_places() -> None:
    template = parse_template(
        "{{ 总金额 | decimal + row.金额 }}{% for r in 报销明细 %}{{ r.x }}{% endfor %}", AT
    )
    assert [(use.name, use.position.column) for use in template.names] == [
        ("总金额", 14),
        ("row", 30),
        ("报销明细", 51),
    ]


def test_tables_and_totals_are_reported() -> None:
    template = parse_template("{{ x | lookup('a') }}{{ lookup('b', x) }}{{ total('T.F') }}", AT)
    assert template.tables == {"a", "b"}
    assert template.totals == {"T.F"}
    assert template.reads_document


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{{ 总金额x }}", "'总金额x' is not there", "'总金额'"),
        ("{{ extend.statu }}", "'statu' is not there", "'status'"),
        ("{{ 没有的 }}!", "'没有的' is not there", "default"),
        ("{{ 备注.x }}", "'x' is not there", ""),
        ("{{ 表格 }}", "more than once", "record['表格#TableField_1']"),
        ("{{ '12x.50' | decimal }}", '"12x.50" is not an amount', ""),
        ("{{ '' | decimal }}", "is not an amount", ""),
        ("{{ 备注 | date }}", "nothing is not a date", ""),
        ("{{ 1 / 0 }}", "division by zero", ""),
        ("{{ '1' + 1 }}", "joined with ~", ""),
        ("{{ '1' - 1 }}", "| decimal", ""),
        ("{{ 'a' if false }}", "without else", ""),
        ("{{ [] | first }}", "the first of none", ""),
        ("{{ 'x' | int }}", "is not an amount", ""),
        ("{{ ['1'] | sum }}", "map('decimal')", ""),
        ("{{ title.upper }}", "no data", ""),
        ("{{ total('FENTRY.FBillNo') ~ document.FENTRY[9].x }}", "'9' is not there", ""),
    ],
)
def test_a_failure_names_what_is_wrong(text: str, message: str, hint: str) -> None:
    with pytest.raises(RecordError) as caught:
        work(text)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.position is not None
    assert caught.value.position.line == AT.line


def test_a_miss_is_a_failure_of_its_own_class() -> None:
    with pytest.raises(RecordError, match="table 'employee' has no entry for \"77\"") as caught:
        work("{{ ' 77 ' | lookup('employee') }}")
    assert caught.value.failure is FailureClass.BASE_DATA_MISSING
    assert work("{{ '77' | lookup('employee') }}", table_defaults={"employee": "E0000"}) == "E0000"


class Pending(LookupError):
    """What a runner raises to fetch an entry first; made to look like a failure of the template."""


@pytest.mark.parametrize(
    "text", ["{{ '1' | lookup('t') }}", "{{ ['1'] | map('lookup', 't') | list }}", "{{ lookup('t', 1) }}!"]
)
def test_what_the_look_up_raises_passes_through(text: str) -> None:
    pending = Pending("t")

    def find(table: str, key: str) -> Any:
        raise pending

    with pytest.raises(Pending) as caught:
        parse_template(text, AT).evaluate(Scope({}, {}, find))
    assert caught.value is pending


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("{{ a | uper }}", 18, "no filter 'uper'", "'upper'"),
        ("{{ a is defind }}", 19, "no test 'defind'", "'defined'"),
        ("{{ a.stripp() }}", 16, "'stripp' cannot be called", "'strip'"),
        ("{{ upper(a) }}", 14, "'upper' cannot be called", "| upper"),
        ("{{ 公司帐号(必填) }}", 14, "'公司帐号' cannot be called", "record['"),
        ("{{ a", 11, "cannot be read", "pairs"),
        ("{{ a b }}", 11, "cannot be read", ""),
        ("{% if a %}", 11, "cannot be read", ""),
        ("{{ x | lookup(y) }}", 11, "in quotes", ""),
        ("{{ 1.12345678901234567890 }}", 11, "more digits", "| decimal"),
        ("{{ Ａ + A }}", 14, "too alike", "record["),
        ("{{ 1 }}" + "x" * 70_000, 11, "64 KB", ""),
    ],
)
def test_what_cannot_be_read_is_found_before_running(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(SchemeError) as caught:
        parse_template(text, AT)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.position == Position("scheme.yaml", 7, column)


def test_an_error_on_a_later_line_is_placed_there() -> None:
    with pytest.raises(SchemeError) as caught:
        parse_template("{% if a %}\n  {{ b | nonsense }}\n{% endif %}", AT)
    assert caught.value.position == Position("scheme.yaml", 8, 10)


def test_a_template_is_worked_out_anew_each_time() -> None:
    template: Template = parse_template("{% set a = x %}{{ a }}{{ x }}", AT)
    assert [template.evaluate(Scope({"x": value})) for value in ("1", "2")] == ["11", "22"]


@given(st.text(max_size=40))
def test_any_expression_is_worked_out_or_refused(text: str) -> None:
    with suppress(SchemeError, RecordError):
        parse_template("{{ " + text + " }}", AT).evaluate(scope())


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5), st.text(max_size=8))
def test_a_view_gives_its_fields_and_nothing_else(fields: dict[str, str], name: str) -> None:
    template = parse_template("{{ record[params.name] is defined }}", AT)
    assert template.evaluate(Scope(fields, {"name": name})) is (name in fields)
