from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, MultiLabelBinarizer, OneHotEncoder, StandardScaler

from dlx.config.fields import Chosen
from dlx.data.columns import Dense, Sequence, Sparse
from dlx.data.samples import Samples
from dlx.errors import UsageError
from dlx.prepare import Pipeline

Make = Callable[..., Any]
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(3, [1, 100, 0.001], (40, 3))
TRAIN = np.arange(0, 40, 2)


def prepared(steps: list[Chosen], samples: Samples, train: np.ndarray[Any, Any] = TRAIN) -> Any:
    (name,) = samples.inputs
    column = Pipeline.fit(steps, samples, train)[1][name]
    return column.values if isinstance(column, Dense) else column


def test_a_step_leaves_the_shape_that_its_options_tell(
    step: Make, samples: Make, ragged: Make
) -> None:
    same = dict.fromkeys(("standardise", "scale", "flatten"), RNG.integers(0, 9, (40, 4, 5)))
    for name, column in {**same, "multi_hot": ragged([[1, 2]] * 40)}.items():
        chosen = step(name)
        found = Pipeline.fit([chosen], samples(x=column), TRAIN)[1]["x"].describe().shape
        assert found == chosen.options.after((4, 5)), name


def test_standardise_is_scikit_learns(step: Make, samples: Make) -> None:
    found = prepared([step("standardise")], samples(x=FEATURES))

    expected = StandardScaler().fit(FEATURES[TRAIN]).transform(FEATURES)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("value", [0.1, 0.7, 1e-3, 123.456, 0.0, -1e6])
def test_a_feature_that_is_constant_in_training_becomes_0(
    step: Make, samples: Make, value: float
) -> None:
    column = np.full((1001, 1), value)
    column[-1] = value + 1

    found = prepared([step("standardise")], samples(x=column), np.arange(1000))

    assert (found[:1000] == 0).all() or np.abs(found[:1000]).max() < 1e-6 * max(1, abs(value))
    assert abs(found[-1, 0] - 1) < 1e-6 * max(1, abs(value))


def test_standardise_takes_images_and_integers(step: Make, samples: Make) -> None:
    images = RNG.integers(0, 256, (40, 4, 5), dtype=np.uint8)

    found = prepared([step("standardise")], samples(x=images))

    flat = StandardScaler().fit(images[TRAIN].reshape(20, 20)).transform(images.reshape(40, 20))
    np.testing.assert_allclose(found.reshape(40, 20), flat, rtol=1e-5, atol=1e-6)


def test_scale_to_the_training_range_is_scikit_learns(step: Make, samples: Make) -> None:
    found = prepared([step("scale")], samples(x=FEATURES))

    expected = MinMaxScaler().fit(FEATURES[TRAIN]).transform(FEATURES)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_scale_of_a_constant_feature_is_0(step: Make, samples: Make) -> None:
    assert (prepared([step("scale")], samples(x=np.full((40, 2), 7.3))) == 0).all()


def test_scale_by_a_fixed_divisor(step: Make, samples: Make) -> None:
    bytes_ = RNG.integers(0, 256, (40, 3, 3), dtype=np.uint8)

    found = prepared([step("scale", divide_by=255)], samples(x=bytes_))

    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, bytes_.astype(np.float32) / np.float32(255))


def test_flatten(step: Make, samples: Make) -> None:
    images = RNG.normal(size=(40, 2, 3, 4)).astype(np.float32)

    np.testing.assert_array_equal(
        prepared([step("flatten")], samples(x=images)), images.reshape(40, 24)
    )


def random_rows(count: int, size: int) -> list[list[int]]:
    return [RNG.integers(0, size, RNG.integers(0, 12)).tolist() for _ in range(count)]


@pytest.mark.parametrize(("count", "size"), [(1, 2), (40, 7), (300, 50), (9000, 20)])
def test_multi_hot_is_scikit_learns(
    step: Make, samples: Make, ragged: Make, count: int, size: int
) -> None:
    rows = random_rows(count, size)

    found = prepared([step("multi_hot", size=size)], samples(x=ragged(rows)))

    assert isinstance(found, Sparse)
    dense = np.zeros((count, size), dtype=int)
    dense[np.repeat(np.arange(count), np.diff(found.offsets)), found.indices] += 1
    np.testing.assert_array_equal(
        dense, MultiLabelBinarizer(classes=range(size)).fit_transform(rows)
    )
    for index in range(count):
        assert (np.diff(found.indices[found.offsets[index] : found.offsets[index + 1]]) > 0).all()


def test_multi_hot_of_rows_that_are_all_empty(step: Make, samples: Make, ragged: Make) -> None:
    found = prepared([step("multi_hot", size=5)], samples(x=ragged([[], [], []])), np.arange(2))

    assert np.diff(found.offsets).tolist() == [0, 0, 0]


def test_multi_hot_refuses_ids_beyond_its_size(step: Make, samples: Make, ragged: Make) -> None:
    with pytest.raises(UsageError) as caught:
        prepared([step("multi_hot", size=1000)], samples(x=ragged([[1], [1000, 3]])))

    assert str(caught.value) == (
        "prepare step multi_hot has size 1,000, but the data contain id 1,000\n"
        "  where: prepare.steps.0\n"
        "  accepted: a size of 1,001 or more\n"
        "  try: keep fewer words (num_words=1000), or size=1001"
    )


def test_one_hot_is_scikit_learns(step: Make, samples: Make) -> None:
    column = RNG.integers(0, 5, (40, 2))
    column[:5] = np.arange(5)[:, None]

    found = prepared([step("one_hot")], samples(x=column), np.arange(40))

    encoder = OneHotEncoder(categories=[range(5)] * 2, sparse_output=False)
    np.testing.assert_array_equal(found.reshape(40, 10), encoder.fit_transform(column))


def test_one_hot_of_what_training_never_saw_is_zeros(step: Make, samples: Make) -> None:
    found = prepared([step("one_hot")], samples(x=np.array([0, 1, 2, 9, -1])), np.arange(3))

    np.testing.assert_array_equal(found, [*np.eye(3), np.zeros(3), np.zeros(3)])


def test_one_hot_refuses_fractions(step: Make, samples: Make) -> None:
    with pytest.raises(UsageError) as caught:
        prepared([step("one_hot")], samples(x=np.array([0.0, 1.5])), np.arange(2))

    assert str(caught.value) == (
        "prepare step one_hot got fractions\n  where: prepare.steps.0\n  accepted: whole numbers"
    )


def shortened(row: list[int], length: int, cut: str) -> list[int]:
    return row[max(0, len(row) - length) :] if cut == "front" else row[:length]


def padded(row: list[int], length: int, side: str, cut: str) -> list[int]:
    """Keras' pad_sequences, word for word."""
    kept = shortened(row, length, cut)
    zeros = [0] * (length - len(kept))
    return zeros + kept if side == "front" else kept + zeros


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize("cut", ["front", "back", None])
@pytest.mark.parametrize("length", [1, 4, 30])
def test_pad_is_keras(
    step: Make, samples: Make, ragged: Make, side: str, cut: str | None, length: int
) -> None:
    rows = random_rows(60, 9)

    chosen = step("pad", length=length, side=side, cut=cut)
    found = prepared([chosen], samples(x=ragged(rows)))

    assert isinstance(found, Sequence)
    assert found.rows().tolist() == [padded(row, length, side, cut or side) for row in rows]
    assert found.size == 1 + max(max(row, default=0) for row in rows)


@pytest.mark.parametrize("keep", ["first", "last"])
@pytest.mark.parametrize("length", [1, 4, 30])
def test_truncate_keeps_the_ends_of_rows_and_their_lengths(
    step: Make, samples: Make, ragged: Make, keep: str, length: int
) -> None:
    rows = random_rows(60, 9)
    rows[5] = []

    found = prepared([step("truncate", length=length, keep=keep)], samples(x=ragged(rows)))

    cut = {"first": "back", "last": "front"}[keep]
    assert [found.row(i).tolist() for i in range(60)] == [shortened(r, length, cut) for r in rows]
    told = found.describe()
    longest = min(length, max(map(len, rows)))
    assert (told.shape, told.ragged, told.longest) == ((0,), True, longest)
    assert told.ids == 1 + max(max(row, default=0) for row in rows)


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        (
            "standardise",
            ["text"],
            "prepare step standardise got texts\n"
            "  where: prepare.steps.0\n"
            "  accepted: the same number of numbers in each row\n"
            "  try: multi_hot or pad turn lists of ids into such rows",
        ),
        (
            "multi_hot",
            ["text"],
            "prepare step multi_hot got texts\n"
            "  where: prepare.steps.0\n"
            "  accepted: lists of ids\n"
            "  try: add tokenize before it",
        ),
        (
            "pad",
            np.zeros((3, 2)),
            "prepare step pad got numbers of shape (rows, 2)\n"
            "  where: prepare.steps.0\n"
            "  accepted: lists of ids",
        ),
        (
            "tokenize",
            np.zeros((3, 2)),
            "prepare step tokenize got numbers of shape (rows, 2)\n"
            "  where: prepare.steps.0\n"
            "  accepted: texts",
        ),
    ],
)
def test_a_step_says_which_columns_it_takes(
    step: Make, samples: Make, name: str, column: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        prepared([step(name)], samples(x=column), np.arange(len(column)))

    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["pad", "truncate", "multi_hot"])
def test_rows_of_one_length_are_no_lists(
    step: Make, samples: Make, ragged: Make, name: str
) -> None:
    """A step that cuts or counts comes after `pad` no more: its place says which one it is."""
    with pytest.raises(UsageError) as caught:
        prepared(
            [step("pad", length=4), step(name)], samples(x=ragged([[1], [2, 3]])), np.arange(2)
        )

    assert str(caught.value) == (
        f"prepare step {name} got rows of ids\n"
        "  where: prepare.steps.1\n"
        "  accepted: lists of ids\n"
        "  try: leave it out, or the step before it that made rows of one length"
    )
