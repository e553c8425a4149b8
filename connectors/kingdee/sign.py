"""Signatures that Kingdee checks: the SDK's request headers and LoginBySign.

The scheme is the official SDK's (`kingdee.cdp.webapi.sdk` 8.2.0, ``WebApiClient.BuildHeader``); the tests
compare with the SDK itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from urllib.parse import quote

__all__ = ["AppIdentity", "client_credentials", "login_sign", "sdk_headers"]

_SCRAMBLE = b"0054f397c6234378b09ca7d3e5debce7"  # part of the SDK's published code, the same for everyone
_SECRET_LENGTH = 32


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Who signs: account set, user, and the app registered for him. Never shown: it holds the secret."""

    acct_id: str
    username: str
    app_id: str
    app_secret: str
    lcid: int
    org_num: str

    def __repr__(self) -> str:
        return f"AppIdentity({self.acct_id!r}, {self.username!r})"


def client_credentials(app_id: str) -> tuple[str, str]:
    """Client id and client secret that an app id ``<client>_<32 base64 characters>`` carries.

    As in the SDK, an app id of another shape gives empty texts: the gateway's signature is then worthless,
    while the product's own (``X-Kd-Signature``) still holds.
    """
    parts = app_id.split("_")
    if len(parts) != 2:
        return "", ""
    client, hidden = parts
    if len(hidden) != _SECRET_LENGTH:
        return client, ""
    try:
        raw = base64.b64decode(hidden, validate=True)
    except binascii.Error:
        return client, ""
    plain = bytes(byte ^ key for byte, key in zip(raw, cycle(_SCRAMBLE), strict=False))
    return client, base64.b64encode(plain).decode()


def sdk_headers(identity: AppIdentity, url: str, timestamp: int) -> dict[str, str]:
    """The headers that sign one POST to `url`; `timestamp` is in whole seconds and serves as nonce too."""
    return dict(_signed(identity, url, timestamp))


@lru_cache(maxsize=64)
def _signed(identity: AppIdentity, url: str, timestamp: int) -> dict[str, str]:
    """The same for all calls of a service within one second."""
    client_id, client_secret = client_credentials(identity.app_id)
    stamp = str(timestamp)
    to_sign = f"POST\n{_signed_path(url)}\n\nx-api-nonce:{stamp}\nx-api-timestamp:{stamp}\n"
    app_data = f"{identity.acct_id},{identity.username},{identity.lcid},{identity.org_num}"
    return {
        "X-Api-ClientID": client_id,
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": stamp,
        "x-api-nonce": stamp,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": _hmac(to_sign, client_secret),
        "X-Kd-Appkey": identity.app_id,
        "X-Kd-Appdata": base64.b64encode(app_data.encode()).decode(),
        "X-Kd-Signature": _hmac(identity.app_id + app_data, identity.app_secret),
    }


def login_sign(identity: AppIdentity, timestamp: int) -> str:
    """The `sign` of LoginBySign: SHA-256 over the five texts in byte order; `timestamp` in whole seconds.

    Builds before 8.0.0.202205 know only SHA-1 here; they are served by the other ways to log in.
    """
    parts = (identity.acct_id, identity.username, identity.app_id, identity.app_secret, str(timestamp))
    joined = b"".join(sorted(part.encode() for part in parts))
    return hashlib.sha256(joined).hexdigest()


def _signed_path(url: str) -> str:
    """The path as the SDK takes it: from the first slash at or after the tenth character, slashes quoted."""
    start = url.find("/", 10)
    return quote(url[start:] if start >= 0 else url, safe="")


def _hmac(message: str, key: str) -> str:
    """Base64 of the *hexadecimal text* of the HMAC, as the SDK has it."""
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()
