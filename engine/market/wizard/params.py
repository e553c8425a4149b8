"""Asking for the params of a market scheme, with their types, examples, and what there is to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.language import tr
from engine.market.wizard import fitting
from engine.market.wizard.question import Question
from engine.scheme.params import GO_LIVE, param_value, params_in_window_start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from engine.connector.api import Choice
    from engine.market.card import Card, ParamCard
    from engine.market.wizard.question import Flow
    from engine.market.wizard.surroundings import Surroundings
    from engine.scheme.model import ParamSpec, Scheme

__all__ = ["ask_params"]


def ask_params(
    card: Card, schemes: Sequence[Scheme], around: Surroundings, now: datetime, *, real: bool
) -> Flow[dict[str, dict[str, str]]]:
    """The answers by scheme and param, those that differ from the scheme's own default.

    `schemes` has the main one first; a param whose name an earlier one has is asked for as ``SCHEME.PARAM``.
    `real`: an environment that is not the sandbox, where a run must be told from when on it pays.
    """
    found: dict[str, dict[str, str]] = {}
    asked: set[str] = set()
    for scheme in schemes:
        starts = params_in_window_start(scheme)
        for name, spec in scheme.params.items():
            told = card.params.get(name)
            default = _default(spec, now, starts=name in starts, real=real)
            answer = yield Question(
                id=f"{scheme.id}.{name}" if name in asked else name,
                text=spec.label or name,
                help=_help(spec, told),
                default=default,
                choices=_offered(told, scheme, around),
                check=_typed(spec, now, real=real),
            )
            asked.add(name)
            own = "" if spec.default is None else str(spec.default)
            if answer != own or (real and name in starts):
                found.setdefault(scheme.id, {})[name] = answer
    return found


def _default(spec: ParamSpec, now: datetime, *, starts: bool, real: bool) -> str | None:
    """The scheme's own; where money is real, nothing that was there before today."""
    if real and spec.name == GO_LIVE:
        return f"{now:%Y-%m-%d %H:%M}"
    if real and starts:
        return f"{now:%Y-%m-%d}"
    if spec.default is not None:
        return str(spec.default)
    return None if spec.required else ""


def _help(spec: ParamSpec, told: ParamCard | None) -> str:
    parts = [spec.description, str(told.help) if told and told.help else ""]
    if told and told.example:
        parts.append(tr("for example {example}", example=told.example))
    return " ".join(part for part in parts if part)


def _offered(told: ParamCard | None, scheme: Scheme, around: Surroundings) -> Sequence[Choice]:
    """What the connector can list, through the connection of its kind that the scheme uses."""
    if told is None or told.choices is None:
        return ()
    connector, _, kind = told.choices.partition(".")
    used = [scheme.source.connection, scheme.target.connection, *around.connections]
    for name in used:
        if (
            name is not None
            and name in around.connections
            and around.connections[name].connector == connector
        ):
            return around.choices(name, kind)
    return ()


def _typed(spec: ParamSpec, now: datetime, *, real: bool) -> Callable[[str], None]:
    """A check of an answer's type, and that it can stand where it goes: a scheme, or connections.yaml."""

    def check(answer: str) -> None:
        (fitting.reference if real else fitting.no_reference)(answer)
        if not answer.strip():
            if spec.required:
                raise UsageError(tr('"{name}" must not be empty', name=spec.name))
            return
        try:
            param_value(spec.type, answer, now)
        except ValueError as error:
            raise UsageError(
                tr(
                    'the param "{name}" must be {what}, not "{value}"',
                    name=spec.name,
                    what=error,
                    value=answer,
                )
            ) from None

    return check
