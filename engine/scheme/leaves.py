"""The leaves of a scheme outside its mapping, read by the mapping's own reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.language import tr
from engine.mapping.leaves import LeafReader
from engine.mapping.rules import Constant, PathLeaf, TemplateLeaf
from engine.mapping.templates import Template, parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.findings import Finding
    from engine.mapping.paths import Path
    from engine.nodes import Node

__all__ = ["Leaves"]


class Leaves:
    """Reads leaves, and keeps what is wrong with them. What the shape has reported is passed over."""

    def __init__(self, findings: list[Finding], aliases: Mapping[str, str] | None = None) -> None:
        self.findings = findings
        self.aliases = aliases or {}
        self._reader = LeafReader(findings, self.aliases)

    def condition(self, node: Node | None) -> Template | None:
        """A condition over the record: a template, or true/false. None where there is none, or it is bad."""
        if node is None or not isinstance(node.value, (str, bool)) or node.value == "":
            return None
        found = self._reader.condition(node)
        if isinstance(found, Constant):
            return parse_template("{{ true }}" if found.value else "{{ false }}", node.position)
        return found

    def path(self, node: Node | None) -> Path | None:
        """A path over the record; None where there is none, or it is wrong."""
        if node is None or not isinstance(node.value, str) or not node.value:
            return None
        return self._reader.path(node)

    def value(self, node: Node) -> Path | Template | Any:
        """A path, a template, or the constant itself; None where it is wrong."""
        if node.is_mapping or node.is_list:
            return None
        leaf = self._reader.leaf(node)
        match leaf:
            case PathLeaf(path=path):
                return path
            case TemplateLeaf(template=template):
                return template
            case Constant(value=value):
                return value
        return None

    def tree(self, node: Node) -> Any:
        """A tree of templates and constants, for a request: there is no record yet, so a path is wrong."""
        if node.is_mapping:
            return {key: self.tree(child) for key, child in node.items()}
        if node.is_list:
            return [self.tree(child) for child in node.value]
        leaf = self._reader.leaf(node)
        if isinstance(leaf, PathLeaf):
            self._reader.report(
                "S208",
                node.position,
                tr("there is no record yet to read a path from"),
                tr("a request may use {names}", names="{{ params.… }}"),
            )
            return None
        if isinstance(leaf, TemplateLeaf):
            return leaf.template
        return leaf.value if leaf is not None else None
