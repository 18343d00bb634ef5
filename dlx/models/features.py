"""What a network that was trained on other pictures makes of each picture: a preparation step."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..config.shapes import shape_of
from ..config.specs.features import Features as Options
from ..config.specs.pretrained import RANDOM
from ..data.code import code_digest
from ..data.columns import Column, Dense, Files, Image, Pictures
from ..data.weights import find_weights
from ..errors import Problem, UsageError
from ..interrupts import check
from ..machine import cores, free_memory
from ..prepare.steps import State, Step, other_kind
from ..progress import tell
from ..seeds import derive
from .init import initialise
from .pretrained import make_base, shape_after

BATCH = 32
"""Pictures that a GPU is given at once, always as many: another number would give other bits."""
TOLD = "features of pictures computed"

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Compute = Callable[[Pixels], Tensor]
"""What the network makes of some pictures."""
Rows = Generator[tuple[int, Tensor], None, None]
"""Numbers of some rows, and the place of the first."""


class Features(Step[Options]):
    """Numbers of the pictures, (channels,) where they are pooled, else (channels, height, width).

    Each picture is computed by itself, by one thread, so that neither the pictures beside it nor
    the number of threads changes a bit. (Two threads a picture took longer than one.)
    """

    costly = True
    slow = True
    fitted = False

    def depends_on(self) -> list[str]:
        """The digest of the weights, the code that builds the network, and the libraries."""
        digest = self.options.sha256  # of a run, so that what is kept is found without the file
        if not digest and self.options.weights != RANDOM:
            digest = find_weights(self.options)[1]
        code = code_digest("dlx.models.pretrained:make_base")
        return [digest, code, version("torch"), version("torchvision")]

    def apply(self, column: Column, state: State) -> Column:  # noqa: ARG002
        """A row of numbers for each picture.

        Raises:
            UsageError: there are no pictures as bytes, or not such that the network takes.
            Interrupted: a signal asked to stop.
        """
        pictures, sizes = self._check(column)
        device = _device(self.options.device)
        base = _make_base(self.options).to(device)

        def compute(pixels: Pixels) -> Tensor:
            with torch.inference_mode():
                found: Tensor = base(torch.tensor(pixels, device=device).float())
                return _POOLS[self.options.pool](found).cpu()

        run = _by_threads if device.type == "cpu" else _by_batches
        return Dense(_collect(run(compute, pictures), _make_room(len(pictures), sizes)))

    def _check(self, column: Column) -> tuple[Pictures, tuple[int, ...]]:
        """The pictures, and the shape of what is made of one."""
        if not isinstance(column, Pictures):
            raise other_kind(column, "features", "pictures in colour, as they are read", "")
        if column.describe().scaled:
            what = "prepare step features got pictures that were scaled"
            hint = "leave out the step before it: the network scales them as its weights expect"
            raise UsageError(Problem(what, "", "bytes from 0 to 255", hint))
        shape = shape_of(column.sizes, images=True)
        after = shape_after(self.options, "it is given", shape, "")
        return column, after.sizes if self.options.pool == "none" else after.sizes[:1]


def _read(pictures: Pictures, start: int, stop: int) -> Pixels:
    """The bytes of consecutive pictures, which may lie in files."""
    some = pictures.take(np.arange(start, min(stop, len(pictures))))
    image = some.image() if isinstance(some, Files) else some
    assert isinstance(image, Image)
    return image.pixels


def _make_base(options: Options) -> nn.Module:
    base = make_base(options)
    if options.weights == RANDOM:
        initialise(base, "keras", lambda name: torch.Generator().manual_seed(derive(0, name)))
    return base


def _pool_none(found: Tensor) -> Tensor:
    return found


def _pool_average(found: Tensor) -> Tensor:
    return found.mean((2, 3))


def _pool_max(found: Tensor) -> Tensor:
    return found.amax((2, 3))


_POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": _pool_none,
    "average": _pool_average,
    "max": _pool_max,
}


def _device(asked: str) -> torch.device:
    """The device that is asked for, where it is there; a run may have been trained elsewhere."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return torch.device(asked if there.get(asked) else "cpu")


def _by_threads(compute: Compute, pictures: Pictures) -> Rows:
    """The rows of the pictures in any order, one picture at a time in each thread."""
    threads, block = torch.get_num_threads(), BATCH * cores()
    pool = ThreadPoolExecutor(cores(), initializer=torch.set_num_threads, initargs=(1,))
    try:
        for start in range(0, len(pictures), block):
            pixels = _read(pictures, start, start + block)
            rows = range(len(pixels))
            waiting = {pool.submit(compute, pixels[row : row + 1]): row for row in rows}
            for done in as_completed(waiting):
                yield start + waiting[done], done.result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # a new thread would take the last number that was set


def _by_batches(compute: Compute, pictures: Pictures) -> Rows:
    """The rows of the pictures in batches, the last one filled up."""
    for start in range(0, len(pictures), BATCH):
        pixels = _read(pictures, start, start + BATCH)
        filled = np.zeros((BATCH, *pixels.shape[1:]), np.uint8)
        filled[: len(pixels)] = pixels
        yield start, compute(filled)[: len(pixels)]


def _make_room(rows: int, sizes: tuple[int, ...]) -> Floats:
    """Room for all features.

    Raises:
        UsageError: there is not enough.
    """
    need, free = 4 * rows * math.prod(sizes), free_memory()
    if free is not None and need > free:
        each = " x ".join(map(str, sizes))
        what = f"features of {rows:,} pictures, {each} numbers each, take {need / 2**30:,.1f} GiB"
        accepted = f"at most the {free / 2**30:,.1f} GiB that are free"
        raise UsageError(Problem(what, "", accepted, "pool: average or max, or smaller pictures"))
    return np.empty((rows, *sizes), np.float32)


def _collect(found: Rows, room: Floats) -> Floats:
    """The rows in order; tells how far they are."""
    done = 0
    tell(TOLD, done, len(room))
    with closing(found):
        for place, some in found:
            check()
            room[place : place + len(some)] = some.numpy()
            done += len(some)
            tell(TOLD, done, len(room))
    return room
