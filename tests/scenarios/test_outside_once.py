"""Exactly once, to the cent, within the calls that are allowed: done-points 2 and 3 of the main job."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest


def test_example_scheme_is_valid(world: Any) -> None:
    found = world.engine("validate", "schemes", "--json")
    assert found.code == 0
    assert all(finding["severity"] == "hint" for finding in found.json["findings"])


def test_example_scheme_passes_its_tests(world: Any) -> None:
    found = world.engine("test", "schemes/expense_to_paybill.yaml", "--json")
    assert found.code == 0, found.out
    assert (found.json["tests"], found.json["failed"]) == (3, 0)
    assert set(found.json["results"][0]) == {"scheme", "name", "passed", "message", "line"}


@pytest.mark.parametrize("auth", ["validate_user", "signature"])
def test_every_agreed_claim_exactly_once(world: Any, auth: str) -> None:
    world.connect(auth=auth, senders=2)
    agreed = [
        *world.claims(43, days_ago=0.5),
        world.claim(rows=["1,234.50", "0.10", "0.20"], days_ago=0.5),
        world.claim("0.01", days_ago=0.5),
    ]
    world.claims(5, result="refuse", days_ago=0.5)
    world.claims(3, status="TERMINATED", result="", days_ago=0.5)
    waiting = world.claims(4, status="RUNNING")
    ids = len(world.dingtalk.claims)

    first = world.run()

    assert first.code == 0, first.err
    assert first.few() == {"fetched": ids, "delivered": 45, "skipped": 8, "waiting": 4}
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1 for claim in agreed}
    assert world.kingdee.statuses() == {"C": 45}
    totals = world.kingdee.totals()
    assert totals[f"DD{agreed[-2].number}"] == Decimal("1234.80")
    assert totals[f"DD{agreed[-1].number}"] == Decimal("0.01")
    assert all(
        totals[f"DD{claim.number}"] == Decimal(f"{100 + n}.{n:02d}") for n, claim in enumerate(agreed[:43])
    )
    assert first.json["amount"]["delivered"] == str(sum(totals.values()))
    calls = first.json["calls"]["dingtalk"]
    listings, gets = len(world.dingtalk.calls("listids")), len(world.dingtalk.calls("get"))
    assert listings + gets <= 1.1 * (ids / 20 + ids) + 1
    assert calls["topapi/processinstance/listids"] == listings
    assert calls["topapi/processinstance/get"] == gets
    assert len(world.dingtalk.comments()) == 45

    again = world.run()

    assert again.few() == {"fetched": 57, "already": 45, "skipped": 8, "waiting": 4}
    assert again.code == 0
    assert again.json["amount"]["delivered"] == "0.00"
    assert len(world.kingdee.bills) == 45
    assert len(world.dingtalk.comments()) == 45
    assert len(waiting) == 4


def test_claim_agreed_forty_days_later(world: Any) -> None:
    done = world.claim("10.00", days_ago=2)
    late = world.claim("20.25", days_ago=2, status="RUNNING")
    first = world.run()
    assert first.few() == {"fetched": 2, "delivered": 1, "waiting": 1}
    world.at(timedelta(days=20))
    middle = world.run()
    assert middle.few() == {"fetched": 1, "waiting": 1}
    assert middle.code == 0

    late.status, late.finished = "COMPLETED", world.now + timedelta(days=39)
    world.at(timedelta(days=40))
    world.dingtalk.log.clear()
    last = world.run()

    assert last.few() == {"fetched": 1, "delivered": 1}
    assert world.kingdee.totals() == {
        f"DD{done.number}": Decimal("10.00"),
        f"DD{late.number}": Decimal("20.25"),
    }
    starts = [body["start_time"] / 1000 for body in world.dingtalk.calls("listids")]
    assert all(start > late.created.timestamp() for start in starts), "its span was read again"
    assert [body["process_instance_id"] for body in world.dingtalk.calls("get")] == [late.id]


def test_ids_named_twice_in_pages_are_one_record(world: Any) -> None:
    world.dingtalk.repeat_last = True
    world.dingtalk.page = 7
    world.claims(30)
    assert world.run().few() == {"fetched": 30, "delivered": 30}
    assert len(world.dingtalk.calls("get")) == 30
    assert len(world.kingdee.bills) == 30


def test_second_scheme_pays_no_second_time(world: Any) -> None:
    world.without_callback()
    world.claims(3)
    assert world.run().few() == {"fetched": 3, "delivered": 3}
    text = (world.folder / "schemes/expense_to_paybill.yaml").read_text(encoding="utf-8")
    world.write("schemes/other.yaml", text.replace("id: expense_to_paybill", "id: other"))
    world.dingtalk.log.clear()
    found = world.run("--set", "start_date=-100d", scheme="other")
    assert len(world.kingdee.bills) == 3
    assert world.dingtalk.calls("get") == []
    assert found.few().get("delivered", 0) == 0


def test_revoked_and_modified_claims_make_no_second_bill_and_are_shown(world: Any) -> None:
    paid = world.claim("55.50")
    assert world.run().few() == {"fetched": 1, "delivered": 1}
    revoked = world.claim("55.50", days_ago=0.1, biz_action="REVOKE", main=paid.id)
    changed = world.claim("60.00", days_ago=0.1, biz_action="MODIFY", main=paid.id)
    paid.attached = [revoked.id, changed.id]

    found = world.run()

    assert (found.code, found.json["status"], found.json["attention"]) == (1, "partial", 2)
    assert found.few()["failed"] == 2
    assert len(world.kingdee.bills) == 1
    shown = world.engine("records", "list", "expense_to_paybill", "--state", "failed", "--json").json[
        "records"
    ]
    assert {row["id"] for row in shown} == {revoked.id, changed.id}
    assert {row["class"] for row in shown} == {"changed after approval"}
    assert world.engine("why", revoked.number).code == 0


def test_month_nearly_spent_is_never_exceeded(world: Any) -> None:
    world.connect(ding={"limits": {"per_second": 2000, "per_month": 30, "concurrency": 8}})
    world.without_callback()
    world.claims(60)

    first = world.run()

    metered = len(world.dingtalk.calls("listids")) + len(world.dingtalk.calls("get"))
    assert metered <= 30
    assert (first.code, first.json["status"]) == (1, "partial")
    assert 0 < first.counts["delivered"] < 30
    assert "30" in first.err
    again = world.run()
    assert again.code == 1
    assert len(world.dingtalk.calls("listids")) + len(world.dingtalk.calls("get")) <= 30

    delivered = len(world.kingdee.bills)
    world.at(timedelta(days=32))
    world.dingtalk.log.clear()
    world.run()
    assert len(world.dingtalk.calls("listids")) + len(world.dingtalk.calls("get")) <= 30
    assert len(world.kingdee.bills) > delivered
    assert set(world.kingdee.numbers().values()) == {1}
