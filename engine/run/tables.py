"""Tables at run time: static ones at once, live ones through their interface, hits kept in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.errors import RecordError
from engine.language import tr
from engine.ledger import lookups
from engine.mapping.scope import MISS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.clock import Clock
    from engine.ledger.port import LedgerPort
    from engine.run.lane import Bound
    from engine.scheme.model import TableSpec

__all__ = ["LookupPending", "Tables"]

_KEEP = timedelta(days=1)
_FOREVER = timedelta(days=36_500)


class LookupPending(Exception):
    """A mapping needs an entry that nobody has asked for yet."""

    def __init__(self, table: str, key: str) -> None:
        super().__init__(table, key)
        self.table = table
        self.key = key


class Tables:
    """The tables of one scheme. `find` never waits; `fetch` asks a system for what `find` lacked.

    Hits of live tables are kept in the ledger for the table's `keep` (a day by default), misses for the run.
    """

    def __init__(
        self,
        static: Mapping[str, Mapping[str, Any]],
        live: Mapping[str, tuple[TableSpec, Bound]],
        ledger: LedgerPort,
        clock: Clock,
    ) -> None:
        self._static = static
        self._live = live
        self._ledger = ledger
        self._clock = clock
        self._known: dict[tuple[str, str], Any] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    def lasting(self) -> Tables:
        """The same tables, whose hits never grow old: what was true when a document was made."""
        return self._kept_for(_FOREVER)

    def anew(self) -> Tables:
        """The same tables, for which nothing that was kept will do: somebody has mended what they say."""
        return self._kept_for(timedelta(0))

    def _kept_for(self, keep: timedelta) -> Tables:
        live = {name: (replace(spec, keep=keep), bound) for name, (spec, bound) in self._live.items()}
        return Tables(self._static, live, self._ledger, self._clock)

    def find(self, table: str, key: str) -> Any:
        """The value under a key, or MISS. Raises LookupPending where a system must be asked first."""
        if table in self._static:
            return self._static[table].get(key, MISS)
        if (table, key) not in self._known:
            raise LookupPending(table, key)
        return self._known[table, key]

    async def fetch(self, table: str, key: str) -> None:
        """Make `find` know this entry. Raises Unreachable, CredentialsError or QuotaSpent: never a miss."""
        lock = self._locks.setdefault((table, key), asyncio.Lock())
        async with lock:
            if (table, key) not in self._known:
                self._known[table, key] = await self._ask(table, key)
        self._locks.pop((table, key), None)

    async def _ask(self, table: str, key: str) -> Any:
        spec, bound = self._live[table]
        interface, now = spec.interface or "", self._clock.now()
        fresh = now - (spec.keep if spec.keep is not None else _KEEP)
        entry = await self._ledger.do(lambda tx: lookups.get(tx, bound.system, interface, key, fresh))
        value = _value_in(entry, spec.value)
        if value is not None:
            return value
        # What was kept may serve another table and lack this one's value, which somebody may have filled in.
        found = await bound.connector.lookup(interface).look_up(key)
        if found is None:
            return MISS
        kept = dict(found)
        value = _value_in(kept, spec.value)
        if value is not None:
            await self._ledger.do(lambda tx: lookups.put(tx, bound.system, interface, key, kept, now))
            return value
        if kept.get(spec.value or "", "absent") in (None, ""):
            return MISS
        words = {"table": table, "interface": interface, "value": spec.value}
        message = (
            tr("table '{table}': '{interface}' answers '{value}' with what is no single value", **words)
            if spec.value in kept
            else tr("table '{table}': '{interface}' answers without '{value}'", **words)
        )
        raise RecordError(message, position=spec.position)


def _value_in(entry: Any, name: str | None) -> Any:
    """The value of that name; None where there is none that can stand in a document."""
    value = entry.get(name) if isinstance(entry, dict) and name is not None else None
    usable = isinstance(value, str | int | Decimal) and value != ""
    return value if usable else None
