"""Trainings that take a tenth of a second, for the tests beside this file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlx.config.load import Loaded
from dlx.config.schema import Config
from dlx.data.origins import load
from dlx.learning.build import build_learner
from dlx.running.run import Run
from dlx.running.staging import build_training
from dlx.running.train import train
from dlx.sources.data import Data, read_data
from dlx.sources.fold import FoldData, prepare_fold
from dlx.training.training import Training

WINE = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
REVIEWS = ("task=imdb", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")


def loaded(*overrides: str, base: tuple[str, ...] = WINE) -> Loaded:
    """A checked config: a small one, changed."""
    return load([*base, *overrides])


def trained(*overrides: str, base: tuple[str, ...] = WINE) -> Run:
    """A finished run, without its report."""
    return train(loaded(*overrides, base=base), lambda _: None)


def built(*overrides: str, base: tuple[str, ...] = WINE) -> tuple[Config, Data, FoldData, Training]:
    """A training at its start, and what it is made of."""
    config = loaded(*overrides, base=base).config
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])
    learner = build_learner(config, fold.inputs, fold.targets, fold.device)
    return config, data, fold, build_training(config, learner, learner.source(fold, 0))


def rows_of(run: Path) -> list[dict[str, Any]]:
    """The rows of `metrics.jsonl`."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]


def status_of(run: Path) -> dict[str, Any]:
    """What `status.json` says."""
    found: dict[str, Any] = json.loads((run / "status.json").read_text("utf-8"))
    return found


def the_run(root: Path = Path("runs")) -> Path:
    """The only run folder there is."""
    (found,) = root.glob("*/*-*")
    return found


def weights(training: Training) -> dict[str, Tensor]:
    """A copy of the parameters."""
    return {n: p.detach().clone() for n, p in training.model.named_parameters()}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether tensors are the same to the bit."""
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)
