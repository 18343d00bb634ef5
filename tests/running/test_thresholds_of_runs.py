"""`targets.X.threshold`: chosen on validation rows, kept with the run, and followed by all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from small import trained

from dlx.config.load import digest, load
from dlx.data.targets import TargetCodec, merge
from dlx.errors import UsageError
from dlx.judging.thresholds import choose_thresholds
from dlx.learning.heads import Head, cut_at
from dlx.prepare import Pipeline
from dlx.report import build
from dlx.running.retest import look_again
from dlx.use.predictor import Predictor

CANCER = ("task=breast_cancer", "trainer.epochs=2", "trainer.threads=1", "metrics={f1: {}}")
KEY = "targets.diagnosis.threshold"


def saved(folder: Path) -> Any:
    return json.loads((folder / "prepare" / "pipeline.json").read_text())["targets"]["diagnosis"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run whose threshold is chosen; its optimizer is slow, so that 0.5 is not the best one."""
    where = f"run.root={tmp_path_factory.mktemp('runs')}"
    return trained(f"{KEY}=best_f1", "optimizer.lr=0.0001", where, base=CANCER)


def test_the_threshold_is_the_best_of_the_validation_rows(run: Any) -> None:
    fold, learner = run.stage.fold, run.training.learner
    part = fold.part("val")
    logits = learner.run_over(part, learner.meters("val"))["diagnosis"]
    shares, truth = torch.sigmoid(logits[:, 0]).numpy(), part.targets["diagnosis"].numpy()
    positive = fold.targets["diagnosis"].codec.positive
    expected = choose_thresholds("best_f1", shares, truth, positive)

    assert saved(run.folder)["threshold"] == list(expected)
    assert expected[0] != 0.5
    score = next(one for one in run.facts["scores"] if one["name"] == "val/f1")
    said = shares > expected[0]
    assert score["value"] == pytest.approx(f1_score(truth, said, pos_label=positive))


def test_it_is_told_in_log_facts_and_report(run: Any) -> None:
    (cut,) = saved(run.folder)["threshold"]
    rows = len(run.stage.fold.validation)

    log = (run.folder / "log.txt").read_text()
    assert f"threshold of diagnosis: {cut:.3g} (best_f1, {rows} validation rows)" in log
    assert run.facts["problem"]["diagnosis"]["threshold"] == [cut]
    assert "threshold of diagnosis" in build(run.folder).read_text(encoding="utf-8")


def test_predictions_test_scores_and_the_kept_table_follow_it(run: Any) -> None:
    told = {one["name"]: one["value"] for one in run.facts["scores"]}
    again = {one["name"]: one["value"] for one in look_again(run.folder)["scores"]}
    assert again["test/f1"] == told["test/f1"]

    samples, rows = run.data.samples, run.data.split.test
    frame = type(samples)({n: samples.columns[n].take(rows) for n in samples.inputs}, (), ())
    said = Predictor.open(run.folder).predict(frame)["diagnosis"]
    (cut,) = saved(run.folder)["threshold"]
    assert said.probabilities is not None
    assert (said.values == (said.probabilities > cut)).all()
    truth = run.data.targets["diagnosis"].values[rows]
    positive = run.data.targets["diagnosis"].codec.positive
    assert f1_score(truth, said.values, pos_label=positive) == pytest.approx(told["test/f1"])


def test_a_model_of_all_rows_takes_the_mean_of_the_folds(tmp_path: Path) -> None:
    folds = ("protocol={name: kfold, k: 2}", "final=true", "trainer.epochs=1")
    run = trained(f"{KEY}=best_f1", *folds, f"run.root={tmp_path}", base=CANCER)

    each = [saved(run.folder / "folds" / str(one))["threshold"][0] for one in (0, 1)]
    assert each[0] != each[1]
    assert saved(run.folder)["threshold"] == [pytest.approx(np.mean(each))]


def test_a_fixed_one_decides_from_the_start() -> None:
    head = Head("y", "binary", 1, lambda a, b: a, 1.0, cut=cut_at((0.8,), torch.device("cpu")))
    logits = torch.logit(torch.tensor([[0.7], [0.81]]))

    assert (head.answers(logits) > 0).tolist() == [[False], [True]]
    assert head.logits(logits) is logits
    codec = TargetCodec("binary", 1, ("no", "yes"), threshold=(0.8,))
    assert codec.decode(np.array([0.7, 0.81], np.float32)).names == ["no", "yes"]


def test_of_several_models_it_is_the_mean() -> None:
    codecs = [
        TargetCodec("multilabel", 2, ("a", "b"), threshold=one) for one in ((0.2, 0.4), (0.4, 0.8))
    ]

    assert merge(codecs).threshold == pytest.approx((0.3, 0.6))
    assert merge(codecs).decode(np.array([[0.31, 0.59]])).names == [["a"]]


@pytest.mark.parametrize("wrong", [(0.2, 0.3), (1.0,), (float("nan"),)])
def test_no_use_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="threshold"):
        TargetCodec("binary", 1, ("no", "yes"), threshold=wrong)


def test_one_half_is_what_every_run_had() -> None:
    assert digest(load([*CANCER, f"{KEY}=0.5"]).config) == digest(load([*CANCER]).config)
    assert (
        "threshold"
        not in Pipeline({}, (), {"y": TargetCodec("binary", 1, ("a", "b"))}).plain()["targets"]["y"]
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("task=wine", "targets.cultivar.threshold=best_f1"),
            "`targets.cultivar.threshold` is best_f1, but multiclass, single-label classification: "
            "the most probable class is the answer\n"
            "  where: command line: targets.cultivar.threshold=best_f1\n"
            "  accepted: nothing: only for two classes, or labels\n"
            "  try: targets.cultivar.threshold=0.5",
        ),
        (
            (*CANCER, f"{KEY}=best_f1", "protocol=train_test"),
            f"`{KEY}` is best_f1, but no rows validate, on which it could be chosen\n"
            f"  where: command line: {KEY}=best_f1\n"
            "  accepted: a number, or a protocol with validation rows\n"
            f"  try: {KEY}=0.5",
        ),
        (
            (*CANCER, f"{KEY}=1.5"),
            f"`{KEY}` is 1.5\n  where: command line: {KEY}=1.5\n  accepted: a number > 0 and < 1",
        ),
    ],
)
def test_wrong_uses_are_refused(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load([*arguments])

    assert str(caught.value) == told
