"""Mapping lines that a scheme lacks, by what the fields of both sides are called: for a human to take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from engine.errors import SchemeError
from engine.findings import Severity
from engine.scheme.discovered.model import EVERY, path_of
from engine.scheme.lint import check_loaded
from engine.scheme.load import load_scheme_text
from engine.yaml_edit import with_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.connector.catalog import Field, Form
    from engine.nodes import Node
    from engine.scheme.discovered.model import Discovered, FoundField
    from engine.scheme.model import Scheme
    from engine.scheme.reach import Reach

__all__ = ["Suggestion", "Wanted", "lacking", "suggest", "with_suggestions"]

_WANTED, _OTHER = 0.5, 0.8
"""How much alike the names must be, for a required or usual field and for any other."""
_ONLY = 0.3
_FITS = {
    "decimal": ("decimal", "integer"),
    "integer": ("integer",),
    "date": ("date", "datetime"),
    "datetime": ("datetime", "date"),
    "boolean": ("boolean",),
}
_COERCED = ("decimal", "date", "datetime")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field of the target that the mapping lacks. `steps` lead there from the scheme's root; `table` is the
    source's table whose row it would be filled from."""

    steps: tuple[str | int, ...]
    label: str
    type: str
    required: bool
    usual: bool
    table: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As `FPAYBILLENTRY.FCOSTID`."""
        return ".".join(step for step in self.steps[2:] if isinstance(step, str) and step != "row")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line to add: the right side as YAML, and the source's field that it reads."""

    wanted: Wanted
    value: str
    source: FoundField
    likeness: float


def lacking(scheme: Scheme, form: Form | None, found: Discovered | None) -> list[Wanted]:
    """What the mapping lacks of the form, required fields first, then usual ones."""
    fields = dict(_form_fields(form, found))
    mapping = scheme.node.get("target")
    mapping = mapping.get("mapping") if mapping is not None else None
    if mapping is None:
        return []
    wanted = list(_missing(("target", "mapping"), mapping, (), fields))
    for name, node in mapping.items():
        for steps, block in _blocks(("target", "mapping", name), node):
            row = block.get("row")
            if row is not None and row.is_mapping:
                table = _table(block.get("each"))
                wanted += _missing((*steps, "row"), row, (name,), fields, table)
    return sorted(wanted, key=lambda one: (not one.required, not one.usual))


def suggest(wanted: Sequence[Wanted], source: Discovered) -> list[Suggestion]:
    """For each the source's field whose name is most like its own, where one is like it at all. An amount
    that nobody asks for is never suggested: it would change what is paid."""
    asked = (one for one in wanted if one.required or one.usual or one.type != "decimal")
    found = [_nearest(one, source) for one in asked]
    return [each for each in found if each is not None]


def with_suggestions(
    text: str, scheme: Scheme, suggested: Sequence[Suggestion], reach: Reach
) -> tuple[str, list[Suggestion]]:
    """The scheme's text with those lines that leave it sound, and which they are."""
    taken: list[Suggestion] = []
    for each in suggested:
        try:
            longer = with_value(text, each.wanted.steps, each.value, name=str(scheme.file))
        except SchemeError:
            continue
        if _errors(longer, scheme, reach) <= _errors(text, scheme, reach):
            text = longer
            taken.append(each)
    return text, taken


def _errors(text: str, scheme: Scheme, reach: Reach) -> int:
    findings = check_loaded(load_scheme_text(text, scheme.file, reach), reach)
    return sum(finding.severity is Severity.ERROR for finding in findings)


# --- what is lacking -------------------------------------------------------------------------------------


def _form_fields(
    form: Form | None, found: Discovered | None
) -> Iterator[tuple[tuple[str, ...], tuple[str, str, bool, bool]]]:
    """Fields by their names: label, type, required, usual; of the catalog and of the discovery."""
    catalogued = dict(_catalogued(form.fields, ())) if form is not None else {}
    for names, field in catalogued.items():
        yield names, (field.label, field.type, field.required, field.usual)
    for one in found.fields if found is not None else ():
        known = catalogued.get(one.names)
        required = one.required or (known is not None and known.required)
        yield one.names, (one.label, one.type, required, known is not None and known.usual)


def _catalogued(
    fields: Mapping[str, Field], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Field]]:
    for name, field in fields.items():
        yield (*above, name), field
        yield from _catalogued(field.fields, (*above, name))


def _missing(
    steps: tuple[str | int, ...],
    node: Node,
    above: tuple[str, ...],
    fields: Mapping[tuple[str, ...], tuple[str, str, bool, bool]],
    table: tuple[str, ...] = (),
) -> Iterator[Wanted]:
    for names, (label, kind, required, usual) in fields.items():
        if names[:-1] == above and node.get(names[-1]) is None and kind != "array":
            yield Wanted((*steps, names[-1]), label, kind, required, usual, table)


def _blocks(steps: tuple[str | int, ...], node: Node) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    if node.is_list:
        for place, block in enumerate(node.value):
            yield (*steps, place), block
    elif node.get("each") is not None:
        yield steps, node


def _table(each: Node | None) -> tuple[str, ...]:
    text = each.value if each is not None and isinstance(each.value, str) else ""
    return (text.removeprefix("$.").removesuffix("[*]"),) if text.endswith("[*]") else ()


# --- what fits -------------------------------------------------------------------------------------------


def _nearest(wanted: Wanted, source: Discovered) -> Suggestion | None:
    among = [one for one in source.fields if _may_serve(one, wanted)]
    ranked = sorted(
        ((_likeness(wanted, one, among), one) for one in among), key=lambda pair: pair[0], reverse=True
    )
    enough = _WANTED if wanted.required or wanted.usual else _OTHER
    if not ranked or ranked[0][0] < enough:
        return None
    likeness, best = ranked[0]
    return Suggestion(wanted, _line(wanted, best), best, likeness)


def _may_serve(one: FoundField, wanted: Wanted) -> bool:
    if one.type in ("array", "object") or "_ext" in one.names:
        return False
    if one.table and one.table != wanted.table:
        return False
    return one.type in _FITS.get(wanted.type, (one.type,))


def _likeness(wanted: Wanted, one: FoundField, among: Sequence[FoundField]) -> float:
    """How much alike the names are; the only one of its kind in a row is likelier."""
    share = _alike(_bare(wanted.label), _bare(one.label))
    beside = [other for other in among if other.table == one.table and other.type == one.type]
    asked = wanted.required or wanted.usual
    alone = asked and wanted.type in _FITS and one.table and len(beside) == 1
    return share + (_ONLY if alone else 0.0) + (0.05 if one.table else 0.0)


def _alike(one: str, other: str) -> float:
    """The share of the shorter name with which both begin or end (报销金额, 应付金额); one letter is none."""
    shorter = min(len(one), len(other))
    common = max(_begin(one, other), _begin(one[::-1], other[::-1]))
    return common / shorter if common > 1 else 0.0


def _begin(one: str, other: str) -> int:
    """With how many letters both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _bare(label: str) -> str:
    """A label without what stands in brackets at its end."""
    return re.sub(r"[(（][^()（）]*[)）]$", "", label).strip()


def _line(wanted: Wanted, one: FoundField) -> str:
    row = one.names[one.names.index(EVERY) + 1 :] if EVERY in one.names else ()
    path = f"@{path_of(row)[1:]}" if row else path_of(one.names)
    if wanted.type not in _COERCED:
        return _in_quotes(path)
    needed = ", required: true" if wanted.required or wanted.type == "decimal" else ""  # no bill without it
    return f"{{value: {_in_quotes(path)}, type: {wanted.type}{needed}}}"


def _in_quotes(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
