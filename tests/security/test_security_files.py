"""Files that an integrator might be sent: bombs, devices, foreign encodings. Read or refused, in words."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.connector.settings import load_settings
from engine.errors import EngineError, Position, SchemeError
from engine.scheme.model import TableSpec
from engine.scheme.tables import StaticTable, load_table

CONNECTION = "{connector: dingtalk, base_url: 'https://oapi.dingtalk.com', app_key: k, app_secret: '%s'}"
LIMIT = 400 * 1024 * 1024


def bomb(levels: int = 40) -> str:
    """Aliases of aliases: a few lines that mean 2 ** `levels` values."""
    lines = ["b0: &b0 [x, x]"]
    lines += [f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]" for n in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int = 40) -> str:
    """Merge keys of merge keys."""
    lines = ["m0: &m0 {a: 1}"]
    lines += [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}" for n in range(1, levels)]
    return "\n".join(lines)


CONNECTION_FILES = {
    "aliases of aliases": bomb(),
    "merges of merges": merges(),
    "a merge of itself": "environments: &e\n  <<: *e\n",
    "an alias of itself": "environments: &e [*e]\n",
    "a tag": "environments: !!python/object/apply:os.system ['echo x']\n",
    "a tag of one's own": "environments: !include /etc/passwd\n",
    "a binary": "environments: !!binary R0lGODlh\n",
    "deep lists": "environments: " + "[" * 3000 + "]" * 3000,
    "deep objects": "environments: " + "{a: " * 3000 + "1" + "}" * 3000,
    "a long text": "environments: " + "x" * 10_000_000,
    "a long number": "environments: " + "9" * 1_000_000,
    "many documents": "---\na: 1\n" * 50_000,
    "two of a name": "environments: {}\nenvironments: {}\n",
    "a NUL": "environments: \0\n",
    "a date": "environments: 9999-99-99\n",
}


@pytest.mark.parametrize("name", CONNECTION_FILES)
@pytest.mark.parametrize("command", ["validate schemes/a.yaml", "run a"])
def test_a_hostile_connection_file_is_refused_in_little_memory(
    tmp_path: Path, name: str, command: str
) -> None:
    (tmp_path / "schemes").mkdir()
    (tmp_path / "schemes/a.yaml").write_text("version: 1\nid: a\n")
    (tmp_path / "connections.yaml").write_text(CONNECTION_FILES[name])
    _refused(tmp_path, command, 2)


SCHEME_FILES = {
    **{name: text.replace("environments", "source") for name, text in CONNECTION_FILES.items()},
    "a hundred thousand mistakes": "version: 1\nid: a\n" + "".join(f"x{n}: @\n" for n in range(20_000)),
    "a modeline": "# yaml-language-server: $schema=file:///etc/passwd\nversion: 1\nid: a\n",
    "a modeline of another host": "# yaml-language-server: $schema=http://127.0.0.1:9/x\nversion: 1\nid: a\n",
}


@pytest.mark.parametrize("name", SCHEME_FILES)
def test_a_hostile_scheme_file_is_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.yaml").write_text(SCHEME_FILES[name])
    _refused(tmp_path, "validate a.yaml", 1)


def _refused(folder: Path, command: str, code: int) -> None:
    """The command ends with a message, within a minute and 400 MB."""
    start = textwrap.dedent("""
        import sys
        from engine.cli.main import run
        sys.argv[0] = "engine"
        run(sys.argv[1:])
    """)
    found = subprocess.run(
        [sys.executable, "-c", start, *command.split()],
        cwd=folder,
        env={**os.environ, "ENGINE_LANG": "en"},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)),
        check=False,
    )
    assert found.returncode == code, (found.returncode, found.stdout[-300:], found.stderr[-600:])
    told = found.stdout + found.stderr
    assert "Traceback" not in told
    assert "engine itself" not in told, told[-600:]
    assert 0 < len(told) < 20_000, len(told)


# --- secrets from files ---------------------------------------------------------------------------------


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _large(path: Path) -> None:
    path.write_bytes(b"x" * 5_000_000)


def _folder(path: Path) -> None:
    path.mkdir()


def _no_text(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00canary\x80")


@pytest.mark.parametrize("make", [_fifo, _link_to_device, _large, _folder, _no_text, lambda path: None])
def test_a_secret_is_read_from_a_file_that_is_one(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "kept.txt")
    reference = "${file:kept.txt}"
    file = tmp_path / "connections.yaml"
    file.write_text(f"environments: {{company: {{dingtalk: {CONNECTION % reference}}}}}\n")
    with pytest.raises(EngineError) as caught:
        load_settings(file).environment("company").connection("dingtalk").resolved().secret("app_secret")
    assert "kept.txt" in caught.value.message
    assert "canary" not in str(caught.value)


# --- tables ---------------------------------------------------------------------------------------------


def _table(folder: Path, data: bytes, name: str = "t.csv") -> StaticTable:
    (folder / "t.csv").write_bytes(data)
    spec = TableSpec("t", Position("s.yaml", 1, 1), file=name, key="费用", value="编码")
    return load_table(spec, folder)


TEXT = "费用,编码\r\n办公费,FYXM05\r\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-32"),
        b"PK\x03\x04" + TEXT.encode(),
        b"\x1f\x8b\x08" + TEXT.encode(),
        TEXT.replace("办公费", "办\0公费").encode(),
        b"\0" * 1000,
        b"\xff" * 1000,
        ("费用,编码\n" + '"' + "x" * 10_000_000).encode(),
        b"",
    ],
    ids=lambda data: repr(data[:8]),
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SchemeError) as caught:
        _table(tmp_path, data)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_tables_as_excel_and_wps_save_them_are_read(tmp_path: Path, encoding: str) -> None:
    assert _table(tmp_path, TEXT.encode(encoding)).find("办公费") == "FYXM05"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "\\\\host\\share\\t.csv",
            "//host/share/t.csv",
            "C:\\t.csv",
            "c:t.csv",
            "..\\t.csv",
            "file:///t.csv",
        ),
        *("http://127.0.0.1:9/t.csv", "~/t.csv", "$HOME/t.csv", "t.csv\0", "t.csv ", "NUL", "./././../t.csv"),
    ],
)
def test_a_table_lies_in_the_schemes_folder(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "schemes"
    inner.mkdir()
    (tmp_path / "t.csv").write_text(TEXT, encoding="utf-8")
    with pytest.raises(SchemeError):
        _table(inner, TEXT.encode(), name)


def test_a_table_of_many_rows_is_read(tmp_path: Path) -> None:
    rows = "".join(f"费用{n},FYXM{n}\n" for n in range(200_000))
    assert len(_table(tmp_path, f"费用,编码\n{rows}".encode()).entries) == 200_000
