"""Finding and loading schemes."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from engine.errors import UsageError
from engine.mapping.paths import Path as RecordPath
from engine.mapping.templates import Template
from engine.scheme.codes import CODES
from engine.scheme.load import find_beside, find_scheme, load_scheme, load_scheme_text
from engine.scheme.shape import schema

ROOT = Path(__file__).parents[2]


def named(id: str) -> str:
    return f"version: 1\nid: {id}\nname: x\n"


def test_a_scheme_is_found_by_path_or_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = tmp_path / "schemes" / "market" / "other"
    market.mkdir(parents=True)
    (tmp_path / "here.yaml").write_text(named("here"))
    (tmp_path / "schemes" / "a.yaml").write_text(named("expense"))
    (market / "expense.yaml").write_text(named("expense"))
    (market / "other.yml").write_text('# x\nversion: 1\nid: "other"\n')
    (tmp_path / "schemes" / "not_one.yaml").write_text("environments: {}\nid: not_one\n")
    (tmp_path / "schemes" / "broken.yaml").write_bytes(b"version: 1\nid: \xff\n")
    assert find_scheme("here", tmp_path) == tmp_path / "here.yaml"
    assert find_scheme("expense", tmp_path) == tmp_path / "schemes" / "a.yaml"
    assert find_scheme("other", tmp_path) == market / "other.yml"
    assert find_scheme("schemes/a.yaml", tmp_path) == tmp_path / "schemes" / "a.yaml"
    assert find_scheme(str(market / "other.yml"), tmp_path) == market / "other.yml"
    assert find_beside("expense", market) == market / "expense.yaml"
    assert find_beside("here", market) is None
    with pytest.raises(UsageError) as caught:
        find_scheme("expens", tmp_path)
    assert caught.value.hint == 'did you mean "expense"?'
    with pytest.raises(UsageError, match='no file "x/y'):
        find_scheme("x/y.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert find_scheme("schemes/a.yaml", Path()) == Path("schemes/a.yaml")


def test_the_model_holds_what_the_file_says() -> None:
    loaded = load_scheme(ROOT / "schemes" / "expense_to_paybill.yaml")
    scheme = loaded.scheme
    assert scheme is not None
    assert (scheme.id, scheme.source.connection, scheme.target.form) == (
        "expense_to_paybill",
        "dingtalk",
        "AP_PAYBILL",
    )
    assert not scheme.is_callback
    assert isinstance(scheme.source.request["process_code"], Template)
    assert scheme.source.request["size"] == 20
    assert scheme.source.window is not None
    assert scheme.source.window.overlap == timedelta(hours=24)
    assert scheme.source.number.names == ("extend", "business_id")
    assert scheme.target.guard is not None
    assert (scheme.target.guard.documents, scheme.target.guard.amount) == (500, Decimal(1000000))
    assert scheme.tables["employee"].is_live
    assert scheme.tables["employee"].keep == timedelta(days=1)
    assert isinstance(scheme.callbacks[0].data["id"], RecordPath)
    assert scheme.callbacks[0].on == "delivered"
    assert len(scheme.hash) == 64
    assert [test.name for test in scheme.tests if test.held]


def test_several_callbacks_and_constants() -> None:
    text = named("s") + (
        'source: {connection: c, interface: i, id: "$.id"}\n'
        'target: {connection: d, interface: j, key: A, mapping: {A: "{{ id }}"}}\n'
        'callback:\n  - {scheme: a, data: {id: "$.id", kind: paid, text: "{{ title }}"}}\n'
        '  - {scheme: b, on: failed, data: {id: "$.id"}}\n'
    )
    loaded = load_scheme_text(text, Path("s.yaml"))
    assert loaded.scheme is not None
    first, second = loaded.scheme.callbacks
    assert first.data["kind"] == "paid"
    assert isinstance(first.data["text"], Template)
    assert (second.scheme, second.on) == ("b", "failed")
    assert loaded.scheme.source.number is loaded.scheme.source.id


def test_a_scheme_with_errors_is_a_draft_only() -> None:
    loaded = load_scheme_text(named("s"), Path("s.yaml"))
    assert loaded.scheme is None
    assert loaded.draft is not None
    assert loaded.draft.id == "s"
    assert load_scheme_text("- x", Path("s.yaml")).draft is None


def described(part: object, path: str = "") -> list[str]:
    """The keys of a scheme that lack a description in one of the languages, or an example."""
    if not isinstance(part, dict):
        return []
    lacking = []
    for name, inner in part.get("properties", {}).items():
        target = (
            {**schema()["$defs"][inner["$ref"].rsplit("/", 1)[-1]], **inner} if "$ref" in inner else inner
        )
        if name != "default" and not {"description", "x-description-zh", "examples"} <= target.keys():
            lacking.append(f"{path}.{name}")
    for name, inner in part.items():
        for index, child in enumerate(inner if isinstance(inner, list) else [inner]):
            lacking += described(child, f"{path}/{name}{index}")
    return lacking


def test_the_schema_is_one_and_describes_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert described(schema()) == []


def test_the_published_schema_accepts_the_schemes_that_ship() -> None:
    from engine.yaml_nodes import read_yaml

    validator = jsonschema.Draft202012Validator(schema())
    shipped = [path for path in ROOT.glob("schemes/**/*.yaml") if path.name != "market.yaml"]
    assert len(shipped) > 5
    for path in shipped:
        plain = json.loads(json.dumps(read_yaml(path).plain(), default=float))
        assert [error.message for error in validator.iter_errors(plain)] == []


def test_every_code_that_is_used_is_registered() -> None:
    import re

    used = set()
    for folder in ("scheme", "mapping"):
        for path in (ROOT / "engine" / folder).rglob("*.py"):
            used |= set(re.findall(r'"(S[1-7]\d\d)"', path.read_text(encoding="utf-8")))
    used |= set(
        re.findall(r'"(S[1-7]\d\d)"', (ROOT / "engine" / "yaml_nodes.py").read_text(encoding="utf-8"))
    )
    assert used == set(CODES)
