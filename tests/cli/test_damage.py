"""Whatever decays in runs, sweeps, searches, workflows: a message, and nothing outside changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from damage import Trials, make_world

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


@pytest.mark.parametrize(
    ("whole", "seeds"),
    [(False, range(16)), pytest.param(True, range(16, 416), marks=pytest.mark.slow)],
)
def test_damage_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_process: None,
    whole: bool,
    seeds: range,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLX_CACHE", str(tmp_path / "world" / "home" / "cache"))
    make_world(tmp_path / "world", whole)
    trials = Trials(tmp_path / "world", tmp_path)

    assert [told for seed in seeds for told in trials.run(seed)] == []
    assert trials.codes[0] > 10
    assert trials.codes[1] + trials.codes[2] > 10
