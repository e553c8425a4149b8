"""How much of a rate limit the engine uses, and whether it ever goes beyond.

    python -m benchmarks.pace [--claims N] [--per-second N] [--json]

The engine by its ordinary command, with `per_second` in its connection, against a DingTalk that counts the
calls of each interface in every second, wherever that second begins, and answers as DingTalk throttles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import measured
from benchmarks.systems import Systems, _Connection
from benchmarks.targets import Target
from benchmarks.whole_job import ENGINE, command, workspace

WANTED = 0.95
"""Of the limit, over the time in which there is something to get."""
_THROTTLED = b'{"errcode": 90018, "errmsg": "the interface is called too often"}'
_GET = "topapi/processinstance/get"


class Throttling(Systems):
    """Both systems; DingTalk's interfaces bear `most` calls in any one second."""

    def __init__(self, claims: int, most: int) -> None:
        super().__init__(claims)
        self.most = most
        self.throttled = 0
        self.got: list[float] = []
        self._lately: dict[str, deque[float]] = {}

    def routed(self, path: str, body: bytes) -> bytes:
        name = path.partition("?")[0].strip("/")
        if "k3cloud" in name:
            return super().routed(path, body)
        now = time.monotonic()
        lately = self._lately.setdefault(name, deque())
        while lately and lately[0] <= now - 1:
            lately.popleft()
        if len(lately) >= self.most:
            self.throttled += 1
            return _THROTTLED
        lately.append(now)
        if name == _GET:
            self.got.append(now)
        return super().routed(path, body)


@contextmanager
def _serving(systems: Systems) -> Iterator[str]:
    """Serve from a thread of this process, which looks at what was seen."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: _Connection(systems), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def report(claims: int = 400, per_second: int = 20) -> dict[str, Any]:
    """One run. `used`: the share of the limit between the first get and the last; `throttled`: answers."""
    systems = Throttling(claims, per_second)
    with _serving(systems) as base, tempfile.TemporaryDirectory() as kept:
        folder = workspace(Path(kept), base, per_second=per_second)
        measured(command(ENGINE, folder, base), cwd=folder)
    seconds = systems.got[-1] - systems.got[0]
    return {
        "claims": claims,
        "per_second": per_second,
        "seconds": seconds,
        "used": (len(systems.got) - 1) / seconds / per_second,
        "throttled": systems.throttled,
        "bills": len(systems.bills),
    }


def section() -> tuple[str, list[Target]]:
    """What the page of performance says of it."""
    found = report()
    used, throttled = found["used"], found["throttled"]
    text = (
        f"## Pace\n\nWith `per_second: {found['per_second']}`, {found['claims']} claims were got at "
        f"{used:.1%} of the limit; {throttled} answers said that it was too fast.\n"
    )
    return text, [
        Target("of a limit of 20 calls a second, used", used * 100, WANTED * 100, " %", least=True),
        Target("throttling answers at that limit", throttled, 0, ""),
    ]


def main() -> None:
    """Print what was measured."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=400)
    reader.add_argument("--per-second", type=int, default=20)
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    found = report(given.claims, given.per_second)
    if given.json:
        print(json.dumps(found))
    else:
        told = f"{found['used']:.1%} of {given.per_second} calls a second, {found['throttled']} throttled"
        print(f"{told}, {found['bills']} bills", file=sys.stderr)


if __name__ == "__main__":
    main()
