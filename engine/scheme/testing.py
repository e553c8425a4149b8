"""Run the tests inside a scheme: offline, and the same every time.

Nothing is asked: a table of an interface answers a key that the test does not give with the text
``<table:key>``. Params have the test's values, else their defaults; one without either is ``<name>``. Now is
always the first moment of 2026 in Shanghai.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.clock import SHANGHAI
from engine.connector.registry import catalog
from engine.errors import EngineError, RecordError, SchemeError
from engine.language import tr
from engine.mapping.mapper import Mapper
from engine.mapping.scope import MISS, Scope
from engine.scheme.differences import differences
from engine.scheme.params import param_value
from engine.scheme.reach import Reach
from engine.scheme.records import read_record
from engine.scheme.tables import load_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.connector.catalog import Catalog
    from engine.connector.environments import Environment
    from engine.errors import Position
    from engine.mapping.scope import LookupFn
    from engine.mapping.templates import Template
    from engine.scheme.model import Scheme, SourceSpec, TestSpec
    from engine.scheme.tables import StaticTable

__all__ = ["NOW", "TestResult", "run_tests", "worked_out"]

NOW = datetime(2026, 1, 1, tzinfo=SHANGHAI)
_SECONDS_MOST = 1.0


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test. `message` is '' when it passed.

    `line` is where the test stands in the scheme; `position` says it in full, where there is a test.
    """

    __test__ = False

    scheme: str
    name: str
    passed: bool
    message: str
    line: int
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a record: a `document`, one of the words skipped, held and waiting, or an error."""

    word: str
    document: Mapping[str, Any] | None = None
    error: RecordError | None = None
    condition: Template | None = None


def run_tests(
    scheme: Scheme,
    *,
    catalogs: Callable[[str], Catalog | None] = catalog,
    environment: Environment | None = None,
    monotonic: Callable[[], float] | None = None,
) -> list[TestResult]:
    """The results of all tests of a scheme, in the file's order; a bad table fails them all.

    `monotonic`, where given, bounds each test to a second, for schemes that nobody has looked at yet.
    """
    mapper = _mapper(scheme, Reach(catalogs, environment), monotonic)
    try:
        tables = load_tables(scheme)
    except SchemeError as error:
        return [
            TestResult(scheme.id, test.name, False, str(error), test.position.line, test.position)
            for test in scheme.tests
        ]
    return [_run(scheme, test, mapper, tables, monotonic) for test in scheme.tests]


def _mapper(scheme: Scheme, reach: Reach, monotonic: Callable[[], float] | None) -> Mapper:
    form = reach.form(scheme.target.connection, scheme.target.form)
    defaults = {name: spec.default for name, spec in scheme.tables.items() if spec.has_default}
    return Mapper(
        scheme.target.mapping, form=form, table_defaults=defaults, zone=SHANGHAI, monotonic=monotonic
    )


def worked_out(
    scheme: Scheme,
    test: TestSpec,
    *,
    catalogs: Callable[[str], Catalog | None] = catalog,
    monotonic: Callable[[], float] | None = None,
) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """A test's record, and the payload that the scheme makes of it; None where it makes none.

    Raises SchemeError for a table or record that cannot be read.
    """
    mapper = _mapper(scheme, Reach(catalogs), monotonic)
    record, params = read_record(test, scheme.file.parent), _params(scheme, test)
    answers = _answers(test, load_tables(scheme))
    return record, _outcome(scheme, record, params, mapper, answers, monotonic).document


def _run(
    scheme: Scheme,
    test: TestSpec,
    mapper: Mapper,
    tables: Mapping[str, StaticTable],
    monotonic: Callable[[], float] | None,
) -> TestResult:
    try:
        record = read_record(test, scheme.file.parent)
        params = _params(scheme, test)
        outcome = _outcome(scheme, record, params, mapper, _answers(test, tables), monotonic)
        message = _judge(test, outcome)
    except EngineError as error:
        message = str(error)
    return TestResult(scheme.id, test.name, not message, message, test.position.line, test.position)


# --- what a test gives ------------------------------------------------------------------------------------


def _params(scheme: Scheme, test: TestSpec) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, spec in scheme.params.items():
        given = test.params.get(name, spec.default)
        if given is None and spec.required and spec.type == "string":
            given = f"<{name}>"
        try:
            values[name] = None if given is None else param_value(spec.type, given, NOW)
        except ValueError as error:
            raise SchemeError(
                tr('the param "{name}" must be {what}, not "{value}"', name=name, what=error, value=given),
                position=test.position,
            ) from None
    return values


def _answers(test: TestSpec, tables: Mapping[str, StaticTable]) -> LookupFn:
    """Look-ups as the test has them: its own entries (null: not there), the scheme's, or a placeholder."""
    own = {
        table: {str(key).strip(): MISS if value is None else value for key, value in entries.items()}
        for table, entries in test.tables.items()
    }

    def answer(table: str, key: str) -> Any:
        if key in own.get(table, {}):
            return own[table][key]
        if table in tables:
            return tables[table].find(key)
        return f"<{table}:{key}>"

    return answer


# --- what becomes of the record ---------------------------------------------------------------------------


def _outcome(
    scheme: Scheme,
    record: dict[str, Any],
    params: dict[str, Any],
    mapper: Mapper,
    answers: LookupFn,
    monotonic: Callable[[], float] | None,
) -> _Outcome:
    try:
        deadline = monotonic() + _SECONDS_MOST if monotonic is not None else None
        scope = Scope(record, params, answers, monotonic=monotonic, deadline=deadline)
        word, condition = _sorted_out(scheme.source, scope)
        if word:
            return _Outcome(word, condition=condition)
        mapped = mapper.map(record, params, answers)
        if mapped.payload.get(scheme.target.key) in (None, "", {}):
            raise RecordError(
                tr('the key "{field}" is empty', field=scheme.target.key), field=scheme.target.key
            )
        return _Outcome("document", mapped.payload)
    except RecordError as error:
        return _Outcome("error", error=error)


def _sorted_out(source: SourceSpec, scope: Scope) -> tuple[str, Template | None]:
    """`final` is judged first, then `where`, then `hold`; '' for a record that is to be mapped."""
    if source.final is not None and not source.final.evaluate(scope):
        return "waiting", source.final
    if source.where is not None and not source.where.evaluate(scope):
        return "skipped", source.where
    if source.hold is not None and source.hold.evaluate(scope):
        return "held", source.hold
    return "", None


# --- whether that was expected ----------------------------------------------------------------------------


def _judge(test: TestSpec, outcome: _Outcome) -> str:
    """'' when all is as the test says, else what differs."""
    wanted = next(word for word in ("skipped", "held", "waiting", "document", "error") if _wants(test, word))
    if wanted != outcome.word:
        return tr("expected {wanted}, got {got}", wanted=_named(wanted), got=_described(outcome))
    if outcome.error is not None and test.error not in (None, ""):
        return _judge_error(test.error or "", outcome.error)
    if test.document is not None and outcome.document is not None:
        return "\n".join(differences(test.document.plain(), outcome.document))
    return ""


def _wants(test: TestSpec, word: str) -> bool:
    value = getattr(test, word)
    return value is not None and value is not False


def _named(word: str) -> str:
    names = {
        "document": tr("a document"),
        "error": tr("a failure"),
        "skipped": tr("that the record is skipped"),
        "held": tr("that the record is held"),
        "waiting": tr("that the record waits"),
    }
    return names[word]


def _described(outcome: _Outcome) -> str:
    if outcome.error is not None:
        return f"{tr('a failure')}: {_full(outcome.error)}"
    if outcome.condition is None:
        return tr("a document")
    text, place = outcome.condition.text, outcome.condition.position
    name = _named(outcome.word)
    return tr("{outcome}, by {condition} in line {line}", outcome=name, condition=text, line=place.line)


def _judge_error(wanted: str, error: RecordError) -> str:
    parts = (error.field, error.label, error.path, error.message)
    if any(wanted in part for part in parts if part):
        return ""
    return tr('expected a failure with "{wanted}", got: {got}', wanted=wanted, got=_full(error))


def _full(error: RecordError) -> str:
    named = " ".join(part for part in (error.field, f"({error.label})" if error.label else "") if part)
    return f"{named}: {error}" if named else str(error)
