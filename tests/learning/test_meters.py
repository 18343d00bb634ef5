from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from dlx.config.specs import METRICS
from dlx.learning.heads import Head
from dlx.learning.meters import Meters
from dlx.sources.batches import Batch

KIND = Head("kind", "multiclass", 3, F.cross_entropy, 1.0)
SIZE = Head("size", "regression", 1, F.mse_loss, 2.0)
ACCURACY = {"accuracy": METRICS.default("accuracy")()}
MAE = {"mae": METRICS.default("mae")()}


def batch(rows: int, **targets: torch.Tensor) -> Batch:
    return Batch({}, targets, rows)


def test_a_mean_is_over_samples_not_over_batches() -> None:
    meters = Meters("val", [KIND], {"kind": {}})

    for rows, loss in ((4, 1.0), (1, 6.0)):
        meters.update(batch(rows), {"loss": torch.tensor(loss)}, {})

    assert meters.scores() == {"val/loss": 2.0}


def test_losses_told_by_themselves_are_means_over_the_samples_they_were_told_of() -> None:
    meters = Meters("train", [], {})
    for judge, maker in ((1.0, 5.0), (3.0, 7.0)):
        meters.update(batch(2), {"judge": torch.tensor(judge)}, {})
        meters.update(batch(2), {"maker": torch.tensor(maker)}, {})
        meters.end_step()
    resumed = Meters("train", [], {})

    assert meters.fetch() == {"judge": [1.0, 3.0], "maker": [5.0, 7.0]}
    resumed.restore(meters.state())
    for one in (meters, resumed):
        assert one.scores() == {"train/judge": 2.0, "train/maker": 6.0}
        assert one.running_loss() == 2.0


def test_the_loss_of_a_step_is_the_mean_over_its_parts() -> None:
    meters = Meters("train", [], {})
    for parts in (((3, 1.0), (1, 5.0)), ((2, 0.1),)):
        for rows, loss in parts:
            meters.update(batch(rows), {"loss": torch.tensor(loss)}, {})
        meters.end_step()

    assert meters.fetch() == {"loss": [2.0, float(torch.tensor(0.1))]}
    assert meters.scores() == {"train/loss": pytest.approx(8.2 / 6)}


def test_one_target_needs_no_prefix() -> None:
    meters = Meters("train", [KIND], {"kind": ACCURACY})
    truth = torch.tensor([0, 1, 2, 2])
    logits = F.one_hot(torch.tensor([0, 1, 2, 0]), 3).float()

    meters.update(batch(4, kind=truth), {"loss": torch.tensor(0.5)}, {"kind": logits})

    assert meters.scores() == {"train/loss": 0.5, "train/accuracy": 0.75}


def test_several_targets_are_told_apart() -> None:
    meters = Meters("val", [KIND, SIZE], {"kind": ACCURACY, "size": MAE})
    for kind, size in ((0.5, 3.0), (1.5, 1.0)):
        meters.update(
            batch(2, kind=torch.tensor([0, 1]), size=torch.tensor([1.0, 2.0])),
            {
                "loss": torch.tensor(kind + 2 * size),
                "kind/loss": torch.tensor(kind),
                "size/loss": torch.tensor(size),
            },
            {"kind": torch.eye(3)[:2], "size": torch.tensor([[2.0], [2.0]])},
        )

    assert meters.scores() == {
        "val/loss": 5.0,
        "val/kind/loss": 1.0,
        "val/size/loss": 2.0,
        "val/kind/accuracy": 1.0,
        "val/size/mae": 0.5,
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_losses_are_told_once_as_they_are(bad: float) -> None:
    meters = Meters("train", [KIND], {"kind": {}})
    for loss in (1.0, bad, 2.0):
        meters.update(batch(1), {"loss": torch.tensor(loss)}, {})
        meters.end_step()

    found = meters.fetch()

    assert found["loss"] == pytest.approx([1.0, bad, 2.0], nan_ok=True)
    assert meters.fetch() == {"loss": []}


def test_what_is_running_is_the_mean_so_far() -> None:
    meters = Meters("train", [KIND], {"kind": {}})
    assert meters.running_loss() is None

    meters.update(batch(1), {"loss": torch.tensor(3.0)}, {})
    meters.update(batch(3), {"loss": torch.tensor(1.0)}, {})
    meters.fetch()

    assert meters.running_loss() == 1.5


def test_reset_forgets() -> None:
    meters = Meters("train", [KIND], {"kind": ACCURACY})
    wrong = {"kind": torch.eye(3)[:1]}
    meters.update(batch(1, kind=torch.tensor([2])), {"loss": torch.tensor(9.0)}, wrong)
    meters.reset()
    meters.update(batch(1, kind=torch.tensor([0])), {"loss": torch.tensor(1.0)}, wrong)

    assert meters.scores() == {"train/loss": 1.0, "train/accuracy": 1.0}


def test_no_graph_is_kept() -> None:
    meters = Meters("train", [KIND], {"kind": ACCURACY})
    logits = torch.randn(2, 3, requires_grad=True)
    loss = F.cross_entropy(logits, torch.tensor([0, 1]))

    meters.update(batch(2, kind=torch.tensor([0, 1])), {"loss": loss}, {"kind": logits})
    loss.backward()

    assert meters.scores()["train/loss"] == pytest.approx(loss.item())
    assert logits.grad is not None
