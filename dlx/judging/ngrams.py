"""N-gram models of a text, interpolated Kneser-Ney, on NumPy arrays alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Chances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Grams:
    """The n-grams of one order that end at each place of a text, numbered.

    Attributes:
        ids: number of the n-gram that ends at each place; -1 where too few tokens stand before.
        contexts: number of the context of each n-gram, among n-grams that are one shorter.
        trained: places of the training text where an n-gram ends.
    """

    ids: Numbers
    contexts: Numbers
    trained: Numbers

    def counts(self) -> Numbers:
        """How often each stands in the training text."""
        return np.bincount(self.ids[self.trained], minlength=len(self.contexts))

    def followers(self, longer: _Grams) -> Numbers:
        """Of each how many different tokens stand before it in the training text."""
        _, first = np.unique(longer.ids[longer.trained], return_index=True)
        ends = longer.trained[first]
        return np.bincount(self.ids[ends], minlength=len(self.contexts))


class NGrams:
    """Chances of each token of a text, by the tokens before it in a training text.

    Interpolated Kneser-Ney (Kneser and Ney, 1995; Chen and Goodman, 1998, section 2.7): of the
    longest context a discount is taken from each count, and what that leaves is shared as the next
    shorter context has it; shorter ones count how many different tokens stand before a token and
    not how often it stands there. The discount of an order is n1 / (n1 + 2 n2), of the n-grams that
    are counted once and twice. At the end all tokens are alike, so that none is impossible.

    Args:
        series: number of each token, training text and others.
        train: which tokens are of the training text, bool.
        size: how many different tokens there may be.
        most: the longest order.
    """

    def __init__(self, series: Numbers, train: npt.NDArray[np.bool_], size: int, most: int) -> None:
        self.size = size
        every = list(_number(series.astype(np.int64), train, size, most))
        alike = np.full(len(series), 1 / size)
        self._orders: list[Chances] = []
        lower = alike
        for at, grams in enumerate(every):
            self._orders.append(_interpolate(grams, grams.counts(), lower))
            if at + 1 < len(every):
                lower = _interpolate(grams, grams.followers(every[at + 1]), lower)

    @property
    def orders(self) -> int:
        """The longest order there is."""
        return len(self._orders)

    def surprise(self, places: Numbers, before: Numbers, order: int) -> Chances:
        """Negative log-probability of the tokens at some places, in nats.

        Args:
            places: where the tokens stand in the text.
            before: how many tokens before each may be known.
            order: tokens of an n-gram at most; a context has one less.
        """
        chosen = np.minimum(before, order - 1)
        found = np.empty(places.shape)
        for known in range(order):
            here = chosen == known
            found[here] = self._orders[known][places[here]]
        surprise: Chances = -np.log(found)
        return surprise


def _number(
    series: Numbers, train: npt.NDArray[np.bool_], size: int, most: int
) -> Iterator[_Grams]:
    """N-grams of order 1, 2, ... at all places of a text."""
    ids, contexts = series, np.zeros(size, np.int64)
    whole = train.copy()  # where all tokens of an n-gram are of the training text, in one piece
    yield _Grams(ids, contexts, np.flatnonzero(whole))
    for order in range(2, most + 1):
        whole[1:] &= whole[:-1]
        whole[: order - 1] = False
        if not whole.any():
            return
        keys = ids[order - 2 : -1] * size + series[order - 1 :]
        different, numbers = np.unique(keys, return_inverse=True)
        ids = np.full(len(series), -1)
        ids[order - 1 :] = numbers
        yield _Grams(ids, different // size, np.flatnonzero(whole))


def _interpolate(grams: _Grams, counts: Numbers, lower: Chances) -> Chances:
    """The chance of the token at each place, after the context that its n-gram has."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.0
    many = int(grams.contexts.max()) + 1
    totals = np.bincount(grams.contexts, counts, many)
    different = np.bincount(grams.contexts, counts > 0, many)
    known = grams.ids >= 0
    found = lower.copy()
    own = grams.ids[known]
    context = grams.contexts[own]
    total = totals[context]
    left = np.maximum(counts[own] - discount, 0) + discount * different[context] * lower[known]
    found[known] = np.where(total > 0, left / np.maximum(total, 1), lower[known])
    return found
