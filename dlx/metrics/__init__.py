"""Metrics: sums that stay on the device until they are asked for; ranking at the epoch's end."""

from __future__ import annotations

from .base import Metric
from .classes import F1, Accuracy, Precision, Recall, TopKAccuracy
from .errors import MAE, MSE, R2, RMSE, Pinball
from .ranking import AveragePrecision, RocAuc

__all__ = [
    "F1",
    "MAE",
    "MSE",
    "R2",
    "RMSE",
    "Accuracy",
    "AveragePrecision",
    "Metric",
    "Pinball",
    "Precision",
    "Recall",
    "RocAuc",
    "TopKAccuracy",
]
