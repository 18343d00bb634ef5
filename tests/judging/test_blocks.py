"""Units in time are drawn in blocks: intervals hold what they say where neighbours are alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from dlx.config.specs import METRICS
from dlx.data.columns import Dense
from dlx.data.samples import Samples
from dlx.judging.baselines import Answer
from dlx.judging.blocks import InTime, choose_block, measure_block, order_in_time
from dlx.judging.bootstrap import Draws
from dlx.judging.evaluation import Evaluation
from dlx.judging.judge import Sample, judge
from dlx.judging.means import Mean

RNG = np.random.default_rng(0)


def drift(units: int, alike: float, source: Any = RNG) -> Any:
    """An autoregressive series with mean 0, begun long before."""
    return lfilter([1.0], [1.0, -alike], source.normal(size=units + 500))[500:]


def evaluation(each: Any, in_time: InTime | None, other: Any = 0.0) -> Evaluation:
    rival = Mean("other", "constant", np.zeros(len(each)) + other)
    return Evaluation(
        "val/far", "min", "row", Mean("model", "model", each), (rival,), True, in_time
    )


@pytest.mark.parametrize(("units", "block"), [(10, 3), (9, 3), (7, 7), (5, 1)])
def test_a_draw_of_blocks_is_neighbours_in_time_as_in_a_circle(units: int, block: int) -> None:
    order = np.random.default_rng(1).permutation(units)
    place = np.argsort(order)
    times = np.zeros(units)

    for drawn in Draws(units, block=block, order=order, many=500):
        assert len(drawn) == units
        parts = [place[drawn[at : at + block]] for at in range(0, units, block)]
        assert all((np.diff(part) % units == 1).all() for part in parts)
        times += np.bincount(drawn, minlength=units)

    assert times / 500 == pytest.approx(np.ones(units), abs=0.15)  # none is at an end


def test_independent_units_are_drawn_as_before() -> None:
    """To the bit; blocks of one in the order of time are the same draws."""
    plain, ordered = Draws(50, many=3), Draws(50, many=3, order=np.arange(50))
    assert [d.tolist() for d in plain] == [d.tolist() for d in ordered]
    assert next(iter(plain)).tolist()[:5] == [5, 35, 45, 10, 24]


def test_a_block_is_as_long_as_units_are_alike_and_as_one_reaches() -> None:
    lengths = [measure_block(drift(3000, alike)) for alike in (0.0, 0.5, 0.8, 0.95)]
    assert lengths == sorted(lengths)
    assert lengths[0] < 10 < lengths[2] < 80 < lengths[3]
    # the optimum for AR(1) of Politis and White
    assert lengths[2] == pytest.approx((6 * 0.8**2 / (1 - 0.8**2) ** 2 * 3000) ** (1 / 3), rel=0.5)
    noise = drift(1000, 0.0)
    assert choose_block(1000, 150, noise) == 150
    assert choose_block(1000, 1, None) == 10
    assert choose_block(30, 150, None) == 10  # three blocks are drawn at least
    assert (measure_block(np.ones(50)), measure_block(np.array([1.0, np.nan] * 20))) == (1, 1)


def intervals(each: Any) -> list[tuple[float, float]]:
    """Of a mean: from blocks, and from single rows."""
    ways = (InTime(np.arange(len(each))), None)
    return [Sample(evaluation(each, way)).interval() or (0.0, 0.0) for way in ways]


def test_an_interval_is_as_wide_as_alike_neighbours_make_it() -> None:
    """Of AR(1) with 0.8 three times as wide as that of single rows, of noise as wide."""
    for alike, times in ((0.8, 3.0), (0.0, 1.0)):
        found = [intervals(drift(2000, alike)) for _ in range(4)]
        wider = np.mean([(b[1] - b[0]) / (a[1] - a[0]) for b, a in found])
        assert wider == pytest.approx(times, rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize(("units", "least"), [(400, 0.84), (1000, 0.89), (4000, 0.9)])
def test_intervals_of_alike_neighbours_hold_the_expected_score(units: int, least: float) -> None:
    source = np.random.default_rng(0)
    held = []
    for _ in range(300):
        found = intervals(drift(units, 0.8, source))
        held.append([low <= 0 <= high for low, high in found])

    blocks, rows = np.mean(held, axis=0)
    assert least <= blocks <= 0.97
    assert rows <= 0.58


def test_a_lead_over_one_spell_of_the_time_is_not_significant() -> None:
    """Single rows would say so: the spell's rows are alike, and it came once."""
    each = RNG.normal(0, 0.1, 600)
    each[100:130] -= 1.0

    alone, blocks = (
        judge("val", [evaluation(each, found)])
        for found in (None, InTime(np.arange(600), least=60))
    )

    assert [j.facts["baselines"][0]["beaten"] for j in (alone, blocks)] == [True, False]
    told = "(paired bootstrap over 600 rows in time, in blocks of 60)"
    assert blocks.facts["power"]["text"].endswith(told)
    assert blocks.facts["block"] == 60
    assert "block" not in alone.facts


def test_right_and_wrong_in_time_are_no_narrower_than_apart() -> None:
    chosen = METRICS.default("accuracy")()
    measure = chosen.load()(chosen.options, "binary", 1)
    truth = torch.tensor([0.0, 1.0] * 200)
    right = torch.as_tensor(np.arange(400) % 100 < 80)  # four spells of wrong answers
    logits = torch.where(right, truth, 1 - truth)[:, None] * 2 - 1
    own = Answer("model", "model", measure, truth, (logits,))
    worse = Answer("majority", "constant", measure, truth, (-logits.abs(),))

    found = [
        judge("val", [Evaluation("val/accuracy", "max", "row", own, (worse,), True, in_time)])
        for in_time in (None, InTime(np.arange(400)))
    ]

    (low, high), (lower, higher) = (one.scores[0].interval or (0, 0) for one in found)
    assert lower < low - 0.02
    assert higher > high
    assert [one.decided for one in found] == [True, False]
    leads = [one.facts["baselines"][0]["interval"] for one in found]
    assert leads[1][0] <= leads[0][0]


def test_rows_are_neighbours_by_their_time_and_not_by_their_number() -> None:
    time = np.array([5, 1, 4, 2, 3, 0])
    columns = {"x": np.zeros((6, 1)), "y": np.zeros(6), "time": time}
    samples = Samples(
        columns={name: Dense(values) for name, values in columns.items()},
        inputs=("x",),
        targets=("y",),
        time="time",
        ahead=2,
        behind=3,
    )

    found = order_in_time(samples, np.array([0, 1, 2, 4]))

    assert found is not None
    assert (found.order.tolist(), found.least) == ([1, 3, 2, 0], 5)
    episodes = Evaluation(
        "val/return",
        "max",
        "episode",
        Mean("a", "model", np.ones(4)),
        (Mean("b", "noise", np.zeros(4)),),
    )
    assert episodes.placed_in_time(found).in_time is None
    assert evaluation(np.ones(4), None).placed_in_time(found).in_time is found
    assert evaluation(np.ones(3), None).placed_in_time(found).in_time is None
