"""The page of a set of experiments: our curves over the book's figures, made from run folders."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..experiments import Experiment
from ..experiments import figures as figures_of
from . import experiments_plots
from .blocks import Block, Code, Facts, Picture, Section, Table, Text
from .experiments_plots import Panel, Point
from .page import write_page
from .read import Run, finite, get, mappings, mean_curve, measures, read
from .words import NONE, baseline_told, number, tally


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
    texts = {"title": f"{tally(len(every), 'experiment')}: ours and as published"}
    contents, makers = _Claims(every, folders, runs), (figures, curves, repeat)
    return write_page(folder / "report.html", makers, contents, texts, word="set")


@dataclass(frozen=True)
class _Claims:
    every: Sequence[Experiment]
    folders: Mapping[str, Sequence[Path]]
    runs: Mapping[str, Sequence[Run]]

    @property
    def sample(self) -> bool:
        return any(run.sample for found in self.runs.values() for run in found)


def _list_measured(runs: Sequence[Run]) -> dict[str, list[float]]:
    """Every figure of an experiment, one a seed."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for name, value in figures_of(run.report, run.epochs).items():
            if math.isfinite(finite(value)):
                found.setdefault(name, []).append(value)
    return found


def figures(found: _Claims) -> Section:
    """A row a figure: as published, as measured here, as recorded in the experiment's file."""
    rows = [row for one in found.every for row in _rows(one, found.runs.get(one.name, ()))]
    head = (
        *("experiment", "figure", "published", "ours, here", "± std", "seeds", "baseline"),
        "ours, recorded",
    )
    table = Table("Figures, published and ours", head, rows, texts=(0, 1))
    said = "The published figures are single runs without a seed. Best and final: the best and the "
    said += "last epoch of a curve."
    notes = [(one.name, ". ".join(filter(None, (one.title, one.about)))) for one in found.every]
    told = Facts("Descriptions", notes)
    return Section("figures", "Figures", [Text([said]), table, told])


def _rows(one: Experiment, runs: Sequence[Run]) -> Iterator[list[str]]:
    ours, measured = one.ours, _list_measured(runs)
    for place, name in enumerate(one.list_figures() or list(measured)[:4]):
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
            return baseline_told(base)
    return NONE


def curves(found: _Claims) -> Section:
    """For each measure a panel an experiment: our mean curve, and the points of the book."""
    runs = (run for each in found.runs.values() for run in each)
    blocks: list[Block] = []
    for measure in measures(row for run in runs for row in run.epochs[:1]):
        panels = [_panel(one, found.folders.get(one.name, ()), measure) for one in found.every]
        panels = [panel for panel in panels if panel.val or panel.train]
        for at in range(0, len(panels), experiments_plots.MOST):
            some = panels[at : at + experiments_plots.MOST]
            png = experiments_plots.draw_against(measure, some)
            caption = (
                f"{measure} by epoch, the mean over our seeds: validation solid, training "
                "dotted. Marked: published figures, at their epoch if it is known, else as a "
                "horizontal line."
            )
            blocks.append(Picture(f"curves-{measure}", png, caption, broad=True))
    return Section("curves", "Curves", blocks)


def _panel(one: Experiment, folders: Sequence[Path], measure: str) -> Panel:
    train, val = (mean_curve(folders, f"{part}/{measure}") for part in ("train", "val"))
    last = max(len(train), len(val))
    return Panel(one.name, train, val, [*_points(one, measure, last)])


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


def repeat(found: _Claims) -> Section:
    """What to type to train one of them."""
    blocks = [Code(f"dlx train experiment={one.name}") for one in found.every]
    return Section("repeat", "Train one of them", blocks)
