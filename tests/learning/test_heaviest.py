"""What a linear model of named multi-hot rows leaves of its features."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import trained

from dlx.data.targets import TargetCodec
from dlx.learning.heaviest import _effects
from dlx.running.run import Run
from dlx.runs.artifacts import list_artifacts

LINEAR = ("model={name: mlp, units: []}", "trainer.batch_size=32")
RAW = ("task=imdb_raw", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=3", *LINEAR)
NAIVE = "prepare={steps: [{name: tokenize}, {name: multi_hot}, {name: naive_bayes}]}"


CLASSES = {"negative": {"dull", "awful", "worse"}, "positive": {"fine", "great", "best"}}


def features(run: Run) -> list[dict[str, Any]]:
    with Path(run.folder / "artifacts" / "features.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("naive", [(), (NAIVE,)])
def test_words_that_speak_for_a_class_are_kept_with_what_they_add(
    naive: tuple[str, ...],
) -> None:
    run = trained(*naive, "optimizer.lr=0.05", base=RAW)

    rows = features(run)

    tops = {
        label: [r["feature"] for r in rows if r["speaks for"] == label][:3] for label in CLASSES
    }
    assert {label: set(top) for label, top in tops.items()} == CLASSES
    column: Any = run.stage.fold.columns["review"]
    train = column.take(run.stage.fold.rows.train)
    weight = next(run.training.learner.networks.parameters())
    place = column.words.index(rows[0]["feature"])
    here = train.indices == place
    assert int(rows[0]["rows"]) == here.sum()
    mean = 1.0 if train.weights is None else train.weights[here].mean()
    sign = -1 if rows[0]["speaks for"] == "negative" else 1
    assert float(rows[0]["adds"]) == pytest.approx(sign * weight[place].item() * mean, rel=1e-5)


def test_of_many_classes_the_mean_is_taken_off() -> None:
    rows = _effects(np.array([[1.0, 2.0, 6.0]]), TargetCodec("multiclass", 3, ("a", "b", "c")))

    assert {label: one.tolist() for label, one in rows.items()} == {"a": [-2], "b": [-1], "c": [3]}
    labels = _effects(np.array([[1.0, 2.0]]), TargetCodec("multilabel", 2, ("a", "b")))
    assert {label: one.tolist() for label, one in labels.items()} == {"a": [1], "b": [2]}


@pytest.mark.parametrize(
    "model", ["model.units=[2]", "model={name: layers, layers: [{linear: 2}]}"]
)
def test_a_model_with_hidden_layers_leaves_none(model: str) -> None:
    run = trained(model, "trainer.epochs=1", base=RAW)

    assert "features" not in [one.name for one in list_artifacts(run.folder)]
