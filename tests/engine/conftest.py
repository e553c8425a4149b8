"""Ledgers on both kinds of database, and a prompt in a folder of its own with the shipped schemes in it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.cli.main import run
from engine.ledger.open import upgrade
from engine.ledger.sql import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

SCHEMES = Path(__file__).parents[2] / "schemes"


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Prompt:
    """Runs commands in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, language: str = "en", **environ: str) -> Said:
        out, err = io.StringIO(), io.StringIO()
        before, here = dict(os.environ), Path.cwd()
        kept = {name: value for name, value in before.items() if not name.startswith("ENGINE_")}
        os.environ.clear()
        os.environ.update(kept | {"ENGINE_LANG": language} | environ)
        os.chdir(self.folder)
        code: Any = 0
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                run(list(words))
        except SystemExit as ended:
            code = ended.code
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(before)
        return Said(int(code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Prompt:
    """One folder for all tests of a module."""
    folder = tmp_path_factory.mktemp("prompt")
    shutil.copytree(SCHEMES, folder / "schemes")
    return Prompt(folder)


@pytest.fixture
def fresh_prompt(tmp_path: Path) -> Prompt:
    """A folder for one test alone."""
    shutil.copytree(SCHEMES, tmp_path / "schemes")
    return Prompt(tmp_path)


@pytest.fixture
def empty_prompt(tmp_path: Path) -> Prompt:
    """A folder with nothing in it, for one test alone."""
    return Prompt(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that is empty, or not there yet."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def url(place: str) -> str:
    """The URL of a new ledger."""
    upgrade(place)
    return place


@pytest.fixture
def database(url: str) -> Iterator[Engine]:
    """A new ledger's database, as the ledger uses it."""
    made = make_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def tx(database: Engine) -> Iterator[Connection]:
    """A transaction of a new ledger, undone in the end."""
    with database.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()
