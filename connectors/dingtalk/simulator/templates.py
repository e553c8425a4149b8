"""All forms of the sandbox by process code, in the order in which they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.dingtalk.simulator.form import EXPENSE, LOAN
from connectors.dingtalk.simulator.purchase import PURCHASE
from connectors.dingtalk.simulator.receipt import RECEIPT
from connectors.dingtalk.simulator.supplier_payment import SUPPLIER_PAYMENT
from connectors.dingtalk.simulator.travel import TRAVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.dingtalk.simulator.form import Form

__all__ = ["FORMS", "REQUESTS"]

REQUESTS = (TRAVEL, SUPPLIER_PAYMENT, PURCHASE, RECEIPT)

FORMS: Mapping[str, Form] = {form.code: form for form in (EXPENSE, LOAN, *(kind.form for kind in REQUESTS))}
