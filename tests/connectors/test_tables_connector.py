"""Translation tables as a target: rows come and change, and nothing else in the folder is touched."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.tables import TablesConnector
from engine.clock import SystemClock
from engine.connector.api import Accepted, Answer, NotSent, Outgoing, Refused
from engine.connector.limits import Limits
from engine.connector.session import Session
from engine.connector.settings import SANDBOX, Connection, load_settings
from engine.connector.transport import HttpTransport
from engine.errors import ConfigurationError, FailureClass, Position

COLUMNS = "工号,员工编码,姓名"


def row(version: str = "1@a", newer: str = "", **values: Any) -> dict[str, Any]:
    given = {"工号": "E1", "员工编码": "C1", "姓名": "张三"} | values
    return {
        "table": "员工",
        "columns": COLUMNS,
        "version": version,
        "newer": newer,
        "row": {name: value for name, value in given.items() if value is not None},
    }


class Folder:
    """The connector over a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        limits = Limits()
        connection = Connection("tables", "tables", {"folder": str(path)}, limits, SANDBOX, Position("x"))
        session = Session(connection, SystemClock(timedelta()), HttpTransport(limits))
        self.connector = TablesConnector(connection, session)
        self.target: Any = self.connector.target("upsert", None, {})

    def send(self, *payloads: dict[str, Any], claim: bool = True) -> list[Answer]:
        keys = [str(self.target.key_of(payload, "version")) for payload in payloads]
        documents = [Outgoing(key, payload) for key, payload in zip(keys, payloads, strict=True)]
        return asyncio.run(self.target.send(documents, lambda: claim))

    def find(self, *keys: str) -> dict[str, Any]:
        return asyncio.run(self.target.find("version", list(keys)))

    def lines(self, name: str = "员工") -> list[str]:
        return (self.path / f"{name}.csv").read_text(encoding="utf-8-sig").splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "tables")


def refusal(answer: Answer) -> Refused:
    assert isinstance(answer, Refused)
    return answer


def test_a_row_is_written_and_found_by_its_version(folder: Folder) -> None:
    assert folder.find("员工:1@a") == {}
    (answer,) = folder.send(row())
    assert isinstance(answer, Accepted)
    assert (answer.number, answer.key) == ("员工:1@a", "员工:1@a")
    assert folder.lines() == ["工号,员工编码,姓名,来源版本,来源先后", "E1,C1,张三,1@a,"]
    (found,) = folder.find("员工:1@a", "员工:1@b", "部门:1@a")["员工:1@a"]
    assert (found.number, found.stage) == ("员工:1@a", "save")
    assert list(folder.find("员工:1@a", "员工:1@b", "部门:1@a")) == ["员工:1@a"]


def test_a_newer_version_takes_the_row_and_an_older_one_does_not(folder: Folder) -> None:
    folder.send(row("1@2", "2026-02-01"), row("2@1", "2026-01-01", 工号="E2"))
    folder.send(row("1@3", "2026-03-01", 姓名="张三丰"))
    (answer,) = folder.send(row("1@1", "2026-01-01", 姓名="旧名"))
    assert isinstance(answer, Accepted)
    assert folder.lines()[1:] == ["E1,C1,张三丰,1@3,2026-03-01", "E2,C1,张三,2@1,2026-01-01"]


def test_what_a_document_leaves_out_is_emptied_and_peoples_own_columns_stay(folder: Folder) -> None:
    folder.send(row(), row("2@a", 工号="E2"))
    text = folder.lines()
    text = [text[0] + ",备注", text[1] + ",组长", text[2] + ","]
    (folder.path / "员工.csv").write_text("\n".join(text) + "\n", encoding="utf-8")
    folder.send(row("1@b", 员工编码=None))
    assert folder.lines() == [
        "工号,员工编码,姓名,来源版本,来源先后,备注",
        "E1,,张三,1@b,,组长",
        "E2,C1,张三,2@a,,",
    ]


def test_amounts_are_written_digit_for_digit_and_odd_texts_are_quoted(folder: Folder) -> None:
    folder.send(row(员工编码=Decimal("1E+3"), 姓名='张"三,\n四'))
    assert (folder.path / "员工.csv").read_bytes().endswith('E1,1000,"张""三,\n四",1@a,\n'.encode())
    assert len(folder.find("员工:1@a")) == 1


def test_nothing_is_written_once_the_claim_is_old(folder: Folder) -> None:
    (answer,) = folder.send(row(), claim=False)
    assert isinstance(answer, NotSent)
    assert list(folder.path.iterdir()) == []


def test_what_a_dead_writer_left_is_cleared_away(folder: Folder, tmp_path: Path) -> None:
    folder.path.mkdir()
    (folder.path / ".员工.csv.new").symlink_to(tmp_path / "elsewhere")
    folder.send(row())
    assert [path.name for path in folder.path.iterdir()] == ["员工.csv"]
    assert not (tmp_path / "elsewhere").exists()


def test_one_bad_row_does_not_stop_the_others(folder: Folder) -> None:
    bad = [
        row("2@a", 工号=None),
        {**row("3@a"), "columns": "工号,姓名"},
        {**row("4@a"), "row": {"工号": "E4", "姓名": ["x"]}},
        {**row("5@a"), "columns": "工号,工号"},
        {**row("6@a"), "columns": "工号,来源版本"},
    ]
    answers = folder.send(bad[0], row(), *bad[1:])
    assert isinstance(answers[1], Accepted)
    kinds = [refusal(answer).failure for answer in (answers[0], *answers[2:])]
    config, data = FailureClass.CONFIGURATION, FailureClass.DATA
    assert kinds == [data, config, data, config, config]
    assert len(folder.lines()) == 2


def test_a_table_that_people_made_is_never_touched(folder: Folder) -> None:
    folder.path.mkdir()
    own = folder.path / "员工.csv"
    own.write_text("工号,员工编码\nE1,C9\n", encoding="utf-8")
    (answer,) = folder.send(row())
    assert "来源版本" in refusal(answer).message
    assert own.read_text(encoding="utf-8") == "工号,员工编码\nE1,C9\n"
    with pytest.raises(ConfigurationError):
        folder.find("员工:1@a")


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/x", ".x", "x.csv", "", "a" * 61, "a\nb"])
def test_a_table_lies_in_the_folder_and_nowhere_else(folder: Folder, name: str) -> None:
    (answer,) = folder.send({**row(), "table": name})
    assert refusal(answer).failure is FailureClass.CONFIGURATION
    assert not folder.path.exists() or list(folder.path.iterdir()) == []
    assert list(folder.path.parent.iterdir()) in ([], [folder.path])


def test_a_link_is_not_followed(folder: Folder, tmp_path: Path) -> None:
    folder.path.mkdir()
    outside = tmp_path / "outside.csv"
    outside.write_text("工号,来源版本\n", encoding="utf-8")
    (folder.path / "员工.csv").symlink_to(outside)
    (answer,) = folder.send(row())
    assert "no plain file" in refusal(answer).message
    assert outside.read_text(encoding="utf-8") == "工号,来源版本\n"


def test_a_folder_that_cannot_be_used_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = Folder(tmp_path / "file")
    (answer,) = folder.send(row())
    assert isinstance(answer, NotSent)
    with pytest.raises(ConfigurationError):
        asyncio.run(folder.connector.check())


def test_the_folder_is_relative_to_the_connections_file(tmp_path: Path) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("environments:\n  live:\n    tables: {connector: tables, folder: schemes/tables}\n")
    settings = load_settings(file)
    folder = settings.environments["live"].connections["tables"].settings["folder"]
    assert folder == str(tmp_path / "schemes/tables")
    assert settings.environments[SANDBOX].connections["tables"].settings["folder"] == ".engine/sandbox/tables"
