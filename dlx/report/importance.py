"""How much each lever of a sweep decides of the score, by Optuna's fANOVA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .levers import Lever

REDRAWS = 10
"""Redrawn sets of settings that say how far a share may move."""
_TREES, _FEW_TREES = 64, 8
LEAST = 8
"""Settings below which a share would be a guess."""
MOST = 100
"""Settings beyond which a part of them is used: the time grows with their square."""


def spans(levers: Sequence[Lever], scores: Sequence[float]) -> dict[str, tuple[float, float]]:
    """The smallest and the largest share of each lever over sets of settings drawn from these.

    A bootstrap of the settings (Efron, 1979) with few trees each: how far the shares move where
    other settings of the same kind had been tried. A function of what it is given.

    Args:
        levers: as for `shares`.
        scores: finite, one a setting.

    Returns:
        Both ends by the levers' names; empty where no redraw has differing scores.
    """
    draws = np.random.default_rng(0).integers(0, len(scores), (REDRAWS, len(scores)))
    found: dict[str, list[float]] = {}
    for rows in draws:
        drawn = [replace(one, values=[one.values[row] for row in rows]) for one in levers]
        each = shares(drawn, [scores[row] for row in rows], _FEW_TREES)
        for name, share in each.items():
            found.setdefault(name, []).append(share)
    return {name: (min(each), max(each)) for name, each in found.items()}


def shares(
    levers: Sequence[Lever], scores: Sequence[float], trees: int = _TREES
) -> dict[str, float]:
    """The share of the scores' variance that each lever explains, the largest first.

    Fits a random forest to the scores and takes its variance apart (Hutter et al., 2014); a
    function of what it is given.

    Args:
        levers: those that vary and have a value in every setting.
        scores: finite, one a setting.
        trees: of the forest.

    Returns:
        The shares by the levers' names; empty where the scores do not differ.
    """
    from ..search.suggest import silence

    if len(set(scores)) < 2 or not levers:
        return {}
    with silence() as optuna:
        study = optuna.create_study()
        kinds = {str(place): _kind(optuna, one) for place, one in enumerate(levers)}
        columns = [_column(one) for one in levers]
        study.add_trials(
            [
                optuna.trial.create_trial(
                    params={str(place): one[row] for place, one in enumerate(columns)},
                    distributions=kinds,
                    value=score,
                )
                for row, score in enumerate(scores)
            ]
        )
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=trees, seed=0)
        try:
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        except RuntimeError:  # no tree found any difference
            return {}
    known = {levers[int(place)].name: float(share) for place, share in found.items()}
    return known if all(map(math.isfinite, known.values())) else {}


def _kind(optuna: Any, lever: Lever) -> Any:
    """An interval for numbers; names without an order for what is drawn at even distances."""
    if lever.labels:
        return optuna.distributions.CategoricalDistribution([*range(len(lever.labels))])
    return optuna.distributions.FloatDistribution(0.0, 1.0)


def _column(lever: Lever) -> list[int] | list[float]:
    """A lever's values as its axis has them, whose ends any tree can tell apart."""
    return [int(one) for one in lever.values] if lever.labels else lever.normalise(lever.values)
