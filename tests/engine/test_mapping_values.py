"""Amounts, whole numbers, yes/no, dates and times: strict to read, plain to write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import SHANGHAI
from engine.errors import RecordError
from engine.mapping.moments import format_problem, to_date, to_moment, to_unix_ms, write_moment
from engine.mapping.values import coerce, is_empty, money, to_boolean, to_decimal, to_integer, to_text


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        yield


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("328.50", "328.50"),
        ("  1,234.50 ", "1234.50"),
        ("12，345，678", "12345678"),
        ("-0.01", "-0.01"),
        ("+5", "5"),
        (".5", "0.5"),
        (7, "7"),
        (Decimal("1.10"), "1.10"),
        (328.5, "328.5"),
    ],
)
def test_amounts(value: Any, expected: str) -> None:
    assert str(to_decimal(value)) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "12x.50", "NaN", "Infinity", "1e5", "1E5", "1.2.3", "12,34", "1,2345", ",123", "1 000"),
        *("¥5", "--1", "０１", "0x10", "1_000", "9" * 50, 10**60, None, True),
        *([], {}, Decimal("NaN"), Decimal("Infinity"), float("inf")),
    ],
)
def test_what_is_no_amount_is_quoted(value: Any) -> None:
    with pytest.raises(RecordError, match="is not an amount") as caught:
        to_decimal(value)
    if isinstance(value, str) and len(value) < 20:
        assert f'"{value}" is not an amount' == caught.value.message


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15))
def test_an_amount_written_with_separators_reads_back(amount: Decimal) -> None:
    assert to_decimal(f"{amount:,}") == amount
    assert str(to_decimal(to_text(amount))) == str(amount)


def test_money_has_two_digits_half_up() -> None:
    assert [str(money(value)) for value in ("1.005", "1.004", "2", "-1.005")] == [
        "1.01",
        "1.00",
        "2.00",
        "-1.01",
    ]


def test_whole_numbers_and_yes_or_no() -> None:
    assert to_integer("3.00") == 3
    assert to_integer("1,000") == 1000
    assert [to_boolean(word) for word in ("是", "TRUE", 1, "no", "否", "0")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    for wrong in ("3.5", "x", None):
        with pytest.raises(RecordError):
            to_integer(wrong)
    for wrong in ("maybe", 2, None, []):
        with pytest.raises(RecordError):
            to_boolean(wrong)


def test_texts_never_show_pythons_words() -> None:
    shown = [
        to_text(value) for value in (None, True, Decimal("1E+3"), Decimal("0.00000001"), 5, date(2024, 5, 6))
    ]
    assert shown == ["", "true", "1000", "0.00000001", "5", "2024-05-06"]
    with pytest.raises(RecordError, match="cannot stand as a text"):
        to_text([1])


def test_empty_values() -> None:
    assert all(is_empty(value) for value in (None, "", "  ", [], {}))
    assert not any(is_empty(value) for value in (0, False, Decimal(0), "0", [0]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-06", "2024-05-06 00:00:00"),
        ("2024-05-06 10:00", "2024-05-06 10:00:00"),
        ("2024-05-08 15:40:09", "2024-05-08 15:40:09"),
        ("2024/5/6", "2024-05-06 00:00:00"),
        ("2024年5月6日", "2024-05-06 00:00:00"),
        ("20240506", "2024-05-06 00:00:00"),
        ("2024-05-08T23:30:00Z", "2024-05-09 07:30:00"),
        ("2024-05-08T15:40:09+08:00", "2024-05-08 15:40:09"),
        (1715154009000, "2024-05-08 15:40:09"),
        ("1715154009000", "2024-05-08 15:40:09"),
        (date(2024, 5, 6), "2024-05-06 00:00:00"),
        (datetime(2024, 5, 8, 7, 40, 9, tzinfo=UTC), "2024-05-08 15:40:09"),
    ],
)
def test_moments_are_read_in_the_zone(value: Any, expected: str) -> None:
    assert write_moment(to_moment(value, SHANGHAI)) == expected


@pytest.mark.parametrize(
    "value", ["", "soon", "2024-13-01", "2024-02-30", "1715154009", None, [], True, "2024-05-06 25:00"]
)
def test_what_is_no_time(value: Any) -> None:
    with pytest.raises(RecordError, match="is not a date or time"):
        to_moment(value, SHANGHAI)


def test_a_day_is_the_zones_day() -> None:
    assert to_date("2024-05-08T23:30:00Z", SHANGHAI) == date(2024, 5, 9)
    assert to_unix_ms("2024-05-08 15:40:09", SHANGHAI) == 1715154009000


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("yyyy/M/d HH:mm", "2024/5/8 15:40"),
        ("%Y%m%d%H%M%S", "20240508154009"),
        ("yyyy年MM月dd日", "2024年05月08日"),
        ("yyyy-MM-ddTHH:mm:ss.SSS", "2024-05-08T15:40:09.000"),
    ],
)
def test_formats(format: str, expected: str) -> None:
    assert format_problem(format) is None
    assert write_moment(to_moment("2024-05-08 15:40:09", SHANGHAI), format) == expected


@pytest.mark.parametrize("format", ["yyyy-mm-DD", "%9999999d", "%q", "x" * 200])
def test_formats_that_are_not_known(format: str) -> None:
    assert format_problem(format)


def test_a_time_of_day() -> None:
    assert write_moment(time(9, 5)) == "09:05:00"
    assert write_moment(time(9, 5), "HH:mm") == "09:05"


@pytest.mark.parametrize(
    ("value", "kind", "format", "expected"),
    [
        ("1,234.5", "decimal", None, Decimal("1234.5")),
        ("1,234.565", "decimal", "0.00", Decimal("1234.57")),
        ("3.0", "integer", None, 3),
        ("是", "boolean", None, True),
        (Decimal("5.10"), "string", None, "5.10"),
        ("2024-05-08 15:40:09", "date", None, "2024-05-08"),
        ("2024-05-08", "datetime", None, "2024-05-08 00:00:00"),
        ("2024-05-08 15:40:09", "date", "yyyyMMdd", "20240508"),
    ],
)
def test_a_type_coerces(value: Any, kind: str, format: str | None, expected: Any) -> None:
    got = coerce(value, kind, format, SHANGHAI)
    assert got == expected
    assert type(got) is type(expected)
