"""The whole story of one record in words: listed, held or left out, mapped, sent, answered, written back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.connector.registry import connector_class
from engine.errors import EngineError
from engine.language import tr
from engine.ledger import events, story, windows
from engine.ledger.rows import Event, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from engine.ledger.port import Transaction
    from engine.ledger.rows import Delivery
    from engine.run.inspect import View

__all__ = ["Chapter", "Story", "why"]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A record under one scheme: where it stands, and the lines of how it came there."""

    scheme: str
    state: str
    headline: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Story:
    """All chapters; where there are none, `absent` says why nobody has seen the record."""

    name: str
    chapters: tuple[Chapter, ...]
    absent: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "found": bool(self.chapters),
            "schemes": [
                {
                    "scheme": chapter.scheme,
                    "state": chapter.state,
                    "headline": chapter.headline,
                    "events": [{"at": at, "text": text} for at, text in chapter.lines],
                }
                for chapter in self.chapters
            ],
            "absent": list(self.absent),
        }


async def why(view: View, name: str, scheme: str | None) -> Story:
    """Tell what became of a record that people call `name`, or why it is not there."""

    def look(tx: Transaction) -> Story:
        found = [each for each in story.under_all_schemes(tx, name) if scheme in (None, each.scheme)]
        if not found:
            return Story(name, (), tuple(_absent(tx, view, name, scheme)))
        chapters = [_chapter(tx, delivery) for delivery in found]
        return Story(name, tuple(chapters))

    return await view.ledger.do(look)


def _chapter(tx: Transaction, delivery: Delivery) -> Chapter:
    about = [
        each for each in events.of_record(tx, delivery.record_id) if each.delivery_id in (None, delivery.id)
    ]
    lines = [(_when(event.at), _tell(event)) for event in about]
    for callback in story.called_back(tx, delivery.id):
        lines += [
            (_when(event.at), f"{callback.scheme}: {_tell(event)}")
            for event in events.of_record(tx, callback.record_id)
            if event.delivery_id == callback.id
        ]
    lines.sort(key=lambda line: line[0])
    return Chapter(delivery.scheme, str(delivery.state), _headline(delivery), tuple(lines))


def _when(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _headline(delivery: Delivery) -> str:
    """Where a record stands now, in one sentence."""
    fault = delivery.fault
    reason = fault.reason if fault else ""
    place = f" ({fault.file}:{fault.line})" if fault and fault.file and fault.line else ""
    number = delivery.target_number or delivery.key or ""
    match delivery.state:
        case State.DELIVERED | State.DONE if delivery.adopted and fault:
            return tr("paid already as '{number}': {reason}", number=number, reason=reason)
        case State.DELIVERED | State.DONE if delivery.adopted:
            return tr("found in the target as '{number}' and taken over", number=number)
        case State.DELIVERED | State.DONE:
            worth = "" if delivery.amount is None else f"{delivery.amount:,.2f}"
            return tr("delivered as '{number}' {amount}", number=number, amount=worth).rstrip()
        case State.WAITING if not delivery.asked:
            return tr("listed, and not read yet: the next run reads it")
        case State.WAITING:
            return tr("waiting: not final yet when last asked for; later runs ask again")
        case State.READY:
            return tr("ready to be sent; {reason}", reason=reason or tr("the next run sends it"))
        case State.SENDING:
            return tr("on its way, last stage '{stage}'; the next run goes on", stage=delivery.stage or "-")
        case State.SKIPPED:
            return tr("left out: {reason}", reason=reason + place)
        case State.UNKNOWN:
            return tr("unclear whether the target has '{number}': {reason}", number=number, reason=reason)
    field = f" {fault.field} ({fault.label})" if fault and fault.field and fault.label else ""
    return tr(
        "failed ({kind}){field}: {reason}",
        kind=(fault.failure if fault else "") or "",
        field=field,
        reason=reason + place,
    )


def _tell(event: Event) -> str:
    teller = _TELLERS.get(event.kind)
    if teller is not None:
        return teller(event.detail)
    rest = ", ".join(f"{key} {value}" for key, value in event.detail.items() if value not in (None, ""))
    return f"{event.kind}: {rest}" if rest else event.kind


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    return "" if value is None else str(value)


_TELLERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "listed": lambda d: tr("listed by '{interface}'", interface=_text(d, "interface")),
    "waiting": lambda d: tr("read: not final yet, so it waits"),
    "skipped": lambda d: tr("read and left out: {reason}", reason=_text(d, "reason")),
    "held": lambda d: tr("read and held for a human: {reason}", reason=_text(d, "reason")),
    "failed": lambda d: tr("failed ({kind}): {reason}", kind=_text(d, "class"), reason=_text(d, "reason")),
    "mapped": lambda d: tr(
        "mapped to a document with key '{key}', amount {amount}",
        key=_text(d, "key"),
        amount=_text(d, "amount") or "-",
    ),
    "adopted": lambda d: tr(
        "asked first: the target has '{number}' already, at '{stage}'; taken over",
        number=_text(d, "number"),
        stage=_text(d, "stage") or "-",
    ),
    "sending": lambda d: tr(
        "sent under key '{key}', attempt {attempt}", key=_text(d, "key"), attempt=_text(d, "attempt")
    ),
    "refused": lambda d: tr(
        "the target refused it ({kind}): {reason}", kind=_text(d, "class"), reason=_text(d, "reason")
    ),
    "not sent": lambda d: tr("not sent: {reason}", reason=_text(d, "reason")),
    "unclear": lambda d: tr("no clear answer: {reason}", reason=_text(d, "reason")),
    "conflict": lambda d: tr("stopped for a human: {reason}", reason=_text(d, "reason")),
    "stage": lambda d: tr(
        "the target accepted '{stage}' {number}", stage=_text(d, "stage"), number=_text(d, "target_number")
    ).rstrip(),
    "delivered": lambda d: tr(
        "delivered: '{stage}' is reached {number}", stage=_text(d, "stage"), number=_text(d, "target_number")
    ).rstrip(),
    "delivered elsewhere": lambda d: tr(
        "already delivered by scheme '{scheme}' as '{number}'",
        scheme=_text(d, "scheme"),
        number=_text(d, "number"),
    ),
    "retried": lambda d: tr("brought on again by hand"),
    "set aside": lambda d: tr("set aside by hand: {reason}", reason=_text(d, "reason")),
}


# --- why it is not there ------------------------------------------------------------------------------


def _absent(tx: Transaction, view: View, name: str, scheme: str | None) -> list[str]:
    """Reasons why nobody has seen a record of this name."""
    lines = [tr("no scheme has seen '{name}' in this ledger", name=name)]
    marks = story.watermarks_of(tx, scheme)
    if not marks:
        lines.append(tr("no run has listed anything yet"))
    made = _creation_time(view, name)
    for key, about, mark in marks:
        lines.append(_against(tx, key, str(about.get("scheme")), mark, made))
    if made is None:
        lines.append(
            tr("its number does not tell when it was made; check the number, the process and the environment")
        )
    return lines


def _against(tx: Transaction, key: str, scheme: str, mark: datetime, made: datetime | None) -> str:
    first = windows.covered_from(tx, key)
    listed = tr(
        "'{scheme}' has listed {start} to {end}",
        scheme=scheme,
        start=_when(first) if first else "-",
        end=_when(mark),
    )
    if made is None:
        return listed
    when = _when(made)
    if made >= mark:
        return tr(
            "{listed}; it was made at {made}, after that: the next run lists it", listed=listed, made=when
        )
    if first is None or made < first:
        return tr(
            "{listed}; it was made at {made}, before that: start the window earlier, or use --since",
            listed=listed,
            made=when,
        )
    for gap in windows.gaps(tx, key):
        if gap.start <= made < gap.end:
            return tr(
                "{listed}; it was made at {made}, in a gap: {reason}",
                listed=listed,
                made=when,
                reason=gap.reason or "",
            )
    return tr(
        "{listed}; it was made at {made}, within that, and the source did not name it: "
        "another process code, or it was deleted",
        listed=listed,
        made=when,
    )


def _creation_time(view: View, name: str) -> datetime | None:
    """When a record was made, as its name tells under one of the environment's connectors."""
    for connection in view.choice.environment.connections.values():
        try:
            made = connector_class(connection.connector).creation_time(name)
        except EngineError:
            continue
        if made is not None:
            return made
    return None
