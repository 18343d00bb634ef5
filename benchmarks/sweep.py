"""A sweep in one process against as many separate commands.

    DLX_DATA=FOLDER python benchmarks/sweep.py [--trials 32] [--task imdb] [--epochs 2] [--jobs 1]

Both train the same settings under the same thread count, with prepared data cached beforehand; the
figure is the ratio of their wall times. The separate commands are `dlx train ... test=false`, run
one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def timed(arguments: list[str], place: Path) -> float:
    """Seconds that a command takes as a process of its own."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "dlx", *arguments]
    subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def scores(place: Path) -> dict[str, float]:
    """The validation loss of every run, by digest of its config."""
    found = {}
    for file in place.glob("runs/*/*/status.json"):
        status = json.loads(file.read_text())
        found[status["config_digest"]] = status["scores"]["val/loss"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--task", default="imdb")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    common = [f"task={asked.task}", f"trainer.epochs={asked.epochs}"]
    common += [f"trainer.threads={asked.threads}"]
    rates = [f"{0.0005 * (1 + n / 8):.6g}" for n in range(asked.trials)]
    with tempfile.TemporaryDirectory() as folder:
        alone, together = Path(folder) / "alone", Path(folder) / "together"
        alone.mkdir()
        together.mkdir()
        warm = Path(folder) / "warm"
        warm.mkdir()
        timed(["train", *common, "trainer.epochs=1", "test=false", "--quiet"], warm)
        separate = [
            timed(["train", *common, f"optimizer.lr={rate}", "test=false", "--quiet"], alone)
            for rate in rates
        ]
        sweep = ["train", "-m", *common, f"optimizer.lr={','.join(rates)}", "--quiet"]
        swept = timed([*sweep, f"jobs={asked.jobs}"], together)
        same = scores(alone) == scores(together)
    print(f"{asked.trials} separate commands: {sum(separate):.1f} s")
    print(f"one sweep, jobs={asked.jobs}: {swept:.1f} s")
    print(f"ratio: {swept / sum(separate):.3f} (target: at most 0.4)")
    print(f"scores equal to the bit: {same}")


if __name__ == "__main__":
    main()
