"""The whole job: every claim listed, got, judged, mapped, asked for, saved, submitted, audited.

    python -m benchmarks.whole_job [--claims N] [--latency S]… [--rounds N] [--only NAME]… [--json]

The engine by its ordinary command with its ordinary ledger, the same job by hand, and the peers that are
installed (`python -m benchmarks.peers`), in turn, against the same servers. Each is a process of its own; its
start counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS, Load
from benchmarks.processes import ROOT, Cost, measured, serving, spoken

READERS = 32
WINDOWS = 8
SENDERS = 8
BATCH = 20
DAYS = 101
ENGINE = "engine"
BY_HAND = "by hand, aiohttp, SQLite ledger"
NO_LEDGER = "by hand, aiohttp, no ledger"
_PEERS = {peer.name: peer for peer in PEERS}
NAMES = (NO_LEDGER, BY_HAND, ENGINE, *_PEERS)


def workspace(folder: Path, base: str, *, per_second: int = 1_000_000, callback: bool = False) -> Path:
    """A folder as a user has it: the shipped scheme and its tables, and connections to the servers.

    Without the guard, which would stop a run of so many claims, and without writing back, which the job by
    hand does not do either.
    """
    schemes = folder / "schemes"
    schemes.mkdir()
    (schemes / "tables").mkdir()
    for table in (ROOT / "schemes/tables").iterdir():
        (schemes / "tables" / table.name).write_bytes(table.read_bytes())
    for name in ("expense_to_paybill", "paybill_writeback"):
        text = (ROOT / f"schemes/{name}.yaml").read_text(encoding="utf-8")
        text = re.sub(r"^  guard: .*\n", "", text, flags=re.MULTILINE)
        text = text[: text.index("\ntests:")]
        if not callback and "\ncallback:" in text:
            text = text[: text.index("\ncallback:")]
        (schemes / f"{name}.yaml").write_text(text, encoding="utf-8")
    limits = f"{{per_second: {per_second}, concurrency: {READERS}, timeout: 60s}}"
    connections = f"""
environments:
  bench:
    dingtalk:
      connector: dingtalk
      base_url: {base}
      app_key: benchkey
      app_secret: benchsecret
      limits: {limits}
    kingdee:
      connector: kingdee
      base_url: {base}/k3cloud/
      auth: signature
      acct_id: bench
      username: bench
      app_id: bench_bench
      app_secret: benchsecretbenchsecretbenchsecre
      unique: [FBillNo]
      limits: {{concurrency: {SENDERS}}}
values:
  bench:
    expense_to_paybill:
      params: {{start_date: "-{DAYS}d"}}
    paybill_writeback:
      params: {{comment_userid: "1"}}
"""
    (folder / "connections.yaml").write_text(connections, encoding="utf-8")
    return folder


def command(name: str, folder: Path, base: str) -> Sequence[str]:
    """The command line of one contestant."""
    if name == ENGINE:
        code = "from engine.cli import main; main()"
        return [sys.executable, "-c", code, "run", "expense_to_paybill", "--env", "bench", "--json"]
    if name in _PEERS:
        return _PEERS[name].command(folder, base, Load(READERS, SENDERS, BATCH))
    ledger = "-" if name == NO_LEDGER else str(folder / "by_hand.db")
    return [
        *(sys.executable, "-m", "benchmarks.by_hand", base, ledger),
        *(
            "--windows",
            str(WINDOWS),
            "--readers",
            str(READERS),
            "--senders",
            str(SENDERS),
            "--batch",
            str(BATCH),
        ),
    ]


def once(name: str, base: str, claims: int, latency: float) -> dict[str, Any]:
    """One contestant's run; refuses a run that did not do all of it once."""
    spoken(base, latency=latency)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as kept:
        folder = workspace(Path(kept), base)
        cost = measured(command(name, folder, base), cwd=folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.suffix.startswith(".db"))
    seen = spoken(base)
    if not _done(name, seen, claims):
        raise SystemExit(f"{name}: {seen}\n{cost.output[-2000:]}")
    return row(name, cost, claims, latency) | {"calls": seen["calls"], "disk": size / 1e6}


def _done(name: str, seen: dict[str, Any], claims: int) -> bool:
    if seen["calls"].get("get") != claims:
        return False
    if name in _PEERS and not _PEERS[name].delivers:
        return True
    eligible = claims - (claims + 1) // 5
    return seen["stages"] == {"C": eligible} and not seen["twice"]


def able() -> tuple[str, ...]:
    """Who can be measured here: all but the peers that are not installed."""
    return tuple(name for name in NAMES if name not in _PEERS or _PEERS[name].installed())


def row(name: str, cost: Cost, claims: int, latency: float) -> dict[str, Any]:
    """What is told of a run."""
    return {
        "name": name,
        "latency": latency,
        "claims": claims,
        "per_second": claims / cost.wall,
        "cpu_ms": cost.cpu / claims * 1000,
        "peak": cost.peak,
        "wall": cost.wall,
    }


def report(
    claims: int, latencies: Sequence[float], rounds: int, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Each contestant's best round at each latency; they take turns."""
    best: dict[tuple[str, float], dict[str, Any]] = {}
    with serving(claims) as base:
        for _ in range(rounds):
            for latency in latencies:
                for name in names:
                    found = once(name, base, claims, latency)
                    held = best.get((name, latency))
                    if held is None or found["wall"] < held["wall"]:
                        best[name, latency] = found
                    print(_line(found), file=sys.stderr, flush=True)
    return [best[name, latency] for latency in latencies for name in names]


def _line(found: dict[str, Any]) -> str:
    return (
        f"{found['name']:34} {found['latency'] * 1000:4.0f} ms {found['per_second']:8.0f} claims/s "
        f"{found['cpu_ms']:6.2f} ms CPU {found['peak']:6.0f} MB {found['wall']:6.1f} s"
    )


def main() -> None:
    """Print what was measured."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=20_000)
    reader.add_argument("--latency", type=float, action="append")
    reader.add_argument("--rounds", type=int, default=1)
    reader.add_argument("--only", action="append", choices=NAMES)
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    found = report(given.claims, given.latency or [0.0, 0.02], given.rounds, given.only or able())
    if given.json:
        print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
