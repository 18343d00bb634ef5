"""Forecasts of rows in time, to be looked at: beside the truth, and where they are far off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.columns import Rows
from ..data.samples import Samples
from ..judging.blocks import order_in_time
from ..runs.artifacts import Artifacts

Values = npt.NDArray[np.float64]

WEEKS, ROWS = 14, 336
"""Days of forecasts that are shown; rows of them, where the unit of time is not known."""

HARDEST = 2
"""As many of the naive forecasts are shown: those with the smallest errors."""

STRETCHES = 40
"""Parts of the time over which an error is averaged."""

_DAY = {"D": 1, "h": 24, "m": 1440, "s": 86400}
_PARTS = {"val": "validation", "test": "test"}


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of one number by several, in the order of time.

    Attributes:
        title: what they are of.
        time: when each was made, in units of `clock`; (rows,).
        clock: NumPy's code of the unit since the beginning of 1970; "" where it is not known.
        truth: (rows, horizons).
        each: by whom -> (rows, horizons).
    """

    title: str
    time: Rows
    clock: str
    truth: Values
    each: Mapping[str, Values]

    @property
    def days(self) -> Values:
        """Days since the first, or rows where the unit of time is not known."""
        if self.clock not in _DAY:
            return np.arange(len(self.time), dtype=np.float64)
        days: Values = (self.time - self.time[0]) / _DAY[self.clock]
        return days

    @property
    def along(self) -> str:
        """What `days` are."""
        return "day" if self.clock in _DAY else "row"

    @property
    def start(self) -> str:
        """When the first was made, in words; "" where that is not known."""
        if self.clock not in _DAY:
            return ""
        first = self.time[:1].astype(f"datetime64[{self.clock}]").astype("datetime64[m]")
        return str(first[0]).replace("T", " ")

    @property
    def off(self) -> dict[str, Values]:
        """By whom -> how far each forecast is off, (rows, horizons)."""
        return {name: np.abs(values - self.truth) for name, values in self.each.items()}


def leave_forecasts(
    into: Artifacts,
    samples: Samples,
    rows: Rows,
    part: str,
    answers: Mapping[str, npt.NDArray[Any]],
    naive: Mapping[str, Mapping[str, npt.NDArray[Any]]],
) -> None:
    """Keeps the first two weeks of forecasts beside the truth, and errors over time and by horizon.

    Nothing of rows that are in no time, and of targets that are no numbers.

    Args:
        into: where to.
        samples: the dataset.
        rows: those that were predicted, in order.
        part: "val" or "test".
        answers: of the rows by target, in its unit.
        naive: forecasts of the same rows that need no model, by target and name.
    """
    found = order_in_time(samples, rows)
    if found is None:
        return
    time = np.asarray(samples.columns[samples.time])[rows][found.order]
    once = np.flatnonzero(np.diff(time, prepend=time[:1] - 1))  # of several series the first one's
    for number, (target, values) in enumerate(answers.items()):
        kept = found.order[once]
        truth = _by_horizon(np.asarray(samples.columns[target])[rows], len(rows))[kept]
        simple = {n: _by_horizon(v, len(rows))[kept] for n, v in naive.get(target, {}).items()}
        hardest = sorted(simple, key=lambda name: float(np.abs(simple[name] - truth).mean()))
        each = {"model": _by_horizon(values, len(rows))[kept]}
        each |= {name: simple[name] for name in hardest[:HARDEST]}
        made = Forecasts(target, time[once], samples.clock, truth, each)
        suffix = f"_{number + 1}" if len(answers) > 1 else ""
        _leave(into, made, f"{_PARTS.get(part, part)} set", suffix, samples.horizons)


def _by_horizon(values: npt.NDArray[Any], rows: int) -> Values:
    return np.asarray(values, dtype=np.float64).reshape(rows, -1)


def _leave(
    into: Artifacts, made: Forecasts, part: str, suffix: str, horizons: tuple[int, ...]
) -> None:
    since = f", from {made.start}" if made.start else ""
    farthest = f", {horizons[-1]} steps ahead" if len(horizons) > 1 else ""
    into.lines(
        f"forecast{suffix}",
        _two_weeks(made),
        title=f"Forecasts of {made.title}{farthest}",
        caption=f"the beginning of the {part}{since}; each at the time at which it was made",
    )
    into.lines(
        f"error_over_time{suffix}",
        _over_time(made),
        title=f"Mean absolute error of {made.title} over time",
        caption=f"over stretches of the {part}{since}",
    )
    if made.truth.shape[1] > 1:
        into.lines(
            f"error_by_horizon{suffix}",
            _by_steps(made, horizons),
            title=f"Mean absolute error of {made.title} by horizon",
            caption=f"over the {part}",
        )
    elif _DAY.get(made.clock, 1) > 1:
        into.lines(
            f"error_by_hour{suffix}",
            _by_hour(made),
            title=f"Mean absolute error of {made.title} by the hour in which it was forecast",
            caption=f"over the {part}",
        )


def _two_weeks(made: Forecasts) -> dict[str, Any]:
    """The model's forecasts, the best naive ones, the truth; of several horizons the farthest."""
    days = made.days
    shown = days < (WEEKS if made.start else ROWS)
    every = {**dict([*made.each.items()][:2]), "truth": made.truth}
    return {made.along: days[shown], **{n: values[shown, -1] for n, values in every.items()}}


def _over_time(made: Forecasts) -> dict[str, Any]:
    cuts = np.array_split(np.arange(len(made.time)), min(STRETCHES, len(made.time)))
    off = made.off.items()
    means = {name: np.array([one[cut].mean() for cut in cuts]) for name, one in off}
    return {made.along: np.array([made.days[cut].mean() for cut in cuts]), **means}


def _by_steps(made: Forecasts, horizons: tuple[int, ...]) -> dict[str, Any]:
    many = made.truth.shape[1]
    steps = horizons if len(horizons) == many else range(1, many + 1)
    return {"horizon": list(steps), **{n: one.mean(axis=0) for n, one in made.off.items()}}


def _by_hour(made: Forecasts) -> dict[str, Any]:
    hours = made.time % _DAY[made.clock] * 24 // _DAY[made.clock]
    known = np.unique(hours)
    off = made.off.items()
    means = {n: np.array([one[hours == hour].mean() for hour in known]) for n, one in off}
    return {"hour": known, **means}
