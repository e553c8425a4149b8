"""What a scheme reads of a form, and when a form counts as changed: the rules, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.clock import SHANGHAI
from engine.errors import Position
from engine.mapping.paths import parse_path
from engine.mapping.reads import read_by_path, read_by_template, table_of
from engine.mapping.templates import parse_template
from engine.run.changes import FEW, MANY, Change, Doubt, Known, find
from engine.run.shape import Shape
from engine.scheme.reads import Read

PLACE = Position("scheme.yaml")
START = datetime(2026, 11, 1, tzinfo=SHANGHAI)


# --- what is read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spots"),
    [
        ("$.总金额", {("", "总金额")}),
        ("$['a','b']", {("", "a"), ("", "b")}),
        ("$._ext.收款账号.cardNo", {("", "收款账号")}),
        ("$.备注#TextField-K2AD4O5B", {("", "备注#TextField-K2AD4O5B")}),
        ("$.明细[*]", {("", "明细")}),
        ("$.明细[0].金额", {("", "明细"), ("明细", "金额")}),
        ("@.金额", {("明细", "金额")}),
        ("@._ext.部门[0].id", {("明细", "部门")}),
        ("$.extend.status", set()),
        ("$.id", set()),
        ("$", set()),
        ("$..金额", set()),
    ],
)
def test_what_a_path_reads(text: str, spots: set[tuple[str, str]]) -> None:
    assert read_by_path(parse_path(text, PLACE), "明细") == spots


def test_which_table_a_block_goes_through() -> None:
    assert table_of(parse_path("$.明细[*]", PLACE)) == "明细"
    assert table_of(parse_path("$.extend.list[*]", PLACE)) is None
    assert table_of(parse_path("@.明细[*]", PLACE)) is None


@pytest.mark.parametrize(
    ("text", "spots"),
    [
        ("{{ 总金额 | decimal }}", {("", "总金额")}),
        ("{{ record['公司帐号(如需)'] | default('x', true) }}", {("", "公司帐号(如需)")}),
        ("{{ record._ext.收款账号.cardNo }}", {("", "收款账号")}),
        (
            "{{ row.金额 }} {{ row['事由'] }} {{ parent.部门 }}",
            {("内", "金额"), ("内", "事由"), ("外", "部门")},
        ),
        ("{% for r in 明细 %}{{ r.金额 }}{{ loop.index }}{% endfor %}", {("", "明细"), ("明细", "金额")}),
        (
            "{% set t = 明细 | sort %}{% for r in t if r.a %}{{ r.b }}{% endfor %}",
            {("", "明细"), ("明细", "a"), ("明细", "b")},
        ),
        ("{{ (明细 | first).金额 }} {{ 明细[0]['税'] }}", {("", "明细"), ("明细", "金额"), ("明细", "税")}),
        ("{{ a if b is defined else c }}", {("", "a"), ("", "b"), ("", "c")}),
        ("{{ 部门.strip() }}", {("", "部门")}),
        ("{{ extend.status }}{{ title }}{{ id }}{{ params.x }}{{ document.F }}{{ total('A.B') }}", set()),
    ],
)
def test_what_a_template_reads(text: str, spots: set[tuple[str, str]]) -> None:
    assert read_by_template(parse_template(text, PLACE), ("外", "内")) == spots


# --- when a form counts as changed ------------------------------------------------------------------------

BANK, AMOUNT = ("", "开户行"), ("", "总金额")
USED = Read(BANK, "$.开户行", PLACE, "target", "FREMARK")
READS = {BANK: (USED,)}


def shape(number: int, **fields: Any) -> Shape:
    """The `number`th form: labels with their component's id, or with (id, None) where they are empty."""
    given = fields or {"开户行": "TextField_1AAAA"}
    spots = {("", label): id for label, id in {"总金额": "MoneyField_9ZZZ", **given}.items()}
    empty = {spot for spot, id in spots.items() if isinstance(id, tuple)}
    ids = {spot: id[0] if isinstance(id, tuple) else id for spot, id in spots.items()}
    return Shape(
        id=f"r{number}",
        at=START + timedelta(hours=number),
        fields={spot: "" if spot in empty else "text" for spot in spots},
        filled=frozenset(spots.keys() - empty),
        tables=frozenset(),
        components={spot: id for spot, id in ids.items() if id},
        choices={},
        values={},
    )


def usual(count: int, first: int = 0) -> list[Shape]:
    return [shape(first + number) for number in range(count)]


def seen(one: Shape, sent: list[Shape], *, open_: tuple[Shape, ...] = ()) -> list[Any]:
    return find(one, READS, Known(sent, (), open_))


EMPTY = {"开户行": ("TextField_1AAAA", None)}
GONE = {"事由": "TextField_2BBBB"}


def test_the_same_form_is_no_change() -> None:
    assert seen(shape(30), usual(30)) == []


def test_a_rename_is_certain_after_one_document() -> None:
    (found,) = seen(shape(30, 收款银行="TextField_1AAAA"), usual(1))
    assert (found.kind, found.new, found.before) == ("renamed", "收款银行", 1)


def test_a_rename_that_the_scheme_knows_is_none() -> None:
    both = {**READS, ("", "收款银行"): (USED,)}
    assert find(shape(30, 收款银行="TextField_1AAAA"), both, Known(usual(20))) == []


def test_a_rename_that_was_sent_once_is_accepted() -> None:
    renamed = {"收款银行": "TextField_1AAAA"}
    assert seen(shape(31, **renamed), [*usual(20), shape(30, **renamed)]) == []


def test_ids_that_only_count_the_components_prove_nothing() -> None:
    sent = [shape(number, 开户行="K_1", 事由="K_2") for number in range(FEW - 1)]
    assert seen(shape(30, 事由="K_1"), sent) == [Doubt(BANK, ignorant=True)]
    added = shape(30, 部门="K_1", 开户行="K_2", 事由="K_3")
    assert seen(added, [*sent, shape(20, 开户行="K_1", 事由="K_2")]) == []


def test_a_form_of_before_the_rename_is_told_as_such() -> None:
    later = [shape(number) for number in range(10, 20)]
    (found,) = seen(shape(1, 银行="TextField_1AAAA"), later)
    assert (found.kind, found.new) == ("older", "银行")


def test_without_ids_a_new_label_is_guessed() -> None:
    def bare(one: Shape) -> Shape:
        return replace(one, components={})

    sent = [bare(one) for one in usual(FEW)]
    (found,) = seen(shape(30, 部门="T_2", 收款开户行="T_1"), sent)
    assert (found.kind, found.new) == ("gone", "收款开户行")
    assert seen(shape(30), sent) == []


def test_a_human_accepts_the_form_for_all_that_are_like_it() -> None:
    for lacking in (GONE, EMPTY, {"收款银行": "TextField_1AAAA"}):
        accepted = replace(shape(33, **lacking), accepted=True)
        alike = tuple(shape(30 + number, **lacking) for number in range(3))
        assert seen(alike[0], [*usual(MANY), accepted], open_=alike) == []


def test_two_fields_that_share_a_component_are_no_rename() -> None:
    span = {"开户行": "DDDateRange_1", "结束": "DDDateRange_1"}
    sent = [shape(number, **span) for number in range(FEW)]
    (found,) = seen(shape(30, 结束="DDDateRange_1"), sent)
    assert (found.kind, found.new) == ("gone", None)


@pytest.mark.parametrize(("before", "kind"), [(0, Doubt), (FEW - 1, Doubt), (FEW, Change)])
def test_how_many_must_have_had_a_field_that_is_gone(before: int, kind: type) -> None:
    (found,) = seen(shape(30, **GONE), usual(before))
    assert isinstance(found, kind)


def test_a_field_that_some_lacked_may_be_gone() -> None:
    assert seen(shape(30, **GONE), [*usual(19), shape(19, **GONE)]) == []


def test_a_field_that_later_ones_have_was_not_taken_away() -> None:
    assert seen(shape(10, **GONE), [*usual(9), shape(20)]) == []
    assert seen(shape(30, **GONE), [*usual(9), shape(20)], open_=(shape(12, **GONE),)) == []


def test_what_was_made_later_is_not_what_was_before() -> None:
    assert seen(shape(1, **GONE), usual(10, first=10)) == [Doubt(BANK, ignorant=True)]


def test_another_choice_explains_a_hidden_field() -> None:
    def chosen(one: Shape, value: str) -> Shape:
        return replace(one, choices={"报销类别": value})

    sent = [chosen(one, "行政") for one in usual(MANY)]
    for lacking in (GONE, EMPTY):
        assert seen(chosen(shape(30, **lacking), "项目"), sent) == []
        assert seen(chosen(shape(30, **lacking), "行政"), sent) != []
    many = [chosen(one, f"项目{number}") for number, one in enumerate(usual(MANY))]
    assert seen(chosen(shape(30, **GONE), "项目99"), many) != [], "a choice among very many explains nothing"


@pytest.mark.parametrize(
    ("empty", "full", "changed"), [(1, 0, False), (2, 0, False), (3, 0, True), (3, 3, True), (3, 4, False)]
)
def test_how_many_must_be_empty(empty: int, full: int, changed: bool) -> None:
    lacking = [shape(30 + number, **EMPTY) for number in range(empty)]
    sent = [*usual(MANY), *usual(full, first=50)]
    (found,) = seen(lacking[0], sent, open_=tuple(lacking))
    assert isinstance(found, Change) is changed
    if changed:
        assert (found.kind, found.before, found.lacking, found.of) == ("empty", MANY, 3, 3 + full)


def test_a_field_that_was_empty_now_and_then_may_be_empty() -> None:
    lacking = tuple(shape(30 + number, **EMPTY) for number in range(5))
    assert seen(lacking[0], [*usual(MANY - 1), shape(19, **EMPTY)], open_=lacking) == []


def test_those_that_slipped_through_one_by_one_are_counted() -> None:
    slipped = [shape(30, **EMPTY), shape(31, **EMPTY)]
    (found,) = seen(shape(32, **EMPTY), [*usual(MANY), *slipped])
    assert (found.kind, found.lacking, found.of) == ("empty", 3, 3)
