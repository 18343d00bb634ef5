from __future__ import annotations

import pytest
import torch

from dlx.data.columns import Input
from dlx.models.summary import LayerRow, layer_table

WORDS = Input("multi_hot", (10_000,))


def parameters(model, inputs):
    return sum(row.parameters for row in layer_table(model, inputs))


@pytest.mark.parametrize(
    ("found", "outputs", "units", "count"),
    [
        (Input("dense", (28, 28)), 10, (512,), 407_050),
        (WORDS, 1, (16, 16), 160_305),
        (WORDS, 46, (64, 64), 647_214),
        (Input("dense", (13,)), 1, (64, 64), 5_121),
    ],
)
def test_the_books_dense_networks_have_their_parameters(build, found, outputs, units, count):
    inputs = {"x": found}
    assert parameters(build("mlp", inputs, {"y": outputs}, units=units), inputs) == count


def test_the_books_convnet_has_its_parameters_and_shapes(build):
    inputs = {"image": Input("dense", (28, 28))}
    rows = layer_table(build("convnet", inputs, {"digit": 10}), inputs)
    assert sum(row.parameters for row in rows) == 93_322
    sizes = [row.output_shape[1] for row in rows if row.kind in ("Conv2d", "MaxPool2d")]
    assert sizes == [26, 13, 11, 5, 3]
    assert rows[0] == LayerRow("body.0", "Conv2d", (32, 26, 26), 320, 320)
    assert rows[-1] == LayerRow("heads.digit", "Linear", (10,), 650, 650)


def test_the_books_lstm_has_kerass_parameters_and_a_second_bias(build, layer):
    inputs = {"review": Input("ids", (500,), 10_000)}
    layers = (layer("embedding", dim=32), layer("lstm", units=32))
    keras = 10_000 * 32 + 4 * 32 * (32 + 32 + 1) + 33
    assert keras == 328_353
    # torch's LSTM adds a bias to the input's product and another to the state's: 4 gates x 32
    assert parameters(build("layers", inputs, layers=layers), inputs) == keras + 4 * 32


def test_the_books_embedding_has_its_parameters_and_shapes(build, layer):
    inputs = {"review": Input("ids", (20,), 10_000)}
    layers = (layer("embedding", dim=8), layer("flatten"))
    rows = layer_table(build("layers", inputs, layers=layers), inputs)
    assert [row.output_shape for row in rows] == [(20, 8), (160,), (1,)]
    assert sum(row.parameters for row in rows) == 80_161


def test_frozen_parameters_are_told_apart(build):
    inputs = {"x": Input("dense", (5,))}
    model = build("mlp", inputs, units=(4,))
    model.body[0].weight.requires_grad_(False)
    first = layer_table(model, inputs)[0]
    assert (first.parameters, first.trainable) == (24, 4)


def test_the_model_and_the_random_numbers_are_left_as_they_were(build):
    inputs = {"x": Input("dense", (5,)), "age": Input("dense", ())}
    model = build("mlp", inputs, units=(4,), batch_norm=True, dropout=0.5)
    model.body[1].eval()
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    layer_table(model, inputs)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], v) for name, v in model.state_dict().items())
    assert not model.body[0]._forward_hooks
