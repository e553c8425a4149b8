"""The command line in hostile surroundings, as processes of their own: words and exit codes, no traceback."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from engine.cli.main import run; run()"]
LINES = "'" + "' '".join([sys.executable, "-c", "from engine.cli.main import run; run()"]) + "'"
SCHEME = "expense_to_paybill"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "schemes", tmp_path / "schemes")
    return tmp_path


def engine(
    place: Path | bytes, *arguments: str | bytes, before: Callable[[], None] | None = None, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=place,
        env=_environment(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        preexec_fn=before,
    )


def shell(place: Path, line: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which `engine` is the command."""
    text = f'engine() {{ {LINES} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", text], cwd=place, env=_environment(environ), capture_output=True, timeout=120
    )


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGINE_", "LC_"))}
    return {**kept, "ENGINE_LANG": "en", "PYTHONPATH": str(ROOT), **more}


def explained(done: subprocess.CompletedProcess[bytes], *codes: int) -> str:
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode in (codes or (0, 1, 2, 3)), text
    for sign in ("Traceback", "engine itself", "Exception ignored", "Warning"):
        assert sign not in text, text
    return text


# --- streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["validate schemes", "why x --json", f"run {SCHEME} --limit 1 --json"])
def test_streams_that_take_nothing_break_nothing(place: Path, command: str) -> None:
    for streams in ("2>&-", "<&- >&- 2>&-", "2>/dev/full", "| true"):
        explained(shell(place, f"engine {command} {streams}"))
    told = explained(shell(place, f"engine {command} >/dev/full"), 2)
    assert "standard output cannot be written" in told


def test_a_full_log_stops_no_run(place: Path) -> None:
    done = shell(place, f"engine run {SCHEME} --json 2>/dev/full")
    assert json.loads(done.stdout)["counts"]["delivered"] > 0
    explained(done, 0, 1)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_any_encoding_shows_any_text(place: Path, encoding: str) -> None:
    (place / "schemes" / "x.yaml").write_text("version: 1\nid: x\n𠮷é→: 1\n", encoding="utf-8")
    for command in (["validate", "schemes/x.yaml"], ["why", "𠮷é→"], ["run", SCHEME, "--limit", "1"]):
        for language in ("zh", "en"):
            environ = {
                "PYTHONIOENCODING": encoding,
                "ENGINE_LANG": language,
                "PYTHONUTF8": "0",
                "LC_ALL": "C",
            }
            explained(engine(place, *command, **environ))
            told = engine(place, *command, "--json", **environ)
            explained(told)
            text = told.stdout.decode("utf-8" if encoding == "ascii" else encoding)
            assert isinstance(json.loads(text), dict)


# --- arguments and surroundings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        *(["why", b"\xff"], ["run", b"\xff.yaml"], ["records", "show", SCHEME, b"\xed\xa0\x80"]),
        *(["records", "list", SCHEME, "--ledger", b"\xff"], ["preview", SCHEME, "--record", b"\xff"]),
        *(["--json", "nonsense"], ["--json", "run", "--json"], ["run", SCHEME, "--set", "=y"], ["run", ""]),
        *(["run", SCHEME, "--since", "-99999999999d"], ["run", SCHEME, "--limit", "1e9"], ["--", "--"]),
        *(
            ["why", "\x1b]0;x\x07"],
            ["why", "x" * 100_000],
            ["run", "/dev/zero"],
            ["validate", "/proc/self/mem"],
        ),
    ],
    ids=lambda arguments: repr(arguments)[:40],
)
def test_odd_arguments_are_refused_in_words(place: Path, arguments: list[Any]) -> None:
    told = explained(engine(place, *arguments), 1, 2)
    assert "\x1b" not in told


@pytest.mark.parametrize(
    "environ",
    [
        *({"HOME": "", "TERM": "", "COLUMNS": "x", "TZ": "No/Where", "PATH": ""}, {"COLUMNS": "1"}),
        *({"ENGINE_NOW": "9999-12-31"}, {"ENGINE_NOW": "0001-01-01"}, {"ENGINE_NOW": "x"}),
        *({"ENGINE_ENV": "\udcff"}, {"ENGINE_LEDGER": "://"}, {"ENGINE_LEDGER": "mysql://x"}),
        *({"ENGINE_LEDGER": "/dev/zero"}, {"ENGINE_CONNECTIONS": "/dev/zero"}, {"ENGINE_LEDGER": "."}),
        {"ENGINE_LEDGER": "postgresql+psycopg://127.0.0.1:1/x"},
    ],
    ids=lambda environ: repr(environ),
)
def test_odd_surroundings_are_told(place: Path, environ: dict[str, str]) -> None:
    explained(engine(place, "records", "list", SCHEME, **environ))
    if "ENGINE_NOW" in environ or "COLUMNS" in environ:
        explained(engine(place, "run", SCHEME, "--limit", "1", **environ))


def test_places_that_hold_nothing(place: Path) -> None:
    strange = os.fsencode(place) + b"/\xff\xfe"
    shutil.copytree(os.fsencode(place / "schemes"), strange + b"/schemes")
    assert "not text in UTF-8" in explained(engine(strange, "run", SCHEME), 2)
    explained(engine(strange, "validate", "schemes"), 0)
    (place / "gone").mkdir()
    assert "folder is gone" in explained(shell(place, "cd gone; rmdir ../gone; engine runs list"), 2)


def test_files_that_cannot_be_read_are_not_passed_over(place: Path) -> None:
    """A folder is not well because the file that is ill was left out."""
    name = place / "schemes" / f"{SCHEME}.yaml"
    name.write_bytes(name.read_text(encoding="utf-8").encode("gb18030"))
    assert "UTF-8" in explained(engine(place, "validate", "schemes"), 1)
    assert "UTF-8" in explained(engine(place, "run", SCHEME), 2)
    name.chmod(0)
    for command in (["validate", "schemes"], ["run", SCHEME]):
        assert "Permission denied" in explained(engine(place, *command, before=_no_superuser), 1, 2)


def _no_superuser() -> None:
    """Let permissions hold for root too: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH are given up."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)


def test_what_may_not_be_written_is_said_and_nothing_lost(place: Path) -> None:
    place.chmod(0o555)
    for command in (["run", SCHEME], ["ledger", "upgrade"]):
        assert "Permission denied" in explained(engine(place, *command, before=_no_superuser), 2)
    place.chmod(0o755)
    explained(engine(place, "run", SCHEME, "--limit", "3"), 0, 1)
    before = explained(engine(place, "records", "list", SCHEME))
    ledger = place / ".engine" / "ledger.db"
    for mode, command in (
        (0o444, ["run", SCHEME]),
        (0, ["sandbox", "reset"]),
        (0, ["records", "list", SCHEME]),
    ):
        ledger.chmod(mode)
        told = explained(engine(place, *command, before=_no_superuser), 2)
        assert "cannot be opened for writing" in told
        ledger.chmod(0o600)
    assert explained(engine(place, "records", "list", SCHEME)) == before


def _little_room() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk_is_said_and_the_next_run_goes_on(place: Path) -> None:
    explained(engine(place, "sandbox", "reset"), 0)
    explained(engine(place, "run", SCHEME, "--limit", "1"), 0, 1)
    told = explained(engine(place, "run", SCHEME, before=_little_room), 2)
    assert "cannot" in told or "disk" in told or "did not start" in told
    explained(engine(place, "run", SCHEME), 0, 1)


def test_few_files_may_be_open(place: Path) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))

    explained(engine(place, "run", SCHEME, before=few))
