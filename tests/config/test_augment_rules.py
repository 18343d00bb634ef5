"""Augmentations that contradict each other, the pictures or the learner; hints can be typed."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from dlx.config.load import load

ORDER = (
    "geometry (flip, rotate, shift, shear, zoom, crop, fill), then colour (brightness, contrast, "
    "saturation), then erase (erase), then numbers (jitter, drop), then mix (mixup, cutmix)"
)
CASES = {
    "[{brightness: 0.2}, {erase: 0.5}, flip, {crop: 4}]": (
        "flip stands after erase",
        ORDER,
        "[flip, {crop: 4}, {brightness: 0.2}, erase]",
    ),
    "[flip, {fill: black}, {fill: edge}]": (
        "fill stands there 2 times, but pixels are read once",
        "one fill",
        "[flip, {fill: black}]",
    ),
    "[{fill: reflect}, {name: zoom, share: 0.5, keep_ratio: true}, {fill: reflect}]": (
        "fill stands there 2 times, but pixels are read once",
        "one fill",
        "[{fill: reflect}, {name: zoom, share: 0.5, keep_ratio: true}]",
    ),
    "[{fill: black}, {contrast: 0.2}]": (
        "fill is without effect, as nothing moves the pictures",
        "geometry (flip, rotate, shift, shear, zoom, crop, fill)",
        "[{contrast: 0.2}]",
    ),
    "[mixup, {cutmix: 0.5}]": (
        "mixup and cutmix, but a row is mixed once",
        "one of mixup and cutmix",
        "[mixup]",
    ),
}


@pytest.mark.parametrize("written", CASES)
def test_a_list_that_cannot_be_followed_is_refused_with_one_that_can(
    told: Callable[..., str], written: str
) -> None:
    what, accepted, typed = CASES[written]
    key = "prepare.augment.image"
    hint = f"'{key}={typed}'"

    assert told("task=digits", f"{key}={written}") == (
        f"`{key}`: {what}\n  where: command line: {key}={written}\n"
        f"  accepted: {accepted}\n  try: {hint}"
    )
    load(["task=digits", *shlex.split(hint)])


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("saturation: 0.2", "saturation on pictures of shape 8 x 8: it needs pictures of three"),
        ("name: crop, size: 9", "crop on pictures of shape 8 x 8: a window of 9 pixels is larger"),
        ("name: crop", "crop on pictures of shape 8 x 8: without padding and size it changes"),
        ("name: erase, smallest: 0.5", "erase on pictures of shape 8 x 8: smallest=0.5 is above"),
    ],
)
def test_what_pictures_cannot_be_given_is_told(
    told: Callable[..., str], written: str, why: str
) -> None:
    message = told("task=digits", f"prepare.augment.image=[{{{written}}}]")

    assert message.startswith(f"`prepare.augment.image`: {why}")


def test_only_targets_can_be_mixed(told: Callable[..., str]) -> None:
    message = told("task=digits_vae", "prepare.augment.image=[flip, mixup]")

    assert "learner vae has no loss of targets to mix" in message
    assert message.endswith("try: 'prepare.augment.image=[flip]'")


def test_views_are_refused_likewise(told: Callable[..., str]) -> None:
    assert told("task=digits", "prepare.views={imag: [flip]}") == (
        "`prepare.views.imag`: dataset digits has no input `imag`\n"
        "  where: command line: prepare.views={imag: [flip]}\n"
        "  accepted: image\n  try: did you mean image?"
    )
    assert "input features holds no pictures" in told("task=wine", "prepare.views.features=[flip]")
    message = told("task=digits_vae", "prepare.views.image=[flip]")
    assert message.startswith("`prepare.views`: learner vae has no predictions to average")
    assert message.endswith("try: prepare.views={}")
