"""Values are written into files that may hold secrets, and may lie behind a link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.market.wizard.saving import write_values

VALUES = {"ours": {"pay_org": "101"}}


@pytest.mark.skipif(os.name == "nt", reason="modes and links are POSIX's")
@pytest.mark.parametrize("mode", [0o600, 0o640, None])
def test_nobody_else_can_read_it_at_any_moment(
    tmp_path: Path, mode: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "connections.yaml"
    if mode is not None:
        real.write_text("# secret\n", encoding="utf-8")
        real.chmod(mode)
    link.symlink_to(real)
    seen: list[int] = []
    opened = os.fdopen

    def look(descriptor: int, *more: Any) -> Any:
        seen.append(os.fstat(descriptor).st_mode & 0o777)
        return opened(descriptor, *more)

    monkeypatch.setattr(os, "fdopen", look)
    write_values(VALUES, {}, "production", link)
    assert seen == [0o600]
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == (mode or 0o600)
    assert 'pay_org: "101"' in real.read_text("utf-8")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["connections.yaml", "real.yaml"]
