"""Commands killed by SIGKILL at random moments, then typed again: as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dlx.runs.ledger import NAME

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed on POSIX only")

KILLS = int(os.environ.get("DLX_KILLS", "5"))
TASK = ("task=wine", "trainer.threads=1")
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": ("train", *TASK, "trainer.epochs=3", "run.resume=auto"),
    "folds": (
        "train",
        *TASK,
        "trainer.epochs=2",
        "protocol=kfold",
        "final=true",
        "run.resume=auto",
    ),
    "sweep": ("train", "-m", *TASK, "trainer.epochs=2", "optimizer.lr=0.1,0.01", "jobs=1"),
    "tune in a journal": (
        "tune",
        *TASK,
        "trainer.epochs=2",
        "tune.trials=3",
        "tune.storage=journal",
    ),
    "tune in SQLite": ("tune", *TASK, "trainer.epochs=2", "tune.trials=3", "tune.storage=sqlite"),
    "workflow": (
        "workflow",
        *TASK,
        "trainer.epochs=3",
        "workflow.trials=2",
        ("workflow.capacity_steps=2"),
    ),
}


def start(words: tuple[str, ...], root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dlx", *words, f"run.root={root}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finished(words: tuple[str, ...], root: Path) -> float:
    """Runs a command to its end; the seconds it took."""
    begun = time.monotonic()
    with start(words, root) as process:
        _, told = process.communicate()
    assert process.returncode == 0, told.decode()
    return time.monotonic() - begun


def killed(words: tuple[str, ...], root: Path, seconds: float) -> None:
    """Starts a command, and kills it with its children after so long."""
    with start(words, root) as process:
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def found(root: Path) -> list[dict[str, Any]]:
    """Scores and looks of every run that is done, whatever it is called."""
    told = []
    for file in sorted(root.glob("*/*-*/report.json")):
        report = json.loads(file.read_text())
        if report["state"] == "done":
            scores = {s["name"]: s["value"] for s in report["scores"]}
            told.append({"scores": scores, "looks": report.get("looks")})
    return sorted(told, key=json.dumps)


def check(command: str, here: Path, kills: int) -> None:
    """Kills a command so many times, each in a fresh folder, and compares what follows."""
    words, moments = COMMANDS[command], random.Random(command)
    seconds = finished(words, here / "whole")
    expected = found(here / "whole")
    assert expected
    for number in range(kills):
        root = here / f"killed-{number}"
        killed(words, root, moments.uniform(0.3, 1.0) * seconds)
        done = found(root)
        if done != expected:  # else it was too late, and the same again is another run
            finished(words, root)
        assert found(root) == expected, (command, number)
        assert not list(root.glob("*/*/.*.tmp")), (command, number)
        assert (root / NAME).exists() is (here / "whole" / NAME).exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_killed_command_typed_again_gives_what_an_unbroken_one_does(
    command: str, here: Path
) -> None:
    check(command, here, KILLS)
