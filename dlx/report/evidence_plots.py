"""Pictures of a workflow's evidence: the ladder of sizes, the settings tried, calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .plots import FAINT, INK, MUTED, TRAIN, VAL, axes_at, drawing, png_of
from .words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")


@dataclass(frozen=True)
class Line:
    """One setting's curves.

    Attributes:
        name: for the legend.
        train: a value an epoch; may be empty.
        val: the same on the validation part.
        place: picks its colour, so that it has the same one in every plot.
    """

    name: str
    train: Sequence[float]
    val: Sequence[float]
    place: int


@dataclass(frozen=True)
class Slice:
    """What one lever did to the score.

    Attributes:
        name: the lever.
        values: of the lever, one a trial: numbers, or names in the order to show.
        scores: one a trial.
        chosen: the place of the chosen trial, if one was chosen.
        labels: the names of the places where the values are no numbers.
    """

    name: str
    values: Sequence[float]
    scores: Sequence[float]
    chosen: int | None = None
    labels: Sequence[str] = ()


def overlaid(title: str, lines: Sequence[Line], sample: bool = False) -> bytes:
    """Several settings in one plot: validation as lines, training dotted, one colour each."""
    with drawing():
        rows = math.ceil(len(lines) / 2)
        legend = 0.2 * rows + 0.3  # inches
        height = 3.1 + legend
        place = (0.1, 0.42 / height, 0.88, 2.6 / height)
        figure, axes = axes_at(6.6, height, place)
        for line in lines:
            color = _LINES[line.place % len(_LINES)]
            dash = "-" if line.place < len(_LINES) else "--"
            if line.train:
                axes.plot(range(1, len(line.train) + 1), line.train, ":", color=color, lw=1.2)
            epochs = range(1, len(line.val) + 1)
            one: Any = {"marker": "s", "ms": 4} if len(line.val) == 1 else {}
            label = short(line.name, 44)
            axes.plot(epochs, line.val, dash, color=color, lw=1.8, label=label, **one)
        axes.locator_params(axis="x", integer=True)
        _finish(axes, "epoch", "")
        top = 1 - 0.24 / height
        figure.text(0.015, 1 - 0.05 / height, short(title, 70), va="top", weight="bold", size=10)
        figure.legend(ncols=2, loc="upper left", bbox_to_anchor=(0.005, top))
        return png_of(figure, sample)


def slices(score: str, levers: Sequence[Slice], sample: bool = False) -> bytes:
    """The score against each lever, a panel each; the chosen setting ringed."""
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(levers))
    rows = math.ceil(len(levers) / columns)
    with drawing():
        figure = Figure(figsize=(2.35 * columns + 0.4, 2.1 * rows), dpi=160, layout="constrained")
        for index, lever in enumerate(levers):
            axes = figure.add_subplot(rows, columns, index + 1)
            axes.spines[["top", "right"]].set_visible(False)
            _slice(axes, lever)
            _finish(axes, short(lever.name, 26), short(score, 22) if not index % columns else "")
        return png_of(figure, sample)


def _slice(axes: Axes, lever: Slice) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.plot(lever.values, lever.scores, "o", color=VAL, ms=5, mew=0, alpha=0.65)
    if lever.chosen is not None:
        ring: dict[str, Any] = {"mfc": "none", "mec": TRAIN, "mew": 1.8, "ms": 10}
        axes.plot([lever.values[lever.chosen]], [lever.scores[lever.chosen]], "o", **ring)
    if lever.labels:
        axes.set_xticks(range(len(lever.labels)), [short(name, 14) for name in lever.labels])
        axes.set_xlim(-0.5, len(lever.labels) - 0.5)
        if sum(map(len, lever.labels)) > 24:
            axes.tick_params(axis="x", rotation=30)
    elif min(lever.values) > 0 and max(lever.values) > 10 * min(lever.values):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
        axes.xaxis.set_minor_locator(NullLocator())


def reliability(
    rows: npt.NDArray[np.int64],
    said: npt.NDArray[np.float64],
    came: npt.NDArray[np.float64],
    sample: bool = False,
) -> bytes:
    """The share that came true against the probability that was said, with the rows a bin.

    Args:
        rows: shape (bins,).
        said: the mean probability in each bin; nan in an empty one.
        came: the share that came true; nan in an empty one.
        sample: whether to print "sample data" across the picture.
    """
    bins = len(rows)
    with drawing():
        figure, axes = axes_at(4.3, 4.3, (0.14, 0.33, 0.83, 0.64))
        axes.plot([0, 1], [0, 1], "--", color=MUTED, lw=1.2)
        full = rows > 0
        axes.plot(said[full], came[full], "o-", color=VAL, lw=1.6, ms=5)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        _finish(axes, "", "came true")
        axes.tick_params(labelbottom=False)
        below = figure.add_axes((0.14, 0.105, 0.83, 0.17))
        below.spines[["top", "right"]].set_visible(False)
        middles = (np.arange(bins) + 0.5) / bins
        below.bar(middles, rows, width=0.9 / bins, color=VAL, alpha=0.55)
        below.set(xlim=(0, 1))
        _finish(below, "probability said", "rows")
        below.locator_params(axis="y", nbins=2)
        return png_of(figure, sample)


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.tick_params(labelsize=8)
    axes.set_xlabel(x, labelpad=2, color=INK)
    axes.set_ylabel(y, labelpad=2)
