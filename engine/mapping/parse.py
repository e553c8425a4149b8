"""Read a scheme's mapping and checks into rules. Findings S406 to S414, beside those of `leaves`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.findings import nearest
from engine.language import tr
from engine.mapping.leaves import LeafReader
from engine.mapping.moments import format_problem
from engine.mapping.rules import (
    Array,
    Block,
    Check,
    Constant,
    Entry,
    Field,
    Items,
    Leaf,
    MappingSpec,
    Nested,
    Rule,
    known_names,
    templates_of,
)
from engine.mapping.templates import Template
from engine.mapping.totals import unknown_part
from engine.mapping.values import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.findings import Finding
    from engine.nodes import Node

__all__ = ["BLOCK_KEYS", "RULE_KEYS", "parse_condition", "parse_leaf", "parse_mapping"]

RULE_KEYS: Final = (
    "value", "default", "required", "type", "format", "lookup", "when", "max_length", "label",
)  # fmt: skip
BLOCK_KEYS: Final = ("each", "where", "row", "optional")
# Words that no vendor's field is called by: one of them is enough to tell that a rule was meant.
_OF_RULES_ALONE: Final = frozenset({"lookup", "required", "max_length"})
_CHECK_KEYS: Final = ("that", "say")
_EACH_DEEPEST: Final = 2


def parse_mapping(
    node: Node,
    findings: list[Finding],
    aliases: Mapping[str, str] | None = None,
    *,
    checks: Node | None = None,
) -> MappingSpec:
    """The mapping at `node`, with the checks beside it. What is wrong is appended to `findings`; what can be
    read is read all the same."""
    reader = _Reader(LeafReader(findings, aliases))
    if not node.is_mapping or not node.value:
        reader.leaves.report(
            "S409",
            node.position,
            tr("a mapping must hold the document's fields"),
            tr("such as {example}", example='FBillNo: "DD{{ extend.business_id }}"'),
        )
        return MappingSpec((), node.position)
    spec = MappingSpec(reader.fields(node, 0), node.position, reader.checks(checks))
    _check_totals(spec, reader.leaves)
    return spec


def parse_leaf(node: Node, findings: list[Finding], aliases: Mapping[str, str] | None = None) -> Leaf | None:
    """One leaf outside of rows, or None with a finding."""
    if node.is_mapping or node.is_list:
        LeafReader(findings).report("S407", node.position, tr("one value must stand here"))
        return None
    return LeafReader(findings, aliases).leaf(node)


def parse_condition(node: Node, findings: list[Finding]) -> Template | None:
    """A condition over the record (`final`, `where`, `hold`), or None with a finding."""
    found = LeafReader(findings).condition(node)
    if isinstance(found, Constant):
        LeafReader(findings).report("S405", node.position, tr("a condition must be a template"))
        return None
    return found


class _Reader:
    def __init__(self, leaves: LeafReader) -> None:
        self.leaves = leaves

    def fields(self, node: Node, depth: int) -> tuple[Field, ...]:
        made: list[Field] = []
        for name, value in node.items():
            entry = self.entry(value, depth)
            if entry is not None:
                made.append(Field(name, node.keys.get(name, value.position), entry))
        return tuple(made)

    def entry(self, node: Node, depth: int) -> Entry | None:
        if node.is_list:
            return self.listed(node, depth)
        if not node.is_mapping:
            leaf = self.leaves.leaf(node, depth)
            return Rule(leaf, node.position) if leaf is not None else None
        if node.get("each") is not None:
            block = self.block(node, depth)
            return Array((block,), node.position) if block is not None else None
        if node.get("value") is not None:
            return self.rule(node, depth)
        self.suspect(node)
        return Nested(self.fields(node, depth), node.position)

    def suspect(self, node: Node) -> None:
        """A rule or block whose first word is missing or misspelt would silently become nested data."""
        keys = [name for name, _ in node.items()]
        if keys and all(name in BLOCK_KEYS for name in keys):
            self.leaves.report(
                "S408", node.position, tr("a block of rows needs each"), tr('each: "$.明细[*]"')
            )
        elif keys and (all(name in RULE_KEYS for name in keys) or not _OF_RULES_ALONE.isdisjoint(keys)):
            self.leaves.report(
                "S406", node.position, tr("a rule needs value"), tr("write value: beside the others")
            )

    # --- arrays -------------------------------------------------------------------------------------------

    def listed(self, node: Node, depth: int) -> Entry | None:
        parts: tuple[Node, ...] = node.value
        if parts and all(not part.is_mapping and not part.is_list for part in parts):
            leaves = [self.leaves.leaf(part, depth) for part in parts]
            return Items(tuple(leaf for leaf in leaves if leaf is not None), node.position)
        blocks: list[Block] = []
        for part in parts:
            if not part.is_mapping:
                self.leaves.report(
                    "S408", part.position, tr("a list holds rows and blocks, or plain values; not both")
                )
                continue
            block = self.block(part, depth) if part.get("each") is not None else self.literal(part, depth)
            if block is not None:
                blocks.append(block)
        return Array(tuple(blocks), node.position)

    def literal(self, node: Node, depth: int) -> Block:
        self.suspect(node)
        return Block(self.fields(node, depth), node.position)

    def block(self, node: Node, depth: int) -> Block | None:
        misspelt = self.known_keys(node, BLOCK_KEYS, tr("a block of rows"))
        if depth >= _EACH_DEEPEST:
            self.leaves.report("S408", node.keys["each"], tr("each can stand inside a row once, not deeper"))
            return None
        path = self.leaves.path(node.value["each"], depth)
        row = node.get("row")
        if row is None or not row.is_mapping:
            if row is not None or not misspelt:
                message = tr("a block of rows needs row, with the row's fields")
                self.leaves.report("S408", node.position, message)
            return None
        where = node.get("where")
        condition = self.leaves.condition(where, depth + 1) if where is not None else None
        if isinstance(condition, Template) and condition.reads_document and where is not None:
            self.leaves.report(
                "S413",
                where.position,
                tr("where chooses rows before the document is there; use checks instead"),
            )
        fields = self.fields(row, depth + 1)
        if path is None:
            return None
        return Block(fields, node.position, path, condition, bool(self.flag(node, "optional")))

    # --- rules --------------------------------------------------------------------------------------------

    def rule(self, node: Node, depth: int) -> Rule | None:
        self.known_keys(node, RULE_KEYS, tr("a rule"))
        leaf = self.scalar(node, "value", depth)
        default = self.scalar(node, "default", depth)
        when = node.get("when")
        kind = self.word(node, "type", TYPES)
        made: dict[str, Any] = {
            "default": default,
            "required": self.flag(node, "required"),
            "type": kind,
            "format": self.format(node, kind),
            "lookup": self.word(node, "lookup"),
            "when": self.leaves.condition(when, depth) if when is not None else None,
            "max_length": self.length(node),
            "label": self.word(node, "label"),
        }
        return Rule(leaf, node.value["value"].position, **made) if leaf is not None else None

    def scalar(self, node: Node, key: str, depth: int) -> Leaf | None:
        found = node.get(key)
        if found is None:
            return None
        if found.is_mapping or found.is_list:
            self.leaves.report("S407", found.position, tr("{key} must be one value", key=key))
            return None
        return self.leaves.leaf(found, depth)

    def flag(self, node: Node, key: str) -> bool | None:
        found = node.get(key)
        if found is None or isinstance(found.value, bool):
            return found.value if found is not None else None
        self.leaves.report("S407", found.position, tr("{key} must be true or false", key=key))
        return None

    def word(self, node: Node, key: str, known: tuple[str, ...] = ()) -> str | None:
        found = node.get(key)
        if found is None:
            return None
        if not isinstance(found.value, str) or not found.value:
            self.leaves.report("S407", found.position, tr("{key} must be a text", key=key))
            return None
        if known and found.value not in known:
            self.leaves.report(
                "S407",
                found.position,
                tr(
                    "no {key} '{value}'; known are {known}",
                    key=key,
                    value=found.value,
                    known=", ".join(known),
                ),
                _guess(found.value, known),
            )
            return None
        return found.value

    def format(self, node: Node, kind: str | None) -> str | None:
        written = self.word(node, "format")
        if written is None:
            return None
        place = node.value["format"].position
        if kind in ("date", "datetime"):
            problem = format_problem(written)
        elif kind == "decimal":
            digits = written.partition(".")[2]
            plain = written in ("0", "0." + "0" * len(digits)) and len(digits) <= 10
            problem = None if plain else tr("the format of an amount is its digits, such as 0.00")
        else:
            problem = tr("format needs type: date, datetime or decimal beside it")
        if problem is not None:
            self.leaves.report("S412", place, problem)
            return None
        return written

    def length(self, node: Node) -> int | None:
        found = node.get("max_length")
        if found is None:
            return None
        if isinstance(found.value, int) and not isinstance(found.value, bool) and found.value > 0:
            return found.value
        self.leaves.report("S407", found.position, tr("max_length must be a whole number above zero"))
        return None

    def known_keys(self, node: Node, known: tuple[str, ...], what: str) -> bool:
        """Report the keys that are not known; whether there are any."""
        for name in node.value:
            if name not in known:
                self.leaves.report(
                    "S406",
                    node.keys.get(name, node.position),
                    tr(
                        "{what} has no key '{name}'; known are {known}",
                        what=what,
                        name=name,
                        known=", ".join(known),
                    ),
                    _guess(name, known),
                )
        return any(name not in known for name in node.value)

    # --- checks -------------------------------------------------------------------------------------------

    def checks(self, node: Node | None) -> tuple[Check, ...]:
        if node is None or node.value is None:
            return ()
        if not node.is_list:
            self.leaves.report("S410", node.position, tr("checks must be a list of that: … and say: …"))
            return ()
        made = [self.check(part) for part in node.value]
        return tuple(check for check in made if check is not None)

    def check(self, node: Node) -> Check | None:
        that = node.get("that")
        if that is None:
            self.leaves.report("S410", node.position, tr("a check needs that, with a condition"))
            return None
        self.known_keys(node, _CHECK_KEYS, tr("a check"))
        condition = self.leaves.condition(that)
        if isinstance(condition, Constant):
            self.leaves.report("S405", that.position, tr("a condition must be a template"))
        say = self.scalar(node, "say", 0)
        return Check(condition, that.position, say) if isinstance(condition, Template) else None


def _check_totals(spec: MappingSpec, leaves: LeafReader) -> None:
    known = known_names(spec.fields)
    for template in templates_of(spec):
        for name in sorted(template.totals):
            part = unknown_part(name, known)
            if part is not None:
                message = tr("total('{name}'): the mapping writes no '{part}'", name=name, part=part[0])
                hint = tr("did you mean '{guess}'?", guess=part[1]) if part[1] else None
                leaves.report("S414", template.position, message, hint)


def _guess(word: str, known: tuple[str, ...]) -> Any:
    guess = nearest(word, known)
    return tr("did you mean '{guess}'?", guess=guess) if guess else None
