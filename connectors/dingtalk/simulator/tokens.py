"""Access tokens: one per app, the same while it lives, renewed by asking again (reference §2).

Tokens of both generations are accepted by both.
"""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.dingtalk.simulator.settings import SimulatorSettings
    from engine.connector.simulator import Store

__all__ = ["LIFE_SECONDS", "credentials", "forget", "known_app", "mint", "token_state"]

LIFE_SECONDS = 7200


def credentials(store: Store, settings: SimulatorSettings) -> tuple[str, str]:
    """App key and secret: those of the settings, else minted once per state."""
    kept = store.get("app", "credentials")
    if kept is None:
        kept = {"key": f"ding{secrets.token_hex(8)}", "secret": secrets.token_urlsafe(48)}
        store.put("app", "credentials", kept)
    return settings.app_key or kept["key"], settings.app_secret or kept["secret"]


def known_app(store: Store, settings: SimulatorSettings, key: str, secret: str) -> bool:
    """Whether these are the app's credentials."""
    right = credentials(store, settings)
    given = (key.encode(), secret.encode())
    return all(hmac.compare_digest(one, other.encode()) for one, other in zip(given, right, strict=True))


def mint(store: Store, now: int) -> str:
    """The app's token, alive for another two hours; a new one only when the last has expired."""
    current = store.get("app", "token")
    if current is None or token_state(store, current["token"], now) != "alive":
        current = {"token": secrets.token_hex(16)}
        store.put("app", "token", current)
    token = str(current["token"])
    store.put("token", token, {"expires": now + LIFE_SECONDS * 1000})
    return token


def token_state(store: Store, token: str, now: int) -> str:
    """``alive``, ``expired`` or ``unknown``."""
    kept = store.get("token", token)
    if kept is None:
        return "unknown"
    return "alive" if kept["expires"] > now else "expired"


def forget(store: Store, token: str) -> None:
    """Let a token be unknown from now on."""
    store.delete("token", token)
