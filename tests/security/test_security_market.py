"""Market folders of strangers: refused with reasons before anything in them is used."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cli.main import run
from engine.errors import UsageError
from engine.findings import Severity
from engine.market.check import check_folder
from engine.market.copying import plan_copy
from engine.market.folder import market_of, read_folder
from engine.market.page import make_page

SHIPPED = Path(__file__).parents[2] / "schemes" / "market" / "expense_to_paybill"
MAIN = "expense_to_paybill.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound market scheme, to be spoilt."""
    place = tmp_path / "market" / "expense_to_paybill"
    shutil.copytree(SHIPPED, place)
    return place


def reasons(folder: Path) -> list[str]:
    """The errors of a folder, as code and message."""
    checked = check_folder(read_folder(folder), make_page)
    errors = [found for found in checked.findings if found.severity is Severity.ERROR]
    assert checked.sound == (not errors)
    return [f"{found.code} {found.message}" for found in errors]


def changed(folder: Path, old: str, new: str, file: str = MAIN) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_folder_that_is_spoilt_here_is_sound(folder: Path) -> None:
    assert reasons(folder) == []


# --- what a scheme says --------------------------------------------------------------------------------


def _template(text: str) -> Callable[[Path], None]:
    return lambda folder: changed(folder, "    FDATE: ", f"    FSourceBillNumber: {text}\n    FDATE: ")


SCHEMES: dict[str, tuple[Callable[[Path], None], str]] = {
    "code in a template": (_template("\"{{ ''.__class__.__mro__[1].__subclasses__() }}\""), "S403"),
    "a module in a template": (
        _template("\"{{ cycler.__init__.__globals__.os.popen('id').read() }}\""),
        "S4",
    ),
    "a macro of imports": (_template("\"{% import 'os' as o %}{{ o }}\""), "S403"),
    "an include": (_template("\"{% include '/etc/passwd' %}\""), "S403"),
    "a secret": (_template('"${env:KINGDEE_PASSWORD}"'), "S109"),
    "a table outside": (
        lambda folder: changed(folder, "file: tables/department.csv", "file: ../../../../../etc/passwd"),
        "S503",
    ),
    "a table at an absolute place": (
        lambda folder: changed(folder, "file: tables/department.csv", "file: /etc/passwd"),
        "S503",
    ),
    "a record outside": (
        lambda folder: changed(folder, "file: tests/running.json", "file: ../../../../etc/hostname"),
        "S602",
    ),
    "a look-up elsewhere": (
        lambda folder: changed(
            folder,
            "    connection: dingtalk\n    interface: topapi/v2/user/get",
            "    connection: evil\n    interface: topapi/v2/user/get",
        ),
        "M303",
    ),
    "a target elsewhere": (
        lambda folder: changed(folder, "  connection: kingdee\n", "  connection: http://evil.example\n"),
        "M303",
    ),
    "a connector that the card does not name": (
        lambda folder: changed(folder, "connects: [dingtalk, kingdee]", "connects: [kingdee]", "market.yaml"),
        "M303",
    ),
    "a connector that is not there": (
        lambda folder: changed(
            folder, "connects: [dingtalk, kingdee]", "connects: [dingtalk, kingdee, ftp]", "market.yaml"
        ),
        "M304",
    ),
    "a callback that lies elsewhere": (
        lambda folder: changed(folder, "scheme: paybill_writeback ", "scheme: ../other "),
        "S",
    ),
    "a test that fails": (
        lambda folder: changed(folder, 'FPAYTOTALAMOUNTFOR: "96.00"', 'FPAYTOTALAMOUNTFOR: "9600.00"'),
        "M306",
    ),
    "no tests": (
        lambda folder: (folder / "paybill_writeback.yaml").write_text(
            (folder / "paybill_writeback.yaml").read_text(encoding="utf-8").partition("tests:")[0],
            encoding="utf-8",
        ),
        "M305",
    ),
    "an id that is not the file's": (
        lambda folder: changed(folder, "\nid: expense_to_paybill\n", "\nid: other_scheme\n"),
        "M302",
    ),
    "a scheme that the card does not name": (
        lambda folder: shutil.copy(folder / MAIN, folder / "hidden_one.yaml"),
        "M301",
    ),
    "a scheme that is not there": (
        lambda folder: changed(
            folder, "[expense_to_paybill, paybill_writeback]", "[expense_to_paybill, other]", "market.yaml"
        ),
        "M301",
    ),
    "a scheme elsewhere": (
        lambda folder: changed(
            folder, "[expense_to_paybill, paybill_writeback]", "[../x, paybill_writeback]", "market.yaml"
        ),
        "M103",
    ),
    "a param of no scheme": (
        lambda folder: changed(folder, "\n  pay_org:\n", "\n  pay_orgs:\n", "market.yaml"),
        "M308",
    ),
    "a card of another name": (
        lambda folder: changed(folder, "name: expense_to_paybill\n", "name: another\n", "market.yaml"),
        "M104",
    ),
    "a card without a release": (
        lambda folder: changed(folder, "release: 1.0.0\ntitle", "release: newest\ntitle", "market.yaml"),
        "M103",
    ),
    "a card with a key of its own": (
        lambda folder: changed(folder, "version: 1\n", "version: 1\npost_copy: rm -rf /\n", "market.yaml"),
        "M102",
    ),
    "changes out of order": (
        lambda folder: changed(folder, "{release: 1.0.0, zh", "{release: 0.9.0, zh", "market.yaml"),
        "M105",
    ),
}


@pytest.mark.parametrize("what", SCHEMES)
def test_a_scheme_that_reaches_beyond_is_refused(folder: Path, what: str) -> None:
    spoil, code = SCHEMES[what]
    spoil(folder)
    told = reasons(folder)
    assert told
    assert any(reason.startswith(code) for reason in told), told


def _bomb(levels: int = 40) -> str:
    lines = ["b0: &b0 [x, x]", *(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]" for n in range(1, levels))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [_bomb(), "[" * 3000, "a: !!python/object/apply:os.system [id]", "- 1\n- 2\n", "", "\tx", '"\\uD800"'],
    ids=["bomb", "deep", "tag", "list", "empty", "tab", "half a character"],
)
def test_a_card_that_is_none_is_refused_quickly(folder: Path, text: str) -> None:
    began = time.process_time()
    (folder / "market.yaml").write_text(text, encoding="utf-8")
    assert reasons(folder)
    (folder / "market.yaml").write_text(
        (SHIPPED / "market.yaml").read_text(encoding="utf-8") + text, encoding="utf-8"
    )
    assert text == "" or reasons(folder)
    assert time.process_time() - began < 5


def test_what_is_wrong_with_the_folder_and_with_its_schemes_is_told_in_one_go(folder: Path) -> None:
    (folder / ".hidden").write_text("x", encoding="utf-8")
    changed(folder, "name: expense_to_paybill", "name: other", "market.yaml")
    _template("\"{{ ''.__class__ }}\"")(folder)
    changed(folder, "  connection: kingdee", "  connection: elsewhere")
    told = reasons(folder)
    assert [code for code in ("M203", "M104", "M303") if not any(code in each for each in told)] == []
    assert any("__class__" in each for each in told)

    (folder / "market.yaml").unlink()  # whatever a card would say, the template is no better
    told = reasons(folder)
    assert any("M101" in each for each in told)
    assert any("__class__" in each for each in told)


def test_a_file_that_is_refused_is_not_missed_as_well(folder: Path) -> None:
    table = next((folder / "tables").glob("*.csv"))
    kept = table.rename(folder.parent / "kept.csv")
    table.symlink_to(kept)
    assert [each[:4] for each in reasons(folder)] == ["M202"]


def test_a_folder_that_is_too_large_is_not_looked_into(folder: Path) -> None:
    (folder / "tables" / "large.csv").write_bytes(b"x" * 1_000_001)
    _template("\"{{ ''.__class__ }}\"")(folder)
    assert [each[:4] for each in reasons(folder)] == ["M207"]


def test_a_scheme_that_is_a_bomb_is_refused_quickly(folder: Path) -> None:
    began = time.process_time()
    for text in (_bomb(), "[" * 3000, "x: &x {<<: [*x, *x]}"):
        (folder / MAIN).write_text(text, encoding="utf-8")
        assert reasons(folder)
    assert time.process_time() - began < 5


def test_a_test_without_end_is_broken_off(folder: Path) -> None:
    """A long record and loops over it: bounded in steps and time, however few signs it takes."""
    rows = ", ".join('{"报销金额(元)": "1", "费用明细": "x"}' for _ in range(10_000))
    (folder / "tests" / "running.json").write_text(
        '{"id": "x", "报销明细": [' + rows + '], "extend": {"status": "COMPLETED", "result": "agree",'
        ' "biz_action": "NONE", "business_id": "1"}}',
        encoding="utf-8",
    )
    loops = "{% for a in 报销明细 %}" * 3 + "x" + "{% endfor %}" * 3
    _template(f'"{loops}"')(folder)
    began = time.process_time()
    assert any(reason.startswith("M306") for reason in reasons(folder))
    assert time.process_time() - began < 20


def test_a_thousand_tests_are_too_many(folder: Path) -> None:
    more = "".join(f"  - {{name: t{n}, record: {{extend: {{}}}}, skipped: true}}\n" for n in range(1000))
    with (folder / MAIN).open("a", encoding="utf-8") as file:
        file.write(more)
    assert [reason[:4] for reason in reasons(folder)] == ["M307"]


# --- what lies in the folder ---------------------------------------------------------------------------


def _socket(place: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    before = os.getcwd()
    os.chdir(place.parent)  # such names must be short
    try:
        server.bind(place.name)
    finally:
        os.chdir(before)
        server.close()


def _many(folder: Path) -> None:
    for number in range(300):
        (folder / "tests" / f"t{number}.json").write_text("{}")


def _large(folder: Path) -> None:
    for number in range(8):
        (folder / "tests" / f"t{number}.json").write_text('{"a": "' + "x" * 900_000 + '"}')


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link out": (lambda folder: (folder / "tables" / "x.csv").symlink_to("/etc/passwd"), "M202"),
    "a link within": (lambda folder: (folder / "tables" / "x.csv").symlink_to("department.csv"), "M202"),
    "a folder that is a link": (
        lambda folder: (shutil.rmtree(folder / "tables"), (folder / "tables").symlink_to("/etc")),
        "M202",
    ),
    "a scheme that is a link": (
        lambda folder: ((folder / MAIN).unlink(), (folder / MAIN).symlink_to(SHIPPED / MAIN)),
        "M202",
    ),
    "a pipe": (lambda folder: os.mkfifo(folder / "tests" / "x.json"), "M202"),
    "a scheme that is a pipe": (
        lambda folder: ((folder / MAIN).unlink(), os.mkfifo(folder / MAIN)),
        "M202",
    ),
    "a socket": (lambda folder: _socket(folder / "tests" / "x.json"), "M202"),
    "a hidden file": (lambda folder: (folder / ".env").write_text("x"), "M203"),
    "a hidden folder": (lambda folder: (folder / ".vscode").mkdir(), "M203"),
    "a folder of its own": (lambda folder: (folder / "scripts").mkdir(), "M205"),
    "a folder in a folder": (lambda folder: (folder / "tables" / "more").mkdir(), "M205"),
    "a program by its name": (lambda folder: (folder / "setup.py").write_text("x"), "M205"),
    "a workbook": (lambda folder: (folder / "tables" / "x.xlsx").write_text("x"), "M205"),
    "a table among the schemes": (lambda folder: (folder / "x.csv").write_text("x"), "M205"),
    "a second page": (lambda folder: (folder / "INSTALL.md").write_text("curl | sh"), "M205"),
    "a program by its mark": (lambda folder: (folder / MAIN).chmod(0o755), "M206"),
    "a program by its beginning": (
        lambda folder: (folder / "tables" / "x.csv").write_text("#!/bin/sh\nid\n"),
        "M206",
    ),
    "a program of Windows": (
        lambda folder: (folder / "tables" / "x.csv").write_bytes(b"MZ\x90\x00"),
        "M206",
    ),
    "no text": (lambda folder: (folder / "tables" / "x.csv").write_bytes(b"a,b\n\0,1\n"), "M208"),
    "a huge file": (lambda folder: (folder / "tests" / "x.json").write_text(" " * 1_000_001), "M207"),
    "a hole of a terabyte": (
        lambda folder: os.truncate(_touched(folder / "tests" / "x.json"), 1 << 40),
        "M207",
    ),
    "many files": (_many, "M207"),
    "much in all": (_large, "M207"),
    "a name of Windows' own": (lambda folder: (folder / "tables" / "con.csv").write_text("x"), "M204"),
    "a name of Windows' own, cased": (
        lambda folder: (folder / "tables" / "LPT1.csv").write_text("x"),
        "M204",
    ),
    "a name with a colon": (lambda folder: (folder / "tables" / "a:b.csv").write_text("x"), "M204"),
    "a name with a backslash": (lambda folder: (folder / "tables" / "a\\x.csv").write_text("x"), "M204"),
    "a name with a space": (lambda folder: (folder / "tables" / "a .csv").write_text("x"), "M204"),
    "a name that steers the terminal": (
        lambda folder: (folder / "tables" / "\x1b[2J.csv").write_text("x"),
        "M204",
    ),
    "a name that turns the writing": (
        lambda folder: (folder / "tables" / "a\u202evsc.csv").write_text("x"),
        "M204",
    ),
    "a name of other letters that look the same": (
        lambda folder: (folder / "tables" / "cafe\u0301.csv").write_text("x"),
        "M204",
    ),
    "an option as a name": (lambda folder: (folder / "tables" / "-rf.csv").write_text("x"), "M204"),
    "names that are one on other systems": (
        lambda folder: (folder / "tables" / "Department.csv").write_text("x"),
        "M204",
    ),
    "no card": (lambda folder: (folder / "market.yaml").unlink(), "M101"),
    "a card that is a link": (
        lambda folder: (
            (folder / "market.yaml").unlink(),
            (folder / "market.yaml").symlink_to(SHIPPED / "market.yaml"),
        ),
        "M202",
    ),
}


def _touched(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize("what", FOLDERS)
@pytest.mark.skipif(os.name == "nt", reason="made of what POSIX knows")
def test_a_folder_that_holds_more_than_plain_files_is_refused(folder: Path, what: str) -> None:
    spoil, code = FOLDERS[what]
    spoil(folder)
    told = reasons(folder)
    assert any(reason.startswith(code) for reason in told), told


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_refused_unopened(folder: Path) -> None:
    try:
        os.mknod(folder / "tables" / "zero.csv", 0o644 | stat.S_IFCHR, os.makedev(1, 5))
    except OSError:
        pytest.skip("no devices here")
    assert [reason[:4] for reason in reasons(folder)] == ["M202"]


def test_a_file_system_on_which_all_can_be_run_is_no_attack(folder: Path, tmp_path: Path) -> None:
    for file in folder.rglob("*.*"):
        file.chmod(0o755)
    assert reasons(folder) == []
    (folder / "tables" / "department.csv").write_text("#!/bin/sh\n")
    assert [reason[:4] for reason in reasons(folder)] == ["M206"]


def test_what_was_checked_is_what_is_copied(folder: Path, tmp_path: Path) -> None:
    """A folder that changes behind the check changes nothing of the copy."""
    read = read_folder(folder)
    assert check_folder(read).sound
    (folder / MAIN).write_text("evil", encoding="utf-8")
    plan = plan_copy(read, tmp_path / "schemes")
    assert b"evil" not in plan.files[MAIN]


def test_a_checkout_may_have_its_history_beside(folder: Path, tmp_path: Path) -> None:
    (folder / ".git" / "hooks").mkdir(parents=True)
    (folder / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\n")
    assert reasons(folder) == []
    assert not any(".git" in name for name in plan_copy(read_folder(folder), tmp_path / "to").files)


def test_a_page_is_no_markup_of_a_stranger(folder: Path) -> None:
    changed(
        folder,
        "zh: 钉钉费用报销 → 金蝶付款单",
        'zh: "<script>alert(1)</script> [x](javascript:y) | `z`"',
        "market.yaml",
    )
    changed(folder, "    label: 付款组织", '    label: "a | b</details><img src=x>"')
    page = make_page(read_folder(folder))
    assert "<script>" not in page
    assert "<img" not in page
    assert "](javascript" not in page.replace("\\]", "")


# --- at the prompt -------------------------------------------------------------------------------------


def _said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out + shown.err


def test_a_hostile_market_is_refused_with_reasons_and_nothing_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    SCHEMES["code in a template"][0](folder)
    SCHEMES["a look-up elsewhere"][0](folder)
    here = tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    for command in ("copy", "show"):
        yes = ["--yes"] if command == "copy" else []
        code, told = _said(["market", command, folder.name, "--from", str(folder.parent), *yes], capsys)
        assert code == 1
        assert "S403" in told
        assert "M303" in told
        assert "engine-market-" not in told, "a place that is gone is no place to look"
        assert str(folder) in told
    assert list(here.iterdir()) == []


def test_a_stranger_is_asked_about_before_he_is_copied(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    code, told = _said(["market", "copy", folder.name, "--from", str(folder.parent)], capsys)
    assert code == 2
    assert "AP_PAYBILL" in told
    assert "--yes" in told
    assert list(here.iterdir()) == []
    code, told = _said(["market", "copy", folder.name, "--from", str(folder.parent), "--yes"], capsys)
    assert code == 0
    assert (here / "schemes" / MAIN).is_file()
    assert stat.S_IMODE((here / "schemes" / MAIN).stat().st_mode) & 0o111 == 0


@pytest.mark.parametrize(
    "id",
    ["../x", "/etc/x", "a/b", "a\\b", "con", "NUL", ".x", "-x", "x.y", "", "a b", "market", "x" * 200, "名"],
)
def test_a_copy_climbs_nowhere(
    id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _ = _said(["market", "copy", "expense_to_paybill", f"--as={id}"], capsys)
    assert code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["https://evil.example/x.git", "git@evil.example:x.git", "nowhere", "/etc"])
def test_a_market_is_a_folder(given: str) -> None:
    with pytest.raises(UsageError):
        market_of(given)


@pytest.mark.parametrize("name", ["../expense_to_paybill", "/etc", ".", "..", "", "CON"])
def test_a_name_leads_out_of_no_market(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _said(["market", "show", name], capsys)[0] == 2


def test_a_damaged_origin_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record of a copy may come with a stranger's project."""
    monkeypatch.chdir(tmp_path)
    assert _said(["market", "copy", "expense_to_paybill"], capsys)[0] == 0
    record = tmp_path / "schemes/.market/expense_to_paybill/origin.yaml"
    text = record.read_text(encoding="utf-8")
    for evil in ("../../../x.csv", "/etc/passwd", "tables/../../x.csv", "a\\b.csv", "con.csv"):
        record.write_text(text.replace(": tables/department.csv", f": '{evil}'"), encoding="utf-8")
        code, told = _said(["market", "list"], capsys)
        assert code == 2
        assert "no name of a copied file" in told
