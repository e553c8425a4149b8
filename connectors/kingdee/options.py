"""Options of a save, as the scheme's `target.options` and the catalog have them, in the form of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.kingdee.query import split_keys
from engine.errors import ConfigurationError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.connector.catalog import Field

__all__ = ["wire_options"]

_NEVER_SENT = frozenset({"FormId", "Operation", "IsAutoSubmitAndAudit"})
"""Options of older schemes that the scheme language says elsewhere: `form`, `interface`, `until`."""

_ALWAYS = {"IgnoreInterationFlag": "true"}
"""The vendor's page contradicts itself on this one's default, so it is always said."""


def wire_options(options: Mapping[str, Any], known: Mapping[str, Field], form: str) -> dict[str, Any]:
    """The options to send beside ``Model``; booleans as the texts that the vendor's samples have.

    Raises ConfigurationError for an unknown option, a value of another type, and for what would make Kingdee
    submit and audit by itself: the engine records each stage, `until` says how far to go.
    """
    wire: dict[str, Any] = dict(_ALWAYS)
    for name, value in options.items():
        field = known.get(name)
        if field is None:
            raise _unknown(name, known)
        converted = _CONVERTERS[field.type](name, value)
        if name in _NEVER_SENT:
            _refuse_misleading(name, converted, form)
        else:
            wire[name] = converted
    return wire


def _refuse_misleading(name: str, value: Any, form: str) -> None:
    if name == "IsAutoSubmitAndAudit" and value == "true":
        raise ConfigurationError(
            tr('the option "{name}" is never sent', name=name),
            hint=tr("write `until: audit` in the target: each stage is then recorded and can be resumed"),
        )
    if name == "FormId" and value != form:
        raise ConfigurationError(
            tr(
                'the option "{name}" is "{value}", but the form is "{form}"',
                name=name,
                value=value,
                form=form,
            )
        )


def _unknown(name: str, known: Mapping[str, Field]) -> ConfigurationError:
    close = nearest(name, known)
    return ConfigurationError(
        tr('unknown option "{name}"; known are {names}', name=name, names=", ".join(known)),
        hint=tr('did you mean "{word}"?', word=close) if close else None,
    )


def _boolean(name: str, value: Any) -> str:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise _wrong(name, value, "boolean")
    return text


def _integer(name: str, value: Any) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise _wrong(name, value, "integer") from None


def _array(name: str, value: Any) -> list[str]:
    if not isinstance(value, (str, list, tuple)):
        raise _wrong(name, value, "array")
    return split_keys(value)


def _string(name: str, value: Any) -> str:
    if isinstance(value, (dict, list, tuple)):
        raise _wrong(name, value, "string")
    return "" if value is None else str(value)


def _wrong(name: str, value: Any, kind: str) -> ConfigurationError:
    return ConfigurationError(
        tr('the option "{name}" must be of type {type}, not "{value}"', name=name, type=kind, value=value)
    )


_CONVERTERS: Mapping[str, Callable[[str, Any], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "array": _array,
    "string": _string,
}
