"""Gradient-boosted trees as arrays of their nodes, and what they answer; NumPy only, no pickle.

scikit-learn grows them (`boosting.py`); nothing of it is needed to read what they say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

WORDS = 8
"""Numbers of 32 bits that hold which of 256 categories a node sends to the left."""
CELLS = 2**20
"""Places of rows in trees that are held at a time."""


class Grown(NamedTuple):
    """The trees of one boosted model, in the order that they were grown.

    Attributes:
        trees: scikit-learn's, each with `nodes` and `raw_left_cat_bitsets`.
        outputs: output that each adds to.
        factor: what the values of each are multiplied by.
        known: of each of the first columns the categories that the trees were grown on, sorted.
    """

    trees: Sequence[Any]
    outputs: Sequence[int]
    factor: float = 1.0
    known: Sequence[Array] = ()


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees, the nodes of all in one row.

    A row of numbers goes to the left where a number is at most the threshold, where a category is
    in the node's set, and where a missing one (NaN) is sent there.

    Attributes:
        root: the first node of each tree, (trees,).
        output: which output a tree adds to, (trees,).
        feature: column that a node looks at, (nodes,).
        threshold: (nodes,).
        left: the node that follows; a leaf is followed by itself, (nodes,).
        right: (nodes,).
        value: what a leaf adds, (nodes,).
        missing: whether missing numbers go to the left, (nodes,).
        group: the row of `sets` by which a node tells categories apart; -1 of numbers, (nodes,).
        sets: bits of the categories that go to the left, (groups, 8).
        start: what every row begins with, (outputs,).
    """

    root: Array
    output: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    value: Array
    missing: Array
    group: Array
    sets: Array
    start: Array

    @classmethod
    def of(cls, grown: Sequence[Grown], start: Floats) -> Self:
        """The trees of scikit-learn's models, one model after the other."""
        kept = _Kept()
        for model in grown:
            for tree, output in zip(model.trees, model.outputs, strict=True):
                kept.add(tree, output, model)
        return cls(**kept.arrays(), start=np.asarray(start, np.float64))

    def arrays(self) -> dict[str, Array]:
        """Its arrays by name, to be kept."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def restore(cls, arrays: Mapping[str, Array]) -> Self:
        """Trees that were kept, if no walk through them leaves the arrays or goes in a circle.

        Raises:
            ValueError: an array is missing, or they are no trees.
        """
        if lacking := {one.name for one in fields(cls)} - set(arrays):
            raise ValueError(f"boosted trees without {', '.join(sorted(lacking))}")
        found = cls(**{one.name: np.asarray(arrays[one.name]) for one in fields(cls)})
        if not found._is_sound():
            raise ValueError("arrays that are no boosted trees")
        return found

    def _is_sound(self) -> bool:
        nodes, own = len(self.feature), np.arange(len(self.feature))
        along = (self.threshold, self.left, self.right, self.value, self.missing, self.group)
        if any(one.shape != (nodes,) for one in along) or self.output.shape != self.root.shape:
            return False
        if self.sets.ndim != 2 or self.sets.shape[1] != WORDS or self.start.ndim != 1:
            return False
        leaf = (self.left == own) & (self.right == own)
        down = (self.left > own) & (self.right > own) & (self.left < nodes) & (self.right < nodes)
        placed = [(self.root, nodes), (self.output, len(self.start)), (self.group, len(self.sets))]
        low = [(self.root >= 0).all(), (self.output >= 0).all(), (self.feature >= 0).all()]
        within = all((one < many).all() for one, many in placed) and all(low)
        return bool((leaf | down).all() and within and (self.group >= -1).all())

    @property
    def rounds(self) -> int:
        """The most trees that an output has."""
        return int(np.bincount(self.output, minlength=1).max()) if len(self.output) else 0

    def answer(self, rows: Floats) -> Floats:
        """Logits, or numbers themselves, (rows, outputs).

        Added in the order of the trees, as scikit-learn does, so that bits are its own.

        Args:
            rows: (rows, columns) float64; a category by its code, what is missing as NaN.
        """
        many = max(1, CELLS // max(1, len(self.root)))
        parts = [self._answer(rows[at : at + many]) for at in range(0, max(1, len(rows)), many)]
        return np.concatenate(parts)

    def _answer(self, rows: Floats) -> Floats:
        found = np.tile(self.start, (len(rows), 1))
        values = self.value[self._leaves(rows)]
        for place, output in enumerate(self.output.tolist()):
            found[:, output] += values[:, place]
        return found

    def _leaves(self, rows: Floats) -> Array:
        """The leaf at which each row ends in each tree, (rows, trees)."""
        at = np.tile(self.root.astype(np.int64), (len(rows), 1))
        places = np.arange(len(rows))[:, None]
        while True:
            read = rows[places, self.feature[at]]
            left = np.where(np.isnan(read), self.missing[at], read <= self.threshold[at])
            if len(self.sets):
                left = self._sort_categories(at, read, left)
            following = np.where(left, self.left[at], self.right[at])
            if np.array_equal(following, at):
                return at
            at = following

    def _sort_categories(self, at: Array, read: Floats, left: Array) -> Array:
        """Which go to the left, those at nodes that tell categories apart by their sets."""
        group = self.group[at]
        told = (group >= 0) & ~np.isnan(read)
        code, words = read[told].astype(np.int64), self.sets[group[told]]
        word = words[np.arange(len(code)), code >> 5]
        left = left.copy()
        left[told] = (word >> (code & 31).astype(word.dtype)) & 1
        return left


class _Kept:
    """Collects nodes."""

    def __init__(self) -> None:
        self.found: dict[str, list[Array]] = {name: [] for name in _NODES}
        self.group: list[Array] = []
        self.sets: list[Array] = []
        self.root: list[int] = []
        self.output: list[int] = []
        self.nodes = self.groups = 0

    def add(self, tree: Any, output: int, model: Grown) -> None:
        """Adds a tree of scikit-learn's; its nodes are numbered in the order of all."""
        nodes, many = tree.nodes, len(tree.nodes)
        leaf, own = nodes["is_leaf"].astype(bool), np.arange(many)
        for name, (field, kind) in _NODES.items():
            values = nodes[field].astype(kind)
            if name in ("left", "right"):
                values = np.where(leaf, own, values) + self.nodes
            self.found[name].append(values * kind(model.factor) if name == "value" else values)
        told = np.flatnonzero(nodes["is_categorical"])
        group = np.full(many, -1, np.int32)
        group[told] = self.groups + np.arange(len(told))
        self.group.append(group)
        given = np.asarray(tree.raw_left_cat_bitsets, np.uint32).reshape(-1, WORDS)
        sets = [
            _spread(given[node["bitset_idx"]], model.known[node["feature_idx"]], node)
            for node in nodes[told]
        ]
        self.sets += sets
        self.root.append(self.nodes)
        self.output.append(output)
        self.nodes, self.groups = self.nodes + many, self.groups + len(sets)

    def arrays(self) -> dict[str, Array]:
        """All that was added."""

        def join(parts: list[Array], kind: type) -> Array:
            return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)

        found = {name: join(self.found[name], kind) for name, (_, kind) in _NODES.items()}
        sets = np.asarray(self.sets, np.uint32).reshape(-1, WORDS)
        return {
            **found,
            "group": join(self.group, np.int32),
            "sets": sets,
            "root": np.asarray(self.root, np.int32),
            "output": np.asarray(self.output, np.int32),
        }


def _spread(given: Array, known: Array, node: Any) -> Array:
    """The categories that a node sends to the left: those that it does not know as if missing.

    Args:
        given: bits of the places of categories among the known ones, (8,).
        known: the known ones, sorted.
        node: scikit-learn's.
    """
    places = np.arange(len(known))
    left = np.full(32 * WORDS, bool(node["missing_go_to_left"]))
    left[known.astype(int)] = (given[places >> 5] >> (places & 31).astype(np.uint32)) & 1
    return np.packbits(left, bitorder="little").view("<u4").astype(np.uint32)


_NODES: dict[str, tuple[str, type]] = {
    "feature": ("feature_idx", np.int32),
    "threshold": ("num_threshold", np.float64),
    "left": ("left", np.int32),
    "right": ("right", np.int32),
    "value": ("value", np.float64),
    "missing": ("missing_go_to_left", np.bool_),
}
"""Our names of a node's parts -> scikit-learn's, and their type."""
