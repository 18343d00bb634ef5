"""A mean over units as a score: of all, of some, and of draws."""

from __future__ import annotations

import numpy as np
import pytest

from dlx.judging.bootstrap import Draws
from dlx.judging.evaluation import Evaluation
from dlx.judging.judge import judge
from dlx.judging.means import Mean

EACH = np.random.default_rng(0).normal(size=50)


def test_a_mean_is_that_of_its_units() -> None:
    found, places = Mean("model", "model", EACH), np.array([3, 3, 7])

    assert found.units == 50
    assert found.value() == pytest.approx(EACH.mean())
    assert found.value(places) == pytest.approx((2 * EACH[3] + EACH[7]) / 3)
    drawn = [EACH[one].mean() for one in Draws(50)]
    np.testing.assert_allclose(found.bootstrap(Draws(50)), drawn)


def test_what_was_measured_batch_by_batch_is_the_score_of_all_units_alone() -> None:
    found = Mean("model", "model", EACH, known=9.0)

    assert found.value() == 9.0
    assert found.value(np.arange(50)) == pytest.approx(EACH.mean())


def test_a_small_lead_on_every_unit_is_seen_by_the_paired_draws() -> None:
    own, other = Mean("model", "model", EACH), Mean("mean picture", "constant", EACH + 0.01)

    judged = judge("val", [Evaluation("val/loss", "min", "picture", own, (other,))])

    assert judged.facts["power"]["beats"] is True
    assert "over 50 pictures" in judged.facts["power"]["text"]
