"""From a scheme's name to a lane that can run: load, check, resolve, bind to the environment's systems."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.connector.api import Formed
from engine.connector.registry import catalog
from engine.errors import ConfigurationError, SchemeError
from engine.findings import Severity
from engine.language import tr
from engine.mapping.evaluator import Evaluator
from engine.mapping.mapper import Mapper
from engine.mapping.scope import MISS, Scope
from engine.mapping.templates import Template
from engine.run.lane import CallbackLane, Lane
from engine.run.noticing import noticing
from engine.run.tables import Tables
from engine.run.watch import FormWatch
from engine.scheme.lint import validate
from engine.scheme.load import find_beside, find_scheme, load_scheme
from engine.scheme.params import params_left_to_default, resolve_params
from engine.scheme.reach import Reach
from engine.scheme.reads import reads_of
from engine.scheme.tables import load_table, table_specs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from engine.connector.catalog import Form
    from engine.connector.environments import Environment
    from engine.findings import Finding
    from engine.run.workplace import Workplace
    from engine.scheme.model import Scheme

__all__ = ["InvalidScheme", "build_lane", "checked_scheme", "readable_scheme", "window_start"]

_MOVED = ("start_time", "end_time", "startTime", "endTime", "cursor", "nextToken")


class InvalidScheme(SchemeError):
    """A scheme with errors; nothing is started on it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(first.message, position=first.position, hint=first.hint)
        self.findings = tuple(findings)


def checked_scheme(name: str, environment: Environment | None) -> Scheme:
    """Find a scheme by path or id, and check it whole. Raises InvalidScheme, UsageError."""
    path = find_scheme(name, Path.cwd())
    errors = [found for found in validate(path, environment=environment) if found.severity is Severity.ERROR]
    if errors:
        raise InvalidScheme(errors)
    loaded = load_scheme(path, Reach(catalog, environment))
    if loaded.scheme is None:
        raise InvalidScheme(loaded.findings)
    return loaded.scheme


def readable_scheme(name: str, environment: Environment | None) -> Scheme:
    """Find a scheme by path or id, and read it: what it says must be sound, not what it speaks of.

    For commands that find out what there is. Raises InvalidScheme, UsageError.
    """
    loaded = load_scheme(find_scheme(name, Path.cwd()), Reach(catalog, environment))
    if loaded.scheme is None:
        raise InvalidScheme(loaded.findings)
    return loaded.scheme


def build_lane(work: Workplace, scheme: Scheme, overrides: Mapping[str, str], *, lists: bool = True) -> Lane:
    """Bind a scheme, and its callbacks, to the environment's systems. Calls nothing yet.

    `lists`: the source is going to be listed, so that it must be said from when on.
    """
    environment = work.choice.environment
    values = environment.scheme_values(scheme.id)
    params = resolve_params(scheme, values, overrides, work.clock.now())
    if lists and not environment.is_sandbox:
        _refuse_history_by_default(scheme, environment, overrides)
    lane = _lane(work, scheme, params)
    if scheme.is_callback:
        return lane
    assert scheme.source.connection is not None
    origin = work.bound(scheme.source.connection)
    request = _rendered(scheme.source.request, params)
    source = origin.connector.source(scheme.source.interface, request)
    interface = catalog(origin.connection.connector).interfaces[scheme.source.interface]
    family = source.family or interface.family or interface.name
    return replace(
        lane,
        origin=origin,
        source=source,
        watch=FormWatch(scheme, source, system=origin.system, family=family, target_system=lane.to.system)
        if isinstance(source, Formed)
        else None,
        noticing=noticing(scheme, environment.name, reads_of(scheme).keys()),
        family=family,
        request={name: value for name, value in request.items() if name not in _MOVED},
        callbacks=tuple(_callbacks(work, scheme)),
    )


def _lane(work: Workplace, scheme: Scheme, params: Mapping[str, Any]) -> Lane:
    target = scheme.target
    to = work.bound(target.connection)
    known = catalog(to.connection.connector)
    interface = known.interfaces[target.interface]
    form = _form(known.forms, target.form)
    writer = to.connector.target(target.interface, form, target.options)
    until = target.until or writer.stages[0]
    if until not in writer.stages:
        raise ConfigurationError(
            tr(
                "'{until}' is no stage of '{name}'; it has {stages}",
                until=until,
                name=interface.name,
                stages=", ".join(writer.stages),
            ),
            position=target.position,
        )
    specs = table_specs(scheme, work.choice.environment.scheme_values(scheme.id))
    defaults = {name: spec.default for name, (spec, _) in specs.items() if spec.has_default}
    static = {
        name: load_table(spec, folder).entries for name, (spec, folder) in specs.items() if not spec.is_live
    }
    return Lane(
        scheme=scheme,
        params=params,
        mapper=Mapper(
            target.mapping,
            form=form,
            table_defaults=defaults,
            tables=static,
            monotonic=work.clock.monotonic,
        ),
        evaluator=Evaluator(table_defaults=defaults, tables=static, monotonic=work.clock.monotonic),
        table_defaults=defaults,
        monotonic=work.clock.monotonic,
        tables=_tables(work, specs, static),
        to=to,
        target=writer,
        form=form,
        until=until,
        batch=min(target.batch or interface.batch, writer.largest_batch),
        settle=timedelta(seconds=to.connection.settle(target.key)),
    )


def _form(forms: Mapping[str, Form], name: str | None) -> Form | None:
    """The form's catalog entry; a form that the catalog lacks is taken as it comes."""
    from engine.connector.catalog import Form

    if name is None:
        return None
    return forms.get(name) or Form(name=name, label=name, fields={}, open=True)


def _tables(
    work: Workplace, specs: Mapping[str, tuple[Any, Path]], static: Mapping[str, Mapping[str, Any]]
) -> Tables:
    live = {name: (spec, work.bound(spec.connection)) for name, (spec, _) in specs.items() if spec.is_live}
    return Tables(static, live, work.ledger, work.clock)


def _callbacks(work: Workplace, scheme: Scheme) -> list[CallbackLane]:
    lanes = []
    for spec in scheme.callbacks:
        path = find_beside(spec.scheme, scheme.file.parent)
        if path is None:
            raise SchemeError(
                tr("callback scheme '{name}' is not beside '{file}'", name=spec.scheme, file=scheme.file),
                position=spec.position,
            )
        told = checked_scheme(str(path), work.choice.environment)
        values = work.choice.environment.scheme_values(told.id)
        params = resolve_params(told, values, {}, work.clock.now())
        lanes.append(CallbackLane(spec, _lane(work, told, params)))
    return lanes


def _refuse_history_by_default(
    scheme: Scheme, environment: Environment, overrides: Mapping[str, str]
) -> None:
    """The first real run cannot pay history: where it begins is said for the environment, not by default."""
    silent = params_left_to_default(scheme, environment.scheme_values(scheme.id), overrides)
    if silent:
        name = sorted(silent)[0]
        raise ConfigurationError(
            tr(
                "outside the sandbox, '{name}' must be given: it says from when on records are read and paid",
                name=name,
            ),
            position=scheme.params[name].position,
            hint=tr(
                "give it in connections.yaml, values.{environment}.{scheme}.params, or with --set {name}=…",
                environment=environment.name,
                scheme=scheme.id,
                name=name,
            ),
        )


def window_start(lane: Lane, now: datetime) -> datetime | None:
    """From when on the scheme lists its source; None for a source without a window."""
    from engine.scheme.params import moment

    window = lane.scheme.source.window
    if window is None:
        return None
    start = window.start
    if isinstance(start, Template):
        start = start.evaluate(_scope(lane.params))
    return moment(start, now)


def _scope(params: Mapping[str, Any]) -> Scope:
    return Scope({}, params, tables=lambda table, key: MISS)


def _rendered(value: Any, params: Mapping[str, Any]) -> Any:
    """A request tree with its templates rendered."""
    if isinstance(value, Template):
        return value.evaluate(_scope(params))
    if isinstance(value, dict):
        return {key: _rendered(child, params) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_rendered(child, params) for child in value]
    return value
