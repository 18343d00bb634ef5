"""The step `features`: what a network makes of pictures, whatever stands beside them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dlx import interrupts
from dlx.config.load import load
from dlx.config.specs.features import Features as Options
from dlx.data.cache import Cache
from dlx.data.columns import Array, Column, Dense, Image
from dlx.data.samples import Samples
from dlx.errors import Interrupted, UsageError
from dlx.models import features
from dlx.models.features import Features
from dlx.prepare import Pipeline
from dlx.testing.steps import check_step

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 3, 24, 20), dtype=np.uint8)
STEP = "prepare.steps=[{name: features, network: squeezenet1_1, weights: random}]"


def step(pool: Any = "average", upto: str = "features.4", **options: Any) -> Features:
    return Features(
        Options(network="squeezenet1_1", weights="random", upto=upto, pool=pool, **options)
    )


def made(column: Column, **options: Any) -> Array:
    return np.asarray(step(**options).apply(column, {}))


@pytest.fixture
def whole() -> Array:
    """What is made of all pictures."""
    return made(Image(PIXELS))


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_it_keeps_the_contract_of_steps() -> None:
    check_step(step, Image(PIXELS))


@pytest.mark.parametrize("cores", [1, 3])
def test_neither_threads_nor_cores_change_a_bit(
    whole: Array, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(features, "cores", lambda: cores)
    torch.set_num_threads(cores)

    np.testing.assert_array_equal(made(Image(PIXELS)), whole)
    assert torch.get_num_threads() == cores


def test_pools_are_of_the_numbers_at_all_places() -> None:
    every = made(Image(PIXELS), pool="none")

    assert every.dtype == np.float32
    assert every.shape[1] == step().options.channels
    np.testing.assert_allclose(made(Image(PIXELS)), every.mean((2, 3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(made(Image(PIXELS), pool="max"), every.max((2, 3)))


def test_it_gives_what_the_network_gives_of_bytes() -> None:
    options = step().options
    base = features._make_base(options)
    with torch.inference_mode():
        wanted = base(torch.from_numpy(PIXELS).float()).numpy()

    np.testing.assert_allclose(made(Image(PIXELS), pool="none"), wanted, rtol=1e-4, atol=1e-5)
    assert not base.training


def test_a_gpu_is_given_batches_of_one_size(whole: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "BATCH", 4)
    monkeypatch.setattr(features, "_by_threads", features._by_batches)

    np.testing.assert_allclose(made(Image(PIXELS)), whole, rtol=1e-4, atol=1e-5)


def test_a_signal_ends_it_and_no_thread_stays() -> None:
    before = threading.active_count()
    interrupts.stop()
    try:
        with pytest.raises(Interrupted):
            made(Image(PIXELS))
    finally:
        interrupts._flag.clear()
    assert threading.active_count() == before


def fitted(cache: Cache, train: Array, **options: Any) -> Column:
    chosen = load(
        ["task=cats_vs_dogs", STEP, "prepare.augment.image=[]", "model=mlp"]
    ).config.prepare.steps
    samples = Samples(
        columns={"image": Image(PIXELS), "animal": Dense(np.zeros(6, np.int64))},
        inputs=("image",),
        targets=("animal",),
        test=None,
        source={},
        digest="made up",
        key="made up",
    )
    return Pipeline.fit(chosen, samples, train, cache=cache)[1]["image"]


def test_whatever_rows_train_it_is_computed_once_however_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fitted(Cache(tmp_path), np.arange(3))
    monkeypatch.setattr(features, "make_base", _never)

    again = fitted(Cache(tmp_path), np.arange(3, 6))

    np.testing.assert_array_equal(np.asarray(again), np.asarray(first))


def test_other_weights_are_other_features(monkeypatch: pytest.MonkeyPatch) -> None:
    known = step().depends_on()
    monkeypatch.setattr(features, "find_weights", lambda _: (Path("x"), "0" * 64))
    others = Features(Options(network="squeezenet1_1", weights="squeezenet_imagenet"))

    assert known[0] == ""
    assert others.depends_on() == ["0" * 64, *known[1:]]


def test_a_run_finds_its_features_without_the_file_of_weights(here: Path) -> None:
    """Its config has the digest; who needs the file is told which it is."""
    run = Options(network="squeezenet1_1", weights=str(here / "a b.pth"), sha256="0" * 64)

    assert Features(run).depends_on() == ["0" * 64, *step().depends_on()[1:]]
    with pytest.raises(UsageError, match=f"{'0' * 64}\n  try: where it is now, .* -s FILE '/.*b.p"):
        features.make_base(run)


def _never(*_: Any) -> Any:
    raise AssertionError("it was computed again")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            Image(PIXELS).divide(255),
            "prepare step features got pictures that were scaled\n"
            "  accepted: bytes from 0 to 255\n"
            "  try: leave out the step before it: the network scales them as its weights expect",
        ),
        (
            Dense(np.zeros((4, 7))),
            "prepare step features got numbers of shape (rows, 7)\n"
            "  accepted: pictures in colour, as they are read",
        ),
    ],
)
def test_what_is_no_picture_as_it_was_read_is_refused(column: Column, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(column)

    assert str(caught.value) == message


def told(*arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(["task=cats_vs_dogs", "model=mlp", STEP, *arguments])
    return str(caught.value)


def test_pictures_that_are_moved_anew_have_no_features_to_keep() -> None:
    assert told("prepare.augment.image=[flip]") == (
        "`prepare.augment.image`: pictures are moved anew in each epoch, but features of image are "
        "computed once, before the first\n"
        "  where: command line: prepare.augment.image=[flip]\n"
        "  accepted: no augmentation\n"
        "  try: prepare.augment.image=[], or model=pretrained, which computes them in each epoch"
    )


def test_a_step_before_it_is_refused() -> None:
    steps = STEP.replace("[", "[{name: scale, divide_by: 255}, ")

    assert told(steps, "prepare.augment.image=[]") == (
        "prepare step features stands after scale, but takes pictures as they were read\n"
        f"  where: command line: {steps}\n"
        "  accepted: pictures of bytes from 0 to 255\n"
        "  try: leave scale out: the network scales pictures as its weights expect"
    )


def test_a_layer_that_is_not_there_is_told_before_torch_is_needed() -> None:
    steps = STEP.replace("random", "random, upto: features.40")

    assert "`prepare.steps.0.upto` is features.40, but squeezenet1_1 has no such layer" in told(
        steps, "prepare.augment.image=[]"
    )


@pytest.mark.parametrize(("pool", "sizes"), [("max", (128,)), ("none", (128, 0, 0))])
def test_a_model_is_told_of_channels_before_anything_is_computed(
    pool: Any, sizes: tuple[int, ...]
) -> None:
    assert step(pool=pool).options.after((3, 24, 20)) == sizes
