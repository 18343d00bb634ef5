"""Spaces in which generated samples are compared with data: of numbers, or of what is seen in them.

What a space is learnt from are training rows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..config.schema import Config
from ..config.specs.judge import Judge
from ..data.judges import KEY, find_again, read_config
from ..data.origins import forget_files
from ..data.targets import EncodedTarget
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.frechet import Components
from ..metrics.base import Values
from ..models.network import Network
from ..prepare import Pipeline
from ..runs.source import Source, read_weights
from ..sources.fold import FoldData

TAUGHT = 10_000
"""As many training rows, at most, teach the space in which samples are compared with data."""
WIDEST = 64
"""As many components of a classifier's features are compared."""


class Space(Protocol):
    """Where samples and rows have places."""

    def of(self, rows: Values) -> Values:
        """The places of rows of numbers, (rows, numbers) -> (rows, numbers of a place)."""

    def whole(self, rows: Values) -> Values:
        """The same, and one number more: how far rows are from all places that there are."""


@dataclass(frozen=True)
class Seen:
    """What a network sees in rows, along the directions in which training rows vary most.

    Attributes:
        look: (rows, numbers) -> what its last hidden layer gives, (rows, features).
        axes: the components that are kept.
    """

    look: Callable[[Values], Values]
    axes: Components

    def of(self, rows: Values) -> Values:
        """The components of what is seen."""
        return self.axes.of(self.look(rows))

    def whole(self, rows: Values) -> Values:
        """The components of what is seen, and how much of it these leave out."""
        return self.axes.whole(self.look(rows))


def space_key(config: Config, judge: Judge) -> str:
    """What a space depends on, beside the training rows.

    So many rows go through a network at a time: another number could change the last bits.
    """
    at_once = config.trainer.eval_batch_size if judge.features == "classifier" else ""
    return f"space {judge.features} {judge.sha256} {at_once}"


def space_of(
    config: Config, judge: Judge, fold: FoldData, name: str, rows: Callable[[Tensor], Values]
) -> Space:
    """The space of a judge, which the fold keeps.

    Args:
        config: of the run whose samples are judged.
        judge: of its learner.
        fold: its training rows teach it.
        name: of the input.
        rows: places among training rows -> these rows, (rows, numbers).

    Raises:
        UsageError: the run that judges is gone, has changed, or sees something else.
    """
    key = space_key(config, judge)
    if key not in fold.learnt:
        every = torch.arange(0, len(fold.train), -(-len(fold.train) // TAUGHT))
        taught = rows(every)
        if judge.features == "pca":
            fold.learnt[key] = Components.fit(taught)
        else:
            look = _open(config, judge, fold, name)
            fold.learnt[key] = Seen(look, Components.fit(look(taught), WIDEST))
    return cast("Space", fold.learnt[key])


def _open(config: Config, judge: Judge, fold: FoldData, name: str) -> Callable[[Values], Values]:
    """What the network of the run that judges gives to its output layer."""
    from .build import build_learner  # which builds this run's learner, too

    source = find_again(config, judge)
    its = forget_files(read_config(source, config))
    pipeline = Pipeline.load(source.folder, its.dataset.options.inputs)
    described = fold.inputs[name]
    if dict(pipeline.inputs) != {name: described}:
        found = {n: one.shape for n, one in pipeline.inputs.items()}
        what = f"run {source.name} cannot judge samples: it reads {found}, not {name}"
        raise UsageError(Problem(what, KEY, f"rows of shape {described.shape}"))
    none = np.zeros(0, dtype=np.float32)
    targets = {n: EncodedTarget(none, codec) for n, codec in pipeline.targets.items()}
    learner = build_learner(its, pipeline.inputs, targets, fold.device)
    learner.load_weights({n: torch.from_numpy(w.copy()) for n, w in read_weights(source).items()})
    network = _network_of(learner.seeing, source)
    return _Look(network, name, described.shape, fold.device, config.trainer.eval_batch_size)


def _network_of(network: nn.Module | None, source: Source) -> Network:
    if isinstance(network, Network):
        return network.eval().requires_grad_(False)
    what = f"run {source.name} cannot judge samples: its model has no last hidden layer"
    raise UsageError(Problem(what, KEY, "a model of layers"))


@dataclass(frozen=True)
class _Look:
    """Rows through a network, so many at a time.

    Attributes:
        network: reads one input.
        name: of the input.
        shape: of a row.
        device: where it lies.
        rows: at a time.
    """

    network: Network
    name: str
    shape: tuple[int, ...]
    device: torch.device
    rows: int

    @torch.no_grad()
    def __call__(self, rows: Values) -> Values:
        """What the last hidden layer gives, (rows, features).

        Raises:
            Interrupted: a signal asks to stop.
        """
        found: list[Any] = []
        for start in range(0, len(rows), self.rows):
            check()
            some = torch.from_numpy(rows[start : start + self.rows]).float()
            hidden = self.network.hidden({self.name: some.view(-1, *self.shape).to(self.device)})
            found.append(next(iter(hidden.values())).flatten(1).double().cpu().numpy())
        return np.concatenate(found)
