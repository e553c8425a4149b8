"""Less usual days: throttles, look-ups that miss, doubled numbers, Ctrl-C, notices, broken ledgers."""

from __future__ import annotations

import signal
from decimal import Decimal
from typing import Any

import pytest
from outside_dingtalk import expense_form
from outside_world import SCHEME

NOTICE = """\
version: 1
id: notice
name: 工作通知
source:
  interface: callback
  id: "$.id"
  number: "$.business_id"
target:
  connection: dingtalk
  interface: topapi/message/corpconversation/asyncsend_v2
  key: text
  mapping:
    agent_id: "1185599675"
    userid_list: "$.originator_userid"
    title: 报销已付款
    text: "{{ business_id }} 已付款 {{ result.amount | money }} 元，付款单 {{ result.number }}"
"""


def test_two_claims_of_one_number_are_not_both_paid(world: Any) -> None:
    one = world.claim("10.00")
    two = world.claim("20.00", days_ago=2)
    two.number = one.number
    found = world.run()
    assert len(world.kingdee.bills) == 1
    assert found.counts["delivered"] == 1
    assert found.counts["failed"] + found.counts["unknown"] == 1
    assert found.code in (1, 2)


@pytest.mark.parametrize("code", ["90018", "90002"])
@pytest.mark.usefixtures("hurried")
def test_throttled_reads_are_read_again(world: Any, code: str) -> None:
    world.without_callback()
    world.claims(3)
    wrapped = {"errcode": 88, "sub_code": code, "sub_msg": "x", "errmsg": f"ding talk error[subcode={code}]"}
    world.dingtalk.fail("get", "json", arg=wrapped)
    world.dingtalk.fail("listids", "json", arg={"errcode": int(code), "errmsg": "x"})
    assert world.run().few() == {"fetched": 3, "delivered": 3}


@pytest.mark.usefixtures("hurried")
def test_a_spent_quota_ends_partial_and_is_not_tried_again(world: Any) -> None:
    world.without_callback()
    world.claims(30)
    spent = {
        "errcode": 88,
        "sub_code": "90020",
        "sub_msg": "次数超限",
        "errmsg": "ding talk error[subcode=90020]",
    }
    world.dingtalk.fail("get", "json", arg=spent, forever=True, skip=5)
    found = world.run()
    assert (found.code, found.json["status"]) == (1, "partial")
    assert len(world.dingtalk.calls("get")) <= 5 + 8
    assert found.counts["failed"] == 0
    assert found.counts["pending"] == 25
    world.dingtalk.plan.clear()
    assert world.run().few() == {"fetched": 25, "delivered": 25}


def test_a_claimant_whom_nobody_knows_fails_alone(world: Any) -> None:
    world.claims(2)
    world.claim("5.00", userid="5237000000009999")
    found = world.run()
    assert found.few() == {"fetched": 3, "delivered": 2, "failed": 1}
    (row,) = world.listed("--state", "failed")
    assert row["class"] == "base data missing"
    assert "5237000000009999" in row["reason"]
    world.employ("5237000000009999", "E0077")
    assert world.engine("records", "retry", "expense_to_paybill", "--failed", "--json").code == 0


@pytest.mark.usefixtures("hurried")
def test_a_look_up_that_fails_is_not_a_miss(world: Any) -> None:
    world.connect(ding={"limits": {"per_second": 2000, "concurrency": 1, "timeout": "2s"}})
    world.claims(2)
    world.dingtalk.fail("user", "500", forever=True)
    found = world.run()
    assert found.code in (1, 3)
    assert {row["class"] for row in world.listed("--state", "failed")} <= {"transient"}
    world.dingtalk.plan.clear()
    assert world.run().few() == {"fetched": 2, "delivered": 2}


@pytest.mark.parametrize(
    "text", ["NaN", "1e3", "Infinity", "", "一百", "1.2.3", "0x10", "--5", "1,2,3..4", "null"]
)
def test_an_amount_that_is_none_is_never_sent(world: Any, text: str) -> None:
    world.claim("88.00", form=expense_form([("办公费", "2024-05-06", text)], "88.00"))
    assert world.run().few() == {"fetched": 1, "failed": 1}
    assert world.kingdee.bills == []


def test_large_and_small_amounts_arrive_digit_for_digit(world: Any) -> None:
    world.without_callback((', amount: "1000000", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR', ""))
    amounts = ["12345678901234.56", "0.07", "9007199254740993.01"[3:], "100", "0.1"]
    claims = [world.claim(amount) for amount in amounts]
    assert world.run().few() == {"fetched": 5, "delivered": 5}
    assert [world.kingdee.totals()[f"DD{claim.number}"] for claim in claims] == [
        Decimal(one) for one in amounts
    ]


def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(world: Any) -> None:
    claims = world.claims(20)
    world.dingtalk.fail("get", "slow", arg=0.5, skip=5)
    process = world.spawn("run", "expense_to_paybill", "--json")
    while not world.dingtalk.struck:
        world.pause(0.02)
    process.send_signal(signal.SIGINT)
    found = world.finish(process)
    assert found.code == 130
    again = world.run()
    assert again.code == 0, again.err
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1 for claim in claims}
    assert [len(claim.comments) for claim in claims] == [1] * 20


def test_a_notice_goes_out_once_and_an_unclear_one_stays_unknown(world: Any) -> None:
    world.connect(ding={"limits": {"per_second": 2000, "settle": "0.1s", "timeout": "2s"}})
    world.write("schemes/notice.yaml", NOTICE)
    start, end = SCHEME.index("callback:"), SCHEME.index("tests:")
    one = (
        SCHEME[start:end]
        .removeprefix("callback:\n")
        .replace("\n  ", "\n    ")
        .replace("  scheme", "  - scheme", 1)
    )
    world.scheme((SCHEME[start:end], "callback:\n" + one + one.replace("paybill_writeback", "notice")))
    world.claims(3)
    found = world.run()
    assert found.code == 0, found.out + found.err
    assert found.json["callbacks"] == {"written": 6, "failed": 0, "pending": 0}
    assert (len(world.dingtalk.messages), len(world.dingtalk.comments())) == (3, 3)
    assert "元，付款单 DD" in world.dingtalk.messages[0]["msg"]["markdown"]["text"]
    world.claim("5.00", days_ago=0.1)
    world.dingtalk.fail("message", "drop_after")
    unclear = world.run()
    assert (unclear.code, unclear.json["callbacks"]["failed"]) == (1, 1)
    assert unclear.few()["delivered"] == 1
    assert world.run().code == 1
    assert len(world.dingtalk.messages) == 4


def test_a_failure_can_call_back_too(world: Any) -> None:
    world.scheme(("on: delivered", "on: failed"))
    told = '"已付款，付款单号 {{ result.number }}，{{ result.amount | money }} 元"'
    world.scheme(
        (told, '"付不了 {{ id }}：{{ error.reason }}"'), ("key: text", "key: text"), name="paybill_writeback"
    )
    bad = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "?")], "88.00"))
    good = world.claim("5.00")
    found = world.run()
    assert found.few() == {"fetched": 2, "delivered": 1, "failed": 1}, found.err
    assert (len(bad.comments), len(good.comments)) == (1, 0)
    world.run()
    assert len(bad.comments) == 1


@pytest.mark.parametrize(
    "content", [b"no database at all, only text" * 50, b"", b"SQLite format 3\x00" + bytes(200)]
)
def test_a_broken_ledger_is_told_in_words(world: Any, content: bytes) -> None:
    path = world.folder / ".engine/ledger.db"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    world.claims(1)
    found = world.run()
    assert found.code in ((0,) if not content else (2,)), found.out
    if content:
        assert set(found.json) == {"error"}
        assert "something went wrong" not in found.err
        assert "ledger" in found.err


def test_a_ledger_that_is_a_folder_and_a_clock_that_is_none(world: Any) -> None:
    (world.folder / "here").mkdir()
    for result in (
        world.run("--ledger", "here"),
        world.run("--ledger", "mysql://x/y"),
        world.run("--ledger", "/proc/none/ledger.db"),
        world.engine("run", "expense_to_paybill", "--json", ENGINE_NOW="yesterday"),
    ):
        assert result.code == 2, result.out
        assert "something went wrong" not in result.err
        assert set(result.json) == {"error"}


@pytest.mark.parametrize("code", [13, 14])
@pytest.mark.usefixtures("hurried")
def test_a_busy_target_is_not_a_data_error(world: Any, code: int) -> None:
    from outside_kingdee import failure

    world.connect(settle="0.1s")
    world.without_callback()
    world.claims(3)
    world.kingdee.fail(
        "BatchSave", "json", arg=failure("网络控制冲突" if code == 13 else "调用次数超限", code=code)
    )
    found = world.run()
    assert found.counts["failed"] == 0, world.listed()
    world.run()
    assert sorted(world.kingdee.numbers().values()) == [1, 1, 1]


@pytest.mark.usefixtures("hurried")
def test_a_session_that_is_always_lost_fails_no_record(world: Any) -> None:
    world.connect(settle="0.1s")
    world.claims(3)
    world.kingdee.fail("BatchSave", "lost", forever=True)
    found = world.run("--settle-wait", "0")
    assert found.code in (1, 2, 3)
    assert found.counts["failed"] == 0
    assert len(world.kingdee.calls("BatchSave")) < 12
    world.kingdee.plan.clear()
    assert world.run().code == 0
    assert sorted(world.kingdee.numbers().values()) == [1, 1, 1]


def test_it_speaks_chinese_too(world: Any) -> None:
    world.claims(1)
    found = world.engine("run", "expense_to_paybill", ENGINE_LANG="zh")
    assert found.code == 0
    assert "台账" in found.out


def test_a_claim_revoked_before_the_first_run_is_for_a_human(world: Any) -> None:
    claim = world.claim("55.50")
    revoked = world.claim("55.50", days_ago=0.5, biz_action="REVOKE", main=claim.id)
    claim.attached = [revoked.id]
    more = "extend.biz_action != 'NONE' or extend.attached_process_instance_ids | default([])"
    world.scheme(("extend.biz_action != 'NONE'", more))
    found = world.run()
    assert found.few() == {"fetched": 2, "failed": 2}
    assert world.kingdee.bills == []


# --- the default environment -----------------------------------------------------------------------------


def test_the_sandbox_environment_takes_servers_on_this_machine(world: Any) -> None:
    path = world.folder / "connections.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"company"', '"sandbox"'), encoding="utf-8")
    world.claims(3)
    found = world.run(env=None)
    assert found.few() == {"fetched": 3, "delivered": 3}
    assert found.json["environment"] == "sandbox"


def test_the_sandbox_environment_reaches_nothing_beyond(world: Any) -> None:
    world.connect(kd={"base_url": "https://erp.example.com/k3cloud/"})
    path = world.folder / "connections.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"company"', '"sandbox"'), encoding="utf-8")
    world.claims(3)
    found = world.run(env=None)
    assert found.code == 2, found.out
    assert "erp.example.com" in found.json["error"]["message"] + str(found.json["error"]["hint"])
    assert world.dingtalk.log == []


def test_connections_from_another_place(world: Any) -> None:
    (world.folder / "elsewhere").mkdir()
    (world.folder / "connections.yaml").rename(world.folder / "elsewhere/c.yaml")
    world.claims(2)
    found = world.run("--connections", "elsewhere/c.yaml", "--ledger", "elsewhere/l.db")
    assert found.few() == {"fetched": 2, "delivered": 2}
    assert (world.folder / "elsewhere/l.db").exists()


def test_a_scheme_by_path_from_another_folder(world: Any) -> None:
    world.claims(2)
    found = world.run(scheme=str(world.folder / "schemes/expense_to_paybill.yaml"))
    assert found.few() == {"fetched": 2, "delivered": 2}


def test_calls_keep_to_their_pace(world: Any) -> None:
    world.connect(ding={"limits": {"per_second": 20, "concurrency": 8, "timeout": "3s"}})
    world.without_callback()
    world.claims(35)
    assert world.run().few() == {"fetched": 35, "delivered": 35}
    gets = [moment for name, moment in world.dingtalk.times if name == "get"]
    most = max(sum(1 for other in gets if 0 <= other - one < 0.95) for one in gets)
    assert most <= 21, f"{most} calls within a second"


def test_preview_of_one_record(world: Any) -> None:
    claim = world.claim("12.34")
    by_id = world.engine("preview", "expense_to_paybill", "--record", claim.id)
    assert by_id.code == 0, by_id.err
    assert "12.34" in by_id.out
    assert f"DD{claim.number}" in by_id.out
    by_file = world.engine(
        "preview", "expense_to_paybill", "--record", "schemes/tests/two_rows.json", "--json"
    )
    assert by_file.code == 0, by_file.err
    assert by_file.json
    assert world.kingdee.bills == []


def test_a_test_that_fails_shows_what_differs(world: Any) -> None:
    world.scheme(('FPAYTOTALAMOUNTFOR: "328.50"}, {}', 'FPAYTOTALAMOUNTFOR: "328.51"}, {}'))
    found = world.engine("test", "schemes", "--json")
    assert found.code == 1
    (bad,) = [one for one in found.json["results"] if not one["passed"]]
    assert "328.51" in bad["message"]
    assert "328.5" in bad["message"].replace("328.51", "")
    line = SCHEME.splitlines().index("  - name: two rows, one bill") + 1
    assert abs(bad["line"] - line) <= 3
