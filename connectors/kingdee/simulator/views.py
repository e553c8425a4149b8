"""Whole objects as the product shows them: View's entities and QueryBusinessInfo's metadata.

View speaks in property names of the object model (``Id``, ``BillNo``), not in F-keys (reference §4).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.kingdee.simulator.bills import Bill, amount_of
from connectors.kingdee.simulator.forms import STATUS_FIELD, Entity, Form, FormField
from engine import jsontext

__all__ = ["bill_entity", "bill_summary", "business_info"]

_CHINESE = 2052
_FIELD_TYPES = {
    "text": (167, "Text"),
    "decimal": (106, "Decimal"),
    "integer": (56, "Integer"),
    "date": (61, "Date"),
    "datetime": (61, "DateTime"),
    "boolean": (175, "CheckBox"),
}


def bill_entity(form: Form, bill: Bill) -> dict[str, Any]:
    """A bill as View gives it."""
    shown: dict[str, Any] = {"Id": bill.id, **_properties(form.fields, bill.values)}
    for entity in form.entities.values():
        shown[entity.key.removeprefix("F")] = [
            {"Id": row.id, "Seq": place, **_properties(entity.fields, row.values)}
            for place, row in enumerate(bill.entries.get(entity.key, []), 1)
        ]
    return shown


def bill_summary(form: Form, bill: Bill) -> dict[str, Any]:
    """A bill for people who look at the sandbox; `model` is what it was last saved with."""
    return {
        "id": bill.id,
        "form": form.id,
        "number": bill.number,
        "status": bill.status,
        "amount": format(amount_of(form, bill), "f"),
        "model": jsontext.loads(bill.model),
    }


def business_info(form: Form) -> dict[str, Any]:
    """A form's metadata: names, labels, types, entries."""
    head = _entity_info("FBillHead", form.label, form.fields, "HeadEntity")
    entries = [
        _entity_info(entity.key, entity.label, entity.fields, "EntryEntity", entity)
        for entity in form.entities.values()
    ]
    return {
        "Id": form.id,
        "Name": _localised(form.label),
        "PkFieldName": form.key,
        "BillNoFieldName": form.number,
        "Entrys": [head, *entries],
    }


def _entity_info(
    key: str, label: str, fields: Mapping[str, FormField], kind: str, entity: Entity | None = None
) -> dict[str, Any]:
    return {
        "Key": key,
        "Name": _localised(label),
        "EntityType": kind,
        "EntryPkFieldName": "FEntryID" if entity is not None else "FID",
        "MustInput": int(entity is not None and entity.required),
        "Fields": [_field_info(field) for field in fields.values()],
    }


def _field_info(field: FormField) -> dict[str, Any]:
    number, element = _FIELD_TYPES[field.type] if not field.references else (56, "BaseData")
    return {
        "Key": field.key,
        "Name": _localised(field.label),
        "PropertyName": field.orm,
        "FieldType": number,
        "ElementType": element,
        "MustInput": int(field.required),
        "LookUpObjectFormId": field.base,
        "LookUpObjectFormIdField": field.base_of,
    }


def _properties(fields: Mapping[str, FormField], values: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in fields.values():
        value = values.get(field.key)
        name = "DocumentStatus" if field.key.upper() == STATUS_FIELD else field.orm
        if field.references:
            shown[f"{name}_Id"] = value["id"] if value else 0
            shown[name] = _base_entity(value) if value else None
        elif field.type == "decimal":
            shown[name] = Decimal(value or 0)
        elif field.type in ("date", "datetime"):
            shown[name] = value.replace(" ", "T") if value else None
        else:
            shown[name] = value
    return shown


def _base_entity(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Id": value["id"],
        "msterID": value["id"],
        "Number": value["number"],
        "Name": _localised(value["name"]),
    }


def _localised(text: str) -> list[dict[str, Any]]:
    return [{"Key": _CHINESE, "Value": text}]
