"""An editor completes and explains schemes with the names of the project, from schemas that are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator
from language_server import Editor, server

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = "expense_to_paybill"
LINE = f"# yaml-language-server: $schema=../.engine/schema/{SCHEME}.json"


@pytest.fixture(scope="module")
def project(prompt: Any) -> Any:
    """A folder whose scheme was discovered, and whose schemas were written."""
    assert prompt("discover", SCHEME).code == 0
    found = prompt("schema", language="zh")
    assert found.code == 0
    assert LINE in found.out
    return prompt


def schema_of(project: Any, name: str = SCHEME) -> dict[str, Any]:
    text = (project.folder / ".engine" / "schema" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def text_of(project: Any) -> list[str]:
    file = project.folder / "schemes" / f"{SCHEME}.yaml"
    return [LINE, *file.read_text(encoding="utf-8").splitlines()[1:]]


# --- with the language server of editors ---------------------------------------------------------------


@pytest.fixture(scope="module")
def editor(project: Any) -> Iterator[Editor]:
    command = server()
    if command is None:
        pytest.skip("yaml-language-server is not installed")
    opened = Editor(command, project.folder)
    yield opened
    opened.close()


def offered(editor: Editor, project: Any, before: str, typed: str) -> dict[str, str]:
    """What is offered at the end of a line that somebody types before another."""
    lines = text_of(project)
    at = next(number for number, line in enumerate(lines) if before in line)
    lines.insert(at, typed)
    file = Path(project.folder) / "schemes" / f"typed{abs(hash((before, typed)))}.yaml"
    column = len(typed) - typed.endswith("}")
    return editor.complete(editor.open(file, "\n".join(lines)), at, column)


def test_the_shipped_scheme_has_no_problems(editor: Editor, project: Any) -> None:
    file = Path(project.folder) / "schemes" / f"{SCHEME}.yaml"
    uri = editor.open(file, "\n".join(text_of(project)))
    assert editor.problems(uri) == []


def test_forms_are_offered(editor: Editor, project: Any) -> None:
    lines = text_of(project)
    at = next(number for number, line in enumerate(lines) if "form: AP_PAYBILL" in line)
    uri = editor.open(Path(project.folder) / "schemes" / "forms.yaml", "\n".join(lines))
    found = editor.complete(uri, at, 8)
    assert found["AP_PAYBILL"] == "付款单"
    assert "AR_RECEIVEBILL" in found


def test_fields_are_offered_with_their_labels(editor: Editor, project: Any) -> None:
    found = offered(editor, project, "    FDATE:", "    ")
    assert "汇率" in found["FEXCHANGERATE"]
    assert "FDATE" not in found  # it is there already
    assert "FCOSTID" not in found  # it belongs to a row
    row = offered(editor, project, "          FCOSTID:", "          ")
    assert "折后金额" in row["FSETTLEPAYAMOUNTFOR"]


def test_discovered_paths_are_offered(editor: Editor, project: Any) -> None:
    found = offered(editor, project, "    FDATE:", "    FREMARK2: ")
    assert "行政报销, 项目报销" in found["$.报销类别"]
    row = offered(editor, project, "          FCOSTID:", "          FCOSTNAME: {value: }")
    assert any(label.strip('"') == "@.报销金额(元)" for label in row)


def test_request_fields_are_offered(editor: Editor, project: Any) -> None:
    assert "userid_list" in offered(editor, project, "    size: 20", "    ")


def test_hover_shows_the_label(editor: Editor, project: Any) -> None:
    lines = text_of(project)
    uri = editor.open(Path(project.folder) / "schemes" / "hover.yaml", "\n".join(lines))
    for field, label in (("    FBillNo:", "单据编号"), ("          FCOSTID:", "费用项目")):
        at = next(number for number, line in enumerate(lines) if line.startswith(field))
        assert label in editor.hover(uri, at, len(field) - 3)


# --- against the schema alone --------------------------------------------------------------------------


def branches(schema: dict[str, Any], part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all that it refers to or is made of, as an editor gathers them."""
    yield part
    if "$ref" in part:
        yield from branches(schema, schema["$defs"][part["$ref"].rsplit("/", 1)[-1]])
    for key in ("allOf", "anyOf"):
        for each in part.get(key, ()):
            yield from branches(schema, each)
    if "then" in part:
        yield from branches(schema, part["then"])


def properties(schema: dict[str, Any], *path: str) -> dict[str, Any]:
    """The keys that are offered below a path."""
    parts = [schema]
    for name in path:
        parts = [
            found
            for part in parts
            for each in branches(schema, part)
            for found in [each.get("items") if name == "[]" else each.get("properties", {}).get(name)]
            if found
        ]
    return {
        key: value
        for part in parts
        for each in branches(schema, part)
        for key, value in each.get("properties", {}).items()
    }


def values(schema: dict[str, Any], *path: str) -> dict[str, str]:
    """The values that are offered at a path, with what they are called."""
    *above, name = path
    return {
        value: told
        for part in [properties(schema, *above)[name]]
        for each in branches(schema, part)
        for value, told in zip(each.get("enum", ()), each.get("enumDescriptions", ()), strict=False)
    }


def test_the_schema_knows_the_project(project: Any) -> None:
    schema = schema_of(project)
    Draft7Validator.check_schema(schema)
    assert values(schema, "target", "form")["AP_PAYBILL"] == "付款单"
    assert set(values(schema, "source", "connection")) >= {"dingtalk", "kingdee"}
    assert properties(schema, "target", "mapping")["FBillNo"]["title"] == "单据编号"
    row = properties(schema, "target", "mapping", "FPAYBILLENTRY", "[]", "row")
    assert row["FCOSTID"]["title"] == "费用项目"
    paths = values(schema, "target", "mapping", "FREMARK")
    assert "行政报销" in paths["$.报销类别"]
    assert "@.报销金额(元)" in paths
    assert "expense_item" in values(schema, "target", "mapping", "FREMARK", "lookup")
    assert "$.报销明细[*]" in values(schema, "target", "mapping", "FPAYBILLENTRY", "[]", "each")


def test_the_shipped_schemes_are_right_by_it(project: Any) -> None:
    from engine.yaml_nodes import read_yaml

    for name in (SCHEME, "paybill_writeback"):
        plain = read_yaml(project.folder / "schemes" / f"{name}.yaml").plain()
        plain = json.loads(json.dumps(plain, default=str))
        assert [error.message for error in Draft7Validator(schema_of(project, name)).iter_errors(plain)] == []


def test_validate_keeps_them_fresh(project: Any) -> None:
    file = project.folder / ".engine" / "schema" / f"{SCHEME}.json"
    fresh = file.read_text(encoding="utf-8")
    file.write_text("{}", encoding="utf-8")
    project("validate", "schemes", language="zh")
    assert file.read_text(encoding="utf-8") == fresh


def test_validate_writes_none_where_there_are_none(fresh_prompt: Any) -> None:
    fresh_prompt("validate", "schemes")
    assert not (fresh_prompt.folder / ".engine" / "schema").exists()
