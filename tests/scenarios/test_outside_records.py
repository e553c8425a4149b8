"""One bad record never stops the others, and what a run lists, holds and leaves out (done-points 5 and 9)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from outside_dingtalk import expense_form

PLAIN = 'FPAYTOTALAMOUNTFOR: {value: "@.报销金额(元)", type: decimal, required: true}'
MENDED = PLAIN.replace('"@.报销金额(元)"', "\"{{ row['报销金额(元)'] | replace('元', '') }}\"")


def test_one_bad_amount_among_a_hundred(world: Any) -> None:
    world.without_callback()
    world.claims(60)
    bad = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "88.00元")], "88.00"))
    world.claims(39)

    found = world.run()

    assert (found.code, found.json["status"], found.json["attention"]) == (1, "partial", 1)
    assert found.few() == {"fetched": 100, "delivered": 99, "failed": 1}
    (row,) = world.listed("--state", "failed")
    assert (row["id"], row["number"], row["class"]) == (bad.id, bad.number, "data")
    assert "FPAYTOTALAMOUNTFOR" in row["field"]
    assert row["label"]
    assert "报销金额(元)" in row["path"]
    assert "88.00元" in row["reason"]
    lines = (world.folder / "schemes/expense_to_paybill.yaml").read_text(encoding="utf-8").splitlines()
    assert row["file"].endswith("expense_to_paybill.yaml")
    assert PLAIN in lines[row["line"] - 1]
    shown = world.engine("records", "show", "expense_to_paybill", bad.number)
    assert shown.code == 0
    assert "88.00元" in shown.out

    again = world.run()
    assert (again.code, again.json["attention"], again.counts["delivered"]) == (1, 1, 0)
    refused = world.engine("records", "retry", "expense_to_paybill", bad.number, "--json")
    assert (refused.code, len(world.kingdee.bills)) == (1, 99)

    world.without_callback((PLAIN, MENDED))
    gets = len(world.dingtalk.calls("get"))
    mended = world.engine("records", "retry", "expense_to_paybill", bad.number, "--json")
    assert mended.code == 0, mended.err
    assert mended.few() == {"fetched": 1, "delivered": 1}
    assert mended.json["amount"] == {"delivered": "88.00"}
    assert len(world.dingtalk.calls("get")) == gets, "the stored snapshot serves"
    assert set(world.kingdee.numbers().values()) == {1}
    assert len(world.kingdee.bills) == 100
    assert world.run().code == 0


def test_refetch_reads_the_record_again(world: Any) -> None:
    bad = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "88.00元")], "88.00"))
    assert world.run().code == 1
    bad.components = expense_form([("办公费", "2024-05-06", "88.00")], "88.00")
    assert world.engine("records", "retry", "expense_to_paybill", "--failed", "--json").code == 1
    found = world.engine("records", "retry", "expense_to_paybill", "--failed", "--refetch", "--json")
    assert found.code == 0, found.err
    assert len(world.kingdee.bills) == 1


def test_a_form_that_somebody_edited_is_named(world: Any) -> None:
    claim = world.claim("88.00")
    claim.components = [one for one in claim.components if one.get("name") != "报销明细"]
    good = world.claim("9.00")
    found = world.run()
    assert found.few() == {"fetched": 2, "delivered": 1, "failed": 1}
    (row,) = world.listed("--state", "failed")
    assert "报销明细" in row["reason"] + str(row["path"])
    assert list(world.kingdee.numbers()) == [f"DD{good.number}"]


def test_the_rows_must_come_to_the_total(world: Any) -> None:
    world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "80.00")], "88.00"))
    assert world.run().few() == {"fetched": 1, "failed": 1}
    assert "明细合计与总金额不符" in world.listed()[0]["reason"]
    assert world.kingdee.bills == []


def test_a_failed_claim_that_is_skipped_is_settled(world: Any) -> None:
    bad = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "?")], "88.00"))
    world.run()
    assert (
        world.engine("records", "skip", "expense_to_paybill", bad.number, "--reason", "paid in cash").code
        == 0
    )
    found = world.run()
    assert (found.code, found.json["attention"]) == (0, 0)
    assert "paid in cash" in world.engine("why", bad.number).out


def test_skipped_claims_are_paid_only_when_asked_for(world: Any) -> None:
    claim = world.claim("5.00", result="refuse", days_ago=0.2)
    assert world.run().few() == {"fetched": 1, "skipped": 1}
    world.scheme(
        ("extend.status == 'COMPLETED' and extend.result == 'agree'", "extend.status == 'COMPLETED'")
    )
    assert world.run().few() == {"fetched": 1, "skipped": 1}
    found = world.engine("records", "retry", "expense_to_paybill", "--skipped", "--json")
    assert found.few() == {"fetched": 1, "delivered": 1}
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1}


def test_a_delivered_bill_that_was_deleted_comes_back_only_by_order(world: Any) -> None:
    claim = world.claim("5.00", days_ago=0.2)
    world.run()
    world.kingdee.bills.clear()
    assert world.run().few() == {"fetched": 1, "already": 1}
    assert world.kingdee.bills == []
    found = world.engine("records", "retry", "expense_to_paybill", claim.number, "--again", "--json")
    assert found.code == 0, found.err
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1}
    again = world.engine("records", "retry", "expense_to_paybill", claim.number, "--again", "--json")
    assert again.code == 0, again.err
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1}


# --- what is listed --------------------------------------------------------------------------------------


def starts(world: Any) -> list[float]:
    """How many days before now each listing began."""
    now = world.dingtalk.now()
    return [round((now - body["start_time"] / 1000) / 86400, 2) for body in world.dingtalk.calls("listids")]


def test_limit_since_and_until_do_not_move_the_watermark(world: Any) -> None:
    world.without_callback()
    world.claims(5, days_ago=60)
    limited = world.run("--limit", "2")
    assert limited.counts["fetched"] == 2
    window = world.run("--since", "-61d", "--until", "-59d")
    assert window.counts["fetched"] <= 5
    since = world.run("--since", "-10d")
    assert since.code == 0, since.err
    world.dingtalk.log.clear()
    world.run()
    assert max(starts(world)) >= 99, "the whole window is still to be listed"
    assert len(world.kingdee.bills) == 5
    world.dingtalk.log.clear()
    world.run("--since", "-50d")
    assert 49.9 <= max(starts(world)) <= 50.1
    world.dingtalk.log.clear()
    world.run()
    assert max(starts(world)) <= 1.01, "the next one begins a day before the watermark"


def test_spans_are_at_most_120_days_and_what_is_too_old_is_a_gap(world: Any) -> None:
    world.connect(values={"params": {"start_date": "-400d"}})
    claim = world.claim("5.00", days_ago=300)
    found = world.run()
    assert found.counts["delivered"] == 1, found.err
    spans = [body["end_time"] - body["start_time"] for body in world.dingtalk.calls("listids")]
    assert max(spans) <= 120 * 86_400_000
    assert "400002" in found.err or "gap" in found.err or found.json.get("warnings")
    world.dingtalk.log.clear()
    again = world.run()
    assert max(starts(world)) < 2, "a gap is recorded, not tried again"
    assert again.code == found.code
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1}


def with_null(answer: Any) -> Any:
    answer["result"]["list"].append(None)
    return answer


def test_a_null_id_once_is_a_page_listed_again(world: Any) -> None:
    world.claims(3)
    world.dingtalk.fail("listids", "edit", arg=with_null)
    found = world.run()
    assert found.few() == {"fetched": 3, "delivered": 3}
    assert found.code == 0, found.err


def test_a_null_id_that_stays_fails_its_page_and_the_others_go_on(world: Any) -> None:
    world.claims(45)
    world.dingtalk.page = 15
    world.dingtalk.fail("listids", "edit", arg=with_null, skip=1)
    world.dingtalk.fail("listids", "edit", arg=with_null)
    found = world.run()
    assert found.counts["delivered"] >= 30
    if found.code:
        assert (found.code, found.json["status"]) == (1, "partial")
    world.dingtalk.plan.clear()
    last = world.run()
    assert last.code == 0, last.err
    assert len(world.kingdee.bills) == 45


@pytest.mark.parametrize(
    "answer",
    [
        {"errcode": 0, "errmsg": "ok"},
        {"errcode": 0, "result": []},
        {"errcode": 0, "result": {"list": "x"}},
        [],
        7,
    ],
)
@pytest.mark.usefixtures("hurried")
def test_a_listing_of_another_shape_is_never_an_empty_one(world: Any, answer: Any) -> None:
    world.claims(2)
    world.dingtalk.fail("listids", "json", arg=answer, forever=True)
    found = world.run()
    assert found.code == 3, found.out
    world.dingtalk.plan.clear()
    assert world.run().few() == {"fetched": 2, "delivered": 2}


def test_a_claim_that_cannot_be_read_is_transient(world: Any) -> None:
    claims = world.claims(3)
    gone = world.dingtalk.claims.pop(claims[1].id)
    world.dingtalk.fail("listids", "edit", arg=lambda answer: _and(answer, gone.id))
    found = world.run()
    assert (found.code, found.counts["failed"], found.counts["delivered"]) == (1, 1, 2)


def _and(answer: Any, id: str) -> Any:
    answer["result"]["list"].append(id)
    return answer


# --- nothing real by accident -------------------------------------------------------------------------


def test_a_first_real_run_needs_its_start_said(world: Any) -> None:
    world.connect(values={})
    world.claims(2)
    found = world.run()
    assert found.code == 2
    assert set(found.json) == {"error"}
    assert set(found.json["error"]) == {"class", "message", "file", "line", "column", "hint"}
    assert "start_date" in found.json["error"]["message"]
    assert world.dingtalk.log == []
    assert world.run("--set", "start_date=-100d").few() == {"fetched": 2, "delivered": 2}


def test_an_environment_must_be_named(world: Any) -> None:
    world.claims(1)
    found = world.run("--env", "nowhere")
    assert found.code == 2
    assert "company" in found.json["error"]["message"] + str(found.json["error"]["hint"])


def test_claims_finished_before_go_live_are_left_out(world: Any) -> None:
    old = world.claim("5.00", days_ago=10)
    new = world.claim("6.00", days_ago=1)
    live = (world.now - timedelta(days=5)).strftime("%Y-%m-%d %H:%M")
    world.connect(values={"params": {"start_date": "-100d", "go_live": live}})
    assert world.run().few() == {"fetched": 2, "delivered": 1, "skipped": 1}
    assert world.kingdee.numbers() == {f"DD{new.number}": 1}
    assert "go_live" in world.engine("why", old.number).out


@pytest.mark.parametrize("guard", ["{documents: 2}", '{amount: "250", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR}'])
def test_a_guard_stops_the_flood(world: Any, guard: str) -> None:
    whole = 'guard: {documents: 500, amount: "1000000", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR}'
    world.without_callback((whole, f"guard: {guard}"))
    world.claims(5)
    found = world.run()
    assert (found.code, found.json["status"]) == (1, "partial")
    assert found.few() == {"fetched": 5, "delivered": 2, "pending": 3}
    assert len(world.kingdee.bills) == 2
    said = found.json["message"]
    assert "guard: a run sends at most" in said
    left = Decimal("510.10") - Decimal(found.json["amount"]["delivered"])
    assert f"3 documents worth {left} are held back" in said
    assert "`engine records list expense_to_paybill --state ready --env company`" in said
    assert "`engine run expense_to_paybill --env company` then sends the next ones" in said
    assert "schemes/expense_to_paybill.yaml:" in said.partition("raise `guard`")[2]
    listed = world.engine("records", "list", "expense_to_paybill", "--state", "ready", "--json")
    assert len(listed.json["records"]) == 3
    assert world.run().few() == {"fetched": 3, "delivered": 2, "pending": 1}
    assert world.run().few() == {"fetched": 1, "delivered": 1}


def test_a_guard_that_one_document_exceeds_names_it(world: Any) -> None:
    """No number of runs would send it; so they say which it is, and what has to be raised."""
    whole = 'guard: {documents: 500, amount: "1000000", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR}'
    world.without_callback((whole, 'guard: {amount: "50", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR}'))
    claim = world.claims(1)[0]
    for _ in range(2):
        found = world.run()
        assert found.few() == {"fetched": 1, "pending": 1}
        assert "1 document worth 100.00 is held back" in found.json["message"]
        assert f"'{claim.number}' alone is worth 100.00" in found.json["message"]
    assert world.kingdee.bills == []


def test_preview_shows_all_and_sends_nothing(world: Any) -> None:
    world.claims(3)
    found = world.engine("preview", "expense_to_paybill", "--all")
    assert found.code == 0, found.err
    assert "303.03" in found.out
    assert world.kingdee.bills == []
    assert world.kingdee.calls("BatchSave") == []
    assert world.run().few() == {"fetched": 3, "delivered": 3}


def test_the_banner_names_host_and_account_before_the_first_write(world: Any) -> None:
    world.claim("5.00")
    found = world.run()
    assert "127.0.0.1" in found.err
    assert world.kingdee.acct_id in found.err
    assert "company" in found.err


def test_another_target_system_gets_all_of_its_own(world: Any) -> None:
    world.claims(3)
    waiting = world.claim("7.00", status="RUNNING")
    assert world.run().few() == {"fetched": 4, "delivered": 3, "waiting": 1}
    world.kingdee.bills.clear()
    world.kingdee.acct_id = "acct-production"
    world.connect()
    waiting.status = "COMPLETED"
    gets = len(world.dingtalk.calls("get"))
    assert world.run().few() == {"fetched": 4, "delivered": 4}
    assert len(world.dingtalk.calls("get")) == gets + 1, "a final record is never fetched again"


def test_records_of_a_mistyped_account_are_not_lost(world: Any) -> None:
    world.claims(3)
    world.connect(kd={"acct_id": "acct-mistyped"})
    assert world.run().code == 2
    world.connect()
    assert world.run().few() == {"fetched": 3, "delivered": 3}


# --- waiting ---------------------------------------------------------------------------------------------


def test_waiting_claims_are_asked_at_the_next_run_and_then_ever_less(world: Any) -> None:
    world.without_callback()
    claim = world.claim("5.00", status="RUNNING")

    def asked(*arguments: str) -> int:
        before = len(world.dingtalk.calls("get"))
        assert world.run(*arguments).few() == {"fetched": 1, "waiting": 1}
        return len(world.dingtalk.calls("get")) - before

    assert asked() == 1
    assert asked() == 1, "at the next run"
    assert asked() == 0, "not before ten minutes"
    assert asked("--recheck") == 1
    world.at(timedelta(minutes=11))
    assert asked() == 1
    world.at(timedelta(days=20))
    assert asked() == 1
    world.at(timedelta(days=20, hours=25))
    assert asked() == 1, "at least once a day"
    claim.status, claim.result = "TERMINATED", ""
    world.at(timedelta(days=22, hours=3))
    assert world.run().few() == {"fetched": 1, "skipped": 1}


def test_a_claim_made_this_moment_is_the_next_runs(world: Any) -> None:
    world.without_callback()
    world.claim("5.00", days_ago=0)
    found = world.run()
    assert found.code == 0
    world.at(timedelta(minutes=1))
    total = found.counts["delivered"] + world.run().counts["delivered"]
    assert total == len(world.kingdee.bills) == 1


def looping(answer: Any) -> Any:
    answer["result"]["next_cursor"] = 67
    return answer


def test_a_cursor_that_goes_round_ends_and_loses_nothing(world: Any) -> None:
    world.without_callback()
    world.claims(50)
    world.dingtalk.fail("listids", "edit", arg=looping, forever=True)
    found = world.run()
    assert found.code in (1, 3)
    assert len(world.dingtalk.calls("listids")) < 20
    world.dingtalk.plan.clear()
    assert world.run().code == 0
    assert len(world.kingdee.bills) == 50


# --- what a retry uses --------------------------------------------------------------------------------------


def test_what_was_sent_is_sent_again_as_it_was(world: Any) -> None:
    world.connect(unique=False, settle="0.3s")
    world.without_callback()
    world.claims(3)
    world.kingdee.fail("BatchSave", "kill_before")
    assert world.finish(world.spawn("run", "expense_to_paybill")).code == -9
    world.without_callback(('FREMARK: "$.title"', "FREMARK: another"), ("until: audit", "until: save"))
    found = world.run()
    assert found.few() == {"fetched": 3, "delivered": 3}
    first, second = world.kingdee.calls("BatchSave")
    assert first["data"]["Model"] == second["data"]["Model"]
    assert world.kingdee.statuses() == {"C": 3}, "the intent's stages"
    world.claim("5.00", days_ago=0.1)
    assert world.run().counts["delivered"] == 1
    assert world.kingdee.bills[-1]["model"]["FREMARK"] == "another"
    assert world.kingdee.statuses() == {"C": 3, "A": 1}


def test_what_failed_before_sending_is_mapped_again_by_the_scheme_of_now(world: Any) -> None:
    world.without_callback()
    claim = world.claim("5.00", userid="5237000000008888")
    assert world.run().few() == {"fetched": 1, "failed": 1}
    own = '{values: {"5237000000008888": E0031}}'
    old = "{connection: dingtalk, interface: topapi/v2/user/get, key: userid, value: job_number, keep: 1d}"
    world.without_callback((old, own))
    found = world.engine("records", "retry", "expense_to_paybill", claim.number, "--json")
    assert found.few() == {"fetched": 1, "delivered": 1}, found.out


@pytest.mark.parametrize(
    ("many", "records", "differences", "needs"),
    [(1, "1 record", "1 difference", "needs"), (2, "2 records", "2 differences", "need")],
)
def test_one_record_is_not_spoken_of_as_many(
    world: Any, many: int, records: str, differences: str, needs: str
) -> None:
    """What stands in the summary, the list and the comparison, for one of a thing and for several."""
    world.without_callback()
    form = expense_form([("办公费", "2024-05-06", "88.00元")], "88.00")
    claims = [world.claim("88.00", form=form) for _ in range(many)]
    ran = world.engine("run", "expense_to_paybill")
    assert f"→ {records} {needs} attention: engine records list" in ran.out
    assert f"\n{records}\n" in world.engine("records", "list", "expense_to_paybill").out
    assert f"\n{differences}: failed {many}" in world.engine("reconcile", "expense_to_paybill").out
    assert f"共 {many} 条" in world.engine("records", "list", "expense_to_paybill", ENGINE_LANG="zh").out
    numbers = [claim.number for claim in claims]
    aside = world.engine("records", "skip", "expense_to_paybill", *numbers, "--reason", "cash")
    assert aside.out == f"{records} set aside\n"


def test_one_file_is_not_spoken_of_as_many(world: Any) -> None:
    scheme = "schemes/expense_to_paybill.yaml"
    assert "\n1 file: 0 errors, " in world.engine("validate", scheme).out
    assert "\n2 files: 0 errors, " in world.engine("validate", "schemes").out
