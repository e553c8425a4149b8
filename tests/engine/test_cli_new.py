"""The wizard, in a pseudo-terminal and without one, from an empty folder to a scheme that runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

START = "from engine.cli.main import run; run()"
SETTINGS = """\
# ours
environments:
  production:
    dingtalk:
      connector: dingtalk
      base_url: http://127.0.0.1:9
      app_key: dingkey
      app_secret: dingsecret       # never here in earnest
    kingdee:
      {connector: kingdee, base_url: "http://127.0.0.1:9/k3cloud/", auth: validate_user,
       acct_id: a, username: u, password: p}
"""


def engine(folder: Path, *words: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START, *words],
        cwd=folder,
        env={**os.environ, "ENGINE_LANG": language},
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def terminal(folder: Path, *words: str) -> Any:
    """The wizard in a terminal."""
    return pexpect.spawn(
        sys.executable,
        ["-c", START, "new", *words],
        cwd=str(folder),
        env={**os.environ, "ENGINE_LANG": "en", "TERM": "xterm", "COLUMNS": "120"},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 120),
    )


def answer(there: Any, question: str, text: str = "") -> None:
    there.expect(re.escape(question) + r".*?: ")
    there.sendline(text)


def delivered(folder: Path, scheme: str) -> Any:
    ran = engine(folder, "run", scheme, "--json")
    return json.loads(ran.stdout)["counts"]["delivered"]


def test_a_market_scheme_in_a_terminal_from_nothing_to_a_run(tmp_path: Path) -> None:
    there = terminal(tmp_path)
    there.expect("expense_to_paybill")
    answer(there, "Copy a market scheme, or begin with nothing", "expense_to_paybill")
    answer(there, "The scheme's id", "our_expenses")
    there.expect("PROC-EXPENSE-SANDBOX")  # offered by DingTalk itself
    answer(there, "审批流的唯一码")
    answer(there, "从哪天发起的审批开始", "yesterday")
    there.expect("must be")  # and is asked again
    answer(there, "从哪天发起的审批开始", "-30d")
    answer(there, "此前办结的报销不付")
    answer(there, "付款组织")
    answer(there, "币别")
    answer(there, "评论人", "finance01")
    there.expect("FPAYBILLENTRY")  # a real record's document
    there.expect(r"Save it\?.*: ")
    there.sendline("y")
    there.expect(r"then: (engine run schemes/our_expenses\.yaml)")
    there.expect(pexpect.EOF)

    scheme = tmp_path / "schemes/our_expenses.yaml"
    assert yaml.safe_load(scheme.read_text("utf-8"))["params"]["start_date"]["default"] == "-30d"
    assert engine(tmp_path, "validate", "schemes").returncode == 0
    assert engine(tmp_path, "test", "schemes").returncode == 0
    assert delivered(tmp_path, "our_expenses") > 5
    assert not (tmp_path / ".engine/new.json").exists()


def test_what_was_answered_outlives_an_interruption(tmp_path: Path) -> None:
    there = terminal(tmp_path, "--market", "expense_to_paybill")
    answer(there, "The scheme's id", "kept_name")
    answer(there, "审批流的唯一码")
    there.expect("从哪天发起的审批开始")
    there.sendcontrol("c")
    there.expect(pexpect.EOF)
    there.close()
    assert there.exitstatus == 130
    assert not (tmp_path / "schemes").exists()

    again = terminal(tmp_path)
    again.expect(r"Go on where you stopped \(.*id=kept_name.*\)\?.*: ")
    again.sendline("y")
    answer(again, "Copy a market scheme", "expense_to_paybill")  # it was said on the command line only
    for question in ("从哪天发起的审批开始", "此前办结的报销不付", "付款组织", "币别", "评论人"):
        answer(again, question)
    again.expect(r"Save it\?.*: ")
    again.sendline("n")
    again.expect("goes on from here")
    again.expect(pexpect.EOF)
    assert not (tmp_path / "schemes").exists()

    last = terminal(tmp_path)
    last.expect(r"Go on where you stopped.*: ")
    last.sendline("y")
    last.expect(r"Save it\?.*: ")
    last.sendline("y")
    last.expect("then: engine run schemes/kept_name.yaml")
    last.expect(pexpect.EOF)
    assert (tmp_path / "schemes/kept_name.yaml").is_file()


def test_an_answer_that_will_not_do_any_more_is_asked_for_again(tmp_path: Path) -> None:
    there = terminal(tmp_path)
    answer(there, "Copy a market scheme", "expense_to_paybill")
    answer(there, "The scheme's id", "mine")
    there.expect("审批流的唯一码")
    there.sendcontrol("c")
    there.expect(pexpect.EOF)
    assert engine(tmp_path, "market", "copy", "expense_to_paybill", "--as", "Mine").returncode == 0

    again = terminal(tmp_path)
    again.expect(r"Go on where you stopped.*: ")
    again.sendline("y")
    again.expect('there is a scheme "mine" already')  # on some disks it is the same file
    answer(again, "The scheme's id", "other")
    again.expect("审批流的唯一码")
    again.sendcontrol("c")
    again.expect(pexpect.EOF)

    given = engine(tmp_path, "new", "--as", "MINE", "--market", "expense_to_paybill", "--yes")
    assert given.returncode == 2
    assert 'there is a scheme "MINE" already' in given.stderr


def test_a_scheme_from_nothing_in_a_terminal(tmp_path: Path) -> None:
    there = terminal(tmp_path, "--blank", "--as", "mine")
    answer(there, "What people call it", "我的方案")
    answer(there, "From which system is read", "dingtalk")
    answer(there, "What is read there", "1")
    there.expect("费用报销")
    answer(there, "审批流的唯一码", "PROC-EXPENSE-SANDBOX")
    for question in (
        "identity stands",
        "people call it by",
        "is finished",
        "are carried over",
        "wait for a human",
    ):
        answer(there, question)
    answer(there, "To which system is written", "kingdee")
    answer(there, "How it is written there", "batchSave")
    answer(there, "Which form is written", "AP_PAYBILL")
    answer(there, "tells a document from all others", "FBillNo")
    answer(there, "FBillNo: how a document is numbered", "ZZ{{ extend.business_id }}")
    answers = {
        "FBillTypeID": "FKDLX02_SYS",
        "FDATE": "{{ extend.finish_time | date }}",
        "FCONTACTUNITTYPE": "BD_Department",
        "FCONTACTUNIT ": "BM000003",
        "FRECTUNITTYPE": "BD_Department",
        "FRECTUNIT ": "BM000003",
        "FCURRENCYID": "PRE001",
        "FSETTLECUR": "PRE001",
        "FPAYORGID": "100",
        "FSETTLETYPEID": "JSFS04_SYS",
        "FPURPOSEID": "SFKYT10_SYS",
        "FPAYTOTALAMOUNTFOR": "@.报销金额(元)",
    }
    left = dict(answers)
    while True:
        asked = there.expect(
            [re.escape(name) for name in left] + ["from which of the record's tables", r"Save it\?"]
        )
        names = list(left)
        if asked < len(names):
            there.expect(": ")
            there.sendline(left.pop(names[asked]))
        elif asked == len(names):
            there.expect(": ")
            there.sendline("报销明细")
        else:
            break
    there.expect(": ")
    there.sendline("y")
    there.expect("then: engine run schemes/mine.yaml")
    there.expect(pexpect.EOF)
    assert not left
    assert engine(tmp_path, "validate", "schemes/mine.yaml").returncode == 0
    assert delivered(tmp_path, "mine") > 5


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_terminal(tmp_path: Path, language: str) -> None:
    words = [
        "new",
        "--market",
        "expense_to_paybill",
        "--as",
        "ours",
        "--set",
        "start_date=-20d",
        "--env",
        "sandbox",
        "--yes",
        "--json",
    ]
    made = engine(tmp_path, *words, language=language)
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["scheme"] == "schemes/ours.yaml"
    assert told["problem"] is None
    assert delivered(tmp_path, told["next"].split()[-1]) > 3
    twice = engine(tmp_path, *words, language=language)
    assert twice.returncode == 2
    assert "ours" in twice.stdout


def test_without_a_terminal_it_says_in_short_what_was_made(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    made = engine(one, "new", "--market", "expense_to_paybill", "--set", "pay_org=101", "--yes")
    lines = made.stdout.splitlines()
    assert len(lines) < 12, made.stdout
    assert lines[0].startswith("tried on 20")
    assert "becomes 'DD" in lines[0]
    assert "saved: schemes/expense_to_paybill.yaml, from expense_to_paybill 1.0.0" in lines
    assert "answered: pay_org=101" in lines
    assert any(line.startswith("by default: process_code=PROC-EXPENSE-SANDBOX, ") for line in lines)
    following = lines[-2:]
    copied = engine(other, "market", "copy", "expense_to_paybill").stdout.splitlines()
    assert (
        copied[-2:]
        == following
        == [  # both ways to a copy go on in the same way
            "next: engine preview schemes/expense_to_paybill.yaml",
            "then: engine run schemes/expense_to_paybill.yaml",
        ]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--market", "expense_to_paybil"], "none of the choices"),
        (["--market", "expense_to_paybill", "--set", "start_date=soon"], "must be"),
        (["--market", "expense_to_paybill", "--set", "start_dat=-3d"], "nobody asked for start_dat"),
        (["--market", "expense_to_paybill", "--as", "../x"], "is no id"),
        (["--market", "expense_to_paybill", "--env", "nosuch"], "none of the choices for environment"),
        (["--market", "expense_to_paybill", "--blank"], "exclude each other"),
        (["--blank"], "source"),
        ([], "has no answer"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(tmp_path: Path, words: list[str], told: str) -> None:
    made = engine(tmp_path, "new", *words, "--yes")
    assert made.returncode == 2
    assert told in made.stderr
    assert "Traceback" not in made.stderr
    assert not (tmp_path / "schemes").exists()


BLANK = [
    *("--blank", "--as", "mine", "--set", "source=dingtalk", "--set", "target=kingdee"),
    *("--set", "form=AP_PAYBILL", "--set", "request.process_code=PROC-EXPENSE-SANDBOX"),
]
COPY = ["--market", "expense_to_paybill"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([*COPY, "--set", "pay_org=${env:HOME}"], '"${env:HOME}" is a reference'),
        ([*BLANK, "--set", "where={{ extend.status =="], "cannot be read"),
        ([*BLANK, "--set", "id_path=id of it"], "id of it"),
        ([*BLANK, "--set", "map.FDATE={{ extend.finish_time | dat }}"], "dat"),
        ([*BLANK, "--set", 'map.FDATE={value: "$.x"'], "a brace is opened and never closed"),
        ([*BLANK, "--set", 'map.FDATE={value: "$.x", lookup: nowhere}'], 'the answer to "map.FDATE" breaks'),
        ([*BLANK, "--set", "map.FDATE={{ params.no_param }}"], 'the answer to "map.FDATE" breaks'),
        ([*BLANK, "--set", "rows.FPAYBILLENTRY=报销[["], 'the answer to "rows.FPAYBILLENTRY" breaks'),
    ],
)
def test_an_answer_that_would_break_the_scheme_is_refused(
    tmp_path: Path, words: list[str], told: str
) -> None:
    made = engine(tmp_path, "new", *words, "--yes")
    assert made.returncode == 2, made.stdout
    assert told in made.stderr
    assert "Traceback" not in made.stderr
    assert not (tmp_path / "schemes").exists()


def test_in_a_terminal_such_an_answer_is_asked_for_again_with_the_reason(tmp_path: Path) -> None:
    there = terminal(tmp_path, *COPY)
    answer(there, "The scheme's id", "ours")
    answer(there, "审批流的唯一码")
    answer(there, "从哪天发起的审批开始")
    answer(there, "此前办结的报销不付")
    answer(there, "付款组织", "${env:HOME}")
    there.expect('"..env:HOME." is a reference')
    answer(there, "付款组织", "101")
    answer(there, "币别")
    answer(there, "评论人")
    there.expect(r"Save it\?.*: ")
    there.sendline("y")
    there.expect("next: ")
    there.expect(pexpect.EOF)
    made = yaml.safe_load((tmp_path / "schemes/ours.yaml").read_text("utf-8"))
    assert made["params"]["pay_org"]["default"] == "101"


SETTLED = {
    "final": "",
    "where": "",
    "hold": "",
    "id_path": "$.id",
    "number_path": "$.extend.business_id",
    "rows.FPAYBILLENTRY": "报销明细",
    "name": "mine",
    "environment": "sandbox",
    "interface": "topapi/processinstance/get",
    "target_interface": "batchSave",
    "key": "FBillNo",
    "map.FBillNo": "ZZ{{ extend.business_id }}",
    "map.FBillTypeID": "FKDLX02_SYS",
    "map.FCONTACTUNITTYPE": "BD_Department",
    "map.FCONTACTUNIT": "BM000003",
    "map.FRECTUNITTYPE": "BD_Department",
    "map.FRECTUNIT": "BM000003",
    "map.FCURRENCYID": "PRE001",
    "map.FSETTLECUR": "PRE001",
    "map.FPAYORGID": "100",
    "map.FPAYBILLENTRY.FSETTLETYPEID": "JSFS04_SYS",
    "map.FPAYBILLENTRY.FPURPOSEID": "SFKYT10_SYS",
    "map.FPAYBILLENTRY.FPAYTOTALAMOUNTFOR": "@.报销金额(元)",
}


def test_an_empty_or_breaking_answer_is_asked_for_again_with_the_reason(tmp_path: Path) -> None:
    given = [part for name, value in SETTLED.items() for part in ("--set", f"{name}={value}")]
    there = terminal(tmp_path, *BLANK[:-2], *given)
    answer(there, "审批流的唯一码")  # Enter alone
    there.expect("an empty answer will not do here")
    answer(there, "审批流的唯一码", "PROC-EXPENSE-SANDBOX")
    answer(there, "FDATE 业务日期", "{{ params.no_param }}")  # only the whole scheme shows that it is wrong
    there.expect('the answer to "map.FDATE" breaks the scheme')
    answer(there, "FDATE 业务日期", "{{ extend.finish_time | date }}")
    there.expect(r"Save it\?.*: ")
    there.sendline("y")
    there.expect("next: ")
    there.expect(pexpect.EOF)
    assert "{{ extend.finish_time | date }}" in (tmp_path / "schemes/mine.yaml").read_text("utf-8")
    assert engine(tmp_path, "validate", "schemes/mine.yaml").returncode == 0


def test_for_a_real_environment_the_values_go_into_the_connection_file(tmp_path: Path) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text(SETTINGS, encoding="utf-8")
    words = [
        "new",
        "--market",
        "expense_to_paybill",
        "--env",
        "production",
        "--set",
        "process_code=PROC-OURS",
        "--yes",
    ]
    made = engine(tmp_path, *words)
    assert made.returncode == 0, made.stderr
    assert "could not be tried yet" in made.stderr  # nobody is there
    assert "next: engine connections check --env production" in made.stdout
    written = file.read_text("utf-8")
    assert written.startswith(SETTINGS)
    params = yaml.safe_load(written)["values"]["production"]["expense_to_paybill"]["params"]
    assert params["process_code"] == "PROC-OURS"
    assert {"start_date", "go_live"} <= set(params)  # from today on: no history is paid
