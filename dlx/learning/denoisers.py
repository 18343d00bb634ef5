"""What a diffusion model must beat: answers to noisy rows that need no network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from ..judging.evaluation import Kind


class Denoiser(ABC):
    """Guesses the noise in noisy rows; it computes on the CPU."""

    name: ClassVar[str]
    kind: ClassVar[Kind] = "constant"

    @abstractmethod
    def guess(self, noisy: Tensor, kept: Tensor, laid: Tensor) -> Tensor:
        """The noise in rows, (rows, numbers).

        Args:
            noisy: kept * data + laid * noise, (rows, numbers).
            kept: the share of data in each row, (rows, 1).
            laid: the share of noise, likewise.
        """


class NoNoise(Denoiser):
    """There is none: the best answer that does not depend on the row."""

    name = "zero"

    def guess(self, noisy: Tensor, kept: Tensor, laid: Tensor) -> Tensor:  # noqa: ARG002
        """Nothing."""
        return torch.zeros_like(noisy)


@dataclass(frozen=True)
class Alone(Denoiser):
    """The best linear answer to each number by itself, from its mean and variance in training rows.

    Attributes:
        mean: (numbers,).
        variance: likewise.
    """

    mean: Tensor
    variance: Tensor
    name = "each number alone"

    def guess(self, noisy: Tensor, kept: Tensor, laid: Tensor) -> Tensor:
        """Of noise with variance 1, and data whose variance is known."""
        return _shrink(noisy - kept * self.mean, self.variance, kept, laid)


@dataclass(frozen=True)
class Linear(Denoiser):
    """The best linear answer of all (Wiener's filter), from the training rows' covariance.

    It is the best answer altogether where rows are normal.

    Attributes:
        mean: (numbers,).
        axes: of the covariance, (numbers, numbers).
        variances: along each axis, (numbers,).
    """

    mean: Tensor
    axes: Tensor
    variances: Tensor
    name = "linear denoiser"
    kind = "classical"

    def guess(self, noisy: Tensor, kept: Tensor, laid: Tensor) -> Tensor:
        """Along the axes each number is alone."""
        along = (noisy - kept * self.mean) @ self.axes
        return _shrink(along, self.variances, kept, laid) @ self.axes.T


def _shrink(noisy: Tensor, variance: Tensor, kept: Tensor, laid: Tensor) -> Tensor:
    return noisy * laid / (kept.square() * variance + laid.square())


@dataclass
class Moments:
    """Mean and covariance of rows, in double precision, from blocks of them."""

    many: int
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, blocks: Iterable[Tensor]) -> Self:
        """Sums over blocks of rows, (rows, numbers) each."""
        many, total, products = 0, torch.zeros(1).double(), torch.zeros(1, 1).double()
        for one in blocks:
            rows = one.double()
            many, total = many + len(rows), total + rows.sum(dim=0)
            products = products + rows.T @ rows
        return cls(many, total, products)

    def denoisers(self) -> list[Denoiser]:
        """The simple answers that they teach."""
        mean = self.total / self.many
        covariance = self.products / self.many - torch.outer(mean, mean)
        variances, axes = torch.linalg.eigh(covariance)
        alone = covariance.diagonal().clamp(min=0)
        found = mean.float(), axes.float(), variances.clamp(min=0).float()
        return [NoNoise(), Alone(found[0], alone.float()), Linear(*found)]


def errors_of(
    denoisers: Iterable[Denoiser], noisy: Tensor, noise: Tensor, kept: Tensor, laid: Tensor
) -> Iterator[Tensor]:
    """The mean squared error of each one's guess, by row, (rows,)."""
    for one in denoisers:
        yield (one.guess(noisy, kept, laid) - noise).square().mean(dim=1)
