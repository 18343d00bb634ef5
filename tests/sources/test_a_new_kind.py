"""A kind of column that dlx does not ship: a class on the host, one for the device, no more."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import torch
from small import trained
from torch import Tensor

from dlx.data import cache as cache_module
from dlx.data.cache import Cache
from dlx.data.columns import Column, Input, Rows, Shown
from dlx.data.samples import Samples
from dlx.report import build
from dlx.sources import data as data_module
from dlx.sources.batches import make_part


@dataclass(frozen=True, eq=False)
class Ramp(Column):
    """Rows of numbers that climb by one: only the first of each is kept."""

    kind: ClassVar[str] = "ramp"
    held: ClassVar[str] = f"{__name__}:HeldRamp"

    firsts: Any
    length: int

    @property
    def holds(self) -> str:
        return "ramps"

    def __len__(self) -> int:
        return len(self.firsts)

    def take(self, rows: Rows) -> Self:
        return type(self)(self.firsts[rows], self.length)

    def hashes(self, rows: Rows) -> list[bytes]:
        return [first.tobytes() for first in self.firsts[rows]]

    def describe(self) -> Input:
        return Input("dense", (self.length,))

    def show(self, row: int) -> Shown:
        return Shown("text", f"from {self.firsts[row]:.3g}")


class HeldRamp:
    """Firsts on the device; a batch writes its rows out."""

    def __init__(self, firsts: Tensor, length: int) -> None:
        self.firsts, self.length = firsts, length

    @classmethod
    def hold(cls, column: Ramp, device: torch.device) -> Self:
        return cls(torch.tensor(np.asarray(column.firsts), device=device), column.length)

    @property
    def nbytes(self) -> int:
        return self.firsts.numel() * 4

    def take(self, rows: Tensor) -> Self:
        return type(self)(self.firsts.index_select(0, rows), self.length)

    def batch(self, start: int, stop: int) -> Tensor:
        return self.firsts[start:stop, None] + torch.arange(self.length)


@pytest.fixture
def ramps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wines, each of which is known by its alcohol alone."""
    read = data_module.read

    def as_ramps(chosen: Any) -> Samples:
        samples = read(chosen)
        ramp = Ramp(np.asarray(samples.columns["features"])[:, 0], 3)
        columns = {**samples.columns, "features": ramp}
        return replace(samples, columns=columns, features={})

    monkeypatch.setattr(data_module, "read", as_ramps)


@pytest.mark.usefixtures("ramps")
def test_it_is_read_prepared_trained_and_reported() -> None:
    run = trained("prepare.steps=[]").folder

    (told,) = json.loads((run / "data.json").read_text())["profile"]["columns"]
    assert (told["column"], told["type"]) == ("features", "ramps")
    saved = json.loads((run / "prepare" / "pipeline.json").read_text())
    assert saved["raw"] == {"features": {"kind": "ramp", "holds": "ramps"}}
    assert saved["inputs"] == {"features": {"kind": "dense", "shape": [3], "ids": 0}}
    errors = json.loads((run / "errors.json").read_text())["cultivar"]["rows"]
    assert errors
    assert all(one["shown"]["text"].startswith("from ") for one in errors)
    build(run)
    assert errors[0]["shown"]["text"] in (run / "report.html").read_text()


def test_it_comes_back_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)
    Cache(tmp_path).store("key", {"x": Ramp(np.arange(4.0), 3)}, {})

    found = Cache(tmp_path).load("key")

    assert found is not None
    back = found.columns["x"]
    assert isinstance(back, Ramp)
    assert (np.asarray(back.firsts).tolist(), back.length) == ([0, 1, 2, 3], 3)


def test_batches_are_written_out_by_its_own_class() -> None:
    column = Ramp(np.arange(0.0, 70, 10), 3)

    part = make_part({"x": column}, {"y": np.arange(7)}, np.array([5, 1, 2]), torch.device("cpu"))

    found = [batch.inputs["x"].tolist() for batch in part.in_order(2)]
    assert found == [[[50, 51, 52], [10, 11, 12]], [[20, 21, 22]]]
    (micro, _) = next(part.in_order(2)).split(2)
    assert micro.inputs["x"].tolist() == [[50, 51, 52]]
