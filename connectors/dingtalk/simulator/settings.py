"""What connections.yaml may say under `simulator:` for DingTalk."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigurationError
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SimulatorSettings", "read_settings"]

_TIMES = ("late_seconds", "slow_seconds")


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """`instances` claims from `seed`; limits per second (for each interface) and calendar month.

    Key and secret are minted once per state where they are not given.
    """

    seed: int = 1
    instances: int = 40
    per_second: int = 20
    per_month: int = 5000
    app_key: str | None = None
    app_secret: str | None = None


_LEAST = {"seed": 0, "instances": 0, "per_second": 1, "per_month": 0}


def read_settings(given: Mapping[str, Any]) -> SimulatorSettings:
    """The settings, checked; unknown names and wrong values raise ConfigurationError."""
    known = [*SimulatorSettings.__slots__, *_TIMES]
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise ConfigurationError(
                tr(
                    'simulator settings have no "{name}"; there are {known}',
                    name=name,
                    known=", ".join(known),
                ),
                hint=tr('did you mean "{near}"?', near=near[0]) if near else None,
            )
    numbers = {name: _number(name, given[name], least) for name, least in _LEAST.items() if name in given}
    texts = {name: str(given[name]) for name in ("app_key", "app_secret") if given.get(name)}
    return SimulatorSettings(**numbers, **texts)  # type: ignore[arg-type]


def _number(name: str, value: Any, least: int) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = least - 1
    if number < least:
        text = 'the simulator\'s "{name}" is "{value}"; it must be a whole number of {least} or more'
        raise ConfigurationError(tr(text, name=name, value=value, least=least))
    return number
