"""The optimizers of a training, by name: all that happens between losses and moved weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor

from ..config.schema import Trainer
from ..state import State, join_states, part_of
from .groups import describe_trained
from .member import Member

Penalty = Callable[[str], Tensor | None]
"""An optimizer's name -> what is added to its objective; None for nothing."""


class Samples(Protocol):
    """What a step is computed from."""

    @property
    def rows(self) -> int:
        """How many samples."""

    def split(self, parts: int) -> Iterable[Self]:
        """The same samples in so many parts of nearly equal size."""


B = TypeVar("B", bound=Samples)
Closure = Callable[[B], Mapping[str, Tensor]]
"""A micro-batch -> its mean losses by name; the first is the objective."""


class Optimizers:
    """Named optimizers: gradients, precision, accumulation, clipping, movement and schedules.

    Args:
        members: an optimizer with its parameters and its schedule each.
        options: the `trainer` section: accumulate, precision, clip_norm, clip_value.
        device: where the parameters lie.
        penalty: what L1 and L2 add to an objective, in full precision and once a step.

    Attributes:
        parts: in how many micro-batches the next step is computed.
        has_moved: whether weights have moved, or were about to, since the last step ended.
        again: whether a closure is called within a step once more, as L-BFGS does: what it gives
            then is no loss of the step's start.
    """

    def __init__(
        self,
        members: Mapping[str, Member],
        options: Trainer,
        device: torch.device,
        penalty: Penalty,
    ) -> None:
        self.members = dict(members)
        self.rates_of_epoch = self.rates()
        self.parts = 1 if options.accumulate == "auto" else options.accumulate
        self.has_moved = self.again = False
        self._options, self._penalty, self._device = options, penalty, device
        self._amp = autocast_type(options.precision)
        half = self._amp is torch.float16 and device.type == "cuda"
        self._scaler = torch.amp.GradScaler(device.type) if half else None
        self._moved: set[str] = set()
        self._scheduled = [m.schedule for m in self.members.values() if m.schedule.per_step]

    def step(self, name: str, batch: B, closure: Closure[B]) -> None:
        """Moves the weights of one optimizer once; never waits for the device.

        Args:
            name: of the optimizer.
            batch: taken whole, or in so many micro-batches as `parts` says.
            closure: gives the losses of a micro-batch; may be called more often than once for it.
        """
        member = self.members[name]
        compute = partial(self._compute, name, member, batch, closure)
        if member.recomputes:
            self._move_often(member, compute)
        else:
            compute()
            self._move(name, member)

    def _compute(self, name: str, member: Member, batch: B, closure: Closure[B]) -> Tensor:
        """Computes the gradients of a step; gives the objective."""
        member.clear()
        if self.parts == 1:
            objective = self._objective(name, closure, batch, 1.0)
            member.add(objective)
            return objective
        total = torch.zeros((), device=self._device)
        for micro in batch.split(self.parts):
            objective = self._objective(name, closure, micro, micro.rows / batch.rows)
            member.add(objective)
            total = total + objective.detach()
        return total

    def _move_often(self, member: Member, compute: Callable[[], Tensor]) -> None:
        """Lets an optimizer move that computes loss and gradients anew as it goes."""
        known = [compute()]

        def evaluate() -> Tensor:
            self.again = not known
            try:
                loss = known.pop() if known else compute()
            finally:
                self.again = False
            member.clip(self._options.clip_norm, self._options.clip_value)
            return loss.detach()

        self.has_moved = True
        member.move(evaluate)

    def forget(self, name: str) -> None:
        """Drops what an optimizer keeps of its parameters, as where these have become others."""
        self.members[name].forget()

    def _objective(self, name: str, closure: Closure[B], micro: B, share: float) -> Tensor:
        """What a micro-batch adds to the objective of a step."""
        if self._amp is None:
            losses = closure(micro)
        else:
            with self.precision():
                losses = closure(micro)
        objective = next(iter(losses.values()))
        penalty = self._penalty(name)
        if penalty is not None:
            objective = objective + penalty
        if share != 1.0:
            objective = objective * share
        return objective if self._scaler is None else self._scaler.scale(objective)

    def precision(self) -> torch.autocast:
        """Within it, forward passes compute as they do in a step."""
        return torch.autocast(self._device.type, self._amp, enabled=self._amp is not None)

    def _move(self, name: str, member: Member) -> None:
        self.has_moved = True
        if self._scaler is None:
            member.clip(self._options.clip_norm, self._options.clip_value)
            member.move()
            return
        if name in self._moved:  # torch's scaler knows one step of an optimizer at a time
            self._update_scale(self._scaler)
        self._scaler.unscale_(member.optimizer)
        member.clip(self._options.clip_norm, self._options.clip_value)
        self._scaler.step(member.optimizer)
        self._moved.add(name)

    def _update_scale(self, scaler: torch.amp.GradScaler) -> None:
        scaler.update()
        self._moved.clear()

    def finish_step(self) -> None:
        """Ends a step of the run, whoever moved in it: sets the next step's rates and scale."""
        self.has_moved = False
        if self._scaler is not None and self._moved:
            self._update_scale(self._scaler)
        for schedule in self._scheduled:
            schedule.after_step()

    def clear(self) -> None:
        """Frees the gradients of a step that was not finished."""
        for member in self.members.values():
            member.clear()

    def freeze(self, epoch: int) -> bool:
        """Frees the weights that move in an epoch, from 1, and freezes the others.

        Returns:
            Whether any weight is frozen in some epochs.
        """
        for member in self.members.values():
            member.begin_epoch(epoch)
        return any(member.freezes for member in self.members.values())

    def describe_trained(self) -> str:
        """How much is trained from which epoch on; "" where all is from the start."""
        return describe_trained(cut for member in self.members.values() for cut in member.cuts)

    def begin_epoch(self) -> None:
        """Notes the rates of the epoch's first step in `rates_of_epoch`."""
        self.rates_of_epoch = self.rates()

    def finish_epoch(self, score: float | None) -> None:
        """Tells the schedules the monitored score of an epoch, None where there is none."""
        for member in self.members.values():
            member.schedule.after_epoch(score)

    def rates(self) -> dict[str, float]:
        """The learning rates: the first optimizer's as "lr", others' as "lr/<name>".

        A rate that a pattern gives is "lr/<pattern>", or "lr/<name>/<pattern>".
        """
        found: dict[str, float] = {}
        for place, (name, member) in enumerate(self.members.items()):
            key, rates = f"lr/{name}" if place else "lr", member.rates()
            found[key] = rates.pop("", next(iter(rates.values()), 0.0))
            found |= {f"{key}/{pattern}": rate for pattern, rate in rates.items()}
        return found

    def penalties(self) -> dict[str, float]:
        """What the penalties of all optimizers add now, as "penalty"; empty without any."""
        found = [p for p in map(self._penalty, self.members) if p is not None]
        return {"penalty": sum(float(p.detach()) for p in found)} if found else {}

    def state(self) -> State:
        """Every optimizer's state, as "<name>/<parameter>/<entry>", and the loss scale."""
        members = join_states({name: one.state() for name, one in self.members.items()})
        scale: dict[str, Any] = {} if self._scaler is None else self._scaler.state_dict()
        own = {"members": members.facts, "scaler": scale, "rates_of_epoch": self.rates_of_epoch}
        return State(members.tensors, own)

    def restore(self, state: State) -> None:
        """Puts back what `state` gave.

        Raises:
            RuntimeError, KeyError, ValueError: it is another training's.
        """
        members = State(state.tensors, state.facts["members"])
        for name, one in self.members.items():
            one.restore(part_of(members, name))
        if self._scaler is not None:
            self._scaler.load_state_dict(state.facts["scaler"])
        self.rates_of_epoch = dict(state.facts["rates_of_epoch"])


def autocast_type(precision: str) -> torch.dtype | None:
    """The number type of a forward pass; None where it is that of the weights."""
    return None if precision == "float32" else getattr(torch, precision)
