"""What mends a difference: adopting, marking, retrying; what it costs, what is refused, what `why` tells."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from outside_dingtalk import expense_form

SCHEME = "expense_to_paybill"


def by_hand(world: Any, claim: Any, amount: str, number: str | None = None) -> dict[str, Any]:
    """A bill that an accountant typed for a claim."""
    bill = world.kingdee.put(
        {
            "FBillNo": number or f"DD{claim.number}",
            "FDATE": claim.body()["finish_time"][:10],
            "FPAYORGID": {"FNumber": "100"},
            "FCONTACTUNIT": {"FNumber": world.dingtalk.users[claim.userid]["job_number"]},
            "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal(amount)}],
        },
        "C",
    )
    assert isinstance(bill, dict)
    return bill


def reconcile(world: Any, *arguments: str) -> Any:
    return world.engine("reconcile", SCHEME, "--json", *arguments)


def adopt(world: Any, name: str, *arguments: str) -> Any:
    return world.engine("records", "adopt", SCHEME, name, "--json", *arguments)


def story(world: Any, name: str) -> str:
    return str(world.engine("why", name).out)


# --- adopt --------------------------------------------------------------------------------------------


def test_a_conflict_is_adopted_and_the_scheme_goes_on(world: Any) -> None:
    claim, other = world.claim("88.00"), world.claim("10.00", days_ago=2)
    by_hand(world, claim, "99.00")
    assert world.run().code == 2, "a conflict stops the scheme"
    assert reconcile(world).json["counts"]["conflict"] == 1

    taken = adopt(world, claim.number, "--reason", "agreed with accounting: 99.00 is right")

    assert taken.code == 0, taken.err
    told = taken.json["adopted"]
    assert (told["bill"], told["stage"], told["amount"]) == (f"DD{claim.number}", "audit", "99.00")
    assert told["differences"] == f"DD{claim.number}: amount '99.00' instead of '88.00'"
    assert told["by"]
    after = world.run()
    assert after.code == 0, after.out + after.err
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1, f"DD{other.number}": 1}
    assert len(claim.comments) == 1, "the claimant is told of the bill that was taken"
    assert "99.00" in claim.comments[0]["text"]
    again = reconcile(world)
    assert again.code == 0
    (one,) = again.json["differences"]
    assert (one["weight"], one["cause"]) == ("handled", "amount differs")
    assert one["handled"]["reason"] == "agreed with accounting: 99.00 is right"
    assert "agreed with accounting" in story(world, claim.number)
    world.kingdee.bills[0]["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"] = Decimal("70.00")
    changed = reconcile(world)
    assert (changed.code, changed.json["counts"]) == (1, {"amount differs": 1})


def test_a_bill_of_another_number_is_adopted_by_name(world: Any) -> None:
    world.without_callback()
    wrong = expense_form([("办公费", "2024-05-06", "88.00元")], "88.00")
    claim, second = world.claim("88.00", form=wrong), world.claim("88.00", form=wrong)
    world.run()
    typed = by_hand(world, claim, "88.00", "FKD00000099")
    nothing = adopt(world, claim.number, "--reason", "typed by hand")
    assert (nothing.code, "--bill" in nothing.json["error"]["hint"]) == (1, True)

    taken = adopt(world, claim.number, "--bill", "FKD00000099", "--reason", "typed by hand")

    assert taken.code == 0, taken.err
    assert world.run().json["attention"] == 1
    assert len(world.kingdee.bills) == 1
    assert reconcile(world).json["counts"] == {"failed": 1}
    typed["model"]["FDATE"] = "2020-01-01"
    assert reconcile(world).json["counts"] == {"failed": 1}, (
        "it is asked for by its number, whatever its date"
    )
    double = adopt(world, second.number, "--bill", "FKD00000099", "--reason", "mistaken")
    assert double.code == 2
    assert claim.number in double.json["error"]["message"], "one bill pays one claim"


@pytest.mark.parametrize("reason", ["", "   "])
def test_adopting_needs_a_reason(world: Any, reason: str) -> None:
    claim = world.claim("88.00")
    by_hand(world, claim, "99.00")
    world.run()
    found = adopt(world, claim.number, "--reason", reason)
    assert (found.code, "reason" in found.json["error"]["message"]) == (2, True)


def test_what_may_still_be_on_its_way_gets_no_second_bill(world: Any) -> None:
    world.without_callback()
    world.connect(settle="60s")
    claim = world.claim("88.00")
    world.kingdee.fail("batchsave", "drop_before")
    world.run("--settle-wait", "0")
    by_hand(world, claim, "88.00", "FKD00000099")
    found = adopt(world, claim.number, "--bill", "FKD00000099", "--reason", "typed by hand")
    assert found.code == 2
    assert "second one" in found.json["error"]["message"]
    by_hand(world, claim, "88.00")
    assert adopt(world, claim.number, "--reason", "it is there").code == 0


def test_what_is_delivered_is_not_adopted(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    world.run()
    found = adopt(world, claim.number, "--reason", "x")
    assert found.code == 2
    assert "engine records handle" in found.json["error"]["hint"]


def test_one_of_two_bills_is_adopted_by_its_id(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    first, second = by_hand(world, claim, "88.00"), by_hand(world, claim, "88.00")
    assert world.run().code == 2
    several = adopt(world, claim.number, "--reason", "x")
    assert (several.code, str(first["id"]) in several.json["error"]["message"]) == (2, True)
    taken = adopt(world, claim.number, "--bill", str(second["id"]), "--reason", "the second is right")
    assert taken.json["adopted"]["bill_id"] == str(second["id"])
    world.kingdee.bills.remove(first)
    assert reconcile(world).code == 0


# --- handle -------------------------------------------------------------------------------------------


def test_a_marked_difference_is_open_again_when_it_changes(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    world.run()
    row = world.kingdee.bills[0]["model"]["FPAYBILLENTRY"][0]
    row["FPAYTOTALAMOUNTFOR"] = Decimal("80.00")
    unknown = world.engine("records", "handle", SCHEME, claim.number, "--reason", "not found yet", "--json")
    assert unknown.code == 2, "a mark is of a difference that was seen"
    assert reconcile(world).code == 1

    marked = world.engine("records", "handle", SCHEME, claim.number, "--reason", "discount", "--json")

    assert marked.json == {"handled": [{"name": claim.number, "cause": "amount differs"}]}
    assert reconcile(world).code == 0
    row["FPAYTOTALAMOUNTFOR"] = Decimal("70.00")
    assert reconcile(world).json["counts"] == {"amount differs": 1}
    row["FPAYTOTALAMOUNTFOR"] = Decimal("88.00")
    assert reconcile(world).json["differences"] == []
    told = story(world, claim.number)
    assert told.count("found by reconciling: DD") == 2
    assert "difference marked as handled" in told
    assert "both sides agree again" in told


def test_a_difference_is_written_down_once(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    world.run()
    world.kingdee.bills.clear()
    for _ in range(3):
        assert reconcile(world).json["counts"] == {"bill deleted": 1}
    assert story(world, claim.number).count("found by reconciling") == 1


# --- the commands that are told do what they say --------------------------------------------------------


def follow(world: Any, difference: dict[str, Any]) -> Any:
    command = difference["command"].replace("…", "'because'").replace("--env company", "")
    import shlex

    return world.engine(*shlex.split(command)[1:])


def test_following_the_commands_leads_to_agreement(world: Any) -> None:
    world.without_callback()
    gone, late, shown = world.claim("1.00"), world.claim("2.00", status="RUNNING"), world.claim("3.00")
    world.run()
    world.kingdee.bills = [bill for bill in world.kingdee.bills if bill["number"] != f"DD{gone.number}"]
    world.kingdee.bills[0]["model"]["FREMARK"] = "a remark that is not compared"
    late.status, late.finished = "COMPLETED", world.now
    found = reconcile(world)
    causes = {each["name"]: each["cause"] for each in found.json["differences"]}
    assert causes == {gone.number: "bill deleted", late.number: "not sent yet"}
    for each in found.json["differences"]:
        done = follow(world, each)
        assert done.code == 0, done.out + done.err
    after = reconcile(world)
    assert (after.code, after.json["differences"]) == (0, [])
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1 for claim in (gone, late, shown)}


# --- calls --------------------------------------------------------------------------------------------


def test_it_costs_listings_and_the_gets_that_are_needed(world: Any) -> None:
    world.without_callback()
    world.claims(45)
    world.claims(3, status="RUNNING")
    world.run()
    for server in (world.dingtalk, world.kingdee):
        server.log.clear()

    found = reconcile(world)

    assert found.code == 0
    assert len(world.dingtalk.calls("listids")) == 3
    assert len(world.dingtalk.calls("get")) == 3, "final ones are known"
    assert len(world.dingtalk.calls("user")) == 0, "what was looked up once is still known"
    assert found.json["calls"]["dingtalk"] == {
        "topapi/processinstance/listids": 3,
        "topapi/processinstance/get": 3,
    }
    assert found.json["calls"]["kingdee"] == {
        "ExecuteBillQuery": len(world.kingdee.calls("executebillquery"))
    }
    expected = found.json["expected_calls"]
    assert expected["dingtalk"] == 6
    assert abs(expected["kingdee"] - len(world.kingdee.calls("executebillquery"))) <= 2
    assert "about dingtalk 6" in found.err
    assert {name for name, _ in world.kingdee.log} == {"executebillquery"}, "nothing is written"


def test_it_is_not_begun_when_the_quota_cannot_carry_it(world: Any) -> None:
    world.without_callback()
    world.claims(30, status="RUNNING")
    world.run()
    world.connect(ding={"limits": {"per_second": 2000, "per_month": 50, "concurrency": 8}})
    before = len(world.dingtalk.log)
    found = reconcile(world)
    assert (found.code, found.json["error"]["class"]) == (1, "limit")
    assert len(world.dingtalk.log) == before


def test_the_claims_it_reads_are_not_read_again_by_the_run(world: Any) -> None:
    world.without_callback()
    claims = world.claims(5)
    found = reconcile(world)
    assert found.json["counts"] == {"not read by any run": 5}
    world.dingtalk.log.clear()
    assert world.run().few() == {"fetched": 5, "delivered": 5}
    assert world.dingtalk.calls("get") == []
    assert len(claims) == len(world.kingdee.bills)


@pytest.mark.parametrize("since", ["-45d", "-75d"], ids=["made before", "made within"])
@pytest.mark.parametrize("there", [True, False])
def test_what_was_pruned_is_read_again_or_counts_for_what_was_paid(
    world: Any, there: bool, since: str
) -> None:
    world.without_callback()
    claim = world.claim("88.00", days_ago=30)
    claim.finished = world.now
    world.run()
    world.at(timedelta(days=40))
    pruned = world.engine("ledger", "prune", "--older-than", "31d", "--json")
    assert pruned.json["snapshots"] == 1
    if not there:
        world.dingtalk.claims.clear()
    world.dingtalk.log.clear()
    found = reconcile(world, "--since", since)
    assert found.json["expected_calls"]["dingtalk"] == 2, "one listing, and one claim to read again"
    assert len(world.dingtalk.calls("get")) == 1
    assert (found.code, found.json["differences"]) == (0, [])
    assert found.json["totals"]["claims"] == {"count": 1, "amount": "88.00", "without_amount": 0}
    assert found.json["totals"]["unexplained"] == "0.00"


# --- what cannot be read whole is not told --------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "method", "kind"),
    [
        ("kingdee", "executebillquery", "500_before"),
        ("dingtalk", "listids", "html"),
        ("dingtalk", "get", "drop"),
    ],
)
def test_half_a_side_is_no_comparison(world: Any, server: str, method: str, kind: str) -> None:
    world.without_callback()
    world.claims(2)
    getattr(world, server).fail(method, kind, forever=True)
    found = reconcile(world)
    assert found.code == 3
    assert found.json["error"]["class"] == "transient"
    assert "differences" not in found.json


def test_usage(world: Any) -> None:
    assert reconcile(world, "--since", "-1d", "--until", "-2d").code == 2
    assert reconcile(world, "--since", "yesterday-ish").code == 2
    assert reconcile(world, "--excel", "report.csv").code == 2
    assert reconcile(world, "--excel", "nowhere/report.xlsx").code == 2
    assert world.engine("reconcile", "paybill_writeback").code == 2
    assert world.engine("reconcile", "no_such_scheme").code == 2
    assert world.dingtalk.log == []
    old = reconcile(world, "--since", "-700d")
    assert (old.code, "--since" in old.json["error"]["hint"]) == (2, True)


def test_a_period_takes_its_part(world: Any) -> None:
    world.without_callback()
    early, late = world.claim("1.00", days_ago=30), world.claim("2.00", days_ago=3)
    world.run()
    found = reconcile(world, "--since", "-10d")
    assert found.json["totals"]["claims"] == {"count": 1, "amount": "2.00", "without_amount": 0}
    found = reconcile(world, "--since", "-40d", "--until", "-20d")
    assert found.json["totals"]["bills"] == {"count": 1, "amount": "1.00", "without_amount": 0}
    assert found.code == 0
    assert early.number != late.number


def test_many_bills_are_paged_by_id_and_summed_over_their_rows(world: Any) -> None:
    world.without_callback()
    claims = []
    for n in range(12):
        rows = [("办公费", f"2024-05-{n + 1:02d}", "0.10")] * 40
        claims.append(world.claim(form=expense_form(rows, "4.00"), days_ago=1))
    world.run()
    for n in range(2300):
        world.kingdee.put(
            {
                "FBillNo": f"FKD{n:08d}",
                "FDATE": f"{world.now - timedelta(days=1):%Y-%m-%d}",
                "FPAYBILLENTRY": [
                    {"FPAYTOTALAMOUNTFOR": Decimal("1.01")},
                    {"FPAYTOTALAMOUNTFOR": Decimal("2.02")},
                ],
            },
            "C",
        )
    found = reconcile(world)
    assert found.code == 0, found.json["differences"][:3]
    assert found.json["totals"]["bills"]["amount"] == "48.00"
    assert found.json["others"] == {"count": 2300, "amount": "6969.00", "without_amount": 0}
    assert len(claims) == 12


# --- claims that are revoked, under a scheme that also holds the first claim -------------------------------

WIDER = (
    "hold: \"{{ extend.biz_action != 'NONE' }}\"",
    "hold: \"{{ extend.biz_action != 'NONE' or extend.attached_process_instance_ids | default([]) }}\"",
)


def test_a_claim_that_would_be_held_today_counts_for_what_was_paid(world: Any) -> None:
    world.without_callback(WIDER)
    claim = world.claim("88.00")
    world.run()
    child = world.claim("88.00", days_ago=0.1, biz_action="REVOKE", main=claim.id)
    claim.attached = [child.id]
    world.run()

    found = reconcile(world)

    assert found.json["counts"] == {"claim revoked after payment": 1}
    assert found.json["totals"]["claims"] == {"count": 1, "amount": "88.00", "without_amount": 0}
    assert found.json["totals"]["unexplained"] == "0.00"
    world.kingdee.bills.clear()
    undone = world.engine("records", "skip", SCHEME, child.number, "--reason", "bill deleted")
    assert undone.code == 0
    after = reconcile(world)
    assert (after.code, after.json["totals"]["unexplained"]) == (0, "0.00")
    causes = {each["cause"]: each["weight"] for each in after.json["differences"]}
    assert causes == {"revoked, and its bill is gone": "explained"}


def test_a_claim_that_was_revoked_before_it_was_paid(world: Any) -> None:
    world.without_callback(WIDER)
    claim = world.claim("88.00")
    child = world.claim("88.00", days_ago=0.1, biz_action="REVOKE", main=claim.id)
    claim.attached = [child.id]
    world.run()
    assert world.kingdee.bills == []

    found = reconcile(world)

    assert found.json["counts"] == {"claim revoked or changed, not paid": 1}
    for each in (claim, child):
        assert world.engine("records", "skip", SCHEME, each.number, "--reason", "revoked").code == 0
    assert reconcile(world).code == 0
    assert world.run().code == 0


def test_a_revocation_that_was_refused_changes_nothing(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    world.run()
    child = world.claim("88.00", days_ago=0.1, biz_action="REVOKE", main=claim.id, result="refuse")
    claim.attached = [child.id]
    world.run()
    found = reconcile(world)
    assert (found.code, [each["cause"] for each in found.json["differences"]]) == (
        0,
        ["left out by a condition"],
    )


def test_why_tells_of_a_revocation_from_both_ends(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    world.run()
    child = world.claim("88.00", days_ago=0.1, biz_action="REVOKE", main=claim.id)
    change = world.claim("90.00", days_ago=0.1, biz_action="MODIFY", main=claim.id)
    orphan = world.claim("90.00", days_ago=0.1, biz_action="MODIFY", main="nobody")
    claim.attached = [child.id, change.id]
    world.run()
    told = story(world, claim.number)
    assert told.count(f"revoked by '{child.number}': settle it by hand") == 1
    assert told.count(f"changed by '{change.number}': settle it by hand") == 1
    assert f"it revokes '{claim.number}', which is paid as 'DD{claim.number}'" in story(world, child.number)
    assert f"it changes '{claim.number}', which is paid as 'DD{claim.number}'" in story(world, change.number)
    assert "held by" in story(world, orphan.number)
    world.engine("records", "retry", SCHEME, child.number, change.number)
    world.engine("records", "retry", SCHEME, child.number)
    assert story(world, claim.number).count("settle it by hand") == 2, "each is noted once"
