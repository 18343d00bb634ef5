"""One classical model on the same prepared inputs: how far a straight line would come.

Logistic regression for classes (one against the rest for several labels), ridge regression for
numbers, both scikit-learn's (Pedregosa et al., 2011).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data.columns import Input
from ..models.inputs import MultiHot
from ..problem import PROBLEMS
from ..seeds import derive
from ..sources.batches import Whole
from ..sources.held import Elsewhere
from .links import SURE, to_outputs

PENALTIES = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01)
"""Tried from the strongest on, until other rows are served worse."""

CUTS, MANY = 4, 5000
"""Parts that training rows are cut into where no others pick the penalty; from so many rows on,
one part is enough."""

CELLS = 50_000_000
"""Most numbers (rows x features) that dense training rows may fill: 400 MB."""

ITERATIONS, TOLERANCE = 200, 1e-3
"""Where the solver stops. Beyond, the scores of every dataset tried move by less than 0.003."""

Inputs = Mapping[str, Whole]
"""All rows of some prepared inputs, by name."""

Matrix = Any
"""Rows of features: a dense float64 array, or a sparse CSR one."""

Floats = npt.NDArray[np.float64]

Targets = npt.NDArray[Any]

Places = npt.NDArray[np.int64]
"""Numbers of rows, in some order."""

Cut = tuple[Matrix, Targets, Matrix, Targets]
"""Inputs and targets to fit to, inputs and targets to pick the penalty on."""


class Rows(NamedTuple):
    """Some samples: prepared inputs by name, and the values of one target."""

    inputs: Inputs
    targets: Tensor


@dataclass(frozen=True)
class Classical:
    """A fitted model.

    Attributes:
        name: as in "logistic regression".
        chosen: the penalty, the rows that it was picked on and that were learnt from.
        predict: inputs of some rows -> logits (rows, outputs), float32.
        line: what each feature as it was given adds to the logits, (features, outputs), and the
            logits of a row of zeros, (outputs,).
    """

    name: str
    chosen: dict[str, Any]
    predict: Callable[[Inputs], Tensor]
    line: Callable[[], tuple[Floats, Floats]]


def fit(
    problem: str,
    outputs: int,
    described: Mapping[str, Input],
    train: Rows,
    validation: Rows | None = None,
    seed: int = 0,
) -> Classical:
    """Fits the model on training rows, with the penalty that serves other rows best.

    The penalty is picked by log loss (numbers: squared error) on the validation rows; without
    any, on a quarter of the training rows, held out four times in turn (once, of many rows), and
    the model is then fitted to all of them. Dense inputs are flattened and standardised, ids
    become multi-hot, multi-hot rows stay sparse. Where dense rows would fill more than `CELLS`
    numbers, a random part of them is taken, before anything is copied.

    Args:
        problem: type of the problem.
        outputs: numbers that a model gives.
        described: the inputs, as a model is told of them.
        train: rows to fit to.
        validation: rows to pick the penalty on.
        seed: of the cuts, where there are no such rows.
    """
    most = max(1, CELLS // _dense_width(described))
    kept = _some(len(train.targets), most, derive(seed, "classical"))
    features = _Features(described, train.inputs, kept)
    inputs, targets = features(train.inputs, kept), train.targets.cpu().numpy()[kept]
    if validation is None:
        cuts = _inner_cuts(inputs, targets)
    else:
        held = np.arange(len(validation.targets))
        if len(held) > most:
            held = _some(len(held), most, derive(seed, "classical", 1))
        found = features(validation.inputs, held), validation.targets.cpu().numpy()[held]
        cuts = [(inputs, targets, *found)]
    row = PROBLEMS[problem]
    make = _Ridge if not row.classes else _Labels if row.answer == "labels" else _Logistic
    models = [make(outputs) for _ in cuts]
    penalty = _pick(models, cuts)
    model = make(outputs) if validation is None else models[0]  # other rows, maybe other classes
    model.fit(inputs, targets, penalty)

    def predict(rows: Inputs) -> Tensor:
        many = _count(rows)
        blocks = (np.arange(at, min(at + most, many)) for at in range(0, max(1, many), most))
        found = np.concatenate([model.logits(features(rows, block)) for block in blocks])
        found = to_outputs(problem, found)
        return torch.from_numpy(found.astype(np.float32)).to(train.targets.device)

    name = "logistic regression" if row.classes else "ridge regression"
    where = "cross-validation on training rows" if validation is None else "validation rows"
    chosen = {"penalty": penalty, "picked_on": where, "rows": len(kept)}
    return Classical(name, chosen, predict, lambda: features.undo(*model.line(inputs.shape[1])))


def _dense_width(described: Mapping[str, Input]) -> int:
    """Dense features a row; at least 1."""
    return max(1, sum(math.prod(i.shape) for i in described.values() if i.is_numbers))


def _count(inputs: Inputs) -> int:
    column = next(iter(inputs.values()))
    if isinstance(column, MultiHot):
        return column.len_rows
    assert isinstance(column, Tensor | Elsewhere)
    return len(column)


def _some(rows: int, most: int, seed: int) -> Places:
    """The places of rows in random order, as many as may be taken."""
    return np.random.default_rng(seed).permutation(rows)[:most]


def _inner_cuts(inputs: Matrix, targets: Targets) -> list[Cut]:
    """Training rows, already in random order, cut into what is fitted to and what is held out."""
    places = np.arange(len(targets))
    parts = 1 if len(targets) >= MANY else min(CUTS, len(targets))
    held = [places % CUTS == part for part in range(parts)]
    return [(inputs[~out], targets[~out], inputs[out], targets[out]) for out in held]


def _pick(models: Sequence[_Model], cuts: Sequence[Cut]) -> float:
    """The penalty with the least loss on held-out rows, from the strongest to the first worse."""
    best, least = PENALTIES[0], np.inf
    for penalty in PENALTIES:
        loss = 0.0
        for model, (inputs, targets, held_inputs, held_targets) in zip(models, cuts, strict=True):
            model.fit(inputs, targets, penalty)
            loss += model.loss(model.logits(held_inputs), held_targets)
        if loss >= least:
            break
        best, least = penalty, loss
    return best


class _Features:
    """Prepared inputs as one matrix, the dense ones standardised as the training rows teach."""

    def __init__(self, described: Mapping[str, Input], train: Inputs, kept: Places) -> None:
        self._described = described
        rows = np.sort(kept)
        self._scales: dict[str, tuple[Floats, Floats]] = {}
        for name, column in train.items():
            if described[name].is_numbers:
                values = _flat(column, rows)
                spread = values.std(axis=0)
                spread[spread < 1e-8 * np.abs(values).max(initial=1.0)] = 1.0
                self._scales[name] = (values.mean(axis=0), spread)

    def __call__(self, inputs: Inputs, rows: Places) -> Matrix:
        """The matrix of some rows, CSR as soon as one input is sparse."""
        from scipy import sparse

        parts = [self._part(name, column, rows) for name, column in inputs.items()]
        if not any(sparse.issparse(part) for part in parts):
            return parts[0] if len(parts) == 1 else np.hstack(parts)
        return sparse.hstack([sparse.csr_matrix(part) for part in parts], format="csr")

    def undo(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """A line in the features as they were given, of one in those that this makes."""
        weights, bias, at = weights.copy(), bias.copy(), 0
        for name, found in self._described.items():
            size = found.ids if found.kind == "ids" else math.prod(found.shape)
            if name in self._scales:
                mean, spread = self._scales[name]
                weights[at : at + size] /= spread[:, None]
                bias -= mean @ weights[at : at + size]
            at += size
        return weights, bias

    def _part(self, name: str, column: Whole, rows: Places) -> Matrix:
        if isinstance(column, MultiHot):
            return _sparse(column.indices, column.offsets, column.size, column.weights)[rows]
        if self._described[name].kind == "ids":
            assert isinstance(column, Tensor)
            many, length = column.shape
            offsets = torch.arange(many + 1) * length
            return _sparse(column.flatten(), offsets, self._described[name].ids)[rows]
        mean, spread = self._scales[name]
        values = _flat(column, rows)
        values -= mean
        values /= spread
        return values


def _flat(column: Whole, rows: Places) -> Floats:
    """Some rows as vectors of double precision, in memory of their own."""
    places = torch.from_numpy(rows)
    if isinstance(column, Elsewhere):
        taken = column[places].flatten(1)
    else:
        assert isinstance(column, Tensor)
        taken = column.reshape(len(column), -1)[places.to(column.device)]
    return taken.cpu().double().numpy()


def _sparse(indices: Tensor, offsets: Tensor, size: int, weights: Tensor | None = None) -> Matrix:
    """The weights at these positions; without any ones, however often a row names a position."""
    from scipy.sparse import csr_matrix

    places, ends = indices.cpu().numpy(), offsets.cpu().numpy()
    if weights is not None:
        return csr_matrix((weights.cpu().double().numpy(), places, ends), (len(ends) - 1, size))
    found = csr_matrix((np.ones(len(places)), places, ends), (len(ends) - 1, size))
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


class _Model(Protocol):
    """A linear model whose penalty can be changed; it goes on from where it was."""

    def fit(self, inputs: Matrix, targets: Targets, penalty: float) -> None:
        """Fits it anew."""
        ...

    def logits(self, inputs: Matrix) -> Floats:
        """(rows, outputs)."""
        ...

    def loss(self, logits: Floats, targets: Targets) -> float:
        """What the penalty is picked by."""
        ...

    def line(self, features: int) -> tuple[Floats, Floats]:
        """What each feature adds, (features, outputs), and the logits where all are 0."""
        ...


class _Logistic:
    """Logistic regression for two classes, or for many by softmax."""

    def __init__(self, outputs: int) -> None:
        from sklearn.linear_model import LogisticRegression

        self.outputs = outputs
        self.only: int | None = None
        self.model = LogisticRegression(warm_start=True, max_iter=ITERATIONS, tol=TOLERANCE)

    def fit(self, inputs: Matrix, targets: Targets, penalty: float) -> None:
        """Fits it anew; of a single class there is nothing to learn."""
        from sklearn.exceptions import ConvergenceWarning

        seen = np.unique(targets)
        self.only = int(seen[0]) if len(seen) == 1 else None
        if self.only is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # see TOLERANCE
                self.model.set_params(C=1 / penalty).fit(inputs, targets)

    def logits(self, inputs: Matrix) -> Floats:
        """Of a class that no training row has, surely no."""
        rows = inputs.shape[0]
        if self.outputs == 1:
            if self.only is not None:
                return np.full((rows, 1), SURE if self.only else -SURE)
            return np.asarray(self.model.decision_function(inputs)).reshape(rows, 1)
        found = np.full((rows, self.outputs), -SURE)
        if self.only is not None:
            found[:, self.only] = SURE
            return found
        scores = np.asarray(self.model.decision_function(inputs))
        if scores.ndim == 1:  # two classes of the many were there
            scores = np.stack([-scores / 2, scores / 2], axis=1)
        found[:, self.model.classes_.astype(int)] = scores - scores.max(axis=1, keepdims=True)
        return found

    def line(self, features: int) -> tuple[Floats, Floats]:
        """The coefficients; a class that no training row has is surely none."""
        weights, bias = np.zeros((features, self.outputs)), np.full(self.outputs, -SURE)
        if self.only is not None:
            bias[self.only if self.outputs > 1 else 0] = (
                SURE if self.outputs > 1 or self.only else -SURE
            )
            return weights, bias
        slopes, start = self.model.coef_.T, self.model.intercept_
        if self.outputs > 1 and slopes.shape[1] == 1:  # two classes of the many were there
            slopes, start = np.hstack([-slopes, slopes]) / 2, np.hstack([-start, start]) / 2
        places = self.model.classes_.astype(int) if self.outputs > 1 else [0]
        weights[:, places], bias[places] = slopes, start
        return weights, bias

    def loss(self, logits: Floats, targets: Targets) -> float:
        """Log loss."""
        if self.outputs == 1:
            return _log_loss(logits, targets.reshape(-1, 1))
        right = np.take_along_axis(logits, targets.reshape(-1, 1), axis=1)[:, 0]
        return float((np.logaddexp.reduce(logits, axis=1) - right).mean())


class _Labels:
    """Logistic regression of each label against the rest."""

    def __init__(self, outputs: int) -> None:
        self.models = [_Logistic(1) for _ in range(outputs)]

    def fit(self, inputs: Matrix, targets: Targets, penalty: float) -> None:
        """Fits all of them anew."""
        for model, column in zip(self.models, targets.T, strict=True):
            model.fit(inputs, column, penalty)

    def logits(self, inputs: Matrix) -> Floats:
        """A column a label."""
        return np.hstack([model.logits(inputs) for model in self.models])

    def line(self, features: int) -> tuple[Floats, Floats]:
        """A column a label."""
        each = [model.line(features) for model in self.models]
        return np.hstack([weights for weights, _ in each]), np.hstack([bias for _, bias in each])

    def loss(self, logits: Floats, targets: Targets) -> float:
        """Mean log loss of the labels."""
        return _log_loss(logits, targets)


class _Ridge:
    """Ridge regression, for one number or several."""

    def __init__(self, outputs: int) -> None:
        from sklearn.linear_model import Ridge

        self.outputs = outputs
        self.model = Ridge()

    def fit(self, inputs: Matrix, targets: Targets, penalty: float) -> None:
        """Fits it anew."""
        values = targets.reshape(len(targets), self.outputs).astype(np.float64)
        self.model.set_params(alpha=penalty).fit(inputs, values)

    def logits(self, inputs: Matrix) -> Floats:
        """The numbers themselves."""
        return np.asarray(self.model.predict(inputs)).reshape(-1, self.outputs)

    def line(self, features: int) -> tuple[Floats, Floats]:
        """The coefficients."""
        slopes = np.asarray(self.model.coef_).reshape(self.outputs, features).T
        return slopes, np.asarray(self.model.intercept_, dtype=np.float64).reshape(self.outputs)

    def loss(self, logits: Floats, targets: Targets) -> float:
        """Mean squared error."""
        return float(((logits - targets.reshape(logits.shape)) ** 2).mean())


def _log_loss(logits: Floats, targets: Targets) -> float:
    return float((np.logaddexp(0, logits) - targets * logits).mean())
