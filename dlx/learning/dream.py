"""DeepDream: a picture changes until layers of a network answer to it more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from ..config.schema import Config
from ..config.specs.dreams import Dream as Options
from ..config.specs.dreams import counted
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..judging.evaluation import Evaluation, Kind
from ..optimizers.named import Optimizers
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch
from ..sources.fold import FoldData
from ..sources.source import Source
from ..state import State
from . import picture as pictures
from .learner import Learner
from .looking import Answers, Looking
from .looks import describe_looking, look_with, require_gradients, require_places
from .meters import Meters
from .picture import Picture, Size

IMAGE = "image"


class Dream(Learner):
    """Gradient ascent on a picture, from a small size to its own (Mordvintsev and others, 2015).

    As in Chollet's book (2018, 8.2): the objective is the weighted mean square of what layers
    answer; the gradient is divided by its mean absolute value; and after each size but the first,
    the picture gets back what the original lost when it was shrunk. An epoch is such a size
    (octave); an epoch after the last has the picture's own once more. The optimizer begins anew
    with each, as its numbers are of other pixels.

    Where `stop_above` is given, the step that finds the objective above it is taken back, and ends
    the octave.

    Args:
        config: names network, layers and octaves.
        picture: in the first size.
        looking: the network.
        size: of the picture itself.
    """

    def __init__(self, config: Config, picture: Picture, looking: Looking, size: Size) -> None:
        super().__init__(config, {"picture": picture})
        options = config.learner.options
        assert isinstance(options, Options)
        self.options, self.picture, self.size = options, picture, size
        self.beside["looking"] = self.looking = looking
        self.weights = counted(options.layers) or dict.fromkeys(looking.layers, 1.0)
        self.sizes = octaves_of(options, size)
        self._original = picture.pixels.detach()
        self._epoch, self._ended, self._fresh = -1, False, False

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """A picture of noise, which gives way to the given one where that is asked for."""
        options = config.learner.options
        looking = look_with(config, "learner.layers", tuple(counted(options.layers)), device, fold)
        size = inputs[IMAGE].shape[1], inputs[IMAGE].shape[2]
        sizes = octaves_of(options, size)
        told = [f"octave {at} of {len(sizes)}" for at in range(1, len(sizes) + 1)]
        places = dict(zip(told, sizes, strict=True)) if len(sizes) > 1 else {"the picture": size}
        require_places(looking, places, device, "learner.octaves")
        noise = pictures.draw_noise(config.seed, "init", sizes[0], device)
        return cls(config, Picture(noise), looking, size)

    def describe_run(self) -> dict[str, Any] | None:
        """The run whose network looks."""
        return describe_looking(self.config, self.looking)

    def source(self, fold: FoldData, number: int) -> Source:  # noqa: ARG002
        """The picture, in each step of an octave.

        Raises:
            UsageError: a layer has no gradient to the picture.
        """
        self._take(fold)
        require_gradients(self.looking, self._original, "learner.layers")
        steps = self.config.trainer.steps_per_epoch or 1
        return pictures.PictureSource(fold.train, steps, self._begin, lambda: self._ended)

    def _take(self, fold: FoldData) -> None:
        """Takes the picture that is given."""
        batch = fold.train.batch(0, 1)
        self._original = pictures.read_picture(batch, IMAGE)

    def _start(self) -> Tensor:
        """What the dream begins with, in the picture's own size."""
        if self.options.start == "picture":
            return self._original
        return pictures.draw_noise(self.config.seed, "start", self.size, self._original.device)

    def _begin(self, epoch: int) -> None:
        """Gives the picture the size of an epoch's octave, where it has not begun yet."""
        if epoch == self._epoch:
            return
        octave = min(epoch, len(self.sizes))
        before = self.shown() if epoch else self._start()
        self.picture.become(pictures.resize(before, self._size_of(octave)), octave)
        self._epoch, self._ended, self._fresh = epoch, False, True

    def _size_of(self, octave: int) -> Size:
        return self.sizes[min(octave, len(self.sizes) - 1)]

    def shown(self) -> Tensor:
        """The picture with what the original lost when it was shrunk to the octave before."""
        octave = int(self.picture.octave)
        size, moved = self._size_of(octave), self.picture.pixels.detach()
        start = self._start()
        if octave == 0 or self._size_of(octave - 1) == size:
            return moved
        shrunk = pictures.resize(start, self._size_of(octave - 1))
        return moved + pictures.resize(start, size) - pictures.resize(shrunk, size)

    def losses(self, batch: Batch) -> dict[str, Tensor]:  # noqa: ARG002 - the picture is its own
        """The objective, negative, and as it is."""
        pixels = self.picture.pixels
        if self.options.normalise:
            pixels = _Normalise.apply(pixels)
        objective = self._objective(self.looking(pixels))
        return {"loss": -objective, "objective": objective}

    def _objective(self, answers: Answers) -> Tensor:
        parts = []
        for name, weight in self.weights.items():
            found = answers[name]
            border = min(self.options.border, (min(found.shape[2:]) - 1) // 2)
            inner = found[..., border:-border, border:-border] if border else found
            parts.append(weight * inner.square().sum() / found.numel())
        return torch.stack(parts).sum()

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the picture once; not at all where the objective is above the end of an octave."""
        told: list[dict[str, Tensor]] = []
        if self._fresh:
            optimizers.forget("picture")
            self._fresh = False
        before = self.picture.pixels.detach().clone()

        def closure(micro: Batch) -> dict[str, Tensor]:
            losses = self.losses(micro)
            if not optimizers.again:
                told.append(losses)
            return losses

        optimizers.step("picture", batch, closure)
        limit = self.options.stop_above
        if limit is not None and float(told[-1]["objective"].detach()) > limit:
            self.picture.become(before, int(self.picture.octave))
            self._ended = True
        elif self.options.clip:
            self.picture.become(self.picture.pixels.clamp(0, 1), int(self.picture.octave))
        meters.update(batch, told[-1], {})

    def validate(self, fold: FoldData) -> dict[str, float]:
        """The objective of the picture as it can be shown."""
        self._take(fold)
        return {"picture/objective": float(self._measure(self.shown()))}

    @torch.no_grad()
    def _measure(self, picture: Tensor) -> Tensor:
        return self._objective(self.looking(pictures.as_shown(picture)))

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The objective, beside those of the picture that was given, and of noise."""
        self._take(fold)
        noise = pictures.draw_noise(self.config.seed, "noise", self.size, self._original.device)
        others: dict[str, tuple[Kind, Tensor]] = {
            "picture as given": ("start", self._measure(self._original)),
            "noise": ("noise", self._measure(noise)),
        }
        own = self._measure(self.shown())
        return [pictures.judge_picture(f"{part}/objective", "max", own, others)]

    def artifacts(self, into: Artifacts, when: str) -> None:
        """The picture after each octave, and at the end with a film of them."""
        octave = min(int(self.picture.octave), len(self.sizes) - 1)
        height, width = self._size_of(octave)
        told = f"octave {octave + 1} of {len(self.sizes)}, {height} x {width}, shown in one size"
        pictures.leave_picture(into, self.shown(), self.size, told)
        if when == "end":
            given = pictures.as_image(self._original)[None]
            into.pictures("given", given, title="Picture as given")

    def state(self) -> State:
        """The picture, its octave, and whether that has ended."""
        return State(dict(self.module.state_dict()), {"epoch": self._epoch, "ended": self._ended})

    def restore(self, state: State) -> None:
        """Puts back what `state` gave."""
        self.load_weights(state.tensors)
        self._epoch, self._ended = state.facts["epoch"], state.facts["ended"]
        self._fresh = False

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Takes a picture of any octave."""
        self.picture.take(weights)


def octaves_of(options: Options, size: Size) -> list[Size]:
    """The sizes of a picture, from the smallest to its own."""
    shares = [options.octave_scale**-step for step in reversed(range(options.octaves))]
    return [(max(1, int(size[0] * one)), max(1, int(size[1] * one))) for one in shares]


class _Normalise(torch.autograd.Function):
    """The same numbers, with a gradient whose mean absolute value is 1 (Chollet, 2018, 8.2)."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor) -> Tensor:  # noqa: ARG004
        return pixels.view_as(pixels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        (gradient,) = gradients
        return gradient / gradient.abs().mean().clamp(min=1e-7)
