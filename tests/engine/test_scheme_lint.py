"""What `validate` finds, where, and what it says to write instead."""

from __future__ import annotations

import copy
import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.connector.registry import catalog
from engine.connector.settings import load_settings
from engine.findings import Finding, Severity
from engine.scheme.codes import CODES
from engine.scheme.lint import check_loaded, validate
from engine.scheme.load import load_scheme_text
from engine.scheme.reach import Reach
from engine.yaml_nodes import read_yaml_text

ROOT = Path(__file__).parents[2]

NUMBER = 'FBillNo: "DD{{ extend.business_id }}"\n'
TYPE = "    FBillTypeID: FKDLX02_SYS\n"
DATE = '    FDATE: "{{ extend.finish_time | date }}"\n'

GOOD = """\
version: 1
id: expense
name: 报销
params:
  pay_org: {type: string, default: "100"}
  start_date: {type: date, default: "-100d"}
source:
  connection: dingtalk
  interface: topapi/processinstance/get
  request: {process_code: PROC-EXPENSE-SANDBOX, size: 20}
  window: {start: "{{ params.start_date }}", overlap: 24h}
  autoFillResponse: true
  id: "$.id"
  number: "$.extend.business_id"
  final: "{{ extend.status in ['COMPLETED', 'TERMINATED'] }}"
  where: "{{ extend.result == 'agree' }}"
tables:
  item: {values: {办公费: FYXM05_SYS}}
  employee: {connection: dingtalk, interface: topapi/v2/user/get, key: userid, value: job_number}
target:
  connection: kingdee
  interface: batchSave
  form: AP_PAYBILL
  key: FBillNo
  batch: 20
  until: audit
  options: {IsVerifyBaseDataField: true}
  mapping:
    FBillNo: "DD{{ extend.business_id }}"
    FBillTypeID: FKDLX02_SYS
    FDATE: "{{ extend.finish_time | date }}"
    FPAYORGID: "{{ params.pay_org }}"
    FSETTLEORGID: "{{ params.pay_org }}"
    FCONTACTUNITTYPE: BD_Empinfo
    FCONTACTUNIT: {value: "$.extend.originator_userid", lookup: employee}
    FRECTUNITTYPE: BD_Empinfo
    FRECTUNIT: {value: "$.extend.originator_userid", lookup: employee}
    FCURRENCYID: PRE001
    FSETTLECUR: PRE001
    FPAYBILLENTRY:
      - each: "$.报销明细[*]"
        row:
          FSETTLETYPEID: JSFS04_SYS
          FPURPOSEID: SFKYT10_SYS
          FCOSTID: {value: "@.费用明细", lookup: item}
          FPAYTOTALAMOUNTFOR: {value: "@.报销金额(元)", type: decimal, required: true}
"""


def found(tmp_path: Path, text: str, name: str = "expense.yaml") -> list[Finding]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return validate(path, environment=load_settings(None).environment())


def place(text: str, words: str, *, after: str = "") -> tuple[int, int]:
    """Line and column (from 1) of the first `words` after the first `after`."""
    at = text.index(words, text.index(after) if after else 0)
    before = text[:at]
    return before.count("\n") + 1, at - before.rfind("\n")


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def test_the_good_scheme_has_no_findings_but_hints(tmp_path: Path) -> None:
    assert [str(f) for f in found(tmp_path, GOOD) if f.severity is not Severity.HINT] == []


SHIPPED = [path for path in sorted(ROOT.glob("schemes/**/*.yaml")) if path.name != "market.yaml"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_schemes_that_ship_have_no_findings(path: Path) -> None:
    assert [str(finding) for finding in validate(path, environment=load_settings(None).environment())] == []


# what is written, what is written instead (the finding stands at the mark ¦), the finding's code
MISTAKES = [
    ("target:\n", "life: {revoked: ¦delete}\ntarget:\n", "S204"),
    ("target:\n", "life: {¦revokd: act}\ntarget:\n", "S201"),
    ("target:\n", "life: {modified: ¦act}\ntarget:\n", "S204"),
    ("target:\n", "life: {watch: ¦30}\ntarget:\n", "S202"),
    ("target:\n", "life: {closed_period: ¦act}\ntarget:\n", "S712"),
    ("target:\n", "life: {closed_period: act, date_field: ¦FDAT}\ntarget:\n", "S712"),
    ("target:\n", "life: {closed_period: act, date_field: ¦FPAYORGID}\ntarget:\n", "S712"),
    ("connection: dingtalk\n  interface: topapi/p", "connection: ¦dingding\n  interface: topapi/p", "S301"),
    ("interface: topapi/processinstance/get\n", "interface: ¦topapi/processinstance/gett\n", "S302"),
    ("interface: batchSave", "interface: ¦ExecuteBillQuery", "S303"),
    ("form: AP_PAYBILL", "form: ¦AP_PAYBIL", "S304"),
    ("process_code: PROC-EXPENSE-SANDBOX", "¦proces_code: PROC-EXPENSE-SANDBOX", "S305"),
    ("until: audit", "until: ¦audited", "S705"),
    ("batch: 20", "batch: ¦100000", "S707"),
    ("{IsVerifyBaseDataField: true}", "{¦IsVerifyBaseData: true}", "S706"),
    ("{IsVerifyBaseDataField: true}", "{¦IsAutoSubmitAndAudit: true}", "S706"),
    ("key: FBillNo", "key: ¦FREMARK", "S702"),
    ('"DD{{ extend.business_id }}"', '¦"DD{{ extend.finish_time | date }}"', "S704"),
    ('"DD{{ extend.business_id }}"', "¦DD1", "S704"),
    ('"DD{{ extend.business_id }}"', '¦"DD{{ params.pay_org }}"', "S704"),
    ("    FCURRENCYID: PRE001\n", "    FCURRENCYID: PRE001\n    ¦FormId: AP_PAYBILL\n", "S422"),
    ("FSETTLETYPEID: J", "¦IsAutoSubmitAndAudit: true\n          FSETTLETYPEID: J", "S422"),
    (f"{NUMBER}{TYPE}{DATE}", f"¦{NUMBER}{TYPE}", "S423"),
    ('FPAYORGID: "{{ params.pay_org }}"', 'FPAYORGID: {¦fNumber: "{{ params.pay_org }}"}', "S426"),
    ('FPAYORGID: "{{ params.pay_org }}"', 'FPAYORGID: {¦number: "{{ params.pay_org }}"}', "S426"),
    ('FCURRENCYID: PRE001', 'FCURRENCYID: ¦{from: "$.title", lookup: item}', "S406"),
    ("lookup: item", "lookup: ¦items", "S501"),
    ("interface: topapi/v2/user/get", "interface: ¦topapi/processinstance/get", "S505"),
    ("key: userid", "key: ¦user_id", "S507"),
    ("FPAYORGID: \"{{ params.pay_org }}", "FPAYORGID: \"{{ params.¦pay_or }}", "S308"),
    ('default: "-100d"', 'default: ¦"last week"', "S210"),
    ('start: "{{ params.start_date }}"', 'start: ¦"yesterday"', "S313"),
    ("finish_time | date", "finish_time | ¦dat", "S403"),
    ('id: "$.id"', 'id: "$.¦[id"', "S402"),
    ("FCURRENCYID: PRE001", 'FCURRENCYID: ¦"@.币别"', "S404"),
    ("FCURRENCYID: PRE001", 'FCURRENCYID: "{{ ¦row.币别 }}"', "S404"),
    ("size: 20", 'size: "{{ ¦extend.size }}"', "S420"),
    ("size: 20", 'size: ¦"$.size"', "S208"),
    ("where: \"{{ extend.result == 'agree' }}\"", "where: ¦\"{{ extend.result == 'agree' }} yes\"", "S405"),
    ("FCURRENCYID: PRE001", 'FCURRENCYID: "{{ ¦TextNote-KDE5B2G3 }}"', "S427"),
    ("required: true}", "¦requird: true}", "S201"),
    ("FCURRENCYID: PRE001", 'FCURRENCYID: "¦${env:CURRENCY}"', "S109"),
    ("FCURRENCYID: PRE001", "FCURRENCYID: ¦{{ params.pay_org }}", "S103"),
    ("FCURRENCYID: PRE001", "FCURRENCYID: PRE001\n    ¦FCURRENCYID: PRE007", "S102"),
    ("version: 1", "version: ¦2", "S206"),
    ("batch: 20", "¦group_by: x", "S207"),
    ("batch: 20", "batch: ¦twenty", "S202"),
    ("connection: kingdee\n  interface: batchSave\n  form: AP_PAYBILL\n  key: FBillNo\n",
     "¦connection: kingdee\n  interface: batchSave\n  form: AP_PAYBILL\n", "S203"),
    ("overlap: 24h", "overlap: ¦1 day", "S204"),
]  # fmt: skip


def planted(written: str, instead: str, text: str = GOOD) -> str:
    """The text with one mistake in it, its place marked."""
    assert written in text
    return text.replace(written, instead, 1)


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without marks, and the lines and columns (from 1) where they stood."""
    places = []
    while "¦" in text:
        before, _, after = text.partition("¦")
        places.append((before.count("\n") + 1, len(before) - before.rfind("\n")))
        text = before + after
    return text, places


@pytest.mark.parametrize(
    ("written", "instead", "code"), MISTAKES, ids=[f"{code}-{text[:24]}" for _, text, code in MISTAKES]
)
def test_a_mistake_is_found_at_its_place(tmp_path: Path, written: str, instead: str, code: str) -> None:
    text, places = unmarked(planted(written, instead))
    findings = errors(found(tmp_path, text))
    assert [(f.code, (f.position.line, f.position.column)) for f in findings] == [(code, places[0])]
    assert findings[0].message
    assert code in CODES


TEN = [
    ("process_code: PROC-EXPENSE-SANDBOX", "¦proces_code: PROC-EXPENSE-SANDBOX"),
    ("overlap: 24h", "¦overlapp: 24h"),
    ('number: "$.extend.business_id"', "number: ¦5"),
    ("'TERMINATED'] }}", "'TERMINATED'] | ¦lowr }}"),
    ("key: userid", "key: ¦user_id"),
    ("until: audit", "until: ¦audited"),
    ("    FCURRENCYID: PRE001", "    ¦FormId: PRE001\n    FCURRENCYID: PRE001"),
    ("FRECTUNITTYPE: BD_Empinfo", "FRECTUNITTYPE: ¦{{ params.pay_org }}"),
    ("lookup: item", "lookup: ¦items"),
    ("required: true}", "¦requird: true}"),
    ("FSETTLECUR: PRE001", "FSETTLECUR: PRE001\n    ¦FSETTLECUR: PRE007"),
]


def test_every_missing_field_is_told(tmp_path: Path) -> None:
    text = GOOD.replace(TYPE, "").replace(DATE, "").replace("  key: FBillNo\n", "")
    messages = [f.message for f in errors(found(tmp_path, text))]
    wanted = ("FBillTypeID", "FDATE", '"key"')
    assert [word for word in wanted if not any(word in message for message in messages)] == []


def test_behind_a_misspelt_name_the_rest_is_checked_all_the_same(tmp_path: Path) -> None:
    text = GOOD
    for written, instead in [
        ("connection: dingtalk\n", "connection: ¦dingtalkk\n"),
        ("processinstance/get\n", "processinstance/gett\n"),
        ("{process_code: PROC", "{¦proces_code: PROC"),
        ("connection: kingdee", "connection: ¦kingde"),
        ("form: AP_PAYBILL", "form: ¦AP_PAYBIL"),
        ("until: audit", "until: ¦audited"),
        ("    FCURRENCYID: PRE001", "    ¦FormId: PRE001\n    FCURRENCYID: PRE001"),
    ]:
        text = planted(written, instead, text)
    text, places = unmarked(text.replace("interface: topapi/pro", "interface: ¦topapi/pro", 1))
    found_at = [(f.position.line, f.position.column) for f in errors(found(tmp_path, text))]
    assert found_at == sorted(places)


def test_ten_mistakes_in_one_scheme_are_all_found_and_nothing_else(tmp_path: Path) -> None:
    text = GOOD
    for written, instead in TEN:
        text = planted(written, instead, text)
    text, places = unmarked(text)
    findings = errors(found(tmp_path, text))
    assert [(f.position.line, f.position.column) for f in findings] == sorted(places)
    assert all(f.hint for f in findings)


def test_warnings_and_hints(tmp_path: Path) -> None:
    text = GOOD.replace("extend.result ==", "extendd.result ==").replace(
        "FCURRENCYID: PRE001", 'FCURRENCYID: PRE001\n    FREMARK: "$.extend.originator_useridd"'
    )
    codes = {(f.code, f.severity.value) for f in found(tmp_path, text)}
    assert ("S420", "warning") in codes
    assert ("S428", "warning") in codes
    unused = GOOD.replace("tables:\n", "tables:\n  spare: {values: {a: b}}\n").replace(
        "params:\n", "params:\n  spare: {type: string, default: x}\n"
    )
    assert {("S502", "hint"), ("S309", "hint")} <= {
        (f.code, f.severity.value) for f in found(tmp_path, unused)
    }
    swapped = GOOD.replace("    FCONTACTUNITTYPE: BD_Empinfo\n", "").replace(
        "    FRECTUNITTYPE: BD_Empinfo\n", "    FCONTACTUNITTYPE: BD_Empinfo\n    FRECTUNITTYPE: BD_Empinfo\n"
    )
    assert [(f.code, f.severity.value) for f in found(tmp_path, swapped) if f.code == "S425"] == [
        ("S425", "warning")
    ]


@pytest.mark.parametrize(
    ("written", "instead", "code"),
    [
        ("FREMARK: x", "¦FREMARKK: {value: x, label: 备注二}", "S421"),
        ("FPURPOSEID: SFKYT10_SYS", "FPURPOSEID: SFKYT10_SYS\n          ¦F_ABC_Project: x", "S421"),
        ("value: job_number", "value: ¦jobnumber", "S506"),
    ],
)
def test_what_an_open_catalog_does_not_list_is_a_warning(
    tmp_path: Path, written: str, instead: str, code: str
) -> None:
    base = GOOD.replace("    FCURRENCYID: PRE001", "    FREMARK: x\n    FCURRENCYID: PRE001")
    text, places = unmarked(planted(written, instead, base))
    warned = [f for f in found(tmp_path, text) if f.severity is Severity.WARNING]
    assert [(f.code, (f.position.line, f.position.column)) for f in warned] == [(code, places[0])]


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("FREMARK: x", "¦FREMARKK: x"),
        ("FPURPOSEID: SFKYT10_SYS", "¦FPURPOSEIDD: SFKYT10_SYS"),
        ("FPURPOSEID: SFKYT10_SYS", "¦FREMARK: x"),
    ],
)
def test_a_target_field_that_looks_misspelt_or_misplaced_is_an_error(
    tmp_path: Path, written: str, instead: str
) -> None:
    """A target may pass over a field it does not know without a word: a bill with a hole."""
    base = GOOD.replace("    FCURRENCYID: PRE001", "    FREMARK: x\n    FCURRENCYID: PRE001")
    text, places = unmarked(planted(written, instead, base))
    wrong = [f for f in found(tmp_path, text) if f.severity is Severity.ERROR]
    assert [(f.code, (f.position.line, f.position.column)) for f in wrong] == [("S421", places[0])]
    assert "label" in (wrong[0].hint or "")


def test_a_key_that_the_target_does_not_keep_unique_is_a_warning(tmp_path: Path) -> None:
    text = GOOD.replace("key: FBillNo", "key: FTHIRDBILLNO").replace(
        '    FBillNo: "DD{{ extend.business_id }}"', '    FTHIRDBILLNO: "{{ extend.business_id }}"'
    )
    findings = found(tmp_path, text)
    assert not errors(findings)
    assert [
        (f.code, f.position.line, f.position.column) for f in findings if f.severity is Severity.WARNING
    ] == [("S703", *place(text, "FTHIRDBILLNO"))]


def test_an_alias_is_understood_and_told(tmp_path: Path) -> None:
    text = GOOD.replace(
        '"$.extend.originator_userid"', '"$.报销明细.项目费用明细.extend.originator_userid"', 1
    )
    findings = found(tmp_path, text)
    assert not errors(findings)
    assert "$.extend.originator_userid" in next(f.hint or "" for f in findings if f.code == "S411")


@pytest.mark.parametrize(
    ("table", "file", "code", "line", "column"),
    [
        ("{file: t.csv, key: a, value: b}", None, "S503", 18, 16),
        ("{file: ../t.csv, key: a, value: b}", "a,b\n", "S503", 18, 16),
        ("{file: t.csv, key: a, value: b}", "a,b\n1,2\n\n 1 ,3\n", "S504", 4, 1),
        ("{file: t.csv, key: a, value: c}", "a,b\n1,2\n", "S504", 1, 1),
        ("{file: t.csv, key: a, value: b}", "a,b\n1,2,3\n", "S504", 2, 1),
        ("{file: t.csv, key: a, value: b}", 'a,b\n1,"2\n', "S504", 2, 1),
        ("{file: t.csv, key: a, value: b}", b"a,b\n\xff\xff\xff\n", "S504", 1, 1),
    ],
)
def test_tables_of_files(
    tmp_path: Path, table: str, file: str | bytes | None, code: str, line: int, column: int
) -> None:
    if file is not None:
        (tmp_path / "t.csv").write_bytes(file if isinstance(file, bytes) else file.encode())
    text = GOOD.replace("{values: {办公费: FYXM05_SYS}}", table)
    findings = errors(found(tmp_path, text))
    assert [(f.code, f.position.line, f.position.column) for f in findings] == [(code, line, column)]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "schemes"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    (inside / "t.csv").symlink_to(tmp_path / "secret.csv")
    text = GOOD.replace("{values: {办公费: FYXM05_SYS}}", "{file: t.csv, key: a, value: b}")
    assert [f.code for f in errors(found(inside, text))] == ["S503"]


BACK = """\
version: 1
id: back
name: 回写
source: {interface: callback, id: "$.id", number: "$.business_id"}
target:
  connection: dingtalk
  interface: topapi/process/instance/comment/add
  key: text
  mapping:
    process_instance_id: "$.id"
    comment_userid: finance01
    text: "已生成付款单 {{ result.number }} {{ name }}"
"""
CALL = (
    'callback: {scheme: back, data: {id: "$.id", business_id: "$.extend.business_id", name: "$.收款账号"}}\n'
)


def with_back(tmp_path: Path, call: str, back: str = BACK) -> list[Finding]:
    (tmp_path / "back.yaml").write_text(back, encoding="utf-8")
    return found(tmp_path, GOOD + textwrap.dedent(call))


def test_a_callback_scheme_alone_and_called(tmp_path: Path) -> None:
    assert not [f for f in found(tmp_path, BACK, "back.yaml") if f.severity is not Severity.HINT]
    assert not [f for f in with_back(tmp_path, CALL) if f.severity is not Severity.HINT]


@pytest.mark.parametrize(
    ("call", "back", "code"),
    [
        (CALL.replace("scheme: back", "scheme: bakc"), BACK, "S310"),
        (CALL, BACK.replace("{{ result.number }}", ""), "S311"),
        (CALL.replace("scheme: back", "scheme: expense"), BACK, "S311"),
        (CALL.replace('id: "$.id", ', ""), BACK, "S312"),
        (CALL.replace("data:", "on: deliverd, data:"), BACK, "S204"),
    ],
)
def test_callbacks_that_are_wrong(tmp_path: Path, call: str, back: str, code: str) -> None:
    assert [f.code for f in errors(with_back(tmp_path, call, back))] == [code]


def test_a_callback_scheme_has_no_connection_or_window(tmp_path: Path) -> None:
    text = BACK.replace(
        "{interface: callback,", "{connection: dingtalk, interface: callback, window: {start: -1d},"
    )
    assert [f.code for f in errors(found(tmp_path, text, "back.yaml"))] == ["S201", "S201"]


def test_tests_that_are_malformed(tmp_path: Path) -> None:
    text = GOOD + textwrap.dedent("""\
        tests:
          - name: no record file
            record: {file: none.json}
            skipped: true
          - name: nothing expected
            record: {id: "1"}
          - name: unknown names
            record: {id: "1"}
            params: {pay_orgg: x}
            tables: {itemm: {a: b}}
            held: true
          - name: unknown names
            record: {id: "1"}
            waiting: true
            ducument: {}
        """)
    assert [(f.code, f.severity.value) for f in found(tmp_path, text) if f.code.startswith(("S6", "S2"))] == [
        ("S602", "error"),
        ("S209", "error"),
        ("S603", "error"),
        ("S603", "error"),
        ("S601", "warning"),
        ("S201", "error"),
    ]


@pytest.mark.parametrize(
    "text", ["", "- 1", "5", "version: 1", "a: [", "version: 1\nsource: []\ntarget: 5\n", "\x00"]
)
def test_any_file_gets_findings_and_no_traceback(tmp_path: Path, text: str) -> None:
    assert errors(found(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert [f.code for f in validate(tmp_path / "none.yaml")] == ["S101"]


def test_what_connections_yaml_says_for_the_scheme_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text(
        "values:\n  sandbox:\n    expense:\n"
        "      params: {pay_orgg: x, start_date: soon}\n"
        "      tables: {item: none.csv}\n",
        encoding="utf-8",
    )
    (tmp_path / "expense.yaml").write_text(GOOD, encoding="utf-8")
    environment = load_settings(tmp_path / "connections.yaml").environment()
    findings = errors(validate(tmp_path / "expense.yaml", environment=environment))
    assert [(f.code, f.position.line, Path(f.position.file).name) for f in findings] == [
        ("S308", 4, "connections.yaml"),
        ("S210", 4, "connections.yaml"),
        ("S503", 5, "connections.yaml"),
    ]


def test_go_live_is_a_time_and_a_source_should_say_what_is_final(tmp_path: Path) -> None:
    text = GOOD.replace("params:\n", "params:\n  go_live: {type: date, required: false}\n")
    assert [f.code for f in errors(found(tmp_path, text))] == ["S210"]
    text = GOOD.replace("  final: \"{{ extend.status in ['COMPLETED', 'TERMINATED'] }}\"\n", "")
    assert ("S314", "hint") in {(f.code, f.severity.value) for f in found(tmp_path, text)}


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("{{ 币别 }}", True),
        ("{{ 币别 | default('') }}", False),
        ("{{ 币别 if 币别 is defined else '' }}", False),
        ("{{ titel | default('') }}", True),
        (
            "{{ 'x' if 公司帐号付款 is defined else '' }}",
            True,
        ),  # 公司帐号付款(如需公司帐号付款请选择) is meant
    ],
)
def test_a_name_that_the_scheme_provides_for_is_no_warning(tmp_path: Path, text: str, warned: bool) -> None:
    changed = GOOD.replace("    FCURRENCYID: PRE001", f'    FREMARK: "{text}"\n    FCURRENCYID: PRE001')
    assert ("S420" in {f.code for f in found(tmp_path, changed)}) == warned


def test_a_field_that_the_catalog_lacks_may_be_the_forms_own(tmp_path: Path) -> None:
    changed = GOOD.replace("    FCURRENCYID: PRE001", '    FREMARK: "{{ 币别 }}"\n    FCURRENCYID: PRE001')
    assert [f.hint for f in found(tmp_path, changed) if f.code == "S420"] == [
        "it is right if the form has this field: a catalog lists one form's fields only"
    ]


def test_one_equals_sign_is_told_to_be_two(tmp_path: Path) -> None:
    (finding,) = errors(found(tmp_path, GOOD.replace("extend.result == 'agree'", "extend.result = 'agree'")))
    assert (finding.code, finding.hint) == ("S403", "to compare, write == or !=")


@pytest.mark.parametrize(
    ("text", "flagged"),
    [
        ("{{ TextNote-KDE5B2G3 }}", True),
        ("{{ record.TextNote-KDE5B2G3 }}", True),
        ("{{ record['TextNote-KDE5B2G3'] }}", False),
        ("{{ 'a-b' }}", False),
        ("a-b {{ title }} c-d", False),
        ("{{ extend.a|decimal-extend.b|decimal }}", False),
        ("{{ record.a-record.b }}", False),
        ("{{ title - id }}", False),
    ],
)
def test_names_with_a_dash(tmp_path: Path, text: str, flagged: bool) -> None:
    changed = GOOD.replace("    FCURRENCYID: PRE001", f'    FREMARK: "{text}"\n    FCURRENCYID: PRE001')
    assert ("S427" in {f.code for f in found(tmp_path, changed)}) == flagged


VALUES = [
    "",
    5,
    True,
    None,
    [],
    {},
    ["x"],
    {"value": 1},
    {"each": "$.x"},
    "$.x",
    "@",
    "{{",
    "{{ x }}",
    "${env:X}",
    "$x",
]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_change_of_a_scheme_ends_in_a_traceback(data: st.DataObject) -> None:
    plain = read_yaml_text(GOOD, "s.yaml").plain()
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = plain, None
        for _ in range(data.draw(st.integers(1, 6))):
            inside = holder[key] if key is not None else holder
            if not inside or not isinstance(inside, (dict, list)):
                break
            holder = inside
            key = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
        change = data.draw(st.sampled_from(["replace", "remove", "rename"]))
        if change == "replace" or isinstance(holder, list):
            holder[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
        elif change == "remove":
            del holder[key]
        else:
            holder[f"{key}x"] = holder.pop(key)
    text = json.dumps(plain, ensure_ascii=False)
    environment = load_settings(None).environment()
    reach = Reach(catalog, environment)
    findings = check_loaded(load_scheme_text(text, Path("s.yaml"), reach), reach)
    assert all(finding.code in CODES for finding in findings)


def test_what_a_target_cannot_do_is_no_policy(tmp_path: Path) -> None:
    """A draft can be taken back by nobody; a comment can be asked for only when in doubt."""
    draft = GOOD.replace("interface: batchSave", "interface: draft").replace("until: audit", "until: draft")
    draft = draft.replace("  batch: 20\n", "") + "life: {revoked: act, bill_deleted: act}\n"
    finding = next(each for each in errors(found(tmp_path, draft)) if each.code == "S711")
    assert (finding.position.line, finding.position.column) == place(draft, "act", after="life:")
    assert "cannot take a document back" in finding.message
    assert "revoked: alert" in str(finding)


def test_a_life_that_can_be_lived_has_no_findings(tmp_path: Path) -> None:
    policies = "revoked: act, modified: hold, reissued: alert, bill_deleted: act, bill_unaudited: act"
    life = f"life: {{{policies}, closed_period: act, date_field: FDATE, watch: 60d}}\n"
    assert errors(found(tmp_path, GOOD + life)) == []
    hinted = found(tmp_path, GOOD + "life: {date_field: FDATE}\n")
    assert [each.code for each in hinted if "date_field" in each.message] == ["S712"]


def test_a_callback_scheme_has_no_life(tmp_path: Path) -> None:
    text = (ROOT / "schemes/paybill_writeback.yaml").read_text(encoding="utf-8") + "\nlife: {revoked: hold}\n"
    assert "S711" in {each.code for each in found(tmp_path, text, "paybill_writeback.yaml")}
