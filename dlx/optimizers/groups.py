"""Which weights have a rate, a decay or a first epoch of their own: by patterns of their names."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType

from ..config.names import did_you_mean, join_names
from ..config.specs.optimizers import Group
from ..errors import Problem, UsageError

NEVER = sys.maxsize
"""The first epoch of what is always frozen."""
_RATES = ("lr", "weight_decay")


@dataclass(frozen=True)
class Own:
    """What some weights have of their own; those that have the same are moved together.

    Attributes:
        rates: entries of torch's group of parameters, "lr" and "weight_decay".
        first: the first epoch in which they move, from 1.
        told: the pattern that gives the learning rate; "" where it is the optimizer's.
    """

    rates: tuple[tuple[str, float], ...] = ()
    first: int = 1
    told: str = ""


def divide(names: Iterable[str], groups: Mapping[str, Group]) -> dict[Own, list[str]]:
    """Weights' names by what they have of their own; those that no pattern changes come first."""
    found: dict[Own, list[str]] = {Own(): []}
    for name in names:
        found.setdefault(_own_of(name, groups), []).append(name)
    return {own: some for own, some in found.items() if some}


def _own_of(name: str, groups: Mapping[str, Group]) -> Own:
    """Of each option, what the first pattern that matches a name and gives it says."""
    given = _givers(name, groups)
    rates = [
        (option, getattr(groups[given[option]], option)) for option in _RATES if option in given
    ]
    first = groups[given["from_epoch"]].from_epoch if "from_epoch" in given else 1
    first = first if isinstance(first, int) else NEVER
    return Own(tuple(rates), first, given.get("lr", ""))


def _givers(name: str, groups: Mapping[str, Group]) -> dict[str, str]:
    """Option -> the pattern that gives it to a weight."""
    found: dict[str, str] = {}
    for pattern, group in groups.items():
        if fnmatchcase(name, pattern):
            for option in (*_RATES, "from_epoch"):
                if getattr(group, option) is not None:
                    found.setdefault(option, pattern)
    return found


def find_still(names: Iterable[str], groups: Mapping[str, Group]) -> set[str]:
    """The weights that never move, by their names."""
    return {name for name in names if _own_of(name, groups).first == NEVER}


def cuts_of(sizes: Mapping[str, int], groups: Mapping[str, Group]) -> list[tuple[int, int]]:
    """First epochs with how many numbers move from each on, of weights whose sizes are known."""
    return [(own.first, sum(sizes[n] for n in some)) for own, some in divide(sizes, groups).items()]


def describe_trained(cuts: Iterable[tuple[int, int]]) -> str:
    """As "10 of 90 parameters trained, all from epoch 3"; "" where all are from the start.

    Args:
        cuts: first epochs with how many numbers move from each on.
    """
    sizes = Counter[int]()
    for first, size in cuts:
        sizes[first] += size
    total = sizes.total()
    if sizes[1] == total:
        return ""
    later = sorted(epoch for epoch in sizes if 1 < epoch < NEVER)
    counts = {epoch: sum(n for first, n in sizes.items() if first <= epoch) for epoch in later}
    shown = {epoch: "all" if many == total else f"{many:,}" for epoch, many in counts.items()}
    told = "".join(f", {many} from epoch {epoch}" for epoch, many in shown.items())
    return f"{sizes[1]:,} of {total:,} parameters trained{told}"


def require_groups(
    groups: Mapping[str, Group],
    names: Collection[str],
    key: str,
    frozen: Mapping[str, Group] = MappingProxyType({}),
) -> None:
    """Refuses patterns that change nothing of a model.

    Args:
        groups: pattern -> what its weights have of their own.
        names: of all weights that are moved.
        key: where the patterns stand: "optimizer.groups".
        frozen: of weights that stay as they are unless a pattern gives them a first epoch.

    Raises:
        UsageError: naming what the model has.
    """
    effective = {pattern for name in names for pattern in _givers(name, groups).values()}
    problems = [
        _idle_problem(pattern, group, names, f"{key}.{pattern}")
        for pattern, group in groups.items()
        if pattern not in effective
    ]
    problems += [
        _frozen_problem(pattern, group, f"{key}.{pattern}")
        for pattern, group in groups.items()
        if pattern in effective
        and group.from_epoch is None
        and _never(pattern, groups, names, frozen)
    ]
    if problems:
        raise UsageError(*problems)


def require_trained(
    groups: Mapping[str, Group], names: Collection[str], key: str, its: str = ""
) -> None:
    """Refuses patterns that leave an optimizer nothing to move in the first epoch.

    Args:
        groups: pattern -> what its weights have of their own.
        names: of the weights that it moves.
        key: where the patterns stand: "optimizer.groups".
        its: its name, where there are several.

    Raises:
        UsageError: every weight is frozen.
    """
    if names and all(own.first > 1 for own in divide(names, groups)):
        whose = f" of {its}" if its else ""
        what = (
            f"every weight{whose} is frozen in the first epoch, so nothing{whose} would be trained"
        )
        accepted = f"at least one weight{whose} without from_epoch, or with from_epoch: 1"
        raise UsageError(Problem(what, key, accepted))


def _never(
    pattern: str,
    groups: Mapping[str, Group],
    names: Iterable[str],
    frozen: Mapping[str, Group],
) -> bool:
    """Whether no weight that a pattern matches ever moves, as they are frozen from the start."""
    every = {**groups, **frozen}
    matched = [name for name in names if fnmatchcase(name, pattern)]
    return all(_own_of(name, every).first == NEVER for name in matched)


def _frozen_problem(pattern: str, group: Group, where: str) -> Problem:
    told = {n: getattr(group, n) for n in _RATES if getattr(group, n) is not None}
    given = ", ".join(f"{name}: {value:g}" for name, value in told.items())
    what = f"the pattern `{pattern}` gives {join_names(told)} to weights that are frozen"
    return Problem(what, where, "from_epoch as well", f"{{{given}, from_epoch: 1}} lets them move")


def _idle_problem(pattern: str, group: Group, names: Collection[str], where: str) -> Problem:
    if group == Group():
        accepted = "lr, weight_decay or from_epoch, as in {from_epoch: never}"
        return Problem(f"the pattern `{pattern}` gives its weights nothing", where, accepted)
    if any(fnmatchcase(name, pattern) for name in names):
        what = f"the pattern `{pattern}` has no effect: those before it give the same options"
        return Problem(what, where, "narrow patterns before wide ones")
    layers = dict.fromkeys(f"{name.rpartition('.')[0]}.*" for name in names if "." in name)
    parts = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in names)
    near = did_you_mean(pattern, [*names, *layers, *parts])
    what = f"the pattern `{pattern}` matches no weight of the model"
    return Problem(what, where, join_names(layers or names), near)
