"""A scheme's `life` in the sandbox that ships: a closed period, a revocation, a bill deleted there."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import datetime
from typing import Any

import pytest

from engine.clock import SHANGHAI

SCHEME = "expense_to_paybill"
FILE = f"schemes/{SCHEME}.yaml"


@pytest.fixture
def sandbox(prompt: Any) -> Any:
    """The prompt, with its sandbox begun anew and its scheme as it ships."""
    shipped = (prompt.folder / FILE).read_text(encoding="utf-8")

    def set_up(life: str, *, until: str = "audit", kingdee: str = "") -> Any:
        text = shipped.replace("until: audit", f"until: {until}")
        text = re.sub(r"^life:\n(?:  .*\n)+", f"life: {{{life}}}\n", text, flags=re.MULTILINE)
        (prompt.folder / FILE).write_text(text, encoding="utf-8")
        (prompt.folder / "connections.yaml").write_text(
            "environments:\n  sandbox:\n"
            "    dingtalk: {connector: dingtalk, simulator: {seed: 1, instances: 40}}\n"
            f"    kingdee: {{connector: kingdee, simulator: {{{kingdee}}}}}\n",
            encoding="utf-8",
        )
        assert prompt("sandbox", "reset").code == 0
        return prompt

    yield set_up
    (prompt.folder / FILE).write_text(shipped, encoding="utf-8")


def bills(prompt: Any) -> dict[str, dict[str, Any]]:
    with sqlite3.connect(prompt.folder / ".engine/sandbox/state.db") as state:
        found = state.execute("SELECT doc FROM docs WHERE kind = 'kingdee/bill/AP_PAYBILL'").fetchall()
    state.close()
    docs = [json.loads(doc) for (doc,) in found]
    return {doc["number"]: doc for doc in docs}


def delete_bill(prompt: Any, number: str) -> None:
    """As an accountant would, in the simulated Kingdee."""
    with sqlite3.connect(prompt.folder / ".engine/sandbox/state.db") as state:
        found = state.execute("SELECT key, doc FROM docs WHERE kind = 'kingdee/bill/AP_PAYBILL'").fetchall()
        (key,) = [key for key, doc in found if json.loads(doc)["number"] == number]
        state.execute("DELETE FROM docs WHERE kind = 'kingdee/bill/AP_PAYBILL' AND key = ?", (key,))
        state.execute("DELETE FROM docs WHERE kind = 'kingdee/number/AP_PAYBILL' AND key = ?", (number,))
    state.close()


def test_a_closed_period_fails_with_its_advice(sandbox: Any) -> None:
    prompt = sandbox("watch: 30d", kingdee='closed_before: "2999-01-01"')
    found = prompt("run", SCHEME, "--json")
    failed = found.json["counts"]["failed"]
    assert found.code == 1
    assert failed > 5
    listed = prompt("records", "list", SCHEME, "--class", "configuration", "--json").json["records"]
    assert len(listed) == failed
    told = prompt("records", "list", SCHEME, "--class", "configuration").out
    assert told.endswith("\nengine help configuration tells more\n")
    assert "open the period in the target" in prompt("why", listed[0]["number"]).out


def test_a_closed_period_moves_the_dates(sandbox: Any) -> None:
    today = datetime.now(SHANGHAI).strftime("%Y-%m-%d")
    prompt = sandbox("closed_period: act, date_field: FDATE", kingdee=f'closed_before: "{today}"')
    found = prompt("run", SCHEME, "--json")
    assert found.json["counts"]["failed"] == 0, found.json
    delivered = found.json["counts"]["delivered"]
    kept = bills(prompt)
    assert len(kept) == delivered > 5
    assert {(doc["status"], doc["values"]["FDATE"][:10] >= today) for doc in kept.values()} == {("C", True)}
    calls = found.json["calls"]["kingdee"]
    assert calls["CancelAssign"] == calls["Delete"] > 5


@pytest.mark.parametrize("until", ["save", "submit"])
def test_the_sandboxs_revocation_takes_its_bill_back(sandbox: Any, until: str) -> None:
    prompt = sandbox("revoked: act", until=until)
    assert prompt("run", SCHEME, "--json").code == 0
    before = bills(prompt)
    prompt("sandbox", "advance", "30h")
    found = prompt("run", SCHEME, "--json")
    assert found.code == 0, found.json
    (gone,) = before.keys() - bills(prompt).keys()
    told = prompt("why", gone.removeprefix("DD")).out
    assert f"bill '{gone}' was taken back" in told
    prompt("sandbox", "advance", "10d")
    prompt("run", SCHEME)
    assert gone not in bills(prompt)


@pytest.mark.parametrize("policy", ["alert", "act"])
def test_a_bill_that_is_deleted_in_the_sandbox(sandbox: Any, policy: str) -> None:
    prompt = sandbox(f"bill_deleted: {policy}")
    prompt("run", SCHEME, "--json")
    number = sorted(bills(prompt))[0]
    delete_bill(prompt, number)
    assert prompt("run", SCHEME, "--json").code == 0
    prompt("sandbox", "advance", "2h")
    assert prompt("run", SCHEME, "--json").code == 0
    found = prompt("run", SCHEME, "--recheck", "--json", language="zh")
    assert (found.code, found.json.get("alerts", 0)) == ((1, 1) if policy == "alert" else (0, 0)), found.json
    assert (number in bills(prompt)) == (policy == "act")
    told = prompt("why", number.removeprefix("DD"), language="zh").out
    assert f"单据“{number}”在目标系统里被删除" in told
    if policy == "alert":
        said = prompt("run", SCHEME, language="zh")
        assert "1 张已写入的单据后来有变" in said.out
        number = number.removeprefix("DD")
        handled = prompt("records", "handle", SCHEME, number, "--reason", "已改为现金支付", language="zh")
        assert handled.code == 0, handled.err
        assert prompt("run", SCHEME, "--json").code == 0
