"""Calls of one API generation: token, address, and what its failures ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.dingtalk.errors import Kind, Problem, Refusal, read_answer
from engine.connector.api import Accepted, Answer, Gate, NotSent, Refused, Unclear
from engine.connector.signals import NeverSent, NoAnswer, Renew, Retry
from engine.errors import (
    ConfigurationError,
    CredentialsError,
    EngineError,
    FailureClass,
    LedgerError,
    QuotaSpent,
    Unreachable,
)
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.dingtalk.tokens import Tokens
    from engine.connector.messages import Reply, Request
    from engine.connector.session import Session

__all__ = ["Wire"]

T = TypeVar("T")

_BAN_SECONDS = 300.0
_PAGES_FOR_A_BAN = 10
_FAILURES: dict[type[EngineError], FailureClass] = {
    CredentialsError: FailureClass.CREDENTIALS,
    QuotaSpent: FailureClass.LIMIT,
    Unreachable: FailureClass.TRANSIENT,
}
_NOT_RUN = (Kind.TOKEN, Kind.THROTTLED, Kind.QUOTA, Kind.BANNED)


class Wire(ABC):
    """One generation's way of calling; a subclass says how a request carries its token."""

    def __init__(self, session: Session, tokens: Tokens, base: str) -> None:
        self.session = session
        self.tokens = tokens
        self.base = base.rstrip("/")
        self._pages_in_a_row = 0
        self._proven = False

    @abstractmethod
    def request(self, path: str, body: Mapping[str, Any], token: str) -> Request:
        """The request of an interface with its token."""

    async def read(
        self,
        path: str,
        body: Mapping[str, Any],
        take: Callable[[dict[str, Any]], T],
        *,
        metered: bool = True,
    ) -> T:
        """Call, again where that may help, and give what `take` finds in the answer; `take` raises Retry for
        an answer that is not of the documented shape.

        Raises Refusal for what the caller must judge; CredentialsError, ConfigurationError, QuotaSpent,
        Unreachable.
        """
        used = ""
        refused = 0

        async def make() -> Request:
            nonlocal used
            used = await self.tokens.get()
            return self.request(path, body, used)

        def decode(response: Reply) -> T:
            nonlocal refused
            answer, problem = read_answer(response)
            self._note(response, problem)
            if problem is not None:
                refused += problem.kind is Kind.TOKEN
                self._raise(problem, used, again=refused > 1)
            self._proven = True
            return take(answer)

        return await self.session.read(path, make, decode, metered=metered)

    async def write(
        self,
        path: str,
        body: Mapping[str, Any],
        accept: Callable[[dict[str, Any]], Accepted | Unclear],
        gate: Gate,
    ) -> Answer:
        """Call once, and say what became of it; `accept` reads an answer without a failure.

        Raises nothing but LedgerError.
        """
        try:
            token = await self.tokens.get()
            response = await self.session.call(path, self.request(path, body, token), gate=gate)
        except NeverSent as error:
            return NotSent(error.message, FailureClass.TRANSIENT)
        except NoAnswer as error:
            return Unclear(error.message)
        except LedgerError:  # no answer of the system's: the engine's own counting of calls failed
            raise
        except EngineError as error:
            return NotSent(error.message, _FAILURES.get(type(error), FailureClass.CONFIGURATION))
        answer, problem = read_answer(response)
        self._note(response, problem)
        if problem is None:
            return accept(answer)
        if problem.kind is Kind.TOKEN:
            self.tokens.drop(token)
        message, kept = self.session.scrub(problem.message), self.session.scrub_all(problem.body)
        if problem.kind is Kind.QUOTA:
            self.session.quota_spent(message)
        if problem.kind is Kind.THROTTLED:
            self.session.pause(path, problem.after or 1.0)
        if problem.kind in _NOT_RUN:
            return NotSent(message, problem.failure, kept)
        if problem.kind is Kind.BUSY:
            return Unclear(message, kept)
        return Refused(message, problem.failure, answer=kept)

    def _note(self, response: Reply, problem: Problem | None) -> None:
        """A ban shows itself as code 1111, or as nothing but web pages."""
        page = response.content[:64].lstrip().startswith(b"<")
        self._pages_in_a_row = self._pages_in_a_row + 1 if page else 0
        banned = problem is not None and problem.kind is Kind.BANNED
        if banned or self._pages_in_a_row >= _PAGES_FOR_A_BAN:
            self._pages_in_a_row = 0
            self.session.bar(_BAN_SECONDS, tr("DingTalk has shut out this machine's address"))

    def _raise(self, problem: Problem, token: str, *, again: bool) -> None:
        """`again`: a token that was renewed for this very call is refused too. Where another was accepted
        before, the credentials are right, and it is the system that is out of step for a while."""
        message = self.session.scrub(problem.message)
        match problem.kind:
            case Kind.TOKEN:
                self.tokens.drop(token)
                raise Retry(message) if again and self._proven else Renew(message)
            case Kind.BUSY | Kind.THROTTLED | Kind.BANNED:
                raise Retry(message, problem.after)
            case Kind.QUOTA:
                raise self.session.quota_spent(message)
            case Kind.PERMISSION:
                raise CredentialsError(
                    message,
                    position=self.session.connection.position,
                    hint=tr("grant the app this permission in DingTalk's developer console"),
                )
            case Kind.CREDENTIALS:
                raise CredentialsError(message, position=self.session.connection.position)
            case Kind.ADDRESS:
                raise ConfigurationError(
                    message,
                    position=self.session.connection.position,
                    hint=tr("add this machine's address to the app's list in DingTalk's developer console"),
                )
        raise Refusal(problem)
