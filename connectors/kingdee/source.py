"""Any form as a source: pages of a query, cut into records."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from connectors.kingdee.listing import Listing
from connectors.kingdee.query import equals, query
from engine.connector.api import Item, Page
from engine.errors import ConfigurationError, RecordError, Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from connectors.kingdee.listing import Row
    from engine.connector.api import Span

    Fetch = Callable[[Mapping[str, Any]], Awaitable[list[list[Any]]]]

__all__ = ["QuerySource"]

_LONGEST_SPAN = timedelta(days=120)


class QuerySource:
    """One query of a scheme; an `engine.connector.api.Source`. The listing already holds whole records.

    `family` takes the place of the catalog's: ids are unique within a form only, and two schemes that ask for
    different fields do not read the same things.
    """

    gets_each = False
    most_items: int | None = None

    def __init__(self, fetch: Fetch, request: Mapping[str, Any], known: Iterable[str]) -> None:
        self._fetch = fetch
        self._known = tuple(known)
        self._listing = Listing.of(request, self._known)
        self.longest_span = _LONGEST_SPAN if self._listing.time_key else None
        self.family = self._listing.family

    async def page(self, request: Mapping[str, Any], span: Span | None, cursor: Any) -> Page:
        """One page from row `cursor.start` on. A short page is the last.

        With RowKeys, the rows of the last id on a full page may go on behind it: they are left to the next
        page, which begins with them.
        """
        listing = Listing.of(request, self._known)
        start, before = (int(cursor["start"]), str(cursor["before"])) if cursor else (0, "")
        data = query(
            listing.form,
            listing.keys,
            listing.filter_for(span),
            listing.order,
            start=start,
            limit=listing.limit,
        )
        rows = await self._fetch(data)
        last = len(rows) < listing.limit
        if listing.row_keys:
            kept = rows if last else _without_last_id(listing, rows)
            items = tuple(
                Item(id, listing.record(list(group))) for id, group in groupby(kept, key=listing.id_of)
            )
        else:
            kept = rows
            items = tuple(Item(listing.id_of(row), listing.record([row])) for row in kept)
        _check_ids(listing, [before, *(item.id for item in items)])
        if last:
            return Page(items)
        return Page(items, {"start": start + len(kept), "before": items[-1].id})

    async def get(self, id: str) -> dict[str, Any]:
        """One record by its id, whatever the scheme's filter. Raises RecordError when it is gone."""
        listing = self._listing
        data = query(
            listing.form,
            listing.keys,
            equals(listing.id_key, listing.bare_id(id)),
            listing.order,
            limit=listing.limit,
        )
        rows = [row for row in await self._fetch(data) if listing.id_of(row) == id]
        if not rows:
            raise RecordError(
                tr('Kingdee has no "{form}" with {key} "{id}"', form=listing.form, key=listing.id_key, id=id)
            )
        if len(rows) > 1 and not listing.row_keys:
            raise _repeated(listing, id)
        return listing.record(rows)


def _without_last_id(listing: Listing, rows: list[Row]) -> list[Row]:
    last = listing.id_of(rows[-1])
    kept = [row for row in rows if listing.id_of(row) != last]
    if not kept:
        raise ConfigurationError(
            tr(
                '{key} "{id}" has more rows than a page of {limit} holds',
                key=listing.id_key,
                id=last,
                limit=listing.limit,
            )
        )
    return kept


def _check_ids(listing: Listing, ids: list[str]) -> None:
    """Records must be told apart: a repeated id would make all but one of them vanish in silence."""
    seen: set[str] = set()
    for place, id in enumerate(ids):
        if not id and place:
            raise Unreachable(tr("Kingdee answered the query with a row without {key}", key=listing.id_key))
        if id and id in seen:
            raise _repeated(listing, id)
        seen.add(id)


def _repeated(listing: Listing, id: str) -> ConfigurationError:
    return ConfigurationError(
        tr('several rows have {key} "{id}"', key=listing.id_key, id=id),
        hint=tr("name the entry's fields in RowKeys to gather them into one record, or an entry id as IdKey"),
    )
