"""Whole mappings: what stands in YAML becomes a document and a payload, or a failure that says where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partialmethod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FailureClass, RecordError
from engine.mapping.mapper import Mapped, Mapper
from engine.mapping.parse import parse_mapping
from engine.mapping.scope import MISS
from engine.yaml_nodes import read_yaml_text


@pytest.fixture(autouse=True, scope="module", params=["compiled", "interpreted"])
def _in_both_forms(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        compiled = request.param == "compiled"
        patch.setattr(Mapper, "__init__", partialmethod(Mapper.__init__, compiled=compiled))
        yield


RECORD: dict[str, Any] = {
    "id": "F9aB",
    "title": "张三提交的费用报销",
    "总金额": "1,328.50",
    "部门": "  总务 ",
    "备注": None,
    "空": "",
    "报销明细": [
        {
            "费用明细": "交通",
            "报销金额(元)": "328.50",
            "费用发生日期": "2024-05-06",
            "附件": [{"f": "a"}, {"f": "b"}],
        },
        {"费用明细": "办公", "报销金额(元)": "1,000.00"},
    ],
    "项目费用明细": [],
    "收款账号": "张三",
    "extend": {"business_id": "20240508", "status": "COMPLETED", "finish_time": "2024-05-08 15:40:09"},
    "_ext": {"收款账号": {"name": "张三", "id": "1"}},
}
TABLES = {"item": {"交通": "FY01", "办公": "FY02", "空": ""}, "dept": {"总务": "D1"}}


def lookup(table: str, key: str) -> Any:
    return TABLES.get(table, {}).get(key, MISS)


@dataclass(frozen=True)
class FormField:
    label: str = ""
    type: str = "string"
    base: str | None = None
    required: bool = False


class FlatForm(dict[tuple[str, ...], FormField]):
    def field(self, path: tuple[str, ...], /) -> FormField | None:
        return self.get(path)


FORM = FlatForm(
    {
        ("FNO",): FormField("单据编号"),
        ("FORG",): FormField("组织", "base", "FNumber"),
        ("FDATE",): FormField("业务日期", "date"),
        ("FTIME",): FormField("时间", "datetime"),
        ("FSUM",): FormField("合计", "decimal"),
        ("FCOUNT",): FormField("行数", "integer"),
        ("FFLAG",): FormField("标记", "boolean"),
        ("FNEED",): FormField("必填项", "string", None, True),
        ("FENTRY",): FormField("明细", "array", None, True),
        ("FENTRY", "FITEM"): FormField("费用项目", "base", "FNUMBER"),
        ("FENTRY", "FAMOUNT"): FormField("金额", "decimal", None, True),
    }
)


def spec_of(text: str, aliases: dict[str, str] | None = None) -> Any:
    node = read_yaml_text(text, "s.yaml")
    findings: list[Any] = []
    mapping = node.get("mapping")
    assert mapping is not None
    spec = parse_mapping(mapping, findings, aliases, checks=node.get("checks"))
    assert findings == []
    return spec


def run(text: str, record: dict[str, Any] | None = None, *, form: Any = None, **options: Any) -> Mapped:
    mapper = Mapper(spec_of(text), form=form, **options)
    return mapper.map(RECORD if record is None else record, {"org": "100"}, lookup)


def document(text: str, **options: Any) -> dict[str, Any]:
    return run("mapping:\n  " + text.replace("\n", "\n  "), **options).document


def failure(text: str, **options: Any) -> RecordError:
    with pytest.raises(RecordError) as caught:
        run(text, **options)
    return caught.value


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FKDLX02_SYS", "FKDLX02_SYS"),
        ('"007"', "007"),
        ("007", "007"),
        ("5", 5),
        ("1.50", Decimal("1.50")),
        ("true", True),
        ('"$$5"', "$5"),
        ('"@@me"', "@me"),
        ('"$${{ title }}"', "$张三提交的费用报销"),
        ('"$.title"', "张三提交的费用报销"),
        ('"$.报销明细[0].报销金额(元)"', "328.50"),
        ('"$._ext.收款账号.name"', "张三"),
        ('"$._ext.收款账号"', {"name": "张三", "id": "1"}),
        ('"DD{{ extend.business_id }}"', "DD20240508"),
        ('"{{ params.org }}"', "100"),
        ('{value: "$.总金额", type: decimal}', Decimal("1328.50")),
        ('{value: "$.总金额", type: string}', "1,328.50"),
        ('{value: "$.没有", default: 其他}', "其他"),
        ('{value: "$.备注", default: "$.title"}', "张三提交的费用报销"),
        ('{value: "$.空", default: "{{ params.org }}"}', "100"),
        ('{value: "$.部门", lookup: dept}', "D1"),
        ('{value: "$.收款账号", lookup: dept, default: D9}', "D9"),
        ('{value: "$.没有", lookup: dept, default: D0}', "D0"),
        ('{value: "$.title", when: "{{ extend.status == \'COMPLETED\' }}"}', "张三提交的费用报销"),
        ('{value: "$.title", max_length: 9}', "张三提交的费用报销"),
        ('{value: "$.extend.finish_time", type: date}', "2024-05-08"),
        ('{value: "$.extend.finish_time", type: date, format: yyyyMMdd}', "20240508"),
        ('{value: "{{ 2 / 3 }}", type: decimal, format: "0.00"}', Decimal("0.67")),
        ('"{{ extend.finish_time | datetime }}"', "2024-05-08 15:40:09"),
        ("[a, b]", ["a", "b"]),
        ('["$.title", "$.没有", 0]', ["张三提交的费用报销", 0]),
        ('{FNUMBER: "$.title"}', {"FNUMBER": "张三提交的费用报销"}),
    ],
)
def test_a_rule_gives_its_value(rule: str, expected: Any) -> None:
    got = document(f"F: {rule}")["F"]
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    "rule",
    [
        '"$.没有"',
        '"$.备注"',
        '"$.空"',
        '""',
        "null",
        '"{{ 备注 }} {{ 空 }}"',
        '{value: "$.title", when: "{{ extend.status != \'COMPLETED\' }}"}',
        '{value: "$.title", when: false}',
        '{value: "$.没有", lookup: dept}',
        '{FNUMBER: "$.空"}',
        "{A: {B: $.空}}",
        "[]",
        '{each: "$.项目费用明细[*]", row: {A: 1}}',
        '{each: "$.没有[*]", optional: true, row: {A: 1}}',
    ],
)
def test_what_is_missing_or_empty_is_left_out(rule: str) -> None:
    mapped = run(
        f"mapping:\n  A: 1\n  F: {rule}\n", form=FlatForm({("F",): FormField("", "base", "FNUMBER")})
    )
    assert mapped.payload == {"A": 1}
    assert mapped.document == {"A": 1}


@pytest.mark.parametrize(
    ("rule", "payload"),
    [
        ('{FORG: "{{ params.org }}"}', {"FORG": {"FNumber": "100"}}),
        ("{FORG: 100}", {"FORG": {"FNumber": "100"}}),
        ('{FORG: {FNumber: "100"}}', {"FORG": {"FNumber": "100"}}),
        ('{FORG: {FName: "$.title"}}', {"FORG": {"FName": "张三提交的费用报销"}}),
        ('{FORG: {value: "$.部门", lookup: dept}}', {"FORG": {"FNumber": "D1"}}),
        ('{FSUM: "$.总金额"}', {"FSUM": Decimal("1328.50")}),
        ('{FDATE: "$.extend.finish_time"}', {"FDATE": "2024-05-08"}),
        ('{FTIME: "$.报销明细[0].费用发生日期"}', {"FTIME": "2024-05-06 00:00:00"}),
        ('{FCOUNT: "{{ 报销明细 | length }}"}', {"FCOUNT": 2}),
        ("{FFLAG: \"{{ extend.status == 'COMPLETED' }}\"}", {"FFLAG": True}),
        ("{FNO: 5}", {"FNO": "5"}),
    ],
)
def test_the_form_wraps_and_types(rule: str, payload: dict[str, Any]) -> None:
    mapped = run(f"mapping: {rule}", form=FORM)
    assert mapped.payload == payload


def test_the_document_is_before_wrapping() -> None:
    mapped = run('mapping: {FORG: "{{ params.org }}"}', form=FORM)
    assert mapped.document == {"FORG": "100"}


ENTRY = """
mapping:
  FENTRY:
    - each: "$.报销明细[*]"
      where: "{{ row.费用明细 != '不要' }}"
      row:
        FITEM: {value: "@.费用明细", lookup: item}
        FAMOUNT: "@.报销金额(元)"
        FNOTE: "{{ row.费用明细 }} {{ row.费用发生日期 | default('') }}"
    - {FITEM: FY99, FAMOUNT: "0.01"}
    - each: "$.项目费用明细[*]"
      row: {FAMOUNT: "@.总金额"}
"""


def test_blocks_are_concatenated_in_order() -> None:
    mapped = run(ENTRY, form=FORM)
    assert mapped.document["FENTRY"] == [
        {"FITEM": "FY01", "FAMOUNT": Decimal("328.50"), "FNOTE": "交通 2024-05-06"},
        {"FITEM": "FY02", "FAMOUNT": Decimal("1000.00"), "FNOTE": "办公 "},
        {"FITEM": "FY99", "FAMOUNT": Decimal("0.01")},
    ]
    assert mapped.payload["FENTRY"][0]["FITEM"] == {"FNUMBER": "FY01"}


def test_an_each_within_a_row() -> None:
    text = """
mapping:
  T:
    each: "$.报销明细[*]"
    row:
      N: "@.费用明细"
      I:
        - each: "@.附件[*]"
          optional: true
          row: {F: "@.f", OUTER: "{{ parent.费用明细 }}", R: "{{ row.f }}", TOP: "$.id"}
        - {F: "@.费用明细"}
"""
    assert run(text).document["T"] == [
        {
            "N": "交通",
            "I": [
                {"F": "a", "OUTER": "交通", "R": "a", "TOP": "F9aB"},
                {"F": "b", "OUTER": "交通", "R": "b", "TOP": "F9aB"},
                {"F": "交通"},
            ],
        },
        {"N": "办公", "I": [{"F": "办公"}]},
    ]


def test_rows_can_be_plain_values() -> None:
    text = 'mapping: {T: {each: "$.list[*]", row: {A: "@", B: "{{ row ~ 1 }}"}}}'
    assert run(text, {"list": ["x", "y"]}).document == {"T": [{"A": "x", "B": "x1"}, {"A": "y", "B": "y1"}]}


def test_the_order_is_the_schemes_also_for_fields_that_read_the_document() -> None:
    text = """
mapping:
  SUM: "{{ total('T.A') }}"
  NOTE: "{{ document.NO }}-{{ document.LATER }}"
  LEFT: "{{ document.GONE }}"
  GROUP: {IN: "{{ document.NO }}", OUT: x}
  NO: N1
  GONE: "$.没有"
  T:
    each: "$.报销明细[*]"
    row:
      SHARE: "{{ (document.T[0].A / total('T.A')) | money }}"
      A: {value: "@.报销金额(元)", type: decimal}
  LATER: L
"""
    made = run(text).document
    assert list(made) == ["SUM", "NOTE", "GROUP", "NO", "T", "LATER"]
    assert made["SUM"] == Decimal("1328.50")
    assert made["NOTE"] == "N1-L"
    assert list(made["GROUP"].items()) == [("IN", "N1"), ("OUT", "x")]
    assert [list(row) for row in made["T"]] == [["SHARE", "A"], ["SHARE", "A"]]
    assert made["T"][0]["SHARE"] == Decimal("0.25")


def test_groups_and_rows_that_late_fields_leave_empty_are_taken_out() -> None:
    text = """
mapping:
  A: 1
  GROUP: {IN: "{{ document.GONE }}"}
  T: [{X: "{{ document.GONE }}"}]
  GONE: "$.没有"
"""
    assert run(text).document == {"A": 1}


@pytest.mark.parametrize(
    ("text", "message", "field", "label", "path", "line"),
    [
        ('mapping: {FNEED: "$.没有"}', "$.没有 finds nothing", "FNEED", "必填项", "$.没有", 1),
        ('mapping: {FNEED: "$.空"}', "$.空 gives nothing", "FNEED", "必填项", "$.空", 1),
        (
            'mapping: {X: {value: "$.没有", required: true, label: 名}}',
            "finds nothing",
            "X",
            "名",
            "$.没有",
            1,
        ),
        (
            'mapping:\n  FSUM: "$.title"',
            '"张三提交的费用报销" is not an amount',
            "FSUM",
            "合计",
            "$.title",
            2,
        ),
        ('mapping: {FCOUNT: "1.5"}', '"1.5" is not a whole number', "FCOUNT", "行数", '"1.5"', 1),
        ('mapping: {FDATE: "$.title"}', "is not a date", "FDATE", "业务日期", "$.title", 1),
        ('mapping: {FNO: "$.extend"}', "cannot stand as a text", "FNO", "单据编号", "$.extend", 1),
        (
            'mapping: {FNO: "$.报销明细[*].费用明细"}',
            "finds 2 values",
            "FNO",
            "单据编号",
            "$.报销明细[*].费用明细",
            1,
        ),
        (
            'mapping: {X: {value: "$.title", max_length: 8}}',
            "9 characters; at most 8",
            "X",
            None,
            "$.title",
            1,
        ),
        ('mapping: {X: "{{ titel }}"}', "'titel' is not there", "X", None, "{{ titel }}", 1),
        (
            'mapping: {FENTRY: {each: "$.项目费用明细[*]", row: {A: 1}}}',
            "without rows",
            "FENTRY",
            "明细",
            "$.项目费用明细[*]",
            1,
        ),
        ('mapping: {FNEED: {A: "$.没有"}}', "none of its fields", "FNEED", "必填项", None, 1),
    ],
)
def test_a_failure_says_where(
    text: str, message: str, field: str, label: str | None, path: str | None, line: int
) -> None:
    error = failure(text, form=FORM)
    assert message in error.message
    assert (error.field, error.label, error.path) == (field, label, path)
    assert error.position is not None
    assert (error.position.file, error.position.line) == ("s.yaml", line)
    assert error.failure is FailureClass.DATA


def test_a_failure_in_a_row_counts_as_people_do() -> None:
    record = {
        **RECORD,
        "报销明细": [
            *RECORD["报销明细"],
            {"费用明细": "不要"},
            {"费用明细": "交通", "报销金额(元)": "12x.50"},
        ],
    }
    error = failure(ENTRY, record=record, form=FORM)
    assert error.field == "FENTRY[3].FAMOUNT"
    assert error.message == 'row 4 of 报销明细: "12x.50" is not an amount'
    assert (error.label, error.path) == ("金额", "@.报销金额(元)")
    assert error.position is not None
    assert error.position.line == 8


def test_a_failure_in_a_row_within_a_row() -> None:
    inner = '{each: "@.附件[*]", row: {F: {value: "@.f", type: decimal}}}'
    text = f'mapping: {{T: {{each: "$.报销明细[*]", row: {{I: {inner}}}}}}}'
    error = failure(text)
    assert error.field == "T[1].I[1].F"
    assert error.message.startswith("row 1 of 报销明细, row 1 of 附件: ")


def test_a_condition_that_fails_is_placed() -> None:
    error = failure('mapping: {T: {each: "$.报销明细[*]", where: "{{ row.x > 1 }}", row: {A: 1}}}')
    assert error.field == "T"
    assert error.message.startswith("row 1 of 报销明细: 'x' is not there")


@pytest.mark.parametrize("record", [{}, {"报销明细": "text"}, {"报销明细": {"a": 1}}])
def test_a_table_that_is_gone_shows_a_changed_form(record: dict[str, Any]) -> None:
    error = failure('mapping:\n  T:\n    each: "$.报销明细[*]"\n    row: {A: 1}', record=record)
    assert error.failure is FailureClass.FORM_CHANGED
    assert (error.field, error.path) == ("T", "$.报销明细[*]")
    assert error.position is not None
    assert error.position.line == 3


def test_a_repeated_label_is_an_error_until_it_is_named_in_full() -> None:
    record = {"表格#T1": [{"a": 1}], "表格#T2": [], "_repeated": ["表格"]}
    error = failure('mapping: {T: {each: "$.表格[*]", row: {A: "@.a"}}}', record=record)
    assert error.failure is FailureClass.FORM_CHANGED
    assert "record['表格#T1'], record['表格#T2']" in (error.hint or "")
    assert run('mapping: {T: {each: "$.表格#T1[*]", row: {A: "@.a"}}}', record).document == {"T": [{"A": 1}]}


def test_a_table_miss_names_table_and_key() -> None:
    error = failure('mapping: {F: {value: "$.收款账号", lookup: dept}}')
    assert error.failure is FailureClass.BASE_DATA_MISSING
    assert error.message == "table 'dept' has no entry for \"张三\""
    assert error.field == "F"


def test_defaults_of_rule_and_table() -> None:
    text = 'mapping: {F: {value: "$.收款账号", lookup: dept%s}}'
    assert run(text % "", table_defaults={"dept": "T"}).document == {"F": "T"}
    assert run(text % ", default: R", table_defaults={"dept": "T"}).document == {"F": "R"}
    assert run(
        'mapping: {A: 1, F: {value: "$.收款账号", lookup: dept}}', table_defaults={"dept": ""}
    ).document == {"A": 1}


class Pending(Exception):
    pass


def test_what_the_look_up_raises_passes_through() -> None:
    def find(table: str, key: str) -> Any:
        raise Pending(table, key)

    mapper = Mapper(
        spec_of('mapping: {T: {each: "$.报销明细[*]", row: {F: {value: "@.费用明细", lookup: item}}}}')
    )
    with pytest.raises(Pending) as caught:
        mapper.map(RECORD, {}, find)
    assert caught.value.args == ("item", "交通")


CHECKS = """
mapping:
  A: {value: "$.总金额", type: decimal}
  T: {each: "$.报销明细[*]", row: {B: {value: "@.报销金额(元)", type: decimal}, C: "@.费用发生日期"}}
checks:
  - that: "{{ total('T.B') == 总金额 | decimal }}"
    say: 明细合计与总金额不符
  - that: "{{ document.A < 2000 and document.T[1].C is none }}"
    say: "金额 {{ document.A }} 过大"
"""


def test_checks_hold_or_say_what_is_wrong() -> None:
    assert run(CHECKS).document["A"] == Decimal("1328.50")
    error = failure(CHECKS, record={**RECORD, "总金额": "5"})
    assert error.message == "明细合计与总金额不符"
    assert error.position is not None
    assert error.position.line == 6
    rows = [{"报销金额(元)": "1999"}, {"报销金额(元)": "1.00"}]
    assert failure(CHECKS, record={**RECORD, "报销明细": rows, "总金额": "2000"}).message == "金额 2000 过大"


def test_a_check_without_words_shows_its_condition() -> None:
    error = failure('mapping: {A: 1}\nchecks: [{that: "{{ document.A == 2 }}"}]')
    assert error.message == "a check does not hold: {{ document.A == 2 }}"


def test_a_total_over_what_is_no_amount_fails() -> None:
    error = failure("mapping: {S: \"{{ total('T.B') }}\", T: [{B: x}]}")
    assert '"x" is not an amount' in error.message


def test_the_time_for_a_record_is_bounded() -> None:
    ticks = iter(range(1000))
    error = failure(ENTRY, monotonic=lambda: next(ticks) * 2, form=FORM)
    assert "longer than a second" in error.message


def test_mapping_changes_nothing_and_repeats_itself() -> None:
    before = repr(RECORD)
    mapper = Mapper(spec_of(ENTRY), form=FORM)
    assert mapper.map(RECORD, {}, lookup) == mapper.map(RECORD, {}, lookup)
    assert repr(RECORD) == before


def test_aliases_lead_to_the_true_field() -> None:
    node = read_yaml_text('{A: "$.报销明细.项目费用明细.extend.status"}', "s.yaml")
    findings: list[Any] = []
    spec = parse_mapping(node, findings, {"报销明细.项目费用明细.extend": "extend"})
    assert [(finding.code, finding.severity) for finding in findings] == [("S411", "hint")]
    assert Mapper(spec).map(RECORD, {}, lookup).document == {"A": "COMPLETED"}


NAMES = st.text("ABCDEFGH", min_size=1, max_size=4)


@given(st.lists(st.tuples(NAMES, st.integers(0, 3)), unique_by=lambda pair: pair[0], min_size=1, max_size=8))
def test_order_is_kept_whatever_a_field_is(fields: list[tuple[str, int]]) -> None:
    shapes = ('"{{ document.ZZ }}"', "plain", '{N: "{{ document.ZZ }}"}', '[{N: "$.id"}]')
    lines = "".join(f"  {name}: {shapes[shape]}\n" for name, shape in fields)
    made = run(f"mapping:\n{lines}  ZZ: end\n")
    names = [name for name, _ in fields]
    assert list(made.document) == [*names, "ZZ"]
    assert list(made.payload) == [*names, "ZZ"]


@given(st.lists(st.decimals(0, 10**9, places=2), min_size=1, max_size=20))
def test_amounts_arrive_to_the_cent(amounts: list[Decimal]) -> None:
    record = {"t": [{"金额(元)": f"{amount:,}"} for amount in amounts]}
    table = '{each: "$.t[*]", row: {A: {value: "@.金额(元)", type: decimal}}}'
    text = f"mapping:\n  S: \"{{{{ total('T.A') }}}}\"\n  T: {table}"
    made = run(text, record).payload
    assert [str(row["A"]) for row in made["T"]] == [str(amount) for amount in amounts]
    assert made["S"] == sum(amounts)
