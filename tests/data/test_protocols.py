from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from dlx.config.specs.protocols import Holdout, TrainTest
from dlx.data.protocols import Split, holdout, train_test
from dlx.data.samples import Samples
from dlx.errors import UsageError


def labelled(labels: Any, test: Any = None) -> Samples:
    column = np.asarray(labels)
    return Samples(
        columns={"x": np.zeros((len(column), 1)), "y": column},
        inputs=("x",),
        targets=("y",),
        test=None if test is None else np.asarray(test, dtype=np.int64),
        source={},
        digest="",
    )


def parts(split: Split) -> list[np.ndarray[Any, Any]]:
    (fold,) = split.folds
    return [fold.train, fold.validation, split.test]


def some_labels(rows: int, classes: int, seed: int) -> np.ndarray[Any, Any]:
    """Classes of very different size, each there at least twice."""
    random = np.random.default_rng(seed)
    share = random.dirichlet(np.ones(classes))
    fixed = np.repeat(np.arange(classes), 2)
    return random.permutation(np.r_[fixed, random.choice(classes, rows - len(fixed), p=share)])


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize("stratify", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_parts_are_disjoint_and_cover_every_row(
    official: bool, stratify: bool, shuffle: bool, seed: int
) -> None:
    labels = some_labels(100 + 13 * seed, 2 + seed, seed)
    test = np.random.default_rng(seed).permutation(len(labels))[:17] if official else None
    options = Holdout(validation=0.3, test=0.25, shuffle=shuffle, stratify=stratify)

    split = holdout(options, labelled(labels, test), seed, "y")

    together = np.concatenate(parts(split))
    assert np.sort(together).tolist() == list(range(len(labels)))
    assert all(part.dtype == np.int64 for part in parts(split))


@pytest.mark.parametrize("asked", [1, 0.01, 0.1, 0.5, 17, 70, 0.99])
def test_the_counts_are_those_asked_for(asked: float) -> None:
    labels = some_labels(100, 4, 3)

    train, validation, test = parts(
        holdout(Holdout(validation=asked, test=25), labelled(labels), 0, "y")
    )

    expected = round(asked * 75) if asked < 1 else asked
    assert (len(validation), len(test), len(train)) == (expected, 25, 75 - expected)


@pytest.mark.parametrize("seed", range(20))
def test_a_stratified_draw_keeps_the_classes_in_proportion(seed: int) -> None:
    labels = some_labels(200, 2 + seed % 7, seed)
    count = 1 + seed * 8

    _, validation, _ = parts(
        holdout(Holdout(validation=count), labelled(labels, range(40)), seed, "y")
    )

    rest = labels[40:]
    exact = np.bincount(rest, minlength=9) * count / len(rest)
    drawn = np.bincount(labels[validation], minlength=9)
    assert drawn.sum() == count
    assert (np.abs(drawn - exact) < 1).all()


def test_the_class_counts_are_scikit_learns() -> None:
    labels = np.repeat(np.arange(5), [50, 10, 100, 200, 40])

    _, validation, _ = parts(holdout(Holdout(validation=80, test=200), labelled(labels), 0, "y"))
    rest, _ = train_test_split(labels, train_size=200, stratify=labels, random_state=0)
    expected, _ = train_test_split(rest, train_size=80, stratify=rest, random_state=0)

    np.testing.assert_array_equal(np.bincount(labels[validation]), np.bincount(expected))


def test_without_stratification_classes_are_left_to_chance() -> None:
    labels = np.arange(1000) % 2
    options = Holdout(validation=100, stratify=False)

    counts = {
        int(labels[parts(holdout(options, labelled(labels, [0]), seed, "y"))[1]].sum())
        for seed in range(10)
    }

    assert len(counts) > 3


def test_the_test_part_does_not_depend_on_the_seed() -> None:
    labels = some_labels(300, 3, 0)

    splits = [holdout(Holdout(), labelled(labels), seed, "y") for seed in range(5)]
    alone = train_test(TrainTest(), labelled(labels), 99, "y")
    wider = holdout(Holdout(validation=0.4, shuffle=False), labelled(labels), 3, "y")

    for split in (*splits, alone, wider):
        np.testing.assert_array_equal(split.test, splits[0].test)
    assert len({s.folds[0].validation.tobytes() for s in splits}) == 5


def test_the_test_part_depends_on_its_own_seed() -> None:
    labels = some_labels(300, 3, 0)

    tests = {
        holdout(Holdout(test_seed=seed), labelled(labels), 0, "y").test.tobytes()
        for seed in range(5)
    }

    assert len(tests) == 5


def test_the_same_seed_gives_the_same_rows() -> None:
    first, second = (holdout(Holdout(), labelled(some_labels(300, 3, 0)), 7, "y") for _ in range(2))

    for one, other in zip(parts(first), parts(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("protocol", ["holdout", "train_test"])
def test_the_official_test_part_is_kept_in_its_order(protocol: str) -> None:
    official = [5, 3, 99, 0]
    samples = labelled(np.zeros(100, dtype=int), official)

    if protocol == "holdout":
        split = holdout(Holdout(test=0.5, test_seed=4), samples, 1, "y")
    else:
        split = train_test(TrainTest(test=0.5, test_seed=4), samples, 1, "y")

    assert split.test.tolist() == official
    assert "the official test part of 4 rows" in split.rule


def test_unshuffled_validation_is_the_first_rows_outside_the_test_part() -> None:
    samples = labelled(np.arange(10), test=[0, 2, 9])

    split = holdout(Holdout(validation=3, shuffle=False), samples, 0, "y")

    assert split.folds[0].validation.tolist() == [1, 3, 4]
    assert split.folds[0].train.tolist() == [5, 6, 7, 8]


def test_numbers_are_drawn_without_classes() -> None:
    samples = labelled(np.linspace(0, 1, 50, dtype=np.float32))

    split = holdout(Holdout(validation=10, test=5), samples, 0, "y")

    assert (len(split.folds[0].validation), len(split.test)) == (10, 5)
    assert "classes in proportion" not in split.rule


def test_train_test_has_no_validation() -> None:
    train, validation, test = parts(train_test(TrainTest(test=10), labelled(np.arange(50)), 0, "y"))

    assert (len(train), len(validation), len(test)) == (40, 0, 10)


def test_the_rule_says_what_was_done() -> None:
    labels = some_labels(100, 2, 0)

    drawn = holdout(Holdout(validation=16, test=20, test_seed=3), labelled(labels), 0, "y")
    first = holdout(Holdout(validation=16, shuffle=False), labelled(labels, [0]), 0, "y")
    alone = train_test(TrainTest(), labelled(labels, [0]), 0, "y")

    assert drawn.rule == (
        "16 of 80 training rows held out for validation (drawn at random, classes in proportion); "
        "20 rows cut off for the test by protocol.test_seed=3"
    )
    assert first.rule == (
        "16 of 99 training rows held out for validation (the first ones); "
        "the official test part of 1 rows"
    )
    assert alone.rule == (
        "all 99 training rows train, none validate; the official test part of 1 rows"
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (0.001, "0.001, which makes 0 of 80 rows"),
        (0.999, "0.999, which makes 80 of 80 rows"),
        (80, "80, which makes 80 of 80 rows"),
        (5000, "5000, which makes 5,000 of 80 rows"),
        (1.5, "1.5, which makes 1.5 of 80 rows"),
        (float("inf"), "inf, which makes inf of 80 rows"),
    ],
)
def test_a_part_that_would_be_empty_or_broken_is_refused(asked: float, found: str) -> None:
    samples = labelled(np.zeros(100, dtype=int), range(20))

    with pytest.raises(UsageError) as caught:
        holdout(Holdout(validation=asked), samples, 0, "y")

    assert str(caught.value) == (
        f"`protocol.validation` is {found}\n  accepted: a share below 1, or a count from 1 to 79"
    )


def test_too_large_a_test_part_names_its_own_key() -> None:
    with pytest.raises(UsageError, match=r"`protocol.test` is 200, which makes 200 of 100 rows"):
        train_test(TrainTest(test=200), labelled(np.zeros(100, dtype=int)), 0, "y")


@pytest.mark.parametrize("asked", [80, 10_000])
def test_a_made_up_sample_takes_a_share_where_it_has_too_few_rows(asked: int) -> None:
    """Tasks give the counts of the real data; `dataset.sample=true` must train all the same."""
    samples = replace(labelled(np.zeros(100, dtype=int), range(20)), sample=True)

    split = holdout(Holdout(validation=asked), samples, 0, "y")
    exact = holdout(Holdout(validation=79), samples, 0, "y")

    assert len(split.folds[0].validation) == 16
    assert len(exact.folds[0].validation) == 79
