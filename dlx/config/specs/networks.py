"""The classification networks of torchvision, as far as they are known without it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .dataset import File

URL = "https://download.pytorch.org/models"
FOLDER = "torchvision"
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5)
_OTHER = {  # networks whose weights expect colours on another scale
    "efficientnet_v2_l": (_HALF, _HALF),
    "googlenet": (_HALF, _HALF),
    "inception_v3": (_HALF, _HALF),
    "vgg16_features-amdegroot-88682ab5.pth": ((0.48235, 0.45882, 0.40784), (1 / 255,) * 3),
}


@dataclass(frozen=True)
class Weights:
    """A file of weights that has a name.

    Attributes:
        file: with its address and its digest, or the first digits of that.
        folder: below that of all data.
        size: pixels of a side, at least; of some networks exactly.
    """

    file: File
    folder: str
    size: int


@dataclass(frozen=True)
class Network:
    """A network of torchvision, without its classifier.

    Attributes:
        weights: by name; those that it has unless told are the first.
        layers: every layer after which it can be cut, in order -> channels there.
        one_size: whether it takes pictures of a single size.
    """

    weights: dict[str, Weights]
    layers: dict[str, int]
    one_size: bool

    def last(self, upto: str) -> str:
        """The last layer within a part of the network; of "" the last of all; "" for none."""
        within = [n for n in self.layers if not upto or n == upto or n.startswith(f"{upto}.")]
        return within[-1] if within else ""

    def parts(self) -> list[str]:
        """What `last` knows: its layers, and what holds several of them."""
        pieces = (name.split(".") for name in self.layers)
        return [*dict.fromkeys(".".join(one[: n + 1]) for one in pieces for n in range(len(one)))]


@cache
def networks() -> dict[str, Network]:
    """All of them by name, from a table that a test holds against torchvision."""
    text = Path(__file__).with_name("networks.json").read_text(encoding="utf-8")
    found = {name: _network(name, row) for name, row in json.loads(text).items()}
    extra = File(
        name="squeezenet1_1_features.safetensors",
        sha256="69506c660395f8d300d43a4fd1e6b45473d7db3e5b00bddd64ba3363cff3fa7f",
        size=2_894_760,
    )
    squeezenet = found["squeezenet1_1"]
    squeezenet.weights["squeezenet_imagenet"] = Weights(extra, "squeezenet_imagenet", 17)
    return found


def _network(name: str, row: dict[str, dict[str, list[str | int]]]) -> Network:
    weights = {
        label: Weights(_official(str(file)), FOLDER, int(size))
        for label, (file, size) in row["weights"].items()
    }
    layers: dict[str, int] = dict(row["layers"])  # type: ignore[arg-type]
    return Network(weights, layers, name.startswith(("vit_", "maxvit_")))


def _official(name: str) -> File:
    """A file whose name ends with the first digits of its SHA-256, as torchvision's do."""
    digits = name.rpartition("-")[2].partition(".")[0]
    return File(name=name, sha256=digits, url=f"{URL}/{name}")


def scale_of(network: str, file: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of colours from 0 to 1 that a network's weights expect.

    Of Inception and GoogLeNet those after `transform_input`, which torchvision has in the network.

    Args:
        network: its name.
        file: name of the file of weights.
    """
    return _OTHER.get(file) or _OTHER.get(network) or (_MEAN, _STD)


if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(networks())]
