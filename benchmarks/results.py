"""Runs the claims in experiments/ over their seeds, and writes docs/results.md.

    DLX_DATA=FOLDER python benchmarks/results.py [NAME ...]

With names, only these are run again; the other rows stay as they are.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "results.md"
HEAD = """# Results

Published figures and ours, on the real files. Made by `python benchmarks/results.py`; each row is a
file in `experiments/`, run once a seed with one thread. The published figures are single runs
without a seed. Every run looked at its test part once; settings were chosen on validation rows.

| claim | score | published | ours (mean and standard deviation) | each seed | bar | held |
|---|---|---|---|---|---|---|
"""


def measure(claim: dict[str, Any]) -> list[float]:
    """The claim's score for each of its seeds, each in a process of its own."""
    values = []
    for seed in claim["seeds"]:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [f"task={claim['task']}", *claim["overrides"], f"seed={seed}"]
            command = [sys.executable, "-m", "dlx", "train", *arguments, "--json"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
        values.append(json.loads(done.stdout)["scores"][claim["score"]])
        print(f"  seed {seed}: {claim['score']} {values[-1]:.4f}", flush=True)
    return values


def row(name: str, claim: dict[str, Any], values: list[float]) -> str:
    mean, spread = statistics.mean(values), statistics.stdev(values)
    smaller = claim["score"].endswith(("mae", "loss"))
    held = mean <= claim["bar"] if smaller else mean >= claim["bar"]
    published = claim.get("published")
    shown = f"{published['value']:g} ({published['source']})" if published else "none"
    each = ", ".join(f"{value:.4f}" for value in values)
    bar = f"{'at most' if smaller else 'at least'} {claim['bar']:g}"
    cells = [f"`{name}`: {claim['title']}", claim["score"], shown, f"{mean:.4f} ± {spread:.4f}"]
    return "| " + " | ".join([*cells, each, bar, "yes" if held else "**no**"]) + " |"


def known_rows() -> dict[str, str]:
    """The rows that stand in the page already, by claim."""
    if not PAGE.is_file():
        return {}
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {m.group(1): line for line in lines if (m := re.match(r"\| `([^`]+)`:", line))}


def main() -> None:
    files = {file.stem: file for file in sorted((TOP / "experiments").glob("*.yaml"))}
    rows = known_rows()
    for name in sys.argv[1:] or files:
        claim = yaml.safe_load(files[name].read_text(encoding="utf-8"))
        print(name, flush=True)
        rows[name] = row(name, claim, measure(claim))
    text = HEAD + "\n".join(rows[name] for name in files if name in rows) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
