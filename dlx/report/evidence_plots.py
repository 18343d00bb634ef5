"""Pictures of evidence: curves of several settings, a score by lever, calibration."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .canvas import (
    COLUMNS,
    INK,
    MUTED,
    RING,
    VAL,
    axes_at,
    limit,
    log_scale,
    name_axes,
    panels_of,
    picture,
)
from .levers import Lever
from .words import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TICKS = 8  # as many names fit below a panel
_MANY = 40  # more dots than this hide each other
_LONGEST = 88  # characters of a name that a line has room for
_HALF = 44  # characters of it where two stand side by side
_GOLDEN = 0.618034  # multiples of it fill an interval evenly
FEWEST = 10
"""Rows that a share can be read off."""
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")


@dataclass(frozen=True)
class Line:
    """One setting's curves.

    Attributes:
        name: for the legend.
        train: a value an epoch; may be empty.
        val: the same on the validation set.
        place: picks its colour, so that it has the same one in every plot.
        best: the epoch that is ringed; 0: the one with the lowest validation value.
    """

    name: str
    train: Sequence[float]
    val: Sequence[float]
    place: int
    best: int = 0


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


@dataclass(frozen=True)
class Reliability:
    """Probabilities in bins of equal width.

    Attributes:
        rows: how many rows are in each bin.
        said: the mean probability in each; nan in an empty one.
        came: the share that came true in each; nan in an empty one.
    """

    rows: npt.NDArray[np.int64]
    said: npt.NDArray[np.float64]
    came: npt.NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error: the mean of |said - came| over rows (Guo et al. 2017)."""
        full = self.rows > 0
        off = np.abs(self.said[full] - self.came[full])
        return float((off * self.rows[full]).sum() / self.rows.sum())


@picture
def overlaid(
    title: str,
    lines: Sequence[Line],
    faint: Sequence[Sequence[float]] = (),
) -> Figure:
    """Several settings in one plot: validation as lines, training dotted, one colour each.

    Args:
        title: what the values measure.
        lines: a setting each.
        faint: curves in the background; they do not decide what range is shown.
    """
    names = [shorten(line.name, _LONGEST) for line in lines]
    columns = 2 if max(map(len, names)) <= _HALF else 1
    legend = 0.2 * math.ceil(len(lines) / columns) + 0.3  # inches
    height = 3.1 + legend
    place = (0.1, 0.42 / height, 0.88, 2.6 / height)
    figure, axes = axes_at(6.6, height, place)
    for line, name in zip(lines, names, strict=True):
        _curves(axes, line, name)
    _draw_behind(axes, faint)
    axes.locator_params(axis="x", integer=True)
    limit(axes, title)
    name_axes(axes, "epoch", "")
    top = 1 - 0.24 / height
    figure.text(0.015, 1 - 0.05 / height, shorten(title, 70), va="top", weight="bold", size=10)
    figure.legend(ncols=columns, loc="upper left", bbox_to_anchor=(0.005, top))
    return figure


def _curves(axes: Axes, line: Line, name: str = "") -> None:
    """A line's curves; unbroken at an axis's end."""
    color = _LINES[line.place % len(_LINES)]
    dash = "-" if line.place < len(_LINES) else "--"
    style: Any = {"color": color, "clip_on": False}
    if line.train:
        axes.plot(range(1, len(line.train) + 1), line.train, ":", lw=1.2, **style)
    epochs = range(1, len(line.val) + 1)
    one: Any = {"marker": "s", "ms": 4} if len(line.val) == 1 else {}
    axes.plot(epochs, line.val, dash, lw=1.8, label=name, **style, **one)


def _draw_behind(axes: Axes, faint: Sequence[Sequence[float]]) -> None:
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


@picture
def panels(score: str, lines: Sequence[Line]) -> Figure:
    """A panel a setting, each on a scale of its own, its best validation epoch ringed.

    One scale for all would be that of the worst, on which no turn is seen.

    Args:
        score: what the values measure.
        lines: a setting each.
    """
    figure, places = panels_of(len(lines), 2.2)
    for index, (axes, line) in enumerate(zip(places, lines, strict=True)):
        _curves(axes, line)
        best = line.best - 1 if line.best else int(np.nanargmin(line.val))
        axes.plot([best + 1], [line.val[best]], "o", **RING)
        axes.locator_params(axis="x", integer=True, nbins=4)
        axes.locator_params(axis="y", nbins=5)
        name_axes(axes, "epoch", shorten(score, 22) if not index % COLUMNS else "")
        axes.set_title("\n".join(_wrap_name(line.name)), size=8, loc="left", color=INK)
    return figure


def _wrap_name(name: str) -> list[str]:
    """A name on two lines of a panel's width."""
    return textwrap.wrap(name, 34, max_lines=2, placeholder=" …")


@picture
def slices(score: str, levers: Sequence[Slice]) -> Figure:
    """The score against each lever, a panel each; the chosen setting ringed."""
    figure, places = panels_of(len(levers), 2.1)
    for index, (axes, one) in enumerate(zip(places, levers, strict=True)):
        _slice(axes, one)
        limit(axes, score)
        name = shorten(one.lever.name, 26)
        name_axes(axes, name, shorten(score, 22) if not index % COLUMNS else "")
    return figure


def _slice(axes: Axes, one: Slice) -> None:
    values = spread(one.lever)
    clear = 0.65 if len(values) <= _MANY else 0.3
    axes.margins(0.09)  # a ring's half
    axes.plot(values, one.scores, "o", color=VAL, ms=5, mew=0, alpha=clear, clip_on=False)
    if one.chosen is not None:
        axes.plot([values[one.chosen]], [one.scores[one.chosen]], "o", **RING)
    labels = one.lever.labels
    axes.locator_params(axis="y", nbins=5)
    if labels:
        shown = range(0, len(labels), math.ceil(len(labels) / _TICKS))
        axes.set_xticks(shown, [shorten(labels[place], 14) for place in shown])
        axes.set_xlim(-0.5, len(labels) - 0.5)
        if sum(len(labels[place]) + 2 for place in shown) > 24:
            axes.tick_params(axis="x", rotation=30)
    elif one.lever.log:
        log_scale(axes, "x")
    else:
        axes.locator_params(axis="x", nbins=4)


def spread(lever: Lever) -> list[float]:
    """A lever's values, side by side where many trials share a name; always in the same way."""
    if not lever.labels or len(lever.values) <= _MANY:
        return list(lever.values)
    places = enumerate(lever.values)
    return [value + 0.5 * ((place * _GOLDEN) % 1 - 0.5) for place, value in places]


@picture
def reliability(found: Reliability) -> Figure:
    """The share that came true against the probability that was said, with the rows a bin.

    Bins of fewer than ten rows are hollow, with their count, and no line leads to them.
    """
    rows, bins = found.rows, len(found.rows)
    figure, axes = axes_at(4.3, 4.3, (0.14, 0.33, 0.83, 0.64))
    axes.plot([0, 1], [0, 1], "--", color=MUTED, lw=1.2)
    came = np.where(rows >= FEWEST, found.came, np.nan)
    axes.plot(found.said, came, "o-", color=VAL, lw=1.6, ms=5, clip_on=False)
    _hollow(axes, found)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    name_axes(axes, "", "observed accuracy")
    axes.tick_params(labelbottom=False)
    below = figure.add_axes((0.14, 0.105, 0.83, 0.17))
    below.spines[["top", "right"]].set_visible(False)
    middles = (np.arange(bins) + 0.5) / bins
    below.bar(middles, rows, width=0.9 / bins, color=VAL, alpha=0.55)
    below.set(xlim=(0, 1))
    name_axes(below, "mean confidence", "rows")
    below.locator_params(axis="y", nbins=2, integer=True)
    return figure


def _hollow(axes: Axes, found: Reliability) -> None:
    few = (found.rows > 0) & (found.rows < FEWEST)
    style: Any = {"mfc": "white", "mec": VAL, "ms": 5, "clip_on": False, "zorder": 3}
    shown = [each[few] for each in (found.said, found.came, found.rows)]
    axes.plot(*shown[:2], "o", **style)
    for x, y, many in zip(*shown, strict=True):
        down, right = y > 0.5, x > 0.9
        away: Any = {"xytext": (-4 if right else 4, -4 if down else 4)}
        away |= {"ha": "right" if right else "left", "va": "top" if down else "bottom"}
        axes.annotate(f"{many}", (x, y), textcoords="offset points", size=7, color=MUTED, **away)
