"""The network of an earlier run as one that looks at a picture, of whatever size that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..config.load import load_saved
from ..config.schema import Config
from ..data.columns import Column, Dense, Image
from ..data.origins import forget_files
from ..data.samples import Frame
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..files import read_json
from ..prepare import Pipeline
from ..runs.source import Source, find_source, read_weights
from ..sources.batches import make_part
from .build import build_learner
from .looking import Looking

_GREY = (0.299, 0.587, 0.114)
"""What red, green and blue add to a grey level (ITU-R BT.601)."""


def run_looking(config: Config, layers: Sequence[str], device: torch.device) -> Looking:
    """The network of the run that a config names in `from_run`, with its kept weights.

    Args:
        config: names the run.
        layers: of its network; none: its last convolution.
        device: where it is to lie.

    Raises:
        UsageError: the run is gone or has changed, or reads no pictures that any size may have.
        RunError: its weights are damaged.
    """
    source = find_source(config)
    its = load_saved(source.folder / "config.yaml", f"{source.name}/config.yaml", config.plugins)
    pipeline = Pipeline.load(source.folder, its.dataset.options.inputs)
    none = np.zeros(0, dtype=np.float32)
    targets = {name: EncodedTarget(none, codec) for name, codec in pipeline.targets.items()}
    learner = build_learner(forget_files(its), pipeline.inputs, targets, device)
    kept = {name: torch.from_numpy(one.copy()) for name, one in read_weights(source).items()}
    learner.load_weights(kept)
    network = learner.seeing
    if network is None or len(pipeline.inputs) != 1:
        raise _refuse(source, "has no network that takes a picture and nothing else")
    feed = _feed(source, pipeline, device)
    layers = layers or _last_convolution(source, network)
    return Looking(network, feed, layers, f"run {source.name}")


def _refuse(source: Source, why: str) -> UsageError:
    what = f"run {source.name} {why}"
    hint = "dlx train task=mnist model=convnet, then from_run=last"
    return UsageError(Problem(what, "from_run", "a run of a network of pictures", hint))


def _last_convolution(source: Source, network: nn.Module) -> tuple[str, ...]:
    found = [name for name, one in network.named_modules() if isinstance(one, nn.Conv2d)]
    if not found:
        raise _refuse(source, "has no convolution over pictures")
    return (found[-1],)


def _feed(
    source: Source, pipeline: Pipeline, device: torch.device
) -> Callable[[Tensor], dict[str, Tensor]]:
    """What makes of a picture, (3, height, width) from 0 to 1, what the network takes.

    Raises:
        UsageError: it takes no pictures, or each place of one in a way of its own.
    """
    ((name, described),) = pipeline.inputs.items()
    shape = described.shape
    if described.kind != "dense" or len(shape) not in (2, 3) or (shape[0] == 2 < len(shape)):
        raise _refuse(source, f"reads no pictures: its {name} has rows of another kind")
    prepared = pipeline.apply(Frame({name: _ends(source, pipeline, name, shape)}))
    batch = make_part(prepared, {}, np.arange(2), device).batch(0, 2).inputs[name]
    assert isinstance(batch, Tensor)
    ends = batch.float().reshape(2, -1, *batch.shape[-2:])
    if tuple(batch.shape[1:]) != shape or (ends != ends[..., :1, :1]).any():
        raise _refuse(source, f"prepares each place of {name} in a way of its own")
    low, high = ends[..., :1, :1]
    grey = torch.tensor(_GREY, device=device).view(3, 1, 1)

    def feed(picture: Tensor) -> dict[str, Tensor]:
        shares = picture if len(low) == 3 else (grey * picture).sum(dim=0, keepdim=True)
        numbers = low + (high - low) * shares
        return {name: numbers[None] if len(shape) == 3 else numbers}

    return feed


def _ends(source: Source, pipeline: Pipeline, name: str, shape: tuple[int, ...]) -> Column:
    """Two rows as the dataset has them: the least and the largest number everywhere."""
    if pipeline.raw[name].kind == "image":
        return Image(np.stack([np.full(shape, level, np.uint8) for level in (0, 255)]))
    low, high = _read_range(source, name)
    return Dense(np.stack([np.full(shape, level, np.float32) for level in (low, high)]))


def _read_range(source: Source, name: str) -> tuple[float, float]:
    """The least and the largest number of an input over the training rows, as the run has it."""
    try:
        columns: list[Any] = read_json(source.folder / "data.json")["profile"]["columns"]
        own = [one for one in columns if one["column"] == name]
        return min(float(one["low"]) for one in own), max(float(one["high"]) for one in own)
    except (OSError, ValueError, KeyError, TypeError):
        raise _refuse(source, f"does not say which numbers its {name} has") from None
