"""Approval instances as the state keeps them; what is visible of one depends on the sandbox's clock.

An instance is a dict: id, code (process), created and finished (epoch ms), outcome (agree | refuse |
terminate | cancel), title, userid, dept_id, business_id, biz_action, main (id or ''), attached (list of
{id, created}), form (components), steps (operations with their own times), and `approvers`.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.dingtalk.simulator.edits import as_of_its_day
from engine.clock import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from engine.connector.simulator import Store

__all__ = [
    "add_comment",
    "attached",
    "comments",
    "get",
    "is_running",
    "listed",
    "listed_ids",
    "moment",
    "new_business_id",
    "new_id",
    "put",
    "result",
    "status",
    "steps",
    "to_ms",
]

_STATUS = {"agree": "COMPLETED", "refuse": "COMPLETED", "terminate": "TERMINATED", "cancel": "CANCELED"}


def to_ms(time: datetime) -> int:
    """Epoch milliseconds."""
    return round(time.timestamp() * 1000)


def moment(ms: int) -> datetime:
    """The time in Beijing."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(SHANGHAI)


def new_id(chance: Random, created: int) -> str:
    """22 URL-safe characters, 4 digits, the epoch seconds of creation (reference §4.3)."""
    head = base64.urlsafe_b64encode(chance.randbytes(16)).decode().rstrip("=")
    return f"{head}{chance.randrange(10**4):04d}{created // 1000}"


def new_business_id(chance: Random, created: int) -> str:
    """``yyyyMMddHHmm`` in Beijing, then 9 digits."""
    return f"{moment(created):%Y%m%d%H%M}{chance.randrange(10**9):09d}"


def put(store: Store, instance: dict[str, Any]) -> None:
    """Keep an instance, and its place in the listing of its process."""
    store.put("instance", instance["id"], instance)
    brief = {name: instance[name] for name in ("id", "userid", "finished", "outcome")}
    store.put("listing", f"{instance['code']}/{instance['created']:014d}/{instance['id']}", brief)


def get(store: Store, id: str, now: int) -> dict[str, Any] | None:
    """The instance, once its time has come."""
    found = store.get("instance", id)
    return as_of_its_day(store, found) if found is not None and found["created"] <= now else None


def listed(store: Store, code: str, start: int, end: int, now: int) -> Iterator[dict[str, Any]]:
    """The briefs (id, userid, finished, outcome) of those created in start ≤ t ≤ end, the newest first."""
    first, last = _stretch(code, start, min(end, now))
    for _, brief in store.between("listing", first, last):
        yield brief


def listed_ids(store: Store, code: str, start: int, end: int, now: int) -> list[str]:
    """The ids alone, which is quicker where nothing else is asked."""
    first, last = _stretch(code, start, min(end, now))
    return [key.rpartition("/")[2] for key in store.keys_between("listing", first, last)]


def _stretch(code: str, start: int, end: int) -> tuple[str, str]:
    return f"{code}/{start:014d}", f"{code}/{end + 1:014d}"


def is_running(instance: dict[str, Any], now: int) -> bool:
    """Whether it is still being approved."""
    return bool(instance["finished"] > now)


def status(instance: dict[str, Any], now: int) -> str:
    """RUNNING, COMPLETED, TERMINATED or CANCELED."""
    return "RUNNING" if is_running(instance, now) else _STATUS[instance["outcome"]]


def result(instance: dict[str, Any], now: int) -> str:
    """agree, refuse, or '' while running and where nobody decided."""
    decided = instance["outcome"] in ("agree", "refuse") and not is_running(instance, now)
    return str(instance["outcome"]) if decided else ""


def attached(instance: dict[str, Any], now: int) -> list[str]:
    """The ids of instances that change or revoke this one, as far as they exist yet."""
    return [one["id"] for one in instance["attached"] if one["created"] <= now]


def steps(store: Store, instance: dict[str, Any], now: int) -> list[dict[str, Any]]:
    """What happened so far, comments included, in order of time."""
    own = [step for step in instance["steps"] if step["at"] <= now]
    return sorted([*own, *comments(store, instance["id"])], key=lambda step: step["at"])


def comments(store: Store, id: str) -> list[dict[str, Any]]:
    """The comments that were added through the API, the oldest first."""
    return [doc for _, doc in store.between("comment", f"{id}/", f"{id}0")][::-1]


def add_comment(store: Store, id: str, comment: dict[str, Any]) -> None:
    """Append a comment; twice the same makes two."""
    turn = store.next_number(f"comment/{id}")
    store.put("comment", f"{id}/{turn:08d}", comment)
