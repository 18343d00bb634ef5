"""Labels that judge a learner which never sees them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small import built, loaded

from dlx.config.labels import check_labels
from dlx.data.columns import Dense
from dlx.errors import MethodError, UsageError
from dlx.sources.data import Data
from dlx.sources.fold import FoldData
from dlx.sources.labels import labels_of

WINE = ("task=wine", "dataset.sample=true", "trainer.threads=1")
DIGITS = ("task=digits_vae", "dataset.sample=true", "trainer.threads=1")


def fold_of(*overrides: str) -> tuple[Data, FoldData]:
    _, data, fold, _ = built(*overrides, base=DIGITS)
    return data, fold


def test_labels_that_no_target_names_are_those_of_the_rows() -> None:
    data, fold = fold_of()
    column = np.asarray(data.samples.columns["digit"])

    assert not data.targets
    assert not fold.train.targets
    for part, rows in (("train", fold.rows.train), ("val", fold.rows.validation)):
        found = labels_of(fold, part, "digit")
        assert found.classes == tuple("0123456789")
        assert np.array_equal(found.ids, column[rows])
    assert np.array_equal(labels_of(fold, "test", "digit").ids, column[data.split.test])


def test_copies_of_training_rows_have_the_label_of_what_they_are_copies_of() -> None:
    steps = "prepare.steps=[{name: impute}, {name: standardise}]"
    _, data, fold, _ = built(steps, "prepare.copies.share=0.5", base=WINE)
    column = np.asarray(data.samples.columns["cultivar"])

    found = labels_of(fold, "train", "cultivar")

    assert len(found.ids) == len(fold.train) > len(fold.rows.train)
    assert np.array_equal(found.ids, fold.train.targets["cultivar"].numpy())
    assert np.array_equal(found.ids[: len(fold.rows.train)], column[fold.rows.train])


def test_a_feature_that_is_the_labels_is_refused_as_a_leak() -> None:
    _, data, fold, _ = built(base=WINE)
    samples, ids = data.samples, np.asarray(data.samples.columns["cultivar"])
    given = samples.columns["features"]
    assert isinstance(given, Dense)
    seen = np.concatenate([given.values, 7.0 - ids[:, None]], axis=1)
    told = Dense(seen, (*given.names, "grower"))
    leaking = replace(samples, columns={**samples.columns, "features": told})

    other = replace(fold, data=replace(data, samples=leaking), learnt={})
    labels_of(fold, "val", "cultivar")
    with pytest.raises(MethodError) as caught:
        labels_of(other, "val", "cultivar")
    assert str(caught.value) == (
        "leak: features.grower is cultivar by another name, so that the learner sees the labels\n"
        "  try: 'prepare.steps=[{name: select, drop: [grower]}]'"
    )


@pytest.mark.parametrize(
    ("task", "name", "told"),
    [
        (
            "wine",
            "features",
            "`learner.labels` is features, but that is an input: labels that the learner sees "
            "cannot judge it (leak)\n  where: here\n  accepted: classes of dataset wine: cultivar\n"
            "  try: learner.labels=cultivar",
        ),
        (
            "wine",
            "cultivr",
            "`learner.labels` is cultivr, but dataset wine has no such target\n  where: here\n"
            "  accepted: classes of dataset wine: cultivar\n  try: learner.labels=cultivar",
        ),
        (
            "diabetes",
            "progression",
            "`learner.labels` is progression, but that is no single class: regression\n"
            "  where: here\n  accepted: null: dataset diabetes has no classes\n"
            "  try: learner.labels=null",
        ),
    ],
)
def test_labels_that_cannot_judge_are_refused(task: str, name: str, told: str) -> None:
    config = loaded(base=(f"task={task}", "dataset.sample=true")).config

    found = [*check_labels(config, lambda _: "here", ("learner", "labels"), name)]

    assert str(UsageError(*found)) == told
    assert not [*check_labels(loaded().config, lambda _: "", ("x",), "cultivar")]
