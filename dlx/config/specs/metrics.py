"""Metrics by name, with their direction and the problems they measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ...problem import PROBLEMS
from ..fields import Component, Table, option

_CLASSES = tuple(name for name, row in PROBLEMS.items() if row.classes)
_REGRESSIONS = tuple(name for name, row in PROBLEMS.items() if not row.classes)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is known of a metric before its code is imported.

    Attributes:
        problems: the types of problems that it measures.
        direction: whether it is to be large ("max") or small ("min").
    """

    problems: ClassVar[tuple[str, ...]] = _CLASSES
    direction: ClassVar[str] = "max"


class Accuracy(Metric):
    """Share of correct predictions (of correct labels, if each sample has several)."""


@dataclass(frozen=True, kw_only=True)
class TopKAccuracy(Metric):
    """Share of samples whose class is among the k most probable."""

    problems = ("multiclass",)

    k: int = option(5, "number of classes to consider", ge=1)


@dataclass(frozen=True, kw_only=True)
class Precision(Metric):
    """Share of the predicted positives that are correct.

    Of two classes for the class `targets.NAME.positive`; else averaged over classes or labels.
    """

    average: Literal["macro", "micro"] = option(
        "macro",
        "over more than two classes, or labels: macro, the mean over those that were predicted or "
        "there, where a share of nothing counts as 0 (as in scikit-learn); micro, of their sums",
    )


class Recall(Precision):
    """Share of the actual positives that are found; for the choice of classes see precision."""


class F1(Precision):
    """Harmonic mean of precision and recall; for the choice of classes see precision."""


class RocAuc(Metric):
    """Area under the ROC curve (one class against the rest, macro, for several)."""


class AveragePrecision(Metric):
    """Area under the precision-recall curve (mean over the classes or labels that occur)."""


class MAE(Metric):
    """Mean absolute error, in the target's unit."""

    problems = _REGRESSIONS
    direction = "min"


class MSE(MAE):
    """Mean squared error, in the target's unit squared."""


class RMSE(MAE):
    """Root of the mean squared error over all rows and outputs, in the target's unit."""


class R2(MAE):
    """Share of the target's variance that is explained."""

    direction = "max"


class Pinball(MAE):
    """Mean over rows and quantiles of q e where an answer is e too low, (1 - q) e too high."""

    problems = ("quantile_regression",)


_CODE = "dlx.metrics"
METRICS = Table(
    "metric",
    {
        "accuracy": Component(Accuracy, f"{_CODE}:Accuracy"),
        "top_k_accuracy": Component(TopKAccuracy, f"{_CODE}:TopKAccuracy"),
        "precision": Component(Precision, f"{_CODE}:Precision"),
        "recall": Component(Recall, f"{_CODE}:Recall"),
        "f1": Component(F1, f"{_CODE}:F1"),
        "roc_auc": Component(RocAuc, f"{_CODE}:RocAuc"),
        "average_precision": Component(AveragePrecision, f"{_CODE}:AveragePrecision"),
        "mae": Component(MAE, f"{_CODE}:MAE"),
        "mse": Component(MSE, f"{_CODE}:MSE"),
        "rmse": Component(RMSE, f"{_CODE}:RMSE"),
        "r2": Component(R2, f"{_CODE}:R2"),
        "pinball": Component(Pinball, f"{_CODE}:Pinball"),
    },
)
