"""Names in templates and paths: which the source has, which the engine gives, and which nobody does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, SchemeError
from engine.findings import nearest
from engine.language import tr
from engine.mapping.paths import Path, is_path, parse_path
from engine.mapping.templates import Template, is_template, parse_template
from engine.scheme.discovered.file import discovered_beside
from engine.scheme.discovered.model import EVERY
from engine.scheme.lint.callers import data_of_callers
from engine.scheme.lint.look import Look, did_you_mean
from engine.scheme.records import read_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.connector.catalog import Interface
    from engine.errors import Position
    from engine.nodes import Node
    from engine.scheme.discovered.model import Discovered

__all__ = ["Leaf", "check_names", "guarded", "leaves", "table_uses"]

_PARAMS = frozenset({"params"})
_RECORD = frozenset({"params", "record"})
_DOCUMENT = frozenset({"params", "record", "document"})
_FUNCTIONS = frozenset({"range", "total", "lookup"})
_OUTCOME = frozenset({"result", "error"})
_ALL = _DOCUMENT | {"row", "parent"} | _FUNCTIONS
_DASHED = re.compile(r"(?P<holder>(?:row|record|parent)\.)?(?P<name>[^\W\d]\w*(?:-\w+)+)")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text of a scheme that is a template or a path, and what it may use.

    `words` are the engine's names at this place; `rows` are the paths of the tables whose rows are at hand,
    the innermost last.
    """

    node: Node
    parsed: Template | Path
    words: frozenset[str]
    record: bool = True
    rows: tuple[tuple[str, ...] | None, ...] = ()


def leaves(look: Look) -> list[Leaf]:
    """Every template and path of the scheme that could be read."""
    found: list[Leaf] = []
    source = look.node("source")
    for key in ("request", "window"):
        found += _below(look, source.get(key), _PARAMS, record=False)
    for key in ("id", "number", "final", "where", "hold"):
        found += _below(look, source.get(key), _RECORD)
    found += _mapped(look, look.node("target", "mapping"), ())
    found += _below(look, look.node("target").get("checks"), _DOCUMENT)
    callback = look.node("callback")
    for node in callback.value if callback.is_list else (callback,):
        found += _below(look, node.get("data"), _RECORD)
    return found


def _below(look: Look, node: Node | None, words: frozenset[str], *, record: bool = True) -> Iterator[Leaf]:
    if node is None:
        return
    if node.is_list:
        for child in node.value:
            yield from _below(look, child, words, record=record)
    for _, child in list(node.items()):
        yield from _below(look, child, words, record=record)
    parsed = _parsed(look, node)
    if parsed is not None:
        yield Leaf(node, parsed, words, record)


def _mapped(look: Look, node: Node, rows: tuple[tuple[str, ...] | None, ...]) -> Iterator[Leaf]:
    """The leaves of a mapping; inside a block's row one more row is at hand."""
    words = _DOCUMENT | ({"row"} if rows else set()) | ({"parent"} if len(rows) > 1 else set())
    parsed = _parsed(look, node)
    if parsed is not None:
        yield Leaf(node, parsed, words, rows=rows)
    for child in node.value if node.is_list else ():
        yield from _mapped(look, child, rows)
    each = node.get("each")
    if each is None:
        for key in node.keys:
            yield from _mapped(look, node.value[key], rows)
        return
    yield from _mapped(look, each, rows)
    table = _parsed(look, each)
    inner = (*rows, table.names if isinstance(table, Path) and table.scope == "record" else None)
    for key in ("where", "row"):
        child = node.get(key)
        if child is not None:
            yield from _mapped(look, child, inner)


def _parsed(look: Look, node: Node) -> Template | Path | None:
    text = node.value
    if not isinstance(text, str):
        return None
    try:
        if is_template(text):
            return parse_template(text, node.text_position)
        if is_path(text, node.text_position):
            source = look.scheme.source
            aliases = look.reach.aliases(source.connection, source.interface)
            return parse_path(text, node.text_position, aliases=aliases)
    except SchemeError:
        return None  # reported when the model was built
    return None


def table_uses(look: Look, found: list[Leaf]) -> Iterator[tuple[str, Position]]:
    """Each use of a table, by ``lookup:`` in a rule or by the filter in a template."""
    for leaf in found:
        if isinstance(leaf.parsed, Template):
            for name in sorted(leaf.parsed.tables):
                yield name, leaf.node.position
    yield from _rule_lookups(look.node("target", "mapping"))


def _rule_lookups(node: Node) -> Iterator[tuple[str, Position]]:
    for child in node.value if node.is_list else [child for _, child in node.items()]:
        yield from _rule_lookups(child)
    table = node.get("lookup")
    if table is not None and node.get("value") is not None and isinstance(table.value, str):
        yield table.value, table.position


# --- what the source's records are known to hold ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """Names at the top of a record with what lies below them, and whether there may be more.

    The catalog tells them, and so do the records of the scheme's own tests, and what was discovered of the
    form: no catalog has its labels. `described`: its system told all of them when it was discovered.
    """

    fields: Mapping[str, Any]
    open_ended: bool
    described: bool = False


def _known_fields(look: Look) -> _Known:
    source = look.scheme.source
    interface = look.reach.interface(source.connection, source.interface)
    known: dict[str, Any] = _response(interface) if interface else {}
    open_ended = interface is None or interface.open or source.autofill or not interface.response
    if open_ended:
        for test in look.scheme.tests:
            try:
                record = read_record(test, look.scheme.file.parent)
            except EngineError:
                continue
            _learn(known, record)
    if look.scheme.is_callback:
        given = data_of_callers(look.scheme.id, look.scheme.file.parent)
        known |= {name: None for name in given if name not in known}
        known.setdefault("result", dict.fromkeys(("id", "number", "stage", "amount", "delivered_at")))
        known.setdefault("error", None)
    found = None if look.scheme.is_callback else _discovered(look)
    for one in found.fields if found is not None else ():
        for label in (one.names[-1], *one.formerly):
            below = known
            for name in (*one.names[:-1], label):
                if name != EVERY:
                    held = below.get(name)
                    below[name] = below = held if held is not None else {}
    return _Known(known, open_ended, found is not None and any(one.id for one in found.fields))


def _discovered(look: Look) -> Discovered | None:
    environment = look.reach.environment
    return discovered_beside(
        look.scheme.file.parent, look.scheme.id, environment.name if environment is not None else None
    )


def _response(interface: Interface) -> dict[str, Any]:
    def below(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {name: below(field.fields) for name, field in fields.items()}

    return below(interface.response)


def _learn(known: dict[str, Any], record: Mapping[str, Any]) -> None:
    for name, value in record.items():
        inner: list[Any] = value if isinstance(value, list) else [value]
        below = known.get(name) or {}
        for part in inner:
            if isinstance(part, Mapping):
                _learn(below, part)
        known[name] = below


# --- the checks ------------------------------------------------------------------------------------------


def check_names(look: Look, found: list[Leaf]) -> None:
    """Every name in every template and path is one that is there, as far as that can be known."""
    source = look.scheme.source
    if not look.scheme.is_callback and look.reach.interface(source.connection, source.interface) is None:
        found = [leaf for leaf in found if not leaf.record]  # nothing is known of its records
    known = _known_fields(look)
    for leaf in found:
        if isinstance(leaf.parsed, Path):
            _check_path(look, leaf, leaf.parsed, known)
        else:
            _check_template(look, leaf, leaf.parsed, known)


def _check_path(look: Look, leaf: Leaf, path: Path, known: _Known) -> None:
    if path.hint:
        return  # an alias, of which the reading of the leaf has told
    fields = known.fields
    if path.scope == "row":
        fields = _row_fields(leaf, known.fields)
    for depth, name in enumerate(path.names):
        if not fields or name.startswith("_") or "#" in name:
            return
        if name not in fields:
            shown = ".".join(path.names[: depth + 1])
            _say_unknown(look, "S428", leaf.node.position, shown, name, fields, known)
            return
        fields = fields[name] or {}


def _row_fields(leaf: Leaf, known: Mapping[str, Any]) -> Mapping[str, Any]:
    names = leaf.rows[-1] if leaf.rows else None
    fields: Mapping[str, Any] = known
    for name in names or ("",):
        fields = fields.get(name) or {}
    return fields


def _say_unknown(
    look: Look, code: str, place: Position, shown: str, name: str, fields: Mapping[str, Any], known: _Known
) -> None:
    """An error where all fields are known; else a warning, and for a path only when it looks like a typo.

    Where the form was discovered, a typo is an error, and anything else a warning: forms may have changed.
    """
    message = tr('the source has no field "{name}"', name=shown)
    close = nearest(name, fields)
    if not known.open_ended:
        look.error(code, place, message, did_you_mean(name, fields))
    elif known.described:
        say = look.error if close is not None else look.warning
        say(code, place, message, _or_discover(look, close))
    elif close is not None:
        look.warning(code, place, message, tr('did you mean "{word}"?', word=close))


def _or_discover(look: Look, meant: str | None) -> str:
    """What was meant, and what to do where the form has the field by now."""
    command = f"engine discover {look.scheme.id}"
    if meant is None:
        return tr("if the form has it by now, run `{command}`", command=command)
    return tr(
        'did you mean "{word}"? If the form has it by now, run `{command}`', word=meant, command=command
    )


def _check_template(look: Look, leaf: Leaf, template: Template, all_known: _Known) -> None:
    known, open_ended = all_known.fields, all_known.open_ended
    quoted = list(_unquoted(look, leaf, known))
    for use in template.names:
        if use.name in leaf.words or use.name in _FUNCTIONS or any(use.position in place for place in quoted):
            continue
        if use.name in _ALL:
            _misplaced(look, leaf, use.name, use.position)
        elif not leaf.record:
            message = tr('"{name}" is not known here', name=use.name)
            look.error("S420", use.position, message, tr("a request may use {names}", names="{{ params.… }}"))
        elif use.name not in known and (known.keys() - _OUTCOME or not look.scheme.is_callback):
            meant = _cut_short(use.name, known)
            if (
                open_ended
                and meant is None
                and guarded(use.name, template.text)
                and nearest(use.name, known) is None
            ):
                continue  # the scheme says itself that it may be missing
            hint = _name_hint(use.name, meant, [*known, *sorted(leaf.words)], open_ended)
            if all_known.described and meant is None:
                hint = _or_discover(look, nearest(use.name, [*known, *sorted(leaf.words)]))
            message = tr('"{name}" is not known here', name=use.name)
            may_be_missing = open_ended and (not all_known.described or guarded(use.name, template.text))
            say = look.warning if may_be_missing else look.error
            say("S420", use.position, message, hint)


def _cut_short(name: str, known: Iterable[str]) -> str | None:
    """The known label of which a name is all but the bracket at its end."""
    return next((label for label in known if label.startswith((f"{name}(", f"{name}（"))), None)


def _name_hint(name: str, meant: str | None, known: list[str], open_ended: bool) -> str:
    if meant is not None:
        return tr('did you mean "{word}"?', word=f"record['{meant}']")
    if open_ended and nearest(name, known) is None:
        return tr("it is right if the form has this field: a catalog lists one form's fields only")
    return did_you_mean(name, known)


def guarded(name: str, text: str) -> bool:
    """Whether a template provides for a name that is not there."""
    asked = rf"(?<![\w.]){re.escape(name)}\s*(?:\|\s*(?:default|d)\b|is\s+(?:not\s+)?(?:un)?defined\b)"
    return re.search(asked, text) is not None


def _misplaced(look: Look, leaf: Leaf, name: str, place: Position) -> None:
    reasons = {
        "document": tr('there is no document yet: "document" is known in the mapping and its checks'),
        "record": tr('there is no record yet: a request may use "params" alone'),
    }
    if name in reasons:  # rows are the mapping's own reader's to tell
        look.error("S404", place, reasons[name])


class _Span:
    """A stretch of one line."""

    def __init__(self, start: Position, length: int) -> None:
        self.start = start
        self.length = length

    def __contains__(self, place: Position) -> bool:
        same = (place.file, place.line) == (self.start.file, self.start.line)
        return same and self.start.column <= place.column < self.start.column + self.length


def _unquoted(look: Look, leaf: Leaf, known: Mapping[str, Any]) -> Iterator[_Span]:
    """Names with a dash, which Jinja takes for a subtraction; one with a bracket cannot be parsed at all."""
    text = leaf.node.value
    if "\n" in text:
        return
    inside = re.sub(r"""'[^']*'|"[^"]*\"""", lambda found: " " * len(found[0]), text)
    fields = _row_fields(leaf, known)
    for found in _DASHED.finditer(inside):
        name = found["name"]
        if not _in_braces(inside, found.start()):
            continue
        parts = name.split("-")
        if any(part in _ALL for part in parts[1:]) or inside[: found.start()].rstrip().endswith("|"):
            continue  # a subtraction: row.a-row.b, a|decimal-b
        holder = (found["holder"] or "").rstrip(".")
        if not holder and all(
            part in known or part in leaf.words or part.isdigit() for part in parts if part
        ):
            continue  # a subtraction after all
        if holder == "row" and fields and name not in fields and parts[0] in fields:
            continue
        place = replace(leaf.node.text_position, column=leaf.node.text_position.column + found.start())
        message = tr('the name "{name}" cannot stand bare: its signs would be worked out', name=name)
        look.error("S427", place, message, tr("write {line}", line=f"{holder or 'record'}['{name}']"))
        yield _Span(place, len(found[0]))


def _in_braces(text: str, index: int) -> bool:
    return max(text.rfind("{{", 0, index), text.rfind("{%", 0, index)) > max(
        text.rfind("}}", 0, index), text.rfind("%}", 0, index)
    )
