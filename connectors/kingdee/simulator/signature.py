"""The arithmetic of the ways to log in, as the server checks it (reference §2, §3).

Written from the reference alone, so that the connector's own arithmetic is checked against another's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["SignedHeaders", "client_secret", "gateway_signature", "login_sign", "product_signature"]

_KEY = b"0054f397c6234378b09ca7d3e5debce7"


def login_sign(parts: tuple[str, str, str, str, str], algorithm: str = "sha256") -> str:
    """LoginBySign's `sign` of acctID, username, appId, appSecret, timestamp: sorted, joined, hashed, hex."""
    joined = "".join(sorted(parts, key=lambda part: part.encode()))
    return hashlib.new(algorithm, joined.encode()).hexdigest()


def client_secret(app_id: str) -> str:
    """The gateway's secret that hides in an appId ``<clientId>_<32 base64 characters>``."""
    parts = app_id.split("_")
    if len(parts) != 2 or len(parts[1]) != 32:
        return ""
    hidden = base64.b64decode(parts[1])
    return base64.b64encode(bytes(a ^ b for a, b in zip(hidden, _KEY, strict=False))).decode()


def product_signature(app_id: str, app_data: str, app_secret: str) -> str:
    """X-Kd-Signature: over appId and ``acct,user,lcid,orgNum``."""
    return _hmac(app_id + app_data, app_secret)


def gateway_signature(app_id: str, path: str, nonce: str, timestamp: str) -> str:
    """X-Api-Signature: over the request's path, nonce and time."""
    encoded = quote(path, safe="")
    message = f"POST\n{encoded}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n"
    return _hmac(message, client_secret(app_id))


def _hmac(message: str, key: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """The SDK's signature headers of one request, taken apart."""

    app_id: str
    app_data: str
    signature: str
    api_signature: str
    nonce: str
    timestamp: str

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> SignedHeaders | None:
        """None when the request is not signed. `headers` finds names in any case."""
        app_id = headers.get("X-Kd-Appkey")
        if not app_id:
            return None
        try:
            app_data = base64.b64decode(headers.get("X-Kd-Appdata", ""), validate=True).decode()
        except ValueError:
            app_data = ""
        return cls(
            app_id=app_id,
            app_data=app_data,
            signature=headers.get("X-Kd-Signature", ""),
            api_signature=headers.get("X-Api-Signature", ""),
            nonce=headers.get("x-api-nonce", ""),
            timestamp=headers.get("x-api-timestamp", ""),
        )

    @property
    def account(self) -> str:
        return self.app_data.split(",")[0]

    @property
    def user(self) -> str:
        return self.app_data.split(",")[1] if "," in self.app_data else ""

    def signed_with(self, app_secret: str) -> bool:
        """Whether X-Kd-Signature was made with this secret."""
        return _same(self.signature, product_signature(self.app_id, self.app_data, app_secret))

    def passes_gateway(self, path: str) -> bool:
        """Whether X-Api-Signature fits the appId and the path."""
        return _same(self.api_signature, gateway_signature(self.app_id, path, self.nonce, self.timestamp))

    def seconds(self) -> float | None:
        """When it was signed: the Python SDK counts seconds, the Java SDK milliseconds."""
        if not self.timestamp.isdecimal():
            return None
        number = int(self.timestamp)
        return number / 1000 if number > 10**11 else float(number)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
