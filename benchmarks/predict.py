"""Rows a second of `dlx predict` on a CSV file, and the memory that it takes.

    python benchmarks/predict.py [--rows 1000000] [--rounds 3]

A small network of a table of made-up numbers, and one of numbers and categories. The command is
a process of its own; its start (python, torch, the run) is measured by a file of one row and taken
off. Beside it stands what pandas and torch take for the same by hand, where pandas is installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NUMBERS, TRAINED = 8, 2000
CATEGORIES = {"colour": ("red", "green", "blue"), "size": ("small", "large", "none")}
TASK = """# @package _global_
task: {name}
dataset:
  name: table
  file: ./{name}.csv
  columns: {{{columns}}}
targets: {{answer: {{problem: binary}}}}
prepare: {{steps: [{steps}]}}
model: {{name: {model}}}
trainer: {{epochs: 1, threads: 1}}
"""
BY_HAND = """
import sys, pandas, torch
table = pandas.read_csv(sys.argv[1])
rows = torch.from_numpy(table.to_numpy('float32'))
net = torch.nn.Sequential(torch.nn.Linear({n}, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
with torch.no_grad():
    shares = net((rows - rows.mean(0)) / rows.std(0)).sigmoid()[:, 0].numpy()
pandas.DataFrame({{'answer': shares > 0.5, 'share': shares}}).to_csv(sys.argv[2])
"""


def write_rows(file: Path, rows: int, mixed: bool, answers: bool = False) -> None:
    """A table of made-up rows."""
    random = np.random.default_rng(rows)
    names = [f"x{place}" for place in range(NUMBERS)] + (list(CATEGORIES) if mixed else [])
    with file.open("w") as stream:
        stream.write(",".join([*names, *(["answer"] if answers else [])]) + "\n")
        for start in range(0, rows, 10_000):
            many = min(10_000, rows - start)
            values = random.normal(size=(many, NUMBERS))
            cells = [[f"{one:.5g}" for one in column] for column in values.T]
            if mixed:
                cells += [random.choice(one, many).tolist() for one in CATEGORIES.values()]
            if answers:
                cells.append(["yes" if one else "no" for one in values[:, 0] > 0])
            stream.write("\n".join(map(",".join, zip(*cells, strict=True))) + "\n")


def train(name: str, mixed: bool) -> None:
    """A run of the task, the last one there is."""
    columns = {f"x{place}": "number" for place in range(NUMBERS)}
    columns |= dict.fromkeys(CATEGORIES, "category") if mixed else {}
    told = ", ".join(f"{name}: {holds}" for name, holds in columns.items())
    steps = "{name: standardise, columns: [numbers]}"
    steps += ", {name: categories, columns: [categories]}" if mixed else ""
    model = "tabular" if mixed else "mlp"
    Path("configs/task").mkdir(parents=True, exist_ok=True)
    task = TASK.format(name=name, columns=told, steps=steps, model=model)
    Path(f"configs/task/{name}.yaml").write_text(task)
    write_rows(Path(f"{name}.csv"), TRAINED, mixed, answers=True)
    dlx("train", f"task={name}", "--quiet")


def dlx(*words: str) -> tuple[float, float]:
    """Seconds that a command takes, and those of processors."""
    return run([sys.executable, "-m", "dlx", *words])


def run(command: list[str]) -> tuple[float, float]:
    """Seconds that a process takes, and those of processors, which other processes disturb less."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begun
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(name: str, mixed: bool, rows: int, rounds: int) -> None:
    """Trains, predicts, and prints the figures."""
    train(name, mixed)
    write_rows(Path("one.csv"), 1, mixed)
    write_rows(Path("many.csv"), rows, mixed)
    predict = ("predict", "last", "--out", "p.csv", "--force")
    found, each, ratios = [], [], []
    for _ in range(rounds):
        start, at_start = dlx(*predict, "one.csv")
        seconds, worked = dlx(*predict, "many.csv")
        found.append(rows / max(1e-9, seconds - start))
        each.append((worked - at_start) / rows * 1e6)
        if not mixed and has_pandas():
            by_hand = [sys.executable, "-c", BY_HAND.format(n=NUMBERS)]
            _, first = run([*by_hand, "one.csv", "q.csv"])
            _, other = run([*by_hand, "many.csv", "q.csv"])
            ratios.append((worked - at_start) / (other - first))
    told = f"{name}: {statistics.median(found):,.0f} rows/s (start {start:.1f} s), "
    told += f"{statistics.median(each):.2f} us of a processor a row"
    told += f", {statistics.median(ratios):.2f} times pandas and torch by hand" if ratios else ""
    print(told, flush=True)


def has_pandas() -> bool:
    """Whether pandas is installed."""
    from importlib.util import find_spec

    return find_spec("pandas") is not None


def main() -> None:
    """Measures both tables, then the largest process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", os.getcwd())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        measure("plain", False, args.rows, args.rounds)
        measure("mixed", True, args.rows, args.rounds)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process, of dlx or by hand: {largest:,.0f} MiB")


if __name__ == "__main__":
    main()
