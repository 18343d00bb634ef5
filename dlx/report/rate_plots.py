"""The picture of a range test: loss over learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..training.range_test import RangeTest
from .canvas import FAINT, INK, TRAIN, VAL, axes_at, legend, log_scale, render
from .words import shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_DASHES = ((0, (4, 2)), (0, (1, 1.5)))


def draw_rates(name: str, found: RangeTest, form: str) -> bytes:
    """The file of a picture: the loss of each step as a dot, smoothed as a line, two rates marked.

    Args:
        name: the title.
        found: rates and losses.
        form: of the file, "png" or "svg".
    """
    return render(lambda: _draw(name, found), form)


def _draw(name: str, found: RangeTest) -> Figure:
    rates, smooth = found.rates, found.smooth
    marks = {"steepest": found.steepest, "lowest": found.lowest}
    figure, axes = axes_at(6.4, 3.4, (0.1, 0.14, 0.87, 0.68))
    axes.plot(rates, found.losses, "o", color=TRAIN, ms=2.2, alpha=0.5, label="loss of a step")
    axes.plot(rates, smooth, "-", color=VAL, lw=1.8, label="smoothed")
    for place, (what, rate) in enumerate(marks.items()):
        label = f"{what} {rate:.2g}"
        axes.axvline(rate, color=INK, lw=1.1, ls=((0, (4, 2)), (0, (1, 1.5)))[place % 2])
        axes.plot(
            [], [], color=INK, lw=1.1, ls=((0, (4, 2)), (0, (1, 1.5)))[place % 2], label=label
        )
    least, start = float(smooth.min()), float(smooth[0])
    span = max(start - least, 1e-12)
    axes.set_ylim(least - 0.1 * span, start + 0.6 * span)
    log_scale(axes, "x")
    axes.grid(color=FAINT, lw=0.8)
    axes.set_xlabel("learning rate", labelpad=2)
    axes.set_ylabel("training loss", labelpad=2)
    legend(axes, 6.4)
    figure.text(0.02, 0.985, shorten(name, 70), va="top", weight="bold", size=10)
    return figure
