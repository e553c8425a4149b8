"""What holds before any work is done: quick start, options anywhere, errors in words, Ctrl-C."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PYTHON = [sys.executable, "-c", "from engine.cli import main; main()"]
HEAVY = {"httpx", "aiohttp", "sqlalchemy", "jinja2", "jsonschema", "rich", "asyncio", "yaml"}


def loaded_by(*words: str, folder: Path) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = (
        "import sys, json\n"
        "from engine.cli.main import run\n"
        "try:\n    run(sys.argv[1:])\n"
        "finally:\n    names = {name.split('.')[0] for name, module in sys.modules.items() if module}\n"
        "    print(json.dumps(sorted(names)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"ENGINE_LANG": "en"},
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["records", "-h"], ["--version"]], ids=" ".join
)
def test_help_loads_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    assert not loaded_by(*words, folder=tmp_path) & HEAVY


def test_validate_leaves_ledger_network_and_tables_alone(prompt: Any) -> None:
    loaded = loaded_by("validate", "schemes/expense_to_paybill.yaml", folder=prompt.folder)
    assert not loaded & {"httpx", "aiohttp", "sqlalchemy", "rich"}


def test_every_command_is_in_the_help(prompt: Any) -> None:
    said = prompt("--help")
    assert said.code == 0
    for command in ("run", "preview", "validate", "test", "why", "records", "runs", "connections", "sandbox"):
        assert f"  {command} " in said.out


def test_completion_is_offered(tmp_path: Path) -> None:
    environ = os.environ | {
        "_ENGINE_COMPLETE": "bash_complete",
        "COMP_WORDS": "engine recor",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(PYTHON, capture_output=True, text=True, cwd=tmp_path, env=environ, check=False)
    assert done.stdout == "plain,records\n"


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "connections", "list"],
        ["connections", "--json", "list"],
        ["connections", "list", "--json"],
        ["--json", "sandbox", "fault"],
        ["sandbox", "--json", "fault"],
        ["sandbox", "fault", "--json"],
        ["--json", "validate", "schemes/expense_to_paybill.yaml"],
        ["connectors", "--json", "list"],
        ["ledger", "status", "--json"],
        ["runs", "--json", "list"],
    ],
    ids=" ".join,
)
def test_json_may_stand_before_and_after_the_command(prompt: Any, words: list[str]) -> None:
    prompt("ledger", "upgrade")
    said = prompt(*words)
    assert said.code == 0
    assert isinstance(said.json, dict)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rum"], "there is no command 'rum'; known: run, preview, "),
        (["run"], "'SCHEME' is missing"),
        (["runs", "lst"], "there is no command 'lst'; known: list, show"),
        (["run", "x", "--limit", "0"], "'--limit': 0 is not in the range"),
        (["run", "x", "--colour"], "there is no option '--colour'"),
        (["run", "nowhere"], "nowhere"),
        (["run", "expense_to_paybill", "--since", "soon"], "'soon' is no date, time, or -40d"),
        (["run", "expense_to_paybill", "--settle-wait", "long"], "'long' is no duration"),
        (["records", "list", "expense_to_paybill", "--state", "faild"], "unknown state 'faild'"),
        (["records", "list", "expense_to_paybill", "--class", "dta"], "unknown class 'dta'"),
        (["records", "retry", "expense_to_paybill"], "say which records"),
        (["records", "skip", "expense_to_paybill", "1"], "--reason"),
        (["runs", "show", "never"], "there is no run 'never'"),
        (["sandbox", "fault", "slow"], "'slow' must be NAME=RATE"),
        (["sandbox", "advance", "soon"], "'soon' is no duration"),
        (["connectors", "show", "kingdee", "AP_PAYBIL"], "has no interface or form 'AP_PAYBIL'"),
        (["run", "expense_to_paybill", "--env", "nowhere"], "nowhere"),
        (
            ["run", "expense_to_paybill", "--connections", "none.yaml"],
            "there is no connection file 'none.yaml'",
        ),
        (["run", "expense_to_paybill", "--ledger", "mysql://x/y"], 'a ledger cannot be kept in "mysql"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_in_words_and_as_json(prompt: Any, words: list[str], message: str) -> None:
    said = prompt(*words)
    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err
    under_json = prompt(*words, "--json")
    assert under_json.code == 2
    assert message in under_json.json["error"]["message"]
    assert set(under_json.json["error"]) == {"class", "message", "file", "line", "column", "hint"}


@pytest.mark.parametrize("words", [["records"], ["runs"], ["connectors"]], ids=" ".join)
def test_a_group_alone_shows_its_help(prompt: Any, words: list[str]) -> None:
    said = prompt(*words)
    assert said.code == 2
    assert "Commands:" in said.out + said.err


def test_a_mistyped_state_is_guessed(prompt: Any) -> None:
    assert "did you mean 'failed'?" in prompt("records", "list", "expense_to_paybill", "--state", "faild").err


def test_a_bug_is_told_in_a_line(prompt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*given: object) -> None:
        raise RuntimeError("burst")

    monkeypatch.setattr("engine.run.choice.choose_environment", burst)
    said = prompt("connections", "list")
    assert said.code == 2
    assert "something went wrong in the engine itself: RuntimeError: burst" in said.err
    with pytest.raises(RuntimeError):
        prompt("connections", "list", "--debug")


def test_a_system_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from engine.cli.context import show_error
    from engine.errors import EngineError

    show_error(EngineError("red \x1b[31malarm\x07"), as_json=False)
    assert "\x1b[31m" not in capsys.readouterr().err


def test_a_mistyped_command_is_guessed(prompt: Any) -> None:
    assert "did you mean 'records'?" in prompt("recods").err
    assert "did you mean 'list'?" in prompt("runs", "lst").err


def test_help_and_usage_are_in_the_users_language(prompt: Any) -> None:
    command = [*PYTHON, "run", "--help"]
    environ = os.environ | {"ENGINE_LANG": "zh"}
    shown = subprocess.run(command, capture_output=True, text=True, env=environ, check=True).stdout
    assert shown.startswith("用法：engine run [OPTIONS] SCHEME\n")
    assert "\n选项:\n" in shown
    assert "显示本帮助。" in shown
    assert "缺少 'SCHEME'" in prompt("run", language="zh").err
