"""What a model of pictures must beat, under the same bound: constants, and a linear one.

Beside them the least that grey levels take, which tells how good a bound can be.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from ..judging.evaluation import Kind
from ..seeds import derive
from ..sources.batches import Batch, Part

CELLS = 2_000_000
"""Most pixels that the linear model is fitted to; of more rows, some are drawn."""
STEPS = 100
TINY = 1e-12
"""The least variance along an axis: of pictures that are all the same."""

Look = Callable[[Batch], tuple[Tensor, Tensor]]
"""A batch -> its pixels, (rows, pixels), and what is drawn for its rows, (rows, latent)."""


def cross_entropy(logits: Tensor, pixels: Tensor) -> Tensor:
    """What the pixels of each row take, in nats, (rows,): of grey levels, the cross-entropy."""
    logits = logits.expand_as(pixels)
    return F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(dim=1)


def log_ratio(drawn: Tensor, numbers: Tensor, log_variance: Tensor) -> Tensor:
    """How much likelier numbers are under a standard normal distribution, in nats, (rows,).

    Args:
        drawn: standard normal numbers of each row, from which `numbers` were made.
        numbers: of the normal distribution that is asked for likewise.
        log_variance: of that distribution.
    """
    return (drawn.square() - numbers.square() + log_variance).sum(dim=1) / 2


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """How far normal numbers are from standard normal ones, in nats, (rows,): Kullback-Leibler."""
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1) / 2


class Simple(ABC):
    """A model of pictures that needs no network; it computes in double precision on the CPU.

    Attributes:
        name: as in "mean picture".
        kind: of baseline.
        draws: whether it has latent numbers, which are drawn.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind] = "constant"
    draws: ClassVar[bool] = False

    @abstractmethod
    def parts(self, pixels: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """What each row's pixels and its numbers take, in nats, (rows,): the parts of the bound."""

    def bound(self, pixels: Tensor, drawn: Tensor) -> Tensor:
        """The negative bound on each row's likelihood, in nats, (rows,)."""
        return sum(self.parts(pixels, drawn), torch.zeros(()))

    def log_weight(self, pixels: Tensor, drawn: Tensor) -> Tensor:
        """Of drawn numbers, (rows,): see `weighted`."""
        return -self.parts(pixels, drawn)[0]

    @abstractmethod
    def rebuild(self, pixels: Tensor) -> Tensor:
        """The rows as it knows them, (rows, pixels)."""


@dataclass(frozen=True)
class MeanPicture(Simple):
    """Each pixel is one with its own probability, whatever the others are: the best constant."""

    logits: Tensor
    name = "mean picture"

    def parts(self, pixels: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The cross-entropy; nothing is drawn, so nothing diverges."""
        return cross_entropy(self.logits, pixels), torch.zeros(len(pixels))

    def rebuild(self, pixels: Tensor) -> Tensor:
        """The same picture for every row."""
        return self.logits.sigmoid().expand_as(pixels)


class MeanGrey(MeanPicture):
    """Every pixel is one with the same probability."""

    name = "mean grey"


class Pixels(Simple):
    """Each pixel as it is: what grey levels take at least, as no model but a copy could."""

    name = "pixels"
    kind = "data"

    def parts(self, pixels: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The entropy of ones and zeros with the grey levels as probabilities."""
        return cross_entropy(pixels.logit(eps=TINY), pixels), torch.zeros(len(pixels))

    def rebuild(self, pixels: Tensor) -> Tensor:
        """The same."""
        return pixels


@dataclass(frozen=True)
class Pca(Simple):
    """Probabilistic PCA with as many numbers (Tipping and Bishop, 1999), and logistic pixels.

    It is an autoencoder as well, of the same latent numbers, so that its bound is of the same kind:
    the encoder is PCA's posterior, which is linear in the pixels; the decoder gives each pixel's
    logit as a linear function of the numbers, fitted by logistic regression to numbers that the
    encoder drew. The noise that the posterior has is that of pixels that are ones or
    zeros, so that numbers which tell less than they cost are left out. The squared error is PCA's
    own, of the projection on all its components.

    Attributes:
        centre: the mean picture.
        axes: the principal axes, (pixels, numbers).
        scale: of the encoder's mean along each axis, (numbers,).
        log_variance: of the encoder, (numbers,).
        weights: of the decoder, biases first, (1 + numbers, pixels).
    """

    centre: Tensor
    axes: Tensor
    scale: Tensor
    log_variance: Tensor
    weights: Tensor
    name = "PCA"
    kind = "classical"
    draws = True

    def draw(self, pixels: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of each row's numbers, and numbers that are drawn from their distribution."""
        mean = (pixels - self.centre) @ self.axes * self.scale
        return mean, mean + (self.log_variance / 2).exp() * drawn[:, : len(self.scale)]

    def parts(self, pixels: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The cross-entropy given the drawn numbers, and the divergence of the encoder."""
        mean, numbers = self.draw(pixels, drawn)
        divergence = kl(mean, self.log_variance.expand_as(mean))
        return cross_entropy(self._decode(numbers), pixels), divergence

    def log_weight(self, pixels: Tensor, drawn: Tensor) -> Tensor:
        """Numbers that are likelier than the encoder has them count for more."""
        _, numbers = self.draw(pixels, drawn)
        ratio = log_ratio(drawn[:, : len(self.scale)], numbers, self.log_variance)
        return ratio - cross_entropy(self._decode(numbers), pixels)

    def _decode(self, numbers: Tensor) -> Tensor:
        return self.weights[0] + numbers @ self.weights[1:]

    def rebuild(self, pixels: Tensor) -> Tensor:
        """The projection on the components."""
        return self.centre + (pixels - self.centre) @ self.axes @ self.axes.T


def simple_models(train: Part, look: Look, seed: int, batch_size: int) -> list[Simple]:
    """The simple models, fitted to training rows.

    Args:
        train: the rows.
        look: gives the pixels of a batch, and what is drawn for its rows.
        seed: which rows the linear model is fitted to, where there are too many.
        batch_size: rows that are looked at together.
    """
    total = sum((look(one)[0].sum(dim=0) for one in train.in_order(batch_size)), torch.zeros(()))
    share = (total + 0.5) / (len(train) + 1)  # half a picture of each kind more, so none is certain
    logits = share.logit()
    kept = some_rows(train, max(2, CELLS // len(total)), seed)
    pixels, drawn = look(kept.batch(0, len(kept)))
    grey = share.mean().logit()
    return [MeanGrey(grey), MeanPicture(logits), fit_pca(pixels, drawn, logits), Pixels()]


def some_rows(train: Part, most: int, seed: int) -> Part:
    """At most so many rows, which the seed draws, in their order."""
    order = torch.Generator().manual_seed(derive(seed, "pca"))
    rows = torch.randperm(len(train), generator=order)[:most].sort().values
    return train.take(rows.to(train.numbers.device))


def fit_pca(pixels: Tensor, drawn: Tensor, logits: Tensor) -> Pca:
    """The linear model, fitted to some rows.

    Args:
        pixels: of the rows, (rows, pixels).
        drawn: standard normal numbers of each row, as many as the model may have.
        logits: of the mean picture, from which the decoder's biases start.
    """
    centre = pixels.mean(dim=0)
    variances, axes = principal_axes(pixels - centre)
    kept = min(drawn.shape[1], len(variances))
    variances = variances[:kept].clamp(min=TINY)
    chances = logits.sigmoid()
    noise = (chances * (1 - chances)).mean()
    share = (noise / variances).clamp(max=1)
    scale = ((1 - share) / variances).sqrt()
    encoder = Pca(centre, axes[:, :kept], scale, share.log(), logits[None])
    _, numbers = encoder.draw(pixels, drawn)
    return replace(encoder, weights=fit_decoder(numbers, pixels, logits))


def principal_axes(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Variances, the largest first, and the axes they are along, by the smaller Gram matrix."""
    rows, pixels = centred.shape
    if pixels <= rows:
        variances, axes = torch.linalg.eigh(centred.T @ centred / rows)
        return variances.flip(0).clamp(min=0), axes.flip(1)
    variances, along = torch.linalg.eigh(centred @ centred.T / rows)
    variances, along = variances.flip(0).clamp(min=0), along.flip(1)
    return variances, F.normalize(centred.T @ along, dim=0)


def fit_decoder(numbers: Tensor, pixels: Tensor, logits: Tensor) -> Tensor:
    """Logistic regression of every pixel on the numbers, (1 + numbers, pixels).

    Slopes have a standard normal prior, and biases half a row of each kind, as in the mean picture.
    """
    from scipy.optimize import minimize

    design = torch.cat([torch.ones_like(numbers[:, :1]), numbers], dim=1)
    start = torch.cat([logits[None], logits.new_zeros(numbers.shape[1], len(logits))])

    def cost(flat: Any) -> tuple[float, Any]:
        weights = torch.from_numpy(flat).reshape(start.shape)
        found, bias, slopes = design @ weights, weights[0], weights[1:]
        value = (F.softplus(found) - pixels * found).sum() + slopes.square().sum() / 2
        value = value + (F.softplus(bias) - bias / 2).sum()
        gradient = design.T @ (found.sigmoid() - pixels)
        gradient[0] += bias.sigmoid() - 0.5
        gradient[1:] += slopes
        return float(value), gradient.flatten().numpy()

    options = {"maxiter": STEPS}
    given = start.flatten().numpy()
    found = minimize(cost, given, jac=True, method="L-BFGS-B", options=options)
    return torch.from_numpy(np.asarray(found.x)).reshape(start.shape)


def measure(
    models: list[Simple], part: Part, look: Look, batch_size: int
) -> Iterator[tuple[Simple, dict[str, Any]]]:
    """Each model with the parts of its bound and its squared error a pixel ("mse") of every row."""
    names = ("reconstruction", "kl", "mse")
    found: list[dict[str, list[Tensor]]] = [{name: [] for name in names} for _ in models]
    for batch in part.in_order(batch_size):
        pixels, drawn = look(batch)
        for model, each in zip(models, found, strict=True):
            for name, one in zip(names, model.parts(pixels, drawn), strict=False):
                each[name].append(one)
            each["mse"].append((model.rebuild(pixels) - pixels).square().mean(dim=1))
    for model, each in zip(models, found, strict=True):
        yield model, {name: torch.cat(values).numpy() for name, values in each.items()}
