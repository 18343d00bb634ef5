"""The protocol that the data choose, and the rule that it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..config.specs import protocols as specs
from .columns import Rows
from .protocols import Split, chronological, holdout, kfold, labels_of, official
from .samples import Samples

FEW_ROWS, FEW_OF_A_CLASS = 1000, 10
"""Below so many validation rows, or rows of a class, a single cut says too little: K-fold."""


def auto(options: specs.Auto, samples: Samples, seed: int, target: str) -> Split:
    """Chooses the protocol by the data, and says which rule fired (book 4.2.1).

    Rows in time are cut in time, and an official validation set is taken. Where a hold-out of a
    fifth would have fewer than 1,000 rows, or fewer than 10 of some class, four folds; otherwise
    that hold-out.
    """
    common: dict[str, Any] = {"test": options.test}
    if samples.time:
        split = chronological(specs.Chronological(**common), samples, seed, target)
        return replace(split, rule=f"auto: rows are ordered by {samples.time}; {split.rule}")
    common |= {"test_seed": options.test_seed, "duplicates": options.duplicates}
    if samples.validation is not None:
        split = official(specs.Official(**common), samples, seed, target)
        return replace(split, rule=f"auto: the dataset names a validation set; {split.rule}")
    split = holdout(specs.Holdout(**common), samples, seed, target)
    if reason := _find_shortage(split.folds[0].validation, samples, target):
        split = kfold(specs.KFold(**common), samples, seed, target)
        return replace(split, rule=f"auto: {reason}, so K-fold; {split.rule}")
    rows = len(split.folds[0].validation)
    return replace(split, rule=f"auto: {rows:,} rows are enough for a hold-out set; {split.rule}")


def _find_shortage(validation: Rows, samples: Samples, target: str) -> str:
    """Why a hold-out would be too small; "" where it is not."""
    if len(validation) < FEW_ROWS:
        return f"a hold-out would have {len(validation):,} rows, fewer than {FEW_ROWS:,}"
    labels = labels_of(samples, target)
    if labels is None:
        return ""
    rarest = int(np.bincount(labels[validation], minlength=int(labels.max()) + 1).min())
    if rarest >= FEW_OF_A_CLASS:
        return ""
    return f"a hold-out would have {rarest} rows of the rarest class, fewer than {FEW_OF_A_CLASS}"
