"""Distances in feature space, held against scikit-learn's."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

from dlx.learning import space


def rows(many: int = 400, width: int = 6) -> np.ndarray:
    rng = np.random.default_rng(0)
    found: np.ndarray = (rng.normal(size=(many, width)) @ rng.normal(size=(width, width))) + 3
    return found.astype(np.float32)


def test_without_classes_it_is_the_distance_of_mahalanobis_with_a_shrunk_covariance() -> None:
    known, new = rows(), rows()[:20] * 2
    told = space.place(known, None)
    assert told is not None
    scale = known.std(axis=0)
    model = LedoitWolf().fit(known.astype(np.float64) / scale)
    wanted = np.sqrt(model.mahalanobis(new / scale))
    np.testing.assert_allclose(space.measure(new, told), wanted, rtol=0.02)


def test_with_classes_the_nearest_mean_counts() -> None:
    ids = np.arange(400) % 2
    known = rows() + 50 * ids[:, None].astype(np.float32)
    between = known.mean(axis=0, keepdims=True)
    apart, alone = space.place(known, ids), space.place(known, None)
    assert apart is not None
    assert alone is not None
    assert space.measure(between, apart)[0] > 3 * space.measure(known, apart).max()
    assert space.measure(between, alone)[0] < 0.1


def test_a_class_of_few_rows_has_no_mean_of_its_own() -> None:
    ids = np.zeros(400, np.int64)
    ids[:3] = 1
    told = space.place(rows(), ids)
    assert told is not None
    assert len(told["centres"]) == 2  # that of all rows stands for it
    assert not np.isclose(told["centres"][1], rows()[:3].mean(axis=0)).any()


def test_many_numbers_keep_their_distances_nearly() -> None:
    rng = np.random.default_rng(0)

    def draw(many: int, times: float = 1) -> np.ndarray:
        values = (times * rng.normal(size=(many, 3_000))).astype(np.float32)
        found: np.ndarray = space.reduce(torch.from_numpy(values))
        return found

    told = space.place(draw(500), None)
    assert told is not None
    assert told["whiten"].shape == (space.NUMBERS, space.NUMBERS)
    assert space.measure(draw(50, 3), told).min() > 1.5 * space.measure(draw(50), told).max()


def test_constant_and_broken_features() -> None:
    known = rows()
    known[:, 0] = 0
    told = space.place(known, None)
    assert told is not None
    new = known[:1].copy()
    new[0, 0] = 1_000
    assert space.measure(new, told)[0] > 10 * space.measure(known, told).max()
    assert np.isinf(space.measure(np.full((1, 6), np.nan, np.float32), told))[0]
    assert space.place(known[:4], None) is None
    assert space.place(np.full((9, 2), np.inf, np.float32), None) is None
