"""Where a picture speaks for its class: Grad-CAM (Selvaraju and others, 2017, arXiv:1610.02391)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from ..sources.batches import Inputs
from .drawing import Numbers, Pixels, colour, enlarge, resize, tile
from .labels import Label, choose_labels
from .layers import Layer, choose_layer, copy_numbers, find_layers, last_convolution, outputs_of
from .opened import Asked, Opened, Subject, UnfitError
from .pieces import Drawn, Piece
from .subjects import picture_of

_SIDE = 200
_OVER = 0.4
"""How much of the heat's colours is added to the picture, as in Chollet's book (5.4.3)."""


def explain(opened: Opened, asked: Asked) -> Iterator[Piece]:
    """The picture, its heat, and the heat over the picture, of each subject and target."""
    name = opened.input_of("image")
    layers = find_layers(opened.network, opened.inputs)
    layer = choose_layer(layers, asked.layer) if asked.layer else last_convolution(layers)
    if len(layer.shape) != 3:
        raise UnfitError(f"layer {layer.name} gives no channels of height and width")
    for subject in asked.subjects:
        for label in choose_labels(opened, subject, asked):
            heat = heat_of(opened.network, subject.inputs, layer, label)[0].cpu().numpy()
            yield _draw(opened, subject, name, layer, label, heat)


def heat_of(network: nn.Module, inputs: Inputs, layer: Layer, label: Label) -> Tensor:
    """How much each place of a layer speaks for a score.

    Each channel counts by the mean of the score's gradient over its places; what speaks against is
    cut off, and the largest is 1 (all are 0 where nothing speaks for it).

    Args:
        network: in evaluation mode.
        inputs: by name.
        layer: gives channels of height and width.
        label: the score.

    Returns:
        Numbers of shape (rows, height, width).
    """
    with torch.enable_grad():
        (channels,), logits = outputs_of(network, copy_numbers(inputs), [layer])
        (slope,) = torch.autograd.grad(label.of(logits).sum(), channels)
    channels = channels.detach()
    heat = (slope.mean(dim=(2, 3), keepdim=True) * channels).sum(dim=1).clamp(min=0)
    largest = heat.amax(dim=(1, 2), keepdim=True)
    return heat / torch.where(largest > 0, largest, 1.0)


def _draw(
    opened: Opened, subject: Subject, name: str, layer: Layer, label: Label, heat: Numbers
) -> Drawn:
    truth = subject.truth.get(label.target, "")
    places = " x ".join(map(str, heat.shape))
    return Drawn(
        method="gradcam",
        name=f"{subject.slug}-{label.name}",
        title=f"Grad-CAM of {label.name} at {layer.name}, {places} places",
        subject=subject.title,
        layer=layer.name,
        label=label.name,
        score=label.value,
        text=f"in truth {truth}" if truth else "",
        pixels=draw_heat(picture_of(opened, subject, name), heat),
    )


def draw_heat(picture: Pixels, heat: Numbers) -> Pixels:
    """The picture, the heat alone, and the heat over the picture."""
    picture = enlarge(picture, _SIDE)
    colours = colour(resize(heat, *picture.shape[:2]), "jet")
    over = picture.astype(np.float64) + _OVER * colours
    over = over / max(255.0, float(over.max())) * 255
    return tile([picture, colours, np.rint(over).astype(np.uint8)], 3)
