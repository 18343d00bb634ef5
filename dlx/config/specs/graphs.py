"""What a graph of layers contradicts: names, circles, nodes that nobody reads, shapes. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ...errors import Problem, UsageError
from ..files import Where
from ..names import did_you_mean, join_names
from .nodes import Known, Nodes, assign_heads, find_circle, follow_graph, unread

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAME_ACCEPTED = "a letter, then letters, digits and _; any but `name`"


def check_graph(
    nodes: Nodes,
    heads: Mapping[str, str],
    inputs: Known,
    targets: Sequence[str],
    where: Where,
    sizes: Mapping[str, int] | None = None,
) -> Iterator[Problem]:
    """Every contradiction within a graph; shapes are followed once all else is right.

    Args:
        nodes: by name.
        heads: target -> node; empty where one last node gives all answers.
        inputs: those of the dataset.
        targets: those of the config.
        where: gives the place where a path was written.
        sizes: of the outputs, where the nodes give them without an output layer.
    """
    found = check_nodes(nodes, heads, tuple(inputs), targets, where)
    yield from found
    try:
        if not found:
            follow_graph(nodes, assign_heads(nodes, heads, targets), inputs, sizes)
    except UsageError as error:
        yield from locate(error, where)


def check_nodes(
    nodes: Nodes,
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
    found: list[Problem] = []
    for name in nodes:
        found += _check_name(name, inputs, where)
        found += _check_sources(name, nodes, inputs, where)
        found += _check_like(name, nodes, where)
    if circle := find_circle(nodes):
        what = f"nodes read each other in a circle: {' -> '.join([*circle, circle[0]])}"
        here = where(("model", "nodes", circle[0], "of"))
        accepted = "nodes that read inputs, or nodes that read others"
        found.append(Problem(what, here, accepted, _open_circle(circle, nodes, inputs)))
    return found or [*_check_heads(nodes, heads, targets, where)]


def _open_circle(circle: Sequence[str], nodes: Nodes, inputs: Sequence[str]) -> str:
    """What to type: the node with the fewest sources reads an input in place of those within."""
    name = min(circle, key=lambda node: len(nodes[node].of))
    sources = dict.fromkeys(inputs[0] if one in circle else one for one in nodes[name].of)
    return f"'model.nodes.{name}.of=[{join_names(sources)}]'"


def locate(error: UsageError, where: Where) -> list[Problem]:
    """Problems that name keys of the config, with the places where these were written."""
    places = [where(tuple(one.where.split("."))) or one.where for one in error.problems]
    return [replace(one, where=at) for one, at in zip(error.problems, places, strict=True)]


def _check_name(name: str, inputs: Sequence[str], where: Where) -> Iterator[Problem]:
    here = where(("model", "nodes", name))
    if not _NAME.fullmatch(name) or name == "name":
        yield Problem(f"`{name}` cannot be the name of a node", here, _NAME_ACCEPTED)
    elif name in inputs:
        what = f"`{name}` is the name of a node and of an input"
        yield Problem(
            what, here, f"any name but {join_names(inputs)}", f"did you mean {name}_node?"
        )


def _check_sources(
    name: str, nodes: Nodes, inputs: Sequence[str], where: Where
) -> Iterator[Problem]:
    """What it reads is there, and it is said how several are joined."""
    node, key = nodes[name], f"model.nodes.{name}"
    known = [*inputs, *(other for other in nodes if other not in (name, *inputs))]
    here = where(("model", "nodes", name, "of"))
    for source in node.of:
        if source not in (*known, name):
            what = f"node {name} reads `{source}`, which is no input and no node"
            yield Problem(what, here, join_names(known), did_you_mean(source, known))
    if not node.of:
        yield Problem(f"node {name} reads nothing", here, join_names(known))
    elif len(node.of) > 1 and node.join is None:
        what = f"node {name} reads {join_names(node.of)}, but `{key}.join` is missing"
        yield Problem(what, here, "concat, add", f"{key}.join=concat")
    elif len(node.of) == 1 and node.join is not None:
        what = f"`{key}.join` is {node.join}, but node {name} reads {node.of[0]} alone"
        here = where(("model", "nodes", name, "join"))
        yield Problem(what, here, "null, or several in `of`", f"{key}.join=null")


def _check_like(name: str, nodes: Nodes, where: Where) -> Iterator[Problem]:
    """The node whose layers it shares has some of its own."""
    node, here = nodes[name], where(("model", "nodes", name, "like"))
    if node.like is None:
        return
    owners = [other for other in nodes if nodes[other].like is None and nodes[other].layers]
    accepted = f"a node with layers of its own: {join_names(owners)}"
    what, hint = f"node {name} is like ", ""
    if node.layers:
        what += f"{node.like}, and has layers of its own"
        yield Problem(what, here, "`like` or `layers`", f"model.nodes.{name}.layers=[]")
    elif node.like not in nodes:
        what, hint = f"{what}`{node.like}`, which is no node", did_you_mean(node.like, owners)
        yield Problem(what, here, accepted, hint)
    elif (other := nodes[node.like].like) is not None:
        hint = f"model.nodes.{name}.like={other}" if other in owners else ""
        what += "itself" if name == node.like else f"{node.like}, which is like {other}"
        yield Problem(what, here, accepted, hint)
    elif not nodes[node.like].layers:
        yield Problem(f"{what}{node.like}, which has no layers to share", here, accepted)


def _check_heads(
    nodes: Nodes, heads: Mapping[str, str], targets: Sequence[str], where: Where
) -> Iterator[Problem]:
    """Each target's output layer reads a node, and no node is computed for nothing."""
    ends, said = unread(nodes), "model.heads"
    if not heads and len(ends) > 1:
        what = f"no node reads {join_names(ends)}, and `{said}` does not say which gives the answer"
        hint = f"'model.nodes.joined={{of: [{join_names(ends)}], join: concat}}'"
        yield Problem(what, where(("model", "nodes")), "one last node, or a head a target", hint)
        return
    for target, node in heads.items():
        here = where(("model", "heads", target))
        if target not in targets:
            what = f"`{said}` names `{target}`, which is no target"
            hint = did_you_mean(target, targets) or f"'~{said}.{target}'"
            yield Problem(what, here, join_names(targets), hint)
        elif node not in nodes:
            what = f"the head of {target} reads `{node}`, which is no node"
            yield Problem(what, here, join_names(nodes), did_you_mean(node, nodes))
    for target in targets:
        if heads and target not in heads:
            what = f"`{said}` has no node for the target {target}"
            hint = f"{said}.{target}={ends[0] if ends else next(iter(nodes))}"
            yield Problem(what, where(("model", "heads")), join_names(nodes), hint)
    for node in ends if set(heads.values()) <= set(nodes) else ():
        if heads and node not in heads.values():
            what, hint = f"no node and no head reads node {node}", f"'~model.nodes.{node}'"
            yield Problem(what, where(("model", "nodes", node)), "nodes that are read", hint)
