"""One training: a learner, what moves it, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from ..config.schema import Trainer as Options
from ..errors import Problem, RunError
from ..learning.meters import Meters
from ..learning.supervised import Supervised
from ..optimizers import step_of
from ..schedules import Schedule
from ..seeds import derive
from ..sources.batches import Batch, Part, split_batch
from ..sources.device import autocast_type

CHECK_EVERY = 32
"""Steps between two looks at the loss on an accelerator, where each look waits for it."""


@dataclass
class State:
    """How far a training is. Epochs and steps count from 1; 0 means none is finished.

    Attributes:
        epoch: finished epochs.
        step: finished optimizer steps.
        position: finished optimizer steps of the epoch under way.
        stop: why to stop after this epoch; "" to go on.
        interrupted: set from outside (a signal) to stop after this step.
    """

    epoch: int = 0
    step: int = 0
    position: int = 0
    stop: str = ""
    interrupted: bool = False

    def close_epoch(self) -> None:
        """Counts the epoch whose steps are done, so that the next pass is a new one."""
        self.epoch, self.position = self.epoch + 1, 0


class Training:
    """One model in training: everything that `fit` moves.

    Args:
        learner: the model and its objective.
        optimizer: what moves the weights.
        schedule: what moves the learning rate.
        options: the `trainer` section.
        meters: of the training and the validation part.
        seed: what all randomness derives from.
        steps_per_epoch: optimizer steps of one pass over the training samples.
        schedule_monitor: the score that the schedule is told after each epoch, None for none.
        fold: number of the fold, part of what randomness derives from.
    """

    def __init__(
        self,
        learner: Supervised,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        options: Options,
        meters: tuple[Meters, Meters],
        seed: int,
        steps_per_epoch: int,
        schedule_monitor: str | None = None,
        fold: int = 0,
    ) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.schedule_monitor = schedule_monitor
        self.lr = float(optimizer.param_groups[0]["lr"])
        self.learner = learner
        self.model = learner.model
        self.optimizer = optimizer
        self.schedule = schedule
        self.options = options
        self.train_meters, self.val_meters = meters
        self.seed, self.fold = seed, fold
        self.state = State()
        self.parameters = list(self.model.parameters())
        self.device = self.parameters[0].device
        self._dropout_seed = derive(seed, "dropout", fold)
        self._generator = _dropout_generator(self.device)
        self._amp = autocast_type(options.precision)
        half = self._amp is torch.float16 and self.device.type == "cuda"
        self._step_optimizer = step_of(optimizer)
        self._scaler = torch.amp.GradScaler(self.device.type) if half else None
        self.step_losses: list[float] = []
        self.check_every = 1 if self.device.type == "cpu" else CHECK_EVERY

    def step(self, batch: Batch) -> None:
        """One optimizer step, the batch taken whole or in micro-batches."""
        # The dropout stream is a function of the step, so that a resumed run draws the same.
        self._generator.manual_seed((self._dropout_seed + self.state.step) & 0x7FFFFFFFFFFFFFFF)
        self.optimizer.zero_grad(set_to_none=True)
        if self.options.accumulate == 1:
            self._backward(batch, 1.0)
        else:
            for micro in split_batch(batch, self.options.accumulate):
                self._backward(micro, micro.rows / batch.rows)
        if (self.state.step + 1) % self.check_every == 0:
            self.check_loss()
        self._move()
        self.state.step += 1
        self.state.position += 1
        if self.schedule.per_step:
            self.schedule.after_step()

    def _backward(self, batch: Batch, share: float) -> None:
        if self._amp is None:
            loss, logits, losses = self.learner.loss(batch.inputs, batch.targets)
        else:
            with torch.autocast(self.device.type, self._amp):
                loss, logits, losses = self.learner.loss(batch.inputs, batch.targets)
        penalty = self.learner.penalty()
        objective = loss if penalty is None else loss + penalty
        if share != 1.0:
            objective = objective * share
        if self._scaler is not None:
            objective = self._scaler.scale(objective)
        objective.backward()  # type: ignore[no-untyped-call]
        self.train_meters.update(batch, loss, logits, losses)

    def _move(self) -> None:
        options = self.options
        if self._scaler is not None:
            self._scaler.unscale_(self.optimizer)
        if options.clip_norm is not None:
            clip_grad_norm_(self.parameters, options.clip_norm)
        if options.clip_value is not None:
            clip_grad_value_(self.parameters, options.clip_value)
        if self._scaler is None:
            self._step_optimizer()
        else:
            self._scaler.step(self.optimizer)
            self._scaler.update()

    def check_loss(self) -> None:
        """Takes the losses of the last steps into `step_losses`; stops where one is no number.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        losses = self.train_meters.fetch()
        self.step_losses += losses
        for loss in losses:
            self.require_finite("the training loss", loss, self.state.step + 1)

    def check_weights(self) -> None:
        """Stops where a weight or a running statistic is no number, so that it is not kept.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise RunError(self._diverged(f"{name} is not finite", self.state.step))

    @torch.no_grad()
    def check_outputs(self, part: Part) -> None:
        """Stops where the weights as the last step left them give no numbers.

        A validation shows it in passing; without one, a batch of training rows has to.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        self.model.eval()
        batch = next(part.in_order(self.options.batch_size))
        with torch.autocast(self.device.type, self._amp, enabled=self._amp is not None):
            loss, _, _ = self.learner.loss(batch.inputs, batch.targets)
        self.require_finite("the training loss", loss.item(), self.state.step)

    def require_finite(self, what: str, value: float, step: int) -> None:
        """Stops where the loss of a step is no number: a training that diverged has no score.

        Raises:
            RunError: with epoch, step and the likely causes.
        """
        if not math.isfinite(value):
            kind = "not a number" if math.isnan(value) else "infinite"
            raise RunError(self._diverged(f"{what} is {kind}", step))

    def scaler_state(self) -> dict[str, Any]:
        """The loss scale of half precision; empty without one."""
        return {} if self._scaler is None else self._scaler.state_dict()

    def load_scaler_state(self, state: Mapping[str, Any]) -> None:
        """Puts back what `scaler_state` gave."""
        if self._scaler is not None:
            self._scaler.load_state_dict(dict(state))

    def _diverged(self, what: str, step: int) -> Problem:
        options = self.options
        lr = self.optimizer.param_groups[0]["lr"]
        low = min(lr / 10, 0.01)
        causes = [f"the learning rate is too high (it is {lr:g}: try optimizer.lr={low:g})"]
        if options.clip_norm is None and options.clip_value is None:
            causes.append("gradients explode (try trainer.clip_norm=1)")
        if options.precision != "float32":
            causes.append(f"{options.precision} is too coarse (try trainer.precision=float32)")
        causes.append("the inputs are not scaled (see prepare.steps)")
        return Problem(
            what,
            f"epoch {self.state.epoch + 1}, step {step}",
            hint="likely causes: " + "; ".join(causes),
        )


def _dropout_generator(device: torch.device) -> Any:
    """The global generator of a device: the only one that dropout can draw from."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return torch.cuda.default_generators[device.index or 0]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator
