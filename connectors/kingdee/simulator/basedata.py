"""Base data: the company's people, units, items and accounts under Kingdee's codes.

It is made from the company and is the same in every process; callers only read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.company import Coded, Company, Department, Material, Numbered
from connectors.kingdee.simulator.forms import Form, FormField

__all__ = ["FORMS", "BaseData", "BaseRecord"]

_LABELS = {
    "BD_Empinfo": "员工",
    "BD_Supplier": "供应商",
    "BD_Customer": "客户",
    "BD_Department": "部门",
    "BD_Expense": "费用项目",
    "BD_SETTLETYPE": "结算方式",
    "BD_Currency": "币别",
    "BD_BANK": "银行",
    "CN_RECPAYPURPOSE": "收付款用途",
    "CN_BANKACNT": "银行账号",
    "ORG_Organizations": "组织机构",
    "BOS_BillType": "单据类型",
    "FIN_OTHERS": "其他往来单位",
    "WB_BankDetail": "银行网点",
    "BOS_ASSISTANTDATA_SELECT": "辅助资料",
    "BD_MATERIAL": "物料",
    "BD_UNIT": "计量单位",
    "BD_RateType": "汇率类型",
}
_ID_FIELDS = {
    "BD_Supplier": "FSupplierId",
    "BD_Customer": "FCUSTID",
    "BD_Department": "FDEPTID",
    "BD_Expense": "FEXPID",
    "BD_Currency": "FCURRENCYID",
    "ORG_Organizations": "FORGID",
    "CN_BANKACNT": "FBANKACNTID",
    "BD_MATERIAL": "FMATERIALID",
    "BD_UNIT": "FUNITID",
}
FORMS = tuple(_LABELS)
_MADE = "2025-01-02 09:30:00"
"""When all base data was made, and last changed."""
_CODE_KEYS = ("fnumber", "fstaffnumber", "number")
_EXTRA_FIELDS = {
    "BD_Empinfo": {"FStaffNumber": "员工编号", "FMobile": "移动电话", "FPostDept": "部门"},
    "CN_BANKACNT": {"FBankAccount": "账号", "FOpenBank": "开户行"},
    "BOS_BillType": {"FBillFormID": "业务对象"},
}
_REFERRING = {"FPostDept": "BD_Department"}
_DISABLED = {"BD_Empinfo": ("E0001", "离职员工"), "BD_Expense": ("FYXM98_SYS", "停用项目")}
_BILL_TYPES = {
    "AR_RECEIVEBILL": {"SKDLX01_SYS": "销售收款单", "SKDLX02_SYS": "其他业务收款单"},
    "ER_ExpReimbursement": {"CLFBX001_SYS": "差旅费报销单", "FYBXD001_SYS": "费用报销"},
    "PUR_Requisition": {"CGSQD01_SYS": "标准采购申请", "CGSQD04_SYS": "费用采购申请"},
}


@dataclass(frozen=True, slots=True)
class BaseRecord:
    """One row of base data."""

    id: int
    number: str
    name: str
    more: Mapping[str, Any]
    disabled: bool = False

    def row(self, id_field: str) -> dict[str, Any]:
        """The row as a query reads it, by lower-case field."""
        shown = {"FNumber": self.number, "FName": self.name, "FForbidStatus": "B" if self.disabled else "A"}
        own = {"FID": self.id, id_field: self.id, "FMasterId": self.id, "FDocumentStatus": "C"}
        own |= {"FCreateDate": _MADE, "FModifyDate": _MADE}
        return {key.lower(): value for key, value in {**own, **shown, **self.more}.items()}


class BaseData:
    """All base data by form; codes are found in their exact text."""

    def __init__(self, company: Company, extra: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._records = {form: list(records) for form, records in _from_company(company).items()}
        for form, codes in (extra or {}).items():
            known = self._records[form]
            added = enumerate(codes.items(), len(known))
            known += [_record(form, place, str(code), str(name)) for place, (code, name) in added]
        self._ids = {form.lower(): form for form in self._records}
        self._by_number = {
            form: {record.number: record for record in records} for form, records in self._records.items()
        }

    def form(self, id: str) -> Form | None:
        """The form of one kind of base data, in any case of its id."""
        known = self._ids.get(id.lower())
        if known is None:
            return None
        key = _ID_FIELDS.get(known, "FID")
        return Form(known, _LABELS.get(known, known), _fields(known, key), key=key, number="FNumber")

    def records(self, form: str) -> Iterable[BaseRecord]:
        return self._records[self._ids[form.lower()]]

    def rows(self, form: Form) -> list[dict[str, Any]]:
        """All rows of a base-data form, for queries."""
        return [record.row(form.key) for record in self.records(form.id)]

    def find(self, form: str, reference: Any) -> BaseRecord | None:
        """The enabled record that ``{"FNUMBER": code}``, ``{"FNAME": name}`` or ``{"FID": id}`` means.

        Keys are compared in any case (reference §8); a disabled record counts as missing (§4).
        """
        known = self._ids.get(form.lower())
        if known is None or not isinstance(reference, Mapping):
            return None
        keys = {str(key).lower(): value for key, value in reference.items()}
        for key in _CODE_KEYS:
            if keys.get(key) not in (None, ""):
                return _enabled(self._by_number[known].get(str(keys[key])))
        name, id = str(keys.get("fname") or ""), str(keys.get("fid") or keys.get("id") or "")
        for record in self._records[known]:
            if (name and record.name == name) or (id and str(record.id) == id):
                return _enabled(record)
        return None

    def more(self, form: str, number: str) -> Mapping[str, Any]:
        """All fields of the record with this code, by lower-case key; empty when there is none."""
        kind = self.form(form)
        record = self._by_number[kind.id].get(number) if kind is not None else None
        return record.row(kind.key) if kind is not None and record is not None else {}


def _enabled(record: BaseRecord | None) -> BaseRecord | None:
    return None if record is None or record.disabled else record


def _fields(form: str, key: str) -> dict[str, FormField]:
    names = {
        "FID": "内码", key: "内码", "FNumber": "编码", "FName": "名称", "FMasterId": "主内码",
        "FDocumentStatus": "数据状态", "FForbidStatus": "禁用状态",
        "FCreateDate": "创建日期", "FModifyDate": "修改日期", **_EXTRA_FIELDS.get(form, {}),
    }  # fmt: skip
    types = dict.fromkeys(names, "text")
    types |= dict.fromkeys(("FID", key, "FMasterId"), "integer")
    types |= dict.fromkeys(("FCreateDate", "FModifyDate"), "datetime")
    return {
        name.lower(): FormField(name, label, types[name], base=_REFERRING.get(name))
        for name, label in names.items()
    }


def _from_company(company: Company) -> dict[str, list[BaseRecord]]:
    coded: dict[str, Iterable[Coded]] = {
        "BD_Expense": company.expense_items,
        "BD_SETTLETYPE": company.settle_types,
        "BD_Currency": company.currencies,
        "CN_RECPAYPURPOSE": company.purposes,
        "BD_UNIT": company.units,
    }
    numbered: dict[str, Iterable[Numbered | Department | Material]] = {
        "BD_Supplier": company.suppliers,
        "BD_Customer": company.customers,
        "BD_Department": company.departments,
        "ORG_Organizations": company.organisations,
        "BD_MATERIAL": company.materials,
    }
    made: dict[str, list[BaseRecord]] = {form: [] for form in _LABELS} | {
        **{form: _listed(form, ((one.code, one.label) for one in ones)) for form, ones in coded.items()},
        **{form: _listed(form, ((one.number, one.name) for one in ones)) for form, ones in numbered.items()},
        "BD_Empinfo": _employees(company),
        "BD_BANK": _banks(company),
        "CN_BANKACNT": _accounts(company),
        "BOS_BillType": _bill_types(company),
        "FIN_OTHERS": _listed("FIN_OTHERS", [("QTWLDW001", "个人往来")]),
        "BD_RateType": _listed("BD_RateType", [("HLTX01_SYS", "固定汇率")]),
    }
    for form, (number, name) in _DISABLED.items():
        more = {"FStaffNumber": number} if form == "BD_Empinfo" else None
        made[form].append(_record(form, len(made[form]), number, name, more, disabled=True))
    return made


def _listed(form: str, pairs: Iterable[tuple[str, str]]) -> list[BaseRecord]:
    return [_record(form, place, number, name) for place, (number, name) in enumerate(pairs)]


def _employees(company: Company) -> list[BaseRecord]:
    numbers = ((one.number, one.name) for one in company.departments)
    records = _listed("BD_Department", numbers)
    departments = {
        one.dept_id: {"form": "BD_Department", "id": record.id, "number": record.number, "name": record.name}
        for one, record in zip(company.departments, records, strict=True)
    }
    return [
        _record(
            "BD_Empinfo",
            place,
            one.job_number,
            one.name,
            {
                "FStaffNumber": one.job_number,
                "FMobile": one.mobile,
                "FPostDept": departments.get(one.dept_id),
            },
        )
        for place, one in enumerate(company.employees)
    ]


def _banks(company: Company) -> list[BaseRecord]:
    names = sorted({one.bank for one in company.employees})
    return _listed("BD_BANK", ((f"BANK{place:03d}", name) for place, name in enumerate(names, 1)))


def _accounts(company: Company) -> list[BaseRecord]:
    return [
        _record(
            "CN_BANKACNT", place, one.number, one.name, {"FBankAccount": one.account, "FOpenBank": one.bank}
        )
        for place, one in enumerate(company.accounts)
    ]


def _bill_types(company: Company) -> list[BaseRecord]:
    types = {"AP_PAYBILL": {one.code: one.label for one in company.bill_types}, **_BILL_TYPES}
    rows = [(code, name, form) for form, names in types.items() for code, name in names.items()]
    return [
        _record("BOS_BillType", place, code, name, {"FBillFormID": form})
        for place, (code, name, form) in enumerate(rows)
    ]


def _record(
    form: str,
    place: int,
    number: str,
    name: str,
    more: Mapping[str, Any] | None = None,
    *,
    disabled: bool = False,
) -> BaseRecord:
    id = 1000 * (1 + list(_LABELS).index(form)) + place
    return BaseRecord(id, number, name, dict(more or {}), disabled)
