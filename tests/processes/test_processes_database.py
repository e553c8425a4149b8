"""A PostgreSQL that goes away in the middle of a run: said in plain words, and the next run ends it all."""

from __future__ import annotations

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
def database(own_postgresql: Any) -> Iterator[str]:
    name = own_postgresql.make()
    yield own_postgresql.url(name)
    own_postgresql.start()  # whatever the test did
    own_postgresql.drop(name)


@pytest.mark.parametrize("moment", _MOMENTS, ids=[name.replace(" ", "-") for name in _MOMENTS])
def test_restarted_in_the_middle_of_a_run(
    company: Callable[..., Any], own_postgresql: Any, database: str, moment: str
) -> None:
    made = company(ledger=database, unique=False)
    struck = _when_called(made, *_MOMENTS[moment], own_postgresql.stop, own_postgresql.start)
    ended = made.finish(made.start())
    assert struck == [own_postgresql.stop, own_postgresql.start]
    _assert_plain(ended)
    _assert_the_next_run_ends_it(made)


@pytest.mark.parametrize("moment", ["while it reads", "between two batches"])
def test_gone_in_the_middle_of_a_run(
    company: Callable[..., Any], own_postgresql: Any, database: str, moment: str
) -> None:
    made = company(ledger=database)
    struck = _when_called(made, *_MOMENTS[moment], own_postgresql.stop)
    ended = made.finish(made.start())
    assert struck == [own_postgresql.stop]
    assert ended.code == 3
    _assert_plain(ended)
    told = made.finish(made.start())  # while it is still away
    assert told.code == 3
    _assert_plain(told)
    own_postgresql.start()
    _assert_the_next_run_ends_it(made)


def _when_called(
    made: Any, side: str, method: str, skip: int, *acts: Callable[[], None]
) -> list[Callable[[], None]]:
    """Act when a call arrives, before it or any other is answered; the list holds what was done."""
    done: list[Callable[[], None]] = []

    def strike() -> None:
        for act in acts:
            act()
            done.append(act)

    getattr(made, side).fail(method, "do", skip=skip, arg=strike)
    return done


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
