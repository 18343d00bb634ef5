"""What a graph of layers contradicts: names, circles, nodes that nobody reads, shapes. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...errors import Problem, UsageError
from ..files import Where
from ..names import join_names
from .expand import open_graph
from .nodes import Blocks, Known, Nodes, assign_heads, follow_graph
from .scopes import MOST_NODES, Scope, check_blocks, check_heads, check_scope, count_nodes


def check_graph(
    nodes: Nodes,
    blocks: Blocks,
    heads: Mapping[str, str],
    inputs: Known,
    targets: Sequence[str],
    where: Where,
    sizes: Mapping[str, int] | None = None,
) -> Iterator[Problem]:
    """Every contradiction within a graph; shapes are followed once all else is right.

    Args:
        nodes: by name.
        blocks: by name.
        heads: target -> node; empty where one last node gives all answers.
        inputs: those of the dataset.
        targets: those of the config.
        where: gives the place where a path was written.
        sizes: of the outputs, where the nodes give them without an output layer.
    """
    found = check_nodes(nodes, blocks, heads, tuple(inputs), targets, where)
    yield from found
    if found:
        return
    opened = open_graph(nodes, blocks, lambda name: inputs.get(name) is None)
    said = assign_heads(nodes, heads, targets, blocks)
    ends = {target: opened.given[end] for target, end in said.items()}
    try:
        follow_graph(opened.nodes, opened.keys, ends, inputs, sizes)
    except UsageError as error:
        yield from locate(opened.relocate(error), where)


def check_nodes(
    nodes: Nodes,
    blocks: Blocks,
    heads: Mapping[str, str],
    inputs: Sequence[str],
    targets: Sequence[str],
    where: Where,
) -> list[Problem]:
    """What is wrong with a graph whatever the shapes; the arguments are those of `check_graph`."""
    if not nodes:
        join = ", join: concat" if len(inputs) > 1 else ""
        main = f"{{of: [{join_names(inputs)}]{join}, layers: [flatten, {{linear: 16}}, relu]}}"
        what = "graph needs nodes, but `model.nodes` is empty"
        return [Problem(what, where(("model",)), "at least one node", f"'model.nodes.main={main}'")]
    scope = Scope(nodes, blocks, tuple(inputs), "model", where)
    found = [*check_blocks(scope), *check_scope(scope)]
    found = found or [*check_heads(scope, heads, targets)]
    if not found and (many := count_nodes(nodes, blocks)) > MOST_NODES:
        what = f"the graph has {many:,} nodes, counting those of blocks and repeated ones"
        return [Problem(what, where(("model", "nodes")), f"at most {MOST_NODES:,}")]
    return found


def locate(error: UsageError, where: Where) -> list[Problem]:
    """Problems that name keys of the config, with the places where these were written."""
    places = [where(tuple(one.where.split("."))) or one.where for one in error.problems]
    return [replace(one, where=at) for one, at in zip(error.problems, places, strict=True)]
