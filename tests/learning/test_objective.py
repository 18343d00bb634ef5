"""The loss as a score, beside the loss of the best constant answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from dlx.judging.bootstrap import Draws
from dlx.learning.heads import Head
from dlx.learning.objective import Objective, constant_objective

KIND = Head("kind", "multiclass", 3, F.cross_entropy, 1.0)
SIZE = Head("size", "regression", 1, lambda x, y: F.l1_loss(x[:, 0], y), 0.25)
SOURCE = torch.Generator().manual_seed(0)
TRUTH = {
    "kind": torch.randint(3, (40,), generator=SOURCE),
    "size": torch.randn(40, generator=SOURCE).exp(),
}
TRAIN = {name: values[:30] for name, values in TRUTH.items()}


def of(name: str, rows: slice = slice(None)) -> float:
    """The loss of the constant that is best for a target, by hand."""
    known, truth = TRAIN[name].numpy(), TRUTH[name].numpy()[rows]
    if name == "kind":
        shares = np.bincount(known, minlength=3) / len(known)
        return float(-np.log(shares[truth]).mean())
    return float(min(np.abs(truth - one).mean() for one in (np.median(known), known.mean())))


def test_of_one_target_it_is_the_loss_of_its_best_constant() -> None:
    for head, name in ((KIND, "majority"), (SIZE, "median")):
        found = constant_objective((head,), TRAIN, TRUTH)

        assert (found.name, found.kind, found.units) == (name, "constant", 40)
        assert found.value() == pytest.approx(of(head.name), rel=1e-6)


def test_of_several_targets_losses_are_weighed_as_in_training() -> None:
    found = constant_objective((KIND, SIZE), TRAIN, TRUTH)

    assert found.name == "majority, median"
    assert found.value() == pytest.approx(of("kind") + 0.25 * of("size"), rel=1e-6)


def test_some_rows_and_draws_of_rows_have_their_own_loss() -> None:
    found = constant_objective((KIND, SIZE), TRAIN, TRUTH)
    drawn = list(Draws(40, many=3))

    assert found.value(np.arange(5)) == pytest.approx(
        of("kind", slice(5)) + 0.25 * of("size", slice(5)), rel=1e-5
    )
    assert found.bootstrap(Draws(40, many=3)).tolist() == [found.value(rows) for rows in drawn]


def test_a_loss_that_was_measured_batch_by_batch_is_that_to_the_bit() -> None:
    own = Objective("model", "model", (KIND,), TRUTH, {"kind": torch.zeros(40, 3)}, 1.25)

    assert own.value() == 1.25
    assert own.value(np.arange(40)) == pytest.approx(np.log(3), rel=1e-6)
