"""Is what the target has under our key our document? Organisation, payee and amount must agree."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.connector.api import Existing

__all__ = ["differences"]


def differences(
    ours: Mapping[str, str | Decimal], hits: Sequence[Existing], *, known_to_be_ours: bool
) -> str | None:
    """What speaks against adopting; None when nothing does.

    A document that this ledger sent itself (`known_to_be_ours`) may lack facts that the target does not
    tell; one that it never sent must show them all.
    """
    if len(hits) > 1:
        return tr(
            "{count} bills have this key: {ids}", count=len(hits), ids=", ".join(hit.id for hit in hits)
        )
    if hits[0].cancelled:
        return tr("it is cancelled in the target, and pays nothing")
    theirs = hits[0].facts
    found = []
    for name, value in ours.items():
        if name not in theirs:
            if not known_to_be_ours:
                found.append(tr("{name} cannot be compared", name=tr(name)))
        elif not _equal(value, theirs[name]):
            text = tr("{name} '{theirs}' instead of '{ours}'", name=tr(name), theirs=theirs[name], ours=value)
            found.append(text)
    return "; ".join(found) or None


def _equal(ours: str | Decimal, theirs: str | Decimal) -> bool:
    if isinstance(ours, Decimal) or isinstance(theirs, Decimal):
        return Decimal(str(ours)) == Decimal(str(theirs))
    return ours.strip() == theirs.strip()
