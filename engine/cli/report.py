"""What a run shows: the banner before the first write, progress while it goes on, a summary at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import click

from engine.cli.context import Common, emit, interactive, plain, stderr
from engine.cli.show import say
from engine.language import tr
from engine.run.words import state_word, status_word

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live

    from engine.cli.interrupt import Interrupts
    from engine.run.lane import Lane, Work
    from engine.run.result import RunResult
    from engine.run.workplace import Workplace

__all__ = ["Reporter", "announce"]


def announce(place: Workplace, lane: Lane, writes: str) -> None:
    """Say on standard error which environment, hosts and accounts are read and written to."""
    environment = place.choice.environment.name
    click.echo(f"{click.style(lane.scheme.id, bold=True)} · {tr('environment')} {environment}", err=True)
    for word, bound in ((tr("reads"), lane.origin), (writes, lane.to)):
        if bound is not None:
            account = bound.connector.account()
            text = f"  {word} {bound.connection.name}: {account.host} · {account.account}"
            click.echo(plain(text), err=True)


class Reporter:
    """Shows one run. Progress goes to standard error, and only where a person looks at it."""

    def __init__(self, common: Common, place: Workplace) -> None:
        self._common = common
        self._place = place
        self._work: Work | None = None
        self._lane: Lane | None = None
        self._live: Live | None = None
        self._interrupts: Interrupts | None = None

    def watch(self, work: Work) -> None:
        """Listen for Ctrl-C from here on."""
        from engine.cli.interrupt import Interrupts

        self._work = work
        self._interrupts = Interrupts(work)

    def tell(self, text: str) -> None:
        """Say what is waited for, where no progress display shows it."""
        if self._live is None:
            stderr().print(f"  {text}", markup=False)

    def announce(self, lane: Lane) -> None:
        """Say what is read and what is written to, before anything is; then begin to show progress."""
        self._lane = lane
        announce(self._place, lane, tr("writes to"))
        if not interactive():
            return
        from rich.live import Live

        self._live = Live(
            console=stderr(), get_renderable=self._progress, refresh_per_second=8, transient=True
        )
        self._live.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if self._interrupts is not None:
            self._interrupts.close()

    def conclude(self, result: RunResult) -> int:
        """Print the summary, or the JSON object; the exit code, 130 after Ctrl-C."""
        self._print(result)
        stopped = self._interrupts.exit_code if self._interrupts else None
        return result.exit_code if stopped is None else stopped

    def _print(self, result: RunResult) -> None:
        if self._common.json:
            emit(result.as_json())
            for warning in result.warnings:
                click.echo(plain(f"{tr('warning')}: {warning}"), err=True)
            return
        Summary(self._place, self._lane, result).print()

    def _progress(self) -> Any:
        from rich.text import Text

        work = self._work
        if work is None:
            return Text("")
        tally = work.tally
        parts = [
            (tr("listed"), tally.listed),
            (tr("read"), tally.read),
            (tr("waiting"), tally.waiting),
            (tr("skipped"), tally.skipped),
            (tr("delivered"), tally.delivered),
            (tr("failed"), tally.failed),
            (tr("written back"), tally.written_back),
        ]
        line = Text("  ").join(Text.assemble((f"{name} ", "dim"), str(number)) for name, number in parts)
        return Text.assemble((f"{_phase(tally.phase)}  ", "cyan"), line, (f"\n  {self._calls()}", "dim"))

    def _calls(self) -> str:
        shown = []
        for bound in self._place.in_use():
            used = sum(bound.meter.calls.values())
            remaining = bound.meter.remaining()
            left = "" if remaining is None else tr(" ({left} left)", left=remaining)
            shown.append(f"{bound.connection.name} {used}{left}")
        return tr("calls: {calls}", calls=", ".join(shown)) if shown else ""


def _phase(name: str) -> str:
    return {
        "recover": tr("recovering"),
        "run": tr("running"),
        "settle": tr("settling"),
        "care": tr("looking after delivered bills"),
    }.get(name, "")


class Summary:
    """The closing summary: what became of the records, what it is worth, what is to be done."""

    def __init__(self, place: Workplace, lane: Lane | None, result: RunResult) -> None:
        self._place = place
        self._lane = lane
        self._result = result

    def print(self) -> None:
        """Print it on standard output."""
        result = self._result
        colour = {"success": "green", "partial": "yellow", "failed": "red"}[result.status]
        status = click.style(status_word(result.status), fg=colour, bold=True)
        run = tr("run {run}", run=result.run)
        click.echo(f"{status}  {result.scheme} · {result.environment} · {result.seconds:.1f} s · {run}")
        if result.message:
            say(f"  {result.message}")
            if result.error is not None and result.error.hint:
                say(f"    {result.error.hint}")
        self._print_counts()
        self._print_money()
        for warning in result.warnings:
            if warning != result.message:
                say(f"  ! {warning}", style="yellow")
        self._print_callbacks()
        calls = "; ".join(
            f"{name}: " + ", ".join(f"{interface} {count}" for interface, count in sorted(calls.items()))
            for name, calls in result.calls.items()
            if calls
        )
        say(f"  {tr('calls')}  {calls or '0'}")
        say(f"  {tr('ledger')}  {result.ledger}")
        self._print_next()

    def _print_counts(self) -> None:
        from rich.cells import cell_len

        counts = self._result.counts.as_json()
        shown = [name for name, number in counts.items() if number or name in ("fetched", "delivered")]
        widest = max(cell_len(_count_name(name)) for name in shown)
        for name in shown:
            word = _count_name(name)
            meaning = click.style(_count_meaning(name), dim=True)
            click.echo(f"  {word}{' ' * (widest - cell_len(word))}  {counts[name]:<6} {meaning}")

    def _print_money(self) -> None:
        result, lane = self._result, self._lane
        if lane is None:
            return
        account = lane.to.connector.account()
        say(f"  {tr('amount delivered')}  {result.amount:,.2f}  → {account.host} · {account.account}")

    def _print_callbacks(self) -> None:
        callbacks = self._result.callbacks
        if any(callbacks.values()):
            text = tr("written back {written}, failed {failed}, pending {pending}", **callbacks)
            say(f"  {text}")

    def _print_next(self) -> None:
        result, counts = self._result, self._result.counts
        environment = self._place.choice.environment
        suffix = "" if environment.is_sandbox else f" --env {environment.name}"
        if result.attention:
            command = f"engine records list {result.scheme} --state attention{suffix}"
            text = (
                tr("1 record needs attention: {command}", command=command)
                if result.attention == 1
                else tr("{count} records need attention: {command}", count=result.attention, command=command)
            )
            say(f"  → {text}", style="yellow")
        if result.alerts:
            command = f"engine records list {result.scheme} --state attention{suffix}"
            text = (
                tr("something happened to 1 delivered record: {command}", command=command)
                if result.alerts == 1
                else tr(
                    "something happened to {count} delivered records: {command}",
                    count=result.alerts,
                    command=command,
                )
            )
            say(f"  → {text}", style="yellow")
        if result.callbacks.get("failed") and self._lane is not None:
            for scheme in dict.fromkeys(callback.lane.scheme.id for callback in self._lane.callbacks):
                command = f"engine records list {scheme} --state failed{suffix}"
                say(f"  → {tr('write-backs that failed: {command}', command=command)}", style="yellow")
        if counts.delivered == 0 and result.status == "success" and not result.message:
            say(f"  {self._nothing_new()}")

    def _nothing_new(self) -> str:
        counts = self._result.counts
        if counts.fetched == counts.already + counts.waiting + counts.skipped and counts.fetched:
            return tr("nothing new: all that was read is delivered already, left out, or not finished yet")
        return tr("nothing new since the last run")


def _count_name(name: str) -> str:
    own = {"fetched": tr("fetched"), "already": tr("already"), "pending": tr("pending")}
    return own.get(name) or state_word(name)


def _count_meaning(name: str) -> str:
    return {
        "fetched": tr("records that this run looked at"),
        "already": tr("delivered before, or found at the target"),
        "delivered": tr("sent and taken to the last stage"),
        "skipped": tr("left out by the scheme's condition"),
        "waiting": tr("not final yet, asked for again later"),
        "failed": tr("cannot be sent: engine why NUMBER tells why"),
        "unknown": tr("nobody knows yet whether the target has it"),
        "pending": tr("goes on in the next run"),
    }[name]
