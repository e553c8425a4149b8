"""A mapping stays close to hand-written code: guarded against a factor, not against a percent."""

from __future__ import annotations

from benchmarks.mapping import report


def test_a_compiled_mapping_is_close_to_hand_written_code() -> None:
    ratio = report(claims=100, rounds=1)["ratio"]
    assert ratio["compiled"] < 3
    assert ratio["templates"] < 6
    assert ratio["sandboxed"] < 12
    assert ratio["statements"] < 14
    assert ratio["interpreted"] > 5 * ratio["compiled"]
