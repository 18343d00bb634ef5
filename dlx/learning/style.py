"""Style transfer: a picture gets the contents of one picture and the style of another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor

from ..config.schema import Config
from ..config.specs.dreams import Style as Options
from ..config.specs.dreams import counted
from ..data.columns import Input
from ..data.targets import EncodedTarget
from ..judging.evaluation import Evaluation, Kind
from ..optimizers.named import Optimizers
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch
from ..sources.fold import FoldData
from ..sources.source import Source
from . import picture as pictures
from .learner import Learner
from .looking import Looking
from .looks import describe_looking, look_with, require_gradients, require_places
from .meters import Meters
from .picture import Picture

CONTENT, STYLE = "content", "style"
_LEAST = 1e-12
"""Of what a share is taken: a picture may be of one colour."""


class Style(Learner):
    """Style transfer by gradients on the pixels (Gatys, Ecker and Bethge, 2015, arXiv:1508.06576).

    The loss has three parts, each with its weight: the squared distance of what layers answer from
    what they answer to the content; that of their Gram matrices (how channels go together, over
    all places) from those of the style; and the total variation. In the units of Chollet's book
    (2018, 8.3) these are sums; else each is a share of what the targets have, so that one set of
    weights fits any network: 1 is a picture to which the layers answer nothing.

    An epoch is a round. Pictures of content and style may have other shapes.

    Args:
        config: names network, layers and weights.
        picture: of the content's size.
        looking: the network.
    """

    def __init__(self, config: Config, picture: Picture, looking: Looking) -> None:
        super().__init__(config, {"picture": picture})
        options = config.learner.options
        assert isinstance(options, Options)
        self.options, self.picture = options, picture
        self.beside["looking"] = self.looking = looking
        self.size = pictures.size_of(picture.pixels)
        self._content = self._style = picture.pixels.detach()
        self.parts = {CONTENT: counted(options.content), STYLE: counted(options.style)}
        self._answers: dict[str, Tensor] = {}
        self._grams: dict[str, Tensor] = {}
        self._fold: FoldData | None = None

    @classmethod
    def build(
        cls,
        config: Config,
        inputs: Mapping[str, Input],
        targets: Mapping[str, EncodedTarget],  # noqa: ARG003 - it has none
        device: torch.device,
        fold: int = 0,
    ) -> Self:
        """A picture of noise, which gives way to the content where that is asked for."""
        options = config.learner.options
        layers = dict.fromkeys([*counted(options.content), *counted(options.style)])
        looking = look_with(config, "learner.style", tuple(layers), device, fold)
        sizes = {name: inputs[name].shape[1:] for name in (CONTENT, STYLE)}
        named = {f"the picture of the {name}": (s[0], s[1]) for name, s in sizes.items()}
        require_places(looking, named, device, "dataset.size")
        height, width = sizes[CONTENT]
        noise = pictures.draw_noise(config.seed, "init", (height, width), device)
        return cls(config, Picture(noise), looking)

    def describe_run(self) -> dict[str, Any] | None:
        """The run whose network looks."""
        return describe_looking(self.config, self.looking)

    def source(self, fold: FoldData, number: int) -> Source:  # noqa: ARG002
        """Both pictures, in each step of a round.

        Raises:
            UsageError: a layer has no gradient to the picture.
        """
        self._take(fold)
        require_gradients(self.looking, self._content, "learner.style")
        if self.options.start == "content":
            self.picture.become(self._content)
        return pictures.PictureSource(fold.train, self.config.trainer.steps_per_epoch or 1)

    @torch.no_grad()
    def _take(self, fold: FoldData) -> None:
        """Takes the pictures that are given, and what is to be seen of them."""
        if self._fold is fold:
            return
        self._fold, batch = fold, fold.train.batch(0, 1)
        self._content = pictures.read_picture(batch, CONTENT)
        self._style = pictures.read_picture(batch, STYLE)
        answers = self.looking(self._content)
        self._answers = {name: answers[name] for name in self.parts[CONTENT]}
        answers = self.looking(self._style)
        self._grams = {name: gram(answers[name]) for name in self.parts[STYLE]}

    def losses(self, batch: Batch) -> dict[str, Tensor]:  # noqa: ARG002 - the picture is its own
        """The loss, and its weighted parts."""
        pixels = self.picture.pixels
        return self._losses_of(pixels.clamp(0, 1) if self.options.clip else pixels)

    def _losses_of(self, picture: Tensor) -> dict[str, Tensor]:
        answers = self.looking(picture)
        content = [w * self._miss(answers[n], n) for n, w in self.parts[CONTENT].items()]
        style = [w * self._misfit(answers[n], n) for n, w in self.parts[STYLE].items()]
        parts = {
            "content": torch.stack(content).sum(),
            "style": torch.stack(style).sum(),
            "variation": self.options.variation * self._vary(picture),
        }
        return {"loss": torch.stack([*parts.values()]).sum(), **parts}

    def _miss(self, found: Tensor, name: str) -> Tensor:
        """How far a layer's answer is from that to the content."""
        wanted = self._answers[name]
        far = (found - wanted).square().sum()
        return far if self.options.units == "book" else far / _floor(wanted.square().sum())

    def _misfit(self, found: Tensor, name: str) -> Tensor:
        """How far a layer's Gram matrix is from that of the style."""
        wanted = self._grams[name]
        far = (gram(found) - wanted).square().sum()
        if self.options.units != "book":
            return far / _floor(wanted.square().sum())
        places, pixels = found.shape[2] * found.shape[3], self.size[0] * self.size[1]
        return far * (places / pixels) ** 2 / 36  # of sums over places: / (4 * 9 * pixels^2)

    def _vary(self, picture: Tensor) -> Tensor:
        """How much neighbours differ."""
        power = self.options.power
        if self.options.units == "book":
            return variation(255 * picture, power)
        return variation(picture, power) / _floor(variation(self._content, power))

    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        """Moves the picture once."""
        told: list[dict[str, Tensor]] = []

        def closure(micro: Batch) -> dict[str, Tensor]:
            losses = self.losses(micro)
            if not optimizers.again:
                told.append(losses)
            return losses

        optimizers.step("picture", batch, closure)
        meters.update(batch, told[-1], {})

    def validate(self, fold: FoldData) -> dict[str, float]:
        """The loss and its parts of the picture as it can be shown."""
        self._take(fold)
        found = self._measure(self.picture.pixels)
        return {f"picture/{name}": float(value) for name, value in found.items()}

    @torch.no_grad()
    def _measure(self, picture: Tensor) -> dict[str, Tensor]:
        return self._losses_of(pictures.as_shown(picture))

    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        """The loss and its parts, beside those of the content, and of noise."""
        self._take(fold)
        noise = pictures.draw_noise(self.config.seed, "noise", self.size, self._content.device)
        named: dict[str, tuple[Kind, Tensor]] = {
            "content as given": ("start", self._content),
            "noise": ("noise", noise),
        }
        others = {name: (kind, self._measure(one)) for name, (kind, one) in named.items()}
        found = []
        for name, own in self._measure(self.picture.pixels).items():
            beside = {other: (kind, losses[name]) for other, (kind, losses) in others.items()}
            found.append(pictures.judge_picture(f"{part}/{name}", "min", own, beside))
        return found

    def artifacts(self, into: Artifacts, when: str) -> None:
        """The picture after each round, and at the end with a film of them."""
        pictures.leave_picture(into, self.picture.pixels, self.size, "after a round")
        if when == "end" and self._fold is not None:
            given = {"content": self._content, "style": self._style}
            for name, one in given.items():
                title = f"Picture of the {name}"
                into.pictures(f"given_{name}", pictures.as_image(one)[None], title=title)

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Takes a picture."""
        self.picture.take(weights)


def gram(answers: Tensor) -> Tensor:
    """How the channels of a layer go together: the mean of their products over all places.

    Args:
        answers: (1, channels, height, width).

    Returns:
        (channels, channels).
    """
    rows = answers[0].flatten(1)
    return rows @ rows.T / rows.shape[1]


def variation(picture: Tensor, power: float) -> Tensor:
    """The sum over places of squared differences to the neighbours below and to the right.

    Args:
        picture: (3, height, width).
        power: to which the sum of both squares is raised at each place.
    """
    here = picture[:, :-1, :-1]
    squares = (here - picture[:, 1:, :-1]).square() + (here - picture[:, :-1, 1:]).square()
    return squares.pow(power).sum()


def _floor(size: Tensor) -> Tensor:
    return size.clamp(min=_LEAST)
