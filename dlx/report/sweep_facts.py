"""What a sweep's folder says, read for its report: settings by rank, and their trials."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .levers import ABSENT, Lever, format_value, lever
from .read import (
    amount,
    as_number,
    drawn_span,
    facts,
    finite,
    get,
    history,
    main_facts,
    mappings,
    mean_curve,
)
from .words import between, defaults_or, number, setting, tails

STATES = ("done", "pruned", "failed", "running", "waiting")
UNFINISHED = STATES[1:]


class Middle(NamedTuple):
    """An interquartile mean, its 95 % interval, and whether it leaves values out."""

    mean: float
    interval: tuple[float, float] | None
    left_out: bool


def middle_told(middle: Middle) -> str:
    """As in "0.97 (0.96 to 0.98)"."""
    return number(middle.mean) + f" ({between(middle.interval)})" * bool(middle.interval)


@dataclass(frozen=True, eq=False)
class Setting:
    """One setting that was tried, or is to be.

    Attributes:
        facts: as in `sweep.json`.
        trials: its trainings.
    """

    facts: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]] = ()

    @property
    def name(self) -> str:
        """Its number as text."""
        return number(amount(self.facts, "point"))

    @property
    def changed(self) -> dict[str, Any]:
        """The value of each lever."""
        return get(self.facts, "changed", dict)

    @property
    def typed(self) -> str:
        """The values as typed."""
        return defaults_or(self.changed)

    @property
    def value(self) -> float:
        """Its mean score; nan where no trial of it has finished."""
        return finite(self.facts.get("value"))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the score, where it has one that can be drawn."""
        return drawn_span(self.facts)

    @property
    def middle(self) -> Middle | None:
        """Its interquartile mean; None where none was told, as of one trial."""
        found = get(self.facts, "interquartile", dict)
        mean, left_out = amount(found, "mean"), amount(found, "left_out")
        if mean is None or not math.isfinite(mean):
            return None
        return Middle(float(mean), drawn_span(found), bool(left_out and left_out > 0))

    @property
    def states(self) -> Counter[str]:
        """How many of its trials are in each state."""
        return Counter(get(trial, "state", str) for trial in self.trials)

    @property
    def lost(self) -> bool:
        """Whether some of its trials failed or were given up."""
        return bool(self.states["failed"] + self.states["pruned"])

    def objective(self, name: str) -> float:
        """Its value of an objective; nan where it has none."""
        known = get(self.facts, "values", dict)
        return finite(known.get(name, self.facts.get(name)))


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder.

    Attributes:
        folder: where it lies; runs lie two levels up.
        facts: `sweep.json`; any key may be missing.
        settings: the best first; those that lost a trial behind, those without a score last.
        trials: in the order of the file.
        keys: the levers.
    """

    folder: Path
    facts: Mapping[str, Any]
    settings: Sequence[Setting]
    trials: Sequence[Mapping[str, Any]]
    keys: Sequence[str]

    @property
    def score(self) -> str:
        """The name of what settings are ranked by."""
        return get(self.facts, "score", str) or "score"

    @property
    def search(self) -> bool:
        """Whether each setting was chosen in view of those before it."""
        return self.facts.get("kind") == "tune"

    @property
    def word(self) -> str:
        """What to call it."""
        return "search" if self.search else "sweep"

    @property
    def sign(self) -> float:
        """What turns the score into a cost."""
        return -1.0 if self.facts.get("direction") == "max" else 1.0

    @property
    def sample(self) -> bool:
        """Whether the data were made up."""
        return bool(self.facts.get("sample"))

    @property
    def fresh(self) -> bool:
        """Whether episodes judge, which are played anew, and no rows are held out."""
        return bool(get(self.facts, "fresh", str))

    @cached_property
    def scored(self) -> list[Setting]:
        """The settings that have a score, the best first."""
        return [one for one in self.settings if math.isfinite(one.value)]

    @cached_property
    def best(self) -> Setting | None:
        """The setting named as the best, or else the first by rank."""
        named = self._find_setting(get(self.facts, "best", dict).get("point"))
        known = named is not None and math.isfinite(named.value)
        return named if known else next(iter(self.scored), None)

    @cached_property
    def default(self) -> Setting | None:
        """The setting that is the task's own."""
        return self._find_setting(self.facts.get("default"))

    @cached_property
    def objectives(self) -> list[tuple[str, str]]:
        """Names and directions, where there are several."""
        found = mappings(self.facts, "objectives")
        pairs = [(get(one, "name", str), get(one, "direction", str)) for one in found]
        pairs = [pair for pair in dict.fromkeys(pairs) if pair[0]]
        return pairs if len(pairs) > 1 else []

    @cached_property
    def front(self) -> list[Setting]:
        """The settings on the Pareto front."""
        named = map(self._find_setting, get(self.facts, "front", list))
        return list(dict.fromkeys(one for one in named if one is not None))

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each state, counted where they are listed."""
        states = Counter(get(trial, "state", str) for trial in self.trials)
        told = get(self.facts, "counts", dict)
        known = {state: amount(told, state) or 0 for state in STATES}
        return {s: states[s] if self.trials else int(finite(known[s]) or 0) for s in STATES}

    @property
    def states(self) -> str:
        """The counts in words; "" where there are no trials."""
        return ", ".join(f"{number(many)} {state}" for state, many in self.counts.items() if many)

    def runs(self, one: Setting, state: str = "done") -> list[Path]:
        """The folders of a setting's trials in a state that are still there."""
        root = self.folder.absolute().parent.parent
        names = (get(trial, "run", str) for trial in one.trials if trial.get("state") == state)
        return [root / name for name in names if _is_run(name) and (root / name).is_dir()]

    def baseline(self, one: Setting) -> dict[str, Any]:
        """The simple answer that a setting's trials were held against; empty where unknown."""
        told = [get(one.facts, "baseline", dict)]
        told += [get(trial, "baseline", dict) for trial in one.trials]
        read = (facts(run / "report.json") for run in self.runs(one))
        told += (
            [] if any(told) else [get(get(tree, "answer", dict), "baseline", dict) for tree in read]
        )
        return next((base for base in told if amount(base, "value") is not None), {})

    @cached_property
    def folds(self) -> int:
        """How many trainings a finished trial of the best setting holds; 0 where unknown."""
        runs = self.runs(self.best) if self.best else []
        return max((len(history(run, self.score)) for run in runs), default=0)

    def curve(self, one: Setting, state: str = "done", folds: int = 1) -> list[float]:
        """The mean of the score over a setting's trials, as far as all of them went.

        Args:
            one: the setting.
            state: of the trials that count.
            folds: trainings that a trial must hold to count.
        """
        return mean_curve(self.runs(one, state), self.score, folds)

    def lever(self, key: str, settings: Sequence[Setting]) -> Lever:
        """A lever's values in some settings."""
        space = get(get(self.facts, "space", dict), key, dict)
        raw = [one.changed.get(key, ABSENT) for one in settings]
        return lever(key, raw, next(iter(space), ""))

    def brief(self, changed: Mapping[str, Any]) -> str:
        """Values as typed, each key by its last word where that says which it is."""
        short = tails(self.keys)
        return setting({short.get(key, key): value for key, value in changed.items()})

    def briefs(self, settings: Sequence[Setting]) -> dict[Setting, str]:
        """What tells settings apart: the values in which they differ, as typed."""

        def value(one: Setting, key: str) -> str:
            return format_value(one.changed.get(key, ABSENT))

        differ = [key for key in self.keys if len({value(one, key) for one in settings}) > 1]
        kept = differ or list(self.keys)
        return {
            one: self.brief({key: one.changed[key] for key in kept if key in one.changed})
            or "task defaults"
            for one in settings
        }

    def _find_setting(self, point: object) -> Setting | None:
        known = as_number(point)
        return self._by_number.get(known) if known is not None else None

    @cached_property
    def _by_number(self) -> dict[float | None, Setting]:
        return {amount(one.facts, "point"): one for one in reversed(self.settings)}


def read_sweep(folder: Path) -> Sweep:
    """Reads a sweep's folder.

    Raises:
        UsageError: the folder holds no `sweep.json`.
        RunError: it is damaged, or cannot be read.
    """
    tree = main_facts(folder / "sweep.json", "sweep's folder", "name a folder below runs/sweeps/")
    trials = mappings(tree, "trials")
    of_point: dict[object, list[Mapping[str, Any]]] = {}
    for trial in trials:
        of_point.setdefault(amount(trial, "point"), []).append(trial)
    points = mappings(tree, "points")
    settings = [Setting(one, of_point.get(amount(one, "point"), ())) for one in points]
    keys = [key for key in get(tree, "keys", list) if isinstance(key, str)]
    keys += [key for one in settings for key in one.changed]
    sweep = Sweep(folder, tree, settings, trials, list(dict.fromkeys(keys)))
    settings.sort(key=lambda one: (math.isnan(one.value), one.lost, _cost(one, sweep.sign)))
    return sweep


def _cost(one: Setting, sign: float) -> float:
    return math.inf if math.isnan(one.value) else sign * one.value


def _is_run(name: str) -> bool:
    """Whether a name is "task/run" and leads nowhere else."""
    parts = name.split("/")
    return len(parts) == 2 and all(p not in ("", ".", "..") and "\\" not in p for p in parts)
