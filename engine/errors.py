"""The errors a user can meet, in one small tree, by what he can do about them.

    EngineError
    ├── UsageError          mend the command                          exit 2
    ├── SchemeError         mend the scheme, tables or settings       exit 2
    ├── ConfigurationError  mend the set-up of engine or target       exit 2
    ├── CredentialsError    mend the credentials                      exit 2
    ├── RecordError         mend the data, or the scheme that maps it (one record only)
    ├── QuotaSpent          wait for the next day or month            exit 1
    ├── Unreachable         wait; the system gave no usable answer    exit 3
    ├── UnclearOutcome      ask the target; nobody knows what it did
    └── LedgerError         mend the ledger's place, or wait          exit 2 or 3

A message names the thing in quotes, then the known values; `position` and `hint` are shown around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ConfigurationError",
    "CredentialsError",
    "EngineError",
    "FailureClass",
    "LedgerError",
    "Position",
    "QuotaSpent",
    "RecordError",
    "SchemeError",
    "UnclearOutcome",
    "Unreachable",
    "UsageError",
]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file, as editors count: lines and columns from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class FailureClass(StrEnum):
    """Why a record failed, by who can mend it; the words stand in the ledger and in JSON outputs."""

    DATA = "data"
    BASE_DATA_MISSING = "base data missing"
    CHANGED_AFTER_APPROVAL = "changed after approval"
    FORM_CHANGED = "form changed"
    CONFIGURATION = "configuration"
    CREDENTIALS = "credentials"
    LIMIT = "limit"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    REISSUED = "handed in again"
    BILL_CHANGED = "bill changed"


class EngineError(Exception):
    """Anything that is told to the user instead of shown as a traceback."""

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, position: Position | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint

    def __str__(self) -> str:
        placed = f"{self.position}: {self.message}" if self.position else self.message
        return f"{placed}\n  {self.hint}" if self.hint else placed


class UsageError(EngineError):
    """The command asks for something that does not exist or does not fit."""

    kind = "usage"


class SchemeError(EngineError):
    """A scheme, table or settings file is wrong. `others`: what else is, where the file could be read on."""

    kind = "scheme"
    others: tuple[SchemeError, ...] = ()

    @classmethod
    def of(cls, found: Sequence[SchemeError]) -> SchemeError:
        """The first of several, with the rest as its others."""
        found[0].others = tuple(found[1:])
        return found[0]

    @property
    def each(self) -> tuple[SchemeError, ...]:
        """This one and the others."""
        return (self, *self.others)


class ConfigurationError(EngineError):
    """The engine or a system is not set up for what is asked."""

    kind = "configuration"


class CredentialsError(EngineError):
    """A system refused the credentials or the permissions of its connection."""

    kind = "credentials"


class QuotaSpent(EngineError):
    """The calls allowed in this day or month are used up."""

    kind = "limit"
    exit_code = 1


class Unreachable(EngineError):
    """A system could not be reached, or gave no usable answer after retries."""

    kind = "transient"
    exit_code = 3


class UnclearOutcome(EngineError):
    """A write was sent and nobody can say from the answer whether it took effect."""

    kind = "unknown"
    exit_code = 1


class LedgerError(EngineError):
    """The ledger itself fails: no system is to blame, and without it a run does not go on."""

    kind = "configuration"


class RecordError(EngineError):
    """One record cannot become a document; the others go on.

    `field` is the target's path (``FPAYBILLENTRY[1].FCOSTID``), `label` its name in the form, `path` the
    source's path as the scheme has it.
    """

    kind = "data"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        failure: FailureClass = FailureClass.DATA,
        field: str | None = None,
        label: str | None = None,
        path: str | None = None,
        position: Position | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, position=position, hint=hint)
        self.failure = failure
        self.field = field
        self.label = label
        self.path = path
