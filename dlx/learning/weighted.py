"""The importance-weighted bound on the likelihood of rows (Burda and others, 2016)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from ..interrupts import check
from ..metrics.base import Values

Weigh = Callable[[int], Sequence[Tensor]]
"""The number of a draw -> the log-weight of each of some rows, (rows,), of everybody."""


@torch.no_grad()
def weighted_bounds(blocks: Iterable[Weigh], draws: int) -> list[Values]:
    """Negative bounds in nats, (rows,), of everybody that is weighed.

    The more draws, the nearer they are to the likelihood itself; of one draw it is the usual bound,
    whose divergence is drawn as well (arXiv:1509.00519, equation 8).

    Args:
        blocks: rows after rows. A log-weight is log p(x | z) + log p(z) - log q(z | x).
        draws: how many for each row.

    Raises:
        Interrupted: a signal asks to stop.
    """
    found: list[list[Tensor]] = []
    for weigh in blocks:
        weights = []
        for draw in range(draws):
            check()
            weights.append([one.double().cpu() for one in weigh(draw)])
        bounds = [
            math.log(draws) - torch.stack(one).logsumexp(dim=0)
            for one in zip(*weights, strict=True)
        ]
        found.append(bounds)
    return [torch.cat(one).numpy() for one in zip(*found, strict=True)]
