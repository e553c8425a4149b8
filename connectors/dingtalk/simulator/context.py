"""What an interface's function is given, and how it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.company import Company
    from engine.connector.simulator import Store

__all__ = ["Api", "Context", "Wrong"]


@dataclass(frozen=True, slots=True)
class Context:
    """One call: its open transaction, the time in epoch ms, the company."""

    store: Store
    now: int
    company: Company


class Wrong(Exception):
    """The call is refused with this code; old codes are numbers, new ones words."""

    def __init__(self, code: int | str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Api:
    """One interface: parameters in, answer out; `metered` ones count towards the month."""

    serve: Callable[[Context, dict[str, Any]], dict[str, Any]]
    metered: bool = True
