"""Options of contrastive learning."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import option
from .learner import Learner
from .probe import PROBE, Probe


@dataclass(frozen=True, kw_only=True)
class Contrastive(Learner):
    """Features by which two augmented views of a row are known as one (SimCLR; Chen, 2020)."""

    spec = "dlx.config.contrastive:ContrastiveSpec"

    temperature: float = option(
        0.5, "cosines are divided by it: the smaller, the more the most similar rows count", gt=0
    )
    head: tuple[int, ...] = option(
        (64, 32),
        "sizes of the dense layers behind the model, the last one compared; they are thrown away "
        "after training",
        ge=1,
    )
    probe: Probe | None = option(None, PROBE)
