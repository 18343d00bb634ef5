"""Made-up samples of every kind of column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dlx.config.fields import Chosen
from dlx.config.specs import STEPS
from dlx.data.samples import Ragged, Samples

FEATURES = ("one", "two", "three", "four")


@pytest.fixture
def step() -> Callable[..., Chosen]:
    """A preparation step by name, with its options."""

    def make(name: str, **options: Any) -> Chosen:
        return STEPS.default(name, **options)()

    return make


@pytest.fixture
def samples() -> Callable[..., Samples]:
    """Samples with these input columns."""

    def make(digest: str = "made up", **columns: Any) -> Samples:
        rows = len(next(iter(columns.values())))
        target = np.zeros(rows, dtype=np.int64)
        return Samples(
            columns={**columns, "label": target},
            inputs=tuple(columns),
            targets=("label",),
            test=None,
            source={},
            digest=digest,
            key=digest,
            features=dict.fromkeys(columns, FEATURES),
        )

    return make


@pytest.fixture
def ragged() -> Callable[[list[list[int]]], Ragged]:
    """Rows of different length."""

    def make(rows: list[list[int]]) -> Ragged:
        offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
        return Ragged(np.array([v for row in rows for v in row], dtype=np.int32), offsets)

    return make
