"""libyaml and PyYAML read the same: nodes, positions, findings and errors, also of broken files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import yaml_loader
from engine.errors import SchemeError
from engine.yaml_nodes import read_yaml_text

ROOT = Path(__file__).parents[2]
SCHEME = (ROOT / "schemes" / "expense_to_paybill.yaml").read_text(encoding="utf-8")[:2500]
FILES = [*sorted((ROOT / "schemes").rglob("*.yaml")), *sorted((ROOT / "connectors").glob("*/catalog.yaml"))]


def read(text: str) -> tuple[str, list[str]]:
    findings: list = []
    try:
        shown = repr(read_yaml_text(text, "x.yaml", findings))
    except SchemeError as error:
        shown = str(error)
    return shown, [str(finding) for finding in findings]


def read_both(text: str) -> tuple[tuple[str, list[str]], tuple[str, list[str]]]:
    with pytest.MonkeyPatch.context() as patch:
        fast = read(text)
        patch.setattr(yaml_loader, "_FastLoader", None)
        return fast, read(text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_whole_files_read_the_same(file: Path) -> None:
    fast, slow = read_both(file.read_text(encoding="utf-8"))
    assert fast == slow


@settings(max_examples=60)
@given(st.integers(0, len(SCHEME) - 1), st.sampled_from("'\"[]{}:-#&*!|>%@`,? \n\t甲"))
def test_broken_files_read_the_same(place: int, sign: str) -> None:
    fast, slow = read_both(SCHEME[:place] + sign + SCHEME[place + 1 :])
    assert fast == slow
