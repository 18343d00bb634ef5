"""An ensemble: the predictions of finished runs, averaged. Nothing in it has a gradient."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ..config.schema import Config
from ..data.columns import Input
from ..data.origins import forget_files
from ..data.targets import EncodedTarget, TargetCodec
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.baselines import Answer
from ..judging.evaluation import Evaluation
from ..metrics import Metric
from ..models.sizes import RowSizes
from ..models.summary import LayerRow
from ..optimizers.named import Optimizers, autocast_type
from ..prepare.joined import name_input
from ..runs.artifacts import Artifacts
from ..runs.members import config_of_member, members_of
from ..sources.batches import Batch, Inputs, Part
from ..sources.fold import FoldData
from ..sources.source import RowSource, Source
from .build import build_learner
from .classical_members import ClassicalMember
from .combined import Answering, Combined, Each
from .combining import Crossed, Weights, find_weights, halves
from .diversity import diversity
from .heads import Head, heads_of
from .learner import Learner
from .meters import Meters
from .objective import Objective
from .supervised import Supervised

Places = npt.NDArray[np.int64]
DIFFER = (
    "Members that err on the same rows gain nothing from each other: the lower the correlation of "
    "their errors, the more the mean of both can gain."
)
_KEPT = 2
"""Parts whose answers are remembered: validation and test."""


class Ensemble(Supervised):
    """Averages what its members predict; what each counts may be learnt on validation rows.

    A training is one step, in which that is found; the members' weights never move.

    Args:
        config: names the members, and how to find what they count.
        model: the members' networks.
        heads: what is answered.
        members: as they were trained, by name.
        fitted: classical models that join them, by name.
        inputs: of each member, as its model was told of them.
    """

    model: Combined

    def __init__(
        self,
        config: Config,
        model: Combined,
        heads: tuple[Head, ...],
        members: Mapping[str, Learner],
        fitted: Mapping[str, ClassicalMember],
        inputs: Mapping[str, Mapping[str, Input]],
    ) -> None:
        super().__init__(config, model, heads)
        self.members, self.fitted, self._inputs = dict(members), dict(fitted), inputs
        self.names = [*members, *fitted]
        self._fold: FoldData | None = None
        self._seen: list[tuple[Part, Each]] = []
        self._found: list[Evaluation] = []

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """The members' networks, whose weights are still to be put in.

        Raises:
            UsageError: a member's run is gone, or as of `build_learner`.
        """
        codecs = {name: replace(one.codec, mean=(), std=()) for name, one in targets.items()}
        members, described, names = {}, {}, {}
        for name in members_of(config):
            own = forget_files(config_of_member(config, name))
            told = {k: v for k, v in inputs.items() if k.startswith(name_input(name, ""))}
            described[name] = {k.removeprefix(name_input(name, "")): v for k, v in told.items()}
            names[name] = dict(zip(described[name], told, strict=True))
            plain = {k: replace(v, codec=codecs[k], weights=()) for k, v in targets.items()}
            members[name] = build_learner(own, described[name], plain, device, fold)
        first = config.learner.options.inputs_of or next(iter(members))
        fitted: dict[str, ClassicalMember] = {}
        for kind in config.learner.options.classical:
            fitted[kind] = ClassicalMember(kind, described[first], codecs, device)
            names[kind] = names[first]
        every: dict[str, Answering] = {**members, **fitted}
        model = Combined(every, names, codecs, device)
        heads = heads_of(config, targets, device)
        return cls(config, model, heads, members, fitted, described)

    @property
    def seeing(self) -> nn.Module | None:
        """None: what a member sees is shown of its own run."""
        return None

    def take(
        self, member: str, weights: Mapping[str, Tensor], codecs: Mapping[str, TargetCodec]
    ) -> None:
        """Puts a member's weights in, and the scales of its targets.

        Raises:
            UsageError: they are another model's.
        """
        try:
            self.members[member].load_weights(weights)
        except RuntimeError as error:
            what = f"the weights of member {member} do not fit the model of its config.yaml"
            key = f"learner.members.{member}"
            raise UsageError(Problem(what, key, hint="train the member again")) from error
        self.model.set_scales(member, codecs)
        self._seen.clear()

    def encode(self, inputs: Inputs) -> Tensor:
        """None: each member sees rows in a way of its own.

        Raises:
            UsageError: always.
        """
        return Learner.encode(self, inputs)

    def groups(self) -> dict[str, list[Parameter]]:
        """None: nothing is moved by a gradient."""
        return {}

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:  # noqa: ARG002
        """What a row takes in the widest layer of a member; nothing is kept."""
        sizes = [one.measure(self._inputs[name]) for name, one in self.members.items()]
        return RowSizes(0, max(one.widest for one in sizes))

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:  # noqa: ARG002
        """The layers of each member."""
        return [
            replace(row, name=f"{name}: {row.name}")
            for name, one in self.members.items()
            for row in one.layers(self._inputs[name])
        ]

    def source(self, fold: FoldData, number: int) -> Source:
        """One batch of training samples, which nothing is computed of."""
        self._fold = fold
        return RowSource(fold.train, 1, self.config.seed, number, steps=1)

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:  # noqa: ARG002
        """Fits classical models, and finds what each member counts on the validation samples."""
        assert self._fold is not None
        part, options = self._fold.validation, self.config.learner.options
        for name, one in self.fitted.items():
            one.fit(self._fold.train, part, self.model.inputs[name], self.config.seed)
        self._seen.clear()
        if options.weights != "mean" and part is not None:
            found = self._find(part, np.arange(len(part)))
            self.model.weights.copy_(torch.from_numpy(found))

    def _find(self, part: Part, rows: Places) -> Weights:
        """What each member counts, learnt on some rows of a part."""
        options, seed = self.config.learner.options, self.config.seed

        def loss(weights: Weights) -> float:
            return self._loss_of(part, rows, weights)

        return find_weights(options.weights, loss, len(self.names), options.draws, seed)

    def _loss_of(self, part: Part, rows: Places, weights: Weights) -> float:
        """The loss on some rows of a part, where the members count so much."""
        places = torch.from_numpy(rows).to(self.device)
        each = {name: one[:, places] for name, one in self.each(part).items()}
        truth = {name: one[places] for name, one in part.targets.items()}
        counted = torch.from_numpy(weights).to(self.device, torch.float32)
        combined = self.model.combine(each, counted)
        return Objective("", "model", self.heads, truth, combined).value()

    def cross(self, part: Part) -> Crossed:
        """What the learnt weights are worth on other rows than those that they were learnt on."""
        many, every = len(self.names), np.arange(len(part))
        one, other = halves(len(part), self.config.seed)
        first, second = self._find(part, one), self._find(part, other)
        crossed = [(other, first), (one, second)]
        return Crossed(
            self._loss_of(part, every, np.full(many, 1 / many)),
            self._loss_of(part, every, self.model.weights.double().cpu().numpy()),
            sum(len(r) * self._loss_of(part, r, w) for r, w in crossed) / len(part),
        )

    def meters(self, part: str) -> Meters:
        """Fresh meters of a part; nothing is measured in training."""
        return Meters(part, (), {}, self.device) if part == "train" else super().meters(part)

    @torch.no_grad()
    def each(self, part: Part) -> Each:
        """What every member answers to the samples of a part, (members, rows, outputs) by target.

        Raises:
            Interrupted: a signal asks to stop.
        """
        for known, each in self._seen:
            if known is part:
                return each
        self.model.eval()
        collected: dict[str, list[Tensor]] = {}
        amp = autocast_type(self.config.trainer.precision)
        samples, places = part.by_length or (part, slice(None))
        for batch in samples.in_order(self.config.trainer.eval_batch_size):
            check()
            with torch.autocast(self.device.type, amp, enabled=amp is not None):
                found = self.model.each(batch.inputs)
            for name, values in found.items():
                collected.setdefault(name, []).append(values.float())
        each = {name: torch.cat(parts, dim=1)[:, places] for name, parts in collected.items()}
        self._seen = [(part, each), *self._seen][:_KEPT]
        return each

    @torch.no_grad()
    def run_over(self, part: Part, meters: Meters) -> dict[str, Tensor]:
        """The answers of all members as one; see `OneLoss.run_over`."""
        logits = self.model.combine(self.each(part))
        whole = Batch({}, part.targets, len(part))
        meters.update(whole, self.losses_of(logits, whole), logits)
        meters.fetch()
        return logits

    def _baselines(
        self,
        fold: FoldData,
        target: str,
        metric: Metric,
        part: Part,
        naive: Mapping[str, npt.NDArray[np.float32]],
    ) -> Iterator[Answer]:
        """Every answer that the ensemble is compared with, those of its members at last."""
        yield from super()._baselines(fold, target, metric, part, naive)
        for name, answers in zip(self.names, self.each(part)[target], strict=True):
            yield Answer(name, "member", metric, part.targets[target], (answers,))

    def _losses_beside(self, part: Part) -> Sequence[Objective]:
        """The loss of each member."""
        each = self.each(part)
        return [
            Objective(name, "member", self.heads, part.targets, {t: a[i] for t, a in each.items()})
            for i, name in enumerate(self.names)
        ]

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """As of supervised learning, each beside what the members have alone."""
        self._found = super().evaluations(fold, part)
        return self._found

    def artifacts(self, into: Artifacts, when: str) -> None:
        """As of supervised learning; at the end what members count, and how they differ."""
        super().artifacts(into, when)
        if when != "end" or self._last is None:
            return
        fold, part, samples, _ = self._last
        self._leave_members(into, fold.validation)
        rows = f"{len(samples):,} rows of the {'validation' if part == 'val' else part} set"
        for head in self.heads:
            own = f"_{head.name}" if len(self.heads) > 1 else ""
            found = diversity(
                self.names,
                head.problem,
                self.each(samples)[head.name],
                samples.targets[head.name],
            )
            title = f"How members differ{f': {head.name}' if own else ''}"
            name = re.sub("[^a-z0-9_]", "_", f"diversity{own}".lower())
            into.table(name, found, title=title, caption=f"{rows}. {DIFFER}")

    def _leave_members(self, into: Artifacts, validation: Part | None) -> None:
        """A table of the members, what each counts and scores, and what learning that was worth."""
        options, told = self.config.learner.options, members_of(self.config)
        runs = [f"{Path(one.run).name} {one.at}".strip() for one in told.values()]
        runs += ["fitted here"] * len(self.fitted)
        table: dict[str, list[Any]] = {
            "member": [*self.names, "all together"],
            "counts": [*self.model.weights.tolist(), 1.0],
        }
        for one in self._found:
            alone = [beside.value() for beside in one.baselines if beside.kind == "member"]
            table[one.score] = [*alone, one.own.value()]
        table["run"] = [*runs, ""]
        caption = "Each counts the same."
        if options.weights != "mean" and validation is not None:
            found = self.cross(validation)
            caption = (
                f"Learnt by {options.weights} on the {len(validation):,} validation rows, whose "
                f"loss is {found.learnt:.4g}: optimistic, as what each counts was learnt on them. "
                "Learnt on either half of them and measured on the other, it is "
                f"{found.crossed:.4g}; where all members count the same, {found.mean:.4g}."
            )
        into.table("members", table, title="Members of the ensemble", caption=caption)
