"""The connector against the simulator, over real HTTP: every way in, and a bill's whole life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.kingdee import KingdeeConnector
from engine.clock import SystemClock
from engine.connector.api import Accepted, Duplicate, Existing, NotSent, Outgoing, Refused, Target, Unclear
from engine.connector.limits import Limits
from engine.connector.references import Secret
from engine.connector.session import Session
from engine.connector.settings import Connection
from engine.connector.simulator import Simulator, set_faults
from engine.connector.simulator.serve import SimulatorSpec, serving
from engine.connector.transport import HttpTransport
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    FailureClass,
    Position,
    RecordError,
    Unreachable,
)

WAYS = ("signature", "login_by_sign", "login_by_app_secret", "validate_user")


class QuickClock(SystemClock):
    """Waits between tries of a read are skipped."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Site:
    connector: KingdeeConnector
    simulator: Simulator

    def target(self, interface: str = "batchSave", **options: Any) -> Target:
        return self.connector.target(interface, self.connector.catalog().forms["AP_PAYBILL"], options)


@asynccontextmanager
async def site(folder: Path, auth: str = "signature", **changes: Any) -> AsyncIterator[Site]:
    given = changes.pop("simulator", {})
    spec = SimulatorSpec("kingdee", "connectors.kingdee.simulator:KingdeeSimulator", given)
    limits = Limits(timeout=5.0)
    async with serving(folder, [spec]) as served:
        one = served["kingdee"]
        settings = {**one.simulator.connection_settings(one.base_url), "auth": auth, **changes}
        secret = {name: Secret(str(settings[name])) for name in ("password", "app_secret")}
        connection = Connection(
            "kingdee", "kingdee", {**settings, **secret}, limits, "sandbox", Position("x"), simulator=given
        )
        session = Session(connection, QuickClock(timedelta()), HttpTransport(limits))
        try:
            yield Site(KingdeeConnector(connection, session), one.simulator)
        finally:
            await session.aclose()


def play(folder: Path, scene: Callable[[Site], Awaitable[None]], **changes: Any) -> None:
    async def within() -> None:
        async with site(folder, **changes) as made:
            await scene(made)

    asyncio.run(within())


def bill(key: str, *amounts: str, **changes: Any) -> Outgoing:
    return Outgoing(
        key,
        {
            "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
            "FBillNo": key,
            "FDATE": "2026-03-01",
            "FCONTACTUNITTYPE": "BD_Empinfo",
            "FCONTACTUNIT": {"FNumber": "E0031"},
            "FRECTUNITTYPE": "BD_Empinfo",
            "FRECTUNIT": {"FNumber": "E0031"},
            "FCURRENCYID": {"FNumber": "PRE001"},
            "FSETTLECUR": {"FNUMBER": "PRE001"},
            "FPAYORGID": {"FNumber": "100"},
            "FPAYBILLENTRY": [
                {
                    "FSETTLETYPEID": {"FNumber": "JSFS04_SYS"},
                    "FPURPOSEID": {"FNumber": "SFKYT10_SYS"},
                    "FPAYTOTALAMOUNTFOR": Decimal(amount),
                }
                for amount in amounts or ("328.50",)
            ],
            **changes,
        },
    )


def yes() -> bool:
    return True


def existing(answers: Iterable[Any]) -> list[Existing]:
    return [Existing(one.id, one.number, "save") for one in answers if isinstance(one, Accepted)]


@pytest.mark.parametrize("auth", WAYS)
def test_bills_go_all_the_way_by_every_way_in(tmp_path: Path, auth: str) -> None:
    async def scene(made: Site) -> None:
        await made.connector.check()
        target = made.target(IsVerifyBaseDataField=True)
        keys = ["DD1", "DD2"]
        assert await target.find("FBillNo", keys) == {"DD1": [], "DD2": []}
        sent = [bill("DD1", "328.50", "96.00"), bill("DD2", "0.1", "0.2")]
        saved = existing(await target.send(sent, yes))
        assert [one.number for one in saved] == keys
        for stage in ("submit", "audit"):
            assert existing(await target.advance(stage, saved)) == saved
        found = await target.find("FBillNo", keys)
        for document in sent:
            (hit,) = found[document.key]
            assert hit.stage == "audit"
            assert hit.facts == target.facts(document.payload)

    play(tmp_path, scene, auth=auth)


@pytest.mark.parametrize("auth", WAYS)
def test_wrong_secrets_are_refused_credentials(tmp_path: Path, auth: str) -> None:
    async def scene(made: Site) -> None:
        with pytest.raises(CredentialsError) as caught:
            await made.connector.check()
        assert "not-the-secret" not in str(caught.value)
        assert "acct_id" in f"{caught.value.message} {caught.value.hint}"  # what to look at

    play(tmp_path, scene, auth=auth, password="not-the-secret", app_secret="not-the-secret")


def test_a_batch_is_answered_for_each_bill(tmp_path: Path) -> None:
    async def scene(made: Site) -> None:
        target = made.target(IsVerifyBaseDataField=True)
        await target.send([bill("DD1")], yes)
        answers = await target.send(
            [
                bill("DD1"),
                bill("DD2"),
                bill("DD3", FCONTACTUNIT={"FNumber": "E9999"}),
                bill("DD4", FPAYBILLENTRY=[]),
            ],
            yes,
        )
        assert [type(one) for one in answers] == [Duplicate, Accepted, Refused, Refused]
        missing, empty = answers[2], answers[3]
        assert isinstance(missing, Refused)
        assert isinstance(empty, Refused)
        assert (missing.failure, missing.field) == (FailureClass.BASE_DATA_MISSING, "FCONTACTUNIT")
        assert empty.failure is FailureClass.DATA

    play(tmp_path, scene)


def test_an_audit_of_what_is_audited_is_told_apart(tmp_path: Path) -> None:
    async def scene(made: Site) -> None:
        target = made.target()
        saved = existing(await target.send([bill("DD1"), bill("DD2")], yes))
        await target.advance("submit", saved)
        await target.advance("audit", saved[:1])
        again = await target.advance("audit", saved)
        assert [type(one) for one in again] == [Duplicate, Accepted]
        early = existing(await target.send([bill("DD3")], yes))
        (answer,) = await target.advance("audit", early)
        assert not isinstance(answer, Accepted)

    play(tmp_path, scene)


def test_an_expired_session_is_renewed_once(tmp_path: Path) -> None:
    async def scene(made: Site) -> None:
        target = made.target()
        await target.find("FBillNo", ["DD1"])
        with made.simulator.transaction() as store:
            for key, _ in list(store.all("session")):
                store.delete("session", key)
        assert await target.find("FBillNo", ["DD1"]) == {"DD1": []}

    play(tmp_path, scene, auth="validate_user")


def test_other_services(tmp_path: Path) -> None:
    async def scene(made: Site) -> None:
        client, target = made.connector.client, made.target()
        (saved,) = existing(await target.send([bill("DD1")], yes))
        assert (await client.view("AP_PAYBILL", id=saved.id))["BillNo"] == "DD1"
        await target.advance("submit", [saved])
        await target.advance("audit", [saved])
        await client.un_audit("AP_PAYBILL", [saved.id])
        (hit,) = (await target.find("FBillNo", ["DD1"]))["DD1"]
        assert hit.stage == "save"
        await client.delete("AP_PAYBILL", [saved.id])
        assert await target.find("FBillNo", ["DD1"]) == {"DD1": []}
        assert (await client.query_business_info("AP_PAYBILL"))["Entrys"]
        drafts = made.target("draft")
        (draft,) = existing(await drafts.send([bill("DD2", FPAYBILLENTRY=[])], yes))
        assert (await drafts.find("FBillNo", ["DD2"]))["DD2"][0].stage == "draft"
        assert (await made.target().find("FBillNo", ["DD2"]))["DD2"][0] == Existing(
            draft.id, "DD2", "", {"organisation": "100", "payee": "E0031"}
        )

    play(tmp_path, scene)


def test_bills_are_taken_back_step_by_step(tmp_path: Path) -> None:
    async def scene(made: Site) -> None:
        target = made.target()
        saved = existing(await target.send([bill("DD1"), bill("DD2"), bill("DD3")], yes))
        await target.advance("submit", saved[:2])
        await target.advance("audit", saved[:1])
        there = await target.by_id([one.id for one in saved] + ["999"])
        assert {id: hit.stage for id, hit in there.items()} == {
            saved[0].id: "audit",
            saved[1].id: "submit",
            saved[2].id: "save",
        }
        audited, submitted, created = (there[one.id] for one in saved)
        (no,) = await target.take_back([audited], yes)
        assert isinstance(no, Refused)
        for hit in (submitted, created):
            assert [type(one) for one in await target.take_back([hit], yes)] == [Accepted]
        left = await target.by_id([one.id for one in saved])
        assert {id: hit.stage for id, hit in left.items()} == {saved[0].id: "audit", saved[1].id: "save"}
        (never,) = await target.take_back([left[saved[1].id]], lambda: False)
        assert isinstance(never, NotSent)
        client = made.connector.client
        await client.delete("AP_PAYBILL", [saved[0].id])
        await client.cancel_assign("AP_PAYBILL", [saved[0].id])
        assert (await target.by_id([saved[0].id]))[saved[0].id].stage == "audit"

    play(tmp_path, scene)


@pytest.mark.parametrize("interface", ["executeBillQuery", "billQuery"])
def test_bills_are_read_as_records(tmp_path: Path, interface: str) -> None:
    request = {
        "FormId": "AP_PAYBILL",
        "FieldKeys": "FID,FBillNo,FCONTACTUNIT.FNumber,FPAYTOTALAMOUNTFOR",
        "FilterString": "FBillNo like 'DD%'",
        "RowKeys": "FPAYTOTALAMOUNTFOR",
        "Limit": 3,
    }

    async def scene(made: Site) -> None:
        amounts = [("1.10", "2.20"), ("3.30",), ("4.40", "5.50")]
        sent = [bill(f"DD{at}", *given) for at, given in enumerate(amounts)]
        await made.target().send(sent, yes)
        source = made.connector.source(interface, request)
        page = await source.page(request, None, None)
        items = list(page.items)
        while page.cursor is not None:
            page = await source.page(request, None, page.cursor)
            items.extend(page.items)
        got = {
            item.record["FBillNo"]: tuple(str(row["FPAYTOTALAMOUNTFOR"]) for row in item.record["rows"])
            for item in items
            if item.record is not None
        }
        assert {key: tuple(map(Decimal, values)) for key, values in got.items()} == {
            f"DD{at}": tuple(map(Decimal, given)) for at, given in enumerate(amounts)
        }
        assert await source.get(items[1].id) == items[1].record
        with pytest.raises(RecordError):
            await source.get("999999999")

    play(tmp_path, scene)


def test_a_server_that_is_not_there_has_received_nothing(tmp_path: Path) -> None:
    async def scene(made: Site) -> None:
        with pytest.raises(Unreachable):
            await made.target().find("FBillNo", ["DD1"])
        (answer,) = await made.target().send([bill("DD1")], yes)
        assert not isinstance(answer, Unclear)

    play(tmp_path, scene, base_url="http://127.0.0.1:9/k3cloud/")


# --- faults: what is said of each bill must be true ---------------------------------------------------

NOTHING_DONE = ("drop_before", "error_before", "throttle", "expired")
DONE_UNSAID = ("drop_after", "error_after", "empty", "html")


@pytest.mark.parametrize("auth", ["signature", "validate_user"])
@pytest.mark.parametrize("fault", NOTHING_DONE + DONE_UNSAID)
def test_no_fault_makes_the_connector_say_what_is_not_so(tmp_path: Path, fault: str, auth: str) -> None:
    async def scene(made: Site) -> None:
        target = made.target()
        keys = ["DD1", "DD2"]
        await target.find("FBillNo", keys)
        set_faults(tmp_path, {f"kingdee.{fault}": 1.0})
        answers = await target.send([bill(key) for key in keys], yes)
        set_faults(tmp_path, {f"kingdee.{fault}": 0.0})
        assert {type(one) for one in answers} <= {NotSent, Unclear}
        found = await target.find("FBillNo", keys)
        assert all(len(hits) == (fault in DONE_UNSAID) for hits in found.values())
        if fault in DONE_UNSAID:
            assert {type(one) for one in answers} == {Unclear}
        if fault in ("throttle", "expired"):
            assert {type(one) for one in answers} == {NotSent}

    play(tmp_path, scene, auth=auth)


@pytest.mark.parametrize("fault", ["drop_before", "error_before", "throttle", "expired", "empty", "html"])
def test_a_query_under_faults_never_says_none(tmp_path: Path, fault: str) -> None:
    async def scene(made: Site) -> None:
        target = made.target()
        await target.send([bill("DD1")], yes)
        set_faults(tmp_path, {f"kingdee.{fault}": 1.0})
        with pytest.raises((Unreachable, CredentialsError)):
            await target.find("FBillNo", ["DD1"])
        set_faults(tmp_path, {f"kingdee.{fault}": 0.4})
        for _ in range(5):
            try:
                assert len((await target.find("FBillNo", ["DD1"]))["DD1"]) == 1
            except (Unreachable, CredentialsError):
                continue

    play(tmp_path, scene, auth="validate_user")


def test_base_data_can_be_chosen_from(tmp_path: Path) -> None:
    async def work() -> None:
        async with site(tmp_path) as there:
            found = await there.connector.choices("ORG_Organizations")
            assert ("100", "星河智联科技有限公司") in {(each.value, each.label) for each in found}
            assert await there.connector.choices("organizations") == found
            with pytest.raises(ConfigurationError):
                await there.connector.choices("x' or 1=1")

    asyncio.run(work())
