"""What a network makes of rows before its answer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small import built

from dlx.errors import UsageError
from dlx.learning.learner import Learner

SHORT = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")


def made(*overrides: str) -> tuple[Any, Learner]:
    *_, fold, training = built(*overrides, base=SHORT)
    return fold, training.learner


def test_a_classifiers_features_are_what_its_output_layer_reads() -> None:
    fold, learner = made("task=wine", "model.dropout=0.5")
    batch = fold.train.batch(0, 5)
    learner.networks.train()

    found = learner.encode(batch.inputs)

    assert not found.requires_grad
    head = learner.networks["model"].heads["cultivar"]
    torch.testing.assert_close(head(found), learner.answer(batch.inputs)["cultivar"])


def test_rows_of_words_without_a_hidden_layer_are_written_out() -> None:
    fold, learner = made("task=imdb", "model.units=[]")
    batch = fold.train.batch(0, 2)

    assert torch.equal(learner.encode(batch.inputs), batch.inputs["review"].dense())


def test_a_variational_autoencoders_features_are_the_means() -> None:
    fold, learner = made("task=digits_vae", "learner.encoder.units=[8]")
    batch = fold.train.batch(0, 5)
    learner.networks.eval()

    assert torch.equal(learner.encode(batch.inputs), learner.model.encode(batch.inputs)[0])


def test_who_has_no_such_network_says_so() -> None:
    fold, learner = made("task=digits_gan")

    with pytest.raises(UsageError) as caught:
        learner.encode(fold.train.batch(0, 2).inputs)
    assert str(caught.value) == (
        "learner gan has no network that gives features of rows\n  where: learner\n"
        "  accepted: a learner of one network with hidden layers, such as supervised or vae"
    )
