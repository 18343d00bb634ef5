"""Windows over tables in time: what their time stamps tell, and which stretches become rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from ..config.names import plural
from ..config.specs.dataset import Dataset
from ..errors import Problem, UsageError
from .columns import Array, Column, Dense, Rows, Window
from .samples import Note, Samples
from .seasons import LAST, TARGET_OF, Clock, Season, find_season, group_by_season, tell_stamp

Series = npt.NDArray[np.float64]
CountedFrom = Literal["last_step", "end"]


@dataclass(frozen=True)
class Reach:
    """How far a row reaches in its series, in steps of that.

    Attributes:
        lookback: steps that a window spans, its last one among them.
        step: every so many of these are held, counted back from the last.
        ahead: how many steps after its last one the target lies.
        back: how many steps before its last one it begins, where it is not all before that.
        nearer: where there are several horizons, the targets' before the farthest.
    """

    lookback: int
    step: int
    ahead: int
    back: int | None = None
    nearer: tuple[int, ...] = ()

    @property
    def aheads(self) -> tuple[int, ...]:
        """How many steps after its last one each target lies."""
        return (*self.nearer, self.ahead)

    @classmethod
    def count(
        cls,
        lookback: int,
        step: int,
        horizon: int | tuple[int, ...],
        counted_from: CountedFrom = "last_step",
    ) -> Self:
        """The reach where a horizon is counted from the last step that a window holds, or its end.

        The end is the step after the `lookback` that a window covers, of which it holds the first
        and every `step`-th (Chollet 2017, 6.3): the last one held lies up to `step` before it.

        Raises:
            UsageError: of several horizons one is not farther than the one before.
        """
        asked = (horizon,) if isinstance(horizon, int) else horizon
        if not asked or list(asked) != sorted(set(asked)):
            what = f"`dataset.horizon` is [{','.join(map(str, asked))}]"
            accepted = "one horizon or more, each farther than the one before"
            hint = f"dataset.horizon=[{','.join(map(str, sorted(set(asked))))}]" if asked else ""
            raise UsageError(Problem(what, "dataset.horizon", accepted, hint))
        back = (-(-lookback // step) - 1) * step
        later = lookback - back if counted_from == "end" else 0
        *nearer, ahead = (one + later for one in asked)
        begins = back if counted_from == "end" else None
        return cls(lookback, step, ahead, begins, tuple(nearer))


@dataclass(frozen=True, eq=False)
class Track:
    """The steps of one or several series, as a file has them.

    Attributes:
        path: of the file, for messages.
        series: what was measured in each step, (steps, features).
        names: of the features.
        target: what is to be predicted, (steps,).
        stamps: when each step was, as whole numbers of `clock` since the beginning of 1970.
        clock: what steps are counted in.
        unit: of the clock, from a step to the next.
        hashes: of each step as it lies in the file, (steps, 16) bytes.
        groups: the series that each step belongs to, by number or name; None: all are of one.
        time: what orders the steps; None: their stamps.
        notes: what was mended: a sentence, and how many steps it concerns.
        season: what repeats; None: what does by the length of a step.
    """

    path: Path
    series: Array
    names: tuple[str, ...]
    target: Series
    stamps: Rows
    clock: Clock
    unit: int
    hashes: Array
    groups: Array | None = None
    time: Rows | None = None
    notes: tuple[Note, ...] = ()
    season: Season | None = None

    def __len__(self) -> int:
        return len(self.stamps)

    @property
    def series_of_steps(self) -> Array:
        """The number of the series that each step belongs to, also where there is only one."""
        if self.groups is None:
            return np.zeros(len(self), np.int64)
        return np.unique(self.groups, return_inverse=True)[1]

    @property
    def repeats(self) -> Season:
        """What repeats."""
        return self.season or find_season(self.clock, self.unit)

    @property
    def works(self) -> bool:
        """Whether steps are days of which none is on a weekend."""
        days = self.clock == "D" and self.unit == 1
        return days and bool(np.is_busday(self.stamps.astype("datetime64[D]")).all())

    def take(self, steps: Rows, *notes: Note) -> Self:
        """These steps, in this order."""
        return replace(
            self,
            series=self.series[steps],
            target=self.target[steps],
            stamps=self.stamps[steps],
            hashes=self.hashes[steps],
            groups=None if self.groups is None else self.groups[steps],
            notes=(*self.notes, *notes),
        )

    def tell(self, step: int) -> str:
        """When a step was, in words."""
        return tell_stamp(self.stamps[step], self.clock)

    def mend(self, hint: str = "") -> Self:
        """The steps in the order of time, each once; what was mended is noted.

        Args:
            hint: what to do where two steps have the same stamp, beside mending the file.

        Raises:
            UsageError: two steps have the same stamp and tell different things, as those of an
                hour that daylight saving time repeats.
        """
        groups = self.series_of_steps
        order = np.lexsort((self.stamps, groups))
        same = np.diff(groups[order]) == 0
        place = np.argsort(order)[np.argsort(groups, kind="stable")]  # series by series
        late = int((place < np.maximum.accumulate(place)).sum())
        note = f"rows of {self.path.name} that are earlier than one before them are sorted"
        found = self.take(order, *([(note, late)] if late else []))
        again = same & (np.diff(found.stamps) == 0)
        differ = np.flatnonzero(
            again & (np.diff(found.hashes.astype(int), axis=0) != 0).any(axis=1)
        )
        if len(differ):
            raise self._refuse_twice(order[differ[0]], order[differ[0] + 1], len(differ), hint)
        note = f"rows of {self.path.name} that repeat another are left out"
        once = np.flatnonzero(np.concatenate([[True], ~again]))
        return found.take(once, (note, int(again.sum()))) if again.any() else found

    def _refuse_twice(self, first: int, second: int, many: int, hint: str) -> UsageError:
        lines = f"lines {min(first, second) + 2:,} and {max(first, second) + 2:,}"
        what = f"{lines} are both of {self.tell(first)} and tell different things"
        more = f" ({many:,} stamps are such)" if many > 1 else ""
        accepted = (
            "one row for each time stamp; an hour that daylight saving time repeats has two: "
            "stamps without daylight saving time, as of UTC"
        )
        return UsageError(
            Problem(f"{self.path.name}: {what}{more}", str(self.path), accepted, hint)
        )

    def bridge(self) -> Self:
        """The steps as if each were one unit later than the one before, whatever its stamp.

        Of several series the stamps of all together are so; where one lacks rows that another has,
        its own follow each other all the same.
        """
        places = np.arange(len(self), dtype=np.int64)
        if self.groups is not None:
            places = np.unique(self.stamps, return_inverse=True)[1]
        first = self.stamps[:1] if self.groups is None else self.stamps.min(keepdims=True)
        even = first + places * self.unit
        same = np.diff(self.series_of_steps) == 0
        off = int(((np.diff(self.stamps) != self.unit) & same).sum())
        apart = plural(self.unit, _CLOCK[self.clock])
        note = f"rows of {self.path.name} are not {apart} later than the one before, and are taken "
        note += "as if they were (dataset.gaps=bridge)"
        return replace(self, time=even, notes=(*self.notes, *([(note, off)] if off else [])))

    def find_stretches(self) -> Rows:
        """The number of the unbroken stretch of a series that each step lies in."""
        groups = self.series_of_steps
        begins = groups[1:] != groups[:-1]
        if self.time is None:  # else gaps are bridged
            begins |= np.diff(self.stamps) != self.unit
        stretches: Rows = np.concatenate([[0], np.cumsum(begins)]).astype(np.int64)
        return stretches


_CLOCK = {"s": "second", "m": "minute", "h": "hour", "D": "day", "M": "month"}


def find_ends(stretches: Rows, back: int, ahead: int) -> Rows:
    """The steps that windows may end with.

    Args:
        stretches: the number of the stretch of each step; no window crosses into another.
        back: how many steps before its last one a window begins.
        ahead: how many steps after it the target lies.
    """
    ends = np.arange(back, len(stretches) - ahead, dtype=np.int64)
    found: Rows = ends[stretches[ends - back] == stretches[ends + ahead]]
    return found


def cut_windows(track: Track, options: Dataset, reach: Reach) -> Samples:
    """The samples whose rows are the windows of a table, each with its target and forecasts of it.

    A window lies with its target in one unbroken stretch of one series: those across a gap in time
    are left out, and noted. Rows with a target or forecast that is not known are left out too.

    Raises:
        UsageError: no stretch is as long as a window with its target.
    """
    (name,), (target,) = options.inputs, options.targets
    forecasts = _forecasts(track, reach)
    ends, notes = _find_known(track, reach, forecasts, options)
    window = Window(track.series, ends, reach.lookback, reach.step)
    told, time = ends + reach.ahead, track.stamps if track.time is None else track.time
    columns: dict[str, Column] = {
        name: window,
        target: Dense(_at_each([track.target[ends + ahead] for ahead in reach.aheads])),
        "time": Dense(time[ends]),
        "predicted step": Dense(track.hashes[told]),
        **{title: Dense(_at_each([o[ends] for o in each])) for title, each in forecasts.items()},
    }
    seasons = {}
    if not reach.nearer:
        seasons = group_by_season(track.stamps[told], track.clock, track.unit)
    columns |= {TARGET_OF[title]: Dense(one) for title, one in seasons.items()}
    ahead, behind = _reach_in_time(track, window, reach.ahead)
    return Samples(
        columns=columns,
        inputs=options.inputs,
        targets=tuple(options.targets),
        features={name: track.names},
        time="time",
        clock=track.clock,
        ahead=ahead,
        behind=behind,
        naive={target: {title: title for title in forecasts}},
        seasons={target: {title: TARGET_OF[title] for title in seasons}} if seasons else {},
        horizons=reach.aheads if reach.nearer else (),
        identity="predicted step",
        notes=(*track.notes, *notes),
    )


def _reach_in_time(track: Track, window: Window, ahead: int) -> tuple[int, int]:
    """How many rows of all series lie between a window's end and its target, and its begin."""
    many = len(np.unique(track.series_of_steps))  # rows of the same time
    if track.time is None or many == 1:
        return ahead * many, window.behind * many
    time, ends = np.sort(track.time), window.ends
    steps = (ends - window.behind, ends, ends + ahead)
    begin, end, last = (np.searchsorted(time, track.time[one]) for one in steps)
    return (  # more where a series lacks rows that others have
        max(ahead * many, int((last - end).max(initial=0))),
        max(window.behind * many, int((end - begin).max(initial=0))),
    )


def _at_each(values: list[Series]) -> npt.NDArray[np.float32]:
    """What rows have at each horizon, (rows, horizons); of one alone (rows,)."""
    found = np.stack(values, axis=1).astype(np.float32)
    return found if len(values) > 1 else found[:, 0]


def _forecasts(track: Track, reach: Reach) -> dict[str, list[Series]]:
    """The naive forecasts of each step, at each horizon."""
    season, last = track.repeats, [carry_forward(track.target)] * len(reach.aheads)
    before = [lag(track.target, ahead, season.steps) for ahead in reach.aheads]
    if all(ahead % season.steps == 0 for ahead in reach.aheads):  # both are the same
        return {season.naive: before}
    return {LAST: last, season.naive: before}


def _find_known(
    track: Track, reach: Reach, forecasts: dict[str, list[Series]], options: Dataset
) -> tuple[Rows, tuple[Note, ...]]:
    """The steps that windows end with, whose target and forecasts are known; and what was noted."""
    stretches, groups = track.find_stretches(), track.series_of_steps
    begins = reach.lookback - 1 if reach.back is None else reach.back
    back = max(begins, *(-ahead % track.repeats.steps for ahead in reach.aheads))
    ends = find_ends(stretches, back, reach.ahead)
    if not len(ends):
        raise _refuse_length(track, reach, back, stretches, options)
    told = [track.target[ends + ahead] for ahead in reach.aheads]
    told += [one[ends] for each in forecasts.values() for one in each]
    known = ends[np.isfinite(told).all(axis=0)]
    across = len(find_ends(groups, back, reach.ahead)) - len(ends)
    if not across:
        return known, ()
    gaps = np.flatnonzero((np.diff(stretches) != 0) & (groups[1:] == groups[:-1]))
    many = f"{plural(len(gaps), 'gap')}, the first after {track.tell(int(gaps[0]))}"
    note = f"windows across a gap in the time stamps of {track.path.name} are left out ({many})"
    return known, ((note, across),)


def _refuse_length(
    track: Track, reach: Reach, back: int, stretches: Rows, options: Dataset
) -> UsageError:
    """The error where no stretch is as long as a window with its target."""
    span, longest = back + 1 + reach.ahead, int(np.bincount(stretches).max())
    what = f"a window and its target span {span:,} rows of a series"
    accepted = f"dataset.lookback + dataset.horizon of at most {longest:,}"
    hint = ""
    if longest < len(track):
        accepted += ", the longest stretch without a gap in time"
        hint = "dataset.gaps=bridge" if hasattr(options, "gaps") else ""
    return UsageError(Problem(what, "dataset.lookback", accepted, hint))


def carry_forward(values: Series) -> Series:
    """Each hole filled with the last value before it; holes before any value stay."""
    known = np.flatnonzero(np.isfinite(values))
    last = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.where(last >= 0, values[known[last]], np.nan) if len(known) else values


def lag(values: Series, ahead: int, period: int) -> Series:
    """For each step the value at the target's place in the period, the latest known by then.

    Args:
        values: of the steps; holes are filled from earlier periods.
        ahead: how many steps after it the target lies.
        period: steps after which places repeat, such as those of a day.
    """
    filled = np.full_like(values, np.nan)
    for place in range(period):
        filled[place::period] = carry_forward(values[place::period])
    back = -ahead % period  # steps back to the last time that it was the target's place
    return np.concatenate([np.full(back, np.nan), filled])[: len(values)]
