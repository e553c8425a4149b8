"""The command line: reads arguments, shows results, nothing else."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from engine.cli.main import run

    run()
