"""Callbacks by name: what may watch a training and act on it."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import Component, Table, option


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Stops once the monitored score has not improved for `patience` epochs in a row."""

    monitor: str = option("auto", "score to watch, as in val/loss; auto: trainer.monitor")
    patience: int = option(
        5, "epochs in a row without improvement after which it stops", unit="epochs", ge=1
    )
    min_delta: float = option(0.0, "smallest change that counts as improvement", ge=0)


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """Stops after the epoch in which the training has run for so many minutes."""

    minutes: float = option(help="longest training time", unit="minutes", gt=0, example="30")


_CODE = "dlx.training.callbacks"
CALLBACKS = Table(
    "callback",
    {
        "early_stopping": Component(EarlyStopping, f"{_CODE}:EarlyStopping"),
        "time_limit": Component(TimeLimit, f"{_CODE}:TimeLimit"),
    },
)
