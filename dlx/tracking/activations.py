"""What each layer gives for some validation rows, after each epoch (Chollet, 2018, section 7.2.1).

The book's example of a callback of one's own. What it keeps are artifacts of the training: a
replay makes them again, and `dlx reproduce` compares them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.specs import callbacks as specs
from ..running.callbacks import RunCallback
from ..running.ending import warn_on_failure
from ..running.stage import Stage
from ..seeds import derive
from ..sources.batches import Part
from ..training.training import Training

CHANNELS = 64
"""Channels of a layer that are drawn."""
SIDE = 96
"""Pixels of a side that a small picture is enlarged to, about; several are a third of it."""

Numbers = npt.NDArray[np.float32]


class Activations(RunCallback):
    """Keeps what every layer gives for the first validation rows: as arrays, and as pictures."""

    def __init__(self, options: specs.Activations, monitor: str, direction: str) -> None:  # noqa: ARG002
        self._options = options
        self._stage: Stage | None = None
        self._rows: Part | None = None

    def on_stage_start(self, stage: Stage) -> None:
        """Takes the rows."""
        self._stage = stage
        part = stage.fold.validation
        if part is not None:  # the checks of a config see to it that there are some
            many = min(self._options.samples, len(part))
            self._rows = part.take(torch.arange(many, device=part.numbers.device))

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:  # noqa: ARG002
        """Runs the rows through the network as it validates, and keeps what layers gave."""
        epoch, stage = training.progress.epoch, self._stage
        due = epoch % self._options.every == 0
        if stage is None or stage.folder is None or self._rows is None or not due:
            return
        with warn_on_failure(stage, f"not every activation of epoch {epoch} is written"):
            seed = derive(stage.config.seed, "activations", stage.number, epoch)
            found = activations_of(training, self._rows, seed)
            self._keep(stage, found, epoch)

    def _keep(self, stage: Stage, found: Mapping[str, Numbers], epoch: int) -> None:
        assert self._rows is not None
        rows = ", ".join(str(int(row)) for row in self._rows.numbers.tolist())
        told = f"what each layer gives for validation row {rows} of the dataset"
        about: Any = {"title": "Activations", "caption": told, "epoch": epoch}
        stage.artifacts.arrays("activations", found, **about)
        if not self._options.pictures:
            return
        for place, (name, values) in enumerate(found.items()):
            about = {"title": f"Layer {name}", "caption": "each channel over its own range"}
            pictures = draw(values[0])
            stage.artifacts.pictures(f"layer_{place}", pictures, **about, epoch=epoch)


def activations_of(training: Training, rows: Part, seed: int = 0) -> dict[str, Numbers]:
    """What all layers that hold no others give for some rows, in the order in which they act.

    Args:
        training: its networks stand as they validate; they are left as they are.
        rows: few enough for one batch.
        seed: of what a learner draws, as noise that samples are made of.
    """
    found: dict[str, Numbers] = {}

    def note(name: str, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if isinstance(first, Tensor):
            again = sum(one.partition("#")[0] == name for one in found)
            key = f"{name}#{again + 1}" if again else name
            found[key] = first.detach().float().cpu().numpy().copy()

    named = training.model.named_modules()
    layers = {name: one for name, one in named if name and not [*one.children()]}
    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: note(name, output))
        for name, layer in layers.items()
    ]
    try:
        with _as_validated(training, seed), training.optimizers.precision():
            training.learner.losses(next(rows.in_order(len(rows))))
    finally:
        for hook in hooks:
            hook.remove()
    return found


@contextmanager
def _as_validated(training: Training, seed: int) -> Iterator[None]:
    """Dropout off, nothing recorded, draws of their own; modes and random numbers are put back."""
    modes = [(module, module.training) for module in training.model.modules()]
    device = training.device
    with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # not as the last step left it, which one gone on with may not know
        training.model.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


def draw(values: Numbers) -> Numbers:
    """What a layer gives for a row as grey images (images, 1, height, width), from 0 to 1.

    Args:
        values: (channels, height, width): an image a channel; (steps, features): one image;
            (features,): one image, its numbers in rows from left to right.
    """
    if values.ndim == 1:
        wide = math.ceil(math.sqrt(len(values)))
        filled = np.full(math.ceil(len(values) / wide) * wide, values.min(), dtype=np.float32)
        filled[: len(values)] = values
        images = filled.reshape(1, -1, wide)
    else:
        images = values.reshape(-1, *values.shape[-2:])[:CHANNELS]
    low, high = images.min((1, 2), keepdims=True), images.max((1, 2), keepdims=True)
    scaled = (images - low) / np.where(high > low, high - low, 1)
    zoom = max(
        1, SIDE // max(images.shape[1:]) if len(images) == 1 else 32 // max(images.shape[1:])
    )
    larger: Numbers = scaled.repeat(zoom, 1).repeat(zoom, 2)[:, None]
    return larger
