"""The business objects the simulator knows: their fields, entry tables and base data they point to.

A bill form is a YAML file in `forms/`; base-data forms are made in `basedata`. Field names are found in any
case, as the real server finds them (``FDate`` and ``FDATE`` are one field).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

__all__ = ["STATUS_FIELD", "Entity", "Form", "FormField", "bill_forms"]

STATUS_FIELD = "FDOCUMENTSTATUS"


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: `base` is the form its codes live in, `base_of` the field that names that form.

    `required_with` makes it required where another field of its row has one of these codes.
    """

    key: str
    label: str
    type: str = "text"
    required: bool = False
    base: str | None = None
    base_of: str | None = None
    default: Any = None
    default_from: str | None = None
    positive: bool = False
    system: bool = False
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    required_with: Mapping[str, list[str]] = field(default_factory=dict)

    def needed(self, values: Mapping[str, Any]) -> bool:
        """Whether a header or row with these values must have the field."""
        return self.required or any(
            (values.get(key) or {}).get("number") in codes for key, codes in self.required_with.items()
        )

    @property
    def references(self) -> bool:
        """Whether its value is base data."""
        return self.base is not None or self.base_of is not None

    @property
    def orm(self) -> str:
        """The name View gives it: property names, not F-keys (reference §4)."""
        return self.key.removeprefix("F")


@dataclass(frozen=True, slots=True)
class Entity:
    """An entry table of a form."""

    key: str
    label: str
    fields: Mapping[str, FormField]
    required: bool = False

    @property
    def id_key(self) -> str:
        """How queries name the id of a row: ``FPAYBILLENTRY_FEntryID``."""
        return f"{self.key}_FEntryID"

    def field(self, key: str) -> FormField | None:
        return self.fields.get(key.lower())


@dataclass(frozen=True, slots=True)
class Form:
    """A bill, or a kind of base data (`prefix` is then '')."""

    id: str
    label: str
    fields: Mapping[str, FormField]
    entities: Mapping[str, Entity] = field(default_factory=dict)
    prefix: str = ""
    key: str = "FID"
    number: str = "FBillNo"
    date: str | None = None
    amount: str | None = None

    def field(self, key: str) -> FormField | None:
        """A header field, in any case."""
        return self.fields.get(key.lower())

    def entity(self, key: str) -> Entity | None:
        """An entry table, in any case."""
        return self.entities.get(key.lower())

    def find(self, key: str) -> tuple[Entity | None, FormField] | None:
        """A field wherever it stands: header fields first, then entry tables in order."""
        found = self.field(key)
        if found is not None:
            return None, found
        for entity in self.entities.values():
            inner = entity.field(key)
            if inner is not None:
                return entity, inner
        return None


@cache
def bill_forms() -> Mapping[str, Form]:
    """All bill forms by lower-case id."""
    folder = files(__package__).joinpath("forms")
    parts = sorted(
        (part for part in folder.iterdir() if part.name.endswith(".yaml")), key=lambda part: part.name
    )
    read = [_form(yaml.safe_load(part.read_text(encoding="utf-8"))) for part in parts]
    return {form.id.lower(): form for form in read}


def _form(source: Mapping[str, Any]) -> Form:
    entities = {
        key.lower(): Entity(key, entity["label"], _fields(entity["fields"]), entity.get("required", False))
        for key, entity in source.get("entities", {}).items()
    }
    return Form(
        id=source["id"],
        label=source["label"],
        fields=_fields(source["fields"]),
        entities=entities,
        prefix=source["prefix"],
        number=source["number"],
        date=source["date"],
        amount=source["amount"],
    )


def _fields(source: Mapping[str, Mapping[str, Any]]) -> dict[str, FormField]:
    return {
        key.lower(): FormField(key, **{**marks, "choices": tuple(marks.get("choices", ()))})
        for key, marks in source.items()
    }
