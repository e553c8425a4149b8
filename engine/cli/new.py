"""engine new: the wizard, from a market scheme or from nothing to a scheme that runs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, plain, run_async
from engine.cli.project import near, project_folder, settings_file, write_editor_schemas
from engine.errors import CredentialsError, EngineError, SchemeError, UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.findings import Finding
    from engine.market.card import Card
    from engine.market.copying import Plan as Copy
    from engine.market.folder import Folder
    from engine.market.wizard.answers import Answers
    from engine.market.wizard.plan import Plan
    from engine.market.wizard.question import Asker
    from engine.run.preview import Previewed
    from engine.run.workplace import Choice
    from engine.scheme.model import Scheme

__all__ = ["new"]

_KEPT = Path(".engine") / "new.json"
_TRIED = Path(".engine") / "new"
_SHOWN = frozenset({"start", "id", "environment"})
"""Answers that what was saved shows by itself."""
_EMPTY = "S423"
"""A required field is empty: of a draft, it is to be filled in."""


@click.command(
    help=tr("Make a scheme: copy one from the market, or begin with nothing; asks what it must know.")
)
@click.option("--market", metavar="NAME", help=tr("Copy this market scheme."))
@click.option("--blank", is_flag=True, help=tr("Begin with nothing."))
@click.option("--from", "origin", metavar="MARKET", help=tr("Another market: a folder or a checkout."))
@click.option("--as", "id", metavar="ID", help=tr("What the scheme is to be called."))
@click.option("--set", "pairs", multiple=True, metavar="K=V", help=tr("The answer to one question."))
@click.option("--yes", is_flag=True, help=tr("Ask nothing: what has no answer is as its default says."))
@click.option("--restart", is_flag=True, help=tr("Forget what an interrupted wizard was told."))
@common_options
def new(
    common: Common,
    market: str | None,
    blank: bool,
    origin: str | None,
    id: str | None,
    pairs: tuple[str, ...],
    yes: bool,
    restart: bool,
) -> int:
    """Run the wizard."""
    from engine.market.wizard.answers import Answers
    from engine.scheme.params import parse_overrides

    given = parse_overrides(pairs)
    start = _start_given(market, blank)
    given |= {
        name: value for name, value in {"start": start, "id": id, "environment": common.env}.items() if value
    }
    root = project_folder(common)
    answers = Answers.load(root / _KEPT, given)
    asks = sys.stdin.isatty() and not yes
    _go_on_or_begin_anew(answers, asks=asks, restart=restart or yes)
    return _Wizard(common, root, origin, answers, asks=asks).run()


def _start_given(market: str | None, blank: bool) -> str | None:
    from engine.market.wizard.plan import BLANK

    if market and blank:
        raise UsageError(tr("--market and --blank exclude each other"))
    return BLANK if blank else market


def _go_on_or_begin_anew(answers: Answers, *, asks: bool, restart: bool) -> None:
    from engine.cli.asking import confirmed

    if not answers.kept:
        return
    told = ", ".join(f"{name}={value}" for name, value in list(answers.kept.items())[:4])
    if restart or (asks and not confirmed(tr("Go on where you stopped ({told})?", told=told))):
        answers.forget()


class _Wizard:
    """One run of the wizard: ask, try, save, say what comes next."""

    def __init__(
        self, common: Common, root: Path, origin: str | None, answers: Answers, *, asks: bool
    ) -> None:
        self.common = common
        self.root = root
        self.origin = origin
        self.answers = answers
        self.asks = asks
        self._folders: dict[str, Folder] = {}
        self._unreached = False

    def run(self) -> int:
        from engine.cli.asking import confirmed, in_terminal, nobody

        plan = self._sound_plan(in_terminal if self.asks else nobody)
        if plan is None:
            click.echo(tr("nothing was written"), err=True)
            return 1
        problem = self._try(plan)
        if self.asks and not confirmed(tr("Save it?")):
            click.echo(tr("nothing was written; `engine new` goes on from here"), err=True)
            return 1
        main, changed = self._save(plan, self.root / "schemes")
        write_editor_schemas(self.common, self.root)
        self._tell(plan, main, changed, problem or self._wrong_in(main, plan))
        self.answers.forget()
        return 0

    # --- asking ---

    def _sound_plan(self, asker: Asker) -> Plan | None:
        """Ask until what would be written has no errors; None where a person would not have it so.

        Raises UsageError for an answer of the command line that breaks the scheme.
        """
        from engine.cli.asking import confirmed
        from engine.market.wizard.question import answered

        problems: dict[str, str] = {}
        while True:
            plan: Plan = answered(self._flow(), self.answers, asker, problems)
            if self.answers.unused:
                raise UsageError(
                    tr("nobody asked for {names}", names=", ".join(self.answers.unused)),
                    hint=tr("the questions are named in `engine new --help` and in docs/market.md"),
                )
            broken = self._broken(plan)
            if broken is None:
                return plan
            asked, found = broken
            if asked is None:
                if not self.asks:
                    raise SchemeError(
                        tr(
                            "the scheme would have an error, {code}: {problem}",
                            code=found.code,
                            problem=found.message,
                        ),
                        hint=found.hint,
                    )
                click.secho(
                    plain(f"{found.code}  {found.message}\n  {found.hint or ''}".rstrip()), fg="red", err=True
                )
                return plan if confirmed(tr("Save it all the same, to mend it by hand?"), no=True) else None
            reason = tr(
                'the answer to "{id}" breaks the scheme, {code}: {problem}',
                id=asked,
                code=found.code,
                problem=found.message,
            )
            if not self.asks or asked in self.answers.given or asked in problems:
                raise UsageError(reason, hint=found.hint)
            self.answers.drop(asked)
            problems = {asked: f"{reason}\n  {found.hint}" if found.hint else reason}

    def _broken(self, plan: Plan) -> tuple[str | None, Finding] | None:
        """The first error of what would be written, and the question whose answer it is about, if any.

        What a draft leaves to be filled in is no error yet.
        """
        from engine.findings import Severity
        from engine.market.wizard.blame import question_of
        from engine.run.workplace import choose
        from engine.scheme.lint import validate
        from engine.yaml_nodes import decode_text

        environment = choose(plan.environment, self.common.connections, self.common.ledger).environment
        with self._aside(plan) as (main, _):
            for found in validate(main, environment=environment):
                if found.severity is not Severity.ERROR or (plan.draft is not None and found.code == _EMPTY):
                    continue
                file = Path(found.position.file)
                text = decode_text(file.read_bytes(), str(file)) if file.is_file() else ""
                scheme = self._main_id(plan) if plan.market is not None and file == main else file.stem
                return question_of(text, found.position, scheme, self.answers.used), found
        return None

    def _flow(self) -> Any:
        from engine.cli.wizard_reach import Reach
        from engine.market.wizard.plan import Start, plan
        from engine.run.choice import choose_environment
        from engine.run.workplace import choose, clock_of

        settings, chosen = choose_environment(None, self.common.connections)
        names = list(settings.environments)
        sandboxes = {name for name, each in settings.environments.items() if each.is_sandbox}
        first = sorted(names, key=lambda name: name not in sandboxes)
        del chosen

        def place(environment: str) -> Choice:
            return choose(environment, self.common.connections, self.common.ledger)

        return plan(
            Start(
                cards=self._cards(),
                schemes=self._schemes,
                taken=self._taken(),
                environments=first,
                sandboxes=sandboxes,
                around=lambda environment: Reach(place(environment)),
                now=clock_of(place(first[0])).now(),
            )
        )

    def _cards(self) -> Mapping[str, Card]:
        from engine.market.folder import folders_of, market_of, read_folder

        for path in folders_of(market_of(self.origin)):
            folder = read_folder(path)
            if folder.card is not None:
                self._folders[folder.card.name] = folder
        return {name: folder.card for name, folder in self._folders.items() if folder.card is not None}

    def _schemes(self, name: str) -> Sequence[Scheme]:
        """A market scheme's schemes, once the folder has been checked like any stranger's."""
        from engine.findings import Severity
        from engine.market.check import check_folder

        checked = check_folder(self._folders[name])
        wrong = [found for found in checked.findings if found.severity is Severity.ERROR]
        if wrong:
            raise SchemeError(wrong[0].message, position=wrong[0].position, hint=wrong[0].hint)
        return checked.schemes

    def _taken(self) -> set[str]:
        from engine.scheme.load import known_beside

        place = self.root / "schemes"
        return set(known_beside(place)) if place.is_dir() else set()

    # --- trying ---

    def _try(self, plan: Plan) -> str | None:
        """Show what becomes of one real record, from files written aside; returns what is wrong."""
        try:
            with self._aside(plan) as (main, overrides):
                shown = run_async(_previewed(self.common, plan, main, overrides))
        except EngineError as error:
            self._unreached = error.exit_code == 3 or isinstance(error, CredentialsError)
            click.secho(tr("it could not be tried yet: {error}", error=error.message), fg="yellow", err=True)
            if error.hint:
                click.echo(f"  {error.hint}", err=True)
            return error.message
        if shown is None:
            click.echo(tr("there is no record to try it on yet"), err=True)
        elif self.asks:
            from engine.cli.preview import print_pair

            own = {name: value for name, value in shown.record.items() if not name.startswith("_")}
            print_pair(replace(shown, record=own))
        elif not self.common.json:
            from engine.cli.preview import print_briefly

            print_briefly(shown)
        return shown.reason if shown is not None and shown.outcome == "failed" else None

    @contextmanager
    def _aside(self, plan: Plan) -> Iterator[tuple[Path, dict[str, str]]]:
        """The scheme as it would be written, in a place of its own, and the params that are not in it."""
        import shutil

        place = self.root / _TRIED
        shutil.rmtree(place, ignore_errors=True)
        try:
            main, _ = self._save(plan, place / "schemes", trying=True)
            apart = plan.market is not None and plan.real
            yield main, dict(plan.values.get(self._main_id(plan), {})) if apart else {}
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _wrong_in(self, main: Path, plan: Plan) -> str | None:
        """What validating the saved scheme finds first: an answer may have broken it."""
        from engine.findings import Severity
        from engine.run.workplace import choose
        from engine.scheme.lint import validate

        environment = choose(plan.environment, self.common.connections, self.common.ledger).environment
        found = validate(main, environment=environment)
        return next((str(each) for each in found if each.severity is Severity.ERROR), None)

    def _main_id(self, plan: Plan) -> str:
        assert plan.market is not None
        card = self._folders[plan.market].card
        assert card is not None
        return card.main

    # --- saving ---

    def _save(self, plan: Plan, to: Path, *, trying: bool = False) -> tuple[Path, list[Path]]:
        """Write the scheme and its values; returns the main scheme's file and what else was written."""
        from engine.market.wizard.saving import write_draft, write_values

        if plan.market is None:
            return write_draft(plan, to), []
        copy = self._copied(plan, to)
        values = {copy.naming.scheme(id): params for id, params in plan.values.items()}
        files = {id: to / f"{id}.yaml" for id in copy.schemes}
        if trying:
            if not plan.real:
                write_values(values, files, None, to)
            return copy.main_file, []
        settings = settings_file(self.common)
        changed = write_values(values, files, plan.environment if plan.real else None, settings)
        return copy.main_file, [
            *(to / name for name in copy.new),
            *(file for file in changed if file == settings),
        ]

    def _copied(self, plan: Plan, to: Path) -> Copy:
        from engine.clock import SystemClock
        from engine.market.copying import carry_out, plan_copy
        from engine.market.folder import market_of
        from engine.market.origin import market_name

        assert plan.market is not None
        id = None if plan.id == self._main_id(plan) else plan.id
        copy = plan_copy(self._folders[plan.market], to, id=id)
        market = market_name(market_of(self.origin), to, shipped=self.origin is None)
        carry_out(copy, market, SystemClock().now())
        return copy

    # --- the end ---

    def _tell(self, plan: Plan, main: Path, changed: list[Path], problem: str | None) -> None:
        from engine.cli.market_copy import tell_shared
        from engine.cli.next_steps import next_steps, tell_next

        shown = near(main)
        broken = problem is not None
        environment = plan.environment if plan.real else None
        following = next_steps(shown, environment, broken=broken, unreached=broken and self._unreached)
        if self.common.json:
            emit(
                {
                    "id": plan.id,
                    "scheme": shown,
                    "files": [near(file) for file in changed] or [shown],
                    "environment": plan.environment,
                    "problem": problem,
                    "next": following[0],
                }
            )
            return
        click.echo(
            tr("saved: {files}", files=shown if plan.market is None else self._from(shown, plan.market))
        )
        if problem is not None and not self._unreached:
            click.secho(plain(problem), fg="yellow", err=True)
        more = [near(file) for file in changed if near(file) != shown]
        if more:
            click.echo(tr("with it: {files}", files=", ".join(_by_folder(more))))
        tell_shared(main)
        if not self.asks:
            self._tell_answers()
        tell_next(following)

    def _from(self, shown: str, market: str) -> str:
        card = self._folders[market].card
        assert card is not None
        return tr("{file}, from {name} {release}", file=shown, name=card.name, release=card.release)

    def _tell_answers(self) -> None:
        """What was answered, and what a default answered for nobody."""
        given = {**self.answers.kept, **self.answers.given}
        told = {name: value for name, value in self.answers.found.items() if value and name not in _SHOWN}
        own = [f"{name}={value}" for name, value in told.items() if name in given]
        defaults = [f"{name}={value}" for name, value in told.items() if name not in given]
        if own:
            click.echo(plain(tr("answered: {answers}", answers=", ".join(own))))
        if defaults:
            click.echo(plain(tr("by default: {answers}", answers=", ".join(defaults))))


def _by_folder(files: Sequence[str]) -> list[str]:
    """Files by name, those of one folder below the schemes by their number."""
    counted: dict[str, list[str]] = {}
    for file in files:
        counted.setdefault(file.rpartition("/")[0], []).append(file)
    return [
        named[0]
        if len(named) == 1
        else tr("{folder}/ ({count} files)", folder=folder or ".", count=len(named))
        for folder, named in counted.items()
    ]


async def _previewed(
    common: Common, plan: Plan, main: Path, overrides: Mapping[str, str]
) -> Previewed | None:
    """The first record that would be delivered, else one that fails, else any."""
    from engine.cli.report import announce
    from engine.run.lane import Work
    from engine.run.preview import preview_all
    from engine.run.setup import build_lane, checked_scheme
    from engine.run.tally import Brake, Tally
    from engine.run.workplace import Workplace, choose

    choice = choose(plan.environment, common.connections, common.ledger)
    scheme = checked_scheme(str(main), choice.environment)
    best: Previewed | None = None
    async with Workplace(choice) as place:
        lane = build_lane(place, scheme, overrides)
        announce(place, lane, tr("would write to"))
        work = Work("preview", choice.environment.name, place.ledger, place.clock, Tally(), Brake())
        async for one in preview_all(lane, work, limit=50):
            if one.outcome == "deliver":
                return one
            if best is None or (one.outcome == "failed" and best.outcome != "failed"):
                best = one
    return best
