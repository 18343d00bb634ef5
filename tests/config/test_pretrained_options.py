"""`model: {name: pretrained}`: what is refused before torch is imported, and what to type."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlx.config.load import load
from dlx.config.specs.networks import networks
from dlx.config.specs.pretrained import Base
from dlx.errors import UsageError

PICTURES = (
    *("task=cats_vs_dogs", "prepare.steps=[]", "model=pretrained"),
    *("model.network=squeezenet1_1", "model.weights=squeezenet_imagenet"),
)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["model.network=resnet81"],
            ["`model.network` is 'resnet81'", "model.network=resnet18"],
        ),
        (
            ["model.weights=IMAGENET1K_V2"],
            [
                "`model.weights` is IMAGENET1K_V2, but squeezenet1_1 has no such weights",
                "accepted: IMAGENET1K_V1, squeezenet_imagenet, random, or a file that ends with",
                "did you mean IMAGENET1K_V1?",
            ],
        ),
        (
            ["model.network=vgg19"],
            [
                "`model.weights` is squeezenet_imagenet, but vgg19 has no such weights",
                "try: model.weights=IMAGENET1K_V1",
            ],
        ),
        (
            ["model.upto=features.13"],
            [
                "`model.upto` is features.13, but squeezenet1_1 has no such layer",
                "accepted: features, features.0, features.1, ",
                "did you mean features.3?",
            ],
        ),
        (
            ["prepare.steps=[{name: scale}]"],
            [
                "model pretrained scales pictures itself, but step scale does too",
                "accepted: pictures as bytes, from 0 to 255",
                "prepare.steps=[]",
            ],
        ),
        (
            ["dataset.size=16"],
            [
                "the pictures of image are 16 x 16, too small for squeezenet1_1",
                "accepted: at least 17 x 17 pixels",
                "dataset.size=17",
            ],
        ),
        (
            ["dataset.colour=grey"],
            [
                "squeezenet1_1 cannot take the input image: its rows are an image "
                "(channels, height, width) of 1 x 64 x 64",
                "accepted: pictures of 3 channels",
            ],
        ),
        (["model.layers=[relu]"], ["the last layer gives an image (channels, height, width)"]),
        (["model.layers=[{lstm: 3}]"], ["layer 1 (lstm) cannot take an image"]),
        (
            ["model.network=vit_b_16", "model.weights=''"],
            ["are 64 x 64, but vit_b_16 takes others", "dataset.size=224"],
        ),
    ],
)
def test_what_is_wrong_is_told(overrides: list[str], said: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        load([*PICTURES, *overrides])
    found = [line.strip() for line in str(caught.value).splitlines()]
    assert all(any(line.startswith(one) or one in line for line in found) for one in said), found


def test_a_part_stands_for_all_its_layers() -> None:
    resnet = networks()["resnet18"]
    assert resnet.last("layer1") == resnet.last("layer1.1") == "layer1.1"
    assert resnet.last("") == "layer4.1"
    assert resnet.last("layer") == ""
    assert Base(network="resnet18", upto="layer2").channels == 128


def test_help_lists_the_networks(cli: Any) -> None:
    told = cli("help", "model.network").out
    assert "squeezenet1_1" in told
    assert "efficientnet_v2_s" in told


def test_weights_are_known_to_dlx_data(cli: Any, here: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("DLX_DATA", str(here))
    assert cli("data", "path", "resnet18").out.strip() == str(here / "torchvision")
    (found,) = json.loads(cli("data", "verify", "resnet50.IMAGENET1K_V1", "--json").out)
    assert found["state"] == "missing"
    assert "resnet50-0676ba61.pth, SHA-256 0676ba61..." in found["problems"][0]["accepted"]
    wrong = cli("data", "fetch", "resnet81")
    assert "dlx data fetch resnet18" in wrong.err
