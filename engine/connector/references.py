"""Secrets and references: values that connections.yaml names but does not hold, and that nothing may show."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigurationError, CredentialsError, SchemeError
from engine.findings import nearest
from engine.language import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.errors import Position

__all__ = ["Reference", "Secret", "holds_reference"]

_REFERENCE = re.compile(r"\$\{([^}:]*)(?::([^}]*))?\}")
_LARGEST_FILE = 64 * 1024


class Secret:
    """A text that is shown as ``***``; `reveal` is called where it goes onto the wire, and nowhere else."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not to be stored")


def holds_reference(text: str) -> bool:
    """True when a text holds ``${…}``."""
    return "${" in text


@dataclass(frozen=True, slots=True)
class Reference:
    """A text with ``${env:X}``, ``${file:path}`` or ``${keyring:service/name}`` in it, not yet looked up.

    `folder` is that of connections.yaml: files are relative to it.
    """

    text: str
    position: Position
    folder: Path

    def check(self) -> None:
        """Raise SchemeError when the text cannot be a reference, without looking anything up."""
        remains = _REFERENCE.sub("", self.text)
        if "${" in remains:
            raise SchemeError(tr("a reference lacks its closing brace"), position=self.position)
        for kind, name in _REFERENCE.findall(self.text):
            if kind not in _KINDS or not name:
                close = nearest(kind, _KINDS)
                raise SchemeError(
                    tr('unknown reference "${{{text}}}"', text=f"{kind}:{name}" if name else kind),
                    position=self.position,
                    hint=tr('did you mean "{word}"?', word=f"${{{close}:…}}")
                    if close and name
                    else tr("known are ${env:NAME}, ${file:path} and ${keyring:service/name}"),
                )

    def resolve(self, environ: Mapping[str, str] | None = None) -> str:
        """The text with its references filled in. Raises CredentialsError, ConfigurationError, SchemeError;
        a message names the variable, file or entry, never a value."""
        self.check()
        variables = os.environ if environ is None else environ
        return _REFERENCE.sub(lambda found: _KINDS[found[1]](found[2], self, variables), self.text)


def _from_environment(name: str, reference: Reference, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise CredentialsError(
            tr('the environment variable "{name}" is not set', name=name),
            position=reference.position,
            hint=tr("set it before the command, e.g. export {name}=…", name=name),
        )
    return value


def _from_file(name: str, reference: Reference, _environ: Mapping[str, str]) -> str:
    path = (reference.folder / Path(name).expanduser()).resolve()
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            raise OSError("no regular file of at most 64 KB")
        value = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(
            tr('the file "{name}" cannot be read', name=name), position=reference.position, hint=str(path)
        ) from error
    if not value:
        raise CredentialsError(tr('the file "{name}" is empty', name=name), position=reference.position)
    return value


def _from_keyring(name: str, reference: Reference, _environ: Mapping[str, str]) -> str:
    service, slash, entry = name.rpartition("/")
    if not slash or not service or not entry:
        raise SchemeError(
            tr('"${{keyring:{name}}}" must be ${{keyring:service/name}}', name=name),
            position=reference.position,
        )
    try:
        keyring = import_module("keyring")
        failure = import_module("keyring.errors").KeyringError
    except ImportError as error:
        raise ConfigurationError(
            tr('"${keyring:…}" needs the keyring package'),
            position=reference.position,
            hint=tr('install it with: pip install "integration-engine[keyring]"'),
        ) from error
    try:
        value = keyring.get_password(service, entry)
    except failure as error:
        raise ConfigurationError(
            tr("the keyring cannot be opened: {reason}", reason=type(error).__name__),
            position=reference.position,
        ) from None
    if not value:
        raise CredentialsError(
            tr('the keyring has no entry "{entry}" in "{service}"', entry=entry, service=service),
            position=reference.position,
            hint=tr("add it with: keyring set {service} {entry}", service=service, entry=entry),
        )
    return str(value)


_KINDS: dict[str, Callable[[str, Reference, Mapping[str, str]], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}
