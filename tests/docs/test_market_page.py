"""The market's page: its commands print what it shows, its card is one, its tables are complete."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from engine.findings import Finding
from engine.market.card import FILE_NAME, read_card
from engine.market.codes import CODES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from console import files, played, sections, shortened  # noqa: E402

PAGE = (ROOT / "docs/market.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_commands_print_what_the_page_shows(language: str) -> None:
    for step, printed in played(sections(PAGE)[language], language):
        squeezed = [re.sub(r"\s+", " ", line) for line in shortened(printed, step.shown)]
        assert squeezed == [re.sub(r"\s+", " ", line) for line in step.shown], step.command


def test_every_yaml_block_is_a_file_of_a_whole_market_scheme() -> None:
    """All of which the commands check and copy."""
    assert len(files(PAGE)) == PAGE.count("```yaml\n") == 2


def test_every_key_of_the_card_is_in_the_table_and_the_example() -> None:
    text = next(content for name, content in files(PAGE).items() if name.endswith(FILE_NAME))
    found: list[Finding] = []
    assert read_card(f"{text}more: 1\n", FILE_NAME, found) is None
    known = found[0].message.partition("known are ")[2] or found[0].message.partition("可以写 ")[2]
    keys = known.split(", ")
    assert len(keys) == 10
    table = PAGE.partition("### The card")[2].partition("###")[0]
    assert [key for key in keys if f"`{key}`" not in table] == []
    assert [key for key in keys if not re.search(rf"^{key}:", text, re.MULTILINE)] == []


def test_every_code_is_in_the_table() -> None:
    assert dict(re.findall(r"^\| `(M\d+)` \| (.*) \|$", PAGE, re.MULTILINE)) == CODES
