"""Models of sequences by a few options: the book's networks, number by number."""

from __future__ import annotations

import pytest
import torch

from dlx.config.specs import MODELS
from dlx.data.columns import Input
from dlx.models.attention import Attention, LearnedPosition
from dlx.models.embedding import Embedding
from dlx.models.recurrent import GRU, LSTM, RNN, Reverse
from dlx.models.sizes import count_parameters

REVIEWS, WEATHER = Input("ids", (500,), 10_000), Input("steps", (240, 14))
BOOK = {
    "simplernn": ("recurrent", REVIEWS, {"cell": "rnn"}, 322_113),
    "four of them": ("recurrent", REVIEWS, {"cell": "rnn", "units": (32,) * 4}, 328_320 + 33),
    "lstm": ("recurrent", REVIEWS, {"cell": "lstm"}, 328_353),
    "lstm_reversed": (
        *("recurrent", REVIEWS, {"embedding": 128, "reverse": True}),
        10_000 * 128 + 4 * 32 * (128 + 32 + 1) + 33,
    ),
    "bilstm": ("recurrent", REVIEWS, {"bidirectional": "concat"}, 320_000 + 2 * 8_320 + 65),
    "conv1d": ("conv1d", REVIEWS, {}, 1_315_937),
    "gru": ("recurrent", WEATHER, {"cell": "gru"}, 3 * 32 * (14 + 32 + 1) + 33),
    "conv_gru": ("conv1d", WEATHER, {"kernel": 5, "pool": 3, "end": "gru"}, 13_697),
}


@pytest.mark.parametrize("name", BOOK)
def test_the_books_networks_have_its_parameters_and_torchs_second_biases(build, name):
    """torch adds a bias to the product of the state as well: so many more as gates * units."""
    model_name, found, options, published = BOOK[name]
    model = build(model_name, {"x": found}, **options)
    second = [p.numel() for n, p in model.named_parameters() if "bias_hh" in n]
    assert count_parameters(model) == published + sum(second)


def test_the_books_flat_embedding_has_its_parameters(build, layer):
    layers = (layer("embedding", dim=8), layer("flatten"))
    model = build("layers", {"x": Input("ids", (20,), 10_000)}, layers=layers)
    assert count_parameters(model) == 80_161


NAMES = ("recurrent", "conv1d", "transformer")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_its_list_of_layers(build, name):
    """With the same names of parameters and the same answers, of ids and of numbers."""
    torch.manual_seed(1)
    for x, found in (
        (torch.randint(9, (2, 60)), Input("ids", (60,), 9)),
        (torch.randn(2, 60, 4), Input("steps", (60, 4))),
    ):
        model = build(name, {"x": found}, end_dropout=0.5)
        chosen = MODELS.default(name, end_dropout=0.5)().options
        layers = chosen.expand(ids=found.kind == "ids")
        listed = build("layers", {"x": found}, layers=layers)
        listed.load_state_dict(model.state_dict())
        assert torch.equal(model.eval()({"x": x})["y"], listed.eval()({"x": x})["y"])
        assert layers[-1].name == "dropout"


def test_options_reach_the_layers(build):
    options = {"units": (3, 5), "bidirectional": "sum", "reverse": True, "cell": "gru"}
    drops = {"dropout": 0.1, "recurrent_dropout": 0.5, "activation": "relu"}
    body = build("recurrent", {"x": REVIEWS}, **options, **drops, embedding=7).body
    assert [type(one) for one in body] == [Reverse, Embedding, GRU, GRU]
    assert [(one.hidden_size, one.every_step) for one in body[2:]] == [(3, True), (5, False)]
    told = {(o.merge, o.input_dropout, o.state_dropout, o.activation) for o in body[2:]}
    assert told == {("sum", 0.1, 0.5, "relu")}
    body = build("conv1d", {"x": REVIEWS}, end="lstm", units=6, dropout=0.2, pool=1).body
    assert isinstance(body[-1], LSTM)
    assert (body[-1].hidden_size, body[-1].input_dropout) == (6, 0.2)
    assert not any("Pool" in type(one).__name__ for one in body)
    body = build("conv1d", {"x": REVIEWS}, dropout=0.2).body
    assert [type(one).__name__ for one in body[-2:]] == ["Dropout", "GlobalPool"]
    body = build("transformer", {"x": REVIEWS}, units=(6, 7), heads=3, key_size=5).body
    assert isinstance(body[1], LearnedPosition)
    assert [(one.inner.out_features, one.attention.query.out_features) for one in body[2:4]] == [
        (6, 15),
        (7, 15),
    ]
    assert sum(isinstance(one, Attention) for one in body.modules()) == 2
    assert isinstance(build("recurrent", {"x": WEATHER}, cell="rnn").body[0], RNN)
