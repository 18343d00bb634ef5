"""What each member of an ensemble counts, learnt on rows that none of them trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..interrupts import check
from ..seeds import derive

Weights = npt.NDArray[np.float64]
"""What each member counts, (members,): none below 0, in all 1."""
Loss = Callable[[Weights], float]

ROUNDS = 400
"""Most evaluations of the simplex, for each member."""


def find_weights(method: str, loss: Loss, members: int, draws: int, seed: int) -> Weights:
    """The weights with the least loss.

    Args:
        method: "mean", "nelder_mead" or "random_search".
        loss: of weights.
        members: how many there are.
        draws: that a random search makes.
        seed: of a random search.
    """
    if method == "mean" or members == 1:
        return _mean(members)
    if method == "nelder_mead":
        return _nelder_mead(loss, members)
    return _random_search(loss, members, draws, seed)


def _mean(members: int) -> Weights:
    return np.full(members, 1 / members, dtype=np.float64)


def _nelder_mead(loss: Loss, members: int) -> Weights:
    """Nelder and Mead's simplex (1965, as SciPy has it) over logits of the weights.

    It begins at the mean; a softmax keeps the weights on their own simplex.
    """
    from scipy.optimize import minimize

    def of_logits(logits: Weights) -> float:
        check()
        return loss(_softmax(logits))

    start = np.zeros(members)
    corners = np.vstack([start, np.eye(members)])
    options = {"initial_simplex": corners, "maxfev": ROUNDS * members, "xatol": 1e-3}
    found = minimize(of_logits, start, method="Nelder-Mead", options={**options, "fatol": 1e-7})
    return _softmax(np.asarray(found.x, dtype=np.float64))


def _softmax(logits: Weights) -> Weights:
    shares: Weights = np.exp(logits - logits.max())
    shares /= shares.sum()
    return shares


def _random_search(loss: Loss, members: int, draws: int, seed: int) -> Weights:
    """The best of the mean, each member alone, and weights drawn evenly from the simplex."""
    source = np.random.default_rng(derive(seed, "ensemble weights"))
    tried: list[Weights] = [_mean(members), *np.eye(members)]
    tried += list(source.dirichlet(np.ones(members), draws))
    losses = []
    for weights in tried:
        check()
        losses.append(loss(weights))
    return tried[int(np.argmin(losses))]


@dataclass(frozen=True)
class Crossed:
    """What learnt weights are worth on rows that they were not learnt on.

    Attributes:
        mean: the loss where all members count the same.
        learnt: that of the weights on the rows that they were learnt on, which flatters them.
        crossed: that of weights learnt on either half of the rows, on the other half.
    """

    mean: float
    learnt: float
    crossed: float


def halves(rows: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The places of rows, cut in two at random."""
    order = np.random.default_rng(derive(seed, "ensemble halves")).permutation(rows)
    return np.sort(order[: rows // 2]), np.sort(order[rows // 2 :])
