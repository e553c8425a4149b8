"""One history: a storm over one to three engine processes, then calm runs until nothing changes any more."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

import engine.run.execute
import engine.run.setup
from dst.checks import verdicts
from dst.clock import SimClock, WallClock
from dst.dingtalk import Claim, DingTalk
from dst.history import History
from dst.kingdee import Kingdee
from dst.ledger import SimLedger, fresh_database
from dst.loop import Deadlock, Process, SimLoop, TooLong, current_process
from dst.network import Network, SimTransport
from dst.setup import Setup, choice_for, due_by, scheme_files, scheme_named
from engine.errors import EngineError, QuotaSpent
from engine.ledger import deliveries
from engine.ledger.rows import State
from engine.run.execute import Request, execute
from engine.run.result import RunResult
from engine.run.retry import Selection, set_aside
from engine.run.runner import Options
from engine.run.workplace import Outside, Workplace

__all__ = ["Outcome", "World", "play"]

_MOST_CALM_RUNS = 40
_JUMPS = (-86400.0, -7200.0, -60.0, -1.0, 0.0, 0.0, 1.0, 60.0, 7200.0, 86400.0 * 3)
_LONGEST_RUN = 6 * 3600.0


@dataclass(slots=True)
class Outcome:
    """How a history went. `violations` is empty for a sound engine."""

    seed: int
    unique: bool
    violations: list[str]
    digest: str
    history: History
    runs: int
    seconds: float
    steps: int
    bills: int
    refused_twice: int

    def report(self) -> str:
        """The whole history, for a person."""
        target = "unique numbers" if self.unique else "no unique numbers"
        head = [f"seed {self.seed}, {target}:", *(f"  * {text}" for text in self.violations), ""]
        return "\n".join([*head, *self.history.lines()])


@dataclass(slots=True)
class World:
    """All that one history consists of."""

    setup: Setup
    folder: Path
    most_steps: int = 400_000
    loop: SimLoop = field(init=False)
    random: Random = field(init=False)
    history: History = field(init=False)
    wall: WallClock = field(init=False)
    dingtalk: DingTalk = field(init=False)
    kingdee: Kingdee = field(init=False)
    network: Network = field(init=False)
    database: Any = field(init=False)
    schemes: dict[str, str] = field(init=False)
    """The files of the schemes that run, by id."""
    problems: list[str] = field(default_factory=list)
    results: list[RunResult] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    """Source ids of records that a person has set aside."""
    runs: int = 0
    _names: int = 0

    def __post_init__(self) -> None:
        setup = self.setup
        self.schemes = scheme_files(self.folder, setup.schemes)
        self.random = Random(f"world {setup.seed}/{setup.unique}")
        self.loop = SimLoop(self._dice(), most_steps=self.most_steps)
        self.history = History(self.loop)
        self.wall = WallClock(self.loop)
        storm = setup.storm
        self.dingtalk = DingTalk(
            self.history, storm, self._dice(), self.wall.true, setup.month_limit, setup.largest_page
        )
        self.kingdee = Kingdee(self.history, storm, self._dice(), self.wall.true, unique=setup.unique)
        self.network = Network(self.loop, self.history, storm, self._dice(), setup.life)
        self.database = fresh_database()
        self.loop.before_step = self._before_step
        for claim in setup.claims:
            self.dingtalk.add(claim)
            if setup.foreign is not None and claim.id == setup.foreign[0]:
                self._make_by_hand(claim, different=setup.foreign[1])

    # --- the weather ----------------------------------------------------------------------------------

    async def live(self) -> None:
        """The whole history."""
        setup = self.setup
        self.history.note(
            "seed {}: {} processes, {} claims, {}",
            setup.seed,
            setup.processes,
            len(setup.claims),
            "unique numbers" if setup.unique else "no unique numbers",
        )
        shifts = [self._shift(number) for number in range(setup.processes)]
        await asyncio.gather(*shifts)
        setup.storm.raging = False
        self.wall.jump = timedelta()
        self.history.note("--- calm ---")
        await asyncio.sleep(max(setup.life, 60.0) + 40.0)
        await self._calm()

    async def _shift(self, number: int) -> None:
        """What starts the engine again and again, as cron does."""
        await asyncio.sleep(self.random.uniform(0.0, 30.0))
        while self.loop.time() < self.setup.storm_seconds:
            await self.run_once()
            await asyncio.sleep(self.random.choice((1.0, 30.0, 120.0, 300.0)) * self.random.uniform(0.5, 1.5))

    async def _calm(self) -> None:
        before, same = "", 0
        for _ in range(_MOST_CALM_RUNS):
            results = [await self.run_once(Request(file)) for file in self.schemes.values()]
            now = self._ledger_now()
            over = self.wall.true() > due_by(self.setup) + timedelta(days=1)
            spent = any(result is not None and _met_the_quota(result) for result in results)
            same = same + 1 if now == before and over and not spent and not self._waiting() else 0
            before = now
            if self._decide():
                same = 0
            elif same >= 1:
                return
            await asyncio.sleep(86400.0 * (32 if spent else 1.1))
        self.problems.append(f"after {_MOST_CALM_RUNS} calm runs it is not over")

    # --- one process ----------------------------------------------------------------------------------

    async def run_once(self, request: Request | None = None) -> RunResult | None:
        """Start the engine, and wait until it ends or dies; what is asked of it is drawn where not given."""
        self._names += 1
        self.runs += 1
        process = Process(f"engine{self._names}")
        dead = asyncio.Event()
        ended: list[RunResult] = []
        context = self.loop.nowhere.copy()
        context.run(current_process.set, process)
        task = self.loop.create_task(self._main(process, ended, request), context=context)
        task.add_done_callback(lambda _: dead.set(), context=self.loop.nowhere)
        began = self.loop.time()
        while not dead.is_set() and process.alive:
            with_limit = asyncio.wait_for(dead.wait(), 5.0)
            try:
                await with_limit
            except TimeoutError:
                if self.loop.time() - began > _LONGEST_RUN:
                    self.problems.append(f"{process.name} has not ended in six hours")
                    self.loop.kill(process)
        if not process.alive:
            self.history.note("{} is dead", process.name)
        return ended[0] if ended else None

    async def _main(self, process: Process, ended: list[RunResult], request: Request | None) -> None:
        setup = self.setup
        clock = SimClock(self.loop, self.wall, self._dice())
        ledger = SimLedger(self.database, self.loop, self.history, setup.storm, self._dice(), process)
        hosts = {"dingtalk": self.dingtalk, "kingdee": self.kingdee}
        outside = Outside(
            clock,
            ledger,
            lambda connection: SimTransport(self.network, hosts[connection.name], setup.timeout),
        )
        self.history.note("starts")
        try:
            async with Workplace(choice_for(setup, self.folder), outside) as place:
                result = await execute(place, request or self._any_request())
        except EngineError as error:
            self.history.note("ends: {}: {}", type(error).__name__, error.message)
        except Exception as error:
            if not process.alive:
                raise  # a killed process falls apart without a loop around it: nobody is there to see it
            self.history.note("FAILS: {!r}", error)
            self.problems.append(f"{process.name}: {error!r} escaped")
            if setup.seed < 0:
                raise
        else:
            ended.append(result)
            self.results.append(result)
            self.history.note(
                "ends: {} {} attention {}{}",
                result.status,
                result.counts.as_json(),
                result.attention,
                f" ({result.message})" if result.message else "",
            )

    def _any_request(self) -> Request:
        """What people and cron ask for while things go wrong: mostly a plain run."""
        draw = self.random.random
        options = Options(
            recheck=draw() < 0.15,
            limit=self.random.randint(1, 4) if draw() < 0.1 else None,
            since=self.wall.now() - timedelta(days=2) if draw() < 0.1 else None,
            settle_wait=self.random.choice((None, None, 0.0, 10.0)),
        )
        again = Selection(failed=True) if draw() < 0.08 else None
        files = list(self.schemes.values())
        return Request(self.random.choice(files), options=options, again=again)

    def _before_step(self, process: Process) -> None:
        setup = self.setup
        storm = setup.storm
        if storm.strikes("crash"):
            self.history.fault("crash", "{}", process.name)
            self.loop.kill(process)
        elif storm.strikes("pause"):
            seconds = self.random.choice((1.0, 5.0, 40.0, 300.0)) * self.random.uniform(0.5, 1.5)
            self.history.fault("pause", "{} for {:.1f} s", process.name, seconds)
            process.paused_until = self.loop.time() + seconds
        elif storm.strikes("clock jump"):
            jump = self.random.choice(_JUMPS) * self.random.uniform(0.5, 1.5)
            before = self.wall.jump.total_seconds()
            self.wall.jump = timedelta(seconds=jump if setup.clock_may_gain else min(jump, before))
            self.history.fault("clock jump", "the wall clock is off by {}", self.wall.jump)

    # --- people ---------------------------------------------------------------------------------------

    def _make_by_hand(self, claim: Claim, *, different: bool) -> None:
        amounts = [*claim.amounts[:-1], claim.amounts[-1] + (Decimal("0.01") if different else 0)]
        payload = {
            "FPAYORGID": {"FNumber": "100"},
            "FCONTACTUNIT": {"FNumber": f"E{claim.person[-4:]}"},
            "FPAYBILLENTRY": [{"FPAYTOTALAMOUNTFOR": amount} for amount in amounts],
        }
        self.kingdee.make_by_hand(f"DD{claim.number}", payload)

    def _decide(self) -> bool:
        """Set conflicts aside, as a person would who has looked at them; whether there were any."""
        with self.database.begin() as tx:
            found = [
                delivery
                for scheme in self.schemes
                for delivery in deliveries.in_states(tx, scheme, None, [State.UNKNOWN], failure="conflict")
            ]
            set_aside(tx, found, "paid by hand", self.wall.now())
        for delivery in found:
            self.decided.add(delivery.source_id)
            self.history.note("a person sets {} aside: {}", delivery.number, delivery.fault)
        return bool(found)

    # --- small things ---------------------------------------------------------------------------------

    def _dice(self) -> Random:
        return Random(self.random.getrandbits(64))

    def _ledger_now(self) -> str:
        """Where every delivery stands, as one word."""
        with self.database.begin() as tx:
            rows = tx.execute(
                text("SELECT id, state, stage, failure, attempts, target_id FROM deliveries ORDER BY id")
            )
            return sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()

    def _waiting(self) -> bool:
        with self.database.begin() as tx:
            return bool(tx.scalar(text("SELECT count(*) FROM deliveries WHERE state = 'waiting'")))

    def alive(self, owner: str) -> bool:
        """Whether the holder of a lease still runs, as far as `engine.run.owner` could tell."""
        name = owner.partition("|")[2]
        return all(process.name != name for process in self.loop.graveyard)


def _met_the_quota(result: RunResult) -> bool:
    """Whether a run, or its callbacks, found the month's calls used up: nothing moves before the next."""
    return isinstance(result.error, QuotaSpent) or any("90020" in text for text in result.warnings)


@contextmanager
def played(world: World) -> Iterator[None]:
    """Play a world within: its loop is buried and closed at the end, with all that is left in it."""
    gc.disable()
    gc.freeze()  # what is there by now stays: collecting after each history looks at that history only
    try:
        with _owners(world):
            yield
    finally:
        world.history.closed = True
        world.loop.bury()
        world.loop.close()
        gc.enable()


def play(setup: Setup, folder: Path, check: Callable[[World], list[str]] = verdicts) -> Outcome:
    """Play a history and judge it."""
    world = World(setup, folder)
    loop = world.loop
    with played(world):
        try:
            loop.run_until_complete(world.live())
        except Deadlock:
            world.problems.append("deadlock: everything waits for ever")
        except TooLong as error:
            world.problems.append(f"too long: {error}")
    violations = [*world.problems, *loop.problems, *check(world)]
    return Outcome(
        setup.seed,
        setup.unique,
        violations,
        world.history.digest(),
        world.history,
        world.runs,
        loop.time(),
        loop.steps,
        len(world.kingdee.bills),
        world.kingdee.refused_twice,
    )


@contextmanager
def _owners(world: World) -> Iterator[None]:
    """Let the engine see this world's processes instead of the machine's, and read the scheme once."""

    def own_name(run: str) -> str:
        process = current_process.get()
        return f"{run}|{process.name if process else ''}"

    def is_dead(owner: str) -> bool:
        return world.setup.knows_the_dead and not world.alive(owner)

    kept = (engine.run.execute.own_name, engine.run.execute.is_dead, engine.run.execute.LEASE_WAIT)
    schemes = (engine.run.execute.checked_scheme, engine.run.setup.checked_scheme)
    from dst.setup import _checked

    for name in world.schemes.values():
        _checked(name)
        _checked(str(Path(name).with_name("paybill_writeback.yaml")))
    engine.run.execute.own_name, engine.run.execute.is_dead = own_name, is_dead
    engine.run.execute.LEASE_WAIT = world.setup.lease_wait
    engine.run.execute.checked_scheme = engine.run.setup.checked_scheme = scheme_named
    try:
        yield
    finally:
        engine.run.execute.own_name, engine.run.execute.is_dead, engine.run.execute.LEASE_WAIT = kept
        engine.run.execute.checked_scheme, engine.run.setup.checked_scheme = schemes
