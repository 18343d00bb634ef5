"""Attention is torch's, sees no filling, and is told where a step stands."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dlx.config.shapes import Place, Shape
from dlx.data.columns import Input
from dlx.errors import DlxError, UsageError
from dlx.models.attention import Attention, LearnedPosition, SinusoidalPosition, Transformer
from dlx.models.inputs import Padded

FEATURES = 6


def made(layer, name: str, steps: int = 5, **options):
    chosen = layer(name, **options)
    return chosen.load()(chosen.options, Shape("sequence", (steps, FEATURES)), Place(2, name))[0]


def test_attention_is_torchs_with_the_same_weights():
    ours, theirs = Attention(FEATURES, 2), nn.MultiheadAttention(FEATURES, 2, batch_first=True)
    with torch.no_grad():
        parts = (ours.query, ours.key, ours.value)
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, lengths = torch.randn(3, 5, FEATURES), torch.tensor([5, 1, 3])
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])
    filled = torch.arange(5) >= lengths[:, None]
    expected = theirs(x, x, x, key_padding_mask=filled)[0]
    torch.testing.assert_close(ours(Padded(x, lengths)).values[~filled], expected[~filled])


@pytest.mark.parametrize("first", [True, False])
def test_a_block_is_torchs_encoder_layer(first):
    ours = Transformer(Attention(FEATURES, 2), 7, first, 0.0)
    theirs = nn.TransformerEncoderLayer(
        FEATURES, 2, 7, dropout=0.0, batch_first=True, norm_first=first
    )
    parts = (ours.attention.query, ours.attention.key, ours.attention.value)
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.self_attn.out_proj.load_state_dict(ours.attention.out.state_dict())
    theirs.linear1.load_state_dict(ours.inner.state_dict())
    theirs.linear2.load_state_dict(ours.outer.state_dict())
    x = torch.randn(3, 5, FEATURES)
    torch.testing.assert_close(ours(x), theirs(x))


def test_sines_and_cosines_are_those_of_the_paper():
    added = SinusoidalPosition()(torch.zeros(1, 4, FEATURES))[0]
    for place in range(4):
        for pair in range(3):
            angle = place / 10_000 ** (2 * pair / FEATURES)
            told = added[place, [pair, pair + 3]].tolist()
            assert told == pytest.approx([math.sin(angle), math.cos(angle)], abs=1e-6)
    assert SinusoidalPosition()(torch.zeros(1, 4, 5)).shape == (1, 4, 5)


def test_learned_places_are_added_and_end(layer):
    module = made(layer, "position", kind="learned")
    assert (module.num_embeddings, module.embedding_dim) == (5, FEATURES)
    x = torch.randn(2, 4, FEATURES)
    assert torch.equal(module(x), x + module.weight[:4])
    with pytest.raises(DlxError, match="a row has 4 steps, but the layer position has 3"):
        LearnedPosition(3, FEATURES)(x)


REFUSALS = [
    (
        ("attention", {"heads": 4}),
        "layer 2 (attention) cannot share 6 features between 4 heads\n"
        "  where: model.layers\n"
        "  accepted: heads that divide 6, or a length of their keys\n"
        "  try: heads: 3, or key: 2",
    ),
    (
        ("position", {"kind": "learned", "length": 8}),
        "layer 2 (position) has 8 vectors, but rows have 9 steps\n"
        "  where: model.layers\n"
        "  accepted: length: 9 or more, or null\n"
        "  try: omit length",
    ),
]


@pytest.mark.parametrize(("asked", "message"), REFUSALS)
def test_what_does_not_fit_is_refused(build, layer, asked, message):
    name, options = asked
    layers = (layer("embedding", dim=FEATURES), layer(name, **options), layer("flatten"))
    with pytest.raises(UsageError) as caught:
        build("layers", {"x": Input("ids", (9,), 20)}, layers=layers)
    assert str(caught.value) == message


def test_an_order_is_told_apart_only_by_positions(build, layer):
    """Attention alone is blind to order: the model gives the same for each."""
    ids = torch.tensor([[3, 4, 5, 6, 7, 8, 9, 10, 11]])
    for places in (True, False):
        layers = [layer("embedding", dim=FEATURES), *([layer("position")] if places else [])]
        layers += [layer("transformer"), layer("global_max_pool")]
        model = build("layers", {"x": Input("ids", (9,), 20)}, layers=tuple(layers)).eval()
        same = torch.allclose(model({"x": ids})["y"], model({"x": ids.flip(1)})["y"], atol=1e-6)
        assert same != places
