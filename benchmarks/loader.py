"""Pictures in a folder: dlx's batches against torchvision's `ImageFolder` with two workers.

    python benchmarks/loader.py [--pictures 2000] [--rounds 5]

Both open the same JPEG files, made up here, give them one size, and make batches of floats from 0
to 1, in turn, for two epochs. dlx hashes all files and decodes them into its cache before its first
epoch, and reads that file from then on, as it does with more pictures than memory holds. The loader
keeps its workers between epochs; elsewhere torch has one thread, as its workers have. A ratio is
the loader's time divided by dlx's, the median of the rounds, of the wall clock and of the
processor, which a busy machine leaves alone; targets are for pictures that have their size already.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from dlx.config.specs.pictures import Decoding
from dlx.data.columns import Files
from dlx.data.columns import files as files_module
from dlx.sources.batches import make_part
from dlx.sources.source import RowSource

SIDE, BATCH = 150, 32
COLD, WARM = 1.5, 5.0
"""How many times as fast as the loader the first and the second epoch are to be."""
BICUBIC = transforms.InterpolationMode.BICUBIC


def write_pictures(root: Path, many: int) -> None:
    """Stripes across or upright, with noise, in a folder each."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 12, (2 * SIDE, 2 * SIDE, 3))
    for number in range(many):
        kind, (down, across) = ("across", "upright")[number % 2], random.integers(0, SIDE, 2)
        waves = np.sin(np.arange(SIDE) * random.uniform(0.1, 0.4))
        stripes = waves[:, None] if number % 2 else waves[None, :]
        shades = 120 + 60 * stripes[..., None] * random.random(3)
        pixels = shades + noise[down : down + SIDE, across : across + SIDE]
        folder = root / kind
        folder.mkdir(exist_ok=True)
        picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        picture.save(folder / f"{number}.jpg", quality=85)


class Clock:
    """Wall-clock and processor seconds since it was last asked, of this process and its children.

    Those of a child are known once it has ended.
    """

    def __init__(self) -> None:
        self._last = self._now()

    def lap(self) -> np.ndarray:
        """Both, as an array."""
        before, self._last = self._last, self._now()
        return self._last - before

    def _now(self) -> np.ndarray:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return np.array([time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used)])


def use_up(batches: Iterable[object]) -> None:
    for _ in batches:
        pass


def time_dlx(root: Path, size: int) -> np.ndarray:
    """Seconds of both epochs, from the names of the files on: (epochs, wall and processor)."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["DLX_CACHE"] = cache
        clock = Clock()
        names = sorted(str(file.relative_to(root)) for file in root.rglob("*.jpg"))
        column = Files.of(root, names, Decoding(size=size)).divide(255)
        rows, labels = np.arange(len(names)), np.array([n.startswith("upright") for n in names])
        part = make_part({"image": column}, {"kind": labels}, rows, torch.device("cpu"))
        source = RowSource(part, BATCH, seed=0)
        use_up(source.epoch(0))
        first = clock.lap()
        use_up(source.epoch(1))
        return np.stack([first, clock.lap()])


def time_loader(root: Path, size: int) -> np.ndarray:
    """The same of torchvision's, whose workers use as much of the processor in each epoch."""
    whole, clock = Clock(), Clock()
    change = transforms.Compose([transforms.Resize((size, size), BICUBIC), transforms.ToTensor()])
    loader = DataLoader(
        ImageFolder(str(root), change),
        BATCH,
        shuffle=True,
        num_workers=2,
        persistent_workers=True,
    )
    use_up(loader)
    first = clock.lap()
    use_up(loader)
    found = np.stack([first, clock.lap()])
    del loader  # its workers end
    found[:, 1] = whole.lap()[1] / 2
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    files_module.IN_MEMORY = 0  # as if there were more than memory holds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_pictures(root, args.pictures)
        for size in (SIDE, 100):
            pairs = [(time_loader(root, size), time_dlx(root, size)) for _ in range(args.rounds)]
            ratios = np.median([theirs / ours for theirs, ours in pairs], axis=0)
            for epoch, (wall, processor) in enumerate(ratios.tolist()):
                target = f" (target {(COLD, WARM)[epoch]})" if size == SIDE else ""
                print(
                    f"{SIDE} to {size} pixels, epoch {epoch + 1}: {wall:.2f} times as fast{target}"
                    f", {processor:.2f} times less of the processor",
                    flush=True,
                )


if __name__ == "__main__":
    main()
