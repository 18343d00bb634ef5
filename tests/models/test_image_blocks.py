"""Models of images by blocks: published networks, number by number."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from dlx.config.specs import MODELS
from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.models.sizes import count_parameters, outline
from dlx.models.summary import layer_table

SMALL = {"image": Input("dense", (3, 16, 16))}
VGG16 = {
    "channels": (64, 128, 256, 512, 512),
    "depth": (2, 2, 3),
    "end": "flatten",
    "dense": (4096, 4096),
}
PUBLISHED = {
    "VGG16 (Keras and torchvision)": ("vgg", (3, 224, 224), 1000, VGG16, 138_357_544),
    "ResNet of 20 layers (CIFAR-10)": ("residual", (3, 32, 32), 10, {}, 272_474),
    # of Keras' 721,857 the 3,008 running means and variances are no parameters of torch's
    "mini-Xception (second edition, 9.3)": ("xception", (3, 180, 180), 1, {}, 721_857 - 3_008),
    "convnet of 5.2": (
        *("convnet", (3, 150, 150), 1),
        {"channels": (32, 64, 128, 128), "dense": (512,), "pool_last": True, "dropout": 0.5},
        3_453_121,
    ),
    "convnet of the second edition, 8.2": (
        *("convnet", (3, 180, 180), 1, {"channels": (32, 64, 128, 256, 256), "dense": ()}),
        991_041,
    ),
}


def outlined(name, shape, outputs=1, **options):
    chosen = MODELS.default(name, **options)()
    inputs = {"image": Input("dense", shape)}
    return outline(lambda: chosen.load()(chosen.options, inputs, {"y": outputs}))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_parameters(name):
    model, shape, outputs, options, published = PUBLISHED[name]
    assert count_parameters(outlined(model, shape, outputs, **options)) == published


def test_vgg16_without_its_top_has_kerass_parameters():
    blocks = outlined("vgg", (3, 150, 150), **VGG16).nodes
    found = sum(count_parameters(part) for name, part in blocks.items() if name != "top")
    assert found == 14_714_688


def test_a_residual_block_adds_its_layers_to_its_shortcut(build):
    model = build("residual", SMALL, channels=(4, 6), depth=(1,)).eval()
    nodes, x = model.nodes, torch.rand(2, 3, 16, 16)
    assert {*nodes} == {"stem", "block1", "sum1", "block2", "shortcut2", "sum2", "top"}
    one = nodes["stem"](x)
    two = F.relu(nodes["block1"](one) + one)
    three = F.relu(nodes["block2"](two) + nodes["shortcut2"](two))
    assert three.shape == (2, 6, 8, 8)
    expected = model.heads["y"](three.mean((2, 3)))
    assert torch.equal(model({"image": x})["y"], expected)


def test_an_xception_block_is_the_books(build):
    """BatchNorm, relu, separable convolution, twice; pooling; and the shortcut's 1 x 1 added."""
    model = build("xception", SMALL, channels=(4,), stem=2).eval()
    names = [type(part).__name__ for part in model.nodes["block1"]]
    assert names == [*("BatchNorm", "ReLU", "Separable") * 2, "MaxPool2d"]
    assert [type(part).__name__ for part in model.nodes["top"]] == ["GlobalPool", "Dropout"]
    x = torch.rand(2, 3, 16, 16)
    stem = model.nodes["stem"](x)
    assert stem.shape == (2, 2, 12, 12)
    total = model.nodes["block1"](stem) + model.nodes["shortcut1"](stem)
    assert total.shape == (2, 4, 6, 6)
    assert torch.equal(model({"image": x})["y"], model.heads["y"](total.mean((2, 3))))


def test_a_depth_that_is_missing_is_the_last(build):
    model = build("vgg", SMALL, channels=(2, 2, 2), depth=(1, 2), end="flatten", dense=(5,))
    rows = layer_table(model, SMALL)
    assert [row.name for row in rows if row.kind == "Conv2d"] == [
        *("nodes.block1.0", "nodes.block2.0", "nodes.block2.2"),
        *("nodes.block3.0", "nodes.block3.2"),
    ]
    assert model.heads["y"].in_features == 5


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        (
            *("vgg", (3, 4, 9)),
            "3 blocks halve the images of image, 4 x 9, until nothing is left\n"
            "  where: model.channels\n"
            "  accepted: at most 2 for these images\n"
            "  try: 'model.channels=[32,64]'",
        ),
        (
            *("xception", (3, 4, 9)),
            "the first convolution has a window of 5, but the images of image have 4 x 9\n"
            "  where: model.kernel\n"
            "  accepted: a window of at most 4\n"
            "  try: model.kernel=4",
        ),
        (
            *("residual", (784,)),
            "model=residual cannot take the input image: its rows are a vector of 784\n"
            "  where: model.name\n"
            "  accepted: images (height, width) or (channels, height, width)\n"
            "  try: use model=mlp, or leave out the step flatten or features",
        ),
    ],
)
def test_images_that_blocks_cannot_read_are_refused_with_and_without_torch(
    build, name, size, message
):
    with pytest.raises(UsageError) as caught:
        build(name, {"image": Input("dense", size)})
    assert str(caught.value) == message
    options = MODELS.default(name)().options
    (problem,) = options.check({"image": size}, ["y"], ".".join)
    assert problem.what == message.partition("\n")[0]


SIZES = [(1, 1), (1, 9), (2, 2), (3, 5), (4, 9), (5, 5), (6, 7), (9, 8)]


@pytest.mark.parametrize(("name", "fitting"), [("vgg", 4), ("residual", 8), ("xception", 3)])
def test_every_size_that_the_check_allows_can_be_built_and_acts(name, fitting):
    chosen = MODELS.default(name, channels=(2, 2))()
    options, allowed = chosen.options, 0
    for size in SIZES:
        if not [*options.check({"image": (1, *size)}, ["y"], ".".join)]:
            model = chosen.load()(options, {"image": Input("dense", (1, *size))}, {"y": 1})
            assert model.eval()({"image": torch.rand(1, 1, *size)})["y"].shape == (1, 1)
            allowed += 1
    assert allowed == fitting
