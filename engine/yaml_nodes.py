"""Read YAML into nodes that remember line and column, with safe types and without YAML's traps.

Plain ``on/off/yes/no``, leading zeros, bare dates and times, sexagesimals and exponents stay text;
integers are int, numbers with a point are Decimal. A mistake that can be repaired in thought (a missing
quote, a repeated key) is reported and read on, so that one reading shows all of them.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, ScalarNode, SequenceNode

from engine.errors import Position, SchemeError
from engine.findings import Finding
from engine.language import tr
from engine.nodes import Node
from engine.yaml_repair import Repair, repair_line

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ALIASES_MOST",
    "BYTES_MOST",
    "DEPTH_MOST",
    "NODES_MOST",
    "decode_text",
    "read_yaml",
    "read_yaml_text",
]

BYTES_MOST = 2_000_000
DEPTH_MOST = 100
ALIASES_MOST = 100
NODES_MOST = 200_000  # after aliases are followed: a hundred of them can still stand for billions
REPAIRS_MOST = 30

_TAG = "tag:yaml.org,2002:"


def read_yaml(path: Path, findings: list[Finding] | None = None) -> Node:
    """The file as nodes; positions carry ``str(path)``.

    With `findings`, mistakes that can be read past are appended there (all are errors); without, the first
    one raises. Raises SchemeError when nothing can be read.
    """
    name = str(path)
    try:
        if not path.is_file():
            raise SchemeError(
                tr('"{name}" is no file', name=name) if path.exists() else tr('no file "{name}"', name=name)
            )
        if path.stat().st_size > BYTES_MOST:
            raise SchemeError(tr('"{name}" is larger than 2 MB', name=name))
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SchemeError(tr('"{name}" cannot be read: {reason}', name=name, reason=reason)) from error
    return read_yaml_text(decode_text(data, name), name, findings)


def decode_text(data: bytes, name: str) -> str:
    """UTF-8, with or without a BOM. Raises SchemeError at the first byte that is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace").removeprefix("\ufeff")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise SchemeError(
            tr("the file is not UTF-8"),
            position=Position(name, line, column),
            hint=tr("save it as UTF-8 (in Windows' editor: Save as, encoding UTF-8)"),
        ) from error


def read_yaml_text(text: str, name: str, findings: list[Finding] | None = None) -> Node:
    """As `read_yaml`, from a text; `name` stands in positions. An empty text is a node of None."""
    if len(text.encode("utf-8", "surrogatepass")) > BYTES_MOST:
        raise SchemeError(tr('"{name}" is larger than 2 MB', name=name))
    found: list[Finding] = []
    try:
        node = _Reading(text, name, found).node()
    except SchemeError:
        if findings is not None:
            findings.extend(found)
        elif found:
            raise _as_error(found[0]) from None
        raise
    found.sort(key=lambda finding: finding.position)
    if findings is not None:
        findings.extend(found)
    elif found:
        raise _as_error(found[0])
    return node


def _as_error(finding: Finding) -> SchemeError:
    return SchemeError(finding.message, position=finding.position, hint=finding.hint)


class _Loader(yaml.SafeLoader):
    """PyYAML's composer with few implicit types, and limits that hold while it reads."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own hook

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > ALIASES_MOST:
                raise _Limit(tr("more than {most} aliases", most=ALIASES_MOST), event.start_mark)
        self.depth += 1
        if self.depth > DEPTH_MOST:
            raise _Limit(tr("nested deeper than {most} levels", most=DEPTH_MOST), event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Limit(Exception):  # noqa: N818 - becomes a SchemeError at once
    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


def _resolver(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(_TAG + tag, re.compile(pattern), list(first))


_resolver("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolver("null", r"^(?:~|null|Null|NULL|)$", "~nN")
_Loader.add_implicit_resolver(_TAG + "null", re.compile(r"^$"), [""])
_resolver("int", r"^-?(?:0|[1-9][0-9]{0,39})$", "-0123456789")
_resolver("float", r"^-?(?:0|[1-9][0-9]{0,39})\.[0-9]{1,40}$", "-0123456789")
_resolver("merge", r"^<<$", "<")


class _Reading:
    """One text on its way to nodes, repaired line by line where a quote is missing."""

    def __init__(self, text: str, name: str, findings: list[Finding]) -> None:
        self.lines = text.splitlines(keepends=True)
        self.name = name
        self.findings = findings
        self.repairs: dict[int, list[Repair]] = {}
        self.done: dict[int, tuple[Node, int]] = {}
        self.open: set[int] = set()

    def node(self) -> Node:
        for _ in range(REPAIRS_MOST):
            text = "".join(self.lines)
            try:
                root = self._compose(text)
                break
            except yaml.YAMLError as error:
                self._repair_or_raise(error)
        else:
            raise _as_error(self.findings.pop())
        if root is None:
            return Node(None, Position(self.name))
        self.text = text
        return self._convert(root)[0]

    def _compose(self, text: str) -> Any:
        loader = None
        try:
            loader = _Loader(text)
            return loader.get_single_node()
        except _Limit as limit:
            raise SchemeError(limit.message, position=self._position(limit.mark)) from None
        finally:
            if loader is not None:
                loader.dispose()

    # --- mistakes -----------------------------------------------------------------------------------------

    def _repair_or_raise(self, error: yaml.YAMLError) -> None:
        """Quote what lacks quotes and report it; a mistake of another kind ends the reading."""
        if isinstance(error, yaml.reader.ReaderError):
            raise self._unprintable(error) from None
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            raise SchemeError(
                tr("not YAML: {problem}", problem=str(error)), position=Position(self.name)
            ) from None
        for place in (mark, getattr(error, "context_mark", None)):
            if place is None or place.line >= len(self.lines) or len(self.repairs.get(place.line, ())) > 5:
                continue
            repair = repair_line(self.lines[place.line], place.column)
            if repair is not None:
                self.findings.append(self._unquoted(place.line, repair))
                self.lines[place.line] = repair.line
                self.repairs.setdefault(place.line, []).append(repair)
                return
        raise self._plain_problem(error, mark) from None

    def _unquoted(self, line: int, repair: Repair) -> Finding:
        return Finding(
            "S103",
            Position(self.name, line + 1, self._column(line, repair.start)),
            tr("this text needs quotes: YAML reads {what} as its own sign", what=repair.sign),
            hint=tr("put quotes around it: {line}", line=repair.line.strip()),
        )

    def _plain_problem(self, error: yaml.YAMLError, mark: Any) -> SchemeError:
        problem = str(getattr(error, "problem", None) or getattr(error, "context", None) or error)
        source = self.lines[mark.line] if mark.line < len(self.lines) else ""
        if "\\t" in problem or "\t" in source[: mark.column + 1]:
            return SchemeError(
                tr("a tab stands where spaces must"),
                position=self._position(mark),
                hint=tr("indent with spaces; most editors can turn tabs into spaces"),
            )
        said = f"{getattr(error, 'context', '')} {problem}"
        for part, (message, hint) in _PROBLEMS.items():
            if part in said:
                opened = getattr(error, "context_mark", None) if message in _OPENED else None
                return SchemeError(tr(message), position=self._position(opened or mark), hint=tr(hint))
        return SchemeError(tr("not YAML: {problem}", problem=problem), position=self._position(mark))

    def _unprintable(self, error: yaml.reader.ReaderError) -> SchemeError:
        before = "".join(self.lines)[: error.position]
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        code = ord(error.character) if isinstance(error.character, str) else int(error.character)
        return SchemeError(
            tr("the character U+{code} cannot stand in YAML", code=f"{code:04X}"),
            position=Position(self.name, line, column),
            hint=tr("delete it, or write it as an escape in double quotes"),
        )

    # --- nodes --------------------------------------------------------------------------------------------

    def _convert(self, node: Any) -> tuple[Node, int]:
        """The node, and how many nodes it stands for when aliases are followed."""
        if id(node) in self.done:
            return self.done[id(node)]
        if id(node) in self.open:
            raise SchemeError(tr("an alias holds itself"), position=self._position(node.start_mark))
        self.open.add(id(node))
        made, size = self._make(node)
        self.open.discard(id(node))
        if size > NODES_MOST:
            raise SchemeError(tr("too much is repeated by aliases"), position=self._position(node.start_mark))
        self.done[id(node)] = (made, size)
        return made, size

    def _make(self, node: Any) -> tuple[Node, int]:
        position = self._position(node.start_mark)
        self._check_tag(node, position)
        if isinstance(node, SequenceNode):
            parts = [self._convert(child) for child in node.value]
            return Node(tuple(part for part, _ in parts), position), 1 + sum(size for _, size in parts)
        if isinstance(node, MappingNode):
            return self._mapping(node, position)
        return Node(_scalar(node), position, quoted=node.style in ("'", '"')), 1

    def _check_tag(self, node: Any, position: Position) -> None:
        known = {ScalarNode: ("str", "int", "float", "bool", "null", "merge"), SequenceNode: ("seq",)}
        names = known.get(type(node), ("map",))
        if node.tag in {_TAG + name for name in names}:
            return
        self.findings.append(
            Finding(
                "S105",
                position,
                tr('the tag "{tag}" is not known here', tag=node.tag.replace(_TAG, "!!")),
                hint=tr("leave the tag out; text, numbers, true/false, lists and mappings are all there is"),
            )
        )

    def _mapping(self, node: MappingNode, position: Position) -> tuple[Node, int]:
        if any(isinstance(key, CollectionNode) for key, _ in node.value):
            return self._braces(node, position), 1
        entries: dict[str, Node] = {}
        keys: dict[str, Position] = {}
        total = 1
        for key_node, value_node in node.value:
            key, place = key_node.value, self._position(key_node.start_mark)
            value, size = self._convert(value_node)
            total += size
            problem = self._key_problem(key_node, keys)
            if problem is not None:
                self.findings.append(Finding(problem[0], place, problem[1], hint=problem[2]))
                continue
            entries[key] = value
            keys[key] = place
        return Node(entries, position, keys), total

    def _key_problem(self, key_node: ScalarNode, keys: dict[str, Position]) -> tuple[str, str, str] | None:
        key = key_node.value
        if key_node.tag == _TAG + "merge":
            return "S106", tr("merging with << is not known here"), tr("write the entries out")
        if key == "":
            return "S107", tr("a key is empty"), tr("write the key before the colon")
        if key in keys:
            return (
                "S102",
                tr('the key "{key}" stands twice in this mapping', key=key),
                tr("it first stands in line {line}; keep one of the two", line=keys[key].line),
            )
        return None

    def _braces(self, node: MappingNode, position: Position) -> Node:
        """``{{ … }}`` without quotes is a mapping to YAML; take it for the template that was meant."""
        line = node.start_mark.line
        source = self.text[node.start_mark.index : node.end_mark.index]
        repair = repair_line(self.lines[line], node.start_mark.column)
        if source.startswith("{{") and repair is not None:
            self.findings.append(self._unquoted(line, repair))
            return Node(repair.value, position)
        self.findings.append(
            Finding(
                "S107",
                position,
                tr("a key must be a text, not a list or mapping"),
                hint=tr("put quotes around a key that begins with [ or {brace}", brace="{"),
            )
        )
        return Node({}, position)

    def _position(self, mark: Any) -> Position:
        return Position(self.name, mark.line + 1, self._column(mark.line, mark.column))

    def _column(self, line: int, column: int) -> int:
        """The user's column (from 1) of a column (from 0) in the repaired line."""
        for repair in reversed(self.repairs.get(line, ())):
            column = repair.column_before(column)
        return column + 1


_PROBLEMS = {
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

_OPENED = {message for message, _ in _PROBLEMS.values() if "never closed" in message}


def _scalar(node: ScalarNode) -> Any:
    value = node.value
    match node.tag.removeprefix(_TAG):
        case "bool" if value.lower() in {"true", "false"}:
            return value.lower() == "true"
        case "null":
            return None
        case "int" if re.fullmatch(r"-?[0-9]{1,40}", value):
            return int(value)
        case "float" if re.fullmatch(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", value):
            return Decimal(value)
    return value
