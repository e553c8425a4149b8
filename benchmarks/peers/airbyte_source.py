"""The source half as an Airbyte connector: its records on standard output. Run by the peer's own Python.

    python benchmarks/peers/airbyte_source.py BASE_URL [--workers N] [--days N]

A stream of ids by windows of time, a substream that gets each of them, read by the CDK's concurrent source.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConnectorSpecification, SyncMode
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.concurrent_source_adapter import ConcurrentSourceAdapter
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http import HttpStream, HttpSubStream
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from requests import Response

WINDOWS = 8
LOGGER = logging.getLogger("airbyte")


class DingTalk(HttpStream):
    """What both streams share."""

    http_method = "POST"
    primary_key = None

    def __init__(self, base: str, **others: Any) -> None:
        self._base = base
        super().__init__(**others)

    @property
    def url_base(self) -> str:
        """The system's address."""
        return f"{self._base}/topapi/processinstance/"

    def request_params(self, **_: Any) -> Mapping[str, Any]:
        """The token."""
        return {"access_token": "token"}

    def next_page_token(self, response: Response) -> Mapping[str, Any] | None:
        """None: one page."""
        return None

    def get_json_schema(self) -> Mapping[str, Any]:
        """Records are passed on as they are."""
        return {"type": "object", "additionalProperties": True}


class Ids(DingTalk):
    """The ids of all claims, listed in windows."""

    name = "ids"

    def __init__(self, base: str, days: int) -> None:
        super().__init__(base)
        self._days = days

    def path(self, **_: Any) -> str:
        """The call."""
        return "listids"

    def stream_slices(self, **_: Any) -> Iterable[Mapping[str, Any]]:
        """The windows."""
        end = (int(time.time()) - 5) * 1000
        step = self._days * 86_400_000 // WINDOWS
        for number in range(WINDOWS, 0, -1):
            yield {"start_time": end - number * step, "end_time": end - (number - 1) * step}

    def request_body_json(
        self, stream_slice: Any = None, next_page_token: Any = None, **_: Any
    ) -> Mapping[str, Any]:
        """A window's next page."""
        cursor = (next_page_token or {}).get("cursor", 0)
        return {"process_code": "PROC", "size": 20, "cursor": cursor, **stream_slice}

    def next_page_token(self, response: Response) -> Mapping[str, Any] | None:
        """Where the next page begins."""
        following = response.json()["result"].get("next_cursor")
        return None if following is None else {"cursor": following}

    def parse_response(self, response: Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """A page's ids."""
        for id_ in response.json()["result"]["list"]:
            yield {"id": id_}


class Claims(HttpSubStream, DingTalk):
    """Each claim."""

    name = "claims"

    def path(self, **_: Any) -> str:
        """The call."""
        return "get"

    def request_body_json(self, stream_slice: Any = None, **_: Any) -> Mapping[str, Any]:
        """One id."""
        return {"process_instance_id": stream_slice["parent"]["id"]}

    def parse_response(
        self, response: Response, *, stream_slice: Any = None, **_: Any
    ) -> Iterable[Mapping[str, Any]]:
        """The claim, with its id."""
        yield {"id": stream_slice["parent"]["id"], **response.json()["process_instance"]}


class Source(ConcurrentSourceAdapter):
    """The connector."""

    message_repository = InMemoryMessageRepository()

    def __init__(self, given: Namespace) -> None:
        self._given = given
        concurrent = ConcurrentSource.create(
            given.workers, given.workers // 2, LOGGER, DebugSliceLogger(), self.message_repository
        )
        super().__init__(concurrent)

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        """Nothing is asked of whoever configures it."""
        return ConnectorSpecification(connectionSpecification={"type": "object"})

    def check_connection(self, logger: Any, config: Mapping[str, Any]) -> tuple[bool, Any]:
        """Nothing is checked."""
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """The claims; their ids are read for them."""
        claims = Claims(parent=Ids(self._given.base, self._given.days), base=self._given.base)
        return [self.convert_to_concurrent_stream(LOGGER, claims, ConnectorStateManager())]


def main() -> None:
    """Read everything once."""
    reader = ArgumentParser(description=__doc__)
    reader.add_argument("base")
    reader.add_argument("--workers", type=int, default=32)
    reader.add_argument("--days", type=int, default=100)
    given = reader.parse_args()
    stream = {"name": "claims", "json_schema": {}, "supported_sync_modes": [SyncMode.full_refresh.value]}
    chosen = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
    with tempfile.TemporaryDirectory() as kept:
        config, catalog = Path(kept) / "config.json", Path(kept) / "catalog.json"
        config.write_text("{}", encoding="utf-8")
        catalog.write_text(json.dumps({"streams": [chosen]}), encoding="utf-8")
        launch(Source(given), ["read", "--config", str(config), "--catalog", str(catalog)])


if __name__ == "__main__":
    main()
