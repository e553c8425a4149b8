"""What happened to a record, in sentences: its events, its write-backs, and where it stands now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.language import tr
from engine.ledger.rows import State
from engine.run.words import class_word, stage_word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from engine.ledger.rows import Delivery, Event, Fault

__all__ = ["callback_text", "event_text", "headline", "place_of", "shorten", "when"]

_LONGEST = 60


def when(at: datetime) -> str:
    """A moment as both systems show it: Beijing time."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def shorten(text: str) -> str:
    """A text on one line, cut where it is long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


# --- where it stands ----------------------------------------------------------------------------------


def headline(delivery: Delivery, callbacks: Sequence[Delivery]) -> str:
    """Where a record stands now, in one sentence."""
    reason = delivery.fault.reason if delivery.fault else ""
    match delivery.state:
        case State.DELIVERED | State.DONE if delivery.fault is not None and delivery.fault.failure:
            text = _delivered(replace(delivery, fault=None), "") + _written_back(callbacks)
            return tr("{text}; but {reason}", text=text, reason=reason)
        case State.DELIVERED | State.DONE:
            return _delivered(delivery, reason) + _written_back(callbacks)
        case State.WAITING if not delivery.asked:
            return tr("listed, and not read yet: the next run reads it")
        case State.WAITING if delivery.final:
            return tr("read, and not judged yet: the next run judges it")
        case State.WAITING:
            return tr("waiting: not final yet when last asked for; later runs ask again")
        case State.READY:
            return tr("ready to be sent; {reason}", reason=reason or tr("the next run sends it"))
        case State.SENDING:
            stage = stage_word(delivery.stage) if delivery.stage else tr("sent")
            return tr("on its way ({stage}); the next run goes on", stage=stage)
        case State.SKIPPED if delivery.fault is not None and delivery.fault.file:
            return tr("not to be sent: {reason}", reason=reason)
        case State.SKIPPED:
            return tr("set aside: {reason}", reason=reason)
        case State.UNKNOWN:
            return tr(
                "unclear whether the target has '{number}': {reason}", number=_number(delivery), reason=reason
            )
    kind = class_word((delivery.fault.failure if delivery.fault else None) or "unknown")
    return tr("failed ({kind}): {reason}", kind=kind, reason=reason)


def _delivered(delivery: Delivery, reason: str) -> str:
    number = _number(delivery)
    stage = stage_word(delivery.stage)
    if delivery.adopted and reason:
        return tr("paid already as '{number}': {reason}", number=number, reason=reason)
    if delivery.adopted:
        return tr("found in the target as '{number}' and taken over; {stage}", number=number, stage=stage)
    if delivery.amount is None:
        return tr("delivered as '{number}', {stage}", number=number, stage=stage)
    amount = f"{delivery.amount:,.2f}"
    return tr("delivered as '{number}', {amount}, {stage}", number=number, amount=amount, stage=stage)


def _written_back(callbacks: Sequence[Delivery]) -> str:
    """How the write-backs stand: nothing when there are none to tell of."""
    told = [each for each in callbacks if each.part != "failed" and each.state is not State.SKIPPED]
    if not told:
        return ""
    if all(each.state in (State.DELIVERED, State.DONE) for each in told):
        return tr("; written back")
    wrong = [each for each in told if each.state in (State.FAILED, State.UNKNOWN)]
    if not wrong:
        return tr("; not written back yet")
    fault = wrong[0].fault
    return tr("; its write-back failed: {reason}", reason=fault.reason if fault else "")


def _number(delivery: Delivery) -> str:
    return shorten(delivery.target_number or delivery.key or "")


def place_of(fault: Fault | None) -> tuple[tuple[str, str], ...]:
    """Where the matter lies: the target's field with its label, the source's path, the line to look at."""
    if fault is None:
        return ()
    field = " ".join(part for part in (fault.field, f"({fault.label})" if fault.label else None) if part)
    line = f"{fault.file}:{fault.line}" if fault.file and fault.line else None
    rows = ((tr("field"), field), (tr("path"), fault.path), (tr("line"), line))
    return tuple((name, value) for name, value in rows if value)


# --- how it came there --------------------------------------------------------------------------------


def event_text(event: Event, delivery: Delivery) -> str:
    """One event in a sentence."""
    stage, _, outcome = event.kind.rpartition(" ")
    detail = {**event.detail, "of": stage} if stage and outcome in ("refused", "unclear") else event.detail
    teller = _TELLERS.get(outcome if "of" in detail else event.kind)
    if teller is not None:
        return teller(detail, delivery)
    rest = ", ".join(
        f"{key} {value}" for key, value in event.detail.items() if value not in (None, "") and key != "answer"
    )
    return f"{event.kind}: {rest}" if rest else event.kind


def callback_text(event: Event, callback: Delivery) -> str | None:
    """One event of a write-back in a sentence of its parent's story; None for what needs no word there."""
    if event.kind in ("mapped", "stage") or (event.kind == "sending" and event.detail.get("attempt") == 1):
        return None
    scheme = callback.scheme
    if event.kind == "sending":
        attempt = _text(event.detail, "attempt")
        return tr("write-back '{scheme}': sent again, attempt {attempt}", scheme=scheme, attempt=attempt)
    if event.kind == "delivered":
        text = _message(callback)
        if callback.part == "failed":
            return tr("told of the failure by '{scheme}': {text}", scheme=scheme, text=text)
        return tr("written back by '{scheme}': {text}", scheme=scheme, text=text)
    return tr("write-back '{scheme}': {text}", scheme=scheme, text=event_text(event, callback))


def _message(callback: Delivery) -> str:
    """What a write-back said; its key field holds the text."""
    field = (callback.intent or {}).get("key_field")
    return shorten(str((callback.payload or {}).get(field or "") or callback.key or ""))


def _mapped(detail: Mapping[str, Any], delivery: Delivery) -> str:
    key, amount = shorten(_text(detail, "key")), _amount(detail)
    rows = _rows(delivery)
    if amount and rows == 1:
        text = tr("mapped to '{key}': {amount} in one row", key=key, amount=amount)
    elif amount and rows:
        text = tr("mapped to '{key}': {amount} in {rows} rows", key=key, amount=amount, rows=rows)
    elif amount:
        text = tr("mapped to '{key}': {amount}", key=key, amount=amount)
    else:
        text = tr("mapped to '{key}'", key=key)
    return text


def _amount(detail: Mapping[str, Any]) -> str:
    from decimal import Decimal, InvalidOperation

    try:
        return f"{Decimal(_text(detail, 'amount')):,.2f}"
    except InvalidOperation:
        return ""


def _rows(delivery: Delivery) -> int:
    """The rows of the document's tables, as it was sent; 0 where it has none, or was not sent."""
    return sum(len(value) for value in (delivery.payload or {}).values() if isinstance(value, list))


def _refused(detail: Mapping[str, Any], delivery: Delivery) -> str:
    kind, reason = class_word(_text(detail, "class")), _text(detail, "reason")
    if "of" in detail:
        stage = _text(detail, "of")
        return tr("the target refused '{stage}' ({kind}): {reason}", stage=stage, kind=kind, reason=reason)
    return tr("the target refused it ({kind}): {reason}", kind=kind, reason=reason)


def _unclear(detail: Mapping[str, Any], delivery: Delivery) -> str:
    if "of" in detail:
        return tr(
            "no clear answer to '{stage}': {reason}",
            stage=_text(detail, "of"),
            reason=_text(detail, "reason"),
        )
    return tr("no clear answer: {reason}", reason=_text(detail, "reason"))


def _sent(detail: Mapping[str, Any], delivery: Delivery) -> str:
    key, attempt = shorten(_text(detail, "key")), _text(detail, "attempt")
    if attempt in ("", "1"):
        return tr("sent under key '{key}'", key=key)
    return tr("sent again under key '{key}', attempt {attempt}", key=key, attempt=attempt)


def _stage(detail: Mapping[str, Any], delivery: Delivery) -> str:
    stage, number = stage_word(_text(detail, "stage")), _text(detail, "target_number")
    return tr("{stage} in the target as '{number}'", stage=stage, number=number) if number else stage


def _reached(detail: Mapping[str, Any], delivery: Delivery) -> str:
    return tr("{stage}: delivered", stage=_stage(detail, delivery))


def _skipped(detail: Mapping[str, Any], delivery: Delivery) -> str:
    reason = _text(detail, "reason") or (delivery.fault.reason if delivery.fault else "")
    line = _text(detail, "line")
    if line:
        return tr("read; {reason} (line {line})", reason=reason, line=line)
    return tr("read; {reason}", reason=reason)


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    return "" if value is None else str(value)


_TELLERS: dict[str, Callable[[Mapping[str, Any], Delivery], str]] = {
    "listed": lambda d, _: tr("listed by '{interface}'", interface=_text(d, "interface")),
    "waiting": lambda d, _: tr("read: not final yet, so it waits"),
    "skipped": _skipped,
    "held": lambda d, _: tr("read; {reason}: a human must decide", reason=_text(d, "reason")),
    "failed": lambda d, _: tr(
        "failed ({kind}): {reason}", kind=class_word(_text(d, "class")), reason=_text(d, "reason")
    ),
    "mapped": _mapped,
    "adopted": lambda d, _: tr(
        "asked first: the target has '{number}' already ({stage}); taken over",
        number=shorten(_text(d, "number")),
        stage=stage_word(_text(d, "stage")),
    ),
    "sending": _sent,
    "refused": _refused,
    "not sent": lambda d, _: tr("not sent: {reason}", reason=_text(d, "reason")),
    "unclear": _unclear,
    "conflict": lambda d, _: tr("stopped for a human: {reason}", reason=_text(d, "reason")),
    "stage": _stage,
    "delivered": _reached,
    "delivered elsewhere": lambda d, _: tr(
        "already delivered by scheme '{scheme}' as '{number}'",
        scheme=_text(d, "scheme"),
        number=_text(d, "number"),
    ),
    "alert": lambda d, _: (
        tr("alert: {reason}", reason=_text(d, "reason"))
        + (tr("; held until somebody decides") if d.get("hold") else "")
    ),
    "alert handled": lambda d, _: tr(
        "dealt with by hand ({by}): {reason}", by=_text(d, "by"), reason=_text(d, "reason")
    ),
    "alert over": lambda d, _: tr("alert over: {reason}", reason=_text(d, "reason")),
    "held back": lambda d, _: tr("held back: {reason}", reason=_text(d, "reason")),
    "let go": lambda d, _: tr("no longer held back"),
    "same as earlier": lambda d, _: tr("{reason}; sent all the same", reason=_text(d, "reason")),
    "handed in again": lambda d, _: (
        tr("handed in again as '{number}', which is held", number=_text(d, "by"))
        if d.get("held")
        else tr("handed in again as '{number}', which is paid as well", number=_text(d, "by"))
    ),
    "released": lambda d, _: tr(
        "released by hand, to be sent as well ({by}): {reason}", by=_text(d, "by"), reason=_text(d, "reason")
    ),
    "date moved": lambda d, _: tr(
        "its period is closed: '{field}' moved from {before} to {to}",
        field=_text(d, "field"),
        before=_text(d, "from"),
        to=_text(d, "to"),
    ),
    "taking back": lambda d, _: tr(
        "taking bill '{number}' back ({stage})",
        number=shorten(_text(d, "number")),
        stage=stage_word(_text(d, "stage")),
    ),
    "not taken back": lambda d, _: tr("the bill was not taken back: {reason}", reason=_text(d, "reason")),
    "taken back": lambda d, _: tr(
        "bill '{number}' was taken back, since '{by}' revokes the claim",
        number=shorten(_text(d, "number")),
        by=_text(d, "by"),
    ),
    "carried out": lambda d, _: _text(d, "reason"),
    "mended": lambda d, _: (
        tr("{reason}: sent again", reason=_text(d, "reason"))
        if d.get("what") == "bill_deleted"
        else tr("{reason}: taken on again", reason=_text(d, "reason"))
    ),
    "retried": lambda d, _: tr("brought on again by hand"),
    "form accepted": lambda d, _: tr("its form was taken as it is, by hand"),
    "amended": lambda d, _: (
        tr("revoked by '{number}': settle it by hand", number=_text(d, "by"))
        if d.get("revokes")
        else tr("changed by '{number}': settle it by hand", number=_text(d, "by"))
    ),
    "adopted by hand": lambda d, _: tr(
        "taken over by hand as '{number}', though it may differ ({by}): {reason}",
        number=shorten(_text(d, "number")),
        by=_text(d, "by"),
        reason=_text(d, "reason"),
    ),
    "difference": lambda d, _: tr("found by reconciling: {text}", text=_text(d, "text")),
    "difference gone": lambda d, _: tr("found by reconciling: both sides agree again"),
    "handled": lambda d, _: tr(
        "difference marked as handled ({by}): {reason}", by=_text(d, "by"), reason=_text(d, "reason")
    ),
    "set aside": lambda d, _: tr("set aside by hand: {reason}", reason=_text(d, "reason")),
}
