"""Bars, curves and maps as pixels, drawn under Matplotlib's own defaults without a screen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from .drawing import Numbers, Pixels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
INK, MUTED, FOR, AGAINST = "#1c1e21", "#646b74", "#b2182b", "#2166ac"
"""Letters; and what speaks for a class and against it, as in Matplotlib's map RdBu_r."""
_STYLE: Any = {
    "text.parse_math": False,  # a label such as "$x" is text
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
}
_LETTERS = 28
"""Of a feature's name beside its bar, at most."""


def _pixels(draw: Callable[P, Figure]) -> Callable[P, Pixels]:
    """Makes of what draws a figure what gives its pixels."""

    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> Pixels:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with warnings.catch_warnings(), matplotlib.rc_context():
            warnings.simplefilter("ignore", UserWarning)  # letters that a font lacks are seen
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_STYLE)
            canvas: Any = FigureCanvasAgg(draw(*args, **options))
            canvas.draw()
            return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])

    return drawn


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    return figure, figure.add_subplot()


@_pixels
def draw_bars(
    names: Sequence[str],
    values: Sequence[float],
    title: str,
    intervals: Sequence[tuple[float, float] | None] | None = None,
) -> Figure:
    """A bar a name, from top to bottom, some with an interval.

    Args:
        names: beside the bars.
        values: their lengths, to the right of 0 or the left.
        title: of the axis across.
        intervals: of each value; None where there is none.
    """
    figure, axes = _axes(6.4, 0.7 + 0.24 * len(names))
    places = np.arange(len(names))
    colours = [FOR if value > 0 else AGAINST for value in values]
    axes.barh(places, values, color=colours, height=0.7)
    for place, ends in zip(places.tolist(), intervals or (), strict=False):
        if ends is not None:
            axes.plot(ends, [place, place], color=INK, lw=1.4, solid_capstyle="butt")
    axes.set_yticks(places, [name[:_LETTERS] for name in names])
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set(xlabel=title, ylim=(len(names) - 0.4, -0.6))
    return figure


@_pixels
def draw_curve(places: Sequence[float], values: Sequence[float], across: str, up: str) -> Figure:
    """A line over places, with 0 marked."""
    figure, axes = _axes(6.4, 2.4)
    marker = "o" if len(places) < 3 else ""  # a line through one point is not seen
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.plot(places, values, marker, ls="-", color=FOR, lw=1.4)
    axes.set(xlabel=across, ylabel=up)
    return figure


@_pixels
def draw_map(values: Numbers, names: Sequence[str], places: Sequence[float], across: str) -> Figure:
    """Numbers (names, places) in colours: red above 0, blue below, white at it."""
    figure, axes = _axes(6.4, 0.9 + 0.26 * len(names))
    far = float(np.abs(values).max()) or 1.0
    half = (places[-1] - places[0]) / max(1, len(places) - 1) / 2 if len(places) > 1 else 0.5
    ends = (places[0] - half, places[-1] + half, len(names) - 0.5, -0.5)
    shown = axes.imshow(
        values, cmap="RdBu_r", vmin=-far, vmax=far, aspect="auto", extent=ends, interpolation="none"
    )
    axes.set_yticks(np.arange(len(names)), [name[:_LETTERS] for name in names])
    axes.set(xlabel=across)
    figure.colorbar(shown, ax=axes, fraction=0.03, pad=0.01)
    return figure
