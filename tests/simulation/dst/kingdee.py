"""Kingdee's WebAPI for payment bills, as far as the connector calls it (reference kingdee.md §2, §4-§7).

Each bill of a batch is saved at an instant of its own, and each is submitted and audited at one: what a
request has done when its answer is lost is seldom all or nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import httpx

from dst.history import History
from dst.network import Answer, Call, Handling, Host
from dst.storm import Storm
from engine import jsontext

__all__ = ["Bill", "Kingdee"]

_LOST = "会话信息已丢失，请重新登录"
_SUBMITTED = "单据编号为“{}”的付款单，单据已经提交！"
_AUDITED = "单据编号为“{}”的付款单，单据已经审核！"
_SERVICE = re.compile(r"Service\.(\w+)\.common\.kdsvc$")
_FILTER = re.compile(r"^FBillNo\s*(?:=\s*('.*')|in\s*\((.*)\))$")


@dataclass(slots=True)
class Bill:
    """One payment bill. `effects` counts how often each stage was reached."""

    id: str
    number: str
    payload: Mapping[str, Any]
    status: str = "A"
    effects: Counter[str] = field(default_factory=Counter)
    audited_at: datetime | None = None

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        return tuple(Decimal(str(row["FPAYTOTALAMOUNTFOR"])) for row in self.payload["FPAYBILLENTRY"])

    def cell(self, key: str) -> Any:
        """A header field, as a query shows it."""
        known = {"FID": int(self.id), "FBillNo": self.number, "FDocumentStatus": self.status}
        name, _, part = key.partition(".")
        value = known.get(name, self.payload.get(name))
        return next(iter(value.values())) if part and isinstance(value, Mapping) else value


class Kingdee(Host):
    """One account set. `unique`: whether it refuses a second bill of the same number."""

    name = "kingdee"

    def __init__(
        self,
        history: History,
        storm: Storm,
        random: Random,
        now: Callable[[], datetime],
        *,
        unique: bool,
    ) -> None:
        self.bills: dict[str, Bill] = {}
        self.unique = unique
        self.refused_twice = 0
        """How often the number's uniqueness alone kept a bill from being made twice."""
        self._history = history
        self._storm = storm
        self._random = random
        self._now = now
        self._by_number: dict[str, list[Bill]] = {}
        self._sessions: set[str] = set()
        self._ids = 100_000

    def describe(self, request: httpx.Request) -> Call:
        found = _SERVICE.search(request.url.path)
        assert found, request.url
        method = found[1]
        writes = method in ("BatchSave", "Submit", "Audit")
        return Call(method, {}, request.headers, request.content, writes, not writes or self.unique)

    def handle(self, call: Call) -> Handling:
        yield self._random.uniform(0.001, 0.1)
        if call.path == "LoginBySign":
            return self._login()
        if self._storm.strikes("session expired"):
            self._history.fault("session expired", "kingdee")
            self._sessions.clear()
        session = call.headers.get("kdservice-sessionid")
        headers: tuple[tuple[str, str], ...] = ()
        if session not in self._sessions:
            signed = "X-Kd-Signature" in call.headers
            if session or not signed:
                return _answer(_failure(_LOST, 1), call.path)
            headers = (("set-cookie", f"kdservice-sessionid={self._open()}; path=/"),)
        if self._storm.strikes("throttled"):
            self._history.fault("throttled", "kingdee")
            return _answer(_failure("调用次数超过限制", 14), call.path)
        body = jsontext.loads(call.content)
        result = yield from _HANDLERS[call.path](self, body)
        return result if isinstance(result, Answer) else _answer(result, "", headers)

    # --- sessions -------------------------------------------------------------------------------------

    def _login(self) -> Answer:
        session = self._open()
        body = {"LoginResultType": 1, "IsSuccessByAPI": True, "KDSVCSessionId": session}
        return _answer(body, "", (("set-cookie", f"kdservice-sessionid={session}; path=/"),))

    def _open(self) -> str:
        session = f"{self._random.getrandbits(64):016x}"
        self._sessions.add(session)
        return session

    # --- bills ----------------------------------------------------------------------------------------

    def save(self, body: Mapping[str, Any]) -> Any:
        models = body["data"]["Model"]
        outcome = _Outcome(self._storm, self._history, self._random)
        breaks = self._random.randrange(len(models)) if self._storm.strikes("half a batch") else None
        for index, model in enumerate(models):
            yield self._random.uniform(0.01, 0.3)
            if index == breaks:
                self._history.fault("half a batch", "{} of {} saved", index, len(models))
                return Answer(500, b"<html>Server Error</html>")
            self._save_one(index, model, outcome)
        return outcome.body()

    def _save_one(self, index: int, model: Mapping[str, Any], outcome: _Outcome) -> None:
        number = str(model["FBillNo"])
        if self._storm.strikes("locked bill"):
            self._history.fault("locked bill", "{}", number)
            outcome.refuse(index, "网络控制：单据正在被其他用户操作")
            return
        there = self.numbered(number)
        if there and self.unique:
            self.refused_twice += 1
            text = f"违反字段唯一性要求：编码唯一。[{number}]在当前系统中已经被使用。"
            self._history.note("{} refused: its number is taken", number)
            outcome.refuse(index, text, "FBillNo")
            return
        bill = self._keep(number, model)
        self._history.note("SAVED {} as {}{}", number, bill.id, " – A SECOND TIME" if there else "")
        outcome.accept(index, bill)

    def submit(self, body: Mapping[str, Any]) -> Any:
        return (yield from self._operate(body, "submit", ("Z", "A", "D"), "B", _SUBMITTED))

    def audit(self, body: Mapping[str, Any]) -> Any:
        return (yield from self._operate(body, "audit", ("B",), "C", _AUDITED))

    def _operate(
        self, body: Mapping[str, Any], stage: str, before: tuple[str, ...], after: str, refusal: str
    ) -> Any:
        outcome = _Outcome(self._storm, self._history, self._random)
        ids = body["data"]["Ids"].split(",")
        breaks = self._random.randrange(len(ids)) if self._storm.strikes("half a batch") else None
        for index, id in enumerate(ids):
            yield self._random.uniform(0.01, 0.3)
            if index == breaks:
                self._history.fault("half a batch", "{} of {} {}", index, len(ids), stage)
                return Answer(502, b"")
            bill = self.bills.get(id)
            if bill is None:
                outcome.refuse(index, f"单据 {id} 不存在")
            elif self._storm.strikes("locked bill"):
                self._history.fault("locked bill", "{}", bill.number)
                outcome.refuse(index, f"单据编号为“{bill.number}”的付款单，网络控制")
            elif bill.status not in before:
                self._history.note("{} refused: {} at status {}", bill.number, stage, bill.status)
                outcome.refuse(index, refusal.format(bill.number))
            else:
                bill.status = after
                bill.effects[stage] += 1
                bill.audited_at = self._now() if stage == "audit" else None
                self._history.note("{} {} ({})", stage.upper(), bill.number, id)
                outcome.accept(index, bill)
        return outcome.body()

    def query(self, body: Mapping[str, Any]) -> Any:
        yield 0.0
        data = body["data"]
        found = _FILTER.match(data["FilterString"].strip())
        assert found, data["FilterString"]
        numbers = re.findall(r"'([^']*)'", found[1] or found[2])
        keys = data["FieldKeys"].split(",")
        rows: list[list[Any]] = []
        for bill in sorted((bill for number in numbers for bill in self.numbered(number)), key=_by_id):
            if "FPAYTOTALAMOUNTFOR" in keys:
                rows += [[int(bill.id), amount] for amount in bill.amounts]
            else:
                rows.append([bill.cell(key) for key in keys])
        return rows[data["StartRow"] :]

    def make_by_hand(self, number: str, payload: Mapping[str, Any]) -> None:
        """A bill that somebody saved at his desk, before the engine ever ran."""
        bill = self._keep(number, payload)
        self._history.note("{} is made by hand, as {}", number, bill.id)

    def numbered(self, number: str) -> list[Bill]:
        """All bills of a number."""
        return self._by_number.get(number, [])

    def _keep(self, number: str, payload: Mapping[str, Any]) -> Bill:
        self._ids += 1
        bill = Bill(str(self._ids), number, payload)
        bill.effects["save"] += 1
        self.bills[bill.id] = bill
        self._by_number.setdefault(number, []).append(bill)
        return bill


_HANDLERS: dict[str, Callable[[Kingdee, Mapping[str, Any]], Any]] = {
    "BatchSave": Kingdee.save,
    "Submit": Kingdee.submit,
    "Audit": Kingdee.audit,
    "ExecuteBillQuery": Kingdee.query,
}


class _Outcome:
    """The ``ResponseStatus`` of a call over many bills, with what real ones leave out now and then."""

    def __init__(self, storm: Storm, history: History, random: Random) -> None:
        self._storm = storm
        self._history = history
        self._random = random
        self._errors: list[dict[str, Any]] = []
        self._done: list[dict[str, Any]] = []

    def refuse(self, index: int, message: str, field: str | None = None) -> None:
        self._errors.append({"FieldName": field, "Message": message, "DIndex": index})

    def accept(self, index: int, bill: Bill) -> None:
        self._done.append({"Id": int(bill.id), "Number": bill.number, "DIndex": index})

    def body(self) -> dict[str, Any]:
        success = not self._errors
        for entries in (self._errors, self._done):
            if entries and self._storm.strikes("missing DIndex"):
                self._history.fault("missing DIndex", "kingdee")
                self._random.choice(entries).pop("DIndex")
            if entries and self._storm.strikes("unnamed document"):
                self._history.fault("unnamed document", "kingdee")
                entries.pop(self._random.randrange(len(entries)))
        if self._storm.strikes("wrong IsSuccess"):
            self._history.fault("wrong IsSuccess", "kingdee")
            success = not success
        status: dict[str, Any] = {
            "IsSuccess": success,
            "Errors": self._errors,
            "SuccessEntitys": self._done,
            "SuccessMessages": [],
            "MsgCode": 0 if success else 11,
        }
        if not success:
            status["ErrorCode"] = 500
        return {"Result": {"ResponseStatus": status}}


def _by_id(bill: Bill) -> int:
    return int(bill.id)


def _failure(message: str, code: int) -> dict[str, Any]:
    error = {"FieldName": None, "Message": message, "DIndex": 0}
    status = {
        "ErrorCode": 500,
        "IsSuccess": False,
        "Errors": [error],
        "SuccessEntitys": [],
        "SuccessMessages": [],
        "MsgCode": code,
    }
    return {"Result": {"ResponseStatus": status}}


def _answer(body: Any, path: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    shown = [[body]] if path == "ExecuteBillQuery" else body
    return Answer(200, jsontext.dumps(shown).encode(), headers)
