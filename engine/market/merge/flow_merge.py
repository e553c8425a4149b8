"""Three-way merging of ``{…}`` and ``[…]``, which stand within a line: there is no room for marks in them."""

from __future__ import annotations

from dataclasses import replace

from engine.market.merge.aligning import Triple, aligned, ordered
from engine.market.merge.reading import Unstructured, meaning_of
from engine.market.merge.tree import Flow, FlowEntry, Value, comments

__all__ = ["merge_flow"]


class _Clash(Exception):
    """Both sides changed the same thing."""


def merge_flow(base: Flow, mine: Flow, theirs: Flow) -> Flow | None:
    """The merge in the user's writing; None where both changed the same, or the text would not mean it."""
    try:
        merged = _flow(base, mine, theirs)
        return merged if meaning_of(merged.text + "\n") == merged.meaning else None
    except (_Clash, Unstructured):
        return None


def _flow(base: Flow, mine: Flow, theirs: Flow) -> Flow:
    entries = []
    for triple in ordered(aligned(base.entries, mine.entries, theirs.entries)):
        entry = _entry(base, mine, theirs, triple)
        if entry is not None:
            entries.append(entry)
    return replace(mine, entries=_spaced(entries, mine))


def _entry(base: Flow, mine: Flow, theirs: Flow, at: Triple) -> FlowEntry | None:
    old = None if at.base is None else base.entries[at.base]
    own = None if at.mine is None else mine.entries[at.mine]
    new = None if at.theirs is None else theirs.entries[at.theirs]
    if own is None or new is None:
        return _one_sided(old, own, new)
    if old is not None and own.start + own.value.text == old.start + old.value.text:
        return replace(own, start=new.start, value=new.value)
    return _valued(own, new, _value(old.value if old is not None else None, own.value, new.value))


def _one_sided(old: FlowEntry | None, own: FlowEntry | None, new: FlowEntry | None) -> FlowEntry | None:
    """What only one side has: it is new, or the other has removed it, which holds if it was not changed."""
    left = own or new
    if old is None or left is None:
        return replace(left, before=left.before if "#" in left.before else " ") if left else None
    if left.value.meaning != old.value.meaning or (own is not None and not comments(own) <= comments(old)):
        raise _Clash
    return None


def _valued(own: FlowEntry, new: FlowEntry, value: Value) -> FlowEntry:
    start = new.start if value is new.value else own.start
    return replace(own, start=start, value=value)


def _value(base: Value | None, mine: Value, theirs: Value) -> Value:
    if base is not None and mine.text == base.text:
        return theirs
    if mine.text == theirs.text or (base is not None and theirs.text == base.text):
        return mine
    if isinstance(mine, Flow) and isinstance(theirs, Flow) and mine.kind == theirs.kind:
        if isinstance(base, Flow) and base.kind == mine.kind:
            return _flow(base, mine, theirs)
        if base is None:
            return _flow(Flow(mine.kind, mine.open, (), mine.close), mine, theirs)
    if mine.meaning == theirs.meaning or (base is not None and theirs.meaning == base.meaning):
        return mine
    if base is not None and mine.meaning == base.meaning and comments(mine) <= comments(base):
        return theirs
    raise _Clash


def _spaced(entries: list[FlowEntry], mine: Flow) -> tuple[FlowEntry, ...]:
    """The entries with the white space before them that their places call for."""
    if not entries or not mine.entries:
        return tuple(entries)
    first = mine.entries[0].before
    usual = mine.entries[1].before if len(mine.entries) > 1 else " "
    usual = usual if "#" not in usual else " "
    found = []
    for at, entry in enumerate(entries):
        before = entry.before
        if "#" not in before:
            before = (first if "#" not in first else "") if at == 0 else (before or usual)
        found.append(replace(entry, before=before))
    return tuple(found)
