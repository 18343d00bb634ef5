"""Integrated gradients and occlusion of every kind of input and model; Captum is their oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlx.config.fields import Chosen
from dlx.config.specs import TABLES
from dlx.config.specs.nodes import Node
from dlx.data.columns import Input
from dlx.errors import RunError
from dlx.explain.attribution import integrate, occlude, slide, spread
from dlx.models.init import initialise
from dlx.models.inputs import Batch, MultiHot, Padded
from dlx.seeds import derive

LENGTH = 9
TEN, SERIES, WORDS = Input("dense", (10,)), Input("steps", (12, 3)), Input("multi_hot", (30,))
PICTURE, IDS, RAGGED = (
    Input("dense", (2, 12, 10)),
    Input("ids", (16,), 20),
    Input("ids", (0,), 20, True, 40),
)


def choose(table: str, name: str, **options: Any) -> Chosen:
    entry = TABLES[table].entries[name]
    return Chosen(name, entry.options(**options), entry.target)


def layers(text: str) -> tuple[Chosen, ...]:
    """Layers written as in "linear 4, relu"."""
    sizes = {"linear": "units", "lstm": "units", "embedding": "dim"}
    written = (one.split() for one in text.split(", "))
    made = ((name, {sizes[name]: int(size[0])} if size else {}) for name, *size in written)
    return tuple(choose("layer", name, **options) for name, options in made)


EMBED = Node(of=("ids",), layers=layers("embedding 4, lstm 5"))
JOINED = {
    "text": EMBED,
    "marks": Node(of=("words",), layers=layers("linear 4, tanh")),
    "all": Node(of=("text", "marks", "ten"), join="concat", layers=layers("linear 8, relu")),
}
SHARED = {
    "left": EMBED,
    "right": Node(of=("other",), like="left"),
    "both": Node(of=("left", "right"), join="concat", layers=layers("linear 4, tanh")),
}
CASES: dict[str, tuple[dict[str, Input], str, dict[str, Any]]] = {
    "mlp on a table": ({"x": TEN}, "mlp", {"units": (16, 16)}),
    "mlp with batch norm": ({"x": TEN}, "mlp", {"units": (8,), "batch_norm": True, "dropout": 0.3}),
    "mlp on multi-hot rows": ({"x": WORDS}, "mlp", {"units": (16, 16)}),
    "linear on multi-hot rows": ({"x": WORDS}, "mlp", {"units": ()}),
    "mlp on several": ({"x": TEN, "words": WORDS}, "mlp", {"activation": "tanh"}),
    "convnet": ({"x": PICTURE}, "convnet", {"channels": (4, 4), "dense": (8,), "batch_norm": True}),
    "lstm on a series": (
        {"x": SERIES},
        "recurrent",
        {"units": (6,), "dropout": 0.2, "recurrent_dropout": 0.2},
    ),
    "gru by a loop": (
        {"x": RAGGED},
        "recurrent",
        {"units": (6,), "cell": "gru", "activation": "relu"},
    ),
    "bidirectional": ({"x": RAGGED}, "recurrent", {"units": (6,), "bidirectional": "concat"}),
    "reversed ids": ({"x": IDS}, "recurrent", {"units": (6,), "reverse": True, "cell": "rnn"}),
    "conv1d on ids": (
        {"x": IDS},
        "conv1d",
        {"channels": (8, 8), "embedding": 8, "pool": 2, "kernel": 3},
    ),
    "conv1d with a gru": (
        {"x": RAGGED},
        "conv1d",
        {"end": "gru", "channels": (8, 8), "embedding": 8, "pool": 2, "kernel": 3},
    ),
    "transformer on ids": (
        {"x": RAGGED},
        "transformer",
        {"embedding": 8, "position": "learned", "length": 64},
    ),
    "transformer on a series": ({"x": SERIES}, "transformer", {"embedding": 8, "end": "attention"}),
    "layers": ({"x": PICTURE}, "layers", {"layers": layers("flatten, linear 16, relu")}),
    "graph of three kinds": (
        {"ids": RAGGED, "words": WORDS, "ten": TEN},
        "graph",
        {"nodes": JOINED},
    ),
    "graph with shared layers": ({"ids": RAGGED, "other": RAGGED}, "graph", {"nodes": SHARED}),
}


@dataclass(frozen=True)
class Case:
    """A model with random weights, one row of its inputs, and a baseline."""

    model: nn.Module
    row: Batch
    baseline: Batch

    def score(self, inputs: Batch) -> Tensor:
        return self.model(inputs)["y"][:, 1]


def draw(found: Input) -> tuple[Any, Any]:
    """A row of an input, and its baseline."""
    if found.kind == "multi_hot":
        set_ = torch.randperm(found.shape[0])[:8].sort().values
        empty = MultiHot(set_[:0], torch.tensor([0, 0]), found.shape[0])
        return MultiHot(set_, torch.tensor([0, 8]), found.shape[0], torch.rand(8)), empty
    if found.kind == "ids":
        ids = torch.randint(1, found.ids, (1, found.shape[0] or LENGTH))
        many = torch.tensor([LENGTH])
        row, none = (Padded(one, many) if found.ragged else one for one in (ids, ids * 0))
        return row, none
    return torch.randn(1, *found.shape), torch.zeros(1, *found.shape)


def made(name: str) -> Case:
    inputs, kind, options = CASES[name]
    chosen = choose("model", kind, **options)
    torch.manual_seed(3)
    model = chosen.load()(chosen.options, inputs, {"y": 3})
    initialise(
        model, "keras", lambda weight: torch.Generator().manual_seed(derive(0, "init", 0, weight))
    )
    for weight in model.parameters():  # else networks of relus are linear on the way from 0
        weight.data += 0.1 * torch.randn(weight.shape)
    drawn = {one: draw(found) for one, found in inputs.items()}
    row, baseline = ({one: pair[at] for one, pair in drawn.items()} for at in (0, 1))
    return Case(model.eval(), row, baseline)


@pytest.mark.parametrize("name", CASES)
def test_attributions_sum_to_the_difference_of_scores(name: str) -> None:
    case = made(name)

    found = integrate(case.model, case.score, case.row, case.baseline)

    total = sum(one.sum().item() for one in found.values.values())
    assert total == pytest.approx(found.score - found.start, rel=0.01)
    assert found.score == pytest.approx(case.score(case.row).item(), abs=1e-5)
    assert found.complete
    assert found.values.keys() == case.row.keys()


@pytest.mark.parametrize("name", CASES)
def test_covering_a_whole_input_gives_the_score_of_the_baseline(name: str) -> None:
    case = made(name)
    (first, *_) = case.row
    alone = {**case.row, first: case.baseline[first]}

    (fall,) = occlude(case.score, case.row, first, [(slice(None),)], case.baseline).tolist()

    expected = case.score(case.row).item() - case.score(alone).item()
    assert fall == pytest.approx(expected, abs=1e-5)


def test_a_linear_model_is_explained_by_its_weights() -> None:
    case = made("linear on multi-hot rows")
    row = case.row["x"]
    assert isinstance(row, MultiHot)

    found = integrate(case.model, case.score, case.row, case.baseline)
    windows = slide((30,), (1,), (1,))
    falls = occlude(case.score, case.row, "x", windows, case.baseline)

    expected = case.model.heads["y"].weight[:, 1] * row.dense()[0]  # type: ignore[index]
    assert torch.allclose(found.values["x"].float(), expected, atol=1e-6)
    assert torch.allclose(falls, expected, atol=1e-6)


def test_reversed_ids_are_explained_at_the_places_where_they_stand() -> None:
    """The same weights read the same ids in the same order, so each id has the same share."""
    case = made("reversed ids")
    plain = choose("model", "recurrent", cell="rnn", units=(6,))
    other = plain.load()(plain.options, {"x": IDS}, {"y": 3}).eval()
    own = case.model.state_dict()
    other.load_state_dict(
        {
            name.replace("body.1.", "body.0.").replace("body.2.", "body.1."): one
            for name, one in own.items()
        }
    )
    turned = {"x": case.row["x"].flip(1)}  # type: ignore[union-attr]

    found = integrate(case.model, case.score, case.row, case.baseline).values["x"]
    mirrored = integrate(other, lambda b: other(b)["y"][:, 1], turned, case.baseline).values["x"]

    assert torch.allclose(found, mirrored.flip(0), atol=1e-6)


def test_what_fills_a_row_has_no_share() -> None:
    case = made("bidirectional")
    row, base = case.row["x"], case.baseline["x"]
    assert isinstance(row, Padded)
    assert isinstance(base, Padded)
    longer, none = (
        {"x": Padded(torch.cat([one.values, one.values.new_zeros(1, 9)], 1), one.lengths)}
        for one in (row, base)
    )

    short = integrate(case.model, case.score, case.row, case.baseline).values["x"]
    filled = integrate(case.model, case.score, longer, none).values["x"]

    assert torch.allclose(filled[:LENGTH], short, atol=1e-5)
    assert torch.equal(filled[LENGTH:], torch.zeros(9, dtype=filled.dtype))


def test_more_gradients_are_taken_until_the_sum_is_right() -> None:
    """A step as steep as this is missed by few nodes."""
    model = nn.Sequential(nn.Linear(1, 1))
    row, zero = {"x": torch.ones(1, 1)}, {"x": torch.zeros(1, 1)}

    def steep(inputs: Batch) -> Tensor:
        value = inputs["x"]
        assert isinstance(value, Tensor)
        return torch.sigmoid(500 * (value[:, 0] - 0.317)) + 0 * model(value)[:, 0]

    few = integrate(model, steep, row, zero, fewest=4, most=4)
    more = integrate(model, steep, row, zero, fewest=4)

    assert not few.complete
    assert few.gap > 0.01
    assert more.complete
    assert more.steps > 16


def test_a_score_without_a_gradient_is_refused() -> None:
    model = nn.Embedding(5, 2)

    with pytest.raises(RunError, match="the score has no gradient by any input"):
        integrate(
            model,
            lambda inputs: inputs["x"].argmax(1).float(),  # type: ignore[union-attr]
            {"x": torch.rand(1, 4)},
            {"x": torch.zeros(1, 4)},
        )


def test_windows_cover_every_place_and_the_last_is_cut() -> None:
    windows = slide((5, 4), (2, 3), (2, 2))

    assert windows[0] == (slice(0, 2), slice(0, 3))
    assert windows[-1] == (slice(4, 6), slice(2, 5))
    assert len(windows) == 6
    assert spread((5, 4), windows, torch.ones(6)).tolist() == [[1.0] * 4] * 5


def test_a_model_is_left_without_hooks_and_as_it_was() -> None:
    case = made("transformer on ids")
    before = case.score(case.row)

    integrate(case.model, case.score, case.row, case.baseline)

    assert torch.equal(case.score(case.row), before)
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in case.model.modules())
    assert all(one.grad is None for one in case.model.parameters())


class Plain(nn.Module):
    """What Captum takes: a tensor in, scores of classes out."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.model = case.model

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.model({"x": x})["y"]
        return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["mlp on a table", "convnet", "lstm on a series"])
def test_captum_gives_the_same_integrated_gradients(name: str) -> None:
    from captum.attr import IntegratedGradients

    case, steps = made(name), 32
    row, baseline = case.row["x"], case.baseline["x"]
    expected = IntegratedGradients(Plain(case)).attribute(
        row, baselines=baseline, target=1, n_steps=steps, method="gausslegendre"
    )

    found = integrate(case.model, case.score, case.row, case.baseline, steps, steps)

    assert torch.allclose(found.values["x"].float(), expected[0].float(), atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["conv1d on ids", "reversed ids"])
def test_captum_gives_the_same_shares_of_ids(name: str) -> None:
    from captum.attr import LayerIntegratedGradients

    case, steps = made(name), 32
    (table,) = (one for one in case.model.modules() if isinstance(one, nn.Embedding))
    method = LayerIntegratedGradients(Plain(case), table)
    expected = method.attribute(
        case.row["x"], baselines=case.baseline["x"], target=1, n_steps=steps
    )[0].sum(-1)
    expected = expected.flip(0) if name == "reversed ids" else expected

    found = integrate(case.model, case.score, case.row, case.baseline, steps, steps)

    assert torch.allclose(found.values["x"].float(), expected.float(), atol=1e-6)


OCCLUSIONS: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("convnet", (4, 3), (2, 3)),
    ("convnet", (5, 5), (5, 5)),
    ("lstm on a series", (1, 3), (1, 3)),
    ("mlp on a table", (3,), (2,)),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "size", "stride"), OCCLUSIONS)
def test_captum_gives_the_same_occlusion(
    name: str, size: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    from captum.attr import Occlusion

    case = made(name)
    row = case.row["x"]
    assert isinstance(row, Tensor)
    whole: Callable[[tuple[int, ...]], tuple[int, ...]] = lambda one: (  # noqa: E731
        (2, *one) if name == "convnet" else one
    )
    expected = Occlusion(Plain(case)).attribute(
        row, whole(size), strides=whole(stride), baselines=0, target=1
    )[0]
    shape = row.shape[1:]
    windows = slide(shape, whole(size), whole(stride))

    falls = occlude(case.score, case.row, "x", windows, case.baseline)

    assert torch.allclose(spread(shape, windows, falls).float(), expected, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["lstm on a series", "bidirectional", "conv1d with a gru"])
def test_recurrent_layers_have_gradients_on_a_gpu(name: str) -> None:
    case = made(name)
    model = case.model.cuda()
    row, baseline = ({n: move(x) for n, x in one.items()} for one in (case.row, case.baseline))

    found = integrate(model, lambda inputs: model(inputs)["y"][:, 1], row, baseline)

    assert found.complete
    assert not any(one.training for one in model.modules())


def move(given: Any) -> Any:
    """An input on the GPU."""
    return given.cuda() if isinstance(given, Tensor) else Padded(*(one.cuda() for one in given))
