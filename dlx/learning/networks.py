"""Networks with the starting weights that the seed gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..config.fields import Chosen
from ..config.schema import Config
from ..config.specs.scopes import move_problem
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..errors import UsageError
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
    init: str = "",
) -> Any:
    """A network on its device; each weight is drawn by its own name, so none moves another's.

    Args:
        config: names how weights start, and the optimizer whose memory is counted.
        build: builds the network, as from `builder`.
        device: where it is to lie.
        fold: number of the fold.
        name: of the network, where there are several.
        init: how its weights start, where not as `model.init` says.

    Raises:
        UsageError: it cannot be built, or is larger than the free memory.
    """
    with torch.random.fork_rng(devices=[]):  # a step's draws do not depend on what is built in it
        require_weights(config, build, device, name)
        network = build()
    among = () if name == "model" else (name,)

    def generator_for(weight: str) -> torch.Generator:
        return torch.Generator().manual_seed(derive(config.seed, "init", fold, *among, weight))

    initialise(network, init or config.model.options.init, generator_for)
    return network.to(device)


def build_model(
    config: Config,
    name: str,
    inputs: Mapping[str, Input],
    outputs: Mapping[str, int],
    device: torch.device,
    fold: int = 0,
) -> Any:
    """A model that a learner has among its options, as a network on its device.

    Args:
        config: its learner has an option of this name, which chooses a model.
        name: of the option and the network.
        inputs: what the model is fed, by name.
        outputs: how many numbers it gives, by name.
        device: where it is to lie.
        fold: number of the fold.

    Raises:
        UsageError: it cannot be built, or is larger than the free memory; told under its own key.
    """
    chosen: Chosen = getattr(config.learner.options, name)

    def build() -> Any:
        return chosen.load()(chosen.options, dict(inputs), dict(outputs))

    with _told_under(f"learner.{name}"):
        return build_network(config, build, device, fold, name, chosen.options.init)


def build_named(
    config: Config,
    name: str,
    inputs: Mapping[str, Input],
    outputs: Mapping[str, int],
    device: torch.device,
    fold: int = 0,
) -> Any:
    """The model of the section `model`, as a network of this name; as `build_model` otherwise."""
    load, own = config.model.load(), config.model.options
    return build_network(config, lambda: load(own, dict(inputs), dict(outputs)), device, fold, name)


@contextmanager
def _told_under(key: str) -> Iterator[None]:
    """Within it, what is told of the section `model` is told of the key that names the model."""
    try:
        yield
    except UsageError as error:
        raise UsageError(*(move_problem(one, key) for one in error.problems)) from error
