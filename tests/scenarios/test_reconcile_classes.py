"""Every class of difference, planted in two systems that the product does not know, and what mends it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from outside_dingtalk import expense_form

SCHEME = "expense_to_paybill"
HANDLE = f"engine records handle {SCHEME} {{number}} --reason …"
SKIP = f"engine records skip {SCHEME} {{number}} --reason …"


def bill_of(world: Any, claim: Any) -> dict[str, Any]:
    found = next(bill for bill in world.kingdee.bills if bill["number"] == f"DD{claim.number}")
    assert isinstance(found, dict)
    return found


def model_of(world: Any, claim: Any, amount: str = "100.00") -> dict[str, Any]:
    """A bill as an accountant would type it for a claim."""
    return {
        "FBillNo": f"DD{claim.number}",
        "FBillTypeID": {"FNUMBER": "FKDLX02_SYS"},
        "FDATE": claim.body().get("finish_time", claim.body()["create_time"])[:10],
        "FPAYORGID": {"FNumber": "100"},
        "FCONTACTUNITTYPE": "BD_Empinfo",
        "FCONTACTUNIT": {"FNumber": world.dingtalk.users[claim.userid]["job_number"]},
        "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal(amount)}],
    }


def reconcile(world: Any, *arguments: str) -> Any:
    return world.engine("reconcile", SCHEME, "--json", *arguments)


def only(found: Any, weight: str = "open") -> dict[str, Any]:
    """The one difference of this weight."""
    (one,) = [each for each in found.json["differences"] if each["weight"] == weight]
    assert isinstance(one, dict)
    return one


def balanced(found: Any) -> None:
    """The differences explain to the cent what both totals differ by."""
    assert Decimal(found.json["totals"]["unexplained"]) == 0, found.json


# --- each class, planted ------------------------------------------------------------------------------


def plant_not_agreed(world: Any) -> tuple[Any, str, str, str]:
    return world.claim(status="RUNNING"), "explained", "not yet agreed", ""


def plant_left_out(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim(result="refuse")
    world.run()
    return claim, "explained", "left out by a condition", ""


def plant_not_read(world: Any) -> tuple[Any, str, str, str]:
    world.run()
    return world.claim("70.00"), "open", "not read by any run", "engine run expense_to_paybill --since "


def plant_failed(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "88.00元")], "88.00"))
    world.run()
    return claim, "open", "failed", "engine records retry expense_to_paybill {number}"


def plant_refused(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.kingdee.codes.discard("E0032")
    world.run()
    return claim, "open", "failed", "engine records retry expense_to_paybill {number}"


def plant_unknown(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.connect(settle="60s")
    world.kingdee.fail("batchsave", "drop_before")
    world.run("--settle-wait", "0")
    return claim, "open", "unknown", "engine run expense_to_paybill"


def plant_deleted(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    world.kingdee.bills.remove(bill_of(world, claim))
    return claim, "open", "bill deleted", "engine records retry expense_to_paybill {number} --again"


def plant_cancelled(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    bill_of(world, claim)["cancelled"] = True
    return claim, "open", "bill cancelled", HANDLE


def plant_amount(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    bill_of(world, claim)["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"] = Decimal("80.00")
    return claim, "open", "amount differs", HANDLE


def plant_payee(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    bill_of(world, claim)["model"]["FCONTACTUNIT"] = {"FNumber": "E0035"}
    return (
        claim,
        "open",
        "bill changed by hand",
        HANDLE,
    )


def plant_date(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    bill_of(world, claim)["model"]["FDATE"] = "2024-01-31"
    return (
        claim,
        "open",
        "bill changed by hand",
        HANDLE,
    )


def plant_number(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    bill_of(world, claim)["number"] = "FKD00000777"
    return (
        claim,
        "open",
        "bill changed by hand",
        HANDLE,
    )


def plant_taken_back(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    bill_of(world, claim)["status"] = "D"
    return (
        claim,
        "open",
        "bill changed by hand",
        HANDLE,
    )


def plant_not_audited(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.kingdee.refuse["audit", f"DD{claim.number}"] = "会计期间已关闭"
    world.run()
    return claim, "open", "failed", "engine records retry expense_to_paybill {number}"


def plant_saved_by_hand(world: Any) -> tuple[Any, str, str, str]:
    world.run()
    claim = world.claim("88.00")
    world.kingdee.put(model_of(world, claim, "88.00"), "A")
    return claim, "open", "bill not audited yet", "engine run expense_to_paybill --since "


def plant_two(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    world.kingdee.put(model_of(world, claim, "88.00"), "A")
    return (
        claim,
        "open",
        "two bills for one claim",
        HANDLE,
    )


def plant_conflict(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.kingdee.put(model_of(world, claim, "99.00"), "C")
    world.run()
    return claim, "open", "conflict", "engine records retry expense_to_paybill {number}"


def plant_by_hand_for_failed(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "88.00元")], "88.00"))
    world.run()
    world.kingdee.put(model_of(world, claim, "88.00"), "C")
    return claim, "open", "bill made by hand", "engine records adopt expense_to_paybill {number} --reason …"


def plant_revoked(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    child = world.claim("88.00", days_ago=0.1, biz_action="REVOKE", main=claim.id)
    claim.attached = [child.id]
    world.run()
    return (
        claim,
        "open",
        "claim revoked after payment",
        SKIP.format(number=child.number),
    )


def plant_modified(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    child = world.claim("90.00", days_ago=0.1, biz_action="MODIFY", main=claim.id)
    claim.attached = [child.id]
    world.run()
    return (
        claim,
        "open",
        "claim changed after payment",
        SKIP.format(number=child.number),
    )


def plant_revoked_and_undone(world: Any) -> tuple[Any, str, str, str]:
    claim, *_ = plant_revoked(world)
    world.kingdee.bills.remove(bill_of(world, claim))
    return claim, "explained", "revoked, and its bill is gone", ""


def plant_revoked_unpaid(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "88.00元")], "88.00"))
    child = world.claim("88.00", days_ago=0.1, biz_action="REVOKE", main=claim.id)
    claim.attached = [child.id]
    world.run()
    return claim, "open", "claim revoked or changed, not paid", SKIP


def plant_early(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00", status="RUNNING")
    world.run()
    world.kingdee.put(model_of(world, claim, "88.00"), "C")
    return claim, "open", "bill before the claim was agreed", HANDLE


def plant_refused_paid(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00", result="refuse")
    world.run()
    world.kingdee.put(model_of(world, claim, "88.00"), "C")
    return claim, "open", "bill for a claim that is left out", HANDLE


def plant_lost_ledger(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.kingdee.put(model_of(world, claim, "88.00"), "C")
    return claim, "open", "bill not in the ledger", "engine run expense_to_paybill --since "


def plant_scheme_changed(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    world.run()
    world.scheme(('FDATE: "{{ extend.finish_time | date }}"', 'FDATE: "{{ extend.create_time | date }}"'))
    claim_day = claim.body()
    if claim_day["finish_time"][:10] == claim_day["create_time"][:10]:
        world.scheme(('FDATE: "{{ extend.finish_time | date }}"', 'FDATE: "2024-02-29"'))
    return claim, "open", "scheme changed since", HANDLE


def plant_left_out_before(world: Any) -> tuple[Any, str, str, str]:
    claim = world.claim("88.00")
    where = "where: \"{{ extend.status == 'COMPLETED' and extend.result == 'agree' }}\""
    world.scheme((where, "where: \"{{ extend.result == 'nothing' }}\""))
    world.run()
    world.scheme()
    return (
        claim,
        "open",
        "left out by a condition",
        "engine records retry expense_to_paybill {number} --skipped",
    )


def plant_set_aside(world: Any) -> tuple[Any, str, str, str]:
    claim, *_ = plant_failed(world)
    world.engine("records", "skip", SCHEME, claim.number, "--reason", "paid in cash")
    return claim, "handled", "set aside by hand", ""


PLANTED = [
    plant_not_agreed,
    plant_left_out,
    plant_not_read,
    plant_failed,
    plant_refused,
    plant_unknown,
    plant_deleted,
    plant_cancelled,
    plant_amount,
    plant_payee,
    plant_date,
    plant_number,
    plant_taken_back,
    plant_not_audited,
    plant_saved_by_hand,
    plant_two,
    plant_conflict,
    plant_by_hand_for_failed,
    plant_revoked,
    plant_modified,
    plant_revoked_and_undone,
    plant_revoked_unpaid,
    plant_early,
    plant_refused_paid,
    plant_lost_ledger,
    plant_scheme_changed,
    plant_left_out_before,
    plant_set_aside,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.removeprefix("plant_"))
def test_class(world: Any, plant: Callable[[Any], tuple[Any, str, str, str]]) -> None:
    world.without_callback()
    claim, weight, cause, command = plant(world)

    found = reconcile(world)

    one = only(found, weight)
    assert (one["cause"], one["name"]) == (cause, claim.number), found.json["differences"]
    told = one["command"] or ""
    assert told.startswith(command.format(number=claim.number)), one["mend"]
    assert not command or told.endswith(" --env company")
    assert found.code == (1 if weight == "open" else 0)
    assert found.json["agrees"] is (weight != "open")
    assert len(found.json["differences"]) == 1
    balanced(found)


def _mended_first(world: Any, plant: Callable[..., Any], claim: Any) -> None:
    """What the advice has a human do before the command."""
    match plant.__name__:
        case "plant_failed":
            world.scheme(
                ('{value: "@.报销金额(元)", type: decimal, required: true}', "{value: 88, type: decimal}")
            )
        case "plant_refused":
            world.kingdee.codes.add("E0032")
        case "plant_not_audited":
            world.kingdee.refuse.clear()
        case "plant_conflict":
            bill_of(world, claim)["model"]["FPAYBILLENTRY"][0]["FPAYTOTALAMOUNTFOR"] = Decimal("88.00")


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.removeprefix("plant_"))
def test_the_command_of_a_class_mends_it(world: Any, plant: Callable[..., Any]) -> None:
    world.without_callback()
    claim, weight, *_ = plant(world)
    if weight != "open":
        assert reconcile(world).json["agrees"]
        return
    _mended_first(world, plant, claim)
    command = only(reconcile(world))["command"].removesuffix(" --env company").replace("…", "because")

    done = world.engine(*shlex.split(command)[1:])

    after = reconcile(world)
    assert (after.code, after.json["agrees"]) == (0, True), (command, done, after.json["differences"])
    balanced(after)


def test_a_bill_that_no_claim_explains(world: Any) -> None:
    world.without_callback()
    claim = world.claim("88.00")
    world.run()
    typed = world.kingdee.put({**model_of(world, claim, "12.30"), "FBillNo": "DD-2024-试"}, "C")
    other = world.kingdee.put({**model_of(world, claim, "7.00"), "FBillNo": "FKD00000042"}, "C")

    found = reconcile(world)

    one = only(found)
    assert (one["cause"], one["name"], one["bill_amount"]) == ("bill made by hand", typed["number"], "12.30")
    assert one["command"] == f"engine records handle {SCHEME} '{typed['number']}' --reason … --env company"
    assert found.json["others"] == {"count": 1, "amount": "7.00", "without_amount": 0}
    assert other["number"] not in found.out
    balanced(found)

    marked = world.engine("records", "handle", SCHEME, typed["number"], "--reason", "advance, paid by Wang")
    assert marked.code == 0, marked.err
    again = reconcile(world)
    assert again.code == 0
    handled = only(again, "handled")["handled"]
    assert handled["reason"] == "advance, paid by Wang"
    assert handled["by"]


def test_a_bill_whose_claim_lies_outside_the_period(world: Any) -> None:
    world.without_callback()
    old, new = world.claim("88.00", days_ago=20.5), world.claim("10.00", days_ago=2)
    old.finished = new.created
    world.kingdee.put(model_of(world, old, "88.00"), "C")

    found = reconcile(world, "--since", "-5d")

    causes = {each["name"]: each["cause"] for each in found.json["differences"]}
    assert causes == {f"DD{old.number}": "claim outside the period", new.number: "not read by any run"}
    (one,) = [each for each in found.json["differences"] if each["cause"] == "claim outside the period"]
    assert one["command"] == f"engine reconcile {SCHEME} --since {old.created:%Y-%m-%d} --env company"
    world.run()
    known = reconcile(world, "--since", "-5d")
    assert (known.code, known.json["differences"]) == (0, [])
    assert known.json["totals"]["claims"] == {"count": 2, "amount": "98.00", "without_amount": 0}
