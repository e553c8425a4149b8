"""Write a collection in the other style, flow or block, so that both versions of it can be merged."""

from __future__ import annotations

import re

from engine.market.merge.tree import Block, Entry, Flow, FlowEntry, Leaf, Value

__all__ = ["like"]


def like(value: Value | None, model: Block | Flow) -> Block | Flow | None:
    """The value in the style of `model`; None where it cannot be had in it without a loss of comments."""
    if not isinstance(value, (Block, Flow)) or value.kind != model.kind:
        return None
    if isinstance(value, Block):
        return value if isinstance(model, Block) else _flow(value, model)
    if isinstance(model, Flow):
        return value
    return _block(value, model) if value.entries else None


def _block(flow: Flow, model: Block) -> Block | None:
    gap = " "
    entries = []
    for entry in flow.entries:
        if "#" in entry.before + entry.after + flow.close or "\n" in entry.value.text:
            return None
        sign = "-" if entry.key is None else entry.start.rstrip()
        if entry.key is not None and not sign.endswith(":"):
            return None
        space = gap if entry.value.text else ""
        entries.append(Entry(entry.key, "", model.column, sign, space, entry.value, "\n"))
    return Block(flow.kind, model.column, tuple(entries))


def _flow(block: Block, model: Flow) -> Flow | None:
    entries = []
    if (block.head + block.tail).strip():
        return None
    for at, entry in enumerate(block.entries):
        single = isinstance(entry.value, (Leaf, Flow)) and "\n" not in entry.value.text
        if not single or "#" in entry.lead + entry.gap + entry.end or not _fits(entry.value):
            return None
        start = "" if entry.key is None else f"{entry.sign} "
        entries.append(FlowEntry(entry.key, " " if at else "", start, entry.value))
    close = "}" if block.kind == "map" else "]"
    return Flow(block.kind, model.open, tuple(entries), close)


def _fits(value: Value) -> bool:
    """Whether a scalar means the same between commas and brackets."""
    text = value.text
    return not isinstance(value, Leaf) or text[:1] in {'"', "'"} or not re.search(r"[,\[\]{}]|^$", text)
