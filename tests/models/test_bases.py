"""Networks of torchvision as bases: what they give, what they start from, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision import models

from dlx.config.specs.networks import networks, scale_of
from dlx.config.specs.pretrained import Base as Options
from dlx.errors import UsageError
from dlx.models.pretrained import Base, layers_of, make_base

NETWORKS = [*networks()]
CUT = Options(network="resnet18", weights="w.pth", upto="layer1")
FAMILIES = (
    *("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3"),
    *("maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_y_400mf", "resnet18"),
    *("shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_32"),
)


def random_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Numbers in the shapes of a state dict; counts stay."""
    source = torch.Generator().manual_seed(1)
    drawn = {n: torch.rand(v.shape, generator=source) * 0.1 + 0.05 for n, v in state.items()}
    return {n: drawn[n] if v.is_floating_point() else v for n, v in state.items()}


@pytest.fixture(scope="module")
def whole() -> models.ResNet:
    """A whole network of torchvision with random numbers."""
    network = models.resnet18().eval()
    network.load_state_dict(random_state(network.state_dict()))
    return network


@pytest.fixture
def file(here: Path, whole: models.ResNet) -> Path:
    """Its weights up to the second block, as torch.save leaves them."""
    kept = {n: v for n, v in whole.state_dict().items() if not n.startswith(("layer3", "layer4"))}
    torch.save(kept, here / "w.pth")
    return here / "w.pth"


def test_a_base_gives_what_torchvision_does_of_scaled_pictures(
    file: Path, whole: models.ResNet
) -> None:
    generator = torch.random.get_rng_state()
    base = make_base(CUT)
    assert torch.equal(torch.random.get_rng_state(), generator)
    pixels = torch.randint(0, 256, (2, 3, 40, 32)).float()
    (mean, std), taken = scale_of("resnet18", ""), pixels / 255
    taken = (taken - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1"):
        taken = getattr(whole, name)(taken)
    torch.testing.assert_close(base(pixels), taken)
    assert not base.training
    assert not any(p.requires_grad for p in base.parameters())
    assert layers_of(base) == ["conv1", "bn1", "relu", "maxpool", "layer1.0", "layer1.1"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            lambda state: {n: v for n, v in state.items() if n != "bn1.weight"},
            "1 of 30 tensors are missing (bn1.weight)",
        ),
        (
            lambda state: state | {"conv1.weight": torch.zeros(8, 3, 7, 7)},
            "1 have other shapes (conv1.weight is 8 x 3 x 7 x 7, not 64 x 3 x 7 x 7)",
        ),
        (lambda state: {"epoch": 3, "model": state}, "w.pth holds no weights: it is no state dict"),
        (lambda _: [1, 2], "w.pth holds no weights: it is no state dict"),
    ],
)
def test_weights_that_do_not_fit_are_told(file: Path, changed: Any, said: str) -> None:
    torch.save(changed(torch.load(file, weights_only=True)), file)
    with pytest.raises(UsageError) as caught:
        make_base(CUT)
    assert said in str(caught.value)


def test_a_damaged_file_and_one_that_has_changed_are_told(file: Path) -> None:
    with pytest.raises(UsageError, match=r"the weights in .*w.pth have changed since they were"):
        make_base(replace(CUT, sha256="0" * 64))
    file.write_bytes(b"\x80\x02" + b"rubbish" * 99)
    with pytest.raises(UsageError, match=r"w\.pth holds no weights: "):
        make_base(CUT)
    with pytest.raises(UsageError, match=r"there is no file other\.pth"):
        make_base(replace(CUT, weights="other.pth"))


def test_official_weights_are_held_to_the_digits_in_their_name(
    monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    monkeypatch.setenv("DLX_DATA", str(here))
    options = Options(network="resnet50", weights="IMAGENET1K_V1")
    with pytest.raises(UsageError) as caught:
        make_base(options)
    assert str(caught.value).splitlines() == [
        "the weights IMAGENET1K_V1 of resnet50 are not on this machine",
        f"  where: {here / 'torchvision'}",
        "  accepted: resnet50-0676ba61.pth, SHA-256 0676ba61...",
        "      https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "  try: `dlx data fetch resnet50.IMAGENET1K_V1`, or put it there by hand",
    ]
    (here / "torchvision").mkdir()
    (here / "torchvision" / "resnet50-0676ba61.pth").write_bytes(b"other")
    with pytest.raises(UsageError, match=r"is not the official file of resnet50: its SHA-256 is "):
        make_base(options)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_table_is_torchvisions(name: str) -> None:
    weights = models.get_model_weights(name)
    known = networks()[name]
    official = {n: w for n, w in known.weights.items() if w.file.url}
    assert {n: w.file.url for n, w in official.items()} == {w.name: w.url for w in weights}
    assert next(iter(known.weights)) == weights.DEFAULT.name
    for one in weights:
        digits = official[one.name].file.sha256
        assert len(digits) >= 8
        assert set(digits) <= set("0123456789abcdef")
        if not known.one_size and not name.startswith("swin"):
            assert official[one.name].size == one.meta["min_size"][0]
        how, own = one.transforms(), scale_of(name, official[one.name].file.name)
        if name not in ("googlenet", "inception_v3"):  # which scale again themselves
            assert own == (tuple(how.mean), pytest.approx(tuple(how.std)))
    with torch.device("meta"):
        base = Base(Options(network=name))
    assert layers_of(base) == [*known.layers]


def test_all_networks_of_torchvision_are_known() -> None:
    assert sorted(models.list_models(module=models)) == sorted(NETWORKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_with_its_classifier_a_base_is_the_network(name: str, here: Path) -> None:
    sized = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    network: Any = models.get_model(name, weights=None, **sized).eval()
    torch.save(network.state_dict(), here / "w.pth")
    options = Options(network=name, weights="w.pth")
    base = make_base(options)
    size = max(96, options.side)
    pixels = torch.randint(0, 256, (2, 3, size, size)).float()
    scaled = (pixels - base.mean) / base.std
    seen: list[Tensor] = []
    last = {"vit_b_32": "encoder"}.get(name, [n for n, _ in base.named_children()][-1])
    if name == "maxvit_t":
        last = "blocks.3"
    if name == "densenet121":
        last = "features"
    network.get_submodule(last).register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.no_grad():
        network(scaled)
        found = base(pixels)
    expected = seen[0].relu() if name == "densenet121" else seen[0]
    if name == "vit_b_32":
        expected = expected[:, 1:].transpose(1, 2).reshape(found.shape)
    torch.testing.assert_close(found, expected)
    assert found.shape[1] == options.channels


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_a_base_is_cut_after_any_layer(name: str) -> None:
    known, size = networks()[name], max(224, Options(network=name).side)
    for upto, channels in known.layers.items():
        with torch.device("meta"), torch.no_grad():
            given = Base(Options(network=name, upto=upto)).eval()(torch.zeros(1, 3, size, size))
        assert given.shape[1] == channels, upto


@pytest.mark.slow
def test_an_old_name_is_read_as_today(here: Path) -> None:
    options = Options(network="densenet121", weights="w.pth", upto="features.denseblock1")
    with torch.device("cpu"):
        own = random_state(Base(options).state_dict())
    names = {n: n.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2.") for n in own}
    old = {names[n]: v for n, v in own.items() if "num_batches" not in n}
    torch.save(old, here / "w.pth")
    base = make_base(options)
    assert all(torch.equal(base.state_dict()[n], own[n]) for n in own if n not in ("mean", "std"))
