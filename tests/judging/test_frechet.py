"""The Fréchet distance: what it is by other means, and how far it could move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import sqrtm

from dlx.judging.bootstrap import Draws, middle
from dlx.judging.frechet import Components, Frechet, distance

RNG = np.random.default_rng(0)


def rows(many: int, numbers: int, shift: float = 0.0) -> Any:
    mixed = RNG.normal(size=(numbers, numbers))
    return RNG.normal(size=(many, numbers)) @ mixed + shift


@pytest.mark.parametrize(("many", "numbers"), [(50, 1), (90, 8), (20, 32), (300, 32)])
def test_it_is_what_a_root_of_the_matrix_says(many: int, numbers: int) -> None:
    one, other = rows(many, numbers), rows(2 * many, numbers, 0.5)
    means = one.mean(axis=0) - other.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(r, rowvar=False)) for r in (one, other))
    expected = means @ means + np.trace(first + second - 2 * sqrtm(first @ second).real)

    assert distance(one, other) == pytest.approx(expected, rel=1e-5)
    assert distance(other, one) == pytest.approx(expected, rel=1e-5)
    turned = np.linalg.qr(RNG.normal(size=(numbers, numbers)))[0]
    assert distance(one @ turned, other @ turned) == pytest.approx(expected, rel=1e-5)


def test_it_is_zero_for_the_same_and_the_squared_step_of_what_is_moved() -> None:
    one = rows(60, 5)
    assert distance(one, one) == pytest.approx(0, abs=1e-9)
    assert distance(one, one + 2) == pytest.approx(5 * 4)
    for wrong in (one[:1], np.full_like(one, np.nan), np.full_like(one, np.inf)):
        assert np.isnan(distance(wrong, one))
        assert np.isnan(Frechet("model", "model", wrong, one).bootstrap(Draws(len(wrong)))).all()


@pytest.mark.parametrize(("many", "numbers"), [(60, 12), (10, 40)])
def test_components_are_those_of_the_singular_values(many: int, numbers: int) -> None:
    found = Components.fit(data := rows(many, numbers, 3.0), 4)
    _, sizes, axes = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)

    assert np.abs(found.axes.T @ axes[:4].T) == pytest.approx(np.eye(4), abs=1e-6)
    assert (found.of(data) ** 2).sum(axis=0) == pytest.approx(sizes[:4] ** 2)
    flat = np.c_[data, np.ones(many)]  # a pixel that is the same in every row
    assert Components.fit(flat).axes.shape[1] == min(many - 1, numbers, 32)


def test_an_interval_lies_around_the_score_and_narrows_with_more_samples() -> None:
    widths = []
    for many in (60, 600):
        own = Frechet("model", "model", rows(many, 6), RNG.normal(size=(many, 6)))
        found = middle(own.bootstrap(Draws(own.units)))
        assert found is not None
        assert found[0] < own.value() < found[1]
        assert (own.units, own.value(np.arange(9))) == (many, distance(own.made[:9], own.data))
        widths.append((found[1] - found[0]) / own.value())
    assert widths[1] < widths[0] / 2
