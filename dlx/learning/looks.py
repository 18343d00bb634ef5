"""Which network looks at a picture, and what is asked of it before the picture moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..config.schema import Config
from ..errors import Problem, UsageError
from .looking import Looking, pretrained_looking
from .looking_run import run_looking
from .picture import Size


def look_with(
    config: Config, key: str, layers: Sequence[str], device: torch.device, fold: int
) -> Looking:
    """The network that a config names to look with: of torchvision, or of an earlier run.

    Args:
        config: of a learner of a picture.
        key: where the layers are named.
        layers: their names.
        device: where it is to lie.
        fold: number of the fold.

    Raises:
        UsageError: it cannot be had, or has no such layers.
    """
    if config.learner.options.network is None and config.from_run.run:
        found = run_looking(config, layers, device)
    else:
        found = pretrained_looking(config, layers, device, fold)
    found.require_layers(key)
    return found


def describe_looking(config: Config, looking: Looking) -> dict[str, Any]:
    """The run whose network looks at a picture, as `report.json` holds it."""
    source = config.from_run
    return {
        "run": source.run,
        "sha256": source.sha256,
        "taken": len(looking.network.state_dict()),
        "fresh": [],
    }


def require_places(
    looking: Looking, sizes: Mapping[str, Size], device: torch.device, key: str
) -> None:
    """Refuses pictures that are too small for the layers.

    Args:
        looking: the network.
        sizes: of pictures, by what they are in words.
        device: where the network lies.
        key: of the config, for messages.

    Raises:
        UsageError: naming the picture, the layer and what it has.
    """
    for named, size in sizes.items():
        height, width = size
        what = f"{named} is {height} x {width}, too small for {looking.named}"
        accepted, hint = "larger pictures, or fewer octaves", "dataset.size=400"
        if "octave" in named:
            hint = "learner.octaves=1, or dataset.size=400"
        try:
            with torch.no_grad():
                answers = looking(torch.zeros(3, height, width, device=device))
        except (RuntimeError, AssertionError, ValueError) as error:
            raise UsageError(Problem(what, key, accepted, hint)) from error
        for name, found in answers.items():
            if found.ndim != 4:
                told = f"layer {name} of {looking.named} gives no channels at places"
                shape = " x ".join(map(str, found.shape[1:]))
                raise UsageError(Problem(f"{told}, but {shape} numbers", key))


def require_gradients(looking: Looking, picture: Tensor, key: str) -> None:
    """Refuses layers that do not depend on the picture, so that nothing would move for them.

    Args:
        looking: the network.
        picture: that is looked at.
        key: of the config, for messages.

    Raises:
        UsageError: naming the layer.
    """
    with torch.enable_grad():
        pixels = picture.detach().clone().requires_grad_()
        for name, found in looking(pixels).items():
            slope = None
            if found.requires_grad:
                goal = found.square().sum()
                (slope,) = torch.autograd.grad(goal, pixels, retain_graph=True, allow_unused=True)
            if slope is None or not slope.any():
                what = f"layer {name} of {looking.named} has no gradient to the picture"
                accepted = "layers whose answers change with the picture"
                raise UsageError(Problem(what, key, accepted))
