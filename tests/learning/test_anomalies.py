"""Anomalies: the forest scores as scikit-learn's, labels only judge, what cannot be is refused."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
import torch
from small import built, loaded, trained

from dlx.config.fields import options_of
from dlx.config.specs.anomalies import IsolationForest as Options
from dlx.errors import UsageError
from dlx.learning.anomalies import Anomalies, share_below
from dlx.learning.isolating import Forest
from dlx.runs.artifacts import Artifacts, list_artifacts

BASE = ("task=breast_cancer_anomalies", "dataset.sample=true")
FEW = "learner.method.trees=7"
REBUILT = ("learner.method={name: reconstruction, components: 3}",)


def made(*overrides: str, base: tuple[str, ...] = BASE) -> tuple[Any, Anomalies]:
    """A fold, and a learner that has found what there is."""
    *_, fold, training = built(*overrides, base=base)
    learner = training.learner
    assert isinstance(learner, Anomalies)
    training.step(next(training.source.epoch(0)))
    return fold, learner


@pytest.mark.parametrize(("rows", "most", "columns"), [(300, 256, 1.0), (40, 99, 0.5), (3, 2, 1.0)])
def test_a_row_has_scikit_learns_score(rows: int, most: int, columns: float) -> None:
    from sklearn.ensemble import IsolationForest

    source = np.random.default_rng(0)
    train = source.standard_normal((rows, 6)).round(1)
    others = np.concatenate([source.standard_normal((50, 6)) * 3, train[:2]])
    own = Forest(Options(trees=11, rows=most, columns=columns), 6)
    oracle = IsolationForest(
        n_estimators=11, max_samples=min(most, rows), max_features=columns, random_state=4
    )
    oracle.fit(train.astype(np.float32))

    own._keep_trees(oracle)

    wanted = -oracle.score_samples(others.astype(np.float32))
    found = own.score(torch.from_numpy(others)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-15 * 4, atol=0)


def test_what_was_found_can_be_put_back_whatever_its_size() -> None:
    for how in ((FEW,), REBUILT):
        fold, learner = made(*how)
        _, fresh = (None, built(*how, base=BASE)[-1].learner)
        fresh.load_weights(learner.module.state_dict())
        rows = learner.matrix_of(fold.validation)
        assert torch.equal(fresh.found.score(rows), learner.found.score(rows))
        with pytest.raises(RuntimeError):
            fresh.load_weights({"mean": torch.zeros(3)})


def test_labels_change_nothing_that_is_found_unless_they_choose_the_rows() -> None:
    _, judged = made(FEW)
    _, alone = made(FEW, "~learner.labels")
    fold, normal = made(FEW, "learner.train_on=normal")

    for name, one in judged.found.state_dict().items():
        assert torch.equal(one, alone.found.state_dict()[name])
    marked = normal._marked(fold, "train")
    assert len(normal._rows(fold)) == len(fold.train) - marked.sum() < len(fold.train)


def test_scores_stand_beside_chance_and_the_distance_to_the_mean() -> None:
    fold, learner = made(FEW)
    found = {one.score: one for one in learner.evaluations(fold, "val")}

    names = ["average_precision", "precision_at_k", "roc_auc", "shuffled_auc"]
    assert [*found] == [f"val/{name}" for name in names]
    share = learner._marked(fold, "val").mean()
    chance = [one.baselines[0].value() for one in found.values()]
    assert chance == pytest.approx([share, share, 0.5, 0.5])
    assert {one.name for one in found["val/roc_auc"].baselines} == {
        "chance",
        "distance to the mean",
    }


def test_rows_whose_columns_are_shuffled_judge_where_there_are_no_labels() -> None:
    fold, learner = made(*REBUILT, "~learner.labels")

    (found,) = learner.evaluations(fold, "val")

    assert found.score == "val/shuffled_auc"
    assert found.own.value() > 0.9  # its columns follow each other
    scores, others = np.array([1.0, 2.0, 5.0]), np.array([2.0, 3.0])
    assert share_below(scores, others).tolist() == [1.0, 0.75, 0.0]


def test_the_threshold_flags_its_share_of_the_rows_learnt_from(tmp_path: Any) -> None:
    fold, learner = made(FEW, "learner.contamination=0.25")
    scores = learner.found.score(learner.matrix_of(fold.train))
    flagged = (scores > learner.found.flagged_above).double().mean()
    assert 0.2 <= float(flagged) <= 0.25

    learner.evaluations(fold, "val")
    learner.artifacts(Artifacts(tmp_path), "end")

    found = {one.name: one for one in list_artifacts(tmp_path)}
    assert {*found} == {"ranked", "anomalies", "precision"}
    rows = list(csv.DictReader((tmp_path / found["ranked"].file).read_text().splitlines()))
    assert [*rows[0]] == ["row", "anomaly", "flagged", "diagnosis"]
    values = [float(row["anomaly"]) for row in rows]
    assert values == sorted(values, reverse=True)
    share = np.mean([row["flagged"] == "yes" for row in rows])
    told = f"{share:.1%} of the validation rows are flagged, by the score that 25.0% of the rows "
    assert learner.tell() == [f"{told}learnt from exceed"]


def test_as_many_malignant_tumours_are_kept_as_are_asked_for() -> None:
    def counts(*overrides: str) -> list[int]:
        _, data, *_ = built(*overrides, base=("task=breast_cancer",))
        return np.bincount(np.asarray(data.samples.columns["diagnosis"])).tolist()

    assert counts() == counts("dataset.malignant=900") == [212, 357]
    assert counts("dataset.malignant=40") == [40, 357]


DATA = {
    "learner.labels.anomalous=malign": (
        "`learner.labels.anomalous` is malign, which is no class of diagnosis\n"
        "  where: learner.labels.anomalous\n  accepted: malignant, benign\n"
        "  try: learner.labels.anomalous=malignant"
    ),
    "learner.method={name: reconstruction, components: 30}": (
        "`learner.method.components` is 30, but a row has 30 numbers: from as many, every row can "
        "be built again\n"
        "  where: command line: learner.method={name: reconstruction, components: 30}\n"
        "  accepted: a whole number from 1 to 29\n  try: learner.method.components=15"
    ),
    "learner.labels.column=features": (
        "`learner.labels.column` is features, but that is an input: labels that the learner sees "
        "cannot judge it (leak)\n  where: command line: learner.labels.column=features\n"
        "  accepted: classes of dataset breast_cancer: diagnosis\n"
        "  try: learner.labels.column=diagnosis"
    ),
    "~learner.labels.column": (
        "`learner.labels.anomalous` is malignant, but `learner.labels.column` is null\n"
        "  where: dlx:configs/task/breast_cancer_anomalies.yaml:22\n"
        "  accepted: a column of classes, and which of them is anomalous; or neither"
    ),
    "targets={diagnosis: {problem: binary}}": (
        "learner anomalies does not read `targets`: labels take no part in what it finds; "
        "`learner.labels.column` names those that it is judged by\n"
        "  where: command line: targets={diagnosis: {problem: binary}}\n"
        "  accepted: prepare, protocol\n  try: '~targets'"
    ),
}


@pytest.mark.parametrize("typed", DATA, ids=lambda one: one[:30])
def test_what_a_finder_of_anomalies_cannot_have_is_told(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        built(typed, base=BASE)

    assert str(caught.value) == DATA[typed]


def test_to_train_on_normal_rows_needs_labels_and_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        loaded("learner.train_on=normal", "~learner.labels", base=BASE)
    assert str(caught.value) == (
        "`learner.train_on` is normal, but no labels say which rows are\n"
        "  where: command line: learner.train_on=normal\n"
        "  accepted: all, or labels in `learner.labels`\n  try: learner.train_on=all"
    )
    told = "learner.train_on=normal: labels say which training rows are left out"
    assert told in loaded("learner.train_on=normal", base=BASE).notes
    assert not options_of(Options)["rows"].required


@pytest.mark.slow
def test_rows_that_an_autoencoder_cannot_rebuild_are_anomalous() -> None:
    small = ("learner.encoder.units=[4]", "learner.decoder.units=[4]", "trainer.epochs=1")
    base = ("dataset.sample=true", "trainer.threads=1")
    run = trained(*small, base=("task=digits_autoencoder", *base))
    asked = "learner={name: anomalies, method: {name: autoencoder}}"
    own = ("task=digits_projection", *base, asked, "from_run=last")

    fold, learner = made(base=own)

    batch = fold.validation.batch(0, len(fold.validation))
    wanted = run.training.learner.reconstruction_errors(batch.inputs)
    found = learner.found.score(learner.matrix_of(fold.validation))
    torch.testing.assert_close(found.float(), wanted)
    assert [*learner.module.state_dict()] == ["flagged_above"]
    told = learner.describe_run()
    assert told is not None
    assert (told["run"], told["fresh"]) == (f"{run.folder.parent.name}/{run.folder.name}", [])

    for change, why in (
        ("prepare.steps=[{name: scale, divide_by: 8}]", "prepares rows in another way than this"),
        ("prepare.steps=[{name: flatten}]", "reads other rows than those of this"),
    ):
        with pytest.raises(UsageError) as caught:
            built(change, base=own)
        (problem,) = caught.value.problems
        what = f"run {told['run']} cannot say how anomalous rows are: it {why} config"
        assert (problem.what, problem.where) == (what, "from_run")


def test_only_the_errors_of_an_autoencoder_are_asked_of_a_run() -> None:
    for typed, what, hint in (
        (
            "from_run=last",
            "learner anomalies has no weights that could start from a run",
            "from_run.run=",
        ),
        (
            "learner.method.name=autoencoder",
            "`learner.method` is autoencoder, but `from_run` names none",
            "from_run=last",
        ),
    ):
        with pytest.raises(UsageError) as caught:
            loaded(typed, base=BASE)
        (problem,) = caught.value.problems
        assert (problem.what, problem.hint) == (what, hint)
