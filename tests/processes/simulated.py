"""The product's own simulators, served over TCP by `engine sandbox`, and real runs of the shipped schemes."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from outside_world import Result
from processes_figures import Figures

from engine.connector.simulator.control import set_faults

_SCHEMES = Path(__file__).parent.parent.parent / "schemes"
_FAULTS = ("late_commit", "late_commit", "drop_after", "error_after", "drop_before", "empty", "expired")
_PARAMS = ("expense_to_paybill", "expense_to_paybill_v1")
_LIMITS = {"per_second": 1000, "timeout": "5s", "settle": "1s"}


class Simulated:
    """A folder with the schemes that ship, and an `engine sandbox` that plays both of its systems."""

    kills_by_itself = False
    zero = ("failed", "unknown", "pending")
    late = 0

    def __init__(
        self, folder: Path, *, ledger: str | None = None, unique: bool = True, claims: int = 20
    ) -> None:
        self.folder = folder
        self.ledger = ledger
        self.kinds = ("the product's simulators", *kinds_of(ledger, unique))
        shutil.copytree(_SCHEMES, folder / "schemes")
        self._connect(None, unique, claims)
        self._sandbox = self._start("sandbox", "--json", env="sandbox")
        assert self._sandbox.stdout
        self._connect(json.loads(self._sandbox.stdout.readline()), unique, claims)
        self._state = folder / ".engine" / "sandbox"
        set_faults(self._state, {"unique_number": "on" if unique else "off"})
        self._watch = sqlite3.connect(self._state / "state.db", check_same_thread=False)
        self._version = self._seen = 0
        self.agreed = dict(self._agreed())

    def close(self) -> None:
        self._watch.close()
        self._sandbox.terminate()
        self._sandbox.communicate(timeout=30)

    # --- what a storm asks for ------------------------------------------------------------------------

    def start(self, scheme: str = "expense_to_paybill") -> subprocess.Popen[str]:
        return self._start("run", scheme, "--json")

    def finish(self, process: subprocess.Popen[str]) -> Result:
        out, err = process.communicate(timeout=90)
        assert "Traceback" not in out + err, err
        return Result(process.returncode, out, err)

    def served(self) -> int:
        """Effects that the systems have had, as far as anyone looked in between."""
        version = self._watch.execute("PRAGMA data_version").fetchone()[0]
        self._seen += version != self._version
        self._version = version
        return self._seen

    def fail(self, chance: random.Random) -> None:
        """Let calls go wrong for a while."""
        side = chance.choice(("kingdee", "kingdee", "dingtalk"))
        set_faults(self._state, {f"{side}.{chance.choice(_FAULTS)}": 0.3})

    def calm(self) -> None:
        set_faults(self._state, {f"{side}.{name}": 0 for side in ("kingdee", "dingtalk") for name in _FAULTS})

    def audit(self, *, told: int = 1) -> Figures:
        """What is lost, double or odd. `told`: how many comments each claim is to have."""
        found = Figures(sets=1, claims=len(self.agreed))
        bills = list(self._docs("kingdee/bill/AP_PAYBILL"))
        numbers = Counter(bill["number"] for _, bill in bills)
        comments = Counter(
            key.partition("/")[0]
            for key, comment in self._docs("dingtalk/comment")
            if "已生成付款单" in comment["remark"]
        )
        for id, (number, amount) in self.agreed.items():
            found.lost += (numbers[number] == 0) + (comments[id] < told)
            found.twice += max(numbers[number] - 1, 0) + max(comments[id] - told, 0)
            sums = {_sum(bill) for _, bill in bills if bill["number"] == number}
            found.other += [f"{number} pays {sums} instead of {amount}"] * bool(sums - {amount})
        found.other += [
            f"{bill['number']} was left at {bill['status']}" for _, bill in bills if bill["status"] != "C"
        ]
        strangers = set(numbers) - {number for number, _ in self.agreed.values()}
        found.other += [f"{number} is nobody's" for number in sorted(strangers)]
        return found

    def left_open(self, scheme: str = "expense_to_paybill") -> list[str]:
        """Records that wait for nobody and are not done."""
        told = self.finish(self._start("records", "list", scheme, "--json")).json
        final = ("done", "skipped", "waiting")
        return [f"{row['number']} is {row['state']}" for row in told["records"] if row["state"] not in final]

    # --- within ---------------------------------------------------------------------------------------

    def _start(self, *arguments: str, env: str = "company") -> subprocess.Popen[str]:
        given = {"ENGINE_LANG": "en", "ENGINE_ENV": env}
        if self.ledger:
            given["ENGINE_LEDGER"] = self.ledger
        return subprocess.Popen(
            [sys.executable, "-c", "from engine.cli.main import run; run()", *arguments],
            cwd=self.folder,
            env={**os.environ, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def _connect(self, served: dict[str, dict[str, Any]] | None, unique: bool, claims: int) -> None:
        """Write connections.yaml: the sandbox, and once it is `served`, an environment that reaches it."""
        simulators = {
            "dingtalk": {"seed": 1, "instances": claims, "per_second": 1000},
            "kingdee": {"late_seconds": "0.3"},
        }
        found: dict[str, Any] = {
            "sandbox": {
                name: {"connector": name, "simulator": settings} for name, settings in simulators.items()
            }
        }
        if served:
            dingtalk = {"connector": "dingtalk", "limits": _LIMITS, **served["dingtalk"]}
            del dingtalk["process_codes"]
            kingdee = {"connector": "kingdee", "auth": "signature", "limits": _LIMITS, **served["kingdee"]}
            found["company"] = {
                "dingtalk": dingtalk,
                "kingdee": kingdee | ({"unique": ["FBillNo"]} if unique else {}),
            }
        values = {name: {"params": {"start_date": "-100d"}} for name in _PARAMS}
        written = {"environments": found, "values": {"company": values} if served else {}}
        text = json.dumps(written, ensure_ascii=False, indent=1)
        (self.folder / "connections.yaml").write_text(text, encoding="utf-8")

    def _agreed(self) -> Iterator[tuple[str, tuple[str, Decimal]]]:
        """Instance id → the bill's number and amount, for all that is to be paid by now."""
        for id, claim in self._docs("dingtalk/instance"):
            done = claim["outcome"] == "agree" and claim["finished"] <= self._now()
            if claim["code"] == "PROC-EXPENSE-SANDBOX" and done:
                assert claim["biz_action"] == "NONE", "a claim that somebody must decide on"
                total = next(part["value"] for part in claim["form"] if part.get("name") == "总金额")
                yield id, (f"DD{claim['business_id']}", Decimal(total.replace(",", "")))

    def _now(self) -> int:
        from engine.clock import SystemClock

        return int(SystemClock().now().timestamp() * 1000)

    def _docs(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        rows = self._watch.execute(
            "SELECT key, doc FROM docs WHERE kind = ? ORDER BY key", (kind,)
        ).fetchall()
        return ((key, json.loads(doc)) for key, doc in rows)


def kinds_of(ledger: str | None, unique: bool) -> tuple[str, str]:
    """What a set of claims counts as: its kind of target, and of ledger."""
    return ("unique numbers" if unique else "no unique numbers", "PostgreSQL" if ledger else "SQLite")


def _sum(bill: dict[str, Any]) -> Decimal:
    rows = bill["entries"]["FPAYBILLENTRY"]
    return sum((Decimal(row["values"]["FPAYTOTALAMOUNTFOR"]) for row in rows), Decimal(0))
