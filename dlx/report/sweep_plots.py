"""Pictures of a sweep: parallel coordinates, importance, best so far, objectives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .evidence_plots import log_scale, spread
from .levers import Lever
from .plots import FAINT, INK, MUTED, TRAIN, VAL, axes_at, drawing, png_of
from .words import number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

_NAMES = 10  # as many names fit beside an axis
_RING: Any = {"mfc": "none", "mec": TRAIN, "mew": 1.8, "ms": 9, "ls": "", "zorder": 4}


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


def parallel(fan: Fan, sample: bool = False) -> bytes:
    """An axis a lever and one for the score, whose better end is up; a line a setting."""
    with drawing():
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
            _upright(axes, place, lever)
        _upright(axes, len(fan.levers), score, fan.better)
        if fan.cut:
            style: Any = {"ha": "left", "va": "top", "size": 7.5, "color": MUTED}
            axes.text(len(fan.levers) + 0.045, -0.03, "or worse", clip_on=False, **style)
        return png_of(figure, sample)


def _threads(axes: Axes, fan: Fan, heights: Any) -> None:
    """The lines: faint where there is no score, dark where it is good, the best above all."""
    from matplotlib.collections import LineCollection

    places = np.arange(heights.shape[1])
    lines = [np.column_stack([places, row]) for row in heights]
    scored = np.isfinite(heights[:, -1])
    lost = [line[:-1] for line, known in zip(lines, scored, strict=True) if not known]
    axes.add_collection(LineCollection(lost, colors=MUTED, alpha=0.4, lw=0.8, ls=":"))
    order = [row for row in np.argsort(heights[:, -1], kind="stable") if scored[row]]
    colors = _blues()(np.linspace(0, 1, len(order)))
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
    heights = lever.along(spread(lever))
    return heights if better > 0 else [1 - height for height in heights]


def _upright(axes: Axes, place: int, lever: Lever, better: float = 1.0) -> None:
    """One axis with its name above and its ticks beside it."""
    axes.plot([place, place], [0, 1], color=INK, lw=1.0, zorder=2.5, clip_on=False)
    head, _, tail = lever.name.rpartition(".")
    name = "\n".join(short(text, 18) for text in (f"{head}." if head else "", tail) if text)
    last = better if place == axes.get_xlim()[1] else 0
    style: Any = {"ha": "center", "va": "bottom", "size": 8.5, "weight": "bold", "clip_on": False}
    axes.text(place, 1.07, name, color=TRAIN if last else INK, **style)
    box: Any = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75}
    for height, text in _ticks(lever, better):
        axes.plot([place - 0.02, place], [height, height], color=INK, lw=0.8, clip_on=False)
        beside: Any = {"ha": "left" if last else "right", "va": "center", "size": 7.5}
        away = 0.045 if last else -0.045
        axes.text(place + away, height, text, color=INK, bbox=box, zorder=5, **beside)


def _ticks(lever: Lever, better: float) -> list[tuple[float, str]]:
    """Heights and texts: names, decades and ends, or round numbers and ends."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    low, high = lever.ends
    if lever.labels:
        step = math.ceil(len(lever.labels) / _NAMES)
        at = [float(place) for place in range(0, len(lever.labels), step)]
        texts = [short(lever.labels[int(place)], 14) for place in at]
    else:
        finder = LogLocator() if lever.log else MaxNLocator(5)
        at = [float(value) for value in finder.tick_values(low, high) if low <= value <= high]
        texts = [f"{value:.6g}" for value in at]
        at, texts = [low, *at, high], [number(low), *texts, number(high)]
    placed = [height if better > 0 else 1 - height for height in lever.along(at)]
    found: list[tuple[float, str]] = []
    ticks = zip(placed, texts, strict=True)
    for height, text in ticks if lever.labels else reversed([*ticks]):
        if all(abs(height - other) > 0.055 for other, _ in found):
            found.append((height, text))
    return found


def bars(shares: Mapping[str, float], sample: bool = False) -> bytes:
    """A bar a lever, the longest first, with its share in percent."""
    names = [short(name, 24) for name in shares]
    values = list(shares.values())
    with drawing():
        height = max(1.2, 0.34 * len(names) + 0.75)
        left = 0.25 + 0.075 * max(map(len, names))  # inches
        place = (left / 4.3, 0.42 / height, (4.3 - left - 0.55) / 4.3, 1 - 0.5 / height)
        figure, axes = axes_at(4.3, height, place)
        axes.barh(range(len(names)), values, height=0.62, color=VAL)
        for row, value in enumerate(values):
            axes.text(value + 0.01, row, f"{value:.0%}", va="center", size=8.5, color=INK)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set(xlim=(0, max(1e-9, *values)), ylim=(len(names) - 0.5, -0.5))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.locator_params(axis="x", nbins=4)
        axes.grid(axis="x", color=FAINT, lw=0.8)
        axes.set_xlabel("share of the spread of the score", labelpad=2)
        return png_of(figure, sample)


def so_far(
    score: str, scores: Sequence[float], better: float, own: float, sample: bool = False
) -> bytes:
    """Each setting in the order of trying as a dot, the best so far as a line.

    Args:
        score: its name.
        scores: one a setting; nan where it has none.
        better: 1 where more is better, -1 where less is.
        own: the score of the task's own settings; nan where unknown.
        sample: whether to print "sample data" across the picture.
    """
    known = better * np.array(scores)
    best = better * np.fmax.accumulate(known)
    order = range(1, len(scores) + 1)
    with drawing():
        figure, axes = axes_at(4.3, 2.9, (0.145, 0.145, 0.835, 0.7))
        size = 4.5 if len(scores) <= 60 else 2.5
        axes.plot(order, scores, "o", color=VAL, ms=size, mew=0, alpha=0.5, label="a setting")
        axes.step(order, best, where="post", color=TRAIN, lw=1.8, label="best so far")
        if math.isfinite(own):
            label = f"task's own {number(own)}"
            axes.axhline(own, ls="--", lw=1.2, color=MUTED, label=label)
        axes.locator_params(axis="x", integer=True, nbins=6)
        axes.grid(axis="y", color=FAINT, lw=0.8)
        axes.set_xlabel("settings tried", labelpad=2)
        axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.175, 1))
        figure.text(0.02, 0.985, short(score, 50), va="top", weight="bold", size=10)
        return png_of(figure, sample)


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


def tradeoff(trade: Trade, sample: bool = False) -> bytes:
    """A dot a setting, the front joined, the task's own settings ringed."""
    x, y = trade.across[1], trade.up[1]
    with drawing():
        figure, axes = axes_at(4.3, 3.3, (0.17, 0.14, 0.8, 0.76))
        axes.plot(x, y, "o", color=MUTED, ms=4.5, mew=0, alpha=0.45, label="a setting")
        if trade.front:
            front = sorted(trade.front, key=lambda place: (x[place], y[place]))
            line = "o-" if trade.joined else "o"
            on = ([x[place] for place in front], [y[place] for place in front])
            axes.plot(*on, line, color=VAL, ms=6, lw=1.6, mew=0, label="front")
        if trade.own is not None:
            axes.plot([x[trade.own]], [y[trade.own]], "o", **_RING, label="task's own")
        if trade.log:
            log_scale(axes, "x")
        axes.grid(color=FAINT, lw=0.8)
        axes.set_xlabel(short(trade.across[0], 40), labelpad=2, color=INK)
        axes.set_ylabel(short(trade.up[0], 30), labelpad=2, color=INK)
        axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(-0.16, 1.0))
        return png_of(figure, sample)
