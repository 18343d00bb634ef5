"""Precision and recall of samples: what lies among the nearest neighbours of what."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from dlx.judging import manifold


@pytest.mark.parametrize("nearest", [1, 3])
def test_it_is_what_scikit_learns_neighbours_tell(
    nearest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifold, "_CELLS", 100)  # a few rows at a time
    draw = np.random.default_rng(0)
    rows, points = draw.normal(size=(60, 4)), draw.normal(size=(40, 4)) + 0.5
    far = NearestNeighbors(n_neighbors=nearest + 1).fit(rows).kneighbors(rows)[0][:, -1]
    assert manifold.reach(rows, nearest) == pytest.approx(far)
    every = np.linalg.norm(points[:, None] - rows, axis=2)
    wanted = (every <= far).any(axis=1)
    found = manifold.covered(points, rows, nearest)
    assert found.tolist() == wanted.tolist()
    assert 0 < found.mean() < 1


def test_copies_lie_among_rows_and_what_is_far_does_not() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3))
    assert manifold.covered(rows, rows).all()
    assert not manifold.covered(rows + 100, rows).any()
    half = np.repeat(rows[:25], 2, axis=0)  # every sample twice: those balls have little reach
    assert manifold.covered(half, rows).all()
    assert manifold.covered(rows, half).mean() < 1
    assert manifold.covered(rows * np.nan, rows).tolist() == [0.0] * 50
    assert np.isnan(manifold.covered(rows, rows[:3])).all()
