"""The picture of experiments: our curves with the published figures marked on them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .canvas import COLUMNS, FAINT, INK, MUTED, TRAIN, VAL, limit, panels_of, picture
from .words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 9
"""As many experiments share a picture."""
_MARKS = {"best": "*", "smoothed": "*", "final": "D", "": "_"}


@dataclass(frozen=True)
class Point:
    """A published figure.

    Attributes:
        name: its part of the data and kind, as in "val best".
        epoch: where it lies; None where only its height is known.
        value: its height.
    """

    name: str
    epoch: float | None
    value: float


@dataclass(frozen=True)
class Panel:
    """One experiment.

    Attributes:
        name: its name.
        train: our mean value an epoch on the training part; may be empty.
        val: the same on the validation set; may be empty.
        points: what is published.
    """

    name: str
    train: Sequence[float]
    val: Sequence[float]
    points: Sequence[Point]


@picture
def draw_against(measure: str, panels: Sequence[Panel]) -> Figure:
    """A panel an experiment: ours as curves, the published figures as marks with their values.

    Args:
        measure: what the values are.
        panels: an experiment each, `MOST` at most.
    """
    figure, places = panels_of(len(panels), 2.3, 0.5)
    for index, (axes, panel) in enumerate(zip(places, panels, strict=True)):
        _draw(axes, panel)
        limit(axes, measure)
        axes.locator_params(axis="x", integer=True, nbins=5)
        axes.locator_params(axis="y", nbins=5)
        axes.grid(axis="y", color=FAINT, lw=0.8)
        axes.tick_params(labelsize=8)
        axes.set_title("\n".join(textwrap.wrap(panel.name, 30)), size=8.5, loc="left")
        axes.set_xlabel("epoch", labelpad=2)
        axes.set_ylabel(measure if not index % COLUMNS else "", labelpad=2)
    _legend(figure, min(COLUMNS, len(panels)))
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    own: Any = {"clip_on": False}
    if panel.train:
        axes.plot(range(1, len(panel.train) + 1), panel.train, ":", color=TRAIN, **own)
    if panel.val:
        axes.plot(range(1, len(panel.val) + 1), panel.val, "-", color=VAL, lw=1.6, **own)
    for point in panel.points:
        color = TRAIN if point.name.startswith("train") else VAL
        if point.epoch is None:
            axes.axhline(point.value, ls=(0, (1, 2)), lw=1.4, color=MUTED)
        else:
            mark = _MARKS[point.name.partition(" ")[2]]
            style: Any = {"mfc": "white", "mec": color, "mew": 1.4, "zorder": 4, **own}
            axes.plot([point.epoch], [point.value], mark, ms=9 if mark == "*" else 5, **style)
        _label(axes, panel, point)


def _label(axes: Axes, panel: Panel, point: Point) -> None:
    """The published value beside its mark, on the side of the panel's middle."""
    longest = max(len(panel.train), len(panel.val), 1)
    at = point.epoch if point.epoch is not None else longest
    right = at > longest / 2
    where: Any = {"xytext": (-6 if right else 6, 4), "textcoords": "offset points"}
    where |= {"ha": "right" if right else "left", "va": "bottom"}
    where["bbox"] = {"boxstyle": "square,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.8}
    axes.annotate(number(point.value), (at, point.value), size=7, color=INK, zorder=3, **where)


def _legend(figure: Any, columns: int) -> None:
    from matplotlib.lines import Line2D

    hollow: Any = {"ls": "", "mfc": "white", "mec": INK, "mew": 1.4}
    marks = [
        Line2D([], [], color=VAL, label="our validation"),
        Line2D([], [], color=TRAIN, ls=":", label="our training"),
        Line2D([], [], marker="*", ms=9, label="published, best", **hollow),
        Line2D([], [], marker="D", ms=5, label="published, final", **hollow),
    ]
    figure.legend(handles=marks, loc="outside upper left", ncols=min(4, 2 * columns - 1))
