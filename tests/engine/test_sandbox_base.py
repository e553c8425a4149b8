from __future__ import annotations

import asyncio
import importlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from engine.connector.simulator import (
    Sandbox,
    SandboxClock,
    SandboxState,
    SimulatorSpec,
    advance,
    list_faults,
    read_offset,
    reset,
    serve_forever,
    set_faults,
)
from engine.connector.simulator.control import KNOWN
from engine.connector.simulator.serve import serving
from engine.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


COUNTER = '''
from aiohttp import web
from engine.connector.simulator.base import Call, Simulator


class CounterSimulator(Simulator):
    """Counts what is posted; small enough to see every fault through."""

    def seed(self, store):
        if not store.get("count", "it"):
            store.put("count", "it", {"value": 100})

    def add_routes(self, router):
        router.add_get("/", self.show)
        router.add_post("/", self.add)

    async def show(self, request):
        with self.reading() as store:
            return web.json_response(store.get("count", "it"))

    async def add(self, request):
        with self.transaction() as store:
            doc = store.get("count", "it")
            doc["value"] += int(request.query.get("by", "1"))
            store.put("count", "it", doc)
            return web.json_response(doc)

    def call(self, request):
        return Call.WRITE if request.method == "POST" else Call.READ

    def throttled(self, request):
        return web.Response(status=429)

    def expire(self, request):
        pass

    def connection_settings(self, base_url):
        return {"base_url": base_url}
'''
"""Counts what is posted; small enough to see every fault through. A module of its own, so that a child
process can import it."""

SPEC = SimulatorSpec(
    "counter", "sandbox_counter:CounterSimulator", {"late_seconds": 0.05, "slow_seconds": 0.01}
)


@pytest.fixture(autouse=True, scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("code")
    (folder / "sandbox_counter.py").write_text(COUNTER, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


def test_state_is_shared_and_transactional(tmp_path: Path) -> None:
    one, two = SandboxState(tmp_path), SandboxState(tmp_path)
    with one.transaction() as store:
        store.put("bill", "1", {"amount": "1.10", "rows": [1, 2]})
        assert [store.next_number("no"), store.next_number("no")] == [1, 2]
        store.within("other").put("bill", "2", {})
    with two.reading() as store:
        assert store.get("bill", "1") == {"amount": "1.10", "rows": [1, 2]}
        assert [key for key, _ in store.all("bill")] == ["1"]

    def half_made() -> None:
        with two.transaction() as store:
            store.put("bill", "3", {})
            store.put("bill", "4", {"amount": Decimal("1.1")})

    with pytest.raises(TypeError):
        half_made()
    with one.transaction() as store:
        assert store.get("bill", "3") is None
        assert store.delete("bill", "1")
        assert not store.delete("bill", "1")
    one.close()
    two.close()


def test_ranges_come_last_first(tmp_path: Path) -> None:
    state = SandboxState(tmp_path)
    with state.transaction() as store:
        for key in ("a/1", "a/2", "a/3", "b/1"):
            store.put("index", key, {"key": key})
        assert [key for key, _ in store.between("index", "a/2", "b")] == ["a/3", "a/2"]
        assert store.count("index") == 4
    state.close()


def test_a_broken_state_is_told_and_reset_mends_it(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        SandboxState(tmp_path)
    reset(tmp_path)
    SandboxState(tmp_path).close()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "sandbox"):
        with pytest.raises(ConfigurationError, match="cannot keep its state in"):
            SandboxState(folder)
    (tmp_path / "state.db").mkdir()
    with pytest.raises(ConfigurationError, match="cannot keep its state in"):
        SandboxState(tmp_path)


def test_the_clock_moves_for_all(tmp_path: Path) -> None:
    assert read_offset(tmp_path) == timedelta()
    assert not list(tmp_path.iterdir())
    assert advance(tmp_path, timedelta(days=40)) == timedelta(days=40)
    assert advance(tmp_path, timedelta(seconds=1.5)) == timedelta(days=40, seconds=1.5)
    state = SandboxState(tmp_path)
    ahead = SandboxClock(state, timedelta(days=1)).now() - datetime.now(UTC)
    assert timedelta(days=41) < ahead < timedelta(days=41, seconds=10)
    state.close()
    reset(tmp_path)
    assert read_offset(tmp_path) == timedelta()
    with pytest.raises(UsageError):
        advance(tmp_path, timedelta(days=-1))


def test_faults_are_set_listed_and_refused(tmp_path: Path) -> None:
    assert {one.name: one.rate for one in list_faults(tmp_path)} == {
        **dict.fromkeys(KNOWN, 0.0),
        "unique_number": 1.0,
    }
    set_faults(tmp_path, {"drop_after": "0.25", "unique_number": "off", "kingdee.html": "on"})
    shown = {(one.connection, one.name): one.rate for one in list_faults(tmp_path)}
    assert shown["", "drop_after"] == 0.25
    assert shown["", "unique_number"] == 0
    assert shown["kingdee", "html"] == 1
    for wrong in ({"drop_affter": 1}, {"drop_after": 2}, {"drop_after": "nan"}, {"drop_after": "often"}):
        with pytest.raises(UsageError):
            set_faults(tmp_path, wrong)
    with pytest.raises(UsageError) as caught:
        set_faults(tmp_path, {"drop_after": 0, "drop_affter": 1})
    assert "drop_after" in (caught.value.hint or "")
    assert {one.name: one.rate for one in list_faults(tmp_path)}["drop_after"] == 0.25


def test_all_texts_of_the_sandbox_have_a_translation() -> None:
    known: set[str] = set()
    for file in (files("engine.language") / "zh").iterdir():
        known |= set(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    assert set(KNOWN.values()) <= known


WRITES = [
    ("drop_before", httpx.TransportError, 0),
    ("drop_after", httpx.TransportError, 1),
    ("error_before", 503, 0),
    ("error_after", 503, 1),
    ("throttle", 429, 0),
    ("empty", 200, 1),
    ("html", 200, 1),
    ("slow", 200, 1),
]


@pytest.mark.parametrize(("fault", "seen", "effects"), WRITES)
def test_what_a_fault_does_to_a_write(tmp_path: Path, fault: str, seen: object, effects: int) -> None:
    async def play() -> int:
        async with serving(tmp_path, [SPEC]) as served, httpx.AsyncClient() as client:
            url = served["counter"].base_url
            set_faults(tmp_path, {fault: 1})
            if isinstance(seen, int):
                answer = await client.post(url)
                assert answer.status_code == seen
                if fault in ("empty", "html"):
                    assert not answer.content or answer.text.startswith("<!DOCTYPE html>")
            else:
                with pytest.raises(seen):
                    await client.post(url)
            set_faults(tmp_path, {fault: 0})
            return (await client.get(url)).json()["value"] - 100

    assert asyncio.run(play()) == effects


def test_a_late_commit_lands_after_its_client_gave_up(tmp_path: Path) -> None:
    async def play() -> list[int]:
        async with serving(tmp_path, [SPEC]) as served, httpx.AsyncClient() as client:
            url, simulator = served["counter"].base_url, served["counter"].simulator
            set_faults(tmp_path, {"counter.late_commit": "on"})
            with pytest.raises(httpx.TransportError):
                await client.post(url, params={"by": 5})
            before = (await client.get(url)).json()["value"]
            await simulator.settled()
            return [before, (await client.get(url)).json()["value"]]

    assert asyncio.run(play()) == [100, 105]


def test_rates_between_are_drawn_from_a_stream_that_repeats(tmp_path: Path) -> None:
    def draws() -> list[bool]:
        reset(tmp_path)
        set_faults(tmp_path, {"drop_after": 0.5})
        state = SandboxState(tmp_path)
        simulator = importlib.import_module("sandbox_counter").CounterSimulator(
            state, SandboxClock(state), {}
        )
        drawn = [simulator.fault("drop_after") for _ in range(60)]
        state.close()
        return drawn

    first = draws()
    assert first == draws()
    assert 15 < sum(first) < 45


def test_a_reset_under_a_running_server_begins_anew(tmp_path: Path) -> None:
    async def play() -> int:
        async with serving(tmp_path, [SPEC]) as served, httpx.AsyncClient() as client:
            url = served["counter"].base_url
            await client.post(url)
            reset(tmp_path)
            return (await client.get(url)).json()["value"]

    assert asyncio.run(play()) == 100


def test_two_servers_are_views_of_one_state(tmp_path: Path) -> None:
    async def play() -> int:
        async with (
            serving(tmp_path, [SPEC]) as one,
            serving(tmp_path, [SPEC]) as two,
            httpx.AsyncClient() as client,
        ):
            await asyncio.gather(*(client.post(side["counter"].base_url) for side in (one, two) * 10))
            return (await client.get(two["counter"].base_url)).json()["value"]

    assert asyncio.run(play()) == 120


def test_the_foreground_announces_once_on_the_ports_asked_for(tmp_path: Path) -> None:
    said: list[dict[str, dict[str, str]]] = []
    heard = asyncio.Event()

    def announce(connections: dict[str, dict[str, str]]) -> None:
        said.append(connections)
        heard.set()

    async def play() -> None:
        async with serving(tmp_path, [SPEC]) as taken:
            port = int(taken["counter"].base_url.rpartition(":")[2])
            with pytest.raises(ConfigurationError, match=str(port)):
                await serve_forever(tmp_path, [SPEC], port, announce)
            task = asyncio.create_task(serve_forever(tmp_path, [SPEC], 0, announce))
            await heard.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(play())
    assert len(said) == 1
    assert said[0]["counter"]["base_url"].startswith("http://127.0.0.1:")


def test_the_child_serves_and_stops(tmp_path: Path) -> None:
    async def play() -> None:
        async with Sandbox(tmp_path / "state", [SPEC]) as connections:
            url = connections["counter"]["base_url"]
            async with httpx.AsyncClient() as client:
                assert (await client.post(url)).json() == {"value": 101}
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(url)

    asyncio.run(play())


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    async def play() -> None:
        with pytest.raises(ConfigurationError, match="nowhere"):
            await Sandbox(tmp_path, [SimulatorSpec("x", "nowhere:Simulator")]).start()

    asyncio.run(play())


PARENT = """
import asyncio, json, os, signal, sys
from pathlib import Path
from engine.connector.simulator import Sandbox, SimulatorSpec
async def main():
    spec = SimulatorSpec("counter", "sandbox_counter:CounterSimulator", {})
    print(json.dumps(await Sandbox(Path(sys.argv[1]), [spec]).start()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_the_child_outlives_a_killed_parent(tmp_path: Path, code: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(code)!r})\n{PARENT}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "state")], capture_output=True, text=True, check=False
    )
    url = json.loads(done.stdout)["counter"]["base_url"]
    assert httpx.post(url).json() == {"value": 101}


def test_many_processes_may_open_a_new_state_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.connector.simulator import SandboxState\n"
        "state = SandboxState(Path(sys.argv[1]))\n"
        "for _ in range(20):\n"
        "    with state.transaction() as store: store.next_number('n')\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [one.wait() for one in started] == [0, 0, 0, 0]
    state = SandboxState(tmp_path)
    with state.transaction() as store:
        assert store.next_number("n") == 81
    state.close()


def test_a_state_of_another_layout_is_refused(tmp_path: Path) -> None:
    state = SandboxState(tmp_path)
    state.close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError):
        SandboxState(tmp_path)
    reset(tmp_path)
    SandboxState(tmp_path).close()
