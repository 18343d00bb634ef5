"""One training: a learner, what moves it, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..config.learners import optimizer_of
from ..config.schema import Trainer as Options
from ..config.specs.averages import is_averaged
from ..errors import Problem, RunError
from ..interrupts import check
from ..learning.learner import Learner
from ..models.frozen import hold_frozen
from ..optimizers.named import Optimizers
from ..seeds import derive
from ..sources.batches import Batch
from ..sources.device import is_out_of_memory
from ..sources.source import Source
from ..state import State
from .accumulation import Accumulation
from .average import Average

CHECK_EVERY = 32
"""Steps between two looks at the loss on an accelerator, where each look waits for it."""
_POSITIVE = 0x7FFFFFFFFFFFFFFF


@dataclass
class Progress:
    """How far a training is. Epochs and steps count from 1; 0 means none is finished.

    Attributes:
        epoch: finished epochs.
        step: finished optimizer steps.
        position: finished optimizer steps of the epoch under way.
        stop: why to stop after this epoch; "" to go on. The first reason stands.
        stopped_by: who gave it: a callback's key, or "learner".
        interrupted: set from outside (a signal) to stop after this step.
    """

    epoch: int = 0
    step: int = 0
    position: int = 0
    stop: str = ""
    stopped_by: str = ""
    interrupted: bool = False
    _reason: str = ""

    def close_epoch(self) -> None:
        """Counts the epoch whose steps are done, so that the next pass is a new one."""
        self.epoch, self.position = self.epoch + 1, 0

    def state(self) -> State:
        """All but whether it was interrupted."""
        kept = ("epoch", "step", "position", "stop", "stopped_by")
        return State(facts={name: getattr(self, name) for name in kept})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        facts = state.facts
        self.epoch, self.step = facts["epoch"], facts["step"]
        self.position, self.stop = facts["position"], facts["stop"]
        self.stopped_by = facts.get("stopped_by", "")  # unknown to earlier versions

        self._reason = self.stop

    def note_stop(self, who: str) -> None:
        """Keeps who has just given a reason to stop; a later one does not count."""
        if self.stop != self._reason:
            if self._reason:
                self.stop = self._reason
            else:
                self._reason, self.stopped_by = self.stop, who


class Training:
    """A learner in training: everything that `fit` moves.

    Args:
        learner: the networks, and what a step of theirs means.
        optimizers: what moves the weights, and the learning rates.
        source: where the batches come from.
        options: the `trainer` section.
        seed: what all randomness derives from.
        schedule_monitor: the score that schedules are told after each epoch, None for none.
        fold: number of the fold, part of what randomness derives from.

    Attributes:
        average: of the weights; None where the weights themselves are validated and kept.
        accumulation: in how many micro-batches each step is computed.
    """

    def __init__(
        self,
        learner: Learner,
        optimizers: Optimizers,
        source: Source,
        options: Options,
        seed: int,
        schedule_monitor: str | None = None,
        fold: int = 0,
    ) -> None:
        self.source = source
        self.schedule_monitor = schedule_monitor
        self.learner = learner
        self.model = learner.module
        self.parameters = list(self.model.parameters())
        self.optimizers = optimizers
        self.options = options
        self.average = _average_of(learner, options)
        self.accumulation = Accumulation(options.accumulate, learner)
        self.train_meters = learner.meters("train")
        self.seed, self.fold = seed, fold
        self.progress = Progress()
        self.device = learner.device
        self._dropout_seed = derive(seed, "dropout", fold)
        self._generator = _dropout_generator(self.device)
        self.step_losses: dict[str, list[float]] = {}
        self.check_every = 1 if self.device.type == "cpu" else CHECK_EVERY

    def set_to_train(self) -> None:
        """Sets the networks to training, but for what is frozen in the epoch under way."""
        if self.optimizers.freeze(self.progress.epoch + 1):
            hold_frozen(self.model)
        self.model.train()

    def step(self, batch: Batch) -> None:
        """One step of the learner; it counts where its loss is a number."""
        progress = self.progress
        while not self._try_step(batch):  # memory ran out; the same step in smaller parts
            self.optimizers.clear()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        self.train_meters.end_step()
        if (progress.step + 1) % self.check_every == 0:
            self.check_loss()
        self.optimizers.finish_step()
        progress.step += 1
        progress.position += 1
        if self.average is not None:
            self.average.update(progress.epoch + 1, progress.position == self.source.steps)

    def _try_step(self, batch: Batch) -> bool:
        """Computes a step; where memory runs out before weights move, it can be done again.

        Returns:
            Whether it is done.
        """
        step = self.progress.step
        if self.accumulation.auto:
            self.optimizers.parts = self.accumulation.parts_of(step + 1)
        # The dropout stream is a function of the step, so that a resumed run draws the same.
        self._generator.manual_seed((self._dropout_seed + step) & _POSITIVE)
        try:
            self.learner.step(batch, self.optimizers, self.train_meters)
        except RuntimeError as error:
            again = is_out_of_memory(error) and not self.optimizers.has_moved
            if not again or not self.accumulation.grow(step + 1, batch.rows):
                raise
            return False  # what the error holds of the device is free when it is
        return True

    def averaged(self) -> AbstractContextManager[None]:
        """Within it the learner holds the weights to validate and to keep."""
        return nullcontext() if self.average is None else self.average.in_place(self._samples)

    def kept_weights(self) -> dict[str, Tensor]:
        """The weights to keep, by name: as they are, or their averages; not copied."""
        return dict(self.model.state_dict()) if self.average is None else self.average.kept()

    @contextmanager
    def _samples(self) -> Iterator[Iterator[Batch]]:
        """The batches of the epoch once more; the dropout stream of the steps is left alone."""
        number, before = self.progress.epoch, self._generator.get_state()
        self._generator.manual_seed(derive(self.seed, "average", self.fold, number) & _POSITIVE)
        try:
            self.set_to_train()
            with self.optimizers.precision():
                yield _checked(self.source.epoch(number))
        finally:
            self._generator.set_state(before)

    def check_loss(self) -> None:
        """Takes the losses of the last steps into `step_losses`; stops where one is no number.

        Those of the objective; and all others where there are several optimizers.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        found, step = self.train_meters.fetch(), self.progress.step + 1
        kept = list(found)[: None if len(self.optimizers.members) > 1 else 1]
        for name in kept:
            self.step_losses.setdefault(name, []).extend(found[name])
        for loss in found[kept[0]] if kept else ():
            self.require_finite("the training loss", loss, step)
        for name, total in self.train_meters.sums.items():  # a part of it, or another network's
            self.require_finite(f"the training loss {name}", total, step)

    def check_weights(self) -> None:
        """Stops where a weight or a running statistic is no number, so that it is not kept.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        for name, tensor in self.learner.state().tensors.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise RunError(self._divergence(f"{name} is not finite", self.progress.step))

    @torch.no_grad()
    def check_outputs(self) -> None:
        """Stops where the weights that are to be kept give no numbers.

        A validation shows it in passing; without one, a batch of training rows has to.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        self.model.eval()
        batch = self.source.probe()
        with self.optimizers.precision():
            losses = self.learner.losses(batch)
        for name, loss in losses.items():
            told = "the training loss" + ("" if len(losses) == 1 else f" {name}")
            self.require_finite(told, loss.item(), self.progress.step)

    def require_finite(self, what: str, value: float, step: int) -> None:
        """Stops where the loss of a step is no number: a training that diverged has no score.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        if not math.isfinite(value):
            kind = "not a number" if math.isnan(value) else "infinite"
            raise RunError(self._divergence(f"{what} is {kind}", step))

    def _divergence(self, what: str, step: int) -> Problem:
        options = self.options
        rates = dict(zip(self.optimizers.members, self.optimizers.rates().values(), strict=True))
        causes = []
        if rates:
            fastest = max(rates, key=lambda name: rates[name])
            low, told = min(rates[fastest] / 10, 0.01), ", ".join(f"{r:g}" for r in rates.values())
            key = optimizer_of(self.learner.config, fastest)[0]
            causes = [f"the learning rate is too high (it is {told}: try {key}.lr={low:g})"]
        if options.clip_norm is None and options.clip_value is None:
            causes.append("gradients explode (try trainer.clip_norm=1)")
        if options.precision != "float32":
            causes.append(f"{options.precision} is too coarse (try trainer.precision=float32)")
        causes.append("the inputs are not scaled (see prepare.steps)")
        return Problem(
            what,
            f"epoch {self.progress.epoch + 1}, step {step}",
            hint="likely causes: " + "; ".join(causes),
        )


def _average_of(learner: Learner, options: Options) -> Average | None:
    """What a config averages of a learner's weights; None for nothing."""
    chosen = options.average
    if not is_averaged(chosen, options.epochs):
        return None
    average: Average = chosen.load()(chosen.options, learner, options.epochs)
    return average


def _checked(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Batches up to a signal that asks to stop.

    Raises:
        Interrupted: there was one.
    """
    for batch in batches:
        check()
        yield batch


def _dropout_generator(device: torch.device) -> Any:
    """The global generator of a device: the only one that dropout can draw from."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return torch.cuda.default_generators[device.index or 0]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator
