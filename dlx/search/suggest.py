"""Which setting to try next, by Optuna's samplers; a function of the seed and of what was tried."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..config.spaces import Lever, Value
from ..errors import Problem, UsageError
from ..seeds import derive

STARTUP = 5
"""Settings drawn at random before the search learns from what it has seen."""


@dataclass(frozen=True)
class Tried:
    """A setting that has been tried.

    Attributes:
        changed: the value of each lever.
        value: what it gave, one value an objective; None where it failed.
        running: whether it has not ended yet.
    """

    changed: dict[str, Value]
    value: float | Sequence[float] | None
    running: bool = False


def suggest(
    space: Sequence[Lever],
    tried: Sequence[Tried],
    direction: str | Sequence[str],
    seed: int,
    sampler: str = "tpe",
    startup: int = STARTUP,
) -> dict[str, Value]:
    """The next setting.

    It is a function of the seed and of what has been tried, so that a search that was stopped
    goes on as if it had not been.

    Args:
        space: what may change.
        tried: every setting so far, in order.
        direction: "max" or "min" of their values; one an objective.
        seed: what the draws derive from.
        sampler: "tpe" (Bergstra and others, 2011), "random", "grid" or "cmaes" (Hansen, 2016).
        startup: settings drawn at random before tpe learns.

    Returns:
        A value for each lever.

    Raises:
        UsageError: a grid that has no further setting.
    """
    if sampler == "grid":
        return _grid_point(space, len(tried))
    directions = [direction] if isinstance(direction, str) else list(direction)
    distributions = {lever.key: distribution(lever) for lever in space}
    with silence() as optuna:
        study = optuna.create_study(directions=goals(directions))
        if sampler == "cmaes":
            study.sampler = optuna.samplers.CmaEsSampler(
                seed=derive(seed, "tune", "cmaes") % 2**32, warn_independent_sampling=False
            )
            _replay(study, space, distributions, tried)
        else:
            study.sampler = _sampler(optuna, sampler, derive(seed, "tune", len(tried)), startup)
            study.add_trials([_trial(space, distributions, one) for one in tried])
        asked = study.ask(distributions)
    return _setting(space, asked)


def goals(directions: Sequence[str]) -> list[str]:
    """Directions, "max" and "min", in Optuna's words."""
    return ["maximize" if one == "max" else "minimize" for one in directions]


@contextmanager
def silence() -> Iterator[Any]:
    """Optuna, saying nothing while this is entered."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def _sampler(optuna: Any, name: str, seed: int, startup: int) -> Any:
    if name == "random":
        return optuna.samplers.RandomSampler(seed=seed % 2**32)
    return optuna.samplers.TPESampler(
        seed=seed % 2**32, n_startup_trials=startup, constant_liar=True
    )


def _replay(
    study: Any, space: Sequence[Lever], distributions: dict[str, Any], tried: Sequence[Tried]
) -> None:
    """Lets CMA-ES live through the trials again: its state is kept nowhere, as it is pickled.

    What it asks is a function of its seed and of what it was told, so it asks the same again; a
    setting that it did not ask for, such as the task's own, is only shown to it.
    """
    for number, one in enumerate(tried):
        asked = study.ask(distributions) if number else None
        again = _setting(space, asked) if asked else {}
        if again != one.changed:
            if asked is not None:
                study.tell(asked, state=_state("FAIL"))
            study.add_trial(_trial(space, distributions, one))
        elif one.value is None:
            study.tell(asked, state=_state("FAIL"))
        else:
            study.tell(asked, one.value)


def grid_size(space: Sequence[Lever]) -> int:
    """How many settings a grid has.

    Raises:
        UsageError: a lever is no choice.
    """
    many = 1
    for lever in space:
        if lever.kind != "choice":
            what = f"sampler grid needs choices, but `{lever.key}` is {lever.kind}"
            hint = f"search.{lever.key}={{choice:[...]}}, or tune.sampler=tpe"
            raise UsageError(Problem(what, "tune.sampler", hint=hint))
        many *= len(lever.values)
    return many


def _grid_point(space: Sequence[Lever], number: int) -> dict[str, Value]:
    """A setting of the grid by its number, the last lever varying fastest."""
    if number >= grid_size(space):
        raise UsageError(Problem("every setting of the grid has been tried", "tune.trials"))
    every = itertools.product(*(lever.values for lever in space))
    values = next(itertools.islice(every, number, None))
    return {lever.key: value for lever, value in zip(space, values, strict=True)}


def distribution(lever: Lever) -> Any:
    """A lever as Optuna has it; choices as JSON text, since Optuna's are scalars."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if lever.kind == "choice":
        return CategoricalDistribution([json.dumps(value) for value in lever.values])
    low, high = lever.values
    log = lever.kind in ("log", "log_int")
    if lever.kind in ("int", "log_int"):
        return IntDistribution(low, high, log=log)
    return FloatDistribution(low, high, log=log)


def params_of(space: Sequence[Lever], changed: dict[str, Value]) -> dict[str, Any]:
    """Values as Optuna keeps them."""
    return {
        lever.key: json.dumps(changed[lever.key]) if lever.kind == "choice" else changed[lever.key]
        for lever in space
    }


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]


def _trial(space: Sequence[Lever], distributions: dict[str, Any], one: Tried) -> Any:
    from optuna.trial import create_trial

    made: Any = {"params": params_of(space, one.changed), "distributions": distributions}
    if one.running:
        return create_trial(state=_state("RUNNING"), **made)
    if one.value is None:
        return create_trial(state=_state("FAIL"), **made)
    if isinstance(one.value, (int, float)):
        return create_trial(value=one.value, **made)
    return create_trial(values=list(one.value), **made)


def _setting(space: Sequence[Lever], asked: Any) -> dict[str, Value]:
    """The setting that a sampler asks for."""
    return {lever.key: _round_value(lever, asked.params[lever.key]) for lever in space}


def _round_value(lever: Lever, value: Any) -> Value:
    """A suggested value, rounded so that what is typed is what was trained."""
    if lever.kind == "choice":
        return json.loads(value)
    if lever.kind in ("int", "log_int"):
        return int(value)
    low, high = lever.values
    return min(max(float(f"{value:.3g}"), low), high)
