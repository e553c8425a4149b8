"""What a scheme's `life` says, in whole runs over HTTP: each policy, each value, and what `why` tells."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from outside_dingtalk import expense_form

SCHEME = "expense_to_paybill"
ALL_WELL = {"fetched": 1, "already": 1}


def live(world: Any, *policies: str, until: str = "audit") -> None:
    """Write the scheme with a life."""
    life = "life: {" + ", ".join(policies) + "}\n\ntests:"
    changes = [("tests:", life)] if policies else []
    if until != "audit":
        changes.append(("until: audit", f"until: {until}"))
    world.scheme(*changes)


def again(world: Any, claim: Any, **more: Any) -> Any:
    """The same handed in again by the same person."""
    amount = more.pop("amount", "88.00")
    return world.claim(amount, userid=claim.userid, **more)


def why(world: Any, claim: Any) -> str:
    found = world.engine("why", claim.number)
    assert found.code == 0, found.err
    return str(found.out)


def state(world: Any, claim: Any) -> tuple[str, str | None]:
    (row,) = [row for row in world.listed() if row["id"] == claim.id]
    return row["state"], row["class"]


def bill(world: Any, claim: Any) -> dict[str, Any]:
    (found,) = [bill for bill in world.kingdee.bills if bill["number"] == f"DD{claim.number}"]
    assert isinstance(found, dict)
    return found


def calls(world: Any, method: str) -> int:
    return sum(name == method for name, _ in world.kingdee.log)


def by_hand(world: Any, command: str, claim: Any, *more: str) -> Any:
    return world.engine("records", command, SCHEME, claim.number, *more)


# --- handed in again ----------------------------------------------------------------------------------


def test_the_same_again_is_held_until_somebody_releases_it(world: Any) -> None:
    live(world)
    first = world.claim("88.00", days_ago=5)
    world.run()
    second = again(world, first, days_ago=0.5)
    found = world.run()
    assert (found.code, found.json["status"], found.json["attention"]) == (1, "partial", 1)
    assert found.few()["failed"] == 1
    assert state(world, second) == ("failed", "handed in again")
    assert f"the same person handed in the same as '{first.number}'" in why(world, second)
    assert "--release --reason" in why(world, second)
    assert f"handed in again as '{second.number}', which is held" in why(world, first)
    assert len(world.kingdee.bills) == 1
    plain = by_hand(world, "retry", second)
    assert plain.code == 2
    assert "--release" in plain.err
    assert by_hand(world, "retry", second, "--release").code == 2
    assert world.engine("records", "retry", SCHEME, "--failed").code == 1  # all at once releases nothing
    assert len(world.kingdee.bills) == 1
    released = by_hand(world, "retry", second, "--release", "--reason", "two trips on one day", "--json")
    assert released.code == 0, released.err
    assert world.kingdee.numbers() == {f"DD{first.number}": 1, f"DD{second.number}": 1}
    assert "two trips on one day" in why(world, second)
    assert world.run().code == 0


def test_twins_of_one_run_are_noticed_too(world: Any) -> None:
    live(world)
    first = world.claim("88.00")
    second, third = again(world, first), again(world, first)
    other = again(world, first, amount="88.01")
    found = world.run()
    assert found.few() == {"fetched": 4, "delivered": 2, "failed": 2}
    numbers = set(world.kingdee.numbers())
    assert f"DD{other.number}" in numbers
    assert len(numbers & {f"DD{one.number}" for one in (first, second, third)}) == 1


def test_a_preview_foresees_what_is_held(world: Any) -> None:
    live(world)
    first = world.claim("88.00")
    second = again(world, first)
    for expected in ({"deliver", "held"}, {"already", "held"}):
        found = world.engine("preview", SCHEME, "--all", "--json").json["records"]
        assert {record["outcome"] for record in found} == expected
        world.run()
    (held,) = [record for record in found if record["outcome"] == "held"]
    assert held["number"] in (first.number, second.number)
    assert "the same person handed in the same" in held["reason"]


def test_somebody_else_other_rows_or_long_ago_is_not_the_same(world: Any) -> None:
    live(world, "reissued_within: 2d")
    first = world.claim("88.00", days_ago=9)
    world.run()
    world.claim("88.00", days_ago=0.3)  # by somebody else
    rows = expense_form([("办公费", "2024-05-07", "88.00")], "88.00")
    again(world, first, form=rows, days_ago=0.3)
    assert world.run().few()["delivered"] == 2
    world.at(timedelta(days=4))
    again(world, first, days_ago=-3.5)
    assert world.run().few()["delivered"] == 1


def test_uploads_do_not_hide_that_it_is_the_same(world: Any) -> None:
    live(world)

    def form(name: str) -> list[dict[str, Any]]:
        file = f'[{{"spaceId":"1","fileName":"{name}.pdf","fileId":"{name}"}}]'
        upload = {"component_type": "DDAttachment", "id": "DDAttachment-X", "name": "发票", "value": file}
        picture = {
            "component_type": "DDPhotoField",
            "id": "P-1",
            "name": "照片",
            "value": f'["https://x/{name}"]',
        }
        return [*expense_form([("办公费", "2024-05-06", "88.00")], "88.00"), upload, picture]

    first = world.claim("88.00", form=form("a"))
    again(world, first, form=form("b"))
    assert world.run().few() == {"fetched": 2, "delivered": 1, "failed": 1}


def test_the_same_again_after_a_failure_is_sent(world: Any) -> None:
    live(world)
    first = world.claim("88.00")
    world.kingdee.codes.discard("E0032")
    world.run()
    assert state(world, first)[0] == "failed"
    world.kingdee.codes.add("E0032")
    second = again(world, first, days_ago=0.3)
    world.run()
    assert state(world, second)[0] == "done"
    assert by_hand(world, "retry", first, "--json").json["counts"]["failed"] == 1
    assert state(world, first) == ("failed", "handed in again")


def test_alert_sends_the_same_again_and_tells_of_it(world: Any) -> None:
    live(world, "reissued: alert")
    first = world.claim("88.00", days_ago=5)
    world.run()
    second = again(world, first, days_ago=0.3)
    found = world.run()
    assert (found.code, found.json["alerts"], found.json["attention"]) == (1, 1, 0)
    assert found.few()["delivered"] == 1
    assert [row["number"] for row in world.listed("--state", "attention")] == [second.number]
    assert "but the same person handed in the same" in why(world, second)
    assert "which is paid as well" in why(world, first)
    assert by_hand(world, "handle", second, "--reason", "both are right").code == 0
    assert world.run().code == 0
    assert "both are right" in why(world, second)


def test_ignore_looks_at_nothing(world: Any) -> None:
    live(world, "reissued: ignore")
    first = world.claim("88.00")
    again(world, first)
    found = world.run()
    assert (found.code, found.few()) == (0, {"fetched": 2, "delivered": 2})


# --- a closed period ----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["closed_before", "closed_at_save"])
def test_a_closed_period_fails_with_its_own_advice(world: Any, where: str) -> None:
    live(world)
    claim = world.claim("88.00", days_ago=40)
    setattr(world.kingdee, where, world.now.strftime("%Y-%m-01"))
    found = world.run()
    assert (found.code, found.few()) == (1, {"fetched": 1, "failed": 1})
    assert state(world, claim) == ("failed", "configuration")
    told = why(world, claim)
    assert "open the period in the target" in told
    assert "life: {closed_period: act" in told


@pytest.mark.parametrize("where", ["closed_before", "closed_at_save"])
def test_a_closed_period_moves_the_date_once(world: Any, where: str) -> None:
    live(world, "closed_period: act", "date_field: FDATE")
    claim = world.claim("88.00", days_ago=40)
    open_ = world.claim("77.00", days_ago=0.2)
    setattr(world.kingdee, where, world.now.strftime("%Y-%m-%d"))
    found = world.run()
    assert (found.code, found.few()) == (0, {"fetched": 2, "delivered": 2}), found.json
    assert found.json["amount"]["delivered"] == "165.00"
    moved = bill(world, claim)
    assert (moved["status"], moved["model"]["FDATE"]) == ("C", world.now.strftime("%Y-%m-%d"))
    assert bill(world, open_)["status"] == "C"
    assert len(world.kingdee.bills) == 2
    told = why(world, claim)
    assert "its period is closed: 'FDATE' moved from" in told
    if where == "closed_before":
        assert "taking bill" in told
    assert world.run().code == 0
    assert calls(world, "delete") == (where == "closed_before")


def test_a_day_that_is_closed_as_well_is_left_to_a_human(world: Any) -> None:
    live(world, "closed_period: act", "date_field: FDATE")
    claim = world.claim("88.00", days_ago=40)
    world.kingdee.closed_at_save = "2999-01-01"
    assert world.run().few() == {"fetched": 1, "failed": 1}
    saves = calls(world, "batchsave")
    assert saves == 2
    assert world.run().code == 1
    assert calls(world, "batchsave") == saves
    world.kingdee.closed_at_save = ""
    assert by_hand(world, "retry", claim).code == 0
    assert bill(world, claim)["model"]["FDATE"] == world.now.strftime("%Y-%m-%d")


def test_another_refusal_moves_no_date(world: Any) -> None:
    live(world, "closed_period: act", "date_field: FDATE")
    claim = world.claim("88.00", days_ago=40)
    world.kingdee.refuse["audit", f"DD{claim.number}"] = "没有审核权限"
    assert world.run().few() == {"fetched": 1, "failed": 1}
    assert bill(world, claim)["status"] == "B"
    assert calls(world, "delete") == calls(world, "cancelassign") == 0


# --- deleted, void, renumbered, unaudited -------------------------------------------------------------


def later(world: Any, days: float = 2) -> None:
    world.at(timedelta(days=days))


def delivered(world: Any, *policies: str, until: str = "audit") -> Any:
    live(world, *policies, until=until)
    claim = world.claim("88.00")
    found = world.run()
    assert (found.code, found.few()["delivered"]) == (0, 1)
    return claim


def test_bills_are_looked_at_once_a_day_and_not_for_ever(world: Any) -> None:
    delivered(world, "watch: 10d")
    before = calls(world, "executebillquery")
    world.run()
    assert calls(world, "executebillquery") == before
    later(world)
    assert world.run().code == 0
    looked = calls(world, "executebillquery")
    assert looked > before
    world.run()
    assert calls(world, "executebillquery") == looked
    later(world, 2.5)
    world.run()
    assert calls(world, "executebillquery") == looked
    later(world, 20)
    world.run()
    assert calls(world, "executebillquery") == looked


def test_a_deleted_bill_is_told_of_until_somebody_deals_with_it(world: Any) -> None:
    claim = delivered(world)
    world.kingdee.bills.remove(bill(world, claim))
    assert world.run().code == 0  # nothing is looked at before a day has passed
    later(world)
    found = world.run()
    assert (found.code, found.json["alerts"]) == (1, 1)
    assert found.json["status"] == "partial"
    assert not world.kingdee.bills
    assert state(world, claim) == ("done", "bill changed")
    assert "was deleted in the target" in why(world, claim)
    assert "--again" in why(world, claim)
    assert world.run().json["alerts"] == 1
    (row,) = world.listed("--class", "bill changed")
    assert row["number"] == claim.number
    assert "records list" in world.engine("run", SCHEME).out
    assert by_hand(world, "handle", claim, "--reason", "paid in cash").code == 0
    later(world, 4)
    found = world.run()
    assert (found.code, "alerts" in found.json) == (0, False)
    assert "paid in cash" in why(world, claim)


def test_skip_deals_with_an_alert_too(world: Any) -> None:
    claim = delivered(world)
    world.kingdee.bills.clear()
    assert world.run("--recheck").json["alerts"] == 1
    assert by_hand(world, "skip", claim, "--reason", "cancelled on purpose").code == 0
    assert state(world, claim) == ("done", None)
    assert world.run("--recheck").code == 0
    assert by_hand(world, "skip", claim, "--reason", "again").code == 2


def test_a_bill_that_comes_back_ends_its_alert(world: Any) -> None:
    claim = delivered(world)
    gone = bill(world, claim)
    world.kingdee.bills.remove(gone)
    assert world.run("--recheck").json["alerts"] == 1
    world.kingdee.bills.append(gone)
    assert world.run("--recheck").code == 0
    assert "the bill stands as it was again" in why(world, claim)


def test_a_deleted_bill_is_sent_again_once(world: Any) -> None:
    claim = delivered(world, "bill_deleted: act")
    world.kingdee.bills.clear()
    found = world.run("--recheck")
    assert (found.code, found.few()["delivered"]) == (0, 1), found.json
    assert bill(world, claim)["status"] == "C"
    assert "was deleted in the target: sent again" in why(world, claim)
    world.kingdee.bills.clear()
    found = world.run("--recheck")
    assert (found.code, found.json["alerts"]) == (1, 1)
    assert not world.kingdee.bills


def test_a_bill_with_another_number_is_not_sent_again(world: Any) -> None:
    claim = delivered(world, "bill_deleted: act")
    bill(world, claim)["number"] = "FKD00000777"
    found = world.run("--recheck")
    assert (found.code, found.json["alerts"]) == (1, 1)
    assert [one["number"] for one in world.kingdee.bills] == ["FKD00000777"]
    assert "FKD00000777" in why(world, claim)


@pytest.mark.parametrize("policy", ["hold", "ignore"])
def test_a_deleted_bill_under_the_other_policies(world: Any, policy: str) -> None:
    claim = delivered(world, f"bill_deleted: {policy}")
    world.kingdee.bills.clear()
    found = world.run("--recheck")
    assert found.json.get("alerts", 0) == (policy == "hold")
    assert not world.kingdee.bills
    assert ("held until somebody decides" in why(world, claim)) == (policy == "hold")


def test_an_unaudited_bill_is_told_of(world: Any) -> None:
    claim = delivered(world)
    bill(world, claim)["status"] = "D"
    found = world.run("--recheck")
    assert (found.code, found.json["alerts"]) == (1, 1)
    assert bill(world, claim)["status"] == "D"
    assert "is only saved in the target now" in why(world, claim)


def test_an_unaudited_bill_is_audited_again_once(world: Any) -> None:
    claim = delivered(world, "bill_unaudited: act")
    bill(world, claim)["status"] = "D"
    found = world.run("--recheck")
    assert (found.code, found.few()) == (0, ALL_WELL), found.json
    assert found.json["amount"]["delivered"] == "0.00"
    assert bill(world, claim)["status"] == "C"
    assert "taken on again" in why(world, claim)
    bill(world, claim)["status"] = "B"
    assert world.run("--recheck").json["alerts"] == 1
    assert bill(world, claim)["status"] == "B"


def test_an_unaudited_bill_that_was_changed_is_left_alone(world: Any) -> None:
    claim = delivered(world, "bill_unaudited: act")
    bill(world, claim)["status"] = "D"
    bill(world, claim)["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"] = Decimal("80.00")
    assert world.run("--recheck").json["alerts"] == 1
    assert bill(world, claim)["status"] == "D"


# --- revoked, modified --------------------------------------------------------------------------------


def amended(world: Any, claim: Any, action: str = "REVOKE", amount: str = "88.00") -> Any:
    child = world.claim(amount, days_ago=0.1, biz_action=action, main=claim.id, userid=claim.userid)
    claim.attached = [child.id]
    return child


@pytest.mark.parametrize("action", ["REVOKE", "MODIFY"])
def test_a_revoked_or_changed_claim_is_told_of(world: Any, action: str) -> None:
    claim = delivered(world)
    child = amended(world, claim, action)
    found = world.run()
    assert (found.code, found.json["attention"]) == (1, 1)
    assert state(world, child) == ("failed", "changed after approval")
    assert state(world, claim) == ("done", None)
    assert f"by '{child.number}'" in why(world, claim)
    assert by_hand(world, "skip", child, "--reason", "settled").code == 0
    assert world.run().code == 0


def test_a_revoked_claim_is_held(world: Any) -> None:
    claim = delivered(world, "revoked: hold")
    child = amended(world, claim)
    found = world.run()
    assert (found.json["attention"], found.json["alerts"]) == (1, 1)
    assert state(world, claim) == ("done", "changed after approval")
    by_hand(world, "skip", child, "--reason", "settled")
    by_hand(world, "handle", claim, "--reason", "settled")
    assert world.run().code == 0
    assert bill(world, claim)["status"] == "C"


def test_nothing_more_is_done_for_a_claim_that_was_revoked(world: Any) -> None:
    """Its audit was refused; the next run would not try, and neither does a retry of all of that class."""
    live(world, "modified: hold")
    claim = world.claim("88.00")
    world.kingdee.refuse["audit", f"DD{claim.number}"] = "没有审核权限"
    world.run()
    amended(world, claim, "MODIFY")
    world.run()
    assert state(world, claim) == ("failed", "changed after approval")
    world.kingdee.refuse.clear()
    world.engine("records", "retry", SCHEME, "--class", "configuration")
    assert bill(world, claim)["status"] == "B"
    assert by_hand(world, "retry", claim, "--json").json["counts"]["delivered"] == 1
    world.run()
    assert bill(world, claim)["status"] == "C"
    assert state(world, claim) == ("done", "changed after approval")


def test_what_was_not_written_back_waits_while_it_is_held(world: Any) -> None:
    live(world, "revoked: hold")
    claim = world.claim("88.00")
    world.dingtalk.fail("comment", "json", arg={"errcode": 90018, "errmsg": "调用太快"}, forever=True)
    world.run("--settle-wait", "0")
    child = amended(world, claim)
    found = world.run("--settle-wait", "0")
    assert found.json["callbacks"]["failed"] == 1
    world.dingtalk.plan.clear()
    world.run()
    assert not claim.comments
    assert "held back" in why(world, claim)
    by_hand(world, "skip", child, "--reason", "settled")
    by_hand(world, "handle", claim, "--reason", "settled")
    assert world.run().code == 0
    assert len(claim.comments) == 1


@pytest.mark.parametrize("until", ["save", "submit"])
def test_the_bill_of_a_revoked_claim_is_taken_back(world: Any, until: str) -> None:
    claim = delivered(world, "revoked: act", until=until)
    child = amended(world, claim)
    found = world.run()
    assert (found.code, found.json["attention"], found.json["status"]) == (0, 0, "success"), found.json
    assert not world.kingdee.bills
    assert state(world, claim) == ("skipped", None)
    assert state(world, child) == ("skipped", None)
    told = why(world, claim)
    assert f"revoked by '{child.number}': bill 'DD{claim.number}' was taken back" in told
    assert "carried out" in why(world, child)
    world.run("--recheck")
    world.engine("records", "retry", SCHEME, "--skipped")
    assert not world.kingdee.bills
    assert calls(world, "batchsave") == 1


def test_an_audited_bill_is_never_taken_back(world: Any) -> None:
    claim = delivered(world, "revoked: act")
    amended(world, claim)
    found = world.run()
    assert (found.code, found.json["attention"], found.json["alerts"]) == (1, 1, 1)
    assert bill(world, claim)["status"] == "C"
    assert "takes back no audited bill" in why(world, claim)
    asked = calls(world, "executebillquery")
    world.run()
    assert calls(world, "executebillquery") == asked  # it was told once, and is not asked for again
    assert calls(world, "delete") == calls(world, "cancelassign") == 0


def test_a_bill_that_was_changed_is_not_taken_back(world: Any) -> None:
    claim = delivered(world, "revoked: act", until="save")
    bill(world, claim)["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"] = Decimal("80.00")
    amended(world, claim)
    assert world.run().json["alerts"] == 1
    assert len(world.kingdee.bills) == 1
    assert "it was changed in the target" in why(world, claim)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "500_after", "html_after", "lost"])
@pytest.mark.parametrize("method", ["cancelassign", "delete"])
def test_taking_back_survives_unclear_answers(world: Any, method: str, fault: str) -> None:
    claim = delivered(world, "revoked: act", until="submit")
    amended(world, claim)
    world.kingdee.fail(method, fault)
    for _ in range(3):
        if world.run().code == 0:
            break
    assert not world.kingdee.bills
    assert state(world, claim) == ("skipped", None)


def test_a_refusal_to_delete_is_told_of(world: Any) -> None:
    claim = delivered(world, "revoked: act", until="save")
    world.kingdee.refuse["delete", f"DD{claim.number}"] = "没有删除权限"
    amended(world, claim)
    assert world.run().json["alerts"] == 1
    assert "没有删除权限" in why(world, claim)
    assert len(world.kingdee.bills) == 1


@pytest.mark.parametrize("action", ["REVOKE", "MODIFY"])
def test_a_scheme_without_a_hold_pays_no_change_either(world: Any, action: str) -> None:
    hold = next(
        line
        for line in world.folder.joinpath(f"schemes/{SCHEME}.yaml").read_text().splitlines()
        if "hold:" in line
    )
    world.scheme((hold + "\n", ""))
    claim = world.claim("88.00")
    world.run()
    child = amended(world, claim, action, "90.00")
    assert world.run().json["attention"] == 1
    assert state(world, child) == ("failed", "changed after approval")
    assert len(world.kingdee.bills) == 1


# --- kill -9 in the middle ----------------------------------------------------------------------------


def killed(world: Any, method: str, fault: str) -> None:
    """A run of its own process that dies at a call; then ordinary runs until all is well.

    Ever later: a document that is refused as already there at its third sending is asked for after 8 s only.
    """
    world.kingdee.fail(method, fault)
    world.finish(world.spawn("run", SCHEME, "--recheck", "--json"))
    assert fault in world.kingdee.struck
    ends = []
    for nth in range(7):
        ends.append(world.run("--recheck"))
        if ends[-1].code == 0:
            return
        world.pause(2**nth / 4)
    told = "\n".join(world.engine("why", row["id"]).out for row in world.listed())
    pytest.fail(f"it does not end well:\n{told}\n{ends}\n{world.kingdee.log}")


@pytest.mark.parametrize("fault", ["kill_before", "kill_after", "kill_late"])
@pytest.mark.parametrize("method", ["cancelassign", "delete"])
def test_killed_while_it_takes_a_bill_back(world: Any, method: str, fault: str) -> None:
    claim = delivered(world, "revoked: act", until="submit")
    child = amended(world, claim)
    killed(world, method, fault)
    world.pause(0.6)
    assert not world.kingdee.bills
    assert [state(world, one)[0] for one in (claim, child)] == ["skipped", "skipped"]
    assert calls(world, "batchsave") == 1


@pytest.mark.parametrize("fault", ["kill_before", "kill_after", "kill_late"])
@pytest.mark.parametrize("method", ["batchsave", "audit"])
def test_killed_while_it_sends_a_deleted_bill_again(world: Any, method: str, fault: str) -> None:
    claim = delivered(world, "bill_deleted: act")
    world.kingdee.bills.clear()
    killed(world, method, fault)
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1}
    assert bill(world, claim)["status"] == "C"


@pytest.mark.parametrize("fault", ["kill_before", "kill_after", "kill_late"])
@pytest.mark.parametrize("method", ["cancelassign", "delete", "batchsave"])
def test_killed_while_it_moves_a_date(world: Any, method: str, fault: str) -> None:
    live(world, "closed_period: act", "date_field: FDATE")
    claim = world.claim("88.00", days_ago=40)
    world.kingdee.closed_before = world.now.strftime("%Y-%m-%d")
    if method == "batchsave":
        world.kingdee.fail("batchsave", "do", arg=lambda: None)  # the second one is the one that dies
    killed(world, method, fault)
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1}
    assert (bill(world, claim)["status"], bill(world, claim)["model"]["FDATE"]) == (
        "C",
        world.kingdee.closed_before,
    )
