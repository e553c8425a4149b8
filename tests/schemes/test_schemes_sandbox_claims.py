"""Every agreed claim of the sandbox becomes a bill, and the same one under both API generations."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.company import load_company
from connectors.dingtalk import DingtalkConnector
from connectors.kingdee import KingdeeConnector
from engine.clock import SHANGHAI, SystemClock
from engine.connector.api import Span
from engine.connector.limits import Limits
from engine.connector.session import CountingMeter, connect
from engine.connector.settings import Connection
from engine.connector.simulator.serve import SimulatorSpec, serving
from engine.errors import Position
from engine.mapping.mapper import Mapper
from engine.mapping.scope import MISS, Scope
from engine.scheme.load import load_scheme
from engine.scheme.model import Scheme
from engine.scheme.params import resolve_params
from engine.scheme.tables import load_tables

SCHEMES = Path(__file__).parents[2] / "schemes"
OLD = SCHEMES / "expense_to_paybill.yaml"
NEW = SCHEMES / "market/expense_to_paybill_v1/expense_to_paybill_v1.yaml"
NOW = datetime(2026, 1, 1, tzinfo=SHANGHAI)

Records = dict[str, dict[str, Any]]


class QuickClock(SystemClock):
    """The real time, but nobody waits for a turn."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


async def read_all(connector: Any, scheme: Scheme, code: str) -> Records:
    request = {"process_code": code, "processCode": code}
    request = {name: code for name in request if name in scheme.source.request}
    source = connector.source(scheme.source.interface, request)
    now = connector.session.clock.now()
    span, cursor, records = Span(now - timedelta(days=115), now), None, {}
    while True:
        page = await source.page(request, span, cursor)
        for item in page.items:
            records[item.id] = await source.get(item.id)
        cursor = page.cursor
        if cursor is None:
            return records


def loaded(path: Path) -> Scheme:
    scheme = load_scheme(path).scheme
    assert scheme is not None
    return scheme


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> tuple[Records, Records]:
    """All claims of a sandbox, as the old and as the new interface give them."""

    async def read() -> tuple[Records, Records]:
        spec = SimulatorSpec("dingtalk", DingtalkConnector.simulator or "", {"per_second": 1000})
        async with serving(tmp_path_factory.mktemp("sandbox"), [spec]) as served:
            one = served["dingtalk"]
            bare = Connection(
                name="dingtalk",
                connector="dingtalk",
                settings={},
                limits=Limits(),
                environment="sandbox",
                position=Position("connections.yaml"),
                simulator={},
            )
            settings = one.simulator.connection_settings(one.base_url)
            connection = bare.with_settings(settings, DingtalkConnector.catalog().settings)
            connector = connect(connection, QuickClock(), lambda *_: CountingMeter())
            code = str(loaded(OLD).params["process_code"].default)
            try:
                return await read_all(connector, loaded(OLD), code), await read_all(
                    connector, loaded(NEW), code
                )
            finally:
                await connector.session.aclose()

    return asyncio.run(read())


def bills(path: Path, records: Records) -> dict[str, dict[str, Any]]:
    """What a scheme makes of the records it takes, by record id; any failure fails the test."""
    scheme = loaded(path)
    form = KingdeeConnector.catalog().forms[scheme.target.form or ""]
    defaults = {name: spec.default for name, spec in scheme.tables.items() if spec.has_default}
    mapper = Mapper(scheme.target.mapping, form=form, table_defaults=defaults)
    tables = load_tables(scheme)
    job_numbers = {one.userid: one.job_number for one in load_company().employees}

    def look_up(table: str, key: str) -> Any:
        return job_numbers.get(key, MISS) if table == "employee" else tables[table].find(key)

    params = resolve_params(scheme, {}, {}, NOW)
    assert scheme.source.where is not None
    assert scheme.source.hold is not None
    made = {}
    for id_, record in records.items():
        scope = Scope(record, params, look_up)
        if scheme.source.where.evaluate(scope) and not scheme.source.hold.evaluate(scope):
            made[id_] = mapper.map(record, params, look_up).payload
    return made


def test_every_agreed_claim_maps_with_a_code_for_every_word(claims: tuple[Records, Records]) -> None:
    company = load_company()
    made = bills(OLD, claims[0])
    assert len(made) >= 20
    accounts = {one.name: one.account for one in company.employees}
    departments = {one.number for one in company.departments}
    lines = [(bill, line) for bill in made.values() for line in bill["FPAYBILLENTRY"]]
    assert {bill["FDepartment"]["FNumber"] for bill in made.values()} <= departments
    for _, line in lines:
        assert line["FOPPOSITEBANKACCOUNT"] == accounts[line["FOPPOSITECCOUNTNAME"]]
        assert isinstance(line["FPAYTOTALAMOUNTFOR"], Decimal)
        assert line["FPAYTOTALAMOUNTFOR"] > 0


def test_no_word_of_the_sandbox_falls_back_on_a_default(claims: tuple[Records, Records]) -> None:
    scheme = loaded(OLD)
    tables = load_tables(scheme)
    for record in claims[0].values():
        for row in [*record["报销明细"], *record["项目费用明细"]]:
            assert tables["expense_item"].find(row["费用明细"]) is not MISS, row
        paid_by = record["公司帐号付款(如需公司帐号付款请选择)"]
        if paid_by and record["extend"]["biz_action"] == "NONE":
            assert tables["settle_type"].find(paid_by) is not MISS, paid_by
        assert tables["department"].find(record["extend"]["originator_dept_id"]) is not MISS


def test_both_generations_make_the_same_bills(claims: tuple[Records, Records]) -> None:
    old, new = bills(OLD, claims[0]), bills(NEW, claims[1])
    assert old == new
    numbers = [bill["FBillNo"] for bill in old.values()]
    assert len(set(numbers)) == len(numbers)
    assert {claims[0][id_]["extend"]["business_id"] for id_ in old} == {number[2:] for number in numbers}
