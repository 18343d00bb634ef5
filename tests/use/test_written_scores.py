"""Scores that scikit-learn takes of written predictions are those that the run was judged by."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from small import trained

from dlx.cli.main import main
from dlx.running.run import Run

METRICS = "metrics={accuracy: {}, precision: {}, recall: {}, roc_auc: {}, average_precision: {}}"


def predict(run: Run, folder: Path, *flags: str) -> list[dict[str, str]]:
    """What `dlx predict` writes of the run's own test rows."""
    column = run.data.samples.columns["features"].take(run.data.split.test)
    with (folder / "test.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(column.features)  # type: ignore[attr-defined]
        writer.writerows([*map(repr, row)] for row in np.asarray(column).astype(float).tolist())
    out = folder / "p.csv"
    words = ["predict", str(run.folder), str(folder / "test.csv"), "--out", str(out)]
    assert main([*words, *flags]) == 0
    with out.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.slow
@pytest.mark.parametrize("positive", ["malignant", "benign"])
def test_scores_of_two_classes(tmp_path: Path, positive: str) -> None:
    from sklearn import metrics

    run = trained(
        f"run.root={tmp_path / 'runs'}",
        METRICS,
        f"targets.diagnosis.positive={positive}",
        base=("task=breast_cancer", "trainer.threads=1", "trainer.epochs=3"),
    )
    found = predict(run, tmp_path, "--probabilities")
    target, rows = run.data.targets["diagnosis"], run.data.split.test
    true = np.array(target.codec.name(target.values[rows]))
    said = np.array([row["diagnosis"] for row in found])
    share = np.array([float(row[f"diagnosis_probability_{positive}"]) for row in found])
    mine = {
        "accuracy": metrics.accuracy_score(true, said),
        "precision": metrics.precision_score(true, said, pos_label=positive),
        "recall": metrics.recall_score(true, said, pos_label=positive),
        "roc_auc": metrics.roc_auc_score(true == positive, share),
        "average_precision": metrics.average_precision_score(true == positive, share),
    }
    told = {one["name"]: one["value"] for one in run.facts["scores"]}
    assert {f"test/{name}" for name in mine} <= set(told)
    for name, value in mine.items():
        assert told[f"test/{name}"] == pytest.approx(value, abs=1e-9), name


@pytest.mark.slow
def test_scores_of_numbers(tmp_path: Path) -> None:
    from sklearn import metrics

    run = trained(
        f"run.root={tmp_path / 'runs'}",
        "metrics={mae: {}, rmse: {}, r2: {}}",
        "targets.progression.scale=standardise",
        base=("task=diabetes", "trainer.threads=1", "trainer.epochs=3"),
    )
    found = predict(run, tmp_path)
    said = np.array([float(row["progression"]) for row in found])
    true = run.data.targets["progression"].values[run.data.split.test]
    told = {one["name"]: one["value"] for one in run.facts["scores"]}
    assert told["test/mae"] == pytest.approx(metrics.mean_absolute_error(true, said), rel=1e-6)
    assert told["test/r2"] == pytest.approx(metrics.r2_score(true, said), abs=1e-6)
