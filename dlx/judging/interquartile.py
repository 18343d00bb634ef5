"""The interquartile mean over seeds, with its interval: Agarwal and others (2021).

"Deep Reinforcement Learning at the Edge of the Statistical Precipice": of few trainings a mean
follows the one that went wrong, and a median forgets half of them; the mean of the middle half does
neither. Its interval is that of a bootstrap over the trainings, drawn within each stratum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..seeds import derive
from .intervals import LEVEL, Interval

LEAST = 4
"""Of fewer values nothing is left out: a quarter of them is less than one."""
DRAWS = 2000

Values = npt.NDArray[np.float64]


def interquartile_mean(values: Sequence[float]) -> float:
    """The mean of what is left when a quarter of the values is cut off at either end.

    A quarter is rounded down to whole values, as by `scipy.stats.trim_mean(values, 0.25)`; of fewer
    than `LEAST` it is the mean.
    """
    return float(_middle_means(np.array(values, dtype=float)[None])[0])


def draw_interval(strata: Sequence[Sequence[float]]) -> Interval | None:
    """The 95 % interval of the interquartile mean of all values: a stratified bootstrap.

    Args:
        strata: values that are drawn among themselves, as the seeds of a setting or of a task.

    Returns:
        None for fewer than `LEAST` values, where one is no finite number, or where all are equal.
    """
    every = [value for values in strata for value in values]
    if len(every) < LEAST or not all(map(math.isfinite, every)) or len(set(every)) == 1:
        return None
    drawn = [
        np.array(values)[_draw(len(values), place)] for place, values in enumerate(strata) if values
    ]
    means = _middle_means(np.concatenate(drawn, axis=1))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _middle_means(rows: Values) -> Values:
    """The interquartile mean of each row."""
    many = rows.shape[1]
    cut = many // 4
    means: Values = np.sort(rows, axis=1)[:, cut : many - cut].mean(axis=1)
    return means


@lru_cache(maxsize=64)
def _draw(many: int, stratum: int) -> npt.NDArray[np.int64]:
    """Places with replacement, as many as there are, (DRAWS, many); the same at each call."""
    source = np.random.Generator(np.random.PCG64(derive(0, "interquartile", many, stratum)))
    return source.integers(many, size=(DRAWS, many))
