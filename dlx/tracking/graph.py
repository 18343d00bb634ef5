"""The graph of a model, for TensorBoard: traced on a copy, so that the model is left alone."""

from __future__ import annotations

import copy
import io
import warnings
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from ..models.inputs import Batch
from ..sources.batches import Part


def write_graph(writer: Any, model: nn.Module, part: Part) -> None:
    """Writes the graph of a model's forward pass.

    Args:
        writer: a `SummaryWriter`.
        model: a model of dlx.
        part: some samples; the first two are run through a copy of the model.

    Raises:
        RuntimeError: the model cannot be traced.
    """
    rows = torch.arange(min(2, len(part)), device=part.numbers.device)
    inputs = next(part.take(rows).in_order(len(rows))).inputs
    flat = Model(copy.deepcopy(model), inputs)
    devices = [rows.device] if rows.device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices),
        redirect_stdout(io.StringIO()),  # torch prints what it cannot trace
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # torch.jit.trace, which SummaryWriter uses, is deprecated
        writer.add_graph(flat, flat.tensors(inputs), use_strict_trace=False)


class Model(nn.Module):
    """A model as a tracer wants it: tensors in, tensors out."""

    def __init__(self, network: nn.Module, inputs: Batch) -> None:
        super().__init__()
        self.network = network
        self._like = inputs

    def tensors(self, inputs: Batch) -> tuple[Tensor, ...]:
        """What `forward` takes for these inputs."""
        fields = [(one,) if isinstance(one, Tensor) else one for one in inputs.values()]
        return tuple(one for each in fields for one in each if isinstance(one, Tensor))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The logits of each target."""
        rest = iter(tensors)

        def renew(one: Any) -> Any:
            if isinstance(one, Tensor):
                return next(rest)
            return type(one)(*map(renew, one)) if isinstance(one, tuple) else one

        inputs = {name: renew(one) for name, one in self._like.items()}
        return tuple(self.network(inputs).values())
