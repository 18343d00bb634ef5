"""Steps over pictures change what a byte stands for, and no byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from dlx.config.fields import Chosen
from dlx.data.columns import Array, Column, Dense, Image
from dlx.data.samples import Samples
from dlx.errors import UsageError
from dlx.prepare import Pipeline
from dlx.sources.held import hold

Make = Callable[..., Any]
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 3, 5, 4), dtype=np.uint8)
PIXELS[:, 2] = 7
TRAIN = np.arange(0, 12, 2)


def prepared(steps: list[Chosen], samples: Samples) -> Column:
    return Pipeline.fit(steps, samples, TRAIN)[1]["x"]


def batch_of(column: Column) -> Array:
    found = hold(column, torch.device("cpu")).batch(0, len(column))
    assert isinstance(found, torch.Tensor)
    assert found.dtype == torch.float32
    return found.numpy()


def test_divided_pictures_are_to_the_bit_those_of_an_array(step: Make, samples: Make) -> None:
    found = prepared([step("scale", divide_by=255)], samples(x=Image(PIXELS)))

    wanted = prepared([step("scale", divide_by=255)], samples(x=Dense(PIXELS)))
    assert isinstance(found, Image)
    assert np.shares_memory(found.pixels, PIXELS)
    np.testing.assert_array_equal(batch_of(found), np.asarray(wanted))


@pytest.mark.parametrize(
    "chain", [["standardise"], ["scale"], ["scale", "standardise"], ["standardise", "scale"]]
)
def test_steps_are_fitted_on_training_pictures_channel_by_channel(
    step: Make, samples: Make, chain: list[str]
) -> None:
    """As on a table with a row a pixel and a feature a channel."""
    steps = [step(name) for name in chain]
    found = prepared(steps, samples(x=Image(PIXELS)))

    table = PIXELS.transpose(0, 2, 3, 1).reshape(-1, 3)
    inside = np.isin(np.arange(len(table)) // 20, TRAIN)
    as_table = Samples({"x": Dense(table), "y": np.zeros(len(table))}, ("x",), ("y",))  # type: ignore[dict-item]
    wanted = Pipeline.fit(steps, as_table, np.flatnonzero(inside))[1]["x"]
    back = np.asarray(wanted).reshape(12, 5, 4, 3).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(batch_of(found), back, atol=1e-6)


@pytest.mark.parametrize("name", ["flatten", "one_hot", "multi_hot", "tokenize", "impute"])
def test_what_no_picture_can_be_put_through_is_refused(
    step: Make, samples: Make, name: str
) -> None:
    with pytest.raises(UsageError) as caught:
        prepared([step(name)], samples(x=Image(PIXELS)))

    (problem,) = caught.value.problems
    assert problem.what == f"prepare step {name} got pictures of 3 x 5 x 4 bytes"
    assert problem.accepted in ("", "a table of numbers, one row per sample")
    assert problem.hint == (
        "leave it out: scale and standardise are for pictures, and model=mlp flattens them"
    )
