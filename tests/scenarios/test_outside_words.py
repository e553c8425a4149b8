"""What is said, and how: findings, broken files, JSON shapes, exit codes, secrets (done-points 6 and 7)."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from outside_world import SCHEME

FINDING = {"file", "line", "column", "code", "severity", "message", "hint"}
ERROR = {"class", "message", "file", "line", "column", "hint"}
RUN = {"run", "scheme", "environment", "status", "counts", "amount", "attention", "callbacks", "calls"}
RUN |= {"seconds", "ledger"}

MISTAKES = [
    ("autoFillResponse: true", "autoFilResponse: true", "autoFilResponse", "autoFillResponse"),
    ("batch: 20", "batch: many", "many", "batch"),
    ('final: "{{ extend.status in', 'final: "{{ extendd.status in', "extendd", "extendd"),
    ("extend.finish_time | date }}", "extend.finish_time | dat }}", "dat }}", "dat"),
    ('- each: "$.项目费用明细[*]"', '- each: "$.项目费用明细[*"', "$.项目费用明细[*", "["),
    ("lookup: expense_item}", "lookup: expense_itm}", "expense_itm", "expense_item"),
    ('FREMARK: "$.title"', 'FREMARKK: "$.title"', "FREMARKK", "FREMARK"),
    ("tables/expense_item.csv", "tables/none.csv", "tables/none.csv", "none.csv"),
    ("topapi/v2/user/get", "topapi/v2/user/gett", "topapi/v2/user/gett", "topapi/v2/user/get"),
    ("  scheme: paybill_writeback", "  scheme: paybill_writebak", "paybill_writebak", "paybill_writeback"),
    ("    skipped: true", "    skiped: true", "skiped", "skipped"),
    ("until: audit", "until: audited", "audited", "audit"),
]


def test_twelve_mistakes_are_all_found_where_they_are(world: Any) -> None:
    world.scheme(*((old, new) for old, new, _, _ in MISTAKES))
    text = (world.folder / "schemes/expense_to_paybill.yaml").read_text(encoding="utf-8")
    found = world.engine("validate", "schemes/expense_to_paybill.yaml", "--json")
    assert found.code == 1
    findings = found.json["findings"]
    assert all(set(finding) == FINDING for finding in findings)
    lines = text.splitlines()
    for _, _, mark, word in MISTAKES:
        line = next(n for n, line in enumerate(lines, 1) if mark in line)
        # a form's own fields are known to no catalog: a bare name that nobody knows is a warning
        grave = ("error", "warning") if word == "extendd" else ("error",)
        here = [one for one in findings if one["line"] == line and one["severity"] in grave]
        assert here, (mark, line, findings)
        assert any(word in one["message"] + str(one["hint"]) for one in here), (word, here)
        column = lines[line - 1].index(mark) + 1
        assert any(abs(one["column"] - column) <= len(lines[line - 1]) for one in here)
    errors = {one["line"] for one in findings if one["severity"] == "error"}
    marked = {next(n for n, line in enumerate(lines, 1) if mark in line) for *_, mark, _ in MISTAKES}
    assert errors <= marked, "an error where nothing is wrong"


def test_findings_for_github(world: Any) -> None:
    world.scheme(("FREMARK:", "FREMARKK:"))
    found = world.engine("validate", "schemes", "--format", "github")
    assert found.code == 1
    line = SCHEME.splitlines().index('    FREMARK: "$.title"') + 1
    assert f"::error file=schemes/expense_to_paybill.yaml,line={line},col=" in found.out
    as_json = world.engine("validate", "schemes", "--format", "json")
    assert {one["severity"] for one in as_json.json["findings"]} >= {"error"}


def test_a_scheme_with_errors_runs_nothing(world: Any) -> None:
    world.scheme(("FREMARK:", "FREMARKK:"))
    world.claims(1)
    for command in (["run"], ["preview"]):
        found = world.engine(*command, "expense_to_paybill", "--json")
        assert found.code == 2
        assert set(found.json["error"]) == ERROR
        assert found.json["error"]["line"] == SCHEME.splitlines().index('    FREMARK: "$.title"') + 1
    assert world.dingtalk.log == []
    assert world.kingdee.logins == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1\n- 2\n",
        "version: 1\n  id: x\n",
        "version: 1\nid: 'x\n",
        "version: 2\nid: x\n",
        "\x00\x01",
        "version: 1\nid: x\nname: {{ a }}\n",
        "a: &a [*a, *a]\n",
        "{}",
        "null",
        "version: 1\nid: x\nid: y\n",
        "? [1, 2]\n: 3\n",
        "!!python/object/apply:os.system ['true']\n",
        "version: 1\nid: x\nsource: []\ntarget: 5\ntests: {}\n",
        "[" * 5000,
        "version: 1\nid: x\nname: ${env:OUTSIDE_KD_SECRET}\n",
        SCHEME.replace("id: expense_to_paybill", "id: 2026-01-01"),
        SCHEME.replace('"$.id"', "@.id", 1),
        SCHEME.replace("key: FBillNo", "key: FREMARK"),
        SCHEME[:900],
    ],
)
def test_a_broken_scheme_is_told_in_words(world: Any, text: str) -> None:
    world.write("schemes/expense_to_paybill.yaml", text)
    checked = world.engine("validate", "schemes/expense_to_paybill.yaml", "--json")
    assert checked.code == 1, checked.out
    findings = checked.json["findings"]
    assert findings
    assert all(one["line"] and one["column"] and one["message"] for one in findings)
    assert "something went wrong" not in checked.err
    found = world.engine("run", "schemes/expense_to_paybill.yaml", "--json")
    assert found.code == 2, found.out
    assert set(found.json) == {"error"}
    assert "something went wrong" not in found.err
    tested = world.engine("test", "schemes/expense_to_paybill.yaml", "--json")
    assert tested.code == (0 if "key: FREMARK" in text else 1), tested.out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "environments: 5\n",
        "environments: {company: 5}\n",
        "environments: {company: {dingtalk: 5}}\n",
        "environments: {company: {dingtalk: {connector: dingtalkk}}}\n",
        "environments: {company: {dingtalk: {connector: dingtalk, base_url: 5}}}\n",
        "environments: {company: {dingtalk: {connector: dingtalk, base_url: 'http://127.0.0.1:1'}}}\n",
        "environments: {company: {}}\n",
        "environments: {\n",
        "environments: {company: {dingtalk: {connector: dingtalk, app_secret: '${env:NOT_THERE}'}}}\n",
        "environments: {company: {dingtalk: {connector: dingtalk, app_secret: '${file:/none}'}}}\n",
        "environments: {company: {dingtalk: {connector: dingtalk, limits: {per_second: lots}}}}\n",
        "values: 7\n",
        "\x00",
    ],
)
def test_a_broken_connection_file_is_told_in_words(world: Any, text: str) -> None:
    world.write("connections.yaml", text)
    found = world.run()
    assert found.code == 2, found.out
    assert set(found.json["error"]) == ERROR
    assert "something went wrong" not in found.err
    assert world.engine("connections", "list", "--json").code in (0, 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expense_item.csv"),
        (b"a,b\n1,2\n", "费用明细"),
        ("费用明细,费用项目编码\n办公费,A\n办公费,B\n".encode(), "办公费"),
        (b"\xff\xfe\x00\x81", "expense_item.csv"),
        ('费用明细,费用项目编码\n"办公费,A\n'.encode(), "expense_item.csv"),
        ("费用明细,费用项目编码\n办公费\n".encode(), "expense_item.csv"),
    ],
)
def test_a_broken_table_is_told_in_words(world: Any, content: bytes, said: str) -> None:
    (world.folder / "schemes/tables/expense_item.csv").write_bytes(content)
    world.claims(1)
    found = world.run()
    assert found.code == 2, found.out
    error = found.json["error"]
    assert said in error["message"] + str(error["file"]) + found.err
    assert world.kingdee.bills == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_tables_in_either_encoding(world: Any, encoding: str) -> None:
    path = world.folder / "schemes/tables/expense_item.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    world.claim("5.00")
    assert world.run().code == 0
    assert world.kingdee.bills[0]["model"]["FPAYBILLENTRY"][0]["FCOSTID"] == {"FNUMBER": "FYXM05_SYS"}


@pytest.mark.parametrize(
    "value", ["{", "[1]", "[[]]", "5", "null", '[{"rowValue": 5}]', '[{"rowValue": [5]}]', ""]
)
def test_a_broken_form_value_is_one_failed_record(world: Any, value: str) -> None:
    component = {"component_type": "TableField", "id": "T", "name": "报销明细", "value": value}
    claim = world.claim("88.00")
    claim.components = [component if one.get("name") == "报销明细" else one for one in claim.components]
    good = world.claim("9.00")
    found = world.run()
    assert (found.code, found.counts["delivered"], found.counts["failed"]) == (1, 1, 1), found.err
    assert list(world.kingdee.numbers()) == [f"DD{good.number}"]


@pytest.mark.parametrize(
    "answer",
    [[], 7, {"errcode": 0}, {"errcode": 0, "process_instance": []}, {"errcode": 0, "process_instance": {}}],
)
@pytest.mark.usefixtures("hurried")
def test_a_broken_instance_is_one_failed_record(world: Any, answer: Any) -> None:
    world.connect(ding={"limits": {"per_second": 2000, "concurrency": 1, "timeout": "3s"}})
    world.without_callback()
    broken, _ = world.claims(2)

    def edited(true: Any) -> Any:
        return answer if true["process_instance"]["business_id"] == broken.number else true

    world.dingtalk.fail("get", "edit", arg=edited, forever=True)
    found = world.run()
    assert found.code == 1, found.out
    assert found.few() == {"fetched": 2, "delivered": 1, "failed": 1}
    world.dingtalk.plan.clear()
    world.run()
    retried = world.engine("records", "retry", "expense_to_paybill", "--failed", "--refetch", "--json")
    assert retried.code == 0, retried.out
    assert len(world.kingdee.bills) == 2


# --- exit codes and shapes ------------------------------------------------------------------------------


def test_the_object_of_a_run(world: Any) -> None:
    world.claims(2)
    found = world.run().json
    assert set(found) >= RUN
    assert set(found) - RUN <= {"message", "warnings", "error"}
    assert (found["scheme"], found["environment"], found["status"]) == (
        "expense_to_paybill",
        "company",
        "success",
    )
    assert found["amount"] == {"delivered": "201.01"}
    assert found["callbacks"] == {"written": 2, "failed": 0, "pending": 0}
    assert set(found["calls"]) == {"dingtalk", "kingdee"}
    assert found["calls"]["dingtalk"]["topapi/processinstance/get"] == 2
    assert not any("token" in name.lower() for name in found["calls"]["dingtalk"])
    assert Path(found["ledger"].removeprefix("sqlite:///")).name == "ledger.db"
    assert isinstance(found["seconds"], float)


def test_refused_credentials_are_2(world: Any) -> None:
    world.claims(1)
    world.dingtalk.app_secret = "another"
    found = world.engine("run", "expense_to_paybill", "--json", OUTSIDE_DING_SECRET="wrong-secret")
    assert found.code == 2
    assert "wrong-secret" not in found.out + found.err


@pytest.mark.parametrize("auth", ["validate_user", "signature"])
def test_refused_credentials_of_the_target_are_2_and_fail_no_record(world: Any, auth: str) -> None:
    world.connect(auth=auth)
    world.claims(3)
    password, secret = world.kingdee.password, world.kingdee.app_secret
    world.kingdee.password = world.kingdee.app_secret = "changed-over-night"
    found = world.engine("run", "expense_to_paybill", "--json", OUTSIDE_KD_SECRET=secret)
    assert found.code == 2, found.out
    assert found.counts["failed"] == 0
    assert found.counts["pending"] == 3
    assert len(world.kingdee.calls("BatchSave")) == 0
    world.kingdee.password, world.kingdee.app_secret = password, secret
    assert world.run().few() == {"fetched": 3, "delivered": 3}


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.usefixtures("hurried")
def test_an_unreachable_source_is_3(world: Any) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    world.connect(ding={"base_url": url, "api_base_url": url})
    found = world.run()
    assert found.code == 3
    assert found.json["status"] == "failed"


@pytest.mark.usefixtures("hurried")
def test_an_unreachable_target_is_3_and_loses_nothing(world: Any) -> None:
    world.connect(kd={"base_url": f"http://127.0.0.1:{closed_port()}/k3cloud/"})
    world.claims(3)
    found = world.run()
    assert found.code == 3, found.out
    assert found.few() == {"fetched": 3, "pending": 3}
    world.connect()
    # another host is another target system; the records are the same
    assert world.run().counts["delivered"] == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run"], 2),
        (["run", "nothing"], 2),
        (["run", "expense_to_paybill", "--since", "yesterday"], 2),
        (["run", "expense_to_paybill", "--since", "-40d", "--until", "-50d"], 2),
        (["run", "expense_to_paybill", "--since", "2999-01-01"], 2),
        (["run", "expense_to_paybill", "--limit", "0"], 2),
        (["run", "expense_to_paybill", "--set", "pay_orgg=1"], 2),
        (["run", "expense_to_paybill", "--set", "start_date=soon"], 2),
        (["run", "expense_to_paybill", "--connections", "none.yaml"], 2),
        (["run", "expense_to_paybill", "--nonsense"], 2),
        (["nonsense"], 2),
        (["validate", "none.yaml"], 2),
        (["test", "none.yaml"], 2),
        (["records", "list", "nothing"], 2),
        (["records", "show", "expense_to_paybill", "nobody"], 1),
        (["records", "retry", "expense_to_paybill", "nobody"], 1),
        (["records", "skip", "expense_to_paybill", "nobody", "--reason", "x"], 1),
        (["runs", "show", "nothing"], 2),
        (["ledger", "status"], 0),
        (["runs", "list"], 0),
        (["connections", "check"], 0),
        (["connectors", "list"], 0),
    ],
)
def test_exit_codes_and_error_objects(world: Any, arguments: list[str], code: int) -> None:
    world.engine("ledger", "upgrade")
    found = world.engine(*arguments, "--json")
    assert found.code == code, found.out + found.err
    if code:
        assert set(found.json) == {"error"}
        assert set(found.json["error"]) == ERROR
        assert found.json["error"]["message"]
    plain = world.engine(*arguments)
    assert plain.code == code


def test_the_shared_options_stand_before_or_after(world: Any) -> None:
    world.claims(1)
    before = world.engine("--json", "--env", "company", "run", "expense_to_paybill", env=None)
    after = world.engine("run", "expense_to_paybill", "--json", "--env", "company", env=None)
    assert before.few() == {"fetched": 1, "delivered": 1}
    assert after.code == 0


def test_the_clock_is_set_for_tests_only(world: Any) -> None:
    world.connect(kd={"base_url": "https://erp.example.com/k3cloud/"})
    found = world.engine("run", "expense_to_paybill", "--json", ENGINE_NOW="2030-01-01T00:00:00+08:00")
    assert found.code == 2
    assert "ENGINE_NOW" in found.json["error"]["message"]


def test_the_sandbox_tells_its_settings_in_one_line(world: Any) -> None:
    process = world.spawn("sandbox", "--json", env=None)
    try:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        names = {"base_url", "api_base_url", "app_key", "app_secret", "process_codes"}
        assert set(told) == {"dingtalk", "kingdee"}
        assert set(told["dingtalk"]) == names
        assert set(told["kingdee"]) == {"base_url", "acct_id", "username", "password", "app_id", "app_secret"}
        assert isinstance(told["dingtalk"]["process_codes"], list)
    finally:
        process.terminate()
        world.finish(process)


# --- secrets ----------------------------------------------------------------------------------------------


def disguises(secret: str) -> set[str]:
    """A secret as it is, and as it could be told in spite of all."""
    raw = secret.encode()
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        json.dumps(secret)[1:-1],
        raw.hex(),
    }


def test_secrets_are_nowhere(world: Any) -> None:
    secrets = {world.dingtalk.app_secret, world.kingdee.app_secret, world.kingdee.password}
    world.claims(3)
    for auth in ("signature", "validate_user"):
        # servers that tell what they were sent
        told = f"bad {world.dingtalk.app_secret} {next(iter(world.dingtalk.tokens), '')}"
        secret = world.kingdee.app_secret if auth == "signature" else world.kingdee.password
        limits = {"per_second": 2000, "timeout": "1s", "settle": "0.1s"}
        world.connect(auth=auth, settle="0.1s", ding={"limits": limits})
        world.claims(2)
        world.dingtalk.fail("listids", "drop")
        world.dingtalk.fail("get", "json", arg={"errcode": 40035, "errmsg": told})
        world.dingtalk.fail("get", "html", skip=1)
        world.kingdee.fail("BatchSave", "html_before")
        world.kingdee.fail("BatchSave", "refuse_all", arg=f"bad {secret} {quote(secret)}")
        world.dingtalk.fail("comment", "json", arg={"errcode": 40035, "errmsg": told})
        world.run("--debug")
        world.run("--settle-wait", "0")
    secrets |= world.dingtalk.tokens | world.kingdee.sessions
    world.engine("run", "expense_to_paybill", OUTSIDE_DING_SECRET="CANARY-mistyped%secret+1")
    secrets.add("CANARY-mistyped%secret+1")
    world.dingtalk.plan.clear()
    for claim in world.dingtalk.claims.values():
        world.engine("why", claim.number)
        world.engine("records", "show", "expense_to_paybill", claim.number, "--json")
    world.engine("connections", "list", "--json")
    world.engine("connections", "check")
    world.engine("connections", "check", "--json", OUTSIDE_KD_SECRET="CANARY-mistyped%secret+1")
    world.engine("records", "list", "expense_to_paybill")
    world.engine("runs", "list", "--json")
    world.engine("preview", "expense_to_paybill", "--all", "--json")

    folder = world.folder / ".engine"
    texts = {"output": "\n".join(world.outputs)}
    texts |= {str(path): path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}
    with sqlite3.connect(folder / "ledger.db") as ledger:
        texts["dump"] = "\n".join(ledger.iterdump())
    ledger.close()
    for name, text in texts.items():
        for secret in secrets:
            for disguise in disguises(secret):
                assert disguise not in text, (name, secret, text[max(0, text.index(disguise) - 200) :][:400])
