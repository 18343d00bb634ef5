"""Rules that choose how many clusters there are, by training rows alone.

A rule tries every number from `least` to `most`, and gives each a value; which is best is the
spec's to say, and of equal ones the fewest clusters win.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ..config.fields import Chosen
from ..interrupts import check
from ..judging.agreement import Groups, adjusted_rand
from ..judging.silhouette import choose_rows, distances, silhouettes
from ..metrics.base import Values
from ..progress import tell
from ..seeds import derive
from .clusterings import Clustering, Mixture

Rule = Callable[[Any, Clustering, Values, Iterable[int], int], list[float]]
"""Options, a method, rows, the numbers to try, a seed -> the value of each number."""


def choose(chosen: Chosen, method: Clustering, rows: Values, seed: int) -> int:
    """The number of clusters that a rule finds best; what it tried is kept in the method.

    Args:
        chosen: the rule.
        method: is fitted to nothing; its copies are.
        rows: of the training set, (rows, numbers).
        seed: of all that is drawn.
    """
    rule: Rule = chosen.load()
    tried = range(chosen.options.least, chosen.options.most + 1)
    told = rule(chosen.options, method, rows, _telling(tried), seed)
    method.keep_all(tried=[*tried], told=told)
    best = np.argmax(told) if chosen.options.most_wins else np.argmin(told)
    return tried[int(best)]


def state_of(seed: int, *purpose: str | int) -> int:
    """A seed as scikit-learn takes them."""
    return derive(seed, "clusters", *purpose) % 2**32


def by_silhouette(
    options: Any,  # noqa: ARG001 - one interface for all
    method: Clustering,
    rows: Values,
    tried: Iterable[int],
    seed: int,
) -> list[float]:
    """The mean silhouette of some training rows."""
    some = choose_rows(len(rows), seed)
    sample = torch.from_numpy(rows)[some]
    apart = distances(sample)
    found = []
    for many in tried:
        fitted = method.again()
        fitted.fit(rows, many, state_of(seed))
        each = silhouettes(apart, fitted.assign(sample)[0])
        found.append(-1.0 if np.isnan(each).any() else float(each.mean()))
    return found


def by_bic(
    options: Any,  # noqa: ARG001
    method: Clustering,
    rows: Values,
    tried: Iterable[int],
    seed: int,
) -> list[float]:
    """The Bayesian information criterion of a mixture."""
    assert isinstance(method, Mixture)
    return [method.criterion(rows, many, state_of(seed)) for many in tried]


def by_stability(
    options: Any, method: Clustering, rows: Values, tried: Iterable[int], seed: int
) -> list[float]:
    """How far clusters of bootstraps agree on the training rows: each with the next."""
    whole = torch.from_numpy(rows)
    found = []
    for many in tried:
        groups: list[Groups] = []
        for draw in range(options.draws):
            check()
            drawn = np.random.default_rng(state_of(seed, "bootstrap", draw))
            fitted = method.again()
            places = drawn.integers(len(rows), size=len(rows))
            fitted.fit(rows[places], many, state_of(seed, "bootstrap", draw, many))
            groups.append(fitted.assign(whole)[0].numpy())
        found.append(float(np.mean([adjusted_rand(*pair) for pair in pairwise(groups)])))
    return found


def _telling(tried: range) -> Iterable[int]:
    """The numbers one by one, telling how far the work is, and stopping where that is asked."""
    for done, many in enumerate(tried):
        check()
        tell("numbers of clusters tried", done, len(tried))
        yield many
    tell("numbers of clusters tried", len(tried), len(tried))
