"""Copies of schemes that ship, edited by their users, and what upgrades make of them: one history a test."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import SchemeError, UsageError
from engine.market.compare import differences
from engine.market.copying import carry_out as carry_out_copy
from engine.market.copying import plan_copy
from engine.market.folder import read_folder
from engine.market.merge.reading import read_tree
from engine.market.merge.tree import Block, Entry, comments
from engine.market.naming import as_copied
from engine.market.origin import read_origin
from engine.market.upgrade import Action, Upgrade, Versions, carry_out, plan_upgrade
from engine.scheme.lint import validate
from engine.scheme.load import load_scheme, sound
from engine.scheme.testing import run_tests

MARKET = Path(__file__).parents[2] / "schemes" / "market"
SCHEMES = sorted(folder.name for folder in MARKET.iterdir() if (folder / "market.yaml").is_file())
NOW = datetime(2026, 12, 1, tzinfo=UTC)
MAIN = "expense_to_paybill.yaml"
ITEMS = "tables/expense_item.csv"


class Copy:
    """A market of one scheme, and a project with a copy of it."""

    def __init__(self, folder: Path, name: str = "expense_to_paybill", id: str | None = None) -> None:
        self.market = folder / "market" / name
        shutil.copytree(MARKET / name, self.market)
        self.to = folder / "schemes"
        self.id = id or name
        plan = plan_copy(read_folder(self.market), self.to, id=id)
        carry_out_copy(plan, "../market", NOW)
        self.releases = 0

    def text(self, file: str = MAIN) -> str:
        return (self.to / file).read_bytes().decode()

    def base(self, file: str = MAIN) -> str:
        return (self.to / ".market" / self.id / "base" / file).read_bytes().decode()

    def mine(self, *edits: tuple[str, str], file: str = MAIN) -> None:
        edit(self.to / file, *edits)

    def theirs(self, *edits: tuple[str, str], file: str = MAIN) -> None:
        edit(self.market / file, *edits)

    def market_text(self, file: str = MAIN) -> str:
        """The market's file as a copy of it would be now."""
        origin = read_origin(self.to, self.id)
        return as_copied(read_folder(self.market), origin.naming, self.to)[origin.naming.file(file)].decode()

    def release(self) -> None:
        """The market brings out what it has changed."""
        self.releases += 1
        number = f"9.{self.releases}.0"
        card = (self.market / "market.yaml").read_text("utf-8")
        card = re.sub(r"^release: .*$", f"release: {number}", card, flags=re.MULTILINE)
        line = f"changes:\n  - {{release: {number}, zh: 新版, en: A newer one}}"
        (self.market / "market.yaml").write_text(card.replace("changes:", line), "utf-8")

    def plan(self) -> Upgrade:
        return plan_upgrade(Versions.read(read_origin(self.to, self.id), read_folder(self.market)))

    def upgrade(self) -> Upgrade:
        self.release()
        planned = self.plan()
        carry_out(planned, NOW)
        return planned

    def decide(self, side: str, file: str = MAIN) -> None:
        """Choose one side everywhere, as somebody would in an editor."""
        marks = re.compile(r"^<<<<<<< .*\n((?:.*\n)*?)=======\n((?:.*\n)*?)>>>>>>> .*\n", re.MULTILINE)
        text, count = marks.subn(lambda found: found[1 if side == "mine" else 2], self.text(file))
        assert count
        (self.to / file).write_text(text, "utf-8")

    def check(self) -> None:
        """Every scheme of the copy is sound, and its tests pass."""
        for file in sorted(self.to.glob("*.yaml")):
            findings = validate(file)
            assert sound(findings), [str(finding) for finding in findings]
            scheme = load_scheme(file).scheme
            assert scheme is not None
            results = run_tests(scheme)
            assert results
            assert [result.message for result in results if not result.passed] == []


def edit(file: Path, *edits: tuple[str, str]) -> None:
    text = file.read_bytes().decode()
    for old, new in edits:
        assert text.count(old) == 1, (text.count(old), old)
        text = text.replace(old, new)
    file.write_bytes(text.encode())


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


# --- histories of one upgrade -------------------------------------------------------------------------------

BATCH = "  batch: 20\n"
OVERLAP = 'window: {start: "{{ params.start_date }}", overlap: 24h}'
BILL_TYPE = "    FBillTypeID: FKDLX02_SYS                                  # 单据类型：其他业务付款单 ★\n"
DATE = '    FDATE: "{{ extend.finish_time | date }}"                  # 业务日期：审批办结那天\n'
PAY_ORG = '    FPAYORGID: "{{ params.pay_org }}"                         # 付款组织\n'
CURRENCY = '    FCURRENCYID: "{{ params.currency }}"                      # 币别\n'
SETTLE_CURRENCY = '    FSETTLECUR: "{{ params.currency }}"                       # 结算币别\n'
REC_TYPE = "    FRECTUNITTYPE: BD_Empinfo                                 # 收款单位类型\n"
REFUSED = (
    "  - name: 被拒绝的不付\n    record: {extend: {status: COMPLETED, result: refuse}}\n    skipped: true\n"
)
PROJECT = '      - each: "$.项目费用明细[*]"\n        row:\n'
PROJECT_BLOCK = PROJECT + (
    '          FSETTLETYPEID: {value: "$.公司帐号付款(如需公司帐号付款请选择)", lookup: settle_type, '
    "default: JSFS04_SYS}\n"
    "          FPURPOSEID: SFKYT10_SYS\n"
)
GUARD = '  guard: {documents: 500, amount: "1000000", of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR}\n'
GUARD_COMMENT = "  # 一次运行最多写多少张、多少钱；超过就停下，余下的留给下一次运行。\n"
GUARD_BLOCK = (
    "  guard:\n    documents: 500\n    # 财务部定的上限\n"
    '    amount: "1000000"\n    of: FPAYBILLENTRY.FPAYTOTALAMOUNTFOR\n'
)
NEW_TEST = (
    '  - name: 我们公司的一张\n    record: {extend: {status: TERMINATED, result: ""}}\n    skipped: true\n\n'
)


@dataclass(frozen=True)
class History:
    """What the user and the market did to the scheme, what is there then, and what is in conflict."""

    mine: tuple[tuple[str, str], ...]
    theirs: tuple[tuple[str, str], ...]
    there: tuple[str, ...]
    conflicts: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    tests_pass: bool = True


HISTORIES = {
    "a constant, and another constant of the market's": History(
        mine=((BATCH, "  batch: 10\n"),),
        theirs=((OVERLAP, OVERLAP.replace("24h", "48h")),),
        there=("  batch: 10\n", "overlap: 48h}"),
    ),
    "a comment of the user's, the value of the market's": History(
        mine=(("# 往来单位：发起人\n", "# 往来单位：我们用发起人\n"), (DATE, "    # 财务要求\n" + DATE)),
        theirs=((DATE, DATE.replace("date }}", "date('%Y-%m-%d') }}")),),
        there=(
            "# 往来单位：我们用发起人\n",
            "    # 财务要求\n    FDATE: \"{{ extend.finish_time | date('%Y-%m-%d') }}\"",
        ),
    ),
    "the comment behind a value, changed by both in different ways": History(
        mine=(("# 付款组织\n", "# 付款组织：总部\n"),),
        theirs=(("# 付款组织\n", "# 付款组织（编码）\n"),),
        there=("    # 付款组织（编码）\n" + PAY_ORG.replace("# 付款组织\n", "# 付款组织：总部\n"),),
    ),
    "fields in another order, and a new field of the market's": History(
        mine=((BILL_TYPE + DATE, DATE + BILL_TYPE), (CURRENCY + SETTLE_CURRENCY, SETTLE_CURRENCY + CURRENCY)),
        theirs=(
            (
                REC_TYPE,
                '    FBUSINESSTYPE: "FYBX"                                     # 业务类型\n' + REC_TYPE,
            ),
        ),
        there=(DATE + BILL_TYPE, SETTLE_CURRENCY + CURRENCY, "# 业务类型\n" + REC_TYPE),
    ),
    "fields in another order on the market's side": History(
        mine=((PAY_ORG, PAY_ORG.replace("{{ params.pay_org }}", "100")),),
        theirs=((CURRENCY + SETTLE_CURRENCY, SETTLE_CURRENCY + CURRENCY),),
        there=(SETTLE_CURRENCY + CURRENCY, '    FPAYORGID: "100" '),
    ),
    "a field removed, and its neighbours changed by the market": History(
        mine=((SETTLE_CURRENCY, ""),),
        theirs=((CURRENCY, CURRENCY.replace("# 币别", "# 币别：人民币")),),
        there=("# 币别：人民币\n",),
        gone=('    FSETTLECUR: "{{',),
        tests_pass=False,
    ),
    "a field added behind one that the market changed": History(
        mine=((DATE, DATE + '    FACCOUNTREMARK: {value: "$.title", label: 我们的备注}   # 我们加的\n'),),
        theirs=((DATE, DATE.replace("审批办结那天", "办结日")),),
        there=(
            '# 业务日期：办结日\n    FACCOUNTREMARK: {value: "$.title", label: 我们的备注}   # 我们加的\n',
        ),
    ),
    "both added a field in the same place": History(
        mine=((DATE, DATE + '    FACCOUNTREMARK: {value: "$.title", label: 我们的备注}\n'),),
        theirs=((DATE, DATE + "    FBUSINESSTYPE: FYBX\n"),),
        there=("    FACCOUNTREMARK: ", "    FBUSINESSTYPE: FYBX\n"),
    ),
    "a param's default, renamed by the user": History(
        mine=(("    default: PROC-EXPENSE-SANDBOX\n", "    default: PROC-OURS  # 我们的模板\n"),),
        theirs=(("    label: 审批流的唯一码\n", "    label: 审批模板的唯一码\n"),),
        there=("    label: 审批模板的唯一码\n", "    default: PROC-OURS  # 我们的模板\n"),
    ),
    "tests added by both": History(
        mine=((REFUSED, NEW_TEST + REFUSED),),
        theirs=((REFUSED, REFUSED + "\n" + REFUSED.replace("被拒绝的不付", "新的一张")),),
        there=(NEW_TEST + REFUSED, "  - name: 新的一张\n"),
    ),
    "a purpose of one block of rows, taken out of the other by the market": History(
        mine=((PROJECT_BLOCK, PROJECT_BLOCK.replace("SFKYT10_SYS", "SFKYT10_SYS   # 我们的用途")),),
        theirs=(
            ("          FPURPOSEID: SFKYT10_SYS                             # 付款用途：费用报销\n", ""),
        ),
        there=("FPURPOSEID: SFKYT10_SYS   # 我们的用途\n",),
        gone=("# 付款用途：费用报销",),
        tests_pass=False,
    ),
    "neighbouring lines changed by each": History(
        mine=((BATCH, "  batch: 10                              # 慢一点\n"),),
        theirs=(("  until: audit      ", "  until: submit     "),),
        there=("  batch: 10                              # 慢一点\n  until: submit     ",),
    ),
    "the same leaf changed in the same way": History(
        mine=((BATCH, "  batch: 5\n"),),
        theirs=((BATCH, "  batch: 5\n"), (OVERLAP, OVERLAP.replace("24h", "36h"))),
        there=("  batch: 5\n", "overlap: 36h}"),
    ),
    "the same leaf changed in different ways": History(
        mine=((BATCH, "  batch: 10\n"),),
        theirs=((BATCH, "  batch: 5\n"),),
        there=("<<<<<<< 我的 mine\n  batch: 10\n=======\n  batch: 5\n>>>>>>> 市场 market 9.1.0\n",),
        conflicts=("target.batch",),
    ),
    "removed by the user, changed by the market": History(
        mine=((GUARD, ""),),
        theirs=((GUARD, GUARD.replace("500", "300")),),
        there=("<<<<<<< 我的 mine\n=======\n  # 一次运行最多写多少张、多少钱；", "documents: 300"),
        conflicts=("target.guard",),
    ),
    "changed by the user, removed by the market": History(
        mine=((GUARD, GUARD.replace("500", "50")),),
        theirs=((GUARD_COMMENT + GUARD, ""),),
        there=("documents: 50,", "=======\n>>>>>>> 市场 market 9.1.0\n"),
        conflicts=("target.guard",),
    ),
    "a row of one block in a list changed by each": History(
        mine=((PROJECT_BLOCK, PROJECT_BLOCK.replace("default: JSFS04_SYS", "default: JSFS03_SYS")),),
        theirs=(
            (PROJECT_BLOCK, PROJECT_BLOCK.replace("FPURPOSEID: SFKYT10_SYS", "FPURPOSEID: SFKYT08_SYS")),
        ),
        there=(
            PROJECT_BLOCK.replace("default: JSFS04_SYS", "default: JSFS03_SYS").replace(
                "FPURPOSEID: SFKYT10_SYS", "FPURPOSEID: SFKYT08_SYS"
            ),
        ),
        tests_pass=True,
    ),
    "what selects the rows of a block changed by both": History(
        mine=((PROJECT, PROJECT.replace("项目费用明细[*]", "我们的明细[*]")),),
        theirs=((PROJECT, PROJECT.replace("项目费用明细[*]", "项目明细[*]")),),
        there=(
            '<<<<<<< 我的 mine\n      - each: "$.我们的明细[*]"\n=======\n',
            '      - each: "$.项目明细[*]"\n>>>>>>> 市场 market 9.1.0\n        row:\n',
        ),
        conflicts=("target.mapping.FPAYBILLENTRY[1].each",),
        tests_pass=False,
    ),
    "written out by the user, changed on one line by the market": History(
        mine=((GUARD, GUARD_BLOCK.replace("500", "80")),),
        theirs=((GUARD, GUARD.replace("1000000", "2000000")),),
        there=(GUARD_BLOCK.replace("500", "80").replace("1000000", "2000000"),),
    ),
    "on one line by the user, written out by the market": History(
        mine=((GUARD, GUARD.replace("500", "80")),),
        theirs=((GUARD, GUARD_BLOCK.replace("    # 财务部定的上限\n", "").replace("1000000", "2000000")),),
        there=(GUARD.replace("500", "80").replace("1000000", "2000000"),),
    ),
    "one line of two leaves, changed by each": History(
        mine=((GUARD, GUARD.replace("500", "80")),),
        theirs=((GUARD, GUARD.replace("1000000", "2000000")),),
        there=(GUARD.replace("500", "80").replace("1000000", "2000000"),),
    ),
    "a line of a long text": History(
        mine=((" | select | join(' / ') | cut(255) }}", " | select | join(' - ') | cut(255) }}"),),
        theirs=((OVERLAP, OVERLAP.replace("24h", "12h")),),
        there=("join(' - ') | cut(255)", "overlap: 12h"),
        tests_pass=False,
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history(copy: Copy, name: str) -> None:
    history = HISTORIES[name]
    copy.mine(*history.mine)
    copy.theirs(*history.theirs)
    base, mine, theirs = copy.base(), copy.text(), copy.market_text()
    planned = copy.upgrade()
    result = copy.text()

    for part in history.there:
        assert part in result
    for part in history.gone:
        assert part not in result
    main = next(file for file in planned.files if file.name == MAIN)
    assert tuple(choice.path for choice in main.choices) == history.conflicts
    assert main.action is (Action.CONFLICT if history.conflicts else Action.MERGED)
    assert copy.base() == theirs

    if history.conflicts:
        lines = result.splitlines()
        assert [lines[choice.line - 1] for choice in main.choices] == ["<<<<<<< 我的 mine"] * len(
            main.choices
        )
        assert {finding.code for finding in validate(copy.to / MAIN)} == {"S108"}
        with pytest.raises(SchemeError, match="nobody has chosen"):
            copy.plan()
        copy.decide("mine")
        result = copy.text()
    nothing_is_lost(base, mine, theirs, result)
    if "market's side" not in name:
        assert in_users_order(mine, result)
    findings = validate(copy.to / MAIN)
    assert sound(findings), [str(finding) for finding in findings]
    scheme = load_scheme(copy.to / MAIN).scheme
    assert scheme is not None
    results = run_tests(scheme)
    assert results
    if history.tests_pass:
        assert [each.message for each in results if not each.passed] == []
    assert copy.plan().choices == 0


def nothing_is_lost(base: str, mine: str, theirs: str, result: str) -> None:
    """What came in is the market's, and none of it stands where the user has changed something."""
    yours, markets, came = (
        {(change.kind == "comment", change.path, str(change.after)) for change in differences(*pair)}
        for pair in (
            ({MAIN: old.encode()}, {MAIN: new.encode()})
            for old, new in ((base, mine), (base, theirs), (mine, result))
        )
    )
    assert {(is_comment, path) for is_comment, path, _ in came} <= {each[:2] for each in markets}
    assert not {path for is_comment, path, _ in came if not is_comment} & {
        path for is_comment, path, _ in yours if not is_comment
    }
    gone = comments(read_tree(mine)) - comments(read_tree(result))
    assert gone <= comments(read_tree(base)) - comments(read_tree(theirs))


def in_users_order(mine: str, result: str) -> bool:
    own, merged = (
        in_order(read_tree(mine), "target", "mapping"),
        in_order(read_tree(result), "target", "mapping"),
    )
    return [key for key in own if key in merged] == [key for key in merged if key in own]


def in_order(tree: Block, *path: str) -> list[str]:
    """The keys of a mapping, in order."""
    value = tree
    for key in path:
        found = next(entry.value for entry in value.entries if entry.key == key)
        assert isinstance(found, Block)
        value = found
    return [entry.key or "" for entry in value.entries]


def part(text: str, *path: str | int) -> str:
    """The text of a part of a scheme, with what stands above it."""
    value: Block = read_tree(text)
    for step in path[:-1]:
        found = value.entries[step] if isinstance(step, int) else entry_of(value, step)
        assert isinstance(found.value, Block)
        value = found.value
    last = path[-1]
    return (value.entries[last] if isinstance(last, int) else entry_of(value, last)).text


def entry_of(block: Block, key: str) -> Entry:
    return next(entry for entry in block.entries if entry.key == key)


def test_a_block_moved_to_another_place(copy: Copy) -> None:
    life, tables = part(copy.text(), "life"), part(copy.text(), "tables")
    copy.mine((life, ""))
    copy.mine((tables, life + tables))
    copy.theirs(("  watch: 30d ", "  watch: 40d "), (OVERLAP, OVERLAP.replace("24h", "48h")))
    assert copy.upgrade().choices == 0
    assert life.replace("30d", "40d") + tables in copy.text()
    assert "overlap: 48h" in copy.text()
    copy.check()


def test_blocks_of_rows_in_another_order(copy: Copy) -> None:
    path = ("target", "mapping", "FPAYBILLENTRY")
    first, second = part(copy.text(), *path, 0), part(copy.text(), *path, 1)
    copy.mine((first + second, second + first.replace("cut(200)", "cut(100)")))
    changed = second.replace("FPURPOSEID: SFKYT10_SYS", "FPURPOSEID: SFKYT08_SYS")
    copy.theirs((second, changed))
    assert copy.upgrade().choices == 0
    assert changed + first.replace("cut(200)", "cut(100)") in copy.text()
    copy.check()


def test_a_field_that_the_user_made_a_comment_and_the_market_changed(copy: Copy) -> None:
    copy.mine((SETTLE_CURRENCY, "    # 我们不用：\n    # FSETTLECUR: x\n"))
    copy.theirs((SETTLE_CURRENCY, SETTLE_CURRENCY.replace("params.currency", "params.settle_currency")))
    planned = copy.upgrade()
    assert planned.choices == 1
    text = copy.text()
    assert "    # 我们不用：\n    # FSETTLECUR: x\n" in text
    assert "=======\n" + SETTLE_CURRENCY.replace("params.currency", "params.settle_currency") in text
    copy.decide("mine")
    assert sound(validate(copy.to / MAIN))


# --- tables, samples, and more than one upgrade -------------------------------------------------------------


def actions(planned: Upgrade) -> dict[str, Action]:
    return {file.name: file.action for file in planned.files if file.action is not Action.SAME}


def test_rows_of_a_table_are_merged_by_their_key(copy: Copy) -> None:
    copy.mine(
        ("快递费,FYXM07_SYS\n", "快递费,FYXM77_SYS\n工程款,FYXM20_SYS\n"),
        ("会议费,FYXM09_SYS\n", ""),
        file=ITEMS,
    )
    copy.theirs(
        ("办公费,FYXM05_SYS\n", "办公费,FYXM55_SYS\n"),
        ("费用明细,费用项目编码\n", "费用明细,费用项目编码\n打车费,FYXM01_SYS\n"),
        file=ITEMS,
    )
    assert actions(copy.upgrade()) == {ITEMS: Action.MERGED}
    lines = copy.text(ITEMS).splitlines()
    assert lines[:3] == ["费用明细,费用项目编码", "打车费,FYXM01_SYS", "差旅费-市内交通,FYXM01_SYS"]
    assert {"快递费,FYXM77_SYS", "工程款,FYXM20_SYS", "办公费,FYXM55_SYS"} <= set(lines)
    assert not any(line.startswith("会议费") for line in lines)
    assert load_scheme(copy.to / MAIN).scheme is not None


def test_a_row_that_both_changed_is_in_conflict_and_the_table_says_so(copy: Copy) -> None:
    copy.mine(("办公费,FYXM05_SYS\n", "办公费,FYXM50_SYS\n"), file=ITEMS)
    copy.theirs(("办公费,FYXM05_SYS\n", "办公费,FYXM55_SYS\n"), file=ITEMS)
    planned = copy.upgrade()
    assert planned.choices == 1
    assert (
        "<<<<<<< 我的 mine\n办公费,FYXM50_SYS\n=======\n办公费,FYXM55_SYS\n>>>>>>> 市场 market 9.1.0\n"
        in (copy.text(ITEMS))
    )
    assert "S108" in {finding.code for finding in validate(copy.to / MAIN)}
    with pytest.raises(SchemeError, match="nobody has chosen"):
        copy.plan()
    copy.decide("theirs", ITEMS)
    assert sound(validate(copy.to / MAIN))


def test_a_table_that_a_spreadsheet_program_saved_keeps_its_encoding(copy: Copy) -> None:
    file = copy.to / ITEMS
    file.write_bytes(
        file.read_text("utf-8").replace("\n", "\r\n").replace("FYXM07", "FYXM70").encode("gb18030")
    )
    copy.theirs(("办公费,FYXM05_SYS\n", "办公费,FYXM55_SYS\n"), file=ITEMS)
    copy.upgrade()
    text = file.read_bytes().decode("gb18030")
    assert text.count("\r\n") == text.count("\n")
    assert "快递费,FYXM70_SYS\r\n" in text
    assert "办公费,FYXM55_SYS\r\n" in text


def test_a_new_column_of_a_table(copy: Copy) -> None:
    copy.mine(("办公费,FYXM05_SYS\n", "办公费,FYXM50_SYS\n工程款,FYXM20_SYS\n"), file=ITEMS)
    rows = (copy.market / ITEMS).read_text("utf-8").splitlines()
    wide = [f"{rows[0]},说明", *(f"{row},x" for row in rows[1:])]
    (copy.market / ITEMS).write_text("\n".join(wide) + "\n", "utf-8")
    copy.upgrade()
    lines = copy.text(ITEMS).splitlines()
    assert lines[0] == "费用明细,费用项目编码,说明"
    assert "办公费,FYXM50_SYS,x" in lines
    assert "工程款,FYXM20_SYS," in lines
    assert sound(validate(copy.to / MAIN))


def test_a_sample_record_is_taken_whole_or_laid_beside(copy: Copy) -> None:
    two_rows, running = "tests/two_rows.json", "tests/running.json"
    for file in (two_rows, running):
        sample = copy.market / file
        sample.write_text(sample.read_text("utf-8").rstrip() + "\n\n\n", "utf-8")
    mine = (copy.to / two_rows).read_text("utf-8") + " "
    (copy.to / two_rows).write_text(mine, "utf-8")
    planned = copy.upgrade()
    assert actions(planned) == {two_rows: Action.BESIDE, running: Action.TAKEN}
    assert copy.text(two_rows) == mine
    assert copy.text(two_rows + ".market") == (copy.market / two_rows).read_text("utf-8")
    assert copy.text(running) == (copy.market / running).read_text("utf-8")
    with pytest.raises(UsageError, match="still lies beside yours"):
        copy.plan()
    (copy.to / (two_rows + ".market")).unlink()
    assert not copy.plan().is_needed
    copy.check()


def test_two_upgrades_one_after_the_other(copy: Copy) -> None:
    copy.mine((BATCH, "  batch: 10   # 我们慢一点\n"), (REFUSED, NEW_TEST + REFUSED))
    copy.theirs((OVERLAP, OVERLAP.replace("24h", "48h")))
    copy.upgrade()
    copy.mine((PAY_ORG, PAY_ORG.replace("{{ params.pay_org }}", "100")))
    copy.theirs(
        (OVERLAP.replace("24h", "48h"), OVERLAP.replace("24h", "72h")),
        ("  until: audit      ", "  until: submit     "),
    )
    planned = copy.upgrade()
    text = copy.text()
    assert actions(planned) == {MAIN: Action.MERGED}
    assert {"  batch: 10   # 我们慢一点\n" in text, NEW_TEST in text, "overlap: 72h" in text} == {True}
    assert "until: submit " in text
    assert '    FPAYORGID: "100" ' in text
    assert read_origin(copy.to, copy.id).release == "9.2.0"
    copy.check()


@pytest.mark.parametrize("side", ["mine", "theirs"])
def test_a_conflict_that_was_decided_does_not_come_again(copy: Copy, side: str) -> None:
    copy.mine((BATCH, "  batch: 10\n"))
    copy.theirs((BATCH, "  batch: 5\n"))
    assert copy.upgrade().choices == 1
    copy.decide(side)
    copy.theirs((OVERLAP, OVERLAP.replace("24h", "48h")))
    planned = copy.upgrade()
    assert planned.choices == 0
    assert ("  batch: 10\n" if side == "mine" else "  batch: 5\n") in copy.text()
    assert "overlap: 48h" in copy.text()
    copy.check()
    copy.theirs(("  batch: 5\n", "  batch: 15\n"))
    assert copy.upgrade().choices == (1 if side == "mine" else 0)


def test_an_upgrade_that_was_broken_off_is_done_again(copy: Copy) -> None:
    """The files are written, and then the power fails: base and origin are still of the older release."""
    copy.mine((BATCH, "  batch: 10\n"))
    copy.theirs((OVERLAP, OVERLAP.replace("24h", "48h")))
    copy.release()
    planned = copy.plan()
    for file in planned.files:
        if file.data is not None:
            (copy.to / file.name).write_bytes(file.data)
    again = copy.plan()
    assert again.is_needed
    assert again.choices == 0
    carry_out(again, NOW)
    assert "  batch: 10\n" in copy.text()
    assert "overlap: 48h" in copy.text()
    assert not copy.plan().is_needed
    copy.check()


def test_line_endings_of_the_users_editor_stay(copy: Copy) -> None:
    file = copy.to / MAIN
    file.write_bytes(("\ufeff" + copy.text().replace(BATCH, "  batch: 10\n")).replace("\n", "\r\n").encode())
    copy.theirs((OVERLAP, OVERLAP.replace("24h", "48h")))
    copy.upgrade()
    text = copy.text()
    assert text.startswith("\ufeff#")
    assert text.count("\r\n") == text.count("\n")
    assert "  batch: 10\r\n" in text
    assert "overlap: 48h" in text
    copy.check()


def test_a_checkout_with_other_line_endings_is_no_edit(copy: Copy) -> None:
    for file in copy.to.rglob("*.*"):
        if file.is_file() and ".market" not in file.name:
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    copy.theirs((OVERLAP, OVERLAP.replace("24h", "48h")))
    assert actions(copy.upgrade()) == {MAIN: Action.TAKEN}
    assert copy.text().count("\r\n") == copy.text().count("\n")
    copy.check()


def test_files_that_come_and_go(copy: Copy) -> None:
    """A new sample comes in; one that the market dropped stays; one that the user removed stays removed."""
    (copy.to / "tests" / "running.json").unlink()
    edit(
        copy.to / MAIN,
        (found_test(copy.text(), "tests/running.json"), ""),
    )
    new = "  - name: 新的一张\n    record: {file: tests/another.json}\n    skipped: true\n\n"
    (copy.market / "tests" / "another.json").write_text(
        '{"extend": {"status": "TERMINATED", "result": ""}}', "utf-8"
    )
    copy.theirs((REFUSED, new + REFUSED))
    dropped = found_test(copy.text(), "tests/thousands.json")
    copy.theirs((dropped, ""))
    (copy.market / "tests" / "thousands.json").unlink()
    planned = copy.upgrade()
    assert actions(planned) == {
        MAIN: Action.MERGED,
        "tests/another.json": Action.ADDED,
        "tests/running.json": Action.ABSENT,
        "tests/thousands.json": Action.LEFT,
    }
    assert (copy.to / "tests" / "thousands.json").is_file()
    assert not (copy.to / "tests" / "running.json").exists()
    assert dropped not in copy.text()
    copy.check()


def found_test(text: str, file: str) -> str:
    """A test of a scheme by the sample that it names, with what stands above it."""
    tree = read_tree(text)
    tests = next(entry.value for entry in tree.entries if entry.key == "tests")
    assert isinstance(tests, Block)
    return next(entry.text for entry in tests.entries if f"file: {file}" in entry.text)


def test_a_copy_under_another_name_is_upgraded_under_it(tmp_path: Path) -> None:
    copy = Copy(tmp_path, id="our_claims")
    ours = "our_claims.yaml"
    copy.mine((BATCH, "  batch: 10\n"), file=ours)
    copy.theirs((OVERLAP, OVERLAP.replace("24h", "48h")))
    planned = copy.upgrade()
    assert actions(planned) == {ours: Action.MERGED}
    text = copy.text(ours)
    assert {"id: our_claims\n" in text, "  batch: 10\n" in text, "overlap: 48h" in text} == {True}
    assert "expense_to_paybill.yaml" not in text
    copy.check()


def test_a_name_that_is_taken_by_something_else_is_not_written_over(copy: Copy) -> None:
    (copy.to / "tests" / "another.json").write_text('{"ours": 1}', "utf-8")
    (copy.market / "tests" / "another.json").write_text(
        '{"extend": {"status": "TERMINATED", "result": ""}}', "utf-8"
    )
    copy.theirs(
        (REFUSED, REFUSED + "\n  - name: 新的\n    record: {file: tests/another.json}\n    skipped: true\n")
    )
    copy.upgrade()
    assert copy.text("tests/another.json") == '{"ours": 1}'
    assert "record: {file: tests/expense_to_paybill_another.json}" in copy.text()
    copy.check()


def test_an_older_release_is_refused(copy: Copy) -> None:
    copy.upgrade()
    card = copy.market / "market.yaml"
    card.write_text((MARKET / "expense_to_paybill" / "market.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(UsageError, match=r"9\.1\.0, which is newer"):
        copy.plan()


# --- every scheme that ships --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEMES)
def test_every_scheme_that_ships_takes_both_sides_comments_and_tests(tmp_path: Path, name: str) -> None:
    copy = Copy(tmp_path, name)
    main = f"{read_folder(copy.market).card.main}.yaml"  # type: ignore[union-attr]
    tests = next(entry for entry in read_tree(copy.text(f"{name}.yaml")).entries if entry.key == "tests")
    assert isinstance(tests.value, Block)
    last = tests.value.entries[-1]
    second = last.text.replace("- name: ", "- name: 我们的", 1)
    first = last.text.replace("- name: ", "- name: 市场的", 1)
    copy.mine((last.body, last.body + second), file=f"{name}.yaml")
    copy.theirs((last.body, first.lstrip("\n") + last.body), file=main)
    commented(copy.to / f"{name}.yaml", "# 我们的", 0)
    commented(copy.market / main, "# 市场的", 1)
    mine = copy.text(f"{name}.yaml")

    planned = copy.upgrade()

    text = copy.text(f"{name}.yaml")
    assert planned.choices == 0
    assert [line for line in mine.splitlines() if line in text.splitlines()] == mine.splitlines()
    for side in ("我们的", "市场的"):
        assert text.count(f"# {side}") > 5
        assert f"- name: {side}" in text
    copy.check()


def commented(file: Path, comment: str, parity: int) -> None:
    """Put a comment above every other entry of the file, and of its mapping."""
    lines: list[str] = []
    count = 0
    for line in file.read_text("utf-8").splitlines(keepends=True):
        found = re.match(r"((?:    )?)[A-Za-z]\w*: ?", line)
        if found is not None:
            count += 1
            if count % 2 == parity:
                lines.append(f"{found[1]}{comment} {count}\n")
        lines.append(line)
    file.write_text("".join(lines), "utf-8")
