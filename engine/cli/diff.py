"""engine diff: which documents a change of a scheme would change, before anyone runs it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit, plain, run_async
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from engine.run.rehearsal import Rehearsed

__all__ = ["diff"]

_SHOWN = 20


@click.command(
    help=tr("Map stored records with two versions of a scheme, and show what differs; sends nothing.")
)
@click.argument("old")
@click.argument("new")
@click.option("--last", metavar="N", type=click.IntRange(1, 100_000), default=200, show_default=True,
              help=tr("How many of the records that were listed last."))  # fmt: skip
@click.option("--all", "whole", is_flag=True, help=tr("Show every record that differs, not the first 20."))
@common_options
def diff(common: Common, old: str, new: str, last: int, whole: bool) -> int:
    """Compare two versions: files, ids, or `git:REV`."""
    found = run_async(_rehearsed(common, old, new, last))
    if common.json:
        emit(_as_json(found))
    else:
        _show(found, whole)
    return 1 if any(each.differs for each in found) else 0


async def _rehearsed(common: Common, old: str, new: str, last: int) -> list[Rehearsed]:
    from engine.run.lane import Work
    from engine.run.rehearsal import rehearse
    from engine.run.setup import build_lane, checked_scheme
    from engine.run.tally import Brake, Tally
    from engine.run.versions import version_of
    from engine.run.workplace import Workplace

    choice = common.choose()
    with version_of(old, new) as before, version_of(new, old) as after:
        schemes = [checked_scheme(str(path), choice.environment) for path in (before, after)]
        if any(scheme.is_callback for scheme in schemes):
            raise UsageError(tr("a callback scheme has no records of its own to compare"))
        async with Workplace(common.choose_existing()) as place:
            was, becomes = (build_lane(place, scheme, {}, lists=False) for scheme in schemes)
            work = Work("diff", choice.environment.name, place.ledger, place.clock, Tally(), Brake())
            return await rehearse(was, becomes, work, last)


def _as_json(found: list[Rehearsed]) -> dict[str, Any]:
    changed = [each for each in found if each.differs]
    return {
        "records": len(found),
        "changed": len(changed),
        "outcomes": sum(each.old.word != each.new.word for each in found),
        "keys": sum(_key_changes(each) for each in found),
        "fields": dict(_counted(found)),
        "changes": [
            {
                "id": each.id,
                "number": each.number,
                "state": each.standing,
                "old": {"outcome": each.old.word, "reason": each.old.reason, "key": each.old.key},
                "new": {"outcome": each.new.word, "reason": each.new.reason, "key": each.new.key},
                "fields": [{"path": one.path, "old": one.old, "new": one.new} for one in each.fields],
            }
            for each in changed
        ],
    }


def _counted(found: list[Rehearsed]) -> list[tuple[str, int]]:
    """In how many documents each field differs, rows of a table together."""
    counted: Counter[str] = Counter()
    for each in found:
        counted.update({_without_rows(one.path) for one in each.fields})
    return counted.most_common()


def _without_rows(path: str) -> str:
    return ".".join(part.partition("[")[0] for part in path.split("."))


def _key_changes(each: Rehearsed) -> bool:
    return each.old.key is not None and each.new.key is not None and each.old.key != each.new.key


def _show(found: list[Rehearsed], whole: bool) -> None:
    from engine.cli.show import say

    changed = [each for each in found if each.differs]
    if not found:
        say(tr("the ledger holds no record of this source yet; run or preview the scheme first"))
        return
    shown = changed if whole else changed[:_SHOWN]
    for each in shown:
        _show_one(each)
    if len(shown) < len(changed):
        say(tr("… and {count} more; --all shows them", count=len(changed) - len(shown)))
    say(
        tr(
            "{records} records: {changed} differ, {outcomes} of them in what becomes of them",
            records=len(found),
            changed=len(changed),
            outcomes=sum(each.old.word != each.new.word for each in changed),
        )
    )
    for path, count in _counted(found):
        say(f"  {path}  {count}")
    if any(_key_changes(each) for each in found):
        say(
            tr("the key is another: what was delivered under the old one is not found by the new"),
            style="red",
        )


def _show_one(each: Rehearsed) -> None:
    from engine.cli.preview import outcome_word
    from engine.cli.show import say

    standing = f" · {tr('delivered already')}" if each.standing in ("delivered", "done") else ""
    say(plain(f"{each.number or each.id}{standing}"), style="bold")
    if each.becomes_another:
        was, becomes = (
            f"{outcome_word(one.word)}{f' ({one.reason})' if one.reason else ''}"
            for one in (each.old, each.new)
        )
        say(plain(f"  {was} → {becomes}"))
    for one in each.fields:
        say(plain(f"  {one.path}  {_text(one.old)} → {_text(one.new)}"))


def _text(value: Any) -> str:
    if value is None:
        return tr("(nothing)")
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
