"""What a history is made of: drawn from its seed, before anything happens."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from dst.clock import BEGINNING
from dst.dingtalk import Claim
from dst.storm import KINDS, Storm, draw_storm
from engine.clock import SHANGHAI
from engine.connector.environments import Environment
from engine.connector.settings import load_settings
from engine.run.workplace import Choice
from engine.scheme.model import Scheme

__all__ = [
    "SCHEME",
    "Setup",
    "choice_for",
    "draw_setup",
    "scheme_file",
    "scheme_files",
    "scheme_named",
]

SCHEME = Path(__file__).parents[3] / "schemes" / "expense_to_paybill.yaml"
_COPY = "expense_once_more"
_SPELL = timedelta(minutes=25)


@dataclass(frozen=True, slots=True)
class Setup:
    """One history's conditions. Times are in seconds.

    `unique`: the target refuses a second bill of a number. `settle` is longer than any request's `life`
    unless it is unique, where the settle time is the usual five seconds and late requests may come whenever.
    """

    seed: int
    unique: bool
    processes: int
    claims: tuple[Claim, ...]
    storm: Storm
    storm_seconds: float
    timeout: float
    life: float
    settle: float
    auth: str
    lease_wait: float
    largest_page: int
    month_limit: int | None
    knows_the_dead: bool
    clock_may_gain: bool
    foreign: tuple[str, bool] | None
    """A claim's id whose bill somebody made before; True when with another amount."""
    schemes: int = 1
    """Two: a second scheme, with a lease of its own, wants the same claims under the same keys."""


def draw_setup(seed: int, unique: bool, without: frozenset[str] = frozenset()) -> Setup:
    """The conditions that a seed gives."""
    random = Random(f"{seed}/{unique}")
    left_out = set(without)
    month_limit = random.choice((None, None, None, 120))
    if not unique:
        # A request that a proxy repeats by itself makes two bills where nothing refuses the second one.
        left_out.add("request doubled")
    if month_limit is not None:
        # Nobody can count what a proxy repeats, nor in which month a wrong clock is.
        left_out |= {"clock jump", "request doubled"}
    timeout = random.choice((10.0, 20.0))
    life = random.uniform(timeout * 1.5, 75.0) if not unique else random.uniform(timeout * 1.5, 300.0)
    claims = tuple(_draw_claim(random, number) for number in range(random.randint(3, 9)))
    due = [claim.id for claim in claims if claim.is_due]
    processes = random.choice((1, 1, 2, 3))
    storm = draw_storm(random, frozenset(left_out & set(KINDS)))
    # Settling leans on the wall clock where another process has sent: it must not be put forward meanwhile.
    alone = processes == 1 and not any(kind.startswith("crash") for kind in storm.rates)
    return Setup(
        seed=seed,
        unique=unique,
        processes=processes,
        claims=claims,
        storm=storm,
        storm_seconds=_SPELL.total_seconds() * random.uniform(0.4, 1.0),
        timeout=timeout,
        life=life,
        settle=80.0,
        auth=random.choice(("login_by_sign", "signature")),
        lease_wait=random.choice((0.0, 4.0, 4.0, 60.0)),
        month_limit=month_limit,
        largest_page=random.choice((2, 3, 20)),
        knows_the_dead=random.random() < 0.5,
        clock_may_gain=unique or alone,
        foreign=(due[0], random.random() < 0.5) if due and random.random() < 0.15 else None,
        schemes=random.choice((1, 1, 1, 2)),
    )


def _draw_claim(random: Random, number: int) -> Claim:
    created = BEGINNING + timedelta(seconds=random.uniform(-86400 * 3, _SPELL.total_seconds()))
    lasting = timedelta(
        seconds=random.choice((120.0, 900.0, 900.0, 3600.0, 7200.0, 86400.0 * 2)) * random.random()
    )
    outcome = random.choice(("agree",) * 8 + ("refuse", "terminate"))
    rows = random.randint(1, 3)
    wall = created.astimezone(SHANGHAI)
    return Claim(
        id=f"claim-{number:02d}-{random.getrandbits(64):016x}",
        number=f"{wall:%Y%m%d%H%M}{random.randrange(10**5):05d}{number:04d}",
        created=created,
        finished=created + lasting,
        outcome=outcome,
        amounts=tuple(Decimal(random.randint(100, 500_000)) / 100 for _ in range(rows)),
        person=f"523700000000{random.randint(1, 20):04d}",
        biz_action=random.choice(("NONE",) * 12 + ("REVOKE",)),
    )


# --- the user's files ---------------------------------------------------------------------------------

_CONNECTIONS = """
environments:
  world:
    dingtalk:
      connector: dingtalk
      base_url: http://dingtalk.world
      app_key: app-key-of-the-world
      app_secret: secret-of-the-world
      limits: {{per_second: 20, {month}concurrency: 4, timeout: {timeout}s, settle: {comment_settle}s}}
    kingdee:
      connector: kingdee
      base_url: http://kingdee.world/k3cloud/
      auth: {auth}
      acct_id: acct-of-the-world
      username: engine
      app_id: 100001_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX
      app_secret: 0123456789abcdef0123456789abcdef
      org_num: "100"
      unique: [{unique}]
      limits: {{concurrency: 2, timeout: {timeout}s{settle}}}
values:
  world:
    expense_to_paybill:
      params: {{start_date: "2026-10-20"}}
    expense_once_more:
      params: {{start_date: "2026-10-20"}}
"""


@cache
def _environment(
    folder: Path, unique: bool, auth: str, timeout: float, settle: float, month: int | None
) -> Choice:
    text = _CONNECTIONS.format(
        unique="FBillNo" if unique else "",
        auth=auth,
        timeout=f"{timeout:g}",
        comment_settle=f"{max(settle, 310.0) if unique else settle:g}",
        settle="" if unique else f", settle: {settle:g}s",
        month=f"per_month: {month}, " if month else "",
    )
    path = folder / f"connections-{abs(hash((unique, auth, timeout, settle, month)))}.yaml"
    path.write_text(text, encoding="utf-8")
    settings = load_settings(path)
    return Choice(settings, settings.environment("world"), "sqlite://", folder / "sandbox")


def choice_for(setup: Setup, folder: Path) -> Choice:
    """What the command line and connections.yaml would say."""
    return _environment(folder, setup.unique, setup.auth, setup.timeout, setup.settle, setup.month_limit)


@cache
def _checked(name: str) -> Scheme:
    from engine.run.setup import checked_scheme

    return checked_scheme(name, None)


def scheme_named(name: str, environment: Environment | None) -> Scheme:
    """`engine.run.setup.checked_scheme`, read once for all histories: the file does not change."""
    return _checked(name)


def scheme_file() -> str:
    return str(SCHEME)


@cache
def scheme_files(folder: Path, schemes: int) -> dict[str, str]:
    """Schemes by id, each with its file: the one that ships, and a copy that pays the very same claims."""
    files = {SCHEME.stem: str(SCHEME)}
    if schemes > 1:
        place = folder / "copied"
        shutil.copytree(SCHEME.parent, place, ignore=shutil.ignore_patterns("market"), dirs_exist_ok=True)
        copy = place / SCHEME.name
        copied = copy.read_text(encoding="utf-8").replace(f"id: {SCHEME.stem}\n", f"id: {_COPY}\n")
        copy.with_stem(_COPY).write_text(copied, encoding="utf-8")
        copy.unlink()
        files[_COPY] = str(copy.with_stem(_COPY))
    return files


def due_by(setup: Setup) -> datetime:
    """When the last claim is finished."""
    return max(claim.finished for claim in setup.claims)
