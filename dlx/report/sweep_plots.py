"""Pictures of a sweep: parallel coordinates, importance, best so far, objectives."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import FAINT, INK, MUTED, RING, TRAIN, VAL, axes_at, legend, limit, log_scale, picture
from .evidence_plots import spread
from .levers import Lever
from .words import number, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

_NAMES = 10  # as many names fit beside an axis
_APART = 0.07  # share of an axis's height that two ticks need
_LINE = 12  # characters that stand above an axis on one line


@dataclass(frozen=True)
class Fan:
    """Settings as lines across parallel axes.

    Attributes:
        levers: an axis each.
        score: the name of the last axis.
        scores: one a setting; nan where it has none: its line ends before.
        better: 1 where more is better, -1 where less is.
        best: the place of the best setting, if there is one.
        cut: whether scores beyond the worst end were cut off there.
    """

    levers: Sequence[Lever]
    score: str
    scores: Sequence[float]
    better: float
    best: int | None
    cut: bool = False


@picture
def parallel(fan: Fan) -> Figure:
    """An axis a lever and one for the score, whose better end is up; a line a setting."""
    width = 2.0 + (1.25 if len(fan.levers) <= 5 else 1.0) * len(fan.levers)
    figure, axes = axes_at(width, 3.5, (1.05 / width, 0.05, 1 - 1.85 / width, 0.8))
    axes.set(xlim=(0, len(fan.levers)), ylim=(-0.03, 1.03))
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    score = Lever(fan.score, fan.scores)
    heights = [_heights(lever) for lever in fan.levers]
    last = _heights(score, fan.better)
    _threads(axes, fan, np.array([*heights, last]).T)
    for place, lever in enumerate(fan.levers):
        _draw_axis(axes, place, lever)
    _draw_axis(axes, len(fan.levers), score, fan.better)
    if fan.cut:
        style: Any = {"ha": "left", "va": "top", "size": 7.5, "color": MUTED}
        axes.text(len(fan.levers) + 0.045, -0.03, "or worse", clip_on=False, **style)
    return figure


def _threads(axes: Axes, fan: Fan, heights: Any) -> None:
    """The lines: faint where there is no score, dark where it is good, the best above all."""
    from matplotlib.collections import LineCollection

    places = np.arange(heights.shape[1])
    lines = [np.column_stack([places, row]) for row in heights]
    scored = np.isfinite(heights[:, -1])
    lost = [line[:-1] for line, known in zip(lines, scored, strict=True) if not known]
    axes.add_collection(LineCollection(lost, colors=MUTED, alpha=0.4, lw=0.8, ls=":"))
    order = [row for row in np.argsort(heights[:, -1], kind="stable") if scored[row]]
    ranks = np.unique(heights[order, -1], return_inverse=True)[1]  # equal scores look equal
    colors = _blues()(ranks / max(1, *ranks) if len(order) else [])
    thin = 1.3 if len(order) <= 60 else 0.8
    drawn = [lines[row] for row in order]
    clear = 0.85 if len(order) <= 60 else 0.6
    axes.add_collection(LineCollection(drawn, colors=colors, lw=thin, alpha=clear))
    if fan.best is not None:
        style: Any = {"color": TRAIN, "lw": 2.6, "zorder": 3, "clip_on": False}
        axes.plot(places, heights[fan.best], "o-", ms=5, **style)


def _blues() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("score", ["#cfdbe6", "#6aa5cf", VAL, "#053a5f"])


def _heights(lever: Lever, better: float = 1.0) -> list[float]:
    """How far up the values lie, between 0 and 1."""
    heights = lever.normalise(spread(lever))
    return heights if better > 0 else [1 - height for height in heights]


def _draw_axis(axes: Axes, place: int, lever: Lever, better: float = 1.0) -> None:
    """One axis with its name above and its ticks beside it."""
    axes.plot([place, place], [0, 1], color=INK, lw=1.0, zorder=2.5, clip_on=False)
    name = "\n".join(_break_name(lever.name))
    last = better if place == axes.get_xlim()[1] else 0
    style: Any = {"ha": "center", "va": "bottom", "size": 8.5, "weight": "bold", "clip_on": False}
    axes.text(place, 1.07, name, color=TRAIN if last else INK, **style)
    box: Any = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.92}
    for height, text in _ticks(lever, better):
        axes.plot([place - 0.02, place], [height, height], color=INK, lw=0.8, clip_on=False)
        beside: Any = {"ha": "left" if last else "right", "va": "center", "size": 7.5}
        away = 0.045 if last else -0.045
        axes.text(place + away, height, text, color=INK, bbox=box, zorder=5, **beside)


def _break_name(name: str) -> list[str]:
    """A name on lines as narrow as an axis, broken behind "." and "_"."""
    lines = [""]
    for part in re.findall(r"[^._]+[._]?|[._]", name):
        if lines[-1] and (len(lines[-1] + part) > _LINE or lines[-1].endswith(".")):
            lines.append("")
        lines[-1] += part
    return [shorten(line, _LINE + 1) for line in lines[-3:]]


def _ticks(lever: Lever, better: float) -> list[tuple[float, str]]:
    """Heights and texts: names, decades and ends, or round numbers and ends."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    low, high = lever.ends
    if lever.labels:
        step = math.ceil(len(lever.labels) / _NAMES)
        at = [float(place) for place in range(0, len(lever.labels), step)]
        texts = [shorten(lever.labels[int(place)], 14) for place in at]
    else:
        finder = LogLocator() if lever.log else MaxNLocator(5)
        at = [float(value) for value in finder.tick_values(low, high) if low <= value <= high]
        texts = [f"{value:.6g}" for value in at]
        at, texts = [low, high, *at], [f"{low:.4g}", f"{high:.4g}", *texts]  # ends come first
    placed = [height if better > 0 else 1 - height for height in lever.normalise(at)]
    found: list[tuple[float, str]] = []
    for height, text in zip(placed, texts, strict=True):
        if all(abs(height - other) > _APART for other, _ in found):
            found.append((height, text))
    return found


@picture
def bars(
    shares: Mapping[str, float],
    spans: Mapping[str, tuple[float, float]],
) -> Figure:
    """A bar a lever, the longest first, with its share in percent and how far that may move.

    Args:
        shares: of the spread of the score, by lever.
        spans: the smallest and the largest share over redrawn settings, by lever.
    """
    names = [shorten(name, 24) for name in shares]
    values = list(shares.values())
    ends = [spans.get(name, (value, value)) for name, value in shares.items()]
    height = max(1.2, 0.34 * len(names) + 0.75)
    left = 0.25 + 0.075 * max(map(len, names))  # inches
    place = (left / 4.3, 0.42 / height, (4.3 - left - 0.55) / 4.3, 1 - 0.5 / height)
    figure, axes = axes_at(4.3, height, place)
    axes.barh(range(len(names)), values, height=0.62, color=VAL, alpha=0.75)
    for row, (value, (low, high)) in enumerate(zip(values, ends, strict=True)):
        if high > low:
            axes.plot([low, high], [row, row], "|-", color=INK, lw=1.3, ms=6, clip_on=False)
        beyond = max(value, high) + 0.015
        axes.text(beyond, row, f"{value:.0%}", va="center", size=8.5, color=INK)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    reach = max(1e-9, *values, *(high for _, high in ends))
    axes.set(xlim=(0, reach), ylim=(len(names) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="x", color=FAINT, lw=0.8)
    axes.set_xlabel("share of the score's variance", labelpad=2)
    return figure


@picture
def draw_progress(score: str, scores: Sequence[float], better: float, own: float) -> Figure:
    """Each setting in the order of trying as a dot, the best so far as a line.

    Args:
        score: its name.
        scores: one a setting; nan where it has none.
        better: 1 where more is better, -1 where less is.
        own: the score of the task's own settings; nan where unknown.
    """
    known = better * np.array(scores)
    best = better * np.fmax.accumulate(known)
    order = range(1, len(scores) + 1)
    figure, axes = axes_at(4.3, 3.05, (0.145, 0.14, 0.835, 0.64))
    dot: Any = {"ms": 4.5 if len(scores) <= 60 else 2.5, "mew": 0, "alpha": 0.5}
    axes.plot(order, scores, "o", color=VAL, label="a setting", clip_on=False, **dot)
    line: Any = {"color": TRAIN, "lw": 1.8, "clip_on": False}
    axes.step(order, best, where="post", label="best so far", **line)
    if math.isfinite(own):
        label = f"task defaults {number(own)}"
        axes.axhline(own, ls="--", lw=1.2, color=MUTED, label=label)
    limit(axes, score)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.set_xlabel("settings tried", labelpad=2)
    legend(axes)
    figure.text(0.02, 0.985, shorten(score, 50), va="top", weight="bold", size=10)
    return figure


@dataclass(frozen=True)
class Trade:
    """Two objectives against each other.

    Attributes:
        across: the name and the values of the one.
        up: the name and the values of the other.
        front: the places of the settings that no other beats in both.
        own: the place of the task's own settings, if it is known.
        joined: whether the front is a line: with more than two objectives it is none.
        log: whether equal ratios across are to have equal distances.
    """

    across: tuple[str, Sequence[float]]
    up: tuple[str, Sequence[float]]
    front: Sequence[int]
    own: int | None = None
    joined: bool = True
    log: bool = False


@picture
def tradeoff(trade: Trade) -> Figure:
    """A dot a setting, the front joined, the task's own settings ringed."""
    x, y = trade.across[1], trade.up[1]
    figure, axes = axes_at(4.3, 3.3, (0.17, 0.14, 0.77, 0.74))
    dot: Any = {"mew": 0, "clip_on": False}
    axes.plot(x, y, "o", color=MUTED, ms=4.5, alpha=0.45, label="a setting", **dot)
    if trade.front:
        front = sorted(trade.front, key=lambda place: (x[place], y[place]))
        line = "o-" if trade.joined else "o"
        on = ([x[place] for place in front], [y[place] for place in front])
        axes.plot(*on, line, color=VAL, ms=6, lw=1.6, label="front", **dot)
    if trade.own is not None:
        axes.plot([x[trade.own]], [y[trade.own]], "o", **RING, label="task defaults")
    axes.locator_params(axis="x", nbins=5)
    if trade.log:
        log_scale(axes, "x")
    for which, (name, _) in (("x", trade.across), ("y", trade.up)):
        limit(axes, name, which)
    axes.grid(color=FAINT, lw=0.8)
    axes.set_xlabel(shorten(trade.across[0], 40), labelpad=2, color=INK)
    axes.set_ylabel(shorten(trade.up[0], 30), labelpad=2, color=INK)
    legend(axes)
    return figure
