"""What a finished run answers to rows as they were read; targets may be missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..config.learners import spec_of
from ..data.samples import Frame
from ..data.targets import Answers
from ..errors import Problem, UsageError
from ..interrupts import check
from ..losses import activate
from ..optimizers.named import autocast_type
from ..running.kept import open_kept
from ..sources.batches import make_part


@torch.no_grad()
def answer_rows(run: Path, frame: Frame) -> dict[str, Answers]:
    """The answers of a run's kept weights, by target: of an ensemble those of all its members.

    Nothing of the dataset is read, and no look at test rows is counted: whether rows are those is
    not known.

    Args:
        run: the folder of a finished run that predicts.
        frame: the rows, with the columns that the run's preparation was fitted to.

    Raises:
        UsageError: the run predicts nothing, or an input is missing or of another kind.
        RunError: the run folder is damaged.
    """
    kept = open_kept(run)
    pipeline = kept.pipeline()
    learner = kept.learner_alone(pipeline)
    if learner is None or "predict" not in spec_of(kept.config).can:
        what = f"run {kept.run.name} predicts nothing of rows"
        raise UsageError(Problem(what, str(kept.run), "a run of learner supervised or ensemble"))
    rows = np.arange(len(frame))
    part = make_part(pipeline.apply(frame), {}, rows, kept.device)
    learner.networks.eval()
    amp = autocast_type(kept.config.trainer.precision)
    collected: dict[str, list[Tensor]] = {}
    for batch in part.in_order(kept.earlier.eval_batch or kept.config.trainer.eval_batch_size):
        check()
        with torch.autocast(kept.device.type, amp, enabled=amp is not None):
            found = learner.answer(batch.inputs)
        for name, logits in found.items():
            collected.setdefault(name, []).append(logits.float())
    whole = {name: torch.cat(parts) for name, parts in collected.items()}
    problems = {name: codec.problem for name, codec in pipeline.targets.items()}
    activated = {name: activate(problems[name], one) for name, one in whole.items()}
    return pipeline.decode({name: one.cpu().numpy() for name, one in activated.items()})
