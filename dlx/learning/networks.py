"""Networks with the starting weights that the seed gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ..config.schema import Config
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..models.init import initialise
from ..seeds import derive
from .memory import require_weights


def builder(
    config: Config, inputs: Mapping[str, Input], targets: Mapping[str, EncodedTarget]
) -> Callable[[], Any]:
    """What builds the model of a config, without starting weights."""
    outputs = {name: target.outputs for name, target in targets.items()}
    return lambda: config.model.load()(config.model.options, dict(inputs), outputs)


def build_network(
    config: Config,
    build: Callable[[], nn.Module],
    device: torch.device,
    fold: int = 0,
    name: str = "model",
) -> Any:
    """A network on its device; each weight is drawn by its own name, so none moves another's.

    Args:
        config: names how weights start, and the optimizer whose memory is counted.
        build: builds the network, as from `builder`.
        device: where it is to lie.
        fold: number of the fold.
        name: of the network, where there are several.

    Raises:
        UsageError: it cannot be built, or is larger than the free memory.
    """
    require_weights(config, build, device)
    network, among = build(), () if name == "model" else (name,)

    def generator_for(weight: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive(config.seed, "init", fold, *among, weight))

    initialise(network, config.model.options.init, generator_for)
    return network.to(device)
