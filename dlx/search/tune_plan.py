"""What a search is to do: the space, the objectives, the study's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..config import words
from ..config.commands import Tune
from ..config.learners import judged_score, score_names, spec_of
from ..config.load import Loaded, digest
from ..config.names import find_nearest, join_names
from ..config.paths import folder_name, search_path
from ..config.ranges import split_ranges
from ..config.secrets import hide_in_arguments
from ..config.spaces import Lever, read_space
from ..data.origins import load
from ..errors import MethodError, Problem, UsageError
from .plan import load_setting, refuse_looks, refuse_unjudged
from .record import folder_of
from .space import as_arguments, levers, neighbours, own_values
from .suggest import grid_size, silence

COSTS = ("parameters", "seconds")
"""What an objective may be beside a validation score; both are to be small."""
_OF_THE_SEARCH = ("tune.", "search.", "sweep.")


@dataclass(frozen=True)
class TunePlan:
    """A search before it begins.

    Attributes:
        name: of the study and its folder.
        loaded: the task's config, which never looks at the test part.
        arguments: those of every trial, before its own values.
        command: all arguments, secrets hidden.
        space: what may change.
        own: the task's own values; None where they lie outside the space.
        objectives: name and direction of each.
        config_dir: a further folder of configs.
        notes: what is worth a word before it starts.
        identity: digest of what all trials of the study have in common.
        marks: what the status of each of its runs says of where it comes from.
    """

    name: str
    loaded: Loaded
    arguments: list[str]
    command: list[str]
    space: tuple[Lever, ...]
    own: dict[str, Any] | None
    objectives: list[tuple[str, str]]
    config_dir: str | None
    notes: list[str]
    identity: str
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> Tune:
        """The section `tune`."""
        return self.loaded.config.tune

    @property
    def root(self) -> Path:
        """The folder of all runs."""
        return Path(self.loaded.config.run.root)

    @property
    def most(self) -> int:
        """Trials in all; a grid has no more than its settings."""
        most = self.options.trials
        return min(most, grid_size(self.space)) if self.options.sampler == "grid" else most

    def trial(self, changed: dict[str, Any]) -> list[str]:
        """The arguments that train a setting."""
        return [*self.arguments, *as_arguments(changed)]

    def key(self, changed: dict[str, Any]) -> str:
        """The digest of a setting's config.

        Raises:
            UsageError, MethodError: no config can have these values.
        """
        return digest(load(self.trial(changed), self.config_dir).config)


def plan_tune(
    arguments: Sequence[str],
    config_dir: str | None = None,
    marks: Mapping[str, str] = MappingProxyType({}),
) -> TunePlan:
    """Checks the arguments of `dlx tune`, with ranges among them: `optimizer.lr=0.1,0.01`.

    Args:
        arguments: overrides in Hydra's grammar; `choice`, `interval`, `range`, `glob`,
            `tag(log, interval(...))` and `a,b` are ranges, as is `search.KEY={log:[low,high]}`.
        config_dir: a further folder of configs.
        marks: the experiment that the arguments are of, for the status of each run.

    Raises:
        UsageError: with every problem.
        MethodError: the search would look at the test part.
    """
    refuse_looks(arguments, "search", "--train-best uses it once, after the search")
    found = words.sort(arguments)
    if found.conditions or found.coupled:
        what = "where and zip() are for dlx train -m; a search chooses its settings itself"
        raise UsageError(Problem(what, "command line"))
    plain, ranges = split_ranges(found.arguments, search_path(config_dir))
    with words.restore_typed(found.typed | ranges):
        loaded = load_setting([*plain, *ranges, *found.own], config_dir)
    config = loaded.config
    _refuse_sweeps(loaded)
    space, fixed = _space(loaded, plain)
    own, notes = _own_values(loaded, space)
    if fixed:
        notes.append(f"{', '.join(fixed)}: set on the command line, so it is not searched")
    trial = [a for a in plain if not a.startswith(_OF_THE_SEARCH)]
    trial += [a for a in loaded.arguments if a in ("test=false", "final=false")]
    objectives = _objectives(loaded)
    identity = _identity(trial, loaded, space, objectives)
    name = config.tune.name or f"{folder_name(config.task)}-{identity[:8]}"
    folder_of(Path(config.run.root), name, f"tune.name={name[:100]}")
    command = hide_in_arguments(arguments)
    notes = [*loaded.notes, *notes]
    plan = TunePlan(
        name, loaded, trial, command, space, own, objectives, config_dir, notes, identity, marks
    )
    _check_ends(plan)
    _check_sampler(plan)
    return plan


def _refuse_sweeps(loaded: Loaded) -> None:
    """What a sweep can do and a search cannot; no validation rows, no search."""
    sweep = loaded.config.sweep
    if sweep.name or sweep.where:
        what = "sweep.name and sweep.where are for dlx train -m"
        raise UsageError(Problem(what, loaded.tree.where(("sweep",)), hint="tune.name"))
    if sweep.seeds > 1:
        what = "a search trains each setting with one seed"
        hint = "dlx train -m with the best settings and seeds=5"
        raise UsageError(Problem(what, f"sweep.seeds={sweep.seeds}", "seeds=1", hint))
    if sweep.launcher.name != "workers":
        what = "a search runs in processes of its own; several machines share tune.storage"
        raise UsageError(Problem(what, f"launcher {sweep.launcher.name}", "jobs=N"))
    refuse_unjudged(loaded)
    if makes := spec_of(loaded.config).makes:
        what = f"a search compares validation scores, but learner {loaded.config.learner.name} is "
        what += f"judged by the {makes} that it makes"
        where, hint = loaded.tree.where(("learner",)), "dlx train -m task=... KEY=VALUE,VALUE"
        raise UsageError(Problem(what, where, "a learner that holds rows out", hint))


def _space(loaded: Loaded, plain: Sequence[str]) -> tuple[tuple[Lever, ...], list[str]]:
    """What may change, without the keys that the shell gives a value; and those keys."""
    config = loaded.config
    space = read_space(config.search) or levers(config, neighbours(config))
    if not space:
        name = config.learner.name
        what = f"it is not known what may be tried of learner {name}: it has no model and no steps"
        accepted = "search.KEY={choice:[a,b]} or search.KEY={log:[low,high]}"
        raise UsageError(Problem(what, "search", accepted, f"dlx help learner.{name}"))
    typed = {argument.partition("=")[0].lstrip("+") for argument in plain}
    left = tuple(lever for lever in space if lever.key not in typed)
    if not left:
        what = "nothing is left to search: every key of the search space is set on the command line"
        raise UsageError(Problem(what, "command line", hint="search.KEY={log:[low,high]}"))
    return left, [lever.key for lever in space if lever.key in typed]


def _own_values(loaded: Loaded, space: Sequence[Lever]) -> tuple[dict[str, Any] | None, list[str]]:
    """The task's own values, and a note where the search cannot begin with them."""
    own = own_values(loaded.config, space)
    outside = [lever.key for lever in space if not lever.holds(own[lever.key])]
    if not outside:
        return own, []
    told = ", ".join(f"{key}={own[key]}" for key in outside)
    return None, [f"the task's {told} is outside the search space: the search does not start there"]


def _objectives(loaded: Loaded) -> list[tuple[str, str]]:
    """Name and direction of each objective, the judged score where none is asked."""
    config = loaded.config
    known = {n: d for n, d in score_names(config).items() if n.startswith("val/")}
    known |= dict.fromkeys(COSTS, "min")
    asked = tuple(dict.fromkeys(config.tune.objectives)) or (judged_score(config),)
    for name in asked:
        if name.startswith("test/"):
            what = f"`{name}` cannot be an objective: the test set is evaluated once, at the end"
            raise MethodError(Problem(what, "tune.objectives", join_names(known)))
        if name not in known:
            near = find_nearest(name, known)
            hint = f"did you mean {near}?" if near else ""
            raise UsageError(
                Problem(
                    f"there is no objective `{name}`", "tune.objectives", join_names(known), hint
                )
            )
    if config.tune.pruner != "none" and (len(asked) > 1 or asked[0] in COSTS):
        what = "trials are pruned by a single score, but the search has other or several objectives"
        raise UsageError(Problem(what, f"tune.pruner={config.tune.pruner}", "tune.pruner=none"))
    return [(name, known[name]) for name in asked]


def _identity(
    trial: Sequence[str],
    loaded: Loaded,
    space: Sequence[Lever],
    objectives: Sequence[tuple[str, str]],
) -> str:
    """Digest of what a study's trials have in common; their number may grow."""
    tune = loaded.config.tune
    levers_ = [(lever.key, lever.plain()) for lever in space]
    what = [digest(loaded.config), list(trial), levers_, objectives, tune.sampler, tune.pruner]
    text = json.dumps(what, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _check_ends(plan: TunePlan) -> None:
    """Every end of every range must make a config: a typo is told now, not by the tenth trial.

    Raises:
        UsageError: with every problem.
    """
    problems: dict[str, Problem] = {}
    for lever in plan.space:
        between = []
        if lever.kind in ("uniform", "log"):
            between = [lever.values[0] + 0.3141 * (lever.values[1] - lever.values[0])]
        for value in (*lever.values, *between):
            try:
                load([*plan.arguments, *as_arguments({lever.key: value})], plan.config_dir)
            except UsageError as error:
                for problem in error.problems:
                    told = replace(problem, where=f"search: {lever.key}")
                    problems.setdefault(problem.what, told)
    if problems:
        raise UsageError(*problems.values())


def _check_sampler(plan: TunePlan) -> None:
    """What a sampler cannot do."""
    options, sampler = plan.options, plan.options.sampler
    if sampler == "grid":
        grid_size(plan.space)
    if sampler != "cmaes":
        return
    from importlib.util import find_spec

    where = "tune.sampler=cmaes"
    if find_spec("cmaes") is None:
        what = "tune.sampler=cmaes needs the package cmaes"
        raise UsageError(Problem(what, where, hint="pip install 'dlx[cmaes]'"))
    if plan.loaded.config.sweep.jobs != 1 or "://" in options.storage:
        what = "cmaes chooses each setting from the ones before it, in one process"
        raise UsageError(Problem(what, where, "jobs=1 and tune.storage=journal or sqlite"))
    if len(plan.objectives) > 1:
        raise UsageError(Problem("cmaes has one objective", where, hint="tune.sampler=tpe"))
    if not [lever for lever in plan.space if lever.kind != "choice"]:
        what = "cmaes searches numeric ranges, but the search space has only choices"
        raise UsageError(Problem(what, where, hint="tune.sampler=tpe"))


def pruner_of(plan: TunePlan) -> Any:
    """Optuna's pruner; None where nothing is pruned."""
    options = plan.options
    if options.pruner == "none":
        return None
    protocol = plan.loaded.config.protocol.options
    many = getattr(protocol, "k", 1) * getattr(protocol, "iterations", 1)
    most = many if many > 1 else plan.loaded.config.trainer.epochs
    with silence() as optuna:
        if options.pruner == "median":
            return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=options.warmup)
        return optuna.pruners.HyperbandPruner(min_resource=options.warmup, max_resource=most)
