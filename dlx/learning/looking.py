"""A network that looks at a picture: what some of its layers answer; its weights never move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..config.names import did_you_mean, join_names
from ..config.schema import Config
from ..config.specs.dreams import Looks
from ..config.specs.pretrained import RANDOM
from ..config.specs.pretrained import Base as BaseOptions
from ..errors import Problem, UsageError
from ..models.pretrained import Base
from .networks import build_network

Answers = dict[str, Tensor]
"""What layers give, (1, channels, height, width) each, by their names."""
_SHOWN = 30


class _ReachedError(Exception):
    """All layers were reached: what comes after them need not be computed."""


class Looking(nn.Module):
    """A network as far as the last of some layers, in evaluation mode and frozen.

    Args:
        network: of any kind.
        feed: makes of a picture, (3, height, width) from 0 to 1, what the network takes.
        layers: names of modules of it; may be none, and be chosen later.
        named: what it is, in messages.
    """

    def __init__(
        self,
        network: nn.Module,
        feed: Callable[[Tensor], Any],
        layers: Sequence[str],
        named: str,
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.named, self.layers = named, tuple(layers)
        self._feed = feed
        self._modules_by_name = dict(network.named_modules())
        for module in network.modules():
            if "inplace" in vars(module):  # else a layer's answer would become the next one's
                vars(module)["inplace"] = False

    def train(self, mode: bool = True) -> Looking:  # noqa: ARG002
        """Leaves it in evaluation mode."""
        return self

    def forward(self, picture: Tensor) -> Answers:
        """What the layers answer; of a layer that acts several times, the first time."""
        found: Answers = {}

        def note(name: str, output: Any) -> None:
            found.setdefault(name, output)
            if len(found) == len(self.layers):
                raise _ReachedError

        hooks = [
            self._modules_by_name[name].register_forward_hook(
                lambda _, __, output, name=name: note(name, output)
            )
            for name in self.layers
        ]
        try:
            self.network(self._feed(picture))
        except _ReachedError:
            pass
        finally:
            for hook in hooks:
                hook.remove()
        return {name: found[name] for name in self.layers}

    def describe_start(self) -> str:
        """What looks, as a line; "" of a base, which tells it itself."""
        if any(hasattr(part, "describe_start") for part in self.network.modules()):
            return ""
        return f"the network of {self.named} looks at the picture, at {join_names(self.layers)}"

    def require_layers(self, key: str) -> None:
        """Refuses layers that the network has not.

        Args:
            key: of the config where they are named.

        Raises:
            UsageError: with the nearest name.
        """
        known = [name for name in self._modules_by_name if name]
        for name in self.layers:
            if name not in known:
                what = f"`{key}` has `{name}`, but {self.named} has no such layer"
                more = ", ..." if known[_SHOWN:] else ""
                accepted = join_names(known[:_SHOWN]) + more
                raise UsageError(Problem(what, key, accepted, did_you_mean(name, known)))


def pretrained_looking(
    config: Config, layers: Sequence[str], device: torch.device, fold: int
) -> Looking:
    """The network of torchvision that a config names, up to the last of some of its layers.

    Raises:
        UsageError: its weights are not on this machine, or are larger than the free memory.
    """
    options = config.learner.options
    assert isinstance(options, Looks)
    if options.network is None:  # with made-up data, which need no run
        options = replace(options, network="squeezenet1_1", weights=RANDOM)
        layers = layers or [*options.known.layers][-1:]
    last = [name for name in options.known.layers if name in layers][-1]
    assert options.network is not None
    chosen = BaseOptions(
        network=options.network, weights=options.weights, upto=last, sha256=options.sha256
    )
    build = partial(Base, chosen)
    base = build_network(config, build, device, fold, "looking", init="keras")
    named = f"{options.network} ({chosen.weights or next(iter(options.known.weights))})"
    return Looking(base, lambda picture: 255 * picture[None], layers, named)
