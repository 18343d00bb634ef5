"""Which network looks at a picture, and what is asked of it before the picture moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..config.schema import Config
from ..errors import Problem, UsageError
from .looking import Looking, pretrained_looking
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
    found = pretrained_looking(config, layers, device, fold)
    found.require_layers(key)
    return found


def require_places(
    looking: Looking, sizes: Mapping[str, Size], border: int, device: torch.device, key: str
) -> None:
    """Refuses pictures that are too small for the layers.

    Args:
        looking: the network.
        sizes: of pictures, by what they are in words.
        border: places at each edge of a layer's answer that do not count.
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
            if min(found.shape[2:]) <= 2 * border:
                down, across = found.shape[2:]
                told = f"{what}: layer {name} gives {down} x {across} places"
                told += f", of which {border} at each edge do not count" if border else ""
                raise UsageError(Problem(told, key, accepted, hint))


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
