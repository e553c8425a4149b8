"""A form's fields before anybody has filled it in: page obtain-the-form-schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.approvals import code_of
from connectors.dingtalk.errors import Refusal
from connectors.dingtalk.form import decode_form
from engine import jsontext
from engine.connector.api import Described
from engine.connector.signals import Retry
from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from connectors.dingtalk.wire import Wire

__all__ = ["describe"]

_INTERFACE = "v1.0/workflow/forms/schemas/processCodes"
_TYPES = {
    "MoneyField": "decimal",
    "NumberField": "decimal",
    "DDDateField": "date",
    "DDDateRangeField": "date",
    "TableField": "array",
}


async def describe(wire: Wire, request: Mapping[str, Any]) -> list[Described]:
    """The fields of the template that a source's request names. Raises what `Wire.read` raises."""
    try:
        items = await wire.read(_INTERFACE, {"processCode": code_of(request)}, _items)
    except Refusal as refusal:
        raise ConfigurationError(
            wire.session.scrub(refusal.problem.text),
            hint=tr("look at the source's request, its process_code above all"),
        ) from None
    return list(_described(items))


def _items(answer: dict[str, Any]) -> list[Any]:
    result = answer.get("result")
    content = result.get("schemaContent") if isinstance(result, dict) else None
    items = content.get("items") if isinstance(content, dict) else None
    if not isinstance(items, list):
        raise Retry(tr("a form came without its components"))
    return items


def _described(items: Sequence[Any]) -> Iterator[Described]:
    """The components under the names that they have in records: those of a form that nobody filled in."""
    known = {_id(part): part for item in _objects(items) for part in (item, *_children(item))}
    form = decode_form([_unfilled(item) for item in _objects(items)])
    for name in form.fields:
        part = known.get(form.components.get(name, ""), {})
        yield _field(name, "", part)
        for column, id_ in form.columns.get(name, {}).items():
            yield _field(column, name, known.get(id_, {}))


def _field(name: str, table: str, part: Mapping[str, Any]) -> Described:
    props = _props(part)
    return Described(
        name,
        name.partition("#")[0],
        _TYPES.get(str(part.get("componentName")), "string"),
        table,
        _id(part),
        props.get("required") is True,
        tuple(_options(props.get("options"))),
    )


def _unfilled(item: Mapping[str, Any]) -> dict[str, Any]:
    """A component as an instance has it; a table with one row, which names all its columns."""
    kind = str(item.get("componentName"))
    shown: dict[str, Any] = {"component_type": kind, "id": _id(item), "name": _props(item).get("label")}
    if children := _children(item):
        cells = [{"key": _id(child), "label": _props(child).get("label"), "value": ""} for child in children]
        shown["value"] = jsontext.dumps([{"rowValue": cells}])
    return shown


def _options(options: Any) -> Iterator[str]:
    """What a select offers; each option is the text of a JSON object."""
    for option in options if isinstance(options, list) else ():
        try:
            found = jsontext.loads(option) if isinstance(option, str) else option
        except ValueError:
            found = {"value": option}
        value = found.get("value") if isinstance(found, dict) else None
        if isinstance(value, str) and value:
            yield value


def _objects(parts: Any) -> list[dict[str, Any]]:
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _children(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    return _objects(item.get("children"))


def _props(part: Mapping[str, Any]) -> Mapping[str, Any]:
    props = part.get("props")
    return props if isinstance(props, dict) else {}


def _id(part: Mapping[str, Any]) -> str:
    return str(_props(part).get("id") or "")
