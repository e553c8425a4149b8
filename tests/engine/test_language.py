"""Every sentence that the program says is there in Chinese, with the same places in it."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

import connectors
import engine
from engine.language import tr

ROOTS = [Path(engine.__file__).parent, Path(connectors.__file__).parent]
CATALOGS = sorted((Path(engine.__file__).parent / "language" / "zh").glob("*.yaml"))


def calls_of_tr(tree: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr"
    ]


def sources() -> dict[Path, ast.AST]:
    files = [file for root in ROOTS for file in sorted(root.rglob("*.py"))]
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.AST]:
    return sources()


@pytest.fixture(scope="module")
def catalog() -> dict[str, str]:
    merged: dict[str, str] = {}
    for file in CATALOGS:
        merged.update(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    return merged


def places(text: str) -> set[str]:
    """The places of a text; none in one whose braces are not for filling in, which is never filled in."""
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name}
    except ValueError:
        return set()


def test_every_sentence_is_translated(trees: dict[Path, ast.AST], catalog: dict[str, str]) -> None:
    missing = {
        f"{file.name}:{call.lineno}: {first.value}"
        for file, tree in trees.items()
        for call in calls_of_tr(tree)
        if isinstance(first := call.args[0], ast.Constant) and first.value not in catalog
    }
    assert not missing


def test_every_place_is_given_a_value(trees: dict[Path, ast.AST]) -> None:
    wrong = set()
    for file, tree in trees.items():
        for call in calls_of_tr(tree):
            first, named = call.args[0], {keyword.arg for keyword in call.keywords}
            if (
                isinstance(first, ast.Constant)
                and named
                and None not in named
                and places(first.value) != named
            ):
                wrong.add(f"{file.name}:{call.lineno}: {first.value}")
    assert not wrong


def test_no_translation_is_left_over(trees: dict[Path, ast.AST], catalog: dict[str, str]) -> None:
    said = {
        node.value
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for file in ROOTS[0].rglob("*.schema.json"):
        said |= texts_of(json.loads(file.read_text(encoding="utf-8")))
    for file in ROOTS[1].glob("*/catalog.yaml"):
        said |= texts_of(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert not {text for text in catalog if text not in said}


def texts_of(part: Any) -> set[str]:
    if isinstance(part, dict):
        return {str(key) for key in part} | {text for child in part.values() for text in texts_of(child)}
    if isinstance(part, list):
        return {text for child in part for text in texts_of(child)}
    return {part} if isinstance(part, str) else set()


def test_translations_have_the_same_places(catalog: dict[str, str]) -> None:
    assert not {text: shown for text, shown in catalog.items() if places(text) != places(shown)}


@pytest.mark.parametrize("file", CATALOGS, ids=lambda file: file.stem)
def test_a_catalog_holds_texts_once_each(file: Path) -> None:
    node = yaml.compose(file.read_text(encoding="utf-8"))
    if node is None:
        return
    keys = Counter(key.value for key, _ in node.value)
    assert not [key for key, times in keys.items() if times > 1]
    assert all(value.value.strip() for _, value in node.value)


def test_a_text_is_said_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_LANG", "zh")
    assert tr("{count} records", count=3) == "共 3 条"
    monkeypatch.setenv("ENGINE_LANG", "en")
    assert tr("{count} records", count=3) == "3 records"


def test_a_text_without_translation_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_LANG", "zh")
    assert tr("never translated {this}", this=1) == "never translated 1"
