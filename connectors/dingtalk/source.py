"""Approvals as a source: spans of creation time, pages of ids, one get for each."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.describing import describe
from connectors.dingtalk.errors import Kind, Problem, Refusal
from connectors.dingtalk.record import content_of, make_record
from engine.clock import SHANGHAI
from engine.connector.api import Amendment, Described, Item, Page, Span, SpanRefused
from engine.errors import ConfigurationError, RecordError, Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.dingtalk.approvals import Approvals, Listing
    from connectors.dingtalk.wire import Wire

__all__ = ["ApprovalSource"]

_SPEAKS_OF_TIME = re.compile(r"time|date|day|时间|日期|天", re.IGNORECASE)
_SELECTS = ("DDSelectField", "DDMultiSelectField")
_LISTED_AT_A_TIME = 64
_TIME_CODES = frozenset(("invalidEndTime", "invalidInstanceListIdsStartTime"))


class ApprovalSource:
    """Lists and gets behind one name. Ids are listed by creation time, in spans of at most 120 days; one
    listing gives at most 10,000."""

    family: str = ""
    gets_each: bool = True
    longest_span: timedelta | None = timedelta(days=120)
    most_items: int | None = 10_000

    def __init__(self, approvals: Approvals, history: timedelta, forms: Wire) -> None:
        self._approvals = approvals
        self._history = history
        self._forms = forms
        self._chains: dict[Span, dict[str, str]] = {}

    async def page(self, request: Mapping[str, Any], span: Span | None, cursor: Any) -> Page:
        """One page of ids. Raises SpanRefused when the span is older than DingTalk lists."""
        if span is None:
            raise ConfigurationError(
                tr("approvals are listed by time, but the source has no window"),
                hint=tr('write e.g. {line} under "source"', line='window: {start: "-100d"}'),
            )
        try:
            listing = await self._list(request, span, cursor)
        except Refusal as refusal:
            problem = refusal.problem
            if self._too_old(span, problem):
                raise SpanRefused(self._scrubbed(problem)) from None
            raise ConfigurationError(
                self._scrubbed(problem), hint=tr("look at the source's request, its process_code above all")
            ) from None
        if listing.cursor is not None:
            self._refuse_circle(span, cursor, listing.cursor)
        fault = tr("a page of the listing holds an id that is none") if listing.strange else None
        return Page(tuple(Item(one) for one in listing.ids), listing.cursor, fault)

    async def _list(self, request: Mapping[str, Any], span: Span, cursor: Any) -> Listing:
        """One page; one with an entry that is no id is listed again, once."""
        listing = await self._approvals.list_ids(request, span, cursor)
        return await self._approvals.list_ids(request, span, cursor) if listing.strange else listing

    async def get(self, id: str) -> dict[str, Any]:
        """One approval as a record."""
        try:
            instance = await self._approvals.instance(id)
        except Refusal as refusal:
            raise RecordError(
                self._scrubbed(refusal.problem), failure=refusal.problem.failure, path="$.id"
            ) from None
        return make_record(id, instance)

    def amends(self, record: Mapping[str, Any]) -> Amendment | None:
        """A change or revocation of an approval is an approval of its own that names the first one (its
        ``biz_action`` is MODIFY or REVOKE)."""
        extend = record.get("extend") or {}
        of, action = extend.get("main_process_instance_id"), extend.get("biz_action")
        if not of or action in (None, "", "NONE"):
            return None
        return Amendment(str(of), revokes=action == "REVOKE")

    def amended_by(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """``attached_process_instance_ids``."""
        return tuple((record.get("extend") or {}).get("attached_process_instance_ids") or ())

    def created(self, record: Mapping[str, Any]) -> datetime | None:
        """``create_time``, a wall clock in Beijing."""
        try:
            made = datetime.fromisoformat(str((record.get("extend") or {}).get("create_time")))
        except ValueError:
            return None
        return made if made.tzinfo is not None else made.replace(tzinfo=SHANGHAI)

    def choices(self, record: Mapping[str, Any]) -> Mapping[str, str]:
        """Select fields, by the beginning of their ids; a form's rules show and hide others by them."""
        components = record.get("_components") or {}
        return {
            label: record[label]
            for label, id_ in components.items()
            if str(id_).startswith(_SELECTS) and isinstance(record.get(label), str) and record[label]
        }

    async def describe(self, request: Mapping[str, Any]) -> list[Described]:
        """The fields of an approval template's form, as it is now; only the new API tells them."""
        return await describe(self._forms, request)

    def content(self, record: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The originator and what he filled in; see `engine.connector.api.Contents`."""
        return content_of(record)

    def _too_old(self, span: Span, problem: Problem) -> bool:
        """DingTalk refuses a start of more than 365 days ago, the new API under the name of the end time; the
        old API's code for it is not documented, so the span's age and the text decide."""
        age = self._approvals.wire.session.clock.now() - span.start
        of_time = problem.code in _TIME_CODES or _SPEAKS_OF_TIME.search(problem.text) is not None
        if age > self._history - timedelta(days=1) and (of_time or problem.kind is Kind.PARAMETER):
            return True
        return of_time and age > timedelta(days=119)

    def _refuse_circle(self, span: Span, cursor: Any, following: Any) -> None:
        """Cursors are opaque, but a chain of them that comes back to itself would never end."""
        here, there = str(0 if cursor is None else cursor), str(following)
        if cursor is None:
            self._begin(span)
        chain = self._chains.setdefault(span, {})
        step: str | None = there
        while step is not None and step != here:
            step = chain.get(step)
        if step is not None:
            raise Unreachable(tr("DingTalk's listing runs in a circle at cursor {cursor}", cursor=there))
        chain[here] = there

    def _begin(self, span: Span) -> None:
        """Follow a listing anew, and let go of those that were begun long before it."""
        self._chains.pop(span, None)
        while len(self._chains) >= _LISTED_AT_A_TIME:
            del self._chains[next(iter(self._chains))]
        self._chains[span] = {}

    def _scrubbed(self, problem: Problem) -> str:
        return self._approvals.wire.session.scrub(problem.message)
