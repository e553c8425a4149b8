"""Following a listing from page to page to its end, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from engine.connector.api import Page

__all__ = ["Pages"]

_IDLE_MOST = 5
"""So many pages in a row may name nothing new; a page may be empty, or overlap with the one before."""
_BEYOND = 2
"""Past so many times what the source says it gives at most, no listing is followed."""
_LONGEST_CURSOR = 2000


class Pages:
    """One listing's pages. `most`: how many items the source says that it gives at most, if it says so.

    A listing of a span that can be halved is not followed beyond that: there may be more than it gives.
    """

    def __init__(self, most: int | None, *, can_be_halved: bool) -> None:
        self._most = most
        self._halves = can_be_halved and most is not None
        self._followed = most if can_be_halved or most is None else _BEYOND * most
        self._cursors: set[str] = set()
        self._ids: set[int] = set()  # hashes: half of the memory, and as good for knowing a loop
        self._idle = 0
        self.seen = 0

    def next(self, page: Page) -> Any:
        """The cursor of the page after this one; None when it was the last, or more than there can be.

        Raises Unreachable for a cursor that came before, and for pages that name nothing new.
        """
        known = len(self._ids)
        self._ids.update([hash(item.id) for item in page.items])
        self.seen += len(page.items)
        cursor = page.cursor
        if cursor is None:
            return None
        shown = repr(cursor)
        if len(shown) > _LONGEST_CURSOR:
            raise Unreachable(tr("the listing's cursor is longer than any can be"))
        if shown in self._cursors:
            raise Unreachable(tr("the listing's cursor '{cursor}' came twice", cursor=cursor))
        self._cursors.add(shown)
        self._idle = self._idle + 1 if len(self._ids) == known else 0
        if self._idle >= _IDLE_MOST:
            raise Unreachable(
                tr("the listing does not end: its last {count} pages named nothing new", count=self._idle)
            )
        return None if self._followed is not None and len(self._ids) >= self._followed else cursor

    @property
    def cut_off(self) -> bool:
        """Whether there may be more than was listed, which the halves of the span would tell."""
        return self._halves and self._most is not None and self.seen >= self._most
