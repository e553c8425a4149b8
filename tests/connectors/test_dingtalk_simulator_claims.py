"""What the invented claims are like, and how they change with the sandbox's time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from connectors.company import load_company
from connectors.dingtalk.simulator import DingTalkSimulator, instances, money, wire_new, wire_old
from connectors.dingtalk.simulator.claims import AMENDED, amendment, make_claim
from connectors.dingtalk.simulator.context import Context
from connectors.dingtalk.simulator.form import EXPENSE_CODE, LOAN_CODE
from connectors.dingtalk.simulator.loans import COUNT
from engine.connector.simulator import SandboxClock, SandboxState, advance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2026, 5, 20, 3, 30, 0, 1, tzinfo=UTC)
NOW = instances.to_ms(START)
LABELS = {
    *("费用归属项目", "报销类别", "行政报销类型", "项目报销类型", "报销明细", "项目费用明细", "总金额"),
    *("关联审批单", "电子发票", "收款账号", "公司帐号付款(如需公司帐号付款请选择)"),
    *("报销凭证拍照上传", "附件"),
}


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[DingTalkSimulator]:
    state = SandboxState(tmp_path)
    made = DingTalkSimulator(state, SandboxClock(state), {"instances": 40})
    made.prepare()
    yield made
    state.close()


def seen(simulator: DingTalkSimulator, code: str = EXPENSE_CODE) -> dict[str, dict[str, Any]]:
    """All instances as the old API shows them, by id."""
    with simulator.reading() as store:
        now = instances.to_ms(simulator.now(store))
        context = Context(store, now, load_company())
        serve = wire_old.APIS["/topapi/processinstance/get"].serve
        ids = instances.listed_ids(store, code, 0, now, now)
        return {id: serve(context, {"process_instance_id": id})["process_instance"] for id in ids}


def fields(instance: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one.get("name", one["id"]): one for one in instance["form_component_values"]}


def rows(component: dict[str, Any]) -> list[dict[str, Any]]:
    decoded = json.loads(component["value"])
    return [
        {cell["label"]: cell["value"] for cell in row["rowValue"]} for row in decoded if "rowValue" in row
    ]


def test_the_same_seed_makes_the_same_claims() -> None:
    assert make_claim(7, 1, START) == make_claim(7, 1, START)
    assert make_claim(7, 1, START) != make_claim(7, 2, START)
    assert len({make_claim(number, 1, START)["id"] for number in range(300)}) == 300
    assert len({make_claim(number, 1, START)["business_id"] for number in range(300)}) == 300


@pytest.mark.parametrize("later", [timedelta(hours=hour, minutes=7) for hour in range(0, 24, 4)])
def test_claims_lie_within_the_90_days_before_the_start(later: timedelta) -> None:
    now = NOW + later // timedelta(milliseconds=1)
    for number in range(120):
        claim = make_claim(number, 1, START + later)
        assert now - 90 * 86_400_000 < claim["created"] < now - 60_000
        left = claim["finished"] - now
        assert claim["created"] < claim["finished"]
        assert left <= -600_000 or 3_600_000 <= left <= 40 * 86_400_000


def test_every_claim_adds_up_and_can_be_paid(simulator: DingTalkSimulator) -> None:
    labels = {one.label for one in load_company().expense_items}
    separated = 0
    for instance in seen(simulator).values():
        form = fields(instance)
        assert set(form) >= LABELS
        assert {"TextNote_7L0ZKXODKW40", "TextNote-KDE5B2G3"} <= set(form)
        admin, project = rows(form["报销明细"]), rows(form["项目费用明细"])
        assert bool(admin) != bool(project)
        assert form["报销类别"]["value"] == ("行政报销" if admin else "项目报销")
        amounts = [row["报销金额(元)"] for row in admin] + [row["总金额"] for row in project]
        total = sum(Decimal(one.replace(",", "")) for one in amounts)
        assert Decimal(form["总金额"]["value"].replace(",", "")) == total > 0
        assert {row["费用明细"] for row in admin + project} <= labels
        claimant = load_company().employee(instance["originator_userid"])
        assert claimant is not None
        assert form["收款账号"]["value"] == claimant.name
        assert json.loads(form["收款账号"]["ext_value"])["name"] == claimant.name
        separated += "," in form["总金额"]["value"]
    assert separated > 3


def test_an_empty_table_shows_its_columns_on_the_old_api_only(simulator: DingTalkSimulator) -> None:
    for id, instance in seen(simulator).items():
        form = fields(instance)
        name = "项目费用明细" if rows(form["报销明细"]) else "报销明细"
        columns = json.loads(form[name]["value"])
        assert {tuple(sorted(one)) for one in columns} == {("componentName", "componentType", "props")}
        assert "ext_value" not in form[name]
        with simulator.reading() as store:
            context = Context(store, instances.to_ms(simulator.now(store)), load_company())
            serve = wire_new.APIS["GET", "/v1.0/workflow/processInstances"].serve
            new = serve(context, {"processInstanceId": id})["result"]["formComponentValues"]
        assert "value" not in next(one for one in new if one.get("name") == name)


def test_the_mix_and_what_time_does_to_it(simulator: DingTalkSimulator, tmp_path: Path) -> None:
    def mix() -> Counter[tuple[str, str]]:
        return Counter((one["status"], one.get("result", "")) for one in seen(simulator).values())

    assert mix() == {
        ("COMPLETED", "agree"): 29,
        ("COMPLETED", "refuse"): 3,
        ("TERMINATED", ""): 2,
        ("CANCELED", ""): 1,
        ("RUNNING", ""): 5,
    }
    for one in seen(simulator).values():
        assert ("finish_time" in one) == (one["status"] != "RUNNING")
    advance(tmp_path, timedelta(hours=2))
    assert mix()["RUNNING", ""] == 4
    advance(tmp_path, timedelta(days=40))
    assert mix()["RUNNING", ""] == 0
    assert mix()["COMPLETED", "agree"] == 29 + 5 + len(AMENDED)


def test_two_claims_are_revoked_and_changed_after_they_were_paid(
    simulator: DingTalkSimulator, tmp_path: Path
) -> None:
    before = seen(simulator)
    assert {one["biz_action"] for one in before.values()} == {"NONE"}
    assert not any(one["attached_process_instance_ids"] for one in before.values())
    advance(tmp_path, timedelta(days=3))
    after = seen(simulator)
    fresh = {id: one for id, one in after.items() if id not in before}
    assert sorted(one["biz_action"] for one in fresh.values()) == ["MODIFY", "REVOKE"]
    for id, one in fresh.items():
        main = after[one["main_process_instance_id"]]
        assert main["attached_process_instance_ids"] == [id]
        assert (main["status"], main["result"], main["biz_action"]) == ("COMPLETED", "agree", "NONE")
        assert main["business_id"] != one["business_id"]
    assert amendment(3, 1, START, make_claim(3, 1, START))["form"] == make_claim(3, 1, START)["form"]


def test_one_claim_says_null_in_words(simulator: DingTalkSimulator) -> None:
    said = [
        one
        for one in seen(simulator).values()
        if any(part.get("value") == "null" for part in one["form_component_values"])
    ]
    assert len(said) == 1
    assert said[0]["result"] == "agree"


def test_more_instances_are_added_to_those_that_are_there(
    simulator: DingTalkSimulator, tmp_path: Path
) -> None:
    before = seen(simulator)
    more = DingTalkSimulator(simulator.state, simulator.clock, {"instances": 45}, simulator.name)
    more.prepare()
    after = seen(simulator)
    assert len(after) == 45
    assert set(before) < set(after)


def test_the_other_form_is_as_untidy_as_forms_get(simulator: DingTalkSimulator) -> None:
    loans = seen(simulator, LOAN_CODE)
    assert len(loans) == COUNT
    tables = [
        part for one in loans.values() for part in one["form_component_values"] if part.get("name") == "表格"
    ]
    assert len(tables) == 2 * COUNT
    shapes = {tuple(row) for table in tables for row in rows(table)}
    assert len(shapes) > 1
    cells = [
        cell for table in tables for row in json.loads(table["value"]) for cell in row.get("rowValue", [])
    ]
    assert any(isinstance(cell["value"], list) for cell in cells)
    assert any("componentType" not in cell for cell in cells)
    assert {part["name"] for part in next(iter(loans.values()))["form_component_values"]} >= {
        '["开始时间","结束时间"]'
    }


@pytest.mark.parametrize(
    ("amount", "capital"),
    [
        ("1500.00", "壹仟伍佰元整"),
        ("0.05", "伍分"),
        ("10.05", "壹拾元零伍分"),
        ("1242.60", "壹仟贰佰肆拾贰元陆角整"),
        ("20030.07", "贰万零叁拾元零柒分"),
        ("100000000.00", "壹亿元整"),
        ("0.00", "零元整"),
    ],
)
def test_amounts_in_capital_writing(amount: str, capital: str) -> None:
    assert money.capital(Decimal(amount)) == capital
