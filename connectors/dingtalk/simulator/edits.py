"""Somebody edits a form: from then on instances have a component under another label, empty, or not at all.

Those made before keep the form of their day, and a component keeps its id (reference §6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.connector.simulator import Store

__all__ = ["as_of_its_day", "as_of_now", "edit_form"]

_KIND = "form_edit"


def edit_form(
    store: Store, code: str, component: str, since: int, *, label: str | None = None, empty: bool = False
) -> None:
    """Give a component or a table's column, by its id, a new label in instances made from `since` (epoch ms)
    on; without one take it out of the form, or leave it `empty`."""
    edit = {"component": component, "since": since, "label": label, "empty": empty}
    store.put(_KIND, f"{code}/{since:014d}/{component}", edit)


def as_of_its_day(store: Store, instance: dict[str, Any]) -> dict[str, Any]:
    """The instance with the form that it was made with."""
    code, made = instance["code"], instance["created"]
    edits = [edit for _, edit in store.between(_KIND, f"{code}/", f"{code}/{made + 1:014d}")][::-1]
    if not edits:
        return instance
    form = instance["form"]
    for edit in edits:
        form = [part for one in form if (part := _edited(one, edit)) is not None]
    return {**instance, "form": form}


def as_of_now(store: Store, code: str, shown: dict[str, Any], now: int) -> dict[str, Any]:
    """A form's schema with the edits that were made so far; an empty component stays on the form."""
    edits = [edit for _, edit in store.between(_KIND, f"{code}/", f"{code}/{now + 1:014d}")]
    content = shown["schemaContent"]
    return shown | {"schemaContent": content | {"items": _relabelled(content["items"], edits)}}


def _relabelled(items: list[dict[str, Any]], edits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for item in items:
        edit = next((one for one in edits if one["component"] == item["props"]["id"]), None)
        if edit is not None and not edit["empty"]:
            if edit["label"] is None:
                continue
            item = item | {"props": item["props"] | {"label": edit["label"]}}
        if "children" in item:
            item = item | {"children": _relabelled(item["children"], edits)}
        kept.append(item)
    return kept


def _edited(part: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any] | None:
    """A component after an edit; None for one that was taken out."""
    if part["id"] == edit["component"]:
        if edit["empty"]:
            bare: dict[str, Any] = {
                name: part[name] for name in ("type", "id", "name", "columns") if name in part
            }
            return bare | {"rows": []} if "rows" in part else bare
        return None if edit["label"] is None else {**part, "name": edit["label"]}
    if "rows" not in part:
        return part
    rows = [[cell for one in row if (cell := _cell(one, edit)) is not None] for row in part["rows"]]
    return {**part, "rows": rows}


def _cell(cell: dict[str, Any], edit: dict[str, Any]) -> dict[str, Any] | None:
    if cell["key"] != edit["component"]:
        return cell
    if edit["empty"] or edit["label"] is None:  # an empty cell may be left out of its row
        return None
    return {**cell, "label": edit["label"]}
