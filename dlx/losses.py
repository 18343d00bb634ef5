"""Losses on logits, as means over samples and outputs, and what turns logits into predictions.

Shapes: logits are (batch, k); targets are (batch,) for the problems with one answer a sample,
class ids int64 (batch,) for multiclass, and (batch, k) for multilabel and vector regression.
Because each loss is a plain mean, the losses of the parts of a batch, weighted by their sizes, add
up to the loss of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from .config.fields import Chosen
from .config.specs import losses as specs
from .problem import PROBLEMS

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits, target) -> the mean loss, a scalar. With a method `rows`, of the same arguments, that
gives the loss of each row, (batch,), rows can be weighted; with one `each`, that gives the loss of
each number, (batch, k), labels can."""


@dataclass(frozen=True)
class Mean:
    """A loss of each row, and its mean.

    Attributes:
        measure: logits, target and how to reduce ("mean" or "none") -> the loss, of the mean or of
            each row or number.
    """

    measure: Callable[..., Tensor]

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean, a scalar."""
        return self.measure(logits, target, reduction="mean")

    def each(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each number of a row, (batch, k)."""
        return self.measure(logits, target, reduction="none").reshape(len(target), -1)

    def rows(self, logits: Tensor, target: Tensor) -> Tensor:
        """The loss of each row, (batch,): of several numbers their mean."""
        return self.each(logits, target).mean(dim=1)


def resolve(chosen: Chosen, problem: str) -> Chosen:
    """The loss that "auto" stands for with this problem; any other loss as it is."""
    if chosen.name != "auto":
        return chosen
    return specs.LOSSES.default(PROBLEMS[problem].loss)()


def activate(problem: str, logits: Tensor) -> Tensor:
    """Turns logits into predictions.

    Args:
        problem: a name in the problem table.
        logits: (batch, k).

    Returns:
        binary: probability of class 1, (batch,). multiclass: probabilities of the classes,
        (batch, k). multilabel: probability of each label, (batch, k). Regressions: numbers,
        (batch,), or (batch, k) for a vector, and for several quantiles, which never cross.
    """
    row = PROBLEMS[problem]
    if row.activation == "softmax":
        return logits.softmax(dim=1)
    predicted = _squash(row.activation, logits)
    if problem == "quantile_regression":  # sorting serves none of them worse (doi 10.3982/ECTA7880)
        predicted = predicted.sort(dim=1).values
    several = row.answer in ("labels", "numbers")
    return predicted if several or predicted.shape[1] > 1 else predicted[:, 0]


def _squash(activation: str, logits: Tensor) -> Tensor:
    """What single numbers become."""
    if activation == "exp":
        return logits.exp()
    return logits.sigmoid() if activation == "sigmoid" else logits


def auto(options: specs.Auto, problem: str) -> Loss:
    """The problem table's loss for this problem."""
    chosen = resolve(Chosen("auto", options, ""), problem)
    return cast("Loss", chosen.load()(chosen.options, problem))


def average(
    problem: str, every: Sequence[Tensor] | Tensor, weights: Tensor | None = None
) -> Tensor:
    """Logits whose predictions are the means of those of several, as `activate` gives them.

    Args:
        problem: a name in the problem table.
        every: logits for the same rows, (batch, k) each.
        weights: what each counts, (several,), in all 1; None: all the same.
    """
    logits = every if isinstance(every, Tensor) else torch.stack(list(every))
    activation = PROBLEMS[problem].activation
    if problem == "quantile_regression":  # as `activate` gives them: the mean is of these
        logits = logits.sort(dim=-1).values
    if weights is not None:
        shares = weights[:, None, None]
        if activation == "none":
            return (shares * logits).sum(0)
        if activation == "exp":
            return (logits + shares.log()).logsumexp(0)
        if activation == "softmax":
            return (logits.log_softmax(-1) + shares.log()).logsumexp(0)
        yes, no = F.logsigmoid(logits), F.logsigmoid(-logits)
        return (yes + shares.log()).logsumexp(0) - (no + shares.log()).logsumexp(0)
    if activation == "none":
        return logits.mean(0)
    if activation == "exp":
        return logits.logsumexp(0) - math.log(len(logits))
    if activation == "softmax":
        return logits.log_softmax(-1).logsumexp(0) - math.log(len(logits))
    return F.logsigmoid(logits).logsumexp(0) - F.logsigmoid(-logits).logsumexp(0)


def binary_cross_entropy(_options: specs.BinaryCrossEntropy, _problem: str) -> Loss:
    """Mean of -t log p - (1 - t) log(1 - p), with p the sigmoid of each logit."""

    def loss(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
        if not target.is_floating_point():
            target = target.to(logits.dtype)
        logits = logits.view_as(target)
        return F.binary_cross_entropy_with_logits(logits, target, reduction=reduction)

    return Mean(loss)


def cross_entropy(options: specs.CrossEntropy, _problem: str) -> Loss:
    """Mean of -log p of the right class, with p the softmax of a sample's logits."""
    if options.label_smoothing == 0:
        return Mean(F.cross_entropy)
    return Mean(partial(F.cross_entropy, label_smoothing=options.label_smoothing))


def mse(_options: specs.MSE, problem: str) -> Loss:
    """Mean squared distance of prediction and target."""
    return _distance(F.mse_loss, problem)


def mae(_options: specs.MAE, problem: str) -> Loss:
    """Mean absolute distance of prediction and target."""
    return _distance(F.l1_loss, problem)


def huber(options: specs.Huber, problem: str) -> Loss:
    """Mean of e^2 / 2 where the error |e| is at most `delta`, of delta (|e| - delta / 2) beyond."""
    return _distance(partial(F.huber_loss, delta=options.delta), problem)


def poisson(_options: specs.Poisson, _problem: str) -> Loss:
    """Mean of exp(output) - count * output: what the output adds to the likelihood."""

    def loss(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.poisson_nll_loss(logits.view_as(target), target, reduction=reduction)

    return Mean(loss)


def quantile(options: specs.Quantile, _problem: str) -> Loss:
    """Mean over rows and quantiles of q e where an answer is e too low, (1 - q) e too high."""

    def loss(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
        each = pinball(logits, target, options.quantiles)
        return each.mean() if reduction == "mean" else each

    return Mean(loss)


def pinball(answers: Tensor, target: Tensor, quantiles: Sequence[float]) -> Tensor:
    """The loss of each quantile, (batch, quantiles).

    Args:
        answers: (batch, quantiles).
        target: (batch,).
        quantiles: between 0 and 1.
    """
    levels = torch.tensor(quantiles, dtype=answers.dtype, device=answers.device)
    short = target.unsqueeze(1) - answers
    return torch.maximum(levels * short, (levels - 1) * short)


def _distance(measure: Callable[..., Tensor], problem: str) -> Loss:
    """A measure of distance between targets and predictions (probabilities, not logits)."""
    activation = PROBLEMS[problem].activation

    def loss(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
        predicted = _squash(activation, logits.view_as(target))
        if not target.is_floating_point():
            target = target.to(predicted.dtype)
        return measure(predicted, target, reduction=reduction)

    return Mean(loss)
