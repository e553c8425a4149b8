"""Fill the console blocks of a page with what their commands really print.

    python tools/console.py docs/quickstart.md

The blocks of a section (from one `##` heading with a language to the next) are run in order, in an empty
folder. Lines that begin with `$` are commands; what stands below is their output. Where a line `…` stands
among it, as many lines before and after it are kept as there are. `tests/docs` compares instead of writing.
A block below `<!-- file: NAME -->` is a file that lies in the folder before the section's first command.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NOW", "Step", "files", "played", "sections", "shortened"]

NOW = "2026-11-24 10:00"
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^<!-- file: (\S+) -->\n+```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^# .*\n<!-- language: (\w\w) -->$", re.MULTILINE)
_END = "=== end of step ==="
_NUMBER = re.compile(r"\b20\d{19}\b")


@dataclass(frozen=True)
class Step:
    """A command of a page, and the output that the page shows."""

    command: str
    shown: tuple[str, ...]


def sections(text: str) -> dict[str, str]:
    """The parts of a page by language."""
    marks = list(_SECTION.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {mark[1]: text[mark.start() : end] for mark, end in zip(marks, ends, strict=True)}


def steps(block: str) -> list[Step]:
    """The commands of a block with their outputs."""
    found: list[Step] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        found.append(Step(command, tuple(shown.rstrip("\n").splitlines())))
    return found


def files(section: str) -> dict[str, str]:
    """The files of a section: name → content."""
    return dict(_FILE.findall(section))


def played(section: str, language: str) -> list[tuple[Step, list[str]]]:
    """Every command of a section, as it was run, with what it printed; in order, in one folder."""
    wanted = [step for block in _BLOCK.findall(section) for step in steps(block)]
    with tempfile.TemporaryDirectory() as place:
        for name, content in files(section).items():
            file = Path(place) / "work" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        return _shell(Path(place), wanted, language)


def _shell(place: Path, wanted: list[Step], language: str) -> list[tuple[Step, list[str]]]:
    tool = place / "bin" / "engine"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from engine.cli.main import run; run()' \"$@\"\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    work = place / "work"
    work.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ENGINE_")},
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "ENGINE_LANG": language,
        "ENGINE_NOW": NOW,
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "COLUMNS": "100",
    }
    printed: list[tuple[Step, list[str]]] = []
    folder = str(work)
    for step in wanted:
        command = _NUMBER.sub(lambda match: _seen(printed) or match[0], step.command)
        script = f"cd '{folder}'; {command}; echo \"{_END} $? $PWD\""
        done = subprocess.run(
            ["bash", "-c", script],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        output, _, tail = done.stdout.rpartition(_END)
        code, _, folder = tail.strip().partition(" ")
        if code not in ("0", "1"):
            raise SystemExit(f"{command}: {code}\n{output}")
        output = output.replace(str(work), "~")
        printed.append((Step(command, step.shown), [line.rstrip() for line in output.splitlines()]))
    return printed


def _seen(printed: list[tuple[Step, list[str]]]) -> str | None:
    """The number that was shown last, which a reader would type."""
    for _, output in reversed(printed):
        for line in reversed(output):
            if found := _NUMBER.search(line):
                return found[0]
    return None


def shortened(output: list[str], shown: tuple[str, ...]) -> list[str]:
    """The output, left out what the page leaves out."""
    if "…" not in shown:
        return output
    before = shown.index("…")
    after = len(shown) - before - 1
    return [*output[:before], "…", *(output[len(output) - after :] if after else [])]


def main() -> None:
    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    for language, section in sections(text).items():
        found = iter(played(section, language))

        def fill(match: re.Match[str], found: Iterator[tuple[Step, list[str]]] = found) -> str:
            lines = []
            for step, printed in itertools.islice(found, len(steps(match[1]))):
                lines += [f"$ {step.command}", *shortened(printed, step.shown)]
            return "```console\n" + "\n".join(lines) + "\n```"

        text = text.replace(section, _BLOCK.sub(fill, section))
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
