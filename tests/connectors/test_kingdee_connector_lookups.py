"""Base data for translation tables, and the forms of the market's schemes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from connectors.kingdee import KingdeeConnector
from connectors.kingdee.lookups import BaseDataLookup
from connectors.kingdee.simulator.forms import bill_forms
from engine.errors import FailureClass, RecordError

CATALOG = KingdeeConnector.catalog()


def look_up(interface: str, key: str, rows: list[list[Any]]) -> tuple[Mapping[str, Any] | None, list[Any]]:
    asked: list[Any] = []

    async def fetch(data: Mapping[str, Any]) -> list[list[Any]]:
        asked.append(data)
        return rows

    found = asyncio.run(BaseDataLookup(fetch, CATALOG.interfaces[interface]).look_up(key))
    return found, asked


def test_a_supplier_is_found_by_its_name() -> None:
    found, (asked,) = look_up("BD_Supplier", " O'Neil 商行 ", [["VEN1", "O'Neil 商行"]])
    assert found == {"FNumber": "VEN1", "FName": "O'Neil 商行"}
    where = "(FName='O''Neil 商行') and FForbidStatus='A' and FDocumentStatus='C'"
    assert (asked["FormId"], asked["FilterString"]) == ("BD_Supplier", where)


def test_a_supplier_that_several_organisations_use_is_one() -> None:
    assert look_up("BD_Supplier", "甲", [["VEN1", "甲"], ["VEN1", "甲"]])[0] == {
        "FNumber": "VEN1",
        "FName": "甲",
    }


def test_an_unknown_name_is_a_miss_and_an_empty_one_is_not_asked() -> None:
    assert look_up("BD_Customer", "甲", [])[0] is None
    assert look_up("BD_Customer", " ", [["CUST", "甲"]]) == (None, [])


def test_two_of_one_name_are_never_guessed_between() -> None:
    with pytest.raises(RecordError, match="VEN1, VEN2") as raised:
        look_up("BD_Supplier", "甲", [["VEN2", "甲"], ["VEN1", "甲"]])
    assert raised.value.failure is FailureClass.BASE_DATA_MISSING


def test_the_staff_number_is_the_key_of_an_employee() -> None:
    found, (asked,) = look_up("BD_Empinfo", "E0031", [["E0031", "张三", "E0031"]])
    assert asked["FilterString"].startswith("(FStaffNumber='E0031') and ")
    assert found == {"FNumber": "E0031", "FName": "张三", "FStaffNumber": "E0031"}


@pytest.mark.parametrize("name", sorted(CATALOG.forms))
def test_the_simulator_knows_what_the_catalog_calls_required(name: str) -> None:
    form, known = CATALOG.forms[name], bill_forms()[name.lower()]
    for field in form.fields.values():
        if field.required:
            assert known.field(field.name) or known.entity(field.name), field.name
        entity = known.entity(field.name)
        for inner in field.fields.values():
            assert entity is not None or not field.required
            assert not inner.required or (entity is not None and entity.field(inner.name)), inner.name
    names = list(form.fields)
    units = [field for field in form.fields.values() if field.unit_type]
    assert all(names.index(unit.unit_type or "") < names.index(unit.name) for unit in units)
