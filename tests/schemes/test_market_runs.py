"""Each market scheme, run in the sandbox by the command line: what it writes is what the approvals ask for.

What is expected is worked out here from the invented approvals themselves, not by a scheme.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.company import load_company

ENGINE = [sys.executable, "-c", "from engine.cli import main; main()"]

WAIT_HOURS = 7
"""Between the runs; the sandbox's requests that are still running then have ended."""

Doc = dict[str, Any]


class Place:
    """A folder of its own with copies of market schemes in it, and its sandbox."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        for name in names:
            self("market", "copy", name)

    def __call__(self, *words: str) -> Doc:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGINE_")}
        done = subprocess.run(
            [*ENGINE, *words, "--json"],
            cwd=self.folder,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told: Doc = json.loads(done.stdout)
        return told

    def docs(self, kind: str) -> list[Doc]:
        """What the simulators hold of one kind."""
        with sqlite3.connect(self.folder / ".engine/sandbox/state.db") as state:
            rows = state.execute("SELECT doc FROM docs WHERE kind = ?", (kind,)).fetchall()
        state.close()
        return [json.loads(row[0]) for row in rows]

    def approvals(self, code: str) -> dict[str, Doc]:
        """Approvals that are agreed within seven hours of the start, by their number."""
        (start,) = (one["ms"] for one in self.docs("dingtalk/seed"))
        until = start + WAIT_HOURS * 3600_000
        return {
            one["business_id"]: one
            for one in self.docs("dingtalk/instance")
            if (one["code"], one["outcome"], one["biz_action"]) == (code, "agree", "NONE")
            and one["finished"] <= until
        }


def text(approval: Doc, label: str) -> str:
    return next(str(one.get("value") or "") for one in approval["form"] if one.get("name") == label)


def rows(approval: Doc, label: str) -> list[dict[str, str]]:
    table = next(one for one in approval["form"] if one.get("name") == label)
    return [{cell["label"]: cell["value"] for cell in row} for row in table["rows"]]


def number(value: str) -> Decimal:
    return Decimal(value.replace(",", "") or "0")


# --- what each approval comes to ----------------------------------------------------------------------


def _travel(approval: Doc) -> Decimal:
    claimed = sum((number(row["金额(元)"]) for row in rows(approval, "差旅明细")), Decimal())
    return claimed - number(text(approval, "冲借款金额"))


def _supplier_payment(approval: Doc) -> Decimal:
    return sum((number(row["付款金额(元)"]) for row in rows(approval, "付款明细")), Decimal())


def _expense(approval: Doc) -> Decimal:
    amounts = [row["报销金额(元)"] for row in rows(approval, "报销明细")]
    amounts += [row["总金额"] for row in rows(approval, "项目费用明细")]
    return sum(map(number, amounts), Decimal())


def _purchase(approval: Doc) -> Decimal:
    lines = rows(approval, "采购明细")
    return sum((number(row["数量"]) * number(row["参考单价(元)"]) for row in lines), Decimal())


def _receipt(approval: Doc) -> Decimal:
    return sum((number(row["认领金额(元)"]) for row in rows(approval, "认领明细")), Decimal())


def _employee(approval: Doc) -> str:
    person = load_company().employee(approval["userid"])
    assert person is not None
    return person.job_number


def _named(kind: str, label: str) -> Callable[[Doc], str]:
    """The code of what stands in a field by its name."""
    return lambda approval: next(
        str(one.number) for one in getattr(load_company(), kind) if one.name == text(approval, label)
    )


@dataclass(frozen=True)
class Case:
    """A market scheme: whose approvals it reads, what it writes, and what an approval is worth."""

    name: str
    code: str
    form: str
    prefix: str
    entity: str
    worth: Callable[[Doc], Decimal]
    amount: Callable[[Mapping[str, Any]], Decimal]
    party: tuple[str, Callable[[Doc], str]]
    """The field of whom it is for, and the code that must stand there."""


def _of(field: str) -> Callable[[Mapping[str, Any]], Decimal]:
    return lambda row: Decimal(row[field])


CASES = [
    Case(
        "travel_to_paybill",
        "PROC-TRAVEL-SANDBOX",
        "AP_PAYBILL",
        "CL",
        "FPAYBILLENTRY",
        _travel,
        _of("FPAYTOTALAMOUNTFOR"),
        ("FCONTACTUNIT", _employee),
    ),
    Case(
        "supplier_payment_to_paybill",
        "PROC-SUPPLIER-PAYMENT-SANDBOX",
        "AP_PAYBILL",
        "GF",
        "FPAYBILLENTRY",
        _supplier_payment,
        _of("FPAYTOTALAMOUNTFOR"),
        ("FCONTACTUNIT", _named("suppliers", "供应商名称")),
    ),
    Case(
        "expense_to_reimbursement",
        "PROC-EXPENSE-SANDBOX",
        "ER_ExpReimbursement",
        "BX",
        "FEntity",
        _expense,
        _of("FExpenseAmount"),
        ("FProposerID", _employee),
    ),
    Case(
        "purchase_request_to_requisition",
        "PROC-PURCHASE-SANDBOX",
        "PUR_Requisition",
        "CG",
        "FEntity",
        _purchase,
        lambda row: Decimal(row["FReqQty"]) * Decimal(row["FEvaluatePrice"]),
        ("FApplicantId", _employee),
    ),
    Case(
        "receipt_to_receivebill",
        "PROC-RECEIPT-SANDBOX",
        "AR_RECEIVEBILL",
        "SK",
        "FRECEIVEBILLENTRY",
        _receipt,
        _of("FRECTOTALAMOUNTFOR"),
        ("FCONTACTUNIT", _named("customers", "客户名称")),
    ),
]


@dataclass(frozen=True)
class Ran:
    """A scheme that ran, and ran again seven hours later."""

    case: Case
    place: Place
    first: Doc
    second: Doc

    @property
    def expected(self) -> dict[str, Decimal]:
        worth = {
            self.case.prefix + id: self.case.worth(one)
            for id, one in self.place.approvals(self.case.code).items()
        }
        return {id: amount for id, amount in worth.items() if amount}

    @property
    def bills(self) -> list[Doc]:
        return self.place.docs(f"kingdee/bill/{self.case.form}")


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    case: Case = request.param
    place = Place(tmp_path_factory.mktemp(case.name), case.name)
    first = place("run", case.name)
    place("sandbox", "advance", f"{WAIT_HOURS}h")
    return Ran(case, place, first, place("run", case.name))


def test_every_document_is_there_once_with_the_right_amount(ran: Ran) -> None:
    made = {
        one["number"]: sum(
            (ran.case.amount(row["values"]) for row in one["entries"][ran.case.entity]), Decimal()
        )
        for one in ran.bills
    }
    assert len(made) == len(ran.bills)
    assert made == ran.expected
    assert sum(made.values()) == sum(ran.expected.values()) > 0
    assert {
        one["values"].get("FDOCUMENTSTATUS", one["values"].get("FDocumentStatus")) for one in ran.bills
    } == {"C"}


def test_the_runs_tell_the_same(ran: Ran) -> None:
    first, second = ran.first["counts"], ran.second["counts"]
    assert (ran.first["status"], ran.second["status"]) == ("success", "success")
    assert first["delivered"] + second["delivered"] == len(ran.expected)
    assert first["waiting"] >= second["delivered"] == 1
    assert first["failed"] == first["unknown"] == second["failed"] == second["unknown"] == 0


def test_each_approval_gets_one_comment_that_names_its_document(ran: Ran) -> None:
    comments = [one["remark"] for one in ran.place.docs("dingtalk/comment")]
    assert len(comments) == len(ran.expected)
    for id in ran.expected:
        assert sum(id in remark for remark in comments) == 1


def test_each_document_is_for_whom_the_approval_names(ran: Ran) -> None:
    field, code = ran.case.party
    approvals = ran.place.approvals(ran.case.code)
    for bill in ran.bills:
        approval = approvals[bill["number"].removeprefix(ran.case.prefix)]
        assert bill["values"][field]["number"] == code(approval)


# --- the way back -------------------------------------------------------------------------------------


def test_an_audited_bill_is_told_under_its_approval_once(tmp_path: Path) -> None:
    place = Place(tmp_path, "supplier_payment_to_paybill", "bill_status_to_dingtalk")
    place("run", "supplier_payment_to_paybill")
    place("sandbox", "advance", "1h")
    told = [place("run", "bill_status_to_dingtalk")["counts"] for _ in range(2)]
    bills = place.docs("kingdee/bill/AP_PAYBILL")
    assert [counts["delivered"] for counts in told] == [len(bills), 0]
    remarks = [one["remark"] for one in place.docs("dingtalk/comment") if "已在金蝶审核" in one["remark"]]
    for bill in bills:
        amount = sum(Decimal(row["values"]["FPAYTOTALAMOUNTFOR"]) for row in bill["entries"]["FPAYBILLENTRY"])
        unit = bill["values"]["FCONTACTUNIT"]["name"]
        text = f"付款单 {bill['number']} 已在金蝶审核，收款单位 {unit}，金额 {amount:.2f} 元。"
        assert remarks.count(text) == 1
    assert len(remarks) == len(bills) > 0


# --- base data ----------------------------------------------------------------------------------------


def test_employees_and_departments_become_tables(tmp_path: Path) -> None:
    place = Place(tmp_path, "kingdee_basedata_to_table")
    names = ["kingdee_basedata_to_table", "kingdee_departments_to_table"]
    told = [place("run", name)["counts"] for name in [*names, *names]]
    company = load_company()
    people, departments = len(company.employees) + 1, len(company.departments)
    assert [counts["delivered"] for counts in told] == [people, departments, 0, 0]
    assert [counts["already"] for counts in told] == [0, 0, people, departments]
    tables = tmp_path / ".engine/sandbox/tables"
    employees = _table(tables / "员工.csv", "工号")
    assert employees.pop("E0001") == {
        "员工编码": "",
        "姓名": "离职员工",
        "部门编码": "",
        "部门名称": "",
        "状态": "禁用",
    }
    for one in company.employees:
        department = company.department(one.dept_id)
        assert department is not None
        assert employees.pop(one.job_number) == {
            "员工编码": one.job_number,
            "姓名": one.name,
            "部门编码": department.number,
            "部门名称": department.name,
            "状态": "在用",
        }
    assert employees == {}
    found = _table(tables / "部门.csv", "部门编码")
    assert {code: row["部门名称"] for code, row in found.items()} == {
        one.number: one.name for one in company.departments
    }


def test_a_table_that_was_written_can_be_looked_up_in(tmp_path: Path) -> None:
    """What people do with it: a scheme's own table takes the place of a call for each claimant."""
    place = Place(tmp_path, "kingdee_basedata_to_table", "supplier_payment_to_paybill")
    place("run", "kingdee_departments_to_table")
    scheme = tmp_path / "schemes/supplier_payment_to_paybill.yaml"
    text = scheme.read_text(encoding="utf-8").replace(
        "file: tables/department.csv\n    key: 钉钉部门id\n    value: 金蝶部门编码",
        "file: tables/部门.csv\n    key: 部门名称\n    value: 部门编码",
    )
    scheme.write_text(text.replace("originator_dept_id", "originator_dept_name"), encoding="utf-8")
    shutil.copy(tmp_path / ".engine/sandbox/tables/部门.csv", tmp_path / "schemes/tables")
    delivered = place("run", "supplier_payment_to_paybill")["counts"]["delivered"]
    bills = place.docs("kingdee/bill/AP_PAYBILL")
    assert delivered == len(bills) > 0
    company = load_company()
    approvals = place.approvals("PROC-SUPPLIER-PAYMENT-SANDBOX")
    for bill in bills:
        department = company.department(approvals[bill["number"].removeprefix("GF")]["dept_id"])
        assert department is not None
        assert bill["values"]["FDepartment"]["number"] == department.number


def _table(path: Path, key: str) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    own = (key, "来源版本", "来源先后")
    return {row[key]: {name: value for name, value in row.items() if name not in own} for row in rows}


# --- all of them --------------------------------------------------------------------------------------


def test_all_market_schemes_go_into_one_project(tmp_path: Path) -> None:
    place = Place(tmp_path, *(one["name"] for one in Place(tmp_path)("market", "list")["schemes"]))
    assert place("validate", "schemes") == {"findings": []}
    assert place("test", "schemes")["failed"] == 0
