"""Whatever dies and whenever: one bill each, nothing lost (done-point 4, promise 1)."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from outside_kingdee import failure

COUNT = 25


def expect_all(world: Any, claims: list[Any], comments: bool = True) -> None:
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1 for claim in claims}
    assert world.kingdee.statuses() == {"C": len(claims)}
    wanted = {f"DD{claim.number}": Decimal(f"{100 + n}.{n % 100:02d}") for n, claim in enumerate(claims)}
    assert world.kingdee.totals() == wanted
    if comments:
        assert [len(claim.comments) for claim in claims] == [1] * len(claims)


def forget_ledger(world: Any) -> None:
    for path in (world.folder / ".engine").glob("ledger.db*"):
        path.unlink()


KINDS = [
    *("drop_after", "500_before", "500_after", "html_before", "html_after", "empty_before", "empty_after"),
    *("garbage_after", "drop_before", "lost"),
]
UNCLEAR = [
    *(("BatchSave", kind, False) for kind in KINDS),
    *(("BatchSave", kind, True) for kind in ("drop_after", "500_before", "lost")),
    *(("Submit", kind, False) for kind in KINDS[::2]),
    *(("Audit", kind, False) for kind in KINDS[1::2]),
]

KILLS = [
    ("dingtalk", "listids", "kill", 1, "kept"),
    ("dingtalk", "get", "kill", 11, "lost"),
    ("kingdee", "ExecuteBillQuery", "kill_before", 0, "kept"),
    ("kingdee", "BatchSave", "kill_before", 0, "kept"),
    ("kingdee", "BatchSave", "kill_after", 0, "lost"),
    ("kingdee", "BatchSave", "kill_after", 1, "kept"),
    ("kingdee", "BatchSave", "kill_after", 1, "lost"),
    ("kingdee", "Submit", "kill_after", 0, "lost"),
    ("kingdee", "Audit", "kill_after", 0, "lost"),
    ("dingtalk", "comment", "kill_after", 3, "kept"),
    ("dingtalk", "comment", "kill", 3, "lost"),
]


@pytest.mark.parametrize(("server", "method", "kind", "skip", "ledger"), KILLS, ids=str)
def test_killed_in_the_middle(
    world: Any, server: str, method: str, kind: str, skip: int, ledger: str
) -> None:
    world.connect(unique=skip == 0)
    claims = world.claims(COUNT)
    getattr(world, server).fail(method, kind, skip=skip)
    process = world.spawn("run", "expense_to_paybill", "--json")
    assert world.finish(process).code == -9

    if ledger == "lost":
        forget_ledger(world)
    found = world.run()

    assert found.code == 0, found.err
    expect_all(world, claims)


@pytest.mark.parametrize(("unique", "ledger"), [(False, "kept"), (True, "kept"), (True, "lost")])
def test_killed_while_the_target_is_still_at_work(world: Any, unique: bool, ledger: str) -> None:
    world.connect(unique=unique, settle="1s")
    claims = world.claims(3)
    world.kingdee.fail("BatchSave", "kill_late")
    assert world.finish(world.spawn("run", "expense_to_paybill")).code == -9
    if ledger == "lost":
        forget_ledger(world)
    found = world.run()
    assert found.code == 0, found.err
    expect_all(world, claims)


@pytest.mark.parametrize(("method", "kind", "unique"), UNCLEAR)
def test_a_write_with_an_unclear_answer(world: Any, method: str, kind: str, unique: bool) -> None:
    world.connect(unique=unique, settle="0.2s")
    world.without_callback()
    claims = world.claims(3)
    world.kingdee.fail(method, kind)

    found = world.run()

    assert world.kingdee.struck == [kind]
    assert found.code == 0, found.err
    assert found.few() == {"fetched": 3, "delivered": 3}
    expect_all(world, claims, comments=False)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "repeatable"])
@pytest.mark.parametrize("kind", ["late", "slow_late"])
def test_a_commit_after_the_client_gave_up(world: Any, kind: str, unique: bool) -> None:
    timeout = "0.3s" if kind == "slow_late" else "3s"
    world.connect(unique=unique, settle="1s", timeout=timeout)
    world.without_callback()
    claims = world.claims(3)
    world.kingdee.fail("BatchSave", kind, arg=0.7)
    found = world.run()
    assert found.code == 0, found.err
    expect_all(world, claims, comments=False)


def test_a_commit_later_than_the_settle_time_meets_a_unique_number(world: Any) -> None:
    world.connect(unique=True, settle="0.1s")
    world.without_callback()
    claims = world.claims(3)
    world.kingdee.fail("BatchSave", "late", arg=0.5)
    world.run()
    world.pause(0.6)
    assert world.run().code == 0
    expect_all(world, claims, comments=False)


def test_settle_wait_ends_partial_and_the_next_run_completes(world: Any) -> None:
    world.connect(unique=False, settle="40s")
    world.without_callback()
    claims = world.claims(3)
    world.kingdee.fail("BatchSave", "late", arg=0.2)
    found = world.run("--settle-wait", "0")
    assert (found.code, found.json["status"], found.json["attention"]) == (1, "partial", 3)
    assert found.few() == {"fetched": 3, "unknown": 3}
    world.pause(0.3)
    world.at(timedelta(seconds=41))
    found = world.run()
    assert found.code == 0, found.err
    expect_all(world, claims, comments=False)


@pytest.mark.parametrize("kind", ["lost", "500_before", "html_before", "empty_before", "drop_before"])
@pytest.mark.usefixtures("hurried")
def test_a_query_that_fails_is_not_none(world: Any, kind: str) -> None:
    world.connect(unique=False, settle="0.2s")
    world.without_callback()
    claims = world.claims(3)
    number = f"DD{claims[0].number}"
    world.kingdee.put(bill(world, claims[0], "100.00"), status="A")
    world.kingdee.fail("ExecuteBillQuery", kind)
    found = world.run()
    assert found.code == 0, found.err
    assert found.few() == {"fetched": 3, "delivered": 2, "already": 1}
    assert world.kingdee.numbers()[number] == 1
    assert world.kingdee.statuses() == {"C": 3}


@pytest.mark.usefixtures("hurried")
def test_a_query_that_never_answers_sends_nothing(world: Any) -> None:
    world.connect(settle="0.2s", timeout="1s")
    world.without_callback()
    world.claims(3)
    world.kingdee.fail("ExecuteBillQuery", "json", arg=[[failure("系统繁忙", code=4)]], forever=True)
    found = world.run("--settle-wait", "0")
    assert found.code in (1, 3)
    assert world.kingdee.bills == []
    assert found.counts["delivered"] == 0
    world.kingdee.plan.clear()
    assert world.run().code == 0
    assert len(world.kingdee.bills) == 3


def bill(world: Any, claim: Any, amount: str, **changes: Any) -> dict[str, Any]:
    """A bill as the scheme would make it."""
    job = {"FNumber": world.dingtalk.users[claim.userid]["job_number"]}
    return {
        "FBillNo": f"DD{claim.number}",
        "FPAYORGID": {"FNumber": "100"},
        "FCONTACTUNITTYPE": "BD_Empinfo",
        "FCONTACTUNIT": job,
        "FRECTUNIT": job,
        "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal(amount)}],
    } | changes


@pytest.mark.usefixtures("hurried")
def test_expired_token_in_the_middle_of_pages(world: Any) -> None:
    claims = world.claims(60)
    world.dingtalk.token_uses = 17
    found = world.run()
    assert found.code == 0, found.err
    expect_all(world, claims)


@pytest.mark.parametrize(
    ("method", "kind"),
    [("listids", "drop"), ("listids", "empty"), ("get", "html"), ("get", "500"), ("user", "drop")],
)
@pytest.mark.usefixtures("hurried")
def test_a_read_that_fails_once_is_read_again(world: Any, kind: str, method: str) -> None:
    world.without_callback()
    claims = world.claims(3)
    world.dingtalk.fail(method, kind)
    found = world.run()
    assert found.code == 0, found.err
    expect_all(world, claims, comments=False)


@pytest.mark.parametrize("kind", ["drop_after", "html", "empty", "500"])
def test_an_unclear_comment_is_looked_for_and_made_once(world: Any, kind: str) -> None:
    world.connect(ding={"limits": {"per_second": 2000, "settle": "0.3s", "timeout": "3s"}})
    claims = world.claims(3)
    world.dingtalk.fail("comment", kind)
    found = world.run()
    assert found.code == 0, found.err
    assert [len(claim.comments) for claim in claims] == [1, 1, 1]
    assert found.json["callbacks"] == {"written": 3, "failed": 0, "pending": 0}


def test_a_refused_comment_leaves_the_bill_alone_and_makes_the_run_partial(world: Any) -> None:
    world.claims(2)
    world.dingtalk.fail("comment", "json", arg={"errcode": 33012, "errmsg": "无效的USERID"})
    found = world.run()
    assert (found.code, found.json["status"]) == (1, "partial")
    assert found.few() == {"fetched": 2, "delivered": 2}
    assert found.json["callbacks"] == {"written": 1, "failed": 1, "pending": 0}
    assert world.kingdee.statuses() == {"C": 2}


def test_two_at_once_deliver_once(world: Any) -> None:
    claims = world.claims(COUNT)
    world.dingtalk.fail("get", "slow", arg=0.7, skip=5)
    process = world.spawn("run", "expense_to_paybill", "--json")
    while not world.dingtalk.struck:
        world.pause(0.05)
    second = world.run()
    first = world.finish(process)
    assert (first.code, second.code) == (0, 0)
    assert first.few() == {"fetched": COUNT, "delivered": COUNT}
    assert second.few().get("delivered", 0) == 0
    expect_all(world, claims)


# --- answers of a batch, document by document --------------------------------------------------------


def drop_index(answer: Any, index: int = 1) -> Any:
    entities = answer["Result"]["ResponseStatus"]["SuccessEntitys"]
    answer["Result"]["ResponseStatus"]["SuccessEntitys"] = [one for one in entities if one["DIndex"] != index]
    return answer


def without_dindex(answer: Any) -> Any:
    for one in answer["Result"]["ResponseStatus"]["SuccessEntitys"]:
        del one["DIndex"]
    return answer


def turned_round(answer: Any) -> Any:
    answer["Result"]["ResponseStatus"]["SuccessEntitys"].reverse()
    return answer


def ids_as_text(answer: Any) -> Any:
    for one in answer["Result"]["ResponseStatus"]["SuccessEntitys"]:
        one["Id"] = str(one["Id"])
    return answer


@pytest.mark.parametrize("method", ["BatchSave", "Submit", "Audit"])
@pytest.mark.parametrize("edit", [drop_index, without_dindex, turned_round, ids_as_text])
def test_answers_are_read_by_document(world: Any, edit: Any, method: str) -> None:
    world.connect(unique=False, settle="0.2s")
    world.without_callback()
    claims = world.claims(3)
    world.kingdee.fail(method, "edit", arg=edit)
    found = world.run()
    assert found.code == 0, found.err
    assert found.few() == {"fetched": 3, "delivered": 3}
    expect_all(world, claims, comments=False)


def test_one_refused_bill_of_a_batch(world: Any) -> None:
    claims = world.claims(5)
    world.dingtalk.users[claims[2].userid]["job_number"] = "E9999"
    found = world.run()
    assert (found.code, found.json["attention"]) == (1, 1)
    assert found.few() == {"fetched": 5, "delivered": 4, "failed": 1}
    row = world.engine("records", "list", "expense_to_paybill", "--state", "failed", "--json").json[
        "records"
    ][0]
    assert row["class"] in ("data", "base data missing")
    assert "E9999" in row["reason"]
    world.kingdee.codes.add("E9999")
    again = world.engine("records", "retry", "expense_to_paybill", "--failed", "--json")
    assert again.code == 0, again.err
    assert again.few() == {"fetched": 1, "delivered": 1}
    assert set(world.kingdee.numbers().values()) == {1}


@pytest.mark.parametrize("method", ["submit", "audit"])
def test_a_refused_stage_is_kept_and_resumed(world: Any, method: str) -> None:
    claims = world.claims(3)
    number = f"DD{claims[1].number}"
    world.kingdee.refuse[method, number] = "当前期间已关账，不允许审核"
    found = world.run()
    assert (found.code, found.json["status"]) == (1, "partial")
    assert found.few() == {"fetched": 3, "delivered": 2, "failed": 1}
    calls = len(world.kingdee.calls(method))
    assert world.run().code == 1
    assert len(world.kingdee.calls(method)) == calls, "retried unasked"
    world.kingdee.refuse.clear()
    again = world.engine("records", "retry", "expense_to_paybill", claims[1].number, "--json")
    assert again.code == 0, again.err
    assert again.few() == {"fetched": 1, "delivered": 1}
    expect_all(world, claims)
    assert len(world.kingdee.calls("BatchSave")) == 1
    assert world.run().code == 0


def test_a_bill_that_somebody_audited_meanwhile(world: Any) -> None:
    claims = world.claims(3)

    def audit_one() -> None:
        world.kingdee.bills[1]["status"] = "C"

    world.kingdee.fail("Audit", "do", arg=audit_one)
    found = world.run()
    assert found.code == 0, found.err
    assert found.few() == {"fetched": 3, "delivered": 3}
    expect_all(world, claims)


# --- conflicts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": Decimal("99.99")}]},
        {"FPAYORGID": {"FNumber": "200"}},
        {"FCONTACTUNIT": {"FNumber": "E0099"}},
    ],
    ids=["amount", "organisation", "payee"],
)
def test_another_bill_under_our_key_stops_the_scheme(world: Any, changes: Any) -> None:
    claims = world.claims(4)
    world.kingdee.put(bill(world, claims[1], "101.01", **changes), status="C")

    found = world.run()

    assert found.code == 2
    assert found.few() == {"fetched": 4, "unknown": 1, "pending": 3}
    bills = len(world.kingdee.bills)
    assert bills == 1
    again = world.run()
    assert (again.code, len(world.kingdee.bills)) == (2, bills), "sent although a conflict is open"
    rows = world.engine("records", "list", "expense_to_paybill", "--state", "unknown", "--json").json[
        "records"
    ]
    assert [(row["id"], row["class"]) for row in rows] == [(claims[1].id, "conflict")]
    done = world.engine("records", "skip", "expense_to_paybill", claims[1].number, "--reason", "paid by hand")
    assert done.code == 0, done.err
    last = world.run()
    assert last.code == 0, last.err
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1 for claim in claims}


def test_an_equal_bill_is_adopted_and_taken_on(world: Any) -> None:
    claims = world.claims(4)
    for claim, amount, status in zip(claims, ["100.00", "101.01", "102.02"], "ABC", strict=False):
        world.kingdee.put(bill(world, claim, amount), status=status)
    found = world.run()
    assert found.code == 0, found.err
    assert found.few() == {"fetched": 4, "delivered": 1, "already": 3}
    expect_all(world, claims)


def test_a_number_that_comes_back_changed_is_a_conflict(world: Any) -> None:
    world.claims(1)
    world.kingdee.number_as = "FKD00000077"
    found = world.run()
    assert found.code == 2
    assert found.few() == {"fetched": 1, "unknown": 1}
    world.kingdee.number_as = None
    world.claim("7.00", days_ago=0.1)
    assert world.run().code == 2
    assert len(world.kingdee.bills) == 1


def test_two_bills_under_our_key_are_a_conflict(world: Any) -> None:
    world.connect(unique=False)
    claim = world.claim("100.00")
    for _ in range(2):
        world.kingdee.put(bill(world, claim, "100.00"), status="C")
    found = world.run()
    assert (found.code, found.few()) == (2, {"fetched": 1, "unknown": 1})
    assert len(world.kingdee.bills) == 2


def test_the_key_is_asked_for_once_for_a_whole_batch(world: Any) -> None:
    world.without_callback()
    world.claims(40)
    world.run()
    assert len(world.kingdee.calls("BatchSave")) == 2
    assert len(world.kingdee.calls("ExecuteBillQuery")) == 2
    body = world.kingdee.calls("BatchSave")[0]
    assert "IsAutoSubmitAndAudit" not in body["data"]
    assert re.fullmatch(r"\d+(,\d+)*", world.kingdee.calls("Submit")[0]["data"]["Ids"])
