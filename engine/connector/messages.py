"""What passes between a session and the network: small values, since they come by the thousand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from multidict import MultiMapping

__all__ = ["Replied", "Reply", "Request", "Transport"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `url` goes out as it is written, its query included; `headers` may be a multidict."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole answer to a request, its body unpacked. Names of headers are known in any case of letters."""

    status_code: int
    headers: MultiMapping[str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8, with a mark for what is none."""
        return self.content.decode("utf-8", "replace")


class Replied(Protocol):
    """What decoders read of an answer, be it a `Reply` or an `httpx.Response`."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, Any]: ...

    @property
    def content(self) -> bytes: ...


class Transport(Protocol):
    """The one way onto the wire; simulated networks stand in here."""

    async def send(self, request: Request) -> Reply:
        """Send a request once, and give the whole answer, whatever its status.

        Raises NeverSent where nothing can have left this machine, else NoAnswer; with what the network said.
        """

    async def aclose(self) -> None:
        """Close all connections."""
