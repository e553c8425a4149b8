"""What a run shows: the banner before the first write, progress while it goes on, a summary at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from engine.cli.context import Common, emit, interactive, stderr, stdout
from engine.language import tr

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live
    from rich.table import Table

    from engine.run.lane import Lane, Work
    from engine.run.result import RunResult
    from engine.run.workplace import Workplace

__all__ = ["Reporter"]


class Reporter:
    """Shows one run. Progress goes to standard error, and only where a person looks at it."""

    def __init__(self, common: Common, place: Workplace) -> None:
        self._common = common
        self._place = place
        self._work: Work | None = None
        self._lane: Lane | None = None
        self._live: Live | None = None

    def announce(self, lane: Lane) -> None:
        """Say what is read and what is written to, before anything is."""
        self._lane = lane
        environment = self._place.choice.environment.name
        stderr().print(
            f"[bold]{lane.scheme.id}[/] · {tr('environment')} [bold]{environment}[/]",
            markup=True,
            soft_wrap=True,
        )
        for word, bound in ((tr("reads"), lane.origin), (tr("writes to"), lane.to)):
            if bound is not None:
                account = bound.connector.account()
                text = f"  {word} {bound.connection.name}: {account.host} · {account.account}"
                stderr().print(text, markup=False)

    def watch(self, work: Work) -> None:
        """Begin to show the progress of a run."""
        self._work = work
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

    def conclude(self, result: RunResult) -> None:
        """Print the summary, or the JSON object."""
        if self._common.json:
            emit(result.as_json())
            for warning in result.warnings:
                stderr().print(f"{tr('warning')}: {warning}", markup=False)
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
        return Text.assemble((f"{_phase(tally.phase)}  ", "cyan"), line, ("  " + self._calls(), "dim"))

    def _calls(self) -> str:
        shown = []
        for bound in self._place.in_use():
            used = sum(bound.meter.calls.values())
            remaining = bound.meter.remaining()
            left = "" if remaining is None else tr(" ({left} left)", left=remaining)
            shown.append(f"{bound.connection.name} {used}{left}")
        return tr("calls: {calls}", calls=", ".join(shown)) if shown else ""


def _phase(name: str) -> str:
    return {"recover": tr("recovering"), "run": tr("running"), "settle": tr("settling")}.get(name, "")


class Summary:
    """The closing summary: what became of the records, what it is worth, what is to be done."""

    def __init__(self, place: Workplace, lane: Lane | None, result: RunResult) -> None:
        self._place = place
        self._lane = lane
        self._result = result

    def print(self) -> None:
        """Print it on standard output."""
        result, console = self._result, stdout()
        colour = {"success": "green", "partial": "yellow", "failed": "red"}[result.status]
        console.print(
            f"[bold {colour}]{_status(result.status)}[/]  {result.scheme} · {result.environment} · "
            f"{result.seconds:.1f} s · run {result.run}"
        )
        if result.message:
            console.print(f"  {result.message}", markup=False)
            if result.error is not None and result.error.hint:
                console.print(f"    {result.error.hint}", markup=False)
        console.print(self._counts())
        self._print_money()
        for warning in result.warnings:
            console.print(f"  ! {warning}", markup=False, style="yellow")
        self._print_callbacks()
        calls = "; ".join(
            f"{name}: " + ", ".join(f"{interface} {count}" for interface, count in sorted(calls.items()))
            for name, calls in result.calls.items()
            if calls
        )
        console.print(f"  {tr('calls')}  {calls or '0'}", markup=False)
        console.print(f"  {tr('ledger')}  {result.ledger}", markup=False)
        self._print_next()

    def _counts(self) -> Table:
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
        for name, number in self._result.counts.as_json().items():
            if number or name in ("fetched", "delivered"):
                table.add_row(_count_name(name), str(number), f"[dim]{_count_meaning(name)}[/]")
        return table

    def _print_money(self) -> None:
        result, lane = self._result, self._lane
        if lane is None:
            return
        account = lane.to.connector.account()
        text = f"  {tr('amount delivered')}  {result.amount:,.2f}  → {account.host} · {account.account}"
        stdout().print(text, markup=False)

    def _print_callbacks(self) -> None:
        callbacks = self._result.callbacks
        if any(callbacks.values()):
            text = tr("written back {written}, failed {failed}, pending {pending}", **callbacks)
            stdout().print(f"  {text}", markup=False)

    def _print_next(self) -> None:
        result, console = self._result, stdout()
        if result.attention:
            text = tr(
                "{count} records need attention: engine records list {scheme} --state failed",
                count=result.attention,
                scheme=result.scheme,
            )
            console.print(f"  → {text}", markup=False, style="yellow")
        if result.counts.delivered == 0 and result.status == "success" and not result.message:
            console.print(f"  {self._nothing_new()}", markup=False)

    def _nothing_new(self) -> str:
        counts = self._result.counts
        if counts.fetched == counts.already + counts.waiting + counts.skipped and counts.fetched:
            return tr("nothing new: all that was read is delivered already, left out, or not finished yet")
        return tr("nothing new since the last run")


def _status(status: str) -> str:
    return {"success": tr("success"), "partial": tr("partial"), "failed": tr("failed")}[status]


def _count_name(name: str) -> str:
    return {
        "fetched": tr("fetched"),
        "already": tr("already"),
        "delivered": tr("delivered"),
        "skipped": tr("skipped"),
        "waiting": tr("waiting"),
        "failed": tr("failed"),
        "unknown": tr("unknown"),
        "pending": tr("pending"),
    }[name]


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
