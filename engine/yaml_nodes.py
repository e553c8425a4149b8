"""Read YAML into nodes that remember line and column, with safe types and without YAML's traps.

Plain ``on/off/yes/no``, leading zeros, bare dates and times, sexagesimals and exponents stay text;
integers are int, numbers with a point are Decimal. A mistake that can be repaired in thought (a missing
quote, a repeated key) is reported and read on, so that one reading shows all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, ScalarNode, SequenceNode

from engine.errors import Position, SchemeError
from engine.findings import Finding
from engine.language import tr
from engine.nodes import Node
from engine.yaml_loader import TAG, LimitReached, compose, scalar
from engine.yaml_problems import explain
from engine.yaml_repair import Repair, repair_line

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "BYTES_MOST",
    "NODES_MOST",
    "decode_text",
    "read_yaml",
    "read_yaml_text",
]

BYTES_MOST = 2_000_000
NODES_MOST = 200_000  # after aliases are followed: a hundred of them can still stand for billions
REPAIRS_MOST = 30
_READ_AGAIN_MOST = 1_000_000
"""How many characters are read again in all for the sake of showing every mistake at once."""


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
        left = _READ_AGAIN_MOST
        for _ in range(REPAIRS_MOST):
            text = "".join(self.lines)
            if self.findings and left < 0:
                raise _as_error(self.findings.pop(0))
            left -= len(text)
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
        try:
            return compose(text)
        except LimitReached as limit:
            raise SchemeError(limit.message, position=self._position(limit.mark)) from None

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
        source = self.lines[mark.line] if mark.line < len(self.lines) else ""
        message, hint, place = explain(error, mark, source)
        raise SchemeError(message, position=self._position(place), hint=hint) from None

    def _unquoted(self, line: int, repair: Repair) -> Finding:
        return Finding(
            "S103",
            Position(self.name, line + 1, self._column(line, repair.start)),
            tr("this text needs quotes: YAML reads {what} as its own sign", what=repair.sign),
            hint=tr("put quotes around it: {line}", line=repair.line.strip()),
        )

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
        quoted = node.style in ("'", '"') and not self._mended(node.start_mark)
        try:
            return Node(scalar(node), position, quoted=quoted), 1
        except LimitReached as limit:
            raise SchemeError(limit.message, position=position) from None

    def _mended(self, mark: Any) -> bool:
        """Whether the quote at a mark is ours, not the user's."""
        return any(repair.start == mark.column for repair in self.repairs.get(mark.line, ()))

    def _check_tag(self, node: Any, position: Position) -> None:
        known = {ScalarNode: ("str", "int", "float", "bool", "null", "merge"), SequenceNode: ("seq",)}
        names = known.get(type(node), ("map",))
        if node.tag in {TAG + name for name in names}:
            return
        self.findings.append(
            Finding(
                "S105",
                position,
                tr('the tag "{tag}" is not known here', tag=node.tag.replace(TAG, "!!")),
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
        if key_node.tag == TAG + "merge":
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
