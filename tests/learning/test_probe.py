"""What features are worth with few labels, which the learner never sees."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import built, loaded, trained

from dlx.config.learners import spec_of
from dlx.config.specs.probe import Probe
from dlx.errors import UsageError
from dlx.learning.probe import Linear, Prober, probe, raw_inputs
from dlx.runs.artifacts import Artifacts, list_artifacts

TINY = (
    *("task=digits_vae", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1"),
    *("learner.encoder.units=[8]", "learner.decoder.units=[8]", "learner.latent=4"),
    "learner.probe={target: digit, labels: 40, curve: [10, 40, 100000], draws: 2}",
)


def test_a_probe_is_scikit_learns_logistic_regression_on_standardised_features() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(0)
    features = random.normal(size=(60, 5)) * [1, 2, 3, 4, 0] + 7
    for classes in (2, 3):
        ids = (features[:, 0] + features[:, 1] > 14).astype(np.int64) * 3
        ids = ids if classes == 2 else np.where(features[:, 2] > 8, 5, ids)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        expected = model.fit(features[:40], ids[:40]).predict(features[40:])
        assert np.array_equal(Linear.fit(features[:40], ids[:40]).tell(features[40:]), expected)
    assert Linear.fit(features[:3], np.array([4, 4, 4])).tell(features).tolist() == [4] * 60


def test_every_encoder_is_probed_by_the_same_rows_and_labels() -> None:
    _, data, fold, _ = built(base=TINY)
    ids = torch.from_numpy(np.asarray(data.samples.columns["digit"]))
    known = {row.numpy().tobytes(): int(i) for row, i in zip(_pixels(fold, data), ids, strict=True)}

    def cheat(inputs: Any) -> torch.Tensor:
        rows = raw_inputs(inputs).numpy()
        found = torch.tensor([known[row.tobytes()] for row in rows])
        return torch.nn.functional.one_hot(found, 10).float()

    encoders = {"features": cheat, "raw inputs": raw_inputs}
    options = Probe(target="digit", draws=2)
    found = probe(fold, "val", encoders, options, [10, 40], 0, 7)

    assert [*found] == [10, 40]
    assert [*found[40]] == ["features", "raw inputs", "majority"]
    assert found[40]["features"].shape == (2, len(fold.validation or ()))
    assert (found[40]["features"] == 1).all()
    assert 0.2 < found[40]["raw inputs"].mean() <= 1
    again = probe(fold, "val", encoders, options, [40], 0, 64)
    assert np.array_equal(again[40]["raw inputs"], found[40]["raw inputs"])


def _pixels(fold: Any, data: Any) -> torch.Tensor:
    rows = np.arange(len(data.samples))
    return torch.from_numpy(np.asarray(fold.columns["image"].take(rows))).float().flatten(1)


def test_a_probe_stands_beside_raw_inputs_and_random_features() -> None:
    config, _, fold, training = built(base=TINY)
    learner = training.learner

    *_, found = learner.evaluations(fold, "val")

    assert found.score == "val/probe"
    assert found.direction == "max"
    beside = {one.name: one.kind for one in found.baselines}
    assert beside == {"raw inputs": "classical", "random features": "start", "majority": "constant"}
    values = {one.name: one.value() for one in found.baselines}
    assert found.own.value() == values["random features"]  # nothing is trained yet
    assert spec_of(config).scores(config)["val/probe"].meaning == (
        "accuracy of a linear classifier on the features, with 40 labels"
    )


def test_the_curve_is_left_as_lines_and_as_a_table(tmp_path: Path) -> None:
    run = trained(base=TINY)

    found = {(one.kind, one.name): run.folder / one.file for one in list_artifacts(run.folder)}
    lines = read(found["lines", "label_efficiency"])
    assert [one["labels"] for one in lines] == ["10", "40"]
    for name in ("features", "raw inputs", "random features", "majority"):
        for one in lines:
            assert float(one[f"{name} from"]) <= float(one[name]) <= float(one[f"{name} to"])
    cell = read(found["table", "label_efficiency_scores"])[1]["features"]
    assert float(cell.split()[0]) == pytest.approx(float(lines[1]["features"]), abs=6e-4)
    assert "val/probe" in (run.folder / "report.json").read_text("utf-8")
    assert not [*list_artifacts(tmp_path)]
    Prober(loaded(base=TINY[:4]).config).leave(Artifacts(tmp_path))
    assert not [*list_artifacts(tmp_path)]


def read(file: Path) -> list[dict[str, str]]:
    return [*csv.DictReader(file.read_text("utf-8").splitlines())]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["learner.probe.target=image"],
            "`learner.probe.target` is image, but that is an input: labels that the learner sees "
            "cannot judge it (leak)\n  where: command line: learner.probe.target=image\n"
            "  accepted: classes of dataset digits: digit\n  try: learner.probe.target=digit",
        ),
        (
            ["learner.probe.target=digits"],
            "`learner.probe.target` is digits, but dataset digits has no such target\n"
            "  where: command line: learner.probe.target=digits\n"
            "  accepted: classes of dataset digits: digit\n  try: learner.probe.target=digit",
        ),
    ],
)
def test_what_a_probe_cannot_be_is_refused(overrides: list[str], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(*overrides, base=TINY)
    assert str(caught.value) == told


def test_more_labels_than_rows_are_refused_before_training() -> None:
    with pytest.raises(UsageError) as caught:
        built("dataset.sample=false", "learner.probe={target: digit, labels: 5000}", base=TINY[:-1])
    assert str(caught.value) == (
        "`learner.probe.labels` is 5,000, but there are 1,150 training rows\n"
        "  where: learner.probe.labels\n  accepted: at most 1,150\n"
        "  try: learner.probe.labels=100"
    )
