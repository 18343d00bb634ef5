"""Run folders that were never trained: a status, and what else a test puts there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def put(number: int, state: str = "done", task: str = "digits", **more: Any) -> Path:
    """A run folder in ./runs as a training leaves it, with its status alone."""
    folder = Path("runs") / task / f"20260101-120000-{number:08x}-{number + 1}"
    folder.mkdir(parents=True)
    status = {
        "schema_version": 1,
        "run": f"{task}/{folder.name}",
        "task": task,
        "state": state,
        "started": "2026-01-01T12:00:00+0000",
        "seconds": 1.0 + number,
        "sample": False,
        "overrides": [f"task={task}", f"optimizer.lr=0.{number}"],
        "seed": 0,
        **more,
    }
    (folder / "status.json").write_text(json.dumps(status))
    return folder


def scores(accuracy: float | None, loss: float | None = None) -> dict[str, Any]:
    return {"scores": {"val/accuracy": accuracy, "val/loss": loss}}


def judged(accuracy: float | None, loss: float | None = None, **more: float) -> dict[str, Any]:
    """Scores of a run that is judged by accuracy."""
    answer = {"score": "test/accuracy", "part": "test", "direction": "max"}
    return {**scores(accuracy, loss), "answer": answer, **more}
