"""Networks that were trained on other pictures, as the base of a model. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from ...errors import Problem, UsageError
from ..fields import Chosen, option
from ..files import Path, Where
from ..names import did_you_mean, join_names
from ..shapes import Place, Shape, keep_possible, shape_of
from .graphs import locate
from .layers import LAYERS, follow, take_vector
from .model import Common
from .networks import Name, Network, Weights, networks, scale_of
from .nodes import Known

RANDOM = "random"
KEPT = "kept"
"""In the place of a digest: the weights come out of a run folder, and no file is read."""
FILES = (".pth", ".pt", ".safetensors")
"""How the name of a file of weights ends."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """A network of torchvision without its classifier, and the weights that it starts from."""

    network: Name = option(
        help="network of torchvision, used without its classifier", example="squeezenet1_1"
    )
    weights: str = option(
        "",
        "what it starts from: the name of weights (IMAGENET1K_V1), a file with torchvision's names "
        "(.pth, .safetensors), or random; empty: those that torchvision recommends",
        path=True,
    )
    upto: str = option("", "its last layer that is used (features.8, layer3); empty: all")
    sha256: str = option("", "digest of the file of weights, which dlx fills in and holds it to")

    @property
    def reads_file(self) -> bool:
        """Whether its weights are in a file."""
        return bool(self.network) and self.weights != RANDOM

    @property
    def known(self) -> Network:
        """What is known of the network."""
        return networks()[self.network]

    @property
    def is_file(self) -> bool:
        """Whether the weights are a file of the user's own."""
        return self.weights.endswith(FILES) or "/" in self.weights

    @property
    def named(self) -> Weights | None:
        """The weights that have a name; None of random ones and of a file of the user's own."""
        if self.weights == RANDOM or self.is_file:
            return None
        return self.known.weights[self.weights or next(iter(self.known.weights))]

    @property
    def side(self) -> int:
        """Pixels of a side, at least; exactly where `known.one_size`."""
        return (self.named or next(iter(self.known.weights.values()))).size

    @property
    def scale(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of colours from 0 to 1 that the weights expect."""
        return scale_of(self.network, self.named.file.name if self.named else "")

    @property
    def channels(self) -> int:
        """What it gives at each place."""
        return self.known.layers[self.known.last(self.upto)]

    def check_base(self, where: Where, path: Path) -> Iterator[Problem]:
        """Weights or a layer that the network has not.

        Args:
            where: gives the place where a path was written.
            path: of these options.
        """
        key, names = ".".join(path), [*self.known.weights, RANDOM]
        if not (self.weights in ("", *names) or self.is_file):
            what = f"`{key}.weights` is {self.weights}, but {self.network} has no such weights"
            accepted = f"{join_names(names)}, or a file that ends with {' or '.join(FILES)}"
            near = did_you_mean(self.weights, names) or f"{key}.weights={names[0]}"
            yield Problem(what, where((*path, "weights")), accepted, near)
        if not self.known.last(self.upto):
            parts = self.known.parts()
            what = f"`{key}.upto` is {self.upto}, but {self.network} has no such layer"
            near = did_you_mean(self.upto, parts)
            yield Problem(what, where((*path, "upto")), join_names(parts), near)

    def take_pictures(self, name: str, shape: Shape, key: str) -> Shape:
        """What the network gives of an input, as far as it is known: not its places.

        Args:
            name: of the input.
            shape: of a row; sizes may be 0: not known.
            key: of the config, where the network is named.

        Raises:
            UsageError: it is no picture in colour, or smaller than the network allows.
        """
        if shape.kind != "image" or shape.channels not in (0, 3):
            what = f"{self.network} cannot take the input {name}: its rows are {shape}"
            hint = "dataset.colour=rgb, where the dataset has it; or another model"
            raise UsageError(Problem(what, key, "pictures of 3 channels", hint))
        known = [side for side in shape.places if side]
        if self.known.one_size and any(side != self.side for side in known):
            self._refuse_size(name, shape, key, f"{self.side} x {self.side} pixels")
        if not self.upto and any(side < self.side for side in known):
            self._refuse_size(name, shape, key, f"at least {self.side} x {self.side} pixels")
        return Shape("image", (self.channels, 0, 0))

    def _refuse_size(self, name: str, shape: Shape, key: str, accepted: str) -> None:
        height, width = shape.places
        what = f"the pictures of {name} are {height} x {width}, too small for {self.network}"
        if self.known.one_size:
            what = f"the pictures of {name} are {height} x {width}, but {self.network} takes others"
        raise UsageError(Problem(what, key, accepted, f"dataset.size={self.side}"))


def _pooled() -> tuple[Chosen, ...]:
    return (LAYERS.default("global_avg_pool")(),)


@dataclass(frozen=True, kw_only=True)
class Pretrained(Base, Common):
    """A network trained on ImageNet as a frozen base, then layers of your own (book 5.3)."""

    reads_bytes = True
    key: ClassVar[str] = "model.layers"

    layers: tuple[Chosen, ...] = option(
        _pooled,
        "from the base to the last hidden layer; the output layer is added",
        table=LAYERS,
        example="[flatten, {linear: 256}, relu, {dropout: 0.5}]",
    )

    def after(self, shape: Shape, place: Place) -> Shape:
        """What it gives as a layer of a node, as far as it is known.

        Raises:
            UsageError: it is no picture in colour, or smaller than the network allows.
        """
        if place.take(shape, "image").channels not in (0, 3):
            hint = "dataset.colour=rgb, where the dataset has it; or another model"
            raise place.refusal(f"cannot take {shape}", "pictures of 3 channels", hint)
        return self.take_pictures("its node", shape, place.key)

    def part(self, ids: bool) -> tuple[Chosen, ...]:  # noqa: ARG002
        """The base as a layer, and the layers after it."""
        return Chosen("pretrained", self, "dlx.models.pretrained:base_layer"), *self.layers

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """Weights or layers that are not there, pictures that do not fit, and the layers after."""
        found = [*self.check_base(where, ("model",))]
        yield from found
        take: Callable[[Shape], Shape] = partial(take_vector, key=self.key)
        try:
            for name, sizes in inputs.items() if len(inputs) == 1 and not found else ():
                shape = Shape("image", (0, 0, 0)) if sizes is None else shape_of(sizes, images=True)
                after = self.take_pictures(name, shape, "model.network")
                keep_possible(take, follow(self.layers, [after], self.key))
        except UsageError as error:
            yield from locate(error, where)
