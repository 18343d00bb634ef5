"""Blocks and models within a graph, opened: nodes of layers alone are left. No torch.

A node `more` with a block whose nodes are `a` and `b` becomes `more.a` and `more.b`, repeated ones
`more.1.a`, `more.1.b`, `more.2.a`, ... Weights are named so too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace

from ...errors import Problem, UsageError
from .nodes import Block, Blocks, Node, Nodes, all_offers, owner_of, sort_nodes, unread


@dataclass
class Opened:
    """A graph of nodes of layers alone.

    Attributes:
        nodes: by name; none has a block, a model or a repetition.
        places: node -> where it stands in the config.
        keys: node -> where its layers stand in the config.
        likes: node that shares layers -> where the node stands that says so.
        given: what the graph's nodes can be read by -> the node that gives it.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    likes: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    def relocate(self, error: UsageError) -> UsageError:
        """What is told of opened nodes, told of where they stand in the config."""
        names = sorted(self.nodes, key=len, reverse=True)
        every = re.compile(
            rf"\bmodel\.nodes\.({'|'.join(map(re.escape, names))})(\.like)?(?=[.=]|$)"
        )

        def place(found: re.Match[str]) -> str:
            name, like = found.groups(default="")
            return f"{(self.likes if like else self.places)[name]}{like}"

        def move(text: str) -> str:
            return every.sub(place, text)

        return UsageError(*(Problem(*map(move, astuple(one))) for one in error.problems))


def open_graph(nodes: Nodes, blocks: Blocks, ids: Callable[[str], bool]) -> Opened:
    """Opens all blocks and models.

    Args:
        nodes: of the graph, without contradictions.
        blocks: that nodes name.
        ids: whether an input holds ids, or may hold them; false of a node.
    """
    opener = _Opener(blocks, ids, Opened())
    opener.found.given = opener.unfold(_Scope(nodes, "model.nodes"), {})
    return opener.found


@dataclass(frozen=True)
class _Scope:
    """Nodes that read each other by their own names.

    Attributes:
        nodes: by name.
        at: where they stand in the config; of a model, where that does.
        prefix: of their names once they are opened.
        owner: that of the nodes whose layers they share; None where they have their own.
        liker: where the node stands that says so.
        inner: whether each node has a place of its own in the config.
    """

    nodes: Nodes
    at: str
    prefix: str = ""
    owner: str | None = None
    liker: str = ""
    inner: bool = True

    def place(self, name: str) -> str:
        """Where a node stands in the config."""
        return f"{self.at}.{name}" if self.inner else self.at

    def shared(self, name: str) -> str | None:
        """The opened name of the node whose layers a node shares; None where it has its own."""
        like = self.nodes[name].like
        if self.owner is not None:
            return f"{self.owner}{like or name}"
        return f"{self.prefix}{like}" if like else None


@dataclass(frozen=True)
class _Opener:
    """What opens; `found` is filled on the way."""

    blocks: Blocks
    ids: Callable[[str], bool]
    found: Opened

    def unfold(self, scope: _Scope, known: Mapping[str, str]) -> dict[str, str]:
        """Opens nodes: what they can be read by -> the opened node that gives it.

        Args:
            scope: the nodes.
            known: what they read that is no node -> the opened node or input that it is.
        """
        names = dict(known)
        for name in sort_nodes(scope.nodes):
            sources = tuple(names.get(one, one) for one in scope.nodes[name].of)
            names |= self._repeat(scope, name, sources)
        return {one: names[one] for one in all_offers(scope.nodes, self.blocks)}

    def _repeat(self, scope: _Scope, name: str, sources: tuple[str, ...]) -> dict[str, str]:
        """A node, as often as it stands there: each reads the one before it."""
        node, owner = scope.nodes[name], owner_of(scope.nodes, name)
        flat, shared, join = f"{scope.prefix}{name}", scope.shared(name), node.join
        given = {"": flat}
        for number in range(1, owner.repeat + 1):
            end = f".{number}" if owner.repeat > 1 else ""
            one = replace(owner, of=sources, join=join, like=shared and f"{shared}{end}")
            given = self._place(scope, name, f"{flat}{end}", one)
            sources, join = tuple(given.values()), None
        return {f"{name}.{one}" if one else name: inner for one, inner in given.items()}

    def _place(self, scope: _Scope, name: str, flat: str, node: Node) -> dict[str, str]:
        """One node that reads opened ones: its outputs -> the opened node that gives each."""
        place, key = scope.place(name), scope.place(scope.nodes[name].like or name)
        liker = scope.liker or place
        if node.block is not None:
            block = self.blocks[node.block]
            inside = _Scope(block.nodes, f"model.blocks.{node.block}.nodes", liker=liker)
            return self._enter(block, inside, flat, node, place)
        if node.model is None:
            return self._add(flat, node, (place, f"{key}.layers", liker))
        at = f"{key}.model"
        part = node.model.options.part(ids=any(map(self.ids, node.of)))
        if isinstance(part, Mapping):
            inside = _Scope(part, at, liker=liker, inner=False)
            return self._enter(Block(nodes=dict(part)), inside, flat, node, place)
        return self._add(flat, replace(node, layers=part), (place, at, liker))

    def _enter(
        self, block: Block, inside: _Scope, flat: str, node: Node, place: str
    ) -> dict[str, str]:
        """Opens what a block holds; what several sources are joined to is a node of its own."""
        sources = node.of
        if node.join is not None:
            joined = f"{flat}.{block.inputs[0]}"
            joining = Node(of=sources, join=node.join)
            sources = (*self._add(joined, joining, (place, place, "")).values(),)
        owner = f"{node.like}." if node.like else None
        liker = inside.liker if owner else ""
        within = replace(inside, prefix=f"{flat}.", owner=owner, liker=liker)
        given = self.unfold(within, dict(zip(block.inputs, sources, strict=True)))
        ends = block.outputs or unread(block.nodes, self.blocks)
        return {one if len(ends) > 1 else "": given[one] for one in ends}

    def _add(self, flat: str, node: Node, places: tuple[str, str, str]) -> dict[str, str]:
        """A node of layers, its own or shared ones; where it, they, and what says so stand."""
        like = node.like if node.layers else None
        layers = () if like else node.layers
        found = self.found
        found.nodes[flat] = Node(of=node.of, layers=layers, like=like, join=node.join)
        found.places[flat], found.keys[flat], found.likes[flat] = places
        return {"": flat}
