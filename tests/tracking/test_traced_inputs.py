"""A model as a tracer wants it: tensors in, tensors out, whatever its inputs are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dlx.models.inputs import Batch, MultiHot
from dlx.tracking.graph import Model

ROWS = torch.tensor([1, 0, 2]), torch.tensor([0, 1, 3]), 3


class Gives(nn.Module):
    """Gives what it gets, written out."""

    def forward(self, inputs: Batch) -> dict[str, Tensor]:
        return {
            name: one.dense() if isinstance(one, MultiHot) else one for name, one in inputs.items()
        }


def test_every_kind_of_input_passes_through_as_tensors() -> None:
    network: Any = Gives()
    inputs: dict[str, Tensor | MultiHot] = {
        "marks": MultiHot(*ROWS),
        "numbers": torch.ones(2, 2),
        "weights": MultiHot(*ROWS, torch.tensor([0.5, 2.0, -1.0])),
    }
    model = Model(network, inputs)

    tensors = model.tensors(inputs)

    assert len(tensors) == 2 + 1 + 3
    for found, wanted in zip(model(*tensors), network(inputs).values(), strict=True):
        assert torch.equal(found, wanted)
