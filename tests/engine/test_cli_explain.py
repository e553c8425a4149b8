"""engine explain: which fields of a mapping are compiled."""

from __future__ import annotations

from typing import Any


def test_the_shipped_scheme_is_compiled_wholly(prompt: Any) -> None:
    said = prompt("explain", "expense_to_paybill", "--compiled")
    assert said.code == 0
    assert "FPAYBILLENTRY.FCOSTID " in said.out
    assert said.out.endswith("28 of 28 are compiled\n")


def test_a_field_that_is_not_compiled_says_why(prompt: Any) -> None:
    source = (prompt.folder / "schemes/expense_to_paybill.yaml").read_text(encoding="utf-8")
    changed = source.replace('FREMARK: "{{', "FREMARK: \"{{ [] | map('date') | join }}{{")
    (prompt.folder / "schemes/changed.yaml").write_text(changed, encoding="utf-8")
    said = prompt("explain", "schemes/changed.yaml", "--compiled", "--json")
    fields = {field["field"]: field for field in said.json["fields"]}
    assert said.json["scheme"] == "expense_to_paybill"
    assert fields["FREMARK"]["way"] == "interpreted"
    assert fields["FREMARK"]["reason"] == "it uses what only Jinja works out"
    assert fields["FREMARK"]["line"] > 100
    assert fields["FBillNo"] == {**fields["FBillNo"], "way": "compiled", "reason": None}


def test_explain_says_what_it_can_explain(prompt: Any) -> None:
    said = prompt("explain", "expense_to_paybill")
    assert said.code == 2
    assert "say what to explain: --compiled" in said.err
