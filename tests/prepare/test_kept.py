"""What costly steps make is made once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from dlx import interrupts
from dlx.data import cache as cache_module
from dlx.data import scratch as scratch_module
from dlx.data.cache import Cache
from dlx.data.columns import Column, Dense
from dlx.errors import Interrupted
from dlx.prepare import Pipeline
from dlx.prepare.kept import Chain, Made
from dlx.prepare.sparse import MultiHot

Make = Callable[..., Any]
TEXTS = [f"word{i % 4} word{i % 7}" for i in range(30)]
TRAIN = np.arange(0, 30, 2)


@pytest.fixture(autouse=True)
def everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)
    monkeypatch.setattr(scratch_module, "POLL_S", 0.01)


def test_several_that_ask_at_once_have_it_made_once(tmp_path: Path) -> None:
    made, together = [], Barrier(4)

    def ask(_: int) -> Made:
        chain = Chain("x", (), "data")
        together.wait()

        def make() -> Made:
            made.append(1)
            return Dense(np.arange(6.0)), []

        return chain.make_once("key", Cache(tmp_path / "cache"), make)

    with ThreadPoolExecutor(4) as pool:
        found = [column for column, _ in pool.map(ask, range(4))]

    assert len(made) == 1
    assert all(np.array_equal(np.asarray(one), np.arange(6.0)) for one in found)
    assert [one.name for one in (tmp_path / "cache").iterdir()] == ["key"]


def test_who_waits_for_another_can_be_stopped(tmp_path: Path) -> None:
    with Cache(tmp_path).alone("key"), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: Cache(tmp_path).alone("key").__enter__())
        interrupts.stop()
        try:
            with pytest.raises(Interrupted):
                waiting.result(timeout=60)
        finally:
            interrupts._flag.clear()


def test_a_cache_without_room_for_a_lock_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    entered = 0
    for _ in range(2):  # nor does it stay taken
        with Cache(tmp_path / "file").alone("key"):
            entered += 1

    assert entered == 2
    assert (tmp_path / "file").read_text(encoding="utf-8") == ""


def test_testing_again_finds_what_training_made(
    step: Make, samples: Make, ragged: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, data = Cache(tmp_path / "cache"), samples(x=ragged([[i % 7] for i in range(30)]))
    steps = [step("multi_hot", size=9, columns=("x",))]
    pipeline, columns = Pipeline.fit(steps, data, TRAIN, cache=cache)
    pipeline.save(tmp_path)
    monkeypatch.setattr(MultiHot, "apply", _never)

    again = Pipeline.load(tmp_path, ["x"]).apply(data, cache)

    _require_same(again["x"], columns["x"])


def test_testing_again_makes_what_is_not_kept(step: Make, samples: Make, tmp_path: Path) -> None:
    data, steps = samples(x=TEXTS), [step("tokenize"), step("pad", length=3)]
    pipeline, columns = Pipeline.fit(steps, data, TRAIN)

    again = pipeline.apply(data, Cache(tmp_path / "cache"))  # its vocabulary is of rows unknown

    _require_same(again["x"], columns["x"])
    assert not (tmp_path / "cache").exists()


def _never(*_: Any) -> Any:
    raise AssertionError("it was made again")


def _require_same(found: Column, wanted: Column) -> None:
    assert found.meta() == wanted.meta()
    for one, other in zip(found.arrays().values(), wanted.arrays().values(), strict=True):
        np.testing.assert_array_equal(one, other)
