"""Make the README's terminal picture from a real run in a fresh sandbox: python tools/picture.py docs/run.svg

The command runs in a pseudo terminal, so that the picture shows what a person sees; rich reads its colours
back and draws them. Nothing is touched up but the path of the temporary folder.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
COMMAND = ["engine", "run", "schemes/expense_to_paybill.yaml"]
COLUMNS = 100
FONTS = "Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")  # cursor movements and erasures, but no colours (m)


def run(folder: Path) -> tuple[str, int]:
    """What the command writes on a terminal, and its exit code."""
    environment = os.environ | {
        "COLUMNS": str(COLUMNS),
        "LINES": "60",
        "TERM": "xterm-256color",
        "ENGINE_LANG": "zh",
        "ENGINE_LEDGER": str(folder / ".engine/ledger.db"),
        "ENGINE_CONNECTIONS": str(folder / "connections.yaml"),
    }
    (folder / "connections.yaml").write_text("environments: {}\n", encoding="utf-8")
    program = [str(Path(sys.executable).with_name(COMMAND[0])), *COMMAND[1:]]
    reader, writer = pty.openpty()
    with subprocess.Popen(program, cwd=ROOT, env=environment, stdout=writer, stderr=writer) as process:
        os.close(writer)
        chunks = []
        while chunk := _read(reader):
            chunks.append(chunk)
    os.close(reader)
    return b"".join(chunks).decode("utf-8", "replace"), process.returncode


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # Linux says so when the other side has closed
        return b""


def last_screen(output: str) -> str:
    """The lines that stay: of a line that was written over again and again, only its last form."""
    kept: list[str] = []
    for line in output.replace("\r\n", "\n").split("\n"):
        for movement in re.findall(r"\x1b\[(\d*)A", line):
            del kept[len(kept) - min(int(movement or 1), len(kept)) :]
        kept.append(_CONTROL.sub("", line.rsplit("\r", 1)[-1]))
    return "\n".join(kept).strip("\n")


def main(target: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        output, code = run(Path(folder))
        shown = last_screen(output).replace(folder, "~/pay")
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console.print(Text.assemble(("$ ", "bold green"), " ".join(COMMAND)))
    console.print(Text.from_ansi(shown))
    picture = console.export_svg(title="engine")
    # No fonts from elsewhere: a page that shows the picture should call nobody.
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)
    picture = picture.replace("Fira Code, monospace", FONTS)
    Path(target).write_text(picture, encoding="utf-8")
    print(f"{target}: exit code of the run was {code}")  # noqa: T201
    return 0 if code in (0, 1) else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
