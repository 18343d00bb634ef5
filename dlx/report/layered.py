"""Places for boxes in layers, each of which reads what is above it (Sugiyama and others, 1981)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Name = str | tuple[str, str, int]
"""A box; or a bend of the line between two of them, on a rank."""
_SWEEPS = 12


@dataclass(frozen=True)
class Layout:
    """Where boxes stand.

    Attributes:
        across: the middle of each box and bend.
        ranks: the boxes and bends of each layer, from top to bottom.
        lines: (from, to) -> what the line between two boxes passes, both among them.
    """

    across: dict[Name, float]
    ranks: list[list[Name]]
    lines: dict[tuple[str, str], list[Name]]


def lay_out(reads: Mapping[str, Sequence[str]], widths: Mapping[str, float], gap: float) -> Layout:
    """Places boxes so that lines are short and seldom cross.

    Args:
        reads: box -> boxes that it reads, all connected, without circles.
        widths: of boxes.
        gap: between two of them, at least.
    """
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(reads)
    graph.add_edges_from((one, name) for name, sources in reads.items() for one in sources)
    rank = {n: i for i, level in enumerate(nx.topological_generations(graph)) for n in level}
    for name in reversed([*nx.topological_sort(graph)]):
        if not reads[name] and (after := [*graph.successors(name)]):
            rank[name] = min(rank[one] for one in after) - 1
    lines: dict[tuple[str, str], list[Name]] = {}
    for a, b in graph.edges:
        lines[a, b] = [a, *((a, b, n) for n in range(rank[a] + 1, rank[b])), b]
    whole = nx.Graph()
    for name in reads:
        whole.add_node(name, layer=rank[name])
    for passed in lines.values():
        whole.add_nodes_from((one, {"layer": one[2]}) for one in passed[1:-1])
        whole.add_edges_from(pairwise(passed))
    ranks: list[list[Name]] = [[] for _ in range(1 + max(rank.values()))]
    for name, data in whole.nodes(data=True):
        ranks[data["layer"]].append(name)
    _order(ranks, whole)
    ordered = nx.Graph()
    for level in ranks:
        ordered.add_nodes_from((one, whole.nodes[one]) for one in level)
    places = nx.multipartite_layout(ordered, subset_key="layer", align="horizontal")
    across = {name: float(place[0]) for name, place in places.items()}
    room = {name: widths.get(name, 0.0) if isinstance(name, str) else 0.0 for name in whole}
    for sweep in range(3 * _SWEEPS):
        for level in ranks if sweep % 2 else ranks[::-1]:
            near = {one: [across[other] for other in whole[one]] for one in level}
            _settle(level, near, across, room, gap)
    return Layout(across, ranks, lines)


def _order(ranks: list[list[Name]], graph: Mapping[Name, Sequence[Name]]) -> None:
    """Puts each box near the middle of those that it is joined to, down and up again."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        order = range(1, len(ranks)) if down else range(len(ranks) - 2, -1, -1)
        for number in order:
            beside = {one: i for i, one in enumerate(ranks[number - 1 if down else number + 1])}
            middles: dict[Name, float] = {}
            for place, one in enumerate(ranks[number]):
                near = [beside[other] for other in graph[one] if other in beside]
                middles[one] = sum(near) / len(near) if near else place
            ranks[number].sort(key=middles.__getitem__)


def _settle(
    level: Sequence[Name],
    near: Mapping[Name, Sequence[float]],
    across: dict[Name, float],
    room: Mapping[Name, float],
    gap: float,
) -> None:
    """Moves the boxes of a layer towards those that they are joined to, in their order.

    Least squares of the ways, with room between boxes: neighbours that come too close are pooled
    (isotonic regression).
    """
    steps = [(room[a] + room[b]) / 2 + gap for a, b in pairwise(level)]
    offset = np.concatenate([[0.0], np.cumsum(steps)])
    pools: list[tuple[float, int]] = []
    for one, shift in zip(level, offset, strict=True):
        wanted = float(np.mean(near[one])) if near[one] else across[one]
        pools.append((wanted - float(shift), 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, many), (b, more) = pools[-2:]
            pools[-2:] = [((a * many + b * more) / (many + more), many + more)]
    flat = [value for value, many in pools for _ in range(many)]
    across.update({one: at + float(by) for one, at, by in zip(level, flat, offset, strict=True)})
