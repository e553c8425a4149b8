"""What PyYAML's complaints mean, in words for somebody who is no programmer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.language import tr

if TYPE_CHECKING:
    import yaml

__all__ = ["PROBLEMS", "explain"]


def explain(error: yaml.YAMLError, mark: Any, source: str) -> tuple[str, str | None, Any]:
    """The message, the hint and the mark to show; `source` is the line at `mark`."""
    problem = str(getattr(error, "problem", None) or getattr(error, "context", None) or error)
    if "\\t" in problem or "\t" in source[: mark.column + 1]:
        hint = tr("indent with spaces; most editors can turn tabs into spaces")
        return tr("a tab stands where spaces must"), hint, mark
    said = f"{getattr(error, 'context', '')} {problem}"
    for part, (message, hint) in PROBLEMS.items():
        if part in said:
            opened = getattr(error, "context_mark", None) if "never closed" in message else None
            return tr(message), tr(hint), opened or mark
    return tr("not YAML: {problem}", problem=problem), None, mark


PROBLEMS = {
    "mapping values are not allowed here": (
        "a colon and a space inside a text end the text",
        "put quotes around the whole value, or look for a line that is indented too far",
    ),
    "expected a single document": ("the file holds more than one YAML document", "remove the line '---'"),
    "found unexpected end of stream": ("a quote is opened and never closed", "close it where the text ends"),
    "expected ',' or '}'": (
        "a brace is opened and never closed",
        "close it with '}', or put quotes around the text",
    ),
    "expected ',' or ']'": (
        "a bracket is opened and never closed",
        "close it with ']', or put quotes around the text",
    ),
    "expected <block end>": ("this line does not fit the ones above", "indent it as far as its neighbours"),
    "could not find expected ':'": ("a key without a colon", "write 'key: value'"),
    "found undefined alias": (
        "the alias is not defined above",
        "put quotes around a text that begins with * or &",
    ),
}
