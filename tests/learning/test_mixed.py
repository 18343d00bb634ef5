"""Mixed pictures: the loss is the weighted sum of those of both targets, classes weighed too."""

from __future__ import annotations

import json

import pytest
import torch
from small import built, rows_of, trained

from dlx.learning.supervised import Supervised
from dlx.sources.batches import Batch

DIGITS = ("task=digits", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
MIXED = "prepare.augment.image=[{rotate: 10}, {mixup: 1}]"


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_a_loss_is_the_weighted_sum_of_those_of_both_targets(weights: str) -> None:
    *_, training = built(MIXED, f"targets.digit.class_weights={weights}", base=DIGITS)
    learner = training.learner
    assert isinstance(learner, Supervised)
    (head,) = learner.heads
    learner.model.train()
    batch = next(training.source.epoch(0))
    assert batch.mixed is not None
    rows = [
        (batch.inputs, batch.targets, batch.mixed.targets, float(share), at)
        for at, share in enumerate(batch.mixed.shares)
    ]
    learner.model.eval()  # no dropout; the loss of training is asked for itself
    loss = head.weighted or head.loss
    logits = learner.model(batch.inputs)[head.name]

    wanted = sum(
        share * loss(logits[at : at + 1], own["digit"][at : at + 1])
        + (1 - share) * loss(logits[at : at + 1], other["digit"][at : at + 1])
        for _, own, other, share, at in rows
    ) / len(rows)

    learner.model.training = True
    found = learner._loss(head, logits, batch)
    torch.testing.assert_close(found, wanted)
    shares = batch.mixed.shares
    assert 0 < float(shares.min()) < float(shares.max()) < 1
    assert not torch.equal(batch.mixed.targets["digit"], batch.targets["digit"])


def test_metrics_of_training_are_of_the_target_with_the_larger_share() -> None:
    *_, training = built(MIXED, base=DIGITS)
    batch = next(training.source.epoch(0))
    assert batch.mixed is not None
    larger = [
        int((batch.targets if share >= 0.5 else batch.mixed.targets)["digit"][at])
        for at, share in enumerate(batch.mixed.shares)
    ]
    assert batch.main_target("digit").tolist() == larger
    plain = Batch(batch.inputs, batch.targets, batch.rows)
    assert plain.main_target("digit") is batch.targets["digit"]


def test_scores_of_mixed_pictures_say_what_they_are_of() -> None:
    run = trained(MIXED, base=DIGITS)

    meanings = json.loads((run.folder / "report.json").read_text())["meanings"]
    key = "prepare.augment.image"
    assert meanings == {
        "train/loss": f"of mixed pictures, both targets by their share ({key})",
        "train/accuracy": f"of mixed pictures, the target with the larger share ({key})",
    }
    (row,) = rows_of(run.folder)
    assert 0 <= row["train/accuracy"] <= 1
