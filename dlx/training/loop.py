"""The loop: fit, epoch, step. It neither prints nor touches files; callbacks do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from ..config.schema import Trainer as Options
from ..errors import Interrupted, Problem, RunError
from ..interrupts import asked, check
from ..learning.supervised import Supervised
from ..optimizers import step_of
from ..schedules import Schedule
from ..seeds import derive
from .batches import Batch, Part, split_batch
from .callbacks import Callback
from .meters import Meters

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
        self._amp = _amp_type(options.precision)
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


def fit(
    training: Training, train: Part, validation: Part | None, callbacks: Sequence[Callback] = ()
) -> None:
    """Trains until the last epoch, a callback's stop, or an interruption.

    Args:
        training: what is moved; goes on from its state.
        train: training samples.
        validation: validation samples, None for none.
        callbacks: called in this order after each epoch.

    Raises:
        RunError: a loss is no number; the callbacks are not told of such an epoch.
    """
    state = training.state
    for callback in callbacks:
        callback.fit_begins(training)
    last = training.options.last_epoch or training.options.epochs
    while state.epoch < last and not state.stop and not state.interrupted:
        scores = run_epoch(training, train, callbacks)
        if scores is None:
            break
        try:
            if validation is None:
                training.check_outputs(train)
            else:
                scores |= evaluate(training, validation)
                training.require_finite("the validation loss", scores["val/loss"], state.step)
        except Interrupted:  # the epoch's steps stand; a resumed run validates again
            state.interrupted = True
            break
        state.close_epoch()
        watched = training.schedule_monitor
        training.schedule.after_epoch(None if watched is None else scores[watched])
        for callback in callbacks:
            callback.epoch_ends(training, scores)
    for callback in callbacks:
        callback.fit_ends(training)


def run_epoch(
    training: Training, train: Part, callbacks: Sequence[Callback] = ()
) -> dict[str, float] | None:
    """One pass over the training samples in a fresh order, from where the state stands in it.

    The epoch stays open until `State.close_epoch`: its validation is still to come.

    Returns:
        The training scores, None where the pass was interrupted.

    Scores are those of the moving model, averaged over the epoch, with dropout on (as Keras').
    """
    state = training.state
    order = torch.Generator().manual_seed(
        derive(training.seed, "shuffle", training.fold, state.epoch)
    )
    watching = [c.step_ends for c in callbacks if type(c).step_ends is not Callback.step_ends]
    training.model.train()
    if not state.position:
        training.lr = float(training.optimizer.param_groups[0]["lr"])
        training.train_meters.reset()
    for batch in train.shuffled(training.options.batch_size, order, state.position):
        training.step(batch)
        for step_ends in watching:
            step_ends(training)
        if state.interrupted or asked():
            state.interrupted = True
            return None
    training.check_loss()
    scores = training.train_meters.scores()
    penalty = training.learner.penalty()
    if penalty is not None:
        scores["train/penalty"] = float(penalty.detach())
    return scores


@torch.no_grad()
def evaluate(training: Training, part: Part, meters: Meters | None = None) -> dict[str, float]:
    """The scores of the model as it is on some samples, in order, dropout off."""
    meters = meters or training.val_meters
    predict_into(training.learner, part, training.options, meters)
    return meters.scores()


@torch.no_grad()
def predict_into(
    learner: Supervised, part: Part, options: Options, meters: Meters
) -> dict[str, Tensor]:
    """Runs the model over some samples in order.

    Returns:
        The logits by target, of shape (rows, outputs), on the device.

    Raises:
        Interrupted: a signal asks to stop.
    """
    learner.model.eval()
    meters.reset()
    collected: dict[str, list[Tensor]] = {head.name: [] for head in learner.heads}
    amp = _amp_type(options.precision)
    device = next(learner.model.parameters()).device
    for batch in part.in_order(options.eval_batch_size):
        check()
        with torch.autocast(device.type, amp, enabled=amp is not None):
            loss, logits, losses = learner.loss(batch.inputs, batch.targets)
        meters.update(batch, loss, logits, losses)
        for name, values in logits.items():
            collected[name].append(values.float())
    meters.fetch()
    return {name: torch.cat(parts) for name, parts in collected.items()}


def _amp_type(precision: str) -> torch.dtype | None:
    return None if precision == "float32" else getattr(torch, precision)


def _dropout_generator(device: torch.device) -> Any:
    """The global generator of a device: the only one that dropout can draw from."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return torch.cuda.default_generators[device.index or 0]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator
