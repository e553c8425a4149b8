"""Paths: names as the forms write them, several matches, aliases, and where an error is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import FailureClass, Position, RecordError, SchemeError
from engine.mapping.paths import MISSING, is_path, parse_path, unescape


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        yield


AT = Position("scheme.yaml", 7, 11)
RECORD: dict[str, Any] = {
    "报销明细": [{"报销金额(元)": "1.00"}, {"报销金额(元)": "2.00"}, {"费用明细": "办公"}],
    "项目费用明细": [],
    "TextNote-KDE5B2G3": "note",
    "公司帐号付款(如需公司帐号付款请选择)": None,
    "备注（选填）": "full width",
    "表格#TableField_1": [{"a": 1}],
    "a.b": {"c[d]": "dotted"},
    "it's": "quote",
    "*": "star",
    "title": "张三提交的费用报销",
    "extend": {"status": "COMPLETED"},
    "_ext": {"收款账号": {"name": "张三"}},
    "_repeated": ["表格"],
}


def find(text: str, **aliases: str) -> list[Any]:
    return parse_path(text, AT, aliases=aliases).find(RECORD)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.报销明细[*].报销金额(元)", ["1.00", "2.00"]),
        ("$.报销明细[0].报销金额(元)", ["1.00"]),
        ("$.报销明细[-1].费用明细", ["办公"]),
        ("$.报销明细[0:2].报销金额(元)", ["1.00", "2.00"]),
        ("$.报销明细[0, 2].费用明细", ["办公"]),
        ("$.TextNote-KDE5B2G3", ["note"]),
        ("$.公司帐号付款(如需公司帐号付款请选择)", [None]),
        ("$.备注（选填）", ["full width"]),
        ("$.表格#TableField_1[0].a", [1]),
        ("$['a.b']['c[d]']", ["dotted"]),
        ('$["a.b"]["c[d]"]', ["dotted"]),
        ("$.it's", ["quote"]),
        ("$['it\\'s']", ["quote"]),
        ("$['*']", ["star"]),
        ("$._ext.收款账号.name", ["张三"]),
        ("$..status", ["COMPLETED"]),
        ("$.extend.*", ["COMPLETED"]),
        ("$.nowhere", []),
        ("$.title[0]", []),
        ("$.title.x", []),
        ("$.项目费用明细[*].总金额", []),
    ],
)
def test_names_stand_as_the_forms_write_them(text: str, expected: list[Any]) -> None:
    assert find(text) == expected


def test_the_whole_record() -> None:
    assert find("$") == [RECORD]


def test_missing_is_not_null() -> None:
    assert parse_path("$.nowhere", AT).one(RECORD) is MISSING
    assert parse_path("$.公司帐号付款(如需公司帐号付款请选择)", AT).one(RECORD) is None


def test_several_values_where_one_is_expected() -> None:
    with pytest.raises(RecordError, match="finds 2 values") as caught:
        parse_path("$.报销明细[*].报销金额(元)", AT).one(RECORD)
    assert caught.value.position == AT


@pytest.mark.parametrize("text", ["$.表格", "$.表格[*].a", "$._ext.表格"])
def test_a_bare_repeated_label_names_the_full_keys(text: str) -> None:
    with pytest.raises(RecordError, match="more than once") as caught:
        find(text)
    assert caught.value.failure is FailureClass.FORM_CHANGED
    assert "record['表格#TableField_1']" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("$.", 13, "a name is missing"),
        ("$.a..b..c", 17, "'..' once"),
        ("$.a[x]", 15, "no index"),
        ("$.报销明细[?(@.x)]", 17, "no filters"),
        ("$.a]b", 14, "without its '\\['"),
        ("$.a['b'", 14, "never closed"),
        ("$.a['b'c]", 18, "quoted name"),
        ("$.a[0]b", 17, "must follow"),
        ("$.a {{ b }}", 15, "template"),
        ("title", 11, "no path"),
    ],
)
def test_an_error_points_into_the_users_text(text: str, column: int, message: str) -> None:
    with pytest.raises(SchemeError, match=message) as caught:
        parse_path(text, AT)
    assert caught.value.position == Position("scheme.yaml", 7, column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, True) for text in ("$", "@", "$.a", "$['a']", "@.a", "@[0]", "$..a")],
        *[(text, False) for text in ("$$", "$$.a", "@@x", "a$", "报销", "", "{{ $ }}")],
    ],
)
def test_what_a_path_begins_with(text: str, expected: bool) -> None:
    assert is_path(text) is expected


@pytest.mark.parametrize("text", ["$a", "$ 5", "@me", "${x}", "$1"])
def test_another_leading_sign_must_be_doubled(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        is_path(text, AT)
    assert f"'{text[0]}{text}'" in (caught.value.hint or "")


def test_a_doubled_sign_is_the_sign() -> None:
    assert unescape("$$5") == "$5"
    assert unescape("@@me") == "@me"
    assert unescape("a$$") == "a$$"


ALIASES = {"报销明细.项目费用明细": "项目费用明细", "报销明细.项目费用明细.extend": "extend"}


@pytest.mark.parametrize(
    ("text", "names", "hint"),
    [
        ("$.报销明细.项目费用明细.extend.status", ("extend", "status"), "$.extend.status"),
        ("$.报销明细.项目费用明细[*].总金额", ("项目费用明细",), "$.项目费用明细[*].总金额"),
        ("$.报销明细[*].费用明细", ("报销明细",), None),
    ],
)
def test_an_older_name_leads_to_the_true_path(text: str, names: tuple[str, ...], hint: str | None) -> None:
    path = parse_path(text, AT, aliases=ALIASES)
    assert path.names == names
    assert path.text == text
    assert (path.hint is None) if hint is None else (hint in (path.hint or ""))


def test_an_alias_that_ends_in_a_dot_stands_for_what_lies_beneath() -> None:
    aliases = {"报销明细.项目费用明细.": "", "报销明细.项目费用明细": "项目费用明细"}
    assert parse_path("$.报销明细.项目费用明细.title", AT, aliases=aliases).find(RECORD) == [RECORD["title"]]
    assert parse_path("$.报销明细.项目费用明细", AT, aliases=aliases).find(RECORD) == [[]]


@pytest.mark.parametrize(
    ("text", "record", "rows"),
    [
        ("$.t[*]", {"t": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ("$.t", {"t": [{"a": 1}]}, [{"a": 1}]),
        ("$.t[*]", {"t": []}, []),
        ("$.t[*]", {"t": None}, []),
        ("$.t[*]", {"t": ""}, []),
        ("$.t[*]", {}, None),
        ("$.t[0:1]", {"t": [1, 2]}, [1]),
        ("$.o[*].t[*]", {"o": [{"t": [1]}, {"t": [2, 3]}]}, [1, 2, 3]),
        ("$.o[*].t[*]", {"o": []}, []),
        ("$.o[*].t[*]", {"o": [{"x": 1}]}, None),
    ],
)
def test_rows_of_a_table(text: str, record: dict[str, Any], rows: list[Any] | None) -> None:
    assert parse_path(text, AT).rows(record) == rows


@pytest.mark.parametrize("value", ["text", {"a": 1}, 5])
def test_what_is_no_table_shows_a_changed_form(value: Any) -> None:
    with pytest.raises(RecordError, match="no table") as caught:
        parse_path("$.t[*]", AT).rows({"t": value})
    assert caught.value.failure is FailureClass.FORM_CHANGED


LABELS = st.text(min_size=1, max_size=12)
BARE = LABELS.filter(lambda label: label != "*" and not set(label) & set(".[]{}"))


@given(BARE, st.integers())
def test_any_bare_label_leads_to_its_value(label: str, value: int) -> None:
    path = parse_path(f"$.{label}", AT)
    assert path.names == (label,)
    assert path.find({label: value}) == [value]


@given(LABELS, st.sampled_from("'\""), st.integers())
def test_any_quoted_label_leads_to_its_value(label: str, quote: str, value: int) -> None:
    escaped = label.replace("\\", "\\\\").replace(quote, "\\" + quote)
    assert parse_path(f"$[{quote}{escaped}{quote}]", AT).find({label: value}) == [value]


@given(st.text(max_size=30))
def test_any_text_after_the_sign_parses_or_is_refused_in_place(text: str) -> None:
    path, position = None, AT
    try:
        path = parse_path(f"$.{text}", AT)
    except SchemeError as error:
        position = error.position or Position("nowhere", 0, 0)
    assert AT.column <= position.column <= AT.column + len(text) + 2
    if path is not None:
        path.find(RECORD)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "get"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab名"), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.sampled_from("ab名"), min_size=1, max_size=3), VALUES)
def test_names_alone_lead_where_jsonpath_leads(names: list[str], root: Any) -> None:
    path = parse_path("$." + ".".join(names), AT)
    assert path.plain
    assert path.find(root) == replace(path, plain=False).find(root)
