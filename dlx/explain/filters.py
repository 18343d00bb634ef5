"""The picture that each channel of a layer answers to most, by gradient ascent on the input.

Chollet's book (2018, 5.4.2) does so from grey with noise; nothing keeps the picture from filling
with the finest patterns. What is smoothed moves with the picture shifted at random in each step and
along a blurred gradient, so that coarse patterns come first (Olah, Mordvintsev and Schubert,
2017, https://distill.pub/2017/feature-visualization).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from ..data.columns import Image, Input
from ..data.samples import Frame
from ..interrupts import check
from ..seeds import derive
from ..sources.batches import make_part
from .drawing import Pixels, as_pixels, enlarge, tile
from .layers import Layer, choose_layer, find_layers, of_pictures, outputs_of
from .opened import Asked, Opened, UnfitError
from .pieces import Drawn, Piece

STEPS = 40
CHANNELS, MANY = 16, 64
"""Channels that are drawn of each layer where none is named, and of one that is."""
LAYERS = 6
_WORK = 100_000_000_000
"""Multiplications of a layer that was not named, about: a few seconds of a core."""
_ACROSS = 8
_BATCH = 16
_SIDE = 64
_RATE = 1 / 255
"""What a step moves a number of the input by, on average, of its range: a grey level, as there."""
_SMOOTH_RATE = 4 / 255
_NOISE = 20 / 255
_LEAK = 0.1
"""What is left of a number below zero where a ReLU leaves none, and with it no way up."""


@dataclass(frozen=True)
class Range:
    """The numbers that the input of a network can be.

    Attributes:
        name: of the input.
        shape: of a row: (height, width) or (channels, height, width).
        low: the least, of a shape that fits a row's.
        high: the largest, likewise.
    """

    name: str
    shape: tuple[int, ...]
    low: Tensor
    high: Tensor


def explain(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """The pictures of each layer, smoothed."""
    return _explain(opened, asked, "filters", smooth=True)


def explain_plain(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """The pictures of each layer, as in the book."""
    return _explain(opened, asked, "filters_plain", smooth=False)


def _explain(opened: Opened, asked: Asked, method: str, smooth: bool) -> Iterator[Piece]:
    name = opened.input_of("image")
    if len(opened.inputs) > 1:
        raise UnfitError(f"beside {name} the network reads other inputs")
    layers = find_layers(opened.network, opened.inputs)
    chosen = [choose_layer(layers, asked.layer)] if asked.layer else _default(layers)
    within = range_of(opened, name, opened.inputs[name])
    for layer in chosen:
        many = min(MANY if asked.layer else _affordable(layer), layer.shape[0])
        found = ascend(opened.network, layer, within, many, asked.seed, smooth)
        how = "smoothed" if smooth else "nothing smoothed"
        yield Drawn(
            method=method,
            name=layer.name,
            title=f"What {many} of {layer.shape[0]} {_noun(layer)} of {layer.name} answer to most",
            layer=layer.name,
            text=f"{STEPS} steps of gradient ascent from grey with noise, {how}; {layer.kind}",
            pixels=_sheet(found),
        )


def _affordable(layer: Layer) -> int:
    """How many channels are drawn of a layer that was not named: fewer of a costly network."""
    return max(2, min(CHANNELS, _WORK // max(1, 3 * STEPS * layer.work)))


def _noun(layer: Layer) -> str:
    return "channels" if len(layer.shape) > 1 else "units"


def _default(layers: list[Layer]) -> list[Layer]:
    """Convolutions, evenly spread; of a network without one its hidden layers."""
    found = [one for one in of_pictures(layers) if one.convolution]
    found = found or [one for one in layers if len(one.shape) == 1 and "Linear" in one.kind]
    if not found:
        raise UnfitError("the network has no layer whose channels could be followed")
    places = np.linspace(0, len(found) - 1, min(LAYERS, len(found))).round().astype(int)
    return [found[place] for place in places.tolist()]


def range_of(opened: Opened, name: str, described: Input) -> Range:
    """The numbers of an input: of black and white, or the least and largest of training rows."""
    raw = opened.pipeline.raw[name]
    shape = described.shape
    if raw.kind == "image":
        ends = Image(np.stack([np.full(shape, level, np.uint8) for level in (0, 255)]))
        if ends.holds != raw.holds:
            raise UnfitError(f"the network reads features of {name}, no {raw.holds}")
        prepared = opened.pipeline.apply(Frame({name: ends}))
        found = make_part(prepared, {}, np.arange(2), opened.device).batch(0, 2).inputs[name]
        assert isinstance(found, Tensor)
        return Range(name, shape, found[0].float(), found[1].float())
    batch = opened.fold.train.batch(0, min(len(opened.fold.train), 1000)).inputs[name]
    assert isinstance(batch, Tensor)
    return Range(name, shape, batch.min().float(), batch.max().float())


def ascend(
    network: nn.Module, layer: Layer, within: Range, many: int, seed: int, smooth: bool
) -> Tensor:
    """The inputs that the first channels of a layer answer to most.

    Args:
        network: in evaluation mode.
        layer: one of its layers; raised is the mean of a channel over its places, with a
            leak in the place of a ReLU.
        within: what the input can be.
        many: how many channels.
        seed: of the noise and the shifts.
        smooth: whether gradients are blurred and the picture is shifted in each step.

    Returns:
        Numbers from 0, the least, to 1, (channels, ...) as rows of the input are.
    """
    found = []
    for first in range(0, many, _BATCH):
        check()
        channels = torch.arange(first, min(first + _BATCH, many))
        found.append(_ascend(network, layer, within, channels, seed, smooth))
    return torch.cat(found)


def _ascend(
    network: nn.Module, layer: Layer, within: Range, channels: Tensor, seed: int, smooth: bool
) -> Tensor:
    generator = torch.Generator().manual_seed(derive(seed, "explain", layer.name, int(channels[0])))
    noise = torch.rand(len(channels), *within.shape, generator=generator)
    picture = (0.5 + _NOISE * (noise - 0.5 if smooth else noise)).to(within.low.device)
    for step in range(STEPS):
        shift = _shift(within.shape, generator) if smooth else None
        moved = picture if shift is None else picture.roll(shift, _sides(within.shape))
        slope = _slope(network, layer, within, moved, channels)
        if shift is not None:
            slope = slope.roll([-one for one in shift], _sides(within.shape))
            slope = _blur(slope, within.shape, 2.0 * (1 - step / STEPS) + 0.5)
        size = slope.square().flatten(1).mean(dim=1).sqrt().view(-1, *[1] * len(within.shape))
        picture = picture + (_SMOOTH_RATE if smooth else _RATE) * slope / (size + 1e-5)
        picture = picture.clamp(0, 1) if smooth else picture
    return picture


def _slope(
    network: nn.Module, layer: Layer, within: Range, picture: Tensor, channels: Tensor
) -> Tensor:
    """How the mean of each row's own channel grows with the row, in shares of the range."""
    bare = layer.before_activation()
    with torch.enable_grad():
        shares = picture.detach().requires_grad_()
        rows = within.low + (within.high - within.low) * shares
        (output,), _ = outputs_of(network, {within.name: rows}, [bare], whole=False)
        if layer.cuts:
            output = F.leaky_relu(output, _LEAK)
        means = output.flatten(2).mean(dim=2) if output.ndim > 2 else output
        own = means[torch.arange(len(channels)), channels.to(means.device)]
        (slope,) = torch.autograd.grad(own.sum(), shares)
    return slope


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """The axes of height and width in a batch of rows."""
    return (len(shape) - 1, len(shape))


def _shift(shape: tuple[int, ...], generator: torch.Generator) -> list[int]:
    """How far a picture is shifted down and across, an eighth of its side at most."""
    sides = [shape[axis - 1] for axis in _sides(shape)]
    most = [max(0, side // 16) for side in sides]
    return [int(torch.randint(-one, one + 1, (1,), generator=generator)) for one in most]


def _blur(slope: Tensor, shape: tuple[int, ...], width: float) -> Tensor:
    """A Gaussian mean of so many pixels' width; narrower in a small picture."""
    down, across = _sides(shape)
    width = width * min(1.0, min(slope.shape[down], slope.shape[across]) / 64)
    if width < 0.3:
        return slope
    reach = math.ceil(2.5 * width)
    places = torch.arange(-reach, reach + 1, dtype=slope.dtype, device=slope.device)
    kernel = (-places.square() / (2 * width**2)).exp()
    kernel = kernel / kernel.sum()
    for axis in (down, across):
        moved = slope.movedim(axis, -1)
        flat = moved.reshape(-1, 1, moved.shape[-1])
        mode = "reflect" if reach < flat.shape[-1] else "constant"
        flat = F.conv1d(F.pad(flat, (reach, reach), mode=mode), kernel.view(1, 1, -1))
        slope = flat.view(moved.shape).movedim(-1, axis)
    return slope


def _sheet(found: Tensor) -> Pixels:
    """The pictures side by side, each about its mean as the book shows them."""
    shown = []
    for one in found.cpu().numpy().astype(np.float64):
        spread = 0.1 * (one - one.mean()) / (one.std() + 1e-5) + 0.5
        levels = np.rint(np.clip(spread, 0, 1) * 255).astype(np.uint8)
        shown.append(enlarge(as_pixels(levels), _SIDE))
    return tile(shown, _ACROSS)
