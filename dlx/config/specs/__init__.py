"""The vocabulary: which components exist, which options each takes. Plain data, no torch."""

from __future__ import annotations

from ..fields import Table
from .augment import AUGMENTATIONS as AUGMENTATIONS
from .averages import AVERAGES as AVERAGES
from .callbacks import CALLBACKS as CALLBACKS
from .datasets import DATASETS as DATASETS
from .launchers import LAUNCHERS as LAUNCHERS
from .layers import LAYERS as LAYERS
from .learners import LEARNERS as LEARNERS
from .losses import LOSSES as LOSSES
from .metrics import METRICS as METRICS
from .models import MODELS as MODELS
from .optimizers import OPTIMIZERS as OPTIMIZERS
from .prepare import STEPS as STEPS
from .protocols import PROTOCOLS as PROTOCOLS
from .schedules import SCHEDULES as SCHEDULES
from .views import VIEWS as VIEWS

TABLES: dict[str, Table] = {
    table.kind: table
    for table in (
        DATASETS,
        STEPS,
        AUGMENTATIONS,
        VIEWS,
        AVERAGES,
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
