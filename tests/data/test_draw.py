from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from dlx.data.draw import deal, draw

LABELS = np.random.default_rng(0).choice(5, 203, p=[0.5, 0.2, 0.15, 0.1, 0.05])
ROWS = np.arange(203)


@pytest.mark.parametrize("k", [2, 4, 5, 10])
@pytest.mark.parametrize("stratified", [False, True])
def test_parts_are_disjoint_cover_everything_and_differ_by_one(k: int, stratified: bool) -> None:
    parts = deal(ROWS, k, 0, LABELS if stratified else None)

    assert np.sort(np.concatenate(parts)).tolist() == ROWS.tolist()
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("k", [2, 4, 5])
def test_every_class_is_spread_as_evenly_as_scikit_learn_does(k: int) -> None:
    def widest(parts: list[np.ndarray]) -> int:  # type: ignore[type-arg]
        counts = np.array([np.bincount(LABELS[part], minlength=5) for part in parts])
        return int((counts.max(axis=0) - counts.min(axis=0)).max())

    theirs = [part for _, part in StratifiedKFold(k).split(ROWS, LABELS)]

    assert widest(deal(ROWS, k, 0, LABELS)) <= max(1, widest(theirs))


def test_the_seed_decides() -> None:
    first, again, other = (deal(ROWS, 4, seed, LABELS) for seed in (1, 1, 2))

    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any(a.tolist() != b.tolist() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("k", [2, 4])
def test_units_stay_together(k: int) -> None:
    units = np.random.default_rng(1).integers(0, 40, 203)

    parts = deal(ROWS, k, 0, LABELS, units)

    holders = [set(units[part].tolist()) for part in parts]
    assert sum(map(len, holders)) == len(set(units.tolist()))
    assert max(map(len, parts)) - min(map(len, parts)) <= np.bincount(units).max()


@pytest.mark.parametrize("seed", range(5))
def test_drawn_units_come_whole(seed: int) -> None:
    units = np.random.default_rng(seed).integers(0, 60, 203)

    drawn = draw(ROWS, 50, seed, LABELS, units)

    left = np.setdiff1d(ROWS, drawn)
    assert not set(units[drawn].tolist()) & set(units[left].tolist())
    assert 20 < len(drawn) < 90


def test_units_of_one_row_change_no_draw() -> None:
    alone = np.arange(203)

    assert sorted(draw(ROWS, 50, 3, LABELS, alone)) == sorted(draw(ROWS, 50, 3, LABELS))
