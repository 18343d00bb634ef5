"""What is shown of a network: its layers, heat, filters, channels that are zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlx.data.columns import Input
from dlx.errors import UsageError
from dlx.explain.dead import _Counted, tell_depth
from dlx.explain.drawing import resize
from dlx.explain.filters import Range, ascend
from dlx.explain.gradcam import heat_of
from dlx.explain.labels import Label
from dlx.explain.layers import (
    Layer,
    choose_layer,
    find_layers,
    last_convolution,
    of_pictures,
    outputs_of,
)
from dlx.explain.opened import UnfitError

SIDE = 32
INPUTS = {"image": Input("dense", (1, SIDE, SIDE))}


class Small(nn.Module):
    """A network of two convolutions that answers with two logits."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(1, 8, 5, padding=2)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace)
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(8, 16, 3, padding=1)
        self.head = nn.Linear(16, 2)
        self.eval().requires_grad_(False)

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
        """The logits of `shape`."""
        x = self.pool(self.relu(self.norm(self.first(inputs["image"]))))
        x = self.relu(self.second(x))
        return {"shape": self.head(x.mean(dim=(2, 3)))}


def found(network: nn.Module) -> list[Layer]:
    return find_layers(network, INPUTS)


def pictures(rows: int = 4) -> Tensor:
    return torch.rand(rows, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("inplace", [False, True])
def test_an_activation_belongs_to_its_layer_wherever_else_it_acts(inplace: bool) -> None:
    network = Small(inplace)
    layers = found(network)

    assert [(one.names, one.kind, one.cuts) for one in layers] == [
        (("first", "norm", "relu"), "Conv2d, BatchNorm2d, ReLU", True),
        (("pool",), "MaxPool2d", False),
        (("second", "relu#2"), "Conv2d, ReLU", True),
        (("head",), "Linear", False),
    ]
    first = 8 * 25 * SIDE**2
    assert [one.work for one in layers[::2]] == [first, first + 16 * 8 * 9 * (SIDE // 2) ** 2]
    assert [one.name for one in of_pictures(layers)] == ["first", "pool", "second"]
    assert last_convolution(layers) == layers[2] == choose_layer(layers, "relu#2")
    (first, second), _ = outputs_of(network, {"image": pictures()}, [layers[0], layers[2]])
    assert first.shape[1:] == layers[0].shape == (8, SIDE, SIDE)
    assert float(first.min()) == float(second.min()) == 0
    (bare,), nothing = outputs_of(
        network, {"image": pictures()}, [layers[0].before_activation()], whole=False
    )
    assert nothing is None
    assert float(bare.min()) < 0
    assert torch.equal(bare.relu(), first)


def test_a_layer_that_is_not_there_and_a_network_without_convolutions() -> None:
    with pytest.raises(UsageError) as error:
        choose_layer(found(Small()), "secnd")
    assert error.value.problems[0].hint == "--layer second"

    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(SIDE * SIDE, 2)

        def forward(self, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
            return {"shape": self.dense(inputs["image"].flatten(1))}

    with pytest.raises(UnfitError, match=r"no convolution over pictures, only dense \(Linear\)"):
        last_convolution(found(Flat()))


@pytest.mark.parametrize("sign", [1, -1])
def test_captum_gives_the_same_heat(sign: int) -> None:
    from captum.attr import LayerGradCam

    network, rows = Small(), pictures()
    layer = last_convolution(found(network))
    label = Label("shape", "ring", 1, sign, 0.5)

    heat = heat_of(network, {"image": rows}, layer, label)

    oracle = LayerGradCam(lambda x: sign * network({"image": x})["shape"], network.second)
    shares = nn.functional.relu(oracle.attribute(rows.requires_grad_(), 1))[:, 0].detach()
    # Captum looks before the ReLU of this network, which acts twice: the same where all is above 0.
    assert heat.shape == shares.shape
    weights = sign * network.head.weight[1]
    (channels,), _ = outputs_of(network, {"image": rows.detach()}, [layer])
    expected = (weights.view(1, -1, 1, 1) * channels).sum(1).clamp(min=0)
    expected = expected / expected.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    assert torch.allclose(heat, expected, atol=1e-5)


@pytest.mark.parametrize("smooth", [True, False])
def test_what_a_filter_answers_to_is_answered_more_than_grey_and_is_the_same_again(
    smooth: bool,
) -> None:
    network = Small()
    layer = found(network)[2]
    within = Range("image", (1, 16, 16), torch.tensor(0.0), torch.tensor(1.0))

    shown = ascend(network, layer, within, 16, 0, smooth)

    def answers(rows: Tensor) -> Tensor:
        bare = layer.before_activation()
        (output,), _ = outputs_of(network, {"image": rows}, [bare], whole=False)
        return nn.functional.leaky_relu(output, 0.1).mean(dim=(2, 3))

    grey = answers(torch.full((1, 1, 16, 16), 0.5))[0]
    assert int((answers(shown).diagonal() > grey).sum()) >= 14  # some want what no picture has
    assert torch.equal(shown, ascend(network, layer, within, 16, 0, smooth))
    assert not torch.equal(shown, ascend(network, layer, within, 16, 1, smooth))


def test_channels_that_are_zero_are_counted_by_row_and_over_all_rows() -> None:
    counted = _Counted()
    output = torch.zeros(2, 4, 3, 3)
    output[0, 1, 2, 2] = output[1, 2] = output[0, 2] = 1.0

    counted.add(output[:1])
    counted.add(output[1:])

    assert counted.dead == pytest.approx(2 / 4)  # channels 0 and 3 in both rows
    assert counted.blank / counted.rows == pytest.approx((2 / 4 + 3 / 4) / 2)
    first, _, last, _ = found(Small())
    assert "grows with depth: 10.0% in first to 30.0% in second" in tell_depth(
        [0.1, 0.3], [first, last]
    )
    assert "does not grow steadily" in tell_depth([0.3, 0.1], [first, last])


def test_heat_is_enlarged_as_torch_does() -> None:
    heat = torch.rand(5, 7, generator=torch.Generator().manual_seed(0)).double()
    for size in ((20, 33), (5, 7), (9, 7)):
        expected = nn.functional.interpolate(heat[None, None], size=size, mode="bilinear")[0, 0]
        assert torch.allclose(torch.from_numpy(resize(heat.numpy(), *size)), expected)


def drawn(rows: int, seed: int, both: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Noise with a ring, a cross, both or neither somewhere; which, and their corners."""
    random = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.rand(rows, 1, SIDE, SIDE, generator=random)
    there = (torch.rand(rows, 2, generator=random) < 0.5) | both
    corners = torch.randint(0, SIDE - OBJECT, (rows, 2, 2), generator=random)
    along = torch.arange(OBJECT) - OBJECT // 2
    far = (along[:, None] ** 2 + along[None] ** 2).float().sqrt()
    shapes = [(far > 2.5) & (far < 4.5), (along[:, None] == 0) | (along[None] == 0)]
    for row, kind in there.nonzero().tolist():
        down, across = corners[row, kind].tolist()
        images[row, 0, down : down + OBJECT, across : across + OBJECT] += 0.6 * shapes[kind]
    return images, there.float(), corners


OBJECT = 9


@pytest.mark.slow
def test_the_heat_lies_on_the_object_of_80_of_100_pictures() -> None:
    torch.set_num_threads(1)
    network = Small().train().requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for step in range(250):
        images, there, _ = drawn(64, step, both=False)
        logits = network({"image": images})["shape"]
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(logits, there).backward()
        optimizer.step()
    network.eval().requires_grad_(False)
    images, _, corners = drawn(100, 10_000, both=True)
    layer = last_convolution(found(network))

    for kind, name in enumerate(("ring", "cross")):  # each picture has both
        heat = heat_of(network, {"image": images}, layer, Label("shape", name, kind, 1, 0.5))
        hits = 0
        for row, (down, across) in enumerate(corners[:, kind].tolist()):
            at = int(resize(heat[row].numpy(), SIDE, SIDE).argmax())
            hits += 0 <= at // SIDE - down < OBJECT and 0 <= at % SIDE - across < OBJECT
        assert hits >= 80, f"{hits} of 100 pictures of a {name}"
