"""How badly the autoencoder of an earlier run rebuilds rows: so anomalous they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config.load import load_saved
from ..config.schema import Config
from ..data.columns import Input
from ..data.origins import forget_files
from ..data.samples import Frame
from ..errors import Problem, UsageError
from ..interrupts import check
from ..prepare import Pipeline
from ..runs.source import Source, find_source, read_weights
from ..sources.fold import FoldData
from .autoencoder import Autoencoder
from .build import build_learner
from .isolating import Scorer

ROWS = 256
"""Rows that are rebuilt at once."""
_COMPARED = 64
_HINT = "train an autoencoder on these rows, then from_run=last"


class Autoencoded(Scorer):
    """Rows are anomalous that an autoencoder, which was trained before, cannot rebuild.

    Its weights are no part of what is found: they are found again by their digest.
    """

    def prepare(self, config: Config, inputs: Mapping[str, Input], device: torch.device) -> None:
        """Reads the run that the config names.

        Raises:
            UsageError: it is gone or has changed, is no autoencoder, or reads other rows.
            RunError: its weights are damaged.
        """
        source = find_source(config)
        named = f"{source.name}/config.yaml"
        its = load_saved(source.folder / "config.yaml", named, config.plugins)
        if its.learner.name != "autoencoder":
            raise _refuse(source, f"is of learner {its.learner.name}")
        self.pipeline = Pipeline.load(source.folder, its.dataset.options.inputs)
        if self.pipeline.inputs != dict(inputs):
            raise _refuse(source, "reads other rows than those of this config")
        learner = build_learner(forget_files(its), self.pipeline.inputs, {}, device)
        kept = read_weights(source).items()
        learner.load_weights({name: torch.from_numpy(one.copy()) for name, one in kept})
        assert isinstance(learner, Autoencoder)
        self.source, self._hidden = source, [learner]  # in a list: no part of what is found

    @property
    def network(self) -> Autoencoder:
        """The autoencoder."""
        return self._hidden[0]

    def require(self, fold: FoldData) -> None:
        """Refuses rows that are prepared in another way than the autoencoder has learnt them.

        Raises:
            UsageError: they are.
        """
        rows = fold.rows.train[:_COMPARED]
        raw = {name: fold.data.samples.columns[name].take(rows) for name in self.pipeline.read}
        (name,) = self.pipeline.inputs
        own, its = fold.columns[name].take(rows), self.pipeline.apply(Frame(raw))[name]
        if not np.array_equal(np.asarray(own), np.asarray(its)):
            raise _refuse(self.source, "prepares rows in another way than this config")

    def fit(self, rows: Tensor, seed: int) -> None:
        """Nothing: it was trained before."""

    @torch.no_grad()
    def score(self, rows: Tensor) -> Tensor:
        """The mean squared error of each row."""
        ((name, described),) = self.pipeline.inputs.items()
        found = []
        for some in torch.split(rows, ROWS):
            check()
            given = some.float().reshape(-1, *described.shape).to(self.network.device)
            found.append(self.network.reconstruction_errors({name: given}).cpu().double())
        return torch.cat(found)

    def describe(self) -> dict[str, Any]:
        """The run, as `report.json` holds it."""
        taken = len(self.network.module.state_dict())
        return {"run": self.source.name, "sha256": self.source.sha256, "taken": taken, "fresh": []}


def _refuse(source: Source, why: str) -> UsageError:
    what = f"run {source.name} cannot say how anomalous rows are: it {why}"
    accepted = (
        "a run of learner autoencoder on the same dataset, with the same prepare and protocol"
    )
    return UsageError(Problem(what, "from_run", accepted, _HINT))
