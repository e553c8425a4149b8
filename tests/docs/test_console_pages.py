"""Pages of commands: run in order in an empty folder, they print what the page shows, in both languages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from console import played, sections, shortened  # noqa: E402

MARK = "<!-- language: "
PAGES = {
    page.stem: text
    for page in sorted((ROOT / "docs").glob("*.md"))
    if MARK in (text := page.read_text(encoding="utf-8"))
}
DIFFERS = [
    (r"\d{21}", "NUMBER"),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", "TIME"),
    (r"\d{14}-[0-9a-f]{8}", "RUN"),
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"app ding\w+…", "APP"),
    (r"[0-9a-f]{14}/", "ACCOUNT/"),
    (r"\b\d+\.\d s\b", "SECONDS"),
    (r"[~/]\S*/\.engine/", ".engine/"),
]


def masked(lines: list[str]) -> list[str]:
    """Without what is another each time: ports, generated names, times."""
    text = "\n".join(lines)
    for pattern, name in DIFFERS:
        text = re.sub(pattern, name, text)
    return [re.sub(r"\s+", " ", line) for line in text.splitlines()]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_commands_print_what_the_page_shows(page: str, language: str) -> None:
    for step, printed in played(sections(PAGES[page])[language], language):
        shown = list(step.shown)
        assert masked(shortened(printed, step.shown)) == masked(shown), step.command


@pytest.mark.parametrize("page", ["quickstart", "understanding", "discovery"])
def test_both_languages_take_the_same_steps(page: str) -> None:
    found = {
        language: re.findall(r"^\$ (.*)$", section, re.MULTILINE)
        for language, section in sections(PAGES[page]).items()
    }
    assert found["zh"] == found["en"]
    assert len(found["zh"]) > 3
