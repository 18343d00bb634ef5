"""Nodes of a graph of layers: the order in which they act, and the shapes that reach them.

A node reads inputs or other nodes, joined where there are several, and passes them through layers,
a block of nodes, or a model. Nothing here depends on the order in which they are written. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import product
from types import MappingProxyType
from typing import Literal

from ...errors import Problem, UsageError
from ..fields import Chosen, Table, option
from ..shapes import Shape, Sizes, keep_possible
from .layers import LAYERS, follow, shapes_of, take_end

Join = Literal["concat", "add"]
PARTS = Table("model", {})
"""Models that a node may have; `models.py` fills it, as they are made of nodes themselves."""
Known = Mapping[str, Sizes | None]
"""Inputs by name: the shape of a sample of numbers, None where it shows in the data only."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One part of a graph: what it reads, and the layers that it passes it through."""

    of: tuple[str, ...] = option(help="inputs or nodes that it reads", example="[features]")
    layers: tuple[Chosen, ...] = option(
        (),
        "its layers in order; empty: it only joins",
        table=LAYERS,
        example="[{linear: 16}, relu]",
    )
    like: str | None = option(None, "node whose layers it shares, with the same weights")
    join: Join | None = option(
        None,
        "how several are joined: concat lays features or channels side by side, add sums values",
    )
    block: str | None = option(
        None, "in place of layers: the block of model.blocks that it passes it through", newer=True
    )
    model: Chosen | None = option(
        None,
        "in place of layers: a model without its output layer",
        table=PARTS,
        example="{name: xception, channels: [16, 32]}",
        newer=True,
    )
    repeat: int = option(
        1,
        "how many of its layers, block or model stand one after another, each with weights of "
        "its own",
        ge=1,
        le=1000,
        newer=True,
    )

    @property
    def contents(self) -> list[str]:
        """The options that say what it passes it through; one at most, where it is right."""
        names = ("layers", "block", "model", "like")
        return [name for name in names if getattr(self, name)]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Nodes that stand for one, wherever a node names them."""

    nodes: dict[str, Node] = option(
        help="its parts, which read its inputs or each other",
        example="{long: {of: [input], layers: [{linear: 16}]}, "
        "sum: {of: [long, input], join: add}}",
    )
    inputs: tuple[str, ...] = option(
        ("input",), "what its nodes call that which a node with this block reads"
    )
    outputs: tuple[str, ...] = option(
        (),
        "its nodes that others may read, as NODE.OUTPUT where there are several; empty: the only "
        "node that no other reads",
    )


Nodes = Mapping[str, Node]
Blocks = Mapping[str, Block]


def layers_of(nodes: Nodes, name: str) -> tuple[Chosen, ...]:
    """The layers of a node: its own, or those that it shares."""
    node = nodes[name]
    return nodes[node.like].layers if node.like else node.layers


def sort_nodes(nodes: Nodes) -> list[str]:
    """The nodes in the order in which they act; by name where either may come first.

    Raises:
        CycleError: nodes read each other in a circle, the second argument.
    """
    found = {name: [name_of(nodes, one) for one in nodes[name].of] for name in sorted(nodes)}
    known = {name: [one for one in sources if one in nodes] for name, sources in found.items()}
    sorter = TopologicalSorter(known)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def find_circle(nodes: Nodes) -> list[str]:
    """Nodes of which each reads the next, and the last the first; none where there is no circle."""
    try:
        sort_nodes(nodes)
    except CycleError as error:
        circle = error.args[1][:0:-1]  # from what reads to what is read
        first = circle.index(min(circle))
        return [*circle[first:], *circle[:first]]
    return []


def name_of(nodes: Nodes, source: str) -> str:
    """The node that a source is of: itself, or NODE of NODE.OUTPUT."""
    return source if source in nodes else source.partition(".")[0]


def owner_of(nodes: Nodes, name: str) -> Node:
    """The node whose layers another has: its own, or those that it shares."""
    return nodes.get(nodes[name].like or name, nodes[name])


def offers(nodes: Nodes, blocks: Blocks, name: str) -> list[str]:
    """By which names a node can be read: its own, or one for each output of its block."""
    block = blocks.get(owner_of(nodes, name).block or "")
    several = block is not None and len(block.outputs) > 1
    return [f"{name}.{one}" for one in block.outputs] if block and several else [name]


def all_offers(nodes: Nodes, blocks: Blocks) -> list[str]:
    """By which names any node can be read."""
    return [one for name in nodes for one in offers(nodes, blocks, name)]


def unread(nodes: Nodes, blocks: Blocks = MappingProxyType({})) -> list[str]:
    """What no node reads of what can be read."""
    read = {source for node in nodes.values() for source in node.of}
    return [one for one in all_offers(nodes, blocks) if one not in read]


def assign_heads(
    nodes: Nodes,
    heads: Mapping[str, str],
    targets: Iterable[str],
    blocks: Blocks = MappingProxyType({}),
) -> dict[str, str]:
    """The node that each target's output layer reads: as said, or the only one that none reads."""
    return dict(heads) or dict.fromkeys(targets, unread(nodes, blocks)[0])


def join_shapes(
    node: str, parts: Sequence[tuple[str, Sequence[Shape]]], join: Join | None
) -> list[Shape]:
    """What a node's layers may get, of what each of its sources may give.

    Raises:
        UsageError: no join of them is possible.
    """
    (label, shapes), *others = parts
    found = list(shapes)
    for name, more in others:
        merge = partial(_merge, node, join, (label, name))
        found = keep_possible(merge, product(found, more))
        label = f"{label} and {name}"
    return found


def _merge(
    node: str, join: Join | None, names: tuple[str, str], pair: tuple[Shape, Shape]
) -> Shape:
    """Two shapes joined."""
    one, other = pair
    fits = one.kind == other.kind and one.kind not in ("ids", "columns", "block")
    fits = fits and one.lengths == other.lengths
    if join == "add" and fits and one.may_be(other):
        sizes = zip(one.sizes, other.sizes, strict=True)
        return replace(one, sizes=tuple(a or b for a, b in sizes))
    if (
        join == "concat"
        and fits
        and one.resize(0, one.places).may_be(other.resize(0, other.places))
    ):
        places = tuple(a or b for a, b in zip(one.places, other.places, strict=True))
        known = one.channels and other.channels
        return one.resize(one.channels + other.channels if known else 0, places)
    what = f"node {node} cannot {join} {names[0]}, {one}, and {names[1]}, {other}"
    accepted = "values of the same shape" if join == "add" else _CONCAT
    raise UsageError(Problem(what, f"model.nodes.{node}.join", accepted, _hint(one, other, join)))


_CONCAT = "vectors, sequences of the same length, or images of the same height and width"


def _hint(one: Shape, other: Shape, join: Join | None) -> str:
    if "columns" in (one.kind, other.kind):
        return "read ids of category columns by a node that begins with embed_columns"
    if "ids" in (one.kind, other.kind):
        return "read ids by a node that begins with {embedding: 32}"
    if one.kind == other.kind == "vector":
        return "layers that end in the same size, or join: concat"
    also = ", of the same size" if join == "add" else ""
    return f"join nodes whose layers end in a vector (flatten, global_max_pool){also}"


def require_alike(nodes: Nodes, reached: Mapping[str, Sequence[Shape]]) -> None:
    """Refuses to share layers between what has different shapes.

    Args:
        nodes: all of them.
        reached: what may reach the layers of each of some nodes.

    Raises:
        UsageError: what reaches a node is not what reaches the one that it is like.
    """
    for name, node in nodes.items():
        if node.like is None or not {name, node.like} <= reached.keys():
            continue
        mine, its = reached[name], reached[node.like]
        if not any(a.may_be(b) for a, b in product(mine, its)):
            raise UsageError(_refuse_like(name, node.like, mine[0], its[0]))


def _refuse_like(name: str, other: str, mine: Shape, its: Shape) -> Problem:
    """The error of a node that shares the layers of another, and reads something else."""
    where, hint = f"model.nodes.{name}.like", f"in place of `like`, give {name} layers of its own"
    if mine.has_other_words(its):
        what = f"node {name} is like {other}, but its ids stand for other words"
        hint += ", or put hash_tokens in the place of tokenize"
        return Problem(what, where, "ids of the same words", hint)
    told, its_told = (
        f"{shape} ({shape.ids:,} in all)" if shape.ids else f"{shape}" for shape in (mine, its)
    )
    what = f"node {name} is like {other}, but reads {told}, and {other} {its_told}"
    return Problem(what, where, "the shape that the other reads", hint)


def follow_graph(
    nodes: Nodes,
    keys: Mapping[str, str],
    ends: Mapping[str, str],
    inputs: Known,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Follows shapes from the inputs to the output layers, as far as they are known.

    Args:
        nodes: of layers alone, without circles.
        keys: where the layers of each stand in the config.
        ends: the node that each target's output layer reads.
        inputs: all that nodes read.
        sizes: of each target's numbers, where no output layer follows; 0 where not known.

    Raises:
        UsageError: the first node that cannot take what reaches it.
    """
    values: dict[str, list[Shape]] = {}
    reached: dict[str, list[Shape]] = {}
    for name in sort_nodes(nodes):
        layers, node = layers_of(nodes, name), nodes[name]
        parts = [(s, values[s] if s in values else shapes_of(inputs[s], layers)) for s in node.of]
        reached[name] = join_shapes(name, parts, node.join)
        require_alike(nodes, reached)
        values[name] = follow(layers, reached[name], keys[name])
    for target, name in ends.items():
        size = None if sizes is None else sizes[target]
        keep_possible(partial(take_end, key=keys[name], size=size), values[name])
