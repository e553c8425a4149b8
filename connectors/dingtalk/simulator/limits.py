"""What a call must pass before it is served: token, calls a second, calls a month (reference §11, §12)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from connectors.dingtalk.simulator import instances, tokens

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.settings import SimulatorSettings
    from engine.connector.simulator import Store

__all__ = ["Refusal", "admit", "calls_this_month"]


class Refusal(StrEnum):
    """Why a call is not served."""

    MISSING = "token missing"
    UNKNOWN = "token unknown"
    EXPIRED = "token expired"
    QPS = "too many calls of this interface in this second"
    QUOTA = "monthly calls used up"


def admit(
    store: Store, settings: SimulatorSettings, token: str, api: str, now: int, *, metered: bool
) -> Refusal | None:
    """Count a call and let it in, or say why not. A throttled call does not count towards the month."""
    if not token:
        return Refusal.MISSING
    state = tokens.token_state(store, token, now)
    if state != "alive":
        return Refusal.EXPIRED if state == "expired" else Refusal.UNKNOWN
    second = now // 1000
    window = store.get("qps", api)
    count = window["count"] if window and window["second"] == second else 0
    if count >= settings.per_second:
        return Refusal.QPS
    if metered:
        spent = calls_this_month(store, now)
        if spent >= settings.per_month:
            return Refusal.QUOTA
        store.put("month", _month(now), {"count": spent + 1})
    store.put("qps", api, {"second": second, "count": count + 1})
    return None


def calls_this_month(store: Store, now: int) -> int:
    """Metered calls served in this calendar month, Beijing time."""
    kept = store.get("month", _month(now))
    return int(kept["count"]) if kept else 0


def _month(now: int) -> str:
    return f"{instances.moment(now):%Y-%m}"
