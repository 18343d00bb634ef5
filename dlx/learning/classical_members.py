"""Classical models as members of an ensemble: fitted by scikit-learn, kept as tensors."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data.columns import Input
from ..data.targets import TargetCodec
from ..errors import Problem, RunError, UsageError
from ..judging import classical
from ..models.inputs import Batch as Inputs
from ..models.inputs import MultiHot
from ..models.modules import multiply_rows
from ..models.network import flatten
from ..seeds import derive
from ..sources.batches import Part, Whole
from ..sources.held import Elsewhere

ALPHA = 1.0
"""What is added to the count of every feature in every class (Laplace)."""
ROUNDS, LEAVES, RATE = 100, 31, 0.1
"""Trees for each output, leaves of each, and what each adds: scikit-learn's own."""


class Fitted(nn.Module, ABC):
    """A model of one target: fitted once, then no more than its buffers.

    Args:
        inputs: what it reads, by name: numbers, or positions that are set.
        codec: what the target's values stand for.
        device: where it lies.
    """

    def __init__(
        self, inputs: Mapping[str, Input], codec: TargetCodec, device: torch.device
    ) -> None:
        super().__init__()
        self.inputs, self.codec, self.device = dict(inputs), codec, device

    @abstractmethod
    def fit(self, train: classical.Rows, validation: classical.Rows | None, seed: int) -> None:
        """Fits it to training rows.

        Raises:
            RunError: it cannot be fitted to these.
        """

    def keep(self, name: str, values: Any) -> None:
        """Puts numbers into a buffer that is there."""
        buffer = self.get_buffer(name)
        buffer.copy_(torch.as_tensor(np.asarray(values)).reshape(buffer.shape))


class Straight(Fitted):
    """Logits that are a line in the inputs: what a linear model or naive Bayes comes to."""

    def __init__(
        self, inputs: Mapping[str, Input], codec: TargetCodec, device: torch.device
    ) -> None:
        super().__init__(inputs, codec, device)
        for place, found in enumerate(inputs.values()):
            wide = math.prod(found.shape)
            self.register_buffer(f"weight_{place}", torch.zeros(wide, codec.outputs, device=device))
        self.register_buffer("bias", torch.zeros(codec.outputs, device=device))

    def fit(self, train: classical.Rows, validation: classical.Rows | None, seed: int) -> None:
        """Logistic or ridge regression, with the penalty that serves validation rows best."""
        codec = self.codec
        found = classical.fit(codec.problem, codec.outputs, self.inputs, train, validation, seed)
        self.keep_line(*found.line())

    def keep_line(self, weights: Any, bias: Any) -> None:
        """Puts in what each feature adds, (features, outputs), and the logits of none."""
        at = 0
        for place, found in enumerate(self.inputs.values()):
            wide = math.prod(found.shape)
            self.keep(f"weight_{place}", weights[at : at + wide])
            at += wide
        self.keep("bias", bias)

    def forward(self, inputs: Inputs) -> Tensor:
        """The logits, (rows, outputs)."""
        found = self.get_buffer("bias")
        for place, name in enumerate(self.inputs):
            rows, weight = inputs[name], self.get_buffer(f"weight_{place}")
            read = rows if isinstance(rows, MultiHot) else flatten(rows)
            found = found + multiply_rows(weight, read)
        return found


class NaiveBayes(Straight):
    """Multinomial naive Bayes: features are counts, none below 0."""

    def fit(self, train: classical.Rows, validation: classical.Rows | None, seed: int) -> None:  # noqa: ARG002
        """The log-probability of each feature in each class, and the share of each class.

        Raises:
            RunError: a feature is below 0.
        """
        many = max(2, self.codec.outputs)
        one_hot = torch.zeros(len(train.targets), many, dtype=torch.float64)
        one_hot[torch.arange(len(one_hot)), train.targets.cpu().long()] = 1
        counts = [_count(train.inputs[name], one_hot) for name in self.inputs]
        if min(float(one.min()) for one in counts) < 0:
            what = "naive_bayes takes features for counts, and some of its inputs are below 0"
            raise RunError(Problem(what, "learner.classical", "linear", "--with linear"))
        smooth = torch.cat(counts) + ALPHA
        logs = (smooth / smooth.sum(0)).log()
        prior = (one_hot.sum(0) / len(one_hot)).clamp(min=1e-9).log()
        if self.codec.outputs == 1:
            logs, prior = logs[:, 1:] - logs[:, :1], prior[1:] - prior[:1]
        self.keep_line(logs.numpy(), prior.numpy())


def _count(column: Whole, one_hot: Tensor) -> Tensor:
    """The sum of each feature over the rows of each class, (features, classes), float64."""
    if isinstance(column, MultiHot):
        rows = column.row_of_each().long().cpu()
        sums = torch.zeros(column.size, one_hot.shape[1], dtype=torch.float64)
        each = one_hot[rows]
        if column.weights is not None:
            each = each * column.weights.cpu().double()[:, None]
        return sums.index_add_(0, column.indices.cpu().long(), each)
    return _dense(column).T @ one_hot


def _dense(column: Whole) -> Tensor:
    """Rows as vectors, float64, on the CPU."""
    if isinstance(column, Elsewhere):
        column = column[torch.arange(len(column))]
    assert isinstance(column, Tensor)
    return column.reshape(len(column), -1).cpu().double()


class Boosting(Fitted):
    """Gradient-boosted trees (scikit-learn's, by histograms), as arrays of their nodes."""

    def __init__(
        self, inputs: Mapping[str, Input], codec: TargetCodec, device: torch.device
    ) -> None:
        super().__init__(inputs, codec, device)
        shape = (ROUNDS * codec.outputs, 2 * LEAVES - 1)
        for name in ("feature", "left", "right"):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.int64, device=device))
        for name in ("threshold", "value"):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64, device=device))
        none = torch.zeros(codec.outputs, dtype=torch.float64, device=device)
        self.register_buffer("baseline", none)

    def fit(self, train: classical.Rows, validation: classical.Rows | None, seed: int) -> None:  # noqa: ARG002
        """Fits the trees.

        Raises:
            RunError: a class has no training row.
        """
        from sklearn import ensemble  # 3 s
        from threadpoolctl import threadpool_limits

        classes = bool(self.codec.classes)
        kind = "HistGradientBoostingClassifier" if classes else "HistGradientBoostingRegressor"
        options = {"max_iter": ROUNDS, "max_leaf_nodes": LEAVES, "learning_rate": RATE}
        state = derive(seed, "boosting") % 2**32
        model = getattr(ensemble, kind)(early_stopping=False, random_state=state, **options)
        rows = torch.cat([_dense(train.inputs[name]) for name in self.inputs], dim=1).numpy()
        targets = train.targets.cpu().numpy()
        if classes and len(np.unique(targets)) < max(2, self.codec.outputs):
            what = "boosting needs training rows of every class"
            raise RunError(Problem(what, "learner.classical", hint="--with linear"))
        with threadpool_limits(1):  # sums in another order have other bits
            model.fit(rows, targets)
        self._keep_trees(model)

    def _keep_trees(self, model: Any) -> None:
        self.keep("baseline", model._baseline_prediction)
        trees = [one for together in model._predictors for one in together]
        arrays = {name: self.get_buffer(name).cpu().numpy().copy() for name in _NODES}
        for place, tree in enumerate(trees):
            nodes, many = tree.nodes, len(tree.nodes)
            leaf, own = nodes["is_leaf"].astype(bool), np.arange(many)
            for name, field in _NODES.items():
                values = nodes[field]
                values = np.where(leaf, own, values) if name in ("left", "right") else values
                arrays[name][place, :many] = values
        for name, values in arrays.items():
            self.keep(name, values)

    def forward(self, inputs: Inputs) -> Tensor:
        """The logits, of numbers themselves, (rows, outputs)."""
        rows = torch.cat([flatten(inputs[name]) for name in self.inputs], dim=1).double()
        trees = torch.arange(len(self.get_buffer("feature")), device=rows.device)
        at = torch.zeros(len(rows), len(trees), dtype=torch.int64, device=rows.device)
        for _ in range(LEAVES):
            goes_left = rows.gather(1, self._of("feature", trees, at)) <= self._of(
                "threshold", trees, at
            )
            following = torch.where(
                goes_left, self._of("left", trees, at), self._of("right", trees, at)
            )
            if torch.equal(following, at):
                break
            at = following
        outputs = self.codec.outputs
        sums = self._of("value", trees, at).reshape(len(rows), ROUNDS, outputs).sum(1)
        return (sums + self.get_buffer("baseline")).float()

    def _of(self, name: str, trees: Tensor, at: Tensor) -> Tensor:
        """A number of the node at which each row is in each tree."""
        return self.get_buffer(name)[trees, at]


_NODES = {
    "feature": "feature_idx",
    "threshold": "num_threshold",
    "left": "left",
    "right": "right",
    "value": "value",
}
KINDS: dict[str, type[Fitted]] = {
    "linear": Straight,
    "naive_bayes": NaiveBayes,
    "boosting": Boosting,
}


class ClassicalMember(nn.Module):
    """A classical model for each target, on the inputs of another member.

    Args:
        kind: a key of `KINDS`.
        inputs: of that member, by its own names.
        targets: by name.
        device: where it lies.

    Raises:
        UsageError: it cannot read the inputs.
    """

    def __init__(
        self,
        kind: str,
        inputs: Mapping[str, Input],
        targets: Mapping[str, TargetCodec],
        device: torch.device,
    ) -> None:
        super().__init__()
        for name, found in inputs.items():
            written = found.is_numbers and 0 not in found.shape
            if not (written or (found.kind == "multi_hot" and kind != "boosting")):
                what = f"{kind} cannot read input {name} of that member, whose rows are "
                what += found.kind if found.kind != "multi_hot" else "positions that are set"
                accepted = "another member in learner.inputs_of, which reads numbers" + (
                    "" if kind == "boosting" else " or positions that are set"
                )
                raise UsageError(Problem(what, "learner.classical", accepted))
        self.targets = dict(targets)
        made = [KINDS[kind](inputs, codec, device) for codec in targets.values()]
        self.models = nn.ModuleList(made)

    @property
    def networks(self) -> nn.Module:
        """All that is kept."""
        return self

    def answer(self, inputs: Inputs) -> dict[str, Tensor]:
        """The logits by target."""
        return {name: one(inputs) for name, one in zip(self.targets, self.models, strict=True)}

    def fit(
        self, train: Part, validation: Part | None, names: Mapping[str, str], seed: int
    ) -> None:
        """Fits the models.

        Args:
            train: the training samples.
            validation: those that pick a penalty.
            names: of its inputs -> those that the samples have.
            seed: of what is drawn.
        """
        for target, model in zip(self.targets, self.models, strict=True):
            assert isinstance(model, Fitted)
            rows = [_rows(part, target, names) for part in (train, validation) if part is not None]
            model.fit(rows[0], rows[1] if len(rows) > 1 else None, seed)


def _rows(part: Part, target: str, names: Mapping[str, str]) -> classical.Rows:
    inputs = part.inputs
    return classical.Rows({n: inputs[joint] for n, joint in names.items()}, part.targets[target])
