from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from torch import Tensor

from dlx.config.specs.metrics import METRICS
from dlx.errors import UsageError
from dlx.metrics import Metric

CLASSES = 5
PAIRS = [(name, p) for name, one in METRICS.entries.items() for p in one.options.problems]
SCALAR = ("binary", "regression", "unit_regression", "count_regression")
QUANTILES = (0.1, 0.2, 0.4, 0.5, 0.9)
"""As many as classes; the fourth is the median."""


def oracle() -> Any:
    """torchmetrics: it takes seconds to import, in the process that asks for its answers."""
    from torchmetrics import functional

    return functional


def make(name: str, problem: str, outputs: int | None = None, **options: object) -> Metric:
    entry = METRICS.entries[name]
    import dlx.metrics

    assert entry.target.startswith("dlx.metrics:")
    factory = getattr(dlx.metrics, entry.target.split(":")[1])
    defaults = {"k": 2} if name == "top_k_accuracy" else {}
    size = outputs or (1 if problem in SCALAR else CLASSES)
    made: Metric = factory(entry.options(**{**defaults, **options}), problem, size)
    made.quantiles = QUANTILES if problem == "quantile_regression" else ()
    return made


def batch(problem: str, rows: int = 60, seed: int = 0, absent: bool = False):
    """Random logits, and targets that they half agree with.

    With `absent`, the last two classes or labels never occur.
    """
    source = torch.Generator().manual_seed(seed)
    outputs = 1 if problem in SCALAR else CLASSES
    truth = torch.randn(rows, outputs, generator=source)
    logits = truth + torch.randn(rows, outputs, generator=source)
    if absent and outputs > 1:
        truth[:, -2:] = -9.0
    targets = {
        "binary": lambda: (truth[:, 0] > 0).long(),
        "multiclass": lambda: truth.argmax(1),
        "multilabel": lambda: (truth > 0).float(),
        "regression": lambda: truth[:, 0] * 3 + 20,
        "vector_regression": lambda: truth * 3 + 20,
        "unit_regression": lambda: truth[:, 0].sigmoid(),
        "count_regression": lambda: truth[:, 0].exp().round(),
        "quantile_regression": lambda: truth[:, 0] * 3 + 20,
    }
    if problem in ("regression", "vector_regression", "quantile_regression"):
        logits = logits * 3 + 20
    return logits, targets[problem]()


def measured(metric: Metric, logits: Tensor, target: Tensor, size: int | None = None) -> float:
    metric.reset()
    size = size or len(target)
    for one, other in zip(logits.split(size), target.split(size), strict=True):
        metric.update(one, other)
    return metric.compute()


def expected(name: str, problem: str, logits: Tensor, target: Tensor, average="macro") -> float:
    """torchmetrics' answer."""
    if problem.endswith("regression"):
        found = logits.sigmoid() if problem == "unit_regression" else logits
        found = logits.exp() if problem == "count_regression" else found
        quantiles = found.sort(dim=1).values
        found = quantiles[:, 3] if problem == "quantile_regression" else found
        found, truth = found.reshape(target.shape).double(), target.double()
        if name == "pinball":
            each = zip(quantiles.T, QUANTILES, strict=True)
            return float(np.mean([mean_pinball_loss(truth, one, alpha=q) for one, q in each]))
        return {
            "mae": lambda: oracle().mean_absolute_error(found, truth),
            "mse": lambda: oracle().mean_squared_error(found, truth),
            "rmse": lambda: oracle().mean_squared_error(found, truth, squared=False),
            "r2": lambda: oracle().r2_score(found, truth),
        }[name]().item()
    by = {"num_classes": CLASSES} if problem == "multiclass" else {"num_labels": CLASSES}
    options = {} if problem == "binary" else {**by, "average": average}
    scores = logits.softmax(1) if problem == "multiclass" else logits.sigmoid()
    scores = scores[:, 0] if problem == "binary" else scores
    if name == "accuracy":
        options = {**options, "average": "micro"} if options else {}
    if name == "top_k_accuracy":
        name, options = "accuracy", {**by, "average": "micro", "top_k": 2}
    function = {
        "f1": "f1_score",
        "roc_auc": "auroc",
    }.get(name, name)
    full = getattr(oracle().classification, f"{problem}_{function}")
    return full(scores, target.long(), **options).item()


@pytest.mark.parametrize(("name", "problem"), PAIRS)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_metric_equals_torchmetrics_for_each_of_its_problems(name, problem, seed):
    logits, target = batch(problem, seed=seed)
    wanted = expected(name, problem, logits, target)
    assert measured(make(name, problem), logits, target) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("name", "problem"), PAIRS)
@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_parts_measure_what_the_whole_does(name, problem, size):
    logits, target = batch(problem)
    whole = measured(make(name, problem), logits, target)
    parts = measured(make(name, problem), logits, target, size)
    assert parts == whole or parts == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
@pytest.mark.parametrize("problem", ["multiclass", "multilabel"])
def test_micro_averages_equal_torchmetrics(name, problem):
    logits, target = batch(problem)
    wanted = expected(name, problem, logits, target, average="micro")
    found = measured(make(name, problem, average="micro"), logits, target)
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1", "top_k_accuracy"])
def test_classes_that_do_not_occur_are_torchmetrics(name):
    logits, target = batch("multiclass", absent=True)
    logits[:, -1] = -9.0  # neither there nor predicted: it does not count
    wanted = expected(name, "multiclass", logits, target)
    assert measured(make(name, "multiclass"), logits, target) == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_labels_neither_there_nor_predicted_do_not_count(name):
    logits, target = batch("multilabel", absent=True)
    logits[:, -2:] = -9.0
    each = getattr(oracle().classification, f"multilabel_{name if name != 'f1' else 'f1_score'}")
    wanted = each(logits.sigmoid(), target.long(), CLASSES, average="none")[:-2].mean().item()
    assert measured(make(name, "multilabel"), logits, target) == pytest.approx(wanted)


@pytest.mark.parametrize(("name", "function"), [("roc_auc", "auroc"), ("average_precision",) * 2])
@pytest.mark.parametrize("problem", ["multiclass", "multilabel"])
@pytest.mark.filterwarnings("ignore:.*for one or more classes:UserWarning")
@pytest.mark.filterwarnings("ignore:No positive samples:UserWarning")
def test_ranking_leaves_out_classes_that_do_not_occur(name, function, problem):
    logits, target = batch(problem, absent=True)
    scores = logits.softmax(1) if problem == "multiclass" else logits.sigmoid()
    each = getattr(oracle().classification, f"{problem}_{function}")
    singles = each(scores, target.long(), CLASSES, average="none")[:-2]
    found = measured(make(name, problem), logits, target)
    assert found == pytest.approx(singles.mean().item(), rel=1e-5)


def test_ranking_is_scikit_learns():
    from sklearn.metrics import average_precision_score, roc_auc_score

    logits, target = batch("binary")
    assert measured(make("roc_auc", "binary"), logits, target) == roc_auc_score(
        target, logits[:, 0]
    )
    found = measured(make("average_precision", "binary"), logits, target)
    assert found == average_precision_score(target, logits[:, 0])


def test_ranking_tells_logits_apart_whose_probabilities_are_equal():
    logits, target = torch.tensor([[30.0], [40.0], [50.0], [60.0]]), torch.tensor([0, 1, 0, 1])
    assert logits.sigmoid().unique().numel() == 1
    assert measured(make("roc_auc", "binary"), logits, target) == 0.75


def test_ranking_tells_shares_of_a_softmax_apart_that_are_equal_in_single_precision():
    first = torch.tensor([20.0, 22.0, 24.0, 26.0])
    logits, target = torch.stack([first, torch.zeros(4)], dim=1), torch.tensor([0, 1, 0, 1])
    assert (logits.softmax(1)[:, 0] == 1).all()
    assert measured(make("roc_auc", "multiclass", 2), logits, target) == 0.25


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_nothing_measured_is_not_a_number(name, problem):
    assert math.isnan(make(name, problem).compute())


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("roc_auc", [0, 0, 0]),
        ("roc_auc", [1, 1, 1]),
        ("average_precision", [0, 0, 0]),
        ("precision", [0, 0, 0]),
        ("recall", [0, 0, 0]),
        ("f1", [0, 0, 0]),
    ],
)
def test_a_score_of_one_class_is_not_a_number(name, target):
    logits = torch.tensor([[-1.0], [-2.0], [-0.5]])
    assert math.isnan(measured(make(name, "binary"), logits, torch.tensor(target)))


def test_what_is_there_but_never_predicted_scores_zero():
    logits, target = torch.tensor([[-1.0], [-2.0]]), torch.tensor([0, 1])
    for name in ("precision", "recall", "f1"):
        assert measured(make(name, "binary"), logits, target) == 0


def test_ranking_of_what_is_no_number_is_no_number():
    logits, target = batch("binary")
    logits[3] = math.nan
    for name in ("roc_auc", "average_precision"):
        assert math.isnan(measured(make(name, "binary"), logits, target))


def test_r2_of_equal_targets_is_not_a_number_and_is_left_out_of_the_mean():
    same = torch.full((9,), 0.1)
    assert math.isnan(measured(make("r2", "regression"), torch.randn(9, 1), same, 4))
    assert math.isnan(measured(make("r2", "regression"), torch.randn(1, 1), same[:1]))
    logits, target = batch("vector_regression")
    target[:, 0] = 0.1
    wanted = oracle().r2_score(logits[:, 1:].double(), target[:, 1:].double()).item()
    assert measured(make("r2", "vector_regression"), logits, target, 7) == pytest.approx(wanted)


def test_r2_keeps_its_digits_far_from_zero():
    logits, target = (one.double() for one in batch("regression"))
    near = measured(make("r2", "regression"), logits, target, 7)
    far = measured(make("r2", "regression"), logits + 1e8, target + 1e8, 7)
    assert far == pytest.approx(near, abs=1e-6)


def test_sums_lose_nothing_over_many_batches():
    """Single precision would stop counting: 2e7 + 0.1 is 2e7."""
    metric = make("mae", "regression")
    metric.update(torch.tensor([[2e7]]), torch.tensor([0.0]))
    for _ in range(100):
        metric.update(torch.tensor([[0.1]]), torch.tensor([0.0]))
    assert metric.compute() == pytest.approx((2e7 + 10) / 101, rel=1e-9)


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_reset_forgets_and_a_saved_metric_goes_on(name, problem):
    logits, target = batch(problem)
    whole, resumed = make(name, problem), make(name, problem)
    assert whole.state_dict() == {}
    wanted = measured(whole, logits, target, 20)
    whole.reset()
    whole.update(logits[:25], target[:25])
    resumed.load_state_dict(whole.state_dict())
    for metric in (whole, resumed):
        metric.update(logits[25:], target[25:])
        assert metric.compute() == pytest.approx(wanted, rel=1e-12)
    resumed.load_state_dict({})
    assert math.isnan(resumed.compute())


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_no_gradient_is_kept_and_the_batch_is_left_alone(name, problem):
    logits, target = batch(problem)
    before = logits.clone(), target.clone()
    metric = make(name, problem)
    metric.update(logits.requires_grad_(), target)
    metric.update(logits, target)
    assert torch.equal(logits, before[0])
    assert torch.equal(target, before[1])
    assert not any(tensor.requires_grad for tensor in metric.state_dict().values())


def test_directions():
    found = {
        name: make(name, entry.options.problems[0]).direction
        for name, entry in METRICS.entries.items()
    }
    assert {name for name, direction in found.items() if direction == "min"} == {
        "mae",
        "mse",
        "rmse",
        "pinball",
    }
    assert set(found.values()) == {"min", "max"}


def test_as_many_guesses_as_classes_are_refused():
    with pytest.raises(UsageError) as caught:
        make("top_k_accuracy", "multiclass", 3, k=3)
    assert str(caught.value) == (
        "k is 3, and there are 3 classes: any model would be correct\n"
        "  where: metrics.top_k_accuracy.k\n"
        "  accepted: a whole number from 1 to 2\n"
        "  try: use a smaller k, or the metric accuracy"
    )


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("name", ["precision", "recall", "f1", "average_precision", "roc_auc"])
def test_the_positive_class_is_scikit_learns_pos_label(name: str, positive: int) -> None:
    import sklearn.metrics as sk

    logits = torch.randn(90, 1, generator=torch.Generator().manual_seed(1))
    target = (torch.rand(90, generator=torch.Generator().manual_seed(2)) < 0.3).float()
    metric = make(name, "binary")
    metric.positive = positive
    found = measured(metric, logits, target)

    truth, said = target.numpy() == positive, (logits[:, 0] > 0).numpy() == positive
    ranked = logits[:, 0].numpy() * (1 if positive else -1)
    expected = {
        "precision": lambda: sk.precision_score(truth, said),
        "recall": lambda: sk.recall_score(truth, said),
        "f1": lambda: sk.f1_score(truth, said),
        "average_precision": lambda: sk.average_precision_score(truth, ranked),
        "roc_auc": lambda: sk.roc_auc_score(truth, ranked),
    }[name]()
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_an_absent_class_counts_as_in_scikit_learn(name: str) -> None:
    """Of four classes one is predicted and never there, and one is neither."""
    import sklearn.metrics as sk

    target = torch.tensor([0, 0, 1, 1, 0, 1])
    said = torch.tensor([0, 2, 1, 0, 0, 1])
    logits = torch.nn.functional.one_hot(said, 4).float()
    score = getattr(sk, f"{name}_score")
    expected = score(target, said, average="macro", zero_division=0)  # over labels that occur
    assert measured(make(name, "multiclass", 4), logits, target) == pytest.approx(expected)


def test_rmse_of_several_outputs_is_over_all_of_them() -> None:
    from sklearn.metrics import mean_squared_error

    logits, target = torch.randn(40, 3), torch.randn(40, 3) * torch.tensor([1.0, 5.0, 20.0])
    expected = math.sqrt(mean_squared_error(target, logits))
    assert measured(make("rmse", "vector_regression", 3), logits, target) == pytest.approx(expected)
