"""Graphs of layers: nodes that read inputs or each other, some with the same weights."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from dlx.config.specs import MODELS
from dlx.config.specs.nodes import Node, assign_heads, unread
from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.models.init import initialise
from dlx.models.sizes import count_parameters, measure_rows
from dlx.models.summary import LayerRow, layer_table
from dlx.seeds import derive

TEN, SERIES = Input("dense", (10,)), Input("dense", (6, 3))
PICTURE, IDS = Input("dense", (2, 7, 5)), Input("ids", (9,), 20)
Make = Callable[..., Any]


def node(layer: Make, *of: str, layers: str = "", **options: Any) -> Node:
    """A node whose layers are written as in "linear 4, relu"."""
    sizes = {"linear": "units", "lstm": "units", "embedding": "dim"}
    made = [
        layer(name, **{sizes.get(name, "channels"): int(size) for size in given})
        for name, *given in (one.split() for one in layers.split(", ") if layers)
    ]
    return Node(of=of, layers=tuple(made), **options)


@pytest.fixture
def make(layer: Make) -> Make:
    return partial(node, layer)


@pytest.fixture
def siamese(make: Make) -> dict[str, Node]:
    """Two inputs through the same layers, and what they differ by."""
    return {
        "left": make("a", layers="linear 4, tanh"),
        "right": make("b", like="left"),
        "both": make("left", "right", join="concat", layers="linear 3, relu"),
    }


def started(model: Any) -> Any:
    """With the starting weights that the seed gives each by its name."""
    initialise(
        model, "keras", lambda name: torch.Generator().manual_seed(derive(0, "init", 0, name))
    )
    return model


def rows(*names: str, sizes: tuple[int, ...] = (10,)) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {name: torch.randn(5, *sizes) for name in names}


def test_one_node_is_the_list_of_layers_to_the_bit(build: Make, layer: Make, make: Make) -> None:
    chosen = (layer("linear", units=4), layer("relu"), layer("dropout"))
    listed = started(build("layers", {"x": TEN}, layers=chosen))
    graph = started(
        build("graph", {"x": TEN}, nodes={"any": make("x", layers="linear 4, relu, dropout")})
    )

    assert list(graph.state_dict()) == list(listed.state_dict())
    assert next(iter(graph.state_dict())) == "body.0.weight"
    for name, value in listed.state_dict().items():
        assert torch.equal(graph.state_dict()[name], value)
    answers = []
    for model in (listed, graph):
        torch.manual_seed(2)
        answers.append(model(rows("x"))["y"])
    assert torch.equal(*answers)


def test_what_shared_layers_learn_is_the_sum_of_both_uses(
    build: Make, make: Make, siamese: dict[str, Node]
) -> None:
    inputs, values = {"a": TEN, "b": TEN}, rows("a", "b")
    shared = started(build("graph", inputs, nodes=siamese))
    apart = build("graph", inputs, nodes={**siamese, "right": make("b", layers="linear 4, tanh")})
    weights = shared.state_dict()
    again = {name.replace("left", "right"): value for name, value in weights.items()}
    apart.load_state_dict({**again, **weights})

    for model in (shared, apart):
        model(values)["y"].square().sum().backward()

    assert torch.equal(shared(values)["y"], apart(values)["y"])
    left, right = apart.nodes["left"][0].weight.grad, apart.nodes["right"][0].weight.grad
    assert left.abs().sum() > 0
    torch.testing.assert_close(shared.nodes["left"][0].weight.grad, left + right)
    assert not any("right" in name for name in weights)


def test_shared_layers_are_counted_once_and_told_again(
    build: Make, siamese: dict[str, Node]
) -> None:
    inputs = {"a": TEN, "b": TEN}
    model = build("graph", inputs, nodes=siamese, heads={"y": "both"})
    found = layer_table(model, inputs)

    assert count_parameters(model) == 4 * 11 + 3 * 9 + 4 == sum(row.parameters for row in found)
    assert found[0] == LayerRow("nodes.left.0", "Linear", (4,), 44, 44)
    assert LayerRow("nodes.left.0", "Linear (shared)", (4,), 0, 0) in found
    assert len(model.hidden_kernels()) == 2
    assert measure_rows(model, inputs).kept == 4 * 4 + 2 * 3 + 1  # both uses are kept


@pytest.mark.parametrize("seed", range(3))
def test_the_order_in_which_nodes_are_written_is_nothing(
    build: Make, make: Make, siamese: dict[str, Node], seed: int
) -> None:
    nodes = {**siamese, "beside": make("a", layers="dropout, linear 3")}
    nodes["last"] = make("beside", "both", join="add", layers="dropout")
    mixed = dict(random.Random(seed).sample(sorted(nodes.items()), len(nodes)))
    answers, states = [], []
    for one in (nodes, mixed):
        model = started(build("graph", {"a": TEN, "b": TEN}, nodes=one))
        torch.manual_seed(0)
        answers.append(model(rows("a", "b"))["y"])
        states.append(model.state_dict())

    assert list(states[0]) == list(states[1])
    assert torch.equal(*answers)


def test_weights_that_are_kept_give_the_same_answers(build: Make, siamese: dict[str, Node]) -> None:
    inputs = {"a": TEN, "b": TEN}
    model = started(build("graph", inputs, nodes=siamese))
    other = build("graph", inputs, nodes=siamese)
    other.load_state_dict(model.state_dict())

    assert torch.equal(other(rows("a", "b"))["y"], model(rows("a", "b"))["y"])


JOINED = [
    ((10,), "concat", (20,), -1),
    ((10,), "add", (10,), None),
    ((6, 3), "concat", (6, 6), -1),
    ((2, 7, 5), "concat", (4, 7, 5), 1),
    ((2, 7, 5), "add", (2, 7, 5), None),
]


@pytest.mark.parametrize(("sizes", "join", "after", "axis"), JOINED)
def test_joins_are_torchs(build: Make, make: Make, sizes, join, after, axis) -> None:
    found = Input("dense", sizes)
    nodes = {"main": make("a", "b", join=join, layers="flatten")}
    model = build("graph", {"a": found, "b": found}, nodes=nodes)
    values = rows("a", "b", sizes=sizes)
    parts = list(values.values())
    joined = sum(parts) if axis is None else torch.cat(parts, dim=axis)

    assert tuple(joined.shape[1:]) == after
    expected = model.heads["y"](joined.flatten(1))  # type: ignore[union-attr]
    assert torch.equal(model(values)["y"], expected)


def test_each_target_has_a_head_on_its_node(build: Make, make: Make) -> None:
    nodes = {"base": make("x", layers="linear 4, relu"), "far": make("base", layers="linear 3")}
    model = build(
        "graph",
        {"x": TEN},
        {"one": 2, "two.keys": 5},
        nodes=nodes,
        heads={"one": "base", "two.keys": "far"},
    )
    found = model(rows("x"))

    assert {name: tuple(one.shape) for name, one in found.items()} == {
        "one": (5, 2),
        "two.keys": (5, 5),
    }
    assert model.heads["one"].in_features == 4


def test_ids_are_embedded_and_read_once_for_both(build: Make, make: Make) -> None:
    nodes = {
        "question": make("a", layers="embedding 4, lstm 3"),
        "answer": make("b", like="question"),
        "pair": make("question", "answer", join="add"),
    }
    model = build("graph", {"a": IDS, "b": IDS}, nodes=nodes)
    ids = torch.randint(20, (5, 9))

    answer = model({"a": ids, "b": ids})["y"]
    torch.testing.assert_close(answer, model.heads["y"](2 * model.nodes["question"](ids)))


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (
            {"words": ("", "", "", "word", "other")},
            "node answer is like question, but its ids stand for other words\n"
            "  where: model.nodes.answer.like\n"
            "  accepted: ids of the same words\n"
            "  try: in place of `like`, give answer layers of its own, or put hash_tokens in the "
            "place of tokenize",
        ),
        (
            {"ids": 7},
            "node answer is like question, but reads rows of ids of different length (7 in all), "
            "and question rows of ids of different length (5 in all)\n"
            "  where: model.nodes.answer.like\n"
            "  accepted: the shape that the other reads\n"
            "  try: in place of `like`, give answer layers of its own",
        ),
    ],
)
def test_layers_are_shared_between_ids_of_the_same_words(
    build: Make, make: Make, theirs: dict[str, Any], told: str
) -> None:
    mine = Input("ids", (0,), 5, True, 9, ("", "", "", "other", "word"))
    nodes = {
        "question": make("a", layers="embedding 4, lstm 3"),
        "answer": make("b", like="question"),
        "pair": make("question", "answer", join="add"),
    }
    build("graph", {"a": mine, "b": mine}, nodes=nodes)
    with pytest.raises(UsageError) as caught:
        build("graph", {"a": mine, "b": replace(mine, **theirs)}, nodes=nodes)
    assert str(caught.value) == told


def test_multi_hot_rows_reach_any_node(build: Make, make: Make, multi_hot: Make) -> None:
    """Alone into a linear layer as they are; joined, or into layers for dense rows, written out."""
    words, dense = Input("multi_hot", (30,)), Input("dense", (30,))
    nodes = {
        "as_they_are": make("x", layers="linear 4"),
        "dense_too": make("z", like="as_they_are"),
        "alone": make("x"),
        "written": make("alone", layers="dropout, linear 4"),
        "with": make("x", "z", join="concat", layers="linear 4"),
        "all": make("as_they_are", "dense_too", "written", "with", join="add"),
    }
    for kinds in ((words, dense), (dense, words)):
        x, z = multi_hot(5, 30), multi_hot(5, 30)
        sparse = {"x": x, "z": z.dense()} if kinds[0] is words else {"x": x.dense(), "z": z}
        mixed = build("graph", dict(zip("xz", kinds, strict=True)), nodes=nodes).eval()
        plain = build("graph", {"x": dense, "z": dense}, nodes=nodes).eval()
        turned = {
            name: value if value.shape == plain.state_dict()[name].shape else value.t()
            for name, value in mixed.state_dict().items()
        }
        plain.load_state_dict(turned)
        written = {"x": x.dense(), "z": z.dense()}
        torch.testing.assert_close(mixed(sparse)["y"], plain(written)["y"])


SHAPES = {"a": (4,), "b": (6, 4), "c": (2, 7, 5), "d": (4,), "e": (4,)}
PIECES = (
    *("linear 4", "linear 4", "linear 4", "relu", "relu", "flatten", "flatten", "dropout"),
    *("lstm 4", "conv1d 4", "conv2d 4", "global_max_pool"),
)


def random_graph(make: Make, seed: int) -> dict[str, Node]:
    """Some nodes, of which each reads inputs or earlier ones, the last of them at the end."""
    draw = random.Random(seed)
    nodes: dict[str, Node] = {}
    for name in draw.choice(("s", "ps", "pqs")):
        of = draw.sample([*SHAPES, *nodes], draw.choice((1, 1, 2)))
        join = draw.choice(("concat", "add")) if len(of) > 1 else None
        likes = [n for n in nodes if nodes[n].like is None]
        if likes and draw.random() < 0.2:
            nodes[name] = make(*of, join=join, like=draw.choice(likes))
        else:
            layers = ", ".join(draw.choices(PIECES, k=draw.choice((1, 2))))
            nodes[name] = make(*of, join=join, layers=layers)
    return nodes


def refusal(act: Callable[..., object], *given: object, **options: object) -> str:
    try:
        act(*given, **options)
    except UsageError as error:
        return str(error)
    return ""


def test_what_is_told_without_torch_is_what_the_model_says(build: Make, make: Make) -> None:
    """In the same words where all shapes are known; where not, nothing is refused that fits."""
    inputs = {name: Input("dense", sizes) for name, sizes in SHAPES.items()}
    fits = 0
    for seed in range(150):
        nodes = random_graph(make, seed)
        heads = {name: name for name in unread(nodes)}
        outputs = dict.fromkeys(heads, 1)
        built = refusal(build, "graph", inputs, outputs, nodes=nodes, heads=heads)

        graph = MODELS.default("graph", nodes=nodes, heads=heads)().options
        check = partial(graph.check, targets=[*heads], where=".".join)
        assert "\n".join(map(str, check(SHAPES))) == built, nodes
        assert built or not [*check(dict.fromkeys(SHAPES))], nodes
        fits += not built
    assert 20 < fits < 130


def test_a_graph_that_no_config_has_is_checked_when_it_is_built(build: Make, make: Make) -> None:
    """As that of a learner with models of its own."""
    circle = {"one": make("two"), "two": make("one")}
    assert refusal(build, "graph", {"x": TEN}, nodes=circle) == (
        "nodes read each other in a circle: one -> two -> one\n"
        "  where: model.nodes.one.of\n"
        "  accepted: nodes that read inputs, or nodes that read others\n"
        "  try: 'model.nodes.one.of=[x]'"
    )
    said = refusal(build, "graph", {"x": TEN}, nodes={"one": make("y")})
    assert said.startswith("node one reads `y`, which is no input and no node")


def test_the_last_node_is_the_head_where_none_is_said(siamese: dict[str, Node]) -> None:
    assert assign_heads(siamese, {}, ["y", "z"]) == {"y": "both", "z": "both"}
