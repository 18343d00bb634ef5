"""A projection: scikit-learn fits it, buffers place new rows, labels take no part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import built, loaded, trained

from dlx.errors import UsageError
from dlx.learning.projection import Projection
from dlx.runs.artifacts import Artifacts, list_artifacts

BASE = ("task=digits_projection", "dataset.sample=true")
GONE = ("~targets", "~model", "~optimizer")
TSNE = ("learner.method.name=tsne", "learner.method.iterations=250", "learner.method.perplexity=9")


def made(*overrides: str, base: tuple[str, ...] = BASE) -> tuple[Any, Projection]:
    """A fold, and a learner that has found what there is."""
    *_, fold, training = built(*overrides, base=base)
    learner = training.learner
    assert isinstance(learner, Projection)
    training.step(next(training.source.epoch(0)))
    return fold, learner


def test_new_rows_are_placed_as_scikit_learn_places_them() -> None:
    from sklearn.decomposition import PCA

    fold, learner = made("learner.method.components=3")
    rows, others = learner.matrix_of(fold.train), learner.matrix_of(fold.validation)
    oracle = PCA(3).fit(rows.numpy())

    found = learner.found.place(others).numpy()

    np.testing.assert_allclose(found, oracle.transform(others.numpy()), atol=1e-9)
    batch = fold.validation.batch(0, len(fold.validation))
    np.testing.assert_allclose(learner.encode(batch.inputs).numpy(), found, atol=1e-5)
    told = f"3 components explain {oracle.explained_variance_ratio_.sum():.1%} of the variance"
    assert learner.tell()[0] == f"{told} of the training rows"


def test_scores_are_what_they_are_called() -> None:
    fold, learner = made()
    rows, train = learner.matrix_of(fold.validation).numpy(), learner.matrix_of(fold.train).numpy()
    found = {one.score: one for one in learner.evaluations(fold, "val")}

    error = (learner.found.rebuild(torch.from_numpy(rows)).numpy() - rows) ** 2
    whole = (rows - train.mean(axis=0)) ** 2
    own = {name: one.own.value() for name, one in found.items()}
    assert own["val/reconstruction"] == pytest.approx(error.mean())
    assert own["val/explained_variance"] == pytest.approx(1 - error.sum() / whole.sum())
    beaten = {one.name: one.value() for one in found["val/explained_variance"].baselines}
    assert beaten["mean row"] == 0
    assert 0 < beaten["random rows"] < own["val/explained_variance"]
    assert own == learner.validate(fold)


def test_as_many_directions_as_columns_keep_everything() -> None:
    base = ("task=wine", "dataset.sample=true", "trainer.epochs=1", "learner=projection")
    fold, learner = made("learner.method.components=13", *GONE, base=base)
    for one in learner.evaluations(fold, "val"):
        best = 0 if one.direction == "min" else 1
        values = [one.own.value(), *(o.value() for o in one.baselines if o.name != "mean row")]
        assert values == pytest.approx([best] * len(values), abs=1e-9)


def test_labels_change_nothing_that_is_found() -> None:
    _, judged = made()
    _, alone = made("learner.labels=null")

    for name, one in judged.found.state_dict().items():
        assert torch.equal(one, alone.found.state_dict()[name])


def test_places_of_all_rows_are_judged_and_shown(tmp_path: Any) -> None:
    fold, learner = made(*TSNE, "~protocol")
    assert len(learner.found.places) == len(fold.train) == 200

    found = learner.validate(fold)
    names = ["trustworthiness", "kept_neighbours", "neighbour_accuracy"]
    assert [*found] == [f"projection/{name}" for name in names]
    first, *_ = learner.evaluations(fold, "projection")
    assert {one.name for one in first.baselines} == {"random projection", "random rows", "PCA"}

    learner.artifacts(Artifacts(tmp_path), "end")
    (points,) = [one for one in list_artifacts(tmp_path) if one.kind == "points"]
    lines = (tmp_path / points.file).read_text().splitlines()
    assert (lines[0], len(lines)) == ("component 1,component 2,digit,row", 201)
    assert points.caption == "200 rows, all rows, coloured by digit, which the learner has not seen"


@pytest.mark.slow
def test_a_run_without_rows_held_out_says_so_and_has_the_same_bits() -> None:
    run = trained(*TSNE, "~protocol", base=BASE)
    again = made(*TSNE, "~protocol")[1]

    assert torch.equal(run.training.learner.found.places, again.found.places)
    assert run.facts["protocol"]["name"] == "none"
    assert run.facts["scores"][0]["name"] == "projection/trustworthiness"


DATA = [
    (
        ("learner.method.components=40", "protocol.train=30"),
        "`learner.method.components` is 40, but there are 30 training rows",
        "learner.method.components=1",
    ),
    (
        (*TSNE[:2], "~protocol", "learner.method.perplexity=200"),
        "`learner.method.perplexity` is 200, but there are 200 rows",
        "learner.method.perplexity=66",
    ),
    (
        ("learner.neighbours=20",),
        "`learner.neighbours` is 20, but 32 validation rows are scored",
        "learner.neighbours=15",
    ),
    (
        ("protocol.test=8",),
        "`learner.neighbours` is 5, but 8 test rows are scored",
        "learner.neighbours=3",
    ),
]


@pytest.mark.parametrize(("overrides", "what", "hint"), DATA, ids=lambda one: str(one)[:30])
def test_rows_from_which_nothing_can_be_found(
    overrides: tuple[str, ...], what: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlx.config.projection.known_size", lambda _: 0)
    with pytest.raises(UsageError) as caught:
        built(*overrides, base=BASE)

    (problem,) = caught.value.problems
    assert (problem.what, problem.hint) == (what, hint)
    if "components" not in hint:
        built(*overrides, hint, base=BASE)


def test_columns_that_are_all_the_same_are_named() -> None:
    with pytest.raises(UsageError) as caught:
        built("learner.method.components=64", base=("task=digits_projection",))

    assert str(caught.value) == (
        "`learner.method.components` is 64, but in the training rows 4 of 64 columns have one "
        "value only (image 0, image 32, image 39, image 56)\n"
        "  where: learner.method.components\n"
        "  accepted: a whole number from 1 to 60\n  try: learner.method.components=60"
    )


CONFIG = {
    "learner.method.components=65": (
        "`learner.method.components` is 65, but a row has 64 numbers\n"
        "  where: command line: learner.method.components=65\n"
        "  accepted: a whole number from 1 to 64\n  try: learner.method.components=2"
    ),
    "learner.method={name: tsne, components: 4}": (
        "`learner.method.components` is 4, more than tsne can give\n"
        "  where: command line: learner.method={name: tsne, components: 4}\n"
        "  accepted: a whole number from 1 to 3\n  try: learner.method.components=2"
    ),
    "learner.labels=image": (
        "`learner.labels` is image, but that is an input: labels that the learner sees cannot "
        "judge it (leak)\n  where: command line: learner.labels=image\n"
        "  accepted: classes of dataset digits: digit\n  try: learner.labels=digit"
    ),
    "targets={digit: {problem: multiclass}}": (
        "learner projection does not read `targets`: labels take no part in what it finds; "
        "`learner.labels` names those that it is judged by\n"
        "  where: command line: targets={digit: {problem: multiclass}}\n"
        "  accepted: prepare, protocol\n  try: '~targets'"
    ),
    "trainer.epochs=5": (
        "learner projection finds everything in one step, but `trainer.epochs` is 5\n"
        "  where: command line: trainer.epochs=5\n  accepted: 1\n  try: trainer.epochs=1"
    ),
    "trainer.precision=bfloat16": (
        "learner projection computes in float64, so `trainer.precision` has no effect\n"
        "  where: command line: trainer.precision=bfloat16\n  accepted: float32\n"
        "  try: trainer.precision=float32"
    ),
    "prepare.augment.image=[{shift: 0.1}]": (
        "learner projection finds everything in one step, so `prepare.augment.image`, which acts "
        "on batches, has no effect\n  where: command line: prepare.augment.image=[{shift: 0.1}]\n"
        "  accepted: no augmentation\n  try: 'prepare.augment.image=[]'"
    ),
    "trainer.clip_norm=1": (
        "learner projection finds everything in one step without a gradient, so "
        "`trainer.clip_norm` has no effect\n"
        "  where: command line: trainer.clip_norm=1\n  accepted: null\n"
        "  try: trainer.clip_norm=null"
    ),
}


@pytest.mark.parametrize("typed", CONFIG, ids=lambda one: one[:30])
def test_what_a_projection_cannot_have_is_told(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(typed, base=BASE)

    assert str(caught.value) == CONFIG[typed]


def test_a_protocol_for_what_cannot_place_new_rows_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        loaded("learner.method.name=tsne", base=BASE)

    assert str(caught.value).startswith(
        "learner projection does not read `protocol`: it cannot place rows that it was not fitted "
        "to, so none is held out\n"
    )
    assert str(caught.value).endswith("  try: '~protocol'")


def test_rows_of_ids_are_refused() -> None:
    base = ("task=imdb", "dataset.sample=true", "trainer.epochs=1", "learner=projection")
    with pytest.raises(UsageError) as caught:
        built(*GONE, base=base)

    assert str(caught.value).startswith(
        "learner projection works on rows of numbers, but those of review are positions that are "
        "set\n"
    )


def test_rows_with_what_is_no_number_are_told_before_anything_is_done() -> None:
    *_, fold, training = built(base=BASE)
    column = fold.validation.held["image"]
    broken = column.take(torch.arange(len(fold.validation)))
    broken.batch(0, len(fold.validation))[3, 2, 1] = torch.nan
    fold.validation.held["image"] = broken

    with pytest.raises(UsageError) as caught:
        training.learner.source(fold, 0)

    (problem,) = caught.value.problems
    row = int(fold.validation.numbers[3])
    told = f"row {row} has no number in image 17, and learner projection needs one"
    assert (problem.what, problem.hint) == (told, "'prepare.steps=[{name: impute}]'")
