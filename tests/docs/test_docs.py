"""The documents hold: commands exist, options too, YAML is valid, links lead somewhere."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import yaml

from engine.cli.main import engine
from engine.connector.registry import catalog
from engine.connector.settings import SANDBOX, load_settings
from engine.scheme.lint import validate

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SHELL = re.compile(r"(?:^|[\s/\\])engine ((?:[^#\n&|>\"]|\"[^\"]*\")+)")
INLINE = re.compile(r"(?<!`)`(engine [^`\n]+)`(?!`)")
PAGE_IDS = [str(path.relative_to(ROOT)) for path in PAGES]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and the line of its first line of text."""

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(page, match[1], match[2], line))
    return [block for block in found if block.language in languages]


def commands() -> Iterator[tuple[str, str]]:
    """Every `engine …` in shell blocks and in running text, with its place."""
    for block in blocks("sh", "cron", "bat"):
        for number, line in enumerate(block.text.splitlines(), block.line):
            for match in re.finditer(
                r"(?:^|[\s/\\])engine ((?:[^#\n&|>\"]|\"[^\"]*\")+)", line.split("  #")[0]
            ):
                yield f"{block.page.relative_to(ROOT)}:{number}", f"engine {match[1].strip()}"
    for page in PAGES:
        text = FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))
        for match in INLINE.finditer(text):
            yield f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}", match[1]


COMMANDS = sorted(set(commands()))


@pytest.mark.parametrize(("place", "command"), COMMANDS, ids=[f"{where} {what}" for where, what in COMMANDS])
def test_a_command_in_the_documents_is_one(place: str, command: str) -> None:
    group: click.Command = engine
    known = {option for param in group.params for option in (*param.opts, *param.secondary_opts)}
    for word in shlex.split(command)[1:]:
        if word.startswith("-"):
            assert word.split("=")[0] in known | {"--help", "--version"}, f"{place}: no option {word}"
        elif isinstance(group, click.Group) and word.isascii() and word.islower():
            found = group.get_command(click.Context(group), word)
            assert found is not None, f"{place}: no command {word}"
            group = found
            known |= {option for param in group.params for option in (*param.opts, *param.secondary_opts)}


def scripts() -> set[tuple[str, str]]:
    return {
        (str(block), word)
        for block in blocks("sh", "cron")
        for word in re.findall(r"(?<![\w/.-])(?:scripts|\.ci|tools)/\w[\w.]*", block.text)
    }


@pytest.mark.parametrize(("place", "script"), sorted(scripts()))
def test_a_script_in_the_documents_is_there(place: str, script: str) -> None:
    assert (ROOT / script).is_file(), place


@pytest.mark.parametrize("readme", ["README.md", "README.en.md"])
def test_the_readme_begins_with_two_commands_that_can_be_run(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    first, second = (match[2].strip() for match in list(FENCE.finditer(text))[:2])
    assert (first, second) == ("scripts/run", "scripts/test")
    for script in (first, second):
        assert (ROOT / script).stat().st_mode & 0o111, f"{script} is not executable"


def test_the_ci_calls_the_test_command_of_the_readme() -> None:
    assert re.search(r"^step .*scripts/test$", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.MULTILINE)


def test_make_has_a_word_for_each_target_of_its_help() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(re.findall(r"^(\w+):.*## ", text, re.MULTILINE))


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_a_yaml_block_is_what_it_looks_like(block: Block, tmp_path: Path) -> None:
    data = yaml.safe_load(block.text)
    keys = set(data) if isinstance(data, dict) else set()
    if {"version", "id", "source", "target"} <= keys:
        shutil.copytree(ROOT / "schemes", tmp_path / "schemes")
        path = tmp_path / "schemes" / f"{data['id']}.yaml"
        path.write_text(block.text, encoding="utf-8")
        environment = load_settings(None).environments[SANDBOX]
        findings = validate(path, catalogs=catalog, environment=environment)
        assert [str(finding) for finding in findings if finding.severity == "error"] == []
    elif keys and keys <= {"environments", "values"}:
        path = tmp_path / "connections.yaml"
        path.write_text(block.text, encoding="utf-8")
        assert load_settings(path).environments


def test_the_example_of_connections_can_be_read() -> None:
    environments = load_settings(ROOT / "connections.yaml.example").environments
    assert sorted(environments) == ["production", "sandbox"]


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ +(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=PAGE_IDS)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []
