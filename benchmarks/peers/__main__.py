"""Install the peers that are missing. One that cannot be installed is left out of the report."""

from __future__ import annotations

import subprocess

from benchmarks.peers import PEERS


def main() -> None:
    """Try each of them."""
    for peer in PEERS:
        if not peer.installed():
            try:
                peer.install()
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"{peer.name}: {error}")
                continue
        print(f"{peer.name}: installed")


if __name__ == "__main__":
    main()
