"""Two real processes on one ledger at the same time: every claim is paid once, whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def test_the_same_scheme_twice_at_once(company: Callable[..., Any], ledger: str | None) -> None:
    """The second waits for the first, and then finds that all is done."""
    made = company(ledger=ledger, unique=False)
    pair = [made.start(), made.start()]
    ended = [made.finish(process) for process in pair]
    assert [result.code for result in ended] == [0, 0], [result.err for result in ended]
    assert sorted(result.counts["delivered"] for result in ended) == [0, len(made.agreed)]
    _assert_all_paid_once(made)
    assert len(made.dingtalk.calls("get")) == len(made.agreed)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "plain"])
def test_two_schemes_of_one_source_at_once(
    company: Callable[..., Any], ledger: str | None, unique: bool
) -> None:
    """One document goes to one of them; the other shows the key as taken, and sends nothing."""
    made = company(ledger=ledger, unique=unique)
    made.without_callback()
    text = (made.folder / "schemes/expense_to_paybill.yaml").read_text(encoding="utf-8")
    made.write("schemes/other.yaml", text.replace("id: expense_to_paybill", "id: other"))
    pair = [
        made.start(),
        made.spawn("run", "other", "--json", "--set", "start_date=-100d", "--set", "go_live=2020-01-01"),
    ]
    ended = [made.finish(process) for process in pair]
    assert all(result.code in (0, 1) for result in ended), [result.err for result in ended]
    paid = [result.counts["delivered"] for result in ended]
    assert sum(paid) == len(made.agreed)
    assert set(made.kingdee.numbers().values()) == {1}
    assert made.kingdee.totals() == made.sums
    assert made.kingdee.statuses() == {"C": len(made.agreed)}
    assert len(made.dingtalk.calls("get")) <= 2 * len(made.agreed)


def test_both_generations_of_the_interface_at_once(simulated: Callable[..., Any], ledger: str | None) -> None:
    """The schemes of the old interfaces and of v1.0 on one ledger: a bill and a comment for each claim."""
    made = simulated(ledger=ledger, unique=ledger is None)
    schemes = ("expense_to_paybill", "schemes/market/expense_to_paybill_v1/expense_to_paybill_v1.yaml")
    ended = [made.finish(process) for process in [made.start(scheme) for scheme in schemes]]
    assert all(result.code in (0, 1) for result in ended), [result.err for result in ended]
    assert sum(result.counts["delivered"] for result in ended) == len(made.agreed) > 9
    ended = [made.finish(made.start(scheme)) for scheme in schemes]
    assert [result.code for result in ended] == [0, 0], [result.out + result.err for result in ended]
    assert not made.audit().bad()
    assert not made.left_open()
    assert not made.left_open("expense_to_paybill_v1")


def test_the_second_goes_on_where_the_first_was_killed(
    company: Callable[..., Any], ledger: str | None
) -> None:
    """It was waiting for the lease of a process that died in the middle of its sending."""
    made = company(ledger=ledger)
    made.kingdee.fail("batchsave", "kill_late", skip=1, arg=0.2)
    first = made.start()
    kill = made.kingdee.on_kill
    second = made.start()
    made.kingdee.on_kill = kill  # the first is the one that dies, if it is the one that sends
    ended = [made.finish(first), made.finish(second)]
    assert {result.code for result in ended} <= {-9, 0}, [result.err for result in ended]
    made.finish(made.start())
    _assert_all_paid_once(made)


def _assert_all_paid_once(made: Any) -> None:
    found = made.audit()
    assert not found.bad()
    assert not made.left_open()
