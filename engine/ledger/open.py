"""Where the ledger is, and opening it: made when there is none, brought up to date when it is behind."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, inspect, text
from sqlalchemy.exc import DBAPIError

from engine.errors import UsageError
from engine.language import tr
from engine.ledger.faults import LedgerBrokenError, LedgerTooNewError, LedgerUnwritableError, plain, shown
from engine.ledger.port import InlineLedger, ThreadLedger
from engine.ledger.sql import make_engine, parse_url
from engine.ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Engine

    from engine.ledger.port import LedgerPort

__all__ = [
    "HEAD",
    "ledger_path",
    "ledger_place",
    "ledger_url",
    "ledger_version",
    "open_ledger",
    "require_ledger",
    "upgrade",
    "version",
]

HEAD = "0002"
"""The newest step in `migrations/versions`: known here so that opening need not load alembic."""

_VERSION_TABLE = "ledger_version"
_FOLDER = ".engine"
_MIGRATIONS = Path(__file__).parent / "migrations"
_MARKS = ("connections.yaml", "schemes", ".git")


def ledger_url(option: str | None, environ: Mapping[str, str], start: Path) -> str:
    """The ledger's URL: what the option or ENGINE_LEDGER says (a URL or a path), else the project's own.

    The project's is ``.engine/ledger.db`` beside the nearest connections.yaml upward of `start`, else beside
    the nearest ``schemes`` or ``.git``, else in `start`.
    """
    wanted = option or environ.get("ENGINE_LEDGER") or ""
    if not wanted:
        return _url(_project(start.resolve()) / _FOLDER / "ledger.db")
    if "://" in wanted:
        return parse_url(wanted).render_as_string(hide_password=False)
    return _url((start / Path(wanted).expanduser()).resolve())


def ledger_path(url: str) -> Path | None:
    """The ledger's file; None when it is no file."""
    parsed = parse_url(url)
    name = parsed.database or ":memory:"
    if parsed.get_backend_name() != "sqlite" or name.startswith((":memory:", "file:")):
        return None
    return Path(name)


def ledger_place(url: str) -> str:
    """The ledger's place for summaries and messages: a path, or the URL without its password."""
    return shown(parse_url(url))


def open_ledger(url: str, *, inline: bool = False) -> LedgerPort:
    """The ledger, ready for use. Makes the folder and the tables where they are missing.

    Raises UsageError for a URL that cannot be used, and the errors of `engine.ledger.faults`.
    """
    engine = _made(url)
    try:
        _bring_up(engine)
    except BaseException:
        engine.dispose()
        raise
    return InlineLedger(engine) if inline else ThreadLedger(engine)


def require_ledger(url: str) -> None:
    """Refuse to go on where there is no ledger yet: who only looks must not leave an empty one behind.

    Only a file is looked for; a server answers for itself. Raises UsageError, with the place.
    """
    path = ledger_path(url)
    if path is not None and not path.exists():
        raise UsageError(
            tr('there is no ledger "{place}"', place=str(path)),
            hint=tr(
                "the first `engine run` makes it; else run the command where your project is, or name the "
                "ledger with --ledger or ENGINE_LEDGER"
            ),
        )


def version(url: str) -> str | None:
    """The ledger's version as it stands; None when it is empty or not there."""
    path = ledger_path(url)
    if path is not None and not path.exists():
        return None
    engine = make_engine(url)
    try:
        with _transaction(engine) as tx:
            return ledger_version(tx)
    finally:
        engine.dispose()


def ledger_version(tx: Connection) -> str | None:
    """The version that the ledger's tables are of; None when there are none."""
    if not inspect(tx).has_table(_VERSION_TABLE):
        return None
    found: str | None = tx.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))
    return found


def upgrade(url: str) -> tuple[str | None, str]:
    """Bring the ledger to `HEAD`, whole or not at all; its versions before and after."""
    engine = _made(url)
    try:
        return _bring_up(engine)
    finally:
        engine.dispose()


def _made(url: str) -> Engine:
    path = ledger_path(url)
    engine = make_engine(url)
    if path is not None:
        _make_place(path)
    return engine


def _bring_up(engine: Engine) -> tuple[str | None, str]:
    with _transaction(engine) as tx:  # a second process waits here, and then finds the work done
        found = ledger_version(tx)
        if found == HEAD:
            return found, HEAD
        if found is None:
            _refuse_strangers(tx)
            _create(tx)
            return None, HEAD
        if found not in _known_versions():
            raise LedgerTooNewError(
                tr(
                    'the ledger "{place}" was made by a newer engine (version {found}, known up to {head})',
                    place=shown(engine.url),
                    found=found,
                    head=HEAD,
                ),
                hint=tr("upgrade the engine on this machine"),
            )
        _migrate(tx)
    return found, HEAD


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as tx:
            yield tx
    except DBAPIError as error:
        raise plain(error, engine.url) from error


def _refuse_strangers(tx: Connection) -> None:
    """Refuse to put a ledger among another program's tables."""
    there = set(inspect(tx).get_table_names())
    if tx.dialect.name != "sqlite":
        there &= set(metadata.tables)  # a schema may be shared, a file is not
    if there:
        raise LedgerBrokenError(
            tr(
                'the database "{place}" is not a ledger: it holds the tables of another program',
                place=shown(tx.engine.url),
            ),
            hint=tr("check the path given with --ledger or ENGINE_LEDGER"),
        )


def _known_versions() -> set[str]:
    return {path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")}


def _create(tx: Connection) -> None:
    """All tables of a new ledger at once, as the steps of `migrations` leave them: a test holds it so."""
    metadata.create_all(tx)
    made = Table(
        _VERSION_TABLE,
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name=f"{_VERSION_TABLE}_pkc"),
    )
    made.create(tx)
    tx.execute(made.insert().values(version_num=HEAD))


def _migrate(tx: Connection) -> None:
    from alembic import command  # slow to load, and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = tx
    config.attributes["version_table"] = _VERSION_TABLE
    command.upgrade(config, HEAD)


def _make_place(path: Path) -> None:
    """Make the folder and the file, for the user alone: claims name people and their accounts."""
    try:
        if path.exists() and not path.is_file():
            raise LedgerUnwritableError(
                tr('"{place}" is no file that could hold a ledger', place=str(path)),
                hint=tr("check the path given with --ledger or ENGINE_LEDGER"),
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.name == _FOLDER and not (path.parent / ".gitignore").exists():
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LedgerUnwritableError(
            tr('the ledger "{place}" cannot be made: {reason}', place=str(path), reason=reason),
            hint=tr("check the permissions of the folder, or name another place with --ledger"),
        ) from error


def _project(start: Path) -> Path:
    upward = (start, *start.parents)
    for mark in _MARKS:
        for folder in upward:
            if (folder / mark).exists():
                return folder
    return start


def _url(path: Path) -> str:
    if str(path).encode("utf-8", "replace").decode() != str(path):
        raise UsageError(
            tr('the path "{path}" is not text in UTF-8: no ledger can be kept there', path=str(path)),
            hint=tr("rename the folder, or name another place with --ledger"),
        )
    return f"sqlite:///{path}"
