"""What a number does to the score, a line for each choice of the rest: and where lines cross."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .blocks import Block, Picture
from .canvas import axes_at, limit, log_scale, name_axes, picture
from .levers import is_logarithmic
from .read import finite
from .sweep_facts import Setting, Sweep
from .words import number, setting, shorten, tails

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST, MOST = 3, 7
"""So many points make a line, and so many lines are told apart."""


@dataclass(frozen=True)
class Grown:
    """The score along a number.

    Attributes:
        name: what tells the line from the others.
        points: value, mean score, and the scores of the trials, the smallest value first.
    """

    name: str
    points: Sequence[tuple[float, float, Sequence[float]]]


def lines(sweep: Sweep, names: Sequence[str]) -> list[Block]:
    """The picture of a sweep over a number and one or more other keys; none of another sweep.

    Args:
        sweep: the sweep; settings that a search has chosen make no lines.
        names: the keys that vary.
    """
    along = _choose(sweep.scored, names)
    if sweep.search or len(names) < 2 or not along:
        return []
    grown = _group(sweep, along, [name for name in names if name != along])
    if not 2 <= len(grown) <= MOST or max(len(line.points) for line in grown) < LEAST:
        return []
    rest = " and ".join(name for name in names if name != along)
    told = f"{sweep.score} along {along}, a line for each {rest}"
    many = any(len(scores) > 1 for line in grown for *_, scores in line.points)
    said = f"{told}; dots: each seed, line: their mean." if many else f"{told}."
    caption = " ".join([said, *_crossings(grown)])
    return [Picture("lines", draw_lines(sweep.score, along, grown), caption, said, broad=True)]


def _choose(scored: Sequence[Setting], names: Sequence[str]) -> str:
    """The key with the most different numbers; "" where none has enough."""
    best, most = "", LEAST - 1
    for name in names:
        values = [finite(one.changed.get(name)) for one in scored]
        if all(map(math.isfinite, values)) and len(set(values)) > most:
            best, most = name, len(set(values))
    return best


def _group(sweep: Sweep, along: str, rest: Sequence[str]) -> list[Grown]:
    """The settings by what they have of the rest, in the order in which they were given."""
    found: dict[str, list[Setting]] = {}
    short = tails(sweep.keys) if len(rest) > 1 else {rest[0]: ""}
    for one in sorted(sweep.scored, key=lambda one: finite(one.facts.get("point"))):
        told = setting({short[k]: one.changed[k] for k in rest if k in one.changed})
        found.setdefault(told.removeprefix("=") or "task defaults", []).append(one)
    grown = []
    for name, settings in found.items():
        points = [(finite(one.changed[along]), one.value, _scores(one)) for one in settings]
        grown.append(Grown(name, sorted(points)))
    return grown


def _scores(one: Setting) -> list[float]:
    known = (finite(trial.get("value")) for trial in one.trials)
    return [value for value in known if math.isfinite(value)]


def _crossings(grown: Sequence[Grown]) -> list[str]:
    """Between which values two lines change places; nothing of more than two."""
    if len(grown) != 2:
        return []
    first, second = ({x: mean for x, mean, _ in line.points} for line in grown)
    apart = [(x, first[x] - second[x]) for x in sorted(first.keys() & second.keys())]
    said = [
        f"{number(a)} and {number(b)}"
        for (a, before), (b, after) in pairwise(apart)
        if before * after < 0
    ]
    return [f"The lines cross between {', between '.join(said)}."] if said else []


@picture
def draw_lines(score: str, along: str, grown: Sequence[Grown]) -> Figure:
    """A line of means each, with a dot for each trial.

    Args:
        score: the name of what is up.
        along: the name of what is across.
        grown: the lines.
    """
    height = 3.1 + 0.2 * len(grown)
    figure, axes = axes_at(6.6, height, (0.1, 0.42 / height, 0.88, 2.4 / height))
    values = [x for line in grown for x, _, _ in line.points]
    for place, line in enumerate(grown):
        color = f"C{place}"
        dots = [(x, one) for x, _, scores in line.points for one in scores]
        across, up = [x for x, _ in dots], [one for _, one in dots]
        axes.plot(across, up, ".", color=color, alpha=0.45, clip_on=False)
        x, means, _ = zip(*line.points, strict=True)
        axes.plot(x, means, "o-", color=color, ms=5, label=shorten(line.name, 90), clip_on=False)
    if is_logarithmic(values):
        log_scale(axes, "x")
    limit(axes, score)
    name_axes(axes, shorten(along, 60), "")
    figure.text(0.015, 1 - 0.05 / height, shorten(score, 70), va="top", weight="bold", size=10)
    figure.legend(loc="upper left", bbox_to_anchor=(0.005, 1 - 0.24 / height))
    return figure
