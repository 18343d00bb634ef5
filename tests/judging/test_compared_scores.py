from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from small import built, trained

from dlx.config.specs import METRICS
from dlx.judging import classical, outcome
from dlx.judging.baselines import Answer
from dlx.judging.evaluation import Evaluation
from dlx.judging.judge import fold_facts_of, judge
from dlx.judging.scores import Baseline, Beside, Judged, Score
from dlx.metrics import Metric
from dlx.sources.data import Data
from dlx.training.loop import fit

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Two threads on rows this few wait for each other; the settings are put back afterwards."""
    torch.set_num_threads(1)


def metric(name: str, problem: str, outputs: int = 1) -> Metric:
    chosen = METRICS.default(name)()
    made: Metric = chosen.load()(chosen.options, problem, outputs)
    return made


def compared(
    name: str, problem: str, logits: Any, truth: Any, *others: tuple[str, Any, Any]
) -> tuple[Score, dict[str, Any]]:
    """A model's logits against some answers (name, kind, logits) on the same rows."""
    measure, truth = metric(name, problem), torch.as_tensor(truth).float()
    own, *beside = (
        Answer(who, kind, measure, truth, (torch.as_tensor(given).float().reshape(-1, 1),))
        for who, kind, given in (("model", "model", logits), *others)
    )
    found = Evaluation(f"test/{name}", measure.direction, "row", own, tuple(beside))
    judged = judge("test", [found])
    return judged.scores[0], judged.facts


def constant(value: float, rows: int) -> tuple[str, Any, Any]:
    return "a constant", "constant", np.full(rows, value)


REAL = ("task=wine", "trainer.threads=1", "trainer.epochs=2")


def test_judging_puts_the_judged_metric_first_and_the_loss_last() -> None:
    _, data, fold, training = built("metrics={f1: {}, accuracy: {}}")
    fit(training, fold)

    judged = judge("test", training.learner.evaluations(fold, "test"))

    assert [score.name for score in judged.scores] == ["test/f1", "test/accuracy", "test/loss"]
    first, second, loss = judged.scores
    assert first.interval is not None
    assert first.interval[0] <= first.value <= first.interval[1]
    assert second.interval is None
    assert loss.interval is None
    assert loss.baseline is not None
    assert loss.baseline.name == "majority"
    assert loss.baseline.value == pytest.approx(constant_loss(data), rel=1e-6)


def constant_loss(data: Data) -> float:
    """The cross-entropy of the training rows' shares of the classes, on the test rows."""
    values, (rows,) = data.targets["cultivar"].values, data.split.folds
    shares = np.bincount(values[rows.train], minlength=3) / len(rows.train)
    return float(-np.log(shares[values[data.split.test]]).mean())


def test_judging_tells_whether_it_beats_chance() -> None:
    _, _, fold, training = built("trainer.epochs=30", base=REAL)
    fit(training, fold)

    judged = judge("test", training.learner.evaluations(fold, "test"))

    listed = judged.facts["baselines"]
    assert [one["name"] for one in listed] == ["majority", "shuffled", "uniform"]
    assert {one["kind"] for one in listed} == {"constant"}
    assert {one["score"] for one in listed} == {"test/accuracy"}
    assert all(one["beaten"] and 0 < one["interval"][0] < one["difference"] for one in listed)
    value = judged.scores[0].value
    assert all(one["difference"] == pytest.approx(value - one["value"]) for one in listed)
    assert judged.facts["power"]["verdict"] == "beats the trivial baseline"
    best = judged.scores[0].baseline
    assert best is not None
    assert best.value == max(one["value"] for one in listed)


def test_an_untrained_model_beats_nothing() -> None:
    _, _, fold, training = built(base=REAL)
    with torch.no_grad():
        for parameter in training.parameters:
            parameter.zero_()

    judged = judge("test", training.learner.evaluations(fold, "test"))

    power = judged.facts["power"]
    assert power["verdict"] == "does not beat the trivial baseline"
    assert power["text"].startswith("does not beat the trivial baseline: test/accuracy is ")
    assert power["text"].endswith("(McNemar's exact test over 36 rows)")


def test_a_classical_model_is_fitted_once_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, fold, training = built("baseline=classical", "trainer.epochs=30", base=REAL)
    fit(training, fold)
    calls = []
    fit_one = classical.fit

    def counted(*given: Any) -> classical.Classical:
        calls.append(given)
        return fit_one(*given)

    monkeypatch.setattr(classical, "fit", counted)

    judged = judge("test", training.learner.evaluations(fold, "test"))
    training.learner.evaluations(fold, "val")

    last = judged.facts["baselines"][-1]
    assert len(calls) == 1
    assert (last["name"], last["kind"]) == ("logistic regression", "classical")
    assert last["value"] > 0.9
    assert "logistic regression" in judged.facts["power"]["text"]


def test_naive_forecasts_are_compared_with(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, fold, training = built(base=("task=diabetes", *REAL[1:]))
    ((target, column),) = fold.part("test").targets.items()
    forecast = {target: {"persistence": column.numpy() + 1}}
    monkeypatch.setattr(Data, "naive", lambda *_: forecast)

    judged = judge("test", training.learner.evaluations(fold, "test"))

    last = judged.facts["baselines"][-1]
    assert (last["name"], last["kind"], last["beaten"]) == ("persistence", "naive", False)
    assert last["value"] == pytest.approx(1.0, abs=1e-4)
    assert judged.facts["power"]["verdict"] == "does not beat the trivial baseline"
    assert judged.scores[0].baseline is not None
    assert judged.scores[0].baseline.name == "persistence"


def test_differences_are_those_of_a_paired_bootstrap() -> None:
    truth, noise = RNG.normal(size=400), RNG.normal(size=400)
    model, other = truth + 0.5 * noise, truth + 0.53 * noise  # wrong together, one a bit less

    score, facts = compared("mae", "regression", model, truth, ("the other", "naive", other))

    (one,) = facts["baselines"]
    moved = 0.03 * np.abs(noise)
    half = 1.96 * moved.std() / math.sqrt(400)
    assert one["difference"] == pytest.approx(moved.mean(), rel=1e-3)
    assert one["interval"] == pytest.approx((moved.mean() - half, moved.mean() + half), rel=0.1)
    assert one["beaten"]
    assert score.interval is not None  # alone, the scores' intervals overlap
    assert score.interval[1] > one["value"]


def test_a_tie_goes_to_the_constant() -> None:
    truth = (np.arange(50) < 30).astype(np.float32)

    _, facts = compared("accuracy", "binary", np.ones(50), truth, constant(1.0, 50))

    (one,) = facts["baselines"]
    assert (one["difference"], one["beaten"]) == (0.0, False)
    assert one["interval"] == pytest.approx((-0.0711, 0.0711), abs=1e-4)  # the rule of three
    assert facts["power"] == {
        "verdict": "does not beat the trivial baseline",
        "text": "does not beat the trivial baseline: test/accuracy is no better than a constant "
        "(0.6), 95 % interval of the difference -0.0711 to 0.0711 "
        "(McNemar's exact test over 50 rows)",
        "trivial": False,
        "beats": False,
        "use": "",
    }


def test_a_difference_that_may_be_chance_beats_nothing() -> None:
    truth = (np.arange(40) < 22).astype(np.float32)
    logits = np.ones(40)
    logits[-1] = -1  # one more row right than always yes

    _, facts = compared("accuracy", "binary", logits, truth, constant(1.0, 40))

    (one,) = facts["baselines"]
    assert one["difference"] == pytest.approx(1 / 40)
    assert one["beaten"] is False
    assert facts["power"]["verdict"] == "does not beat the trivial baseline"


def test_one_row_tells_nothing() -> None:
    _, facts = compared("accuracy", "binary", [1.0], [1.0], constant(-1.0, 1))

    (one,) = facts["baselines"]
    assert (one["difference"], one["beaten"]) == (1.0, False)
    assert one["interval"] == pytest.approx((2 * 0.025 - 1, 1.0))
    assert facts["power"]["beats"] is False


def test_a_tie_with_a_linear_model_goes_to_the_linear_model() -> None:
    truth = (np.arange(60) < 30).astype(np.float32)
    logits = truth * 2 - 1
    line = ("logistic regression", "classical", logits)

    _, facts = compared("accuracy", "binary", logits, truth, constant(1.0, 60), line)

    assert [one["beaten"] for one in facts["baselines"]] == [True, False]
    power = facts["power"]
    assert power["verdict"] == "beats the trivial baseline; logistic regression is as good"
    assert (power["trivial"], power["beats"]) == (True, False)
    assert power["use"] == "use logistic regression: it is simpler and as good"
    assert "test/accuracy is no better than logistic regression (1)" in power["text"]


def test_a_score_without_a_baseline_is_unknown() -> None:
    _, facts = compared("roc_auc", "binary", [1.0, 2.0], [1.0, 1.0], constant(0.0, 2))

    assert facts["baselines"] == []
    assert facts["power"]["beats"] is None
    assert facts["power"]["text"] == "test/roc_auc is not defined on these 2 rows"


def folds(values: list[float], against: list[float], direction: str = "max") -> list[Judged]:
    """What judging each fold would have given."""
    made = []
    for value, other in zip(values, against, strict=True):
        one = {"name": "majority", "kind": "constant", "value": other}
        score = Score("val/accuracy", value, direction)
        made.append(Judged("val", (score,), {"baselines": [one]}))
    return made


def test_folds_that_agree_by_luck_are_as_uncertain_as_their_rows() -> None:
    judged = folds([0.975, 0.975, 0.975, 0.976], [0.6] * 4)
    for one in judged:
        one.facts["baselines"][0] |= {"difference": 0.375, "interval": (0.2, 0.45)}

    alone = fold_facts_of(folds([0.975, 0.975, 0.975, 0.976], [0.6] * 4), 300, 100)
    (one,) = fold_facts_of(judged, 300, 100)["baselines"]
    (twice,) = fold_facts_of(judged, 300, 100, passes=2)["baselines"]

    narrow = alone["baselines"][0]["interval"]
    assert narrow[1] - narrow[0] < 0.003
    expected = (one["difference"] - 0.175 / 2, one["difference"] + 0.075 / 2)
    assert one["interval"] == pytest.approx(expected)
    assert one["difference"] - twice["interval"][0] == pytest.approx(0.175 / math.sqrt(2))


@pytest.mark.parametrize("direction", ["max", "min"])
def test_folds_are_compared_by_the_corrected_t_interval(direction: str) -> None:
    values, against = [0.8, 0.86, 0.75, 0.83], [0.6, 0.62, 0.63, 0.61]
    moved = np.subtract(values, against) * (1 if direction == "max" else -1)

    found = fold_facts_of(folds(values, against, direction), 303, 101)

    (one,) = found["baselines"]
    error = math.sqrt((1 / 4 + 101 / 303) * moved.var(ddof=1))
    low, high = stats.t.interval(0.95, 3, moved.mean(), error)
    assert one["value"] == pytest.approx(np.mean(against))
    assert one["difference"] == pytest.approx(moved.mean())
    assert one["interval"] == pytest.approx((low, high))
    assert one["beaten"] is (direction == "max")
    assert found["power"]["text"].endswith(
        "(corrected t interval over 4 folds, no narrower than the interval over rows)"
    )


def test_folds_that_disagree_beat_nothing() -> None:
    found = fold_facts_of(folds([0.9, 0.5, 0.7, 0.6], [0.6] * 4), 300, 100)

    assert found["baselines"][0]["difference"] > 0
    assert found["baselines"][0]["interval"][0] < 0
    assert found["power"]["verdict"] == "does not beat the trivial baseline"


def test_folds_without_a_spread_tell_nothing() -> None:
    found = fold_facts_of(folds([0.75] * 4, [0.5] * 4), 300, 100)

    assert found["baselines"][0]["interval"] is None
    assert found["power"]["beats"] is None


def test_a_baseline_that_a_fold_lacks_is_left_out() -> None:
    judged = folds([0.8, 0.9], [0.5, 0.6])
    judged[1] = replace(judged[1], facts={"baselines": []})

    assert fold_facts_of(judged, 10, 10)["baselines"] == []


def test_the_baseline_learns_from_training_rows_alone() -> None:
    run = trained("task=breast_cancer", "trainer.epochs=1", base=("trainer.threads=1",))

    train = run.stage.fold.train.targets["diagnosis"]
    majority = float(train.mean() > 0.5)
    truth = torch.as_tensor(run.data.targets["diagnosis"].values[run.data.split.test])
    (found,) = (s for s in run.facts["scores"] if s["name"] == "test/accuracy")
    assert found["baseline"]["value"] == pytest.approx(float((truth == majority).float().mean()))


def test_the_baseline_over_folds_is_the_answer_that_is_best_on_average() -> None:
    """Not the mean of whichever is best in each fold, under the name of one of them."""
    config, data, _, _ = built("protocol=kfold", "protocol.k=2")
    judged = []
    for values in ((0.4, 0.5), (0.8, 0.3)):
        beside = tuple(
            Beside(name, "constant", value)
            for name, value in zip(("majority", "uniform"), values, strict=True)
        )
        best = max(beside, key=lambda one: one.value)
        score = Score("val/accuracy", 0.9, "max", Baseline(best.name, best.value), None, beside)
        judged.append(Judged("val", (score,), decided=True))
    summary = {"val/accuracy": {"mean": 0.9, "std": 0.1, "each": [0.95, 0.85]}}

    (found,) = outcome._fold_scores(config, summary, judged, data)

    assert found["baseline"] == {"name": "majority", "value": pytest.approx(0.6)}
    assert [one["value"] for one in found["beside"]] == pytest.approx([0.6, 0.4])


def test_folds_whose_best_answers_differ_have_the_mean_of_these_beside_them() -> None:
    """The loss has the best constant of each fold beside it, here another one in each."""
    config, data, _, _ = built("protocol=kfold", "protocol.k=2")
    judged = []
    for name, value in (("mean", 0.9), ("median", 1.1)):
        beside = (Beside(name, "constant", value),)
        score = Score("val/loss", 0.5, "min", Baseline(name, value), None, beside)
        judged.append(Judged("val", (_accuracy(), score), decided=True))
    each = {"mean": 0.5, "std": 0.0, "each": [0.5, 0.5]}

    _, found = outcome._fold_scores(config, {"val/accuracy": each, "val/loss": each}, judged, data)

    assert found["baseline"] == {"name": "mean, median", "value": pytest.approx(1.0)}


def _accuracy() -> Score:
    return Score("val/accuracy", 0.5, "max", Baseline("majority", 0.4), (0.3, 0.6))
