"""Every sentence that the ledger says is there in Chinese, with the same places in it."""

from __future__ import annotations

import ast
from pathlib import Path
from string import Formatter

import yaml

import engine.language
import engine.ledger


def said() -> set[str]:
    texts = set()
    for file in Path(engine.ledger.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                assert isinstance(node.args[0], ast.Constant), f"{file.name}:{node.lineno}"
                texts.add(node.args[0].value)
    return texts


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_the_translation_is_complete() -> None:
    folder = Path(engine.language.__file__).parent / "zh"
    known = yaml.safe_load((folder / "ledger.yaml").read_text(encoding="utf-8"))
    assert said() == set(known)
    assert {text: places(text) for text in known} == {text: places(shown) for text, shown in known.items()}
