"""Several values for a key, in Hydra's grammar: trials of a sweep, ranges of a search."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, product
from pathlib import Path as FilePath
from typing import Any

from hydra.core.override_parser.types import Override, RangeSweep

from ..errors import Problem, UsageError
from .arguments import bracket_problem, parse
from .check import SHELL
from .repository import Repository
from .secrets import HIDDEN, hide_in_arguments, hide_in_config, looks_secret

MAX_TRIALS = 10_000


@dataclass(frozen=True)
class Expanded:
    """The trials that arguments stand for.

    Attributes:
        trials: the arguments of each.
        keys: the keys or groups with several values, in the order of the arguments.
        problems: what was wrong; with any, the trials are not all there are.
    """

    trials: list[list[str]]
    keys: list[str]
    problems: list[Problem]


def expand_sweep(
    arguments: Sequence[str], folders: Sequence[FilePath], coupled: Sequence[Sequence[str]] = ()
) -> Expanded:
    """All combinations of the arguments' values, for `-m`: the last argument varies fastest.

    Understands Hydra's `a,b`, `choice()`, `range()` and `glob()` over a group's files.

    Args:
        arguments: overrides in Hydra's grammar.
        folders: where config files are looked for, for `glob()`.
        coupled: keys whose values go together, the first with the first.
    """
    problems: list[Problem] = []
    dimensions: list[list[str]] = []
    repository = Repository(folders)
    overrides = _parse_arguments(arguments, problems)
    for override in overrides:
        override.config_loader = repository  # type: ignore[assignment] # only lists groups
        if not override.is_sweep_override():
            dimensions.append([override.input_line or ""])
        elif override.is_interval_sweep():
            what, where = "interval() has infinitely many values", SHELL + str(override.input_line)
            problems.append(Problem(what, where, "values, choice(...) or range(...)"))
        elif (spread := override.value()) and isinstance(spread, RangeSweep) and not spread.step:
            problems.append(Problem("range() has step 0", SHELL + str(override.input_line)))
        else:
            key = override.get_key_element()
            _make_exact(override.value())
            values = islice(override.sweep_string_iterator(), MAX_TRIALS + 1)
            dimensions.append([f"{key}={value}" for value in values])
    keys = [o.key_or_group for o in overrides if o.is_sweep_override()]
    if problems:
        return Expanded([], keys, problems)
    places = [o.key_or_group for o in overrides]
    trials = _combine(dimensions, _group_dimensions(places, dimensions, coupled, problems))
    if len(trials) > MAX_TRIALS:
        problems.append(Problem(f"more than {MAX_TRIALS:,} trials", "command line", "fewer values"))
    return Expanded(trials, keys, problems)


def _make_exact(spread: Any) -> None:
    """Lets a range of fractions step in decimals, as they are typed: 0.1 and 0.1 are 0.2.

    So that it never holds its end, which 0.1 + 0.1 + 0.1 as a machine's number would not reach.
    """
    if isinstance(spread, RangeSweep):
        ends: Any = (spread.start, spread.stop, spread.step)
        if not all(isinstance(number, int) for number in ends):
            start, stop, step = (Decimal(str(number)) for number in ends)
            spread.start, spread.stop, spread.step = start, stop, step  # type: ignore[assignment]


def _group_dimensions(
    places: Sequence[str],
    dimensions: Sequence[Sequence[str]],
    coupled: Sequence[Sequence[str]],
    problems: list[Problem],
) -> list[list[int]]:
    """The dimensions in groups that vary together, noting keys that cannot."""
    group = {place: [place] for place in range(len(places))}
    for keys in coupled:
        where = f"{SHELL}zip({','.join(keys)})"
        missing = [key for key in keys if key not in places]
        members = sorted(places.index(key) for key in keys if key in places)
        lengths = {key: len(dimensions[places.index(key)]) for key in keys if key in places}
        if missing:
            what = f"zip() pairs `{missing[0]}`, but no argument gives it values"
            problems.append(
                Problem(what, where, "keys that have values on this command line: key=a,b")
            )
        elif len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {n}" for key, n in lengths.items())
            what = "zip() pairs keys with different numbers of values"
            problems.append(Problem(f"{what}: {told}", where, "the same number of values for each"))
        elif len(members) < 2 or any(len(group.get(m, ())) != 1 for m in members):
            what = "zip() takes two or more different keys"
            problems.append(Problem(what, where))
        else:
            group[members[0]] = members
            for member in members[1:]:
                del group[member]
    return list(group.values())


def _combine(dimensions: Sequence[Sequence[str]], groups: Sequence[list[int]]) -> list[list[str]]:
    """One argument of each dimension a trial; those of a group move together."""
    steps = [list(zip(*(dimensions[place] for place in group), strict=False)) for group in groups]
    order = [place for group in groups for place in group]
    trials = []
    for combination in islice(product(*steps), MAX_TRIALS + 1):
        chosen = [argument for part in combination for argument in part]
        trials.append([a for _, a in sorted(zip(order, chosen, strict=True))])
    return trials


def values_of(arguments: Sequence[str], keys: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The one value that arguments give each of some keys or groups, and those arguments.

    Secret ones are hidden.
    """
    overrides = [o for o in parse(arguments, []) if o.key_or_group in keys]
    values = {
        o.key_or_group: HIDDEN
        if looks_secret(o.key_or_group.rpartition(".")[2])
        else hide_in_config(json.loads(json.dumps(o.value(), default=str)))
        for o in overrides
    }
    return values, hide_in_arguments([o.input_line or "" for o in overrides])


def _parse_arguments(arguments: Sequence[str], problems: list[Problem]) -> list[Override]:
    """Arguments as they are read; several values of `model.units[0]` are told as one would be."""
    found = []
    for override in parse(arguments, problems):
        key, _, values = (override.input_line or "").partition("=")
        if override.is_sweep_override() and "[" in key:
            hint = shlex.quote(f"{override.key_or_group}={values}")
            problems.append(bracket_problem(override.input_line or "", hint))
        else:
            found.append(override)
    return found


def split_ranges(
    arguments: Sequence[str], folders: Sequence[FilePath]
) -> tuple[list[str], dict[str, str]]:
    """Plain arguments, and those with several values as arguments of the section `search`.

    Returns:
        The plain ones; and what was typed, by the argument of `search` that it has become.

    Raises:
        UsageError: an argument cannot be read.
    """
    problems: list[Problem] = []
    plain, ranges = [], dict[str, str]()
    for override in _parse_arguments(arguments, problems):
        argument = override.input_line or ""
        if not override.is_sweep_override():
            plain.append(argument)
        elif override.is_interval_sweep():
            ranges[_interval(override)] = argument
        else:
            every = expand_sweep([argument], folders)
            problems.extend(every.problems)
            values = [trial[0].partition("=")[2] for trial in every.trials]
            made = f"search.{override.key_or_group}={{choice:[{','.join(values)}]}}"
            ranges[made] = argument
    if problems:
        raise UsageError(*problems)
    return plain, ranges


def _interval(override: Override) -> str:
    """`interval(1e-4,1e-1)`, tagged log or not, as a range of `search`."""
    sweep: Any = override.value()
    tags = set(sweep.tags or ())
    if unknown := sorted(tags - {"log"}):
        where = SHELL + str(override.input_line)
        raise UsageError(Problem(f"there is no tag `{unknown[0]}`", where, "log"))
    # Hydra makes both numbers of an interval fractions.
    whole = re.search(r"interval\(\s*-?\d+\s*,\s*-?\d+\s*\)", str(override.input_line)) is not None
    log = "log" in tags
    kind = ("log_int" if log else "int") if whole else ("log" if log else "uniform")
    low, high = (int(n) if whole else n for n in (sweep.start, sweep.end))
    return f"search.{override.key_or_group}={{{kind}:[{low},{high}]}}"
