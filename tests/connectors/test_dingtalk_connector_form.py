"""What a form's components become, whichever way DingTalk chose to write them (reference §6)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dingtalk.form import ENGINE_WORDS, decode_form
from connectors.dingtalk.record import beijing_text, content_of, from_new, make_record
from engine.errors import RecordError
from engine.jsontext import dumps


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are matched as the code writes them."""
    monkeypatch.setenv("ENGINE_LANG", "en")


def part(name: str | None, value: Any = None, **more: Any) -> dict[str, Any]:
    made = {"component_type": "TextField", "id": f"TextField_{name}", **more}
    if name is not None:
        made["name"] = name
    if value is not None:
        made["value"] = value
    return made


def table(name: str, value: Any, id_: str = "TableField_1") -> dict[str, Any]:
    text = value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
    return part(name, text, component_type="TableField", id=id_)


def cell(label: str | None, value: Any = None, key: str = "", **more: Any) -> dict[str, Any]:
    made = {"key": key or f"TextField_{label}", **more}
    if label is not None:
        made["label"] = label
    if value is not None:
        made["value"] = value
    return made


def rows(*found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"rowValue": list(cells), "rowNumber": str(number)} for number, cells in enumerate(found)]


DEFINITION = {"componentName": "DDDateField", "componentType": "DDDateField", "props": {"label": "日期"}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1500.00", "1500.00"),
        (None, None),
        ("null", None),
        ("", ""),
        ("多行\n文本", "多行\n文本"),
        (["a", "b"], '["a","b"]'),
        (12, "12"),
        (2**80, str(2**80)),
        (Decimal("1500.10"), "1500.10"),
        (Decimal("1e999999999"), "1E+999999999"),
    ],
)
def test_plain_values_are_text_or_nothing(value: Any, expected: Any) -> None:
    assert decode_form([part("总金额", value)]).fields == {"总金额": expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("null", []),
        ("", []),
        ("[]", []),
        ([DEFINITION, DEFINITION], []),
        (rows([cell("金额", "3.50")]), [{"金额": "3.50"}]),
        ([DEFINITION, *rows([cell("金额", "3.50")])], [{"金额": "3.50"}]),
        (rows([cell("金额", "1")], [cell("事由", "打车")]), [{"金额": "1"}, {"事由": "打车"}]),
        (rows([cell("金额")]), [{"金额": None}]),
        (rows([cell("金额", "null")]), [{"金额": None}]),
        (rows([cell("照片", ["u1", "u2"])]), [{"照片": '["u1","u2"]'}]),
        (rows([cell("照片", '["u1"]')]), [{"照片": '["u1"]'}]),
        (rows([cell(None, "请填写", key="TextNote_9")]), [{"TextNote_9": "请填写"}]),
        (rows([]), [{}]),
        ([[{"name": "金额", "value": "9.00"}]], [{"金额": "9.00"}]),
        ('[{"rowValue":[{"label":"金额","key":"n","value":1234.50}]}]', [{"金额": "1234.50"}]),
    ],
)
def test_tables(value: Any, expected: Any) -> None:
    assert decode_form([table("明细", value)]).fields == {"明细": expected}


@pytest.mark.parametrize(
    "value",
    [
        '[{"rowValue":[{"label":"金',
        "text",
        '{"a":1}',
        "[1]",
        '[{"rowValue":1}]',
        '[{"rowValue":[1]}]',
        "[{}]",
    ],
)
def test_a_table_that_cannot_be_read_fails_its_record_with_its_label(value: str) -> None:
    with pytest.raises(RecordError) as caught:
        decode_form([table("报销明细", value)])
    assert caught.value.label == "报销明细"


def test_an_unnamed_note_goes_by_its_id() -> None:
    note = part(None, "请如实填写", component_type="TextNote", id="TextNote_7L0ZKXODKW40")
    assert decode_form([note]).fields == {"TextNote_7L0ZKXODKW40": "请如实填写"}


def test_repeated_labels_all_carry_their_ids() -> None:
    form = decode_form(
        [
            table("表格", rows([cell("a", "1")]), "TableField_1"),
            table("表格", rows([cell("a", "2")]), "TableField_2"),
            part("备注", "x", id="TextField_3"),
        ]
    )
    assert form.fields == {
        "表格#TableField_1": [{"a": "1"}],
        "表格#TableField_2": [{"a": "2"}],
        "备注": "x",
    }
    assert form.repeated == ["表格"]


@pytest.mark.parametrize("word", sorted(ENGINE_WORDS))
def test_the_engines_words_win_over_labels(word: str) -> None:
    form = decode_form([part(word, "mine", id="TextField_1")])
    assert form.fields == {f"{word}#TextField_1": "mine"}
    assert form.repeated == [word]


def test_a_label_repeated_in_a_tables_rows_is_so_in_every_row() -> None:
    value = rows([cell("金额", "1", "k1"), cell("金额", "2", "k2")], [cell("金额", "3", "k2")])
    first, second = decode_form([table("明细", value)]).fields["明细"]
    assert (first["金额#k1"], first["金额#k2"], second["金额#k2"]) == ("1", "2", "3")
    assert first["_repeated"] == second["_repeated"] == ["金额"]


def test_ext_values_are_decoded_beside() -> None:
    form = decode_form(
        [
            part("收款账号", "张三", ext_value='{"name":"张三","id":"1"}'),
            part("备注", "x", ext_value="no json"),
            table("明细", rows([cell("部门", "一组", extendValue=[{"id": "7"}])])),
        ]
    )
    assert form.ext == {"收款账号": {"name": "张三", "id": "1"}, "备注": "no json"}
    assert form.fields["明细"] == [{"部门": "一组", "_ext": {"部门": [{"id": "7"}]}}]


def test_a_date_range_is_one_field_for_each_of_its_labels() -> None:
    name = '["开始时间","结束时间"]'
    form = decode_form(
        [part(name, '["2024-05-06","2024-05-07",2,"天"]', component_type="DDDateRangeField", id="R_1")]
    )
    assert form.fields == {"开始时间": "2024-05-06", "结束时间": "2024-05-07"}
    assert form.ext == {"开始时间": ["2024-05-06", "2024-05-07", 2, "天"]}
    empty = decode_form([part(name, component_type="DDDateRangeField", id="R_1")])
    assert empty.fields == {"开始时间": None, "结束时间": None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("id", "name", "value", "ext_value", "component_type"), JSON)
        ),
        max_size=5,
    )
)
def test_no_form_is_lost_in_an_error_other_than_the_records(components: list[Any]) -> None:
    try:
        form = decode_form(components)
    except RecordError:
        return
    assert len(form.fields) >= len(components)


NAMED = st.sampled_from(["甲", "乙", " 甲", "", "title", "_ext", '["起","止"]', "null", 7, None])
SAID = st.sampled_from(["1", "null", "", '{"a": 1.50}', "[", None, 12, Decimal("1.50"), ["x"], {"b": None}])
CELL = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("label", "name", "key", "id"), NAMED),
        **dict.fromkeys(("value", "extendValue", "extValue"), SAID),
    },
)
USUAL_CELL = st.builds(
    cell, st.sampled_from(["日期", "金额", "事由"]), SAID, key=st.sampled_from(["", "", "", "Other_1"])
)
ROW = st.one_of(st.lists(USUAL_CELL, max_size=3), st.lists(CELL, max_size=3), SAID)
TABLE = st.lists(
    st.one_of(st.builds(lambda row: {"rowValue": row}, ROW), ROW, st.just(DEFINITION)), max_size=3
)


@given(
    st.lists(
        st.one_of(
            st.builds(part, st.sampled_from(["事由", "总金额", "备注"]), SAID, ext_value=SAID),
            st.builds(table, st.sampled_from(["明细", "费用"]), TABLE.map(dumps)),
            st.fixed_dictionaries(
                {}, optional={**dict.fromkeys(("id", "name"), NAMED), "value": SAID, "ext_value": SAID}
            ),
            SAID,
        ),
        max_size=4,
    )
)
def test_the_way_of_usual_forms_gives_what_the_way_of_all_gives(components: list[Any]) -> None:
    def seen() -> Any:
        try:
            form = decode_form(components)
        except RecordError as error:
            return str(error)
        return form, [list(each) for each in (form.fields, form.ext, form.components, form.columns)]

    quickly = seen()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("connectors.dingtalk.form._plain_form", lambda _: None)
        patched.setattr("connectors.dingtalk.form._plain_table", lambda _: None)
        assert seen() == quickly


def test_half_an_emoji_can_be_stored() -> None:
    parts = [part("备注", "好\ud83d"), table("明细", rows([cell("照片", ["x\ud83d"])]))]
    record = make_record("F9", {"form_component_values": parts, "title": "\ud83d"})
    json.dumps(record, ensure_ascii=False).encode()
    assert record["备注"] == "好?"


# --- records --------------------------------------------------------------------------------------------

OLD = {
    "attached_process_instance_ids": ["child"],
    "biz_action": "NONE",
    "business_id": "202405081021000178717",
    "cc_userids": ["1"],
    "create_time": "2024-05-08 10:21:00",
    "finish_time": "2024-05-08 15:40:00",
    "form_component_values": [part("总金额", "1,500.00")],
    "operation_records": [],
    "originator_dept_id": "575403278",
    "originator_dept_name": "项目部",
    "originator_userid": "5237000000000001",
    "result": "agree",
    "status": "COMPLETED",
    "tasks": [],
    "title": "张三提交的费用报销",
}
NEW = {
    "title": "张三提交的费用报销",
    "createTime": "2024-05-08T10:21Z",
    "finishTime": "2024-05-08T15:40Z",
    "originatorUserId": "5237000000000001",
    "originatorDeptId": 575403278,
    "originatorDeptName": "项目部",
    "status": "COMPLETED",
    "result": "agree",
    "businessId": "202405081021000178717",
    "bizAction": "NONE",
    "bizData": "{}",
    "ccUserIds": ["1"],
    "attachedProcessInstanceIds": ["child"],
    "formComponentValues": [
        {"componentType": "TextField", "id": "TextField_总金额", "name": "总金额", "value": "1,500.00"}
    ],
    "operationRecords": [{"type": "ADD_REMARK", "userId": "u", "remark": "已付", "result": "NONE"}],
}


def test_both_generations_give_the_same_record() -> None:
    old, new = make_record("F9", OLD), make_record("F9", from_new(NEW))
    assert old == new
    assert old["extend"]["attached_process_instance_ids"] == ["child"]
    assert old["id"] == "F9"
    assert old["总金额"] == "1,500.00"


def test_a_running_instance_has_all_its_members() -> None:
    record = make_record("F9", {"status": "RUNNING", "title": "t", "business_id": "1"})
    assert record["extend"]["result"] == ""
    assert record["extend"]["biz_action"] == "NONE"
    assert record["extend"]["finish_time"] is None
    assert "main_process_instance_id" not in record["extend"]


def test_a_changed_instance_names_the_one_it_changes() -> None:
    record = make_record("F9", {**OLD, "biz_action": "REVOKE", "main_process_instance_id": "F8"})
    assert record["extend"]["main_process_instance_id"] == "F8"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2024-05-08T19:23Z", "2024-05-08 19:23:00"),
        ("2024-05-08T19:23:46Z", "2024-05-08 19:23:46"),
        ("2024-05-08 19:23:46", "2024-05-08 19:23:46"),
        (1715167426000, "2024-05-08 19:23:46"),
        (None, None),
    ],
)
def test_times_are_beijings_whatever_their_z_says(raw: Any, text: Any) -> None:
    assert beijing_text(raw) == text


def test_two_records_say_the_same_whatever_their_ids_and_files() -> None:
    def part(name: str, value: str, kind: str = "TextField") -> dict[str, str]:
        return {"id": f"{kind}-{name}", "name": name, "component_type": kind, "value": value}

    def said(amount: str, file: str, originator: str = "1", **extend: str) -> Any:
        files = f'[{{"spaceId":"7","fileName":"{file}.pdf","fileId":"{file}"}}]'
        parts = [
            part("金额", amount),
            part("备注", ""),
            part("附件", files, "DDAttachment"),
            part("图片", f'["https://static.dingtalk.com/{file}.png"]', "DDPhotoField"),
        ]
        instance = {"form_component_values": parts, "originator_userid": originator, **extend}
        return content_of(make_record(file, instance))

    first = said("88.00", "a", finish_time="2026-11-01 10:00:00", business_id="1")
    assert first == said("88.00", "b", finish_time="2026-11-20 10:00:00", business_id="2")
    assert first == {"originator": "1", "fields": {"金额": "88.00"}}
    assert first != said("88.01", "a")
    assert first != said("88.00", "a", originator="2")
    assert said("", "a") is None
