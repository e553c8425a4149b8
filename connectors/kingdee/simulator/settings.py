"""What `simulator:` in connections.yaml may say of the simulated Kingdee."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from connectors.kingdee.simulator.basedata import FORMS
from connectors.kingdee.simulator.conditions import parse_moment
from engine.errors import ConfigurationError
from engine.language import tr

__all__ = ["SiteSettings"]

_CREDENTIALS = ("acct_id", "username", "password", "app_id", "app_secret")
_SHARED = ("late_seconds", "slow_seconds", "seed")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """How this site is set up.

    `auth`: what `connection_settings` chooses. `session_idle`: a session unused for so long is lost.
    `query_limit`: most rows of one query (2000 in older builds, 10000 in newer). `sha1`: LoginBySign also
    takes SHA-1, as builds before 2022-05 do. `link_validity`: how far a signature's time may be off; not
    checked by default. `gateway`: X-Api-Signature is checked too. `closed_before`: bills dated earlier are
    refused at audit. `polls`: how often an asynchronous call is asked for before it is complete.
    `reminder`: a login answers with a licence reminder (LoginResultType -5), its session in cookies alone.
    `auto_audit_ids`: a save whose submit or audit failed still tells the bill's id. `base_data`: more codes,
    ``{BD_Empinfo: {E9001: 某人}}``.
    """

    credentials: Mapping[str, str] = field(default_factory=dict)
    auth: str = "signature"
    session_idle: timedelta = timedelta(minutes=20)
    query_limit: int = 2000
    sha1: bool = False
    link_validity: timedelta | None = None
    gateway: bool = False
    closed_before: str = ""
    polls: int = 1
    auto_audit_ids: bool = True
    reminder: bool = False
    base_data: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> SiteSettings:
        """Raises ConfigurationError for an unknown name or a value that does not fit."""
        known = [*_CREDENTIALS, *_SHARED, *_READERS]
        for name in given:
            if name not in known:
                near = get_close_matches(str(name), known, n=1)
                raise ConfigurationError(
                    tr(
                        'the Kingdee simulator has no setting "{name}"; it has {known}',
                        name=name,
                        known=", ".join(known),
                    ),
                    hint=tr('did you mean "{near}"?', near=near[0]) if near else None,
                )
        read = {name: _read(name, given[name]) for name in _READERS if given.get(name) is not None}
        credentials = {name: str(given[name]) for name in _CREDENTIALS if given.get(name)}
        return cls(credentials=credentials, **read)


def _read(name: str, value: Any) -> Any:
    try:
        return _READERS[name](value)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigurationError(
            tr('the Kingdee simulator\'s setting "{name}" cannot be "{value}"', name=name, value=value)
        ) from None


def _duration(value: Any) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(value).strip())
    if match is None:
        raise ValueError(value)
    return timedelta(**{_UNITS[match[2]]: float(match[1])})


def _switch(value: Any) -> bool:
    return {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}[str(value).lower()]


def _moment(value: Any) -> str:
    moment = parse_moment(str(value))
    if moment is None:
        raise ValueError(value)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _way(value: Any) -> str:
    if value not in ("signature", "login_by_sign", "login_by_app_secret", "validate_user"):
        raise ValueError(value)
    return str(value)


def _codes(value: Any) -> dict[str, dict[str, str]]:
    if any(form not in FORMS for form in value):
        raise ValueError(value)
    return {
        str(form): {str(code): str(name) for code, name in codes.items()} for form, codes in value.items()
    }


_READERS: dict[str, Callable[[Any], Any]] = {
    "auth": _way,
    "session_idle": _duration,
    "query_limit": int,
    "sha1": _switch,
    "link_validity": _duration,
    "gateway": _switch,
    "closed_before": _moment,
    "polls": int,
    "auto_audit_ids": _switch,
    "reminder": _switch,
    "base_data": _codes,
}
