from __future__ import annotations

import pytest
import torch
from torch import nn

from dlx.data.columns import Input
from dlx.errors import UsageError

VECTOR = {"x": Input("dense", (5,))}


def same_weights(model, oracle):
    """Copies the weights of a model into a plain torch model, in order."""
    values = [v.clone() for v in model.state_dict().values()]
    names = list(oracle.state_dict())
    oracle.load_state_dict(dict(zip(names, values, strict=True)))
    return oracle


def test_equals_the_same_layers_written_by_hand(build):
    model = build("mlp", VECTOR, {"y": 3}, units=(4, 2), activation="tanh")
    plain = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 3))
    x = torch.randn(6, 5)
    assert torch.equal(model({"x": x})["y"], same_weights(model, plain)(x))


def test_parameters_have_stable_names(build):
    model = build("mlp", VECTOR, {"a": 1, "b": 2}, units=(4, 4))
    assert list(model.state_dict()) == [
        "body.0.weight",
        "body.0.bias",
        "body.2.weight",
        "body.2.bias",
        "heads.a.weight",
        "heads.a.bias",
        "heads.b.weight",
        "heads.b.bias",
    ]


def test_batch_norm_takes_the_place_of_the_bias_before_the_activation(build):
    model = build("mlp", VECTOR, units=(4,), batch_norm=True, dropout=0.25)
    kinds = [type(part).__name__ for part in model.body]
    assert kinds == ["Linear", "BatchNorm", "ReLU", "Dropout"]
    assert model.body[0].bias is None
    assert model.body[1].eps == 1e-3
    assert model.body[1].momentum == 0.01
    assert model.body[3].p == 0.25


def test_several_inputs_are_laid_end_to_end(build, multi_hot):
    inputs = {
        "image": Input("dense", (2, 3)),
        "words": Input("multi_hot", (10,)),
        "age": Input("dense", ()),
    }
    model = build("mlp", inputs, units=(4,))
    rows = multi_hot(3, 10)
    image, age = torch.randn(3, 2, 3), torch.randn(3)
    joined = torch.cat([image.flatten(1), rows.dense(), age[:, None]], dim=1)
    expected = model.heads["y"](model.body(joined))
    assert torch.equal(model({"age": age, "image": image, "words": rows})["y"], expected)


@pytest.mark.parametrize("units", [(), (4,), (4, 3)])
def test_multi_hot_and_dense_rows_give_the_same_answer(build, multi_hot, units):
    rows = multi_hot(6, 30)
    sparse = build("mlp", {"x": Input("multi_hot", (30,))}, {"y": 2}, units=units)
    dense = build("mlp", {"x": Input("dense", (30,))}, {"y": 2}, units=units)
    first = "body.0.weight" if units else "heads.y.weight"
    state = {n: (v.t() if n == first else v) for n, v in sparse.state_dict().items()}
    dense.load_state_dict(state)
    torch.testing.assert_close(sparse({"x": rows})["y"], dense({"x": rows.dense()})["y"])


def test_penalties_act_on_the_kernels_of_hidden_layers_only(build):
    model = build("mlp", VECTOR, {"y": 3}, units=(4, 2), batch_norm=True, l2=0.01)
    assert [tuple(k.shape) for k in model.hidden_kernels()] == [(4, 5), (2, 4)]
    assert model.hidden_kernels()[0] is model.body[0].weight


def test_a_target_may_be_named_like_a_part_of_torch(build):
    outputs = {"type": 2, "values": 1, "a.b": 3, "a_b": 4}
    logits = build("mlp", VECTOR, outputs)({"x": torch.randn(2, 5)})
    assert {name: one.shape[1] for name, one in logits.items()} == outputs


def test_a_penalty_without_a_hidden_layer_is_refused(build):
    with pytest.raises(UsageError) as caught:
        build("mlp", VECTOR, units=(), l2=0.5)
    assert str(caught.value) == (
        "l2 is 0.5, but the model has no hidden layer to penalise\n"
        "  where: model.l2\n"
        "  accepted: l2: 0 for a linear model\n"
        "  try: add a hidden layer, or set optimizer.weight_decay"
    )


def test_ids_are_refused(build):
    with pytest.raises(UsageError) as caught:
        build("mlp", {"review": Input("ids", (500,), 10_000)})
    assert str(caught.value) == (
        "model=mlp cannot take the input review: its rows are 500 ids\n"
        "  where: model.name\n"
        "  accepted: inputs of numbers\n"
        "  try: use the prepare step multi_hot, or model=layers with an embedding"
    )


def test_batch_norm_survives_a_last_batch_of_one_row(build):
    model = build("mlp", VECTOR, units=(4,), batch_norm=True)
    model({"x": torch.randn(8, 5)})
    before = model.body[1].running_mean.clone()
    alone = model({"x": torch.ones(1, 5)})["y"]
    assert alone.isfinite().all()
    assert torch.equal(model.body[1].running_mean, before)
    assert torch.equal(alone, model.eval()({"x": torch.ones(1, 5)})["y"])
