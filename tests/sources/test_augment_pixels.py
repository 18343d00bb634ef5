"""Colours, erased rectangles, mixtures and what lies beyond the edge: torchvision is the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.v2 as v2
import torchvision.transforms.v2.functional as oracle
from scipy.special import betaincinv
from torch import Tensor

from dlx.config.specs import AUGMENTATIONS
from dlx.data.columns import Dense, Image
from dlx.sources.augment import _STAGES
from dlx.sources.colour import average
from dlx.sources.geometry import Resampling
from dlx.sources.shades import Shade

SHAPE = (7, 3, 10, 9)
PIXELS = torch.from_numpy(np.random.default_rng(0).random(SHAPE, dtype=np.float32))
LIMITS = Shade((-1.0, 0.5, 0.0), (1.0, 3.0, 2.0))


def chosen(name: str, **options: Any) -> Any:
    one = AUGMENTATIONS.default(name, **options)()
    return one.load()(one.options)


def stage(kind: str, *members: Any, shade: Shade | None = None) -> Callable[..., Tensor]:
    named = [(f"{at}", one) for at, one in enumerate(members)]
    return _STAGES[kind](named, lambda: shade or Shade())  # type: ignore[return-value]


def at(value: float, **others: float) -> Callable[[str], Callable[[str], Tensor]]:
    return lambda name: lambda what: torch.full((len(PIXELS),), others.get(what, value))


def stretched(pictures: Tensor, shade: Shade) -> Tensor:
    dark, light = (torch.tensor(ends)[:, None, None] for ends in (shade.dark, shade.light))
    return pictures * (light - dark) + dark


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.6])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colours_are_those_of_torchvision(name: str, factor: float) -> None:
    """Also of pictures whose black is not 0 and whose white is not 1."""
    change = chosen(name, share=1.0)
    wanted = getattr(oracle, f"adjust_{name}")(PIXELS, factor)

    for shade in (Shade(), LIMITS):
        made = stage("colour", change, shade=shade)
        found = made(stretched(PIXELS, shade), at(factor / 2))
        torch.testing.assert_close(found, stretched(wanted, shade), atol=1e-5, rtol=0)


def test_a_chain_of_colours_is_that_of_torchvision_where_nothing_is_cut() -> None:
    pale = PIXELS / 4 + 0.4
    names = ["saturation", "brightness", "contrast"]
    wanted = pale
    for name in names:
        wanted = getattr(oracle, f"adjust_{name}")(wanted, 1.2)
    assert 0 < float(wanted.min()) < float(wanted.max()) < 1

    found = stage("colour", *(chosen(name, share=0.2) for name in names))(pale, at(1.0))

    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("many", [1, 2, 90, 22500])
def test_a_mean_has_the_bits_of_its_row_alone(many: int) -> None:
    values = torch.rand(5, many, generator=torch.Generator().manual_seed(many))

    found = average(values)

    torch.testing.assert_close(found, values.double().mean(1).float())
    assert torch.equal(found, torch.cat([average(row[None]) for row in values]))


@pytest.mark.parametrize("beyond", ["edge", "reflect", "black"])
def test_what_lies_beyond_the_edge_is_what_torchvision_pads(beyond: str) -> None:
    """A crop after padding lies at whole places: the same pixels."""
    how = {"edge": "edge", "reflect": "symmetric", "black": "constant"}[beyond]
    crop, fill = chosen("crop", padding=4), chosen("fill", beyond=beyond)
    wanted = oracle.crop(oracle.pad(PIXELS, [4], padding_mode=how), 1, 6, 10, 9)

    for shade in (Shade(), LIMITS):
        made = Resampling([("crop", crop), ("fill", fill)], lambda shade=shade: shade)
        found = made(stretched(PIXELS, shade), at(0, y=1.5 / 9, x=6.5 / 9))
        assert torch.equal(found, stretched(wanted, shade))
        flips = chosen("flip", axis="both"), chosen("rotate", degrees=1e-6)
        exact, between = (
            Resampling(
                [("flip", flips[0]), ("crop", crop), *more, ("fill", fill)],
                lambda shade=shade: shade,
            )
            for more in ([], [("rotate", flips[1])])
        )
        pictures, draws = stretched(PIXELS, shade), at(0.1, angle=0.5)
        torch.testing.assert_close(
            exact(pictures, draws), between(pictures, draws), atol=1e-4, rtol=0
        )


def test_a_smaller_window_is_enlarged_as_torchvision_does() -> None:
    crop = chosen("crop", size=6)
    wanted = oracle.resize(PIXELS[:, :, 1:7, 2:8], [10, 9], antialias=False)

    found = stage("geometry", crop)(PIXELS, at(0, y=1.5 / 5, x=2.5 / 4))

    torch.testing.assert_close(found[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("fill", ["black", "grey", "noise"])
def test_a_rectangle_is_erased_as_by_torchvision(fill: str) -> None:
    """Area 0.3 of 90 pixels, ratio 3: 9 pixels high, 3 wide."""
    erase = chosen("erase", smallest=0.3, largest=0.3, ratio=1 / 3, fill=fill)
    draws = at(0, upright=0.9, top=0.9, left=0.5)

    found = stage("erase", erase, shade=LIMITS)(stretched(PIXELS, LIMITS), draws)

    inside = found[..., 1:10, 3:6]
    value = LIMITS.dark if fill == "black" else (0.0, 1.75, 1.0)
    if fill == "noise":
        spread = (inside - LIMITS.dark_as(inside)) / LIMITS.width_as(inside)
        assert 0 <= float(spread.min()) < 0.1 < 0.9 < float(spread.max()) < 1
        assert len(spread[0].unique()) == spread[0].numel()
        filling = inside
    else:
        filling = torch.tensor(value)[:, None, None].expand(3, 9, 3)
    wanted = oracle.erase(stretched(PIXELS, LIMITS), 1, 3, 9, 3, filling)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)
    kept = stage("erase", erase)(PIXELS, at(0, chance=0.5))
    assert torch.equal(kept, PIXELS)


def test_areas_and_ratios_of_what_is_erased_are_those_asked_for() -> None:
    erase = chosen("erase", smallest=0.1, largest=0.2, ratio=0.5)
    generator = torch.Generator().manual_seed(0)
    masks = erase.mask(lambda what: torch.rand(2000, generator=generator), (64, 64))
    masks = masks[masks.any(2).any(1)]

    assert 850 < len(masks) < 1150
    tall, wide = masks.any(2).sum(1), masks.any(1).sum(1)
    area = (tall * wide).double() / 64**2
    assert torch.equal(tall * wide, masks.sum((1, 2)))
    assert (float(area.min()), float(area.max())) == pytest.approx((0.1, 0.2), abs=0.01)
    ratio = tall / wide
    assert (float(ratio.min()), float(ratio.max())) == pytest.approx((0.5, 2), abs=0.06)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_mixtures_are_those_of_torchvision(share: float) -> None:
    partners, shares = PIXELS.roll(1, 0), torch.full((len(PIXELS),), share)
    known = {"labels": None, "batch_size": len(PIXELS)}
    mixup = v2.MixUp(num_classes=2).transform(PIXELS, {"lam": share, **known})

    found, own = chosen("mixup").mix(PIXELS, partners, shares, at(0)(""))

    torch.testing.assert_close(found, mixup)
    assert torch.equal(own, shares)

    # CutMix draws the middle (7, 2) of a rectangle of sqrt(1 - share) times the sides, cut off
    half = [int((1 - share) ** 0.5 * side / 2) for side in (10, 9)]
    top, bottom = max(7 - half[0], 0), min(7 + half[0], 10)
    left, right = max(2 - half[1], 0), min(2 + half[1], 9)
    cutmix = v2.CutMix(num_classes=2)
    wanted = cutmix.transform(PIXELS, {"box": (left, top, right, bottom), **known})
    pasted, own = chosen("cutmix").mix(PIXELS, partners, shares, at(0, y=0.75, x=0.3)(""))
    torch.testing.assert_close(pasted, wanted)
    area = (bottom - top) * (right - left) / 90
    torch.testing.assert_close(own, torch.full_like(own, 1 - area))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_follow_a_beta_distribution_and_a_chance(alpha: float) -> None:
    drawn = (torch.arange(1000) + 0.5) / 1000

    found = chosen("mixup", alpha=alpha).shares(lambda what: drawn)

    wanted = betaincinv(alpha, alpha, drawn.double().numpy())
    assert np.abs(found.numpy() - wanted)[2:-2].max() < 0.002
    rare = chosen("mixup", chance=0.25).shares(lambda what: drawn)
    assert torch.equal(rare[250:], torch.ones(750))
    assert float(rare[:250].max()) < 1


def test_black_and_white_are_known_of_bytes_and_learnt_of_numbers() -> None:
    pixels = np.full((4, 3, 2, 2), 100, np.uint8)
    image = Image(pixels, mean=(0.0, 10.0, 255.0), std=(255.0, 5.0, 1.0))
    assert Shade.of(image, np.array([0])) == Shade((0.0, -2.0, -255.0), (1.0, 49.0, 0.0))
    numbers = Dense(np.array([[[0.0, 16.0]], [[3.0, 4.0]], [[5.0, 9.0]]]))
    assert Shade.of(numbers, np.array([1, 2])) == Shade((3.0,), (9.0,))
