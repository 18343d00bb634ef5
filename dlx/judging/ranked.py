"""Scores of who is ranked first: precision at k, average precision, ROC-AUC."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import torch

from ..metrics import AveragePrecision, RocAuc
from ..metrics.base import Places, Values
from .baselines import Answer
from .bootstrap import Draws
from .evaluation import Direction, Estimate, Evaluation, Kind

Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PrecisionAtK(Estimate):
    """The share of marked units among those with the largest scores.

    Of units that tie at the end of the list each counts in part, so that who ranks all alike has
    the share of marked ones.

    Attributes:
        name: as in "chance".
        kind: the model's own, or which kind of simpler answer.
        scores: of every unit, (units,).
        marked: which units are to be found.
        k: units at the top; None: as many as are marked.
    """

    name: str
    kind: Kind
    scores: Values
    marked: Marks
    k: int | None = None

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.scores)

    def value(self, units: Places | None = None) -> float:
        """The precision of all or of some units; nan where none is marked."""
        chosen = slice(None) if units is None else units
        scores, marked = self.scores[chosen], self.marked[chosen]
        many = min(self.k or int(marked.sum()), len(scores))
        if not many or not marked.any():
            return float("nan")
        least = np.partition(scores, len(scores) - many)[len(scores) - many]
        above, level = scores > least, scores == least
        shared = (many - above.sum()) * marked[level].mean()
        return float((marked[above].sum() + shared) / many)

    def bootstrap(self, drawn: Draws) -> Values:
        """The precision of each draw of units, (draws,)."""
        return np.array([self.value(places) for places in drawn])


def judge_ranking(
    part: str, ranked: dict[tuple[str, Kind], Values], marked: Marks, k: int | None
) -> list[Evaluation]:
    """Average precision, precision at k and ROC-AUC of who is to be found.

    Args:
        part: "val" or "test".
        ranked: the scores of rows, (rows,), by name and kind of who gives them, the model first.
        marked: which rows are to be found.
        k: rows at the top; None: as many as are marked.
    """
    truth, own = torch.from_numpy(marked.astype(np.float32)), next(iter(ranked))[0]
    estimates: dict[str, list[Estimate]] = {}
    for (name, kind), scores in ranked.items():
        order = torch.from_numpy(_ranks(scores))[:, None]
        for score, metric in (("average_precision", AveragePrecision), ("roc_auc", RocAuc)):
            measured = metric(SimpleNamespace(direction="max"), "binary", 1)
            answer = Answer(name, kind, measured, truth, (order,))
            estimates.setdefault(score, []).append(answer)
        found = PrecisionAtK(name, kind, scores, marked, k)
        estimates.setdefault("precision_at_k", []).append(found)
    assert own == "model"
    direction: Direction = "max"
    names = ("average_precision", "precision_at_k", "roc_auc")
    return [
        Evaluation(f"{part}/{one}", direction, "row", estimates[one][0], tuple(estimates[one][1:]))
        for one in names
    ]


def _ranks(scores: Values) -> Values:
    """The place of each score among the distinct ones, from the least on: what ranking reads."""
    return np.unique(scores, return_inverse=True)[1].astype(np.float64)
