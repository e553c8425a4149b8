"""What a connector gives the engine, and what the engine gives a connector.

A connector author writes one class (`Connector`) and small objects for what it can do: a `Source` that
lists and gets, a `Lookup` that answers one key, a `Target` that asks, sends and takes a document on. All
else (order, retries of reads, limits, batches, ledger, progress) is the engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime, timedelta
    from decimal import Decimal

    from engine.connector.catalog import Catalog, Form
    from engine.connector.session import Session
    from engine.connector.settings import Connection
    from engine.errors import FailureClass

__all__ = [
    "Accepted",
    "Account",
    "Amending",
    "Amendment",
    "Answer",
    "Asking",
    "Choice",
    "Choosing",
    "Connector",
    "Contents",
    "Described",
    "Describing",
    "DescribingForms",
    "Duplicate",
    "Existing",
    "Formed",
    "Gate",
    "Item",
    "Listed",
    "Listing",
    "Lookup",
    "NotSent",
    "Outgoing",
    "Page",
    "Refused",
    "Retracting",
    "Source",
    "Span",
    "Target",
    "Unclear",
]

Gate = Callable[[], bool]
"""Asked right before the first byte of a write leaves; False keeps it from leaving."""

Asking = str
"""When a target is asked whether it has a key: ``first`` (before the first sending), ``unclear`` (only after
an unclear answer), ``never`` (it cannot be asked)."""


# --- reading ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of creation time to list, half open: start ≤ t < end. Both carry a zone."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a listing named: its id, and the whole record where the listing already holds it."""

    id: str
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing. `cursor` is opaque; None means that this was the last page.

    `fault` says what of the page could not be understood, though it was listed again: the rest of the listing
    goes on, and the span counts as not wholly listed.
    """

    items: tuple[Item, ...]
    cursor: Any = None
    fault: str | None = None


class SpanRefused(Exception):
    """The source will not list a span so old; the runner records it as a gap."""


class Source(Protocol):
    """One readable interface of a connection."""

    family: str
    """What kind of thing the records are, where that depends on the request; '' for the catalog's family."""

    gets_each: bool
    """True when a listing names ids only and each record is got by a call of its own."""

    longest_span: timedelta | None
    """Longest span one listing may cover; None when the interface knows no time window."""

    most_items: int | None
    """How many items one listing (all pages of a span) can give before the source cuts it off; the runner
    halves a span that reaches it."""

    async def page(self, request: Mapping[str, Any], span: Span | None, cursor: Any) -> Page:
        """One page; `cursor` is None at first. Raises SpanRefused, Unreachable, CredentialsError, QuotaSpent,
        ConfigurationError (a bad request field)."""

    async def get(self, id: str) -> dict[str, Any]:
        """One whole record by its id. Raises RecordError when the source says that it is bad or gone."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A record that takes an earlier one back (`revokes`), or changes it; `of` is the earlier one's id."""

    of: str
    revokes: bool


@runtime_checkable
class Amending(Protocol):
    """What a source may be besides: one whose records can change or revoke earlier ones of it."""

    def amends(self, record: Mapping[str, Any]) -> Amendment | None:
        """What this record does to an earlier one; None for a record of its own."""

    def amended_by(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """The ids of the records that were made to change or revoke this one, as far as it names them."""


@runtime_checkable
class Formed(Protocol):
    """What a source may be besides: one whose records are filled-in forms, which people may change any day.

    The engine then watches the labels that a scheme reads. A record's labels are its own keys, but for `id`,
    `title`, `extend` and those that begin with ``_``. Under `_components` stands the id of each label's
    component, and under `_columns` those of each table's columns, where an id outlives a change of label.
    """

    def created(self, record: Mapping[str, Any]) -> datetime | None:
        """When the record was made; it keeps the form of that day."""

    def choices(self, record: Mapping[str, Any]) -> Mapping[str, str]:
        """What was chosen, in fields that offer a choice; other fields may be shown by it, or left out."""


@runtime_checkable
class Contents(Protocol):
    """What a source may be besides: one that can tell whether two records say the same."""

    def content(self, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Who made the record and what it says, without what is another in every record (ids, numbers, times
        of approval, attachments). Equal for two records that ask for the same; None for one that says
        nothing."""


@dataclass(frozen=True, slots=True)
class Described:
    """A field of a source's records, as its system describes it: nobody has to have filled it in.

    `name` is its key in a record, or in a row of `table`; `id` outlives a change of label; `choices` are the
    values that it offers, where it offers any.
    """

    name: str
    label: str
    type: str = "string"
    table: str = ""
    id: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()


@runtime_checkable
class Describing(Protocol):
    """What a source may be besides: one whose system tells which fields its records have."""

    async def describe(self, request: Mapping[str, Any]) -> list[Described]:
        """The fields of what a request lists, in the order in which people see them; a table before its
        columns. Raises what reading raises."""


class Lookup(Protocol):
    """An interface that answers for one key; only those marked `lookup` in the catalog."""

    async def look_up(self, key: str) -> Mapping[str, Any] | None:
        """The entry of `key`, or None when the system has none (a failed call raises instead)."""


# --- writing ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One document on its way: its idempotency key and the exact payload that the ledger holds."""

    key: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Existing:
    """A document that the target already has.

    `stage` is how far it has come ('' when saved but further back than any stage, e.g. a draft);
    `facts` are what `Target.facts` gives for a payload: organisation, payee, amount, as far as known.
    """

    id: str
    number: str
    stage: str
    facts: Mapping[str, str | Decimal] = field(default_factory=dict)
    cancelled: bool = False
    """True for a document that was made void: it holds the key, and pays nothing."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A clear yes.

    `key` is the idempotency key as the target gave it back, or None where its answer does not hold it; the
    runner stops at a key that is not the one sent.
    """

    id: str
    number: str
    answer: Any = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A clear no to this one document, for a reason in its data or in the set-up.

    `period_closed`: because the accounting period of its date is closed; another date would be taken.
    """

    message: str
    failure: FailureClass
    field: str | None = None
    answer: Any = None
    period_closed: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The target says that it has this key already; the runner checks, then adopts."""

    message: str
    answer: Any = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing left this machine, or the target provably did not run it; it may be sent again at once."""

    message: str
    failure: FailureClass
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Neither yes nor no: sent, and no answer that can be trusted for this document."""

    message: str
    answer: Any = None


Answer = Accepted | Refused | Duplicate | NotSent | Unclear


class Target(Protocol):
    """One writable interface of a connection, for one form.

    `send` and `advance` never raise for what happened on the wire: they answer for each document, in order.
    A LedgerError they let through: the engine could not count the call.
    """

    stages: tuple[str, ...]
    """The stages in order, the first made by `send`, the others by `advance`: ('save', 'submit', 'audit')."""

    asking: Asking
    largest_batch: int

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        """What the target has under these keys, in all states; one call for all of them. A key it does not
        have is absent or has an empty list. Raises when the answer is not to be trusted: never 'none'."""

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Entered before an intent is committed: waits for the turn and slot of the next `send` (its limits
        and concurrency), so that nothing waits between the commit and the first byte."""

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Answer]:
        """Write new documents; exactly one request, never repeated here. `gate` goes to `Session.call`, which
        asks it right before the first byte: False means that the claim has grown old, and answers NotSent."""

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Answer]:
        """Take saved documents one stage on, by id."""

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        """The idempotency key of a payload: the text in `key_field`, with what makes it unique in the target
        (a comment's key holds its instance id); None where the field is missing or empty."""

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        """Organisation, payee and amount of a payload, as far as it states them, to compare with
        `Existing.facts`; the keys are names a person reads."""

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        """What the document is worth, for summaries; None where it has no amount."""


@runtime_checkable
class Retracting(Protocol):
    """What a target may be besides: one whose documents can be taken back while they are harmless."""

    async def by_id(self, ids: Sequence[str]) -> dict[str, Existing]:
        """Those of some documents that are still there, under whatever number; raises as `find` does."""

    async def take_back(self, documents: Sequence[Existing], gate: Gate) -> list[Answer]:
        """Take documents one step back, by id: a submitted one becomes a saved one, a saved one is gone.

        One that has come to the last of several stages is refused. All have the same stage; `gate` as in
        `send`.
        """


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of the target as it stands there, for a comparison of both sides.

    `key` is the text in the scheme's key field ('' where it is empty), `day` the document's own date,
    `cancelled` true where it is kept, but counts no more (作废), `changed` when it was last changed.
    """

    existing: Existing
    key: str
    day: date | None = None
    cancelled: bool = False
    changed: datetime | None = None


@runtime_checkable
class Listing(Protocol):
    """What a target may be besides: one whose documents can be listed, so that both sides can be compared."""

    def list_documents(self, since: datetime, until: datetime, key_field: str) -> AsyncIterator[Listed]:
        """All documents of the form, whoever made them, whose own date lies in since ≤ t < until.

        Each once, however many change meanwhile. Raises rather than leave one out in silence.
        """

    def find_documents(self, key_field: str, keys: Sequence[str]) -> AsyncIterator[Listed]:
        """The documents under these keys, whatever their date."""

    def day_of(self, payload: Mapping[str, Any]) -> date | None:
        """The date that a payload gives its document."""


# --- choosing -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a person may choose, and what people call it."""

    value: str
    label: str


@runtime_checkable
class Choosing(Protocol):
    """What a connector may be besides: one that can say what there is to choose from, for the wizard."""

    async def choices(self, kind: str) -> list[Choice]:
        """What there is of a kind (approval templates, departments, a base data form), in the order to show.

        Raises ConfigurationError for a kind that it does not know, and what reading raises.
        """


@runtime_checkable
class DescribingForms(Protocol):
    """What a connector may be besides: one whose system tells the fields of any form that it writes."""

    async def describe_form(self, name: str) -> Form:
        """A form as it is set up there. Raises ConfigurationError for one that it does not have, and what
        reading raises."""


# --- the connector ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """What a connection reaches, for banners: never a secret."""

    host: str
    account: str


class Connector(ABC):
    """One system's connection. Found by entry point ``engine.connectors``; made once a run.

    Class attributes are read without any instance: `catalog` (interfaces, forms, settings) and `simulator`,
    the import path ``package.module:Class`` of a `engine.connector.simulator.Simulator`, or None.
    """

    name: ClassVar[str]
    simulator: ClassVar[str | None] = None
    usual_rate: ClassVar[Decimal | None] = None
    """Calls a second that the vendor allows each interface; used where a connection gives no `per_second`."""

    def __init__(self, connection: Connection, session: Session) -> None:
        self.connection = connection
        self.session = session

    @classmethod
    @abstractmethod
    def catalog(cls) -> Catalog:
        """The interfaces, forms and settings; loaded on first use."""

    @classmethod
    def creation_time(cls, name: str) -> datetime | None:
        """When a record was made, where its id or number tells; None where it does not."""
        return None

    @abstractmethod
    def identity(self) -> str:
        """The system reached, for ledger keys: stable over ports, environments and credentials' renewal."""

    @abstractmethod
    def account(self) -> Account:
        """Host and account, as a person knows them."""

    @abstractmethod
    async def check(self) -> None:
        """Log in, and do nothing else. Raises CredentialsError or Unreachable."""

    def source(self, interface: str, request: Mapping[str, Any]) -> Source:
        """The reading side of an interface; `request` is the scheme's, rendered."""
        raise NotImplementedError(f"{self.name} has no source {interface}")

    def lookup(self, interface: str) -> Lookup:
        """An interface marked `lookup` in the catalog."""
        raise NotImplementedError(f"{self.name} has no lookup {interface}")

    def target(self, interface: str, form: Form | None, options: Mapping[str, Any]) -> Target:
        """The writing side of an interface."""
        raise NotImplementedError(f"{self.name} has no target {interface}")
