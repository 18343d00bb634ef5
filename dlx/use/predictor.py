"""A finished run at work: what it answers to new rows, from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from ..config.schema import Config
from ..data.samples import Frame
from ..data.targets import Answers, Array, TargetCodec, merge
from ..errors import Problem, UsageError
from ..files import is_folder
from ..interrupts import check
from ..learning.learner import Learner
from ..learning.space import reduce
from ..losses import activate
from ..optimizers.named import autocast_type
from ..prepare import Pipeline
from ..running.kept import Kept, open_every
from ..sources.batches import Part
from ..sources.held import as_tensor, hold
from .boosted import UNTOLD, BoostedMember
from .predicting import Wanted, list_wanted, require_predicting
from .trust import Trust, open_trust

Using = Literal["", "boosting", "folds"]


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
    def run(self, frame: Frame, encodes: bool = False) -> tuple[dict[str, Array], Array | None]:
        """What it answers after the activation, by target; numbers as they were learnt.

        Args:
            frame: the rows.
            encodes: whether their features are asked for, (rows, numbers), which are given second.

        Raises:
            UsageError: an input is missing, of another kind, or cannot be prepared.
        """
        device = self.learner.device
        columns = self.pipeline.apply(frame)
        held = {name: hold(column, device) for name, column in columns.items()}
        part = Part(held, {}, as_tensor(np.arange(len(frame)), device))
        samples, places = part.by_length or (part, slice(None))
        collected: dict[str, list[Tensor]] = {}
        features: list[Array] = []
        amp = autocast_type(self.precision)
        for batch in samples.in_order(self.batch):
            check()
            with torch.autocast(device.type, amp, enabled=amp is not None):
                if encodes:
                    found, seen = self.learner.answer_encoded(batch.inputs)
                    features.append(reduce(seen))
                else:
                    found = self.learner.answer(batch.inputs)
            for name, logits in found.items():
                collected.setdefault(name, []).append(logits.float())
        answers = {
            name: activate(self.pipeline.targets[name].problem, torch.cat(parts)[places])
            .cpu()
            .numpy()
            for name, parts in collected.items()
        }
        return answers, np.concatenate(features)[_on_host(places)] if encodes else None


class Predictor:
    """What a finished run answers to new rows.

    Nothing of the dataset is read, and no look at test rows is counted: whether rows are those is
    not known. An answer depends on its row alone, but for the last digits: other rows beside it
    may change a probability by 1e-6, as products of matrices are summed in another order.

    Args:
        config: of the run.
        members: its network, or those of its folds, whose answers are averaged; or boosted trees.
        inputs: what new rows must have.
        trust: what is told beside answers; else why nothing is.

    Attributes:
        config, members, inputs, trust: as given.
        codecs: what the values of each target stand for.
    """

    def __init__(
        self,
        config: Config,
        members: Sequence[Member],
        inputs: Sequence[Wanted],
        trust: Trust | str = "",
    ) -> None:
        self.config, self.members, self.inputs = config, tuple(members), tuple(inputs)
        self.codecs = _merge(self.members)
        self.trust = trust

    @classmethod
    def open(
        cls,
        run: Path,
        device: str = "auto",
        weights: str | None = None,
        plugins: Sequence[str] = (),
        *,
        level: float = 0.9,
        abstain: float = 0.0,
        using: Using = "",
    ) -> Self:
        """Opens a run from its folder alone; one over folds without a final model as their mean.

        Args:
            run: the run folder.
            device: where to compute.
            weights: "best" or "last"; None takes the best where there are any.
            plugins: packages that the user allows now.
            level: the share of rows whose interval or set is to hold the truth.
            abstain: the share of rows, the least sure, that are marked as not to be answered.
            using: what answers in place of the final model: the boosted trees that the run has
                kept, or the mean of the models of its folds.

        Raises:
            UsageError: it is not finished, predicts nothing, or was trained by too old a dlx.
            RunError: the run folder is damaged.
        """
        config = require_predicting(run, plugins)
        kept = open_every(run, weights, plugins, device, each_fold=using == "folds")
        members: list[Any] = [_member(one) for one in kept]
        wanted = list_wanted(config, members[0].pipeline, kept[0].earlier.data)
        trust = open_trust(kept[0].run, _merge(members), members[0].pipeline, level, abstain)
        if weights == "last" and is_folder(kept[0].run / kept[0].at / "checkpoints" / "best"):
            trust = "no intervals and no warnings: they are of the best weights, not of the last"
        if using == "folds" and is_folder(kept[0].run / "checkpoints"):
            trust = "no intervals and no warnings: they are of the final model, not of its folds'"
        if using == "boosting":
            pairs = zip(kept, members, strict=True)
            members, trust = [BoostedMember.of(one, own.pipeline) for one, own in pairs], UNTOLD
        return cls(config, members, wanted, trust)

    def predict(self, frame: Frame) -> dict[str, Answers]:
        """What it answers to some rows, by target; targets may be missing.

        Raises:
            UsageError: an input is missing, of another kind, or cannot be prepared.
        """
        return self._decode([member.run(frame)[0] for member in self.members])

    def _decode(self, every: Sequence[Mapping[str, Array]]) -> dict[str, Answers]:
        """What the members say together."""
        if len(every) == 1:
            return self.members[0].pipeline.decode(every[0])
        return {name: self._average(name, [one[name] for one in every]) for name in every[0]}

    def answers(self, frame: Frame) -> Predictions:
        """The same, with what else is known of each row.

        Raises:
            UsageError: as `predict`.
        """
        if isinstance(self.trust, str):
            return Predictions(self.predict(frame))
        found = [member.run(frame, self.trust.encodes) for member in self.members]
        answers = self._decode([one for one, _ in found])
        return Predictions(answers, self.trust.tell(answers, frame, found[0][1]))

    def remarks(self) -> list[str]:
        """What to know of what stands beside answers, a sentence each without its full stop."""
        return [self.trust] if isinstance(self.trust, str) else self.trust.remarks()

    def _average(self, name: str, every: Sequence[Array]) -> Answers:
        """The mean of several members: of probabilities, or of numbers in the target's unit."""
        codecs = [member.pipeline.targets[name] for member in self.members]
        if codecs[0].classes:
            return self.codecs[name].decode(np.mean(every, axis=0))
        said = [codec.decode(one) for codec, one in zip(codecs, every, strict=True)]
        values = np.mean([one.values for one in said], axis=0)
        quantiles = [one.quantiles for one in said if one.quantiles is not None]
        mean = np.mean(quantiles, axis=0) if quantiles else None
        return Answers(values, codecs[0].name(values), None, mean)


def _on_host(places: Tensor | slice) -> Array | slice:
    return places if isinstance(places, slice) else places.cpu().numpy()


def _merge(members: Sequence[Member]) -> dict[str, TargetCodec]:
    """What the answers of all members together stand for, by target."""
    every = [member.pipeline.targets for member in members]
    return {name: merge([one[name] for one in every]) for name in every[0]}


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
