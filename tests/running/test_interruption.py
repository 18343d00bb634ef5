"""Ctrl-C as a user presses it: a process of its own, and a signal."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from forks import Process
from small import status_of, the_run

from dlx.cli.main import main
from dlx.training import checkpoint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent on POSIX systems only")

TRAIN = ["train", "task=wine", "dataset.sample=true", "trainer.epochs=1000000", "trainer.threads=1"]
SLOW = """
import time
from dlx.training.loop import Training
step = Training.step
def slow(self, batch):
    step(self, batch)
    if self.progress.step == 3:
        print("in a long step", flush=True)
        time.sleep(600)
Training.step = slow
"""


def start(until: str, code: str = "") -> Process:
    """A training, once it has printed a text."""
    process = Process(TRAIN, code)
    process.until(until)
    return process


def test_the_first_signal_stops_in_good_order(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with start("epoch       3/1000000") as process:
        process.send_signal(signal.SIGINT)

        assert process.wait() == 130
        error = process.told()
    run = the_run()
    status = status_of(run)
    step = checkpoint.load(run / "checkpoints" / "last")[1]["step"]
    assert error.splitlines() == [
        f"error: interrupted after epoch {status['epoch']}, step {step}",
        f"  where: runs/wine/{run.name}",
        f"  try: dlx resume runs/wine/{run.name} continues",
    ]
    assert status["state"] == "interrupted"
    assert status["epoch"] >= 3
    assert not list(run.rglob("*.tmp"))
    assert main(["test", "last"]) == 0
    assert main(["report", "last"]) == 0
    assert f"of wine/{run.name}" in capsys.readouterr().out
    assert (run / "report.html").is_file()


def test_the_second_signal_stops_at_once(here: Path) -> None:
    with start("in a long step", SLOW) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert not process.has_ended()
        process.send_signal(signal.SIGINT)

        assert process.wait() == 130
        error = process.told()
    assert error.startswith("error: interrupted after epoch 0, step 3\n")
    assert status_of(the_run())["state"] == "interrupted"
    assert not list(Path("runs").rglob("*.tmp"))


READING = """
import time
from dlx.sources.shared import Shared
def reading(self, config):
    print("reading slowly", flush=True)
    time.sleep(600)
Shared.data = reading
"""


def test_a_signal_before_training_leaves_nothing(here: Path) -> None:
    with start("reading slowly", READING) as process:
        process.send_signal(signal.SIGINT)

        assert (process.wait(), process.told()) == (130, "interrupted\n")
    assert not Path("runs").exists()
