"""The graph of a model, for TensorBoard: traced on a copy, so that the model is left alone."""

from __future__ import annotations

import copy
import io
import warnings
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from ..models.inputs import Batch, MultiHot
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
        self._sizes = {
            name: one.size if isinstance(one, MultiHot) else 0 for name, one in inputs.items()
        }

    def tensors(self, inputs: Batch) -> tuple[Tensor, ...]:
        """What `forward` takes for these inputs."""
        found: list[Tensor] = []
        for one in inputs.values():
            found += [one.indices, one.offsets] if isinstance(one, MultiHot) else [one]
        return tuple(found)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The logits of each target."""
        rest = iter(tensors)
        inputs = {
            name: MultiHot(next(rest), next(rest), size) if size else next(rest)
            for name, size in self._sizes.items()
        }
        return tuple(self.network(inputs).values())
