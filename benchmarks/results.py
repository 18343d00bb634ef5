"""Writes docs/results.md and docs/book.md from the figures that experiments/ record.

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
BOOK = TOP / "docs" / "book.md"
BOOK_HEAD = """# The book by chapter

The experiments of Chollet's *Deep Learning with Python* (first edition), a line for each: what is
claimed, its main figure as it was published and as we measured it (mean ± standard deviation over
seeds), and whether the experiment's bars and comparisons hold. `dlx train experiment=NAME` trains
one on the real data, `dlx experiments NAME` shows all of its figures, and
`dlx reproduce experiments/NAME.yaml` checks them. [results.md](results.md) has every figure, and
says which files the figures are of.
"""
CHAPTERS = {
    "2": ("Before we begin: the building blocks", []),
    "3": (
        "Getting started",
        [("imdb-loss.png", "Training and validation loss of IMDB: it overfits after epoch 3")],
    ),
    "4": (
        "Fundamentals of machine learning",
        [("autoencoder-noisy.png", "Digits, the same with noise, and rebuilt from few numbers")],
    ),
    "5": (
        "Computer vision",
        [
            ("augmentation.png", "Three digits, each as it is and as six epochs see it"),
            ("explain-filters.png", "Filters of two layers"),
            ("explain-gradcam.png", "A digit, the heat of its class, and both"),
        ],
    ),
    "6": ("Text and sequences", []),
    "7": (
        "Advanced practices",
        [("graphs-inception.png", "A graph of layers with branches side by side")],
    ),
    "8": (
        "Generative deep learning",
        [
            ("dream.png", "DeepDream"),
            ("style.png", "The contents of one picture in the style of another"),
            ("samples-diffusion.png", "New digits, out of noise"),
        ],
    ),
}
"""The book's chapters, and pictures that dlx made of what they are about."""
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


def book_row(one: Experiment) -> str:
    """A line of the book's page: the figure that has a bar, else one that was published."""
    published, ours = one.published or {}, one.ours or {}
    best, found = ([n for n in some if n.endswith(".best")] for some in (published, ours))
    shown = [*(one.bars or {}), *best, *reversed(published), *found, *ours]
    figure = next((name for name in shown if name in ours), next(iter(shown), ""))
    mine = ours.get(figure)
    cells = [
        f"{one.title} (`{one.name}`)",
        one.section,
        figure,
        f"{published[figure]:.4g}" if figure in published else "",
        f"{mine['mean']:.4g} ± {mine['std']:.2g}" if mine else "not measured",
        {True: "yes", False: "**no**", None: ""}[one.is_proven()],
    ]
    return "| " + " | ".join(cells) + " |"


def write_book(every: list[Experiment]) -> None:
    """A section for each chapter: its experiments, and pictures."""
    text = BOOK_HEAD
    for chapter, (title, pictures) in CHAPTERS.items():
        text += f"\n## {chapter}. {title}\n\n"
        text += "| claim | section | figure | published | ours | holds |\n" + 6 * "|---" + "|\n"
        its = [one for one in every if one.name.startswith(f"ch{chapter}.")]
        text += "".join(f"{book_row(one)}\n" for one in its)
        text += "".join(f"\n![{words}]({file})\n" for file, words in pictures)
    BOOK.write_text(re.sub(r" +\|", " |", text), "utf-8")


def write_page() -> None:
    every = [read(TOP / "experiments" / f"{name}.yaml") for name in names()]
    text = HEAD + "\n".join(line for one in every for line in rows(one)) + "\n"
    claims = [claim_row(one, claim) for one in every for claim in one.claims]
    PAGE.write_text(re.sub(r" +\|", " |", text + CLAIMS + "\n".join(claims) + "\n"), "utf-8")
    write_book(every)


if __name__ == "__main__":
    write_page()
