"""Blocks, models and repetitions within graphs: they are the nodes that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from dlx.config.specs.nodes import Block, Node
from dlx.config.specs.optimizers import Group
from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.models.frozen import frozen_groups
from dlx.models.sizes import count_parameters
from dlx.optimizers.groups import divide

TEN, PICTURE = Input("dense", (10,)), Input("dense", (3, 32, 32))
Make = Callable[..., Any]


@pytest.fixture
def residual(layer: Make) -> Block:
    """What a dense layer gives, added to what it reads."""
    long = Node(of=("input",), layers=(layer("linear", units=10), layer("tanh")))
    return Block(nodes={"long": long, "sum": Node(of=("long", "input"), join="add")})


def rows(*names: str, sizes: tuple[int, ...] = (10,)) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {name: torch.randn(4, *sizes) for name in names}


def load_renamed(model: torch.nn.Module, weights: dict[str, Any], names: dict[str, str]) -> None:
    renamed = {}
    for name, value in weights.items():
        for old, new in names.items():
            name = name.replace(old, new)
        renamed[name] = value
    model.load_state_dict(renamed)


def test_a_repeated_block_is_its_nodes_written_out(
    build: Make, layer: Make, residual: Block
) -> None:
    nodes = {"more": Node(of=("x",), block="res", repeat=2)}
    model = build("graph", {"x": TEN}, nodes=nodes, blocks={"res": residual})
    dense = (layer("linear", units=10), layer("tanh"))
    written = {
        "a": Node(of=("x",), layers=dense),
        "b": Node(of=("a", "x"), join="add"),
        "c": Node(of=("b",), layers=dense),
        "d": Node(of=("c", "b"), join="add"),
    }
    other = build("graph", {"x": TEN}, nodes=written)

    assert [n for n, _ in model.named_parameters()][:2] == [
        "nodes.more.1.long.0.weight",
        "nodes.more.1.long.0.bias",
    ]
    names = {"more.1.long": "a", "more.2.long": "c"}
    load_renamed(other, model.state_dict(), names)
    assert torch.equal(model(rows("x"))["y"], other(rows("x"))["y"])


def test_repeated_layers_follow_each_other_with_weights_of_their_own(
    build: Make, layer: Make
) -> None:
    deep = Node(of=("x", "z"), join="concat", layers=(layer("linear", units=3),), repeat=3)
    model = build("graph", {"x": TEN, "z": TEN}, nodes={"deep": deep})
    sizes = {name: tuple(p.shape) for name, p in model.named_parameters() if "weight" in name}
    assert sizes == {
        "nodes.deep.1.0.weight": (3, 20),
        "nodes.deep.2.0.weight": (3, 3),
        "nodes.deep.3.0.weight": (3, 3),
        "heads.y.weight": (1, 3),
    }


def test_rates_by_pattern_reach_one_repetition(build: Make, residual: Block) -> None:
    nodes = {"more": Node(of=("x",), block="res", repeat=2)}
    model = build("graph", {"x": TEN}, nodes=nodes, blocks={"res": residual})
    names = [name for name, _ in model.named_parameters()]
    parts = divide(names, {"nodes.more.2.*": Group(lr=0.5)})
    fast = next(found for own, found in parts.items() if own.rates)
    assert fast == ["nodes.more.2.long.0.weight", "nodes.more.2.long.0.bias"]


def test_a_block_that_is_shared_has_one_gradient_of_both(build: Make, residual: Block) -> None:
    """Its repetitions and the blocks within it as well."""
    nodes = {
        "left": Node(of=("a",), block="outer", repeat=2),
        "right": Node(of=("b",), like="left"),
        "both": Node(of=("left", "right"), join="concat"),
    }
    outer = Block(nodes={"in": Node(of=("input",), block="res", repeat=2)})
    blocks = {"res": residual, "outer": outer}
    inputs = {"a": TEN, "b": TEN}
    shared = build("graph", inputs, nodes=nodes, blocks=blocks)
    apart = build(
        "graph",
        inputs,
        nodes={**nodes, "right": Node(of=("b",), block="outer", repeat=2)},
        blocks=blocks,
    )
    weights = shared.state_dict()
    assert count_parameters(shared) == 4 * 110 + 21
    assert [name for name in weights if "right" in name] == []
    again = {name.replace("left", "right"): value for name, value in weights.items()}
    apart.load_state_dict({**again, **weights})
    for model in (shared, apart):
        model(rows("a", "b"))["y"].square().sum().backward()

    assert torch.equal(shared(rows("a", "b"))["y"], apart(rows("a", "b"))["y"])
    grads = {name: p.grad for name, p in apart.named_parameters()}
    for name, parameter in shared.named_parameters():
        if "left" in name:
            both = grads[name] + grads[name.replace("left", "right")]
            torch.testing.assert_close(parameter.grad, both)


def test_several_inputs_and_outputs_are_those_of_the_nodes(build: Make, layer: Make) -> None:
    cross = Block(
        inputs=("one", "two"),
        outputs=("sum", "wide"),
        nodes={
            "sum": Node(of=("one", "two"), join="add"),
            "wide": Node(of=("one",), layers=(layer("linear", units=10),)),
        },
    )
    nodes = {"twice": Node(of=("x", "z"), block="cross", repeat=2)}
    heads = {"y": "twice.sum", "t": "twice.wide"}
    model = build(
        "graph",
        {"x": TEN, "z": TEN},
        {"y": 1, "t": 2},
        nodes=nodes,
        heads=heads,
        blocks={"cross": cross},
    )
    given = rows("x", "z")
    first, second = (model.nodes["twice"][n]["wide"] for n in "12")
    total, wide = given["x"] + given["z"], first(given["x"])
    found = model(given)
    assert torch.equal(found["y"], model.heads["y"](total + wide))
    assert torch.equal(found["t"], model.heads["t"](second(total)))


PARTS: dict[str, dict[str, Any]] = {
    "mlp": {"units": (4, 3), "batch_norm": True, "dropout": 0.5},
    "convnet": {"channels": (4, 3), "dense": (5,), "batch_norm": True, "pool_last": True},
    "vgg": {"channels": (4,)},
    "residual": {"channels": (4, 6), "depth": (2,)},
    "xception": {"channels": (4,), "stem": 2},
    "pretrained": {"network": "squeezenet1_1", "weights": "random"},
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name == "pretrained" else ()) for name in PARTS],
)
def test_a_model_within_a_graph_is_that_model(
    build: Make, layer: Make, name: str, chosen: Make
) -> None:
    """With the weights of the same model alone, but for its output layer."""
    inputs = {"x": PICTURE, "z": PICTURE}
    nodes = {
        "left": Node(of=("x",), model=chosen(name, **PARTS[name])),
        "right": Node(of=("z",), like="left"),
        "sum": Node(of=("left", "right"), join="add"),
    }
    model = build("graph", inputs, nodes=nodes).eval()
    alone = build(name, {"x": PICTURE}, **PARTS[name]).eval()
    torch.manual_seed(0)
    for weight in model.parameters():
        torch.nn.init.uniform_(weight, -0.1, 0.1)
    mine, its = model.nodes["left"].state_dict().values(), alone.state_dict()
    body = [key for key in its if not key.startswith("heads")]
    if name == "pretrained":
        body.sort(key=lambda key: key.startswith("body"))
    alone.load_state_dict(
        {
            **its,
            **dict(zip(body, mine, strict=True)),
            **{key: value for key, value in model.state_dict().items() if key.startswith("heads")},
        }
    )

    given = rows("x", "z", sizes=(3, 32, 32))
    heads = model.heads["y"]
    expected = alone({"x": given["x"]})["y"] + alone({"x": given["z"]})["y"] - heads.bias
    torch.testing.assert_close(model(given)["y"], expected)


@pytest.mark.slow
def test_a_base_within_a_graph_is_frozen_and_takes_no_penalty(build: Make, chosen: Make) -> None:
    node = Node(of=("x",), model=chosen("pretrained", **PARTS["pretrained"]))
    model = build("graph", {"x": PICTURE}, nodes={"base": node, "top": Node(of=("base",))})
    assert list(frozen_groups(model)) == ["nodes.base.0[.]*"]
    assert model.hidden_kernels() == []


def test_what_a_node_cannot_take_is_told_where_it_stands(
    build: Make, layer: Make, residual: Block
) -> None:
    nodes = {"more": Node(of=("x",), block="res", repeat=2)}
    with pytest.raises(UsageError) as caught:
        build("graph", {"x": Input("dense", (9,))}, nodes=nodes, blocks={"res": residual})
    assert str(caught.value) == (
        "node more.1.sum cannot add more.1.long, a vector of 10, and x, a vector of 9\n"
        "  where: model.blocks.res.nodes.sum.join\n"
        "  accepted: values of the same shape\n"
        "  try: layers that end in the same size, or join: concat"
    )
