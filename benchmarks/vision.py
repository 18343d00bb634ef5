"""Augmentation in batches, against torchvision's transforms applied picture by picture.

    python benchmarks/vision.py [--rounds 5]

The same work on the same bytes, in alternating rounds of one process, with one thread and with two:
of a block of pictures as a training gathers it, float pictures of 0 to 1 are made, and changed by
numbers drawn anew for each. The figure is the median of the rounds' ratios, dlx's time divided by
torchvision's; the target is one third at 32 pixels and below, one half at 150.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torchvision.transforms.v2 as v2
from torch import Tensor

from dlx.config.load import load
from dlx.data.columns import Input
from dlx.sources.augment import Augmenter
from dlx.sources.batches import Part
from dlx.sources.images import HeldImages
from dlx.sources.shades import Shade

BLOCKS = {(1, 28): 640, (3, 32): 170, (3, 64): 64, (3, 150): 32}
"""Channels and size of pictures -> how many a round is of: what a block holds, or a batch."""
GEOMETRY = "{rotate: 40}, {shift: 0.2}, {shear: 11.5}, {zoom: 0.2}"
CHAINS = {
    "flip, crop with padding": "flip, {crop: 4}, {fill: black}",
    "geometry": f"{GEOMETRY}, flip",
    "geometry and colour": f"{GEOMETRY}, flip, {{brightness: 0.2}}, {{contrast: 0.2}}",
    "geometry, colour, erase": f"{GEOMETRY}, flip, {{brightness: 0.2}}, {{contrast: 0.2}}, erase",
}


def torchvision_chain(name: str, size: int) -> Callable[[Tensor], Tensor]:
    """The same work for one picture; of shear and zoom torchvision has one number for both axes."""
    flip = v2.RandomHorizontalFlip()
    bilinear = v2.InterpolationMode.BILINEAR
    affine = v2.RandomAffine(40, (0.2, 0.2), (0.8, 1.2), 11.5, interpolation=bilinear)
    scale = v2.ToDtype(torch.float32, scale=True)
    colour = v2.ColorJitter(0.2, 0.2)
    erase = v2.RandomErasing(0.5, value=0.5)
    return v2.Compose(
        {
            "flip, crop with padding": [flip, v2.RandomCrop(size, 4), scale],
            "geometry": [affine, flip, scale],
            "geometry and colour": [affine, flip, colour, scale],
            "geometry, colour, erase": [affine, flip, colour, scale, erase],
        }[name]
    )


def compare(chain: str, shape: tuple[int, int], rounds: int) -> float:
    """The median of dlx's time divided by torchvision's."""
    channels, size = shape
    pixels = torch.randint(256, (BLOCKS[shape], channels, size, size), dtype=torch.uint8)
    every = load(["task=digits", f"prepare.augment.image=[{CHAINS[chain]}]"]).config.prepare.augment
    known = {"image": Input("dense", (channels, size, size))}
    augmenter = Augmenter(every, known, 0, shades={"image": Shade})
    mean, std = torch.zeros(channels, 1, 1), torch.full((channels, 1, 1), 255.0)
    part = Part({"image": HeldImages(pixels, mean, std)}, {}, torch.arange(len(pixels)))
    theirs = torchvision_chain(chain, size)
    times: list[tuple[float, float]] = []
    for epoch in range(rounds + 1):
        begun = time.perf_counter()
        augmenter(part, epoch)
        between = time.perf_counter()
        torch.stack([theirs(picture) for picture in pixels])
        times.append((between - begun, time.perf_counter() - between))
    return statistics.median(own / other for own, other in times[1:])


def main() -> None:
    """Prints a line for each chain and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_grad_enabled(False)
    for shape in BLOCKS:
        target = 1 / 3 if shape[1] <= 32 else 1 / 2
        for chain in CHAINS:
            told = []
            for threads in (1, 2):
                torch.set_num_threads(threads)
                told.append(f"{compare(chain, shape, rounds):.3f}")
            sizes = " x ".join(map(str, (*shape, shape[1])))
            print(f"{sizes}  {chain}: {' and '.join(told)} (1, 2 threads; target {target:.2f})")


if __name__ == "__main__":
    main()
