"""The page of a set of experiments: our curves over the book's figures, made from run folders."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..experiments import Experiment, figures
from ..judging.verdict import shown_name
from . import experiments_plots
from .blocks import Block, Code, Facts, Picture, Section, Table, Text
from .canvas import stamped
from .experiments_plots import Panel, Point
from .page import named, render, write_page
from .read import Run, amount, finite, get, history, mappings, read
from .words import NONE, counted, number

Runs = Mapping[str, Sequence[Run]]


def build_experiments(
    folder: Path, every: Sequence[Experiment], folders: Mapping[str, Sequence[Path]]
) -> Path:
    """Makes `report.html` and `plots/*.png` of a set of experiments.

    Args:
        folder: where the page is to lie; made where it is missing.
        every: the experiments.
        folders: run folders of each, by its name, one a seed.

    Returns:
        The path of `report.html`.

    Raises:
        UsageError: a run folder holds no `report.json`.
        RunError: a file in one is damaged, or the page cannot be written.
    """
    runs = {name: [read(run) for run in found] for name, found in folders.items()}
    folder.mkdir(parents=True, exist_ok=True)
    sample = any(run.sample for found in runs.values() for run in found)
    with stamped(sample):
        found = (_figures(every, runs), _curves(every, folders, runs), _commands(every))
    sections = named([section for section in found if section.full])
    texts = {"title": counted(len(every), "experiment"), "task": "", "source": "", "run": ""}
    texts["title"] += ": ours and as published"
    return write_page(folder, render(texts, sections, sample=sample, word="set"), sections)


def _measured(runs: Sequence[Run]) -> dict[str, list[float]]:
    """Every figure of an experiment, one a seed."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for name, value in figures(run.report, run.epochs).items():
            if math.isfinite(finite(value)):
                found.setdefault(name, []).append(value)
    return found


def _figures(every: Sequence[Experiment], runs: Runs) -> Section:
    """A row a figure: as published, as measured here, as recorded in the experiment's file."""
    rows = [row for one in every for row in _rows(one, runs.get(one.name, ()))]
    head = (
        *("experiment", "figure", "published", "ours, here", "± std", "seeds", "baseline"),
        "ours, recorded",
    )
    table = Table("Figures, published and ours", head, rows, texts=(0, 1))
    said = "The published figures are single runs without a seed. Best and final: the best and the "
    said += "last epoch of a curve."
    notes = [(one.name, ". ".join(filter(None, (one.title, one.about)))) for one in every]
    told = Facts("Descriptions", notes)
    return Section("figures", "Figures", [Text([said]), table, told])


def _rows(one: Experiment, runs: Sequence[Run]) -> Iterator[list[str]]:
    ours, measured = one.ours, _measured(runs)
    for place, name in enumerate(one.shown() or list(measured)[:4]):
        values = measured.get(name, ())
        published = one.published.get(name)
        yield [
            one.name if place == 0 else "",
            name,
            number(published) if published is not None else NONE,
            number(float(statistics.fmean(values))) if values else NONE,
            number(statistics.stdev(values)) if len(values) > 1 else NONE,
            number(len(values)),
            _baseline(runs, name),
            number(ours[name]["mean"]) if name in ours else NONE,
        ]


def _baseline(runs: Sequence[Run], figure: str) -> str:
    """What a figure's score is to beat, as the first run tells; a dash where it has none."""
    score = figure.partition(".")[0]
    for one in mappings(runs[0].report, "scores") if runs else ():
        base = get(one, "baseline", dict)
        if one.get("name") == score and not figure.endswith("_epoch") and base:
            name = shown_name(get(base, "name", str))
            return f"{number(amount(base, 'value'))} {name}".strip()
    return NONE


def _curves(
    every: Sequence[Experiment], folders: Mapping[str, Sequence[Path]], runs: Runs
) -> Section:
    """For each measure a panel an experiment: our mean curve, and the points of the book."""
    epochs = (row for found in runs.values() for run in found for row in run.epochs[:1])
    keys = dict.fromkeys(key.partition("/")[2] for row in epochs for key in row if "/" in key)
    blocks: list[Block] = []
    for measure in sorted(keys, key=lambda name: name != "loss"):
        panels = [_panel(one, folders.get(one.name, ()), measure) for one in every]
        panels = [panel for panel in panels if panel.val or panel.train]
        for at in range(0, len(panels), experiments_plots.MOST):
            some = panels[at : at + experiments_plots.MOST]
            png = experiments_plots.against(measure, some)
            caption = (
                f"{measure} by epoch, the mean over our seeds: validation solid, training "
                "dotted. Marked: published figures, at their epoch if it is known, else as a "
                "horizontal line."
            )
            blocks.append(Picture(f"curves-{measure}", png, caption, broad=True))
    return Section("curves", "Curves", blocks)


def _panel(one: Experiment, folders: Sequence[Path], measure: str) -> Panel:
    train, val = (_mean(folders, f"{part}/{measure}") for part in ("train", "val"))
    last = max(len(train), len(val))
    return Panel(one.name, train, val, [*_points(one, measure, last)])


def _mean(folders: Sequence[Path], measure: str) -> list[float]:
    """The mean over the seeds, and over folds, as far as all of them went."""
    curves = [curve for folder in folders for curve in history(folder, measure)]
    return [statistics.fmean(values) for values in zip(*curves, strict=False)]


def _points(one: Experiment, measure: str, last: int) -> Iterator[Point]:
    """Published figures of a measure that have a place beside its curve."""
    published = one.published
    for part in ("train", "val", "test"):
        for kind in ("best", "smoothed", "final", ""):
            name = f"{part}/{measure}{f'.{kind}' if kind else ''}"
            if name in published:
                at = published.get(f"{name}_epoch")
                epoch = float(last) if kind == "final" else at
                yield Point(f"{part} {kind}".strip(), epoch, published[name])


def _commands(every: Sequence[Experiment]) -> Section:
    blocks = [Code(f"dlx train experiment={one.name}") for one in every]
    return Section("repeat", "Train one of them", blocks)
