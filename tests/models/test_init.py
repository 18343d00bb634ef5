from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from dlx.data.columns import Input
from dlx.models.init import KERNELS, initialise
from dlx.models.modules import Separable


def generator_for(name: str) -> torch.Generator:
    return torch.Generator().manual_seed(sum(name.encode()) * 7919 + len(name))


def started(model: nn.Module, scheme: str = "keras") -> nn.Module:
    initialise(model, scheme, generator_for)
    return model


def assert_uniform(values: torch.Tensor, bound: float) -> None:
    """Within the bound, near it at both ends, with the spread of a uniform distribution."""
    assert values.abs().max() <= bound
    assert values.max() > 0.97 * bound
    assert values.min() < -0.97 * bound
    assert values.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_keras_kernels_are_glorot_uniform_and_biases_zero():
    layer = started(nn.Linear(120, 80))
    assert_uniform(layer.weight, math.sqrt(6 / (120 + 80)))
    assert not layer.bias.any()


def test_keras_counts_a_convolutions_window_in_both_fans():
    assert_uniform(started(nn.Conv2d(16, 32, 3)).weight, math.sqrt(6 / (9 * 16 + 9 * 32)))
    assert_uniform(started(nn.Conv1d(16, 32, 5)).weight, math.sqrt(6 / (5 * 16 + 5 * 32)))


def test_keras_separable_kernels():
    """Keras' depthwise kernel is (h, w, channels, 1): fans 9 x 40 and 9 x 1."""
    layer = started(Separable(nn.Conv2d, 40, 60, 3))
    assert_uniform(layer.depthwise.weight, math.sqrt(6 / (9 * 40 + 9)))
    assert_uniform(layer.pointwise.weight, math.sqrt(6 / (40 + 60)))


def test_keras_embeddings_are_small_and_uniform():
    assert_uniform(started(nn.Embedding(500, 8)).weight, 0.05)


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_keras_recurrent_kernels(kind, gates):
    layer = started(kind(60, 40, bidirectional=True))
    for end in ("l0", "l0_reverse"):
        assert_uniform(getattr(layer, f"weight_ih_{end}"), math.sqrt(6 / (60 + gates * 40)))
        kernel = getattr(layer, f"weight_hh_{end}")
        torch.testing.assert_close(kernel.t() @ kernel, torch.eye(40), atol=1e-5, rtol=0)
        assert not getattr(layer, f"bias_hh_{end}").any()


def test_keras_lstm_keeps_its_state_at_first():
    layer = started(nn.LSTM(6, 4))
    both = layer.bias_ih_l0 + layer.bias_hh_l0
    assert both.tolist() == [0] * 4 + [1] * 4 + [0] * 8
    assert not started(nn.GRU(6, 4)).bias_ih_l0.any()


@pytest.mark.parametrize("scheme", ["keras", "torch", "he_normal"])
def test_normalisation_starts_neutral(build, scheme):
    model = build("mlp", {"x": Input("dense", (5,))}, units=(4,), batch_norm=True)
    nn.init.constant_(model.body[1].weight, 3)
    model({"x": torch.randn(8, 5)})
    assert model.body[1].running_mean.any()
    norm = started(model, scheme).body[1]
    assert norm.weight.tolist() == [1] * 4
    assert norm.bias.tolist() == [0] * 4
    assert norm.running_mean.tolist() == [0] * 4
    assert norm.running_var.tolist() == [1] * 4
    assert started(nn.LayerNorm(3), scheme).weight.tolist() == [1] * 3


@pytest.mark.parametrize(
    ("scheme", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / (200 + 100))),
        ("glorot_normal", math.sqrt(2 / (200 + 100))),
        ("he_uniform", math.sqrt(2 / 200)),
        ("he_normal", math.sqrt(2 / 200)),
        ("orthogonal", math.sqrt(1 / 200)),
    ],
)
def test_other_schemes_have_their_spread_and_zero_biases(scheme, deviation):
    layer = started(nn.Linear(200, 100), scheme)
    assert layer.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=deviation / 20)
    assert not layer.bias.any()
    assert scheme in KERNELS


def test_uniform_and_normal_schemes_differ_in_shape():
    """A uniform variable never exceeds 1.74 deviations; of 20,000 normal ones hundreds do."""
    for scheme in ("glorot", "he"):
        uniform = started(nn.Linear(200, 100), f"{scheme}_uniform").weight
        normal = started(nn.Linear(200, 100), f"{scheme}_normal").weight
        assert (uniform.abs() > 1.8 * uniform.std()).sum() == 0
        assert (normal.abs() > 1.8 * normal.std()).sum() > 500


def test_orthogonal_kernels_are_orthogonal():
    kernel = started(nn.Linear(30, 20), "orthogonal").weight
    torch.testing.assert_close(kernel @ kernel.t(), torch.eye(20), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Linear(90, 70),
        lambda: nn.Conv1d(8, 40, 5),
        lambda: nn.Conv2d(8, 40, 3),
        lambda: nn.Conv2d(64, 64, 5, groups=64),
        lambda: nn.Embedding(300, 10),
        lambda: nn.LSTM(30, 40),
        lambda: nn.GRU(30, 40),
        lambda: nn.RNN(30, 40, bidirectional=True),
        lambda: nn.BatchNorm2d(7),
        lambda: nn.LayerNorm(7),
    ],
)
def test_torchs_scheme_starts_layers_as_torch_does(make):
    theirs, ours = make(), started(make(), "torch")
    for (name, a), (_, b) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        assert a.std(correction=0).item() == pytest.approx(b.std(correction=0).item(), rel=0.3), (
            name
        )
        assert a.abs().max().item() == pytest.approx(b.abs().max().item(), rel=0.3), name


def test_adding_a_layer_shifts_no_other(build):
    inputs = {"x": Input("dense", (5,))}
    small = started(build("mlp", inputs, units=(4,))).state_dict()
    large = started(build("mlp", inputs, units=(4, 4))).state_dict()
    for name, value in small.items():
        assert torch.equal(value, large[name]), name
    both = started(build("mlp", inputs, {"y": 1, "z": 2}, units=(4,))).state_dict()
    assert torch.equal(both["heads.y.weight"], small["heads.y.weight"])


@pytest.mark.parametrize("scheme", ["torch", *KERNELS])
def test_multi_hot_and_dense_inputs_start_with_the_same_weights(build, scheme):
    models = [
        started(build("mlp", {"x": Input(kind, (50,))}, units=(16,)), scheme)
        for kind in ("multi_hot", "dense")
    ]
    sparse, dense = (model.state_dict() for model in models)
    assert torch.equal(sparse["body.0.weight"].t(), dense["body.0.weight"])
    assert all(torch.equal(sparse[n], dense[n]) for n in dense if n != "body.0.weight")


def test_the_starting_weights_use_no_global_random_numbers(build):
    model = build("mlp", {"x": Input("dense", (5,))}, units=(4,))
    before = torch.get_rng_state()
    started(model)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_parameter_asks_for_its_own_generator_once(build, layer):
    layers = (layer("embedding", dim=4), layer("lstm", units=3), layer("batch_norm"))
    model = build("layers", {"x": Input("ids", (9,), 20)}, layers=layers)
    asked: list[str] = []
    initialise(model, "keras", lambda name: asked.append(name) or generator_for(name))
    assert asked == [name for name, _ in model.named_parameters()]
