"""One optimizer with what it moves: its parameters by name, their gradients, and its schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import Optimizer

from ..schedules import Schedule
from ..state import State
from . import step_of
from .flat import Entries, Flat, can_be_flat, gradients_of


class Member:
    """One of a training's optimizers.

    Args:
        parameters: what it moves, by name; frozen ones wait until somebody frees them.
        make: parameters -> optimizer.
        schedule: optimizer -> what moves its rate.
        flat: whether it treats each number of a parameter alike, so that the parameters may lie
            in one tensor: true of dlx's own optimizers.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        make: Callable[[list[Parameter]], Optimizer],
        schedule: Callable[[Optimizer], Schedule],
        flat: bool,
    ) -> None:
        self.parameters = tuple(parameters.values())
        self._names = {id(p): name for name, p in parameters.items()}
        self.optimizer = make(list(self.parameters))
        self._step = step_of(self.optimizer)
        self._flat: Flat | None = None
        if flat and can_be_flat([p for p in self.parameters if p.requires_grad]):
            self._join()
        self.schedule = schedule(self.optimizer)
        self._fresh = True

    def clear(self) -> None:
        """Forgets the gradients of the step before."""
        self._fresh = True
        if self._flat is not None and not self._flat.holds_the_free_of(self.parameters):
            self._part(self._flat)
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
            clip_grad_value_(self.parameters if self._flat is None else self._flat.whole, value)

    def move(self) -> None:
        """Moves the weights by the gradients."""
        self._step()

    def _join(self) -> None:
        """Lays the parameters that are not frozen, and what is kept of them, into one tensor."""
        free = [p for p in self.parameters if p.requires_grad]
        state = self.optimizer.state
        each = [state.pop(p) for p in free if p in state]
        flat = self._flat = Flat(free)
        if each:
            state[flat.whole] = flat.join(each)
        frozen = [p for p in self.parameters if not p.requires_grad]
        self.optimizer.param_groups[0]["params"] = [flat.whole, *frozen]

    def _part(self, flat: Flat) -> None:
        """Gives the optimizer each parameter by itself again, for good."""
        state = self.optimizer.state
        if flat.whole in state:
            state.update(zip(flat.parameters, flat.split(state.pop(flat.whole)), strict=True))
        self.optimizer.param_groups[0]["params"] = list(self.parameters)
        self._flat = None

    def _take_apart(self, flat: Flat, found: Sequence[Tensor | None]) -> None:
        """From a step on in which a parameter has no gradient, each is moved by itself.

        One without a gradient is neither moved nor decayed, as one with zeros would be.
        """
        self._part(flat)
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
            tensors |= {f"{name}/{k}": v for k, v in entries.items() if isinstance(v, Tensor)}
            plain = {k: v for k, v in entries.items() if not isinstance(v, Tensor)}
            rest |= {name: plain} if plain else {}
        flat = self._flat is not None
        return State(tensors, {"rest": rest, "schedule": self.schedule.state_dict(), "flat": flat})

    def _entries_by_name(self) -> dict[str, Entries]:
        """What the optimizer keeps, by the names of parameters."""
        kept = self.optimizer.state_dict()["state"]
        named = {name: kept[at] for at, name in enumerate(self._order()) if at in kept}
        if self._flat is not None and "" in named:
            each = self._flat.split(named.pop(""))
            names = [self._names[id(p)] for p in self._flat.parameters]
            named |= dict(zip(names, each, strict=True))
        return named

    def _order(self) -> list[str]:
        """The parameters' names in the optimizer's order; "" for those that lie in one tensor."""
        return [
            self._names.get(id(p), "") for g in self.optimizer.param_groups for p in g["params"]
        ]

    def restore(self, state: State) -> None:
        """Puts back what `state` gave, whether the parameters lay in one tensor or not.

        Raises:
            RuntimeError, KeyError, ValueError: it is another optimizer's.
        """
        join = self._flat is not None and state.facts["flat"]
        if self._flat is not None:
            self._part(self._flat)
        kept: dict[str, Entries] = {n: dict(one) for n, one in state.facts["rest"].items()}
        for key, value in state.tensors.items():
            name, _, entry = key.rpartition("/")
            kept.setdefault(name, {})[entry] = value
        places = {name: at for at, name in enumerate(self._order())}
        groups = self.optimizer.state_dict()["param_groups"]
        by_place: dict[int, Any] = {places[name]: one for name, one in kept.items()}
        self.optimizer.load_state_dict({"state": by_place, "param_groups": groups})
        if join:
            self._join()
        self.schedule.load_state_dict(state.facts["schedule"])
