from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from dlx.config.specs import protocols as specs
from dlx.config.specs.protocols import Auto, Chronological, Holdout, IteratedKFold, KFold, TrainTest
from dlx.data import protocols
from dlx.data.auto import auto
from dlx.data.protocols import (
    Split,
    chronological,
    count_rows,
    holdout,
    iterated_kfold,
    kfold,
    train_test,
)
from dlx.data.samples import Samples
from dlx.errors import MethodError, UsageError


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
    assert "the official test set of 4 rows" in split.rule


def test_unshuffled_validation_is_the_first_rows_outside_the_test_part() -> None:
    samples = labelled(np.arange(10), test=[0, 2, 9])

    split = holdout(Holdout(validation=3, shuffle=False), samples, 0, "y")

    assert split.folds[0].validation.tolist() == [1, 3, 4]
    assert split.folds[0].train.tolist() == [5, 6, 7, 8]


def test_unshuffled_validation_may_be_the_last_rows_as_in_keras() -> None:
    samples = labelled(np.arange(10), test=[0, 2, 9])

    split = holdout(Holdout(validation=3, shuffle=False, take="last"), samples, 0, "y")

    assert split.folds[0].validation.tolist() == [6, 7, 8]
    assert split.folds[0].train.tolist() == [1, 3, 4, 5]
    assert "(the last ones)" in split.rule


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
        "20 rows split off as the test set by protocol.test_seed=3"
    )
    assert first.rule == (
        "16 of 99 training rows held out for validation (the first ones); "
        "the official test set of 1 rows"
    )
    assert alone.rule == (
        "all 99 training rows train, none validate; the official test set of 1 rows"
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
        f"`protocol.validation` is {found}\n  accepted: a share below 1, or a number from 1 to 79"
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


def in_time(rows: int, test: Any = None) -> Samples:
    """Rows that lie in no order, with the hour of each."""
    samples = labelled(np.zeros(rows, dtype=np.float32), test)
    hours = np.random.default_rng(0).permutation(rows)
    return replace(samples, columns={**samples.columns, "hour": hours}, time="hour")


class TestKFold:
    def test_bostons_four_folds_have_101_rows_each(self) -> None:
        samples = labelled(np.zeros(506, dtype=np.float32), range(404, 506))

        split = kfold(KFold(k=4, shuffle=False), samples, 0, "y")

        assert [len(fold.validation) for fold in split.folds] == [101] * 4
        assert split.folds[1].validation.tolist() == list(range(101, 202))
        assert split.test.tolist() == list(range(404, 506))
        assert split.made_by == "book"

    @pytest.mark.parametrize("shuffle", [False, True])
    @pytest.mark.parametrize("k", [2, 3, 4, 5])
    def test_folds_are_disjoint_cover_all_and_differ_by_one(self, k: int, shuffle: bool) -> None:
        labels = some_labels(151, 3, k)

        split = kfold(KFold(k=k, shuffle=shuffle), labelled(labels), 0, "y")

        validated = np.concatenate([fold.validation for fold in split.folds])
        assert np.sort(np.r_[validated, split.test]).tolist() == list(range(151))
        sizes = [len(fold.validation) for fold in split.folds]
        assert max(sizes) - min(sizes) <= 1
        for fold in split.folds:
            assert not np.intersect1d(fold.train, fold.validation).size
            assert len(fold.train) + len(fold.validation) == len(split.rest)

    def test_the_seed_moves_the_folds_but_never_the_test_part(self) -> None:
        labels = some_labels(151, 3, 0)
        first, other = (kfold(KFold(), labelled(labels), seed, "y") for seed in (0, 1))

        assert first.folds[0].validation.tolist() != other.folds[0].validation.tolist()
        assert first.test.tolist() == other.test.tolist()

    def test_each_iteration_draws_afresh(self) -> None:
        labels = some_labels(151, 3, 0)

        split = iterated_kfold(IteratedKFold(k=4, iterations=3), labelled(labels), 0, "y")

        assert len(split.folds) == 12
        firsts = [split.folds[4 * i].validation.tolist() for i in range(3)]
        assert len({tuple(rows) for rows in firsts}) == 3
        for i in range(3):
            parts = [fold.validation for fold in split.folds[4 * i : 4 * i + 4]]
            assert np.sort(np.concatenate(parts)).tolist() == split.rest.tolist()

    def test_more_folds_than_rows_are_refused(self) -> None:
        with pytest.raises(UsageError, match="leaves a fold empty"):
            kfold(KFold(k=9), labelled(np.zeros(10), range(5)), 0, "y")

    @pytest.mark.parametrize("shuffle", [True, False])
    def test_a_billion_folds_are_refused_before_they_are_drawn(self, shuffle: bool) -> None:
        options = KFold(k=10**9, shuffle=shuffle)
        with pytest.raises(UsageError, match=r"`protocol.k` is 1000000000, which leaves"):
            kfold(options, labelled(np.zeros(10), range(5)), 0, "y")
        with pytest.raises(UsageError, match=r"`protocol.k` is 1000000000, which leaves"):
            iterated_kfold(IteratedKFold(k=10**9), labelled(np.zeros(10), range(5)), 0, "y")


class TestGroups:
    patients = np.repeat(np.arange(30), 5)

    def samples(self) -> Samples:
        made = labelled(some_labels(150, 3, 0))
        columns = {**made.columns, "x": np.arange(150.0)[:, None], "patient": self.patients}
        return replace(made, columns=columns, groups=("patient",))

    @pytest.mark.parametrize(
        ("protocol", "options"),
        [
            (holdout, Holdout(group="patient")),
            (kfold, KFold(group="patient")),
            (iterated_kfold, IteratedKFold(group="patient")),
        ],
    )
    def test_rows_of_one_group_are_never_parted(self, protocol: Any, options: Any) -> None:
        split = protocol(options, self.samples(), 0, "y")

        for fold in split.folds:
            held = [set(self.patients[rows]) for rows in (fold.train, fold.validation, split.test)]
            assert not held[0] & held[1]
            assert not held[0] & held[2]
            assert not held[1] & held[2]

    def test_equal_rows_are_kept_together(self) -> None:
        made = self.samples()
        twins = np.repeat(np.arange(50.0), 3)[:, None]
        samples = replace(made, columns={**made.columns, "x": twins})

        for seed in range(5):
            options = KFold(duplicates="together")
            split = kfold(options, samples, seed, "y")
            for fold in split.folds:
                parts = [set(twins[rows, 0]) for rows in (fold.train, fold.validation, split.test)]
                assert not parts[0] & parts[1]
                assert not parts[0] & parts[2]

    def test_more_folds_than_groups_are_refused_with_how_many_there_can_be(self) -> None:
        made = self.samples()
        few = replace(made, columns={**made.columns, "patient": np.arange(150) % 4})
        with pytest.raises(UsageError, match="as rows that belong together stay so") as told:
            kfold(KFold(k=5, group="patient"), few, 0, "y")
        (problem,) = told.value.problems
        assert problem.hint == "protocol.k=3"  # one is the test set
        assert len(kfold(KFold(k=3, group="patient"), few, 0, "y").folds) == 3

    def test_groups_and_equal_rows_chain_into_one_unit(self) -> None:
        """Rows 0-4 are patient 0, row 5 (patient 1) equals row 4: patients 0 and 1 go together."""
        made = self.samples()
        content = np.arange(150.0)[:, None]
        content[5] = content[4]
        samples = replace(made, columns={**made.columns, "x": content})

        for seed in range(5):
            split = kfold(KFold(group="patient", duplicates="together"), samples, seed, "y")
            homes = [
                {0, 1} & set(self.patients[rows])
                for rows in (*(fold.validation for fold in split.folds), split.test)
            ]
            assert sorted(map(len, homes)) == [0, 0, 0, 0, 2]


class TestTime:
    @pytest.mark.parametrize("gap", [0, 7])
    def test_the_past_trains_and_the_future_tests(self, gap: int) -> None:
        samples = in_time(200)
        hours = np.asarray(samples.columns["hour"])

        split = chronological(Chronological(gap=gap, validation=30, test=40), samples, 0, "y")

        (fold,) = split.folds
        train, validation, test = (hours[r] for r in (fold.train, fold.validation, split.test))
        assert (len(train), len(validation), len(test)) == (130 - 2 * gap, 30, 40)
        assert validation.min() - train.max() == 1 + gap
        assert test.min() - validation.max() == 1 + gap

    @pytest.mark.parametrize(("behind", "ahead"), [(0, 0), (0, 3), (5, 0), (5, 3)])
    @pytest.mark.parametrize("official", [False, True])
    def test_no_set_holds_what_another_reaches(
        self, behind: int, ahead: int, official: bool
    ) -> None:
        samples = replace(in_time(200), behind=behind, ahead=ahead)
        hours = np.asarray(samples.columns["hour"])
        if official:
            samples = replace(samples, test=np.flatnonzero(hours >= 160))

        split = chronological(Chronological(validation=30, test=40), samples, 0, "y")

        (fold,) = split.folds
        reached = [
            {hour + shift for hour in hours[rows].tolist() for shift in range(-behind, ahead + 1)}
            for rows in (fold.train, fold.validation, split.test)
        ]
        assert not reached[0] & reached[1]
        assert not reached[1] & reached[2]
        assert [max(a) + 1 for a in reached[:2]] == [min(b) for b in reached[1:]]  # none is wasted
        closer = Chronological(gap=max(0, behind + ahead - 1), validation=30, test=40)
        if behind + ahead:
            with pytest.raises(MethodError, match=f"`protocol.gap` is {behind + ahead - 1}: the"):
                chronological(closer, samples, 0, "y")

    def test_a_span_that_leaves_nothing_says_what_to_change(self) -> None:
        samples = replace(in_time(150), behind=40, ahead=10)

        with pytest.raises(UsageError) as caught:
            chronological(Chronological(validation=20, test=40), samples, 0, "y")

        (problem,) = caught.value.problems
        assert problem.what == (
            "the inputs of a row reach 40 rows back, and a target is known 10 rows later: rows "
            "left out between two sets leave none to train on"
        )
        assert (problem.accepted, problem.hint) == (
            "less than 40 rows",
            "smaller protocol.test and protocol.validation, or dataset options that reach less far",
        )

    @pytest.mark.parametrize("gap", [None, 2])
    def test_rows_of_one_time_are_in_one_set(self, gap: int | None) -> None:
        samples = in_time(200)
        days = np.asarray(samples.columns["hour"]) // 9
        samples = replace(samples, columns={**samples.columns, "hour": days})

        split = chronological(Chronological(gap=gap, validation=30, test=40), samples, 0, "y")

        (fold,) = split.folds
        assert (len(fold.validation), len(split.test)) == (30, 40)
        train, validation, test = (days[r] for r in (fold.train, fold.validation, split.test))
        assert validation.min() - train.max() == test.min() - validation.max() == 1
        assert len(train) == 9 * (train.max() + 1)  # the whole of each day before

        samples = replace(samples, columns={**samples.columns, "hour": days * 0})
        with pytest.raises(UsageError) as caught:
            chronological(Chronological(validation=30, test=40), samples, 0, "y")
        assert caught.value.problems[0].what == (
            "no row is earlier than the next set by hour: too many have the same time"
        )

    def test_a_gap_that_leaves_nothing_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"`protocol.gap` is 50, which leaves no row"):
            chronological(Chronological(gap=50, validation=20, test=40), in_time(150), 0, "y")


class TestAutoRule:
    def test_rows_in_time_are_cut_in_time(self) -> None:
        split = auto(Auto(), in_time(200), 0, "y")

        assert split.name == "chronological"
        assert split.rule.startswith("auto: rows are ordered by hour; in time: ")

    def test_few_rows_mean_k_fold(self) -> None:
        split = auto(Auto(), labelled(np.zeros(506, dtype=np.float32), range(404, 506)), 0, "y")

        assert split.name == "kfold"
        assert split.rule.startswith(
            "auto: a hold-out would have 81 rows, fewer than 1,000, so K-fold; 4 folds of 101 rows"
        )

    def test_a_rare_class_means_k_fold(self) -> None:
        labels = np.r_[np.zeros(5990, dtype=np.int64), np.ones(10, dtype=np.int64)]

        split = auto(Auto(), labelled(labels, range(100)), 0, "y")

        assert split.name == "kfold"
        assert "2 rows of the rarest class, fewer than 10" in split.rule

    def test_many_rows_mean_one_hold_out(self) -> None:
        split = auto(Auto(), labelled(some_labels(9000, 3, 0)), 0, "y")

        assert split.name == "holdout"
        assert split.rule.startswith("auto: 1,440 rows are enough for a hold-out set; ")


def test_the_books_4_4_validates_on_the_test_rows() -> None:
    samples = labelled(some_labels(100, 2, 0), range(80, 100))

    split = protocols.test_as_validation(specs.TestAsValidation(), samples, 0, "y")

    assert split.folds[0].validation.tolist() == list(range(80, 100))
    assert len(split.test) == 0
    assert split.test_validates


def test_one_row_cannot_be_cut() -> None:
    with pytest.raises(UsageError) as caught:
        count_rows(0.1, 1, "protocol.test", False)

    assert str(caught.value) == (
        "`protocol.test` is 0.1, which makes 0 of 1 rows\n  accepted: more rows than one"
    )
