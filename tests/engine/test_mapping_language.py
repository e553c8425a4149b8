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
    for module in Path(engine.mapping.__file__ or "").parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == tr.__name__:
                found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return found


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_message_is_translated_and_none_is_left_over() -> None:
    assert set(CHINESE) == messages()


@pytest.mark.parametrize("text", sorted(CHINESE))
def test_a_translation_fills_the_same_places(text: str) -> None:
    assert places(CHINESE[text]) == places(text)
