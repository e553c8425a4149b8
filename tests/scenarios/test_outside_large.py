"""A claim of ten thousand rows: one bill with all of them, and no harm to the claims beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

ROWS = 10_000


def test_a_claim_of_ten_thousand_rows_becomes_one_bill(world: Any) -> None:
    world.scheme()
    large = world.claim(rows=["0.01"] * (ROWS - 1) + ["7.25"])
    others = [world.claim("88.00"), world.claim("99.00")]
    found = world.run()
    assert found.code == 0, found.err
    assert found.few() == {"fetched": 3, "delivered": 3}
    assert world.kingdee.numbers() == {f"DD{claim.number}": 1 for claim in (large, *others)}
    assert found.json["amount"]["delivered"] == str(Decimal("0.01") * (ROWS - 1) + Decimal("7.25") + 187)
    (bill,) = [bill for bill in world.kingdee.bills if bill["number"] == f"DD{large.number}"]
    assert len(bill["model"]["FPAYBILLENTRY"]) == ROWS
