"""Runs the claims in experiments/ over their seeds, keeps `ours` in them, writes docs/results.md.

    DLX_DATA=FOLDER python benchmarks/results.py [NAME ...]

With names, only these are run again. With `--page` nothing is run, and the page is written.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from dlx.experiments import Claim, Experiment, figures, find, names, read

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "results.md"
HEAD = """# Results

Published figures and ours, on the real files. Made by `python benchmarks/results.py`; each name is
a file in `experiments/`, trained by `dlx train experiment=NAME`, once a seed with one thread. The
published figures are single runs without a seed.

Figures: `.best` and `.final` are the best and the last epoch of a curve, `.best_epoch` the epoch of
the best; under K-fold curves are means over the folds; `.smoothed` is the minimum of the smoothed
mean curve (book 3.6). A bar is what ours must reach.

| claim | figure | published | ours (mean ± standard deviation) | seeds | bar | held |
|---|---|---|---|---|---|---|
"""
CLAIMS = """
## Claims

What the book says of chapters 3 and 4, as comparisons of the means above.

| claim | figures | holds |
|---|---|---|
"""


def measure(one: Experiment) -> dict[str, list[float]]:
    """Every figure of an experiment for each of its seeds, each in a process of its own."""
    found: dict[str, list[float]] = {}
    for seed in one.seeds:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [f"experiment={one.name}", f"seed={seed}", "--json"]
            command = [sys.executable, "-m", "dlx", "train", *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
            run = Path(folder) / json.loads(done.stdout)["folder"]
            report = json.loads((run / "report.json").read_text())
            lines = (run / "metrics.jsonl").read_text().splitlines()
        for name, value in figures(report, [json.loads(line) for line in lines]).items():
            found.setdefault(name, []).append(value)
        print(f"  seed {seed} done", flush=True)
    return found


def keep(one: Experiment, found: dict[str, list[float]]) -> None:
    """Writes `ours` as the last block of the experiment's file; all else stays as it is."""
    file = TOP / "experiments" / f"{one.name}.yaml"
    text = file.read_text(encoding="utf-8").split("\nours:")[0].rstrip() + "\nours:\n"
    for name in sorted(wanted(one) & set(found)):
        values = found[name]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        mean = statistics.fmean(values)
        text += f"  {name}: {{mean: {mean:.5g}, std: {spread:.2g}, seeds: {len(values)}}}\n"
    file.write_text(text, encoding="utf-8")


def wanted(one: Experiment) -> set[str]:
    """The figures worth keeping: those published, asked for or compared, and the usual ones."""
    usual = {f"val/{m}.{how}" for m in ("accuracy", "loss", "mae") for how in ("best", "final")}
    usual |= {"val/accuracy.best_epoch", "val/loss.best_epoch", "test/accuracy", "test/mae"}
    compared = {claim.figure for other in map(find, names()) for claim in other.claims}
    return {*(one.published or {}), *(one.bars or {}), *usual, *compared}


def rows(one: Experiment) -> list[str]:
    """A line for each figure that is published or has a bar, or for the usual ones of ours."""
    published, bars, ours = one.published or {}, one.bars or {}, one.ours or {}
    shown = list(dict.fromkeys([*published, *bars])) or [n for n in ours if ".best" in n]
    found = []
    for place, name in enumerate(shown):
        mine = ours.get(name)
        value = f"{mine['mean']:.4g} ± {mine['std']:.2g}" if mine else "not measured"
        cells = [
            f"`{one.name}`: {one.title}" if place == 0 else "",
            name,
            f"{published[name]:.4g}" if name in published else "",
            value,
            f"{mine['seeds']:g}" if mine else "",
            f"{bars[name]:g}" if name in bars else "",
            {True: "yes", False: "**no**", None: ""}[one.held()] if name in bars else "",
        ]
        found.append("| " + " | ".join(cells) + " |")
    return found


def claim_row(one: Experiment, claim: Claim) -> str:
    other = find(claim.other)
    mine, theirs = ((e.ours or {}).get(claim.figure) for e in (one, other))
    if not mine or not theirs:
        return f"| `{one.name}`: {claim} | not measured | |"
    holds = "yes" if claim.holds(mine["mean"], theirs["mean"]) else "**no**"
    shown = f"{mine['mean']:.4g} ± {mine['std']:.2g}; {theirs['mean']:.4g} ± {theirs['std']:.2g}"
    return f"| `{one.name}`: {claim} | {shown} | {holds} |"


def write_page() -> None:
    every = [read(TOP / "experiments" / f"{name}.yaml") for name in names()]
    text = HEAD + "\n".join(line for one in every for line in rows(one)) + "\n"
    claims = [claim_row(one, claim) for one in every for claim in one.claims]
    PAGE.write_text(re.sub(r" +\|", " |", text + CLAIMS + "\n".join(claims) + "\n"), "utf-8")


def main() -> None:
    if sys.argv[1:] != ["--page"]:
        for name in sys.argv[1:] or names():
            one = find(name)
            print(name, flush=True)
            keep(one, measure(one))
            write_page()
    write_page()
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
