"""engine market diff and upgrade at the prompt, with a market in another folder."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

MARKET = Path(__file__).parents[2] / "schemes" / "market" / "expense_to_paybill"
MAIN = "schemes/expense_to_paybill.yaml"


class Place:
    """A project with a copy, and the market that it comes from."""

    def __init__(self, folder: Path, prompt: Any) -> None:
        self.folder = folder
        self.prompt = prompt
        self.market = folder / "checkout" / "schemes" / "market" / "expense_to_paybill"
        shutil.copytree(MARKET, self.market)
        (folder / "connections.yaml").write_text("environments: {}\n", "utf-8")
        assert prompt("market", "copy", "expense_to_paybill", "--from", "checkout", "--yes").code == 0

    def mine(self, old: str, new: str, file: str = MAIN) -> None:
        replace(self.folder / file, old, new)

    def theirs(self, old: str, new: str, file: str = "expense_to_paybill.yaml") -> None:
        replace(self.market / file, old, new)

    def release(self, number: str = "9.1.0") -> None:
        card = (self.market / "market.yaml").read_text("utf-8")
        card = re.sub(r"^release: .*$", f"release: {number}", card, flags=re.MULTILINE)
        line = f"changes:\n  - {{release: {number}, zh: 付款快一点, en: Pays sooner}}"
        (self.market / "market.yaml").write_text(card.replace("changes:", line), "utf-8")

    def files(self) -> dict[str, bytes]:
        found = (self.folder / "schemes").rglob("*")
        return {str(file): file.read_bytes() for file in found if file.is_file()}


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


@pytest.fixture
def place(fresh_prompt: Any) -> Place:
    shutil.rmtree(fresh_prompt.folder / "schemes")
    return Place(fresh_prompt.folder, fresh_prompt)


def edited(place: Place) -> None:
    place.mine("  batch: 20\n", "  batch: 10\n")
    place.mine("FBillTypeID: FKDLX02_SYS      ", "FBillTypeID: FKDLX01_SYS      ")
    place.mine('    FDATE: "{{', '    # 财务要求\n    FDATE: "{{')
    place.mine("办公费,FYXM05_SYS", "办公费,FYXM50_SYS", "schemes/tables/expense_item.csv")
    place.theirs("overlap: 24h", "overlap: 48h")
    place.theirs("会议费,FYXM09_SYS", "会议费,FYXM08_SYS", "tables/expense_item.csv")
    place.release()


def test_diff_tells_what_both_have_changed(place: Place) -> None:
    edited(place)
    said = place.prompt("market", "diff", "expense_to_paybill")
    assert said.code == 0
    yours, market = said.out.split("market's: what the market has changed")
    assert "yours: what you have changed (4)" in yours
    assert "    target.batch  20 → 10\n" in yours
    assert '    target.mapping.FBillTypeID  "FKDLX02_SYS" → "FKDLX01_SYS"\n' in yours
    assert "    + # 财务要求\n" in yours
    assert '    [办公费].费用项目编码  "FYXM05_SYS" → "FYXM50_SYS"\n' in yours
    assert '    source.window.overlap  "24h" → "48h"\n' in market
    assert '    [会议费].费用项目编码  "FYXM09_SYS" → "FYXM08_SYS"\n' in market
    assert "9.1.0  Pays sooner" in market
    assert "next: engine market upgrade expense_to_paybill\n" in market
    named = place.prompt("market", "diff", "expense_to_paybill", "--from", "checkout").out
    assert named.endswith("next: engine market upgrade expense_to_paybill --from checkout\n")
    chinese = place.prompt("market", "diff", "expense_to_paybill", language="zh").out
    assert "你改的 (4)" in chinese
    assert "市场改的 (2)" in chinese


def test_of_a_long_value_diff_shows_the_part_that_changed(place: Place) -> None:
    place.mine("行政报销类型 | default('', true),", "行政报销小类 | default('', true),")
    said = place.prompt("market", "diff", "expense_to_paybill").out
    line = next(line for line in said.splitlines() if "target.mapping.FREMARK" in line)
    before, after = line.split(" → ")
    assert "行政报销类型" in before
    assert "行政报销小类" in after
    assert max(len(before), len(after)) < 160


def test_of_a_copy_whose_test_fails_one_is_told_where_and_what_was_changed(place: Place) -> None:
    place.mine("FBillTypeID: FKDLX02_SYS      ", "FBillTypeID: FKDLX01_SYS      ")
    place.mine("办公费,FYXM05_SYS", "办公费,FYXM50_SYS", "schemes/tables/expense_item.csv")
    said = place.prompt("test", "schemes")
    assert said.code == 1
    lines = (place.folder / MAIN).read_text("utf-8").splitlines()
    failing = re.search(r"expense_to_paybill\.yaml:(\d+):5\n    FBillTypeID: expected", said.out)
    assert failing is not None
    assert lines[int(failing[1]) - 1].startswith("  - name: ")
    changed = said.out.partition("changed in 'expense_to_paybill' since it was copied:\n")[2]
    line = next(number for number, line in enumerate(lines, 1) if "FBillTypeID: FKDLX01_SYS" in line)
    assert f'expense_to_paybill.yaml:{line}:18  target.mapping.FBillTypeID  "FKDLX02_SYS" → ' in changed
    assert "expense_item.csv:" in changed
    assert '[办公费].费用项目编码  "FYXM05_SYS" → "FYXM50_SYS"' in changed


def test_diff_as_json(place: Place) -> None:
    edited(place)
    place.theirs("  batch: 20\n", "  batch: 5\n")
    said = place.prompt("market", "diff", "expense_to_paybill", "--json").json
    assert (said["release"], said["market_release"]) == ("1.0.0", "9.1.0")
    assert {
        "file": "expense_to_paybill.yaml",
        "path": "target.batch",
        "kind": "changed",
        "before": 20,
        "after": 5,
    } in said["market"]
    assert {change["path"] for change in said["yours"]} >= {"target.batch", "[办公费].费用项目编码"}
    assert [choice["path"] for choice in said["conflicts"]] == ["target.batch"]


def test_a_dry_run_writes_nothing(place: Place) -> None:
    edited(place)
    before = place.files()
    said = place.prompt("market", "upgrade", "expense_to_paybill", "--dry-run")
    assert said.code == 0
    assert "schemes/expense_to_paybill.yaml  yours and the market's changes together" in said.out
    assert "nothing was written" in said.out
    assert place.files() == before


def test_an_upgrade_says_what_it_did_validates_and_tests(place: Place) -> None:
    place.mine("  batch: 20\n", "  batch: 10\n")
    place.theirs("overlap: 24h", "overlap: 48h")
    place.release()
    said = place.prompt("market", "upgrade", "expense_to_paybill", "--yes")
    assert said.code == 0, said
    assert "expense_to_paybill 1.0.0 → 9.1.0" in said.out
    assert re.search(r"\d\d tests, 0 failed", said.out)
    text = (place.folder / MAIN).read_text("utf-8")
    assert "  batch: 10\n" in text
    assert "overlap: 48h" in text
    again = place.prompt("market", "upgrade", "expense_to_paybill", "--yes")
    assert (again.code, again.out) == (0, "'expense_to_paybill' is of the market's release 9.1.0\n")


def test_a_test_that_fails_after_an_upgrade_is_told(place: Place) -> None:
    place.mine("FBillTypeID: FKDLX02_SYS      ", "FBillTypeID: FKDLX01_SYS      ")
    place.release()
    said = place.prompt("market", "upgrade", "expense_to_paybill", "--yes", "--json")
    assert said.code == 1
    assert said.json["failed"] == 1
    assert said.json["files"][0] == {
        "file": "expense_to_paybill.yaml",
        "action": "unchanged",
        "written": None,
    }


def test_a_conflict_stops_validate_and_run_until_somebody_chooses(place: Place) -> None:
    place.mine("  batch: 20\n", "  batch: 10\n")
    place.theirs("  batch: 20\n", "  batch: 5\n")
    place.release()
    said = place.prompt("market", "upgrade", "expense_to_paybill", "--yes")
    line = place.folder.joinpath(MAIN).read_text("utf-8").split("<<<<<<< ")[0].count("\n") + 1
    assert said.code == 1
    assert f"schemes/expense_to_paybill.yaml:{line}  target.batch" in said.out
    assert "1 places wait for you to choose" in said.out
    found = place.prompt("validate", MAIN, "--json")
    assert found.code == 1
    assert [(each["code"], each["line"]) for each in found.json["findings"]] == [("S108", line)]
    run = place.prompt("run", MAIN)
    assert run.code == 2
    assert f"{MAIN}:{line}" in run.err
    assert "nobody has chosen yet" in run.err
    for command in ("upgrade", "diff"):
        refused = place.prompt("market", command, "expense_to_paybill")
        assert refused.code == 2
        assert f"{MAIN}:{line}" in refused.err


def test_a_strangers_release_is_shown_and_asked_for(place: Place) -> None:
    edited(place)
    before = place.files()
    said = place.prompt("market", "upgrade", "expense_to_paybill")
    assert said.code == 2
    assert "another's market" in said.err
    assert "AP_PAYBILL" in said.err
    assert place.files() == before


def test_a_hostile_release_is_refused_whole(place: Place) -> None:
    place.theirs('FBillNo: "DD{{ extend.business_id }}"', 'FBillNo: "DD{{ extend.__class__ }}"')
    place.release()
    (place.market / "tables" / "run.sh").write_text("#!/bin/sh\n", "utf-8")
    before = place.files()
    said = place.prompt("market", "upgrade", "expense_to_paybill", "--yes", "--json")
    assert said.code == 1
    assert "error" in said.json
    assert place.files() == before


def test_what_is_no_copy_is_told(place: Place) -> None:
    said = place.prompt("market", "upgrade", "expense_to_paybil", "--json")
    assert said.code == 2
    assert "did you mean 'expense_to_paybill'" in said.json["error"]["hint"]
    place.mine("version: 1\n", "version: [\n")
    place.release()
    place.theirs("overlap: 24h", "overlap: 48h")
    broken = place.prompt("market", "upgrade", "expense_to_paybill", "--yes")
    assert broken.code == 2
    assert f"{MAIN}:" in broken.err


def test_a_sample_that_both_changed_is_laid_beside(place: Place) -> None:
    sample = place.folder / "schemes" / "tests" / "two_rows.json"
    sample.write_text(json.dumps({**json.loads(sample.read_text("utf-8")), "ours": 1}), "utf-8")
    theirs = place.market / "tests" / "two_rows.json"
    theirs.write_text(theirs.read_text("utf-8") + "\n", "utf-8")
    theirs.write_text(json.dumps({**json.loads(theirs.read_text("utf-8")), "theirs": 1}), "utf-8")
    place.release()
    said = place.prompt("market", "upgrade", "expense_to_paybill", "--yes")
    assert said.code == 1
    assert "yours stays; the market's lies beside it as schemes/tests/two_rows.json.market" in said.out
    assert '"ours"' in sample.read_text("utf-8")
    again = place.prompt("market", "upgrade", "expense_to_paybill", "--yes")
    assert "still lies beside yours" in again.err
