"""The catalog covers what the interface design names, and every message has its Chinese."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

import connectors.kingdee
import engine.language
from connectors.kingdee import KingdeeConnector
from connectors.kingdee.auth import WAYS
from connectors.kingdee.login import _REASONS
from connectors.kingdee.reading import _REFUSALS
from connectors.kingdee.target import WRITERS

CATALOG = KingdeeConnector.catalog()
FORM = CATALOG.forms["AP_PAYBILL"]

HEADER = {
    "FCONTACTUNITTYPE": "往来单位类型",
    "FBillNo": "单据编号",
    "FSETTLEORGID": "结算组织",
    "FSETTLECUR": "结算币别",
    "FRECTUNITTYPE": "收款单位类型",
    "FDATE": "业务日期",
    "FRECTUNIT": "收款单位",
    "FCONTACTUNIT": "往来单位",
    "FPAYORGID": "付款组织",
    "FBillTypeID": "单据类型",
    "FREMARK": "备注",
    "FCURRENCYID": "币别",
    "FDepartment": "部门",
}
ENTRY = {
    "FSETTLETYPEID": "结算方式",
    "FPURPOSEID": "付款用途",
    "FCOMMENT": "备注",
    "FOPPOSITEBANKACCOUNT": "对方银行账号",
    "FCOSTID": "费用项目",
    "FOPPOSITECCOUNTNAME": "对方账户名称",
    "FPAYTOTALAMOUNTFOR": "应付金额",
}
OPTIONS = {
    "IsVerifyBaseDataField": "验证基础资料",
    "Operation": "执行的操作",
    "IsAutoSubmitAndAudit": "提交并审核",
    "FormId": "业务对象表单Id",
}


def test_every_field_of_the_interface_design_is_there_under_its_label() -> None:
    assert {name: FORM.fields[name].label for name in HEADER} == HEADER
    rows = FORM.fields["FPAYBILLENTRY"]
    assert (rows.label, rows.type, rows.required) == ("付款单明细", "array", True)
    assert {name: rows.fields[name].label for name in ENTRY} == ENTRY


def test_call_options_are_no_entry_fields() -> None:
    options = CATALOG.interfaces["batchSave"].options
    assert {name: options[name].label for name in OPTIONS} == OPTIONS
    assert not set(options) & set(FORM.fields["FPAYBILLENTRY"].fields)


@pytest.mark.parametrize(
    ("path", "base"),
    [
        ("FBillTypeID", "FNUMBER"),
        ("FPAYORGID", "FNumber"),
        ("FCONTACTUNIT", "FNumber"),
        ("FSETTLECUR", "FNUMBER"),
        ("FDepartment", "FNumber"),
        ("FPAYBILLENTRY.FSETTLETYPEID", "FNumber"),
        ("FPAYBILLENTRY.FCOSTID", "FNUMBER"),
        ("FPAYBILLENTRY.FEXPENSEDEPTID_E", "FNUMBER"),
        ("FPAYBILLENTRY.FBankTypeRec", "FNAME"),
    ],
)
def test_base_data_keeps_the_vendors_case(path: str, base: str) -> None:
    field = FORM.field(tuple(path.split(".")))
    assert field is not None
    assert (field.type, field.base) == ("base", base)


def test_units_stand_behind_their_types() -> None:
    names = list(FORM.fields)
    pairs = {field.name: field.unit_type for field in FORM.fields.values() if field.unit_type}
    assert pairs == {"FCONTACTUNIT": "FCONTACTUNITTYPE", "FRECTUNIT": "FRECTUNITTYPE"}
    assert all(names.index(kind) < names.index(unit) for unit, kind in pairs.items())


def test_everything_has_a_label() -> None:
    for form in CATALOG.forms.values():
        for field in form.fields.values():
            assert field.label
            assert all(entry.label for entry in field.fields.values())
    for interface in CATALOG.interfaces.values():
        assert interface.label
        assert all(field.label for field in (*interface.fields.values(), *interface.options.values()))


def test_catalog_and_code_know_the_same() -> None:
    assert CATALOG.settings["auth"].enum == tuple(WAYS)
    targets = {name for name, interface in CATALOG.interfaces.items() if "target" in interface.roles}
    assert targets == set(WRITERS)
    assert all(CATALOG.settings[name].secret for name in ("password", "app_secret"))


def test_every_message_has_its_chinese() -> None:
    folder = Path(connectors.kingdee.__file__).parent
    told = {
        node.args[0].value
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "tr"
        and isinstance(node.args[0], ast.Constant)
    }
    chinese = Path(engine.language.__file__).with_name("zh") / "kingdee.yaml"
    translated = yaml.safe_load(chinese.read_text(encoding="utf-8"))
    told |= {*_REASONS.values(), *_REFUSALS.values()}
    assert told <= set(translated)
    for text, shown in translated.items():
        assert set(_places(text)) == set(_places(shown)), text


def _places(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]
