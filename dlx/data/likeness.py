"""Pictures that look almost alike: a hash of a picture's rough shape, and pairs of near hashes.

The difference hash (dHash, Krawetz 2013) of rows and of columns: a picture's grey levels, averaged
over 9 x 9 fields, and whether each is lighter than the next one in its row, and in its column.
Another size, quality of compression or brightness changes few of its 128 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from .columns import Rows

NEAR = 10
"""Pictures whose hashes differ in at most so many of 128 bits look alike."""
MAX_PAIRS = 4_000_000_000
"""So many are compared, in 10 s or so; of more no near ones are looked for."""
_SIDE, _BLOCK = 9, 128

Looks = npt.NDArray[np.uint64]


def look(pixels: npt.NDArray[np.uint8]) -> Looks:
    """The hash of a picture (channels, height, width): two numbers of 64 bits."""
    grey = pixels.mean(axis=0, dtype=np.float32)
    height, width = grey.shape
    small = _averages(height) @ grey @ _averages(width).T
    across = small[:-1, 1:] > small[:-1, :-1]
    down = small[1:, :-1] > small[:-1, :-1]
    bits = np.packbits(np.stack([across.ravel(), down.ravel()]), axis=1)
    return bits.view(np.uint64)[:, 0]


def looks(read: Callable[[Rows], npt.NDArray[np.uint8]], many: int) -> Looks:
    """The hashes of so many pictures, (pictures, 2).

    Args:
        read: gives some of them, (rows, channels, height, width).
        many: how many there are.
    """
    found = np.empty((many, 2), np.uint64)
    for start in range(0, many, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, many))
        found[rows] = [look(pixels) for pixels in read(rows)]
    return found


@cache
def _averages(size: int) -> npt.NDArray[np.float32]:
    """The matrix (9, size) that averages equal stretches of a line of pixels."""
    ends = np.linspace(0, size, _SIDE + 1)
    low, high = ends[:-1, None], ends[1:, None]
    pixel = np.arange(size)[None]
    share = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return np.asarray(share / share.sum(axis=1, keepdims=True), np.float32)


def near_pairs(looks: Looks, cuts: Sequence[tuple[Rows, Rows]]) -> list[tuple[int, int]] | None:
    """Each row of a second part that looks like one of the first, with the nearest such one.

    Args:
        looks: the hashes of all rows, (rows, 2).
        cuts: first and second parts: of each fold, or of the test set.

    Returns:
        Pairs of rows; None where there are too many to compare.
    """
    if sum(len(first) * len(second) for first, second in cuts) > MAX_PAIRS:
        return None
    return [pair for first, second in cuts for pair in _near(looks, first, second)]


def _near(looks: Looks, first: Rows, second: Rows) -> Iterator[tuple[int, int]]:
    across, down = np.ascontiguousarray(looks[first].T)
    for row in second.tolist():
        near = np.flatnonzero(np.bitwise_count(across ^ looks[row, 0]) <= NEAR)
        if len(near):
            apart = np.bitwise_count(across[near] ^ looks[row, 0])
            apart += np.bitwise_count(down[near] ^ looks[row, 1])
            if apart.min() <= NEAR:
                yield int(first[near[apart.argmin()]]), row
