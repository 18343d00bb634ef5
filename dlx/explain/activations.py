"""What each channel of each layer makes of a picture (Chollet, 2018, section 5.4.1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from .drawing import Numbers, Pixels, colour, enlarge, tile
from .labels import choose_labels
from .layers import Layer, choose_layer, find_layers, of_pictures, outputs_of
from .opened import Asked, Opened, Subject, UnfitError
from .pieces import Drawn, Piece

ACROSS = 16
MOST = 256
"""Channels of a layer that are drawn."""
LAYERS = 8
"""Layers that are drawn where none is named, evenly spread."""
_SIDE = 40


def explain(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """The channels of each layer, of the first subject; of every one where a layer is named."""
    layers = find_layers(opened.network, opened.inputs)
    chosen = [choose_layer(layers, asked.layer)] if asked.layer else _default(layers)
    if asked.layer and len(chosen[0].shape) != 3:
        raise UnfitError(f"layer {asked.layer} gives no pictures, but {_told(chosen[0])}")
    for subject in asked.subjects if asked.layer else asked.subjects[:1]:
        with torch.no_grad():
            found, _ = outputs_of(opened.network, subject.inputs, chosen)
        for layer, output in zip(chosen, found, strict=True):
            yield _draw(opened, asked, subject, layer, output[0].float().cpu().numpy())


def _told(layer: Layer) -> str:
    return " x ".join(map(str, layer.shape)) + " numbers"


def _default(layers: list[Layer]) -> list[Layer]:
    found = of_pictures(layers)
    if not found:
        raise UnfitError("no layer of the network gives pictures")
    places = np.linspace(0, len(found) - 1, min(LAYERS, len(found))).round().astype(int)
    return [found[place] for place in places.tolist()]


def _draw(opened: Opened, asked: Asked, subject: Subject, layer: Layer, channels: Numbers) -> Drawn:
    said = choose_labels(opened, subject, asked)[0] if opened.codecs else None
    blank = int((channels == channels[:, :1, :1]).all(axis=(1, 2)).sum())
    shown = f"the first {MOST} of {len(channels)}" if len(channels) > MOST else len(channels)
    size = " x ".join(map(str, layer.shape[1:]))
    return Drawn(
        method="activations",
        name=f"{subject.slug}-{layer.name}",
        title=f"{shown} channels of {size} after {layer.name} ({layer.kind})",
        subject=subject.title,
        layer=layer.name,
        label=said.name if said else "",
        score=said.value if said else None,
        text=f"each from its mean, 2 deviations down and up; {blank} blank: one value everywhere",
        pixels=draw_channels(channels[:MOST]),
    )


def draw_channels(channels: Numbers) -> Pixels:
    """Channels (channels, height, width) side by side, as the book draws them.

    Each less its mean, by its deviation (1 of a channel that has none), times 64, plus 128.
    """
    mean = channels.mean(axis=(1, 2), keepdims=True)
    std = channels.std(axis=(1, 2), keepdims=True)
    levels = np.clip((channels - mean) / np.where(std > 0, std, 1.0) * 64 + 128, 0, 255)
    return tile([enlarge(colour(one / 255), _SIDE) for one in levels], ACROSS)
