"""The vocabulary: which components exist, which options each takes. Plain data, no torch."""

from __future__ import annotations

from ..fields import Table
from .callbacks import CALLBACKS
from .datasets import DATASETS
from .launchers import LAUNCHERS
from .layers import LAYERS
from .learners import LEARNERS
from .losses import LOSSES
from .metrics import METRICS
from .models import MODELS
from .optimizers import OPTIMIZERS
from .prepare import STEPS
from .protocols import PROTOCOLS
from .schedules import SCHEDULES

__all__ = [
    "CALLBACKS",
    "DATASETS",
    "LAUNCHERS",
    "LAYERS",
    "LEARNERS",
    "LOSSES",
    "METRICS",
    "MODELS",
    "OPTIMIZERS",
    "PROTOCOLS",
    "SCHEDULES",
    "STEPS",
    "TABLES",
]

TABLES: dict[str, Table] = {
    table.kind: table
    for table in (
        DATASETS,
        STEPS,
        PROTOCOLS,
        LEARNERS,
        MODELS,
        LAYERS,
        LOSSES,
        OPTIMIZERS,
        SCHEDULES,
        METRICS,
        CALLBACKS,
    )
}
