"""What the simulated Kingdee does with bills: checks, order of keys, states (reference §4, §5, §11)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.kingdee.simulator import KingdeeSimulator
from connectors.kingdee.simulator.answers import Refusal
from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.services import FormService
from engine.connector.simulator import SandboxClock, SandboxState, set_faults
from engine.connector.simulator.faults import KIND

MODEL: dict[str, Any] = {
    "FBillNo": "DD-1",
    "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
    "FDATE": "2025-03-01",
    "FCONTACTUNITTYPE": "BD_Empinfo",
    "FCONTACTUNIT": {"FNumber": "E0031"},
    "FRECTUNITTYPE": "BD_Empinfo",
    "FRECTUNIT": {"FNumber": "E0031"},
    "FCURRENCYID": {"FNumber": "PRE001"},
    "FSETTLECUR": {"FNUMBER": "PRE001"},
    "FPAYORGID": {"FNumber": "100"},
    "FPAYBILLENTRY": [
        {
            "FSETTLETYPEID": {"FNumber": "JSFS04_SYS"},
            "FPURPOSEID": {"FNumber": "SFKYT10_SYS"},
            "FPAYTOTALAMOUNTFOR": Decimal("860.50"),
        }
    ],
}
ROW = MODEL["FPAYBILLENTRY"][0]


def model(**changes: Any) -> dict[str, Any]:
    """MODEL with fields changed; None takes one out."""
    merged = {**copy.deepcopy(MODEL), **changes}
    return {key: value for key, value in merged.items() if value is not None}


class Site:
    """The simulator without its server."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.state = SandboxState(folder)
        self.simulator = KingdeeSimulator(self.state, SandboxClock(self.state), settings, "kingdee")
        self.simulator.prepare()
        self.service = FormService(self.simulator)

    def __call__(self, method: str, form: str = "AP_PAYBILL", **data: Any) -> Any:
        return self.service.answer(method, Body({"formid": form, "data": data}), "tester")["Result"]

    def save(self, given: dict[str, Any] | None = None, **options: Any) -> Any:
        return self("save", Model=given or model(), **options)

    def errors(self, given: dict[str, Any], **options: Any) -> list[tuple[str | None, str]]:
        status = self.save(given, **options)["ResponseStatus"]
        return [(one["FieldName"], one["Message"]) for one in status["Errors"]]

    def state_of(self, number: str = "DD-1") -> str:
        asked = {
            "FormId": "AP_PAYBILL",
            "FieldKeys": "FDocumentStatus",
            "FilterString": f"FBillNo='{number}'",
        }
        rows = self.service.answer("executebillquery", Body({"data": asked}), "tester")
        return "".join(status for (status,) in rows)

    def fault(self, name: str, rate: float) -> None:
        with self.state.transaction() as store:
            store.put(KIND, name, {"rate": str(rate)})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.state.close()


# --- saving ---


@pytest.mark.parametrize(
    ("changes", "options", "expected"),
    [
        ({"FDATE": None}, {}, [("FDATE", "字段“业务日期”是必填项")]),
        ({"FPAYORGID": {"FNumber": ""}}, {}, [("FPAYORGID", "字段“付款组织”是必填项")]),
        ({"FPAYBILLENTRY": []}, {}, [("FPAYBILLENTRY", "单据体实体【付款单明细】是必填项")]),
        (
            {"FPAYBILLENTRY": [ROW, {**ROW, "FPURPOSEID": None}]},
            {},
            [("FPURPOSEID", "单据体实体【付款单明细】第【2】行分录，【付款用途】字段必录")],
        ),
        (
            {"FPAYBILLENTRY": [{**ROW, "FPAYTOTALAMOUNTFOR": "-1"}]},
            {},
            [("FPAYTOTALAMOUNTFOR", "单据体实体【付款单明细】第【1】行分录，【应付金额】必须大于0")],
        ),
        (
            {"FPAYBILLENTRY": [{**ROW, "FPAYTOTALAMOUNTFOR": "1,000"}]},
            {},
            [
                (
                    "FPAYTOTALAMOUNTFOR",
                    "单据体实体【付款单明细】第【1】行分录，【应付金额】字段的值“1,000”格式不正确",
                )
            ],
        ),
        ({"FCONTACTUNITTYPE": "员工"}, {}, [("FCONTACTUNITTYPE", "字段“往来单位类型”的值“员工”格式不正确")]),
        # an unknown code is dropped and surfaces as a required field, unless base data is verified
        ({"FCONTACTUNIT": {"FNumber": "E9"}}, {}, [("FCONTACTUNIT", "字段“往来单位”是必填项")]),
        (
            {"FCONTACTUNIT": {"FNumber": "E9"}},
            {"IsVerifyBaseDataField": "true"},
            [("FCONTACTUNIT", "字段“往来单位”的基础资料“E9”不存在或已禁用")],
        ),
        (
            {"FRECTUNIT": {"FNumber": "E0001"}},
            {"IsVerifyBaseDataField": True},
            [("FRECTUNIT", "字段“收款单位”的基础资料“E0001”不存在或已禁用")],
        ),
        # required fields are judged before base data
        (
            {"FCONTACTUNIT": {"FNumber": "E9"}, "FDATE": None},
            {"IsVerifyBaseDataField": True},
            [("FDATE", "字段“业务日期”是必填项")],
        ),
    ],
)
def test_a_bad_bill_is_refused(
    site: Site, changes: dict[str, Any], options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert site.errors(model(**changes), **options) == expected
    assert site.state_of() == ""


def test_an_optional_unknown_code_is_dropped_in_silence(site: Site) -> None:
    row = {**ROW, "FCOSTID": {"FNUMBER": "FYXM77_SYS"}}
    assert site.errors(model(FPAYBILLENTRY=[row])) == []
    assert site("view", Number="DD-1")["Result"]["PAYBILLENTRY"][0]["COSTID"] is None


def test_keys_are_applied_in_the_order_they_come_in(site: Site) -> None:
    unit_first = {"FCONTACTUNIT": MODEL["FCONTACTUNIT"], **model(FCONTACTUNIT=None)}
    assert ("FCONTACTUNIT", "字段“往来单位”是必填项") in site.errors(unit_first)
    assert site.errors(unit_first, IsAutoAdjustField="true") == []


def test_keys_are_known_in_any_case(site: Site) -> None:
    odd = {key.upper(): value for key, value in model().items()}
    odd["FCONTACTUNIT"] = {"fnumber": "E0031"}
    assert site.errors(odd, IsVerifyBaseDataField=True) == []


def test_a_number_is_taken_once(site: Site) -> None:
    first = site.save()
    again = site.save()
    assert again["ResponseStatus"]["MsgCode"] == 11
    assert again["ResponseStatus"]["Errors"] == [
        {
            "FieldName": "FBillNo",
            "Message": "违反字段唯一性要求：编码唯一。[DD-1]在当前系统中已经被使用。",
            "DIndex": 0,
        }
    ]
    site.fault("unique_number", 0)
    assert site.save()["Id"] > first["Id"]
    assert site.state_of() == "AA"


def test_a_bill_without_a_number_gets_one(site: Site) -> None:
    assert site.save(model(FBillNo=None))["Number"] == "FKD00000001"
    site.fault("number_ignored", 1)
    assert site.save(model(FBillNo="DD-5"))["Number"] == "FKD00000002"


def test_amounts_are_kept_digit_for_digit(site: Site) -> None:
    site.save()
    assert str(site("view", Number="DD-1")["Result"]["PAYBILLENTRY"][0]["PAYTOTALAMOUNTFOR"]) == "860.50"
    (shown,) = site.service.reading.bills("AP_PAYBILL")
    assert (shown["amount"], shown["status"], shown["number"]) == ("860.50", "A", "DD-1")
    assert str(shown["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"]) == "860.50"


def test_needed_fields_come_back(site: Site) -> None:
    asked = ["FBillNo", "FPAYORGID", "FPAYBILLENTRY.FEntryID", "FPAYBILLENTRY.FPAYTOTALAMOUNTFOR"]
    (line,) = site.save(NeedReturnFields=asked)["NeedReturnData"]
    assert (line["FBillNo"], line["FPAYORGID"]) == ("DD-1", {"FNumber": "100"})
    assert line["FPAYBILLENTRY"] == [{"FEntryID": 200001, "FPAYTOTALAMOUNTFOR": Decimal("860.50")}]


def test_an_update_changes_what_it_names(site: Site) -> None:
    saved = site.save(model(FPAYBILLENTRY=[ROW, {**ROW, "FCOMMENT": "second"}]))
    entries = site("view", Number="DD-1")["Result"]["PAYBILLENTRY"]
    changed = {"FID": saved["Id"], "FPAYBILLENTRY": [{"FEntryID": entries[1]["Id"], "FCOMMENT": "kept"}]}
    assert site.save({**changed, "FREMARK": "no"}, NeedUpDateFields=["FCOMMENT"])["Id"] == saved["Id"]
    bill = site("view", Id=str(saved["Id"]))["Result"]
    assert bill["REMARK"] is None
    assert [(row["Id"], row["COMMENT"]) for row in bill["PAYBILLENTRY"]] == [(entries[1]["Id"], "kept")]
    assert site.save({"FID": saved["Id"], "FPAYBILLENTRY": [ROW]}, IsDeleteEntry="false")
    assert len(site("view", Id=saved["Id"])["Result"]["PAYBILLENTRY"]) == 2


def test_a_repeated_package_is_refused_on_demand(site: Site) -> None:
    site.fault("unique_number", 0)
    site.save(ValidateRepeatJson=True)
    with pytest.raises(Refusal, match="重复"):
        site.save(ValidateRepeatJson=True)
    assert site.save()["Id"]


def test_a_draft_may_lack_anything(site: Site) -> None:
    saved = site("draft", Model={"FBillNo": "DD-1"})
    assert saved["ResponseStatus"]["IsSuccess"]
    assert site.state_of() == "Z"
    assert site.save(model(FID=saved["Id"]))["Id"] == saved["Id"]
    assert site.state_of() == "A"


def test_a_batch_answers_for_each_bill(site: Site) -> None:
    models = [model(FBillNo="DD-1"), model(FBillNo="DD-2", FDATE=None, FPAYORGID=None), "no bill"]
    answer = site("batchsave", Model=models)["ResponseStatus"]
    assert [one["DIndex"] for one in answer["SuccessEntitys"]] == [0]
    assert [one["DIndex"] for one in answer["Errors"]] == [1, 1, 2]
    assert (answer["IsSuccess"], answer["ErrorCode"]) == (False, 500)
    site.fault("missing_dindex", 1)
    answer = site("batchsave", Model=[model(FBillNo="DD-3"), model(FBillNo="DD-4")])["ResponseStatus"]
    assert [one["DIndex"] for one in answer["SuccessEntitys"]] == [0]
    assert site.state_of("DD-4") == "A"


@pytest.mark.parametrize("form", ["AR_RECEIVEBILL", "ER_ExpReimbursement", "PUR_Requisition"])
def test_other_forms_have_required_fields_and_numbers_of_their_own(site: Site, form: str) -> None:
    assert site("draft", form, Model={})["Number"].endswith("00000001")
    assert not site("save", form, Model={})["ResponseStatus"]["IsSuccess"]


def test_a_receipt_by_bank_needs_our_account(site: Site) -> None:
    row = {"FSETTLETYPEID": {"FNumber": "JSFS04_SYS"}, "FPURPOSEID": {"FNumber": "SFKYT10_SYS"}}
    receipt = {
        "FBillTypeID": {"FNUMBER": "SKDLX01_SYS"},
        "FDATE": "2025-03-01",
        "FCONTACTUNIT": {"FNumber": "CUST0001"},
        "FPAYUNIT": {"FNumber": "CUST0001"},
        "FCURRENCYID": {"FNumber": "PRE001"},
        "FPAYORGID": {"FNumber": "100"},
        "FRECEIVEBILLENTRY": [{**row, "FRECTOTALAMOUNTFOR": 10}],
    }
    (error,) = site("save", "AR_RECEIVEBILL", Model=receipt)["ResponseStatus"]["Errors"]
    assert error["FieldName"] == "FACCOUNTID"
    receipt["FRECEIVEBILLENTRY"][0]["FACCOUNTID"] = {"FNUMBER": "ZH001"}  # type: ignore[index]
    assert site("save", "AR_RECEIVEBILL", Model=receipt)["Number"] == "SKD00000001"


# --- states ---


@pytest.mark.parametrize(
    ("steps", "reached", "refused"),
    [
        ("submit", "B", ""),
        ("submit audit", "C", ""),
        ("submit audit unaudit", "D", ""),
        ("submit audit unaudit submit audit", "C", ""),
        ("submit audit unaudit delete", "", ""),
        ("delete", "", ""),
        ("audit", "A", "未提交"),
        ("unaudit", "A", "未审核"),
        ("submit submit", "B", "已经提交"),
        ("submit delete", "B", "不允许删除"),
        ("submit audit submit", "C", "已经审核"),
        ("submit audit audit", "C", "单据编号为“DD-1”的付款单，单据已经审核！"),
        ("submit audit delete", "C", "不允许删除"),
    ],
)
def test_a_bill_goes_from_state_to_state(site: Site, steps: str, reached: str, refused: str) -> None:
    id = site.save()["Id"]
    for step in steps.split():
        answer = site(step, Ids=str(id))["ResponseStatus"]
    assert site.state_of() == reached
    assert answer["IsSuccess"] == (not refused)
    assert all(refused in one["Message"] for one in answer["Errors"])


@pytest.mark.parametrize("steps", ["submit", "submit audit"])
def test_a_bill_under_way_is_not_changed(site: Site, steps: str) -> None:
    id = site.save()["Id"]
    for step in steps.split():
        site(step, Numbers=["DD-1"])
    ((field, said),) = site.errors(model(FID=id, FREMARK="x"))
    assert field is None
    assert "不允许修改" in said


def test_operations_pass_over_what_is_not_there(site: Site) -> None:
    id = site.save()["Id"]
    answer = site("submit", Ids=f"{id},999", Numbers=["nobody"])["ResponseStatus"]
    assert answer["SuccessEntitys"] == [{"Id": id, "Number": "DD-1", "DIndex": 0}]
    with pytest.raises(Refusal) as refused:
        site("audit", Numbers=["nobody"])
    assert refused.value.problem.code == 10


def test_a_closed_period_refuses_the_audit(tmp_path: Path) -> None:
    found = Site(tmp_path, closed_before="2025-04-01")
    id = found.save()["Id"]
    found("submit", Ids=str(id))
    (error,) = found("audit", Ids=str(id))["ResponseStatus"]["Errors"]
    assert "会计期间已关闭" in error["Message"]
    assert found.state_of() == "B"
    found.state.close()


@pytest.mark.parametrize(("fault", "reached"), [("submit_fails", "A"), ("audit_fails", "B"), ("", "C")])
@pytest.mark.parametrize("told", [True, False])
def test_save_submit_and_audit_in_one_stay_where_they_got_to(
    tmp_path: Path, fault: str, reached: str, told: bool
) -> None:
    found = Site(tmp_path, auto_audit_ids=told)
    if fault:
        found.fault(fault, 1)
    answer = found.save(IsAutoSubmitAndAudit=True)
    assert found.state_of() == reached
    assert answer["ResponseStatus"]["IsSuccess"] == (not fault)
    assert bool(answer["Id"]) == (told or not fault)
    found.state.close()


def test_faults_are_switched_by_name(site: Site) -> None:
    set_faults(site.folder, {"kingdee.audit_fails": "on"})
    id = site.save()["Id"]
    site("submit", Ids=str(id))
    assert not site("audit", Ids=str(id))["ResponseStatus"]["IsSuccess"]
    set_faults(site.folder, {"kingdee.audit_fails": "off"})
    assert site("audit", Ids=str(id))["ResponseStatus"]["IsSuccess"]
