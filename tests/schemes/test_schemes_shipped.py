"""The schemes that ship: they hold against the catalogs, pass their own tests, and fit the company."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.company import load_company
from engine.cli.check import scheme_paths
from engine.connector.registry import catalog
from engine.connector.settings import SANDBOX, load_settings
from engine.scheme.lint import validate
from engine.scheme.load import load_scheme
from engine.scheme.testing import run_tests

ROOT = Path(__file__).parents[2]
MARKET = ROOT / "schemes/market"
SCHEMES = scheme_paths([str(ROOT / "schemes")])
PAIRS = [
    ("expense_to_paybill.yaml", "market/expense_to_paybill_v1/expense_to_paybill_v1.yaml"),
    ("paybill_writeback.yaml", "market/expense_to_paybill_v1/paybill_writeback_v1.yaml"),
]
# The rows of the two interface tables that the schemes carry out.
KINGDEE_TABLE = """
FPAYBILLENTRY FPAYBILLENTRY.FSETTLETYPEID FPAYBILLENTRY.FPURPOSEID FCONTACTUNITTYPE FPAYBILLENTRY.FCOMMENT
FDepartment FBillNo FSETTLEORGID FSETTLECUR FRECTUNITTYPE FDATE FPAYBILLENTRY.FOPPOSITEBANKACCOUNT FRECTUNIT
FCONTACTUNIT FPAYORGID FPAYBILLENTRY.FCOSTID FBillTypeID FPAYBILLENTRY.FOPPOSITECCOUNTNAME FREMARK FCURRENCYID
FPAYBILLENTRY.FPAYTOTALAMOUNTFOR
"""
CALL_OPTIONS = ["FormId", "Operation", "IsAutoSubmitAndAudit", "IsVerifyBaseDataField"]
DINGTALK_TABLE = """
费用归属项目 报销类别 TextNote_7L0ZKXODKW40 行政报销类型 项目报销类型
报销明细 费用发生日期 报销金额(元) 费用明细 项目费用明细
componentName componentType props 总金额 关联审批单 TextNote-KDE5B2G3 电子发票 收款账号
公司帐号付款(如需公司帐号付款请选择) 报销凭证拍照上传 附件 id title create_time finish_time originator_userid
originator_dept_id status result business_id originator_dept_name biz_action
"""


def settings() -> Any:
    return load_settings(None).environments[SANDBOX]


@pytest.mark.parametrize("path", SCHEMES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_there_is_nothing_to_find_in_a_shipped_scheme(path: Path) -> None:
    findings = validate(path, catalogs=catalog, environment=settings())
    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("path", SCHEMES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_scheme_passes_its_own_tests(path: Path) -> None:
    loaded = load_scheme(path)
    assert loaded.scheme is not None
    results = run_tests(loaded.scheme, catalogs=catalog, environment=settings())
    assert results
    assert [f"{result.name}: {result.message}" for result in results if not result.passed] == []


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=["expense", "writeback"])
def test_both_api_generations_give_the_same_documents(old: str, new: str) -> None:
    one, other = ((ROOT / "schemes" / name).read_text(encoding="utf-8") for name in (old, new))
    renamed = {"processInstanceId": "process_instance_id", "commentUserId": "comment_userid"}
    for v1, topapi in renamed.items():
        other = other.replace(v1, topapi)
    assert yaml.safe_load(one)["target"]["mapping"] == yaml.safe_load(other)["target"]["mapping"]


@pytest.mark.parametrize("kind", ["tables", "tests"])
@pytest.mark.parametrize("name", ["expense_to_paybill", "expense_to_paybill_v1"])
def test_the_market_has_the_same_tables_and_samples(name: str, kind: str) -> None:
    def texts(folder: Path) -> dict[str, str]:
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}

    assert texts(ROOT / "schemes" / kind) == texts(MARKET / name / kind)


@pytest.mark.parametrize("name", PAIRS[0])
def test_every_field_of_the_interface_tables_is_mapped_or_explained(name: str) -> None:
    text = (ROOT / "schemes" / name).read_text(encoding="utf-8")
    mapping = yaml.safe_load(text)["target"]["mapping"]
    rows = [block["row"] for block in mapping["FPAYBILLENTRY"]]
    written = {*mapping, *(f"FPAYBILLENTRY.{field}" for field in rows[0])}
    assert [field for field in KINGDEE_TABLE.split() if field not in written] == []
    assert [rows[0].keys() == row.keys() for row in rows] == [True, True]
    assert [word for word in [*DINGTALK_TABLE.split(), *CALL_OPTIONS] if word not in text] == []


def test_every_row_of_the_interface_tables_stands_in_the_field_list() -> None:
    text = (ROOT / "docs/expense-to-paybill.md").read_text(encoding="utf-8")
    rows = [
        *KINGDEE_TABLE.split(),
        *(f"FPAYBILLENTRY.{name}" for name in CALL_OPTIONS),
        *DINGTALK_TABLE.split(),
    ]
    callback = ["strategyId", "id", "business_id", "name", "originator_userid"]
    assert [word for word in [*rows, *callback] if word not in text] == []


def table(name: str, column: int = 1) -> dict[str, str]:
    with (ROOT / "schemes/tables" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: row[column] for row in rows}


def test_the_tables_know_the_whole_company_of_the_sandbox() -> None:
    company = load_company()
    assert table("expense_item.csv") == {item.label: item.code for item in company.expense_items}
    departments = table("department.csv", 2)
    assert {one.dept_id: one.number for one in company.departments}.items() <= departments.items()
    assert table("bank_account.csv") == {one.name: one.account for one in company.employees}


def test_sample_records_name_nobody_outside_the_company() -> None:
    known = {one.userid for one in load_company().employees}
    for path in (ROOT / "schemes/tests").glob("*.json"):
        assert set(re.findall(r"\b5237\d{12}\b", path.read_text(encoding="utf-8"))) <= known
