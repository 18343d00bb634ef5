from __future__ import annotations

import pytest
import torch
from small import built, trained

from dlx.baselines import Baseline
from dlx.training.experiment import test_part as the_test_part
from dlx.training.loop import fit
from dlx.training.verdict import Score, judge


@pytest.mark.parametrize(
    ("value", "direction", "baseline", "interval", "beats"),
    [
        (0.9, "max", 0.5, None, True),
        (0.5, "max", 0.5, None, False),
        (0.9, "max", 0.5, (0.6, 0.95), True),
        (0.6, "max", 0.5, (0.4, 0.7), False),
        (2.0, "min", 3.0, (1.5, 2.9), True),
        (2.0, "min", 3.0, (1.5, 3.1), False),
        (2.0, "min", None, None, None),
        (float("nan"), "max", 0.5, None, None),
    ],
)
def test_a_score_beats_its_baseline_by_more_than_its_noise(
    value: float,
    direction: str,
    baseline: float | None,
    interval: tuple[float, float] | None,
    beats: bool | None,
) -> None:
    known = None if baseline is None else Baseline("majority", baseline)

    assert Score("test/x", value, direction, known, interval).beats() is beats


def test_judging_puts_the_judged_metric_first_and_the_loss_last() -> None:
    config, data, fold, training = built("metrics={f1: {}, accuracy: {}}")
    fit(training, fold.train, fold.validation)

    judged = judge(config, training, fold, "test", the_test_part(data, fold))

    assert [score.name for score in judged.scores] == ["test/f1", "test/accuracy", "test/loss"]
    first, second, loss = judged.scores
    assert first.interval is not None
    assert first.interval[0] <= first.value <= first.interval[1]
    assert second.interval is loss.interval is loss.baseline is None
    assert judged.logits["cultivar"].shape == (len(data.split.test), 3)


def test_the_baseline_learns_from_training_rows_alone() -> None:
    run = trained("task=breast_cancer", "trainer.epochs=1", base=("trainer.threads=1",))

    train = run.fold.train.targets["diagnosis"]
    majority = float(train.mean() > 0.5)
    truth = torch.as_tensor(run.data.targets["diagnosis"].values[run.data.split.test])
    (found,) = (s for s in run.facts["scores"] if s["name"] == "test/accuracy")
    assert found["baseline"]["value"] == pytest.approx(float((truth == majority).float().mean()))
