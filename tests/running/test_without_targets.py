"""Learners of rows without targets go the whole way: one by gradients, one without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
import torch
from small import rows_of, the_run
from torch import Tensor, nn

from dlx.config.fields import Component
from dlx.config.learners import LearnerSpec, ScoreSpec
from dlx.config.load import load
from dlx.config.schema import Config
from dlx.config.specs import learners as specs
from dlx.data.columns import Input
from dlx.judging.bootstrap import Draws
from dlx.judging.evaluation import Estimate, Evaluation, Kind
from dlx.learning.learner import OneLoss
from dlx.learning.meters import Meters
from dlx.metrics.base import Places, Values
from dlx.optimizers.named import Optimizers
from dlx.running import train as running
from dlx.running.train import train
from dlx.sources.batches import Batch
from dlx.sources.fold import FoldData

TASK = """
dataset: {name: wine}
prepare: {steps: [{name: standardise}]}
protocol: {name: holdout, validation: 0.2, test: 0.2}
trainer: {epochs: 2, threads: 1}
"""


class Spec(LearnerSpec):
    uses = ("prepare", "protocol", "optimizer")
    can = ("folds", "final", "accumulate")

    def scores(self, config: Config) -> dict[str, ScoreSpec]:
        return {"train/far": ScoreSpec("min"), "val/far": ScoreSpec("min", judged=True)}

    def monitor(self, config: Config) -> str:
        return "val/far"


@dataclass(frozen=True, kw_only=True)
class Options(specs.Learner):
    """A network or centres that rows are to be near to."""

    spec = f"{__name__}:Spec"


@dataclass(frozen=True)
class Mean(Estimate):
    values: Tensor
    name: str = "model"
    kind: Kind = "model"

    @property
    def units(self) -> int:
        return len(self.values)

    def value(self, units: Places | None = None) -> float:
        return float(self.values.mean() if units is None else self.values[units].mean())

    def bootstrap(self, drawn: Draws) -> Values:
        return self.values.numpy()[list(drawn)].mean(axis=1)  # type: ignore[no-any-return]


class Folded(nn.Module):
    """Rows through a narrow place, where a weight is used twice and under two names."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(width, 4), nn.Linear(4, width)
        self.on, self.again = nn.Linear(4, 4), nn.Linear(4, 4)
        self.again.weight = self.on.weight

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        rows = inputs["features"]
        return (self.out(self.again(self.on(self.into(rows)))) - rows).square().mean(dim=1)


class Centres(nn.Module):
    """The distance to the nearest of a few points, which no optimizer moves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unused = nn.Identity()
        self.register_buffer("points", torch.randn(3, width))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        return torch.cdist(inputs["features"], self.points).min(dim=1).values  # type: ignore[arg-type]


class Near(OneLoss):
    network: Any = Folded

    @classmethod
    def build(cls, config: Config, inputs: Mapping[str, Input], *_: Any) -> Self:
        torch.manual_seed(0)
        return cls(config, cls.network(inputs["features"].shape[0]))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"far": self.model(batch.inputs).mean()}

    @torch.no_grad()
    def evaluations(self, fold: FoldData, part: str) -> list[Evaluation]:
        found = self.model.eval()(fold.part(part).inputs)
        worse = Mean(found + 1, "noise", "noise")
        return [Evaluation(f"{part}/far", "min", "row", Mean(found), (worse,))]


class Clusters(Near):
    network = Centres

    @torch.no_grad()
    def step(self, batch: Batch, optimizers: Optimizers, meters: Meters) -> None:
        rows, points = batch.inputs["features"], self.model.points
        nearest = torch.cdist(rows, points).argmin(dim=1)  # type: ignore[arg-type]
        for number in nearest.unique().tolist():
            points[number].lerp_(rows[nearest == number].mean(dim=0), 0.5)  # type: ignore[index, union-attr]
        meters.update(batch, self.losses(batch), {})


def test_rows_that_stand_elsewhere_too_are_left_out_of_scores_of_rows_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split, notes = SimpleNamespace(test=np.arange(4)), list[str]()
    run: Any = SimpleNamespace(facts={"notes": notes}, data=SimpleNamespace(split=split))
    run.data.input_hashes = []
    monkeypatch.setattr(running, "rows_seen_elsewhere", lambda *_: np.array([3]))
    found, worse = Mean(torch.arange(4.0)), (Mean(torch.ones(4)),)
    for unit in ("sample", "row"):
        assert notes == []
        running._score_unseen(run, Evaluation("test/far", "min", unit, found, worse))
    (note,) = notes
    assert note.endswith("without them test/far is 1")


@pytest.mark.parametrize("kind", [Near, Clusters])
@pytest.mark.parametrize("changes", [(), ("protocol={name: kfold, k: 2, test: 0.2}", "final=true")])
def test_a_run_of_it_is_trained_judged_and_kept(
    here: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Near], changes: tuple[str, ...]
) -> None:
    component = Component(Options, f"{__name__}:{kind.__name__}")
    monkeypatch.setitem(specs.LEARNERS.entries, "near", component)
    (here / "configs" / "task").mkdir(parents=True)
    text = f"learner: {{name: near}}\n{TASK}"
    (here / "configs" / "task" / "near.yaml").write_text(text)

    train(load(["task=near", *changes]), lambda _: None)

    report = json.loads((the_run() / "report.json").read_text())
    assert report["answer"]["score"] == "test/far"
    assert report["answer"]["beats"] is True
    first, last = (row["val/far"] for row in rows_of(the_run()))
    assert last < first
    layers = {row["name"]: row["parameters"] for row in report["model"]["layers"]}
    wanted = {"into": 56, "on": 20, "again": 4, "out": 65}  # its weight is counted with "on"
    assert layers == (wanted if kind is Near else {})
