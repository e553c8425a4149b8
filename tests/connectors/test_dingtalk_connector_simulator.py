"""The connector against the simulator, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.dingtalk import DingtalkConnector
from engine.clock import SystemClock
from engine.connector.api import Accepted, Choice, Outgoing, Span, SpanRefused, Unclear
from engine.connector.contract import check_lookup, check_source, check_target
from engine.connector.limits import Limits
from engine.connector.session import CountingMeter, connect
from engine.connector.settings import Connection
from engine.connector.simulator.control import set_faults
from engine.connector.simulator.serve import SimulatorSpec, serving
from engine.errors import ConfigurationError, CredentialsError, Position

OLD, NEW = "topapi/processinstance/get", "v1.0/workflow/processInstances"
REQUEST = {"process_code": "PROC-EXPENSE-SANDBOX"}


class QuickClock(SystemClock):
    """The real time, but waits are over at once and remembered as passed."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        await asyncio.sleep(0)


Work = Callable[[DingtalkConnector], Awaitable[Any]]


def against(folder: Path, work: Work, *, secret: str | None = None, **settings: Any) -> Any:
    """Run `work` with a connector that reaches a simulator of its own."""

    async def main() -> Any:
        spec = SimulatorSpec("dingtalk", DingtalkConnector.simulator or "", {"per_second": 1000, **settings})
        async with serving(folder, [spec]) as served:
            one = served["dingtalk"]
            found = one.simulator.connection_settings(one.base_url)
            if secret is not None:
                found["app_secret"] = secret
            bare = Connection(
                name="dingtalk",
                connector="dingtalk",
                settings={},
                limits=Limits(timeout=5.0),
                environment="sandbox",
                position=Position("connections.yaml"),
                simulator={},
            )
            connection = bare.with_settings(found, DingtalkConnector.catalog().settings)
            connector = connect(connection, QuickClock(), lambda *_: CountingMeter())
            assert isinstance(connector, DingtalkConnector)
            try:
                return await work(connector)
            finally:
                await connector.session.aclose()

    return asyncio.run(main())


async def read_all(connector: DingtalkConnector, interface: str) -> dict[str, dict[str, Any]]:
    source = connector.source(interface, REQUEST)
    now = connector.session.clock.now()
    ids: list[str] = []
    cursor = None
    while True:
        page = await source.page(REQUEST, Span(now - timedelta(days=115), now), cursor)
        ids += [item.id for item in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    return {id_: await source.get(id_) for id_ in dict.fromkeys(ids)}


def as_both_tell_it(record: dict[str, Any]) -> dict[str, Any]:
    """The new API knows no seconds, and one word less for the status."""
    extend = dict(record["extend"])
    for name in ("create_time", "finish_time"):
        extend[name] = extend[name] and extend[name][:16]
    extend["status"] = extend["status"].replace("CANCELED", "TERMINATED")
    return {**record, "extend": extend}


def test_both_generations_give_the_same_records_at_the_floor_of_calls(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> Any:
        old = await read_all(connector, OLD)
        new = await read_all(connector, NEW)
        assert isinstance(connector.session.meter, CountingMeter)
        return old, new, dict(connector.session.meter.calls)

    old, new, calls = against(tmp_path, work)
    assert len(old) >= 30
    assert list(old) == list(new)
    assert [as_both_tell_it(one) for one in old.values()] == [as_both_tell_it(one) for one in new.values()]
    pages = -(-len(old) // 20)
    assert calls["topapi/processinstance/get"] == len(old)
    assert calls["topapi/processinstance/listids"] in (pages, pages + 1)
    assert calls["v1.0/workflow/processInstances"] == len(new)
    agreed = [one for one in old.values() if one["extend"]["result"] == "agree"]
    assert agreed
    for one in agreed:
        rows = [*one.get("报销明细", []), *one.get("项目费用明细", [])]
        amounts = [row.get("报销金额(元)") or row.get("总金额") for row in rows]
        assert all(amounts), one["id"]
        total = sum(Decimal(amount.replace(",", "")) for amount in amounts)
        assert total == Decimal(one["总金额"].replace(",", ""))


def test_reading_comes_through_a_bad_day(tmp_path: Path) -> None:
    clean = against(tmp_path, lambda connector: read_all(connector, OLD), instances=25)
    names = ("throttle", "error_before", "empty", "html", "expired", "drop_before")
    set_faults(tmp_path, dict.fromkeys(names, 0.05))
    for interface in (OLD, NEW):
        found = against(tmp_path, lambda connector, at=interface: read_all(connector, at), instances=25)
        assert list(found) == list(clean)


def test_a_comment_lost_on_the_way_is_found(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> None:
        for interface, names in (
            ("topapi/process/instance/comment/add", ("process_instance_id", "comment_userid")),
            ("v1.0/workflow/processInstances/comments", ("processInstanceId", "commentUserId")),
        ):
            records = await read_all(connector, OLD)
            one = next(one for one in records.values() if one["extend"]["result"] == "agree")
            who = one["extend"]["originator_userid"]
            payload = {names[0]: one["id"], names[1]: who, "text": f"已付款 {interface}"}
            target = connector.target(interface, None, {})
            key = target.key_of(payload, "text") or ""
            assert not (await target.find("text", [key])).get(key)
            set_faults(tmp_path, {"drop_after": 1})
            (answer,) = await target.send([Outgoing(key, payload)], lambda: True)
            set_faults(tmp_path, {"drop_after": 0})
            assert isinstance(answer, Unclear)
            assert len((await target.find("text", [key]))[key]) == 1
            (answer,) = await target.send([Outgoing(key + "!", {**payload, "text": "again"})], lambda: True)
            assert isinstance(answer, Accepted)

    against(tmp_path, work, instances=10)


def test_the_contract_is_kept(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> None:
        now = connector.session.clock.now()
        span = Span(now - timedelta(days=115), now)
        for interface in (OLD, NEW):
            records = await check_source(connector.source(interface, REQUEST), REQUEST, span)
        one = next(iter(records.values()))
        who = one["extend"]["originator_userid"]
        await check_lookup(connector.lookup("topapi/v2/user/get"), who, "nobody")
        comment = {"process_instance_id": one["id"], "comment_userid": who, "text": "已付款 DD1"}
        await check_target(
            connector.target("topapi/process/instance/comment/add", None, {}), [comment], "text"
        )
        comment = {"processInstanceId": one["id"], "commentUserId": who, "text": "已付款 DD2"}
        target = connector.target("v1.0/workflow/processInstances/comments", None, {})
        await check_target(target, [comment], "text")
        target = connector.target("topapi/message/corpconversation/asyncsend_v2", None, {})
        await check_target(target, [{"agent_id": 7, "userid_list": who, "text": "已付款 DD1"}], "text")

    against(tmp_path, work, instances=10)


def test_everyone_who_claims_is_in_the_address_book(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> None:
        users, departments = (
            connector.lookup("topapi/v2/user/get"),
            connector.lookup("topapi/v2/department/get"),
        )
        for one in (await read_all(connector, NEW)).values():
            entry = await users.look_up(one["extend"]["originator_userid"])
            assert entry is not None
            assert entry["userid"] == one["extend"]["originator_userid"]
            assert await departments.look_up(one["extend"]["originator_dept_id"]) is not None
        assert await users.look_up("nobody") is None
        assert await departments.look_up("999999999") is None

    against(tmp_path, work, instances=10)


@pytest.mark.parametrize("interface", [OLD, NEW])
def test_a_span_of_years_ago_is_refused_as_such(tmp_path: Path, interface: str) -> None:
    async def work(connector: DingtalkConnector) -> None:
        source = connector.source(interface, REQUEST)
        end = connector.session.clock.now() - timedelta(days=400)
        with pytest.raises(SpanRefused):
            await source.page(REQUEST, Span(end - timedelta(days=100), end), None)

    against(tmp_path, work, instances=1)


def test_a_wrong_secret_is_a_matter_of_credentials(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> None:
        with pytest.raises(CredentialsError):
            await connector.check()

    against(tmp_path, work, secret="wrong-canary", instances=1)


def test_a_notification_is_sent(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> None:
        records = await read_all(connector, OLD)
        who = next(iter(records.values()))["extend"]["originator_userid"]
        target = connector.target("topapi/message/corpconversation/asyncsend_v2", None, {})
        payload = {"agent_id": 1185599675, "userid_list": who, "title": "报销已付款", "text": "已付款 DD1"}
        (answer,) = await target.send([Outgoing("k", payload)], lambda: True)
        assert isinstance(answer, Accepted)

    against(tmp_path, work, instances=3)


def test_templates_and_departments_can_be_chosen_from(tmp_path: Path) -> None:
    async def work(connector: DingtalkConnector) -> Any:
        with pytest.raises(ConfigurationError, match="templates, departments"):
            await connector.choices("people")
        return await connector.choices("templates"), await connector.choices("departments")

    templates, departments = against(tmp_path, work)
    assert Choice("PROC-EXPENSE-SANDBOX", "费用报销") in templates
    assert Choice("575403278", "项目部-实施一组") in departments
    assert len(departments) == len({choice.value for choice in departments}) == 7
