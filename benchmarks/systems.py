"""DingTalk and Kingdee as fast as one process can play them: whoever calls is measured, not they.

    python -m benchmarks.systems [--claims N] [--port P]

One process of its own; says its port in a line of JSON. `POST /bench` with `{"latency": seconds}` begins anew
and answers that late from then on; `GET /bench` says what has been called and which bills there are.
Answers with a claim are made before anybody asks, so that serving costs little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks.claims import instance

__all__ = ["DAYS", "Systems"]

DAYS = 100
"""Over so many days the claims are spread, the last of them made an hour ago."""
REFUSED = 3
"""Of five claims in a row, the one that was refused: 80 % are to be paid."""

_PATTERNS = 2000
_PROJECT = "研发中心".encode()
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_KEYS = re.compile(r"'([^']+)'")
_OK = {"errcode": 0, "errmsg": "ok"}


class Systems:
    """Both systems' state, and their answers."""

    def __init__(self, claims: int) -> None:
        self.claims = claims
        self.latency = 0.0
        now = int(time.time())
        self._last = now - 3600
        self._step = (DAYS * 86_400 - 7200) / max(claims, 1)
        self._made = [self._answer(number) for number in range(min(claims, _PATTERNS))]
        self.begin(0.0)

    def begin(self, latency: float) -> None:
        """Forget all bills and calls."""
        self.latency = latency
        self.calls: Counter[str] = Counter()
        self.bills: dict[str, list[Any]] = {}
        self._by_id: dict[str, str] = {}
        self.twice = 0

    def told(self) -> dict[str, Any]:
        """What has been called, and what became of the bills."""
        stages = Counter(status for _, status in self.bills.values())
        return {"calls": dict(self.calls), "bills": len(self.bills), "stages": stages, "twice": self.twice}

    def answer(self, path: str, body: bytes) -> bytes:
        """One call's answer."""
        name = path.partition("?")[0].rsplit("/", 1)[-1] if "k3cloud" not in path else path.split(".")[-3]
        handler = _HANDLERS.get(name)
        if handler is None:
            return b'{"errcode": 404, "errmsg": "no such call"}'
        self.calls[name] += 1
        found = handler(self, body)
        return found if isinstance(found, bytes) else orjson.dumps(found)

    # --- DingTalk -------------------------------------------------------------------------------------------

    def _answer(self, number: int) -> tuple[bytes, bytes, bytes]:
        """A claim's answer, cut where its number and its project stand: no two claims say the same."""
        claim = instance(number)
        if number % 5 == REFUSED:
            claim["result"] = "refuse"
        text = json.dumps({**_OK, "process_instance": claim, "request_id": "x"}, ensure_ascii=False)
        before, _, rest = text.partition(claim["business_id"])
        between, _, after = rest.partition(f"研发中心{number % 40}")
        return before.encode(), between.encode(), after.encode()

    def _id(self, number: int) -> str:
        return f"bench{number:017}0001{int(self._made_at(number))}"

    def _made_at(self, number: int) -> float:
        return self._last - (self.claims - 1 - number) * self._step

    def _token(self, _: bytes) -> Any:
        return {**_OK, "access_token": "token-of-the-benchmark", "expires_in": 7200}

    def _list(self, body: bytes) -> Any:
        asked = orjson.loads(body)
        start, end = asked["start_time"] / 1000, asked["end_time"] / 1000
        first = max(0, -int(-(self.claims - 1 - (self._last - start) / self._step) // 1))
        while first > 0 and self._made_at(first - 1) >= start:
            first -= 1
        while first < self.claims and self._made_at(first) < start:
            first += 1
        at, size = first + int(asked["cursor"]), int(asked["size"])
        numbers = [n for n in range(at, min(at + size, self.claims)) if self._made_at(n) < end]
        result: dict[str, Any] = {"list": [self._id(number) for number in numbers]}
        following = at + size
        if len(numbers) == size and following < self.claims and self._made_at(following) < end:
            result["next_cursor"] = int(asked["cursor"]) + size
        return {**_OK, "result": result}

    def _get(self, body: bytes) -> bytes:
        number = int(orjson.loads(body)["process_instance_id"][5:22])
        before, between, after = self._made[number % _PATTERNS]
        return b"%b20240508102100%07d%b%b%07d%b" % (before, number, between, _PROJECT, number, after)

    def _user(self, body: bytes) -> Any:
        id_ = orjson.loads(body)["userid"]
        return {**_OK, "result": {"userid": id_, "job_number": f"E{int(id_) % 10_000:04}", "name": "x"}}

    def _comment(self, _: bytes) -> Any:
        return {**_OK, "result": True}

    # --- Kingdee --------------------------------------------------------------------------------------------

    def _query(self, body: bytes) -> Any:
        data = orjson.loads(body)["data"]
        keys = data["FieldKeys"].split(",")
        rows = []
        for number in _KEYS.findall(data["FilterString"]):
            if number in self.bills:
                id_, status = self.bills[number]
                known = {"FID": int(id_), "FBillNo": number, "FDocumentStatus": status}
                rows.append([known.get(key) for key in keys])
        return rows

    def _save(self, body: bytes) -> Any:
        model = orjson.loads(body)["data"]["Model"]
        done = []
        for place, bill in enumerate(model if isinstance(model, list) else [model]):
            number = bill["FBillNo"]
            if number in self.bills:
                self.twice += 1
            id_ = str(100_000 + len(self.bills))
            self.bills[number] = [id_, "A"]
            self._by_id[id_] = number
            done.append({"Id": int(id_), "Number": number, "DIndex": place})
        return _good(done)

    def _operate(self, body: bytes, status: str) -> Any:
        done = []
        for id_ in orjson.loads(body)["data"]["Ids"].split(","):
            number = self._by_id[id_]
            self.bills[number][1] = status
            done.append({"Id": id_, "Number": number, "DIndex": 0})
        return _good(done)

    def routed(self, path: str, body: bytes) -> bytes:
        """`answer`, with the two interfaces that end in the same word told apart."""
        if "processinstance/get" in path:
            self.calls["get"] += 1
            return self._get(body)
        if "user/get" in path:
            self.calls["user"] += 1
            return orjson.dumps(self._user(body))
        return self.answer(path, body)


_HANDLERS: dict[str, Callable[[Systems, bytes], Any]] = {
    "gettoken": Systems._token,
    "listids": Systems._list,
    "add": Systems._comment,
    "ExecuteBillQuery": Systems._query,
    "BatchSave": Systems._save,
    "Submit": lambda systems, body: systems._operate(body, "B"),
    "Audit": lambda systems, body: systems._operate(body, "C"),
}


def _good(done: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Result": {"ResponseStatus": {"IsSuccess": True, "Errors": [], "SuccessEntitys": done, "MsgCode": 0}}
    }


class _Connection(asyncio.Protocol):
    """One connection: HTTP/1.1 with lengths, kept alive; just enough for clients that send nothing odd."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._held) < whole:
                return
            body, self._held = self._held[end + 4 : whole], self._held[whole:]
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            self._reply(method, path, body)

    def _reply(self, method: str, path: str, body: bytes) -> None:
        systems = self._systems
        if path == "/bench":
            if method == "POST":
                systems.begin(orjson.loads(body)["latency"])
            self._write(orjson.dumps(systems.told()))
            return
        answer = systems.routed(path, body)
        if systems.latency:
            asyncio.get_running_loop().call_later(systems.latency, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
            answer
        )
        self._transport.write(head + answer)


async def _serve(claims: int, port: int) -> None:
    systems = Systems(claims)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(systems), "127.0.0.1", port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until stopped."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--claims", type=int, default=20_000)
    reader.add_argument("--port", type=int, default=0)
    given = reader.parse_args()
    asyncio.run(_serve(given.claims, given.port))


if __name__ == "__main__":
    main()
