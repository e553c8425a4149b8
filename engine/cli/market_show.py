"""engine market list and show: what a market offers, and what one scheme of it does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from engine.cli.context import Common, common_options, emit
from engine.errors import UsageError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.market.card import Card, Words
    from engine.market.check import Checked
    from engine.market.deeds import Deed
    from engine.market.folder import Folder
    from engine.market.origin import Origin
    from engine.scheme.model import Scheme

__all__ = ["agreed", "as_json", "described", "list_", "refuse_unsound", "show"]


@click.command("list", help=tr("List the schemes of a market, and the copies that are here."))
@click.option("--from", "given", metavar="MARKET", help=tr("Another market: a folder or a checkout."))
@common_options
def list_(common: Common, given: str | None) -> int:
    """List a market."""
    from engine.market.folder import folders_of, market_of, read_folder

    market = market_of(given)
    folders = [read_folder(path) for path in folders_of(market)]
    copies = _copies(common)
    broken = [folder for folder in folders if folder.card is None or folder.findings]
    if common.json:
        emit(
            {
                "market": str(market),
                "schemes": [_listed(folder.card, copies) for folder in folders if folder.card],
                "broken": [
                    {"folder": str(folder.path), "reasons": [finding.message for finding in folder.findings]}
                    for folder in broken
                ],
            }
        )
    else:
        _print_list([folder.card for folder in folders if folder.card], broken, copies)
    return 1 if broken else 0


def _copies(common: Common) -> list[Origin]:
    from engine.cli.project import project_folder
    from engine.market.origin import origins

    return origins(project_folder(common) / "schemes")


def _outdated(copy: Origin, card: Card) -> bool:
    from engine.market.card import release_order

    return release_order(copy.release) < release_order(card.release)


def _listed(card: Card, copies: Sequence[Origin]) -> dict[str, Any]:
    return {
        "name": card.name,
        "release": card.release,
        "title": _both(card.title),
        "summary": _both(card.summary),
        "connects": list(card.connects),
        "schemes": list(card.schemes),
        "copies": [
            {"id": copy.id, "release": copy.release, "outdated": _outdated(copy, card)}
            for copy in copies
            if copy.name == card.name
        ],
    }


def _both(words: Words) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _print_list(cards: Sequence[Card], broken: Sequence[Folder], copies: Sequence[Origin]) -> None:
    from engine.cli.show import say, show_table

    rows = []
    for card in cards:
        own = [copy for copy in copies if copy.name == card.name]
        told = [f"{copy.id} {copy.release}{' ↑' if _outdated(copy, card) else ''}" for copy in own]
        rows.append((card.name, card.release, ", ".join(card.connects), ", ".join(told), str(card.title)))
    headings = (tr("name"), tr("release"), tr("connects"), tr("copies here"), tr("title"))
    show_table(headings, rows)
    for folder in broken:
        for finding in folder.findings:
            say(str(finding), style="red")
    if any(_outdated(copy, card) for card in cards for copy in copies if copy.name == card.name):
        say(tr("↑ the market has a newer release: engine market diff ID, then engine market upgrade ID"))
    say(tr("more about one: engine market show NAME; to copy it: engine market copy NAME"))


# --- one scheme --------------------------------------------------------------------------------------------


@click.command(help=tr("Show what a market scheme connects, does and needs."))
@click.argument("name")
@click.option("--from", "given", metavar="MARKET", help=tr("Another market: a folder or a checkout."))
@common_options
def show(common: Common, name: str, given: str | None) -> int:
    """Show a market scheme, checked first."""
    from engine.market.check import check_folder
    from engine.market.folder import find_folder, market_of, read_folder

    checked = check_folder(read_folder(find_folder(name, market_of(given))))
    refuse_unsound(checked)
    if common.json:
        emit(as_json(checked))
    else:
        described(checked)
    return 0


def refuse_unsound(checked: Checked) -> None:
    """Raises NotFit with all reasons for a folder that may not be used."""
    from engine.market.check import NotFit

    if not checked.sound:
        raise NotFit(checked)


def agreed(checked: Checked, market: str, question: str) -> bool:
    """Show what a stranger's scheme does, and ask. Raises UsageError where nobody can be asked."""
    from engine.cli.asking import confirmed

    described(checked, err=True)
    if not sys.stdin.isatty():
        raise UsageError(
            tr("'{market}' is another's market: look at what its scheme does, then say --yes", market=market)
        )
    return confirmed(question)


def as_json(checked: Checked) -> dict[str, Any]:
    """All that is said of a market scheme that is sound."""
    from dataclasses import asdict

    from engine.market.deeds import deeds_of

    card = _card(checked)
    return {
        "name": card.name,
        "release": card.release,
        "title": _both(card.title),
        "summary": _both(card.summary),
        "connects": list(card.connects),
        "schemes": list(card.schemes),
        "does": [asdict(deed) for deed in deeds_of(checked.schemes)],
        "params": [param for scheme in checked.schemes for param in _params_json(scheme, card)],
        "tables": [
            {"scheme": scheme.id, "name": table.name, "file": table.file, "interface": table.interface}
            for scheme in checked.schemes
            for table in scheme.tables.values()
        ],
        "unsure": list(card.unsure),
        "changes": [{"release": each.release, **_both(each.words)} for each in card.changes],
        "files": sorted(checked.folder.files),
        "tests": len(checked.tests),
    }


def _params_json(scheme: Scheme, card: Card) -> list[dict[str, Any]]:
    shown = []
    for name, spec in scheme.params.items():
        more = card.params.get(name)
        shown.append(
            {
                "scheme": scheme.id,
                "name": name,
                "label": spec.label,
                "type": spec.type,
                "required": spec.required,
                "default": spec.default,
                "example": more.example if more else None,
                "help": _both(more.help) if more and more.help else None,
                "choices": more.choices if more else None,
            }
        )
    return shown


def described(checked: Checked, *, err: bool = False) -> None:
    """Tell a person what a market scheme is and does; on standard error where `err`."""
    from engine.market.deeds import deeds_of

    card = _card(checked)
    tell = _teller(err)
    tell(f"{card.name} {card.release}", "bold")
    tell(str(card.title))
    tell("")
    tell(str(card.summary))
    tell("")
    for deed in deeds_of(checked.schemes):
        tell(_deed(deed))
    source = checked.schemes[0].source
    for word, condition in ((tr("only where"), source.where), (tr("held where"), source.hold)):
        if condition is not None:
            tell(f"  {word} {condition.text}")
    if err:
        return
    _print_params(checked.schemes, card)
    if card.unsure:
        tell("")
        tell(tr("not confirmed by a public source: {fields}", fields=", ".join(card.unsure)), "yellow")
    tell("")
    for change in card.changes[:5]:
        tell(f"{change.release}  {change.words}")
    tell(tr("{count} tests passed", count=len(checked.tests)))
    tell(tr("copy it: {command}", command=f"engine market copy {card.name}"))


def _teller(err: bool) -> Any:
    from engine.cli.context import plain
    from engine.cli.show import say

    def on_error(text: str, style: str | None = None) -> None:
        click.secho(plain(text), bold=style == "bold", err=True)

    return on_error if err else say


def _card(checked: Checked) -> Card:
    assert checked.folder.card is not None
    return checked.folder.card


def _deed(deed: Deed) -> str:
    words = {
        "reads": tr("reads"),
        "writes": tr("writes to"),
        "looks up": tr("looks up"),
        "tells": tr("writes back"),
    }
    parts = [words[deed.kind], f"{deed.connector_label} ({deed.connector})", deed.interface, deed.label]
    if deed.form:
        parts.append(f"{deed.form} {deed.form_label}")
    if deed.until:
        parts.append(tr("as far as {stage}", stage=deed.until))
    return "  " + "  ".join(part for part in parts if part)


def _print_params(schemes: Sequence[Scheme], card: Card) -> None:
    from engine.cli.show import say, show_table

    rows = []
    for scheme in schemes:
        for name, spec in scheme.params.items():
            more = card.params.get(name)
            example = more.example if more and more.example else ""
            help = str(more.help) if more and more.help else spec.description
            default = "" if spec.default is None else str(spec.default)
            rows.append((name, spec.label, spec.type, default, example, help))
    if rows:
        say("")
        headings = (tr("param"), tr("label"), tr("type"), tr("default"), tr("example"), tr("description"))
        show_table(headings, rows)
