"""What a clear no means: for the record, and for the rest of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, CredentialsError, FailureClass, QuotaSpent
from engine.ledger.rows import Fault

if TYPE_CHECKING:
    from engine.connector.api import Refused
    from engine.run.lane import Lane
    from engine.run.tally import Brake

__all__ = ["CLOSED", "heed", "period_note", "refusal"]

CLOSED = "period_closed"
"""Marks, in the event of a refusal, that the accounting period of the document's date is closed."""


def refusal(lane: Lane, answer: Refused) -> Fault:
    """A refusal as the ledger keeps it, placed at the scheme's target, with the form's label of the field."""
    position = lane.scheme.target.position
    known = lane.form.field(tuple(answer.field.split("."))) if lane.form and answer.field else None
    return Fault(
        answer.message,
        answer.failure,
        field=answer.field,
        label=known.label if known else None,
        file=position.file,
        line=position.line,
    )


def period_note(answer: Refused) -> dict[str, bool]:
    """What the event of a refusal says besides: that the period is closed, if it is."""
    return {CLOSED: True} if answer.period_closed else {}


def heed(brake: Brake, message: str, failure: FailureClass) -> None:
    """Stop the run, or its sending, where going on with other documents makes no sense."""
    if failure is FailureClass.LIMIT:
        brake.stop_sending(QuotaSpent(message))
    elif failure is FailureClass.CREDENTIALS:
        brake.stop(CredentialsError(message))
    elif failure is FailureClass.CONFIGURATION:
        brake.stop(ConfigurationError(message))
