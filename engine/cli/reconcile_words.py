"""The words of a reconciliation in the user's language: causes, weights, headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import tr
from engine.run.reconcile.model import Cause, Weight

if TYPE_CHECKING:
    from engine.run.reconcile.model import Difference

__all__ = ["cause_word", "mark_text", "weight_word"]


def cause_word(cause: Cause) -> str:
    """A cause, as it heads a line."""
    return {
        Cause.NOT_AGREED: tr("not yet agreed"),
        Cause.LEFT_OUT: tr("left out by a condition"),
        Cause.SET_ASIDE: tr("set aside by hand"),
        Cause.UNDONE: tr("revoked, and its bill is gone"),
        Cause.NOT_READ: tr("not read by any run"),
        Cause.NOT_SENT: tr("not sent yet"),
        Cause.FAILED: tr("failed"),
        Cause.UNKNOWN: tr("unknown"),
        Cause.CONFLICT: tr("conflict"),
        Cause.DELETED: tr("bill deleted"),
        Cause.CANCELLED: tr("bill cancelled"),
        Cause.BY_HAND: tr("bill made by hand"),
        Cause.AMOUNT: tr("amount differs"),
        Cause.CHANGED: tr("bill changed by hand"),
        Cause.SCHEME: tr("scheme changed since"),
        Cause.NOT_AUDITED: tr("bill not audited yet"),
        Cause.TWO: tr("two bills for one claim"),
        Cause.REVOKED: tr("claim revoked after payment"),
        Cause.MODIFIED: tr("claim changed after payment"),
        Cause.AMENDED: tr("claim revoked or changed, not paid"),
        Cause.EARLY: tr("bill before the claim was agreed"),
        Cause.PAID_LEFT_OUT: tr("bill for a claim that is left out"),
        Cause.NOT_IN_LEDGER: tr("bill not in the ledger"),
        Cause.ELSEWHEN: tr("claim outside the period"),
    }[cause]


def weight_word(weight: Weight) -> str:
    """Whether something is to be done."""
    return {Weight.OPEN: tr("open"), Weight.EXPLAINED: tr("explained"), Weight.HANDLED: tr("handled")}[weight]


def mark_text(difference: Difference) -> str:
    """Who has dealt with a difference, when, and why."""
    mark = difference.mark
    if mark is None:
        return ""
    if not mark.by:
        return mark.reason
    return tr("{by}, {day}: {reason}", by=mark.by, day=f"{mark.at:%Y-%m-%d}", reason=mark.reason)
