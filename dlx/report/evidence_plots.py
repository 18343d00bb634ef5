"""Pictures of a workflow's evidence: the ladder of sizes, the settings tried, calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .levers import Lever
from .plots import FAINT, INK, MUTED, TRAIN, VAL, axes_at, drawing, png_of
from .words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_TICKS = 8  # as many names fit below a panel
_MANY = 40  # more dots than this hide each other
_GOLDEN = 0.618034  # multiples of it fill an interval evenly
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
        lever: the values, one a trial.
        scores: one a trial.
        chosen: the place of the chosen trial, if one was chosen.
    """

    lever: Lever
    scores: Sequence[float]
    chosen: int | None = None


def overlaid(
    title: str,
    lines: Sequence[Line],
    sample: bool = False,
    faint: Sequence[Sequence[float]] = (),
) -> bytes:
    """Several settings in one plot: validation as lines, training dotted, one colour each.

    Args:
        title: what the values measure.
        lines: a setting each.
        sample: whether to print "sample data" across the picture.
        faint: curves in the background; they do not decide what range is shown.
    """
    with drawing():
        rows = math.ceil(len(lines) / 2)
        legend = 0.2 * rows + 0.3  # inches
        height = 3.1 + legend
        place = (0.1, 0.42 / height, 0.88, 2.6 / height)
        figure, axes = axes_at(6.6, height, place)
        for line in lines:
            _curves(axes, line)
        _behind(axes, faint)
        axes.locator_params(axis="x", integer=True)
        _finish(axes, "epoch", "")
        top = 1 - 0.24 / height
        figure.text(0.015, 1 - 0.05 / height, short(title, 70), va="top", weight="bold", size=10)
        figure.legend(ncols=2, loc="upper left", bbox_to_anchor=(0.005, top))
        return png_of(figure, sample)


def _curves(axes: Axes, line: Line) -> None:
    color = _LINES[line.place % len(_LINES)]
    dash = "-" if line.place < len(_LINES) else "--"
    if line.train:
        axes.plot(range(1, len(line.train) + 1), line.train, ":", color=color, lw=1.2)
    epochs = range(1, len(line.val) + 1)
    one: Any = {"marker": "s", "ms": 4} if len(line.val) == 1 else {}
    axes.plot(epochs, line.val, dash, color=color, lw=1.8, label=short(line.name, 44), **one)


def _behind(axes: Axes, faint: Sequence[Sequence[float]]) -> None:
    """Curves behind the others, which keep a third of the height at least."""
    if not faint:
        return
    low, high = axes.get_ylim()
    for values in faint:
        one: Any = {"marker": "s", "ms": 3} if len(values) == 1 else {}
        axes.plot(
            range(1, len(values) + 1), values, color=MUTED, alpha=0.35, lw=0.9, zorder=1, **one
        )
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, 2 * low - high), min(top, 2 * high - low))


def slices(score: str, levers: Sequence[Slice], sample: bool = False) -> bytes:
    """The score against each lever, a panel each; the chosen setting ringed."""
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(levers))
    rows = math.ceil(len(levers) / columns)
    with drawing():
        figure = Figure(figsize=(2.35 * columns + 0.4, 2.1 * rows), dpi=160, layout="constrained")
        for index, one in enumerate(levers):
            axes = figure.add_subplot(rows, columns, index + 1)
            axes.spines[["top", "right"]].set_visible(False)
            _slice(axes, one)
            name = short(one.lever.name, 26)
            _finish(axes, name, short(score, 22) if not index % columns else "")
        return png_of(figure, sample)


def _slice(axes: Axes, one: Slice) -> None:
    values = spread(one.lever)
    clear = 0.65 if len(values) <= _MANY else 0.3
    axes.plot(values, one.scores, "o", color=VAL, ms=5, mew=0, alpha=clear)
    if one.chosen is not None:
        ring: dict[str, Any] = {"mfc": "none", "mec": TRAIN, "mew": 1.8, "ms": 10}
        axes.plot([values[one.chosen]], [one.scores[one.chosen]], "o", **ring)
    labels = one.lever.labels
    if labels:
        shown = range(0, len(labels), math.ceil(len(labels) / _TICKS))
        axes.set_xticks(shown, [short(labels[place], 14) for place in shown])
        axes.set_xlim(-0.5, len(labels) - 0.5)
        if sum(map(len, labels)) > 24:
            axes.tick_params(axis="x", rotation=30)
    elif one.lever.log:
        log_scale(axes, "x")


def spread(lever: Lever) -> list[float]:
    """A lever's values, side by side where many trials share a name; always in the same way."""
    if not lever.labels or len(lever.values) <= _MANY:
        return list(lever.values)
    places = enumerate(lever.values)
    return [value + 0.5 * ((place * _GOLDEN) % 1 - 0.5) for place, value in places]


def log_scale(axes: Axes, which: str) -> None:
    """Equal ratios at equal distances along "x" or "y", with numbers as they are typed."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high < 300 * low else (1.0,), numticks=5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axis.set_minor_locator(NullLocator())


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
