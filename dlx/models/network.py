"""The frame that every architecture shares: read the inputs, a body, a linear head a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from ..config.specs.model import Common
from ..data.columns import Input
from ..errors import Problem, UsageError
from .inputs import Batch, MultiHot, Padded
from .modules import MultiHotLinear

Reader = Callable[[Batch], Any]
"""Takes what the first layer needs out of a batch."""


@dataclass(frozen=True)
class Step:
    """One node of a network, as it acts.

    Attributes:
        name: of its output.
        read: takes what its layers get out of the inputs and the outputs of earlier nodes.
        part: the node whose layers it uses: itself, or the one that it shares them with.
        of: the inputs and nodes that it reads.
        join: how several are joined; None of one.
    """

    name: str
    read: Reader
    part: str
    of: tuple[str, ...]
    join: str | None = None


class Stack(nn.Sequential):
    """Layers one after another. Rows of different length keep their lengths on the way.

    A layer that reads time has `reads_time = True` and takes them as `Padded`; any other is given
    their values, as each step is one of its own to it.
    """

    def forward(self, given: Any) -> Any:
        """Gives what the last layer does."""
        for layer in self:
            if isinstance(given, Padded) and not getattr(layer, "reads_time", False):
                given = Padded(layer(given.values), given.lengths)
            else:
                given = layer(given)
        return given


class AsOutputs(nn.Module):
    """In the place of an output layer: each row's numbers as they are, end to end."""

    def forward(self, rows: Tensor | MultiHot | Padded) -> Tensor:
        """Gives (rows, values)."""
        return flatten(rows)


class Network(nn.Module):
    """Nodes of layers one after another, and a linear head for each target.

    Parameters are named `body.<i>...` where there is one node, else `nodes.<node>.<i>...`; layers
    that several share are there once. Those of heads are named `heads.<target>...`.

    Args:
        parts: the layers of each node that has some of its own.
        steps: the nodes in the order in which they act.
        heads: target -> the node that it reads, and its output layer.
    """

    def __init__(
        self,
        parts: Mapping[str, Sequence[nn.Module]],
        steps: Sequence[Step],
        heads: Mapping[str, tuple[str, nn.Module]],
    ) -> None:
        super().__init__()
        stacks = {name: Stack(*layers) for name, layers in parts.items()}
        if len(steps) == 1:
            self.body = stacks[steps[0].part]
        else:
            self.nodes = _nest(stacks)
        self.steps = tuple(steps)
        self.ends = [(target, node) for target, (node, _) in heads.items()]
        self._steps = [(step.name, step.read, stacks[step.part]) for step in steps]
        self.heads = nn.ModuleDict(_rename({target: head for target, (_, head) in heads.items()}))

    @property
    def layers(self) -> nn.Module:
        """All layers before the heads."""
        return self.body if len(self._steps) == 1 else self.nodes

    def hidden(self, inputs: Batch) -> dict[str, Any]:
        """What each target's output layer reads."""
        values: dict[str, Any] = dict(inputs)
        for name, read, layers in self._steps:
            values[name] = layers(read(values))
        return {target: values[node] for target, node in self.ends}

    def forward(self, inputs: Batch) -> dict[str, Tensor]:
        """Gives for each target its logits, of shape (batch, outputs[target])."""
        return self.answer(self.hidden(inputs))

    def answer(self, hidden: Mapping[str, Any]) -> dict[str, Tensor]:
        """Gives the logits of what `hidden` gave."""
        heads = zip(hidden.items(), self.heads.values(), strict=True)
        return {target: head(values) for (target, values), head in heads}

    def hidden_kernels(self) -> list[Tensor]:
        """The weights that a penalty is laid on: no head, bias, embedding, base or normalisation.

        Of a recurrent layer both the kernel of its input and that of its state.
        """
        frozen = {
            inner
            for module in self.layers.modules()
            if getattr(module, "starts_frozen", False)
            for inner in module.modules()
        }
        return [
            weight
            for module in self.layers.modules()
            if not isinstance(module, nn.Embedding) and module not in frozen
            for name, weight in module.named_parameters(recurse=False)
            if name.startswith("weight") and weight.ndim > 1
        ]


BODY = "body"
"""Of a network of one node, the node."""


def one_body(
    of: Sequence[str],
    read: Reader,
    body: Sequence[nn.Module],
    head: Callable[[int], nn.Module],
    outputs: Mapping[str, int],
) -> Network:
    """A network of one node.

    Args:
        of: the inputs that it reads, end to end where there are several.
        read: takes what the first layer needs out of a batch.
        body: the layers.
        head: makes an output layer of so many units.
        outputs: target -> number of logits.
    """
    heads = {target: (BODY, head(size)) for target, size in outputs.items()}
    step = Step(BODY, read, BODY, tuple(of), "concat" if len(of) > 1 else None)
    return Network({BODY: body}, [step], heads)


def _rename(modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Modules under names that a ModuleDict takes: no dot, and none of its own attributes."""
    renamed: dict[str, nn.Module] = {}
    for known, module in modules.items():
        name = known.replace(".", "_")
        while name in renamed or hasattr(nn.ModuleDict, name):
            name += "_"
        renamed[name] = module
    return renamed


def _nest(modules: Mapping[str, nn.Module]) -> nn.ModuleDict:
    """Modules by the parts of their names: `more.1` is within `more`."""
    inner: dict[str, dict[str, nn.Module]] = {}
    for name, module in modules.items():
        first, _, rest = name.partition(".")
        inner.setdefault(first, {})[rest] = module
    return nn.ModuleDict(
        _rename({first: all_[""] if "" in all_ else _nest(all_) for first, all_ in inner.items()})
    )


def check_penalty(options: Common, network: Network) -> Network:
    """Hands the network back if it has the kernels that its penalties ask for.

    Raises:
        UsageError: l1 or l2 is set, and there is no hidden layer that it could act on.
    """
    for name in ("l1", "l2"):
        value = getattr(options, name)
        if value > 0 and not network.hidden_kernels():
            what = f"{name} is {value:g}, but the model has no hidden layer to penalise"
            accepted = f"{name}: 0 for a linear model"
            hint = "add a hidden layer, or set optimizer.weight_decay"
            raise UsageError(Problem(what, f"model.{name}", accepted, hint))
    return network


def the_only_input(inputs: Mapping[str, Input], model: str) -> tuple[str, Input]:
    """Name and description of the input of a model that takes just one.

    Raises:
        UsageError: there are none or several.
    """
    if len(inputs) != 1:
        what = f"the data have {len(inputs)} inputs: {', '.join(inputs)}"
        accepted = f"exactly one input for model={model}"
        raise UsageError(Problem(what, "model.name", accepted, "model=mlp joins several inputs"))
    return next(iter(inputs.items()))


def flat_reader(inputs: Mapping[str, Input]) -> tuple[Reader, int, bool]:
    """How to read all inputs as one vector a row.

    Returns:
        The reader, the length of the vectors, and whether it gives `MultiHot` rows (only for a
        single input of that kind: beside others they are written out).

    Raises:
        UsageError: an input holds word ids, which are no amounts.
    """
    for name, found in inputs.items():
        if found.kind == "ids":
            raise UsageError(_ids_problem(name, found))
    width = sum(math.prod(found.shape) for found in inputs.values())
    if len(inputs) > 1:
        return join_inputs(tuple(inputs)), width, False
    name, found = next(iter(inputs.items()))
    if found.kind == "multi_hot" or len(found.shape) == 1:
        return itemgetter(name), width, found.kind == "multi_hot"
    return join_inputs((name,)), width, False


def _ids_problem(name: str, found: Input) -> Problem:
    many = "of different length" if found.ragged else f"{found.shape[0]} ids"
    hint = "use the prepare step multi_hot, or model=layers with an embedding"
    return Problem(
        f"model=mlp cannot take the input {name}: its rows are {many}",
        where="model.name",
        accepted="inputs of numbers",
        hint="model=tabular" if found.columns else hint,
    )


def join_inputs(names: tuple[str, ...]) -> Reader:
    """A reader that writes out and flattens these inputs and lays them end to end."""

    def read(batch: Batch) -> Tensor:
        parts = [flatten(batch[name]) for name in names]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    return read


def flatten(rows: Tensor | MultiHot | Padded) -> Tensor:
    """Each row as one vector, (rows, values)."""
    assert not isinstance(rows, Padded), "rows of different length are no vectors"
    if isinstance(rows, MultiHot):
        return rows.dense()
    return rows.reshape(rows.shape[0], -1)


def dense_layer(width: int, units: int, multi_hot: bool, bias: bool = True) -> nn.Module:
    """A dense layer for vectors of this width, or for multi-hot rows of this size."""
    layer = MultiHotLinear if multi_hot else nn.Linear
    return layer(width, units, bias=bias)
