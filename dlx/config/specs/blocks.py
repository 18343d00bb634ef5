"""Models of images by blocks of convolutions; what they are is a graph of nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ...errors import Problem, UsageError
from ..fields import Chosen, option
from ..files import Where
from ..shapes import Shape, shape_of
from .graphs import locate
from .layers import choose
from .model import Common
from .nodes import Known, Node

Plain = tuple[str, dict[str, Any]]
"""A layer by its name and options."""
_LAST = "a block without a number of its own has the last"


def take_image(model: str, name: str, shape: Shape) -> Shape:
    """Hands back the shape of an input if it is an image.

    Args:
        model: name of the model, for the message.
        name: of the input.
        shape: of one sample.

    Raises:
        UsageError: it is none.
    """
    if shape.kind == "image":
        return shape
    what = f"model={model} cannot take the input {name}: its rows are {shape}"
    accepted = "images (height, width) or (channels, height, width)"
    hint = "use model=mlp, or leave out the step flatten or features"
    hint = "model=conv1d" if shape.kind == "ids" else hint
    raise UsageError(Problem(what, "model.name", accepted, hint))


@dataclass(frozen=True, kw_only=True)
class Blocks(Common):
    """Of a model of images that is blocks one after another, on the data's only input.

    Attributes:
        named: the model's name.
    """

    named: ClassVar[str]
    size = "channels"
    small = ((1,), (1, 2), (1, 2, 4))

    channels: tuple[int, ...] = option((32, 64, 128), "filters in each block", ge=1)
    end: Literal["global_avg", "global_max", "flatten"] = option(
        "global_avg", "after the last block: each channel's mean or largest value, or all values"
    )
    dense: tuple[int, ...] = option((), "dense layers with relu after that", ge=1)
    dropout: float = option(
        0.0, "share set to zero before each dense layer; without any, before the output", ge=0, lt=1
    )

    def nodes(self, source: str) -> dict[str, Node]:
        """The blocks by name, and the layers before the output.

        Args:
            source: the input.
        """
        found = self.blocks(source)
        return {**found, "top": _node([list(found)[-1]], *self._top())}

    def part(self, ids: bool) -> dict[str, Node]:  # noqa: ARG002
        """Its nodes."""
        return self.nodes("input")

    def _top(self) -> Iterator[Plain]:
        drop: list[Plain] = [("dropout", {"rate": self.dropout})] if self.dropout else []
        yield ("flatten" if self.end == "flatten" else f"{self.end}_pool"), {}
        for units in self.dense:
            yield from (*drop, ("linear", {"units": units}), ("relu", {}))
        if not self.dense:
            yield from drop

    @abstractmethod
    def blocks(self, source: str) -> dict[str, Node]:
        """The blocks by name, the last one last; see `nodes`."""

    def take(self, name: str, shape: Shape) -> Shape:
        """Hands back the shape of an input if the blocks can read it.

        Raises:
            UsageError: it is no image, or too small a one.
        """
        return take_image(self.named, name, shape)

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """No block, or an input that they cannot read, as far as its shape is known."""
        if not self.channels:
            at = where(("model", "channels"))
            yield Problem("`model.channels` is empty", at, _SIZES, "model.channels=[32]")
            return
        try:
            for name, sizes in inputs.items() if len(inputs) == 1 else ():
                if sizes is not None:
                    self.take(name, shape_of(sizes, images=True))
        except UsageError as error:
            yield from locate(error, where)


_SIZES = "one whole number >= 1 or several"


@dataclass(frozen=True, kw_only=True)
class Vgg(Blocks):
    """Blocks of 3 x 3 convolutions, each with max-pooling after it (Simonyan, Zisserman, 2014)."""

    named = "vgg"

    depth: tuple[int, ...] = option((2,), f"convolutions in each block; {_LAST}", ge=1)
    batch_norm: bool = option(False, "normalise after each convolution")

    def blocks(self, source: str) -> dict[str, Node]:
        """A node a block."""
        found: dict[str, Node] = {}
        for number, (channels, depth) in enumerate(_pairs(self.channels, self.depth), start=1):
            layers: list[Plain] = []
            for _ in range(depth):
                layers.append(_conv(channels, bias=not self.batch_norm))
                layers += [("batch_norm", {})] if self.batch_norm else []
                layers.append(("relu", {}))
            before = f"block{number - 1}" if found else source
            found[f"block{number}"] = _node([before], *layers, ("max_pool2d", {}))
        return found

    def take(self, name: str, shape: Shape) -> Shape:
        """Refuses an image that has no pixel left before the last block has halved it."""
        height, width = super().take(name, shape).places
        smaller = min(height, width)
        most = smaller.bit_length() - 1
        if not smaller or len(self.channels) <= most:
            return shape
        what = (
            f"{len(self.channels)} blocks halve the images of {name}, {height} x {width}, until "
            "nothing is left"
        )
        accepted, key = f"at most {most} for these images", "model.channels"
        fits = ",".join(str(n) for n in self.channels[:most])
        hint = f"'{key}=[{fits}]'" if most else "model=mlp"
        raise UsageError(Problem(what, key, accepted, hint))


@dataclass(frozen=True, kw_only=True)
class Residual(Blocks):
    """Blocks of two convolutions, each added to what it read (He and others, 2015)."""

    named = "residual"

    channels: tuple[int, ...] = option(
        (16, 32, 64), "filters in each stage; all but the first halve the image", ge=1
    )
    depth: tuple[int, ...] = option(
        (3,), f"blocks in each stage; {_LAST.replace('block', 'stage')}", ge=1
    )

    def blocks(self, source: str) -> dict[str, Node]:
        """A convolution; then of each block its layers, its shortcut, and their sum."""
        filters, last = self.channels[0], "stem"
        stem: tuple[Plain, ...] = (_conv(filters, bias=False), ("batch_norm", {}), ("relu", {}))
        found, number = {last: _node([source], *stem)}, 0
        for stage, (channels, depth) in enumerate(_pairs(self.channels, self.depth)):
            for block in range(depth):
                number += 1
                stride = 2 if stage and not block else 1
                found[f"block{number}"] = _node([last], *_two_convolutions(channels, stride))
                if stride > 1 or channels != filters:
                    layers: tuple[Plain, ...] = (_shortcut(channels, stride), ("batch_norm", {}))
                    found[f"shortcut{number}"] = _node([last], *layers)
                    last = f"shortcut{number}"
                found[f"sum{number}"] = _node([f"block{number}", last], ("relu", {}))
                filters, last = channels, f"sum{number}"
        return found


@dataclass(frozen=True, kw_only=True)
class Xception(Blocks):
    """A small Xception (second edition, 9.3): separable convolutions, each two added to a shortcut.

    A block halves the image.
    """

    named = "xception"

    channels: tuple[int, ...] = option((32, 64, 128, 256, 512), "filters in each block", ge=1)
    stem: int = option(32, "filters of the first convolution", ge=1)
    kernel: int = option(5, "window of the first convolution", ge=1, aliases=("kernel_size",))
    dropout: float = option(
        0.5, "share set to zero before each dense layer; without any, before the output", ge=0, lt=1
    )

    def blocks(self, source: str) -> dict[str, Node]:
        """A convolution; then of each block its layers, its shortcut, and their sum."""
        last = "stem"
        found = {last: _node([source], _conv(self.stem, self.kernel, bias=False, padding="valid"))}
        for number, channels in enumerate(self.channels, start=1):
            block, shortcut = f"block{number}", f"shortcut{number}"
            found[block] = _node([last], *_two_separable(channels))
            found[shortcut] = _node([last], _shortcut(channels, stride=2))
            last = f"sum{number}"
            found[last] = _node([block, shortcut])
        return found

    def take(self, name: str, shape: Shape) -> Shape:
        """Refuses an image that is smaller than the first window."""
        height, width = super().take(name, shape).places
        if height and width and self.kernel > min(height, width):
            what = (
                f"the first convolution has a window of {self.kernel}, but the images of {name} "
                f"have {height} x {width}"
            )
            most = min(height, width)
            key, accepted = "model.kernel", f"a window of at most {most}"
            raise UsageError(Problem(what, key, accepted, f"{key}={most}"))
        return shape


def _pairs(sizes: Sequence[int], depths: Sequence[int]) -> list[tuple[int, int]]:
    """The filters and the depth of each block; the last depth serves those that have none."""
    last = len(depths) - 1
    return [(size, depths[min(n, last)]) for n, size in enumerate(sizes)]


def _node(of: Sequence[str], *layers: Plain) -> Node:
    """A node; what it reads is added."""
    chosen: tuple[Chosen, ...] = choose(*layers)
    return Node(of=tuple(of), layers=chosen, join="add" if len(of) > 1 else None)


def _conv(channels: int, kernel: int = 3, **options: Any) -> Plain:
    return "conv2d", {"channels": channels, "kernel": kernel, "padding": "same", **options}


def _shortcut(channels: int, stride: int) -> Plain:
    """A mix of the channels of every so many pixels."""
    return _conv(channels, 1, stride=stride, bias=False)


def _two_convolutions(channels: int, stride: int) -> Iterator[Plain]:
    yield _conv(channels, stride=stride, bias=False)
    yield from (("batch_norm", {}), ("relu", {}))
    yield _conv(channels, bias=False)
    yield "batch_norm", {}


def _two_separable(channels: int) -> Iterator[Plain]:
    name, options = _conv(channels, bias=False)
    for _ in range(2):
        yield from (("batch_norm", {}), ("relu", {}), (f"separable_{name}", options))
    yield "max_pool2d", {"size": 3, "stride": 2, "padding": "same"}
