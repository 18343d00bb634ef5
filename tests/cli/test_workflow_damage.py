"""A workflow that was killed at its end, or whose files a power cut spoilt, goes on and tells."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
Words = tuple[str, ...]


@pytest.fixture
def steps(done: Path) -> Path:
    """The steps of a finished workflow."""
    return done / "workflow"


def findings(steps: Path) -> list[Any]:
    names = [steps / f"{number}.json" for number in range(1, 8)]
    return [json.loads(file.read_text())["finding"] for file in names]


def test_a_workflow_that_was_killed_after_its_look_goes_on_and_counts_it_once(
    cli: Cli, steps: Path, here: Path, short: Words
) -> None:
    before = findings(steps)
    (steps / "7.json").unlink()
    (steps.parent / "report.html").unlink()
    (steps / ".7.json.99999.tmp").write_text("half")

    found = cli("workflow", *short)

    assert (found.code, found.err) == (0, "")
    assert findings(steps) == before
    assert (steps.parent / "report.html").is_file()
    assert not (steps / ".7.json.99999.tmp").exists()
    assert len(list(here.glob("runs/wine/*"))) == 1
    looks = sqlite3.connect(here / "runs/ledger.sqlite").execute("select count(*) from looks")
    assert looks.fetchone() == (1,)


def open_again(steps: Path) -> None:
    """As the workflow stood when it was stopped after step 6."""
    for name in ("7.json", "chosen.json", "trials.jsonl"):
        (steps / name).unlink()
    file = steps.parent / "status.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"state": "paused"}))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: data[:-9], "ladder.jsonl has lost its end: step 6 continues from there"),
        (lambda _: b"", "ladder.jsonl has lost its end: step 6 continues from there"),
        (
            lambda data: data.replace(b'"rung":1', b'"rung":7'),
            "1 line of ladder.jsonl damaged: run again; kept as ladder.jsonl.damaged",
        ),
        (lambda data: data + b"9" * 9999 + b"\n", "1 line of ladder.jsonl damaged: run again"),
        (lambda data: data[:-9] + bytes(9), "ladder.jsonl has lost its end: step 6 continues"),
    ],
)
def test_a_spoilt_ladder_is_noticed_and_climbed_again(
    cli: Cli, steps: Path, short: Words, spoil: Callable[[bytes], bytes], told: str
) -> None:
    open_again(steps)
    ladder, file = (steps / "ladder.jsonl").read_bytes(), steps / "ladder.jsonl"
    file.write_bytes(spoil(ladder))
    found = cli("workflow", *short, "workflow.until=6")
    assert (found.code, found.err) == (0, "")
    assert told in found.out

    def plain(data: bytes) -> list[Any]:
        rows = [json.loads(line) for line in data.splitlines()]
        return [{k: v for k, v in row.items() if k not in ("sum", "seconds")} for row in rows]

    assert plain(file.read_bytes()) == plain(ladder)


@pytest.mark.parametrize("name", ["3.json", "5.json", "6.json"])
def test_spoilt_evidence_of_a_step_is_told(cli: Cli, steps: Path, short: Words, name: str) -> None:
    open_again(steps)
    file = steps / name
    text = file.read_text()
    for spoilt in (text.replace('"finding": "', '"finding": "x', 1), text[:-30], "[]", "9" * 9999):
        file.write_text(spoilt)
        found = cli("workflow", *short, "workflow.until=6")
        assert found.code == 1
        assert found.err.startswith("error: the record cannot be read: ")
        assert (
            f"try: delete {name}; the same command then runs the missing steps again"
        ) in found.err
