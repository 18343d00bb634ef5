"""Judging knows neither rows nor models: it asks estimates, here of episodes with a return each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.judging.bootstrap import Draws
from dlx.judging.evaluation import Estimate, Evaluation
from dlx.judging.judge import judge

RNG = np.random.default_rng(0)


class Returns(Estimate):
    """The mean return of some episodes: nothing of it is a row, or right or wrong."""

    def __init__(self, name: str, kind: Any, returns: Any) -> None:
        self.name, self.kind, self.returns = name, kind, np.asarray(returns, float)

    @property
    def units(self) -> int:
        return len(self.returns)

    def value(self, units: Any = None) -> float:
        return float((self.returns if units is None else self.returns[units]).mean())

    def bootstrap(self, drawn: Draws) -> Any:
        return np.array([self.value(units) for units in drawn])


def evaluation(own: Any, other: Any, direction: Any = "max", paired: bool = True) -> Evaluation:
    """A policy against a random one."""
    baseline = Returns("random policy", "noise", other)
    policy = Returns("policy", "model", own)
    return Evaluation("val/return", direction, "episode", policy, (baseline,), paired)


def test_an_evaluation_without_baselines_is_an_error() -> None:
    with pytest.raises(ValueError, match="val/return has no baselines: no score without what it"):
        Evaluation("val/return", "max", "episode", Returns("policy", "model", [1.0]), ())


@pytest.mark.parametrize("direction", ["max", "min"])
def test_data_tell_how_good_a_score_can_be_and_need_not_be_beaten(direction: Any) -> None:
    own, noise, real = ([mean + luck for luck in (-0.1, 0, 0.1)] for mean in (5.0, 1.0, 9.0))
    if direction == "min":
        own, noise, real = own, real, noise
    rivals = (Returns("noise", "noise", noise), Returns("training rows", "data", real))
    policy = Returns("policy", "model", own)
    one = Evaluation("val/return", direction, "episode", policy, rivals, paired=False)

    judged = judge("val", [one])

    (score,), facts = judged.scores, judged.facts
    assert score.baseline is not None
    assert score.baseline.name == "noise"
    assert [entry["beaten"] for entry in facts["baselines"]] == [True, None]
    assert facts["baselines"][1]["difference"] == pytest.approx(-4)
    assert (facts["power"]["trivial"], facts["power"]["beats"]) == (True, True)
    told = f"; training rows themselves have {1 if direction == 'min' else 9}, which need not be"
    assert told in facts["power"]["text"]
    with pytest.raises(ValueError, match="val/return has no baselines"):
        Evaluation("val/return", direction, "episode", policy, rivals[1:])


def test_nothing_evaluated_is_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="val: nothing was evaluated"):
        judge("val", [])


def test_episodes_are_judged_as_rows_are() -> None:
    luck = RNG.normal(0, 5, 60)  # of the episode's seed, the same for both
    judged = judge("val", [evaluation(luck + 1 + RNG.normal(0, 0.1, 60), luck)])

    (score,), (one,) = judged.scores, judged.facts["baselines"]
    assert (score.name, score.direction, judged.decided) == ("val/return", "max", False)
    assert score.interval is not None
    assert score.interval[0] < score.value < score.interval[1]
    assert score.baseline is not None
    assert (score.baseline.name, one["kind"], one["beaten"]) == ("random policy", "noise", True)
    assert one["difference"] == pytest.approx(1, abs=0.1)
    assert one["interval"][1] - one["interval"][0] < 0.1
    assert judged.facts["power"]["text"].endswith("(paired bootstrap over 60 episodes)")


@pytest.mark.parametrize("direction", ["max", "min"])
def test_estimates_of_other_units_are_drawn_independently(direction: str) -> None:
    """The luck that pairs share is not theirs: the interval is that of two samples."""
    luck = RNG.normal(0, 5, 60)
    fresh = RNG.permutation(luck)[:40]

    judged = judge("val", [evaluation(luck + 1, fresh, paired=False, direction=direction)])

    (one,) = judged.facts["baselines"]
    sign = 1 if direction == "max" else -1
    moved = luck.mean() + 1 - fresh.mean()
    half = 1.96 * np.sqrt(luck.var() / 60 + fresh.var() / 40)
    assert one["difference"] == pytest.approx(sign * moved)
    expected = (sign * moved - half, sign * moved + half)
    assert one["interval"] == pytest.approx(expected, abs=half / 4)
    assert one["beaten"] is False
    assert judged.facts["power"]["text"].endswith("(two independent bootstraps over 60 episodes)")


def test_the_same_estimate_drawn_twice_differs_where_it_is_not_paired() -> None:
    returns = RNG.normal(size=50)
    paired, apart = (
        judge("val", [evaluation(returns, returns, paired=one)]).facts["baselines"][0]["interval"]
        for one in (True, False)
    )

    assert paired is None  # no draw tells them apart
    assert apart[0] < 0 < apart[1]


def test_a_score_that_is_not_defined_is_told_so() -> None:
    judged = judge("val", [evaluation([1.0, 2.0], [np.nan, 1.0])])

    assert judged.scores[0].baseline is None
    assert judged.facts["baselines"] == []
    assert judged.facts["power"]["text"] == "val/return is not defined on these 2 episodes"
    assert judged.facts["power"]["beats"] is None


def test_equal_units_tell_nothing_of_others() -> None:
    """Unlike rows, episodes cannot be given another's answer."""
    judged = judge("val", [evaluation([1.0] * 9, [0.0] * 9)])

    assert judged.scores[0].interval is None
