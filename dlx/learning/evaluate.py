"""Running a model over a part: its scores, and what each of them must beat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.schema import Config
from ..config.schema import Trainer as Options
from ..interrupts import check
from ..judging import classical
from ..judging.baselines import Answer, simple_answers
from ..judging.evaluation import Estimate, Evaluation
from ..metrics import Metric
from ..optimizers.named import autocast_type
from ..sources.batches import Part
from ..sources.fold import FoldData
from .build import meters_for
from .learner import OneLoss
from .meters import Meters
from .objective import Objective, constant_objective
from .supervised import Supervised


def evaluate(config: Config, learner: Supervised, fold: FoldData, name: str) -> list[Evaluation]:
    """Runs the model as it is over a part, once: each metric of each target, and the loss.

    Args:
        config: the config; `baseline: classical` asks for a classical model as well.
        learner: holds the model, and afterwards its `outputs`.
        fold: its training part teaches the baselines.
        name: the part, "val" or "test".
    """
    part, meters = fold.part(name), meters_for(config, learner, name)
    logits = learner.outputs[name] = predict_into(learner, part, config.trainer, meters)
    scores, naive = meters.scores(), fold.data.naive(fold.rows_of(name))
    found = []
    for score, target, metric in meters.metrics:
        truth, known = part.targets[target], scores[score]
        own = Answer("model", "model", metric, truth, (logits[target],), known)
        baselines = _baselines(config, fold, target, metric, part, naive.get(target, {}))
        found.append(Evaluation(score, metric.direction, "row", own, tuple(baselines)))
    loss = Objective("model", "model", learner.heads, part.targets, logits, scores[f"{name}/loss"])
    constant = constant_objective(learner.heads, fold.train.targets, part.targets)
    return [*found, Evaluation(f"{name}/loss", "min", "row", loss, (constant,))]


def _baselines(
    config: Config,
    fold: FoldData,
    target: str,
    metric: Metric,
    part: Part,
    naive: Mapping[str, npt.NDArray[np.float32]],
) -> Iterator[Estimate]:
    """Every answer that the model is compared with."""
    forecasts = {name: torch.from_numpy(values) for name, values in naive.items()}
    truth = part.targets[target]
    yield from simple_answers(metric, fold.train.targets[target], truth, forecasts)
    if config.baseline == "classical":
        model = _fitted(config, fold, target, metric)
        yield Answer(model.name, "classical", metric, truth, (model.predict(part.inputs),))


def _fitted(config: Config, fold: FoldData, target: str, metric: Metric) -> classical.Classical:
    """The classical model of a target, which the fold keeps."""
    name = f"classical/{target}"
    if name not in fold.learnt:
        parts = [fold.train, *([] if fold.validation is None else [fold.validation])]
        rows = [classical.Rows(part.inputs, part.targets[target]) for part in parts]
        validation = rows[1] if len(rows) > 1 else None
        fold.learnt[name] = classical.fit(
            metric.problem, metric.outputs, fold.inputs, rows[0], validation, config.seed
        )
    found: classical.Classical = fold.learnt[name]
    return found


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
