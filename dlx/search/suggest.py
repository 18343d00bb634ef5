"""Which setting to try next: TPE by Optuna (Bergstra and others, 2011), repeatable."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..seeds import derive
from .space import Lever, Value

STARTUP = 5
"""Settings drawn at random before the search learns from what it has seen."""


@dataclass(frozen=True)
class Tried:
    """A setting that has been tried; `value` is None where it failed."""

    changed: dict[str, Value]
    value: float | None


def suggest(
    space: Sequence[Lever], tried: Sequence[Tried], direction: str, seed: int
) -> dict[str, Value]:
    """The next setting.

    It is a function of the seed and of what has been tried, so that a search that was stopped
    goes on as if it had not been.

    Args:
        space: what may change.
        tried: every setting so far, in order.
        direction: "max" or "min", of their values.
        seed: what the draws derive from.

    Returns:
        A value for each lever.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=derive(seed, "tune", len(tried)) % 2**32, n_startup_trials=STARTUP
        )
    goal: Literal["maximize", "minimize"] = "maximize" if direction == "max" else "minimize"
    study = optuna.create_study(sampler=sampler, direction=goal)
    distributions = {lever.key: _distribution(lever) for lever in space}
    for one in tried:
        study.add_trial(_trial(space, distributions, one))
    asked = study.ask(distributions)
    return {lever.key: _chosen(lever, asked.params[lever.key]) for lever in space}


def _distribution(lever: Lever) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if lever.kind == "choice":  # as text: Optuna's choices are scalars
        return CategoricalDistribution([json.dumps(value) for value in lever.values])
    low, high = lever.values
    return FloatDistribution(low, high, log=lever.kind == "log")


def _trial(space: Sequence[Lever], distributions: dict[str, Any], one: Tried) -> Any:
    from optuna.trial import TrialState, create_trial

    params = {
        lever.key: json.dumps(one.changed[lever.key])
        if lever.kind == "choice"
        else one.changed[lever.key]
        for lever in space
    }
    if one.value is None:
        return create_trial(state=TrialState.FAIL, params=params, distributions=distributions)
    return create_trial(params=params, distributions=distributions, value=one.value)


def _chosen(lever: Lever, value: Any) -> Value:
    if lever.kind == "choice":
        return json.loads(value)
    return float(f"{value:.3g}")  # what is typed is what was trained
