"""A folder of the user's own pictures, from its files to a task."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config.specs.images import Images
from ..config.specs.networks import Weights, networks
from ..config.specs.pictures import FORMATS
from ..data.readers.images import open_pictures as read_pictures
from ..data.readers.listing import Listing, is_picture, list_classes, refuse_lost_classes
from ..data.readers.pictures import BrokenPictureError, sides_of
from ..data.tree import read_file
from ..data.weights import path_of
from ..files import fence, is_file
from .described import Guess, Wishes
from .folders import FolderSubject, count_fitting, refuse_wishes
from .recipes import Recipe, choose_trainer

LOOKED = 300
"""Pictures whose headers are looked at, evenly apart."""
SMALL, MIDDLE, LARGE = 32, 64, 200
"""Pixels of a side: of pictures that are small, for a convnet, for a network that was trained."""
PREFERRED = ("efficientnet_b0", "resnet18", "mobilenet_v3_large", "squeezenet1_1")
"""Networks whose features are quick to compute, the best ones first."""


def fits(paths: Sequence[Path]) -> str:
    """Why some paths are a folder of pictures; "" where they are not."""
    many = count_fitting(paths, is_picture)
    return f"{many:,} of its files have names of pictures" if many else ""


def open_pictures(paths: Sequence[Path], wishes: Wishes) -> PicturesSubject:
    """Reads the pictures of a folder.

    Raises:
        UsageError: there are no classes, or the user speaks of columns.
    """
    refuse_wishes(wishes, "a folder of pictures")
    return PicturesSubject(Path(os.path.abspath(paths[0])))


class PicturesSubject(FolderSubject):
    """A folder of pictures that has been read.

    Args:
        folder: the folder.
    """

    dataset, noun = "images", "picture"
    new = "new.jpg"

    def __init__(self, folder: Path) -> None:
        root = fence(folder)
        listing = list_classes(root)
        self.sides = _look(root, listing)
        self.network = _find_network()
        given = {"folder": str(folder), **self.options(), "broken": "skip"}
        _, rows, notes = read_pictures(root, Images(**given), listing, skip=True)
        left = listing.take(rows)
        refuse_lost_classes(root, left, "picture")
        super().__init__(folder, left, notes, len(rows) < len(listing.names))

    def options(self) -> dict[str, Any]:
        """The size that pictures get."""
        short = float(np.median(self.sides.min(axis=1))) if len(self.sides) else MIDDLE
        if short <= SMALL * 1.5:
            return {"size": SMALL}
        return {"size": LARGE if self.network and short >= 2 * MIDDLE else MIDDLE}

    def guess(self) -> list[Guess]:
        """How large pictures are, and what learns of them."""
        size, found = self.options()["size"], []
        if len(self.sides):
            low, high = self.sides.min(axis=0), self.sides.max(axis=0)
            middle = np.median(self.sides, axis=0).astype(int)
            told = f"pictures of {middle[0]} x {middle[1]} pixels (from {low[0]} x {low[1]} to "
            told += f"{high[0]} x {high[1]})"
            found.append(Guess(told, f"they get {size} x {size} (dataset.size)"))
        if self._uses_network:
            name = self.network[0]  # type: ignore[index]
            rule = f"a small layer learns on its features: the weights of {name} are here"
            return [*found, Guess(f"{name}, trained on ImageNet, sees the pictures", rule)]
        rule = (
            "no weights of a network that was trained on ImageNet are here, or pictures are small"
        )
        return [*found, Guess("a small convnet learns from them alone", rule)]

    @property
    def _uses_network(self) -> bool:
        return self.network is not None and self.options()["size"] == LARGE

    def learn(self, recipe: Recipe, train: int) -> None:
        """Features of a network that was trained and a small layer, or a convnet of their own."""
        if self._uses_network:
            assert self.network is not None
            name, label = self.network
            step = {"name": "features", "network": name, "weights": label}
            step["pool"] = "max" if name.startswith("squeezenet") else "average"
            why = f"what {name} sees in a picture, computed once and kept; few rows teach the rest"
            recipe.add("prepare", {"steps": [step, {"name": "standardise"}]}, why)
            recipe.add("model", {"name": "mlp", "units": [64], "dropout": 0.5})
            recipe.add("optimizer", {"name": "adam", "lr": 0.0005})
            recipe.add("trainer", *_shorten(*choose_trainer(train), 3, "features need few epochs"))
            return
        steps = [{"name": "scale", "divide_by": 255}]
        augment = {"image": ["flip", {"rotate": 20}, {"zoom": 0.1}]}
        why = "pictures are moved anew in each epoch; without flip where left is not right"
        recipe.add("prepare", {"steps": steps, "augment": augment}, why)
        layers = {"channels": [16, 32, 64], "dense": [64], "dropout": 0.5}
        why = "no batch_norm: its running statistics need more steps than these"
        recipe.add("model", {"name": "convnet", **layers}, why)
        recipe.add("optimizer", {"name": "adam", "lr": 0.001})
        recipe.add("schedule", {"name": "cosine"})
        recipe.add("trainer", *_shorten(*choose_trainer(train), 2, "so that K-fold ends soon"))


def _shorten(trainer: dict[str, int], why: str, by: int, reason: str) -> tuple[dict[str, int], str]:
    """A part of the epochs, with the reason."""
    epochs = max(5, trainer["epochs"] // by)
    share = {2: "half", 3: "a third"}[by]
    return trainer | {"epochs": epochs}, f"{reason}: {share} of {why}"


def _look(root: Path, listing: Listing) -> Any:
    """Height and width of some pictures, (pictures, 2)."""
    names = [name for name in listing.names if name not in listing.broken]
    every = max(1, len(names) // LOOKED)
    found = []
    for name in names[::every]:
        try:
            found.append(sides_of(read_file(root, name), FORMATS))
        except (OSError, BrokenPictureError):
            continue
    return np.array(found, np.int64).reshape(-1, 2)


def _find_network() -> tuple[str, str] | None:
    """The best network of the preferred ones whose weights are here, and their name."""
    known = networks()
    for name in PREFERRED:
        weights: dict[str, Weights] = known[name].weights
        for label, one in weights.items():
            if is_file(path_of(one)):
                return name, label
    return None
