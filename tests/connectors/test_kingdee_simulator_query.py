"""The simulated Kingdee's queries: filters, columns, entry rows, order and paging (reference §6)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kingdee.simulator import KingdeeSimulator
from connectors.kingdee.simulator.answers import Refusal
from connectors.kingdee.simulator.body import Body
from connectors.kingdee.simulator.conditions import Column, ConditionError
from connectors.kingdee.simulator.filter import parse_filter
from connectors.kingdee.simulator.services import FormService
from engine.connector.simulator import SandboxClock, SandboxState


def bill(number: str, day: str, amounts: list[str], person: str = "E0031", **more: Any) -> dict[str, Any]:
    return {
        "FBillNo": number,
        "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
        "FDATE": day,
        "FCONTACTUNITTYPE": "BD_Empinfo",
        "FCONTACTUNIT": {"FNumber": person},
        "FRECTUNITTYPE": "BD_Empinfo",
        "FRECTUNIT": {"FNumber": person},
        "FCURRENCYID": {"FNumber": "PRE001"},
        "FSETTLECUR": {"FNUMBER": "PRE001"},
        "FPAYORGID": {"FNumber": "100"},
        "FPAYBILLENTRY": [
            {
                "FSETTLETYPEID": {"FNumber": "JSFS04_SYS"},
                "FPURPOSEID": {"FNumber": "SFKYT10_SYS"},
                "FPAYTOTALAMOUNTFOR": Decimal(amount),
                "FCOSTID": {"FNUMBER": f"FYXM{place:02d}_SYS"},
            }
            for place, amount in enumerate(amounts, 1)
        ],
        **more,
    }


class Site:
    """The simulator without its server."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        state = SandboxState(folder)
        self.close = state.close
        simulator = KingdeeSimulator(state, SandboxClock(state), settings, "kingdee")
        simulator.prepare()
        self.service = FormService(simulator)

    def __call__(self, method: str, form: str = "AP_PAYBILL", **data: Any) -> Any:
        return self.service.answer(method, Body({"formid": form, "data": data}), "tester")

    def query(self, keys: str, where: Any = "", *, form: str = "AP_PAYBILL", **more: Any) -> list[list[Any]]:
        asked = {"FormId": form, "FieldKeys": keys, "FilterString": where, **more}
        rows: list[list[Any]] = self("executebillquery", **asked)
        return rows


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("kingdee"))
    models = [
        bill("DD-1", "2025-01-31", ["10.10", "5"], FREMARK="O'Neil 的差旅"),
        bill("DD-2", "2025-02-28 18:30:00", ["328.50"], person="E0032"),
        bill("DD-3", "2025-03-01", ["1000000.01"], FREMARK="100%_报销"),
    ]
    assert found("batchsave", Model=models)["Result"]["ResponseStatus"]["IsSuccess"]
    yield found
    found.close()


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("", "1 2 3"),
        ("FBillNo='DD-2'", "2"),
        ("fbillno = 'DD-2'", "2"),
        ("FBillNo in ('DD-1','DD-3','DD-9')", "1 3"),
        ("FBillNo not in ('DD-1')", "2 3"),
        ("FBillNo<>'DD-1' and FBillNo != 'DD-3'", "2"),
        ("FBillNo='DD-1' or FBillNo='DD-3' and FDATE<'2025-01-01'", "1"),
        ("(FBillNo='DD-1' or FBillNo='DD-3') and FDATE<'2025-01-01'", ""),
        ("not (FBillNo='DD-1')", "2 3"),
        ("FDATE>='2025-02-28' and FDATE<'2025-03-01'", "2"),
        ("FDATE >= {ts'2025-02-28 18:30:00'}", "2 3"),
        ("FDATE between '2025-01-01' and '2025-02-01'", "1"),
        ("FREMARK='O''Neil 的差旅'", "1"),
        ("FREMARK like '%差旅'", "1"),
        ("FREMARK like N'100%'", "3"),
        ("FBillNo like 'DD-_'", "1 2 3"),
        ("FREMARK is null", "2"),
        ("FREMARK is not null", "1 3"),
        ("FREMARK <> 'x'", "1 3"),
        ("not FREMARK = 'x'", "1 3"),
        ("FCONTACTUNIT.FNumber='E0032'", "2"),
        ("FCONTACTUNIT.FName='张三' AND FPAYORGID.FNumber='100'", "1 3"),
        ("FDocumentStatus='A' and 1=1", "1 2 3"),
        ([{"Left": "", "FieldName": "FBillNo", "Compare": "67", "Value": "DD-2", "Right": ""}], "2"),
        (
            [
                {"Left": "(", "FieldName": "FBillNo", "Compare": "67", "Value": "DD-2", "Logic": "1"},
                {"FieldName": "FBillNo", "Compare": "=", "Value": "DD-3", "Right": ")", "Logic": "0"},
                {"FieldName": "FDocumentStatus", "Compare": "StatusEqualto", "Value": "A"},
            ],
            "2 3",
        ),
        ([{"FieldName": "FBillNo", "Compare": "in", "Value": "DD-1,DD-2"}], "1 2"),
    ],
)
def test_a_filter_finds(site: Site, where: Any, numbers: str) -> None:
    rows = site.query("FBillNo", where, OrderString="FID")
    assert rows == [[f"DD-{number}"] for number in numbers.split()]


def test_an_entry_field_gives_a_row_for_each_entry(site: Site) -> None:
    keys = "FBillNo,FPAYBILLENTRY_FSeq,FCOSTID.FNumber,FPAYTOTALAMOUNTFOR"
    assert site.query(keys, "FBillNo='DD-1'") == [
        ["DD-1", 1, "FYXM01_SYS", Decimal("10.10")],
        ["DD-1", 2, "FYXM02_SYS", Decimal("5")],
    ]
    assert len(site.query("FBillNo", "FBillNo='DD-1'")) == 1
    assert len(site.query("FPAYBILLENTRY_FEntryID")) == 4
    assert site.query("FBillNo", "FPAYTOTALAMOUNTFOR > 328.5") == [["DD-3"]]
    assert site.query("FBillNo", "FPAYTOTALAMOUNTFOR = 328.500") == [["DD-2"]]


@pytest.mark.parametrize(
    ("paging", "numbers"),
    [
        ({"OrderString": "FDATE desc"}, "3 2 1"),
        ({"OrderString": "FDocumentStatus, FBillNo DESC"}, "3 2 1"),
        ({"Limit": 2}, "1 2"),
        ({"StartRow": 2, "Limit": 2}, "3"),
        ({"StartRow": "1", "Limit": "1"}, "2"),
        ({"TopRowCount": 2}, "1 2"),
        ({"TopRowCount": 2, "StartRow": 2, "Limit": 2}, ""),
        ({"TopRowCount": 3, "StartRow": 2, "Limit": 2}, "3"),
    ],
)
def test_a_page_is_cut_out(site: Site, paging: dict[str, Any], numbers: str) -> None:
    rows = site.query("FBillNo", **{"OrderString": "FID", **paging})
    assert rows == [[f"DD-{number}"] for number in numbers.split()]


def test_no_query_gives_more_rows_than_the_site_allows(tmp_path: Path) -> None:
    found = Site(tmp_path, query_limit=5)
    assert len(found.query("FNumber", form="BD_Empinfo", Limit=2000)) == 5
    found.close()


def test_base_data_is_queried_under_its_own_keys(site: Site) -> None:
    where = "FNumber in ('E0031','E0001')"
    rows = site.query("FNumber,FName,FForbidStatus", where, form="BD_Empinfo", OrderString="FNumber")
    assert rows == [["E0001", "离职员工", "B"], ["E0031", "张三", "A"]]
    assert site.query("FSupplierId", "FNumber='VEN00001'", form="bd_supplier")[0][0] > 0
    assert site.query("FName", "FNumber='JSFS04_SYS'", form="BD_SETTLETYPE") == [["电汇"]]


def test_bill_query_gives_objects(site: Site) -> None:
    asked = {"FormId": "AP_PAYBILL", "FieldKeys": "FBillNo,FDATE", "FilterString": "FBillNo='DD-2'"}
    assert site("billquery", **asked) == [{"FBillNo": "DD-2", "FDATE": "2025-02-28T18:30:00"}]


@pytest.mark.parametrize(
    ("keys", "where", "code", "said"),
    [
        ("FXX", "", 9, "元数据中标识为FXX的字段不存在"),
        ("FBillNo", "FXX='1'", 9, "元数据中标识为FXX的字段不存在"),
        ("FBillNo.FNumber", "", 9, "元数据中标识为FBillNo.FNumber的字段不存在"),
        ("FPAYORGID.FOops", "", 9, "元数据中标识为FPAYORGID.FOops的字段不存在"),
        ("", "", 8, "FieldKeys"),
        ("FBillNo", "FBillNo=", 8, "语法错误"),
        ("FBillNo", "FBillNo='open", 8, "语法错误"),
        ("FBillNo", "(FBillNo='1'", 8, "语法错误"),
        ("FBillNo", "FBillNo='1' FBillNo='2'", 8, "语法错误"),
        ("FBillNo", "FDATE>'yesterday'", 8, "转换失败"),
        ("FBillNo", "FPAYTOTALAMOUNTFOR>'much'", 8, "numeric"),
        ("FBillNo", [{"FieldName": "FBillNo", "Compare": "999", "Value": "1"}], 8, "比较符"),
    ],
)
def test_a_wrong_query_is_refused(site: Site, keys: str, where: Any, code: int, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        site.query(keys, where)
    assert refused.value.problem.code == code


@pytest.mark.parametrize(("form", "code"), [("", 5), ("NO_SUCH", 4)])
def test_an_unknown_form_is_refused(site: Site, form: str, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        site.query("FID", form=form)
    assert refused.value.problem.code == code


def column(name: str) -> Column:
    return Column(name, "text", lambda row: row.get(name))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_any_text_can_be_looked_for_with_quotes_doubled(text: str) -> None:
    condition = parse_filter("F='" + text.replace("'", "''") + "'", column)
    assert condition is not None
    assert condition.holds({"F": text}) is True
    assert condition.pins("F") == frozenset({text})


@given(st.text(alphabet="F='() andornt,<>1.", max_size=30))
def test_any_filter_is_read_or_refused(text: str) -> None:
    try:
        condition = parse_filter(text, column)
        if condition is not None:
            condition.holds({"F": "1"})
    except ConditionError:
        pass


def test_an_employees_department_is_asked_for_like_any_base_data(site: Site) -> None:
    keys = "FNumber,FName,FPostDept.FNumber,FPostDept.FName,FModifyDate"
    (row,) = site.query(keys, "FStaffNumber='E0031' and FModifyDate<'2025-01-03'", form="BD_Empinfo")
    assert row == ["E0031", "张三", "BM000007", "项目部-实施一组", "2025-01-02T09:30:00"]
    assert site.query("FNumber", "FName='笔记本电脑'", form="BD_MATERIAL") == [["1.02.0001"]]
    assert ["Pcs", "个"] in site.query("FNumber,FName", form="BD_UNIT")
