"""What nodes that read each other contradict, in a graph or within a block of it. No torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

from ...errors import Problem
from ..files import Path, Where
from ..names import did_you_mean, join_names
from ..scalars import format_scalar
from .nodes import Blocks, Node, Nodes, all_offers, find_circle, name_of, owner_of, unread

MOST_NODES = 10_000
"""Of a graph whose blocks are opened: those within each other multiply."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAME_ACCEPTED = "a letter, then letters, digits and _; any but `name`"


@dataclass(frozen=True)
class Scope:
    """Nodes that read inputs or each other: those of a graph, or of a block.

    Attributes:
        nodes: by name.
        blocks: of the graph, by name.
        inputs: what they read that is no node.
        at: where they stand in the config: "model", or "model.blocks.NAME".
        where: gives the place where a path was written.
    """

    nodes: Nodes
    blocks: Blocks
    inputs: tuple[str, ...]
    at: str
    where: Where

    def key(self, *path: str) -> str:
        """A key below the nodes."""
        return ".".join((self.at, "nodes", *path))

    def find(self, *path: str) -> str:
        """The place where something below the nodes was written."""
        return self.where((*self.at.split("."), "nodes", *path))


def check_blocks(graph: Scope) -> Iterator[Problem]:
    """What is wrong within each block, whether one stands within itself, or nowhere."""
    used = {*_blocks_in(graph.nodes)}
    for name, block in graph.blocks.items():
        used |= {*_blocks_in(block.nodes)}
        at, here = f"model.blocks.{name}", graph.where(("model", "blocks", name))
        if not _NAME.fullmatch(name) or name == "name":
            what = f"`{name}` cannot be the name of a block"
            yield Problem(what, here, _NAME_ACCEPTED)
        if not block.nodes:
            what, hint = f"block {name} has no nodes", _first_node(at, block.inputs)
            yield Problem(what, here, "at least one node", hint)
            continue
        scope = Scope(block.nodes, graph.blocks, block.inputs, at, graph.where)
        found = [*check_scope(scope)]
        yield from found or _check_ends(scope, name, block.outputs)
    for name in graph.blocks if used <= {*graph.blocks} else ():
        if name not in used:
            what, hint = f"no node has the block {name}", f"'~model.blocks.{name}'"
            at_ = graph.where(("model", "blocks", name))
            yield Problem(what, at_, "blocks that nodes name", hint)
    if circle := _find_nesting(graph.blocks):
        what = f"block {circle[0]} stands within itself: {' -> '.join([*circle, circle[0]])}"
        inside = graph.blocks[circle[0]].nodes
        node = next(n for n, one in inside.items() if one.block == [*circle, circle[0]][1])
        path = (*("model", "blocks", circle[0], "nodes"), node, "block")
        hint = f"'~{'.'.join(path)}'"
        yield Problem(what, graph.where(path), "blocks that stand in each other once", hint)


def _first_node(at: str, inputs: Sequence[str]) -> str:
    join = ", join: concat" if len(inputs) > 1 else ""
    return f"'{at}.nodes.main={{of: [{join_names(inputs)}]{join}, layers: [{{linear: 16}}, relu]}}'"


def _find_nesting(blocks: Blocks) -> list[str]:
    """Blocks of which each stands within the one before, and the first within the last."""
    inner = {name: Node(of=tuple(_blocks_in(block.nodes))) for name, block in blocks.items()}
    return find_circle(inner)


def _blocks_in(nodes: Nodes) -> list[str]:
    return [node.block for node in nodes.values() if node.block]


def count_nodes(nodes: Nodes, blocks: Blocks) -> int:
    """How many nodes there are once all blocks are opened; one of a model counts as one."""
    known: dict[str, int] = {}

    def count(inside: Nodes) -> int:
        total = 0
        for name in inside:
            node = owner_of(inside, name)
            if node.block and node.block not in known:
                known[node.block] = count(blocks[node.block].nodes)
            total += node.repeat * (known[node.block] if node.block else 1)
        return total

    return count(nodes)


def check_scope(scope: Scope) -> Iterator[Problem]:
    """Names, what is read, what is shared, and circles."""
    for name in scope.nodes:
        yield from _check_name(scope, name)
        found = [*_check_contents(scope, name)]
        yield from found
        yield from _check_sources(scope, name)
        yield from _check_like(scope, name)
        yield from () if found else _check_model(scope, name)
    if circle := find_circle(scope.nodes):
        what = f"nodes read each other in a circle: {' -> '.join([*circle, circle[0]])}"
        accepted = "nodes that read inputs, or nodes that read others"
        hint = _open_circle(scope, circle)
        yield Problem(what, scope.find(circle[0], "of"), accepted, hint)


def _open_circle(scope: Scope, circle: Sequence[str]) -> str:
    """What to type: the node with the fewest sources reads an input in place of those within."""
    nodes = scope.nodes
    name = min(circle, key=lambda node: len(nodes[node].of))
    inside = {one: name_of(nodes, one) in circle for one in nodes[name].of}
    sources = dict.fromkeys(scope.inputs[0] if inside[one] else one for one in inside)
    return f"'{scope.key(name, 'of')}=[{join_names(sources)}]'"


def _check_name(scope: Scope, name: str) -> Iterator[Problem]:
    here = scope.find(name)
    if not _NAME.fullmatch(name) or name == "name":
        yield Problem(f"`{name}` cannot be the name of a node", here, _NAME_ACCEPTED)
    elif name in scope.inputs:
        what = f"`{name}` is the name of a node and of an input"
        accepted = f"any name but {join_names(scope.inputs)}"
        yield Problem(what, here, accepted, f"did you mean {name}_node?")


def _check_contents(scope: Scope, name: str) -> Iterator[Problem]:
    """It is passed through one thing, which is there, and can be repeated."""
    node = scope.nodes[name]
    known = [*scope.blocks]
    several = [one for one in node.contents if one != "like"]
    if len(several) > 1:
        what = f"node {name} has {' and '.join(several)}"
        one = several[-1]
        default = "[]" if one == "layers" else "null"
        hint = f"{scope.key(name, one)}={default}"
        yield Problem(what, scope.find(name, one), "one of layers, block, model", hint)
    if node.block is not None and node.block not in scope.blocks:
        what = f"node {name} has the block `{node.block}`, which is not there"
        accepted = f"a block of model.blocks: {join_names(known)}" if known else "model.blocks"
        yield Problem(what, scope.find(name, "block"), accepted, did_you_mean(node.block, known))
    if node.repeat > 1 and not several:
        what = f"node {name} is repeated, but "
        what += f"{node.like} says how often" if node.like else "has nothing to repeat"
        hint = f"{scope.key(name, 'repeat')}=1"
        yield Problem(what, scope.find(name, "repeat"), "layers, a block or a model", hint)


def _check_model(scope: Scope, name: str) -> Iterator[Problem]:
    """Options of its model that act on a whole network, and what the others contradict."""
    chosen = scope.nodes[name].model
    if chosen is None:
        return
    key = scope.key(name, "model")
    fresh = {one.name: one.default for one in fields(chosen.options)}
    for option in ("l1", "l2", "init", "output_layer"):
        value: Any = getattr(chosen.options, option, None)
        if option in fresh and value != fresh[option]:
            told = format_scalar(value)
            what = f"`{key}.{option}` is {told}, but it is one for the whole network"
            here, hint = scope.find(name, "model", option), f"model.{option}={told}"
            yield Problem(what, here, f"model.{option}", hint)

    def find(path: Path) -> str:
        return scope.find(name, "model", *path[1:])

    for problem in chosen.options.check({}, (), find):
        yield replace(move_problem(problem, key), where=problem.where)


def move_problem(problem: Problem, key: str) -> Problem:
    """What is told of the section `model`, told of the key that chooses the model instead."""

    def move(text: str) -> str:
        named = text.replace("model=", f"{key}.name=")
        return re.sub(r"^model$|(?<![.\w])model(?=\.[a-z])", key, named)

    return Problem(*map(move, astuple(problem)))


def _check_sources(scope: Scope, name: str) -> Iterator[Problem]:
    """What it reads is there, and it is said how several are joined."""
    node, here, key = scope.nodes[name], scope.find(name, "of"), scope.key(name)
    offered = all_offers(scope.nodes, scope.blocks)
    own = [one for one in offered if name_of(scope.nodes, one) == name]
    known = [*scope.inputs, *(one for one in offered if one not in (*own, *scope.inputs))]
    for source in node.of:
        if source not in (*known, *own, name):
            what = f"node {name} reads `{source}`, which is no input and no node"
            outputs = [one for one in known if one.startswith(f"{source}.")]
            if outputs:
                what = f"node {name} reads {source}, which has several outputs"
            hint = did_you_mean(source, known) if not outputs else ""
            yield Problem(what, here, join_names(outputs or known), hint)
    block = scope.blocks.get(owner_of(scope.nodes, name).block or "")
    if not node.of:
        yield Problem(f"node {name} reads nothing", here, join_names(known))
    elif block and len(block.inputs) > 1:
        yield from _check_inputs(scope, name, block.inputs)
    elif len(node.of) > 1 and node.join is None:
        what = f"node {name} reads {join_names(node.of)}, but `{key}.join` is missing"
        yield Problem(what, here, "concat, add", f"{key}.join=concat")
    elif len(node.of) == 1 and node.join is not None:
        what = f"`{key}.join` is {node.join}, but node {name} reads {node.of[0]} alone"
        join = scope.find(name, "join")
        yield Problem(what, join, "null, or several in `of`", f"{key}.join=null")


def _check_inputs(scope: Scope, name: str, inputs: Sequence[str]) -> Iterator[Problem]:
    """As many sources as its block has inputs, and as many outputs, where it is repeated."""
    node, owner = scope.nodes[name], owner_of(scope.nodes, name)
    said = f"block {owner.block} has {len(inputs)} inputs: {join_names(inputs)}"
    outputs = scope.blocks[owner.block or ""].outputs
    if node.join is not None:
        what, hint = f"node {name} joins what it reads, but {said}", f"{scope.key(name)}.join=null"
        yield Problem(what, scope.find(name, "join"), "null", hint)
    elif len(node.of) != len(inputs):
        what = f"node {name} reads {join_names(node.of)}, but {said}"
        yield Problem(what, scope.find(name, "of"), f"{len(inputs)} inputs or nodes")
    elif node.repeat > 1 and len(outputs) != len(inputs):
        what = f"node {name} is repeated, but {said}, and {max(1, len(outputs))} to read"
        accepted = "a block with as many outputs as inputs"
        hint = f"{scope.key(name)}.repeat=1"
        yield Problem(what, scope.find(name, "repeat"), accepted, hint)


def _check_like(scope: Scope, name: str) -> Iterator[Problem]:
    """The node whose layers it shares has some of its own."""
    nodes = scope.nodes
    node, here, key = nodes[name], scope.find(name, "like"), scope.key(name)
    if node.like is None:
        return
    owners = [other for other in nodes if nodes[other].like is None and nodes[other].contents]
    accepted = f"a node with layers of its own: {join_names(owners)}"
    what, hint = f"node {name} is like ", ""
    if others := [one for one in node.contents if one != "like"]:
        own = "layers of its own" if others == ["layers"] else f"a {others[0]} of its own"
        default = "[]" if others == ["layers"] else "null"
        what, hint = f"{what}{node.like}, and has {own}", f"{key}.{others[0]}={default}"
        yield Problem(what, here, f"`like` or `{others[0]}`", hint)
    elif node.like not in nodes:
        what, hint = f"{what}`{node.like}`, which is no node", did_you_mean(node.like, owners)
        yield Problem(what, here, accepted, hint)
    elif (other := nodes[node.like].like) is not None:
        hint = f"{key}.like={other}" if other in owners else ""
        what += "itself" if name == node.like else f"{node.like}, which is like {other}"
        yield Problem(what, here, accepted, hint)
    elif not nodes[node.like].contents:
        yield Problem(f"{what}{node.like}, which has no layers to share", here, accepted)


def _check_ends(scope: Scope, block: str, outputs: Sequence[str]) -> Iterator[Problem]:
    """A block's outputs are nodes of it, and no node of it is computed for nothing."""
    ends, offered = unread(scope.nodes, scope.blocks), all_offers(scope.nodes, scope.blocks)
    said = f"{scope.at}.outputs"
    here = scope.where((*scope.at.split("."), "outputs"))
    for name in outputs:
        if name not in offered:
            what = f"block {block} gives `{name}`, which is no node of it"
            yield Problem(what, here, join_names(offered), did_you_mean(name, offered))
    if not outputs and len(ends) > 1:
        what = f"no node of block {block} reads {join_names(ends)}, and `{said}` does not say "
        hint = f"'{said}=[{join_names(ends)}]'"
        yield Problem(f"{what}which it gives", scope.find(), "one last node, or outputs", hint)
    for name in ends if outputs and {*outputs} <= {*offered} else ():
        if name not in outputs:
            what = f"no node reads node {name} of block {block}, and it is no output"
            hint = f"'~{scope.key(name)}'"
            yield Problem(what, scope.find(name), "nodes that are read", hint)


def check_heads(
    scope: Scope, heads: Mapping[str, str], targets: Sequence[str]
) -> Iterator[Problem]:
    """Each target's output layer reads a node, and no node is computed for nothing."""
    where: Callable[[Path], str] = scope.where
    ends, said = unread(scope.nodes, scope.blocks), "model.heads"
    nodes = all_offers(scope.nodes, scope.blocks)
    if not heads and len(ends) > 1:
        what = f"no node reads {join_names(ends)}, and `{said}` does not say which gives the answer"
        hint = f"'model.nodes.joined={{of: [{join_names(ends)}], join: concat}}'"
        yield Problem(what, scope.find(), "one last node, or a head a target", hint)
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
    for node in ends if {*heads.values()} <= {*nodes} else ():
        if heads and node not in heads.values():
            what = f"no node and no head reads node {node}"
            hint = f"'~model.nodes.{name_of(scope.nodes, node)}'"
            yield Problem(what, scope.find(name_of(scope.nodes, node)), "nodes that are read", hint)
