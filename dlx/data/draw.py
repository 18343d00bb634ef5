"""Drawing rows: without replacement, classes in proportion, rows that belong together kept so."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from .columns import Rows

Ids = npt.NDArray[np.int64]


def draw(rows: Rows, count: int, seed: int, labels: Ids | None, units: Ids | None = None) -> Rows:
    """Draws about `count` of some rows; exactly so many where no units are given.

    Args:
        rows: what is drawn from.
        count: how many; whole units come along with their first row.
        seed: what the draw derives from.
        labels: class of every row of the dataset, to keep the shares; None to draw freely.
        units: unit of every row of the dataset; rows of one unit are drawn together.
    """
    if units is None:
        return _draw_rows(rows, count, seed, labels)
    first = rows[np.unique(units[rows], return_index=True)[1]]
    share = max(1, min(len(first) - 1, round(count * len(first) / len(rows))))
    chosen = _draw_rows(np.sort(first), share, seed, labels)
    return rows[np.isin(units[rows], units[chosen])]


def take_turns(rows: Rows, classes: npt.NDArray[np.generic]) -> Rows:
    """Rows of each class in turn, those of a class in their order.

    Args:
        rows: some rows.
        classes: the class of each of them.
    """
    turn = np.zeros(len(rows), np.int64)
    for one in np.unique(classes):
        turn[classes == one] = np.arange((classes == one).sum())
    return rows[np.lexsort((classes, turn))]


def _draw_rows(rows: Rows, count: int, seed: int, labels: Ids | None) -> Rows:
    """Each class gives its share rounded down; the largest remainders fill what is missing."""
    random = np.random.Generator(np.random.PCG64(seed))
    if labels is None:
        return random.permutation(rows)[:count]
    mine = labels[rows]
    classes, sizes = np.unique(mine, return_counts=True)
    exact = sizes * count / len(rows)
    quota = np.floor(exact).astype(np.int64)
    missing = count - int(quota.sum())
    quota[np.argsort(-(exact - quota), kind="stable")[:missing]] += 1
    drawn = [
        random.permutation(rows[mine == label])[:take]
        for label, take in zip(classes, quota, strict=True)
    ]
    return np.concatenate(drawn)


def deal(rows: Rows, k: int, seed: int, labels: Ids | None, units: Ids | None = None) -> list[Rows]:
    """Deals rows into k parts whose sizes differ by one at most (by a unit where there are any).

    Units go in turn to the smallest part: large ones first, then class by class, so that every
    class is spread evenly. Seed, labels and units are as in `draw`.

    Returns:
        The parts, each in ascending order.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    mine = np.arange(len(rows)) if units is None else units[rows]
    _, first, member, sizes = np.unique(
        mine, return_index=True, return_inverse=True, return_counts=True
    )
    order = random.permutation(len(first))
    if labels is not None:
        order = order[np.argsort(labels[rows][first][order], kind="stable")]
    order = order[np.argsort(-sizes[order], kind="stable")]
    part = np.zeros(len(first), dtype=np.int64)
    smallest = [(0, number) for number in range(k)]
    for unit in order.tolist():
        held, number = heapq.heappop(smallest)
        part[unit] = number
        heapq.heappush(smallest, (held + int(sizes[unit]), number))
    return [np.sort(rows[part[member] == number]) for number in range(k)]
