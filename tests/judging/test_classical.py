from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from dlx.data.columns import Input
from dlx.judging import classical
from dlx.judging.classical import PENALTIES, Classical, Rows, fit
from dlx.models.inputs import MultiHot

RNG = np.random.default_rng(0)


def dense(values: Any, targets: Any) -> Rows:
    column = torch.as_tensor(np.asarray(values, dtype=np.float32))
    return Rows({"x": column}, torch.as_tensor(targets))


def fitted(problem: str, outputs: int, train: Rows, validation: Rows | None = None) -> Classical:
    (column,) = train.inputs.values()
    assert isinstance(column, Tensor)
    described = {"x": Input("dense", tuple(column.shape[1:]))}
    return fit(problem, outputs, described, train, validation)


def halves(bunch: Any) -> tuple[Any, Any, Any, Any]:
    """Features and targets of the even rows, and of the odd ones."""
    return bunch.data[::2], bunch.target[::2], bunch.data[1::2], bunch.target[1::2]


def test_two_classes_are_scikit_learns_logistic_regression() -> None:
    x, y, other, truth = halves(load_breast_cancer())
    rows = dense(other, truth.astype(np.float32))
    found = fitted("binary", 1, dense(x, y.astype(np.float32)), rows)

    scale = StandardScaler().fit(x)
    expected = {
        penalty: LogisticRegression(C=1 / penalty, max_iter=5000).fit(scale.transform(x), y)
        for penalty in PENALTIES
    }
    scores = {p: model.score(scale.transform(other), truth) for p, model in expected.items()}
    right = ((found.predict(rows.inputs)[:, 0] > 0).numpy() == truth).mean()
    assert found.name == "logistic regression"
    assert found.chosen["picked_on"] == "validation rows"
    assert right == pytest.approx(scores[found.chosen["penalty"]], abs=0.01)
    assert right > 0.95


def test_many_classes_have_a_logit_each() -> None:
    x, y, other, truth = halves(load_digits())
    found = fitted("multiclass", 10, dense(x, y), dense(other, truth))

    logits = found.predict({"x": torch.as_tensor(other).float()})

    assert logits.shape == (len(truth), 10)
    assert logits.dtype == torch.float32
    assert (logits.argmax(dim=1).numpy() == truth).mean() > 0.93


def test_numbers_are_ridge_regression() -> None:
    x, y, other, truth = halves(load_diabetes())
    train, rows = dense(x, y.astype(np.float32)), dense(other, truth.astype(np.float32))
    found = fitted("regression", 1, train, rows)

    scale = StandardScaler().fit(x)
    ridge = Ridge(alpha=found.chosen["penalty"]).fit(scale.transform(x), y)
    predicted = found.predict(rows.inputs)[:, 0].numpy()
    assert found.name == "ridge regression"
    np.testing.assert_allclose(predicted, ridge.predict(scale.transform(other)), rtol=1e-3)


def test_several_numbers_and_images_keep_their_shape() -> None:
    x = RNG.normal(size=(60, 4, 5))
    y = np.stack([x[:, 0, 0], x[:, 1, 1] + 3], axis=1).astype(np.float32)

    found = fitted("vector_regression", 2, dense(x, y))

    assert found.chosen["picked_on"] == "cross-validation on training rows"
    predicted = found.predict({"x": torch.as_tensor(x).float()}).numpy()
    np.testing.assert_allclose(predicted, y, atol=0.05)


def test_of_steps_all_numbers_are_features() -> None:
    values, y = RNG.normal(size=(40, 5, 3)), torch.as_tensor(RNG.normal(size=40)).float()
    steps, flat = dense(values, y), dense(values.reshape(40, 15), y)

    found = fit("regression", 1, {"x": Input("steps", (5, 3))}, steps)

    wanted = fitted("regression", 1, flat)
    assert found.chosen == wanted.chosen
    assert torch.equal(found.predict(steps.inputs), wanted.predict(flat.inputs))


def test_numbers_between_0_and_1_come_as_logits() -> None:
    x = RNG.uniform(size=(80, 1))
    y = (0.2 + 0.6 * x[:, 0]).astype(np.float32)

    found = fitted("unit_regression", 1, dense(x, y))

    shares = found.predict({"x": torch.as_tensor(x).float()}).sigmoid()[:, 0].numpy()
    np.testing.assert_allclose(shares, y, atol=0.01)


def test_labels_are_told_apart_one_by_one() -> None:
    x = RNG.normal(size=(120, 3))
    y = np.stack([x[:, 0] > 0, x[:, 1] > 0.5, np.zeros(120)], axis=1).astype(np.float32)

    found = fitted("multilabel", 3, dense(x, y))

    decided = (found.predict({"x": torch.as_tensor(x).float()}) > 0).numpy()
    assert (decided == y).mean(axis=0).tolist() == pytest.approx([1, 1, 1], abs=0.06)


def multi_hot(rows: list[list[int]], size: int, weights: Tensor | None = None) -> MultiHot:
    ends = np.cumsum([0, *map(len, rows)])
    return MultiHot(
        torch.tensor([i for row in rows for i in row], dtype=torch.int32),
        torch.as_tensor(ends, dtype=torch.int32),
        size,
        weights,
    )


def test_multi_hot_and_id_rows_are_the_same_features() -> None:
    rows = [sorted(RNG.choice(np.arange(1, 30), 5, replace=False).tolist()) for _ in range(100)]
    y = torch.tensor([float(any(i < 6 for i in row)) for row in rows])
    ids = torch.tensor([row + row[:1] for row in rows])  # a word that comes twice counts once
    hot = fit("binary", 1, {"x": Input("multi_hot", (30,))}, Rows({"x": multi_hot(rows, 30)}, y))
    words = fit("binary", 1, {"x": Input("ids", (6,), 30)}, Rows({"x": ids}, y))

    assert torch.equal(hot.predict({"x": multi_hot(rows, 30)}), words.predict({"x": ids}))
    assert ((words.predict({"x": ids})[:, 0] > 0) == (y > 0)).float().mean() > 0.9


def test_weights_of_multi_hot_rows_are_features() -> None:
    weights = torch.as_tensor(RNG.normal(size=180)).float()
    rows = {"x": multi_hot([[0, 2]] * 90, 3, weights)}
    y = weights.reshape(90, 2) @ torch.tensor([1.0, -2.0])

    found = fit("regression", 1, {"x": Input("multi_hot", (3,))}, Rows(rows, y))

    assert (found.predict(rows)[:, 0] - y).abs().mean() < 0.1


def test_sparse_and_dense_inputs_lie_side_by_side() -> None:
    rows = [[int(i)] for i in RNG.integers(0, 4, 90)]
    x = RNG.normal(size=(90, 2)).astype(np.float32)
    y = torch.as_tensor(x[:, 0] + [row[0] for row in rows]).float()
    inputs: dict[str, Tensor | MultiHot] = {"x": torch.as_tensor(x), "kind": multi_hot(rows, 4)}
    described = {"x": Input("dense", (2,)), "kind": Input("multi_hot", (4,))}

    found = fit("regression", 1, described, Rows(inputs, y))

    assert (found.predict(inputs)[:, 0] - y).abs().mean() < 0.1


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_single_class_in_training_is_the_answer(outputs: int) -> None:
    x = RNG.normal(size=(20, 2))
    problem = "binary" if outputs == 1 else "multiclass"
    y = torch.ones(20) if outputs == 1 else torch.ones(20, dtype=torch.int64)

    logits = fitted(problem, outputs, dense(x, y)).predict({"x": torch.zeros(4, 2)})

    assert ((logits[:, 0] > 0) if outputs == 1 else logits.argmax(dim=1) == 1).all()


def test_a_class_that_training_lacks_is_never_the_answer() -> None:
    x = RNG.normal(size=(200, 2))
    y = np.where(x[:, 0] > 0, 2, 0)

    logits = fitted("multiclass", 4, dense(x, y)).predict({"x": torch.as_tensor(x).float()})

    assert set(logits.argmax(dim=1).tolist()) == {0, 2}
    assert logits.isfinite().all()


def test_a_feature_that_never_changes_does_no_harm() -> None:
    x = np.concatenate([RNG.normal(size=(50, 1)), np.full((50, 1), 7.0)], axis=1)
    y = (x[:, 0] > 0).astype(np.float32)

    logits = fitted("binary", 1, dense(x, y)).predict({"x": torch.as_tensor(x).float()})

    assert ((logits[:, 0] > 0).numpy() == y).mean() > 0.9


def test_a_solver_that_stops_early_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "ITERATIONS", 1)
    x, y, *_ = halves(load_digits())

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        fitted("multiclass", 10, dense(x, y))

    assert warned == []


def test_too_many_numbers_are_learnt_from_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "CELLS", 100)
    x = RNG.normal(size=(400, 2))

    found = fitted("regression", 1, dense(x, x[:, 0].astype(np.float32)))

    assert found.chosen["rows"] == 50
    assert abs(found.predict({"x": torch.tensor([[1.0, 0.0]])}).item() - 1) < 0.1


def test_no_dense_matrix_is_larger_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of training rows, nor of those that pick the penalty or are to be answered."""
    monkeypatch.setattr(classical, "CELLS", 100)
    flat, made = classical._flat, []

    def spy(*arguments: Any) -> Any:
        made.append(flat(*arguments))
        return made[-1]

    monkeypatch.setattr(classical, "_flat", spy)
    x = RNG.normal(size=(400, 2))
    rows = dense(x, x[:, 0].astype(np.float32))
    found = classical.fit("regression", 1, {"x": Input("dense", (2,))}, rows, rows)
    whole = found.predict(rows.inputs)

    assert len(whole) == 400
    assert {one.size for one in made} == {100}
    monkeypatch.setattr(classical, "CELLS", 10**6)
    torch.testing.assert_close(whole, found.predict(rows.inputs))


def test_it_is_the_same_every_time() -> None:
    x, y, other, _ = halves(load_breast_cancer())
    train, rows = dense(x, y.astype(np.float32)), {"x": torch.as_tensor(other).float()}

    first = fitted("binary", 1, train).predict(rows)

    assert torch.equal(first, fitted("binary", 1, train).predict(rows))
