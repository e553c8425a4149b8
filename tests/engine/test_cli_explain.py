"""Every value of a document is accounted for, in the terminal, as JSON, as a page, and as a drawing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
NAME = "expense_to_paybill"


def engine(*words: str, folder: Path = ROOT, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from engine.cli.main import run; run()", *words],
        cwd=folder,
        env={**os.environ, "ENGINE_LANG": language, "ENGINE_NOW": "2026-11-24 10:00"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    assert engine("market", "copy", NAME, folder=folder).returncode == 0
    assert engine("run", NAME, folder=folder).returncode == 0
    return folder


def explained(folder: Path, *words: str) -> dict[str, Any]:
    done = engine("explain", NAME, *words, "--json", folder=folder)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).lower() == "fnumber":
        return {path: next(iter(value.values()))}
    if isinstance(value, dict):
        return {
            key: each
            for name, child in value.items()
            for key, each in leaves(child, f"{path}.{name}" if path else name).items()
        }
    if isinstance(value, list):
        return {
            key: each
            for place, child in enumerate(value, 1)
            for key, each in leaves(child, f"{path}[{place}]").items()
        }
    return {path: value}


def test_every_value_of_every_bill_is_accounted_for(company: Path) -> None:
    listed = json.loads(engine("records", "list", NAME, "--state", "done", "--json", folder=company).stdout)
    for row in listed["records"][:6]:
        found = explained(company, row["number"])
        said = {one["field"]: one for one in found["fields"] if not one["left_out"]}
        document = leaves(found["document"])
        assert {field: one["value"] for field, one in said.items()} == document
        for one in said.values():
            assert one["label"], one
            assert one["line"] > 100, one
            assert one["kind"] == "constant" or one["sources"] or one["default"], one
        assert [each["holds"] for each in found["conditions"]] == [True, True, False]


def test_look_ups_defaults_and_wrapping_are_told(company: Path) -> None:
    found = {one["field"]: one for one in explained(company)["fields"]}
    payee = found["FCONTACTUNIT"]
    assert payee["lookups"][0]["table"] == "employee"
    assert payee["lookups"][0]["value"] == payee["value"]
    assert payee["wrapped"].lower() == "fnumber"
    settle = found["FPAYBILLENTRY[1].FSETTLETYPEID"]
    assert settle["sources"] == [{"path": "$.公司帐号付款(如需公司帐号付款请选择)", "value": None}]
    assert "JSFS04_SYS" in settle["default"]
    remark = found["FREMARK"]
    assert {one["path"] for one in remark["sources"]} >= {"title", "报销类别"}


def test_a_record_that_fails_is_explained_as_far_as_it_goes(company: Path, tmp_path: Path) -> None:
    record = json.loads((company / "schemes/tests/no_amount.json").read_text("utf-8"))
    record["extend"]["originator_userid"] = "5237000000000001"
    file = tmp_path / "claim.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    done = engine("explain", NAME, "--record", str(file), "--json", folder=company)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["document"] is None
    assert "required" in found["problem"]
    assert {"FBillNo", "FDATE"} <= {one["field"] for one in found["fields"]}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def test_the_page_holds_it_all_and_no_markup_of_strangers(company: Path, tmp_path: Path) -> None:
    record = json.loads((company / "schemes/tests/two_rows.json").read_text("utf-8"))
    record["title"] = '<script>alert("x")</script><img src=x>\x1b[2J'
    record["extend"]["originator_userid"] = "5237000000000001"
    file, page = tmp_path / "claim.json", tmp_path / "page.html"
    file.write_text(json.dumps(record), encoding="utf-8")
    done = engine("explain", NAME, "--record", str(file), "--html", str(page), folder=company)
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    tags = Tags()
    tags.feed(text)
    assert not tags.seen & {"script", "img"}
    assert "\x1b" not in text
    assert "FPAYBILLENTRY[2].FPAYTOTALAMOUNTFOR" in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["x", "--record", "y"], "not both"),
        (["--record", "nothing.json"], "nothing.json"),
        (["999"], "审批实例不存在"),
    ],
)
def test_what_cannot_be_explained_is_said(company: Path, words: list[str], told: str) -> None:
    done = engine("explain", NAME, *words, folder=company)
    assert done.returncode == 2
    assert told in done.stderr


def test_the_drawing_has_each_source_and_target(company: Path, tmp_path: Path) -> None:
    drawn = engine("graph", NAME, folder=company).stdout
    assert drawn.startswith("flowchart LR\n")
    for text in (
        "extend.business_id",
        "报销明细[*].费用明细",
        "FPAYBILLENTRY.FCOSTID 费用项目",
        "-- expense_item -->",
    ):
        assert text in drawn
    out = tmp_path / "graph.svg"
    assert engine("graph", NAME, "--format", "svg", "--out", str(out), folder=company).returncode == 0
    drawing = ElementTree.fromstring(out.read_text("utf-8"))
    texts = [each.text for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert "extend.business_id" in texts
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}path"))) > 20
