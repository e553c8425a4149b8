"""A form as an account has it, its own fields among them: QueryBusinessInfo (page of AP_PAYBILL)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from engine.connector.catalog import Field, Form
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.kingdee.client import KingdeeClient

__all__ = ["describe_form"]

_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,60}")
_CHINESE = 2052
_BASE = "FNUMBER"
_TYPES = {
    56: "integer",
    127: "integer",
    52: "integer",
    106: "decimal",
    108: "decimal",
    58: "date",
    61: "date",
    175: "string",
}
"""By the number that a column's type has in SQL Server; texts are all the others."""

_ELEMENTS = {"CheckBox": "boolean", "DateTime": "datetime", "Date": "date"}


async def describe_form(client: KingdeeClient, name: str) -> Form:
    """A form's fields, those of its entries below the entry's key.

    Raises ConfigurationError for what is no form, and what `KingdeeClient.read` raises.
    """
    if not _FORM.fullmatch(name):
        raise ConfigurationError(tr('"{form}" is no name of a Kingdee form', form=name))
    info = await client.query_business_info(name)
    fields: dict[str, Field] = {}
    for entity in _objects(info.get("Entrys")):
        below = {field.name: field for field in _fields(entity)}
        if entity.get("EntityType") == "HeadEntity" or not entity.get("Key"):
            fields |= below
        else:
            key = str(entity["Key"])
            needed = bool(entity.get("MustInput"))
            fields[key] = Field(key, _chinese(entity.get("Name")), "array", required=needed, fields=below)
    return Form(name, _chinese(info.get("Name")) or name, fields)


def _fields(entity: Mapping[str, Any]) -> Iterator[Field]:
    for shown in _objects(entity.get("Fields")):
        key = str(shown.get("Key") or "")
        if not key:
            continue
        refers = str(shown.get("LookUpObjectFormId") or shown.get("LookUpObjectFormIdField") or "")
        kind = _ELEMENTS.get(str(shown.get("ElementType"))) or _TYPES.get(
            shown.get("FieldType") or 0, "string"
        )
        yield Field(
            key,
            _chinese(shown.get("Name")),
            "base" if refers else kind,
            description=refers,
            required=bool(shown.get("MustInput")),
            base=_BASE if refers else None,
        )


def _chinese(name: Any) -> str:
    """A name out of a list of one for each language; Chinese, else the first."""
    if isinstance(name, str):
        return name
    found = {part.get("Key"): str(part.get("Value") or "") for part in _objects(name)}
    return found.get(_CHINESE) or next(iter(found.values()), "")


def _objects(parts: Any) -> list[dict[str, Any]]:
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
