"""From one answer of Kingdee to one verdict for each document.

Nothing is concluded from ``IsSuccess`` alone: saved bills of a mixed batch stay saved, so each document needs
its own entry. What the answer does not name, or names in two ways, is `Unclear`.

A lost session (``MsgCode`` 1) is refused before any business logic runs, as far as is known. It is still not
repeated here: a write is sent once, and the runner asks for the key before it sends again. A lock
(13) and the call limit (14) are likewise not executed; when the limit fires is not documented, so that it is
taken as passing and not as a spent quota.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.kingdee.answers import Code, Done, Problem, Status, Unreadable, read_status
from connectors.kingdee.reasons import Reason, reason_of, required_but_empty
from connectors.kingdee.sharing import Share, by_identity, by_index, mentions, share_out
from engine.connector.api import Accepted, Answer, Duplicate, NotSent, Refused, Unclear
from engine.errors import FailureClass
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.kingdee.forms import BillForm
    from engine.connector.api import Existing, Outgoing

__all__ = ["advance_verdicts", "save_verdicts", "unreadable_verdicts"]

_LONGEST_MESSAGE = 1000


def unreadable_verdicts(error: Unreadable, count: int) -> list[Answer]:
    """Nobody can say what became of any document: one broken answer is never so many data errors."""
    message = tr("Kingdee's answer cannot be read: {reason}", reason=error.message)
    return [Unclear(message, {"status": error.status, "reason": error.message})] * count


def save_verdicts(body: Any, documents: Sequence[Outgoing], form: BillForm) -> list[Answer]:
    """The verdicts of Save, BatchSave or Draft, by ``DIndex``: the place of a document in ``Model``."""
    status = read_status(body)
    early = _whole_call(status, len(documents))
    if early is not None or status is None:
        return early or []
    if status.success and not status.done and len(documents) == 1:
        status = _with_top_level_id(status, body)
    marks = [document.key for document in documents]
    shares, general = share_out(status, marks, by_index)
    returned = _returned_keys(body, form)

    def judge(index: int, share: Share) -> Answer:
        document = documents[index]
        if share.done:
            return _accepted(share, _echoed(document, form, returned))
        return _judge_save(share.problems, status.code, document, form)

    return _verdicts(status, shares, general, judge)


def advance_verdicts(body: Any, documents: Sequence[Existing]) -> list[Answer]:
    """The verdicts of Submit or Audit: successes by id or number; errors by a number in their text, then by
    ``DIndex`` where that fits."""
    status = read_status(body)
    early = _whole_call(status, len(documents))
    if early is not None or status is None:
        return early or []
    marks = [document.number for document in documents]
    ids = [document.id for document in documents]
    shares, general = share_out(status, marks, by_identity(ids, marks))

    def judge(index: int, share: Share) -> Answer:
        document = documents[index]
        if share.done:
            return Accepted(document.id, document.number, _shown(share.done, None))
        return _judge_advance(share.problems, status.code)

    return _verdicts(status, shares, general, judge)


# --- the call as a whole ------------------------------------------------------------------------------


def _whole_call(status: Status | None, count: int) -> list[Answer] | None:
    """The verdict that holds for all documents, when the answer leaves none to themselves."""
    if status is None:
        return [Unclear(tr("Kingdee's answer has no status"))] * count
    if status.success or status.done:
        return None
    raw = _shown(status.problems, status.code)
    if status.session_lost:
        message = tr("Kingdee had lost the session: {message}", message=status.message)
        return [NotSent(message, FailureClass.TRANSIENT, raw)] * count
    if status.code in (Code.LOCKED, Code.CALL_LIMIT):
        return [NotSent(_cut(status.message), FailureClass.TRANSIENT, raw)] * count
    return None


def _unnamed(status: Status, general: Sequence[Problem]) -> Answer:
    """The verdict of a document that no entry names."""
    raw = _shown(general, status.code)
    if not general:
        return Unclear(tr("Kingdee's answer does not name this document"), raw)
    message = _text(general)
    refused = status.code in Code.WHOLE_CALL or (
        status.code != Code.VALIDATION
        and all(
            reason_of(problem, status.code) in (Reason.CONFIGURATION, Reason.PERIOD) for problem in general
        )
    )
    if refused and not status.done and not status.success:
        return Refused(message, FailureClass.CONFIGURATION, answer=raw)
    return Unclear(tr("Kingdee refused the call without naming a document: {message}", message=message), raw)


# --- one document -------------------------------------------------------------------------------------


def _verdicts(
    status: Status,
    shares: Sequence[Share],
    general: Sequence[Problem],
    judge: Callable[[int, Share], Answer],
) -> list[Answer]:
    answers: list[Answer] = []
    for index, share in enumerate(shares):
        unexplained = share.done and not status.success and not status.problems
        if unexplained or (share.problems and (share.done or status.success)):
            raw = _shown([*share.problems, *share.done], status.code)
            answers.append(
                Unclear(tr("Kingdee says both yes and no: {message}", message=_text(share.problems)), raw)
            )
        elif share.problems or share.done:
            answers.append(judge(index, share))
        else:
            answers.append(_unnamed(status, general))
    return answers


def _accepted(share: Share, echoed: Callable[[Done], str | None]) -> Answer:
    raw = _shown(share.done, None)
    if len({(done.id, done.number) for done in share.done}) > 1:
        return Unclear(tr("Kingdee names two bills for one document"), raw)
    done = share.done[0]
    if done.id in ("", "0"):
        return Unclear(tr("Kingdee says yes but gives no id"), raw)
    return Accepted(done.id, done.number, raw, key=echoed(done))


def _judge_save(problems: Sequence[Problem], code: int | None, document: Outgoing, form: BillForm) -> Answer:
    raw = _shown(problems, code)
    message = _text(problems)
    reasons = [_save_reason(problem, code, document, form) for problem in problems]
    if Reason.DUPLICATE in reasons:
        return Duplicate(message, raw)
    if Reason.TROUBLE in reasons:
        return Unclear(message, raw)
    if Reason.BUSY in reasons:
        return NotSent(message, FailureClass.TRANSIENT, raw)
    gravest = min(range(len(reasons)), key=lambda index: _SAVE_ORDER.index(reasons[index]))
    located = form.locate(problems[gravest].field, problems[gravest].message)
    name = form.path_of(located) if located else problems[gravest].field or None
    closed = set(reasons) == {Reason.PERIOD}
    return Refused(message, _SAVE_CLASSES[reasons[gravest]], name, raw, period_closed=closed)


_SAVE_CLASSES = {
    Reason.BASE_DATA: FailureClass.BASE_DATA_MISSING,
    Reason.CONFIGURATION: FailureClass.CONFIGURATION,
    Reason.PERIOD: FailureClass.CONFIGURATION,
    Reason.DATA: FailureClass.DATA,
}
_SAVE_ORDER = tuple(_SAVE_CLASSES)


def _save_reason(problem: Problem, code: int | None, document: Outgoing, form: BillForm) -> Reason:
    reason = reason_of(problem, code)
    if reason is Reason.ALREADY_THERE:
        return Reason.DUPLICATE
    if reason is Reason.GONE:
        return Reason.BASE_DATA
    keys = form.known_key_fields(document.payload, document.key)
    if reason is Reason.DUPLICATE:
        of_key = problem.field.casefold() in keys if problem.field else "[" not in problem.message
        return reason if of_key or mentions(problem.message, document.key) else Reason.DATA
    if reason is Reason.DATA and required_but_empty(problem):
        located = form.locate(problem.field, problem.message)
        if located and located.type == "base" and form.states(document.payload, located):
            return Reason.BASE_DATA
    return reason


def _judge_advance(problems: Sequence[Problem], code: int | None) -> Answer:
    raw = _shown(problems, code)
    message = _text(problems)
    reasons = [reason_of(problem, code) for problem in problems]
    if Reason.ALREADY_THERE in reasons:
        return Duplicate(message, raw)
    if Reason.TROUBLE in reasons or Reason.GONE in reasons:
        return Unclear(message, raw)
    if Reason.BUSY in reasons:
        return NotSent(message, FailureClass.TRANSIENT, raw)
    if Reason.CONFIGURATION in reasons or Reason.PERIOD in reasons:
        closed = set(reasons) == {Reason.PERIOD}
        field = problems[0].field or None
        return Refused(message, FailureClass.CONFIGURATION, field, raw, period_closed=closed)
    return Refused(message, FailureClass.DATA, problems[0].field or None, raw)


# --- what came back -----------------------------------------------------------------------------------


def _with_top_level_id(status: Status, body: Any) -> Status:
    """Save also gives ``Result.Id`` and ``Result.Number``; used where its list of successes is empty."""
    result = body.get("Result") if isinstance(body, dict) else None
    if not isinstance(result, dict) or result.get("Id") in (None, "", 0):
        return status
    done = Done(str(result["Id"]), str(result.get("Number") or ""), 0)
    return Status(status.success, status.code, status.problems, (done,))


def _returned_keys(body: Any, form: BillForm) -> dict[str, dict[str, str]]:
    """``NeedReturnData`` by bill number: what the saved bills hold in the key fields."""
    result = body.get("Result") if isinstance(body, dict) else None
    rows = result.get("NeedReturnData") if isinstance(result, dict) else None
    found: dict[str, dict[str, str]] = {}
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            folded = {str(key).casefold(): str(value) for key, value in row.items() if value is not None}
            number = folded.get(form.number_field(None).casefold())
            if number:
                found[number] = folded
    return found


def _echoed(
    document: Outgoing, form: BillForm, returned: dict[str, dict[str, str]]
) -> Callable[[Done], str | None]:
    """How the key comes back: as the bill's number, or in the field that holds it."""
    key_field = form.key_field(document.payload, document.key)
    if key_field is None:
        return lambda done: None
    if key_field == form.number_field(key_field):
        return lambda done: done.number or None
    folded = key_field.casefold()
    return lambda done: returned.get(done.number, {}).get(folded)


def _shown(entries: Sequence[Problem | Done], code: int | None) -> dict[str, Any]:
    """The part of an answer that is kept with the document."""
    shown: dict[str, Any] = {} if code is None else {"MsgCode": code}
    errors = [
        {"FieldName": entry.field, "Message": _cut(entry.message), "DIndex": entry.index}
        for entry in entries
        if isinstance(entry, Problem)
    ]
    done = [
        {"Id": entry.id, "Number": entry.number, "DIndex": entry.index}
        for entry in entries
        if isinstance(entry, Done)
    ]
    return shown | ({"Errors": errors} if errors else {}) | ({"SuccessEntitys": done} if done else {})


def _text(problems: Sequence[Problem]) -> str:
    return _cut("；".join(dict.fromkeys(problem.message for problem in problems if problem.message)) or "-")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"
