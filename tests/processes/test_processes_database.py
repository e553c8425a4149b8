"""A PostgreSQL that goes away in the middle of a run: said in plain words, and the next run ends it all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_MOMENTS = {
    "while it reads": ("dingtalk", "get", 2),
    "before the first bill is saved": ("kingdee", "batchsave", 0),
    "between two batches": ("kingdee", "batchsave", 2),
    "while it audits": ("kingdee", "audit", 1),
    "while it writes back": ("dingtalk", "comment", 3),
}


@pytest.fixture
def database(postgresql_server: Any, postgresql: str) -> Iterator[str]:
    yield postgresql
    postgresql_server.start()  # whatever the test did


@pytest.mark.parametrize("moment", _MOMENTS, ids=[name.replace(" ", "-") for name in _MOMENTS])
def test_restarted_in_the_middle_of_a_run(
    company: Callable[..., Any], postgresql_server: Any, database: str, moment: str
) -> None:
    made = company(ledger=database, unique=False)
    away = _when_called(made, *_MOMENTS[moment], postgresql_server, back=True)
    ended = made.finish(made.start())
    away.join(20)
    assert made.dingtalk.struck + made.kingdee.struck == ["do"]
    _assert_plain(ended)
    _assert_the_next_run_ends_it(made)


@pytest.mark.parametrize("moment", ["while it reads", "between two batches"])
def test_gone_in_the_middle_of_a_run(
    company: Callable[..., Any], postgresql_server: Any, database: str, moment: str
) -> None:
    made = company(ledger=database)
    away = _when_called(made, *_MOMENTS[moment], postgresql_server, back=False)
    ended = made.finish(made.start())
    away.join(20)
    assert ended.code == 3
    _assert_plain(ended)
    told = made.finish(made.start())  # while it is still away
    assert told.code == 3
    _assert_plain(told)
    postgresql_server.start()
    _assert_the_next_run_ends_it(made)


def _when_called(
    made: Any, side: str, method: str, skip: int, server: Any, *, back: bool
) -> threading.Thread:
    """Take the database away when a call arrives, before it is answered."""
    called = threading.Event()
    gone = threading.Event()

    def go_away() -> None:
        if called.wait(30):
            server.stop()
            if back:
                server.start()
            gone.set()

    thread = threading.Thread(target=go_away, daemon=True)
    thread.start()

    def strike() -> None:
        called.set()
        gone.wait(20)

    getattr(made, side).fail(method, "do", skip=skip, arg=strike)
    return thread


def _assert_plain(ended: Any) -> None:
    """It went on, or ended with a message that names the ledger's database: wherever the loss struck."""
    assert ended.code in (0, 3), ended.err
    if ended.code:
        assert ended.json["error"]["class"] == "transient"
        assert ended.json["error"]["message"].startswith("the database of the ledger "), ended.out
        assert ended.json["error"]["message"].endswith(" does not answer")


def _assert_the_next_run_ends_it(made: Any) -> None:
    last = made.finish(made.start())
    assert last.code == 0, last.err
    assert not made.audit().bad()
    assert not made.left_open()
    assert set(last.few()) <= {"fetched", "already", "delivered"}
