from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dlx.data.columns import Image
from dlx.data.samples import Ragged, Samples
from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.learning.worst import SHOWN, TEXT, worst_errors
from dlx.losses import activate

DIGITS = tuple("0123456789")


def samples(column: Any, **more: Any) -> Samples:
    return Samples({"x": column}, ("x",), ("y",), None, {}, "", **more)


def worst(found: Samples, rows: Any, values: Any, classes: Any, problem: str, logits: Any) -> Any:
    codec = TargetCodec(problem, max(1, len(classes)), tuple(classes))
    target, logits = EncodedTarget(np.asarray(values), codec), torch.tensor(logits)
    said = codec.decode(activate(problem, logits).numpy())
    chosen = np.asarray(rows, dtype=np.int64)
    told = worst_errors(found, chosen, {"y": target}, {"y": logits}, {"y": said})
    return told["y"]


def test_the_worst_mistakes_come_first_and_right_answers_never() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(60, 10)).astype(np.float32)
    true = rng.integers(0, 10, 100)
    rows = rng.permutation(100)[:60]
    table = samples(np.arange(100.0)[:, None], features={"x": ("pixel",)})

    found = worst(table, rows, true, DIGITS, "multiclass", logits)

    log = torch.tensor(logits).log_softmax(dim=1).numpy()
    losses = -log[np.arange(60), true[rows]]
    wrong = log.argmax(axis=1) != true[rows]
    expected = sorted(np.flatnonzero(wrong), key=lambda i: -losses[i])[:SHOWN]
    assert [one["row"] for one in found] == [rows[i] for i in expected]
    first = expected[0]
    assert found[0]["loss"] == pytest.approx(losses[first], rel=1e-5)
    assert found[0]["probability"] == pytest.approx(np.exp(log[first].max()), rel=1e-5)
    assert found[0]["true"] == DIGITS[true[rows[first]]]
    assert found[0]["shown"] == {"kind": "row", "features": {"pixel": float(rows[first])}}


def test_a_binary_answer_is_as_sure_as_its_class() -> None:
    table = samples(np.zeros((2, 1)))
    values = np.float32([1, 0])

    (one, two) = worst(table, [0, 1], values, ("no", "yes"), "binary", [[-2.0], [1.0]])

    assert (one["true"], one["predicted"]) == ("yes", "no")
    assert one["probability"] == pytest.approx(1 / (1 + np.exp(-2)))
    assert (two["true"], two["predicted"]) == ("no", "yes")
    assert one["loss"] > two["loss"]


def test_numbers_are_ranked_by_how_far_off_they_are() -> None:
    table = samples(np.zeros((3, 1)))

    found = worst(table, [0, 1, 2], np.float32([1, 2, 3]), (), "regression", [[1.0], [9.0], [0.0]])

    assert [(one["row"], one["loss"]) for one in found] == [(1, 7.0), (2, 3.0)]


def test_an_image_keeps_its_shape_and_spans_0_to_255() -> None:
    images = np.stack([np.arange(6.0).reshape(2, 3)] * 2)

    (one, _) = worst(samples(images), [0, 1], np.float32([0, 0]), (), "regression", [[1.0], [1.0]])

    shown = {"kind": "image", "shape": [2, 3], "values": [0, 51, 102, 153, 204, 255]}
    assert one["shown"] == shown


def test_three_channels_are_colours_and_others_grey() -> None:
    pixels = np.zeros((2, 3, 1, 2), np.uint8)
    pixels[:, 0, 0, 1], pixels[:, 2] = 255, 51

    (one, _) = worst(
        samples(Image(pixels)), [0, 1], np.float32([0, 0]), (), "regression", [[1.0], [1.0]]
    )
    (two, _) = worst(
        samples(Image(pixels[:, :2])), [0, 1], np.float32([0, 0]), (), "regression", [[1.0], [1.0]]
    )

    shown = {"kind": "image", "shape": [3, 1, 2], "values": [0, 255, 0, 0, 51, 51]}
    assert one["shown"] == shown
    assert two["shown"] == {"kind": "image", "shape": [1, 2], "values": [0, 255]}


@pytest.mark.parametrize(
    ("sides", "kept"), [((64, 64), (64, 64)), ((65, 3), (32, 1)), ((1, 200), (1, 50))]
)
def test_a_large_image_is_shown_smaller(sides: tuple[int, int], kept: tuple[int, int]) -> None:
    images = np.zeros((2, *sides))
    images[:, :, 0] = 1

    (one, _) = worst(samples(images), [0, 1], np.float32([0, 0]), (), "regression", [[1.0], [1.0]])

    assert one["shown"]["shape"] == list(kept)
    values = np.reshape(one["shown"]["values"], kept)
    assert (values[:, 1:] == 0).all()
    assert len({*values[:, 0].tolist()}) == 1


def test_a_row_of_a_table_is_shown_with_every_feature() -> None:
    """Columns of one number a row as well as those of several."""
    table = Samples(
        {"age": np.array([7.0, 8.0]), "x": np.ones((2, 2))},
        ("age", "x"), ("y",), None, {}, "", features={"x": ("a", "b")},
    )  # fmt: skip

    (one, _) = worst(table, [0, 1], np.float32([0, 0]), (), "regression", [[2.0], [1.0]])

    assert one["shown"] == {"kind": "row", "features": {"age": 7.0, "a": 1.0, "b": 1.0}}


def test_word_ids_are_shown_as_words_and_cut() -> None:
    ids = Ragged(np.array([1, 2, 0, *[1] * 900]), np.array([0, 3, 903]))
    text = samples(ids, words={"x": ("?", "good", "film")})

    found = worst(text, [0, 1], np.float32([0, 0]), (), "regression", [[1.0], [2.0]])

    assert found[1]["shown"] == {"kind": "text", "text": "good film ?"}
    assert len(found[0]["shown"]["text"]) == TEXT
