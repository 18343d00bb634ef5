"""What each column holds, feature by feature: type, holes, zeros, range, outliers, usual value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WIDE = 50
"""A column of more features, as the pixels of an image, is told as a whole."""
OUTER, INNER = 3.0, 1.5
"""Fences in interquartile ranges beyond the quartiles (Tukey, Exploratory Data Analysis, 1977)."""
GAP = 3.0
"""Zero is apart from a feature's other values if it is so many of their usual steps away."""
LONGEST = 40  # characters of a text that is shown

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """What one feature holds, or one column that has no features.

    Attributes:
        column: its column.
        feature: its name in there; "" where the column is told as a whole.
        type: what it holds, in words.
        missing: values that are missing: NaN, or an empty text.
        zeros: exact zeros; None where it holds no numbers.
        low: the smallest number, or the length of the shortest row; None where all are missing.
        high: the largest, likewise.
        unit: of both: "" for numbers, else what a row's length is counted in.
        outliers: numbers beyond Tukey's outer fences; None where the quartiles are equal.
        top: the most frequent value; "" where each is there once.
        share: its share of the values.
        nearest: the smallest size of the other values where zeros are far from all of them, so
            that they may mean "missing"; None where they are not.
    """

    column: str
    feature: str
    type: str
    missing: int = 0
    zeros: int | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    outliers: int | None = None
    top: str = ""
    share: float | None = None
    nearest: float | None = None

    @property
    def name(self) -> str:
        """The feature's name, or the column's."""
        return self.feature or self.column

    def plain(self) -> dict[str, Any]:
        """As `data.json` holds it."""
        return asdict(self)


def of_numbers(column: str, feature: str, values: Numbers) -> Profile:
    """What one feature holds; it has no name in a column of one number a row."""
    known = values[np.isfinite(values)]
    missing = int(np.isnan(values).sum())
    if not len(known):
        return Profile(column, feature, "nothing", missing)
    distinct, counts = np.unique(known, return_counts=True)
    most = int(counts.argmax())
    often = counts[most] > 1
    return Profile(
        column,
        feature,
        _type(distinct),
        missing,
        int(counts[distinct == 0].sum()),
        float(distinct[0]),
        float(distinct[-1]),
        outliers=_outliers(known),
        top=f"{distinct[most]:.6g}" if often else "",
        share=float(counts[most] / len(values)) if often else None,
        nearest=_nearest(known, distinct),
    )


def _type(distinct: Numbers) -> str:
    if np.isin(distinct, (0, 1)).all():
        return "0 or 1"
    return "whole numbers" if np.array_equal(distinct, np.floor(distinct)) else "numbers"


def _outliers(known: Numbers) -> int | None:
    first, third = np.percentile(known, (25, 75))
    reach = OUTER * (third - first)
    return int(((known < first - reach) | (known > third + reach)).sum()) if reach > 0 else None


def _nearest(known: Numbers, distinct: Numbers) -> float | None:
    """How near to zero other values come, if zeros are beyond an inner fence of all of them.

    A zero that is the next step of a scale, as in 0, 1, 2, is no such one.
    """
    others, sizes = known[known != 0], np.sort(np.abs(distinct[distinct != 0]))
    one_sided = len(sizes) > 2 and (distinct[0] >= 0 or distinct[-1] <= 0)
    if len(others) == len(known) or not one_sided:
        return None
    first, third = np.percentile(np.abs(others), (25, 75))
    beyond = first - INNER * (third - first) > 0
    return float(sizes[0]) if beyond and sizes[0] > GAP * np.median(np.diff(sizes)) else None


def of_many(name: str, column: npt.NDArray[Any]) -> Profile:
    """Images, and tables of many features: told as a whole, as no reader goes through pixels."""
    shape = " x ".join(map(str, column.shape[1:]))
    what = "features" if column.ndim == 2 else "values"
    missing = int(np.isnan(column).sum()) if column.dtype.kind == "f" else 0
    zeros = column.size - int(np.count_nonzero(column))
    if missing == column.size:
        return Profile(name, "", f"{shape} {what}", missing)
    low, high = (float(extreme(column)) for extreme in (np.nanmin, np.nanmax))
    return Profile(name, "", f"{shape} {what}", missing, zeros, low, high)


def of_texts(name: str, cells: Sequence[str]) -> Profile:
    """What a column of texts holds."""
    counts = Counter(cell for cell in cells if cell.strip())
    if not counts:
        return Profile(name, "", "texts", len(cells))
    lengths = [len(cell) for cell in counts]
    (top, most), *_ = counts.most_common(1)
    shown = top if len(top) <= LONGEST else f"{top[: LONGEST - 1]}…"
    return Profile(
        name,
        "",
        f"texts, {len(counts):,} different",
        len(cells) - counts.total(),
        low=min(lengths),
        high=max(lengths),
        unit="characters",
        top=shown if most > 1 else "",
        share=most / len(cells) if most > 1 else None,
    )


def of_ids(
    name: str, ids: npt.NDArray[Any], lengths: npt.NDArray[np.int64], words: Sequence[str]
) -> Profile:
    """What a column of lists of ids holds.

    Args:
        name: the column's.
        ids: of all rows, end to end.
        lengths: of the rows.
        words: the word of each id, where they are known.
    """
    counts = np.bincount(ids[ids >= 0] if ids.min(initial=0) < 0 else ids)
    if not counts.sum():
        return Profile(name, "", "lists of ids", len(lengths))
    most = int(counts.argmax())
    return Profile(
        name,
        "",
        f"lists of ids, {np.count_nonzero(counts):,} different",
        int((lengths == 0).sum()),
        low=int(lengths.min()),
        high=int(lengths.max()),
        unit="ids",
        top=words[most] if most < len(words) else f"id {most}",
        share=float(counts[most] / len(ids)),
    )
