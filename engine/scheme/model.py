"""A scheme as the engine holds it: frozen values, made by `engine.scheme.load` from a checked file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from pathlib import Path as FilePath

    from engine.errors import Position
    from engine.mapping.paths import Path
    from engine.mapping.rules import MappingSpec
    from engine.mapping.templates import Template
    from engine.nodes import Node

__all__ = [
    "CALLBACK",
    "CallbackSpec",
    "GuardSpec",
    "LifeSpec",
    "ParamSpec",
    "ParamType",
    "Scheme",
    "SourceSpec",
    "TableSpec",
    "TargetSpec",
    "TestSpec",
    "WindowSpec",
]

CALLBACK = "callback"
"""The interface of a source that is fed by another scheme's deliveries."""

ParamType = Literal["string", "integer", "decimal", "boolean", "date", "datetime"]


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One thing that whoever copies the scheme fills in. `default` is as written; None when there is none."""

    name: str
    type: ParamType
    position: Position
    label: str = ""
    description: str = ""
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """From which creation time the source is listed; every run goes back `overlap` before its watermark.

    `start` is a template or a text that gives a date, an ISO time, or so long before now (``-100d``).
    """

    start: Template | str
    overlap: timedelta
    position: Position


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What is read. `connection` is None for a callback scheme, whose `interface` is ``callback``.

    `request` is a tree of dicts, lists and leaves; a leaf is a Template (over `params`) or a constant.
    """

    connection: str | None
    interface: str
    id: Path
    number: Path
    position: Position
    request: Mapping[str, Any] = field(default_factory=dict)
    window: WindowSpec | None = None
    final: Template | None = None
    where: Template | None = None
    hold: Template | None = None
    autofill: bool = False


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A translation: inline `values`, a CSV `file`, or an `interface` of a `connection`; exactly one of them.

    `default` is as written; `has_default` tells a default of null from none. `keep` is how long a hit of an
    interface stays known.
    """

    name: str
    position: Position
    values: Mapping[str, Any] | None = None
    file: str | None = None
    connection: str | None = None
    interface: str | None = None
    key: str | None = None
    value: str | None = None
    default: Any = None
    has_default: bool = False
    keep: timedelta | None = None

    @property
    def is_live(self) -> bool:
        """True when a system is asked."""
        return self.interface is not None


@dataclass(frozen=True, slots=True)
class GuardSpec:
    """The most that one run may send: documents, and the sum of field `of` (``TABLE.FIELD`` or ``FIELD``)."""

    position: Position
    documents: int | None = None
    amount: Decimal | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What is written. `key` is the idempotency key's field; `until` None: the first stage."""

    connection: str
    interface: str
    key: str
    mapping: MappingSpec
    position: Position
    form: str | None = None
    batch: int | None = None
    until: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    guard: GuardSpec | None = None


@dataclass(frozen=True, slots=True)
class LifeSpec:
    """What is done when something happens to a record after its delivery, or instead of it.

    Each policy is ``alert``, ``hold``, ``act`` or ``ignore``, as far as the schema allows it. `date_field` is
    what `closed_period` moves when it acts. After its delivery a bill is looked at for as long as `watch`
    says, and an equal record counts as handed in again for as long as `reissued_within` says.
    """

    position: Position | None = None
    revoked: str = "alert"
    modified: str = "alert"
    reissued: str = "hold"
    reissued_within: timedelta = timedelta(days=21)
    bill_deleted: str = "alert"
    bill_unaudited: str = "alert"
    closed_period: str = "alert"
    date_field: str | None = None
    watch: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CallbackSpec:
    """A scheme that runs for each document that was delivered, or that failed.

    `data` maps the names of the callback's record to a Path or Template over this scheme's record, or to a
    constant.
    """

    scheme: str
    on: Literal["delivered", "failed"]
    data: Mapping[str, Any]
    position: Position


@dataclass(frozen=True, slots=True)
class TestSpec:
    """One expectation inside a scheme: a record, and what becomes of it.

    Exactly one of `document`, `skipped`, `held`, `waiting`, `error` is expected.
    """

    __test__ = False  # no test class, whatever pytest thinks of its name

    name: str
    position: Position
    record: Node | None = None
    record_file: str | None = None
    record_position: Position | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    document: Node | None = None
    skipped: bool = False
    held: bool = False
    waiting: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Scheme:
    """One scheme file. `hash` is of its text and its tables' files; `node` is the file as read."""

    id: str
    name: str
    file: FilePath
    hash: str
    source: SourceSpec
    target: TargetSpec
    node: Node
    description: str = ""
    params: Mapping[str, ParamSpec] = field(default_factory=dict)
    tables: Mapping[str, TableSpec] = field(default_factory=dict)
    life: LifeSpec = LifeSpec()
    callbacks: tuple[CallbackSpec, ...] = ()
    tests: tuple[TestSpec, ...] = ()

    @property
    def is_callback(self) -> bool:
        """True when the scheme reads another one's deliveries."""
        return self.source.interface == CALLBACK
