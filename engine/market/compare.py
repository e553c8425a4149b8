"""What one version of a copy's files has that another has not: by file and path, with both values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import SchemeError
from engine.market.merge.aligning import aligned
from engine.market.merge.csv_merge import read_csv_table, unquoted
from engine.market.merge.endings import Endings
from engine.market.merge.reading import Unstructured, read_tree
from engine.market.merge.tree import Flow, FlowEntry, Leaf, Value, comments
from engine.market.texts import read_text, same
from engine.yaml_nodes import read_yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Change", "Kind", "differences", "table_keys"]

Kind = Literal["changed", "added", "removed", "moved", "comment"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path`: ``target.mapping.FDATE`` in a scheme, ``[key].column`` in a table.

    An empty path: the file as a whole. Values are plain; a `comment` has its text as value; what was `moved`
    has the names of the entries, in order.
    """

    file: str
    path: str
    kind: Kind
    before: Any = None
    after: Any = None


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Change]:
    """How the files of one version differ from those of an earlier one, file by file."""
    keys = table_keys(before) | table_keys(after)
    found: list[Change] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            found.append(Change(name, "", "added" if old is None else "removed"))
        elif not same(old, new, name):
            changes = list(_in_file(name, old, new, keys.get(name)))
            found += changes or [Change(name, "", "changed")]
    return found


def table_keys(files: Mapping[str, bytes]) -> dict[str, str]:
    """Table file → its key column, as the schemes among some files say."""
    found: dict[str, str] = {}
    for name, data in files.items():
        if not name.endswith(".yaml"):
            continue
        try:
            tables = read_yaml_text(read_text(data, name).text, name).get("tables")
        except SchemeError:
            continue
        for _, table in tables.items() if tables is not None else ():
            file, key = table.get("file"), table.get("key")
            if file is not None and key is not None and isinstance(file.value, str):
                found[file.value.removeprefix("./")] = str(key.value)
    return found


def _in_file(name: str, old: bytes, new: bytes, key: str | None) -> Iterator[Change]:
    try:
        before, after = read_text(old, name).text, read_text(new, name).text
        if name.endswith(".csv"):
            yield from _in_table(name, before, after, key)
        else:
            pair = (read_yaml_text(before, name).plain(), read_yaml_text(after, name).plain())
            yield from _in_values(name, _tree(pair[0]), _tree(pair[1]), pair, "")
            yield from _in_comments(name, before, after)
    except SchemeError:
        yield Change(name, "", "changed")


# --- values -----------------------------------------------------------------------------------------------


def _tree(plain: Any) -> Value:
    """A plain value as a tree whose entries can be matched."""
    if isinstance(plain, dict):
        return Flow(
            "map", "", tuple(FlowEntry(key, "", "", _tree(child)) for key, child in plain.items()), ""
        )
    if isinstance(plain, list):
        return Flow("seq", "", tuple(FlowEntry(None, "", "", _tree(child)) for child in plain), "")
    kind = Decimal if isinstance(plain, Decimal) else type(plain)
    return Leaf("", (kind.__name__, str(plain)))


def _in_values(name: str, old: Value, new: Value, plain: tuple[Any, Any], path: str) -> Iterator[Change]:
    if old.meaning == new.meaning:
        return
    if not isinstance(old, Flow) or not isinstance(new, Flow) or old.kind != new.kind:
        yield Change(name, path, "changed", *plain)
        return
    places = []
    was, is_ = _children(plain[0], path), _children(plain[1], path)
    for triple in aligned(old.entries, new.entries, ()):
        at, to = triple.base, triple.mine
        if at is not None and to is not None:
            places.append((at, to))
            inner = (was[at][1], is_[to][1])
            yield from _in_values(name, old.entries[at].value, new.entries[to].value, inner, is_[to][0])
        elif to is not None:
            yield Change(name, is_[to][0], "added", after=is_[to][1])
        elif at is not None:
            yield Change(name, was[at][0], "removed", before=was[at][1])
    if [to for _, to in sorted(places)] != sorted(to for _, to in places):
        yield Change(name, path, "moved", _names(plain[0]), _names(plain[1]))


def _children(plain: Any, path: str) -> list[tuple[str, Any]]:
    """The entries of a value with their paths: keys by points, items by their name or their number."""
    if isinstance(plain, dict):
        return [(f"{path}.{key}" if path else str(key), child) for key, child in plain.items()]
    return [(f"{path}[{_named(child, place)}]", child) for place, child in enumerate(plain)]


def _named(item: Any, place: int) -> Any:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else place


def _names(plain: Any) -> list[Any]:
    if isinstance(plain, dict):
        return list(plain)
    return [_named(item, place) if isinstance(item, dict) else item for place, item in enumerate(plain)]


def _in_comments(name: str, before: str, after: str) -> Iterator[Change]:
    try:
        old, new = comments(read_tree(Endings.plain(before))), comments(read_tree(Endings.plain(after)))
    except Unstructured:
        return
    for text in sorted(old - new):
        yield Change(name, "", "comment", before=text)
    for text in sorted(new - old):
        yield Change(name, "", "comment", after=text)


# --- tables -----------------------------------------------------------------------------------------------


def _in_table(name: str, before: str, after: str, key: str | None) -> Iterator[Change]:
    old = read_csv_table(Endings.plain(before), key) if key else None
    new = read_csv_table(Endings.plain(after), key) if key else None
    if old is None or new is None:
        yield Change(name, "", "changed")
        return
    for row in dict.fromkeys([*old.rows, *new.rows]):
        cells, now = old.rows.get(row), new.rows.get(row)
        if cells is None or now is None:
            kind: Kind = "added" if cells is None else "removed"
            yield Change(name, f"[{row}]", kind, _said(cells), _said(now))
            continue
        for column in dict.fromkeys([*cells, *now]):
            was, is_ = unquoted(cells.get(column, "")), unquoted(now.get(column, ""))
            if was != is_:
                yield Change(name, f"[{row}].{column}", "changed", was, is_)
    order = [row for row in old.rows if row in new.rows]
    if order != [row for row in new.rows if row in old.rows]:
        yield Change(name, "", "moved", order, [row for row in new.rows if row in old.rows])


def _said(cells: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if cells is None else {column: unquoted(cell) for column, cell in cells.items()}
