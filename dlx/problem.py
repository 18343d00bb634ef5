"""The book's table: what follows from the type of a problem (Chollet 2017, table 4.1).

From a target's problem type come its last activation, loss, metrics and baseline. Steps 1, 2 and 5
of the workflow read it, and so do the checks of a config. No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ProblemName = Literal[
    "binary",
    "multiclass",
    "multilabel",
    "regression",
    "vector_regression",
    "unit_regression",
    "count_regression",
    "quantile_regression",
]
Activation = Literal["sigmoid", "softmax", "exp", "none"]
Answer = Literal["class", "labels", "number", "numbers"]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        title: the problem in words.
        answer: what a target holds of each row: one class of several, labels, a number or several.
        activation: what turns the last layer's numbers into predictions.
        loss: the loss taken unless another is named.
        allowed: other losses that can be trained, each with a note ("" where none is needed).
        refused: losses that contradict the problem, each with the reason.
        metrics: measured unless others are named; the first is the one that is judged by.
        baseline: what a model must beat, by name.
    """

    title: str
    answer: Answer
    activation: Activation
    loss: str
    metrics: tuple[str, ...]
    baseline: tuple[str, ...]
    allowed: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> bool:
        """Whether the answer is one class or label among several, not a number."""
        return self.answer in ("class", "labels")

    @property
    def bounded(self) -> bool:
        """Whether the answer is a number that the last activation keeps in [0, 1]."""
        return not self.classes and self.activation == "sigmoid"


_NOT_A_CLASS = "its targets are numbers, not classes"
_NO_COUNT = "it counts events: declare the problem count_regression"
_NO_QUANTILE = "it learns quantiles: declare the problem quantile_regression"
_NOT_ALL = "it has one answer, but this problem has one for each quantile"
_OTHERS = {"poisson": _NO_COUNT, "quantile": _NO_QUANTILE}
_MANY_LOGITS = "it compares several classes, but this problem has one independent output per unit"

PROBLEMS: dict[str, Row] = {
    "binary": Row(
        title="binary classification",
        answer="class",
        activation="sigmoid",
        loss="binary_cross_entropy",
        metrics=("accuracy",),
        baseline=("majority",),
        allowed={"mse": "works, but learns more slowly than binary_cross_entropy (book 3.4.5)"},
        refused={
            **_OTHERS,
            "cross_entropy": "a softmax over one unit is always 1",
            "mae": "its gradient vanishes where a prediction is confidently wrong",
            "huber": "it measures distances, not probabilities",
        },
    ),
    "multiclass": Row(
        title="multiclass, single-label classification",
        answer="class",
        activation="softmax",
        loss="cross_entropy",
        metrics=("accuracy",),
        baseline=("majority", "shuffled", "uniform"),
        refused={
            **_OTHERS,
            "binary_cross_entropy": "each sample has exactly one class: use cross_entropy, or "
            "declare the problem multilabel",
            "mse": "class ids are labels, not quantities",
            "mae": "class ids are labels, not quantities",
            "huber": "class ids are labels, not quantities",
        },
    ),
    "multilabel": Row(
        title="multiclass, multilabel classification",
        answer="labels",
        activation="sigmoid",
        loss="binary_cross_entropy",
        metrics=("average_precision", "accuracy"),
        baseline=("prevalence",),
        allowed={"mse": "works, but learns more slowly than binary_cross_entropy"},
        refused={
            **_OTHERS,
            "cross_entropy": (
                "a softmax makes the labels exclude each other, but several may be correct"
            ),
            "mae": "its gradient vanishes where a prediction is confidently wrong",
            "huber": "it measures distances, not probabilities",
        },
    ),
    "regression": Row(
        title="scalar regression",
        answer="number",
        activation="none",
        loss="mse",
        metrics=("mae",),
        baseline=("median", "mean"),
        allowed={"mae": "", "huber": ""},
        refused={**_OTHERS, "binary_cross_entropy": _NOT_A_CLASS, "cross_entropy": _NOT_A_CLASS},
    ),
    "vector_regression": Row(
        title="vector regression",
        answer="numbers",
        activation="none",
        loss="mse",
        metrics=("mae",),
        baseline=("median", "mean"),
        allowed={"mae": "", "huber": ""},
        refused={**_OTHERS, "binary_cross_entropy": _NOT_A_CLASS, "cross_entropy": _NOT_A_CLASS},
    ),
    "unit_regression": Row(
        title="regression to values in [0, 1]",
        answer="number",
        activation="sigmoid",
        loss="mse",
        metrics=("mae",),
        baseline=("median", "mean"),
        allowed={"binary_cross_entropy": "", "mae": "", "huber": ""},
        refused={**_OTHERS, "cross_entropy": _MANY_LOGITS},
    ),
    "count_regression": Row(
        title="regression of counts",
        answer="number",
        activation="exp",
        loss="poisson",
        metrics=("mae",),
        baseline=("median", "mean"),
        allowed={"mse": "", "mae": "", "huber": ""},
        refused={
            "binary_cross_entropy": _NOT_A_CLASS,
            "cross_entropy": _NOT_A_CLASS,
            "quantile": _NO_QUANTILE,
        },
    ),
    "quantile_regression": Row(
        title="regression to quantiles",
        answer="number",
        activation="none",
        loss="quantile",
        metrics=("pinball", "mae"),
        baseline=("quantiles",),
        refused={
            "binary_cross_entropy": _NOT_A_CLASS,
            "cross_entropy": _NOT_A_CLASS,
            "mse": _NOT_ALL,
            "mae": _NOT_ALL,
            "huber": _NOT_ALL,
            "poisson": _NOT_ALL,
        },
    ),
}
