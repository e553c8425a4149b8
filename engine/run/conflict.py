"""The stop signal of promise 1: the target holds something else under one of our keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from engine.ledger.rows import Delivery

__all__ = ["ConflictFound"]


class ConflictFound(ConfigurationError):
    """Nothing more is sent under this scheme until a human has decided."""

    kind = "conflict"

    def __init__(self, delivery: Delivery) -> None:
        name = delivery.number or delivery.source_id
        super().__init__(
            tr("'{number}': {reason}", number=name, reason=delivery.fault.reason if delivery.fault else ""),
            hint=tr(
                "compare both; when they agree, `engine records retry {scheme} {id}`; to take the target's "
                "as it is, `engine records adopt {scheme} {id} --reason …`; to leave it, "
                "`engine records skip …`",
                scheme=delivery.scheme,
                id=name,
            ),
        )
