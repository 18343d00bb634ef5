"""The picture of a comparison: each run's score with its interval, and what it is to beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .canvas import DPI, FAINT, INK, MUTED, VAL, limit, picture
from .words import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 30  # characters of a name on one of two lines
_EACH = 0.42  # inches a run


@dataclass(frozen=True)
class Span:
    """One run's score.

    Attributes:
        name: of the run, or what it differs in.
        value: the score; nan where it has none.
        interval: its 95 % interval; None where there is none.
        baseline: what it is to beat; nan where unknown.
    """

    name: str
    value: float
    interval: tuple[float, float] | None
    baseline: float


@picture
def intervals(score: str, spans: Sequence[Span]) -> Figure:
    """A line a run: its score as a dot on its interval, its baseline as a dash across.

    Args:
        score: what is shown, as in "test/accuracy".
        spans: the runs, from top to bottom.
    """
    from matplotlib.figure import Figure

    height = 0.85 + _EACH * len(spans)
    figure = Figure(figsize=(6.6, height), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right", "left"]].set_visible(False)
    for row, one in enumerate(spans):
        _draw(axes, row, one)
    axes.set_yticks(range(len(spans)), [shorten(one.name, 2 * _LONGEST) for one in spans])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set(ylim=(len(spans) - 0.4, -0.6))
    axes.margins(x=0.06)
    limit(axes, score, "x")
    axes.grid(axis="x", color=FAINT, lw=0.8)
    axes.set_xlabel(shorten(score, 60), labelpad=2, color=INK)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def _draw(axes: Axes, row: int, one: Span) -> None:
    """One run's marks; the first run's are named."""

    def label_once(text: str) -> str:
        return text if text not in axes.get_legend_handles_labels()[1] else "_"

    own: Any = {"color": VAL, "clip_on": False}
    if one.interval:
        axes.plot(one.interval, [row] * 2, "|-", lw=2, label=label_once("95% interval"), **own)
    if math.isfinite(one.value):
        axes.plot([one.value], [row], "o", ms=6, label=label_once("score"), **own)
    if math.isfinite(one.baseline):
        across: Any = {"lw": 1.6, "ls": (0, (2, 1)), "color": MUTED, "clip_on": False}
        axes.plot(
            [one.baseline] * 2, [row - 0.3, row + 0.3], label=label_once("baseline"), **across
        )
