"""How good features are: what a linear classifier makes of them with few labels (a linear probe).

Linear probes are Alain and Bengio's (2017); that features are worth the labels they save is how
self-supervised learning is judged (Chen and others, 2020, arXiv:2002.05709).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..config.probe import KEY, probe_of
from ..config.schema import Config
from ..config.specs.probe import Probe
from ..data.draw import draw
from ..errors import Problem, UsageError
from ..interrupts import check
from ..judging.evaluation import Evaluation, Kind
from ..judging.means import Mean
from ..metrics.base import Values
from ..models.inputs import Padded
from ..models.network import flatten
from ..runs.artifacts import Artifacts
from ..seeds import derive
from ..sources.batches import Inputs, Part
from ..sources.fold import FoldData
from ..sources.labels import Labels, labels_of
from .learner import Learner

Encoder = Callable[[Inputs], Tensor]
"""Rows as a model takes them -> their features, (rows, numbers)."""
Places = npt.NDArray[np.int64]

FEATURES, RAW, RANDOM, MAJORITY = "features", "raw inputs", "random features", "majority"
ITERATIONS = 1000
_KINDS: dict[str, Kind] = {FEATURES: "model", RAW: "classical", RANDOM: "start"}
_NAME = "label_efficiency"


def raw_inputs(inputs: Inputs) -> Tensor:
    """The numbers of each row as they are, those of several inputs end to end.

    Raises:
        UsageError: rows of different length are no vectors.
    """
    if ragged := [name for name, given in inputs.items() if isinstance(given, Padded)]:
        what = f"the rows of {ragged[0]} have lengths of their own: there are no numbers to compare"
        hint = f"{KEY}=null, or the prepare step multi_hot"
        raise UsageError(Problem(f"{what} the features with", KEY, hint=hint))
    return torch.cat([flatten(given).float() for given in inputs.values()], dim=1)


class Prober:
    """Judges the features of a learner by the labels that its options name, which it never sees.

    A linear classifier learns from a few labelled training rows, drawn in proportion to the
    classes; its features are standardised by the same rows. It is compared with the same on the
    inputs themselves, and on the features that the networks gave before they were trained.

    A learner asks for `require` in its `source`, for `evaluations` among its own, and for `leave`
    at the end. Where the learner's options have no `probe`, none of them does anything.

    Args:
        config: of the learner.
    """

    def __init__(self, config: Config) -> None:
        self.options, self._config, self._number = probe_of(config), config, 0
        self._last: tuple[FoldData, dict[int, dict[str, Values]]] | None = None

    def require(self, fold: FoldData, number: int) -> None:
        """Refuses labels that cannot judge, before anything is trained.

        Args:
            fold: what is trained on.
            number: of the fold, from which starting weights derive.

        Raises:
            UsageError: they are no classes, or there are fewer rows than are to be labelled.
            MethodError: an input is the labels by another name.
        """
        self._number = number
        if self.options is None:
            return
        labels_of(fold, "train", self.options.target)
        many = len(fold.rows.train)
        if self.options.labels > many and not fold.data.samples.sample:
            key = f"{KEY}.labels"
            what = f"`{key}` is {self.options.labels:,}, but there are {many:,} training rows"
            raise UsageError(Problem(what, key, f"at most {many:,}", f"{key}={min(many, 100)}"))

    def evaluations(self, fold: FoldData, part: str, learner: Learner) -> list[Evaluation]:
        """The accuracy with few labels, beside what it must beat; nothing where nobody asks.

        Args:
            fold: its training rows are labelled.
            part: "val" or "test": the rows that are told.
            learner: gives the features.
        """
        if self.options is None:
            return []
        fresh = self._build_fresh(fold, learner)
        encoders = {FEATURES: learner.encode, RAW: raw_inputs, RANDOM: fresh.encode}
        rows = self._config.trainer.eval_batch_size
        many = len(fold.rows.train)
        judged = min(self.options.labels, many)
        counts = sorted({*(one for one in self.options.curve if one <= many), judged})
        found = probe(fold, part, encoders, self.options, counts, self._config.seed, rows)
        self._last = fold, {n: one for n, one in found.items() if n in self.options.curve}
        return [_evaluation(part, found[judged])]

    def _build_fresh(self, fold: FoldData, learner: Learner) -> Learner:
        """The same networks with the weights that the seed gives."""
        from .build import build_learner  # which builds this run's learner, too

        return build_learner(self._config, fold.inputs, fold.targets, learner.device, self._number)

    def leave(self, into: Artifacts) -> None:
        """Keeps the label-efficiency curve of what was evaluated last, as lines and as a table."""
        if self._last is None or self.options is None or not self._last[1]:
            return
        found, draws = self._last[1], self.options.draws
        lines: dict[str, list[Any]] = {"labels": [*found]}
        for name in next(iter(found.values())):
            each = [one[name].mean(axis=1) for one in found.values()]
            lines[name] = [float(one.mean()) for one in each]
            lines[f"{name} from"] = [float(one.min()) for one in each]
            lines[f"{name} to"] = [float(one.max()) for one in each]
        told = (
            f"accuracy of a linear classifier on {self.options.target}, by how many training rows "
            f"are labelled: mean, least and largest of {draws} draws of these rows"
        )
        into.lines(_NAME, lines, title="Label efficiency", caption=told)
        into.table(f"{_NAME}_scores", _table(found), title="Scores by labels", caption=told)


def probe(
    fold: FoldData,
    part: str,
    encoders: Mapping[str, Encoder],
    options: Probe,
    counts: Sequence[int],
    seed: int,
    rows: int,
) -> dict[int, dict[str, Values]]:
    """What linear classifiers make of several features, with several numbers of labels.

    Args:
        fold: its training rows are labelled.
        part: "val" or "test": the rows that are told.
        encoders: what gives the features, by name.
        options: name the labels, and how often they are drawn.
        counts: how many training rows are labelled.
        seed: what the draws derive from.
        rows: that are encoded at once.

    Returns:
        By number of labels and name of the features which rows were told rightly, 1 or 0,
        (draws, rows); beside the features the commonest label, as "majority".

    Raises:
        Interrupted: a signal asks to stop.
    """
    train, truth = labels_of(fold, "train", options.target), labels_of(fold, part, options.target)
    drawn = {(n, d): _draw(fold, train, n, seed, d) for n in counts for d in range(options.draws)}
    told = {name: _told(one, fold, part, drawn, train, rows) for name, one in encoders.items()}
    told[MAJORITY] = {
        at: np.full(len(truth.ids), np.bincount(train.ids[places]).argmax())
        for at, places in drawn.items()
    }
    return {
        count: {
            name: np.stack([each[count, d] == truth.ids for d in range(options.draws)]).astype(
                np.float64
            )
            for name, each in told.items()
        }
        for count in counts
    }


def _draw(fold: FoldData, labels: Labels, count: int, seed: int, number: int) -> Places:
    """Places of training rows, classes in proportion; more labels are those of fewer and others."""
    every = np.arange(len(fold.rows.train))  # none of their copies
    found = draw(every, count, derive(seed, "probe labels", number), labels.ids[: len(every)])
    return np.sort(found)


def _told(
    encoder: Encoder,
    fold: FoldData,
    part: str,
    drawn: Mapping[tuple[int, int], Places],
    labels: Labels,
    rows: int,
) -> dict[tuple[int, int], Places]:
    """What a classifier of each draw tells of the rows of a part, ids of classes."""
    every = np.unique(np.concatenate([*drawn.values()]))
    taken = fold.train.take(torch.from_numpy(every).to(fold.device))
    known = np.concatenate([*encode_rows(encoder, taken, rows)])
    models = {}
    for at, places in drawn.items():
        check()
        models[at] = Linear.fit(known[np.searchsorted(every, places)], labels.ids[places])
    found: dict[tuple[int, int], list[Places]] = {at: [] for at in drawn}
    for block in encode_rows(encoder, fold.part(part), rows):
        for at, model in models.items():
            found[at].append(model.tell(block))
    return {at: np.concatenate(blocks) for at, blocks in found.items()}


@torch.no_grad()
def encode_rows(encoder: Encoder, part: Part, rows: int) -> Iterator[Values]:
    """The features of the rows of a part, in order, in blocks.

    Raises:
        Interrupted: a signal asks to stop.
    """
    for batch in part.in_order(rows):
        check()
        yield encoder(batch.inputs).double().cpu().numpy()


@dataclass(frozen=True)
class Linear:
    """A linear classifier on standardised features, with the L2 penalty of scikit-learn's default.

    Attributes:
        mean: of each feature, over the rows that it learnt from.
        std: likewise; 1 of one that is always the same.
        weights: (features, classes).
        bias: (classes,).
        classes: their ids.
    """

    mean: Values
    std: Values
    weights: Values
    bias: Values
    classes: Places

    @classmethod
    def fit(cls, features: Values, ids: Places) -> Linear:
        """Logistic regression on labelled rows; of a single class there is nothing to learn."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        mean, std = features.mean(axis=0), features.std(axis=0)
        std = np.where(std == 0, 1.0, std)
        seen = np.unique(ids)
        if len(seen) == 1:
            return cls(mean, std, np.zeros((len(mean), 1)), np.zeros(1), seen)
        model = LogisticRegression(max_iter=ITERATIONS)
        with warnings.catch_warnings(), threadpool_limits(1):  # other sums have other bits
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit((features - mean) / std, ids)
        weights, bias = model.coef_.T, model.intercept_
        if len(seen) == 2:
            weights, bias = np.hstack([-weights, weights]) / 2, np.hstack([-bias, bias]) / 2
        return cls(mean, std, weights, bias, seen)

    def tell(self, features: Values) -> Places:
        """The class of each row."""
        scores = ((features - self.mean) / self.std) @ self.weights + self.bias
        found: Places = self.classes[scores.argmax(axis=1)]
        return found


def _evaluation(part: str, found: Mapping[str, Values]) -> Evaluation:
    """The share of rows that are told rightly, each by the mean over the draws."""
    own, *others = (
        Mean(name, _KINDS.get(name, "constant"), one.mean(axis=0)) for name, one in found.items()
    )
    return Evaluation(f"{part}/probe", "max", "row", own, tuple(others))


def _table(found: Mapping[int, Mapping[str, Values]]) -> dict[str, list[Any]]:
    """Means with the least and the largest of the draws, by the number of labels."""
    columns: dict[str, list[Any]] = {"labels": [*found]}
    for beside in found.values():
        for name, right in beside.items():
            each = right.mean(axis=1)
            told = f"{each.mean():.3f} ({each.min():.3f} to {each.max():.3f})"
            columns.setdefault(name, []).append(told)
    return columns
