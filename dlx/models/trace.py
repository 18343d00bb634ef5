"""Diagrams of networks, by what passes through them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from .diagram import Box, Diagram
from .inputs import MultiHot, Padded
from .network import Network, Stack
from .summary import open_layers


@dataclass
class _Act:
    """A layer, as it acted: what it is, and the shape of what it gave."""

    module: nn.Module
    shape: tuple[int, ...]


@dataclass
class _Pass:
    """What was seen of one pass through a network.

    Attributes:
        inputs: name -> shape.
        base: layers that act before all nodes.
        given: the shape that reaches each node, in the order in which they act.
        acted: the layers of each.
        heads: the layers of each output, in the order of the targets.
    """

    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    base: list[_Act] = field(default_factory=list)
    given: list[tuple[int, ...]] = field(default_factory=list)
    acted: list[list[_Act]] = field(default_factory=list)
    heads: list[list[_Act]] = field(default_factory=list)


@contextmanager
def watch(model: nn.Module) -> Iterator[dict[str, Diagram]]:
    """Within it, the first pass through each network becomes a diagram, by the network's name.

    Args:
        model: a network, or what holds some; it is left as it was.
    """
    found: dict[str, Diagram] = {}
    hooks: list[Any] = []
    try:
        for name, network in model.named_modules():
            if isinstance(network, Network):
                hooks += _watch_one(name, network, found)
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _watch_one(name: str, network: Network, found: dict[str, Diagram]) -> list[Any]:
    """The hooks that see a pass through a network."""
    passes: list[_Pass] = []

    def begin(_: nn.Module, given: Any) -> None:
        passes.append(_Pass({key: _shape(one) for key, one in given[0].items()}))

    def end(*_: Any) -> None:
        if name not in found:
            found[name] = _draw(network, passes[-1])

    def enter(_: nn.Module, given: Any) -> None:
        passes[-1].given.append(_shape(given[0]))
        passes[-1].acted.append([])

    def act(module: nn.Module, _: Any, output: Any) -> None:
        seen = passes[-1]
        inner = seen.acted[-1] if seen.acted else seen.base
        inner.append(_Act(module, _shape(output)))

    def turn(*_: Any) -> None:
        passes[-1].heads.append([])

    def answer(module: nn.Module, _: Any, output: Any) -> None:
        passes[-1].heads[-1].append(_Act(module, _shape(output)))

    heads = {*network.heads.modules()}
    hooks: list[Any] = [network.register_forward_pre_hook(begin)]
    hooks += [network.register_forward_hook(end)]
    for module in network.modules():
        if isinstance(module, Stack):
            hooks.append(module.register_forward_pre_hook(enter))
    hooks += [head.register_forward_pre_hook(turn) for head in network.heads.values()]
    for _, layer in open_layers(network):
        hooks.append(layer.register_forward_hook(answer if layer in heads else act))
    return hooks


def _draw(network: Network, seen: _Pass) -> Diagram:
    """The diagram of a pass."""
    diagram = Diagram()
    boxes = {name: Box("input", name, (), shape) for name, shape in seen.inputs.items()}
    ends = {name: diagram.add(name, box) for name, box in boxes.items()}
    if seen.base:
        first = next(iter(ends))
        base = _group(seen.base, "base", seen.inputs[first])
        ends[first] = _chain(diagram, "base", base, (ends[first],))
    uses = Counter(step.part for step in network.steps)
    for step, shape, acted in zip(network.steps, seen.given, seen.acted, strict=True):
        boxed = _group(acted, step.name, shape, step.join or "", uses[step.part] > 1)
        sources = tuple(ends[one] for one in step.of)
        ends[step.name] = _chain(diagram, step.name, boxed, sources) if boxed else sources[0]
    for (target, node), acted in zip(network.ends, seen.heads, strict=True):
        weighs = any(_has_weights(act.module) for act in acted)
        lines = tuple(_tell(act.module) for act in acted) if weighs else ()
        box = Box("output", target, lines, acted[-1].shape)
        diagram.add(f"heads.{target}", box, (ends[node],))
    return diagram


def _group(
    acted: Sequence[_Act], title: str, shape: tuple[int, ...], join: str = "", shared: bool = False
) -> list[Box]:
    """The boxes of layers one after another.

    A layer that mixes nothing and keeps the shape stands in the box of the one before.

    Args:
        acted: the layers.
        title: of the first box.
        shape: what reaches them.
        join: how that was joined, which is a box as well; "" of one source.
        shared: whether others have the same layers.
    """
    boxes = [Box("join", title, (join,), shape)] if join else []
    for act in acted:
        mixes = any(weight.ndim > 1 for weight in act.module.parameters())
        if mixes or act.shape != shape or not boxes:
            boxes.append(Box("layer", "" if boxes else title, (), act.shape))
        last = boxes[-1]
        same = last.shared or (shared and _has_weights(act.module))
        boxes[-1] = replace(last, lines=(*last.lines, _tell(act.module)), shared=same)
        shape = act.shape
    return boxes


def _chain(diagram: Diagram, name: str, boxes: Sequence[Box], sources: tuple[str, ...]) -> str:
    """Adds boxes, each of which reads the one before; returns the last."""
    for number, box in enumerate(boxes):
        sources = (diagram.add(f"{name} {number}", box, sources),)
    return sources[0]


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


def _tell(module: nn.Module) -> str:
    """A layer in a few words: its class, and how its window moves."""
    told, sizes = type(module).__name__, getattr(module, "kernel_size", None)
    stride = getattr(module, "stride", None)
    pairs = isinstance(sizes, tuple) and isinstance(stride, tuple)
    if not pairs and isinstance(sizes, int) and isinstance(stride, int):
        sizes, stride = (sizes, sizes), (stride, stride)
    if isinstance(sizes, tuple):
        told += f" {' x '.join(map(str, sizes))}"
    if isinstance(stride, tuple) and any(one != 1 for one in stride):
        told += f", stride {stride[0]}"
    return told


def _shape(given: Any) -> tuple[int, ...]:
    """The shape of a row of what a layer takes or gives."""
    if isinstance(given, Padded):
        given = given.values
    if isinstance(given, MultiHot):
        return (given.size,)
    given = given[0] if isinstance(given, tuple) and given else given
    return tuple(given.shape[1:]) if isinstance(given, Tensor) else ()
