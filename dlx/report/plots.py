"""The pictures: curves, confusion matrix, predicted against true. Bytes of PNG files.

Drawn by Matplotlib's figures on the Agg canvas, never by pyplot, which holds global state and
looks for a screen. Matplotlib is imported where it draws: that takes most of a report's time.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .words import number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 160
INK, MUTED, FAINT = "#1c1e21", "#646b74", "#dfe2e6"
TRAIN, VAL = "#d55e00", "#0072b2"  # told apart by the colour-blind (Okabe and Ito, 2008)
_STYLE: Any = {
    "text.parse_math": False,  # a label such as "$x" is text
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "font.size": 9,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.borderaxespad": 0.4,
    "legend.columnspacing": 1.2,
    "legend.handlelength": 1.4,
    "legend.handletextpad": 0.5,
}
_NUMBERED = 12  # as many classes get their numbers drawn
_LABELLED = 50  # as many classes get their names drawn
_DOTS = 5000
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
class Curve:
    """A measure over the epochs.

    Attributes:
        name: of the measure.
        epochs: their numbers, from 1.
        train: the value on the training part in each epoch; nan where there is none.
        val: the same on the validation part.
        best: the epoch whose weights are kept, if one was chosen.
        baseline: name and value of what must be beaten, if there is one.
        folds: `val` of each fold, where `val` is their mean.
        turn: where the loss turned, if this is the loss.
    """

    name: str
    epochs: Sequence[int]
    train: Sequence[float]
    val: Sequence[float]
    best: int | None = None
    baseline: tuple[str, float] | None = None
    folds: Sequence[Sequence[float]] = ()
    turn: Turn | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        late = self._span(len(self.epochs) // 10)
        return late if self.cut else self._span(0)

    @property
    def cut(self) -> bool:
        """Whether the first tenth lies so far off that it would press the rest flat."""
        first = len(self.epochs) // 10
        (low, high), (bottom, top) = self._span(first), self._span(0)
        return first > 0 and high > low and top - bottom > 4 * (high - low)

    def _span(self, first: int) -> tuple[float, float]:
        folds = _inner([fold[first:] for fold in self.folds])
        known = (*self.train[first:], *self.val[first:], *folds)
        values = [v for v in known if math.isfinite(v)]
        return (min(values), max(values)) if values else (0.0, 1.0)

    @property
    def fits(self) -> bool:
        """Whether the baseline can be drawn without pressing the curves flat."""
        if self.baseline is None or not math.isfinite(self.baseline[1]):
            return False
        low, high = self.reach
        span = max(high, self.baseline[1]) - min(low, self.baseline[1])
        return span <= 4 * (high - low)


def curve(data: Curve, sample: bool = False) -> bytes:
    """Training as dots, validation as a line, the best epoch ringed, the baseline dashed."""
    with drawing():
        figure, axes = axes_at(4.3, 2.9, (0.145, 0.145, 0.835, 0.67))
        size = 4.5 if len(data.epochs) <= 40 else 2.5
        if np.isfinite(data.train).any():
            axes.plot(data.epochs, data.train, "o", color=TRAIN, ms=size, label="training")
        for fold in data.folds:
            shown = data.epochs[: len(fold)]
            axes.plot(shown, fold[: len(shown)], "-", color=VAL, lw=0.7, alpha=0.4)
        known = [pair for pair in zip(data.epochs, data.val, strict=True) if math.isfinite(pair[1])]
        if known:
            line = "s-" if len(known) == 1 else "-"  # a line through one point is not seen
            axes.plot(*zip(*known, strict=True), line, color=VAL, lw=1.8, label="validation")
        _mark_turn(axes, data)
        _mark_best(axes, data)
        if data.baseline is not None and data.fits:
            label = f"{short(data.baseline[0], 14)} {number(data.baseline[1])}"
            axes.axhline(data.baseline[1], ls="--", lw=1.2, color=MUTED, label=label)
        _finish_curve(axes, data)
        figure.text(0.02, 0.985, short(data.name, 50), va="top", weight="bold", size=10)
        return png_of(figure, sample)


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
    low, high = data.reach
    known = all(map(math.isfinite, (*ends, data.turn.gap)))
    if known and ends[1] - ends[0] > _VISIBLE * (high - low):
        axes.plot([last, last], ends, "-", color=INK, lw=1.2, solid_capstyle="butt")
        text = f"gap {number(data.turn.gap)}"
        where: Any = {
            "xytext": (-4, 0),
            "textcoords": "offset points",
            "ha": "right",
            "va": "center",
        }
        box = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
        axes.annotate(text, (last, sum(ends) / 2), size=8, bbox=box, **where)


def smoothed(
    name: str,
    epochs: Sequence[int],
    values: Sequence[float],
    mark: tuple[int, float] | None,
    sample: bool = False,
) -> bytes:
    """A smoothed curve with its minimum marked.

    Args:
        name: its title.
        epochs: their numbers.
        values: one an epoch.
        mark: epoch and value of the best point.
        sample: whether to print "sample data" across the picture.
    """
    blank = [math.nan] * len(values)
    with drawing():
        figure, axes = axes_at(4.3, 2.9, (0.145, 0.145, 0.835, 0.67))
        axes.plot(epochs, values, "-", color=VAL, lw=1.6, label="smoothed mean")
        if mark is not None:
            ring: dict[str, Any] = {"mfc": "white", "mec": TRAIN, "mew": 1.8, "ms": 8, "zorder": 3}
            axes.plot([mark[0]], [mark[1]], "o", ls="", label=f"best: {mark[0]}", **ring)
        _finish_curve(axes, Curve(name, epochs, blank, values))
        figure.text(0.02, 0.985, short(name, 50), va="top", weight="bold", size=10)
        return png_of(figure, sample)


def _mark_best(axes: Axes, data: Curve) -> None:
    if data.best is None or data.best not in data.epochs:
        return
    value = data.val[data.epochs.index(data.best)]
    if math.isfinite(value):
        ring: dict[str, Any] = {"mfc": "white", "mec": VAL, "mew": 1.8, "ms": 8, "zorder": 3}
        axes.plot([data.best], [value], "o", ls="", label=f"best: {data.best}", **ring)


def _finish_curve(axes: Axes, data: Curve) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    low, high = data.reach
    if data.baseline is not None and data.fits:
        low, high = min(low, data.baseline[1]), max(high, data.baseline[1])
    margin = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
    first, last = min(data.epochs), max(data.epochs)
    pad = max(0.5, 0.03 * (last - first))
    axes.set_xlim(first - pad, last + pad)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_xlabel("epoch", labelpad=2)
    if axes.lines:
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(-0.175, 1))


def confusion(counts: npt.NDArray[np.int64], classes: Sequence[str], sample: bool = False) -> bytes:
    """Rows are true classes, columns predicted ones; the colour is the share of the row.

    Args:
        counts: shape (classes, classes).
        classes: their names, in the order of the rows.
        sample: whether to print "sample data" across the picture.
    """
    with drawing():
        figure, axes = _matrix_axes([short(name, 16) for name in classes])
        totals = counts.sum(axis=1, keepdims=True)
        shares = counts / np.maximum(totals, 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        if len(classes) <= _NUMBERED:
            _write_counts(axes, counts, shares)
        return png_of(figure, sample)


def _matrix_axes(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with room beside and below for the longest name."""
    many = len(names) > _NUMBERED
    width, font = (6.6, 5.5) if many else (4.3, 8.5)
    longest = font / 72 * 0.62 * max(map(len, names))  # inches; a letter is about 0.62 high
    upright = len(names) > 3 and longest > 3.3 / len(names)
    left, below = 0.35 + longest, 0.35 + (longest if upright else font / 72)
    tall = min(max(0.4 * len(names), 2.2), width - left)
    height = tall + below + 0.06
    place = (left / width, below / height, 1 - (left + 0.06) / width, tall / height)
    figure, axes = axes_at(width, height, place)
    middle_x, middle_y = (left + width) / 2 / width, (below + tall / 2) / height
    figure.text(0.015, middle_y, "true", rotation=90, va="center", color=MUTED)
    figure.text(middle_x, 0.012, "predicted", ha="center", va="bottom", color=MUTED)
    _name_classes(axes, names, font, upright)
    return figure, axes


def _name_classes(axes: Axes, names: Sequence[str], font: float, upright: bool) -> None:
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    edge, away = len(names) - 0.5, 0.012 * len(names)
    below: dict[str, Any] = {"ha": "center", "va": "top", "rotation": 90 if upright else 0}
    for index in range(0, len(names), math.ceil(len(names) / _LABELLED)):
        axes.text(-0.5 - away, index, names[index], ha="right", va="center", size=font)
        axes.text(index, edge + away, names[index], size=font, **below)


def _write_counts(
    axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
    """Every count but zero, white where the cell is dark."""
    letters = len(f"{int(counts.max(initial=0)):,}")
    size = min(11.0, 3.6 * 72 / len(counts) / (0.62 * letters))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else INK
            axes.text(
                column, row, f"{int(count):,}", ha="center", va="center", size=size, color=color
            )


def chosen(rows: int) -> npt.NDArray[np.int64]:
    """The rows that a scatter shows: all, or 5,000 at even distances, always the same ones."""
    return np.unique(np.linspace(0, rows - 1, min(rows, _DOTS)).astype(np.int64))


def scatter(
    true: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64], sample: bool = False
) -> bytes:
    """Predicted against true, with the line on which both are equal.

    Args:
        true: finite numbers, shape (rows,), rows >= 1.
        predicted: the same shape.
        sample: whether to print "sample data" across the picture.
    """
    with drawing():
        figure, axes = axes_at(4.3, 4.0, (0.155, 0.115, 0.82, 0.86))
        rows = chosen(len(true))
        low = float(min(true.min(), predicted.min()))
        high = float(max(true.max(), predicted.max()))
        margin = 0.04 * (high - low) or 1.0
        axes.axline((low, low), slope=1, color=MUTED, lw=1.2, ls="--")
        clear = 0.7 if len(rows) <= 300 else 0.35
        axes.plot(true[rows], predicted[rows], "o", ms=4, mew=0, color=VAL, alpha=clear)
        axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin))
        _finish_scatter(axes)
        return png_of(figure, sample)


def _finish_scatter(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.grid(color=FAINT, lw=0.8)
    axes.set_xlabel("true", labelpad=2)
    axes.set_ylabel("predicted", labelpad=2)


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib's own defaults, whatever a matplotlibrc says, and no word on missing letters."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def axes_at(
    width: float, height: float, place: tuple[float, float, float, float]
) -> tuple[Figure, Axes]:
    """A figure of so many inches, and axes at a fixed place: nothing is laid out twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI)
    axes = figure.add_axes(place)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def png_of(figure: Figure, sample: bool) -> bytes:
    """The figure as a PNG file, with "sample data" across it where the data are made up."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if sample:  # a picture may leave its page
        style: dict[str, Any] = {"size": 30, "weight": "bold", "color": "#c2185b", "alpha": 0.18}
        figure.text(0.55, 0.5, "SAMPLE DATA", ha="center", va="center", rotation=25, **style)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
