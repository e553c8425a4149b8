"""Read one leaf of a scheme: a path, a template or a constant. Findings S401 to S405."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.findings import Finding, Severity
from engine.language import tr
from engine.mapping.paths import at_column, is_path, parse_path, unescape
from engine.mapping.rules import Constant, Leaf, PathLeaf, TemplateLeaf
from engine.mapping.templates import Template, is_template, parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.errors import Position
    from engine.mapping.paths import Path
    from engine.nodes import Node

__all__ = ["LeafReader"]

_REFERENCE = re.compile(r"\$\{(?:env|file|keyring):[^}]*\}")


class LeafReader:
    """Reads leaves and appends what is wrong to `findings`, so that one mistake does not hide the next.

    `depth` is how many rows a leaf stands in: 0 outside, 1 in a row, 2 in a row within a row.
    """

    def __init__(self, findings: list[Finding], aliases: Mapping[str, str] | None = None) -> None:
        self.findings = findings
        self.aliases = aliases or {}

    def leaf(self, node: Node, depth: int = 0) -> Leaf | None:
        """The leaf, or None where it cannot be read. The node must hold a scalar."""
        if not isinstance(node.value, str):
            return Constant(node.value, node.position)
        text, place = node.value, node.text_position
        reference = _REFERENCE.search(text)
        if reference is not None:
            self.report(
                "S401",
                at_column(place, reference.start()),
                tr("a scheme cannot hold the reference {reference}", reference=reference.group()),
                tr("references belong to connections.yaml; a scheme takes a param"),
            )
            return None
        try:
            if is_path(text, place):
                return self._path_leaf(node, depth)
        except SchemeError as error:
            self.refuse("S401", error)
            return None
        plain = unescape(text)
        if not is_template(plain):
            return Constant(plain, node.position)
        template = self._template(plain, at_column(place, len(text) - len(plain)), depth)
        return TemplateLeaf(template, node.position) if template is not None else None

    def path(self, node: Node, depth: int = 0) -> Path | None:
        """A path; anything else is a finding."""
        if not isinstance(node.value, str):
            self.report(
                "S402",
                node.position,
                tr("a path must stand here"),
                tr("such as {example}", example="$.明细[*]"),
            )
            return None
        try:
            path = parse_path(node.value, node.text_position, aliases=self.aliases)
        except SchemeError as error:
            self.refuse("S402", error)
            return None
        if path.scope == "row" and depth == 0:
            self.report(
                "S404",
                node.position,
                tr("'@' is the row, and there is none here"),
                tr("write '$' for the record; rows are known inside each: … row: …"),
            )
            return None
        if path.hint is not None:
            self.findings.append(
                Finding(
                    "S411",
                    node.position,
                    tr("'{path}' is an older name", path=path.text),
                    Severity.HINT,
                    path.hint,
                )
            )
        return path

    def condition(self, node: Node, depth: int = 0) -> Template | Constant | None:
        """A template of one expression, or plain true or false; anything else is a finding."""
        if isinstance(node.value, bool):
            return Constant(node.value, node.position)
        if not isinstance(node.value, str) or not is_template(node.value):
            self.report(
                "S405",
                node.position,
                tr("a condition must be a template"),
                tr("such as {example}", example='"{{ row.金额 is defined }}"'),
            )
            return None
        template = self._template(node.value, node.text_position, depth)
        if template is not None and not template.is_expression:
            self.report(
                "S405",
                node.position,
                tr("a condition must be one expression: as a text it would always hold"),
                tr("put all of it between one {opened} and {closed}", opened="{{", closed="}}"),
            )
            return None
        return template

    def report(self, code: str, position: Position, message: str, hint: str | None = None) -> None:
        """Append an error."""
        self.findings.append(Finding(code, position, message, hint=hint))

    def refuse(self, code: str, error: SchemeError) -> None:
        """Append a SchemeError as a finding."""
        assert error.position is not None
        self.findings.append(Finding(code, error.position, error.message, hint=error.hint))

    def _path_leaf(self, node: Node, depth: int) -> PathLeaf | None:
        path = self.path(node, depth)
        return PathLeaf(path, node.position) if path is not None else None

    def _template(self, text: str, place: Position, depth: int) -> Template | None:
        try:
            template = parse_template(text, place)
        except SchemeError as error:
            self.refuse("S403", error)
            return None
        for use in template.names:
            if (use.name == "row" and depth == 0) or (use.name == "parent" and depth < 2):
                message = tr("'{name}' is not known here", name=use.name)
                inside = tr("row is known inside each: … row: …, parent inside an each within it")
                self.report("S404", use.position, message, inside)
        return template
