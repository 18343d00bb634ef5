"""A workflow that was killed after its last score comes to its report, and to no second look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlx.runs.seal import find_broken

SHORT = (
    *("workflow", "task=wine", "protocol=holdout", "trainer.epochs=3", "trainer.threads=1"),
    *("workflow.trials=1", "workflow.capacity_steps=1"),
)


def test_killed_before_its_page(cli: Any, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where an earlier command stopped before the test, and left a page."""
    assert cli(*SHORT, "workflow.until=6").code == 0

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dlx.cli.workflow.build_at_end", killed)
        assert cli(*SHORT).code == 130
    found = cli(*SHORT)

    assert found.code == 0, found.err
    (run,) = here.glob("runs/wine/*")
    report = json.loads((run / "report.json").read_text())
    assert report["answer"]["looks"] == 1
    assert [step["state"] for step in report["workflow"]["steps"]] == ["done"] * 7
    assert find_broken(run) == []
    assert "test/accuracy" in (run / "report.html").read_text()
