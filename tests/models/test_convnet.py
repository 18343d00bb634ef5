from __future__ import annotations

import pytest
import torch
from torch import nn

from dlx.data.columns import Input
from dlx.errors import UsageError

IMAGE = {"image": Input("dense", (28, 28))}


def test_equals_the_books_network_written_by_hand(build):
    model = build("convnet", IMAGE, {"digit": 10})
    plain = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    values = [v.clone() for v in model.state_dict().values()]
    plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)))
    x = torch.rand(2, 28, 28)
    assert torch.equal(model({"image": x})["digit"], plain(x[:, None]))


def test_takes_images_with_channels(build):
    model = build("convnet", {"image": Input("dense", (3, 12, 10))}, channels=(4,), dense=())
    assert model({"image": torch.rand(2, 3, 12, 10)})["y"].shape == (2, 1)
    assert model.heads["y"].in_features == 4 * 10 * 8


def test_options_place_their_layers(build):
    model = build(
        "convnet",
        IMAGE,
        channels=(4, 8),
        pool=1,
        padding="same",
        batch_norm=True,
        dropout=0.5,
        dense=(6, 5),
    )
    assert [type(part).__name__ for part in model.body] == [
        *("Conv2d", "BatchNorm", "ReLU", "Conv2d", "BatchNorm", "ReLU", "Flatten"),
        *("Dropout", "Linear", "ReLU", "Dropout", "Linear", "ReLU"),
    ]
    assert model.body[0].bias is None
    assert model.body[8].in_features == 8 * 28 * 28


def test_without_dense_layers_dropout_stands_before_the_output(build):
    model = build("convnet", IMAGE, channels=(4,), dense=(), dropout=0.5)
    assert type(model.body[-1]) is nn.Dropout


def test_pooling_may_stand_after_the_last_convolution_too(build):
    model = build("convnet", IMAGE, channels=(4, 8), dense=(), pool_last=True)
    names = [type(part).__name__ for part in model.body]
    assert names == ["Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d", "Flatten"]
    assert model.heads["y"].in_features == 8 * 5 * 5


def test_penalties_act_on_convolutions_and_hidden_dense_layers(build):
    model = build("convnet", IMAGE, channels=(4, 8), dense=(6,))
    assert [tuple(k.shape)[:2] for k in model.hidden_kernels()] == [(4, 1), (8, 4), (6, 968)]


def test_anything_but_images_is_refused(build):
    with pytest.raises(UsageError) as caught:
        build("convnet", {"image": Input("dense", (784,))})
    assert str(caught.value) == (
        "model=convnet cannot take the input image: its rows are a vector of 784\n"
        "  where: model.name\n"
        "  accepted: images (height, width) or (channels, height, width)\n"
        "  try: use model=mlp, or leave out the step flatten or features"
    )


def test_several_inputs_are_refused(build):
    with pytest.raises(UsageError) as caught:
        build("convnet", {"left": Input("dense", (8, 8)), "right": Input("dense", (8, 8))})
    assert str(caught.value) == (
        "the data have 2 inputs: left, right\n"
        "  where: model.name\n"
        "  accepted: exactly one input for model=convnet\n"
        "  try: model=mlp joins several inputs"
    )


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (
            6,
            {"channels": (4, 4)},
            "layer 2 (convolution) has a window of 3, but the axis that it moves along has 2\n"
            "  where: model.channels\n"
            "  accepted: a window of at most 2\n"
            "  try: use a smaller window, a longer input, or less pooling before it",
        ),
        (
            4,
            {"channels": (4, 4), "pool": 3},
            "layer 2 (pooling before it) has a window of 3, but the axis that it moves along has "
            "2\n"
            "  where: model.pool\n"
            "  accepted: a window of at most 2\n"
            "  try: use a smaller window, a longer input, or less pooling before it",
        ),
    ],
)
def test_a_window_larger_than_what_reaches_it_is_refused(build, size, options, message):
    with pytest.raises(UsageError) as caught:
        build("convnet", {"image": Input("dense", (size, size))}, **options)
    assert str(caught.value) == message
