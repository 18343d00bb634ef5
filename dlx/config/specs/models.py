"""Model architectures by name. The last layer of each is added from the problem table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal

from ...errors import Problem, UsageError
from ..fields import Chosen, Component, Table, option
from ..files import Where
from ..shapes import Place, keep_possible, shape_of
from .blocks import Residual, Vgg, Xception, take_image
from .expand import Opened, open_graph
from .graphs import check_graph, locate
from .layers import LAYERS, Conv2d, Pool2d, choose, follow, shapes_of, take_end
from .mixed import Tabular
from .model import OUTPUT_LAYER, Layered
from .model import Common as Common
from .nodes import PARTS, Block, Known, Node, assign_heads, layers_of
from .pretrained import Pretrained
from .sequences import Conv1d, Recurrent, Transformer

ActivationName = Literal["relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "leaky_relu"]


@dataclass(frozen=True, kw_only=True)
class Mlp(Common):
    """Dense layers (multilayer perceptron); flattens its input."""

    size = "units"
    small = ((1,), (1, 1), (4,))

    units: tuple[int, ...] = option((64, 64), "hidden layers' sizes; [] for a linear model", ge=1)
    activation: ActivationName = option("relu", "after each hidden layer")
    dropout: float = option(0.0, "share set to zero after each hidden layer", ge=0, lt=1)
    batch_norm: bool = option(False, "normalise each hidden layer before its activation")

    def hidden(self) -> tuple[Chosen, ...]:
        """Its layers, which read a vector."""
        found: list[tuple[str, dict[str, Any]]] = []
        for units in self.units:
            # batch normalisation takes the mean off, and with it any bias before it
            found.append(("linear", {"units": units, "bias": not self.batch_norm}))
            found += [("batch_norm", {})] if self.batch_norm else []
            found.append((self.activation, {}))
            found += [("dropout", {"rate": self.dropout})] if self.dropout else []
        return choose(*found)

    def part(self, ids: bool) -> tuple[Chosen, ...]:  # noqa: ARG002
        """Its layers, after what makes a vector of anything."""
        return *choose(("flatten", {})), *self.hidden()


@dataclass(frozen=True, kw_only=True)
class Convnet(Common):
    """2-D convolutions with pooling between them, then dense layers (book 5.1)."""

    size = "channels"
    small = ((0.5, 1), (1, 2), (2, 4))

    channels: tuple[int, ...] = option(
        (32, 64, 64), "filters of each convolution", ge=1, aliases=("filters",)
    )
    kernel: int = option(3, "window of the convolutions", ge=1, aliases=("kernel_size",))
    pool: int = option(2, "max-pooling between two convolutions; 1 for none", ge=1)
    pool_last: bool = option(False, "max-pooling after the last one too (book 5.2)", newer=True)
    padding: Literal["valid", "same"] = option("valid", "rows of zeros around the image")
    dense: tuple[int, ...] = option((64,), "dense layers after the convolutions", ge=1)
    activation: ActivationName = option("relu", "after each convolution and dense layer")
    dropout: float = option(0.0, "share set to zero before each dense layer", ge=0, lt=1)
    batch_norm: bool = option(False, "normalise after each convolution")

    def windows(self) -> Iterator[tuple[Pool2d | Conv2d, Place]]:
        """The convolutions in order, with the pooling between two of them, or after each."""
        pool = Pool2d(size=self.pool)
        for number, channels in enumerate(self.channels, start=1):
            if number > 1 and self.pool > 1:
                yield pool, Place(number, "pooling before it", "model.pool")
            window = Conv2d(
                channels=channels,
                kernel=self.kernel,
                padding=self.padding,
                bias=not self.batch_norm,  # which takes the mean off, and with it any bias
            )
            yield window, Place(number, "convolution", "model.channels")
        if self.pool_last and self.pool > 1 and self.channels:
            yield pool, Place(len(self.channels), "pooling after it", "model.pool")

    def part(self, ids: bool) -> tuple[Chosen, ...]:  # noqa: ARG002
        """Its layers."""
        found: list[tuple[str, dict[str, Any]]] = []
        for window, _ in self.windows():
            name = "max_pool2d" if isinstance(window, Pool2d) else "conv2d"
            found.append((name, {one.name: getattr(window, one.name) for one in fields(window)}))
            if name == "conv2d":
                found += [("batch_norm", {})] if self.batch_norm else []
                found.append((self.activation, {}))
        drop = [("dropout", {"rate": self.dropout})] if self.dropout else []
        found.append(("flatten", {}))
        for units in self.dense:
            found += [*drop, ("linear", {"units": units}), (self.activation, {})]
        return choose(*found, *(() if self.dense else drop))

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """An input that is no image, and windows larger than what reaches them."""
        try:
            for name, sizes in inputs.items() if len(inputs) == 1 else ():
                if sizes is None:
                    continue
                shape = take_image("convnet", name, shape_of(sizes, images=True))
                for window, place in self.windows():
                    shape = window.after(shape, place)
        except UsageError as error:
            yield from locate(error, where)


@dataclass(frozen=True, kw_only=True)
class Layers(Layered):
    """A list of layers, shapes inferred: [{linear: 16}, relu, {dropout: 0.5}]."""

    layers: tuple[Chosen, ...] = option(
        help="from input to the last hidden layer; the output layer is added",
        table=LAYERS,
        example="[{linear: 16}, relu]",
    )
    output_layer: bool = option(True, OUTPUT_LAYER, newer=True)

    key = "model.layers"

    @property
    def own_outputs(self) -> bool:
        """Whether its last layer gives the outputs themselves."""
        return not self.output_layer

    def expand(self, ids: bool) -> tuple[Chosen, ...]:  # noqa: ARG002
        """The listed layers."""
        return self.layers

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:  # noqa: ARG002
        """Layers that cannot take the shape that reaches them, as far as it is known."""
        yield from self._follow(inputs, None if self.output_layer else 0, where)

    def check_outputs(
        self, inputs: Known, sizes: Mapping[str, int], where: Where
    ) -> Iterator[Problem]:
        """A last layer that gives more numbers than the outputs, or fewer."""
        for size in set(sizes.values()) if self.own_outputs else ():
            yield from self._follow(inputs, size, where)

    def _follow(self, inputs: Known, size: int | None, where: Where) -> Iterator[Problem]:
        """What the layers, or outputs of some size, contradict."""
        try:
            for sizes in inputs.values() if len(inputs) == 1 else ():
                ends = follow(self.layers, shapes_of(sizes, self.layers), self.key)
                keep_possible(partial(take_end, key=self.key, size=size), ends)
        except UsageError as error:
            yield from locate(error, where)


@dataclass(frozen=True, kw_only=True)
class Graph(Common):
    """Nodes of layers that read inputs or each other: several inputs, branches, shared weights."""

    nodes: dict[str, Node] = option(
        dict,
        "the parts by name: what each reads (of), its layers or those of another (like), and "
        "how several are joined (join)",
        example="{left: {of: [mean], layers: [{linear: 16}, relu]}, "
        "right: {of: [worst], like: left}, both: {of: [left, right], join: concat}}",
    )
    heads: dict[str, str] = option(
        dict,
        "target -> node that its output layer reads; empty: the only node that no other reads",
        example="{diagnosis: both}",
    )
    output_layer: bool = option(True, OUTPUT_LAYER, newer=True)

    blocks: dict[str, Block] = option(
        dict,
        "nodes by name that stand for one: what they call their inputs (inputs), and which of them "
        "others may read (outputs)",
        example="{twice: {nodes: {a: {of: [input], layers: [{linear: 16}, relu]}, "
        "sum: {of: [a, input], join: add}}}}",
        newer=True,
    )

    def unfold(self, ids: Callable[[str], bool]) -> Opened:
        """Its nodes with all blocks and models opened; see `open_graph`."""
        return open_graph(self.nodes, self.blocks, ids)

    def ends(self, opened: Opened, targets: Iterable[str]) -> dict[str, str]:
        """The opened node that each target's output layer reads."""
        heads = assign_heads(self.nodes, self.heads, targets, self.blocks)
        return {target: opened.given[name] for target, name in heads.items()}

    def stacks(self) -> dict[str, Sequence[Chosen]]:
        """The layers of each node that has some of its own."""
        opened = self.unfold(lambda _: True)
        owners = {opened.keys[name]: one.layers for name, one in opened.nodes.items()}
        return {key: layers for key, layers in owners.items() if layers}

    def byte_inputs(self, inputs: Collection[str]) -> list[str]:
        """Those that a pretrained network reads."""
        nodes = self.unfold(lambda _: False).nodes
        read = {one for n in nodes for one in nodes[n].of if _has_base(layers_of(nodes, n))}
        return [name for name in inputs if name in read]

    def check(self, inputs: Known, targets: Sequence[str], where: Where) -> Iterator[Problem]:
        """Names, circles, nodes that nobody reads, and shapes as far as they are known."""
        sizes = None if self.output_layer else dict.fromkeys(targets, 0)
        yield from self._check(inputs, targets, where, sizes)

    def check_outputs(
        self, inputs: Known, sizes: Mapping[str, int], where: Where
    ) -> Iterator[Problem]:
        """Last nodes that give more numbers than the outputs, or fewer."""
        if not self.output_layer:
            yield from self._check(inputs, tuple(sizes), where, sizes)

    def _check(
        self,
        inputs: Known,
        targets: Sequence[str],
        where: Where,
        sizes: Mapping[str, int] | None,
    ) -> Iterator[Problem]:
        graph = self.nodes, self.blocks, self.heads
        yield from check_graph(*graph, inputs, targets, where, sizes)


def _has_base(layers: Sequence[Chosen]) -> bool:
    return bool(layers) and isinstance(layers[0].options, Pretrained)


_CODE = "dlx.models"
MODELS = Table(
    "model",
    {
        "mlp": Component(Mlp, f"{_CODE}.mlp:build"),
        "convnet": Component(Convnet, f"{_CODE}.convnet:build"),
        "vgg": Component(Vgg, f"{_CODE}.graph:build_blocks"),
        "residual": Component(Residual, f"{_CODE}.graph:build_blocks"),
        "xception": Component(Xception, f"{_CODE}.graph:build_blocks"),
        "tabular": Component(Tabular, f"{_CODE}.graph:build_tabular"),
        "layers": Component(Layers, f"{_CODE}.graph:build_layers"),
        "graph": Component(Graph, f"{_CODE}.graph:build"),
        "recurrent": Component(Recurrent, f"{_CODE}.graph:build_layers"),
        "conv1d": Component(Conv1d, f"{_CODE}.graph:build_layers"),
        "transformer": Component(Transformer, f"{_CODE}.graph:build_layers"),
        "pretrained": Component(Pretrained, f"{_CODE}.pretrained:build"),
    },
)
PARTS.entries.update({n: one for n, one in MODELS.entries.items() if one.options is not Graph})
