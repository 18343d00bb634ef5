from __future__ import annotations

import json
import os
from pathlib import Path

from dlx.runs.lock import hold
from dlx.runs.remove import sweep_below

NAMES = (".report.json.{}.tmp", "folds/0/.metrics.jsonl.{}.tmp", "checkpoints/last/.a.json.{}.tmp")


def run_of(root: Path, number: int, state: str | None, process: int) -> Path:
    folder = root / "wine" / f"20260101-120000-1a2b3c4d-{number}"
    for name in NAMES:
        file = folder / name.format(process)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (folder / "config.yaml").touch()
    if state:
        (folder / "status.json").write_text(json.dumps({"state": state}))
    return folder


def left(folder: Path) -> int:
    return sum(1 for _ in folder.rglob(".*.tmp"))


def test_what_dead_processes_left_goes(tmp_path: Path, dead: int) -> None:
    runs = [run_of(tmp_path, n, state, dead) for n, state in enumerate([None, "running", "failed"])]

    sweep_below(tmp_path)

    assert [left(run) for run in runs] == [0, 0, 0]
    assert all((run / "config.yaml").is_file() for run in runs)


def test_what_may_still_be_written_stays(tmp_path: Path, dead: int) -> None:
    busy, living = (run_of(tmp_path, n, "running", p) for n, p in enumerate([dead, os.getppid()]))

    with hold(busy):
        sweep_below(tmp_path)

    assert (left(busy), left(living)) == (3, 3)
