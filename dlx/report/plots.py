"""The pictures of a run: curves, predicted against true. Bytes of PNG files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .canvas import FAINT, INK, MUTED, RING, TRAIN, VAL, axes_at, legend, limit, log_scale, picture
from .read import evenly
from .words import number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS = 5000
"""As many rows does a scatter show."""
_HEIGHT, _LINE = 3.05, 0.17  # inches of a curve, and of a line of its legend
_BARS = {
    "naive": "#009e73",
    "classical": "#cc79a7",
    "boosting": "#0072b2",
}  # colours of baselines by their kind
_DASHES = ((4, 1.6), (6.4, 1.6, 1, 1.6), (1, 1.6), (8, 2, 2, 2), (2, 2), (6, 3))
_FAR = 4  # times the height of the later epochs: the first ones press them flat
_VISIBLE = 0.12  # share of the height that a gap needs to be marked


@dataclass(frozen=True)
class Turn:
    """What the loss curves tell of overfitting.

    Attributes:
        verdict: "underfit", "fits" or "overfits".
        epoch: where the validation loss turned, or was best.
        gap: validation loss minus training loss at the end; nan where unknown.
    """

    verdict: str
    epoch: int
    gap: float


@dataclass(frozen=True)
class Bar:
    """A simple answer's score, which is the same in every epoch: its name, value and kind."""

    name: str
    value: float
    kind: str = "constant"


@dataclass(frozen=True)
class Curve:
    """A measure over the epochs.

    Attributes:
        name: of the measure.
        epochs: their numbers, from 1.
        train: the value on the training part in each epoch; nan where there is none.
        val: the same on the validation set.
        best: the epoch whose weights are kept, if one was chosen.
        bars: what must be beaten, the hardest first.
        folds: `val` of each fold, where `val` is their mean.
        turn: where the loss turned, if this is the loss.
    """

    name: str
    epochs: Sequence[int]
    train: Sequence[float]
    val: Sequence[float]
    best: int | None = None
    bars: Sequence[Bar] = ()
    folds: Sequence[Sequence[float]] = ()
    turn: Turn | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return self._span(0)

    @property
    def log(self) -> bool:
        """Whether the first tenth lies so far above that it would press the rest flat."""
        first = len(self.epochs) // 10
        (low, high), (bottom, top) = self._span(first), self._span(0)
        above = first > 0 and top - high >= low - bottom and high > low
        return above and bottom > 0 and top - bottom > _FAR * (high - low)

    def _span(self, first: int) -> tuple[float, float]:
        folds = _inner([fold[first:] for fold in self.folds])
        known = (*self.train[first:], *self.val[first:], *folds)
        values = [v for v in known if math.isfinite(v)]
        return (min(values), max(values)) if values else (0.0, 1.0)

    @property
    def shown(self) -> list[Bar]:
        """The baselines that can be drawn without pressing the curves flat."""
        return [bar for bar in self.bars if self._fits(bar.value)]

    def _fits(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        low, high = self.reach
        span = max(high, value) - min(low, value)
        return span <= _FAR * (high - low) and (value > 0 or not self.log)


@picture
def curve(data: Curve) -> Figure:
    """Training as dots, validation as a line, the best epoch ringed, baselines dashed."""
    figure, axes = axes_at(4.3, _HEIGHT, (0.145, 0.14, 0.835, 0.64))
    size = 4.5 if len(data.epochs) <= 40 else 2.5
    whole: Any = {"clip_on": False}  # a mark at an axis's end
    if np.isfinite(data.train).any():
        axes.plot(data.epochs, data.train, "o", color=TRAIN, ms=size, label="training", **whole)
    for fold in data.folds:
        shown = data.epochs[: len(fold)]
        axes.plot(shown, fold[: len(shown)], "-", color=VAL, lw=0.7, alpha=0.4)
    known = [pair for pair in zip(data.epochs, data.val, strict=True) if math.isfinite(pair[1])]
    if known:
        line = "s-" if len(known) == 1 else "-"  # a line through one point is not seen
        whole |= {"lw": 1.8, "label": "validation"}
        axes.plot(*zip(*known, strict=True), line, color=VAL, **whole)
    _mark_turn(axes, data)
    _mark_best(axes, data)
    for bar, dashes in zip(data.shown, cycle(_DASHES), strict=False):
        label = f"{shorten(bar.name, 19)} {number(bar.value)}"
        colour = _BARS.get(bar.kind, MUTED)
        axes.axhline(bar.value, ls=(0, dashes), color=colour, lw=1.2, label=label)
    _make_room(figure, axes, _finish_curve(axes, data))
    figure.text(0.02, 0.985, shorten(data.name, 50), va="top", weight="bold", size=10)
    return figure


def _make_room(figure: Figure, axes: Axes, rows: int) -> None:
    """Makes a picture higher where its legend has more than the two rows there is room for."""
    if rows > 2:
        place, high = axes.get_position(), _HEIGHT + _LINE * (rows - 2)
        share = _HEIGHT / high
        figure.set_size_inches(figure.get_size_inches()[0], high)
        axes.set_position((place.x0, place.y0 * share, place.width, place.height * share))


def _inner(folds: Sequence[Sequence[float]]) -> list[float]:
    """Values of the folds without the rare peaks that would press all curves flat."""
    values = np.array([v for fold in folds for v in fold if math.isfinite(v)])
    if not len(values):
        return []
    low, high = np.quantile(values, [0.01, 0.99])
    return [float(low), float(high)]


def _mark_turn(axes: Axes, data: Curve) -> None:
    """The epoch at which validation turned, and the gap that was left at the end."""
    if data.turn is None or data.turn.epoch not in data.epochs:
        return
    if data.turn.verdict == "overfits":
        label = f"turned: {data.turn.epoch}"
        axes.axvline(data.turn.epoch, ls=":", lw=1.4, color=MUTED, label=label)
    last = data.epochs[-1]
    ends = (data.train[-1], data.val[-1])
    known = all(map(math.isfinite, (*ends, data.turn.gap)))
    start, end, low, high = _heights(data, *ends, *data.reach) if known else [0.0] * 4
    if known and end - start > _VISIBLE * (high - low):
        axes.plot([last, last], ends, "-", color=INK, lw=1.2, solid_capstyle="butt")
        text = f"gap {number(data.turn.gap)}"
        where: Any = {
            "xytext": (-4, 0),
            "textcoords": "offset points",
            "ha": "right",
            "va": "center",
        }
        box = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
        middle = (start + end) / 2
        at = 10**middle if data.log else middle
        axes.annotate(text, (last, at), size=8, bbox=box, **where)


def _heights(data: Curve, *values: float) -> list[float]:
    """How far up values lie on the curve's axis."""
    return [math.log10(value) for value in values] if data.log else [*values]


@picture
def draw_smoothed(
    name: str,
    epochs: Sequence[int],
    values: Sequence[float],
    mark: tuple[int, float] | None,
) -> Figure:
    """A smoothed curve with its minimum marked.

    Args:
        name: its title.
        epochs: their numbers.
        values: one an epoch.
        mark: epoch and value of the best point.
    """
    blank = [math.nan] * len(values)
    figure, axes = axes_at(4.3, 3.05, (0.145, 0.14, 0.835, 0.64))
    axes.plot(epochs, values, "-", color=VAL, lw=1.6, label="smoothed mean", clip_on=False)
    if mark is not None:
        ring = {**RING, "mfc": "white", "mec": TRAIN}
        axes.plot([mark[0]], [mark[1]], "o", label=f"best: {mark[0]}", **ring)
    _finish_curve(axes, Curve(name, epochs, blank, values))
    figure.text(0.02, 0.985, shorten(name, 50), va="top", weight="bold", size=10)
    return figure


def _mark_best(axes: Axes, data: Curve) -> None:
    if data.best is None or data.best not in data.epochs:
        return
    value = data.val[data.epochs.index(data.best)]
    if math.isfinite(value):
        ring = {**RING, "mfc": "white", "mec": VAL}
        axes.plot([data.best], [value], "o", label=f"best: {data.best}", **ring)


def _finish_curve(axes: Axes, data: Curve) -> int:
    """Axes, grid and legend, of which the number of rows is given."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = data.reach
    heights = [low, high, *(bar.value for bar in data.shown)]
    low, high = min(heights), max(heights)
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    if data.log:
        axes.set_ylim(low / 1.05, high * 1.05)
        log_scale(axes, "y")
    else:
        axes.set_ylim(low - margin, high + margin)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    limit(axes, data.name)
    first, last = min(data.epochs), max(data.epochs)
    pad = max(0.5, 0.03 * (last - first))
    axes.set_xlim(first - pad, last + pad)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_xlabel("epoch", labelpad=2)
    return legend(axes)


@picture
def scatter(true: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64]) -> Figure:
    """Predicted against true, with the line on which both are equal.

    Args:
        true: finite numbers, shape (rows,), rows >= 1.
        predicted: the same shape.
    """
    figure, axes = axes_at(4.3, 4.0, (0.155, 0.115, 0.82, 0.86))
    rows = evenly(range(len(true)), DOTS)
    low = float(min(true.min(), predicted.min()))
    high = float(max(true.max(), predicted.max()))
    margin = 0.04 * (high - low) or 1.0
    axes.axline((low, low), slope=1, color=MUTED, lw=1.2, ls="--")
    clear = 0.7 if len(rows) <= 300 else 0.35
    axes.plot(true[rows], predicted[rows], "o", ms=4, mew=0, color=VAL, alpha=clear)
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
    _finish_scatter(axes)
    return figure


def _finish_scatter(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.grid(color=FAINT, lw=0.8)
    axes.set_xlabel("true", labelpad=2)
    axes.set_ylabel("predicted", labelpad=2)
