"""A finished run at work: what it answers to new rows, from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..config.schema import Config
from ..data.samples import Frame
from ..data.targets import Answers, Array, TargetCodec
from ..errors import Problem, UsageError
from ..interrupts import check
from ..learning.learner import Learner
from ..losses import activate
from ..optimizers.named import autocast_type
from ..prepare import Pipeline
from ..running.kept import Kept, open_every
from ..sources.batches import Part
from ..sources.held import as_tensor, hold
from .predicting import Wanted, list_wanted, require_predicting


@dataclass(frozen=True)
class Predictions:
    """What a run says of some rows.

    Attributes:
        answers: by target.
        beside: further columns, a value a row, by name: intervals, sets, flags.
    """

    answers: Mapping[str, Answers]
    beside: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """One network with its preparation: a run's own, or that of one of its folds.

    Attributes:
        learner: with the kept weights.
        pipeline: what was fitted on its training rows.
        batch: rows that are computed at once.
        precision: as `trainer.precision` has it.
    """

    learner: Learner
    pipeline: Pipeline
    batch: int
    precision: str

    @torch.no_grad()
    def activated(self, frame: Frame) -> dict[str, Array]:
        """What it answers after the activation, by target; numbers as they were learnt.

        Raises:
            UsageError: an input is missing, of another kind, or cannot be prepared.
        """
        device = self.learner.device
        columns = self.pipeline.apply(frame)
        held = {name: hold(column, device) for name, column in columns.items()}
        part = Part(held, {}, as_tensor(np.arange(len(frame)), device))
        samples, places = part.by_length or (part, slice(None))
        collected: dict[str, list[Tensor]] = {}
        amp = autocast_type(self.precision)
        for batch in samples.in_order(self.batch):
            check()
            with torch.autocast(device.type, amp, enabled=amp is not None):
                found = self.learner.answer(batch.inputs)
            for name, logits in found.items():
                collected.setdefault(name, []).append(logits.float())
        return {
            name: activate(self.pipeline.targets[name].problem, torch.cat(parts)[places])
            .cpu()
            .numpy()
            for name, parts in collected.items()
        }


class Predictor:
    """What a finished run answers to new rows.

    Nothing of the dataset is read, and no look at test rows is counted: whether rows are those is
    not known. An answer depends on its row alone, but for the last digits: other rows beside it
    may change a probability by 1e-6, as products of matrices are summed in another order.

    Args:
        config: of the run.
        members: its network, or those of its folds, whose answers are averaged.
        inputs: what new rows must have.

    Attributes:
        config, members, inputs: as given.
        codecs: what the values of each target stand for.
    """

    def __init__(self, config: Config, members: Sequence[Member], inputs: Sequence[Wanted]) -> None:
        self.config, self.members, self.inputs = config, tuple(members), tuple(inputs)
        self.codecs: dict[str, TargetCodec] = self.members[0].pipeline.targets

    @classmethod
    def open(
        cls,
        run: Path,
        device: str = "auto",
        weights: str | None = None,
        plugins: Sequence[str] = (),
    ) -> Self:
        """Opens a run from its folder alone; one over folds without a final model as their mean.

        Args:
            run: the run folder.
            device: where to compute.
            weights: "best" or "last"; None takes the best where there are any.
            plugins: packages that the user allows now.

        Raises:
            UsageError: it is not finished, predicts nothing, or was trained by too old a dlx.
            RunError: the run folder is damaged.
        """
        config = require_predicting(run, plugins)
        kept = open_every(run, weights, plugins, device)
        members = [_member(one) for one in kept]
        wanted = list_wanted(members[0].pipeline, kept[0].earlier.data)
        return cls(config, members, wanted)

    def predict(self, frame: Frame) -> dict[str, Answers]:
        """What it answers to some rows, by target; targets may be missing.

        Raises:
            UsageError: an input is missing, of another kind, or cannot be prepared.
        """
        every = [member.activated(frame) for member in self.members]
        if len(every) == 1:
            return self.members[0].pipeline.decode(every[0])
        return {name: self._average(name, [one[name] for one in every]) for name in every[0]}

    def answers(self, frame: Frame) -> Predictions:
        """The same, with what else is known of each row.

        Raises:
            UsageError: as `predict`.
        """
        return Predictions(self.predict(frame))

    def _average(self, name: str, every: Sequence[Array]) -> Answers:
        """The mean of several members: of probabilities, or of numbers in the target's unit."""
        codecs = [member.pipeline.targets[name] for member in self.members]
        if codecs[0].classes:
            return codecs[0].decode(np.mean(every, axis=0))
        numbers = [codec.decode(one).values for codec, one in zip(codecs, every, strict=True)]
        values = np.mean(numbers, axis=0)
        return Answers(values, codecs[0].name(values), None)


def _member(kept: Kept) -> Member:
    pipeline = kept.pipeline()
    learner = kept.learner_alone(pipeline)
    if learner is None:
        what = "the run was trained by an earlier version of dlx, whose folder does not name what "
        what += "its network is fed"
        raise UsageError(Problem(what, str(kept.run), "a run of this version", "train again"))
    learner.networks.eval().requires_grad_(False)
    trainer = kept.config.trainer
    batch = kept.earlier.eval_batch or trainer.eval_batch_size
    return Member(learner, pipeline, batch, trainer.precision)
