"""Request bodies in all the forms that clients send (reference §2, §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from connectors.kingdee.simulator.answers import MsgCode, Refusal
from engine import jsontext

__all__ = ["Body", "UnreadableError", "flag"]


class UnreadableError(ValueError):
    """The body is none that the server reads; it answers HTTP 500."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body: named values in lower case, or positional `parameters`."""

    named: Mapping[str, Any]
    parameters: Sequence[Any] | None = None

    @classmethod
    def read(cls, text: str, content_type: str) -> Body:
        """Raises UnreadableError; a bare JSON array is one of these (seen on a real site)."""
        if "x-www-form-urlencoded" in content_type:
            found: Any = dict(parse_qsl(text, keep_blank_values=True))
        else:
            found = _json(text or "{}")
        if not isinstance(found, Mapping):
            raise UnreadableError(
                "Additional text found in JSON string after finishing deserializing object."
            )
        named = {str(key).lower(): value for key, value in found.items()}
        parameters = named.pop("parameters", None)
        if isinstance(parameters, str):
            parameters = _json(parameters)
        if parameters is not None and not isinstance(parameters, list):
            raise UnreadableError("parameters is no array")
        return cls(named, parameters)

    def positional(self, *names: str) -> dict[str, str]:
        """Arguments by name, from `parameters` by place or from named values; a missing one is ''."""
        if self.parameters is not None:
            given = dict(zip(names, self.parameters, strict=False))
        else:
            given = {name: self.named.get(name.lower()) for name in names}
        return {name: "" if given.get(name) is None else str(given[name]) for name in names}

    def form_id(self) -> str:
        """The business object; refused when it is empty."""
        named = self.named.get("formid") or (
            self.parameters[0] if self._has_form() and self.parameters else ""
        )
        if not isinstance(named, str) or not named.strip():
            raise Refusal("业务对象标识不能为空", MsgCode.NO_FORM)
        return named.strip()

    def data(self) -> dict[str, Any]:
        """``data``, sent as an object or as JSON text."""
        found = self.named.get("data")
        if found is None and self.parameters:
            found = self.parameters[-1]
        if isinstance(found, str):
            try:
                found = jsontext.loads(found) if found.strip() else {}
            except ValueError:
                raise Refusal("参数 data 不是有效的 JSON", MsgCode.BAD_ARGUMENT) from None
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise Refusal("参数 data 应为 JSON 对象", MsgCode.BAD_ARGUMENT)
        return found

    def _has_form(self) -> bool:
        return self.parameters is not None and len(self.parameters) > 1


def flag(data: Mapping[str, Any], name: str, default: bool) -> bool:
    """A boolean option: true, ``"true"``, 1, or left out."""
    value = data.get(name)
    if value is None or value == "":
        return default
    return str(value).strip().lower() in ("true", "1")


def _json(text: str) -> Any:
    try:
        return jsontext.loads(text)
    except ValueError as error:
        raise UnreadableError(str(error)) from None
