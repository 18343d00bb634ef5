"""Random numbers of rows are normal, and a row's own wherever it stands."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from dlx.sources.noise import normal_rows

ROWS = np.arange(5000)


def test_a_row_has_the_same_numbers_wherever_it_stands() -> None:
    order = np.random.default_rng(0).permutation(ROWS)
    whole = normal_rows(3, "latent", ROWS, 4)

    assert torch.equal(normal_rows(3, "latent", order, 4), whole[order])
    assert torch.equal(normal_rows(3, "latent", ROWS[17:18], 4), whole[17:18])
    assert torch.equal(normal_rows(3, "latent", ROWS, 2), whole[:, :2])


def test_rows_seeds_and_purposes_differ_and_are_normal() -> None:
    kinds = [normal_rows(*key, ROWS, 2) for key in ((0, "a"), (1, "a"), (0, "b"))]
    every = torch.stack(kinds, dim=2).reshape(len(ROWS), -1).double().numpy()

    assert every.dtype == np.float64
    assert np.isfinite(every).all()
    assert len(np.unique(every)) > 0.99 * every.size
    assert stats.kstest(every.ravel(), "norm").pvalue > 0.01
    assert np.abs(np.corrcoef(every.T) - np.eye(6)).max() < 0.06
    assert np.abs(np.corrcoef(every[1:, 0], every[:-1, 0])[0, 1]) < 0.06
