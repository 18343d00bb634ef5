"""How long `dlx runs`, `dlx best` and their like take with 1,000 runs, each as a process.

    python benchmarks/runs.py [--runs 1000] [--rounds 7]

Target: below 1 s, on a terminal too. The run folders are made up: a status of the usual size, a
report and `data.json` beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = 1.0
TASKS = ("digits", "imdb", "wine", "mnist")


def put(root: Path, number: int) -> None:
    """Makes one run folder up."""
    source = random.Random(number)
    task = TASKS[number % len(TASKS)]
    folder = root / task / f"20260101-{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}"
    folder = folder.with_name(f"{folder.name}-{source.getrandbits(32):08x}-1")
    folder.mkdir(parents=True)
    accuracy, rate, units = (
        source.random(),
        source.choice((0.1, 0.01, 0.001)),
        source.choice((16, 64)),
    )
    baseline = {"name": "majority", "value": 0.1}
    score = {"direction": "max", "value": accuracy, "interval": [accuracy - 0.01, accuracy + 0.01]}
    status = {
        "schema_version": 1,
        "run": f"{task}/{folder.name}",
        "task": task,
        "title": "a title of the usual length, for people",
        "verb": "train",
        "state": source.choice(("done", "done", "done", "failed", "pruned")),
        "started": "2026-01-01T12:00:00+0000",
        "seconds": source.random() * 100,
        "sample": False,
        "overrides": [
            f"task={task}",
            f"optimizer.lr={rate}",
            f"model.units=[{units}]",
            "test=false",
        ],
        "seed": number,
        "sweep": f"sweep-{number % 10}",
        "config_digest": f"{number:064x}",
        "scores": {"val/accuracy": accuracy, "val/loss": source.random()},
        "answer": {"score": "val/accuracy", "part": "val", "baseline": baseline, **score},
        "best_epoch": 20,
    }
    report = {"scores": [{"name": "val/accuracy", "baseline": baseline, **score}], "stamps": []}
    (folder / "status.json").write_text(json.dumps(status, indent=1))
    (folder / "report.json").write_text(json.dumps({**report, "config": "key: value\n" * 100}))
    (folder / "data.json").write_text(json.dumps({"split_digest": "0" * 64}))
    (folder / "lock").touch()


def seconds(command: list[str], folder: str, rounds: int, terminal: bool) -> float:
    """The median time of a command, its output read by a pipe or a terminal."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        code = _on_a_terminal(command, folder) if terminal else _in_a_pipe(command, folder)
        times.append(time.perf_counter() - begun)
        if code:
            raise SystemExit(f"{' '.join(command)} ended with {code}")
    return statistics.median(times)


def _in_a_pipe(command: list[str], folder: str) -> int:
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode


def _on_a_terminal(command: list[str], folder: str) -> int:
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=folder, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            while os.read(ours, 65536):
                pass
        except OSError:  # how a terminal says that nobody writes any more
            pass
    os.close(ours)
    return process.returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    dlx = [sys.executable, "-m", "dlx"]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(args.runs):
            put(Path(folder) / "runs", number)
        cases = [
            (["runs"], False),
            (["runs"], True),
            (["runs", "--sort", "val/accuracy", "--csv"], False),
            (["runs", "task=imdb", "state=done", "optimizer.lr=0.01", "--json"], False),
            (["runs", "--columns", "task,optimizer.lr,val/accuracy,sweep"], True),
            (["best", "task=imdb"], False),
            (["best", "task=imdb"], True),
        ]
        bare = seconds([sys.executable, "-c", "pass"], folder, args.rounds, False)
        print(f"{bare:6.3f} s  python -c pass")
        for words, terminal in cases:
            taken = seconds([*dlx, *words], folder, args.rounds, terminal)
            where = "terminal" if terminal else "pipe"
            print(f"{taken:6.3f} s  (target {TARGET:g})  {where:8}  dlx {' '.join(words)}")


if __name__ == "__main__":
    main()
