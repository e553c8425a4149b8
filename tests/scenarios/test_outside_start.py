"""From when on to read must be said for what reads a window: not for a retry, nor for one record."""

from __future__ import annotations

from typing import Any

from outside_dingtalk import expense_form

SCHEME = "expense_to_paybill"


def test_a_retry_needs_no_start_date(world: Any) -> None:
    world.without_callback()
    world.connect(values={"params": {"process_code": "PROC-EXPENSE-SANDBOX"}})
    bad = world.claim("88.00", form=expense_form([("办公费", "2024-05-06", "88.00元")], "88.00"))

    assert world.run().code == 2
    assert world.run("--set", "start_date=-100d").counts["failed"] == 1

    scheme = world.folder / "schemes" / f"{SCHEME}.yaml"
    text = scheme.read_text(encoding="utf-8")
    mended = text.replace('"@.报销金额(元)"', "\"{{ row['报销金额(元)'] | replace('元', '') }}\"")
    assert mended != text
    scheme.write_text(mended, encoding="utf-8")
    shown = world.engine("preview", SCHEME, "--record", bad.number, "--json")
    assert shown.json["records"][0]["outcome"] == "retry", shown.err
    found = world.engine("records", "retry", SCHEME, bad.number, "--json")
    assert (found.code, found.counts["delivered"]) == (0, 1), found.err
    assert world.engine("preview", SCHEME, "--all").code == 2
