"""One optimizer with what it moves: its parameters by name, their gradients, and its schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import LBFGS, Optimizer

from ..config.specs.optimizers import Group
from ..errors import Problem, UsageError
from ..schedules import Schedule
from ..state import State
from . import step_of
from .entries import gather, spread
from .flat import Entries, Flat, Flats, can_be_flat, gradients_of
from .groups import divide


class Member:
    """One of a training's optimizers.

    Args:
        parameters: what it moves, by name; frozen ones wait until somebody frees them.
        make: parameters -> optimizer.
        schedule: optimizer -> what moves its rate.
        flat: whether it treats each number of a parameter alike, so that the parameters may lie
            in one tensor: true of dlx's own optimizers.
        groups: what weights have of their own, by patterns of their names.

    Raises:
        UsageError: the optimizer has no such rate.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        make: Callable[[list[Parameter]], Optimizer],
        schedule: Callable[[Optimizer], Schedule],
        flat: bool,
        groups: Mapping[str, Group] = MappingProxyType({}),
    ) -> None:
        self.parameters = tuple(parameters.values())
        self._names = {id(p): name for name, p in parameters.items()}
        self.optimizer = make(list(self.parameters))
        self._step = step_of(self.optimizer)
        owns = divide(parameters, groups)
        self._owns, self._cuts = (
            list(owns),
            [[parameters[n] for n in some] for some in owns.values()],
        )
        if groups and not self.recomputes:  # which has one rate for all; what is frozen stays
            self._give_rates()
        self._flat: Flats | None = None
        self._may_be_flat = flat
        self._frozen = [False] * len(self._cuts)
        self._join()
        self.begin_epoch(1)
        self.schedule = schedule(self.optimizer)
        self._fresh = True

    def _give_rates(self) -> None:
        """Makes a group of torch's of each cut, with what is the cut's own."""
        base = self.optimizer.param_groups[0]
        for option, _ in (pair for own in self._owns for pair in own.rates):
            if option not in base:
                what = f"the optimizer {type(self.optimizer).__name__} has no {option}"
                raise UsageError(Problem(what, "optimizer.groups"))
        cuts = zip(self._owns, self._cuts, strict=True)
        self.optimizer.param_groups[:] = [
            {**base, **dict(own.rates), "params": list(cut)} for own, cut in cuts
        ]

    def begin_epoch(self, epoch: int) -> None:
        """Frees what moves from an epoch on, counted from 1, and freezes what does not yet.

        A function of the epoch alone, so that a resumed training freezes what an unbroken one did.
        """
        frozen = [own.first > epoch for own in self._owns]
        if frozen == self._frozen:
            return
        if self._flat is not None:
            self._part(self._flat)
        for was, still, cut in zip(self._frozen, frozen, self._cuts, strict=True):
            for parameter in cut if was != still else ():
                parameter.requires_grad_(not still)
                parameter.grad = None
        self._frozen = frozen
        self._join()

    @property
    def cuts(self) -> list[tuple[int, int]]:
        """First epochs with how many numbers move from each on."""
        pairs = zip(self._owns, self._cuts, strict=True)
        return [(own.first, sum(p.numel() for p in cut)) for own, cut in pairs]

    @property
    def freezes(self) -> bool:
        """Whether some of its weights are frozen in some epochs."""
        return any(own.first > 1 for own in self._owns)

    def rates(self) -> dict[str, float]:
        """Learning rates, by the pattern that gives them, "" first; 0 where all are frozen."""
        found: dict[str, float] = {}
        cuts = zip(self._owns, self._cuts, self.optimizer.param_groups, strict=False)
        for own, cut, group in cuts:  # an optimizer of a plugin may have more groups of its own
            moves = any(p.requires_grad for p in cut)
            found[own.told] = max(found.get(own.told, 0.0), float(group["lr"]) if moves else 0.0)
        return found

    def clear(self) -> None:
        """Forgets the gradients of the step before."""
        self._fresh = True
        if self._flat is not None and not self._flat.holds_the_free_of(self.parameters):
            self._keep_apart(self._flat)
        if self._flat is None:
            self.optimizer.zero_grad(set_to_none=True)

    def add(self, objective: Tensor) -> None:
        """Adds an objective's gradients to those of the step."""
        if self._flat is None:
            free = [p for p in self.parameters if p.requires_grad]
            torch.autograd.backward(objective, inputs=free)
            return
        found = gradients_of(objective, self._flat.parameters)
        dense = [g for g in found if g is not None and g.layout is torch.strided]
        if len(dense) < len(found):
            self._take_apart(self._flat, found)
        elif self._fresh:
            torch._foreach_copy_(self._flat.gradients, dense)
        else:
            torch._foreach_add_(self._flat.gradients, dense)
        self._fresh = False

    def clip(self, norm: float | None, value: float | None) -> None:
        """Bounds the gradients.

        Args:
            norm: the largest norm of all together, None for no bound.
            value: the largest size of an element, None for no bound.
        """
        if norm is not None:
            if self._flat is None:
                clip_grad_norm_(self.parameters, norm)
            else:
                self._flat.clip_norm(norm)
        if value is not None:
            clip_grad_value_(self.parameters if self._flat is None else self._flat.wholes, value)

    @property
    def recomputes(self) -> bool:
        """Whether it computes the loss several times a step, as L-BFGS does."""
        return isinstance(self.optimizer, LBFGS)

    def move(self, *evaluate: Callable[[], Tensor]) -> None:
        """Moves the weights by the gradients.

        Args:
            evaluate: of one that recomputes: computes loss and gradients anew, and gives the loss.
        """
        self._step(*evaluate)

    def forget(self) -> None:
        """Drops what the optimizer keeps of its parameters, as where these have become others."""
        self.optimizer.state.clear()

    def _join(self) -> None:
        """Lays what is free of each cut, and what is kept of it, into one tensor, where it may."""
        free = [[p for p in cut if p.requires_grad] for cut in self._cuts]
        if not (self._may_be_flat and can_be_flat([p for some in free for p in some])):
            return
        state, found = self.optimizer.state, []
        for some, cut, group in zip(free, self._cuts, self.optimizer.param_groups, strict=True):
            if not some:
                continue
            each = [state.pop(p) for p in some if p in state]
            flat = Flat(some)
            if each:
                state[flat.whole] = flat.join(each)
            group["params"] = [flat.whole, *(p for p in cut if not p.requires_grad)]
            found.append(flat)
        self._flat = Flats(found)

    def _part(self, flat: Flats) -> None:
        """Gives the optimizer each parameter by itself again."""
        state = self.optimizer.state
        for one in flat.each:
            if one.whole in state:
                state.update(zip(one.parameters, one.split(state.pop(one.whole)), strict=True))
            one.release()
        for cut, group in zip(self._cuts, self.optimizer.param_groups, strict=True):
            group["params"] = list(cut)
        self._flat = None

    def _keep_apart(self, flat: Flats) -> None:
        """The same, for good."""
        self._part(flat)
        self._may_be_flat = False

    def _take_apart(self, flat: Flats, found: Sequence[Tensor | None]) -> None:
        """From a step on in which a parameter has no gradient, each is moved by itself.

        One without a gradient is neither moved nor decayed, as one with zeros would be.
        """
        self._keep_apart(flat)
        for parameter, gradient in zip(flat.parameters, found, strict=True):
            if self._fresh:
                parameter.grad = None
            if gradient is not None:
                if not gradient.is_sparse:  # laid out as the parameter, as fused kernels expect
                    gradient = gradient.contiguous()
                before = parameter.grad
                parameter.grad = gradient if before is None else before + gradient

    def state(self) -> State:
        """What the optimizer keeps of each parameter, as "<parameter>/<entry>".

        Rates and the like are the config's and the schedule's.
        """
        tensors: dict[str, Tensor] = {}
        rest: dict[str, Entries] = {}
        for name, entries in self._entries_by_name().items():
            found, plain = spread(entries)
            tensors |= {f"{name}/{k}": v for k, v in found.items()}
            rest |= {name: plain} if plain else {}
        plan = self.schedule.state_dict()
        return State(tensors, {"rest": rest, "schedule": plan, "flat": self._may_be_flat})

    def _entries_by_name(self) -> dict[str, Entries]:
        """What the optimizer keeps, by the names of parameters."""
        kept = self.optimizer.state_dict()["state"]
        flats = {id(one.whole): one for one in (self._flat.each if self._flat else ())}
        found: dict[str, Entries] = {}
        for at, parameter in enumerate(self._order()):
            if at in kept and id(parameter) in flats:
                flat = flats[id(parameter)]
                names = [self._names[id(p)] for p in flat.parameters]
                found |= zip(names, flat.split(kept[at]), strict=True)
            elif at in kept:
                found[self._names[id(parameter)]] = kept[at]
        return found

    def _order(self) -> list[Parameter]:
        """The parameters, or the tensors that they lie in, in the optimizer's order."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def restore(self, state: State) -> None:
        """Puts back what `state` gave, whether the parameters lay in one tensor or not.

        Raises:
            RuntimeError, KeyError, ValueError: it is another optimizer's.
        """
        if self._flat is not None:
            self._part(self._flat)
        self._may_be_flat = self._may_be_flat and state.facts["flat"]
        kept: dict[str, Entries] = {n: dict(one) for n, one in state.facts["rest"].items()}
        for key, value in state.tensors.items():
            name, _, entry = key.rpartition("/")
            kept.setdefault(name, {})[entry] = value
        places = {self._names[id(p)]: at for at, p in enumerate(self._order())}
        groups = self.optimizer.state_dict()["param_groups"]
        by_place: dict[int, Any] = {places[name]: gather(one) for name, one in kept.items()}
        self.optimizer.load_state_dict({"state": by_place, "param_groups": groups})
        self._join()
        self.schedule.load_state_dict(state.facts["schedule"])
