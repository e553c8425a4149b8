"""The source half with dlt: extracted to its load packages on disk. Run by the peer's own Python.

    python benchmarks/peers/dlt_source.py BASE_URL [--workers N] [--days N]

A resource for the ids of each window, and one transformer that gets the claims in dlt's own pool of threads.
Extracted only: what dlt would do to load them is not counted.
"""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WINDOWS = 8


def _source(base: str, days: int) -> Any:
    import dlt
    from dlt.sources.helpers import requests

    def called(method: str, body: dict[str, Any]) -> Any:
        url = f"{base}/topapi/processinstance/{method}?access_token=token"
        return requests.post(url, json=body).json()

    def pages(start: int, end: int) -> Iterator[list[str]]:
        cursor: int | None = 0
        while cursor is not None:
            span = {"start_time": start, "end_time": end, "size": 20, "cursor": cursor}
            page = called("listids", {"process_code": "PROC", **span})["result"]
            yield page["list"]
            cursor = page.get("next_cursor")

    @dlt.transformer(name="claims", parallelized=True, max_table_nesting=0)
    def claims(ids: list[str]) -> list[dict[str, Any]]:
        return [{"id": id_, **called("get", {"process_instance_id": id_})["process_instance"]} for id_ in ids]

    @dlt.source(name="dingtalk")
    def dingtalk() -> Iterator[Any]:
        end = (int(time.time()) - 5) * 1000
        step = days * 86_400_000 // WINDOWS
        for number in range(WINDOWS):
            span = (end - (number + 1) * step, end - number * step)
            listed = dlt.resource(pages, name=f"ids_{number}", parallelized=True)(*span)
            yield listed | claims.with_name(f"claims_{number}")

    return dingtalk()


def main() -> None:
    """Extract everything once, into the working folder."""
    reader = ArgumentParser(description=__doc__)
    reader.add_argument("base")
    reader.add_argument("--workers", type=int, default=32)
    reader.add_argument("--days", type=int, default=100)
    given = reader.parse_args()
    os.environ |= {
        "DLT_PROJECT_DIR": str(Path.cwd()),
        "DLT_DATA_DIR": str(Path.cwd() / "dlt"),
        "EXTRACT__WORKERS": str(given.workers),
        "EXTRACT__MAX_PARALLEL_ITEMS": str(given.workers * 2),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    import dlt

    pipeline = dlt.pipeline("claims", pipelines_dir=str(Path.cwd() / "pipelines"), dataset_name="claims")
    pipeline.extract(_source(given.base, given.days))
    rows = pipeline.last_trace.last_extract_info.metrics
    found = [each["table_metrics"] for metrics in rows.values() for each in metrics]
    print(sum(table.items_count for tables in found for name, table in tables.items() if "claims" in name))


if __name__ == "__main__":
    main()
