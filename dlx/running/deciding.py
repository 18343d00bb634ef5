"""Thresholds that are chosen once a training is over, on its validation rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..config.supervised import chosen_thresholds
from .run import Run

Thresholds = dict[str, tuple[float, ...]]


def settle_thresholds(run: Run, folds: Sequence[Thresholds] = ()) -> Thresholds:
    """Chooses the thresholds of the stage's learner, and keeps them with its preparation.

    Args:
        run: the run, whose stage has the weights to be kept.
        folds: what each fold has chosen: a model without validation rows takes their mean.

    Raises:
        RunError: they cannot be written.
    """
    asked = chosen_thresholds(run.config)
    if not asked:
        return {}
    stage, learner = run.stage, run.training.learner
    if stage.fold.validation is not None:
        found = learner.choose_thresholds(stage.fold)
        of = f"{len(stage.fold.validation):,} validation rows"
    else:
        of = f"mean of {len(folds)} folds"
        found = {n: tuple(np.mean([one[n] for one in folds], axis=0).tolist()) for n in asked}
    learner.decide(found)
    stage.fold.pipeline = stage.fold.pipeline.decide(found)
    if stage.folder is not None:
        stage.fold.pipeline.save(stage.folder)
    for name, each in found.items():
        run.facts["problem"][name]["threshold"] = list(each)
        told = ", ".join(f"{one:.3g}" for one in each)
        run.log(f"threshold of {name}: {told} ({asked[name]}, {of})")
    return found
