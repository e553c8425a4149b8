"""Schemes are untrusted: no template reaches Python, runs without end, or builds without bound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.defaults import DEFAULT_FILTERS, DEFAULT_TESTS

from engine.errors import Position, RecordError, SchemeError
from engine.mapping.filters import FILTERS, REASONS, TESTS
from engine.mapping.scope import RecordView, Scope
from engine.mapping.templates import parse_template
from engine.mapping.textmethods import TEXT_METHODS


@pytest.fixture(autouse=True, scope="module")
def _english() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE_LANG", "en")
        yield


AT = Position("scheme.yaml", 1, 1)
SECRET = "canary-5f1c"
RECORD: dict[str, Any] = {
    "title": "text",
    "n": 5,
    "rows": [{"a": str(number), "items": "I"} for number in range(100)],
    "extend": {"status": "COMPLETED"},
    "secret": SECRET,
}


def work(text: str, **changes: Any) -> Any:
    scope = Scope(
        RECORD, {"p": 1}, row=RECORD["rows"][0], document=RecordView({"A": 1}, {"A": {}}), **changes
    )
    return parse_template(text, AT).evaluate(scope)


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ record.__class__ }}",
    "{{ record['__class__'] }}",
    "{{ record['_fields'] }}",
    "{{ record._fields }}",
    "{{ record.__init__.__globals__ }}",
    "{{ row['__dict__'] }}",
    "{{ rows.append(1) }}",
    "{{ rows.pop() }}",
    "{{ rows['pop'] }}",
    "{{ rows.sort() }}",
    "{{ {}.update({'a': 1}) }}",
    "{{ {'a': 1}.items() }}",
    "{{ {'a': 1}['items'] }}",
    "{{ n.real }}",
    "{{ n['bit_length'] }}",
    "{{ (1).__add__(2) }}",
    "{{ '{0.__class__}'.format(title) }}",
    "{{ '{0.__class__}'.format_map({'0': 1}) }}",
    "{{ '%s' % title }}",
    "{{ '%s' | format(title) }}",
    "{{ title | attr('upper') }}",
    "{{ title | map('attr', '__class__') | list }}",
    "{{ rows | map(attribute='a') | list }}",
    "{{ rows | map(**{'attribute': 'a'}) | list }}",
    "{{ rows | selectattr('a') | list }}",
    "{{ rows | rejectattr('a') | list }}",
    "{{ rows | groupby('a') }}",
    "{{ rows | sum(attribute='n') }}",
    "{{ rows | sort(attribute='a') }}",
    "{{ title | pprint }}",
    "{{ [1] | random }}",
    "{{ cycler('a').__init__.__globals__ }}",
    "{{ cycler('a') }}",
    "{{ joiner() }}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ range.__class__ }}",
    "{{ range }}",
    "{{ total }}",
    "{{ lookup }}",
    "{{ lookup.__globals__ }}",
    "{{ title.upper }}",
    "{{ title.upper.__self__ }}",
    "{{ title['upper'] }}",
    "{{ title['upper']() }}",
    "{{ (title.upper)['__call__'] }}",
    "{{ title.encode() }}",
    "{{ title.translate({}) }}",
    "{{ title.center(5) }}",
    "{{ title.ljust(5) }}",
    "{{ title.expandtabs(5) }}",
    "{{ title() }}",
    "{{ (title)() }}",
    "{{ rows[0]() }}",
    "{{ range(*[5]) }}",
    "{{ range(**{}) }}",
    "{{ title is callable }}",
    "{{ 'x' is filter }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ kwargs }}",
    "{{ __import__('os') }}",
    "{{ __builtins__ }}",
    "{{ config }}",
    "{{ request }}",
    "{{ environment }}",
    "{{ context }}",
    "{% for a in rows %}{{ loop.cycle(1, 2) }}{% endfor %}",
    "{% for a in rows %}{{ loop.__class__ }}{% endfor %}",
    "{% for a in rows %}{{ loop._iterable }}{% endfor %}",
    "{% for a in rows %}{{ loop }}{% endfor %}",
    "{% for a in rows recursive %}{{ loop(a) }}{% endfor %}",
    "{% set range = title %}{{ range(1) }}",
    "{% for lookup in rows %}{{ lookup('a', 'b') }}{% endfor %}",
    "{% set __x__ = 1 %}{{ 1 }}",
    "{% set a.b = 1 %}{{ 1 }}",
    "{% macro m() %}{% endmacro %}{{ m() }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% do rows %}",
    "{% debug %}",
    "{% break %}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_but_data_is_within_reach(text: str) -> None:
    with pytest.raises((SchemeError, RecordError)) as caught:
        work(text)
    assert caught.value.position is not None
    said = str(caught.value)
    assert SECRET not in said
    assert " at 0x" not in said
    assert "<class" not in said


FLOODS = [
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ [1] * 1000000000 }}",
    "{{ (9 ** 99) ** 99 ** 99 }}",
    "{{ 9 ** 999999999 }}",
    "{{ 2.5 ** 999999999 }}",
    "{{ 10.0 ** -999999 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%999999999d' is divisibleby(1) }}",
    "{{ '%999999999d' is even }}",
    "{{ title.zfill(1000000000) }}",
    "{{ title | center(1000000000) }}",
    "{{ title | indent(1000000000) }}",
    "{{ title | wordwrap(1, wrapstring=title * 9999) }}",
    "{{ '%1000000000s' | format('x') }}",
    "{{ [1] | batch(1000000000, 'x') | list }}",
    "{{ [1] | slice(1000000000) | list }}",
    "{{ 1 | round(1000000000) }}",
    "{{ {'a': 1} | tojson(indent=1000000000) }}",
    "{{ (title * 9999).replace('t', 'y' * 60000) }}",
    "{{ (title * 9999) | replace('', 'y' * 60000) }}",
    "{{ ('y' * 60000).join(title * 9999) }}",
    "{{ (title * 9999) | list | join('y' * 60000) }}",
    "{{ range(10001) | list }}",
    "{{ range(0, 1000000000000000000, 1) | length }}",
    "{% for a in range(1000000000000000000000000) %}{% endfor %}",
    "{% for a in range(101) %}{% for b in range(100) %}{% endfor %}{% endfor %}",
    "{% for a in rows %}{% for b in rows %}{% for c in rows %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in rows %}{{ range(9999) | map('string') | list | length }}{% endfor %}",
    "{% for a in range(5000) %}xxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}",
    "{% set a %}{% for a in range(9000) %}xxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endset %}{{ a | length }}",
    "{% set a = 'xy' %}" + "{% set a = a ~ a %}" * 40 + "{{ a | length }}",
    "{% set a = 'xy' %}" + "{% set a = a + a %}" * 40 + "{{ a | length }}",
    "{% set a = 2 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{% set a = 2.5 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a | length }}",
    "{% set a = {'x': 1} %}" + "{% set a = {'x': a, 'y': a} %}" * 40 + "{{ a | json }}",
    "{% set a = (1, 1) %}" + "{% set a = (a, a) %}" * 40 + "{{ a == 1 }}",
    "{{ [" + "record, " * 2000 + "] | json }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ " + "not " * 9000 + "1 }}",
    "{% for a in rows %}" * 60 + "{% endfor %}" * 60,
    "{% if n %}" * 900 + "x" + "{% endif %}" * 900,
]


@pytest.mark.parametrize("text", FLOODS, ids=lambda text: text[:60])
def test_nothing_runs_or_builds_without_bound(text: str) -> None:
    with pytest.raises((SchemeError, RecordError)):
        work(text)


def test_the_time_of_a_mapping_is_bounded() -> None:
    ticks = iter(range(1000))
    with pytest.raises(RecordError, match="longer than a second"):
        work("{% for a in rows %}{{ a.a }}{% endfor %}", monotonic=lambda: next(ticks) / 10, deadline=1.0)


def test_the_limits_hold_for_one_evaluation_only() -> None:
    template = parse_template("{% for a in range(9000) %}{% endfor %}x", AT)
    for _ in range(3):
        assert template.evaluate(Scope({})) == "x"


def test_what_is_within_the_limits_works() -> None:
    assert len(work("{{ 'x' * 65536 }}")) == 65536
    assert work("{{ range(10000) | length }}") == 10000
    assert work("{% for a in rows %}{% for b in range(99) %}{% endfor %}{% endfor %}x") == "x"


def test_a_template_changes_neither_record_nor_params() -> None:
    before = repr(RECORD)
    assert work("{% set x = rows + [1] %}{{ rows | reverse | length }} {{ x | length }}") == "100 101"
    assert repr(RECORD) == before


def test_every_filter_and_test_of_jinja_is_known_or_left_out_with_a_reason() -> None:
    assert set(DEFAULT_FILTERS) == (set(FILTERS) | set(REASONS)) & set(DEFAULT_FILTERS)
    assert not set(FILTERS) & set(REASONS)
    assert set(DEFAULT_TESTS) - set(TESTS) == {"callable", "filter", "test", "escaped"}


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    "for",
    "in",
    "if",
    "else",
    "endfor",
    "endif",
    "set",
    "a",
    "rows",
    "row",
    "record",
]
PIECES += [
    "'x'",
    "1",
    "1.5",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "|",
    "~",
    "+",
    "*",
    "**",
    "is",
    "not",
    "==",
]
PIECES += [
    "upper",
    "map",
    "join",
    "defined",
    "range",
    "total",
    "lookup",
    "loop",
    "__class__",
    "%",
    "-",
    "=",
    "none",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_any_mix_of_words_is_worked_out_or_refused(pieces: list[str]) -> None:
    for text in (" ".join(pieces), "{{ " + " ".join(pieces) + " }}"):
        with suppress(SchemeError, RecordError):
            work(text)


def test_no_method_shows_pythons_inside() -> None:
    assert not {name for name in TEXT_METHODS if name.startswith(("_", "format"))}
