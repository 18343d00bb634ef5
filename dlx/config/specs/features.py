"""Options of the preparation steps that turn rows into what a network that was trained sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from ...errors import Problem
from ..fields import option
from ..shapes import Sizes
from .pretrained import Base
from .step import OnColumns

_DEVICE = "where it is computed; auto: where training is, by trainer.device"


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
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", _DEVICE)

    def after(self, sizes: Sizes | None) -> Sizes | None:  # noqa: ARG002
        """The channels of the last layer, at places that are not known before it has computed."""
        channels = self.channels if self.known.last(self.upto) else 0
        return (channels,) if self.pool != "none" else (channels, 0, 0)


@dataclass(frozen=True, kw_only=True)
class RunFeatures(OnColumns):
    """Turns rows into what the network of a finished run makes of them, once for all epochs.

    The rows pass through the run's own preparation first, so that this step is the first of its
    column. What the network gives is computed once and kept in the cache.
    """

    places: ClassVar[tuple[str, ...]] = ("run",)

    run: str = option(
        "", "a finished run on the same inputs (`last`, a unique part of its name)", path=True
    )
    layer: str | None = option(
        None, "of its network, by name; null: what comes before its answer, or its code"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = option("auto", _DEVICE)
    sha256: str = option("", "digest of its weights, which dlx fills in and holds them to")

    def check(self) -> Iterator[tuple[str, Problem]]:
        """A step that names no run."""
        if not self.run and not self.sha256:
            yield (
                "run",
                Problem("it names no run", accepted="a finished run, or last", hint="run=last"),
            )
