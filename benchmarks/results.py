"""Writes docs/results.md from the figures that experiments/ record.

    python benchmarks/results.py

`dlx experiments record NAME...` measures them; `dlx reproduce experiments/NAME.yaml` checks them.
"""

from __future__ import annotations

import re
from pathlib import Path

from dlx.experiments import Claim, Experiment, find, names, read

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "results.md"
HEAD = """# Results

Published figures and ours, on the real files. Each name is a file in `experiments/`, trained by
`dlx train experiment=NAME`, once per seed with one thread, and checked by
`dlx reproduce experiments/NAME.yaml`; `python benchmarks/results.py` writes this page. The
published figures are single runs without a seed.

Which file a figure is of: `ch6.jena.*` is of the official file of 2009 to 2016, which was not at
hand (so nothing is measured); `ch6.beijing.*` and `ch6.jena_2024.*` are the same models on other
weather, whose figures say nothing of the book's. `ch6.imdb.glove200` needs GloVe's vectors;
`ch6.imdb.own_vectors200` has vectors that dlx learnt from the training reviews.

Figures: `.best` and `.final` are the best and the last epoch of a curve, `.best_epoch` the epoch of
the best; under K-fold curves are means over the folds; `.smoothed` is the minimum of the smoothed
mean curve (book 3.6). `rows/train` counts training rows; of a prepared input `.axis1` and `.axis2`
are the sizes of a row, `.tokens` the different tokens of the training texts. A bar is the threshold
that ours must reach.

| claim | figure | published | ours (mean ± standard deviation) | seeds | bar | held |
|---|---|---|---|---|---|---|
"""
CLAIMS = """
## Claims

What the book says, as comparisons of the means above.

| claim | figures | holds |
|---|---|---|
"""


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
            {True: "yes", False: "**no**", None: ""}[one.reaches_bars()] if name in bars else "",
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


if __name__ == "__main__":
    write_page()
