"""From answers to verdicts, document by document: what is clear, and what must not be taken for clear."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kingdee import KingdeeConnector
from connectors.kingdee.answers import Unreadable, read_body, read_status
from connectors.kingdee.forms import BillForm
from connectors.kingdee.verdicts import advance_verdicts, save_verdicts
from engine.connector.api import Accepted, Answer, Duplicate, Existing, NotSent, Outgoing, Refused, Unclear

FORM = BillForm(KingdeeConnector.catalog().forms["AP_PAYBILL"])
UNIQUE = "违反字段唯一性要求：编码唯一。[DD-1]在当前系统中已经被使用。"


def documents(count: int) -> list[Outgoing]:
    return [
        Outgoing(f"DD-{index}", {"FBillNo": f"DD-{index}", "FCONTACTUNIT": {"FNumber": "E0031"}})
        for index in range(count)
    ]


def saved(index: int | None, number: str | None = None, id: Any = None) -> dict[str, Any]:
    number = f"DD-{index}" if number is None else number
    return {"Id": 100 + (index or 0) if id is None else id, "Number": number, "DIndex": index}


def error(message: str, index: int | None, field: str | None = None) -> dict[str, Any]:
    return {"FieldName": field, "Message": message, "DIndex": index}


def body(
    errors: list[dict[str, Any]] | None = None,
    done: list[dict[str, Any]] | None = None,
    code: int | None = 11,
    **result: Any,
) -> dict[str, Any]:
    status = {"IsSuccess": not errors, "Errors": errors or [], "SuccessEntitys": done or [], "MsgCode": code}
    if errors:
        status["ErrorCode"] = 500
    return {"Result": {"ResponseStatus": status, **result}}


def told(answers: list[Answer]) -> list[str]:
    """Each verdict in a word; a refusal with its class, a yes with its id."""
    words = []
    for answer in answers:
        match answer:
            case Accepted(id=id):
                words.append(f"yes {id}")
            case Refused(failure=failure):
                words.append(f"no: {failure}")
            case NotSent(failure=failure):
                words.append(f"not sent: {failure}")
            case _:
                words.append(type(answer).__name__.lower())
    return words


SAVES: dict[str, tuple[Any, int, list[str]]] = {
    "all saved": (body(done=[saved(0), saved(1)], code=0), 2, ["yes 100", "yes 101"]),
    "in another order": (body(done=[saved(1), saved(0)], code=0), 2, ["yes 100", "yes 101"]),
    "mixed": (
        body([error("字段“往来单位”是必填项", 1, "FREMARK")], [saved(0), saved(2)]),
        3,
        ["yes 100", "no: data", "yes 102"],
    ),
    "many errors of one": (
        body([error("甲字段必录", 0), error("乙字段必录", 0)], [saved(1)]),
        2,
        ["no: data", "yes 101"],
    ),
    "duplicate number": (body([error(UNIQUE, 1, "FBillNo")], [saved(0)]), 2, ["yes 100", "duplicate"]),
    "duplicate without field": (body([error(UNIQUE, 1)], [saved(0)]), 2, ["yes 100", "duplicate"]),
    "another unique field": (
        body([error("违反字段唯一性要求。[X]在当前系统中已经被使用。", 0, "F_XX_NO")]),
        1,
        ["no: data"],
    ),
    "another unique value without field": (
        body([error("违反字段唯一性要求：第三方单号唯一。[X-9]在当前系统中已经被使用。", 0)]),
        1,
        ["no: data"],
    ),
    "base data": (
        body([error("往来单位“E9”不存在或已禁用", 0, "FCONTACTUNIT")]),
        1,
        ["no: base data missing"],
    ),
    "required though sent": (body([error("字段“往来单位”是必填项", 0)]), 1, ["no: base data missing"]),
    "closed period": (body([error("业务日期所在的会计期间已结账", 0)]), 1, ["no: configuration"]),
    "no permission, whole call": (body([error("没有新增权限", 0)], code=2), 2, ["no: configuration"] * 2),
    "licence, whole call": (body([error("许可已过期", 0)], code=7), 3, ["no: configuration"] * 3),
    "unknown field, whole call": (
        body([error("元数据中标识为FXX的字段不存在", 0)], code=9),
        2,
        ["no: configuration"] * 2,
    ),
    "general without index": (body([error("保存失败", None)], code=0), 2, ["unclear"] * 2),
    "general with index 0": (body([error("保存失败", 0)], code=0), 3, ["unclear"] * 3),
    "general with index 0, validation": (body([error("保存失败", 0)]), 3, ["unclear"] * 3),
    "lone index 0 that names a field": (
        body([error("单据体【明细信息】第【1】行分录，【仓库】字段必录", 0)]),
        2,
        ["no: data", "unclear"],
    ),
    "one refused document": (body([error("保存失败", 0)]), 1, ["no: data"]),
    "one refused without index": (body([error("金额必须大于零", None)]), 1, ["no: data"]),
    "key named without index": (body([error(UNIQUE, None)]), 3, ["unclear", "duplicate", "unclear"]),
    "exception": (body([error("未将对象引用设置到对象的实例。", 0)], code=4), 1, ["unclear"]),
    "database": (body([error("数据库执行失败", 0)], code=6), 2, ["unclear"] * 2),
    "time-out in words": (body([error("操作超时", 1)], [saved(0)]), 2, ["yes 100", "unclear"]),
    "lost session": (
        body([error("会话信息已丢失，请重新登录", 0)], code=1),
        2,
        ["not sent: transient"] * 2,
    ),
    "lost session by words": (
        body([error("会话信息已丢失，请重新登录", 0)], code=None),
        1,
        ["not sent: transient"],
    ),
    "lost session, yet something was saved": (
        body([error("会话信息已丢失，请重新登录", 0)], [saved(1)], code=1),
        2,
        ["unclear", "yes 101"],
    ),
    "locked": (body([error("网络控制冲突", 0)], code=13), 2, ["not sent: transient"] * 2),
    "call limit": (body([error("调用超限", 0)], code=14), 2, ["not sent: transient"] * 2),
    "one locked": (body([error("网络控制冲突", 1)], [saved(0)], 13), 2, ["yes 100", "not sent: transient"]),
    "unnamed": (body(done=[saved(0)], code=0), 2, ["yes 100", "unclear"]),
    "success without list": (body(code=0), 2, ["unclear"] * 2),
    "both": (body([error("甲字段必录", 0)], [saved(0)]), 1, ["unclear"]),
    "no errors, yet no success": (
        {"Result": {"ResponseStatus": {"IsSuccess": False, "SuccessEntitys": [saved(0)]}}},
        1,
        ["unclear"],
    ),
    "index out of range": (body([error("甲字段必录", 7)], [saved(9)]), 2, ["unclear"] * 2),
    "negative index": (body(done=[saved(-1)], code=0), 2, ["unclear"] * 2),
    "no id": (body(done=[saved(0, id=0)], code=0), 1, ["unclear"]),
    "no index, number known": (
        body(done=[{"Id": 7, "Number": "DD-1", "DIndex": None}], code=0),
        2,
        ["unclear", "yes 7"],
    ),
    "two bills for one": (body(done=[saved(0), saved(0, id=9)], code=0), 1, ["unclear"]),
    "errors beside success": (
        {
            "Result": {
                "ResponseStatus": {"IsSuccess": True, "Errors": [error("提示", 0)], "SuccessEntitys": None}
            }
        },
        1,
        ["unclear"],
    ),
    "Save's own id": (body(code=0, Id=7, Number="DD-0"), 1, ["yes 7"]),
    "null lists": (
        {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": None, "SuccessEntitys": None}}},
        2,
        ["unclear"] * 2,
    ),
    "strange entries": (
        {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": ["x", None], "SuccessEntitys": "y"}}},
        1,
        ["unclear"],
    ),
    "no status": ({"Result": {}}, 2, ["unclear"] * 2),
    "null": (None, 2, ["unclear"] * 2),
    "a list": ([], 1, ["unclear"]),
    "a number": (7, 1, ["unclear"]),
}


@pytest.mark.parametrize(("answer", "count", "expected"), SAVES.values(), ids=SAVES.keys())
def test_a_save_is_read_document_by_document(answer: Any, count: int, expected: list[str]) -> None:
    assert told(save_verdicts(answer, documents(count), FORM)) == expected


def test_a_refusal_names_field_and_message() -> None:
    (answer,) = save_verdicts(body([error("费用项目“F9”不存在", 0, "FCOSTID")]), documents(1), FORM)
    assert isinstance(answer, Refused)
    assert (answer.field, answer.message) == ("FPAYBILLENTRY.FCOSTID", "费用项目“F9”不存在")
    assert answer.answer["Errors"][0]["FieldName"] == "FCOSTID"


def test_the_number_comes_back_as_the_key() -> None:
    (answer,) = save_verdicts(body(done=[saved(0, number="FKD00000001")], code=0), documents(1), FORM)
    assert isinstance(answer, Accepted)
    assert (answer.number, answer.key) == ("FKD00000001", "FKD00000001")


def test_a_key_in_another_field_comes_back_in_the_returned_data() -> None:
    sent = [Outgoing("T-1", {"FTHIRDBILLNO": "T-1"}), Outgoing("T-2", {"FTHIRDBILLNO": "T-2"})]
    done = [saved(0, number="FKD1"), saved(1, number="FKD2")]
    returned = [{"FBILLNO": "FKD2", "FThirdBillNo": "T-2"}, {"FBillNo": "FKD1", "FTHIRDBILLNO": "T-x"}]
    answers = save_verdicts(body(done=done, code=0, NeedReturnData=returned), sent, FORM)
    assert [(answer.number, answer.key) for answer in answers if isinstance(answer, Accepted)] == [
        ("FKD1", "T-x"),
        ("FKD2", "T-2"),
    ]


BILLS = [Existing(str(100 + index), f"DD-{index}", "save") for index in range(3)]

ADVANCES: dict[str, tuple[Any, list[str]]] = {
    "all": (body(done=[saved(0), saved(1), saved(2)], code=0), ["yes 100", "yes 101", "yes 102"]),
    "by id, whatever the index": (
        body(done=[{"Id": 102, "Number": "", "DIndex": 0}], code=0),
        ["unclear", "unclear", "yes 102"],
    ),
    "by number": (
        body(done=[{"Id": None, "Number": "DD-1", "DIndex": 0}], code=0),
        ["unclear", "yes 101", "unclear"],
    ),
    "already audited": (
        body([error("单据编号为“DD-1”的付款单，单据已经审核！", 0)], [saved(0), saved(2)]),
        ["yes 100", "duplicate", "yes 102"],
    ),
    "one number begins another": (
        body([error("单据编号为“DD-11”的付款单，单据已经审核！", 0)]),
        ["duplicate", "unclear", "unclear"],
    ),
    "closed period": (
        body([error("单据“DD-2”所在期间已关账", 0)], [saved(0), saved(1)]),
        ["yes 100", "yes 101", "no: configuration"],
    ),
    "business refusal": (
        body([error("单据编号为“DD-0”的付款单，付款金额不能大于应付金额", 0)], [saved(1), saved(2)]),
        ["no: data", "yes 101", "yes 102"],
    ),
    "gone": (body([error("单据编号为“DD-0”的单据不存在", 0)]), ["unclear", "unclear", "unclear"]),
    "general": (body([error("操作失败", 0)]), ["unclear"] * 3),
    "permission": (body([error("没有审核权限", 0)], code=2), ["no: configuration"] * 3),
    "lost session": (body([error("会话信息已丢失", 0)], code=1), ["not sent: transient"] * 3),
    "locked": (body([error("网络控制冲突", 0)], code=13), ["not sent: transient"] * 3),
    "empty object": ({}, ["unclear"] * 3),
}


@pytest.mark.parametrize(("answer", "expected"), ADVANCES.values(), ids=ADVANCES.keys())
def test_submit_and_audit_are_read_by_id_and_number(answer: Any, expected: list[str]) -> None:
    assert told(advance_verdicts(answer, BILLS)) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.text(max_size=8) | st.sampled_from(["DD-0", "100"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Result",
                    "ResponseStatus",
                    "IsSuccess",
                    "Errors",
                    "SuccessEntitys",
                    "MsgCode",
                    "Id",
                    "Number",
                    "DIndex",
                    "Message",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(json_values)
def test_no_answer_breaks_the_reading(answer: Any) -> None:
    assert len(save_verdicts(answer, documents(2), FORM)) == 2
    assert len(advance_verdicts(answer, BILLS)) == 3


@given(json_values)
def test_a_yes_has_an_id_of_its_own(answer: Any) -> None:
    ids = [
        verdict.id for verdict in save_verdicts(answer, documents(2), FORM) if isinstance(verdict, Accepted)
    ]
    assert all(id not in ("", "0") for id in ids)


UNREADABLE = {
    "500": httpx.Response(500, text="boom"),
    "403": httpx.Response(403, text="N001"),
    "redirect": httpx.Response(302, headers={"Location": "/login"}),
    "empty": httpx.Response(200, text=""),
    "blank": httpx.Response(200, text="  \n"),
    "html": httpx.Response(200, text="<html>login</html>"),
    "response_error": httpx.Response(200, text="response_error:  系统错误"),
    "broken": httpx.Response(200, text='{"Result": '),
    "not a number": httpx.Response(200, text='{"a": NaN}'),
    "too deep": httpx.Response(200, text="[" * 100_000),
    "not utf-8": httpx.Response(200, content=b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("response", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_says_so(response: httpx.Response) -> None:
    with pytest.raises(Unreadable):
        read_body(response)


def test_json_within_a_json_text_is_unpacked() -> None:
    assert read_body(httpx.Response(200, json='{"Result": 1}')) == {"Result": 1}
    assert read_body(httpx.Response(206, content=b"\xef\xbb\xbf[1]")) == [1]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda failed: failed,
        lambda failed: [[failed]],
        lambda failed: [failed],
        lambda failed: failed["Result"],
    ],
)
def test_a_failure_is_found_wherever_it_stands(wrapped: Any) -> None:
    status = read_status(wrapped(body([error("元数据中标识为FXX的字段不存在", 0)], code=9)))
    assert status is not None
    assert (status.success, status.code, status.session_lost) == (False, 9, False)


@pytest.mark.parametrize("code", [2, 11, 14])
def test_another_code_outweighs_the_words_of_a_lost_session(code: int) -> None:
    status = read_status(body([error("请重新登录", 0)], code=code))
    assert status is not None
    assert not status.session_lost


def test_unclear_is_said_of_each_document() -> None:
    assert told(save_verdicts({}, documents(3), FORM)) == ["unclear"] * 3
    assert all(isinstance(one, (Unclear, Duplicate)) for one in save_verdicts({}, documents(3), FORM))


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("业务日期所在的会计期间已关闭，不允许审核！", True),
        ("单据“DD-2”所在期间已关账", True),
        ("业务日期[2026-10-31]不能早于关账日期[2026-11-01]", True),
        ("The accounting period 2026.10 is closed", True),
        ("没有审核权限", False),
        ("项目在有效期间内已关闭", False),
        ("会计期间不存在", False),
    ],
)
def test_a_closed_period_is_told_from_other_refusals(text: str, closed: bool) -> None:
    document = Existing("100", "DD-1", "submit")
    (answer,) = advance_verdicts(body([error(f"单据编号为“DD-1”的付款单，{text}", 0)]), [document])
    assert isinstance(answer, Refused)
    assert answer.period_closed == closed
