"""How good generated samples are, whatever learner makes them, and whether they are copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..config.fidelity import judge_of
from ..config.schema import Config
from ..judging.evaluation import Evaluation, Kind
from ..judging.frechet import Frechet
from ..judging.manifold import covered
from ..judging.means import Mean
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from ..sources.batches import Batch, Part
from ..sources.fold import FoldData
from . import samples
from .spaces import TAUGHT, Space, space_key, space_of

Make = Callable[[int], Tensor]
"""How many -> so many samples, as rows of the input are, on the CPU: the first ones of a sequence
that is the same for the same weights."""
_MOST = 1_000
"""Samples, at most, whose nearest training rows are looked for."""


@dataclass(frozen=True)
class Entrant:
    """Rows that stand where samples do: the model's, or simpler ones.

    Attributes:
        name: as in "uniform noise".
        kind: as an `Estimate` has it.
        places: in the space of the judge with what that leaves out, (rows, numbers + 1).
    """

    name: str
    kind: Kind
    places: Values


class Fidelity:
    """Judges the samples of a learner by rows that did not train.

    The Fréchet distance tells how far samples are from rows as a whole; precision which share of
    samples lies among rows, recall which share of rows lies among samples. Each stands beside that
    of uniform noise, of numbers drawn one by one from training rows, of the networks before they
    were trained, and of training rows, which need not be beaten.

    Args:
        config: its learner has an option `judge`.
        name: of the input.
        rows_of: a batch -> its rows of that input, as samples are made.
    """

    def __init__(self, config: Config, name: str, rows_of: Callable[[Batch], Tensor]) -> None:
        judge = judge_of(config)
        assert judge is not None, "a learner that makes samples has an option `judge`"
        self.judge, self._config = judge, config
        self._name, self._rows_of = name, rows_of

    def distance(self, fold: FoldData, part: str, make: Make) -> float:
        """The Fréchet distance of samples from a part, as `evaluations` gives it."""
        return self._frechet(self._own(fold, part, make), self._data(fold, part)).value()

    def evaluations(
        self, fold: FoldData, part: str, make: Make, untrained: Make | None = None
    ) -> list[Evaluation]:
        """Distance, precision and recall of samples.

        Args:
            fold: its training rows teach the space and the simpler samples.
            part: "val" or "test": the rows that they are compared with.
            make: the model's samples.
            untrained: those of the networks as they started; None where there are none.
        """
        data, own = self._data(fold, part), self._own(fold, part, make)
        others = self._others(fold, len(own.places))
        if untrained is not None:
            others.append(Entrant("before training", "start", self._made(fold, untrained, own)))
        far = tuple(self._frechet(one, data) for one in others)
        found = Evaluation(
            f"{part}/frechet", "min", "sample", self._frechet(own, data), far, paired=False
        )
        return [found, *_coverage(part, own, others, data)]

    def leave(self, into: Artifacts, fold: FoldData, make: Make, part: str) -> None:
        """Keeps the training rows nearest to samples, and whether samples are nearer than rows.

        Args:
            into: where to.
            fold: its training rows.
            make: makes the samples.
            part: "val" or "test": rows that did not train; "" where there are none.
        """
        places = torch.split(torch.arange(len(fold.train)), TAUGHT)
        every = [self._rows_at(fold, at) for at in places]
        samples.leave_nearest(into, make(samples.SHOWN), every)
        if not part:
            return
        rows = thin(self._flat(fold.part(part)), _MOST)
        samples.leave_copying(into, samples.flat(make(len(rows))), rows, every)

    def _frechet(self, entrant: Entrant, data: Values) -> Frechet:
        made, rows = (np.ascontiguousarray(one[:, :-1]) for one in (entrant.places, data))
        return Frechet(entrant.name, entrant.kind, made, rows)

    def _own(self, fold: FoldData, part: str, make: Make) -> Entrant:
        made = make(len(self._data(fold, part)))
        return Entrant("model", "model", self.space(fold).whole(samples.flat(made)))

    def _made(self, fold: FoldData, make: Make, like: Entrant) -> Values:
        return self.space(fold).whole(samples.flat(make(len(like.places))))

    def _others(self, fold: FoldData, many: int) -> list[Entrant]:
        """Simpler samples, and training rows, as many as there are samples."""
        train = self._rows_at(fold, _spread(len(fold.train)))
        space = self.space(fold)
        return [
            Entrant(name, kind, space.whole(rows))
            for name, kind, rows in samples.simple(train, many, self._config.seed)
        ]

    def space(self, fold: FoldData) -> Space:
        """Where samples are compared with rows."""
        return space_of(
            *(self._config, self.judge, fold, self._name), lambda at: self._rows_at(fold, at)
        )

    def _rows_at(self, fold: FoldData, places: Tensor) -> Values:
        """Some training rows."""
        taken = fold.train.take(places.to(fold.device))
        return samples.flat(self._rows_of(taken.batch(0, len(taken))))

    def _flat(self, part: Part) -> Values:
        most = self._config.trainer.eval_batch_size
        return np.concatenate([samples.flat(self._rows_of(one)) for one in part.in_order(most)])

    def _data(self, fold: FoldData, part: str) -> Values:
        """The places of the rows of a part, which the fold keeps."""
        key = f"{part}, {self.judge.samples} rows, {space_key(self._config, self.judge)}"
        if key not in fold.learnt:
            rows = thin(self._flat(fold.part(part)), self.judge.samples)
            fold.learnt[key] = self.space(fold).whole(rows)
        found: Values = fold.learnt[key]
        return found


def _spread(many: int) -> Tensor:
    """The places of so many training rows as teach, evenly spaced."""
    return torch.arange(0, many, -(-many // TAUGHT))


def thin(rows: Values, most: int | None) -> Values:
    """So many rows at most, evenly spaced."""
    if most is None or len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]


def _coverage(
    part: str, own: Entrant, others: list[Entrant], data: Values
) -> tuple[Evaluation, Evaluation]:
    """Which samples lie among rows, and which rows among samples."""

    def precision(one: Entrant) -> Mean:
        return Mean(one.name, one.kind, covered(one.places, data))

    def recall(one: Entrant) -> Mean:
        return Mean(one.name, one.kind, covered(data, one.places))

    return (
        Evaluation(
            *(f"{part}/precision", "max", "sample", precision(own)),
            tuple(map(precision, others)),
            paired=False,
        ),
        Evaluation(f"{part}/recall", "max", "row", recall(own), tuple(map(recall, others))),
    )
