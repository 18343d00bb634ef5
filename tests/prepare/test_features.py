from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import KBinsDiscretizer, OrdinalEncoder

from dlx.config.specs.prepare import Expression
from dlx.errors import UsageError
from dlx.prepare import Pipeline

Make = Callable[..., Any]
ROWS = 40
TRAIN = np.arange(0, ROWS, 2)
NUMBERS = np.random.default_rng(0).normal(size=(ROWS, 4))
HOLES = np.where(np.random.default_rng(1).random(NUMBERS.shape) < 0.25, np.nan, NUMBERS)


@pytest.fixture
def done(step: Make, samples: Make) -> Make:
    """What a single step makes of a column."""

    def run(column: Any, name: str, **options: Any) -> Any:
        return Pipeline.fit([step(name, **options)], samples(x=column), TRAIN)[1]["x"].values

    return run


class TestImpute:
    @pytest.mark.parametrize("strategy", ["mean", "median"])
    def test_fills_as_scikit_learn_does(self, done: Make, strategy: str) -> None:
        theirs = SimpleImputer(strategy=strategy).fit(HOLES[TRAIN]).transform(HOLES)

        np.testing.assert_allclose(
            done(HOLES, "impute", strategy=strategy), theirs.astype("f4"), rtol=1e-6
        )

    def test_zero(self, done: Make) -> None:
        found = done(HOLES, "impute", strategy="zero")

        np.testing.assert_array_equal(found, np.nan_to_num(HOLES, nan=0).astype("f4"))

    def test_marks_what_was_missing_as_scikit_learn_does(self, done: Make) -> None:
        theirs = MissingIndicator().fit(HOLES[TRAIN]).transform(HOLES)

        assert (done(HOLES, "impute", indicator=True)[:, 4:] == theirs).all()

    def test_a_hole_that_training_did_not_have_is_filled_too(self, done: Make) -> None:
        column = NUMBERS.copy()
        column[1, 2] = np.nan  # row 1 does not train

        found = done(column, "impute", strategy="mean", indicator=True)

        assert found.shape == (ROWS, 4)
        assert found[1, 2] == pytest.approx(NUMBERS[TRAIN, 2].mean(), rel=1e-6)

    def test_what_is_infinite_is_not_missing(self, done: Make) -> None:
        column = NUMBERS.copy()
        column[7, 0] = np.inf

        with pytest.raises(UsageError) as caught:
            done(column, "impute")

        assert str(caught.value) == (
            "input x has missing (NaN) or infinite values in 1 row\n"
            "  where: first in row 7\n  accepted: numbers"
        )

    def test_a_feature_that_is_never_known_becomes_0(self, done: Make) -> None:
        column = NUMBERS.copy()
        column[:, 1] = np.nan

        assert (done(column, "impute")[:, 1] == 0).all()


class TestDerive:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ({"ratio": ("one", "two")}, NUMBERS[:, 0] / NUMBERS[:, 1]),
            ({"difference": ("one", "four")}, NUMBERS[:, 0] - NUMBERS[:, 3]),
            ({"product": ("one", "two", "three")}, NUMBERS[:, :3].prod(axis=1)),
            ({"sum": ("three", "four")}, NUMBERS[:, 2] + NUMBERS[:, 3]),
            ({"log": "two"}, np.sign(NUMBERS[:, 1]) * np.log1p(np.abs(NUMBERS[:, 1]))),
            ({"bins": "one", "edges": (-1.0, 0.0, 1.0)}, np.digitize(NUMBERS[:, 0], [-1, 0, 1])),
        ],
    )
    def test_adds_a_feature(self, done: Make, expression: Any, expected: Any) -> None:
        found = done(NUMBERS, "derive", features={"new": Expression(**expression)})

        np.testing.assert_allclose(found[:, :4], NUMBERS.astype("f4"))
        np.testing.assert_allclose(found[:, 4], expected, rtol=1e-5)

    def test_bins_are_the_quantiles_of_training(self, done: Make) -> None:
        theirs = KBinsDiscretizer(
            4, encode="ordinal", quantile_method="linear", strategy="quantile"
        ).fit(NUMBERS[TRAIN, :1])

        found = done(NUMBERS, "derive", features={"new": Expression(bins="one", quantiles=4)})

        assert (found[:, 4] == theirs.transform(NUMBERS[:, :1])[:, 0]).all()

    def test_a_circle_closes(self, done: Make) -> None:
        hours = np.tile(np.arange(40.0)[:, None] % 24, 4)

        found = done(hours, "derive", features={"t": Expression(cyclic="one", period=24)})

        np.testing.assert_allclose(found[:, 4] ** 2 + found[:, 5] ** 2, 1, rtol=1e-5)
        step = np.hypot(*(found[1:25, 4:] - found[:24, 4:]).T)
        np.testing.assert_allclose(step, step[0], rtol=1e-4)  # from 23 to 0 as from 0 to 1

    def test_a_ratio_by_zero_is_zero(self, done: Make) -> None:
        column = NUMBERS.copy()
        column[5, 1] = 0

        found = done(column, "derive", features={"r": Expression(ratio=("one", "two"))})

        assert found[5, 4] == 0

    def test_new_names_are_known_to_later_steps(self, step: Make, samples: Make) -> None:
        steps = [
            step("derive", features={"a": Expression(sum=("one", "two"))}),
            step("derive", features={"b": Expression(product=("a", "a"))}),
            step("select", keep=("b",)),
        ]

        found = Pipeline.fit(steps, samples(x=NUMBERS), TRAIN)[1]["x"].values

        np.testing.assert_allclose(
            np.ravel(np.asarray(found)), (NUMBERS[:, 0] + NUMBERS[:, 1]) ** 2, rtol=1e-5
        )

    @pytest.mark.parametrize(
        ("expression", "told"),
        [
            ({"log": "tow"}, "there is no feature `tow`"),
            ({}, "feature `new` names 0 operations"),
            ({"log": "one", "bins": "two"}, "feature `new` names 2 operations"),
            ({"ratio": ("one",)}, "ratio of `new` has 1 features"),
            ({"cyclic": "one"}, "cyclic feature `new` has no period"),
            ({"bins": "one", "edges": (1.0, 0.0)}, "edges of `new` are not increasing"),
        ],
    )
    def test_what_is_wrong_is_told(self, done: Make, expression: Any, told: str) -> None:
        with pytest.raises(UsageError, match=told):
            done(NUMBERS, "derive", features={"new": Expression(**expression)})

    def test_a_misspelt_feature_is_suggested(self, done: Make) -> None:
        with pytest.raises(UsageError) as caught:
            done(NUMBERS, "derive", features={"new": Expression(log="tow")})

        assert str(caught.value) == (
            "prepare step derive: there is no feature `tow`\n  where: prepare.steps\n"
            "  accepted: one, two, three, four\n  try: did you mean two?"
        )


class TestSelect:
    def test_keeps_and_drops(self, done: Make) -> None:
        kept = done(NUMBERS, "select", keep=("three", "one"))
        dropped = done(NUMBERS, "select", drop=("two", "four"))

        np.testing.assert_array_equal(kept, NUMBERS[:, [2, 0]].astype("f4"))
        np.testing.assert_array_equal(dropped, NUMBERS[:, [0, 2]].astype("f4"))

    def test_something_must_be_named(self, done: Make) -> None:
        with pytest.raises(UsageError, match="select selects no feature"):
            done(NUMBERS, "select")

    def test_names_are_forgotten_once_the_features_are_others(
        self, step: Make, samples: Make
    ) -> None:
        counts = np.abs(NUMBERS * 3).astype(np.int64)
        steps = [step("one_hot"), step("flatten"), step("select", keep=("two",))]

        with pytest.raises(UsageError, match="there is no feature `two`"):
            Pipeline.fit(steps, samples(x=counts), TRAIN)

    def test_something_must_stay(self, done: Make) -> None:
        with pytest.raises(UsageError, match="leaves no feature"):
            done(NUMBERS, "select", drop=("one", "two", "three", "four"))


WINDS = [("NW", "SE", "cv", "calm")[i % 4] for i in range(ROWS)]


class TestLabelEncode:
    def test_numbers_the_categories_of_training(self, done: Make) -> None:
        train = [WINDS[i] for i in TRAIN]  # "NW" and "cv" alone
        theirs = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=2)
        theirs.fit([[wind] for wind in train])

        found = done(WINDS, "label_encode")

        assert (found == theirs.transform([[wind] for wind in WINDS])).all()

    def test_with_one_hot_unknown_ones_are_zeros(self, step: Make, samples: Make) -> None:
        steps = [step("label_encode"), step("one_hot")]

        found = np.asarray(Pipeline.fit(steps, samples(x=WINDS), TRAIN)[1]["x"])

        assert found.reshape(ROWS, -1).sum(axis=1).tolist() == [1, 0, 1, 0] * 10
