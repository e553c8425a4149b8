"""Fuzz the harness for a given time: ``make fuzz SECONDS=60``. CI runs it under hypothesis."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["engine", "connectors", "yaml"]):
        from hostile import harness

    harnesses = [getattr(harness, name) for name in harness.HARNESSES]

    def one(data: bytes) -> None:
        if data:
            harnesses[data[0] % len(harnesses)](data[1:])

    atheris.Setup([sys.argv[0], f"-max_total_time={os.environ.get('SECONDS', '60')}", *sys.argv[1:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
