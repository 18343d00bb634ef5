"""What a sweep is to run: the settings, the seeds of each, and the options of the sweep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import words
from ..config.commands import Sweep
from ..config.expression import Condition
from ..config.learners import has_validation, judged_score, one_cut, reads
from ..config.load import Loaded, digest
from ..config.names import plural
from ..config.paths import folder_name, search_path
from ..config.ranges import Expanded, expand_sweep, values_of
from ..config.secrets import hide_in_arguments
from ..data.origins import load
from ..errors import MethodError, Problem, UsageError
from ..experiments import expand
from ..runs.source import find_source
from .record import folder_of

WHERE = "command line: where="


@dataclass(frozen=True)
class Point:
    """One setting.

    Attributes:
        number: its place in the sweep.
        changed: the values in which it differs from others, by key.
        shown: the same as arguments.
        loaded: its config, under its first seed.
        experiment: the experiment that it is; "" where it is none.
    """

    number: int
    changed: dict[str, Any]
    shown: list[str]
    loaded: Loaded
    experiment: str = ""


@dataclass(frozen=True)
class Planned:
    """One training of a setting.

    Attributes:
        number: its place in the order of running.
        point: the setting.
        seed: what its randomness derives from.
        arguments: what `dlx train` takes to run the very same.
        key: digest of its config.
    """

    number: int
    point: Point
    seed: int
    arguments: list[str]
    key: str


@dataclass(frozen=True)
class Plan:
    """A sweep before it runs.

    Attributes:
        name: of its folder.
        options: the section `sweep`.
        points: the settings.
        trials: all trainings, the first seed of every setting first.
        keys: what varies.
        arguments: the command's own, secrets hidden.
        config_dir: a further folder of configs.
        notes: what is worth a word before it starts.
    """

    name: str
    options: Sweep
    points: list[Point]
    trials: list[Planned]
    keys: list[str]
    arguments: list[str]
    config_dir: str | None
    notes: list[str]

    @property
    def root(self) -> Path:
        """The folder of all runs."""
        return Path(self.points[0].loaded.config.run.root)


def plans(arguments: Sequence[str], config_dir: str | None = None) -> list[Plan]:
    """Expands and checks the arguments of `dlx train -m`; nothing runs if one setting is wrong.

    Settings that are judged by other scores, data or protocols do not compare, and are a sweep of
    their own, with a best of its own.

    Args:
        arguments: overrides in Hydra's grammar, with several values, and dlx's own words.
        config_dir: a further folder of configs.

    Raises:
        UsageError: with every problem, or where nothing is left to run.
        MethodError: the sweep would look at the test part, or a setting is forbidden.
    """
    refuse_looks(arguments, "sweep", "dlx train with the best settings uses it once")
    sorted_ = words.sort(arguments)
    expanded = expand_sweep(sorted_.arguments, search_path(config_dir), sorted_.coupled)
    if expanded.problems:  # with these, the trials are not all there are
        raise UsageError(*expanded.problems)
    if not expanded.trials:
        what = "an argument has no value: glob() matches no file, or range() is empty"
        raise UsageError(Problem(what, "command line", "at least one value for each key"))
    points = _points(expanded, config_dir)
    with words.restore_typed(sorted_.typed):
        options = _options(expanded, sorted_, config_dir)
    kept = _filter_points(points, [*sorted_.conditions, *filter(None, [options.where])])
    notes = []
    if dropped := len(points) - len(kept):
        notes.append(f"where excludes {dropped:,} of {plural(len(points), 'setting')}")
    distinct = _distinct(kept)
    if same := len(kept) - len(distinct):
        notes.insert(0, f"{plural(same, 'setting')} left out: same config as another")
    shown, found = hide_in_arguments(arguments), []
    for place, group in enumerate(_group_comparable(distinct)):
        name = (options.name or _name(group[0], sorted_, options)) + (f"-{place}" if place else "")
        folder_of(Path(group[0].loaded.config.run.root), name, f"sweep.name={name[:100]}")
        trials = _trials(group, options.seeds, config_dir)
        keys = expanded.keys
        found.append(Plan(name, options, group, trials, keys, shown, config_dir, notes))
    return found


def refuse_looks(arguments: Sequence[str], kind: str, hint: str) -> None:
    """No setting is chosen by what it does on the test set.

    Raises:
        MethodError: an argument asks for it.
    """
    if looks := [a for a in arguments if a.split("=")[0] == "test" and a != "test=false"]:
        what = (
            f"a {kind} never uses the test set: the best of several test scores is too optimistic"
        )
        raise MethodError(Problem(what, f"command line: {looks[0]}", hint=hint))


def refuse_unjudged(loaded: Loaded) -> None:
    """Settings are judged by a score on rows that are held out, and that are not the test's.

    Raises:
        UsageError: no rows are held out, or the learner has no score to judge by.
        MethodError: the rows held out are those of the test part.
    """
    name, where = loaded.config.protocol.name, loaded.tree.where(("protocol",))
    if reads(loaded.config, "protocol") and not has_validation(loaded.config):
        what = f"protocol {name} has no validation set to compare settings"
        raise UsageError(Problem(what, where, hint=one_cut(loaded.config)))
    if not judged_score(loaded.config):
        what = f"learner {loaded.config.learner.name} has no score to compare settings by"
        accepted = "a learner with a score that settings are judged by, such as supervised"
        hint = "dlx train with each setting, then dlx compare RUN RUN"
        raise UsageError(Problem(what, loaded.tree.where(("learner",)), accepted, hint))
    if name == "test_as_validation":
        why = "the best of several test scores is too optimistic"
        what = f"settings would be compared on the test set: {why}"
        raise MethodError(Problem(what, where, hint=one_cut(loaded.config)))


def _points(expanded: Expanded, config_dir: str | None) -> list[Point]:
    """Every combination with its checked config; all problems at once."""
    problems: dict[str, Problem] = {}
    forbidden: MethodError | None = None
    points: list[Point] = []
    for arguments in expanded.trials:
        try:
            experiment, whole = _expand_experiment(arguments)
            loaded = load_setting(whole, config_dir)
            refuse_unjudged(loaded)
        except UsageError as error:
            problems |= {problem.what: problem for problem in error.problems}
        except MethodError as error:
            forbidden = error
        else:
            changed, shown = values_of(arguments, expanded.keys)
            points.append(Point(len(points), changed, shown, loaded, experiment))
    if problems:
        raise UsageError(*problems.values())
    if forbidden is not None:
        raise forbidden
    return points


def _expand_experiment(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The experiment that a setting names, and its arguments in the place of the name."""
    if not any(argument.startswith("experiment=") for argument in arguments):
        return "", list(arguments)
    experiment, whole = expand(arguments)
    return experiment.name, whole


def _group_comparable(points: Sequence[Point]) -> list[list[Point]]:
    """Settings that compare: they are judged by one score of one dataset under one protocol."""
    kinds: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        config = point.loaded.config
        kind = (judged_score(config), config.dataset.name, config.protocol.name)
        kinds.setdefault(kind, []).append(point)
    return [_number_points(group) for group in kinds.values()]


def load_setting(arguments: Sequence[str], config_dir: str | None) -> Loaded:
    """A setting's config, which never looks at the test set and trains no final model.

    Raises:
        UsageError: it is wrong, or starts from the last run, which each trial would be in turn.
        MethodError: it is forbidden.
    """
    for asked in arguments:
        if asked in ("from_run=last", "from_run.run=last"):
            what = "`from_run` is last, and each trial is a new run"
            hint = f"from_run={find_source(load(arguments, config_dir).config).name}"
            raise UsageError(Problem(what, f"command line: {asked}", "the name of a run", hint))
    loaded = load([*arguments, "test=false"], config_dir)
    if loaded.config.final:
        loaded = load([*arguments, "test=false", "final=false"], config_dir)
    return loaded


def _options(expanded: Expanded, sorted_: words.Words, config_dir: str | None) -> Sweep:
    """The section `sweep`: of the task's files, with the shell's values over it."""
    first = _expand_experiment(expanded.trials[0])[1]
    options = load([*first, *sorted_.own, "test=false"], config_dir).config.sweep
    seeded = "seed" in expanded.keys
    if seeded and options.seeds > 1:
        what = "`seed` has several values, and so has `seeds`"
        raise UsageError(Problem(what, "command line", "one of the two", "seeds=5"))
    return options


def _filter_points(points: Sequence[Point], conditions: Iterable[str]) -> list[Point]:
    """The settings for which every condition holds, numbered anew.

    Raises:
        UsageError: a condition is wrong, or none is left.
    """
    tests = [Condition(text, WHERE + text) for text in conditions]
    kept: list[Point] = []
    for point in points:
        config = point.loaded.plain() if tests else {}
        if all(test.holds(config) for test in tests):
            kept.append(replace(point, number=len(kept)))
    if not kept:
        what = f"where excludes all of {plural(len(points), 'setting')}"
        accepted = "a condition that is true for some settings"
        raise UsageError(Problem(what, "command line", accepted))
    return kept


def _distinct(points: Iterable[Point]) -> list[Point]:
    """The first of those settings that have the same config."""
    found: dict[str, Point] = {}
    for point in points:
        found.setdefault(digest(point.loaded.config), point)
    return list(found.values())


def _number_points(points: Iterable[Point]) -> list[Point]:
    return [replace(point, number=number) for number, point in enumerate(points)]


def _trials(points: Sequence[Point], seeds: int, config_dir: str | None) -> list[Planned]:
    """All trainings, the first seed of each setting first."""
    found: dict[str, Planned] = {}
    for add in range(seeds):
        for point in points:
            config = point.loaded.config
            seed = config.seed + add
            arguments = list(point.loaded.arguments)
            if seeds > 1:
                kept = [a for a in arguments if not a.startswith("seed=")]
                arguments = [*kept, f"seed={seed}"]
            if point.loaded.interpolated and add:  # other values may refer to the seed
                config = load(arguments, config_dir).config
            key = digest(replace(config, seed=seed))
            found.setdefault(key, Planned(len(found), point, seed, arguments, key))
    return list(found.values())


def _name(first: Point, sorted_: words.Words, options: Sweep) -> str:
    """Task and digest of what decides which trials there are: the same command, the same folder."""
    what = [sorted_.arguments, sorted_.conditions, sorted_.coupled, options.seeds, options.where]
    found = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    return f"{folder_name(first.loaded.config.task)}-{found[:8]}"
