"""Tables at run time: static ones at once, live ones through their interface, hits kept in the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
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
        live = {name: (replace(spec, keep=_FOREVER), bound) for name, (spec, bound) in self._live.items()}
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
        if entry is None:
            entry = await bound.connector.lookup(interface).look_up(key)
            if entry is None:
                return MISS
            kept = dict(entry)
            await self._ledger.do(lambda tx: lookups.put(tx, bound.system, interface, key, kept, now))
        if spec.value not in entry:
            raise RecordError(
                tr(
                    "table '{table}': '{interface}' answers without '{value}'",
                    table=table,
                    interface=interface,
                    value=spec.value,
                ),
                position=spec.position,
            )
        value = entry[spec.value]
        return MISS if value in (None, "") else value
