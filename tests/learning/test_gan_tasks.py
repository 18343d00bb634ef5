"""The GANs of pictures: the book's own networks, and a small one for MNIST."""

from __future__ import annotations

import pytest
import torch
from small import built

from dlx.models.sizes import count_parameters
from dlx.testing import check_learner

SMALL = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
FROGS = ("task=frogs_gan", *SMALL)
NARROW = (
    "learner.generator={name: layers, output_layer: false, layers: [{linear: 98}, batch_norm, "
    "relu, {reshape: [2, 7, 7]}, {name: conv_transpose2d, channels: 1, kernel: 4, stride: 4}]}",
    "learner.discriminator={name: layers, layers: [{conv2d: 2}, {leaky_relu: 0.2}, flatten]}",
)


def test_the_books_networks_have_their_parameters() -> None:
    *_, training = built(base=FROGS)
    counts = {n: count_parameters(one) for n, one in training.learner.networks.items()}
    assert counts == {"generator": 6_264_579, "discriminator": 790_913}


@pytest.mark.slow
def test_one_step_moves_the_books_networks_on_pictures_of_the_same_shape() -> None:
    *_, fold, training = built("trainer.batch_size=4", "learner.judge.samples=16", base=FROGS)
    before = {n: p.detach().clone() for n, p in training.learner.module.named_parameters()}
    batch = fold.train.batch(0, 4)
    assert batch.inputs["image"].shape == (4, 3, 32, 32)
    training.learner.networks.train()
    training.step(batch)
    moved = training.learner.module.named_parameters()
    assert all(not torch.equal(before[name], one) for name, one in moved)
    assert all(one.isfinite().all() for _, one in moved)


@pytest.mark.slow
def test_a_convolutional_gan_keeps_the_contract_of_learners() -> None:
    check_learner("task=mnist_gan", *SMALL, *NARROW, "learner.judge.samples=16")
