"""Params and tables: their values, from which place, and what is said of wrong ones."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.clock import SHANGHAI
from engine.connector.environments import SchemeValues
from engine.errors import ConfigurationError, EngineError, SchemeError, UsageError
from engine.mapping.scope import MISS
from engine.scheme.load import load_scheme_text
from engine.scheme.model import Scheme
from engine.scheme.params import (
    moment,
    params_in_window_start,
    params_left_to_default,
    parse_overrides,
    resolve_params,
)
from engine.scheme.tables import load_tables, table_specs
from engine.yaml_nodes import read_yaml_text

NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)

HEAD = """\
version: 1
id: s
name: s
source: {connection: c, interface: i, id: "$.id", window: {start: "{{ params.since }}"}}
target: {connection: d, interface: j, key: A, mapping: {A: "{{ id }}"}}
"""


def scheme(rest: str, folder: Path = Path()) -> Scheme:
    loaded = load_scheme_text(HEAD + rest, folder / "s.yaml")
    assert loaded.scheme is not None, [str(finding) for finding in loaded.findings]
    return loaded.scheme


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("string", "'007'", "007"),
        ("string", "5", "5"),
        ("integer", "'12'", 12),
        ("decimal", "'1,234.50'", Decimal("1234.50")),
        ("decimal", "0.1", Decimal("0.1")),
        ("boolean", "'true'", True),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", "2026/1/5", date(2026, 1, 5)),
        ("date", "-1d", date(2026, 6, 30)),
        ("datetime", "2026-01-31", datetime(2026, 1, 31, tzinfo=SHANGHAI)),
        ("datetime", "'2026-01-31 08:30'", datetime(2026, 1, 31, 8, 30, tzinfo=SHANGHAI)),
        ("datetime", "'2026-01-31T08:30:00Z'", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("datetime", "-12h", datetime(2026, 6, 30, 16, tzinfo=UTC)),
        ("datetime", "-30m", datetime(2026, 7, 1, 3, 30, tzinfo=UTC)),
    ],
)
def test_a_param_has_its_type_wherever_its_value_comes_from(kind: str, written: str, value: Any) -> None:
    own = scheme(f"params: {{p: {{type: {kind}, default: {written}}}}}")
    plain = read_yaml_text(written, "x").value
    bare = scheme(f"params: {{p: {{type: {kind}}}}}")
    for resolved in (
        resolve_params(own, None, {}, NOW),
        resolve_params(bare, SchemeValues(params={"p": plain}), {}, NOW),
        resolve_params(bare, SchemeValues(params={"p": "no"}), {"p": str(plain)}, NOW),
    ):
        assert resolved == {"p": value}
        assert type(resolved["p"]) is type(value)
        assert getattr(resolved["p"], "tzinfo", True) is not None


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("integer", "1.5"),
        ("integer", "x"),
        ("decimal", "NaN"),
        ("decimal", "1e5"),
        ("boolean", "yes"),
        ("date", "2026-02-30"),
        ("date", "soon"),
        ("date", "20260101"),
        ("datetime", "25:00"),
        ("datetime", "-999999d"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_in_words(kind: str, written: str) -> None:
    with pytest.raises(UsageError, match='the param "p" must be') as caught:
        resolve_params(scheme(f"params: {{p: {{type: {kind}}}}}"), None, {"p": written}, NOW)
    assert written in caught.value.message


def test_set_wins_over_connections_and_these_over_defaults() -> None:
    own = scheme("params:\n" + "".join(f"  {name}: {{type: string, default: x}}\n" for name in "abc"))
    given = SchemeValues(params={"b": "y", "c": "y"})
    assert resolve_params(own, given, {"c": "z"}, NOW) == {"a": "x", "b": "y", "c": "z"}


def test_names_that_the_scheme_does_not_have() -> None:
    own = scheme("params: {pay_org: {type: string, default: x}}")
    with pytest.raises(UsageError) as caught:
        resolve_params(own, None, {"payorg": "1"}, NOW)
    assert caught.value.hint == 'did you mean "pay_org"?'
    with pytest.raises(SchemeError):
        resolve_params(own, SchemeValues(params={"payorg": "1"}), {}, NOW)
    with pytest.raises(UsageError, match="name=value"):
        parse_overrides(["payorg"])
    assert parse_overrides(["a=b=c", " d ="]) == {"a": "b=c", "d": ""}


def test_a_required_param_needs_a_value_and_another_is_none() -> None:
    with pytest.raises(ConfigurationError, match="has no value"):
        resolve_params(scheme("params: {a: {type: string}}"), None, {}, NOW)
    assert resolve_params(scheme("params: {a: {type: date, required: false}}"), None, {}, NOW) == {"a": None}


def test_the_params_that_decide_where_the_first_run_begins() -> None:
    own = scheme('params: {since: {type: date, default: "-1d"}, sinc: {type: string, default: x}}')
    assert params_in_window_start(own) == {"since"}
    assert params_left_to_default(own, None, {}) == {"since"}
    assert params_left_to_default(own, SchemeValues(params={"since": "2026-01-01"}), {}) == set()
    assert params_left_to_default(own, None, {"since": "2026-01-01"}) == set()


def test_a_moment_without_a_zone_is_shanghais() -> None:
    assert moment(date(2026, 1, 2), NOW) == datetime(2026, 1, 1, 16, tzinfo=UTC)
    assert moment(datetime(2026, 1, 2), NOW) == datetime(2026, 1, 1, 16, tzinfo=UTC)  # noqa: DTZ001
    for wrong in ("", "yesterday", "1700000000", "-5", "2026-13-01", None):
        with pytest.raises(ValueError, match="a time such as"):
            moment(wrong, NOW)


# --- tables -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_csv_table(tmp_path: Path, encoding: str, ends: str) -> None:
    lines = ["名称,编码,备注", " 差旅费 ,FYXM01,", '"办公费,杂",FYXM05,"两', '行"', "", "招待费,FYXM07,"]
    (tmp_path / "t.csv").write_bytes(ends.join(lines).encode(encoding))
    own = scheme("tables: {item: {file: t.csv, key: 名称, value: 编码, default: X}}", tmp_path)
    table = load_tables(own)["item"]
    assert table.entries == {"差旅费": "FYXM01", "办公费,杂": "FYXM05", "招待费": "FYXM07"}
    assert table.find(" 差旅费") == "FYXM01"
    assert table.find("没有") is MISS


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        ("k,v\na,1\nb,2\n a ,3\n", "t.csv:4:1", '"a" stands twice'),
        ('k,v\n"a\nb",1\nc,2\nc,3\n', "t.csv:5:1", '"c" stands twice'),
        ("key,v\na,1\n", "t.csv:1:1", 'no column "k"'),
        ("k,k,v\na,b,1\n", "t.csv:1:1", "stands twice in the header"),
        ("k,v\na\n", "t.csv:2:1", "1 cells"),
        ("k,v\n,1\n", "t.csv:2:1", "the key is empty"),
        ("", "t.csv:1:1", 'no column "k"; the file is empty'),
        ("k;v\na;1\n", "t.csv:1:1", "separated by commas"),
        ("k\tv\na\t1\n", "t.csv:1:1", "separated by commas"),
        ("our items,\nk,v\na,1\n", "t.csv:1:1", "the first line must be"),
        ("PK\x03\x04", "t.csv:1:1", "a workbook"),
        ('k,v\n"a', "t.csv:2:1", "not CSV"),
        ("k,v\na,1\nb,6.21484E+18\n", "t.csv:3:1", "format the column as text"),
        ('k,v\nb,"=""6214"""\n', "t.csv:2:1", "format the column as text"),
        ("k,v\n#N/A,1\n", "t.csv:2:1", "format the column as text"),
    ],
)
def test_a_csv_table_that_is_wrong(tmp_path: Path, content: str, place: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8", newline="")
    with pytest.raises(SchemeError) as caught:
        load_tables(scheme("tables: {item: {file: t.csv, key: k, value: v}}", tmp_path))
    assert str(caught.value.position) == f"{tmp_path}/{place}"
    assert words in f"{caught.value.message}; {caught.value.hint}"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../t.csv", "a/../../t.csv", "C:t.csv", "a\\t.csv", "sub", "none.csv"]
)
def test_a_table_stays_in_the_folder_of_its_scheme(tmp_path: Path, name: str) -> None:
    (tmp_path / "t.csv").write_text("k,v\n")
    folder = tmp_path / "schemes"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").mkdir()
    with pytest.raises(SchemeError):
        load_tables(scheme(f"tables: {{item: {{file: '{name}', key: k, value: v}}}}", folder))


def test_a_large_table_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.truncate(10 * 1024 * 1024 + 1)
    with pytest.raises(SchemeError, match="10 MB"):
        load_tables(scheme("tables: {item: {file: t.csv, key: k, value: v}}", tmp_path))


def test_connections_yaml_gives_other_tables(tmp_path: Path) -> None:
    (tmp_path / "ours.csv").write_text("k,v\na,1\n")
    own = scheme(
        "tables:\n  item: {file: t.csv, key: k, value: v, default: X}\n"
        "  who: {connection: c, interface: i, value: v}\n",
        tmp_path / "elsewhere",
    )
    nodes = read_yaml_text("item: ours.csv\nwho: {values: {'5237': E1}}", "connections.yaml")
    values = SchemeValues(tables=dict(nodes.items()), folder=tmp_path)
    tables = load_tables(own, values)
    assert tables["item"].find("a") == "1"
    assert tables["who"].find("5237") == "E1"
    assert table_specs(own, values)["item"][0].default == "X"


@pytest.mark.parametrize("text", ["items: t.csv", "item: 5", "item: {}", "item: ../t.csv"])
def test_wrong_tables_of_connections_yaml_are_told_there(tmp_path: Path, text: str) -> None:
    own = scheme("tables: {item: {file: t.csv, key: k, value: v}}", tmp_path)
    values = SchemeValues(tables=dict(read_yaml_text(text, "connections.yaml").items()), folder=tmp_path)
    with pytest.raises(EngineError) as caught:
        load_tables(own, values)
    assert caught.value.position is not None
    assert caught.value.position.file == "connections.yaml"


def test_the_hash_knows_the_text_and_the_tables(tmp_path: Path) -> None:
    rest = "tables: {item: {file: t.csv, key: k, value: v}}"
    (tmp_path / "t.csv").write_text("k,v\na,1\n")
    first = scheme(rest, tmp_path).hash
    assert scheme(rest, tmp_path).hash == first
    assert scheme(rest + "\n", tmp_path).hash != first
    (tmp_path / "t.csv").write_text("k,v\na,2\n")
    assert scheme(rest, tmp_path).hash != first
