"""What a clear no means: for the record, and for the rest of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, CredentialsError, FailureClass, QuotaSpent
from engine.ledger.rows import Fault

if TYPE_CHECKING:
    from engine.connector.api import Refused
    from engine.run.lane import Lane
    from engine.run.tally import Brake

__all__ = ["heed", "refusal"]


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


def heed(brake: Brake, message: str, failure: FailureClass) -> None:
    """Stop the run, or its sending, where going on with other documents makes no sense."""
    if failure is FailureClass.LIMIT:
        brake.stop_sending(QuotaSpent(message))
    elif failure is FailureClass.CREDENTIALS:
        brake.stop(CredentialsError(message))
    elif failure is FailureClass.CONFIGURATION:
        brake.stop(ConfigurationError(message))
