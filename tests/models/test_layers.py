from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

from dlx.config.shapes import Place, Shape
from dlx.config.specs import TABLES
from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.models.modules import Conv1d, Conv2d, GlobalPool, same_padding

VECTOR, SEQUENCE, IMAGE = (6,), (9, 6), (3, 9, 8)
IDS = Input("ids", (9,), 20)
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "elu", "selu", "silu", "softplus")

CASES = [
    ("linear", {"units": 4}, VECTOR),
    ("linear", {"units": 4, "bias": False}, SEQUENCE),
    *(
        (name, {"channels": 4, "kernel": k, "stride": s, "padding": p, "dilation": d}, shape)
        for name, shape in [
            ("conv1d", SEQUENCE),
            ("conv2d", IMAGE),
            ("separable_conv1d", SEQUENCE),
            ("separable_conv2d", IMAGE),
        ]
        for k, s, p, d in [
            (3, 1, "valid", 1),
            (4, 2, "same", 1),
            (3, 1, "same", 2),
            (2, 3, "valid", 1),
        ]
    ),
    *((f"{kind}_pool1d", {"size": 2}, SEQUENCE) for kind in ("max", "avg")),
    *(
        (f"{kind}_pool2d", {"size": 3, "stride": 2, "padding": padding}, IMAGE)
        for kind in ("max", "avg")
        for padding in ("valid", "same")
    ),
    *((f"global_{kind}_pool", {}, shape) for kind in ("max", "avg") for shape in (SEQUENCE, IMAGE)),
    *(
        ("conv_transpose2d", {"channels": 4, "kernel": k, "stride": s, "padding": padding}, IMAGE)
        for k, s in [(3, 1), (3, 2), (4, 2), (2, 3), (5, 2), (1, 1)]
        for padding in ("valid", "same")
    ),
    *(("upsample", {"factor": 3, "mode": mode}, IMAGE) for mode in ("nearest", "bilinear")),
    *(("reshape", {"sizes": sizes}, VECTOR) for sizes in [(6,), (2, 3), (2, 1, 3)]),
    ("reshape", {"sizes": (12, 3, 6)}, IMAGE),
    *(("batch_norm", {}, shape) for shape in (VECTOR, SEQUENCE, IMAGE)),
    *(("layer_norm", {}, shape) for shape in (VECTOR, SEQUENCE)),
    *((name, {}, shape) for name in ("flatten", "dropout") for shape in (VECTOR, SEQUENCE, IMAGE)),
    ("embedding", {"dim": 5}, None),
    ("embed_columns", {"dim": 5, "mask": 0.0}, "columns"),
    *(
        (name, {"units": 4, "sequence": s, "bidirectional": b}, SEQUENCE)
        for name in ("rnn", "lstm", "gru")
        for s in (True, False)
        for b in (True, False)
    ),
    *(("gru", {"units": 4, "bidirectional": b}, SEQUENCE) for b in ("none", "concat", "sum")),
    ("rnn", {"units": 4, "activation": "relu", "bidirectional": "sum", "sequence": True}, SEQUENCE),
    *(
        (name, {"units": 4, "dropout": 0.1, "recurrent_dropout": 0.5, "sequence": s}, SEQUENCE)
        for name in ("rnn", "lstm", "gru")
        for s in (True, False)
    ),
    ("reverse", {}, SEQUENCE),
    *(("position", {"kind": kind}, SEQUENCE) for kind in ("sinusoidal", "learned")),
    *(("attention", {"heads": h, "key": k}, SEQUENCE) for h, k in ((3, None), (4, 5))),
    *(("transformer", {"norm": n, "dropout": 0.1}, SEQUENCE) for n in ("post", "pre")),
    ("attention_pool", {}, SEQUENCE),
    ("leaky_relu", {"slope": 0.1}, VECTOR),
    *((name, {}, IMAGE) for name in ACTIVATIONS),
]
KINDS = {1: "vector", 2: "sequence", 3: "image"}


def made(layer, name, sizes, /, **options):
    """A layer of the table on its own, and the shape it says it gives."""
    numbers = isinstance(sizes, tuple)
    shape = Shape(KINDS[len(sizes)], sizes) if numbers else Shape(sizes or "ids", (9,), 20)
    chosen = layer(name, **options)
    return chosen.load()(chosen.options, shape, Place(1, name))


@pytest.mark.parametrize(("name", "options", "sizes"), CASES)
def test_a_layer_gives_the_shape_it_says_and_a_gradient(layer, name, options, sizes):
    module, shape = made(layer, name, sizes, **options)
    numbers = isinstance(sizes, tuple)
    x = torch.randn(2, *sizes, requires_grad=True) if numbers else torch.randint(20, (2, 9))
    y = module(x)
    assert tuple(y.shape) == (2, *shape.sizes)
    y.square().sum().backward()
    grads = [p.grad for p in module.parameters()] or [x.grad]
    assert all(g is not None and g.isfinite().all() for g in grads)


def test_every_layer_of_the_table_is_tried_above():
    assert {name for name, _, _ in CASES} == set(TABLES["layer"].entries)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_torchs_functions_of_the_same_name(layer, name):
    x = torch.randn(50)
    assert torch.equal(
        made(layer, name, VECTOR)[0](x), getattr(F, name, getattr(torch, name, None))(x)
    )


def test_leaky_relu_has_its_slope(layer):
    x = torch.tensor([-2.0, 3.0])
    assert made(layer, "leaky_relu", VECTOR, slope=0.25)[0](x).tolist() == [-0.5, 3.0]


def test_conv1d_is_torchs_convolution_over_time(layer):
    module, _ = made(layer, "conv1d", SEQUENCE, channels=4, kernel=3, stride=2)
    x = torch.randn(2, *SEQUENCE)
    expected = F.conv1d(x.mT, module.weight, module.bias, stride=2).mT
    torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_same_padding_with_stride_1_is_torchs(layer, kernel, dilation):
    options = {"channels": 4, "kernel": kernel, "dilation": dilation}
    module, _ = made(layer, "conv2d", IMAGE, padding="same", **options)
    plain = nn.Conv2d(3, 4, kernel, padding="same", dilation=dilation)
    plain.load_state_dict(module.state_dict())
    x = torch.randn(2, *IMAGE)
    torch.testing.assert_close(module(x), plain(x))


def test_same_padding_with_a_stride_puts_the_odd_zero_after(layer):
    module, _ = made(layer, "conv1d", (4, 1), channels=1, kernel=3, stride=2, padding="same")
    nn.init.ones_(module.weight)
    nn.init.zeros_(module.bias)
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1)
    assert module(x).flatten().tolist() == [1 + 2 + 3, 3 + 4 + 0]


def test_same_padding_of_an_uneven_image_pads_the_right_axes(layer):
    module, shape = made(layer, "conv2d", (1, 4, 5), channels=1, kernel=3, stride=2, padding="same")
    nn.init.ones_(module.weight)
    nn.init.zeros_(module.bias)
    assert shape.sizes == (1, 2, 3)
    expected = F.conv2d(
        F.pad(torch.ones(1, 1, 4, 5), (1, 1, 0, 1)), torch.ones(1, 1, 3, 3), stride=2
    )
    assert torch.equal(module(torch.ones(1, 1, 4, 5)), expected)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (4, 2), (2, 3), (5, 2)])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(layer, kernel, stride, padding):
    options = {"channels": 2, "kernel": kernel, "stride": stride, "padding": padding}
    made_larger, shape = made(layer, "conv_transpose2d", (3, 4, 5), bias=False, **options)
    back = {**options, "channels": 3, "bias": False}
    smaller, found = made(layer, "conv2d", shape.sizes, **back)
    assert found.sizes == (3, 4, 5)
    smaller.weight.data = made_larger.weight.data
    large, small = torch.randn(1, *shape.sizes, requires_grad=True), torch.randn(1, 3, 4, 5)
    (wanted,) = torch.autograd.grad(smaller(large), large, small)
    torch.testing.assert_close(made_larger(small), wanted)


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_same_pooling_is_tensorflows_of_every_size(layer, kind):
    """As if the image were extended, the odd pixel after it, by what does not count."""
    for size, window, stride in itertools.product(range(1, 10), range(1, 6), range(1, 5)):
        if stride == 1 and window % 2 == 0:
            continue
        options = {"size": window, "stride": stride, "padding": "same"}
        module, shape = made(layer, f"{kind}_pool2d", (1, size, 4), **options)
        x = torch.rand(1, 1, size, 4)
        (top, bottom), (left, right) = (same_padding(n, window, stride, 1) for n in (size, 4))
        around = (left, right, top, bottom)
        if kind == "max":
            expected = F.max_pool2d(F.pad(x, around, value=-torch.inf), window, stride)
        else:
            counted = F.avg_pool2d(F.pad(torch.ones_like(x), around), window, stride)
            expected = F.avg_pool2d(F.pad(x, around), window, stride) / counted
        assert shape.sizes == tuple(expected.shape[1:])
        torch.testing.assert_close(module(x), expected)


def test_same_pooling_without_a_middle_is_refused(layer):
    with pytest.raises(UsageError) as caught:
        made(layer, "max_pool2d", IMAGE, size=2, stride=1, padding="same")
    assert str(caught.value) == (
        "layer 1 (max_pool2d) has a window of 2 that moves by 1: it has no middle\n"
        "  where: model.layers\n"
        "  accepted: with padding: same an odd size, or a larger stride\n"
        "  try: model.layers.0.size=3"
    )


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_fits_ceil_size_over_stride_windows(size, stride):
    for window, dilation in [(1, 1), (2, 1), (3, 1), (3, 2), (5, 1)]:
        before, after = same_padding(size, window, stride, dilation)
        reach = (window - 1) * dilation + 1
        assert (size + before + after - reach) // stride + 1 == -(-size // stride)
        assert after - before in (0, 1)


def test_a_separable_convolution_filters_each_channel_then_mixes(layer):
    module, _ = made(layer, "separable_conv2d", IMAGE, channels=4, kernel=3)
    x = torch.randn(2, *IMAGE)
    filtered = [F.conv2d(x[:, c : c + 1], module.depthwise.weight[c : c + 1]) for c in range(3)]
    mix = module.pointwise.weight[:, :, 0, 0]
    expected = torch.einsum("bchw,fc->bfhw", torch.cat(filtered, 1), mix)
    expected = expected + module.pointwise.bias.view(1, -1, 1, 1)
    torch.testing.assert_close(module(x), expected)
    assert sorted(module.state_dict()) == ["depthwise.weight", "pointwise.bias", "pointwise.weight"]


def test_pools_run_over_time_and_over_the_image(layer):
    x = torch.randn(2, *SEQUENCE)
    pooled = made(layer, "max_pool1d", SEQUENCE, size=2)[0](x)
    assert torch.equal(pooled, x[:, :8].unflatten(1, (4, 2)).amax(2))
    assert torch.equal(GlobalPool((1,), largest=True)(x), x.max(1).values)
    image = torch.randn(2, *IMAGE)
    torch.testing.assert_close(GlobalPool((2, 3), largest=False)(image), image.flatten(2).mean(2))


@pytest.mark.parametrize("sizes", [VECTOR, SEQUENCE, IMAGE])
def test_batch_norm_takes_each_features_mean_off_and_learns_running_ones(layer, sizes):
    module, _ = made(layer, "batch_norm", sizes, momentum=1.0, eps=1e-5)
    x = torch.randn(8, *sizes) * 3 + 5
    rows = x.movedim(1, -1).reshape(-1, 3) if sizes == IMAGE else x.reshape(-1, 6)
    y = module(x)
    out = y.movedim(1, -1).reshape(-1, 3) if sizes == IMAGE else y.reshape(-1, 6)
    spread = rows.var(0, correction=0).add(1e-5).sqrt()
    torch.testing.assert_close(out, (rows - rows.mean(0)) / spread, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module.running_mean, rows.mean(0))
    torch.testing.assert_close(module.running_var, rows.var(0))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("both", [True, False])
def test_recurrent_layers_are_torchs(layer, name, both):
    last, _ = made(layer, name, SEQUENCE, units=4, bidirectional=both)
    every, _ = made(layer, name, SEQUENCE, units=4, bidirectional=both, sequence=True)
    plain = getattr(nn, name.upper())(6, 4, batch_first=True, bidirectional=both)
    for module in (last, every):
        module.load_state_dict(plain.state_dict())
    x = torch.randn(2, *SEQUENCE)
    outputs = plain(x)[0]
    assert torch.equal(every(x), outputs)
    backward_ends_at_the_first_step = outputs[:, 0, 4:]
    assert torch.equal(last(x), torch.cat([outputs[:, -1, :4], backward_ends_at_the_first_step], 1))


def test_a_list_of_layers_equals_torchs_sequential(build, layer):
    layers = (
        layer("conv2d", channels=4),
        layer("relu"),
        layer("max_pool2d"),
        layer("flatten"),
        layer("linear", units=5),
    )
    model = build("layers", {"image": Input("dense", (8, 8))}, {"y": 2}, layers=layers)
    plain = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)),
        nn.Linear(5, 2),
    )
    values = [v.clone() for v in model.state_dict().values()]
    plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)))
    x = torch.randn(3, 8, 8)
    assert torch.equal(model({"image": x})["y"], plain(x[:, None]))
    assert "body.0.weight" in model.state_dict()
    assert "heads.y.weight" in model.state_dict()
    assert [k.shape[0] for k in model.hidden_kernels()] == [4, 5]


def test_a_table_of_numbers_is_a_sequence_for_layers_over_time(build, layer):
    layers = (layer("gru", units=4),)
    model = build("layers", {"x": Input("dense", (20, 14))}, layers=layers)
    assert model({"x": torch.randn(2, 20, 14)})["y"].shape == (2, 1)
    assert {tuple(k.shape) for k in model.hidden_kernels()} == {(12, 14), (12, 4)}


def test_embeddings_and_norms_are_not_penalised(build, layer):
    layers = (layer("embedding", dim=4), layer("layer_norm"), layer("flatten"))
    model = build("layers", {"x": IDS}, layers=layers)
    assert model.hidden_kernels() == []
    assert model.body[0].num_embeddings == 20


@pytest.mark.parametrize("first", ["linear", "dropout", None])
def test_multi_hot_rows_reach_any_first_layer(build, layer, multi_hot, first):
    layers = {
        "linear": (layer("linear", units=4), layer("relu")),
        "dropout": (layer("dropout"), layer("linear", units=4)),
        None: (),
    }[first]
    model = build("layers", {"x": Input("multi_hot", (30,))}, layers=layers).eval()
    rows = multi_hot(5, 30)
    h = rows.dense()
    for module in [*model.body, model.heads["y"]]:
        if hasattr(module, "weight"):
            turned = module.weight if module.weight.shape[0] == h.shape[1] else module.weight.t()
            h = h @ turned + module.bias
        else:
            h = module(h)
    torch.testing.assert_close(model({"x": rows})["y"], h)


DENSE_784 = Input("dense", (784,))
DENSE_IMAGE = Input("dense", (1, 28, 28))
REFUSALS = [
    (
        DENSE_IMAGE,
        [("conv2d", {"channels": 4}), ("linear", {"units": 4})],
        "layer 2 (linear) cannot take an image (channels, height, width) of 4 x 26 x 26\n"
        "  where: model.layers\n"
        "  accepted: a vector or a sequence (time, features)\n"
        "  try: insert flatten or global_avg_pool before it",
    ),
    (
        DENSE_784,
        [("conv2d", {"channels": 4})],
        "layer 1 (conv2d) cannot take a vector of 784\n"
        "  where: model.layers\n"
        "  accepted: an image (channels, height, width)\n"
        "  try: place it before flatten or pooling, and do not flatten images in prepare",
    ),
    (
        IDS,
        [("lstm", {"units": 4})],
        "layer 1 (lstm) cannot take a row of 9 ids\n"
        "  where: model.layers\n"
        "  accepted: a sequence (time, features)\n"
        "  try: insert {embedding: 32} before it",
    ),
    (
        DENSE_784,
        [("embedding", {"dim": 4})],
        "layer 1 (embedding) cannot take a vector of 784\n"
        "  where: model.layers\n"
        "  accepted: rows of ids\n"
        "  try: remove the embedding, or prepare ids with pad",
    ),
    (
        IDS,
        [("embedding", {"dim": 4}), ("lstm", {"units": 4}), ("lstm", {"units": 4})],
        "layer 3 (lstm) cannot take a vector of 4\n"
        "  where: model.layers\n"
        "  accepted: a sequence (time, features)\n"
        "  try: place it before flatten or pooling, or give the recurrent layer sequence: true",
    ),
    (
        IDS,
        [("embedding", {"dim": 4}), ("conv2d", {"channels": 4})],
        "layer 2 (conv2d) cannot take a sequence (time, features) of 9 x 4\n"
        "  where: model.layers\n"
        "  accepted: an image (channels, height, width)\n"
        "  try: use a 1d layer",
    ),
    (
        IDS,
        [("embedding", {"dim": 4}), ("conv1d", {"channels": 4, "kernel": 7, "dilation": 2})],
        "layer 2 (conv1d) has a window of 13, but the axis that it moves along has 9\n"
        "  where: model.layers\n"
        "  accepted: a window of at most 9\n"
        "  try: use a smaller window, a longer input, or less pooling before it",
    ),
    (
        IDS,
        [("embedding", {"dim": 4, "size": 10}), ("flatten", {})],
        "layer 1 (embedding) has 10 vectors, but the ids of the data go up to 19\n"
        "  where: model.layers\n"
        "  accepted: size: 20 or more, or null\n"
        "  try: omit size, or read fewer ids (dataset.num_words)",
    ),
    (
        IDS,
        [("embedding", {"dim": 4})],
        "the last layer gives a sequence (time, features) of 9 x 4, but the output layer needs a "
        "vector\n"
        "  where: model.layers\n"
        "  accepted: layers whose last output is a vector\n"
        "  try: end model.layers with flatten or global_max_pool",
    ),
    (
        IDS,
        [],
        "the last layer gives a row of 9 ids, but the output layer needs a vector\n"
        "  where: model.layers\n"
        "  accepted: layers whose last output is a vector\n"
        "  try: start model.layers with {embedding: 32} and end it with flatten",
    ),
    (
        DENSE_784,
        [("linear", {"units": 100}), ("reshape", {"sizes": (16, 3, 3)})],
        "layer 2 (reshape) has 16 x 3 x 3 = 144 numbers to fill, but 100 reach it\n"
        "  where: model.layers\n"
        "  accepted: sizes whose product is 100\n"
        "  try: a layer of 144 numbers before it, as in {linear: 144}",
    ),
    (
        DENSE_784,
        [("reshape", {"sizes": (1, 1, 28, 28)})],
        "layer 1 (reshape) makes an array of 4 axes\n"
        "  where: model.layers\n"
        "  accepted: one to three sizes\n"
        "  try: for an image [784, 1, 1]",
    ),
    (
        DENSE_784,
        [("conv_transpose2d", {"channels": 4})],
        "layer 1 (conv_transpose2d) cannot take a vector of 784\n"
        "  where: model.layers\n"
        "  accepted: an image (channels, height, width)\n"
        "  try: place it before flatten or pooling, and do not flatten images in prepare",
    ),
    (
        Input("dense", (2, 3, 4, 5)),
        [("linear", {"units": 4})],
        "layer 1 (linear) cannot take an array of 2 x 3 x 4 x 5\n"
        "  where: model.layers\n"
        "  accepted: a vector or a sequence (time, features)\n"
        "  try: insert flatten before it",
    ),
]


@pytest.mark.parametrize(("found", "layers", "message"), REFUSALS)
def test_a_misplaced_layer_is_refused_with_what_to_do(build, layer, found, layers, message):
    chosen = tuple(layer(name, **options) for name, options in layers)
    with pytest.raises(UsageError) as caught:
        build("layers", {"x": found}, layers=chosen)
    assert str(caught.value) == message


def test_numbers_and_arrays_of_any_axes_can_be_flattened(build, layer):
    for shape in [(), (2, 3, 4, 5)]:
        layers = (layer("flatten"),) if shape else ()
        model = build("layers", {"x": Input("dense", shape)}, layers=layers)
        assert model({"x": torch.randn(3, *shape)})["y"].shape == (3, 1)


def test_symmetric_zeros_are_left_to_the_convolution(layer):
    even = made(layer, "conv2d", IMAGE, channels=4, kernel=3, padding="same")[0]
    odd = made(layer, "conv1d", SEQUENCE, channels=4, kernel=4, padding="same")[0]
    assert isinstance(even, Conv2d)
    assert isinstance(odd, Conv1d)
    assert (even.zeros, even.padding) == ((), (1, 1))
    assert odd.zeros == (1, 2)
