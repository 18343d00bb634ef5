"""Options of the preparation step that turns pictures into what a pretrained network sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..fields import option
from ..shapes import Sizes
from .pretrained import Base
from .step import OnColumns


@dataclass(frozen=True, kw_only=True)
class Features(Base, OnColumns):
    """Turns pictures into numbers that a network has learnt to see in others, once for all epochs.

    What the network gives is computed once for each picture and kept in the cache (book 5.3.1).
    """

    pool: Literal["none", "average", "max"] = option(
        "average",
        "what is kept of each channel: its mean or its largest value over the picture, or none: "
        "its values at all places",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto", "where it is computed; auto: where training is, by trainer.device"
    )

    def after(self, sizes: Sizes | None) -> Sizes | None:  # noqa: ARG002
        """The channels of the last layer, at places that are not known before it has computed."""
        channels = self.channels if self.known.last(self.upto) else 0
        return (channels,) if self.pool != "none" else (channels, 0, 0)
