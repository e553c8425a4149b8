"""Values as a comparison names them."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.run.reconcile.model import Bill

__all__ = ["digits", "listed", "money", "unlike", "worth"]

_CENT = Decimal("0.01")
_EXACT = Context(prec=200)


def money(amount: Decimal) -> str:
    """An amount with two digits after the point, and more where it has more."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        amount = amount.normalize(_EXACT)
    return f"{amount.quantize(_CENT, context=_EXACT) if _two_at_most(amount) else amount:,f}"


def _two_at_most(amount: Decimal) -> bool:
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -2


def digits(amount: Decimal) -> str:
    """An amount for JSON: as `money` shows it, without separators."""
    return money(amount).replace(",", "")


def worth(value: str | Decimal) -> str:
    """A fact as text, an amount digit for digit."""
    return format(value.normalize(_EXACT), "f") if isinstance(value, Decimal) else str(value).strip()


def listed(bills: Sequence[Bill]) -> str:
    """Bills by number and id, with their amounts."""
    return ", ".join(
        f"{bill.number} (id {bill.id})" + (f" {money(bill.amount)}" if bill.amount is not None else "")
        for bill in bills
    )


def unlike(ours: Mapping[str, str | Decimal], bill: Bill) -> dict[str, tuple[str, str]]:
    """What a bill has otherwise than it should: name → (ours, theirs).

    What the target does not tell, or we do not state, is not compared, but for the amount: a bill whose
    amount nobody tells agrees with nothing.
    """
    found = {}
    for name, value in ours.items():
        theirs = bill.facts.get(name)
        if theirs is None and name == "amount":
            found[name] = (_shown(value), "?")
        elif theirs is not None and not _equal(value, theirs):
            found[name] = (_shown(value), _shown(theirs))
    return found


def _equal(ours: str | Decimal, theirs: str | Decimal) -> bool:
    if isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        return ours == theirs
    return str(ours).strip() == str(theirs).strip()


def _shown(value: str | Decimal) -> str:
    return money(value) if isinstance(value, Decimal) else str(value)
