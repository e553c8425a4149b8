"""Tests inside schemes: what passes, what does not, and what the difference looks like."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from engine.connector.settings import load_settings
from engine.scheme.load import load_scheme
from engine.scheme.testing import TestResult, run_tests

SCHEME = """\
version: 1
id: expense
name: 报销
params:
  pay_org: {type: string, default: "100"}
  account: {type: string}
  since: {type: date, default: "-10d"}
source:
  connection: dingtalk
  interface: topapi/processinstance/get
  request: {process_code: P}
  window: {start: "{{ params.since }}"}
  autoFillResponse: true
  id: "$.id"
  final: "{{ extend.status == 'COMPLETED' }}"
  where: "{{ extend.result == 'agree' }}"
  hold: "{{ extend.biz_action != 'NONE' }}"
tables:
  item: {values: {办公费: FYXM05_SYS}}
  employee: {connection: dingtalk, interface: topapi/v2/user/get, key: userid, value: job_number}
target:
  connection: kingdee
  interface: batchSave
  form: AP_PAYBILL
  key: FBillNo
  mapping:
    FBillNo: "DD{{ id }}"
    FBillTypeID: FKDLX02_SYS
    FDATE: "{{ params.since }}"
    FPAYORGID: "{{ params.pay_org }}"
    FSETTLEORGID: "{{ params.pay_org }}"
    FCONTACTUNITTYPE: BD_Empinfo
    FCONTACTUNIT: {value: "$.extend.originator_userid", lookup: employee}
    FRECTUNITTYPE: BD_Empinfo
    FRECTUNIT: {value: "$.extend.originator_userid", lookup: employee}
    FCURRENCYID: PRE001
    FSETTLECUR: PRE001
    FREMARK: "{{ params.account }}"
    FPAYBILLENTRY:
      - each: "$.明细[*]"
        row:
          FSETTLETYPEID: JSFS04_SYS
          FPURPOSEID: SFKYT10_SYS
          FCOSTID: {value: "@.费用", lookup: item}
          FPAYTOTALAMOUNTFOR: {value: "@.金额", type: decimal, required: true}
tests:
"""

CLAIM = """\
record:
  id: "7"
  extend: {status: COMPLETED, result: agree, biz_action: NONE, originator_userid: "5237"}
  明细: [{费用: 办公费, 金额: "1,328.50"}, {费用: 办公费, 金额: "0.10"}]
"""


def run(tmp_path: Path, test: str) -> TestResult:
    path = tmp_path / "expense.yaml"
    path.write_text(
        SCHEME + "  - name: it\n" + textwrap.indent(textwrap.dedent(test), "    "), encoding="utf-8"
    )
    environment = load_settings(None).environment()
    loaded = load_scheme(path)
    assert loaded.scheme is not None, [str(finding) for finding in loaded.findings]
    (result,) = run_tests(loaded.scheme, environment=environment)
    assert (result.scheme, result.name, result.line) == ("expense", "it", SCHEME.count("\n") + 1)
    assert result.passed == (result.message == "")
    return result


@pytest.mark.parametrize(
    "expected",
    [
        'document: {FBillNo: DD7, FPAYBILLENTRY: [{FPAYTOTALAMOUNTFOR: "1328.5"}, {}]}',
        "document: {FPAYBILLENTRY: [{FPAYTOTALAMOUNTFOR: 1328.50}, {FPAYTOTALAMOUNTFOR: 0.1}]}",
        'document: {FPAYORGID: "100", FBillTypeID: FKDLX02_SYS, FPAYBILLENTRY: [{FCOSTID: FYXM05_SYS}, {}]}',
        "document: {FCONTACTUNIT: <employee:5237>, FREMARK: <account>, FDATE: 2025-12-22}",
        "document: {}",
        "document: {FDepartment: null}",
        'tables: {employee: {"5237": E0031}}\ndocument: {FCONTACTUNIT: E0031}',
        'tables: {employee: {"5237": null}}\nerror: FCONTACTUNIT',
        "tables: {item: {办公费: X}}\ndocument: {FPAYBILLENTRY: [{FCOSTID: X}, {FCOSTID: X}]}",
        'params: {pay_org: "200", since: "-1d"}\ndocument: {FPAYORGID: "200", FDATE: 2025-12-31}',
    ],
)
def test_what_passes(tmp_path: Path, expected: str) -> None:
    assert run(tmp_path, CLAIM + expected).message == ""


@pytest.mark.parametrize(
    "test",
    [
        "record: {extend: {status: RUNNING}}\nwaiting: true",
        "record: {extend: {status: COMPLETED, result: refuse}}\nskipped: true",
        "record: {extend: {status: COMPLETED, result: agree, biz_action: REVOKE}}\nheld: true",
        CLAIM.replace(', 金额: "0.10"', "") + "error: FPAYTOTALAMOUNTFOR",
        CLAIM.replace("{费用: 办公费, ", "{费用: 差旅, ") + "error: item",
        "record: {}\nerror: extend",
    ],
)
def test_what_becomes_of_other_records(tmp_path: Path, test: str) -> None:
    assert run(tmp_path, test).message == ""


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (CLAIM + "document: {FBillNo: DD8}", ["FBillNo", '"DD8"', '"DD7"']),
        (CLAIM + 'document: {FPAYORGID: "200"}', ["FPAYORGID", '"200"', '"100"']),
        (
            CLAIM + "document: {FBillNo: DD8, FPAYBILLENTRY: [{FPAYTOTALAMOUNTFOR: 1}, {FCOSTID: A, FX: 1}]}",
            ["FBillNo", "[0].FPAYTOTALAMOUNTFOR", "[1].FCOSTID", "FPAYBILLENTRY[1].FX", "left out"],
        ),
        (CLAIM + "document: {FPAYBILLENTRY: [{}]}", ["1 rows", "2 rows"]),
        (CLAIM + "document: {FPAYBILLENTRY: {}}", ["FPAYBILLENTRY"]),
        (CLAIM + "document: {FDATE: null}", ["FDATE", "null"]),
        (CLAIM + "skipped: true", ["skipped", "a document"]),
        (CLAIM + "error: FDATE", ["a failure", "a document"]),
        ("record: {extend: {status: RUNNING}}\nskipped: true", ["skipped", "waits", "status", "line 15"]),
        ("record: {}\nskipped: true", ["a failure", "'extend' is not there"]),
        ("record: {extend: {status: COMPLETED, result: agree}}\nheld: true", ["a failure", "biz_action"]),
        (
            'record: {extend: {status: COMPLETED, result: agree, biz_action: NONE}}\ndocument: {}',
            ["a failure", "FBillNo", "'id' is not there"],
        ),
        (CLAIM.replace('"1,328.50"', "x") + "error: FCOSTID", ["FCOSTID", "FPAYTOTALAMOUNTFOR", "x"]),
        (CLAIM + "params: {since: soon}\ndocument: {}", ["since", "soon"]),
    ],
)  # fmt: skip
def test_what_does_not_pass_says_what_differs(tmp_path: Path, test: str, words: list[str]) -> None:
    message = run(tmp_path, test).message
    assert [word for word in words if word not in message] == []


def test_records_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"extend": {"status": "RUNNING"}, "x": 0.1}', encoding="utf-8")
    (tmp_path / "b.yaml").write_text("extend: {status: RUNNING}", encoding="utf-8")
    (tmp_path / "c.json").write_text("[1]", encoding="utf-8")
    (tmp_path / "d.json").write_text('{"a": \n oops}', encoding="utf-8")
    assert run(tmp_path, "record: {file: a.json}\nwaiting: true").passed
    assert run(tmp_path, "record: {file: b.yaml}\nwaiting: true").passed
    assert "must be a mapping" in run(tmp_path, "record: {file: c.json}\nwaiting: true").message
    assert "d.json:2:2" in run(tmp_path, "record: {file: d.json}\nwaiting: true").message
    assert "no file" in run(tmp_path, "record: {file: e.json}\nwaiting: true").message


def test_many_differences_are_cut(tmp_path: Path) -> None:
    fields = ", ".join(f"F{number}: 1" for number in range(30))
    message = run(tmp_path, CLAIM + f"document: {{{fields}}}").message
    assert message.count("\n") == 20
    assert message.endswith("and 10 more")


def test_a_table_that_cannot_be_read_fails_all_tests(tmp_path: Path) -> None:
    path = tmp_path / "expense.yaml"
    text = SCHEME.replace("{values: {办公费: FYXM05_SYS}}", "{file: none.csv, key: a, value: b}")
    path.write_text(f"{text}  - {{name: it, record: {{}}, skipped: true}}\n", encoding="utf-8")
    loaded = load_scheme(path)
    assert loaded.scheme is not None
    (result,) = run_tests(loaded.scheme)
    assert not result.passed
    assert "no file" in result.message
