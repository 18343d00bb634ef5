"""Models of sequences are checked before torch is imported."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dlx.config.load import load
from dlx.config.shapes import Shape
from dlx.config.specs.blocks import take_image
from dlx.config.specs.layers import take_vector
from dlx.errors import UsageError

Told = Callable[..., str]
PADDED = ("task=imdb", "dataset.sample=true", "prepare=pad")
WINDOWS = ("task=beijing_windows", "dataset.sample=true")
CASES = {
    ("task=wine", "model=gru"): (
        "this model reads steps, but the rows of the input features are a vector of 13\n"
        "  where: dlx:configs/model/gru.yaml:3 (by model=gru)\n"
        "  accepted: rows of ids, or sequences (time, features)\n"
        "  try: model=mlp; of word ids the step truncate in place of multi_hot keeps the order"
    ),
    (*PADDED, "model=transformer", "model.heads=3"): (
        "3 heads cannot share 64 features\n"
        "  where: command line: model.heads=3\n"
        "  accepted: heads that divide 64, or a model.key_size\n"
        "  try: model.heads=2"
    ),
    (*WINDOWS, "dataset.delay=6"): (
        "unknown key `dataset.delay` (of beijing_windows)\n"
        "  where: command line: dataset.delay=6\n"
        "  accepted: sample, lookback, step, horizon\n"
        "  try: dataset.horizon=6"
    ),
    ("task=digits", "model=conv1d"): (
        "layer 3 (max_pool1d) has a window of 5, but the axis that it moves along has 2\n"
        "  where: dlx:configs/model/conv1d.yaml:2 (by model=conv1d)\n"
        "  accepted: a window of at most 2\n"
        "  try: use a smaller window, a longer input, or less pooling before it"
    ),
    (*PADDED, "model=lstm", "model.activation=relu"): (
        "`model.activation` is relu, but an lstm has no other\n"
        "  where: command line: model.activation=relu\n"
        "  accepted: tanh\n"
        "  try: model.activation=tanh"
    ),
    (*PADDED, "model=rnn", "model.units=[]"): (
        "`model.units` is empty\n"
        "  where: command line: model.units=[]\n"
        "  accepted: one whole number >= 1 or several\n"
        "  try: model.units=[32]"
    ),
    (*PADDED, "model=conv1d", "model.units=16"): (
        "`model.units` is 16, but the end global_max is not recurrent\n"
        "  where: command line: model.units=16\n"
        "  accepted: null\n"
        "  try: model.units=null"
    ),
    (*PADDED, "model=transformer", "model.position=none", "model.length=9"): (
        "`model.length` is 9, but the position is none\n"
        "  where: command line: model.length=9\n"
        "  accepted: null\n"
        "  try: model.length=null"
    ),
    ("task=digits", "model=transformer", "model.length=4"): (
        "layer 2 (position) has 4 vectors, but rows have 8 steps\n"
        "  where: command line: model.length=4\n"
        "  accepted: length: 8 or more, or null\n"
        "  try: omit length"
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), CASES.items())
def test_what_contradicts_itself_or_the_data_is_told(
    told: Told, arguments: tuple[str, ...], expected: str
) -> None:
    assert told(*arguments) == expected


@pytest.mark.parametrize("data", [PADDED, WINDOWS])
@pytest.mark.parametrize("model", ["rnn", "lstm", "gru", "conv1d", "conv_gru", "transformer"])
def test_ids_and_numbers_are_read(data: tuple[str, ...], model: str) -> None:
    assert load([*data, f"model={model}"]).config.model.options.expand(ids=False)


def test_a_model_of_pictures_names_one_that_reads_ids() -> None:
    with pytest.raises(UsageError) as caught:
        take_image("convnet", "review", Shape("ids", (0,), 9, ragged=True))

    assert str(caught.value) == (
        "model=convnet cannot take the input review: its rows are rows of ids of different length\n"
        "  where: model.name\n"
        "  accepted: images (height, width) or (channels, height, width)\n"
        "  try: model=conv1d"
    )


def test_rows_of_ids_of_different_length_end_in_a_pool() -> None:
    with pytest.raises(UsageError) as caught:
        take_vector(Shape("ids", (0,), 9, ragged=True), "model.layers")

    assert str(caught.value).splitlines()[-1] == (
        "  try: start model.layers with {embedding: 32} and end it with global_max_pool"
    )
