"""Running a model over a part, and putting each score beside its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.schema import Config
from ..config.schema import Trainer as Options
from ..interrupts import check
from ..judging import classical
from ..judging.baselines import Answer, best_baseline, simple_answers
from ..judging.compare import compare, compared_facts
from ..judging.scores import Judged, Naive, Score
from ..metrics import Metric
from ..optimizers.named import autocast_type
from ..sources.batches import Part
from ..sources.fold import FoldData
from .build import meters_for
from .learner import OneLoss
from .meters import Meters
from .supervised import Supervised


def judge(
    config: Config,
    learner: Supervised,
    fold: FoldData,
    name: str,
    part: Part,
    naive: Naive | None = None,
) -> Judged:
    """Runs the model as it is over a part, and puts each score beside its baseline.

    Args:
        config: the config; `baseline: classical` asks for a classical model as well.
        learner: holds the model.
        fold: its training part teaches the baselines.
        name: "val" or "test".
        part: the samples.
        naive: forecasts of the same rows, where there is time.
    """
    meters = meters_for(config, learner, name)
    logits = predict_into(learner, part, config.trainer, meters)
    values = meters.scores()
    scores: list[Score] = []
    decided = False
    facts = compared_facts([], f"{name}: no metric is computed, so nothing can be compared")
    for score, target, metric in meters.metrics:
        answers = _answers(config, fold, target, metric, part, (naive or {}).get(target, {}))
        truth = part.targets[target]
        found = Score(score, values[score], metric.direction, best_baseline(metric, answers, truth))
        if not scores:
            found, facts = compare(found, metric, logits[target], answers, truth)
            decided = metric.right(logits[target], truth) is not None
        scores.append(found)
    loss = Score(f"{name}/loss", values[f"{name}/loss"], "min")
    return Judged(name, (*scores, loss), logits, values, facts, decided)


def _answers(
    config: Config,
    fold: FoldData,
    target: str,
    metric: Metric,
    part: Part,
    naive: Mapping[str, npt.NDArray[np.float32]],
) -> list[Answer]:
    """Every answer that the model is compared with."""
    forecasts = {name: torch.from_numpy(values) for name, values in naive.items()}
    known = fold.train.targets[target]
    answers = list(simple_answers(metric, known, part.targets[target], forecasts))
    if config.baseline == "classical":
        model = _fitted(config, fold, target, metric)
        answers.append(Answer(model.name, "classical", (model.predict(part.inputs),)))
    return answers


_FITTED: WeakKeyDictionary[Part, dict[str, classical.Classical]] = WeakKeyDictionary()
"""Classical models by the training part that taught them: each is fitted once."""


def _fitted(config: Config, fold: FoldData, target: str, metric: Metric) -> classical.Classical:
    known = _FITTED.setdefault(fold.train, {})
    if target not in known:
        train = classical.Rows(fold.train.inputs, fold.train.targets[target])
        validation = None
        if fold.validation is not None:
            validation = classical.Rows(fold.validation.inputs, fold.validation.targets[target])
        known[target] = classical.fit(
            metric.problem, metric.outputs, fold.inputs, train, validation, config.seed
        )
    return known[target]


@torch.no_grad()
def predict_into(
    learner: OneLoss, part: Part, options: Options, meters: Meters
) -> dict[str, Tensor]:
    """Runs the model over some samples in order.

    Returns:
        The outputs by target, of shape (rows, outputs), on the device.

    Raises:
        Interrupted: a signal asks to stop.
    """
    learner.model.eval()
    meters.reset()
    collected: dict[str, list[Tensor]] = {}
    amp = autocast_type(options.precision)
    for batch in part.in_order(options.eval_batch_size):
        check()
        with torch.autocast(learner.device.type, amp, enabled=amp is not None):
            losses, outputs = learner.compute(batch)
        meters.update(batch, losses, outputs)
        for name, values in outputs.items():
            collected.setdefault(name, []).append(values.float())
    meters.fetch()
    return {name: torch.cat(parts) for name, parts in collected.items()}
