"""From a YAML text to the tree that holds every character of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import yaml
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from engine.market.merge.tree import Block, Entry, Flow, FlowEntry, Kind, Leaf, Meaning, Value
from engine.yaml_loader import LimitReached, compose

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Unstructured", "meaning_of", "read_tree"]


class Unstructured(Exception):
    """A text that is no YAML, or whose structure is not that of lines: it can be merged by lines only."""


def read_tree(text: str) -> Block:
    """The tree of a text whose lines end with line feeds. Raises Unstructured."""
    root = _root(text)
    if not isinstance(root, (MappingNode, SequenceNode)) or root.flow_style:
        raise Unstructured
    tree = _Reading(text).whole(root)
    if tree.text != text:
        raise Unstructured
    return tree


def meaning_of(text: str) -> Meaning:
    """What a text says. Raises Unstructured where it is no YAML."""
    root = _root(text)
    return () if root is None else _Meanings().of(root)


def _root(text: str) -> Any:
    if re.search("[\r\x85\u2028\u2029\ufeff]", text):  # YAML breaks lines at these, and nobody else does
        raise Unstructured
    try:
        return compose(text)
    except (yaml.YAMLError, LimitReached) as error:
        raise Unstructured from error


class _Meanings:
    """What nodes say. What is repeated by an alias, or stands twice in a mapping, is nothing to merge by."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def of(self, node: Any) -> Meaning:
        if id(node) in self.seen:
            raise Unstructured
        self.seen.add(id(node))
        if isinstance(node, ScalarNode):
            return (node.tag, node.value)
        if isinstance(node, SequenceNode):
            return ("seq", *(self.of(child) for child in node.value))
        keys = [key.value for key, _ in node.value if isinstance(key, ScalarNode)]
        if len(set(keys)) != len(node.value):
            raise Unstructured
        return ("map", *((key.value, self.of(child)) for key, child in node.value))


class _Reading:
    """One text on its way to a tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.meanings = _Meanings()

    def whole(self, root: Any) -> Block:
        """The tree of the text: lines above the first entry that end with a blank line are its head."""
        first = self._line(root.start_mark.index)
        found = re.match(r"(?:.*\n)*(?:[ \t]*|---.*|%.*)\n", self.text[:first])
        start = found.end() if found else 0
        return self._block(root, start, len(self.text), self.text[:start])

    # --- blocks -------------------------------------------------------------------------------------------

    def _block(self, node: Any, start: int, stop: int, head: str = "") -> Block:
        """The lines from `start` to `stop` as entries; `start` may stand behind a dash."""
        kind: Kind = "map" if isinstance(node, MappingNode) else "seq"
        begins = self._begins(node)
        column = self._column(begins[0])
        entries = []
        tail = ""
        lead = "" if self._inline(start, begins[0]) else self.text[start : self._line(begins[0])]
        for at, begin in enumerate(begins):
            following = self._line(begins[at + 1]) if at + 1 < len(begins) else stop
            self._check_place(begin, column, first=at == 0)
            child = node.value[at]
            reached = self._after(self._end(child))
            own = reached + _deeper(self.text[reached:following], column)
            entries.append(self._entry(child, lead, begin, own))
            lead = self.text[own:following]
            tail = lead
        return Block(kind, column, tuple(entries), tail, head)

    def _begins(self, node: Any) -> list[int]:
        """Where the keys or dashes of a block stand."""
        if isinstance(node, MappingNode):
            if any(not isinstance(key, ScalarNode) for key, _ in node.value):
                raise Unstructured
            return [key.start_mark.index for key, _ in node.value]
        if self.text[node.start_mark.index] != "-":
            raise Unstructured
        column = self._column(node.start_mark.index)
        rest = [self._dash(child.start_mark.index, column) for child in node.value[1:]]
        return [node.start_mark.index, *rest]

    def _dash(self, index: int, column: int) -> int:
        """The dash of an item whose content begins at `index`."""
        line = self._line(index)
        while self.text[line : line + column + 1] != " " * column + "-":
            if line == 0:
                raise Unstructured
            line = self._line(line - 1)
        return line + column

    def _check_place(self, begin: int, column: int, *, first: bool) -> None:
        """An entry begins its line, except for the first one, which may follow a dash."""
        before = self.text[self._line(begin) : begin]
        if len(before) != column or (before.strip(" ") and not first):
            raise Unstructured

    def _entry(self, child: Any, lead: str, begin: int, stop: int) -> Entry:
        key, node = child if isinstance(child, tuple) else (None, child)
        sign_end = begin + 1 if key is None else self._colon(key.end_mark.index)
        sign = self.text[begin:sign_end]
        name = None if key is None else key.value
        column = self._column(begin)
        if isinstance(node, (MappingNode, SequenceNode)) and not node.flow_style:
            first = self._begins(node)[0]
            inline = self._line(first) == self._line(begin)
            inside = first if inline else self._after(sign_end)
            if inline and key is not None:
                raise Unstructured
            block = self._block(node, inside, stop)
            return Entry(name, lead, column, sign, self.text[sign_end:inside], block, "")
        start, end = self._span(node, sign_end)
        value = self._value(node, start, end)
        return Entry(name, lead, column, sign, self.text[sign_end:start], value, self.text[end:stop])

    def _span(self, node: Any, least: int) -> tuple[int, int]:
        """Where a scalar or flow stands; an empty one right behind its sign."""
        start, end = node.start_mark.index, node.end_mark.index
        return (least, least) if start == end else (start, end)

    def _colon(self, index: int) -> int:
        found = re.compile(r"[ \t]*:").match(self.text, index)
        if found is None:
            raise Unstructured
        return found.end()

    # --- values -------------------------------------------------------------------------------------------

    def _value(self, node: Any, start: int, end: int) -> Value:
        if isinstance(node, ScalarNode):
            return Leaf(self.text[start:end], self.meanings.of(node))
        if self.text[start : start + 1] not in {"{", "["}:  # an anchor, a tag, or a pair without braces
            return Leaf(self.text[start:end], self.meanings.of(node), opaque=True)
        return self._flow(node, start, end)

    def _flow(self, node: Any, start: int, end: int) -> Flow:
        kind: Kind = "map" if isinstance(node, MappingNode) else "seq"
        entries: list[FlowEntry] = []
        at = start + 1
        keys: set[str] = set()
        for child in node.value:
            key, value = child if isinstance(child, tuple) else (None, child)
            begin = (key or value).start_mark.index
            before = self.text[at:begin]
            if entries:
                after, before = _comma(before)
                entries[-1] = _followed(entries[-1], after)
            entry, at = self._flow_entry(key, value, before, begin)
            if key is not None and (not isinstance(key, ScalarNode) or key.value in keys):
                raise Unstructured
            keys.add(entry.key or "")
            entries.append(entry)
        return Flow(kind, self.text[start : start + 1], tuple(entries), self.text[at:end])

    def _flow_entry(self, key: Any, node: Any, before: str, begin: int) -> tuple[FlowEntry, int]:
        if key is None:
            start, end = self._span(node, begin)
            return FlowEntry(None, before, "", self._value(node, start, end)), end
        if node.start_mark.index == node.end_mark.index:  # {a} or {a:}
            found = re.compile(r"[ \t]*:(?=[\s,}])").match(self.text, key.end_mark.index)
            after = found.end() if found else key.end_mark.index
        else:
            after = node.start_mark.index
        start, end = self._span(node, after)
        sign = self.text[begin:start]
        return FlowEntry(key.value, before, sign, self._value(node, start, end)), end

    # --- places -------------------------------------------------------------------------------------------

    def _end(self, child: Any) -> int:
        """The end of the last scalar or flow in a part of the tree."""
        if isinstance(child, tuple):
            key, node = child
            return max(cast("int", key.end_mark.index) + 1, self._end(node))
        if isinstance(child, (MappingNode, SequenceNode)) and not child.flow_style:
            return self._end(child.value[-1])
        return cast("int", child.end_mark.index)

    def _line(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _column(self, index: int) -> int:
        return index - self._line(index)

    def _inline(self, start: int, begin: int) -> bool:
        return start == begin and start != self._line(begin)

    def _after(self, index: int) -> int:
        """The beginning of the next line; `index` itself where a block scalar has ended with its line."""
        if index and self.text[index - 1] == "\n":
            return index
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1


def _deeper(gap: str, column: int) -> int:
    """How much of the lines below an entry is its own: up to its last comment that is indented deeper."""
    own = at = 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", gap):
        at += len(line)
        if not line.strip():
            continue
        if len(line) - len(line.lstrip(" ")) <= column or line.lstrip(" ")[0] != "#":
            break
        own = at
    return own


def _comma(between: str) -> tuple[str, str]:
    """What stands before and after the comma between two entries, comments passed over."""
    parts: Sequence[str] = re.findall(r"#[^\n]*|,|[^#,]+", between)
    if parts.count(",") != 1:
        raise Unstructured
    at = parts.index(",")
    return "".join(parts[:at]), "".join(parts[at + 1 :])


def _followed(entry: FlowEntry, after: str) -> FlowEntry:
    return FlowEntry(entry.key, entry.before, entry.start, entry.value, after)
