"""The fast reader of JSON and the exact one read the same, and refuse the same."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import jsontext

WHOLE = st.integers(-(2**70), 2**70)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_plain_values_come_back(value: Any, ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    exact = jsontext._storable(value) if jsontext._BROKEN.search(text) else value
    assert jsontext.loads(text) == exact
    if "\\ud" not in text.lower():
        assert jsontext.loads(text.encode()) == exact


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.50", Decimal("1.50")),
        ('{"a": [1, 0.10]}', {"a": [1, Decimal("0.10")]}),
        ("12345678901234567890.123456789", Decimal("12345678901234567890.123456789")),
        ("1E400", "1E400"),
        ("18446744073709551616", 18446744073709551616),
        ("-0.0", Decimal("-0.0")),
        ('"a\\u0000b"', "a\ufffdb"),
        ('"\\ud83d"', "?"),
    ],
)
def test_what_a_fast_reader_would_spoil_is_read_exactly(text: str, value: Any) -> None:
    for found in (jsontext.loads(text), jsontext.loads(text.encode())):
        assert found == value
        assert type(found) is type(value)
        assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "text", ["", "NaN", "[1,]", "{", '"\x01"', "[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101]
)
def test_what_is_no_json_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        jsontext.loads(text)
    with pytest.raises(ValueError):  # noqa: PT011
        jsontext.loads(text.encode())


def test_the_deepest_there_may_be() -> None:
    assert jsontext.loads("[" * 100 + "]" * 100)
