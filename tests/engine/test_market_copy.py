"""Copying market schemes: what is written where, what never is, and what is remembered."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConfigurationError, UsageError
from engine.findings import Finding
from engine.market.card import read_card, release_order
from engine.market.copying import carry_out, plan_copy
from engine.market.folder import Folder, read_folder, usable_name
from engine.market.naming import Naming, as_copied
from engine.market.origin import origins, read_base, read_origin
from engine.scheme.lint import validate
from engine.scheme.load import load_scheme
from engine.scheme.testing import run_tests

if TYPE_CHECKING:
    from conftest import Prompt

MARKET = Path(__file__).parents[2] / "schemes" / "market"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
MAIN = "expense_to_paybill.yaml"


@pytest.fixture
def expense() -> Folder:
    return read_folder(MARKET / "expense_to_paybill")


def written(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and ".market" not in file.parts
    }


def passes(file: Path) -> None:
    assert [str(found) for found in validate(file) if found.severity != "hint"] == []
    scheme = load_scheme(file).scheme
    assert scheme is not None
    assert [result.message for result in run_tests(scheme) if not result.passed] == []


def test_a_copy_is_the_market_scheme_without_card_and_page(expense: Folder, tmp_path: Path) -> None:
    to = tmp_path / "schemes"
    plan = plan_copy(expense, to)
    origin = carry_out(plan, "shipped", NOW)
    assert set(written(to)) == set(expense.files) - {"market.yaml", "README.md"}
    assert written(to) == dict(plan.files) == read_base(origin)
    assert read_origin(to, "expense_to_paybill") == origin
    assert (origin.name, origin.release, origin.market) == ("expense_to_paybill", "1.0.0", "shipped")
    for id in plan.schemes:
        passes(to / f"{id}.yaml")


def test_an_editor_is_led_to_the_projects_own_schema(expense: Folder, tmp_path: Path) -> None:
    assert b"$schema" in expense.files[MAIN]
    assert b"$schema" not in plan_copy(expense, tmp_path / "elsewhere").files[MAIN]
    ours = plan_copy(expense, tmp_path / "schemes", id="ours").files["ours.yaml"].decode()
    assert ours.startswith("# yaml-language-server: $schema=../.engine/schema/ours.json\n")
    here = plan_copy(expense, MARKET.parent).files[MAIN].decode()
    assert here.startswith("# yaml-language-server: $schema=../engine/scheme/scheme.schema.json\n")


def test_to_copy_the_same_again_changes_nothing(expense: Folder, tmp_path: Path) -> None:
    carry_out(plan_copy(expense, tmp_path), "shipped", NOW)
    before = written(tmp_path)
    again = plan_copy(expense, tmp_path)
    assert again.new == ()
    carry_out(again, "shipped", NOW)
    assert written(tmp_path) == before


def test_another_name_is_another_name_everywhere(expense: Folder, tmp_path: Path) -> None:
    carry_out(plan_copy(expense, tmp_path), "shipped", NOW)
    (tmp_path / "tables/department.csv").write_text("钉钉部门id,金蝶部门编码\n1,BM1\n", encoding="utf-8")
    (tmp_path / "tests/two_rows.json").write_text("{}", encoding="utf-8")
    before = written(tmp_path)
    plan = plan_copy(expense, tmp_path, id="ours")
    assert set(plan.new) == {
        "ours.yaml",
        "ours_paybill_writeback.yaml",
        "tables/ours_department.csv",
        "tests/ours_two_rows.json",
    }
    carry_out(plan, "shipped", NOW)
    assert {name: data for name, data in written(tmp_path).items() if name in before} == before
    text = (tmp_path / "ours.yaml").read_text(encoding="utf-8")
    tree = yaml.safe_load(text)
    assert tree["id"] == "ours"
    assert tree["callback"]["scheme"] == "ours_paybill_writeback"
    assert tree["tables"]["department"]["file"] == "tables/ours_department.csv"
    assert tree["tables"]["expense_item"]["file"] == "tables/expense_item.csv"
    assert "engine run schemes/ours.yaml" in text, "comments speak of the copy"
    assert "expense_to_paybill" not in text
    passes(tmp_path / "ours.yaml")
    passes(tmp_path / "ours_paybill_writeback.yaml")
    assert sorted(origin.id for origin in origins(tmp_path)) == ["expense_to_paybill", "ours"]


def test_all_else_is_as_it_was_signs_for_signs(tmp_path: Path) -> None:
    text = (
        '# about main, and main.yaml\nid:  "main"   # main\r\nname: "main"\n'
        "callback: [{scheme: back, on: delivered}]\ntests:\n- {name: back, record: {file: ./tests/a.json}}\n"
        "note: |\n  # main in a text\n"
    )
    files = {"main.yaml": text.encode(), "tests/a.json": b"{}"}
    naming = Naming({"main": "mine", "back": "b-2"}, {"tests/a.json": "tests/x.json"})
    made = as_copied(Folder(tmp_path, files, None), naming, tmp_path)
    assert made["mine.yaml"].decode() == (
        '# about mine, and mine.yaml\nid:  mine   # mine\r\nname: "main"\n'
        "callback: [{scheme: b-2, on: delivered}]\ntests:\n- {name: back, record: {file: tests/x.json}}\n"
        "note: |\n  # main in a text\n"
    )


def test_tables_that_the_user_has_changed_are_never_written_over(expense: Folder, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    mine = tmp_path / "tables" / "department.csv"
    mine.write_text("钉钉部门id,金蝶部门编码\n1,BM1\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        plan_copy(expense, tmp_path)
    assert str(mine) in caught.value.message
    assert "--keep-tables" in (caught.value.hint or "")
    plan = plan_copy(expense, tmp_path, keep_tables=True)
    assert plan.kept == ("tables/department.csv",)
    origin = carry_out(plan, "shipped", NOW)
    assert mine.read_text(encoding="utf-8").endswith("1,BM1\n")
    assert read_base(origin)["tables/department.csv"] == expense.files["tables/department.csv"]


@pytest.mark.parametrize(
    "kind", ["file", "folder", "link", "link to nothing", "other spelling", "other file"]
)
def test_what_stands_in_a_scheme_s_place_stays(expense: Folder, tmp_path: Path, kind: str) -> None:
    place = tmp_path / MAIN
    match kind:
        case "file":
            place.write_text("mine", encoding="utf-8")
        case "folder":
            place.mkdir()
        case "link":
            (tmp_path / "elsewhere").write_text("mine", encoding="utf-8")
            place.symlink_to("elsewhere")
        case "link to nothing":
            place.symlink_to("nowhere")
        case "other spelling":
            (tmp_path / "Expense_To_PayBill.yaml").write_text("mine", encoding="utf-8")
        case "other file":
            (tmp_path / "other.yaml").write_text("version: 1\nid: expense_to_paybill\n", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError) as caught:
        plan_copy(expense, tmp_path)
    assert "--as" in (caught.value.hint or "")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_copy_that_breaks_off_leaves_nothing(expense: Folder, tmp_path: Path) -> None:
    plan = plan_copy(expense, tmp_path / "schemes")
    (tmp_path / "schemes").mkdir()
    (tmp_path / "schemes" / "tests").write_text("a file, since the plan was made", encoding="utf-8")
    with pytest.raises(ConfigurationError):
        carry_out(plan, "shipped", NOW)
    assert written(tmp_path / "schemes") == {"tests": b"a file, since the plan was made"}
    assert not (tmp_path / "schemes" / ".market").exists()


def test_market_schemes_lie_beside_each_other(tmp_path: Path) -> None:
    names = sorted(folder.name for folder in MARKET.iterdir() if (folder / "market.yaml").is_file())
    for name in names:
        folder = read_folder(MARKET / name)
        plan = plan_copy(folder, tmp_path, keep_tables=True)
        carry_out(plan, "shipped", NOW)
    assert [origin.name for origin in origins(tmp_path)] == names
    for name in names:
        card = read_folder(MARKET / name).card
        assert card is not None
        passes(tmp_path / f"{card.main}.yaml")


# --- at the prompt -----------------------------------------------------------------------------------------


def test_a_copy_runs(empty_prompt: Prompt) -> None:
    said = empty_prompt("market", "copy", "expense_to_paybill", "--json")
    assert said.code == 0
    told = json.loads(said.out)
    assert told["scheme"] == "schemes/expense_to_paybill.yaml"
    assert told["findings"] == []
    assert told["next"] == "engine preview schemes/expense_to_paybill.yaml"
    assert empty_prompt("validate", "schemes").code == 0
    assert empty_prompt("test", "expense_to_paybill").code == 0
    again = empty_prompt("market", "copy", "expense_to_paybill", "--json")
    assert (again.code, json.loads(again.out)["files"]) == (0, [])


def test_values_become_defaults_or_the_environment_s(empty_prompt: Prompt) -> None:
    (empty_prompt.folder / "connections.yaml").write_text(
        "environments:\n  # ours\n  production:\n"
        "    dingtalk: {connector: dingtalk, base_url: 'https://d.example', app_key: a, app_secret: b}\n"
        "    kingdee: {connector: kingdee, base_url: 'https://k.example/k3cloud/', acct_id: a, username: u,"
        " app_id: i, app_secret: s}\n",
        encoding="utf-8",
    )
    values = ("--set", "pay_org=200", "--set", "comment_userid=u1")
    assert empty_prompt("market", "copy", "expense_to_paybill", *values).code == 0
    schemes = empty_prompt.folder / "schemes"
    assert 'default: "200"' in (schemes / MAIN).read_text(encoding="utf-8")
    assert "default: u1" in (schemes / "paybill_writeback.yaml").read_text(encoding="utf-8")
    base = schemes / ".market/expense_to_paybill/base" / MAIN
    assert 'default: "100"' in base.read_text(encoding="utf-8"), "what was set is the user's edit"
    real = empty_prompt(
        "market", "copy", "expense_to_paybill", "--as", "real", *values, "--env", "production", "--json"
    )
    assert real.code == 0
    text = (empty_prompt.folder / "connections.yaml").read_text(encoding="utf-8")
    assert "# ours" in text
    written_values: Any = yaml.safe_load(text)["values"]["production"]
    assert written_values["real"] == {"params": {"pay_org": "200"}}
    assert written_values["real_paybill_writeback"] == {"params": {"comment_userid": "u1"}}
    assert 'default: "100"' in (schemes / "real.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "told"),
    [("start_date=soon", "a date"), ("start_day=2026-01-01", "start_date"), ("nonsense", "--set name=value")],
)
def test_a_value_that_will_not_do_is_refused_before_anything_is_written(
    empty_prompt: Prompt, value: str, told: str
) -> None:
    said = empty_prompt("market", "copy", "expense_to_paybill", "--set", value)
    assert said.code == 2
    assert told in said.err
    assert list(empty_prompt.folder.iterdir()) == []


def test_the_list_tells_what_was_copied_and_what_is_newer(empty_prompt: Prompt) -> None:
    market = empty_prompt.folder / "market" / "expense_to_paybill"
    shutil.copytree(MARKET / "expense_to_paybill", market)
    assert empty_prompt("market", "copy", market.name, "--from", "market", "--yes").code == 0
    card = market / "market.yaml"
    text = card.read_text(encoding="utf-8").replace("release: 1.0.0\n", "release: 1.10.0\n")
    card.write_text(
        text.replace("changes:\n", "changes:\n  - {release: 1.10.0, en: new}\n"), encoding="utf-8"
    )
    listed = json.loads(empty_prompt("market", "list", "--from", "market", "--json").out)
    copies = listed["schemes"][0]["copies"]
    assert copies == [{"id": "expense_to_paybill", "release": "1.0.0", "outdated": True}]
    assert "engine market upgrade" in empty_prompt("market", "list", "--from", "market").out
    assert read_origin(empty_prompt.folder / "schemes", "expense_to_paybill").market == "../market"
    assert read_origin(empty_prompt.folder / "schemes", "expense_to_paybill").folder().resolve() == market


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_scheme_of_the_market_is_shown(empty_prompt: Prompt, language: str) -> None:
    names = [each["name"] for each in json.loads(empty_prompt("market", "list", "--json").out)["schemes"]]
    assert len(names) >= 9
    shown = empty_prompt("market", "show", "expense_to_paybill", language=language)
    assert shown.code == 0
    assert ("写入" if language == "zh" else "writes to") in shown.out
    assert "PROC-EXPENSE-SANDBOX" in shown.out
    for name in names:
        told = json.loads(empty_prompt("market", "show", name, "--json").out)
        assert told["name"] == name
        assert {deed["kind"] for deed in told["does"]} >= {"reads", "writes"}
        assert told["tests"] > 0


def test_a_folder_is_checked_and_its_page_is_written(empty_prompt: Prompt) -> None:
    folder = empty_prompt.folder / "expense_to_paybill"
    shutil.copytree(MARKET / "expense_to_paybill", folder)
    (folder / "README.md").write_text("old", encoding="utf-8")
    assert empty_prompt("market", "page", "expense_to_paybill", "--check").code == 1
    stale = empty_prompt("market", "check", "expense_to_paybill", "--json")
    assert stale.code == 0
    assert [found["code"] for found in json.loads(stale.out)["findings"]] == ["M401"]
    assert empty_prompt("market", "page", "expense_to_paybill", language="zh").code == 0
    assert empty_prompt("market", "page", "expense_to_paybill", "--check", language="en").code == 0
    checked = json.loads(empty_prompt("market", "check", "expense_to_paybill", "--json").out)
    assert checked["findings"] == []
    assert checked["folders"][0]["sound"] is True
    assert "::error" not in empty_prompt("market", "check", ".", "--format", "github").out
    assert empty_prompt("market", "check", "nowhere").code == 2
    (folder / "market.yaml").unlink()
    assert empty_prompt("market", "check", "expense_to_paybill").code == 1


def test_a_test_that_rests_on_a_default_is_told_of(empty_prompt: Prompt) -> None:
    """A copier sets a param, and the copy's own tests must still pass."""
    shutil.copytree(MARKET / "expense_to_paybill", empty_prompt.folder / "expense_to_paybill")
    file = empty_prompt.folder / "expense_to_paybill" / "paybill_writeback.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("    params: {comment_userid: finance01}\n", "", 1),
        encoding="utf-8",
    )
    said = empty_prompt("market", "check", "expense_to_paybill", "--json")
    assert said.code == 0
    assert [found["code"] for found in json.loads(said.out)["findings"]] == ["M310"]
    values = ("--set", "comment_userid=u7", "--set", "pay_org=200", "--set", "currency=PRE007")
    assert empty_prompt("market", "copy", "expense_to_paybill", *values).code == 0
    assert empty_prompt("test", "schemes").code == 0


# --- cards -------------------------------------------------------------------------------------------------


def test_releases_have_an_order() -> None:
    releases = ["0.9.0", "1.0.0-rc1", "1.0.0", "1.2.0", "1.10.0", "2.0.0-a", "2.0.0"]
    assert sorted([*releases[3:], *releases[:3]], key=release_order) == releases
    assert release_order("newest") < release_order("0.0.0")


CARD = (MARKET / "expense_to_paybill" / "market.yaml").read_text(encoding="utf-8")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_card_is_read_or_refused_with_a_place(data: Any) -> None:
    """A sound card with a piece cut out, doubled or replaced."""
    start = data.draw(st.integers(0, len(CARD)))
    end = data.draw(st.integers(start, min(len(CARD), start + 60)))
    piece = data.draw(st.sampled_from(["", CARD[start:end] * 2, "{", "[", "- x\n", "1.5", "null", "\n", '"']))
    found: list[Finding] = []
    card = read_card(CARD[:start] + piece + CARD[end:], "market.yaml", found)
    assert (card is None) == bool(found)
    assert all(each.position.file == "market.yaml" and each.message for each in found)


@given(st.text(max_size=12))
def test_a_usable_name_is_one_name_in_one_folder(name: str) -> None:
    if usable_name(name):
        assert os.path.basename(name) == name
        assert name == name.strip(" .")
        assert not set(name) & set('/\\:*?"<>|\0\n')
