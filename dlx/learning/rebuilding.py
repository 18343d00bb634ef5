"""What an autoencoder must beat: rows rebuilt without a network, from what is read of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..judging.evaluation import Kind
from ..sources.batches import Batch, Part
from .pictures import TINY, fit_decoder, principal_axes, some_rows

CELLS = 8_000_000
"""Most numbers that the linear model is fitted to; of more rows, some are drawn."""
_SOLVED = 4_000_000
"""Numbers of linear systems that are solved at a time."""

Looked = tuple[Tensor, Tensor, Tensor | None]
"""Rows, what is read of them, and which of their numbers are hidden: (rows, numbers), doubles."""
Look = Callable[[Batch], Looked]


class Rebuilder(ABC):
    """Rebuilds rows from what is read of them; it computes in double precision on the CPU."""

    name: ClassVar[str]
    kind: ClassVar[Kind] = "constant"

    @abstractmethod
    def rebuild(self, seen: Tensor, hidden: Tensor | None) -> Tensor:
        """The rows, as near as it gets by the squared error, (rows, numbers)."""

    def logits(self, seen: Tensor, hidden: Tensor | None) -> Tensor | None:  # noqa: ARG002
        """The rows, as near as it gets by the cross-entropy; None where it has no such answer."""
        return None


@dataclass(frozen=True)
class MeanRow(Rebuilder):
    """The mean of training rows, whatever the row is: the best constant.

    Attributes:
        mean: (numbers,).
        logit: likewise, of what is from 0 to 1.
    """

    mean: Tensor
    logit: Tensor
    name = "mean row"

    def rebuild(self, seen: Tensor, hidden: Tensor | None) -> Tensor:  # noqa: ARG002
        """The same for every row."""
        return self.mean.expand_as(seen)

    def logits(self, seen: Tensor, hidden: Tensor | None) -> Tensor:  # noqa: ARG002
        """The same for every row."""
        return self.logit.expand_as(seen)


class AsSeen(Rebuilder):
    """What is read of a row is the row."""

    name = "row as it is read"
    kind = "naive"

    def rebuild(self, seen: Tensor, hidden: Tensor | None) -> Tensor:  # noqa: ARG002
        """The same."""
        return seen


@dataclass(frozen=True)
class NearestSeen(Rebuilder):
    """A hidden pixel is what the nearest visible one is.

    Attributes:
        shape: of a picture.
    """

    shape: Sequence[int]
    name = "nearest visible pixel"
    kind = "naive"

    def rebuild(self, seen: Tensor, hidden: Tensor | None) -> Tensor:
        """Of hidden numbers those of the nearest visible place, by Euclidean distance."""
        from scipy.ndimage import distance_transform_edt

        assert hidden is not None
        high, wide = self.shape[-2:]
        pictures = seen.view(len(seen), -1, high, wide).numpy()
        masks = hidden.view(len(hidden), -1, high, wide)[:, 0].numpy()
        found = np.empty_like(pictures)
        for place, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
            rows, columns = distance_transform_edt(
                mask, return_distances=False, return_indices=True
            )
            found[place] = picture[:, rows, columns]
        return torch.from_numpy(found).flatten(1)


@dataclass(frozen=True)
class Pca(Rebuilder):
    """Principal components, as many as a code has numbers.

    Of rows of which a part is hidden, their numbers are the mean that probabilistic PCA gives them
    by what is visible (Tipping and Bishop, 1999). By the cross-entropy, logits of the numbers are
    linear in them, fitted by logistic regression as in `learning.pictures`.

    Attributes:
        centre: the mean row.
        axes: principal axes, (numbers, components).
        deviations: along each of them, less that of the noise, (components,).
        noise: the mean variance along all other axes.
        patches: which patch each number lies in, (numbers,).
        decoder: (1 + components, numbers), biases first; None where no logits are asked for.
    """

    centre: Tensor
    axes: Tensor
    deviations: Tensor
    noise: float
    patches: Tensor
    decoder: Tensor | None = None
    name = "PCA"
    kind = "classical"

    def encode(self, seen: Tensor, hidden: Tensor | None) -> Tensor:
        """The components of rows, (rows, components)."""
        centred = seen - self.centre
        if hidden is None:
            return centred @ self.axes
        size = max(1, _SOLVED // len(self.deviations) ** 2)
        pairs = zip(torch.split(centred, size), torch.split(~hidden, size), strict=True)
        found = torch.cat([self._from_visible(*pair) for pair in pairs])
        return found * self.deviations

    def _from_visible(self, centred: Tensor, visible: Tensor) -> Tensor:
        """The mean of each row's numbers, standard normal before anything is seen of it."""
        loads = self.axes * self.deviations
        many = int(self.patches.max()) + 1
        products = loads.new_zeros(many, loads.shape[1], loads.shape[1])
        for patch in range(many):
            own = loads[self.patches == patch]
            products[patch] = own.T @ own
        first = torch.stack([(self.patches == patch).nonzero()[0, 0] for patch in range(many)])
        system = (visible[:, first].double() @ products.flatten(1)).view(-1, *products.shape[1:])
        system.diagonal(dim1=1, dim2=2).add_(self.noise)
        right = (centred * visible) @ loads
        found: Tensor = torch.linalg.solve(system, right)
        return found

    def rebuild(self, seen: Tensor, hidden: Tensor | None) -> Tensor:
        """What the components stand for."""
        return self.centre + self.encode(seen, hidden) @ self.axes.T

    def logits(self, seen: Tensor, hidden: Tensor | None) -> Tensor | None:
        """What the components stand for, by the cross-entropy."""
        if self.decoder is None:
            return None
        return self.decoder[0] + self._scaled(self.encode(seen, hidden)) @ self.decoder[1:]

    def _scaled(self, numbers: Tensor) -> Tensor:
        """Of variance 1, as the prior of the decoder's slopes wants them."""
        return numbers / (self.deviations.square() + self.noise).sqrt()


def learn(
    train: Part, look: Look, seed: int, batch_size: int, code: int, patches: Tensor, logits: bool
) -> tuple[MeanRow, Pca]:
    """What training rows teach.

    Args:
        train: the rows.
        look: gives rows, what is read of them and what is hidden.
        seed: draws which rows the linear model is fitted to, where there are too many.
        batch_size: rows that are looked at together.
        code: numbers of a row's code.
        patches: which patch each number of a row lies in, (numbers,).
        logits: whether numbers are from 0 to 1, and rebuilt by the cross-entropy.
    """
    total = sum((look(one)[0].sum(dim=0) for one in train.in_order(batch_size)), torch.zeros(()))
    share = ((total + 0.5) / (len(train) + 1)).clamp(TINY, 1 - TINY)
    mean = MeanRow(total / len(train), share.logit())
    kept = some_rows(train, max(2, CELLS // len(total)), seed)
    rows, seen, hidden = look(kept.batch(0, len(kept)))
    pca = fit_pca(rows, mean.mean, code, patches)
    if logits:
        numbers = pca._scaled(pca.encode(seen, hidden))
        decoder = fit_decoder(numbers, rows, mean.logit)
        pca = Pca(pca.centre, pca.axes, pca.deviations, pca.noise, patches, decoder)
    return mean, pca


def fit_pca(rows: Tensor, mean: Tensor, code: int, patches: Tensor) -> Pca:
    """Principal components of some rows around the mean of all."""
    variances, axes = principal_axes(rows - mean)
    kept = min(code, len(variances))
    rest = variances[kept:].sum() / max(1, len(mean) - kept)
    noise = float(rest.clamp(min=1e-6 * float(variances[0]) + TINY))
    deviations = (variances[:kept] - noise).clamp(min=TINY).sqrt()
    return Pca(mean, axes[:, :kept], deviations, noise, patches)


def beside(
    learnt: tuple[MeanRow, Pca], shape: Sequence[int], corrupted: bool, masked: bool
) -> list[Rebuilder]:
    """All that rebuild rows without a network, where something of rows is lost, or nothing is."""
    found: list[Rebuilder] = [*learnt]
    if masked and len(shape) > 1:
        found.append(NearestSeen(shape))
    elif corrupted and not masked:
        found.append(AsSeen())
    return found
