"""The stories of records, planted one by one in a sandbox, and what `engine why` tells of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SHANGHAI

SCHEME = "expense_to_paybill"
PLANTED = (
    "elsewhere",
    "same",
    "clash",
    "held",
    "broken",
    "lacking",
    "refused",
    "unclear",
    "handled",
    "mended",
    "untold",
    "plain",
)


@dataclass(frozen=True)
class World:
    """A sandbox in which everything has happened; `number` has the claims by what happened to them."""

    prompt: Any
    number: Mapping[str, str]

    def why(self, name: str, *more: str, language: str = "en") -> str:
        said = self.prompt("why", self.number.get(name, name), *more, language=language)
        assert said.code == (0 if name in self.number else 1), said.err
        return str(said.out)


def edited(text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def only(*numbers: str) -> tuple[str, str]:
    return ("extend.result == 'agree' }}", f"extend.business_id in {list(numbers)} }}}}")


def for_one(number: str, special: str, usual: str) -> str:
    return f"\"{{{{ {special} if extend.business_id == '{number}' else {usual} }}}}\""


@pytest.fixture(scope="module")
def world(prompt: Any) -> World:
    shown = prompt("preview", SCHEME, "--all", "--json").json["records"]
    by_outcome: dict[str, list[str]] = {}
    for record in shown:
        if record["outcome"] != "deliver" or record["record"]["报销明细"]:
            by_outcome.setdefault(record["outcome"], []).append(record["number"])
    number = dict(zip(PLANTED, by_outcome["deliver"], strict=False))
    number |= {"waiting": by_outcome["waiting"][0], "skipped": by_outcome["skipped"][0]}
    plant(prompt, number)
    return World(prompt, number)


def plant(prompt: Any, number: Mapping[str, str]) -> None:
    file: Path = prompt.folder / "schemes" / f"{SCHEME}.yaml"
    shipped = file.read_text(encoding="utf-8")
    alone = (re.search(r"\ncallback:.*?(?=\ntests:)", shipped, re.DOTALL)[0], "")  # type: ignore[index]
    tests = (shipped[shipped.index("\ntests:") :], "")

    def write(name: str, *edits: tuple[str, str]) -> None:
        text = edited(shipped, (f"id: {SCHEME}", f"id: {name}"), tests, *edits)
        (file.parent / f"{name}.yaml").write_text(text, encoding="utf-8")

    clash = f"(1 if extend.business_id == '{number['clash']}' else 0)"
    amount = 'FPAYTOTALAMOUNTFOR: {value: "@.报销金额(元)", type: decimal, required: true}'
    more = f"FPAYTOTALAMOUNTFOR: \"{{{{ (row['报销金额(元)'] | decimal) + {clash} }}}}\""
    total = ("== 总金额 | decimal", "> 0")
    write("older_tool", only(number["same"], number["clash"]), (amount, more), total, alone)
    assert prompt("run", "older_tool", "--ledger", "older.db").code == 0
    write("other", only(number["elsewhere"]), alone)
    assert prompt("run", "other").code == 0

    later = [number[name] for name in ("unclear", "clash", "handled")]
    left_out = (
        "extend.result == 'agree' }}",
        f"extend.result == 'agree' and extend.business_id not in {later} }}}}",
    )
    held = (
        "hold: \"{{ extend.biz_action != 'NONE' or extend.attached_process_instance_ids | default([]) }}\"",
        f"hold: \"{{{{ extend.business_id == '{number['held']}' }}}}\"",
    )
    late = f"'soon' if extend.business_id in {[number['broken'], number['mended']]}"
    broken = ("extend.finish_time | date }}", f"({late} else extend.finish_time) | date }}}}")
    lacking = (
        'FPAYORGID: "{{ params.pay_org }}"',
        "FPAYORGID: " + for_one(number["lacking"], "'999'", "params.pay_org"),
    )
    refused = (
        "FCONTACTUNITTYPE: BD_Empinfo",
        "FCONTACTUNITTYPE: " + for_one(number["refused"], "'BD_Nobody'", "'BD_Empinfo'"),
    )
    write(SCHEME, left_out, held, broken, lacking, refused)
    writeback = file.with_name("paybill_writeback.yaml")
    who = (
        "{{ params.comment_userid }}",
        f"{{{{ 'nobody' if business_id == '{number['untold']}' else params.comment_userid }}}}",
    )
    writeback.write_text(edited(writeback.read_text(encoding="utf-8"), who), encoding="utf-8")
    ran = prompt("run", SCHEME)
    assert ran.code == 1
    assert "→ write-backs that failed: engine records list paybill_writeback --state failed" in ran.out
    assert f"need attention: engine records list {SCHEME} --state attention" in ran.out
    write(SCHEME, left_out, held, lacking, refused)
    prompt("records", "retry", SCHEME, number["mended"])
    assert prompt("records", "skip", SCHEME, number["handled"], "--reason", "paid by hand").code == 0

    prompt("sandbox", "fault", "drop_after=1")
    write(SCHEME, held)
    prompt("records", "retry", SCHEME, number["unclear"], "--skipped", "--settle-wait", "0")
    prompt("sandbox", "fault", "drop_after=0")
    assert prompt("records", "retry", SCHEME, number["clash"], "--skipped", "--settle-wait", "0").code == 2


RETRY = "→ then: `engine records retry expense_to_paybill {}`"

STORIES = {
    "plain": [
        "{} · expense_to_paybill",
        "delivered as 'DD{}', ",
        "audited; written back",
        "listed by 'topapi/processinstance/get'",
        "mapped to 'DD{}': ",
        " rows",
        "sent under key 'DD{}'",
        "saved in the target as 'DD{}'",
        "submitted",
        "audited: delivered",
        "written back by 'paybill_writeback': 报销 {} 已生成付款单",
    ],
    "waiting": [
        "waiting: not final yet",
        "→ `engine run expense_to_paybill` asks for it again when that is due",
        "read: not final yet, so it waits",
    ],
    "skipped": [
        "not to be sent: left out by `where: {{{{ extend.status == 'COMPLETED'",
        "line: schemes/expense_to_paybill.yaml:53",
        "--skipped`",
    ],
    "held": [
        "failed (changed after approval): held by `hold: {{{{ extend.business_id == '{}' }}}}`",
        "line: schemes/expense_to_paybill.yaml:",
        "→ when that is done: `engine records skip expense_to_paybill {} --reason …`",
    ],
    "broken": [
        'failed (data): "soon" is not a date or time',
        "field: FDATE (业务日期)",
        "line: schemes/expense_to_paybill.yaml:",
        "→ mend the scheme or its tables",
        RETRY,
    ],
    "lacking": [
        "failed (base data missing): 字段“付款组织”的基础资料“999”不存在或已禁用",
        "field: FPAYORGID (付款组织)",
        "→ make what is missing in the target, or mend the scheme's table",
        RETRY,
        "the target refused it (base data missing)",
    ],
    "refused": [
        "failed (data): 字段“往来单位类型”的值“BD_Nobody”格式不正确",
        "the target refused it (data)",
        RETRY,
    ],
    "unclear": [
        "unclear whether the target has 'DD{}': ",
        "→ `engine run expense_to_paybill` asks the target once the settle time is over",
        "sent under key 'DD{}'",
        "no clear answer: ",
    ],
    "clash": [
        "unclear whether the target has 'DD{}': the target already has 'DD{}', and it differs: amount ",
        "→ compare the claim with the bill in the target",
        "→ when both agree: `engine records retry expense_to_paybill {}`",
        "→ to take the target's as it is: `engine records adopt expense_to_paybill {} --reason …`",
        "stopped for a human: ",
    ],
    "same": [
        "found in the target as 'DD{}' and taken over; audited",
        "asked first: the target has 'DD{}' already (audited); taken over",
    ],
    "handled": ["set aside: paid by hand", "set aside by hand: paid by hand", "--skipped`"],
    "mended": [
        "delivered as 'DD{}', ",
        "failed (data): ",
        "brought on again by hand",
        "sent under key 'DD{}'",
    ],
    "untold": [
        "delivered as 'DD{}', ",
        "audited; its write-back failed: DingTalk says 无效的USERID",
        "→ to write back again: `engine records retry paybill_writeback {}`",
        "write-back 'paybill_writeback': the target refused it (data): ",
    ],
    "elsewhere": [
        "paid already as 'DD{}': delivered by scheme 'other'",
        "already delivered by scheme 'other' as 'DD{}'",
    ],
}


@pytest.mark.parametrize("name", STORIES)
def test_why_tells_what_became_of_a_claim(world: World, name: str) -> None:
    told = world.why(name, "--scheme", SCHEME)
    for words in STORIES[name]:
        number = world.number[name]
        assert words.format(*[number] * 2) in told, told


def test_a_story_names_no_bookkeeping(world: World) -> None:
    told = world.why("plain")
    assert "attempt" not in told
    assert all(len(line) < 130 for line in told.splitlines() if "written back by" in line)
    assert told.count("paybill_writeback") == 1


def test_all_schemes_tell_the_one_that_left_it_out_last(world: World) -> None:
    told = world.why("plain")
    assert told.index("· expense_to_paybill") < told.index("· other")


def test_a_story_is_one_object_under_json(world: World) -> None:
    said = world.prompt("why", world.number["broken"], "--scheme", SCHEME, "--json")
    (chapter,) = said.json["schemes"]
    assert said.json["found"] is True
    assert chapter["state"] == "failed"
    assert chapter["place"]["field"] == "FDATE (业务日期)"
    assert chapter["next"][1].endswith(f"records retry {SCHEME} {world.number['broken']}`")
    assert [event["times"] for event in chapter["events"]] == [1, 1]


def test_a_story_is_told_in_chinese(world: World) -> None:
    told = world.why("plain", "--scheme", SCHEME, language="zh")
    assert "已写入“DD" in told
    assert "已审核；已回写" in told
    told = world.why("broken", "--scheme", SCHEME, language="zh")
    assert "失败（数据有误）" in told
    assert "字段: FDATE (业务日期)" in told


@pytest.mark.parametrize(
    ("name", "words"),
    [("DD{}", "· expense_to_paybill"), ("{id}", "· expense_to_paybill")],
    ids=["the bill's number", "the instance's id"],
)
def test_a_claim_goes_by_other_names_too(world: World, name: str, words: str) -> None:
    listed = world.prompt("records", "list", SCHEME, "--json").json["records"]
    number = world.number["plain"]
    id_ = next(record["id"] for record in listed if record["number"] == number)
    said = world.prompt("why", name.format(number, id=id_))
    assert said.code == 0
    assert words in said.out


def numbered(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y%m%d%H%M}000000000"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (timedelta(days=-300), "before that: start the window earlier, or use --since"),
        (timedelta(days=-10), "within that, and the source did not name it"),
        (timedelta(minutes=0), "after that: the next run lists it"),
        (timedelta(days=3), "which is yet to come"),
    ],
    ids=["before the window", "within it", "after the watermark", "in the future"],
)
def test_why_a_claim_is_absent(world: World, made: timedelta, words: str) -> None:
    told = world.why(numbered(datetime.now(SHANGHAI) + made), "--scheme", SCHEME)
    assert told.startswith("no scheme has seen '")
    assert words in told


def test_an_id_tells_its_time_as_well(world: World) -> None:
    made = int((datetime.now(SHANGHAI) - timedelta(days=300)).timestamp())
    assert "before that" in world.why(f"{'a' * 22}0434{made}")


def test_a_number_that_tells_nothing(world: World) -> None:
    assert "its number does not tell when it was made" in world.why("0815")


def test_a_mistyped_number_gets_a_suggestion(world: World) -> None:
    number = world.number["plain"]
    assert f"did you mean '{number}'?" in world.why(number[:-1] + ("1" if number[-1] != "1" else "2"))


def test_a_claim_that_another_scheme_has(world: World) -> None:
    told = world.prompt("why", world.number["plain"], "--scheme", "paybill")
    assert told.code == 1
    assert "scheme 'paybill' has not seen" in told.out
