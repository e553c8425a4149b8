"""Mapping lines are proposed by what fields are called, as a diff, and written only when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.yaml_edit import with_value

SCHEME = "expense_to_paybill"


def without(text: str, *fields: str) -> str:
    """The scheme without some lines of its mapping."""
    head, mapping, rest = text.partition("  mapping:\n")
    body, checks, tail = rest.partition("  checks:\n")
    kept = [line for line in body.splitlines(keepends=True) if not line.strip().startswith(fields)]
    return head + mapping + "".join(kept) + checks + tail


@pytest.fixture
def scheme(fresh_prompt: Any) -> Path:
    assert fresh_prompt("discover", SCHEME).code == 0
    file: Path = fresh_prompt.folder / "schemes" / f"{SCHEME}.yaml"
    return file


def test_a_whole_mapping_wants_nothing_that_is_an_amount(fresh_prompt: Any, scheme: Path) -> None:
    found = fresh_prompt("suggest", SCHEME, "--json").json
    assert not any("decimal" in each["value"] for each in found["suggestions"])
    assert found["open"] == []


def test_what_is_lacking_is_shown_and_written_on_demand(fresh_prompt: Any, scheme: Path) -> None:
    text = without(scheme.read_text(encoding="utf-8"), "FPAYTOTALAMOUNTFOR:")
    scheme.write_text(text, encoding="utf-8")
    assert fresh_prompt("validate", SCHEME).code == 1
    shown = fresh_prompt("suggest", SCHEME)
    for column in ("报销金额(元)", "总金额"):
        line = f'FPAYTOTALAMOUNTFOR: {{value: "@.{column}", type: decimal, required: true}}'
        assert f"+          {line}" in shown.out
    assert scheme.read_text(encoding="utf-8") == text
    written = fresh_prompt("suggest", SCHEME, "--accept", "--json").json
    assert written["written"]
    after = scheme.read_text(encoding="utf-8")
    assert [line for line in after.splitlines() if line not in set(text.splitlines())] == [
        line[1:] for line in written["diff"].splitlines() if line.startswith("+") and line[1:2] == " "
    ]
    assert fresh_prompt("validate", SCHEME).code == 0
    assert fresh_prompt("test", SCHEME).code == 0


def test_what_nothing_is_like_is_said(fresh_prompt: Any, scheme: Path) -> None:
    text = without(scheme.read_text(encoding="utf-8"), "FPURPOSEID:")
    scheme.write_text(text, encoding="utf-8")
    found = fresh_prompt("suggest", SCHEME).out
    assert "FPAYBILLENTRY.FPURPOSEID 付款用途 is required, and nothing is like it" in found


def test_fields_must_be_known_first(fresh_prompt: Any) -> None:
    found = fresh_prompt("suggest", SCHEME)
    assert found.code == 2
    assert "engine discover expense_to_paybill" in found.err


def test_a_value_is_set_within_a_list() -> None:
    text = "a:\n  - b: 1   # one\n    c: {d: 2}\n  - {b: 3}\nz: 9\n"
    assert with_value(text, ["a", 0, "e"], "5", name="f") == text.replace("{d: 2}\n", "{d: 2}\n    e: 5\n")
    assert with_value(text, ["a", 1, "e"], "5", name="f") == text.replace("{b: 3}", "{b: 3, e: 5}")
    assert with_value(text, ["a", 0, "b"], "7", name="f") == text.replace("b: 1 ", "b: 7 ")
