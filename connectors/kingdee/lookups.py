"""Base data for translation tables: a supplier by its name, an employee by the staff number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.kingdee.query import both, equals, query
from engine.errors import FailureClass, RecordError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.kingdee.source import Fetch
    from engine.connector.catalog import Interface

__all__ = ["BaseDataLookup"]

_IN_USE = "FForbidStatus='A' and FDocumentStatus='C'"
"""Not disabled, and audited: what a bill may refer to."""


class BaseDataLookup:
    """One kind of base data by one of its fields; an `engine.connector.api.Lookup`.

    The catalog's interface is named like the form; its key is asked for, its response is what is answered.
    """

    def __init__(self, fetch: Fetch, interface: Interface) -> None:
        self._fetch = fetch
        self._form = interface.name
        self._key = interface.keys[0]
        self._fields = tuple(interface.response)

    async def look_up(self, key: str) -> Mapping[str, Any] | None:
        """The entry in use under this key, or None.

        Raises RecordError where several entries of different codes have it: one of them would be a guess.
        """
        wanted = key.strip()
        if not wanted:
            return None
        data = query(self._form, self._fields, both(equals(self._key, wanted), _IN_USE), "FNumber")
        entries = [dict(zip(self._fields, row, strict=True)) for row in await self._fetch(data)]
        codes = sorted(
            {str(entry["FNumber"]) for entry in entries}
        )  # a row for each organisation that uses it
        if len(codes) > 1:
            words = {"form": self._form, "key": self._key, "value": wanted, "codes": ", ".join(codes[:5])}
            raise RecordError(
                tr('Kingdee has several "{form}" with {key} "{value}": {codes}', **words),
                failure=FailureClass.BASE_DATA_MISSING,
            )
        return entries[0] if entries else None
