"""Files, answers and ledgers as a stranger might give them: explained, never a traceback."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hostile import harness
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import jsontext, yaml_nodes
from engine.cli.context import escaped, plain
from engine.errors import Position, SchemeError
from engine.mapping.scope import Scope
from engine.mapping.templates import parse_template
from engine.scheme.files import safe_file
from engine.yaml_nodes import read_yaml_text

NAMES = (
    *(
        "status",
        "result",
        "list",
        "next_cursor",
        "errcode",
        "errmsg",
        "process_instance",
        "name",
        "value",
        "id",
    ),
    *("form_component_values", "component_type", "ext_value", "attached_process_instance_ids", "create_time"),
    *(
        "Result",
        "ResponseStatus",
        "IsSuccess",
        "Errors",
        "SuccessEntitys",
        "DIndex",
        "MsgCode",
        "Id",
        "Number",
    ),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(NAMES),
    st.sampled_from(
        [10**30, "9" * 5000, "--5", "\ud800", "a\0b", "\x1b[2J", "\u202e", "TableField", "[[", "0"]
    ),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
INSTANCE = {"status": "COMPLETED", "title": "t", "form_component_values": [{"name": "a", "value": "1"}]}
TRUE: dict[str, Any] = {
    "dingtalk_listing": {"errcode": 0, "result": {"list": ["A", "A"], "next_cursor": 20}},
    "dingtalk_instance": {"errcode": 0, "process_instance": INSTANCE},
    "dingtalk_comment": {"errcode": 0, "result": True},
    "dingtalk_token": {"errcode": 0, "access_token": "t", "expires_in": 7200},
    "kingdee_login": {"LoginResultType": 1, "KDSVCSessionId": "s"},
    "kingdee_answers": {
        "Result": {
            "ResponseStatus": {
                "IsSuccess": True,
                "MsgCode": 0,
                "Errors": [],
                "SuccessEntitys": [{"Id": 1, "Number": "DD1", "DIndex": 0}],
            }
        }
    },
}
ODD = [
    b"",
    b"<html>",
    b"null",
    b"[NaN]",
    b'"\xed\xa0\x80"',
    b"[" * 5000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"1e999999999",
    b"1e99999999999999999999",
    b"9" * 9999,
    b'"' + b"x" * 10_000_000 + b'"',
]


def _spoilt(value: Any, data: Any) -> Any:
    """A true answer with one part replaced."""
    if data.draw(st.integers(0, 3)) == 0:
        return data.draw(JSON)
    if isinstance(value, dict) and value:
        name = data.draw(st.sampled_from(sorted(value)))
        return {**value, name: _spoilt(value[name], data)}
    if isinstance(value, list) and value:
        return [_spoilt(value[0], data), *value[1:]]
    return data.draw(JSON)


@pytest.mark.parametrize("name", list(TRUE))
@settings(max_examples=40)
@given(data=st.data())
def test_any_answer_is_explained(name: str, data: Any) -> None:
    getattr(harness, name)(json.dumps(_spoilt(TRUE[name], data)).encode())


@pytest.mark.parametrize("name", list(TRUE))
@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:20]))
def test_answers_that_are_none(name: str, body: bytes) -> None:
    getattr(harness, name)(body)


@pytest.mark.parametrize("token", ["a\r\nX: y", "\x80", "中", ""])
@pytest.mark.parametrize("life", [7200, 10**400, -5])
def test_a_token_writes_no_header(token: str, life: int) -> None:
    answer = {"access_token": token, "accessToken": token, "expires_in": life, "expireIn": life}
    harness.dingtalk_token(json.dumps(answer).encode())


def test_a_claim_of_ten_thousand_rows_is_read() -> None:
    rows = [{"rowValue": [{"label": "金额", "key": "M", "value": "9" * 30}]}] * 10_000
    table = {"name": "明细", "component_type": "TableField", "value": json.dumps(rows)}
    instance = {"status": "COMPLETED", "form_component_values": [table]}
    harness.dingtalk_instance(json.dumps({"errcode": 0, "process_instance": instance}).encode())


@pytest.mark.parametrize("name", ["yaml_text", "scheme_file", "connection_file", "table_file", "record_file"])
@settings(max_examples=40)
@given(
    data=st.binary(max_size=200)
    | st.text(alphabet="a:-[]{}\"'\\U0d8@&*!|>? \n\t", max_size=60).map(str.encode)
)
def test_any_file_is_read_or_refused(name: str, data: bytes) -> None:
    getattr(harness, name)(data)


@pytest.mark.parametrize(
    "escape", ['"\\UFFFFFFFF"', '"\\U00110000"', '"\\ud800"', "!!python/object:os.system []"]
)
def test_yaml_that_names_no_character_or_a_class(escape: str) -> None:
    with pytest.raises(SchemeError):
        read_yaml_text(f"a: {escape}\n", "x")


def test_many_mistakes_in_a_long_file_are_told_in_few_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    compose = yaml_nodes.compose
    monkeypatch.setattr(yaml_nodes, "compose", lambda text: read.append(len(text)) or compose(text))
    text = "".join(f"k{i}: {i}\n" for i in range(20_000)) + "".join(f"z{i}: @x\n" for i in range(25))
    with pytest.raises(SchemeError):
        read_yaml_text(text, "x")
    assert 0 < sum(read) < 13 * len(text)  # each of 25 mistakes once cost a reading of the whole


@pytest.mark.parametrize(
    "text",
    [
        "[{}]".format(",".join(["('x' * 65000) | list"] * 900)),
        "[{}]".format(",".join(["'中' * 65000"] * 3000)),
    ],
)
def test_a_template_cannot_eat_memory(text: str) -> None:
    with pytest.raises(Exception, match=r"builds more than|holds more than"):
        parse_template("{{ " + text + " }}", Position("s", 1, 1)).evaluate(Scope({}, {}))


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "/proc/self/environ", "link", "fifo", "a/../../x", "a\0b", ""]
)
def test_files_stay_in_the_schemes_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SchemeError):
        safe_file(tmp_path, name, None)


@pytest.mark.parametrize("sign", ["\x1b[31m", "\x07", "\x9b2J", "\u202e", "\u2066", "\ud800", "\x7f", "\0"])
def test_nothing_steers_the_terminal(sign: str) -> None:
    assert sign[0] not in plain(f"a{sign}b")
    shown = escaped(jsontext.dumps({"a": f"a{sign}b"}))
    assert sign[0] not in shown
    json.loads(shown)


@settings(max_examples=25)
@given(place=st.integers(0, 60_000), junk=st.binary(min_size=1, max_size=64))
def test_a_damaged_ledger_is_said_in_words(
    true_ledger: bytes, tmp_path_factory: Any, place: int, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "ledger.db"
    at = place % len(true_ledger)
    path.write_bytes(true_ledger[:at] + junk + true_ledger[at + len(junk) :])
    harness.read_ledger(path)


@pytest.mark.parametrize("snapshot", ["{", "[" * 900, "NaN", b"\xff", 7, "1e99999999999999999999"])
def test_a_damaged_row_is_said_in_words(true_ledger: bytes, tmp_path: Path, snapshot: Any) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(true_ledger)
    with closing(sqlite3.connect(path)) as there:
        there.execute("UPDATE records SET snapshot = ?, first_seen = 'x'", [snapshot])
        there.commit()
    harness.read_ledger(path)


@pytest.fixture(scope="module")
def true_ledger(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    harness.make_ledger(path)
    return path.read_bytes()
