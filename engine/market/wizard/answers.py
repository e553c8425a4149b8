"""What has been answered, kept in a file so that an interrupted wizard can go on. It asks for no secret."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Answers"]

_VERSION = 1


@dataclass(slots=True)
class Answers:
    """Answers by the ids of their questions: those given on the command line, before those that are kept."""

    path: Path
    given: Mapping[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    found: dict[str, str] = field(default_factory=dict)
    """All answers of this wizard in the order of the questions, defaults among them."""

    @classmethod
    def load(cls, path: Path, given: Mapping[str, str]) -> Answers:
        """What an interrupted wizard left; nothing where none did, or where the file is not its."""
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls(path, given)
        kept = held.get("answers") if isinstance(held, dict) and held.get("version") == _VERSION else None
        if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
            return cls(path, given)
        return cls(path, given, kept)

    def of(self, id: str) -> str | None:
        """The answer to a question, or None."""
        self.used.add(id)
        return self.given.get(id, self.kept.get(id))

    @property
    def unused(self) -> list[str]:
        """What was given on the command line for questions that were never asked."""
        return sorted(set(self.given) - self.used)

    def keep(self, id: str, answer: str) -> None:
        """Remember an answer, on the disk, before the next question is asked."""
        self.kept[id] = answer
        self._write()

    def drop(self, id: str) -> None:
        """Forget one answer, which would not do after all: it is asked for again."""
        if self.kept.pop(id, None) is not None:
            self._write()

    def _write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"version": _VERSION, "answers": self.kept}, ensure_ascii=False, indent=1)
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self.path)

    def forget(self) -> None:
        """All is done, or all is to be asked again."""
        self.kept.clear()
        self.path.unlink(missing_ok=True)
