"""N-gram models: chances as the formula has them, each context's together 1."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dlx.judging.ngrams import NGrams

SIZE, MOST, END = 5, 4, 45
RNG = np.random.default_rng(0)
SERIES = RNG.choice(SIZE, 60, p=[0.4, 0.3, 0.15, 0.1, 0.05])
TRAIN = np.arange(60) < END
GRAMS = NGrams(SERIES, TRAIN, SIZE, MOST)

Gram = tuple[int, ...]


def count(order: int) -> Counter[Gram]:
    text = SERIES[:END].tolist()
    return Counter(tuple(text[at : at + order]) for at in range(END - order + 1))


def count_before(order: int) -> Counter[Gram]:
    """How many different tokens stand before each."""
    return Counter(gram[1:] for gram in count(order + 1))


def chance(token: int, context: Gram, longest: bool = True) -> float:
    """Interpolated Kneser-Ney, as Chen and Goodman write it."""
    counts = count(len(context) + 1) if longest else count_before(len(context) + 1)
    once, twice = (sum(one == n for one in counts.values()) for n in (1, 2))
    discount = once / (once + 2 * twice) if once else 0.0
    lower = chance(token, context[1:], False) if context else 1 / SIZE
    its = {gram: many for gram, many in counts.items() if gram[:-1] == context}
    if not its:
        return lower
    own = max(its.get((*context, token), 0) - discount, 0)
    return (own + discount * len(its) * lower) / sum(its.values())


@pytest.mark.parametrize("order", range(1, MOST + 1))
def test_chances_are_those_of_the_formula(order: int) -> None:
    places = np.arange(END, 60)

    found = GRAMS.surprise(places, np.full(15, 99), order)

    for at, nats in zip(places.tolist(), found.tolist(), strict=True):
        context = tuple(SERIES[at - order + 1 : at].tolist())
        assert np.exp(-nats) == pytest.approx(chance(int(SERIES[at]), context), abs=1e-12)


def test_chances_of_all_tokens_are_together_1() -> None:
    for context in ((), (0,), (1, 0), (0, 0, 1), (4, 4, 4)):
        assert sum(chance(one, context) for one in range(SIZE)) == pytest.approx(1)


def test_no_more_is_known_than_stands_before() -> None:
    places, before = np.arange(50, 55), np.array([0, 1, 2, 3, 4])

    found = GRAMS.surprise(places, before, MOST)

    each = [GRAMS.surprise(places[at : at + 1], before[4:], min(at + 1, MOST)) for at in range(5)]
    assert found.tolist() == [one[0] for one in each]


def test_what_stands_between_pieces_of_the_training_text_teaches_nothing() -> None:
    train = np.array([1, 1, 1, 0, 0, 1, 1, 0, 0], bool)

    def surprise(*between: int) -> list[float]:
        grams = NGrams(np.array([0, 1, 0, *between, 2, 3, 0, 1]), train, 5, 3)
        return grams.surprise(np.array([7, 8]), np.array([2, 2]), 3).tolist()

    assert surprise(4, 4) == surprise(1, 3) == surprise(2, 2)


def test_a_text_too_short_has_short_grams_only() -> None:
    assert NGrams(SERIES, np.arange(60) < 2, SIZE, 5).orders == 2
