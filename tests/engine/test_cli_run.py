"""The commands of a working day, in one sandbox: preview, run, list, show, write what is asked for."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

SCHEME = "expense_to_paybill"
KINDS = {"bills": "kingdee/bill/AP_PAYBILL", "comments": "dingtalk/comment"}
ENGINE = [sys.executable, "-c", "from engine.cli import main; main()"]


@pytest.fixture(scope="module")
def previewed(prompt: Any) -> Any:
    """What `preview --all` said before anything was sent."""
    return prompt("preview", SCHEME, "--all", "--json")


def written(prompt: Any) -> dict[str, int]:
    """How many bills and comments the simulated systems hold."""
    with sqlite3.connect(prompt.folder / ".engine" / "sandbox" / "state.db") as state:
        found = dict(state.execute("SELECT kind, count(*) FROM docs GROUP BY kind").fetchall())
    state.close()
    return {name: found.get(kind, 0) for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def written_by_preview(prompt: Any, previewed: Any) -> dict[str, int]:
    return written(prompt)


@pytest.fixture(scope="module")
def ran(prompt: Any, written_by_preview: dict[str, int]) -> Any:
    """What the first run said."""
    return prompt("run", SCHEME)


def test_a_preview_sends_nothing(
    prompt: Any, previewed: Any, written_by_preview: dict[str, int], ran: Any
) -> None:
    assert written_by_preview == {"bills": 0, "comments": 0}
    count = previewed.json["count"]
    assert written(prompt) == {"bills": count, "comments": count}


def test_a_preview_counts_and_adds_up(previewed: Any) -> None:
    assert previewed.code == 0
    told = previewed.json
    outcomes = Counter(record["outcome"] for record in told["records"])
    assert told["counts"] == {name: outcomes[name] for name in told["counts"]}
    assert told["count"] == outcomes["deliver"]
    amounts = [Decimal(record["amount"]) for record in told["records"] if record["amount"]]
    assert Decimal(told["amount"]) == sum(amounts)
    assert "would write to kingdee: 127.0.0.1" in previewed.err
    assert "  writes to" not in previewed.err


def test_a_preview_shows_amounts_as_numbers(prompt: Any, previewed: Any) -> None:
    said = prompt("preview", SCHEME)
    assert said.code == 0
    assert re.search(r'"FPAYTOTALAMOUNTFOR": \d+\.\d\d', said.out)
    assert re.search(r'"总金额": "[\d,]+\.\d\d"', said.out)
    assert said.out.count("document") == 3


def test_a_preview_of_one_record_and_of_a_file(prompt: Any, previewed: Any) -> None:
    record = next(record for record in previewed.json["records"] if record["outcome"] == "deliver")
    by_number = prompt("preview", SCHEME, "--record", record["number"], "--json").json["records"][0]
    assert by_number["document"] == record["document"]
    (prompt.folder / "one.json").write_text(json.dumps(record["record"]), encoding="utf-8")
    by_file = prompt("preview", SCHEME, "--record", "one.json", "--json").json["records"][0]
    assert by_file["document"] == record["document"]


def test_a_preview_lists_what_it_leaves_out(prompt: Any, previewed: Any) -> None:
    said = prompt("preview", SCHEME, "--all", "--ledger", "none.db")
    assert "left out by `where: " in said.out
    assert f"{previewed.json['count']} documents would be delivered" in said.out
    assert said.out.rstrip().endswith("nothing was sent")


def test_a_run_says_what_it_did_and_where(ran: Any, previewed: Any, prompt: Any) -> None:
    assert ran.code == 0
    assert ran.err.startswith(f"{SCHEME} · environment sandbox\n  reads dingtalk: 127.0.0.1:")
    assert "  writes to kingdee: 127.0.0.1 · " in ran.err
    amount = f"{Decimal(previewed.json['amount']):,.2f}"
    assert f"amount delivered  {amount}  → 127.0.0.1 · " in ran.out
    assert str(prompt.folder / ".engine" / "ledger.db") in ran.out
    assert "waiting" in ran.out
    assert "calls  " in ran.out
    assert "\x1b" not in ran.out + ran.err


def test_a_second_run_says_why_it_sends_nothing(ran: Any, prompt: Any) -> None:
    again = prompt("run", SCHEME)
    assert again.code == 0
    assert "nothing new" in again.out
    under_json = prompt("--json", "run", SCHEME)
    assert under_json.json["counts"]["delivered"] == 0
    assert under_json.json["status"] == "success"
    assert under_json.err.startswith(SCHEME)


def test_records_are_one_line_each_in_a_pipe(ran: Any, prompt: Any) -> None:
    said = prompt("records", "list", SCHEME, "--state", "skipped")
    heading, *lines, count = said.out.splitlines()
    assert heading.split() == ["number", "state", "amount", "outcome"]
    assert count == f"{len(lines)} records"
    assert all(re.search(r"\[schemes/expense_to_paybill.yaml:\d+\]$", line) for line in lines)


def test_records_are_shown_whole(ran: Any, prompt: Any) -> None:
    number = prompt("records", "list", SCHEME, "--state", "done", "--json").json["records"][0]["number"]
    said = prompt("records", "show", SCHEME, number)
    assert re.search(r'"FPAYTOTALAMOUNTFOR": "?\d+\.\d\d', said.out)
    assert json.loads(said.out)["number"] == number


def test_runs_are_listed_and_shown(ran: Any, prompt: Any) -> None:
    run = re.search(r"run (\d{14}-[0-9a-f]{8})", ran.out)
    assert run is not None
    assert run[1] in prompt("runs", "list").out
    shown = prompt("runs", "show", run[1])
    assert shown.code == 0
    assert '"delivered"' in shown.out
    assert prompt("runs", "show", run[1], "--json").json["result"]["run"] == run[1]


def test_states_and_classes_may_be_given_in_chinese(ran: Any, prompt: Any) -> None:
    said = prompt("records", "list", SCHEME, "--state", "已跳过", language="zh")
    assert said.code == 0
    assert "已跳过" in said.out


def test_the_ledger_and_the_connections_tell_of_themselves(ran: Any, prompt: Any) -> None:
    assert "done" in prompt("ledger", "status").out
    assert prompt("connections", "check").out.count("✓") == 3  # the tables of the sandbox among them
    assert "AP_PAYBILL" in prompt("connectors", "show", "kingdee").out


# --- at a terminal ------------------------------------------------------------------------------------


def at_terminal(folder: Path, *words: str, columns: int = 100) -> str:
    """What a command shows to a person."""
    parent, child = pty.openpty()
    environ = os.environ | {"ENGINE_LANG": "en", "TERM": "xterm", "COLUMNS": str(columns)}
    with subprocess.Popen([*ENGINE, *words], cwd=folder, env=environ, stdout=child, stderr=child) as process:
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 65536):
                shown += piece
        except OSError:  # Linux says so when the other side is closed
            pass
        process.wait()
    os.close(parent)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r", "")


def test_progress_is_shown_to_a_person(prompt: Any, ran: Any) -> None:
    shown = at_terminal(prompt.folder, "run", SCHEME, "--recheck")
    for word in ("listed", "read", "waiting", "skipped", "delivered", "failed", "written back", "calls: "):
        assert word in shown


@pytest.mark.parametrize("columns", [60, 160])
def test_tables_fit_the_terminal(prompt: Any, ran: Any, columns: int) -> None:
    for words in (["runs", "list"], ["records", "list", SCHEME, "--state", "skipped"]):
        shown = at_terminal(prompt.folder, *words, columns=columns)
        assert all(len(line.rstrip()) <= columns for line in shown.splitlines())
        assert re.search(r"\d{14}-[0-9a-f]{8}|\b\d{21}\b", shown)


# --- Ctrl-C -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_stops_in_good_order(tmp_path: Path, prompt: Any, times: int) -> None:
    (tmp_path / "schemes").symlink_to(prompt.folder / "schemes")
    environ = os.environ | {"ENGINE_LANG": "en"}
    process = subprocess.Popen(
        [*ENGINE, "run", SCHEME],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr
        for line in process.stderr:
            if "writes to" in line:
                break
        process.send_signal(signal.SIGINT)
        stopping = process.stderr.readline()
        if times == 2:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "stopping" in stopping
    assert "run the same command again to go on" in out + err
    runs = subprocess.run(
        [*ENGINE, "runs", "list", "--json"], cwd=tmp_path, env=environ, capture_output=True, check=True
    )
    assert [run["status"] for run in json.loads(runs.stdout)["runs"]] in ([], ["partial"])
    again = subprocess.run(
        [*ENGINE, "run", SCHEME, "--json"], cwd=tmp_path, env=environ, capture_output=True, check=True
    )
    counts = json.loads(again.stdout)["counts"]
    assert counts["failed"] == counts["unknown"] == counts["pending"] == 0
    assert counts["fetched"] > 0
