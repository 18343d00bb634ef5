"""Several labels a row: scores recomputed by scikit-learn from the written file, weights."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from small import built, trained
from torch.nn.functional import binary_cross_entropy_with_logits

from dlx.data.balance import class_weights
from dlx.data.readers.multilabel import FUNCTIONS
from dlx.data.samples import Frame
from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.learning.boosted import open_forest
from dlx.running.run import Run
from dlx.use.predictor import Predictor

YEAST = ("task=yeast", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
KEY = "targets.functions"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A short run on made-up genes, with thresholds of each label."""
    root = f"run.root={tmp_path_factory.mktemp('labels')}"
    return trained(root, f"{KEY}.threshold=best_f1", base=YEAST)


def written(run: Run) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Truth, predicted labels and probabilities of `predictions.csv`."""
    with (run.folder / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))

    def marks(column: str) -> npt.NDArray[Any]:
        return np.array([[name in row[column].split("|") for name in FUNCTIONS] for row in rows])

    shares = np.array([[*map(float, row["probabilities"].split("|"))] for row in rows])
    return marks("true"), marks("predicted"), shares


def test_scores_are_scikit_learns_from_the_written_file(run: Run) -> None:
    truth, predicted, shares = written(run)
    there = truth.any(axis=0) & ~truth.all(axis=0)
    scores = {one["name"]: one["value"] for one in run.facts["scores"]}

    precision = average_precision_score(truth[:, truth.any(axis=0)], shares[:, truth.any(axis=0)])
    assert scores["test/average_precision"] == pytest.approx(precision, abs=1e-6)
    assert scores["test/roc_auc"] == pytest.approx(roc_auc_score(truth[:, there], shares[:, there]))
    known = (truth | predicted).any(axis=0)
    f1 = f1_score(truth[:, known], predicted[:, known], average="macro", zero_division=0)
    assert scores["test/f1"] == pytest.approx(f1)
    assert scores["test/accuracy"] == pytest.approx((truth == predicted).mean())


def test_boosted_trees_answer_by_thresholds_of_their_own(run: Run) -> None:
    samples, rows = run.data.samples, run.data.split.test
    forest = open_forest(run.folder)
    assert forest is not None
    own = forest.thresholds["functions"]
    assert len(own) == len(FUNCTIONS)
    assert list(own) != run.facts["problem"]["functions"]["threshold"]

    frame = Frame({"features": samples.columns["features"].take(rows)})
    found = Predictor.open(run.folder, using="boosting").predict(frame)["functions"]
    truth = np.asarray(samples.columns["functions"])[rows] > 0.5
    known = (truth | found.values).any(axis=0)
    f1 = f1_score(truth[:, known], found.values[:, known], average="macro", zero_division=0)
    (score,) = [one for one in run.facts["scores"] if one["name"] == "test/f1"]
    (theirs,) = [one for one in score["beside"] if one["name"] == "gradient boosting"]
    assert theirs["value"] == pytest.approx(f1)


LABELS = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]], dtype=np.float32)
TARGET = EncodedTarget(LABELS, TargetCodec("multilabel", 3, ("all", "one", "none")))


def test_balanced_weights_make_a_label_and_its_absence_count_alike() -> None:
    rows = np.arange(4)
    found = np.reshape(class_weights("balanced", TARGET, rows), (2, 3))
    np.testing.assert_allclose(found, [[1, 2, 1], [1, 2 / 3, 1]])
    assert class_weights({"one": 5}, TARGET, rows) == (1, 5, 1, 1, 1, 1)


def test_the_training_loss_of_a_rare_label_is_weighted_as_torch_weighs_it() -> None:
    overrides = ("model.l2=0", "model.dropout=0", "baseline=simple")
    asked = f"{KEY}.class_weights={{Class14: 20, Class2: 0.5}}"
    _, _, fold, training = built(*overrides, asked, base=YEAST)
    batch, learner = fold.train.batch(0, 32), training.learner
    weights = torch.ones(14)
    weights[FUNCTIONS.index("Class14")], weights[FUNCTIONS.index("Class2")] = 20, 0.5

    for training_now in (True, False):
        learner.model.train(training_now)  # type: ignore[attr-defined]
        logits = learner.answer(batch.inputs)["functions"]
        own = learner.losses(batch)["loss"]  # type: ignore[attr-defined]
        wanted = binary_cross_entropy_with_logits(
            logits, batch.targets["functions"], pos_weight=weights if training_now else None
        )
        torch.testing.assert_close(own, wanted)


def test_inputs_that_trees_do_not_read_are_noted(run: Run, tmp_path: Path) -> None:
    assert not [note for note in run.facts["notes"] if "gradient boosting" in note]
    digits = ("task=digits", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
    other = trained("baseline=boosting", f"run.root={tmp_path}", base=digits)
    told = "gradient boosting is left out: no input is numbers or categories side by side"
    assert told in other.facts["notes"]
    assert not [one for one in other.facts["baselines"] if one["kind"] == "boosting"]
