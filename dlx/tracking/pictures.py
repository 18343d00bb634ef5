"""What can be seen of a training: input images, filters, and rows for the projector.

Shapes: N rows, C channels, H height, W width. Images are (N, C, H, W) with C 1 or 3, from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..config.specs.prepare import Tokenize
from ..data.columns import Rows
from ..data.samples import Samples
from ..models.modules import MultiHotLinear
from ..models.network import Network
from ..prepare.texts import id_words
from ..running.stage import Stage
from ..sources.batches import Part

WIDEST = 256
"""Pixels of the side of an image that is shown."""
_SPRITE = 32
_SHEET = 2048
"""Pixels of the side of a sheet of small images: the projector takes up to 8192."""


@dataclass(frozen=True)
class Cloud:
    """Rows for the projector.

    Attributes:
        name: what they are.
        rows: (N, F).
        header: names of the labels.
        labels: those of each row.
        images: small images of the rows, None where there are none.
    """

    name: str
    rows: Tensor
    header: list[str]
    labels: list[list[str]]
    images: Tensor | None = None


def choose_rows(stage: Stage, many: int) -> tuple[Part, Rows]:
    """Some samples, evenly spread, and their rows in the dataset: of validation, else of training.

    The test part is never among them, but where it validates.
    """
    part = stage.fold.train if stage.fold.validation is None else stage.fold.validation
    places = np.linspace(0, len(part) - 1, min(many, len(part))).round().astype(np.int64)
    shown = part.take(torch.from_numpy(places).to(part.numbers.device))
    return shown, shown.numbers.cpu().numpy()


def input_images(samples: Samples, rows: Rows) -> dict[str, Tensor]:
    """The inputs that are images, as they were read, scaled to what all of them hold."""
    found = {}
    for name in samples.inputs:
        column = samples.columns[name]
        if name in samples.features or not len(rows) or column.show(int(rows[0])).kind != "image":
            continue
        pixels = np.stack([column.show(row).content for row in rows.tolist()])
        if max(pixels.shape[2:]) <= WIDEST:
            found[name] = _scale(_colour(torch.from_numpy(pixels.astype(np.float32))))
    return found


def filters(model: nn.Module, many: int) -> Tensor | None:
    """The first filters of the first convolution over images, each scaled to its own range."""
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        return None
    weight = _colour(first.weight.detach()[:many].float().cpu())
    flat = weight.flatten(1)
    low, high = flat.amin(1).view(-1, 1, 1, 1), flat.amax(1).view(-1, 1, 1, 1)
    return (weight - low) / torch.where(high > low, high - low, torch.ones_like(high))


def frame(images: Tensor, side: int = 64) -> Tensor:
    """Images at about this many pixels a side, each with a dark edge, as a sheet needs them."""
    zoom = max(1, side // max(images.shape[2:]))
    larger = images.repeat_interleave(zoom, 2).repeat_interleave(zoom, 3)
    return nn.functional.pad(larger, (1, 1, 1, 1), value=0.25)


def _colour(values: Tensor) -> Tensor:
    """One channel or three: the mean of others."""
    return values if values.shape[1] in (1, 3) else values.mean(1, keepdim=True)


def _scale(values: Tensor) -> Tensor:
    low, high = float(values.min()), float(values.max())
    return (values - low) / ((high - low) or 1.0)


def clouds(stage: Stage, many: int) -> Iterator[Cloud]:
    """What the projector shows: the last hidden layer's outputs, and the vectors of words or ids.

    Args:
        stage: a training.
        many: rows at most.
    """
    part, rows = choose_rows(stage, many)
    hidden = _compute_hidden(stage.training.model, part)
    if hidden is not None:
        header, labels = _labels(stage, rows)
        yield Cloud("hidden", hidden, header, labels, _sprites(stage.data.samples, rows))
    for name, module in stage.training.model.named_modules():
        if isinstance(module, (nn.Embedding, MultiHotLinear)):
            vectors = module.weight.detach()[:many].float().cpu()
            if vectors.shape[1] > 1:  # a single number is no place in space
                words = _words(stage, len(vectors))
                yield Cloud(name.replace(".", "-"), vectors, ["word", "id"], words)


@torch.no_grad()
def _compute_hidden(model: nn.Module, part: Part) -> Tensor | None:
    """The last hidden layer's outputs, dropout off; None for a model without hidden layers."""
    if not isinstance(model, Network):
        return None
    if all(isinstance(one, (nn.Sequential, nn.ModuleDict)) for one in model.layers.modules()):
        return None
    training = model.training
    model.eval()
    try:
        found = [next(iter(model.hidden(b.inputs).values())) for b in part.in_order(1024)]
    finally:
        model.train(training)
    return torch.cat([one.float().cpu() for one in found]).flatten(1)


def _labels(stage: Stage, rows: Rows) -> tuple[list[str], list[list[str]]]:
    """The true answer of each row to each target, and its number in the dataset."""
    targets = stage.data.targets.values()
    columns = [target.codec.texts(target.values[rows]) for target in targets]
    columns.append([str(int(row)) for row in rows])
    labels = [[_cell(one) for one in labels] for labels in zip(*columns, strict=True)]
    return [*map(_cell, stage.data.targets), "row"], labels


def _words(stage: Stage, many: int) -> list[list[str]]:
    """The word of each id, where the data or the preparation know words; and the id."""
    known = next((words for words in stage.data.samples.words.values()), ())
    for step in stage.fold.pipeline.steps:
        if step.name == "tokenize":
            known = id_words(step.state["words"], Tokenize(**step.options).first)
    return [[_cell(known[i] if i < len(known) else str(i)), str(i)] for i in range(many)]


def _sprites(samples: Samples, rows: Rows) -> Tensor | None:
    """A small image of each row, where there is an input of images and a sheet has room."""
    images = next(iter(input_images(samples, rows).values()), None)
    if images is None:
        return None
    side = max(images.shape[2:])
    images = nn.functional.pad(images, (0, side - images.shape[3], 0, side - images.shape[2]))
    most = min(_SPRITE, _SHEET // max(1, int(np.ceil(len(rows) ** 0.5))))
    return nn.functional.interpolate(images, size=most) if side > most else images


def _cell(text: str) -> str:
    """A text that stays in its cell of a table."""
    return " ".join(text.split()) or "(empty)"
