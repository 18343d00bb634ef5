"""How far a score could move with other rows of the same kind: bootstrap (Efron, 1979)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..metrics import Metric
from ..seeds import derive

DRAWS = 300
LEVEL = 0.95


def bootstrap(
    metric: Metric, logits: Tensor, targets: Tensor, draws: int = DRAWS
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a score over rows drawn with replacement.

    Args:
        metric: what is measured; it is reset.
        logits: of the rows, (rows, outputs).
        targets: of the rows.
        draws: how many samples of rows are drawn.

    Returns:
        Lower and upper bound, or None where the score has no value for some draw, or the same
        for all.
    """
    rows = len(targets)
    values = []
    for draw in range(draws):
        source = torch.Generator().manual_seed(derive(0, "bootstrap", draw))
        chosen = torch.randint(rows, (rows,), generator=source).to(targets.device)
        metric.reset()
        metric.update(logits.index_select(0, chosen), targets.index_select(0, chosen))
        values.append(metric.compute())
    if any(value != value for value in values):
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # No draw differs, as when every answer is right: the rows cannot tell how far it could move.
    return (float(low), float(high)) if low < high else None
