"""Diagrams of networks: a box for each layer that mixes numbers, and what flows between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dlx.config.specs.nodes import Block, Node
from dlx.data.columns import Input
from dlx.models.diagram import Box, Diagram
from dlx.models.summary import layer_table
from dlx.models.trace import watch

Make = Callable[..., Any]


def diagram_of(model: Any, inputs: dict[str, Input]) -> Diagram:
    with watch(model) as found:
        layer_table(model, inputs)
    (one,) = found.values()
    return one


def test_nodes_joins_and_shared_layers_are_told(build: Make, layer: Make) -> None:
    long = Node(
        of=("input",), layers=(layer("linear", units=4), layer("batch_norm"), layer("relu"))
    )
    block = Block(
        nodes={"long": long, "sum": Node(of=("long", "input"), join="add", layers=(layer("relu"),))}
    )
    nodes = {
        "left": Node(of=("a",), block="res", repeat=2),
        "right": Node(of=("b",), like="left"),
        "both": Node(of=("left", "right"), join="concat"),
    }
    inputs = {"a": Input("dense", (4,)), "b": Input("dense", (4,))}
    model = build("graph", inputs, {"y": 2}, nodes=nodes, blocks={"res": block})

    found = diagram_of(model, inputs)

    acts = ("Linear", "BatchNorm", "ReLU")
    assert found.boxes["a"] == Box("input", "a", (), (4,))
    assert found.boxes["left.1.long 0"] == Box("layer", "left.1.long", acts, (4,), shared=True)
    assert found.boxes["left.1.sum 0"] == Box("join", "left.1.sum", ("add", "ReLU"), (4,))
    assert found.boxes["both 0"] == Box("join", "both", ("concat",), (8,))
    assert found.boxes["heads.y"] == Box("output", "y", ("Linear",), (2,))
    assert found.reads["left.2.sum 0"] == ("left.2.long 0", "left.1.sum 0")
    assert found.reads["heads.y"] == ("both 0",)
    assert len(found.boxes) == 2 + 2 * 4 + 2


@pytest.mark.parametrize(
    ("name", "options", "boxes"),
    [
        ("mlp", {"units": (3,), "dropout": 0.5}, ["a", "b", "body 0", "body 1", "heads.y"]),
        ("layers", {}, ["b", "body 0", "body 1", "heads.y"]),
    ],
)
def test_other_models_are_graphs_of_one_node(
    build: Make, layer: Make, name: str, options: Any, boxes: list[str]
) -> None:
    inputs = {one: Input("dense", (4,)) for one in boxes if len(one) == 1}
    if name == "layers":
        options = {"layers": (layer("linear", units=3), layer("relu"), layer("linear", units=3))}
    found = diagram_of(build(name, inputs, **options), inputs)
    assert list(found.boxes) == boxes
    assert all({*sources} <= {*found.boxes} for sources in found.reads.values())


def test_windows_are_told_with_how_they_move(build: Make) -> None:
    inputs = {"x": Input("dense", (8, 8))}
    found = diagram_of(build("convnet", inputs, channels=(2, 3), kernel=2), inputs)
    told = [box.lines for box in found.boxes.values() if box.kind == "layer"]
    assert told[:2] == [("Conv2d 2 x 2", "ReLU"), ("MaxPool2d 2 x 2, stride 2",)]


def test_the_model_is_left_alone(build: Make) -> None:
    inputs = {"x": Input("dense", (4,))}
    model = build("mlp", inputs)
    diagram_of(model, inputs)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
