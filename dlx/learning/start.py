"""Starting weights that an earlier run has learnt, taken over by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from ..config.names import did_you_mean, join_names
from ..config.schema import Config
from ..errors import Problem, UsageError
from ..prepare import Pipeline
from ..runs.members import find_members, place_of
from ..runs.source import Source, Weights, find_source, read_weights
from .ensemble import Ensemble
from .learner import Learner

_SHOWN = 5


def start_from(config: Config, learner: Learner) -> dict[str, Any]:
    """Takes the weights that `from_run` names into a learner; what has no counterpart stays fresh.

    Args:
        config: names the run, and patterns of what is taken of it.
        learner: fresh; its networks are changed.

    Returns:
        The run, the digest of its weights, how many were taken, and the names of fresh ones.

    Raises:
        UsageError: the run is gone or has changed, nothing matches, or shapes differ.
        RunError: its weights are damaged.
    """
    if (beside := learner.describe_run()) is not None:
        return beside
    source = find_source(config)
    every, own = read_weights(source), learner.module.state_dict()
    kept = _below(every, config.from_run.part, source)
    wanted = _choose(kept, config.from_run.take, source)
    shared = {name: kept[name] for name in own if name in wanted}
    if not shared:
        what = f"no weight of run {source.name} has the name of one of this model"
        accepted = f"a run of a model with {join_names(list(own)[:_SHOWN])}"
        raise UsageError(Problem(what, "from_run", accepted, _hint_part(every, own)))
    if other := [name for name, one in shared.items() if one.shape != tuple(own[name].shape)]:
        raise UsageError(_shape_problem(other, shared, own, source))
    taken = {name: torch.from_numpy(one.copy()) for name, one in shared.items()}
    learner.module.load_state_dict(taken, strict=False)
    fresh = [name for name, _ in learner.module.named_parameters() if name not in taken]
    return {"run": source.name, "sha256": source.sha256, "taken": len(taken), "fresh": fresh}


def take_members(config: Config, learner: Learner) -> None:
    """Puts the weights of its members into an ensemble; any other learner stays as it is.

    Raises:
        UsageError: a run is gone or has changed, or its weights do not fit.
        RunError: they are damaged.
    """
    for name, source in find_members(config).items():
        assert isinstance(learner, Ensemble)
        weights = {n: torch.from_numpy(one.copy()) for n, one in read_weights(source).items()}
        inputs = config.dataset.options.inputs
        learner.take(name, weights, Pipeline.load(place_of(config, name), inputs).targets)


def describe_start(start: Mapping[str, Any]) -> str:
    """The same in a line."""
    fresh = list(start["fresh"])
    more = f" and {len(fresh) - _SHOWN} more" if len(fresh) > _SHOWN else ""
    rest = f"; fresh: {join_names(fresh[:_SHOWN])}{more}" if fresh else ""
    return f"starts from run {start['run']}: {start['taken']} weights taken{rest}"


def _below(kept: Weights, part: str, source: Source) -> Weights:
    """The weights of a part of a network, by their names within it.

    Raises:
        UsageError: there is no such part.
    """
    start = f"{part}." if part else ""
    found = {name[len(start) :]: one for name, one in kept.items() if name.startswith(start)}
    if not found:
        parts = list(dict.fromkeys(_part(name, 1) for name in kept))
        what = f"run {source.name} has no part `{part}`"
        near = did_you_mean(part, parts)
        raise UsageError(Problem(what, "from_run.part", join_names(parts), near))
    return found


def _hint_part(kept: Weights, own: Mapping[str, Any]) -> str:
    """The part of a run's network in which most weights have the names of these, and fit."""
    alike: Counter[str] = Counter()
    for name, one in kept.items():
        part, _, rest = name.partition(".")
        if rest in own:
            alike[part] += 1 + (one.shape == tuple(own[rest].shape)) * len(kept)
    return f"from_run.part={alike.most_common(1)[0][0]}" if alike else ""


def _choose(kept: Weights, patterns: Sequence[str], source: Source) -> list[str]:
    """The names that some pattern matches; every pattern must match one."""
    layers = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in kept)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in kept):
            what = f"the pattern `{pattern}` matches no weight of run {source.name}"
            near = did_you_mean(pattern, [*kept, *layers])
            raise UsageError(Problem(what, "from_run.take", join_names(layers), near))
    return [name for name in kept if any(fnmatchcase(name, one) for one in patterns)]


def _shape_problem(
    other: Sequence[str], shared: Weights, own: Mapping[str, Tensor], source: Source
) -> Problem:
    """Lists what does not fit; the hint leaves out the parts that it belongs to."""
    each = [f"{n} is {_format(shared[n].shape)}, here {_format(own[n].shape)}" for n in other]
    more = f"; and {len(each) - _SHOWN} more" if len(each) > _SHOWN else ""
    what = f"weights of run {source.name} have other shapes: {'; '.join(each[:_SHOWN])}{more}"
    hint = ""
    for depth in (1, 2):  # whole parts such as body, else layers such as body.0
        parts = dict.fromkeys(_part(name, depth) for name in shared)
        fitting = [p for p in parts if p not in {_part(name, depth) for name in other}]
        if fitting and not hint:
            hint = f"from_run.take=[{','.join(f'{part}.*' for part in fitting)}]"
    return Problem(what, "from_run", "weights of the same shape, or a choice of them", hint)


def _part(name: str, depth: int) -> str:
    return ".".join(name.split(".")[:depth])


def _format(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "one number"
