"""A change of a scheme is seen in the documents it would change, before anyone runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from engine.run.versions import version_of

ROOT = Path(__file__).parents[2]
NAME = "expense_to_paybill"


def engine(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from engine.cli.main import run; run()", *words],
        cwd=folder,
        env={**os.environ, "ENGINE_LANG": "en", "ENGINE_NOW": "2026-11-24 10:00"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder under git whose scheme has run in the sandbox."""
    folder = tmp_path_factory.mktemp("diff")
    assert engine(folder, "market", "copy", NAME).returncode == 0
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "as copied")
    assert engine(folder, "run", NAME).returncode == 0
    return folder


def changed(folder: Path, old: str, new: str, name: str) -> str:
    """A version of the scheme beside it; its path."""
    text = (folder / f"schemes/{NAME}.yaml").read_text("utf-8")
    assert text.count(old) == 1, text.count(old)
    path = folder / "schemes" / f"{name}.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path.relative_to(folder))


def compared(folder: Path, *words: str) -> dict[str, Any]:
    done = engine(folder, "diff", *words, "--json")
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if found["changed"] else 0)
    return found


def test_the_same_scheme_changes_nothing(company: Path) -> None:
    found = compared(company, "git:HEAD", NAME)
    assert found["records"] == 40
    assert found["changed"] == 0


def test_a_field_is_shown_in_each_document_that_has_another(company: Path) -> None:
    new = changed(company, "extend.finish_time | date", "extend.create_time | date", "by_creation")
    found = compared(company, NAME, new, "--last", "200")
    assert set(found["fields"]) == {"FDATE"}
    for each in found["changes"]:
        assert each["state"] == "done"
        (one,) = each["fields"]
        assert one["old"] > one["new"]
    told = engine(company, "diff", NAME, new).stdout
    assert "delivered already" in told
    assert "FDATE  20" in told


def test_rows_and_tables_are_compared_value_by_value(company: Path) -> None:
    table = company / "schemes/tables/expense_item.csv"
    before = table.read_text("utf-8")
    assert "FYXM05_SYS" in before
    table.write_text(before.replace("FYXM05_SYS", "FYXM99_SYS"), encoding="utf-8")
    try:
        found = compared(company, "git:HEAD", NAME)
    finally:
        table.write_text(before, encoding="utf-8")
    assert list(found["fields"]) == ["FPAYBILLENTRY.FCOSTID"]
    changes = [one for each in found["changes"] for one in each["fields"]]
    assert {(one["old"], one["new"]) for one in changes} == {("FYXM05_SYS", "FYXM99_SYS")}
    assert all(one["path"].startswith("FPAYBILLENTRY[") for one in changes)


def test_a_folder_of_git_is_taken_out_without_what_younger_pythons_have(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = company / "schemes/links"
    links.mkdir()
    (links / "within.csv").symlink_to("../tables/department.csv")
    (links / "without.csv").symlink_to("/etc/hostname")
    git(company, "add", "-A", "schemes/links")
    git(company, "commit", "-qm", "links")
    monkeypatch.chdir(company)
    monkeypatch.delattr(tarfile, "data_filter")
    monkeypatch.delattr(tarfile.TarFile, "extractall")
    with version_of("git:HEAD", NAME) as file:
        assert file.read_bytes() == (company / f"schemes/{NAME}.yaml").read_bytes()
        table = company / "schemes/tables/department.csv"
        assert (file.parent / "links/within.csv").read_bytes() == table.read_bytes()
        assert not (file.parent / "links/without.csv").exists()


def test_what_becomes_of_a_record_is_shown_too(company: Path) -> None:
    old = "extend.result == 'agree' }}"
    new = changed(company, old, "extend.result == 'agree' and 总金额 | decimal < 3000 }}", "small_only")
    found = compared(company, NAME, new)
    assert found["outcomes"] == found["changed"] > 0
    assert {(each["old"]["outcome"], each["new"]["outcome"]) for each in found["changes"]} == {
        ("deliver", "skipped")
    }


def test_another_key_is_a_warning_of_its_own(company: Path) -> None:
    new = changed(company, 'FBillNo: "DD{{', 'FBillNo: "BX{{', "other_key")
    assert compared(company, NAME, new)["keys"] > 20
    assert "the key is another" in engine(company, "diff", NAME, new).stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["git:nowhere", NAME], "git says"),
        (["git:--output=x", NAME], "is no revision"),
        (["git:HEAD", "git:HEAD"], "needs a path"),
        (["git:HEAD:schemes/none.yaml", NAME], "git"),
        (["nothing", NAME], "no scheme"),
        (["paybill_writeback", "paybill_writeback"], "callback"),
    ],
)
def test_what_cannot_be_compared_is_said(company: Path, words: list[str], told: str) -> None:
    done = engine(company, "diff", *words)
    assert done.returncode == 2
    assert told in done.stderr


def test_nothing_is_sent_and_nothing_written(company: Path) -> None:
    before = json.loads(engine(company, "records", "list", NAME, "--json").stdout)
    compared(company, "git:HEAD", NAME)
    assert json.loads(engine(company, "records", "list", NAME, "--json").stdout) == before


def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    assert engine(tmp_path, "market", "copy", NAME).returncode == 0
    assert "there is no ledger" in engine(tmp_path, "diff", NAME, NAME).stderr
    assert engine(tmp_path, "ledger", "upgrade").returncode == 0
    assert "no record of this source yet" in engine(tmp_path, "diff", NAME, NAME).stdout
