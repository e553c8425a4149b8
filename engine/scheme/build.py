"""From a scheme's nodes to its model.

Building goes on past what is wrong (the shape's findings tell that): the linter wants to see the rest. A
model with a finding of the grade error beside it is never run.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, cast

from engine.connector.limits import parse_duration
from engine.mapping.parse import parse_mapping
from engine.mapping.paths import Path, parse_path
from engine.mapping.templates import Template, is_template
from engine.nodes import Node
from engine.scheme.leaves import Leaves
from engine.scheme.model import (
    CallbackSpec,
    GuardSpec,
    LifeSpec,
    ParamSpec,
    ParamType,
    Scheme,
    SourceSpec,
    TableSpec,
    TargetSpec,
    TestSpec,
    WindowSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path as FilePath

    from engine.findings import Finding

__all__ = ["build_scheme", "table_spec"]

OVERLAP = timedelta(hours=24)
KEEP = timedelta(days=1)
POLICIES = ("revoked", "modified", "reissued", "bill_deleted", "bill_unaudited", "closed_period")
EXPECTATIONS = ("document", "skipped", "held", "waiting", "error")


def build_scheme(
    root: Node, file: FilePath, hash: str, findings: list[Finding], aliases: Mapping[str, str] | None = None
) -> Scheme:
    """The model of a scheme; what is wrong inside its leaves and mapping is appended to `findings`."""
    leaves = Leaves(findings, aliases)
    return Scheme(
        id=text(root, "id"),
        name=text(root, "name"),
        description=text(root, "description"),
        file=file,
        hash=hash,
        params={name: _param(name, node) for name, node in entries(root, "params")},
        source=_source(mapping(root, "source"), leaves),
        tables={name: table_spec(name, node) for name, node in entries(root, "tables")},
        target=_target(mapping(root, "target"), leaves),
        life=_life(mapping(root, "life")),
        callbacks=tuple(_callback(node, leaves) for node in _callback_nodes(root)),
        tests=tuple(_test(node) for node in items(root, "tests")),
        node=root,
    )


# --- reading without complaint: what does not fit was reported by the shape -------------------------------


def text(node: Node, key: str) -> str:
    """The text under a key, '' where there is none."""
    found = node.get(key)
    return found.value if found is not None and isinstance(found.value, str) else ""


def flag(node: Node, key: str, default: bool = False) -> bool:
    """The boolean under a key."""
    found = node.get(key)
    return found.value if found is not None and isinstance(found.value, bool) else default


def whole(node: Node, key: str) -> int | None:
    """The integer under a key."""
    found = node.get(key)
    return found.value if found is not None and type(found.value) is int else None


def mapping(node: Node, key: str) -> Node:
    """The mapping under a key, or an empty one in its place."""
    found = node.get(key)
    return found if found is not None and found.is_mapping else Node({}, node.position)


def entries(node: Node, key: str) -> list[tuple[str, Node]]:
    """The entries of the mapping under a key that are mappings themselves."""
    return [(name, child) for name, child in mapping(node, key).items() if child.is_mapping]


def items(node: Node, key: str) -> list[Node]:
    """The mappings in the list under a key."""
    found = node.get(key)
    return [child for child in found.value if child.is_mapping] if found is not None and found.is_list else []


def plain(node: Node, key: str) -> dict[str, Any]:
    """The mapping under a key, without places."""
    found: dict[str, Any] = mapping(node, key).plain()
    return found


def duration(node: Node, key: str, default: timedelta) -> timedelta:
    """The duration under a key."""
    try:
        return parse_duration(text(node, key))
    except (ValueError, OverflowError):
        return default


# --- the parts --------------------------------------------------------------------------------------------


def _param(name: str, node: Node) -> ParamSpec:
    default = node.get("default")
    return ParamSpec(
        name=name,
        type=cast("ParamType", text(node, "type") or "string"),
        position=node.position,
        label=text(node, "label"),
        description=text(node, "description"),
        required=flag(node, "required", True),
        default=default.value if default is not None and not default.is_mapping else None,
    )


def _source(node: Node, leaves: Leaves) -> SourceSpec:
    window = node.get("window")
    identity = leaves.path(node.get("id")) or _fallback_path(node)
    return SourceSpec(
        connection=text(node, "connection") or None,
        interface=text(node, "interface"),
        id=identity,
        number=leaves.path(node.get("number")) or identity,
        position=node.position,
        request=leaves.tree(mapping(node, "request")),
        window=_window(window, leaves) if window is not None and window.is_mapping else None,
        final=leaves.condition(node.get("final")),
        where=leaves.condition(node.get("where")),
        hold=leaves.condition(node.get("hold")),
        autofill=flag(node, "autoFillResponse"),
    )


def _fallback_path(node: Node) -> Path:
    return parse_path("$.id", node.position)


def _window(node: Node, leaves: Leaves) -> WindowSpec:
    start = node.get("start")
    given = text(node, "start")
    parsed = leaves.value(start) if start is not None and is_template(given) else None
    return WindowSpec(
        parsed if isinstance(parsed, Template) else given, duration(node, "overlap", OVERLAP), node.position
    )


def table_spec(name: str, node: Node) -> TableSpec:
    """The table that a node describes; also for the tables of connections.yaml."""
    values = node.get("values")
    default = node.get("default")
    return TableSpec(
        name=name,
        position=node.position,
        values=values.plain() if values is not None and values.is_mapping else None,
        file=text(node, "file") or None,
        connection=text(node, "connection") or None,
        interface=text(node, "interface") or None,
        key=text(node, "key") or None,
        value=text(node, "value") or None,
        default=default.plain() if default is not None else None,
        has_default=default is not None,
        keep=duration(node, "keep", KEEP) if node.get("interface") is not None else None,
    )


def _target(node: Node, leaves: Leaves) -> TargetSpec:
    guard = node.get("guard")
    return TargetSpec(
        connection=text(node, "connection"),
        interface=text(node, "interface"),
        key=text(node, "key"),
        mapping=parse_mapping(
            mapping(node, "mapping"), leaves.findings, leaves.aliases, checks=node.get("checks")
        ),
        position=node.position,
        form=text(node, "form") or None,
        batch=whole(node, "batch"),
        until=text(node, "until") or None,
        options=plain(node, "options"),
        guard=_guard(guard) if guard is not None and guard.is_mapping else None,
    )


def _guard(node: Node) -> GuardSpec:
    amount = node.get("amount")
    try:
        most = Decimal(str(amount.value)) if amount is not None else None
    except InvalidOperation:
        most = None
    return GuardSpec(node.position, whole(node, "documents"), most, text(node, "of") or None)


def _life(node: Node) -> LifeSpec:
    usual = LifeSpec()
    policies = {name: text(node, name) for name in POLICIES}
    return LifeSpec(
        position=node.position,
        date_field=text(node, "date_field") or None,
        watch=duration(node, "watch", usual.watch),
        reissued_within=duration(node, "reissued_within", usual.reissued_within),
        **{name: policy for name, policy in policies.items() if policy},
    )


def _callback_nodes(root: Node) -> list[Node]:
    found = root.get("callback")
    if found is None:
        return []
    return [found] if found.is_mapping else items(root, "callback")


def _callback(node: Node, leaves: Leaves) -> CallbackSpec:
    on = text(node, "on") or "delivered"
    return CallbackSpec(
        scheme=text(node, "scheme"),
        on=cast("Literal['delivered', 'failed']", on),
        data={name: leaves.value(child) for name, child in mapping(node, "data").items()},
        position=node.position,
    )


def _test(node: Node) -> TestSpec:
    record = node.get("record")
    file = None
    if record is not None and record.is_mapping and list(record.value) == ["file"]:
        file = text(record, "file") or None
    return TestSpec(
        name=text(node, "name"),
        position=node.position,
        record=record if file is None else None,
        record_file=file,
        record_position=(record.get("file") or record).position if record is not None else None,
        params=plain(node, "params"),
        tables={name: child.plain() for name, child in entries(node, "tables")},
        document=node.get("document"),
        skipped=flag(node, "skipped"),
        held=flag(node, "held"),
        waiting=flag(node, "waiting"),
        error=text(node, "error") or None,
    )
