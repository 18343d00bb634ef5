"""The losses of two networks against each other, of logits of a row being from the data."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ..config.specs.learners import Gan


class Adversarial:
    """What the discriminator's and the generator's losses are.

    Args:
        options: `loss`, and for losses with labels `labels`, `label_noise`, `label_smoothing`.
    """

    def __init__(self, options: Gan) -> None:
        self.options = options

    def discriminator(self, made: Tensor, real: Tensor) -> Tensor:
        """Its loss, of logits of samples and of rows, (rows, 1) each."""
        loss = self.options.loss
        if loss == "hinge":  # Lim and Ye (2017), arXiv:1705.02894
            return relu(1 + made).mean() + relu(1 - real).mean()
        if loss == "least_squares":  # Mao and others (2017), arXiv:1611.04076
            return (self._square(made, False) + self._square(real, True)) / 2
        both = self._cross_entropy(made, False) + self._cross_entropy(real, True)
        return both / 2 if loss == "mean_cross_entropy" else both

    def generator(self, made: Tensor) -> Tensor:
        """Its loss, of logits of samples; it does not saturate where samples are told apart."""
        if self.options.loss == "hinge":
            return -made.mean()
        if self.options.loss == "least_squares":
            return (made - 1).square().mean() / 2
        return softplus(-made).mean()

    def _cross_entropy(self, logits: Tensor, real: bool) -> Tensor:
        """The mean cross-entropy of labels; the same as of hard ones where nothing moves them."""
        if not (self.options.label_noise or self.options.label_smoothing):
            return softplus(-logits if real else logits).mean()
        return (softplus(logits) - self._targets(logits, real) * logits).mean()

    def _square(self, answers: Tensor, real: bool) -> Tensor:
        return (answers - self._targets(answers, real)).square().mean()

    def _targets(self, like: Tensor, real: bool) -> Tensor:
        """What the logits of rows, or of samples, should say: 1 for data, 0 for samples.

        Noise is added to labels, which are 1 for samples where `labels` is made, as in the book.
        """
        target = torch.full_like(like, 1 - self.options.label_smoothing if real else 0)
        if not self.options.label_noise:
            return target
        noise = self.options.label_noise * torch.rand_like(like)
        return target - noise if self.options.labels == "made" else target + noise
