"""Form components in the simulator's own terms, and the forms for expenses and loans.

A component is a dict with `type`, `id`, and where it has them `name`, `value`, `ext` (an object), and for a
table `rows` (lists of cells) and `columns` (what an empty table shows on the old API, reference §6.2).
A cell is a dict with `type`, `label`, `key`, `value` and where it has one `extend`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["EXPENSE", "EXPENSE_CODE", "LOAN", "LOAN_CODE", "Column", "Form", "Slot", "schema"]

EXPENSE_CODE = "PROC-EXPENSE-SANDBOX"
LOAN_CODE = "PROC-LOAN-SANDBOX"


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: component type, id, label."""

    type: str
    id: str
    label: str
    required: bool = True

    def cell(self, value: Any) -> dict[str, Any]:
        """A filled cell."""
        return {"type": self.type, "label": self.label, "key": self.id, "value": value}

    def definition(self) -> dict[str, Any]:
        """What stands in an empty table's value on the old API (reference §6.2)."""
        props: dict[str, Any] = {
            "bizAlias": "",
            "id": self.id,
            "label": self.label,
            "required": self.required,
        }
        if self.type == "DDDateField":
            props |= {"holidayOptions": [], "placeholder": "请选择", "format": "yyyy-MM-dd", "unit": "天"}
        if self.type == "MoneyField":
            props |= {"placeholder": "请输入金额", "upper": "1"}
        return {"componentName": self.type, "componentType": self.type, "props": props}


@dataclass(frozen=True, slots=True)
class Slot:
    """A component of a form; a TextNote has no name."""

    type: str
    id: str
    name: str | None = None
    options: tuple[str, ...] = ()
    columns: tuple[Column, ...] = field(default=())
    required: bool = False

    def filled(self, value: Any = None, ext: Any = None) -> dict[str, Any]:
        """The component with a value; None leaves it unfilled."""
        made: dict[str, Any] = {"type": self.type, "id": self.id}
        if self.name is not None:
            made["name"] = self.name
        if value is not None:
            made["value"] = value
        if ext is not None:
            made["ext"] = ext
        return made

    def table(self, rows: list[list[dict[str, Any]]]) -> dict[str, Any]:
        """The table with these rows."""
        columns = [column.definition() for column in self.columns]
        return {"type": self.type, "id": self.id, "name": self.name, "rows": rows, "columns": columns}


@dataclass(frozen=True, slots=True)
class Form:
    """An approval form."""

    code: str
    title: str
    slots: tuple[Slot, ...]

    def slot(self, id: str) -> Slot:
        """The component of this id."""
        return next(one for one in self.slots if one.id == id)


_ADMIN_TYPES = ("办公费", "差旅费", "业务招待费", "其他行政费用")
_PROJECT_TYPES = ("项目差旅", "项目招待", "项目采购")

EXPENSE = Form(
    EXPENSE_CODE,
    "费用报销",
    (
        Slot("DDSelectField", "DDSelectField_1XO0NHG", "费用归属项目", required=True),
        Slot("DDSelectField", "DDSelectField_1XO0NHH", "报销类别", ("行政报销", "项目报销"), required=True),
        Slot("TextNote", "TextNote_7L0ZKXODKW40"),
        Slot("DDSelectField", "DDSelectField_2C8QK0", "行政报销类型", _ADMIN_TYPES),
        Slot("DDSelectField", "DDSelectField_2C8QK1", "项目报销类型", _PROJECT_TYPES),
        Slot(
            "TableField",
            "TableField_5E1WQ8",
            "报销明细",
            columns=(
                Column("DDDateField", "DDDateField_7QK2M0", "费用发生日期"),
                Column("MoneyField", "MoneyField_3H8ZP5", "报销金额(元)"),
                Column("TextField", "TextField_9B4RD2", "费用明细"),
            ),
        ),
        Slot(
            "TableField",
            "TableField_1BDACP",
            "项目费用明细",
            columns=(
                Column("DDDateField", "DDDateField_K1", "费用发生日期"),
                Column("TextField", "TextField_K2", "费用明细"),
                Column("MoneyField", "MoneyField_K3", "总金额"),
            ),
        ),
        Slot("MoneyField", "MoneyField_1FPZ", "总金额", required=True),
        Slot("RelateField", "RelateField_8H2K", "关联审批单"),
        Slot("TextNote", "TextNote-KDE5B2G3"),
        Slot("InvoiceField", "InvoiceField_1QX7", "电子发票"),
        Slot("RecipientAccountField", "RecipientAccountField_6M3D", "收款账号", required=True),
        Slot("TextareaField", "TextareaField_4T0V", "公司帐号付款(如需公司帐号付款请选择)"),
        Slot("DDPhotoField", "DDPhotoField-J2X9B6LM", "报销凭证拍照上传"),
        Slot("DDAttachment", "DDAttachment_1R5W", "附件"),
    ),
)

_LOAN_COLUMNS = (
    Column("TextField", "TextField_L1", "用途"),
    Column("MoneyField", "MoneyField_L2", "金额"),
    Column("DDPhotoField", "DDPhotoField_L3", "凭证", required=False),
    Column("DDMultiSelectField", "DDMultiSelectField_L4", "票据", required=False),
)

LOAN = Form(
    LOAN_CODE,
    "借款申请",
    (
        Slot("InnerContactField", "InnerContactField_3Q0", "经办人", required=True),
        Slot("DepartmentField", "DepartmentField_3Q1", "借款部门"),
        Slot("DDDateRangeField", "DDDateRangeField_3Q2", '["开始时间","结束时间"]'),
        Slot("DDMultiSelectField", "DDMultiSelectField_3Q3", "还款方式", ("工资抵扣", "报销冲抵", "现金")),
        Slot("TableField", "TableField_3Q4", "表格", columns=_LOAN_COLUMNS),
        Slot("TableField", "TableField_3Q5", "表格", columns=_LOAN_COLUMNS),
        Slot("MoneyField", "MoneyField_3Q6", "借款金额", required=True),
        Slot("PhoneField", "PhoneField_3Q7", "联系电话"),
        Slot("CascadeField", "CascadeField_3Q8", "借款分类"),
        Slot("TextareaField", "TextareaField_3Q9", "说明"),
    ),
)


def schema(form: Form) -> dict[str, Any]:
    """The answer of the form schema interface (reference §8); options are JSON strings."""
    items = []
    for slot in form.slots:
        props: dict[str, Any] = {"id": slot.id, "required": slot.required}
        if slot.name is not None:
            props["label"] = slot.name
        if slot.options:
            props["options"] = [
                f'{{"value":"{option}","key":"option_{place}"}}' for place, option in enumerate(slot.options)
            ]
        item: dict[str, Any] = {"componentName": slot.type, "props": props}
        if slot.columns:
            item["children"] = [
                {
                    "componentName": column.type,
                    "props": {"id": column.id, "label": column.label, "required": column.required},
                }
                for column in slot.columns
            ]
        items.append(item)
    content = {"title": form.title, "items": items}
    return {"name": form.title, "status": "PUBLISHED", "bizType": "", "schemaContent": content}
