"""Rows of different length: what fills them to the longest of a batch never matters.

Every layer of the table that takes such rows is tried, with each value of its switches.
"""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
import yaml
from torch import Tensor, nn

from dlx.config.fields import Chosen, options_of
from dlx.config.shapes import Place, Shape
from dlx.config.specs import TABLES
from dlx.config.specs.nodes import Node
from dlx.data.columns import Input
from dlx.errors import DlxError, UsageError
from dlx.models.inputs import Padded, round_steps
from dlx.models.network import Stack
from dlx.models.recurrent import reverse_rows
from dlx.models.sizes import measure_rows
from dlx.models.summary import layer_table

LENGTHS = torch.tensor([9, 1, 4, 7])
FEATURES, IDS = 6, 20
SEQUENCE = Shape("sequence", (0, FEATURES), ragged=True, lengths=("x",))
REVIEWS = Shape("ids", (0,), IDS, True, ("x",))
LAYERS = TABLES["layer"].entries
NEEDED = {"position": {"length": 20}}
"""What a layer needs for rows of different length beside what it always needs."""


def variants(name: str) -> list[dict[str, Any]]:
    """What a layer needs, with each of its switches turned alone, and all of them together."""
    options = options_of(LAYERS[name].options).values()
    needs = {one.name: yaml.safe_load(one.meta.example) for one in options if one.required}
    needs |= NEEDED.get(name, {})
    turned = {"stride": 2, "dilation": 2}
    for one in options:
        if one.hint is bool:
            turned[one.name] = not one.default
        elif get_origin(one.hint) is Literal:
            turned[one.name] = next(other for other in get_args(one.hint) if other != one.default)
    own = {key: value for key, value in turned.items() if key in {one.name for one in options}}
    each = [needs | {key: value} for key, value in own.items()]
    return [needs, *each, *([needs | own] if len(own) > 1 else [])]


def alone(name: str, options: dict[str, Any], before: Shape) -> Stack:
    """A layer on its own, with weights from one seed, and no dropout: masks depend on shapes."""
    chosen = Chosen(name, LAYERS[name].options(**options), LAYERS[name].target)
    torch.manual_seed(1)
    stack = Stack(chosen.load()(chosen.options, before, Place(1, name))[0])
    for module in stack.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    return stack


def taken(name: str, options: dict[str, Any]) -> list[tuple[Shape, Shape]]:
    """The shapes before and after a layer; none where it takes no rows of different length."""
    found = []
    for before in (SEQUENCE, REVIEWS):
        with suppress(UsageError):
            found.append((before, LAYERS[name].options(**options).after(before, Place(1, name))))
    return found


CASES = [
    (name, options, *shapes)
    for name in LAYERS
    for options in variants(name)
    for shapes in taken(name, options)
]


def rows(before: Shape, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    if before.kind == "ids":
        return torch.randint(IDS, (4, 9), generator=source)
    return torch.randn(4, 9, FEATURES, generator=source)


def refill(values: Tensor, more: int) -> Tensor:
    """The same rows with something else beyond their lengths, and more of it."""
    other = rows(REVIEWS if values.ndim == 2 else SEQUENCE, seed=5)
    counts = Padded(values, LENGTHS).counts()
    kept = torch.where(counts if values.ndim == 2 else counts.unsqueeze(2), values, other)
    return torch.cat([kept, other[:, :more]], dim=1)


def pass_through(stack: Stack, given: Padded) -> tuple[list[Tensor], Tensor | None, list[Tensor]]:
    """What each row gives, the gradient of the input where it counts, and those of weights."""
    values = given.values.requires_grad_() if given.values.is_floating_point() else given.values
    found = stack(Padded(values, given.lengths))
    each = list(found)
    if isinstance(found, Padded):
        each = [row[:n] for row, n in zip(found.values, found.lengths.tolist(), strict=True)]
    together = torch.cat([one.flatten() for one in each])
    torch.manual_seed(0)
    weights = list(stack.parameters())
    wanted = [*weights, values] if values.requires_grad else weights
    slopes = torch.randn(together.shape)
    grads = torch.autograd.grad((together * slopes).sum(), wanted) if wanted else ()
    if not values.requires_grad:
        return each, None, list(grads)
    beyond = ~Padded(values, given.lengths).counts()
    assert not grads[-1][beyond].any()
    return each, grads[-1][~beyond], list(grads[:-1])


def assert_alike(found: Any, wanted: Any) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "options", "before", "after"), CASES)
def test_what_fills_rows_changes_no_output_and_no_gradient(name, options, before, after):
    stack = alone(name, options, before)
    kept = {key: value.clone() for key, value in stack.state_dict().items()}
    found = pass_through(stack, Padded(rows(before), LENGTHS))
    learnt = {key: value.clone() for key, value in stack.state_dict().items()}
    for more in (0, 1, 5):
        stack.load_state_dict(kept)
        assert_alike(pass_through(stack, Padded(refill(rows(before), more), LENGTHS)), found)
        assert_alike(dict(stack.state_dict()), learnt)


@pytest.mark.parametrize(("name", "options", "before", "after"), CASES)
def test_a_row_in_a_batch_is_as_it_is_alone(name, options, before, after):
    stack = alone(name, options, before).eval()
    values = rows(before)
    found = stack(Padded(values, LENGTHS))
    assert isinstance(found, Padded) == after.ragged
    for row, length in enumerate(LENGTHS.tolist()):
        own = stack(Padded(values[row : row + 1, :length], LENGTHS[row : row + 1]))
        if isinstance(found, Padded):
            assert own.lengths == found.lengths[row]
            assert_alike(own.values[0], found.values[row, : found.lengths[row]])
        else:
            assert_alike(own[0], found[row])


@pytest.mark.parametrize(("name", "options", "before", "after"), CASES)
def test_rows_of_one_length_give_what_they_give_without_lengths(name, options, before, after):
    if options.get("padding") == "same" and options.get("stride") == 2:
        pytest.skip("zeros stand where no length matters, not where TensorFlow puts them")
    whole = Shape(before.kind, (9, *before.sizes[1:]), before.ids)
    found = alone(name, options, before)(Padded(rows(before), torch.full((4,), 9)))
    wanted = alone(name, options, whole)(rows(before))
    if after.ragged:
        assert found.lengths.tolist() == [wanted.shape[1]] * 4
    assert_alike(found.values if after.ragged else found, wanted)


def test_layers_over_time_are_among_those_tried():
    known = {"embedding", "conv1d", "max_pool1d", "global_avg_pool", "batch_norm", "lstm", "linear"}
    assert known <= {name for name, *_ in CASES}
    assert not {"flatten", "conv2d"} & {name for name, *_ in CASES}


def test_rows_are_reversed_within_their_lengths():
    given = Padded(torch.arange(36.0).view(4, 9, 1).requires_grad_(), LENGTHS)
    turned = reverse_rows(given)
    assert turned.values[2, :, 0].tolist() == [21, 20, 19, 18, 22, 23, 24, 25, 26]
    assert torch.equal(reverse_rows(turned).values, given.values)
    turned.values[:, 0].sum().backward()
    assert given.values.grad.nonzero()[:, 1].tolist() == [8, 0, 3, 6]


def test_a_row_that_is_shorter_than_a_window_gives_one_step():
    given = Padded(
        torch.tensor([[[3.0], [5.0], [7.0]], [[3.0], [9.0], [9.0]]]), torch.tensor([3, 1])
    )
    for name, wanted in {"avg_pool1d": [5.0, 3.0], "max_pool1d": [7.0, 3.0]}.items():
        found = alone(name, {"size": 3}, SEQUENCE)(given)
        assert (found.lengths.tolist(), found.values[:, 0, 0].tolist()) == ([1, 1], wanted)
    stack = alone("conv1d", {"channels": 1}, Shape("sequence", (0, 1), ragged=True))
    nn.init.ones_(stack[0].weight)
    nn.init.zeros_(stack[0].bias)
    assert stack(given).values[:, 0, 0].tolist() == [15.0, 3.0]


RAGGED = Input("ids", (0,), IDS, ragged=True, longest=9)


def test_a_list_of_layers_reads_rows_of_different_length(build, layer):
    layers = (layer("embedding", dim=4), layer("conv1d", channels=5), layer("lstm", units=3))
    model = build("layers", {"x": RAGGED}, layers=layers)
    found = model({"x": Padded(rows(REVIEWS), LENGTHS)})["y"]
    assert_alike(model({"x": Padded(refill(rows(REVIEWS), 3), LENGTHS)})["y"], found)
    shapes = [row.output_shape for row in layer_table(model, {"x": RAGGED})]
    assert shapes == [(9, 4), (7, 5), (3,), (1,)]  # of the longest row
    assert measure_rows(model, {"x": RAGGED}).kept == 9 * 4 + 7 * 5 + 7 * 3 * 5 + 3 + 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["embedding", "flatten"],
            "layer 2 (flatten) cannot take a sequence (time, features) of ? x 4, of different "
            "lengths\n  where: model.layers\n  accepted: samples of one length\n"
            "  try: use global_max_pool in its place, or add {name: pad, length: 500} to "
            "prepare.steps",
        ),
        (
            ["embedding"],
            "the last layer gives a sequence (time, features) of ? x 4, of different lengths, but "
            "the output layer needs a vector\n  where: model.layers\n"
            "  accepted: layers whose last output is a vector\n"
            "  try: end model.layers with global_max_pool",
        ),
        (
            ["relu"],
            "layer 1 (relu) cannot take rows of ids of different length\n  where: model.layers\n"
            "  accepted: a vector or a sequence (time, features) or an image (channels, height, "
            "width) or an array\n  try: insert {embedding: 32} before it",
        ),
    ],
)
def test_what_takes_no_rows_of_different_length_says_what_does(build, layer, names, message):
    layers = tuple(layer(name, **({"dim": 4} if name == "embedding" else {})) for name in names)
    with pytest.raises(UsageError) as caught:
        build("layers", {"x": RAGGED}, layers=layers)
    assert str(caught.value) == message


def test_the_dense_model_takes_none(build):
    with pytest.raises(UsageError, match="its rows are of different length"):
        build("mlp", {"x": RAGGED})


def graph(layer, right: str, same: bool = True, **options: Any) -> dict[str, Any]:
    """Two nodes over time, joined: the second with a convolution of these options."""
    embed = layer("embedding", dim=4)
    convolve = layer("conv1d", channels=4, **options)
    nodes = {
        "left": Node(of=("x",), layers=(embed,)),
        "right": Node(of=(right,), layers=(embed, convolve)),
        "both": Node(of=("left", "right"), join="concat" if same else "add", layers=(
            layer("gru", units=3),)),
    }  # fmt: skip
    return {"nodes": nodes}


@pytest.mark.parametrize("same", [True, False])
def test_nodes_over_time_of_one_input_can_be_joined(build, layer, same):
    inputs = {"x": RAGGED}
    model = build("graph", inputs, **graph(layer, "x", same, padding="same"))
    found = model({"x": Padded(rows(REVIEWS), LENGTHS)})["y"]
    assert_alike(model({"x": Padded(refill(rows(REVIEWS), 3), LENGTHS)})["y"], found)
    assert measure_rows(model, inputs).kept > 0


@pytest.mark.parametrize(("right", "options"), [("x", {}), ("z", {"padding": "same"})])
def test_nodes_whose_lengths_differ_cannot_be_joined(build, layer, right, options):
    """They have other windows behind them, or are of another input."""
    with pytest.raises(UsageError, match="node both cannot concat left, a sequence") as caught:
        build("graph", {"x": RAGGED, "z": RAGGED}, **graph(layer, right, **options))
    assert "try: join nodes whose layers end in a vector" in str(caught.value)


def test_a_layer_of_ones_own_that_makes_a_vector_must_read_lengths(build, layer):
    def make(options, shape, place):
        return nn.Flatten(), Shape("vector", (9 * 4,))

    own = SimpleNamespace(name="mine", options=None, load=lambda: make)
    with pytest.raises(UsageError, match=r"layer 2 \(mine\) cannot take a sequence .* different"):
        build("layers", {"x": RAGGED}, layers=(layer("embedding", dim=4), own))


def test_steps_of_a_batch_on_a_gpu_are_few_different_numbers(monkeypatch):
    gpu = torch.device("cuda")
    assert [round_steps(n, gpu) for n in (1, 64, 65, 500)] == [64, 64, 128, 512]
    assert round_steps(65, torch.device("cpu")) == 65
    stack = alone("position", {"kind": "learned", "length": 9}, SEQUENCE)
    found = stack(Padded(rows(SEQUENCE), LENGTHS)).values
    longer = Padded(refill(rows(SEQUENCE), 3), LENGTHS)
    with pytest.raises(DlxError, match="a row has 12 steps"):
        stack(longer)
    monkeypatch.setattr(
        "dlx.models.attention.round_steps", lambda steps, _: round_steps(steps, gpu)
    )
    filled = stack(longer)
    assert_alike(filled.values[:, :9][filled.counts()[:, :9]], found[filled.counts()[:, :9]])
