"""The key by which a user's own run folders are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlx.data.store import cache_root
from dlx.running.owner import KEY, is_own, sign


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("task: wine\n")
    return tmp_path


@pytest.mark.parametrize("damage", [b"", b"half", b"\0" * 32, b"x" * 33])
def test_a_damaged_key_is_made_anew(run: Path, damage: bytes) -> None:
    sign(run)
    assert is_own(run)

    (cache_root() / KEY).write_bytes(damage)

    assert not is_own(run)  # it is asked once more
    sign(run)
    assert is_own(run)
    assert (cache_root() / KEY).stat().st_mode & 0o777 == 0o600
