"""Bills as a target: saved in one call, then submitted and audited by id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.kingdee.answers import Unreadable
from connectors.kingdee.asking import Asker
from connectors.kingdee.documents import Documents
from connectors.kingdee.forms import BillForm, code_of, get
from connectors.kingdee.options import wire_options
from connectors.kingdee.verdicts import advance_verdicts, save_verdicts, unreadable_verdicts
from engine.connector.api import Answer, NotSent, Refused, Unclear
from engine.connector.signals import NoAnswer
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    EngineError,
    FailureClass,
    LedgerError,
    QuotaSpent,
    Unreachable,
)
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import date, datetime
    from decimal import Decimal

    from connectors.kingdee.client import KingdeeClient
    from engine.connector.api import Existing, Gate, Listed, Outgoing
    from engine.connector.catalog import Form, Interface

__all__ = ["WRITERS", "BillTarget", "Writer"]

_UNSENT: tuple[tuple[type[EngineError], FailureClass], ...] = (
    (QuotaSpent, FailureClass.LIMIT),
    (CredentialsError, FailureClass.CREDENTIALS),
    (ConfigurationError, FailureClass.CONFIGURATION),
    (Unreachable, FailureClass.TRANSIENT),
)
"""What can go wrong before the first byte of a write: the turn, the login, the connection."""


@dataclass(frozen=True, slots=True)
class Writer:
    """How one interface writes: its service method, and how many bills a call takes."""

    method: str
    many: bool
    stage_of: Mapping[str, str]
    """``FDocumentStatus`` → stage; a status that is not named is further back than any stage."""


_BILL_STAGES = {"A": "save", "D": "save", "B": "submit", "C": "audit"}

WRITERS: Mapping[str, Writer] = {
    "batchSave": Writer("BatchSave", many=True, stage_of=_BILL_STAGES),
    "save": Writer("Save", many=False, stage_of=_BILL_STAGES),
    "draft": Writer("Draft", many=False, stage_of=dict.fromkeys("ZADBC", "draft")),
}

_LARGEST_BATCH = 100


class BillTarget:
    """One form written through one interface; an `engine.connector.api.Target`, and a `Listing`."""

    def __init__(
        self, client: KingdeeClient, interface: Interface, form: Form, options: Mapping[str, Any]
    ) -> None:
        self.stages = interface.stages
        self.asking = interface.asking
        self._writer = WRITERS[interface.name]
        self.largest_batch = _LARGEST_BATCH if self._writer.many else 1
        self._client = client
        self._form = BillForm(form)
        self._options = wire_options(options, interface.options, form.name)
        self._asker = Asker(client, self._form, self._writer.stage_of)
        self._documents = Documents(client, self._form, self._writer.stage_of)
        self._advancing: dict[str, Callable[[str, Sequence[str]], Awaitable[Any]]] = {
            "submit": client.submit,
            "audit": client.audit,
        }

    async def find(self, key_field: str, keys: Sequence[str]) -> dict[str, list[Existing]]:
        """What Kingdee has under these keys, drafts included; see `Asker`."""
        return await self._asker.find(key_field, keys)

    def list_documents(self, since: datetime, until: datetime, key_field: str) -> AsyncIterator[Listed]:
        """All bills of the form that are dated in this stretch; see `Documents`."""
        return self._documents.listed(since, until, key_field)

    def find_documents(self, key_field: str, keys: Sequence[str]) -> AsyncIterator[Listed]:
        """The bills under these keys, whatever their date."""
        return self._documents.found(key_field, keys)

    def day_of(self, payload: Mapping[str, Any]) -> date | None:
        """The date that a payload gives its bill."""
        return self._documents.day_of(payload)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """The turn of the next save."""
        return self._client.session.turn(self._writer.method)

    async def send(self, documents: Sequence[Outgoing], gate: Gate | None = None) -> list[Answer]:
        """One save call for all documents, in order; never repeated."""
        models = [document.payload for document in documents]
        data = {**self._options, **self._returning(documents)}
        data["Model"] = models if self._writer.many else models[0]
        body = {"formid": self._form.name, "data": data}
        call = self._client.write(self._writer.method, body, gate)
        return await _answered(
            call, len(documents), lambda answer: save_verdicts(answer, documents, self._form)
        )

    async def advance(self, stage: str, documents: Sequence[Existing]) -> list[Answer]:
        """Submit or audit saved bills, by id, in one call."""
        call = self._advancing[stage](self._form.name, [document.id for document in documents])
        return await _answered(call, len(documents), lambda answer: advance_verdicts(answer, documents))

    async def by_id(self, ids: Sequence[str]) -> dict[str, Existing]:
        """Those of some bills that Kingdee still has, whatever their number is by now."""
        found = await self._asker.find("FID", ids)
        return {id: bills[0] for id, bills in found.items() if bills}

    async def take_back(self, documents: Sequence[Existing], gate: Gate) -> list[Answer]:
        """Unsubmit or delete bills that are not audited, by id, in one call."""
        stage, ids = documents[0].stage, [document.id for document in documents]
        if len(self.stages) > 1 and stage == self.stages[-1]:
            reason = tr("it is audited: no audited bill is taken back")
            return [Refused(reason, FailureClass.CONFIGURATION)] * len(documents)
        take = self._client.cancel_assign if stage == "submit" else self._client.delete
        call = take(self._form.name, ids, gate)
        return await _answered(call, len(documents), lambda answer: advance_verdicts(answer, documents))

    def key_of(self, payload: Mapping[str, Any], key_field: str) -> str | None:
        """The text in the key field, however the payload writes the field's name."""
        return code_of(get(payload, key_field))

    def facts(self, payload: Mapping[str, Any]) -> dict[str, str | Decimal]:
        """Organisation, payee and amount, as the form's catalog names them."""
        return self._form.facts(payload)

    def amount(self, payload: Mapping[str, Any]) -> Decimal | None:
        """The sum of the form's amount field over its rows."""
        return self._form.amount(payload)

    def _returning(self, documents: Sequence[Outgoing]) -> dict[str, list[str]]:
        """Ask for the key back where it is not the bill's number, which comes back anyway."""
        form = self._form
        keys = {form.key_field(document.payload, document.key) for document in documents}
        others = sorted(key for key in keys if key is not None and key != form.number_field(key))
        if not others:
            return {}
        asked = [*self._options.get("NeedReturnFields", []), form.number_field(others[0]), *others]
        return {"NeedReturnFields": list(dict.fromkeys(asked))}


async def _answered(call: Awaitable[Any], count: int, read: Callable[[Any], list[Answer]]) -> list[Answer]:
    """The verdicts of one call, whatever happened to it: never an exception for what happened on the wire."""
    try:
        return read(await call)
    except Unreadable as error:
        return unreadable_verdicts(error, count)
    except NoAnswer as error:
        return [Unclear(error.message)] * count
    except LedgerError:  # no answer of the target's: the engine's own counting of calls failed
        raise
    except EngineError as error:
        for kind, failure in _UNSENT:
            if isinstance(error, kind):
                return [NotSent(error.message, failure)] * count
        return [Unclear(tr("nobody can say what became of the call: {reason}", reason=error.message))] * count
