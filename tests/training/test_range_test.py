"""The range test of learning rates: what it reads off a curve, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.training.range_test import RangeTest


def curve(noise: float = 0.0, fall: float = 2.0) -> RangeTest:
    """A loss that falls by a logistic curve around 0.01, and rises behind 1."""
    rates = np.geomspace(1e-5, 10, 200)
    decades = np.log10(rates)
    losses = 3 - fall / (1 + np.exp(-4 * (decades + 2))) + np.exp(6 * decades) / 10
    losses += noise * np.random.RandomState(0).standard_normal(len(rates))
    return RangeTest(tuple(rates.tolist()), tuple(losses.tolist()), len(rates), diverged=False)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_steepest_fall_and_the_lowest_loss_are_found(noise: float) -> None:
    found = curve(noise)
    assert found.falls
    assert found.steepest == pytest.approx(0.01, rel=0.6)
    assert 0.05 < found.lowest < 1
    assert found.suggest("steepest") == found.steepest
    assert found.suggest("tenth") == found.lowest / 10


def test_noise_alone_is_no_fall() -> None:
    assert not curve(0.5, fall=0.0).falls
    assert not RangeTest((1e-5,), (1.0,), 100, diverged=True).falls


def test_smoothing_is_centred_and_keeps_a_straight_line() -> None:
    rates, losses = np.geomspace(1e-5, 10, 100), np.linspace(3, 1, 100)
    found = RangeTest(tuple(rates), tuple(losses), 100, diverged=False)
    np.testing.assert_allclose(found.smooth, losses)
