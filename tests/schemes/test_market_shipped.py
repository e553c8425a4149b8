"""The market that ships: each scheme has the shape that is asked of a stranger's, and a fresh page."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from engine.market.check import check_folder
from engine.market.copying import plan_copy
from engine.market.folder import folders_of, read_folder, shipped_market
from engine.market.page import make_page

ROOT = Path(__file__).parents[2]
MARKET = ROOT / "schemes" / "market"
FOLDERS = folders_of(MARKET)


def test_the_market_of_a_checkout_is_found_and_goes_into_the_wheel() -> None:
    assert shipped_market() == MARKET
    assert len(FOLDERS) >= 9
    assert [folder for folder in FOLDERS if not folder.is_dir()] == []
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"schemes/market": "engine/market/shipped"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_nothing_is_found_in_a_folder_that_ships(folder: Path) -> None:
    """Its page is fresh, too; `engine market page schemes/market` writes them anew."""
    checked = check_folder(read_folder(folder), make_page)
    assert [str(finding) for finding in checked.findings] == []
    assert checked.tests


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_card_that_ships_speaks_both_languages(folder: Path) -> None:
    card = read_folder(folder).card
    assert card is not None
    said = [card.title, card.summary, *(change.words for change in card.changes)]
    said += [param.help for param in card.params.values() if param.help is not None]
    assert [words.zh for words in said if words.zh == words.en] == []
    assert card.changes


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_all_params_of_a_scheme_that_ships_have_examples(folder: Path) -> None:
    checked = check_folder(read_folder(folder))
    card = checked.folder.card
    assert card is not None
    params = {name for scheme in checked.schemes for name in scheme.params}
    assert sorted(name for name in params if name not in card.params or not card.params[name].example) == []


def test_the_schemes_of_the_project_are_a_copy_of_the_market_scheme() -> None:
    plan = plan_copy(read_folder(MARKET / "expense_to_paybill"), ROOT / "schemes")
    assert plan.new == ()
    assert plan.kept == ()
    for name, data in plan.files.items():
        assert (ROOT / "schemes" / name).read_bytes() == data
