"""A series as it is known so far: what is forecast beyond its end, at each horizon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...config.names import plural
from ...config.specs.own_series import HISTORY, Series
from ...data.columns import Rows as Places
from ...data.columns import Window
from ...data.readers.series import read_track
from ...data.samples import Frame
from ...data.seasons import tell_stamp
from ...data.targets import Answers
from ...data.windows import Reach, Track
from ...errors import Problem, UsageError
from ..outputs import Columns, Values
from ..predictor import Predictions
from .base import Asked, Broken, Reader, Rows

HORIZON = "horizon"


class SeriesReader(Reader):
    """The last window of each series in a table, read as the training data were."""

    called = "time"

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        options = asked.config.dataset.options
        assert isinstance(options, Series)
        self.options, self.reach = (
            options,
            Reach.count(options.lookback, options.step, options.horizon),
        )
        self.track: Track = read_track(options, asked.paths)
        self.notes += [text for text, _ in self.track.notes]
        if asked.keep:
            what = f"there is no column `{asked.keep[0]}` to keep: a forecast lies beyond the rows"
            raise UsageError(Problem(what, "--keep", "nothing", "omit --keep"))

    @classmethod
    def takes(cls, asked: Asked) -> bool:
        """Whether the run's only input is windows over a series of the user's own."""
        kinds = [one.kind for one in asked.wanted]
        return kinds == ["window"] and isinstance(asked.config.dataset.options, Series)

    def blocks(self) -> Iterator[Rows]:
        """All series at once, a row each."""
        track, options = self.track, self.options
        stretches, groups = track.find_stretches(), track.series_of_steps
        ends: Places = np.flatnonzero(np.append(np.diff(groups) != 0, True))
        window = Window(track.series, ends[:0], options.lookback, options.step)
        held = np.bincount(stretches)[stretches[ends]]
        fine = held > window.behind
        broken = [
            Broken(self._name(end), self._tell_short(end, have, window.behind + 1))
            for end, have in zip(ends[~fine].tolist(), held[~fine].tolist(), strict=True)
        ]
        ends = ends[fine]
        kept: Columns = {}
        if options.group and track.groups is not None:
            kept[options.group] = track.groups[ends].tolist()
        frame = Frame({HISTORY: replace(window, ends=ends, names=track.names)})
        ids = [self._tell(end, self.reach.ahead) for end in ends.tolist()]
        yield Rows(frame, ids, kept, lambda place: self._name(int(ends[place])), broken)

    def _name(self, end: int) -> str:
        """A series by the row that it ends with."""
        names = ", ".join(self.asked.name(path) for path in self.asked.paths)
        if self.track.groups is None:
            return names
        return f"{names}, {self.options.group} {self.track.groups[end]}"

    def _tell_short(self, end: int, have: int, needed: int) -> str:
        since = f"up to {self.track.tell(end)} without a gap"
        return f"{plural(have, 'row')} of history {since}, of {needed:,} that a window spans"

    def _tell(self, end: int, ahead: int) -> str:
        """When it is that so many steps have passed since a row."""
        track = self.track
        stamp = int(track.stamps[end])
        if self.options.gaps == "bridge" and track.works:
            return str(np.busday_offset(np.datetime64(stamp, "D"), ahead))
        return tell_stamp(stamp + ahead * track.unit, track.clock)

    def arrange(self, rows: Rows, found: Predictions) -> tuple[Rows, Predictions]:
        """A row for each horizon, with when it is."""
        window = rows.frame.columns[HISTORY]
        assert isinstance(window, Window)
        many = len(self.reach.aheads)
        again = np.repeat(np.arange(len(rows)), many)
        ids = [self._tell(end, one) for end in window.ends.tolist() for one in self.reach.aheads]
        kept: Columns = {n: [one[at] for at in again.tolist()] for n, one in rows.kept.items()}
        kept |= {HORIZON: list(self._horizons) * len(rows)}
        answers = {name: _flat(one) for name, one in found.answers.items()}
        beside: dict[str, Any] = {
            name: _spread(values, again, many) for name, values in found.beside.items()
        }
        where = rows.where
        frame = Frame({HISTORY: window.take(again)})
        spread = Rows(frame, ids, kept, lambda place: where(int(again[place])), rows.broken)
        return spread, Predictions(answers, beside)

    @property
    def _horizons(self) -> tuple[int, ...]:
        horizon = self.options.horizon
        return (horizon,) if isinstance(horizon, int) else horizon


def _flat(answers: Answers) -> Answers:
    """Numbers of several horizons, one after another."""
    values = np.asarray(answers.values).reshape(-1)
    return replace(answers, values=values, names=values.tolist())


def _spread(values: Values, again: Places, many: int) -> Values:
    """Values of rows as those of rows and horizons; such of each horizon stand in order."""
    if isinstance(values, np.ndarray):
        return values.reshape(-1) if values.shape[1:] == (many,) else values[again]
    return [values[at] for at in again.tolist()]
