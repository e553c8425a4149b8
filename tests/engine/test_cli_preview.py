"""engine preview beside what the ledger knows: before a run, after it, and under a scheme that fails all."""

from __future__ import annotations

from typing import Any

import pytest

SCHEME = "expense_to_paybill"


@pytest.fixture(scope="module")
def before(prompt: Any) -> Any:
    """What --all tells before anything is delivered; then there is a run, with one claim failed."""
    told = prompt("preview", SCHEME, "--all", "--json").json
    scheme = prompt.folder / "schemes" / f"{SCHEME}.yaml"
    bad = next(record["number"] for record in told["records"] if record["outcome"] == "deliver")
    good = scheme.read_text(encoding="utf-8")
    due = f"\"{{{{ 'never' if extend.business_id == '{bad}' else extend.finish_time | date }}}}\""
    broken = good.replace('FDATE: "{{ extend.finish_time | date }}"', f"FDATE: {{value: {due}, type: date}}")
    assert broken != good
    scheme.write_text(broken, encoding="utf-8")
    assert prompt("run", SCHEME).code == 1
    scheme.write_text(good, encoding="utf-8")
    return told


def test_what_is_delivered_is_not_counted_again(prompt: Any, before: Any) -> None:
    count = before["counts"]["deliver"]
    assert count > 1
    said = prompt("preview", SCHEME, "--all", "--json")
    told = said.json
    assert told["counts"]["deliver"] == told["count"] == 0
    assert (told["counts"]["already"], told["counts"]["retry"]) == (count - 1, 1)
    assert (told["amount"], said.code) == ("0", 0)
    already = next(record for record in told["records"] if record["outcome"] == "already")
    assert already["reason"] == f"DD{already['number']}"
    text = prompt("preview", SCHEME, "--all").out
    assert "0 documents would be delivered, 0.00 in all" in text
    assert "needs a retry" in text
    assert "goes out with `engine records retry` only" in text


def test_a_document_can_be_seen_again_after_it_was_delivered(prompt: Any, before: Any) -> None:
    said = prompt("preview", SCHEME)
    assert said.code == 0
    assert '"FPAYTOTALAMOUNTFOR"' in said.out
    assert "nothing would be delivered" in said.out


def test_a_scheme_under_which_all_fails_shows_why(prompt: Any, before: Any) -> None:
    scheme = prompt.folder / "schemes" / f"{SCHEME}.yaml"
    good = scheme.read_text(encoding="utf-8")
    scheme.write_text(good.replace("$.报销明细[*]", "$.明细[*]"), encoding="utf-8")
    said = prompt("preview", SCHEME)
    scheme.write_text(good, encoding="utf-8")
    assert said.code == 1
    assert "明细" in said.out
    assert "nothing would be delivered" in said.out
