"""Fields are learnt from records and forms, kept beside the scheme, and compared with by later runs."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from connectors.company import load_company
from connectors.dingtalk.simulator.edits import edit_form
from connectors.dingtalk.simulator.form import EXPENSE_CODE
from engine.connector.api import Described
from engine.connector.simulator import SandboxState
from engine.scheme.discovered.drift import compare
from engine.scheme.discovered.file import read, written
from engine.scheme.discovered.learn import learn
from engine.scheme.discovered.masking import masked
from engine.scheme.discovered.model import Discovered

SCHEME = "expense_to_paybill"
FILE = Path("schemes/.discovered/expense_to_paybill.yaml")
FORM = Path("schemes/.discovered/kingdee.AP_PAYBILL.yaml")


def edit(prompt: Any, component: str, **how: Any) -> None:
    """Somebody edited the form three weeks ago."""
    state = SandboxState(Path(prompt.folder) / ".engine" / "sandbox")
    with state.transaction() as store:
        since = round((time.time() - 20 * 86_400) * 1000)
        edit_form(store.within("dingtalk"), EXPENSE_CODE, component, since, **how)
    state.close()


def learnt(*records: dict[str, Any], described: list[Described] | None = None) -> Discovered:
    return Discovered("s", "sandbox", learn(records, described, {}), len(records))


def told(prompt: Any, *words: str) -> list[str]:
    found = prompt("discover", SCHEME, "--json", *words).json["found"]
    return [drift["message"] for each in found for drift in each["drift"]]


# --- in the sandbox ------------------------------------------------------------------------------------


def test_what_is_not_read_yet_is_read(fresh_prompt: Any) -> None:
    found = fresh_prompt("discover", SCHEME, "--json")
    assert found.code == 0, found.err
    source, form = found.json["found"]
    fields = {field["path"]: field for field in source["fields"]}
    assert fields["$.报销明细[*].报销金额(元)"]["type"] == "decimal"
    assert fields["$.报销类别"]["choices"] == ["行政报销", "项目报销"]
    assert fields["$.总金额"]["required"]
    assert fields["$.extend.status"]["label"] == "审批状态"
    assert 0 < fields["$.行政报销类型"]["seen"] < fields["$.行政报销类型"]["of"] == source["records"]
    labels = {field["path"]: field["label"] for field in form["fields"]}
    assert labels["FPAYBILLENTRY.FPAYTOTALAMOUNTFOR"] == "应付金额"
    assert (fresh_prompt.folder / FILE).is_file()
    assert (fresh_prompt.folder / FORM).is_file()
    assert fresh_prompt("discover", SCHEME, "--check").code == 0


def test_any_form_of_the_target_can_be_asked_for(fresh_prompt: Any) -> None:
    found = fresh_prompt("discover", SCHEME, "--form", "BD_Supplier", "--json").json["found"]
    assert [each["subject"] for each in found] == [SCHEME, "kingdee.AP_PAYBILL", "kingdee.BD_Supplier"]
    assert fresh_prompt("discover", SCHEME, "--form", "no form").code == 2


def test_nobody_can_be_known_by_what_is_kept(fresh_prompt: Any) -> None:
    fresh_prompt("run", SCHEME)
    fresh_prompt("discover", SCHEME)
    kept = (fresh_prompt.folder / FILE).read_text(encoding="utf-8")
    names = {person.name for person in load_company().employees}
    assert len(names) > 3
    assert not any(name in kept for name in names)
    assert not re.search(r"[1-8]\d{5,}", kept)


def test_check_writes_nothing(fresh_prompt: Any) -> None:
    found = fresh_prompt("discover", SCHEME, "--check")
    assert found.code == 1
    assert "not kept yet" in found.out
    assert not (fresh_prompt.folder / FILE).exists()


def test_a_renamed_field_is_noticed_by_the_next_run_and_named(fresh_prompt: Any) -> None:
    fresh_prompt("run", SCHEME, "--until", "-20d")
    fresh_prompt("discover", SCHEME)
    edit(fresh_prompt, "DDPhotoField-J2X9B6LM", label="报销凭证")
    ended = fresh_prompt("run", SCHEME, "--json").json
    (warning,) = ended["warnings"]
    assert "'报销凭证拍照上传' is called '报销凭证' now" in warning
    assert ended["counts"]["failed"] == 0
    assert told(fresh_prompt, "--check") == ["renamed: $.报销凭证拍照上传 is $.报销凭证 now"]
    assert fresh_prompt("discover", SCHEME, "--check").code == 1
    fresh_prompt("discover", SCHEME)
    assert "formerly: [报销凭证拍照上传]" in (fresh_prompt.folder / FILE).read_text(encoding="utf-8")
    assert told(fresh_prompt, "--check") == []


def test_what_the_scheme_reads_is_told_once(fresh_prompt: Any) -> None:
    """The label is watched already: its records are stopped, and no second warning says so."""
    fresh_prompt("run", SCHEME, "--until", "-20d")
    fresh_prompt("discover", SCHEME)
    edit(fresh_prompt, "TextField_9B4RD2", label="用途")
    ended = fresh_prompt("run", SCHEME, "--json").json
    assert ended["counts"]["failed"] > 0
    assert "warnings" not in ended
    assert told(fresh_prompt, "--check") == ["renamed: $.报销明细[*].费用明细 is $.报销明细[*].用途 now"]


def test_a_field_that_was_taken_out_is_missing(fresh_prompt: Any) -> None:
    fresh_prompt("discover", SCHEME)
    edit(fresh_prompt, "DDAttachment_1R5W", label=None)
    assert told(fresh_prompt, "--check") == ["missing: $.附件"]


# --- learning, by itself -------------------------------------------------------------------------------


def test_a_component_counts_as_one_whatever_its_label() -> None:
    new = {"金额": "1.50", "_components": {"金额": "M1"}}
    old = {"总额": "2.50", "_components": {"总额": "M1"}}
    (field,) = learnt(new, old).fields
    assert (field.names, field.seen, field.of, field.formerly) == (("金额",), 2, 2, ("总额",))


def test_what_is_kept_is_read_back_as_it_was(tmp_path: Path) -> None:
    found = learnt(
        {"a.b": "x", "明细": [{"金额(元)": "1.5", "*": None}], "it's": True, "extend": {"n": 3}},
        described=[
            Described("明细", "明细", "array", id="T1"),
            Described("金额(元)", "金额", "decimal", "明细", "M1"),
        ],
    )
    file = tmp_path / "s.yaml"
    file.write_text(written(found), encoding="utf-8")
    again = read(file)
    assert [one.names for one in again.fields] == [one.names for one in found.fields]
    assert written(again) == written(found)
    assert compare(again, found) == []


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ({"a": "x"}, {"a": "x", "b": "y"}, "new"),
        ({"a": "x", "b": "y"}, {"a": "x"}, "missing"),
        ({"报销金额": "1.5"}, {"报销金额(元)": "1.5"}, "renamed"),
        ({"a": "1.5"}, {"a": "x"}, "type"),
        ({"a": ""}, {}, None),
    ],
)
def test_drift_without_a_form(before: dict[str, Any], after: dict[str, Any], kind: str | None) -> None:
    found = compare(learnt(before), learnt(after))
    assert [(drift.kind, drift.sure) for drift in found] == ([(kind, kind != "renamed")] if kind else [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("张三", "某某"),
        ("13800138000", "99999999999"),
        ("6222 0212 3456 7890", "9999 9999 9999 9999"),
        ("zhang.san@example.com", "xxxxx.xxx@xxxxxxx.xxx"),
        ("manager7220", "xxxxxxx9999"),
        ("2026-11-24 10:00", "yyyy-MM-dd HH:mm"),
        ("COMPLETED", "COMPLETED"),
        ("Xq5m-Zt_9b2LkP8w", "xxxx…(16)"),
    ],
)
def test_masking(value: str, shown: str) -> None:
    assert masked(value) == shown
    assert masked("研发中心", chosen=True) == "研发中心"


# --- what validate makes of it -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def discovered(prompt: Any) -> Any:
    assert prompt("discover", SCHEME).code == 0
    return prompt


@pytest.mark.parametrize(
    ("old", "new", "code", "severity", "hint"),
    [
        ("'报销明细[*]'", "", "", "", ""),
        ("报销类别 | default('', true)", "报销类别别", "S420", "error", "报销类别"),
        ("报销类别 | default('', true)", "某个字段 | default('', true)", None, "", ""),
        ("报销类别 | default('', true)", "某个字段", "S420", "error", "engine discover"),
        ("@.报销金额(元)", "@.报销金额", "S428", "error", "报销金额(元)"),
        ('"$.收款账号"', '"$.没有的字段"', "S428", "warning", "engine discover"),
    ],
)
def test_validate_knows_the_fields(
    discovered: Any, old: str, new: str, code: str | None, severity: str, hint: str
) -> None:
    file = discovered.folder / "schemes" / f"{SCHEME}.yaml"
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(text.replace(old, new), encoding="utf-8")
        found = discovered("validate", SCHEME, "--json").json["findings"]
    finally:
        file.write_text(text, encoding="utf-8")
    found = [each for each in found if each["code"] in ("S420", "S428")]
    if not code:
        assert found == []
        return
    assert {(each["code"], each["severity"]) for each in found} == {(code, severity)}
    assert all(hint in each["hint"] for each in found)


def test_a_former_label_stays_known(fresh_prompt: Any) -> None:
    """The scheme that reads both labels passes, though no record with the old one is looked at any more."""
    fresh_prompt("discover", SCHEME)
    edit(fresh_prompt, "RecipientAccountField_6M3D", label="收款人账号")
    for _ in range(2):
        fresh_prompt("discover", SCHEME, "--last", "1")
    assert "formerly: [收款账号]" in (fresh_prompt.folder / FILE).read_text(encoding="utf-8")
    assert fresh_prompt("validate", SCHEME).code == 0


def test_nothing_is_kept_of_nothing(fresh_prompt: Any) -> None:
    folder = "schemes/market/bill_status_to_dingtalk"
    found = fresh_prompt("discover", f"{folder}/bill_status_to_dingtalk.yaml")
    assert "there is nothing to learn from yet" in found.out
    assert not (fresh_prompt.folder / folder / ".discovered").exists()
