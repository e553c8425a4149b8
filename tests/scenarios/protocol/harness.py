"""A run in a test tube: the real lane, sender, settler and ledger, between scripted systems, on virtual time.

The systems (`Erp`, `Claims`) live in a `Bench` and outlive the processes; a process is one event loop whose
time jumps from timer to timer, so that hours pass at once, in the same order every time, and a hang shows
itself as an error. `Fate` ends a process at its n-th step, as kill -9 would: nothing is tidied up.
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from engine.clock import SHANGHAI
from engine.connector.api import (
    Accepted,
    Amendment,
    Answer,
    Duplicate,
    Existing,
    Gate,
    Item,
    NotSent,
    Outgoing,
    Page,
    Refused,
    Span,
    Unclear,
)
from engine.connector.catalog import Catalog
from engine.connector.environments import Connection
from engine.connector.limits import Limits
from engine.errors import EngineError, FailureClass, Position, RecordError, Unreachable
from engine.ledger import deliveries
from engine.ledger.open import open_ledger
from engine.ledger.port import InlineLedger
from engine.ledger.rows import Delivery, State
from engine.ledger.sql import make_engine
from engine.mapping.evaluator import Evaluator
from engine.mapping.mapper import Mapper
from engine.run import result as results
from engine.run.callback_rows import callback_system
from engine.run.lane import Bound, CallbackLane, Lane, Work
from engine.run.retry import Selection, choose_again, named, set_aside
from engine.run.runner import Options, run_lane
from engine.run.tables import Tables
from engine.run.tally import Brake, Tally
from engine.scheme.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from engine.ledger.port import LedgerPort, Transaction
    from engine.scheme.model import Scheme

START = datetime(2026, 11, 24, 9, 0, tzinfo=SHANGHAI)

SCHEME = """
version: 1
id: claims
name: claims
source:
  connection: dingtalk
  interface: topapi/processinstance/get
  request: {process_code: P}
  window: {start: "-10d", overlap: 24h}
  id: "$.id"
  number: "$.number"
  final: "{{ status != 'RUNNING' }}"
  where: "{{ status == 'COMPLETED' }}"
target:
  connection: kingdee
  interface: batchSave
  form: AP_PAYBILL
  key: FBillNo
  batch: 2
  until: audit
  mapping:
    FBillNo: "DD{{ number }}"
    FCONTACTUNIT: "$.payee"
    FAMOUNT: {value: "$.amount", type: decimal, required: true}
"""

CALLBACKS = """
callback:
  scheme: told
  on: delivered
  data: {id: "$.id", number: "$.number"}
"""

TOLD = """
version: 1
id: told
name: told
source: {interface: callback, id: "$.id", number: "$.number"}
target:
  connection: dingtalk
  interface: topapi/process/instance/comment/add
  key: text
  mapping:
    process_instance_id: "$.id"
    text: "paid as {{ result.number }}"
"""


_EMPTY = b""


class Crash(BaseException):
    """The process is gone."""


@dataclass(slots=True)
class Fate:
    """What a process has done, at which step it dies, and at which it is stopped for `pause` seconds."""

    at: int | None = None
    pause_at: int | None = None
    pause: float = 100.0
    steps: list[str] = field(default_factory=list)
    dead: bool = False

    async def step(self, what: str) -> None:
        if self.dead:
            raise Crash(what)
        self.steps.append(what)
        if len(self.steps) == self.pause_at:
            await asyncio.sleep(self.pause)
        if self.at is not None and len(self.steps) >= self.at:
            self.dead = True
            raise Crash(what)


class _Selector(selectors.DefaultSelector):
    """Never waits: what it is asked to wait for has passed when it returns."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("the run hangs: nothing is left to wait for")
        self.loop.passed += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time passes only by jumps to the next timer."""

    def __init__(self, passed: float) -> None:
        self.passed = passed
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.passed


class LoopClock:
    """The clock of a process on a virtual loop; `jump` moves the wall clock alone."""

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.loop = loop
        self.jump = timedelta()
        self._name = name
        self._ids = 0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time()) + self.jump

    def monotonic(self) -> float:
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        self._ids += 1
        return f"{self._name}-{self._ids}"


class MortalLedger:
    """A ledger whose process may die before or after each commit."""

    def __init__(self, inner: LedgerPort, fate: Fate) -> None:
        self.inner = inner
        self.fate = fate
        self.error_at: int | None = None
        self.error_for: int | None = None
        self.error: EngineError | None = None
        self.calls = 0

    async def do(self, work: Callable[[Transaction], Any]) -> Any:
        await asyncio.sleep(0)
        self.calls += 1
        if self.error is not None and self._is_away():
            raise self.error
        await self.fate.step("commit")
        value = await self.inner.do(work)
        await self.fate.step("committed")
        await asyncio.sleep(0)
        return value

    def _is_away(self) -> bool:
        at, lasts = self.error_at, self.error_for
        return at is not None and self.calls >= at and (lasts is None or self.calls < at + lasts)

    async def aclose(self) -> None:
        await self.inner.aclose()


# --- the systems ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Bill:
    id: str
    key: str
    payload: Mapping[str, Any]
    stage: str
    reached: list[str]


class Erp:
    """A target system. `unique` refuses a second bill under a key; `faults` befall its calls by their place.

    A fault is ``lost`` (done, not answered), ``late`` (done `delay` seconds after the client gave up),
    ``never`` (not done, not answered), ``unsent`` (provably not done), ``partly`` (the first one alone is
    done; nobody says so), ``refused``. `answers` are given by its calls of a kind, one after the other,
    without anything being done; None lets a call take its course.
    """

    def __init__(self, *, unique: bool, stages: tuple[str, ...], delay: float, settle: float) -> None:
        self.unique = unique
        self.stages = stages
        self.delay = delay
        self.settle = settle
        self.bills: list[Bill] = []
        self.faults: dict[int, str] = {}
        self.answers: dict[str, list[Answer | None]] = {}
        self.calls: list[str] = []
        self.closed_before = ""
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._ids = 0

    def keys(self) -> list[str]:
        return sorted(bill.key for bill in self.bills)

    def catch_up(self, now: float) -> None:
        """Let happen what was to happen by now."""
        due = [entry for entry in self._later if entry[0] <= now]
        self._later = [entry for entry in self._later if entry[0] > now]
        for _, effect in due:
            effect()

    def finish(self) -> None:
        """Let everything happen that was still to happen."""
        self.catch_up(float("inf"))

    def later(self, at: float, effect: Callable[[], None]) -> None:
        self._later.append((at, effect))

    def sends(self) -> int:
        """How often a document was sent."""
        return len(self.sent)

    def save(self, key: str, payload: Mapping[str, Any]) -> Bill | None:
        if self.unique and any(bill.key == key for bill in self.bills):
            return None
        self._ids += 1
        bill = Bill(str(self._ids), key, dict(payload), self.stages[0], [self.stages[0]])
        self.bills.append(bill)
        return bill

    def take_back(self, id: str) -> bool:
        """A submitted bill becomes a saved one, a saved one is gone; False where there is none such."""
        for bill in self.bills:
            if bill.id == id and bill.stage != self.stages[-1]:
                if bill.stage == self.stages[0]:
                    self.bills.remove(bill)
                else:
                    bill.stage = self.stages[0]
                return True
        return False

    def advance(self, id: str, stage: str) -> bool:
        """False when there is no such bill in the stage before."""
        before = self.stages[self.stages.index(stage) - 1]
        for bill in self.bills:
            if bill.id == id and bill.stage == before:
                bill.stage = stage
                bill.reached.append(stage)
                return True
        return False


class ErpTarget:
    """An `engine.connector.api.Target` of an `Erp`."""

    largest_batch = 100

    def __init__(
        self, erp: Erp, fate: Fate, clock: LoopClock, *, asking: str = "first", note: bool = False
    ) -> None:
        self.erp = erp
        self.fate = fate
        self.clock = clock
        self.asking = asking
        self.stages = erp.stages
        self.note = note
        self.find_errors: list[EngineError] = []
        self.before_gate: Callable[[], None] = lambda: None

    def turn(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        await self._out("find")
        self.erp.calls.append("find")
        if self.find_errors:
            raise self.find_errors.pop(0)
        self.erp.catch_up(self.clock.monotonic())
        found = {
            key: [
                Existing(bill.id, bill.key, bill.stage, self.facts(bill.payload))
                for bill in self.erp.bills
                if bill.key == key
            ]
            for key in keys
        }
        await self._back("found")
        return found

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Answer]:
        await self._out("send")
        self.before_gate()
        if not gate():
            return [NotSent("too old", FailureClass.TRANSIENT) for _ in documents]
        self.erp.sent += [(document.key, dict(document.payload)) for document in documents]
        return await self._happen("send", [lambda each=each: self._save(each) for each in documents])

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Answer]:
        await self._out(stage)
        return await self._happen(stage, [lambda each=each: self._advance(each, stage) for each in documents])

    async def by_id(self, ids: Sequence[str]) -> dict[str, Existing]:
        await self._out("by id")
        self.erp.catch_up(self.clock.monotonic())
        found = {
            bill.id: Existing(bill.id, bill.key, bill.stage, self.facts(bill.payload))
            for bill in self.erp.bills
            if bill.id in ids
        }
        await self._back("found by id")
        return found

    async def take_back(self, documents: Sequence[Existing], gate: Gate) -> list[Answer]:
        await self._out("take back")
        if not gate():
            return [NotSent("too old", FailureClass.TRANSIENT) for _ in documents]
        effects = [lambda each=each: self._take_back(each) for each in documents]
        return await self._happen("take back", effects)

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        text = payload.get(key_field)
        if self.note:
            return f"{payload.get('process_instance_id')}:{text}" if text else None
        return text

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        if self.note:
            return {}
        return {"payee": str(payload["FCONTACTUNIT"]), "amount": Decimal(str(payload["FAMOUNT"]))}

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        return None if self.note else Decimal(str(payload["FAMOUNT"]))

    # --- within

    def _save(self, document: Outgoing) -> Answer:
        bill = self.erp.save(document.key, document.payload)
        if bill is None:
            return Duplicate(f"{document.key} exists")
        return Accepted(bill.id, bill.key, key=bill.key)

    def _take_back(self, document: Existing) -> Answer:
        if self.erp.take_back(document.id):
            return Accepted(document.id, document.number)
        return Unclear(f"{document.number} is not there")

    def _advance(self, document: Existing, stage: str) -> Answer:
        dated = [str(bill.payload.get("FDATE", "9")) for bill in self.erp.bills if bill.id == document.id]
        if stage == "audit" and any(day < self.erp.closed_before for day in dated):
            return Refused("the period is closed", FailureClass.CONFIGURATION, period_closed=True)
        if self.erp.advance(document.id, stage):
            return Accepted(document.id, document.number)
        return Duplicate(f"{document.number} is not before {stage}")

    async def _happen(self, what: str, effects: Sequence[Callable[[], Answer]]) -> list[Answer]:
        erp = self.erp
        erp.calls.append(what)
        erp.catch_up(self.clock.monotonic())
        fault = erp.faults.get(len(erp.calls), "")
        scripted = erp.answers.get(what) or [None]
        said = scripted.pop(0)
        answers: list[Answer]
        if said is not None:
            await self._back(f"{what} answered")
            return [said for _ in effects]
        match fault:
            case "late":
                for effect in effects:
                    erp.later(self.clock.monotonic() + erp.delay, lambda effect=effect: (effect(), None)[1])
                answers = [Unclear("no answer") for _ in effects]
            case "never":
                answers = [Unclear("no answer") for _ in effects]
            case "unsent":
                answers = [NotSent("not connected", FailureClass.TRANSIENT) for _ in effects]
            case "refused":
                answers = [Refused("no", FailureClass.DATA) for _ in effects]
            case "partly":
                effects[0]()
                answers = [Unclear("no answer") for _ in effects]
            case "lost":
                for effect in effects:
                    effect()
                answers = [Unclear("no answer") for _ in effects]
            case _:
                answers = [effect() for effect in effects]
        await self._back(f"{what} answered")
        return answers

    async def _out(self, what: str) -> None:
        await self.fate.step(what)
        await asyncio.sleep(0)

    async def _back(self, what: str) -> None:
        await asyncio.sleep(0.05)
        await self.fate.step(what)


@dataclass(slots=True)
class Claims:
    """A source system: records by id, with the time of their making. `broken` spans fail, `gone` ids too."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: dict[str, datetime] = field(default_factory=dict)
    gets: list[str] = field(default_factory=list)
    pages: list[Span | None] = field(default_factory=list)
    page_errors: dict[int, Exception] = field(default_factory=dict)
    get_errors: dict[str, Exception] = field(default_factory=dict)
    longest: timedelta = timedelta(days=120)
    page_size: int = 3
    most: int | None = None
    """So many a listing gives at most, as it says; where it is `honest`, nothing of what is beyond."""
    honest: bool = True
    seconds: float = 0.01

    def add(self, id: str, *, age: timedelta = timedelta(hours=1), **fields: Any) -> None:
        self.records[id] = {
            "id": id,
            "number": f"N{id}",
            "status": "COMPLETED",
            "payee": "E1",
            "amount": "10.50",
        } | fields
        self.made[id] = START - age


class ClaimSource:
    """An `engine.connector.api.Source` over `Claims`."""

    family = ""

    def __init__(self, claims: Claims, fate: Fate, *, gets_each: bool = True) -> None:
        self.claims = claims
        self.most_items = claims.most
        self.fate = fate
        self.gets_each = gets_each
        self.longest_span: timedelta | None = claims.longest

    async def page(self, request: Mapping[str, Any], span: Span | None, cursor: Any) -> Page:
        await self.fate.step("page")
        await asyncio.sleep(self.claims.seconds)
        assert span is not None
        claims = self.claims
        claims.pages.append(span)
        error = claims.page_errors.pop(len(claims.pages), None)
        if error is not None:
            raise error
        ids = [id for id, made in claims.made.items() if span.start <= made < span.end]
        ids = ids[: claims.most] if claims.honest else ids
        start = int(cursor or 0)
        part = ids[start : start + claims.page_size]
        items = [Item(id, None if self.gets_each else dict(claims.records[id])) for id in part]
        more = start + claims.page_size
        return Page(tuple(items), more if more < len(ids) else None)

    def amends(self, record: Mapping[str, Any]) -> Amendment | None:
        of = record.get("of")
        return Amendment(of, revokes=record.get("action") == "REVOKE") if of else None

    def amended_by(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def content(self, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {"says": record["says"]} if "says" in record else None

    async def get(self, id: str) -> dict[str, Any]:
        await self.fate.step("get")
        await asyncio.sleep(0.01)
        self.claims.gets.append(id)
        if id in self.claims.get_errors:
            raise self.claims.get_errors[id]
        if id not in self.claims.records:
            raise RecordError("gone")
        return dict(self.claims.records[id])


class _Connector:
    """Gives the lane's own target again for other intents."""

    def __init__(self, target: ErpTarget) -> None:
        self._target = target

    def catalog(self) -> Any:
        return Catalog("kingdee", "kingdee", {}, {}, {})

    def target(self, interface: str, form: Any, options: Any) -> ErpTarget:
        assert form is not None
        return self._target


class _NoMeter:
    """Nobody counts."""


# --- the bench --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """How a run ended."""

    counts: dict[str, int]
    attention: int
    callbacks: dict[str, int]
    status: str
    code: int
    error: EngineError | None
    warnings: list[str]


class Process:
    """One process on the bench: its clock, fate, ledger, lanes; used within `Bench.play`."""

    def __init__(self, bench: Bench, loop: VirtualLoop, name: str, fate: Fate) -> None:
        self.bench = bench
        self.name = name
        self.fate = fate
        self.clock = LoopClock(loop, name)
        self.clock.jump = bench.jump
        self.ledger = MortalLedger(_ledger(bench.folder / "ledger.db"), fate)
        self.target = ErpTarget(bench.erp, fate, self.clock)
        self.notes = ErpTarget(bench.notes, fate, self.clock, asking=bench.notes_asking, note=True)
        self.work = self._work(f"{name}-run")
        self.lane = self._lane(bench.scheme)

    async def run(
        self, *, again: Selection | None = None, scheme: Scheme | None = None, **options: Any
    ) -> Told:
        """One run as a command does it, without its lease."""
        if scheme is not None:
            self.lane = self._lane(scheme)
        self.work = self._work(self.clock.new_id())
        if again is not None:
            chosen = await choose_again(self.lane, self.work, again)
            options |= {"only": chosen, "refetch": again.refetch}
        options.setdefault("start", self.clock.now() - timedelta(days=10))
        await run_lane(self.lane, self.work, Options(**options))
        return await self.told()

    async def told(self) -> Told:
        lane, work = self.lane, self.work
        system = callback_system(lane.scheme.id, lane.to.system)
        counted, open_, callbacks = await self.ledger.do(
            lambda tx: (
                results.counts(tx, lane, work.run),
                results.attention(tx, lane),
                results.callback_counts(tx, lane, system, work.run),
            )
        )
        status, code, error = results.conclude(work, counted, open_, callbacks)
        return Told(counted.as_json(), open_, callbacks, status, code, error, work.tally.warnings)

    def twin(self) -> Process:
        """Another process at the same time, with a fate of its own."""
        return Process(self.bench, self.clock.loop, f"{self.name}-twin", Fate())

    async def skip(self, *names: str) -> None:
        await self.ledger.do(
            lambda tx: set_aside(
                tx, named(tx, self.lane.scheme.id, self.lane.to.system, names), "by hand", self.clock.now()
            )
        )

    def _work(self, run: str) -> Work:
        return Work(run, "production", self.ledger, self.clock, Tally(), Brake())

    def _lane(self, scheme: Scheme) -> Lane:
        bench = self.bench
        if scheme.is_callback:
            return self._bare(scheme, self.notes, "dingtalk", bench.notes.settle)
        lane = self._bare(scheme, self.target, "kingdee", bench.erp.settle)
        told = [
            CallbackLane(
                spec, self._bare(bench.told[spec.scheme], self.notes, "dingtalk", bench.notes.settle)
            )
            for spec in scheme.callbacks
        ]
        return replace(
            lane,
            origin=self._bound("dingtalk", self.notes),
            source=ClaimSource(bench.claims, self.fate, gets_each=bench.gets_each),
            family="approval",
            request={"process_code": "P"},
            callbacks=tuple(told),
        )

    def _bare(self, scheme: Scheme, target: ErpTarget, system: str, settle: float) -> Lane:
        spec = scheme.target
        return Lane(
            scheme=scheme,
            params=self.bench.params,
            mapper=Mapper(spec.mapping),
            evaluator=Evaluator(monotonic=self.clock.monotonic),
            tables=Tables({}, {}, self.ledger, self.clock),
            table_defaults={},
            monotonic=self.clock.monotonic,
            to=self._bound(system, target),
            target=target,
            form=None,
            until=spec.until or target.stages[0],
            batch=min(spec.batch or 1, target.largest_batch) if not target.note else 1,
            settle=timedelta(seconds=settle),
        )

    def _bound(self, name: str, target: ErpTarget) -> Bound:
        connection = Connection(
            name=name,
            connector=name,
            settings={},
            limits=Limits(concurrency=2),
            environment="production",
            position=Position("connections.yaml"),
        )
        return Bound(connection, _Connector(target), name, _NoMeter())  # type: ignore[arg-type]


class Bench:
    """The systems, the ledger's file and the scheme; processes come and go with `play`."""

    def __init__(
        self,
        folder: Path,
        *,
        unique: bool = False,
        callbacks: bool = False,
        records: int = 5,
        scheme: str = SCHEME,
        notes_asking: str = "unclear",
    ) -> None:
        self.folder = folder
        self.passed = 0.0
        self.jump = timedelta()
        self.params: dict[str, Any] = {}
        self.gets_each = True
        self.erp = Erp(
            unique=unique,
            stages=("save", "submit", "audit"),
            delay=8.0,
            settle=5.0 if unique else 20.0,
        )
        self.notes_asking = notes_asking
        self.notes = Erp(unique=False, stages=("send",), delay=8.0, settle=20.0)
        self.claims = Claims()
        for number in range(1, records + 1):
            self.claims.add(str(number))
        self.told: dict[str, Scheme] = {}
        if callbacks:
            self.told["told"] = self.load("told", TOLD)
        self.text = scheme + (CALLBACKS if callbacks else "")
        self.scheme = self.load("claims", self.text)
        self._processes = 0

    def load(self, name: str, text: str) -> Scheme:
        path = self.folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        loaded = load_scheme(path)
        assert loaded.scheme is not None, loaded.findings
        return loaded.scheme

    def play(self, work: Callable[[Process], Coroutine[Any, Any, Any]], *, fate: Fate | None = None) -> Any:
        """Start a process and let it do `work` to its end. Crash comes out when its fate was to die."""
        loop = VirtualLoop(self.passed)
        self._processes += 1
        process = Process(self, loop, f"p{self._processes}", fate or Fate())
        try:
            return loop.run_until_complete(_plain(work(process)))
        finally:
            self.passed = loop.time()
            _bury(loop)
            process.fate.dead = True
            process.ledger.inner._engine.dispose()  # type: ignore[attr-defined]

    def run(self, **options: Any) -> Told:
        told: Told = self.play(lambda process: process.run(**options))
        return told

    def crash(self, at: int, **options: Any) -> bool:
        """Run until step `at`; False when the run ended before it came to that."""
        try:
            self.play(lambda process: process.run(**options), fate=Fate(at))
        except Crash:
            return True
        return False

    def rest(self, seconds: float) -> None:
        """Let time pass while no process runs."""
        self.passed += seconds
        self.erp.catch_up(self.passed)
        self.notes.catch_up(self.passed)

    def rows(self, scheme: str = "claims") -> dict[str, Delivery]:
        """The deliveries by source id, as the ledger has them."""

        async def read(process: Process) -> list[Delivery]:
            found: list[Delivery] = await process.ledger.do(
                lambda tx: deliveries.in_states(tx, scheme, None, list(State), limit=None)
            )
            return found

        return {row.source_id: row for row in self.play(read)}

    def settled(self, *, most: int = 6, **options: Any) -> Told:
        """Run again until all is well or it has been tried often enough."""
        told = self.run(**options)
        for _ in range(most - 1):
            if told.status == "success":
                break
            self.rest(200)
            told = self.run(**options)
        return told

    def assert_one_each(self, told: Told, records: int = 5) -> None:
        """One bill each, all stages once, nothing open, the counts add up."""
        self.erp.finish()
        self.notes.finish()
        assert self.erp.keys() == sorted(f"DDN{number}" for number in range(1, records + 1))
        assert [bill.reached for bill in self.erp.bills] == [["save", "submit", "audit"]] * records
        assert (told.status, told.code, told.attention) == ("success", 0, 0), told
        assert_adds_up(told)
        assert {row.state for row in self.rows().values()} <= {State.DONE}
        if self.told:
            wanted = [f"{number}:paid as DDN{number}" for number in range(1, records + 1)]
            assert self.notes.keys() == wanted


def assert_adds_up(told: Told) -> None:
    counts = dict(told.counts)
    assert counts.pop("fetched") == sum(counts.values())


def _ledger(path: Path) -> LedgerPort:
    """The ledger in a file, made from a copy of an empty one; the machine is not to lose its power here."""
    global _EMPTY
    if not path.exists():
        if not _EMPTY:
            asyncio.run(open_ledger(f"sqlite:///{path}", inline=True).aclose())
            _EMPTY = path.read_bytes()
        path.write_bytes(_EMPTY)
    engine = make_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return InlineLedger(engine)


async def _plain(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await work
    except BaseExceptionGroup as group:
        found: BaseException = group
        while isinstance(found, BaseExceptionGroup):
            crashed = [error for error in found.exceptions if not isinstance(error, asyncio.CancelledError)]
            found = (crashed or list(found.exceptions))[0]
        raise found from group


def _bury(loop: VirtualLoop) -> None:
    """What a dead process had under way is simply gone."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    for _ in range(50):
        pending = [task for task in asyncio.all_tasks(loop) if not task.done()]
        if not pending:
            break
        loop.run_until_complete(asyncio.wait(pending, timeout=0))
    loop.close()


__all__ = [
    "SCHEME",
    "START",
    "TOLD",
    "Accepted",
    "Bench",
    "Claims",
    "Crash",
    "Duplicate",
    "Fate",
    "NotSent",
    "Process",
    "Refused",
    "Selection",
    "Told",
    "Unclear",
    "Unreachable",
    "assert_adds_up",
]
