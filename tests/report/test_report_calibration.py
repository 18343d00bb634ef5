from __future__ import annotations

import numpy as np
import pytest

from dlx.report import build
from dlx.report.calibration import reliability


def test_bins_and_error_agree_with_a_plain_count():
    rng = np.random.default_rng(0)
    said = rng.random(1000).round(2)
    came = rng.random(1000) < said**2
    found = reliability(said, came)
    error = 0.0
    for i in range(10):
        inside = (said > i / 10) & (said <= (i + 1) / 10) | ((said == 0) & (i == 0))
        assert found.rows[i] == inside.sum()
        assert found.came[i] == pytest.approx(came[inside].mean())
        error += inside.sum() / 1000 * abs(said[inside].mean() - came[inside].mean())
    assert found.error == pytest.approx(error)


def test_it_agrees_with_scikit_learn():
    curve = pytest.importorskip("sklearn.calibration").calibration_curve
    rng = np.random.default_rng(1)
    said = rng.random(500)
    came = rng.random(500) < said
    share, mean = curve(came, said, n_bins=10)
    found = reliability(said, came)
    np.testing.assert_allclose(found.came, share)
    np.testing.assert_allclose(found.said, mean)


def test_the_probability_of_a_binary_target_is_that_of_its_second_class(make_run, page):
    rows = [["row", "true", "predicted", "probability"]]
    rows += [[i, "negative", "negative", 0.05] for i in range(9)]
    rows += [[9, "positive", "negative", 0.05]]
    found = page(build(make_run(predictions=rows)))
    table = found.tables["Expected calibration error 0.05000"]
    assert table[1] == ["0.0 to 0.1", "10", "0.05000", "0.1000"]
    assert "The probability of positive (mean confidence) and observed accuracy" in found.text


def test_that_of_several_classes_is_of_the_predicted_one(make_run, page, problem):
    rows = [["row", "true", "predicted", "probability"]]
    rows += [[i, "a", "a" if i < 8 else "b", 0.75] for i in range(10)]
    kind = {"kind": problem("multiclass", ["a", "b", "c"])}
    found = page(build(make_run(predictions=rows, problem=kind, targets=["kind"])))
    table = found.tables["Expected calibration error 0.05000"]
    assert table[8] == ["0.7 to 0.8", "10", "0.7500", "0.8000"]


def test_probabilities_that_are_none_are_left_out(make_run, page):
    rows = [["row", "true", "predicted", "probability"]]
    rows += [[i, "negative", "negative", p] for i, p in enumerate(("nan", "", "7", "x"))]
    found = page(build(make_run(predictions=rows)))
    assert "calibration" not in [s["id"] for s in found.all("section")]
