"""Who is near whom in a projection: scikit-learn is the oracle, and what is known by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlx.judging.evaluation import Evaluation
from dlx.judging.judge import judge
from dlx.judging.neighbourhoods import (
    find_nearest,
    hits,
    measure_kept,
    measure_trust,
    rank_neighbours,
)


def drawn(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=source, dtype=torch.float64)


@pytest.mark.parametrize("many", [1, 5, 17])
def test_the_mean_of_rows_is_scikit_learns_trustworthiness(many: int) -> None:
    from sklearn.manifold import trustworthiness

    rows, places = drawn(60, 7), drawn(60, 2, seed=1)
    places[:, 0] += rows[:, 0] * 3

    found = measure_trust(rank_neighbours(rows), find_nearest(places, many))

    wanted = trustworthiness(rows.numpy(), places.numpy(), n_neighbors=many)
    assert found.shape == (60,)
    assert found.mean() == pytest.approx(wanted, abs=1e-12)


def test_a_projection_that_changes_no_order_keeps_everything() -> None:
    rows = drawn(40, 3)
    ranks, nearest = rank_neighbours(rows), find_nearest(3 * rows - 1, 4)

    assert (measure_trust(ranks, nearest) == 1).all()
    assert (measure_kept(ranks, nearest) == 1).all()


def test_ranks_are_those_of_places_on_a_line() -> None:
    rows = torch.tensor([[0.0], [1.0], [3.0], [7.0]], dtype=torch.float64)

    ranks = rank_neighbours(rows)

    assert ranks.tolist() == [[4, 1, 2, 3], [1, 4, 2, 3], [2, 1, 4, 3], [3, 2, 1, 4]]
    turned = torch.tensor([[0.0], [7.0], [3.0], [1.0]], dtype=torch.float64)
    kept = measure_kept(ranks, find_nearest(turned, 1))
    assert kept.tolist() == [0, 0, 0, 0]


def test_rows_that_are_all_the_same_have_neighbours_but_themselves() -> None:
    nearest = find_nearest(torch.zeros(6, 2, dtype=torch.float64), 2)

    assert not (nearest == torch.arange(6)[:, None]).any()


def test_hits_are_compared_by_which_rows_are_right() -> None:
    own, other = np.ones((1, 50), bool), np.arange(50)[None] % 2 == 0
    model, beside = hits("model", "model", own), hits("majority", "constant", other)

    found = judge("val", [Evaluation("val/neighbour_accuracy", "max", "row", model, (beside,))])

    assert (model.value(), beside.value()) == (1.0, 0.5)
    assert "McNemar's exact test over 50 rows" in found.facts["power"]["text"]
