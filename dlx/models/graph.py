"""Networks of layers: a list of them, or nodes of such lists that read inputs or each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from ..config.fields import Chosen
from ..config.shapes import Place, Shape, shape_of
from ..config.specs.blocks import Blocks
from ..config.specs.graphs import check_nodes
from ..config.specs.layers import has_images, take_end
from ..config.specs.mixed import Form, Tabular, name_apart
from ..config.specs.model import Layered
from ..config.specs.models import Graph
from ..config.specs.nodes import (
    Join,
    Node,
    Nodes,
    assign_heads,
    join_shapes,
    layers_of,
    require_alike,
    sort_nodes,
)
from ..config.specs.pretrained import Base, Pretrained
from ..data.columns import Input
from ..errors import Problem, UsageError
from .inputs import Batch, Padded
from .layers import multi_hot_linear, reader
from .network import (
    BODY,
    AsOutputs,
    Network,
    Reader,
    Step,
    check_penalty,
    dense_layer,
    flatten,
    the_only_input,
)


def build(options: Graph, inputs: Mapping[str, Input], outputs: Mapping[str, int]) -> Network:
    """Builds nodes that read inputs or each other, and a head for each target.

    Args:
        options: checked options.
        inputs: name -> description. Dense rows of two axes are images of one channel to a node
            with a 2d layer, else sequences (time, features).
        outputs: target -> number of logits.

    Raises:
        UsageError: nodes contradict each other, a node cannot take what reaches it, or a penalty
            has no hidden layer to act on.
    """
    if found := check_nodes(
        options.nodes, options.blocks, options.heads, [*inputs], [*outputs], ".".join
    ):
        raise UsageError(*found)  # of a graph that no config has: a learner's, or one of a test
    opened = options.unfold(lambda name: name in inputs and inputs[name].kind == "ids")
    heads, add = options.ends(opened, outputs), options.output_layer
    try:
        network = _assemble(opened.nodes, heads, inputs, outputs, opened.keys, add)
    except UsageError as error:
        raise opened.relocate(error) from error
    return check_penalty(options, network)


def build_layers(
    options: Layered, inputs: Mapping[str, Input], outputs: Mapping[str, int]
) -> Network:
    """Builds the layers of a model on the data's only input: a graph of one node.

    Args:
        options: checked options: a list of layers, or what expands to one.
        inputs: name -> description of exactly one input, read as by a node of a graph.
        outputs: target -> number of logits.

    Raises:
        UsageError: there is not exactly one input, a layer cannot take the shape that reaches it,
            the last layer gives no vector, or a penalty has no hidden layer to act on.
    """
    name, found = the_only_input(inputs, "layers")
    layers = options.expand(ids=found.kind == "ids")
    nodes, heads = {BODY: Node(of=(name,), layers=layers)}, dict.fromkeys(outputs, BODY)
    keys = {BODY: options.key}
    network = _assemble(nodes, heads, inputs, outputs, keys, not options.own_outputs)
    return check_penalty(options, network)


def build_blocks(
    options: Blocks, inputs: Mapping[str, Input], outputs: Mapping[str, int]
) -> Network:
    """Builds a model of images out of blocks: a graph whose nodes it names itself.

    Args:
        options: checked options, which tell the nodes.
        inputs: name -> description of exactly one input: images (height, width) or
            (channels, height, width).
        outputs: target -> number of logits.

    Raises:
        UsageError: there is not exactly one input, it holds no images, or too small ones, or a
            penalty has no hidden layer to act on.
    """
    name, found = the_only_input(inputs, options.named)
    options.take(name, reader(name, found, images=True)[1])
    nodes = options.nodes(name)
    heads = assign_heads(nodes, {}, outputs)
    network = _assemble(nodes, heads, inputs, outputs, dict.fromkeys(nodes, "model"))
    return check_penalty(options, network)


def build_tabular(
    options: Tabular, inputs: Mapping[str, Input], outputs: Mapping[str, int]
) -> Network:
    """Builds the model of mixed inputs: a graph whose nodes it names itself.

    Args:
        options: checked options, which tell the nodes.
        inputs: name -> description, of any kind; numbers are flattened.
        outputs: target -> number of logits.

    Raises:
        UsageError: a penalty has no hidden layer to act on.
    """
    nodes = name_apart(options.nodes({n: _form(found) for n, found in inputs.items()}), inputs)
    heads, keys = assign_heads(nodes, {}, outputs), dict.fromkeys(nodes, "model")
    return check_penalty(options, _assemble(nodes, heads, inputs, outputs, keys))


def _form(found: Input) -> Form:
    """What an input is to the model of mixed inputs."""
    if found.kind == "ids":
        return "columns" if found.columns else "text"
    return "marks" if found.kind == "multi_hot" else "numbers"


@dataclass(frozen=True)
class _Value:
    """What a node reads or gives: how, in which shape, and whether as `MultiHot` rows."""

    read: Reader
    shape: Shape
    multi_hot: bool = False

    def dense(self) -> _Value:
        """It with zeros written out."""
        read = self.read
        return _Value(lambda batch: flatten(read(batch)), self.shape) if self.multi_hot else self


def _assemble(
    nodes: Nodes,
    heads: Mapping[str, str],
    inputs: Mapping[str, Input],
    outputs: Mapping[str, int],
    keys: Mapping[str, str],
    output_layer: bool = True,
) -> Network:
    """The network of some nodes; of keys, that of each node's layers in the config."""
    values: dict[str, _Value] = {}
    reached: dict[str, list[Shape]] = {}
    parts: dict[str, tuple[list[nn.Module], Shape, bool]] = {}
    steps = []
    for name in sort_nodes(nodes):
        layers, part = layers_of(nodes, name), nodes[name].like or name
        taken = _join(name, nodes[name], [_find(s, layers, inputs, values) for s in nodes[name].of])
        if taken.multi_hot and not _takes_multi_hot(layers):
            taken = taken.dense()
        reached[name] = [taken.shape]
        require_alike(nodes, reached)
        if part not in parts:
            modules, shape = stack_layers(layers, taken.shape, keys[name], taken.multi_hot)
            parts[part] = modules, shape, taken.multi_hot
        elif not parts[part][2]:  # a layer that was made for rows with their zeros
            taken = taken.dense()
        steps.append(Step(name, taken.read, part, nodes[name].of, nodes[name].join))
        given = taken.multi_hot and not layers
        values[name] = _Value(itemgetter(name), parts[part][1], given)
    ends = {}
    for target, size in outputs.items():
        end, key = values[heads[target]], keys[heads[target]]
        shape = take_end(end.shape, key, None if output_layer else size)
        head = dense_layer(shape.sizes[0], size, end.multi_hot) if output_layer else AsOutputs()
        ends[target] = heads[target], head
    return Network({name: modules for name, (modules, _, _) in parts.items()}, steps, ends)


def require_bytes(base: Base, name: str, found: Input) -> None:
    """Refuses pictures that were scaled before they reach a base, which does that itself.

    Raises:
        UsageError: they are.
    """
    if found.scaled:
        what = f"{base.network} scales pictures itself, but those of {name} are scaled already"
        accepted = "pictures as bytes, from 0 to 255"
        raise UsageError(Problem(what, "model.network", accepted, "prepare.steps=[]"))


def _takes_multi_hot(layers: Sequence[Chosen]) -> bool:
    """Whether rows of set positions may reach layers as they are."""
    return not layers or layers[0].name == "linear"


def _find(
    source: str,
    layers: Sequence[Chosen],
    inputs: Mapping[str, Input],
    values: Mapping[str, _Value],
) -> _Value:
    """An input or an earlier node, as some layers read it."""
    if source in values:
        return values[source]
    found = inputs[source]
    if layers and isinstance(layers[0].options, Pretrained):
        require_bytes(layers[0].options, source, found)
    if found.kind == "multi_hot":
        return _Value(itemgetter(source), shape_of(found.shape, images=False), multi_hot=True)
    return _Value(*reader(source, found, has_images(layers)))


def _join(name: str, node: Node, found: Sequence[_Value]) -> _Value:
    """What a node's layers get of its sources."""
    if len(found) == 1:
        return found[0]
    parts = [(source, [one.shape]) for source, one in zip(node.of, found, strict=True)]
    (shape,) = join_shapes(name, parts, node.join)
    readers = [one.dense().read for one in found]
    return _Value(_joiner(readers, node.join, 1 if shape.kind == "image" else -1), shape)


def _joiner(readers: Sequence[Reader], join: Join | None, axis: int) -> Reader:
    def joined(parts: list[Tensor]) -> Tensor:
        return reduce(torch.add, parts) if join == "add" else torch.cat(parts, dim=axis)

    def read(batch: Batch) -> Tensor | Padded:
        parts: list[Any] = [one(batch) for one in readers]
        first = parts[0]
        if isinstance(first, Padded):  # all of them, and of the same lengths, as shapes tell
            return Padded(joined([one.values for one in parts]), first.lengths)
        return joined(parts)

    return read


def stack_layers(
    layers: Sequence[Chosen], shape: Shape, key: str, multi_hot: bool = False
) -> tuple[list[nn.Module], Shape]:
    """The modules of a list of layers, and the shape after the last.

    Args:
        layers: in order.
        shape: what reaches the first.
        key: where the list stands in the config.
        multi_hot: whether that is `MultiHot` rows.

    Raises:
        UsageError: a layer cannot take what reaches it.
    """
    modules: list[nn.Module] = []
    for number, layer in enumerate(layers, start=1):
        make = multi_hot_linear if multi_hot and not modules else layer.load()
        before, place = shape, Place(number, layer.name, key)
        module, shape = make(layer.options, before, place)
        if before.ragged and not (shape.ragged or getattr(module, "reads_time", False)):
            raise place.refuse_ragged(before)
        modules.append(module)
    return modules, shape
