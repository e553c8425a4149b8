"""Every message of the mapping has its Chinese text, with the same places to fill in."""

from __future__ import annotations

import ast
from importlib.resources import files
from pathlib import Path
from string import Formatter

import pytest
import yaml

import engine.mapping
from engine.language import tr
from engine.mapping.filters import REASONS

CHINESE = yaml.safe_load(files("engine.language").joinpath("zh", "mapping.yaml").read_text(encoding="utf-8"))


def messages() -> set[str]:
    found = set(REASONS.values())
    folder = Path(engine.mapping.__file__ or "").parent
    for module in folder.glob("*.py"):
        found |= given_to(module, tr.__name__)
    for module in folder.glob("compiled/*.py"):  # why a field is not compiled, told in `engine explain`
        found |= given_to(module, "Outside") | reasons_of(module)
    return found


def given_to(module: Path, function: str) -> set[str]:
    """The texts that a module's calls of a function are given."""
    texts = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            texts |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return texts


def reasons_of(module: Path) -> set[str]:
    """The texts of several words that a module holds as constants of its own."""
    values = [
        node.value
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant)
    ]
    texts = {value.value for value in values if isinstance(value.value, str)}
    return {text for text in texts if text.count(" ") > 2 and ":=" not in text}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_message_is_translated_and_none_is_left_over() -> None:
    assert set(CHINESE) == messages()


@pytest.mark.parametrize("text", sorted(CHINESE))
def test_a_translation_fills_the_same_places(text: str) -> None:
    assert places(CHINESE[text]) == places(text)
