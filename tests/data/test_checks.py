from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from dlx.data.checks import Finding, check, refuse_leaks, rows_seen_elsewhere
from dlx.data.fingerprints import input_hashes
from dlx.data.protocols import Fold, Split
from dlx.data.samples import Samples
from dlx.data.targets import encode
from dlx.errors import MethodError


def table(rows: int = 90, **columns: Any) -> Samples:
    random = np.random.default_rng(0)
    made = {"x": random.normal(size=(rows, 3)), "y": np.arange(rows) % 3, **columns}
    return Samples(
        columns=made,
        inputs=("x",),
        targets=("y",),
        test=None,
        source={},
        digest="",
        features={"x": ("a", "b", "c")},
    )


def cut(rows: int = 90, **changes: Any) -> Split:
    train, validation, test = np.split(np.arange(rows), [rows // 2, 2 * rows // 3])
    return replace(Split("holdout", (Fold(train, validation),), test, "by hand"), **changes)


def found(samples: Samples, split: Split, problem: str = "multiclass") -> list[Finding]:
    targets = {"y": encode(samples, "y", problem)}
    return check(samples, split, targets, input_hashes(samples))


def test_clean_data_have_nothing_to_tell() -> None:
    assert found(table(), cut()) == []


class TestDuplicates:
    def samples(self) -> Samples:
        """Validation row 50 and test row 80 equal training row 3; labels differ at 50."""
        x = np.random.default_rng(0).normal(size=(90, 3))
        x[50] = x[80] = x[3]
        y = np.arange(90) % 3
        y[80] = y[3]
        return table(x=x, y=y)

    def test_are_leaks_where_dlx_drew_the_cut(self) -> None:
        leaks = [f for f in found(self.samples(), cut()) if f.name == "duplicates"]

        assert [(f.kind, f.part, f.count) for f in leaks] == [
            ("leak", "train-val", 1),
            ("leak", "train-test", 1),
        ]
        assert leaks[0].examples == ("row 50 (validation) = row 3 (training)",)
        assert leaks[0].text.endswith("training row; 1 of them with another target")
        assert "another target" not in leaks[1].text

    @pytest.mark.parametrize("made_by", ["official", "book", "time"])
    def test_are_told_where_others_did(self, made_by: Any) -> None:
        split = cut(made_by=made_by, test_made_by=made_by)

        told = [f for f in found(self.samples(), split) if f.name == "duplicates"]

        assert [f.kind for f in told] == ["smell", "smell"]
        refuse_leaks(told)

    def test_are_refused_with_examples_and_what_to_type(self) -> None:
        findings = found(self.samples(), cut())

        with pytest.raises(MethodError) as refused:
            refuse_leaks(findings)

        assert refused.value.exit_code == 4
        told = str(refused.value)
        assert "leak: 1 validation row has the same inputs as a training row" in told
        assert "row 50 (validation) = row 3 (training)" in told
        assert "protocol.duplicates=together keeps equal rows together" in told

    def test_may_be_allowed(self) -> None:
        findings = found(self.samples(), cut())
        assert any(finding.kind == "leak" for finding in findings)

        refuse_leaks(findings, duplicates=False)  # raises nothing

    def test_rows_of_the_test_part_that_stand_elsewhere(self) -> None:
        samples = self.samples()

        assert rows_seen_elsewhere(cut(), input_hashes(samples)).tolist() == [80]

    def test_repeated_rows_within_a_part_are_a_fact(self) -> None:
        x = np.random.default_rng(0).normal(size=(90, 3))
        x[4] = x[5] = x[3]

        (fact,) = found(table(x=x), cut())

        assert (fact.kind, fact.name, fact.count) == ("fact", "repeated rows", 2)


def test_the_same_row_in_two_parts_is_refused_whoever_cut() -> None:
    split = cut(made_by="official", test_made_by="official")
    overlapping = replace(split, test=np.arange(40, 90))

    leak = next(f for f in found(table(), overlapping) if f.name == "same row")

    assert (leak.kind, leak.count) == ("leak", 20)
    with pytest.raises(MethodError, match="20 rows are in two sets"):
        refuse_leaks([leak], duplicates=False)


class TestTime:
    def test_order_is_kept(self) -> None:
        samples = replace(table(hour=np.arange(90)), time="hour")

        assert found(samples, cut()) == []

    def test_rows_not_later_than_training_are_a_leak(self) -> None:
        hours = np.arange(90)
        hours[70] = 10
        samples = replace(table(hour=hours), time="hour")

        (leak,) = found(samples, cut())

        assert (leak.kind, leak.part, leak.count) == ("leak", "train-test", 1)
        assert leak.text == "1 test rows are not later than every training row"
        assert leak.examples == ("row 70: hour 10",)

    def test_rows_that_reach_into_training_rows_are_a_leak(self) -> None:
        samples = replace(table(hour=np.arange(90)), time="hour", behind=2, ahead=1)
        train, validation, test = np.arange(44), np.arange(46, 60), np.arange(63, 90)

        leaks = found(samples, cut())
        (near,) = found(samples, replace(cut(), folds=(Fold(train, validation),), test=test))

        assert [(one.kind, one.part, one.count) for one in leaks] == [
            ("leak", "train-val", 3),
            ("leak", "train-test", 3),
        ]
        assert near.text == (
            "1 validation rows overlap with training rows: the inputs of a row reach 2 rows back, "
            "and a target is known 1 rows later"
        )
        assert (near.part, near.examples) == ("train-val", ("row 46",))
        with pytest.raises(MethodError, match=r"protocol=chronological protocol.gap=null"):
            refuse_leaks([near])
        (told, _) = found(samples, cut(made_by="official", test_made_by="official"))
        assert told.kind == "smell"


class TestDrift:
    def test_classes_that_differ_beyond_chance(self) -> None:
        y = np.r_[np.arange(600) % 2, np.ones(300, dtype=np.int64)]

        drift = [f for f in found(table(900, y=y), cut(900), "binary") if f.name == "drift"]

        assert [f.part for f in drift] == ["train-test"]
        table_of_counts = [[300, 300], [0, 300]]
        p = stats.chi2_contingency(table_of_counts).pvalue
        assert f"(p={p:.1g})" in drift[0].text
        assert drift[0].examples == ("0 50.0%, 1 50.0%", "1 100.0%, 0 0.0%")

    def test_numbers_that_differ_beyond_chance(self) -> None:
        y = np.random.default_rng(0).normal(size=900)
        y[600:] += 1

        drift = [f for f in found(table(900, y=y), cut(900), "regression") if f.name == "drift"]

        assert [f.part for f in drift] == ["train-test"]

    def test_honest_cuts_rarely_cry(self) -> None:
        cries = 0
        for seed in range(200):
            y = np.random.default_rng(seed).permutation(np.arange(900) % 5)
            cries += any(f.name == "drift" for f in found(table(900, y=y), cut(900)))

        assert cries <= 3


class TestFeatures:
    def test_missing_constant_and_telltale_features(self) -> None:
        random = np.random.default_rng(0)
        y = random.normal(size=90)
        x = np.c_[np.full(90, 7.0), 2 * y + 1, random.normal(size=90)]
        x[3, 2] = np.nan

        told = {f.name: f for f in found(table(x=x, y=y), cut(), "regression")}

        assert told["constant features"].examples == ("a",)
        assert told["target given away"].examples == ("b",)
        assert told["missing"].examples == ("c: 1",)
        assert {f.kind for f in told.values()} == {"smell", "fact"}

    def test_a_column_of_single_numbers_is_checked_like_a_table(self) -> None:
        y = np.random.default_rng(0).normal(size=90)
        holes = np.where(np.arange(90) == 3, np.nan, y)

        for x, name, example in (
            (2 * y + 1, "target given away", "x"),
            (np.full(90, 7.0), "constant features", "x"),
            (holes, "missing", "x: 1"),
        ):
            samples = replace(table(x=x, y=y), columns={"x": x, "y": y}, features={})
            told = {f.name: f for f in found(samples, cut(), "regression")}
            assert told[name].examples == (example,)


def test_a_class_that_a_scored_part_lacks_is_told() -> None:
    y = np.arange(90) % 3
    y[45:60] = np.arange(15) % 2  # no validation row of class 2
    told = [f for f in found(table(y=y), cut()) if f.name == "absent class"]
    assert [(f.kind, f.part, f.count, f.examples) for f in told] == [("smell", "val", 1, ("2",))]
    assert told[0].text == "no validation row is of 1 of the 3 classes of target y"
    train, held = np.arange(45), np.arange(45, 60)
    folds = (Fold(train, held), Fold(np.arange(15, 60), np.arange(15)))
    several = [f for f in found(table(y=y), cut(folds=folds)) if f.name == "absent class"]
    assert several[0].text == "no validation row of some fold is of 1 of the 3 classes of target y"


def test_a_class_that_no_training_row_is_of_is_told() -> None:
    y = np.arange(90) % 2
    y[45:] = np.arange(45) % 3
    rest = Fold(np.arange(45), np.arange(45, 60))
    told = [f for f in found(table(y=y), cut(folds=(rest,))) if f.name == "absent class"]
    assert [(f.part, f.examples) for f in told] == [("train", ("2",))]
    assert told[0].text == "no training row is of 1 of the 3 classes of target y"
