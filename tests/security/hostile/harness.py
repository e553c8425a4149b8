"""Each function takes bytes as a stranger might give them, and fails on anything but an explained refusal.

A refusal is an error of the engine's own, or an answer that the connector's words have a place for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from connectors.dingtalk.connector import DingtalkConnector
from connectors.kingdee import KingdeeConnector
from engine import jsontext
from engine.connector.api import Answer, Existing, Outgoing, Span, SpanRefused
from engine.connector.limits import Limits
from engine.connector.session import Session
from engine.connector.settings import Connection, Secret, load_settings
from engine.errors import EngineError, Position
from engine.ledger import deliveries, records
from engine.ledger.open import open_ledger
from engine.scheme.lint import validate
from engine.scheme.model import TableSpec
from engine.scheme.records import read_record_file
from engine.scheme.tables import load_table
from engine.yaml_nodes import decode_text, read_yaml_text

NOW = datetime(2024, 5, 20, tzinfo=UTC)
FORM = KingdeeConnector.catalog().forms["AP_PAYBILL"]
SPAN = Span(NOW - timedelta(days=10), NOW)


class StillClock:
    """Time that only sleeping moves."""

    at = 1_700_000_000.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)

    def random(self) -> float:
        return 0.5

    def new_id(self) -> str:
        return "id"


# --- files --------------------------------------------------------------------------------------------


def yaml_text(data: bytes) -> None:
    """Any file as YAML; what is read can be written to a ledger and a terminal."""
    with contextlib.suppress(EngineError):
        node = read_yaml_text(decode_text(data, "x"), "x", [])
        jsontext.dumps(node.plain()).encode()


def scheme_file(data: bytes) -> None:
    """Any file as a scheme: findings with places, never an error of Python's."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheme.yaml"
        file.write_bytes(data)
        for finding in validate(file):
            str(finding).encode()


def connection_file(data: bytes) -> None:
    """Any file as connections.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connections.yaml"
        file.write_bytes(data)
        with contextlib.suppress(EngineError):
            load_settings(file)


def table_file(data: bytes) -> None:
    """Any file as a CSV table."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "t.csv").write_bytes(data)
        spec = TableSpec("t", Position("s.yaml", 1, 1), file="t.csv", key="k", value="v")
        with contextlib.suppress(EngineError):
            load_table(spec, Path(folder))


def record_file(data: bytes) -> None:
    """Any file as a test's record."""
    for name in ("r.json", "r.yaml"):
        with contextlib.suppress(EngineError):
            read_record_file(data, name)


# --- answers ------------------------------------------------------------------------------------------


class Scripted(httpx.AsyncBaseTransport):
    """Answers by path; a token or login that is true, unless it is the one under attack."""

    def __init__(self, answer: Callable[[str], bytes | None]) -> None:
        self.answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        found = self.answer(path)
        if found is None:
            found = json.dumps(
                {
                    "errcode": 0,
                    "access_token": "token-1",
                    "expires_in": 7200,
                    "accessToken": "t",
                    "expireIn": 7200,
                }
                if "oken" in path
                else {"LoginResultType": 1, "KDSVCSessionId": "session-1"}
            ).encode()
        return httpx.Response(200, content=found)


def _connector(kind: Any, name: str, answer: Callable[[str], bytes | None], **settings: Any) -> Any:
    connection = Connection(
        name=name,
        connector=name,
        settings=settings,
        limits=Limits(timeout=5),
        environment="p",
        position=Position("connections.yaml", 1, 1),
        unique=("FBillNo",),
    )
    session = Session(connection, StillClock(), Scripted(answer))
    return kind(connection, session)


def _dingtalk(answer: Callable[[str], bytes | None]) -> Any:
    urls = {"base_url": "http://127.0.0.1:1/", "api_base_url": "http://127.0.0.1:1/"}
    secrets = {"app_key": Secret("dingcanary0"), "app_secret": Secret("canary-secret")}
    return _connector(DingtalkConnector, "dingtalk", answer, **urls, **secrets)


async def _asked(work: Any) -> Any:
    try:
        return await asyncio.wait_for(work, 20)
    except (EngineError, SpanRefused):
        return None


def _token_aside(data: bytes) -> Callable[[str], bytes | None]:
    return lambda path: None if "oken" in path else data


def _login_aside(data: bytes) -> Callable[[str], bytes | None]:
    return lambda path: None if "AuthService" in path else data


def dingtalk_token(data: bytes) -> None:
    """Any answer to the fetching of a token."""
    for interface in ("topapi/processinstance/get", "v1.0/workflow/processInstances"):
        source = _dingtalk(lambda path: data).source(interface, {})
        asyncio.run(_asked(source.page({"process_code": "P"}, SPAN, None)))


def dingtalk_listing(data: bytes) -> None:
    """Any answer to a listing, in both API generations: ids that a ledger can keep, or a fault."""
    for interface in ("topapi/processinstance/get", "v1.0/workflow/processInstances"):
        source = _dingtalk(_token_aside(data)).source(interface, {})
        page = asyncio.run(_asked(source.page({"process_code": "P"}, SPAN, None)))
        for item in page.items if page else ():
            assert item.id.strip()
            assert item.id.isprintable()


def dingtalk_instance(data: bytes) -> None:
    """Any answer to a get, in both API generations: a record that can be kept, or a failure in words."""
    for interface in ("topapi/processinstance/get", "v1.0/workflow/processInstances"):
        source = _dingtalk(_token_aside(data)).source(interface, {})
        record = asyncio.run(_asked(source.get("ID-1")))
        if record is not None:
            kept = jsontext.dumps(record)
            kept.encode()
            jsontext.loads(kept, 2 * jsontext.DEEPEST)
            source.amends(record)
            source.amended_by(record)


def dingtalk_comment(data: bytes) -> None:
    """Any answer to a comment: one of the protocol's answers."""
    interface = "topapi/process/instance/comment/add"
    target = _dingtalk(_token_aside(data)).target(interface, None, {})
    payload = {"process_instance_id": "ID-1", "text": "t", "comment_userid": "u"}
    sent = asyncio.run(_asked(target.send([Outgoing("K", payload)], lambda: True)))
    _judged(sent)


def _kingdee(data: bytes) -> Any:
    return _connector(
        KingdeeConnector,
        "kingdee",
        _login_aside(data),
        base_url="http://127.0.0.1:1/k3cloud/",
        auth="validate_user",
        acct_id="a",
        username="u",
        password=Secret("canary-password"),
        lcid=2052,
    )


def kingdee_login(data: bytes) -> None:
    """Any answer to a login."""
    target = _connector(
        KingdeeConnector,
        "kingdee",
        lambda path: data,
        base_url="http://127.0.0.1:1/k3cloud/",
        auth="validate_user",
        acct_id="a",
        username="u",
        password=Secret("canary-password"),
        lcid=2052,
    ).target("batchSave", FORM, {})
    asyncio.run(_asked(target.find("FBillNo", ["DD1"])))


def kingdee_answers(data: bytes) -> None:
    """Any answer to a query, save, submit and audit: each document gets one of the protocol's answers."""
    target = _kingdee(data).target("batchSave", FORM, {})
    documents = [Outgoing("DD1", {"FBillNo": "DD1"}), Outgoing("DD2", {"FBillNo": "DD2"})]
    asyncio.run(_asked(target.find("FBillNo", ["DD1", "DD2"])))
    _judged(asyncio.run(_asked(target.send(documents, lambda: True))))
    saved = [Existing("1", "DD1", "save", {}), Existing("2", "DD2", "save", {})]
    for stage in ("submit", "audit"):
        _judged(asyncio.run(_asked(target.advance(stage, saved))))


def _judged(answers: Any) -> None:
    for answer in answers or ():
        assert isinstance(answer, Answer)
        assert "canary" not in repr(answer)
        kept = getattr(answer, "answer", None)
        jsontext.dumps(kept).encode()


# --- the ledger -----------------------------------------------------------------------------------------


def make_ledger(path: Path) -> None:
    """A true ledger with a record in it."""

    async def work() -> None:
        ledger = open_ledger(f"sqlite:///{path}")

        def write(tx: Any) -> None:
            rows = records.register(tx, "s", "f", ["ID-1"], NOW)
            deliveries.register(tx, "scheme", "t", list(rows.values()), run="r", at=NOW)
            records.keep_snapshot(tx, rows["ID-1"], {"a": "b"}, "N-1", True, NOW)

        await ledger.do(write)
        await ledger.aclose()

    asyncio.run(work())
    with contextlib.closing(sqlite3.connect(path)) as there:
        there.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def read_ledger(path: Path) -> None:
    """Read all that a ledger says; any damage is an error of the engine's own."""

    async def work() -> None:
        ledger = open_ledger(f"sqlite:///{path}")
        try:
            for read in (
                lambda tx: deliveries.find(tx, "scheme", "t", record_ids=[1]),
                lambda tx: records.snapshot(tx, 1),
            ):
                with contextlib.suppress(EngineError):
                    await ledger.do(read)
        finally:
            await ledger.aclose()

    with contextlib.suppress(EngineError):
        asyncio.run(work())


HARNESSES = (
    *("yaml_text", "scheme_file", "connection_file", "table_file", "record_file"),
    *("dingtalk_token", "dingtalk_listing", "dingtalk_instance", "dingtalk_comment"),
    *("kingdee_login", "kingdee_answers"),
)
