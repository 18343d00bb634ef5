"""The picture of a confusion matrix, with every count that it can be read by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .canvas import INK, MUTED, axes_at, picture
from .words import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 12
"""As many classes can be told apart, and have their counts drawn."""
_FONT = 8.5
_WIDTH = 4.3  # inches


@picture
def confusion(counts: npt.NDArray[np.int64], classes: Sequence[str]) -> Figure:
    """Rows are true classes, columns predicted ones; the colour is the share of the row.

    Args:
        counts: shape (classes, classes), of `MOST` classes at most.
        classes: their names, in the order of the rows.
    """
    figure, axes = _matrix_axes([shorten(name, 16) for name in classes])
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    _write_counts(axes, counts, shares)
    return figure


def _matrix_axes(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with room beside and below for the longest name."""
    width, longest = _WIDTH, _FONT / 72 * 0.62 * max(map(len, names))  # a letter is 0.62 wide
    upright = len(names) > 3 and longest > 3.3 / len(names)
    left, below = 0.35 + longest, 0.35 + (longest if upright else _FONT / 72)
    tall = min(max(0.4 * len(names), 2.2), width - left)
    height = tall + below + 0.06
    place = (left / width, below / height, 1 - (left + 0.06) / width, tall / height)
    figure, axes = axes_at(width, height, place)
    middle_x, middle_y = (left + width) / 2 / width, (below + tall / 2) / height
    figure.text(0.015, middle_y, "true", rotation=90, va="center", color=MUTED)
    figure.text(middle_x, 0.012, "predicted", ha="center", va="bottom", color=MUTED)
    _name_classes(axes, names, upright)
    return figure, axes


def _name_classes(axes: Axes, names: Sequence[str], upright: bool) -> None:
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    edge, away = len(names) - 0.5, 0.012 * len(names)
    below: dict[str, Any] = {"ha": "center", "va": "top", "rotation": 90 if upright else 0}
    for index, name in enumerate(names):
        axes.text(-0.5 - away, index, name, ha="right", va="center", size=_FONT)
        axes.text(index, edge + away, name, size=_FONT, **below)


def _write_counts(
    axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
    """Every count but zero, white where the cell is dark."""
    letters = len(f"{int(counts.max(initial=0)):,}")
    cell = axes.get_position().width * _WIDTH / len(counts)  # inches
    size = min(11.0, 0.92 * cell * 72 / (0.62 * letters))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else INK
            axes.text(
                column, row, f"{int(count):,}", ha="center", va="center", size=size, color=color
            )
