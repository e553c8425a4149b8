"""Every text that the scheme language shows has its Chinese one, with the same places."""

from __future__ import annotations

import ast
import string
from pathlib import Path
from typing import Any

import yaml

from engine.scheme.codes import CODES
from engine.scheme.complaints import _TYPES
from engine.scheme.shape import schema
from engine.yaml_problems import PROBLEMS

ROOT = Path(__file__).parents[2]


def shown() -> set[str]:
    texts: set[str] = set(CODES.values()) | set(_TYPES.values())
    texts |= {text for pair in PROBLEMS.values() for text in pair}
    files = [*(ROOT / "engine" / "scheme").rglob("*.py"), *(ROOT / "engine").glob("yaml_*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr":
                text = node.args[0]
                if isinstance(text, ast.Constant):
                    texts.add(text.value)
    return texts | set(of_schema(schema()))


def of_schema(part: Any) -> list[str]:
    if isinstance(part, list):
        return [text for child in part for text in of_schema(child)]
    if not isinstance(part, dict):
        return []
    own = [part[key] for key in ("title", "x-form") if isinstance(part.get(key), str)]
    return own + [text for child in part.values() for text in of_schema(child)]


def places(text: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()  # a text that is shown as it stands


def test_the_chinese_texts_are_complete() -> None:
    chinese = yaml.safe_load((ROOT / "engine/language/zh/scheme.yaml").read_text(encoding="utf-8"))
    catalogs = sorted((ROOT / "engine/language/zh").glob("*.yaml"))
    known = {text for each in catalogs for text in yaml.safe_load(each.read_text(encoding="utf-8"))}
    assert sorted(shown() - known) == []
    assert [text for text, other in chinese.items() if places(text) != places(other)] == []
