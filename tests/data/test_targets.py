from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlx.data.samples import Samples
from dlx.data.targets import TargetCodec, class_counts, encode
from dlx.errors import UsageError


def with_target(column: Any, classes: tuple[str, ...] = ()) -> Samples:
    values = np.asarray(column)
    return Samples(
        columns={"x": np.zeros((len(values), 1)), "y": values},
        inputs=("x",),
        targets=("y",),
        test=None,
        source={},
        digest="",
        classes={"y": classes} if classes else {},
    )


@pytest.mark.parametrize(
    ("problem", "column", "dtype", "outputs", "names"),
    [
        ("binary", [0, 1, 1], np.float32, 1, ("0", "1")),
        ("multiclass", [0, 2, 1], np.int64, 3, ("0", "1", "2")),
        ("multiclass", [0, 1], np.int64, 2, ("0", "1")),
        ("multilabel", [[0, 1], [1, 1]], np.float32, 2, ("0", "1")),
        ("regression", [0.5, 3.0], np.float32, 1, ()),
        ("vector_regression", [[0.5, 3.0, 1.0]], np.float32, 3, ()),
        ("unit_regression", [0.0, 1.0, 0.3], np.float32, 1, ()),
    ],
)
def test_each_problem_gets_what_its_loss_takes(
    problem: str, column: Any, dtype: Any, outputs: int, names: tuple[str, ...]
) -> None:
    found = encode(with_target(column), "y", problem)

    assert found.values.dtype == dtype
    np.testing.assert_array_equal(found.values, np.asarray(column, dtype))
    assert (found.outputs, found.classes) == (outputs, names)


def test_a_class_that_no_row_has_is_an_output_all_the_same() -> None:
    found = encode(with_target([0, 1], ("cat", "dog", "owl")), "y", "multiclass")

    assert (found.outputs, found.classes) == (3, ("cat", "dog", "owl"))


TWO = "two classes"


@pytest.mark.parametrize(
    ("problem", "column", "found", "other"),
    [
        ("binary", [0, 1, 2], "binary classification, but there are 3 classes", "multiclass"),
        (
            "binary",
            [[0, 1]],
            ("binary classification, but each row has several labels"),
            "multilabel",
        ),
        (
            "multiclass",
            [[0, 1]],
            "multiclass, single-label classification, but each row has several labels",
            "multilabel",
        ),
        (
            "multilabel",
            [0, 1],
            "multiclass, multilabel classification, but each row has one label",
            "multiclass",
        ),
        (
            "regression",
            [[0.5, 1.0]],
            "scalar regression, but each row has several numbers",
            "vector_regression",
        ),
        (
            "vector_regression",
            [0.5, 1.0],
            "vector regression, but each row has one number",
            "regression",
        ),
        (
            "unit_regression",
            [0.5, 1.25],
            "regression to values in [0, 1], but its values go from 0.5 to 1.25",
            "regression",
        ),
        (
            "unit_regression",
            [-0.1, 1.0],
            "regression to values in [0, 1], but its values go from -0.1 to 1",
            "regression",
        ),
    ],
)
def test_values_that_contradict_the_problem(
    problem: str, column: Any, found: str, other: str
) -> None:
    with pytest.raises(UsageError) as caught:
        encode(with_target(column), "y", problem)

    assert str(caught.value) == (
        f"target y is declared {found}\n"
        "  where: targets.y.problem\n"
        f"  try: targets.y.problem={other}"
    )


@pytest.mark.parametrize(
    ("problem", "column", "classes", "told"),
    [
        ("binary", [1, -1, 1], (), "-1\n  where: first in row 1\n  accepted: class ids: whole"),
        ("multiclass", [0, 1.5], (), "1.5\n  where: first in row 1\n  accepted: class ids: whole"),
        ("multiclass", [0, 7], ("a", "b"), "7\n  where: first in row 1\n  accepted: class ids b"),
        ("multilabel", [[0, 1], [2, 0]], (), "2\n  where: first in row 1\n  accepted: 0 or 1 for"),
    ],
)
def test_values_that_are_no_classes(
    problem: str, column: Any, classes: tuple[str, ...], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        encode(with_target(column, classes), "y", problem)

    assert str(caught.value).startswith(f"target y contains {told}")


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_holes_are_refused(problem: str, hole: float) -> None:
    with pytest.raises(UsageError) as caught:
        encode(with_target([0.0, hole, 1.0, hole]), "y", problem)

    assert str(caught.value) == (
        "target y has 2 rows without a finite number\n"
        "  where: first in row 1\n"
        "  accepted: a value in every row"
    )


def test_no_rows_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        encode(with_target(np.zeros(0)), "y", "regression")

    assert str(caught.value) == "target y has no rows"


def test_class_counts() -> None:
    ids = np.array([0, 2, 2, 1, 2])
    marks = np.array([[1, 0], [1, 1], [0, 0]], dtype=np.float32)

    assert class_counts(ids, ("a", "b", "c"), np.array([0, 1, 2])) == {"a": 1, "b": 0, "c": 2}
    assert class_counts(marks, ("p", "q"), np.arange(3)) == {"p": 2, "q": 1}


def test_texts_are_no_targets() -> None:
    """Readers give class ids: names of classes in their place were a traceback."""
    samples = Samples({"x": np.zeros((2, 1)), "y": ["cat", "dog"]}, ("x",), ("y",))

    with pytest.raises(UsageError) as caught:
        encode(samples, "y", "binary")

    assert str(caught.value) == (
        "target y holds texts\n"
        "  accepted: numbers; of classes their ids from 0 (int64), and the names in `classes`"
    )


@pytest.mark.parametrize(
    ("codec", "activated", "names", "texts"),
    [
        (TargetCodec("binary", 1, ("no", "yes")), [0.5, 0.6], ["no", "yes"], ["no", "yes"]),
        (TargetCodec("multiclass", 2, ("a", "b")), [[0.1, 0.9]], ["b"], ["b"]),
        (
            TargetCodec("multilabel", 2, ("a", "b")),
            [[0.1, 0.2], [0.9, 0.6]],
            [[], ["a", "b"]],
            ["", "a|b"],
        ),
        (TargetCodec("regression", 1), [0.25, 2e7], [0.25, 2e7], ["0.25", "2e+07"]),
        (TargetCodec("vector_regression", 2), [[1, 2.5]], [[1, 2.5]], ["1|2.5"]),
    ],
    ids=lambda value: value.problem if isinstance(value, TargetCodec) else "",
)
def test_predictions_are_decoded(codec: Any, activated: Any, names: Any, texts: Any) -> None:
    answers = codec.decode(np.float32(activated))

    assert answers.names == names
    assert codec.texts(answers.values) == texts
    assert (answers.probabilities is None) == (not codec.classes)
