"""Units that follow each other in time: neighbours tell partly the same, so blocks are drawn.

A draw of single rows takes them for independent, and its intervals are far too narrow for rows in
time. Blocks keep what neighbours share: the circular block bootstrap (Künsch, 1989; Politis and
Romano, 1992), with the length of Politis and White (2004; corrected with Patton, 2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.columns import Rows
from ..data.samples import Samples

Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class InTime:
    """How units follow each other.

    Attributes:
        order: the units from the earliest to the latest, each once.
        least: units that a block holds at least: as many as one's inputs and target span.
    """

    order: Places
    least: int = 1

    def block(self, each: Values | None) -> int:
        """How many units a block holds, at most a third of all.

        Args:
            each: what each unit adds to the score, (units,); None where that is not known.
        """
        return choose_block(len(self.order), self.least, None if each is None else each[self.order])


def choose_block(units: int, least: int, each: Values | None) -> int:
    """How many units a block holds: what neighbours share, and no fewer than n^(1/3) (Künsch).

    Args:
        units: how many there are.
        least: as many at least, as far as a third of the units allows.
        each: what each adds to a score, in the order of time; None where that is not known.
    """
    alike = 1 if each is None else measure_block(each)
    shortest = math.ceil(math.cbrt(units))
    return min(max(least, alike, shortest), max(1, units // 3))


def order_in_time(samples: Samples, rows: Rows) -> InTime | None:
    """How some rows follow each other; None where the dataset has no time.

    Args:
        samples: the dataset.
        rows: those that a score is of, in its order.
    """
    if not samples.time:
        return None
    time = np.asarray(samples.columns[samples.time])[rows]
    return InTime(np.argsort(time, kind="stable").astype(np.int64), max(1, samples.span))


def measure_block(values: Values) -> int:
    """The length of blocks that estimates the variance of a mean best, from autocorrelations.

    Of Politis and White, "Automatic block-length selection for the dependent bootstrap" (2004),
    for the circular bootstrap, with the correction of Patton, Politis and White (2009).

    Args:
        values: in the order of time, (units,).
    """
    units = len(values)
    if units < 9 or not np.isfinite(values).all() or not np.ptp(values):
        return 1
    apart = max(5, math.ceil(math.sqrt(math.log10(units))))
    most = min(math.ceil(math.sqrt(units)) + apart, units - 1)
    moved = values - values.mean()
    shared = np.array([moved[: units - lag] @ moved[lag:] for lag in range(most + 1)]) / units
    reach = min(2 * _last_alike(shared / shared[0], apart, units), most)
    lags = np.arange(1, reach + 1)
    weights = np.minimum(1.0, 2 * (1 - lags / max(reach, 1))) * shared[lags]
    spread, slope = shared[0] + 2 * weights.sum(), 2 * (lags * weights).sum()
    if not spread:
        return 1
    found = (1.5 * (slope / spread) ** 2 * units) ** (1 / 3)
    return math.ceil(min(found, 3 * math.sqrt(units), units / 3)) or 1


def _last_alike(alike: Values, apart: int, units: int) -> int:
    """The lag after which so many autocorrelations in a row are no more than chance."""
    large = np.abs(alike) >= 2 * math.sqrt(math.log10(units) / units)
    for lag in range(len(alike) - apart):
        if not large[lag + 1 : lag + 1 + apart].any():
            return lag
    return int(np.flatnonzero(large)[-1])
