from __future__ import annotations

import math

import pytest
import torch

from dlx.config.fields import Chosen
from dlx.config.specs.losses import LOSSES
from dlx.losses import activate, resolve
from dlx.problem import PROBLEMS

SCALAR = ("binary", "regression", "unit_regression", "count_regression")
QUANTILES = "quantile_regression"
SIGMOID = ("binary", "multilabel", "unit_regression")
DISTANCES = {"mse": torch.square, "mae": torch.abs}


def chosen(name: str, **options: object) -> Chosen:
    entry = LOSSES.entries[name]
    return Chosen(name, entry.options(**options), entry.target)


def loss_of(name: str, problem: str, **options: object):
    one = chosen(name, **options)
    return one.load()(one.options, problem)


def batch(problem: str, rows: int = 12, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random logits and targets of a problem, in double precision."""
    source = torch.Generator().manual_seed(seed)
    outputs = 1 if problem in SCALAR else 3 if problem == QUANTILES else 4
    logits = torch.randn(rows, outputs, generator=source, dtype=torch.float64) * 2
    if problem == "multiclass":
        return logits, torch.randint(4, (rows,), generator=source)
    shape = (rows,) if problem in (*SCALAR, QUANTILES) else (rows, 4)
    target = torch.rand(shape, generator=source, dtype=torch.float64)
    if problem in ("binary", "multilabel"):
        target = target.round()
    return logits, target if problem != "binary" else target.long()


PAIRS = [(name, problem) for problem, row in PROBLEMS.items() for name in (row.loss, *row.allowed)]


def by_formula(name: str, problem: str, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The loss written out from its definition."""
    if name == "cross_entropy":
        return -logits.softmax(1)[torch.arange(len(target)), target].log().mean()
    if name == "quantile":
        e = target[:, None] - logits
        q = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
        return torch.where(e > 0, q * e, (q - 1) * e).mean()
    p = logits.reshape(target.shape)
    if name == "poisson":
        return (p.exp() - target * p).mean()
    p = p.exp() if problem == "count_regression" else p
    p = 1 / (1 + (-p).exp()) if problem in SIGMOID else p
    t = target.double()
    if name == "binary_cross_entropy":
        return (-t * p.log() - (1 - t) * (1 - p).log()).mean()
    e = (p - t).abs()
    if name == "huber":
        return torch.where(e <= 1, e.square() / 2, e - 0.5).mean()
    return DISTANCES[name](e).mean()


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_each_loss_is_its_formula_for_each_problem_that_allows_it(name, problem):
    logits, target = batch(problem)
    got = loss_of(name, problem)(logits, target)
    assert got.shape == ()
    torch.testing.assert_close(got, by_formula(name, problem, logits, target))


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_the_parts_of_a_batch_weighted_by_size_make_the_whole(name, problem):
    logits, target = batch(problem, rows=11)
    loss = loss_of(name, problem)
    sizes = (4, 4, 3)
    parts = zip(logits.split(sizes), target.split(sizes), sizes, strict=True)
    together = sum(loss(one, other) * size for one, other, size in parts) / 11
    torch.testing.assert_close(together, loss(logits, target))


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_the_loss_of_each_row_is_that_of_the_row_alone(name, problem):
    logits, target = batch(problem)
    loss = loss_of(name, problem)
    alone = [loss(logits[row : row + 1], target[row : row + 1]) for row in range(len(logits))]
    torch.testing.assert_close(loss.rows(logits, target), torch.stack(alone))


@pytest.mark.parametrize(("name", "problem"), PAIRS)
def test_each_loss_has_its_formulas_gradient(name, problem):
    logits, target = batch(problem)
    logits.requires_grad_()
    ours = torch.autograd.grad(loss_of(name, problem)(logits, target), logits)[0]
    theirs = torch.autograd.grad(by_formula(name, problem, logits, target), logits)[0]
    torch.testing.assert_close(ours, theirs)


def test_cross_entropies_stand_large_logits():
    large = torch.tensor([[500.0], [-500.0]])
    wrong = loss_of("binary_cross_entropy", "binary")(large, torch.tensor([0, 1]))
    assert wrong.item() == pytest.approx(500)
    several = torch.tensor([[500.0, -500.0]])
    assert loss_of("cross_entropy", "multiclass")(several, torch.tensor([1])).item() == 1000


def test_label_smoothing_spreads_a_share_over_all_classes():
    logits, target = batch("multiclass")
    spread = torch.full((12, 4), 0.2 / 4, dtype=torch.float64)
    spread[torch.arange(12), target] += 0.8
    expected = -(spread * logits.log_softmax(1)).sum(1).mean()
    got = loss_of("cross_entropy", "multiclass", label_smoothing=0.2)(logits, target)
    torch.testing.assert_close(got, expected)


def test_huber_turns_into_a_line_at_delta():
    loss = loss_of("huber", "regression", delta=2.0)
    assert loss(torch.tensor([[1.0]]), torch.tensor([0.0])).item() == 0.5
    assert loss(torch.tensor([[5.0]]), torch.tensor([0.0])).item() == 2 * (5 - 1)


def test_targets_that_fit_no_logits_are_an_error_not_a_broadcast():
    with pytest.raises(RuntimeError, match="shape"):
        loss_of("mse", "regression")(torch.zeros(4, 2), torch.zeros(4))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_auto_is_the_loss_of_the_problem_table(problem):
    found = resolve(chosen("auto"), problem)
    assert found.name == PROBLEMS[problem].loss
    logits, target = batch(problem)
    assert torch.equal(
        loss_of("auto", problem)(logits, target), loss_of(found.name, problem)(logits, target)
    )


def test_a_named_loss_resolves_to_itself():
    named = chosen("huber", delta=3.0)
    assert resolve(named, "regression") is named


def test_predictions_are_probabilities_or_numbers_of_the_targets_shape():
    for problem in PROBLEMS:
        logits, target = batch(problem)
        predicted = activate(problem, logits)
        wide = problem in ("multiclass", QUANTILES)
        assert predicted.shape == (logits.shape if wide else target.shape)
        if problem == "multiclass":
            torch.testing.assert_close(predicted.sum(1), torch.ones(12, dtype=torch.float64))
            assert torch.equal(predicted.argmax(1), logits.argmax(1))
        elif problem == QUANTILES:
            assert torch.equal(predicted, logits.sort(dim=1).values)
        elif problem == "count_regression":
            torch.testing.assert_close(predicted, logits[:, 0].exp())
        elif problem in SIGMOID:
            torch.testing.assert_close(predicted, 1 / (1 + (-logits.reshape(target.shape)).exp()))
        else:
            assert torch.equal(predicted, logits.reshape(target.shape))
    assert activate("binary", torch.tensor([[math.log(3.0)]])).item() == pytest.approx(0.75)
