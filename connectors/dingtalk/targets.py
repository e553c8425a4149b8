"""What can be told to people: a comment under an approval, a work notification.

A form cannot be changed by API once it is submitted, so this is how a claimant learns what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.errors import Kind, Refusal
from engine.connector.api import Accepted, Answer, Asking, Existing, Gate, Outgoing, Refused, Unclear
from engine.errors import FailureClass, Unreachable
from engine.language import tr

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from decimal import Decimal

    from connectors.dingtalk.approvals import Approvals
    from connectors.dingtalk.wire import Wire

__all__ = ["NEW_COMMENT", "NOTIFICATION", "OLD_COMMENT", "CommentTarget", "NotificationTarget"]

OLD_COMMENT = "topapi/process/instance/comment/add"
NEW_COMMENT = "v1.0/workflow/processInstances/comments"
NOTIFICATION = "topapi/message/corpconversation/asyncsend_v2"


class _Message:
    """What comments and notifications share: one at a time, one stage, no amount."""

    stages: tuple[str, ...] = ("send",)
    largest_batch: int = 1
    addressee: str

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        """``<addressee>:<text>``: the same text to another approval or person is another message."""
        text, addressee = payload.get(key_field), payload.get(self.addressee)
        return f"{addressee}:{text}" if text and addressee else None

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Answer]:
        """A message is sent and done; there is no further stage."""
        return [Accepted(document.id, document.number) for document in documents]

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        return {}

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        return None

    def _missing(self, payload: Mapping[str, Any], *names: str) -> Refused | None:
        for name in names:
            if payload.get(name) in (None, ""):
                return Refused(tr('"{field}" is empty', field=name), FailureClass.DATA, field=name)
        return None


class CommentTarget(_Message):
    """A comment (pages add-an-approval-comment and official-approval-adds-approval-comments). Not idempotent:
    after an unclear answer the approval is read, to see whether the comment stands there."""

    asking: Asking = "unclear"

    def __init__(self, approvals: Approvals, interface: str) -> None:
        self._approvals = approvals
        self._interface = interface
        old = interface == OLD_COMMENT
        self.addressee = "process_instance_id" if old else "processInstanceId"
        self._who = "comment_userid" if old else "commentUserId"
        self._enveloped = old

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        """The comments that stand under their approvals; one get for each approval. Raises Unreachable when
        an approval cannot be read."""
        found: dict[str, list[Existing]] = {}
        instances: dict[str, dict[str, Any]] = {}
        for key in keys:
            id_, _, text = key.partition(":")
            if id_ not in instances:
                instances[id_] = await self._read(id_)
            stands = any(_says(remark, text) for remark in _remarks(instances[id_]))
            found[key] = [Existing(id_, key, "send")] if stands else []
        return found

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._approvals.wire.session.turn(self._interface)

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Answer]:
        return [await self._send(document, gate) for document in documents]

    async def _send(self, document: Outgoing, gate: Gate) -> Answer:
        payload = document.payload
        missing = self._missing(payload, self.addressee, self._who, "text")
        if missing is not None:
            return missing

        def accept(answer: dict[str, Any]) -> Accepted | Unclear:
            if answer.get("result") is True or answer.get("success") in (True, "true"):
                return Accepted(str(payload[self.addressee]), document.key, answer)
            return Unclear(tr("DingTalk did not confirm the comment"), answer)

        body: Mapping[str, Any] = {"request": dict(payload)} if self._enveloped else payload
        return await self._approvals.wire.write(self._interface, body, accept, gate)

    async def _read(self, id_: str) -> dict[str, Any]:
        try:
            return await self._approvals.instance(id_)
        except Refusal as refusal:
            if refusal.problem.kind is Kind.INSTANCE:
                return {}
            raise Unreachable(self._approvals.wire.session.scrub(refusal.problem.message)) from None


def _remarks(instance: Mapping[str, Any]) -> list[str]:
    return [
        str(part.get("remark") or "")
        for part in instance.get("operation_records") or ()
        if isinstance(part, Mapping) and part.get("operation_type") == "ADD_REMARK"
    ]


def _says(remark: str, text: str) -> bool:
    """True when a remark holds a text, and not only the beginning of a longer number at its end."""
    return re.search(re.escape(text.strip()) + r"(?![0-9A-Za-z])", remark) is not None


class NotificationTarget(_Message):
    """A work notification (page asynchronous-sending-of-enterprise-session-messages). What exceeds the limits
    is answered with success and dropped; it cannot be asked for by key."""

    asking: Asking = "never"
    addressee = "userid_list"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        raise Unreachable(tr("DingTalk cannot be asked which notifications were sent"))

    def turn(self) -> AbstractAsyncContextManager[None]:
        return self._wire.session.turn(NOTIFICATION)

    async def send(self, documents: Sequence[Outgoing], gate: Gate) -> list[Answer]:
        return [await self._send(document, gate) for document in documents]

    async def _send(self, document: Outgoing, gate: Gate) -> Answer:
        payload = document.payload
        missing = self._missing(payload, "agent_id", "userid_list")
        if missing is None and not payload.get("msg"):
            missing = self._missing(payload, "text")
        if missing is not None:
            return missing

        def accept(answer: dict[str, Any]) -> Accepted | Unclear:
            task = answer.get("task_id")
            if isinstance(task, int | str) and not isinstance(task, bool) and task:
                return Accepted(str(task), str(task), answer)
            return Unclear(tr("DingTalk did not confirm the notification"), answer)

        return await self._wire.write(NOTIFICATION, _notification(payload), accept, gate)


def _notification(payload: Mapping[str, Any]) -> dict[str, Any]:
    users = payload["userid_list"]
    body = {
        "agent_id": payload["agent_id"],
        "userid_list": users if isinstance(users, str) else ",".join(str(user) for user in users),
    }
    if payload.get("msg"):
        return {**body, "msg": payload["msg"]}
    if payload.get("title"):
        markdown = {"title": payload["title"], "text": payload["text"]}
        return {**body, "msg": {"msgtype": "markdown", "markdown": markdown}}
    return {**body, "msg": {"msgtype": "text", "text": {"content": payload["text"]}}}
