"""Windows over a series are what writing each of them out would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dlx.data.checks import check
from dlx.data.columns import Array, Window
from dlx.data.fingerprints import input_hashes
from dlx.data.protocols import Fold, Split
from dlx.data.samples import Samples
from dlx.data.targets import encode
from dlx.errors import UsageError
from dlx.sources.held import hold

SHAPES = [(1, 1), (2, 1), (7, 1), (7, 2), (7, 3), (8, 4), (3, 9), (12, 5)]
"""Lookback and step."""


def windows(lookback: int, step: int, steps: int = 60) -> tuple[Window, Array]:
    """Windows over a series of few distinct steps, in some order, and each one written out."""
    random = np.random.default_rng(lookback * 10 + step)
    series = random.integers(0, 2, (steps, 2)).astype(np.float32)
    ends = random.permutation(np.arange(lookback - 1, steps))
    made = Window(series, ends, lookback, step)
    return made, np.stack([series[e - lookback + 1 : e + 1][::-1][::step][::-1] for e in ends])


@pytest.mark.parametrize(("lookback", "step"), SHAPES)
def test_a_batch_is_what_writing_them_out_gives(lookback: int, step: int) -> None:
    made, written = windows(lookback, step)
    rows = np.random.default_rng(0).integers(0, len(made), 20)

    held = hold(made.take(rows), torch.device("cpu"))

    assert held.batch(0, 20).numpy().tolist() == written[rows].tolist()  # type: ignore[union-attr]
    some = held.take(torch.arange(19, 4, -1)).batch(2, 9)
    assert some.numpy().tolist() == written[rows][17:10:-1].tolist()  # type: ignore[union-attr]
    assert made.describe().shape == written.shape[1:]


@pytest.mark.parametrize(("lookback", "step"), SHAPES)
def test_equal_windows_and_no_others_have_equal_hashes(lookback: int, step: int) -> None:
    made, written = windows(lookback, step)

    hashes = made.hashes(np.arange(len(made)))

    contents = [one.tobytes() for one in written]
    assert len(set(hashes)) == len(set(contents)) == len(set(zip(hashes, contents, strict=True)))


def test_a_hash_is_of_the_contents_wherever_they_lie() -> None:
    made, _ = windows(7, 2)
    cut = Window(made.series[13:40], np.arange(6, 27), 7, 2)

    of_row = dict(zip(made.ends.tolist(), made.hashes(np.arange(len(made))), strict=True))

    assert cut.hashes(np.arange(21)) == [of_row[13 + end] for end in range(6, 27)]


def test_the_device_holds_the_stretch_that_the_rows_reach() -> None:
    held: Any = hold(
        Window(np.zeros((50, 3), np.float32), np.array([20, 30]), 5), torch.device("cpu")
    )

    assert held.series.shape == (15, 3)


def test_windows_outside_their_series_are_refused() -> None:
    with pytest.raises(UsageError, match="windows over 5 steps lie partly outside their series"):
        Window(np.zeros((9, 1)), np.array([3]), 5)
    with pytest.raises(UsageError, match=r"accepted: ends from 4 to 8"):
        Window(np.zeros((9, 1)), np.array([9]), 5)


def test_what_no_row_holds_is_neither_told_nor_checked() -> None:
    series = np.arange(20, dtype=np.float32).reshape(10, 2)
    series[[0, 3, 9]] = np.nan
    made = Window(series, np.array([6, 8]), 3, 2, ("a", "b"))

    made.check()

    assert (made.missing(), made.ready().missing()) == (0, 0)
    assert [(one.feature, one.low, one.high) for one in made.profile("x")] == [
        ("a", 8, 16),
        ("b", 9, 17),
    ]
    series[4, 1] = np.inf
    with pytest.raises(UsageError, match=r"in 1 step\n.*first in step 4 of the series"):
        made.check()


def test_the_checks_look_at_the_steps_that_training_windows_reach() -> None:
    random = np.random.default_rng(0)
    series = random.normal(size=(100, 4)).astype(np.float32)
    series[:70, 1] = 5
    series[[2, 3, 90], 2] = np.nan
    ends = np.arange(3, 100)
    target = 2 * series[ends, 3] + 1
    made = Window(series, ends, 4, 1, ("one", "same", "holes", "target"))
    columns: Any = {"x": made, "y": target}
    samples = Samples(columns, ("x",), ("y",))
    rows = np.arange(97)
    split = Split("x", (Fold(rows[:40], rows[40:60]),), rows[70:], "", "time", "time")
    targets = {"y": encode(samples, "y", "regression")}

    found = {f.name: f for f in check(samples, split, targets, input_hashes(samples))}

    assert found["missing"].examples == ("holes: 2",)
    assert found["constant features"].examples == ("same",)
    assert found["target given away"].examples == ("target",)
