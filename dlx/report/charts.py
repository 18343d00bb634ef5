"""Curves and points as lines of SVG, which tell what they are where a pointer rests on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .blocks import Chart, Series
from .read import evenly, numbers
from .words import number, tally

MOST = 12
"""As many lines or names of points are told apart; as many colours has the page."""
_BENDS, _DOTS = 400, 60  # of a line: where it bends, and where it tells its value
_PLACES, _FEW = 3000, 500  # as many points are drawn; of more than a few each is smaller
_FAR, _MARKS = 50.0, 8  # from so many times the first on an axis may grow by factors; its numbers
_BOX = (54.0, 10.0, 470.0, 268.0)  # left, top, right, bottom of the plot

Values = npt.NDArray[np.float64]
Columns = Mapping[str, tuple[str, ...]]


def lines(columns: Columns, title: str) -> Chart:
    """The first column along, each of the others a line; "x from" and "x to" are the band of x.

    Where what is along grows by factors, its axis does, too.

    Raises:
        ValueError: these are no columns of numbers.
    """
    (along, x), *others = _axes(columns, columns)
    every = dict(others)
    bands = {
        name: (every[f"{name} from"], every[f"{name} to"]) for name in every if _has(every, name)
    }
    own = [one for one in others if one[0].rpartition(" ")[0] not in bands]
    drawn = [values for name, found in own[:MOST] for values in (found, *bands.get(name, ()))]
    place = _Places(x, np.concatenate(drawn), _grows(x))
    series = []
    for name, values in own[:MOST]:
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(values)).tolist()
        path = _path(place, x, values, evenly(known, _BENDS))
        told = [(at, f"{name}: {number(values[at])} at {number(x[at])}") for at in known]
        dots = [(*place(x[at], values[at]), text) for at, text in evenly(told, _DOTS)]
        series.append(
            Series(name, dots, path, _band(place, x, *bands[name]) if name in bands else "")
        )
    note = _describe_rest(len(own), "line")
    return Chart(title, series, (along, ""), place.across, place.up, note, wide=False)


def _has(every: Mapping[str, Values], name: str) -> bool:
    """Whether a line has a band around it."""
    return f"{name} from" in every and f"{name} to" in every


def _band(place: _Places, x: Values, low: Values, high: Values) -> str:
    """Along the lower edge and back along the upper one."""
    known = evenly(np.flatnonzero(np.isfinite(x + low + high)).tolist(), _BENDS)
    return f"{_path(place, x, low, known)} {_path(place, x, high, known[::-1])}"


def _path(place: _Places, x: Values, y: Values, known: Sequence[int]) -> str:
    return " ".join("{},{}".format(*place(x[at], y[at])) for at in known)


def _grows(x: Values) -> bool:
    """Whether each number is far larger than the one before, and the last very much."""
    sound = len(x) > 2 and bool(np.isfinite(x).all()) and x[0] > 0
    return sound and bool((x[1:] >= 1.5 * x[:-1]).all()) and x[-1] >= _FAR * x[0]


def points(columns: Columns, title: str) -> Chart:
    """The first two columns are places, a third names what each is, others tell more of it.

    Where there are no others to stand beside, they have the page's whole width.

    Raises:
        ValueError: these are no columns of numbers.
    """
    (across, x), (up, y) = _axes(columns, [*columns][:2])
    labels, *others = [*columns.values()][2:] or [("",) * len(x)]
    beside = [*columns][3:]
    every = np.flatnonzero(np.isfinite(x) & np.isfinite(y)).tolist()
    groups, place = _groups_of(labels), _Places(x, y)
    dots: dict[str, list[tuple[float, float, str]]] = {name: [] for name in groups.values()}
    for at in evenly(every, _PLACES):
        more = [f"{name} {cells[at]}" for name, cells in zip(beside, others, strict=True)]
        told = ", ".join(filter(None, (labels[at], *more)))
        where = f"{number(x[at])}, {number(y[at])}"
        text = f"{told}: {where}" if told else where
        dots[groups[labels[at]]].append((*place(x[at], y[at]), text))
    series = [Series(name, found) for name, found in dots.items()]
    cut = f"{_PLACES:,} of {tally(len(every), 'point')} are drawn, evenly spaced in their order."
    note, radius = (cut if len(every) > _PLACES else ""), 3.0 if len(every) <= _FEW else 2.0
    names = across, up
    return Chart(title, series, names, place.across, place.up, note, radius, wide=not title)


def _groups_of(labels: Sequence[str]) -> dict[str, str]:
    """The group that each label is drawn in: its own; where there are too many, "N others"."""
    names = list(dict.fromkeys(labels))
    shown = names if len(names) <= MOST else names[: MOST - 1]
    return {name: name if name in shown else f"{len(names) - len(shown)} others" for name in names}


def _axes(columns: Columns, names: Iterable[str]) -> list[tuple[str, Values]]:
    """The columns that hold numbers, one a row."""
    rows = len(next(iter(columns.values()), ()))
    every = [(name, numbers(columns[name])) for name in names]
    found = [(n, of) for n, of in every if len(of) == rows and np.isfinite(of).any()]
    if len(found) < 2 or found[0][0] != every[0][0]:
        raise ValueError("it has no two columns of numbers")
    return found


def _describe_rest(many: int, noun: str) -> str:
    return f"The first {MOST} of {tally(many, noun)} are shown." if many > MOST else ""


class _Places:
    """Where values lie in the picture, and the numbers along its axes."""

    def __init__(self, x: Values, y: Values, by_factors: bool = False) -> None:
        self._scale = math.log if by_factors else float
        self._x, self._y = _span(np.log(x) if by_factors else x), _span(y)
        marks = evenly(x.tolist(), _MARKS) if by_factors else _ticks(*self._x)
        self.across = [(self(at, self._y[0])[0], _tick(at)) for at in marks]
        first = float(np.nanmin(x))
        self.up = [(self(first, at)[1], _tick(at)) for at in _ticks(*self._y)]

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = _BOX
        (first, last), (low, high) = self._x, self._y
        across = left + (right - left) * (self._scale(x) - first) / (last - first)
        return round(across, 1), round(bottom - (bottom - top) * (y - low) / (high - low), 1)


def _span(values: Values) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    size = max(abs(low), abs(high), 1e-90)
    return (low, high) if high - low > 1e-9 * size else (low - 0.1 * size, high + 0.1 * size)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from one end to the other, five or so."""
    power = 10.0 ** math.floor(math.log10((high - low) / 5))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= (high - low) / 5)
    return [step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _tick(value: float) -> str:
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")
