"""What mends a difference: sentences, each with the command to give, the usual one first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.language import tr
from engine.run.advice import GAP
from engine.run.reconcile.texts import money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.run.advice import Commands
    from engine.run.reconcile.model import Bill, Claim

__all__ = ["Mending"]


@dataclass(frozen=True, slots=True)
class Mending:
    """Writes what to do, for one scheme; `since` is the beginning of the period."""

    scheme: str
    since: datetime
    command: Commands

    def run(self) -> tuple[str, ...]:
        return (tr("`{command}` goes on with it", command=self.command("run", self.scheme)),)

    def run_since(self) -> tuple[str, ...]:
        """A run that lists this period again: the next one may begin later."""
        day = f"{self.since:%Y-%m-%d}"
        return (tr("`{command}` reads it", command=self.command("run", self.scheme, "--since", day)),)

    def retry(self, claim: Claim) -> tuple[str, ...]:
        return (tr("`{command}` finds the bill and takes it over", command=self._on("retry", claim)),)

    def skipped_before(self, claim: Claim) -> tuple[str, ...]:
        retry = self._on("retry", claim, "--skipped")
        return (
            tr("if it is to be paid: `{command}`", command=retry),
            tr("if not: `{command}`", command=self._reason("skip", claim.number)),
        )

    def deleted(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("if it is to be paid after all: `{command}`", command=self._on("retry", claim, "--again")),
            tr("if it was deleted on purpose: `{command}`", command=self._handle(claim.number)),
        )

    def cancelled(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("undo the cancelling in the target, if the claim is to be paid"),
            tr("if it was cancelled on purpose: `{command}`", command=self._handle(claim.number)),
        )

    def two(self, claim: Claim, bills: Sequence[Bill]) -> tuple[str, ...]:
        adopt = self._reason("adopt", claim.number, "--bill", bills[0].id)
        told = claim.told is not None and claim.told.delivered
        return (
            tr("undo in the target the bill that is one too many, and reconcile again"),
            *(() if told else (tr("to take one of them for ours: `{command}`", command=adopt),)),
            tr("if both are right: `{command}`", command=self._handle(claim.number)),
        )

    def amended(self, claim: Claim, amendments: Sequence[Claim], *, revoked: bool) -> tuple[str, ...]:
        first = (
            tr("undo the bill in the target (take the audit back, delete or cancel it)")
            if revoked
            else tr("correct the bill in the target as the change says")
        )
        return (first, *self._then_skip(amendments))

    def amended_unpaid(self, claim: Claim, amendments: Sequence[Claim]) -> tuple[str, ...]:
        skip = self._reason("skip", claim.number)
        return (tr("it is not to be paid as it is: `{command}`", command=skip), *self._then_skip(amendments))

    def unwanted(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("find out who made the bill, and undo it in the target if it is not to be"),
            tr("if it is right: `{command}`", command=self._handle(claim.number)),
        )

    def made_by_hand(self, bill: Bill) -> tuple[str, ...]:
        return (
            tr("find out who made the bill, and undo it in the target if it is not to be"),
            tr("if it is right: `{command}`", command=self._handle(bill.number)),
        )

    def elsewhen(self, made: datetime) -> tuple[str, ...]:
        day = f"{made:%Y-%m-%d}"
        return (
            tr("`{command}` compares it", command=self.command("reconcile", self.scheme, "--since", day)),
        )

    def adopt(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("if the bill is for this claim: `{command}`", command=self._reason("adopt", claim.number)),
            tr(
                "else undo it in the target, mend what failed, then: `{command}`",
                command=self._on("retry", claim),
            ),
        )

    def conflict(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("correct the bill in the target, then: `{command}`", command=self._on("retry", claim)),
            tr("to take it as it is: `{command}`", command=self._reason("adopt", claim.number)),
            tr("if the claim is not to be sent: `{command}`", command=self._reason("skip", claim.number)),
        )

    def changed(self, claim: Claim, bill: Bill) -> tuple[str, ...]:
        return (
            tr("give the bill its number '{key}' back in the target", key=claim.key),
            tr("if it is right as it is: `{command}`", command=self._handle(claim.number)),
        )

    def differs(self, claim: Claim, bill: Bill, *, delivered: bool) -> tuple[str, ...]:
        if not delivered:
            return self.conflict(claim)
        amount = claim.amount
        first = (
            tr("correct the bill in the target to {amount}", amount=money(amount))
            if amount is not None and amount != bill.amount
            else tr("correct the bill in the target")
        )
        return (first, tr("if the bill is right: `{command}`", command=self._handle(claim.number)))

    def as_it_is(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("a bill that is delivered is not sent again; correct it in the target if it must follow"),
            tr("if the bill is right: `{command}`", command=self._handle(claim.number)),
        )

    def taken_back(self, claim: Claim) -> tuple[str, ...]:
        return (
            tr("bring the bill on in the target, or delete it there"),
            tr("if it is right as it is: `{command}`", command=self._handle(claim.number)),
        )

    def _then_skip(self, amendments: Sequence[Claim]) -> tuple[str, ...]:
        return tuple(
            tr("when that is done: `{command}`", command=self._reason("skip", each.number))
            if each.told is not None
            else tr("`{command}` reads it", command=self.command("run", self.scheme))
            for each in amendments
        )

    def _on(self, verb: str, claim: Claim, *more: str) -> str:
        return self.command("records", verb, self.scheme, claim.number, *more)

    def _reason(self, verb: str, *words: str) -> str:
        return self.command("records", verb, self.scheme, *words, "--reason", GAP)

    def _handle(self, name: str) -> str:
        return self._reason("handle", name)
