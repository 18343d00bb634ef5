"""What a step of a learner means; the loop knows batches, steps and epochs only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from ..config.schema import Config
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.blocks import order_in_time
from ..judging.evaluation import Evaluation
from ..judging.trusted import Trusted
from ..models.sizes import RowSizes, measure_rows
from ..models.summary import LayerRow, device_of, layer_table
from ..optimizers.named import Optimizers, autocast_type
from ..runs.artifacts import Artifacts
from ..sources.augment import Augmenter
from ..sources.batches import Batch, Inputs, Part
from ..sources.fold import FoldData
from ..sources.source import Change, RowSource, Source
from ..state import State
from .memory import still_in
from .meters import Meters


class Learner(ABC):
    """Base of all learners.

    Args:
        config: what it is trained by. Rows a batch in validation may be set once they are known.
        networks: all that is kept as weights, by name.

    Attributes:
        beside: networks that nothing moves and that no checkpoint holds, as their weights are found
            again by their digest.
    """

    def __init__(self, config: Config, networks: Mapping[str, nn.Module]) -> None:
        self.config = config
        self.networks = nn.ModuleDict(networks)
        self.beside = nn.ModuleDict()

    @classmethod
    @abstractmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """A learner with fresh networks.

        Args:
            config: names its parts.
            inputs: what is known of each input, by column.
            targets: encoded, by column.
            device: where the networks are to lie.
            fold: number of the fold; starting weights derive from it.

        Raises:
            UsageError: a network cannot take these inputs, or is larger than the free memory.
        """

    def describe_run(self) -> dict[str, Any] | None:
        """What it has of the run in `from_run`, where that is no starting weights; else None.

        As `report.json` holds it: `run`, `sha256`, how many weights were `taken`, `fresh` names.
        """
        return None

    def source(self, fold: FoldData, number: int) -> Source:
        """Where the batches of a training come from: the training samples, in a fresh order.

        Each comes once an epoch, or is drawn as its class is asked for (`targets.X.sampling`), or
        as many as make `trainer.steps_per_epoch`.
        """
        trainer, change = self.config.trainer, self.change(fold, number)
        alike = trainer.bucket == "length"
        how = number, change, fold.chances, trainer.steps_per_epoch, alike
        return RowSource(fold.train, trainer.batch_size, self.config.seed, *how)

    def change(self, fold: FoldData, number: int) -> Change | None:
        """What is made of training rows in each epoch: augmentation, where there is any.

        It may add columns to the rows, which then stand in `Batch.inputs` beside the data's.
        """
        return Augmenter.of(self.config, fold, number)

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:  # noqa: ARG002
        """What a row takes of memory in a step; nothing that is known, where not overridden."""
        return RowSizes(0, 0)

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:  # noqa: ARG002
        """The layers as a report shows them; none, where not overridden."""
        return []

    @property
    def module(self) -> nn.Module:
        """What the names of weights are relative to: the only network, or all of them."""
        return self.networks if len(self.networks) > 1 else next(iter(self.networks.values()))

    @property
    def seeing(self) -> nn.Module | None:
        """The network that takes the data's inputs by name and gives numbers by name, if one does.

        `dlx explain` shows what is in it.
        """
        return None

    def answer(self, inputs: Inputs) -> dict[str, Tensor]:
        """The logits of some rows by target, as they are evaluated."""
        if self.seeing is None:
            return {}
        found: dict[str, Tensor] = self.seeing(inputs)
        return found

    def encode(self, inputs: Inputs) -> Tensor:  # noqa: ARG002 - one interface for all
        """What the network makes of some rows before its answer: their features, (rows, numbers).

        Without a gradient, and with dropout off.

        Raises:
            UsageError: the learner makes none.
        """
        what = f"learner {self.config.learner.name} has no network that gives features of rows"
        accepted = "a learner of one network with hidden layers, such as supervised or vae"
        raise UsageError(Problem(what, "learner", accepted))

    def answer_encoded(self, inputs: Inputs) -> tuple[dict[str, Tensor], Tensor]:
        """The logits of some rows by target, and their features.

        Raises:
            UsageError: as `encode`.
        """
        return self.answer(inputs), self.encode(inputs)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return device_of(self.networks)

    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters of each optimizer, by its name; of each network, where not overridden.

        What has none is not moved by an optimizer; of {} nothing is.
        """
        found = {name: list(one.parameters()) for name, one in self.networks.items()}
        return {name: parameters for name, parameters in found.items() if parameters}

    def penalty(self, group: str) -> Tensor | None:  # noqa: ARG002 - one interface for all
        """What is added to the objective of an optimizer, whatever the batch; None for nothing."""
        return None

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The mean losses of a batch by name, the objective first.

        A learner with several optimizers gives those that must be numbers for it to go on.
        """

    @abstractmethod
    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """One step of the run: moves weights by `optimizers.step`, and tells the meters."""

    def meters(self, part: str) -> Meters:
        """Fresh meters of "train", "val" or "test"."""
        return Meters(part, (), {}, self.device)

    def validate(self, fold: FoldData) -> dict[str, float]:  # noqa: ARG002 - one interface for all
        """The scores after an epoch, by name as in "val/loss"; none where nothing validates."""
        return {}

    @abstractmethod
    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The scores of the weights as they are, each with what it must beat.

        Args:
            fold: its training samples teach the baselines.
            part: "val" or "test", or what the spec says that it `makes`.
        """

    def evaluate(self, fold: FoldData, part: str) -> list[Evaluation]:
        """`evaluations`, those of rows in time with how the rows follow each other."""
        found = order_in_time(fold.data.samples, fold.rows_of(part))
        return [one.placed_in_time(found) for one in self.evaluations(fold, part)]

    def artifacts(self, into: Artifacts, when: str) -> None:  # noqa: B027
        """Keeps what can be looked at: after an epoch ("epoch"), or what was evaluated ("end")."""

    def choose_thresholds(self, fold: FoldData) -> dict[str, tuple[float, ...]]:  # noqa: ARG002
        """The thresholds that targets ask for (`targets.X.threshold`), by the validation rows."""
        return {}

    def decide(self, thresholds: Mapping[str, tuple[float, ...]]) -> None:  # noqa: B027
        """Takes such thresholds for whatever it answers from now on."""

    def tell(self) -> list[str]:
        """What stands beside the answer of what was found, a sentence each without its full stop.

        As how many clusters there are, and by which rule.
        """
        return []

    def trust(self, chosen: bool) -> Trusted | None:  # noqa: ARG002 - one interface for all
        """What is kept to say how far predictions can be trusted; None where none are made.

        It is of the validation samples, whose `evaluations` were asked for last.

        Args:
            chosen: whether they chose the epoch.
        """
        return None

    def trust_folds(self, folds: Sequence[Trusted], fold: FoldData, final: bool) -> Trusted | None:  # noqa: ARG002
        """The same of a run over folds, of what each of them told.

        Args:
            folds: in their order.
            fold: of the last training.
            final: whether that is of the final model.
        """
        return None

    def prove(self, trusted: Trusted) -> dict[str, Any]:  # noqa: ARG002
        """What that is worth on the samples that were evaluated last, as `report.json` holds it."""
        return {}

    def leave_rivals(self, into: Artifacts) -> None:  # noqa: B027
        """Keeps baselines that `dlx predict` may use in its place, once they were evaluated."""

    def done(self) -> str:
        """Why to stop after the epoch; "" to go on."""
        return ""

    def state(self) -> State:
        """The weights, and whatever else the next step depends on."""
        return State(dict(self.module.state_dict()))

    def restore(self, state: State) -> None:
        """Puts back what `state` gave.

        Raises:
            RuntimeError: they are another model's.
        """
        self.load_weights(state.tensors)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Takes weights that were kept, by their names in `module`.

        Raises:
            RuntimeError: they are another model's.
        """
        self.module.load_state_dict(dict(weights))


class OneLoss(Learner):
    """A learner that moves one network by one objective: of it, only `losses` is written."""

    def __init__(self, config: Config, model: nn.Module) -> None:
        super().__init__(config, {"model": model})
        self.model = model

    def measure(self, inputs: Mapping[str, Input]) -> RowSizes:
        """What a row takes of memory in each layer of the model."""
        return measure_rows(self.model, inputs, still_in(self.config, self.model))

    def layers(self, inputs: Mapping[str, Input]) -> list[LayerRow]:
        """The layers of the model."""
        return layer_table(self.model, inputs)

    def compute(self, batch: Batch) -> tuple[dict[str, Tensor], Mapping[str, Tensor]]:
        """The losses of a batch, and the outputs that metrics are taken of, by target."""
        return self.losses(batch), {}

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the weights once; the meters are told when that is done."""
        told: list[tuple[Batch, dict[str, Tensor], Mapping[str, Tensor]]] = []

        def closure(micro: Batch) -> dict[str, Tensor]:
            losses, outputs = self.compute(micro)
            if not optimizers.again:
                told.append((micro, losses, outputs))
            return losses

        optimizers.step("model", batch, closure)
        for micro, losses, outputs in told:
            meters.update(micro, losses, outputs)

    def validate(self, fold: FoldData) -> dict[str, float]:
        """The losses and metrics of the validation samples, dropout off; none without any."""
        if fold.validation is None:
            return {}
        meters = self.meters("val")
        self.run_over(fold.validation, meters)
        return meters.scores()

    @torch.no_grad()
    def run_over(self, part: Part, meters: Meters) -> dict[str, Tensor]:
        """Runs the model over some samples, and tells the meters.

        Returns:
            The outputs by target, of shape (rows, outputs), in the samples' order, on the device.

        Raises:
            Interrupted: a signal asks to stop.
        """
        self.model.eval()
        collected: dict[str, list[Tensor]] = {}
        amp = autocast_type(self.config.trainer.precision)
        samples, places = part.by_length or (part, slice(None))
        for batch in samples.in_order(self.config.trainer.eval_batch_size):
            check()
            with torch.autocast(self.device.type, amp, enabled=amp is not None):
                losses, outputs = self.compute(batch)
            meters.update(batch, losses, outputs)
            for name, values in outputs.items():
                collected.setdefault(name, []).append(values.float())
        meters.fetch()
        return {name: torch.cat(parts)[places] for name, parts in collected.items()}
