"""Somebody edits the form overnight: no document goes out with a hole, no queue is stopped for nothing."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import pytest
from outside_dingtalk import expense_form

SCHEME = "expense_to_paybill"
REMARK = 'FREMARK: "$.title"'


def choice(name: str, value: str, id: str) -> dict[str, Any]:
    return {
        "component_type": "DDSelectField",
        "id": id,
        "name": name,
        "value": value,
        "ext_value": json.dumps({"label": value, "key": "option_0"}, ensure_ascii=False),
    }


def field(name: str, value: str | None, id: str, kind: str = "TextField") -> dict[str, Any]:
    made = {"component_type": kind, "id": id, "name": name}
    return made if value is None else {**made, "value": value}


def form(amount: str = "100.00", *changed: dict[str, Any], without: str = "") -> list[dict[str, Any]]:
    """The company's form: a component given here replaces the one of its id, and stands in its place."""
    parts = [
        *expense_form([("办公费", "2024-05-06", amount)], amount)[1:],
        choice("报销类别", "行政报销", "DDSelectField_2C8QK0"),
        field("开户行", "招商银行", "TextField_8ZKXOD"),
        field("事由", "打车", "TextareaField_4T0V1"),
    ]
    own = {part["id"]: part for part in changed}
    known = [own.pop(part["id"], part) for part in parts]
    return [part for part in (*known, *own.values()) if part["id"] != without]


class Company:
    """A scheme that has paid some claims already, and the claims that follow."""

    def __init__(self, world: Any, *changes: tuple[str, str], paid: int = 6) -> None:
        self.world = world
        self.clock = 0
        world.without_callback(*changes)
        self.paid = [self.claim() for _ in range(paid)]
        if paid:
            assert self.run().few() == {"fetched": paid, "delivered": paid}

    def claim(
        self, *changed: dict[str, Any], without: str = "", days_ago: float | None = None, **more: Any
    ) -> Any:
        """One more claim, made a minute after the last one."""
        self.clock += 1
        age = 0.9 - self.clock / 1440 if days_ago is None else days_ago
        parts = form(f"{100 + self.clock}.00", *changed, without=without)
        return self.world.claim(f"{100 + self.clock}.00", days_ago=age, form=parts, **more)

    def run(self, *arguments: str) -> Any:
        return self.world.run(*arguments)

    def retry(self, *arguments: str) -> Any:
        return self.world.engine("records", "retry", SCHEME, "--json", *arguments)

    def mend(self, *changes: tuple[str, str]) -> None:
        self.world.without_callback(*changes)

    def failed(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.world.listed("--state", "failed")
        return rows

    def bill(self, claim: Any) -> dict[str, Any]:
        (found,) = [b for b in self.world.kingdee.bills if b["model"]["FBillNo"] == f"DD{claim.number}"]
        model: dict[str, Any] = found["model"]
        return model

    def bills(self) -> int:
        return len(self.world.kingdee.bills)


BANK = (REMARK, 'FREMARK: {value: "$.开户行", default: 无}')
RENAMED = field("收款银行", "招商银行", "TextField_8ZKXOD")


def stopped(company: Company, claim: Any, *words: str) -> dict[str, Any]:
    """The one failed record; its reason, place and story name what changed."""
    (row,) = company.failed()
    assert (row["number"], row["class"]) == (claim.number, "form changed"), row
    for word in words:
        assert word in row["reason"], row["reason"]
    assert row["file"].endswith("expense_to_paybill.yaml")
    assert row["line"]
    told = company.world.engine("why", claim.number).out
    assert words[0] in told
    assert "--form-as-it-is" in told
    return row


# --- fields ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paid", [1, 6])
def test_a_renamed_field_stops_its_record_though_it_has_a_default(world: Any, paid: int) -> None:
    company = Company(world, BANK, paid=paid)
    claim, other = company.claim(RENAMED), company.claim()
    found = company.run()
    assert (found.code, found.few()) == (
        1,
        {"fetched": paid + 2, "already": paid, "delivered": 1, "failed": 1},
    )
    row = stopped(company, claim, "'开户行' is called '收款银行' now")
    assert (row["field"], row["label"], row["path"]) == ("FREMARK", "开户行", "$.开户行")
    assert company.bill(other)["FREMARK"] == "招商银行"
    assert company.retry(claim.number).few() == {"fetched": 1, "failed": 1}, "nothing was mended yet"

    company.mend((REMARK, 'FREMARK: {value: "$.收款银行", default: 无}'))

    assert company.retry(claim.number).few() == {"fetched": 1, "delivered": 1}
    assert company.bill(claim)["FREMARK"] == "招商银行"


@pytest.mark.parametrize(
    "use",
    [
        'FREMARK: "$.开户行"',
        "FREMARK: \"{{ 开户行 | default('') }}\"",
        "FREMARK: \"{{ record['开户行'] if 开户行 is defined else '' }}\"",
        'FREMARK: {value: "$.title", when: "{{ 开户行 is defined }}"}',
        'FREMARK: {value: "$.没有", default: "$.开户行"}',
    ],
)
def test_wherever_the_scheme_reads_the_field(world: Any, use: str) -> None:
    company = Company(world, (REMARK, use))
    claim = company.claim(RENAMED)
    company.run()
    stopped(company, claim, "'开户行' is called '收款银行' now")


def test_a_field_that_the_scheme_does_not_read_may_be_renamed(world: Any) -> None:
    company = Company(world)
    company.claim(RENAMED)
    company.claim(without="TextField_8ZKXOD")
    assert company.run().few() == {"fetched": 8, "already": 6, "delivered": 2}


def test_a_removed_field(world: Any) -> None:
    company = Company(world, BANK)
    claim = company.claim(without="TextField_8ZKXOD")
    company.run()
    row = stopped(company, claim, "it has no '开户行', which all of the last 6 had")
    assert "perhaps" not in row["reason"]


def test_a_field_made_anew_under_another_label_is_guessed(world: Any) -> None:
    company = Company(world, BANK)
    claim = company.claim(
        field("收款开户行", "工商银行", "TextField_NEW1"),
        field("人数", "3", "NumberField_NEW2", "NumberField"),
        without="TextField_8ZKXOD",
    )
    company.run()
    stopped(company, claim, "'开户行'", "perhaps it is '收款开户行' now")


def test_another_field_under_the_old_label(world: Any) -> None:
    company = Company(world, BANK)
    claim = company.claim(RENAMED, field("开户行", "中国", "TextField_NEW1"))
    company.run()
    stopped(company, claim, "what was '开户行' is called '收款银行' now, and '开户行' is another field")


def test_with_few_documents_before_a_missing_field_means_nothing(world: Any) -> None:
    company = Company(world, BANK, paid=4)
    claim = company.claim(without="TextField_8ZKXOD")
    assert company.run().few() == {"fetched": 5, "already": 4, "delivered": 1}
    assert company.bill(claim)["FREMARK"] == "无"


def test_a_field_that_comes_and_goes_may_be_missing(world: Any) -> None:
    company = Company(world, BANK, paid=0)
    for number in range(12):
        company.claim(without="TextField_8ZKXOD" if number % 3 == 1 else "")
    assert company.run().few() == {"fetched": 12, "delivered": 12}
    company.claim(without="TextField_8ZKXOD")
    assert company.run().few() == {"fetched": 13, "already": 12, "delivered": 1}


def test_a_field_hidden_by_a_choice_may_be_missing(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    project = choice("报销类别", "项目报销", "DDSelectField_2C8QK0")
    for _ in range(4):
        company.claim(project, without="TextField_8ZKXOD")
        company.claim(project, field("开户行", None, "TextField_8ZKXOD"))
    assert company.run().few() == {"fetched": 28, "already": 20, "delivered": 8}


def test_renamed_in_the_middle_of_the_first_run(world: Any) -> None:
    company = Company(world, BANK, paid=0)
    old = [company.claim() for _ in range(8)]
    new = [company.claim(RENAMED) for _ in range(3)]
    assert company.run().few() == {"fetched": 11, "delivered": 8, "failed": 3}
    assert {row["number"] for row in company.failed()} == {claim.number for claim in new}
    assert len(old) == company.bills()


# --- the conditions -------------------------------------------------------------------------------------

WHERE = (
    """where: "{{ extend.status == 'COMPLETED' and extend.result == 'agree' }}\"""",
    """where: "{{ extend.result == 'agree' and 报销类别 | default('') == '行政报销' }}\"""",
)


def test_a_renamed_field_of_where_does_not_skip_everything(world: Any) -> None:
    company = Company(world, WHERE)
    claim = company.claim(choice("费用类别", "行政报销", "DDSelectField_2C8QK0"))
    refused = company.claim(choice("费用类别", "行政报销", "DDSelectField_2C8QK0"), result="refuse")
    project = company.claim(choice("费用类别", "项目报销", "DDSelectField_2C8QK0"))
    assert company.run().few() == {"fetched": 9, "already": 6, "skipped": 2, "failed": 1}
    row = stopped(company, claim, "'报销类别' is called '费用类别' now")
    assert (row["field"], row["path"]) == (
        "source.where",
        "{{ extend.result == 'agree' and 报销类别 | default('') == '行政报销' }}",
    )
    skipped = {each["number"] for each in world.listed("--state", "skipped")}
    assert skipped == {refused.number, project.number}, "left out under any label"

    company.mend((WHERE[0], WHERE[1].replace("报销类别 |", "费用类别 | default(报销类别) |")))
    assert company.retry(claim.number).few() == {"fetched": 1, "delivered": 1}


def test_a_removed_field_of_where_fails_only_what_it_would_have_decided(world: Any) -> None:
    company = Company(world, WHERE)
    claim = company.claim(without="DDSelectField_2C8QK0")
    company.claim(without="DDSelectField_2C8QK0", result="refuse")
    assert company.run().few() == {"fetched": 8, "already": 6, "skipped": 1, "failed": 1}
    stopped(company, claim, "it has no '报销类别'")


def test_what_is_revoked_is_held_all_the_same(world: Any) -> None:
    company = Company(world, BANK)
    company.claim(RENAMED, biz_action="REVOKE")
    company.run()
    assert [row["class"] for row in company.failed()] == ["changed after approval"]


# --- tables ---------------------------------------------------------------------------------------------


_amounts = itertools.count(70)


def table(name: str, id: str, amount: str, *labels: str) -> dict[str, Any]:
    values = {"DDDateField_7QK2M0": "2024-05-06", "MoneyField_3H8ZP5": amount, "TextField_9B4RD2": "办公费"}
    cells = [
        {"label": label, "key": key, "value": value}
        for label, (key, value) in zip(labels, values.items(), strict=True)
    ]
    return {
        "component_type": "TableField",
        "id": id,
        "name": name,
        "value": json.dumps([{"rowValue": cells, "rowNumber": "1"}], ensure_ascii=False),
    }


COLUMNS = ("费用发生日期", "报销金额(元)", "费用明细")


def plain(name: str = "报销明细", columns: tuple[str, ...] = COLUMNS) -> tuple[dict[str, Any], ...]:
    amount = f"{next(_amounts)}.00"  # two alike would be one claim handed in twice
    return table(name, "TableField_报销明细", amount, *columns), field("总金额", amount, "M_1", "MoneyField")


def tabled(world: Any, *changes: tuple[str, str]) -> Company:
    company = Company(world, *changes, paid=0)
    for _ in range(6):
        company.claim(*plain())
    assert company.run().few() == {"fetched": 6, "delivered": 6}
    return company


OPTIONAL = ('each: "$.报销明细[*]"', 'each: "$.报销明细[*]"\n        optional: true')


@pytest.mark.parametrize("changes", [(), (OPTIONAL,)], ids=["required", "optional"])
def test_a_renamed_table(world: Any, changes: tuple[Any, ...]) -> None:
    company = tabled(world, *changes)
    claim = company.claim(*plain("费用清单"))
    company.run()
    row = stopped(company, claim, "'报销明细' is called '费用清单' now")
    assert (row["field"], row["path"]) == ("FPAYBILLENTRY", "$.报销明细[*]")
    company.mend(('each: "$.报销明细[*]"', 'each: "$.费用清单[*]"'))
    assert company.retry("--class", "form changed").few() == {"fetched": 1, "delivered": 1}


def test_an_optional_table_may_be_gone(world: Any) -> None:
    company = Company(
        world, ('each: "$.项目费用明细[*]"', 'each: "$.项目费用明细[*]"\n        optional: true')
    )
    company.claim(without="TableField_项目费用明细")
    assert company.run().few() == {"fetched": 7, "already": 6, "delivered": 1}


def test_a_renamed_column(world: Any) -> None:
    company = tabled(
        world,
        ('FCOMMENT: "{{ row.费用明细 }} {{ row.费用发生日期 }}"', "FCOMMENT: x"),
    )
    claim = company.claim(*plain(columns=("费用发生日期", "报销金额(元)", "费用项目")))
    company.run()
    row = stopped(company, claim, "'报销明细.费用明细' is called '费用项目' now")
    assert row["field"] == "FPAYBILLENTRY.FCOSTID"


# --- suddenly empty -------------------------------------------------------------------------------------

EMPTY = field("开户行", None, "TextField_8ZKXOD")


def test_one_that_is_empty_is_paid(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    claim = company.claim(EMPTY)
    company.claim()
    assert company.run().few() == {"fetched": 22, "already": 20, "delivered": 2}
    assert company.bill(claim)["FREMARK"] == "无"


def test_many_that_are_empty_are_stopped_before_the_first_is_sent(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    claims = [company.claim(EMPTY) for _ in range(3)]
    full = company.claim()
    assert company.run().few() == {"fetched": 24, "already": 20, "delivered": 1, "failed": 3}
    assert company.bill(full)["FREMARK"] == "招商银行"
    rows = company.failed()
    assert {row["number"] for row in rows} == {claim.number for claim in claims}
    assert "'开户行' is empty in 3 of the last 4, and all 20 before had it" in rows[0]["reason"]
    later = company.claim(EMPTY)
    company.run()
    assert later.number in {row["number"] for row in company.failed()}, "what was stopped counts"
    assert company.retry("--class", "form changed").few() == {"fetched": 4, "failed": 4}
    company.mend()  # the field is not read any more
    assert company.retry("--class", "form changed").few() == {"fetched": 4, "delivered": 4}


def test_one_a_run_the_third_is_stopped(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    for number in range(4):
        company.claim(EMPTY)
        found = company.run().few()
        assert found.get("delivered", 0) == (1 if number < 2 else 0), number
    assert len(company.failed()) == 2


def test_now_and_then_empty_is_no_change(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    for number in range(12):
        company.claim(*([EMPTY] if number % 4 == 1 else []))
    assert company.run().few() == {"fetched": 32, "already": 20, "delivered": 12}


# --- by hand --------------------------------------------------------------------------------------------


def test_the_form_is_right_as_it_is(world: Any) -> None:
    company = Company(world, BANK)
    first, second = company.claim(without="TextField_8ZKXOD"), company.claim(without="TextField_8ZKXOD")
    company.run()
    assert company.retry(first.number, "--form-as-it-is").few() == {"fetched": 1, "delivered": 1}
    assert company.bill(first)["FREMARK"] == "无"
    assert "taken as it is, by hand" in world.engine("why", first.number).out
    assert company.retry(second.number).few() == {"fetched": 1, "delivered": 1}, "the form was accepted"
    company.claim(without="TextField_8ZKXOD")
    assert company.run().few()["delivered"] == 1
    refused = company.retry(first.number, "--again", "--form-as-it-is")
    assert (refused.code, "form" in refused.json["error"]["message"]) == (2, True)


def test_an_accepted_rename_is_accepted_for_those_that_follow(world: Any) -> None:
    company = Company(world, BANK)
    claim = company.claim(RENAMED)
    company.run()
    assert company.retry(claim.number, "--form-as-it-is").few() == {"fetched": 1, "delivered": 1}
    company.claim(RENAMED)
    assert company.run().few()["delivered"] == 1


def test_a_field_may_be_empty_from_now_on(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    first, *others = [company.claim(EMPTY) for _ in range(3)]
    company.run()
    assert len(company.failed()) == 3
    assert company.retry(others[0].number, "--form-as-it-is").few() == {"fetched": 1, "delivered": 1}
    company.claim(EMPTY)
    assert company.run().few()["delivered"] == 1, "it is known now"
    assert company.retry(first.number, others[1].number).few() == {"fetched": 2, "delivered": 2}


def test_what_was_put_off_when_a_run_died_is_judged_by_the_next(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    claims = [company.claim(EMPTY) for _ in range(3)]
    for _ in range(12):
        company.claim()
    world.dingtalk.fail("get", "kill", skip=10)
    assert world.finish(world.spawn("run", SCHEME, "--json")).code == -9
    company.claim(EMPTY)
    found = company.run()
    assert found.code in (0, 1)
    assert found.counts["failed"] == 0, "4 of 16 are too few"
    assert company.bills() == 36
    assert company.bill(claims[0])["FREMARK"] == "无"


def test_a_reconciliation_calls_it_failed(world: Any) -> None:
    company = Company(world, BANK)
    company.claim(RENAMED)
    company.run()
    told = world.engine("reconcile", SCHEME, "--json").json
    assert told["counts"] == {"failed": 1}
    (one,) = told["differences"]
    assert "收款银行" in json.dumps(one, ensure_ascii=False)


# --- claims from before the change ----------------------------------------------------------------------


def test_an_old_claim_keeps_its_form(world: Any) -> None:
    company = Company(world, BANK)
    waiting = company.claim(status="RUNNING")
    new = company.claim(RENAMED)
    company.run()
    stopped(company, new, "'收款银行'")
    waiting.status = "COMPLETED"
    world.at(timedelta(hours=2))
    assert company.run().few()["delivered"] == 1, "its form is that of its day"

    late = company.claim(days_ago=0.8999, status="RUNNING")
    company.run()
    company.mend((REMARK, 'FREMARK: {value: "$.收款银行", default: 无}'))
    assert company.retry(new.number).few() == {"fetched": 1, "delivered": 1}
    late.status = "COMPLETED"
    world.at(timedelta(hours=4))
    company.run()
    stopped(
        company, late, "'收款银行' was called '开户行' then", "{value: '$.收款银行', default: '$.开户行'}"
    )

    company.mend((REMARK, 'FREMARK: {value: "$.收款银行", default: "$.开户行"}'))
    assert company.retry(late.number).few() == {"fetched": 1, "delivered": 1}
    assert company.bill(late)["FREMARK"] == "招商银行"
    company.claim(RENAMED, days_ago=0.1)
    assert company.run().few()["delivered"] == 1, "both labels are known now"


def test_a_preview_says_the_same(world: Any) -> None:
    company = Company(world, BANK, paid=20)
    renamed = company.claim(RENAMED)
    empty = [company.claim(EMPTY) for _ in range(3)]
    shown = world.engine("preview", SCHEME, "--all", "--json").json
    assert (shown["counts"]["failed"], shown["counts"]["deliver"]) == (4, 0)
    reasons = {one["number"]: one["reason"] for one in shown["records"] if one["outcome"] == "failed"}
    assert reasons.keys() == {renamed.number, *(claim.number for claim in empty)}
    assert "'收款银行'" in reasons[renamed.number]
    one = world.engine("preview", SCHEME, "--record", renamed.id, "--json")
    assert one.json["records"][0]["outcome"] == "failed"
    company.run()
    assert len(company.failed()) == 4
