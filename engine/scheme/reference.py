"""Write the reference of the language from its JSON Schema: one table of keys for each kind of mapping.

``python -m engine.scheme.reference`` puts it between the markers of docs/scheme-language.md and its Chinese
edition; a test fails when they have drifted.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.scheme.codes import CODES
from engine.scheme.shape import resolve, schema

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BEGIN", "DOCUMENTS", "END", "reference", "with_reference"]

BEGIN = "<!-- reference: written by python -m engine.scheme.reference; change the schema instead -->"
END = "<!-- end of the reference -->"
DOCUMENTS = {"docs/scheme-language.md": "en", "docs/scheme-language.zh.md": "zh"}

_WORDS = {
    "en": {
        "key": "key",
        "value": "value",
        "meaning": "meaning",
        "required": "required",
        "default": "default",
        "example": " E.g. ",
        "string": "text",
        "number": "number",
        "integer": "whole number",
        "boolean": "true/false",
        "object": "mapping",
        "array": "list",
        "null": "empty",
        "scalar": "single value",
        "any": "anything",
        "codes": "Findings",
        "code": "code",
        "about": "What `engine validate` can find, by code; `engine help S201` tells more of one:",
    },
    "zh": {
        "key": "键",
        "value": "值",
        "meaning": "含义",
        "required": "必填",
        "default": "默认",
        "example": "例：",
        "string": "文本",
        "number": "数字",
        "integer": "整数",
        "boolean": "true/false",
        "object": "映射",
        "array": "列表",
        "null": "空",
        "scalar": "单个值",
        "any": "任意值",
        "codes": "检查结果",
        "code": "代码",
        "about": "`engine validate` 能发现的问题，按代码；`engine help S201` 给出例子和改法：",
    },
}

# heading → where its keys are described in the schema
_SECTIONS: tuple[tuple[str, tuple[str | int, ...]], ...] = (
    ("scheme", ()),
    ("params.NAME", ("$defs", "param")),
    ("source", ("$defs", "source")),
    ("source.window", ("$defs", "source", "properties", "window")),
    ("tables.NAME: values", ("$defs", "table", "anyOf", 0)),
    ("tables.NAME: file", ("$defs", "table", "anyOf", 1)),
    ("tables.NAME: interface", ("$defs", "table", "anyOf", 2)),
    ("target", ("$defs", "target")),
    ("target.guard", ("$defs", "target", "properties", "guard")),
    ("target.mapping: rule", ("$defs", "rule")),
    ("target.mapping: block", ("$defs", "block")),
    ("target.checks", ("$defs", "target", "properties", "checks", "items")),
    ("life", ("$defs", "life")),
    ("callback", ("$defs", "callback")),
    ("tests", ("$defs", "test")),
)


def reference(language: str) -> str:
    """The reference as Markdown, in ``en`` or ``zh``."""
    words = _WORDS[language]
    parts = [_section(name, _at(path), language) for name, path in _SECTIONS]
    codes = [
        f"### {words['codes']}",
        "",
        words["about"],
        "",
        f"| {words['code']} | {words['meaning']} |",
        "| --- | --- |",
    ]
    codes += [f"| {code} | {_meaning(meaning, language)} |" for code, meaning in CODES.items()]
    return "\n\n".join([*parts, "\n".join(codes)])


def _at(path: tuple[str | int, ...]) -> Mapping[str, Any]:
    found: Any = schema()
    for part in path:
        found = found[part]
    described: Mapping[str, Any] = found
    return described


def _section(name: str, part: Mapping[str, Any], language: str) -> str:
    words = _WORDS[language]
    lines = [f"### `{name}`", ""]
    about = _description(part, language)
    if about:
        lines += [about, ""]
    lines += [f"| {words['key']} | {words['value']} | {words['meaning']} |", "| --- | --- | --- |"]
    for key, given in part["properties"].items():
        lines.append(_row(key, resolve(given), key in part.get("required", ()), language))
    return "\n".join(lines)


def _row(key: str, part: Mapping[str, Any], required: bool, language: str) -> str:
    words = _WORDS[language]
    kind = _kind(part, words)
    if required:
        kind += f", {words['required']}"
    if "default" in part:
        kind += f", {words['default']} `{_yaml(part['default'])}`"
    meaning = _description(part, language)
    example = part.get("examples", [None])[0]
    if example is not None and not isinstance(example, (dict, list)):
        meaning += f"{words['example']}`{_yaml(example)}`"
    return f"| `{key}` | {kind} | {_cell(meaning)} |"


def _kind(part: Mapping[str, Any], words: Mapping[str, str]) -> str:
    if "const" in part:
        return f"`{_yaml(part['const'])}`"
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "anyOf" in part:
        return " / ".join(dict.fromkeys(_kind(resolve(branch), words) for branch in part["anyOf"]))
    kinds = part.get("type")
    if kinds is None:
        return words["any"]
    if isinstance(kinds, str):
        return words[kinds]
    return words["scalar"] if len(kinds) >= 3 else " / ".join(words[kind] for kind in kinds)


def _description(part: Mapping[str, Any], language: str) -> str:
    name = "x-description-zh" if language == "zh" else "description"
    return str(part.get(name, ""))


def _meaning(text: str, language: str) -> str:
    if language == "en":
        return text
    return _codes_in_chinese().get(text, text)


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def with_reference(document: str, language: str) -> str:
    """A document with the reference between its markers renewed. Raises ValueError without markers."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("no markers")
    return f"{before}{BEGIN}\n\n{reference(language)}\n\n{END}{after}"


@cache
def _codes_in_chinese() -> dict[str, str]:
    import yaml

    file = Path(__file__).parent.parent / "language" / "zh" / "scheme.yaml"
    loaded: dict[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def main() -> None:
    """Rewrite the reference in the documents of this checkout."""
    root = Path(__file__).parent.parent.parent
    for name, language in DOCUMENTS.items():
        path = root / name
        if path.exists():
            path.write_text(with_reference(path.read_text(encoding="utf-8"), language), encoding="utf-8")


if __name__ == "__main__":
    main()
