"""Ctrl-C as a user presses it: a process of its own, and a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import status_of, the_run

from dlx.cli.main import main
from dlx.training import checkpoint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent on POSIX systems only")

HANGS_S = 300
"""No machine is so busy: what has not ended by then never will. A step sleeps longer."""
TRAIN = ["train", "task=wine", "dataset.sample=true", "trainer.epochs=1000000", "trainer.threads=1"]
SLOW = """
import sys, time
from dlx.cli.main import main
from dlx.training.loop import Training
step = Training.step
def slow(self, batch):
    step(self, batch)
    if self.state.step == 3:
        print("in a long step", flush=True)
        time.sleep(600)
Training.step = slow
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes to be ended however the test ends."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def start(command: list[str], until: str) -> subprocess.Popen[str]:
    """Begins a command and reads what it prints up to a line."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    for line in process.stdout:
        if until in line:
            return process
    raise AssertionError(process.communicate()[1])


def test_the_first_signal_stops_in_good_order(
    started: list[subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    process = start([sys.executable, "-m", "dlx", *TRAIN], "epoch       3/1000000")
    started.append(process)

    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=HANGS_S)

    assert process.returncode == 130
    run = the_run()
    status = status_of(run)
    step = checkpoint.load(run / "checkpoints" / "last")[1]["step"]
    assert error.splitlines() == [
        f"error: interrupted after epoch {status['epoch']}, step {step}",
        f"  where: runs/wine/{run.name}",
        f"  try: dlx resume runs/wine/{run.name} goes on",
    ]
    assert status["state"] == "interrupted"
    assert status["epoch"] >= 3
    assert not list(run.rglob("*.tmp"))
    assert main(["test", "last"]) == 0
    assert main(["report", "last"]) == 0
    assert f"of wine/{run.name}" in capsys.readouterr().out
    assert (run / "report.html").is_file()


def test_the_second_signal_stops_at_once(started: list[subprocess.Popen[str]]) -> None:
    process = start([sys.executable, "-c", SLOW, *TRAIN], "in a long step")
    started.append(process)

    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=HANGS_S)

    assert process.returncode == 130
    assert error.startswith("error: interrupted after epoch 0, step 3\n")
    assert status_of(the_run())["state"] == "interrupted"
    assert not list(Path("runs").rglob("*.tmp"))


READING = """
import sys, time
from dlx.training.shared import Shared
from dlx.cli.main import main
def reading(self, config):
    print("reading slowly", flush=True)
    time.sleep(600)
Shared.data = reading
sys.exit(main(sys.argv[1:]))
"""


def test_a_signal_before_training_leaves_nothing(started: list[subprocess.Popen[str]]) -> None:
    process = start([sys.executable, "-c", READING, *TRAIN], "reading slowly")
    started.append(process)

    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=HANGS_S)

    assert (process.returncode, error) == (130, "interrupted\n")
    assert not Path("runs").exists()
