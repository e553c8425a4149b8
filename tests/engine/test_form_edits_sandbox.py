"""The sandbox's forms: edited while the shipped schemes are at work, and no alarm while they are not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from connectors.dingtalk.simulator.edits import edit_form
from connectors.dingtalk.simulator.form import EXPENSE_CODE
from engine.connector.simulator import SandboxState

SCHEME = "expense_to_paybill"
MARKET = "schemes/market/expense_to_paybill_v1/expense_to_paybill_v1.yaml"
DAY = 86_400


def edit(prompt: Any, component: str, **how: Any) -> None:
    """Somebody edited the form three weeks ago."""
    state = SandboxState(Path(prompt.folder) / ".engine" / "sandbox")
    with state.transaction() as store:
        since = round((time.time() - 20 * DAY) * 1000)
        edit_form(store.within("dingtalk"), EXPENSE_CODE, component, since, **how)
    state.close()


def failures(prompt: Any, scheme: str = SCHEME) -> list[dict[str, Any]]:
    found = prompt("records", "list", scheme, "--state", "failed", "--json").json["records"]
    return [row for row in found if row["class"] == "form changed"]


@pytest.mark.parametrize("scheme", [SCHEME, MARKET])
def test_the_shipped_schemes_are_never_stopped_for_nothing(fresh_prompt: Any, scheme: str) -> None:
    for arguments in (["--until", "-60d"], ["--until", "-30d"], ["--until", "-5d"], []):
        assert fresh_prompt("run", scheme, "--json", *arguments).json["counts"]["failed"] == 0
    fresh_prompt("sandbox", "advance", "40d")
    fresh_prompt("run", scheme, "--json")
    assert failures(fresh_prompt, Path(scheme).stem) == []
    assert fresh_prompt("preview", scheme, "--all", "--json").json["counts"]["failed"] == 0


CASES = [
    ("RecipientAccountField_6M3D", "收款人账号", "'收款账号' is called '收款人账号' now"),
    ("DDSelectField_2C8QK0", "费用类型", "'行政报销类型' is called '费用类型' now"),
    ("MoneyField_1FPZ", None, "it has no '总金额'"),
    ("TableField_5E1WQ8", "行政明细", "'报销明细' is called '行政明细' now"),
    ("TextField_9B4RD2", "用途", "'报销明细.费用明细' is called '用途' now"),
]


@pytest.mark.parametrize(("component", "label", "told"), CASES, ids=[case[0] for case in CASES])
def test_an_edited_form_is_told(fresh_prompt: Any, component: str, label: str | None, told: str) -> None:
    schemes = [SCHEME, MARKET] if component == CASES[0][0] else [SCHEME]
    for scheme in schemes:
        assert fresh_prompt("run", scheme, "--until", "-20d", "--json").json["counts"]["failed"] == 0
    edit(fresh_prompt, component, label=label)
    for scheme in schemes:
        assert fresh_prompt("run", scheme, "--json").code == 1
        stopped = failures(fresh_prompt, Path(scheme).stem)
        assert stopped
        assert all(told in row["reason"] for row in stopped), stopped


def test_a_field_that_is_suddenly_empty(fresh_prompt: Any) -> None:
    fresh_prompt("run", SCHEME, "--until", "-20d")
    edit(fresh_prompt, "RecipientAccountField_6M3D", empty=True)
    ended = fresh_prompt("run", SCHEME, "--json").json["counts"]
    stopped = failures(fresh_prompt)
    assert len(stopped) == ended["failed"] >= 3
    assert "'收款账号' is empty in" in stopped[0]["reason"]
