"""What every picture shares: colours, letters, a figure at a fixed place, its bytes.

Drawn by Matplotlib's figures on the Agg canvas, never by pyplot, which holds global state and
looks for a screen. Matplotlib is imported where it draws: that takes most of a report's time.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 160
COLUMNS = 3
"""As many panels stand beside each other."""
INK, MUTED, FAINT = "#1c1e21", "#646b74", "#dfe2e6"
TRAIN, VAL = "#d55e00", "#0072b2"  # told apart by the colour-blind (Okabe and Ito, 2008)
_STYLE: Any = {
    "text.parse_math": False,  # a label such as "$x" is text
    "svg.hashsalt": "dlx",  # else names within a file are drawn at random
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
RING: Any = {"mfc": "none", "mec": TRAIN, "mew": 1.8, "ms": 9, "ls": "", "zorder": 4}
RING |= {"clip_on": False}
"""The mark around what was chosen, whole at an axis's end."""
_HANDLE, _LETTER = 0.36, 0.066  # inches of a legend's entry beside its name, and of a letter
_SHARES = ("accuracy", "top_k_accuracy", "precision", "recall", "f1", "roc_auc")
_LIMITS = dict.fromkeys((*_SHARES, "average_precision"), (0.0, 1.0)) | {"r2": (-math.inf, 1.0)}


_STAMPED = ContextVar("stamped", default=False)
P = ParamSpec("P")


@contextmanager
def stamp(sample: bool) -> Iterator[None]:
    """Prints "sample data" across every picture drawn within: a picture may leave its page."""
    token = _STAMPED.set(sample)
    try:
        yield
    finally:
        _STAMPED.reset(token)


def picture(draw: Callable[P, Figure]) -> Callable[P, bytes]:
    """Makes of what draws a figure what gives its PNG file.

    It draws under Matplotlib's own defaults, whatever a matplotlibrc says, and without a warning:
    letters that a font lacks, or numbers that leave no room, are seen.
    """

    @wraps(draw)
    def png(*args: P.args, **options: P.kwargs) -> bytes:
        return _draw(partial(draw, *args, **options))

    return png


def _draw(make: Callable[[], Figure]) -> bytes:
    """The PNG file of a figure, which is made in here: the dear part of a report."""
    with _style():
        return png_of(make())


def render(make: Callable[[], Figure], form: str) -> bytes:
    """The file of a figure that stands on no page: "png" or "svg", the same bytes each time."""
    with _style():
        return _render(make(), form)


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def axes_at(
    width: float, height: float, place: tuple[float, float, float, float]
) -> tuple[Figure, Axes]:
    """A figure of so many inches, and axes at a fixed place: nothing is laid out twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI)
    axes = figure.add_axes(place)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def panels_of(many: int, high: float, more: float = 0.0) -> tuple[Figure, list[Axes]]:
    """A figure of panels, three to a row, each so many inches high, and more at its top."""
    from matplotlib.figure import Figure

    columns = min(COLUMNS, many)
    rows = math.ceil(many / columns)
    size = (2.35 * columns + 0.4, high * rows + more)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    panels = [figure.add_subplot(rows, columns, place + 1) for place in range(many)]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def name_axes(axes: Axes, x: str, y: str) -> None:
    """Names below and beside the axes, and lines across."""
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=FAINT, lw=0.8)
    axes.tick_params(labelsize=8)
    axes.set_xlabel(x, labelpad=2, color=INK)
    axes.set_ylabel(y, labelpad=2)


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG file, stamped where its page says so."""
    return _render(figure)


def _render(figure: Figure, form: str = "png") -> bytes:
    """The figure as a file, stamped where what is drawn within says so."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if _STAMPED.get():
        style: dict[str, Any] = {"size": 30, "weight": "bold", "color": "#c2185b", "alpha": 0.18}
        figure.text(0.55, 0.5, "SAMPLE DATA", ha="center", va="center", rotation=25, **style)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    told: Any = {"metadata": {"Date": None}} if form == "svg" else {}
    figure.savefig(buffer, format=form, dpi=DPI, **told)
    return buffer.getvalue()


def limit(axes: Axes, score: str, which: str = "y") -> None:
    """Ends an axis where the values of its score do: no share is above 1.

    Args:
        axes: with all marks drawn; those at the very end are to be drawn with `clip_on=False`.
        score: the name of what the axis shows, as in "val/accuracy".
        which: "x" or "y".
    """
    low, high = _LIMITS.get(score.rpartition("/")[2].rpartition(": ")[2], (-math.inf, math.inf))
    first, last = axes.get_xlim() if which == "x" else axes.get_ylim()
    axes.set(**{f"{which}lim": (max(first, low), min(last, high))})


def log_scale(axes: Axes, which: str) -> None:
    """Equal ratios at equal distances along "x" or "y", with numbers as they are typed."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(_decades(*axis.get_view_interval())))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axis.set_minor_locator(NullLocator())


def _decades(low: float, high: float) -> list[float]:
    """At most four round numbers: powers of ten, between them 3, or 2 and 5, or what there is."""
    from matplotlib.ticker import MaxNLocator

    if high < 3 * low:
        found = [float(at) for at in MaxNLocator(3).tick_values(low, high)]
    else:
        steps = (1.0, 2.0, 5.0) if high < 10 * low else (1.0, 3.0) if high < 100 * low else (1.0,)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found = [step * 10.0**power for power in powers for step in steps]
    found = [at for at in found if low <= at <= high]
    return found[:: math.ceil(len(found) / 4)] if found else [low, high]


def legend(axes: Axes, width: float = 4.3) -> int:
    """The names of the marks above the axes, in as many columns as so many inches hold.

    Returns:
        How many rows they fill.
    """
    names = [text for text in axes.get_legend_handles_labels()[1] if not text.startswith("_")]
    room = width - 0.1
    widths = [_HANDLE + _LETTER * len(name) for name in names]
    for columns in range(len(names), 0, -1):
        rows = math.ceil(len(names) / columns)
        each = [part.max() for part in np.array_split(widths, columns)]  # as matplotlib does
        if columns == 1 or sum(each) < room:
            place = axes.get_position()
            anchor = (-place.x0 / place.width, 1.02)
            axes.legend(ncols=columns, loc="lower left", bbox_to_anchor=anchor)
            return rows
    return 0
