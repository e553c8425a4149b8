"""Environments and their connections, as connections.yaml has them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.connector.limits import Limits
from engine.connector.references import Reference, Secret
from engine.errors import ConfigurationError, UsageError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.connector.catalog import Field
    from engine.errors import Position
    from engine.nodes import Node

__all__ = ["SANDBOX", "Connection", "Environment", "SchemeValues", "Settings", "is_loopback"]

SANDBOX = "sandbox"
"""The environment that is used when none is named; it reaches nothing beyond this machine."""


def is_loopback(url: str) -> bool:
    """True when a URL's host is this machine itself, by name or number."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Connection:
    """A named, configured connector.

    `settings` holds what the connector's catalog names: plain values, `Secret` where the catalog says so, and
    a `Reference` where connections.yaml refers to a variable, file or keyring entry, until `resolved`.
    `simulator` is the simulator's own settings, or None for a real system.
    """

    name: str
    connector: str
    settings: Mapping[str, Any]
    limits: Limits
    environment: str
    position: Position
    unique: tuple[str, ...] = ()
    simulator: Mapping[str, Any] | None = None

    @property
    def is_sandbox(self) -> bool:
        return self.environment == SANDBOX

    @property
    def simulated_system(self) -> str:
        """What a simulator is called in the ledger: known before it runs, the same on every port."""
        return f"simulator:{self.name}"

    def settle(self, key: str) -> float:
        """Seconds after which a request that writes under the key field `key` is surely over."""
        return self.limits.settle_for(sandbox=self.is_sandbox, unique=key in self.unique)

    def with_settings(self, settings: Mapping[str, Any], fields: Mapping[str, Field]) -> Connection:
        """The same connection reaching what `settings` say: what a started simulator answers to."""
        wrapped = {
            key: Secret(str(value)) if key in fields and fields[key].secret else value
            for key, value in settings.items()
        }
        changed = replace(self, settings={**self.settings, **wrapped})
        changed.refuse_beyond_loopback()
        return changed

    def resolved(self, environ: Mapping[str, str] | None = None) -> Connection:
        """The connection with its references looked up; every value that came from one is a text or Secret.

        Raises CredentialsError or ConfigurationError, naming what is missing.
        """
        values = {key: _resolve(value, environ) for key, value in self.settings.items()}
        changed = replace(self, settings=values)
        changed.refuse_bad_urls()
        changed.refuse_beyond_loopback()
        return changed

    def secret(self, name: str) -> str:
        """The revealed value of a setting; only for putting it onto the wire."""
        value = self.settings.get(name, "")
        return value.reveal() if isinstance(value, Secret) else str(value)

    def secrets(self) -> tuple[str, ...]:
        """All revealed secrets, for blanking them out of texts."""
        return tuple(
            value.reveal() for value in self.settings.values() if isinstance(value, Secret) and value
        )

    def refuse_bad_urls(self) -> None:
        """Raise ConfigurationError when a setting that must be an address is none."""
        for key, value in self.settings.items():
            if key.endswith("url") and isinstance(value, str) and value and not _is_address(value):
                raise ConfigurationError(
                    tr(
                        '"{key}" must be an address such as {example}',
                        key=key,
                        example="https://host:port/path",
                    ),
                    position=self.position,
                )

    def refuse_beyond_loopback(self) -> None:
        """Raise ConfigurationError when a sandbox connection would leave this machine."""
        if not self.is_sandbox:
            return
        for key, value in self.settings.items():
            if key.endswith("url") and isinstance(value, str) and value and not is_loopback(value):
                raise ConfigurationError(
                    tr(
                        'the environment "sandbox" reaches nothing beyond this machine; '
                        'but "{key}" of "{name}" is {value}',
                        key=key,
                        name=self.name,
                        value=value,
                    ),
                    position=self.position,
                    hint=tr(
                        "put this connection into an environment of another name, and name it with --env"
                    ),
                )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not any(sign.isspace() for sign in text)
            and not (parts.query or parts.fragment or parts.username or parts.password)
        )
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


@dataclass(frozen=True, slots=True)
class _SecretReference:
    """A reference whose value is a secret."""

    reference: Reference


def _resolve(value: Any, environ: Mapping[str, str] | None) -> Any:
    if isinstance(value, _SecretReference):
        return Secret(value.reference.resolve(environ))
    if isinstance(value, Reference):
        return value.resolve(environ)
    return value


def secret_reference(reference: Reference) -> _SecretReference:
    """A reference that becomes a `Secret` when it is looked up."""
    return _SecretReference(reference)


@dataclass(frozen=True, slots=True)
class SchemeValues:
    """What connections.yaml says for one scheme in one environment.

    `params` are plain values; `tables` are nodes as a scheme's own `tables` would have them (a text is a CSV
    file), whose files are relative to `folder`.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Node] = field(default_factory=dict)
    folder: Path | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Environment:
    """A named set of connections, and the values that schemes have in it."""

    name: str
    connections: Mapping[str, Connection]
    values: Mapping[str, SchemeValues] = field(default_factory=dict)

    @property
    def is_sandbox(self) -> bool:
        return self.name == SANDBOX

    def connection(self, name: str) -> Connection:
        """The connection of this name. Raises ConfigurationError naming those there are."""
        found = self.connections.get(name)
        if found is None:
            close = nearest(name, self.connections)
            raise ConfigurationError(
                tr(
                    'no connection "{name}" in the environment "{environment}"; it has {names}',
                    name=name,
                    environment=self.name,
                    names=", ".join(self.connections) or "-",
                ),
                hint=tr('did you mean "{word}"?', word=close) if close else None,
            )
        return found

    def scheme_values(self, scheme: str) -> SchemeValues:
        """The values of a scheme here; empty ones when there are none."""
        return self.values.get(scheme) or SchemeValues()


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole connections.yaml, or what is built in where there is none (`file` is None)."""

    file: Path | None
    environments: Mapping[str, Environment]

    def environment(self, name: str | None = None) -> Environment:
        """The environment of this name, the sandbox when None. Raises UsageError naming those there are."""
        wanted = name or SANDBOX
        found = self.environments.get(wanted)
        if found is None:
            close = nearest(wanted, self.environments)
            raise UsageError(
                tr(
                    'no environment "{name}"; there are {names}',
                    name=wanted,
                    names=", ".join(self.environments),
                ),
                hint=tr('did you mean "{word}"?', word=close)
                if close
                else tr("environments are named in connections.yaml"),
            )
        return found
