"""`engine help`: each code has its page in both languages, and what a page shows is what `validate` says."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import click
import pytest
import yaml

import engine
import engine.cli.interrupt
from engine.cli.main import engine as root
from engine.cli.main import run
from engine.connector.settings import load_settings
from engine.errors import EngineError, FailureClass
from engine.findings import Finding
from engine.help.library import Page, page_of, pages
from engine.market.check import check_folder
from engine.market.codes import CODES as MARKET
from engine.market.folder import read_folder
from engine.scheme.codes import CODES as SCHEME
from engine.scheme.lint import validate

ROOT = Path(engine.__file__).parents[1]
SHIPPED = ROOT / "schemes"
CODES = {**SCHEME, **MARKET}
LANGUAGES = ("zh", "en")
TRIED = [code for code, page in pages("en").items() if code in CODES and page.example.untested is None]
SCREEN = 40


# --- an example, put where it belongs ------------------------------------------------------------------


def planted(text: str, at: str, instead: str) -> str:
    """A file without comments and empty lines in which some lines, at any depth, are others."""
    lines = [re.sub(r"(^|\s+)#.*$", "", line) for line in text.splitlines()]
    lines = [line for line in lines if line.strip()]
    wanted = at.splitlines()
    for start, first in enumerate(lines):
        margin = first[: len(first) - len(first.lstrip(" "))]
        if lines[start : start + len(wanted)] == indent(at, margin).splitlines():
            put = indent(instead, margin).splitlines()
            return "\n".join([*lines[:start], *put, *lines[start + len(wanted) :], ""])
    raise AssertionError(f"nothing reads {at!r}")


def findings(page: Page, instead: str, folder: Path) -> list[Finding]:
    """What is found where an example of a page stands among the schemes that ship."""
    example = page.example
    if page.code in MARKET:
        folder /= "expense_to_paybill"
        shutil.copytree(SHIPPED / "market" / "expense_to_paybill", folder)
    else:
        shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    assert example.file is not None
    assert example.checked is not None
    file = folder / example.file
    file.write_text(planted(file.read_text(encoding="utf-8"), example.at, instead), encoding="utf-8")
    if page.code in MARKET:
        return list(check_folder(read_folder(folder)).findings)
    return validate(Path(example.checked), environment=load_settings(None).environment())


def said(finding: Finding) -> str:
    """A finding's words, as they stand below a page's example."""
    return f"{finding.message}\n{finding.hint}" if finding.hint else finding.message


def without_numbers(text: str) -> str:
    """The line in which something stands moves with each edit of a scheme that ships."""
    return re.sub(r"\d+", "9", text)


def errors_below(kind: type[EngineError]) -> Iterator[type[EngineError]]:
    for below in kind.__subclasses__():
        yield below
        yield from errors_below(below)


def tells(template: str, text: str) -> bool:
    """Whether a text is a message's template, filled in."""
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(template))
    return re.fullmatch(pattern, text) is not None


# --- the tests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_and_class_has_a_page_that_fits_a_screen(
    language: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGINE_LANG", language)
    every: list[type[EngineError]] = [EngineError, *errors_below(EngineError)]
    kinds = {error.kind for error in every}
    known = pages(language)
    assert set(known) == {*CODES, *map(str, FailureClass), *kinds}
    for code, page in known.items():
        assert page.title
        assert page.cause
        assert page.mend
        assert page.example.wrong, code
        assert page.example.shown, code
        with pytest.raises(SystemExit) as ended:
            run(["help", code])
        told = capsys.readouterr().out
        assert ended.value.code == 0
        assert page.cause in told
        assert len(told.splitlines()) <= SCREEN
        assert bool(re.search(r"[\u4e00-\u9fff]", page.cause + page.title)) == (language == "zh"), code


def test_every_code_that_is_given_is_known() -> None:
    given = {
        node.value
        for file in Path(engine.__file__).parent.rglob("*.py")
        if file.name != "codes.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[SM]\d{3}", node.value)
    }
    assert given == set(CODES)


@pytest.mark.parametrize("code", TRIED)
def test_what_a_page_calls_wrong_gives_its_code_and_message_and_what_it_calls_right_does_not(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in LANGUAGES:
        monkeypatch.setenv("ENGINE_LANG", language)
        page = pages(language)[code]
        folder = tmp_path / language
        folder.mkdir()
        monkeypatch.chdir(folder)
        found = findings(page, page.example.wrong, folder)
        assert {finding.code for finding in found} == {code, *page.example.also}
        first = next(finding for finding in found if finding.code == code)
        assert without_numbers(said(first)) == without_numbers(page.example.shown)
    mended = tmp_path / "mended"
    mended.mkdir()
    monkeypatch.chdir(mended)
    assert [str(finding) for finding in findings(page, page.example.right, mended)] == []


def test_few_pages_are_not_tried() -> None:
    reasons = {code: pages("en")[code].example.untested for code in SCHEME}
    assert len([code for code, reason in reasons.items() if reason]) <= 4


def test_what_the_pages_say_that_are_not_tried_is_said_somewhere() -> None:
    catalogs = Path(engine.__file__).parent.joinpath("language", "zh").glob("*.yaml")
    messages: dict[str, str] = {}
    for file in catalogs:
        messages |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    english, chinese = pages("en"), pages("zh")
    of_kingdee = {"configuration"}  # a refusal in Kingdee's own words
    for code in set(english) - set(TRIED) - of_kingdee:
        shown = [page.example.shown for page in (english[code], chinese[code])]
        if code in set(FailureClass):
            shown = [text.split(": ", 1)[1] for text in shown]  # behind the class, as `records list` has it
        assert any(tells(en, shown[0]) and tells(zh, shown[1]) for en, zh in messages.items()), code


def test_the_commands_and_pages_that_are_named_are_there() -> None:
    guides = {
        path: (ROOT / path).read_text(encoding="utf-8")
        for path in ("docs/scheme-language.md", "docs/scheme-language.zh.md", "docs/market.md")
    }
    for language in LANGUAGES:
        for page in pages(language).values():
            text = f"{page.cause}\n{page.mend}\n{page.example.right}"
            for file, heading in re.findall(r'(docs/[\w.-]+\.md)(?:,? ?的?["“]([^"”]+)["”])?', text):
                assert f"## {heading}" in guides[file], page.code
            for line in text.splitlines():
                for words in re.findall(r"(?<!he )engine ([a-z]+(?: [a-z]+)?)", line):
                    check_command(words.split(), re.findall(r"--[a-z-]+", line), page.code)


def check_command(words: list[str], options: list[str], code: str) -> None:
    """A command that a page names is there, with the options that stand in the same line."""
    command: click.Command | None = root
    for word in words:
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), word)
        assert command is not None, (code, words)
    assert command is not None
    known = {option for param in command.params for option in param.opts} | {"--help", "--debug"}
    assert set(options) <= known, (code, words, options)


@pytest.mark.parametrize(
    ("word", "code"),
    [("s201", "S201"), ("base-data-missing", "base data missing"), ("冲突", "conflict"), ("M101", "M101")],
)
def test_a_page_is_found_by_its_code_however_written(
    word: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_LANG", "zh")
    assert page_of(word).code == code


def test_all_are_listed_and_one_is_told_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_LANG", "en")
    with pytest.raises(SystemExit):
        run(["help"])
    listed = capsys.readouterr().out
    assert all(re.search(rf"^{code}  \S", listed, re.MULTILINE) for code in pages())
    with pytest.raises(SystemExit):
        run(["help", "--json"])
    assert [each["code"] for each in json.loads(capsys.readouterr().out)["pages"]] == list(pages())
    with pytest.raises(SystemExit):
        run(["help", "S201", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"code", "title", "cause", "example", "mend"}
    assert told["title"] == CODES["S201"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["S2011"], "S201"),
        (["s214"], "S21"),
        (["conflct"], "conflict"),
        (["run"], "engine run --help"),
        (["xyz"], "engine help"),
    ],
)
def test_an_unknown_code_gets_the_one_that_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_LANG", "en")
    with pytest.raises(SystemExit) as ended:
        run(["help", *words])
    assert ended.value.code == 2
    assert meant in capsys.readouterr().err


def test_validate_names_the_page_of_the_first_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENGINE_LANG", "en")
    shutil.copytree(SHIPPED, tmp_path / "schemes")
    file = tmp_path / "schemes" / "expense_to_paybill.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("version: 1", "version: 2"), encoding="utf-8")
    with pytest.raises(SystemExit):
        run(["validate", str(file)])
    assert capsys.readouterr().out.endswith("\nengine help S206 tells more\n")
    with pytest.raises(SystemExit):
        run(["validate", str(SHIPPED / "expense_to_paybill.yaml")])
    assert "engine help" not in capsys.readouterr().out
