"""How large a model is: its parameters without any memory, what a row takes by a dry pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..data.columns import Input
from ..errors import Problem, UsageError
from .inputs import Padded
from .summary import dry_pass

LARGE = 10**8
"""Parameters from which on shapes are worth the second that torch takes to tell them alone."""


@dataclass(frozen=True)
class RowSizes:
    """Counts of numbers a row, of four bytes each.

    Attributes:
        kept: what a training step holds for its backward pass; at least so many.
        widest: what stands before and after the layer where that is the most.
    """

    kept: int
    widest: int


class _Unfilled(TorchFunctionMode):
    """Leaves starting values out: on the meta device torch would load its compiler for them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        name, where = getattr(func, "__name__", ""), getattr(func, "__module__", "")
        if name in ("normal_", "uniform_") or (where == "torch.nn.init" and name.endswith("_")):
            return args[0] if args else given["tensor"]
        return func(*args, **given)


@contextmanager
def leave_unfilled() -> Iterator[None]:
    """Within it networks are built without starting values, and without a random number.

    torch's `trunc_normal_` draws until all numbers lie within bounds, which those of memory that
    nobody filled may never do: it is taken away meanwhile.
    """
    draws = nn.init.trunc_normal_
    nn.init.trunc_normal_ = lambda tensor, *_, **__: tensor
    try:
        with _Unfilled():
            yield
    finally:
        nn.init.trunc_normal_ = draws


def outline(build: Callable[[], nn.Module]) -> nn.Module:
    """A model on torch's meta device: shapes alone, however large they are.

    Args:
        build: builds the model.

    Raises:
        UsageError: the model cannot be built, or 64 bits cannot count its numbers.
    """
    try:
        with torch.device("meta"), _Unfilled():
            return build()
    except (RuntimeError, TypeError, OverflowError) as error:
        if "overflow" not in str(error).lower():
            raise
        what = "the model has more numbers than 64 bits can count"
        raise UsageError(Problem(what, "model", hint="smaller layers")) from error


def count_parameters(model: nn.Module) -> int:
    """The numbers that an optimizer moves."""
    return sum(parameter.numel() for parameter in model.parameters())


def measure_rows(
    model: nn.Module, inputs: Mapping[str, Input], still: Collection[str] = ()
) -> RowSizes:
    """What a row takes in each layer, by a pass of two rows of zeros.

    Args:
        model: on the device that it trains on; it is left as it was.
        inputs: name -> description, as the model was built with.
        still: names of weights that never move: nothing is kept before the first that does.
    """
    kept, widest = 0, 0
    moving = {id(p) for name, p in model.named_parameters() if name not in still}
    begun = not still

    def note(module: nn.Module, taken: tuple[Any, ...], given: Any) -> None:
        nonlocal kept, widest, begun
        before, after = _count(taken), _count(given) + _inner_size(module, taken)
        widest = max(widest, before + after)
        begun = begun or any(id(p) in moving for p in module.parameters())
        if begun and not isinstance(module, nn.Flatten):  # the same memory in another shape
            kept += after

    leaves = [module for module in model.modules() if not any(module.children())]
    hooks = [leaf.register_forward_hook(note) for leaf in leaves]
    try:
        dry_pass(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return RowSizes(-(-kept // 2), -(-widest // 2))


def _count(values: Any) -> int:
    """The numbers in a tensor, or in several."""
    if isinstance(values, Padded):
        values = values.values
    if isinstance(values, Tensor):
        return values.numel()
    return sum(map(_count, values)) if isinstance(values, (tuple, list)) else 0


_GATES = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}


def _inner_size(module: nn.Module, taken: tuple[Any, ...]) -> int:
    """What a recurrent layer holds of every time step: its gates and its state."""
    if not isinstance(module, nn.RNNBase):
        return 0
    gates = next((many for kind, many in _GATES.items() if isinstance(module, kind)), 1)
    first = taken[0]
    rows, steps = (first.values if isinstance(first, Padded) else first).shape[:2]
    return int(rows * steps * module.hidden_size * (1 + module.bidirectional) * (gates + 1))
