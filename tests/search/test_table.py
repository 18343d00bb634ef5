"""What a sweep makes of its trials; oracles are SciPy and Optuna."""

from __future__ import annotations

import random
from typing import Any

import optuna
import pytest
from scipy import stats

from dlx.search.table import counts, front, point_of, rank_settings


def trial(number: int, value: float | None, **more: Any) -> dict[str, Any]:
    state = "failed" if value is None else "done"
    values = {} if value is None else {"val/accuracy": value, "parameters": 10}
    return {"trial": number, "state": state, "value": value, "values": values, **more}


@pytest.mark.parametrize("values", [[0.5, 0.7], [0.9, 0.91, 0.95, 0.93], [-2.0, 0.0, 5.5]])
def test_the_interval_over_seeds_is_students(values: list[float]) -> None:
    found = point_of(0, {}, [trial(number, value) for number, value in enumerate(values)])
    error = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=sum(values) / len(values), scale=error)
    shares = values[0] > 0
    expected = [max(low, 0), min(high, 1)] if shares else [low, high]
    assert found["interval"] == pytest.approx(expected)
    assert found["interval_of"] == "seeds"


def test_seeds_that_agree_are_as_uncertain_as_the_rows_of_one() -> None:
    seeds = [trial(n, 0.97, interval=[0.9, 0.99], interval_of="bootstrap") for n in range(5)]
    assert point_of(0, {}, seeds)["interval"] == pytest.approx([0.9, 0.99])


def test_one_value_has_no_interval_of_its_own() -> None:
    alone = trial(0, 0.5, interval=[0.4, 0.6], interval_of="bootstrap", epoch=3, seconds=1.0)
    found = point_of(0, {"a": 1}, [alone])
    assert (found["interval"], found["interval_of"], found["std"]) == (
        [0.4, 0.6],
        "bootstrap",
        None,
    )


def test_a_point_is_the_mean_of_what_is_done() -> None:
    trials = [trial(0, 0.5, epoch=2), trial(1, None), trial(2, 0.7, epoch=4)]
    found = point_of(3, {"a": 1}, trials)
    assert found["value"] == pytest.approx(0.6)
    assert (found["n"], found["epoch"], found["trials"]) == (2, 3.0, [0, 1, 2])
    assert found["values"] == {"val/accuracy": pytest.approx(0.6), "parameters": 10}


def test_a_point_is_worth_what_its_worst_trial_is() -> None:
    def judged(number: int, beats: bool | None) -> dict[str, Any]:
        return trial(number, 0.5, beats=beats, verdict=str(beats), use="" if beats else "use it")

    for many, least in (([True, None, False], False), ([True, None], None), ([True, True], True)):
        found = point_of(0, {}, [judged(number, beats) for number, beats in enumerate(many)])
        expected = (least, str(least), "" if least else "use it")
        assert (found["beats"], found["verdict"], found["use"]) == expected
    assert point_of(0, {}, [trial(0, 0.5)])["verdict"] is None  # harvested before that was told


def test_a_point_without_a_finished_trial_has_no_value() -> None:
    found = point_of(0, {}, [trial(0, None), {"trial": 1, "state": "waiting"}])
    assert (found["value"], found["std"], found["interval"], found["n"]) == (None, None, None, 0)


@pytest.mark.parametrize(("direction", "order"), [("max", [1, 0, 2]), ("min", [0, 1, 2])])
def test_settings_that_lost_seeds_rank_behind_those_that_did_not(
    direction: str, order: list[int]
) -> None:
    best, worst = (0.99, 0.1) if direction == "max" else (0.1, 0.99)
    points = [
        point_of(0, {}, [trial(0, 0.5), trial(1, 0.5)]),
        point_of(1, {}, [trial(2, 0.6), trial(3, 0.6)]),
        point_of(2, {}, [trial(4, best), trial(5, None)]),
        point_of(3, {}, [trial(6, None)]),
    ]
    assert worst != best
    assert [point["point"] for point in rank_settings(points, direction)] == order


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_optunas(seed: int) -> None:
    rng = random.Random(seed)
    study = optuna.create_study(directions=["maximize", "minimize"])
    points = []
    for number in range(12):
        values = (rng.choice([0.7, 0.8, 0.9]), rng.choice([10, 20, 30]))
        study.add_trial(optuna.trial.create_trial(values=list(values)))
        points.append(
            {"point": number, "values": dict(zip(("score", "size"), values, strict=True))}
        )
    goals = [{"name": "score", "direction": "max"}, {"name": "size", "direction": "min"}]
    assert sorted(front(points, goals)) == sorted(t.number for t in study.best_trials)
    scores = [points[number]["values"]["score"] for number in front(points, goals)]
    assert scores == sorted(scores, reverse=True)


def test_counts() -> None:
    rows = [trial(0, 0.5), trial(1, None), {"state": "waiting"}]
    assert counts(rows) == {"done": 1, "pruned": 0, "failed": 1, "running": 0, "waiting": 1}


def test_the_middle_half_of_the_seeds() -> None:
    values = [0.9, 0.1, 0.92, 0.94, 0.93]
    found = point_of(0, {}, [trial(number, value) for number, value in enumerate(values)])
    middle = found["interquartile"]
    assert middle["mean"] == pytest.approx(stats.trim_mean(values, 0.25))
    assert middle["left_out"] == 2
    low, high = middle["interval"]
    assert min(values) < low < middle["mean"] < high < max(values)


def test_of_few_seeds_the_middle_half_is_all() -> None:
    few = [trial(number, value) for number, value in enumerate([0.5, 0.7, 0.9])]
    told = {"mean": pytest.approx(0.7), "interval": None, "left_out": 0}
    assert point_of(0, {}, few)["interquartile"] == told
    assert point_of(0, {}, few[:1])["interquartile"] is None
