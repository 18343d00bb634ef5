"""How far members of an ensemble differ: what they disagree on, whether they err together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..losses import activate
from ..problem import PROBLEMS


def diversity(
    names: Sequence[str], problem: str, answers: Tensor, truth: Tensor
) -> dict[str, Sequence[Any]]:
    """The columns of a table with a row for each pair of members.

    Of classes and labels: the share of answers that differ, Cohen's kappa (1960) and how the
    errors of the two correlate (phi). Of numbers: the mean distance, and how errors correlate.

    Args:
        names: of the members.
        problem: type of the problem.
        answers: logits, of numbers in their own unit, (members, rows, outputs).
        truth: targets of the rows.
    """
    predicted = torch.stack([activate(problem, one) for one in answers]).cpu()
    pairs = list(combinations(range(len(names)), 2))
    columns: dict[str, Sequence[Any]] = {
        "first": [names[a] for a, _ in pairs],
        "second": [names[b] for _, b in pairs],
    }
    if not PROBLEMS[problem].classes:
        values = predicted.reshape(len(names), -1).double().numpy()
        errors = values - truth.cpu().reshape(-1).double().numpy()
        apart = [float(np.abs(values[a] - values[b]).mean()) for a, b in pairs]
        return columns | {"mean distance": apart, "correlation of errors": _each(errors, pairs)}
    chosen = predicted.argmax(-1) if problem == "multiclass" else (predicted > 0.5).long()
    said = chosen.reshape(len(names), -1).numpy()
    wrong = (said != truth.cpu().reshape(-1).long().numpy()).astype(np.float64)
    return columns | {
        "disagree": [float((said[a] != said[b]).mean()) for a, b in pairs],
        "kappa": [kappa(said[a], said[b]) for a, b in pairs],
        "correlation of errors": _each(wrong, pairs),
        "both wrong": [float((wrong[a] * wrong[b]).mean()) for a, b in pairs],
    }


def _each(errors: Any, pairs: Sequence[tuple[int, int]]) -> list[float]:
    return [_correlation(errors[a], errors[b]) for a, b in pairs]


def _correlation(one: Any, other: Any) -> float:
    """Pearson's correlation; nan where one does not vary."""
    if not np.ptp(one) or not np.ptp(other):
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def kappa(one: Any, other: Any) -> float:
    """Agreement beyond what two with the same shares of classes have by chance (Cohen, 1960)."""
    size = int(max(one.max(), other.max())) + 1
    shares = (
        np.bincount(one, minlength=size) / len(one),
        np.bincount(other, minlength=size) / len(other),
    )
    agreed, chance = float((one == other).mean()), float((shares[0] * shares[1]).sum())
    return float("nan") if chance == 1 else (agreed - chance) / (1 - chance)
