"""The language's documentation: its reference is the schema's, and every YAML block in it works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.connector.settings import load_settings
from engine.findings import Severity
from engine.scheme.lint import validate
from engine.scheme.load import load_scheme
from engine.scheme.reach import Reach
from engine.scheme.reference import DOCUMENTS, with_reference
from engine.scheme.testing import run_tests
from engine.yaml_nodes import read_yaml_text

ROOT = Path(__file__).parents[2]
PRESENT = [name for name in DOCUMENTS if (ROOT / name).exists()]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(name: str) -> list[str]:
    return BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))


def over(base: Any, part: Any) -> Any:
    """`base` with what `part` says: mappings are merged, anything else is replaced."""
    if isinstance(base, dict) and isinstance(part, dict):
        return {**base, **{key: over(base.get(key), value) for key, value in part.items()}}
    return part


@pytest.mark.parametrize("name", PRESENT)
def test_the_reference_is_the_schemas(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert with_reference(text, DOCUMENTS[name]) == text, "run python -m engine.scheme.reference"


CASES = [(name, index) for name in PRESENT for index in range(len(blocks(name)))]


@pytest.mark.parametrize(("name", "index"), CASES)
def test_every_block_works(tmp_path: Path, name: str, index: int) -> None:
    """A block is a whole scheme, a part of the first one, or a part of connections.yaml."""
    found = blocks(name)
    whole = read_yaml_text(found[0], name).plain()
    for other in found[1:]:
        if other.startswith("version:"):
            (tmp_path / "beside.yaml").write_text(other, encoding="utf-8")
    part = read_yaml_text(found[index], name).plain()
    if "values" in part or "environments" in part:
        (tmp_path / "connections.yaml").write_text(found[index], encoding="utf-8")
        environment = load_settings(tmp_path / "connections.yaml").environment()
        assert environment.scheme_values("claims").params
        return
    text = found[index]
    if "version" not in part:
        merged = over(whole, {"tests": [], **part})
        text = yaml.safe_dump(merged, allow_unicode=True, sort_keys=False, default_style='"')
        text = re.sub(r'!!(?:int|bool|null|float) "([^"]*)"', r"\1", text).replace('"version"', "version")
    path = tmp_path / "beside.yaml" if "source: {interface: callback" in text else tmp_path / "claims.yaml"
    path.write_text(text, encoding="utf-8")
    environment = load_settings(None).environment()
    findings = validate(path, environment=environment)
    assert [str(finding) for finding in findings if finding.severity is Severity.ERROR] == []
    scheme = load_scheme(path, Reach(lambda _: None, None)).scheme
    assert scheme is not None
    results = run_tests(scheme, environment=environment)
    assert [f"{result.name}: {result.message}" for result in results if not result.passed] == []
