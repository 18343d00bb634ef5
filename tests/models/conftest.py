from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from dlx.config.fields import Chosen
from dlx.config.specs import TABLES
from dlx.models.inputs import MultiHot


def choose(table: str, name: str, **options: object) -> Chosen:
    entry = TABLES[table].entries[name]
    return Chosen(name, entry.options(**options), entry.target)


@pytest.fixture(autouse=True)
def _exactly_repeatable():
    """Training switches this on, so everything here must work under it."""
    torch.set_deterministic_debug_mode("error")
    torch.manual_seed(0)
    yield
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def layer() -> Callable[..., Chosen]:
    """Chooses a layer with its options."""
    return lambda name, **options: choose("layer", name, **options)


@pytest.fixture
def chosen() -> Callable[..., Chosen]:
    """Chooses a model with its options."""
    return lambda name, **options: choose("model", name, **options)


@pytest.fixture
def build():
    """Builds a model by name with the options given."""

    def make(name, inputs, outputs=None, **options):
        chosen = choose("model", name, **options)
        return chosen.load()(chosen.options, inputs, outputs or {"y": 1})

    return make


@pytest.fixture
def multi_hot() -> Callable[..., MultiHot]:
    """Random rows of set positions, an empty one and a full one among them, maybe with weights."""

    def make(
        rows: int, size: int, dtype: torch.dtype = torch.int64, weighted: bool = False
    ) -> MultiHot:
        dense = torch.rand(rows, size) < 0.1
        dense[0] = False
        dense[-1] = True
        offsets = torch.zeros(rows + 1, dtype=torch.int64)
        torch.cumsum(dense.sum(1), 0, out=offsets[1:])
        indices = dense.nonzero()[:, 1].to(dtype)
        return MultiHot(indices, offsets, size, torch.randn(len(indices)) if weighted else None)

    return make
