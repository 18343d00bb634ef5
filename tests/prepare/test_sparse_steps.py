"""Counts, TF-IDF and log-count ratios of multi-hot rows, and steps that learn from a target."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlx.config.fields import Chosen
from dlx.config.load import load
from dlx.data import cache as cache_module
from dlx.data.cache import Cache
from dlx.data.columns import Dense, Sparse
from dlx.data.samples import Samples
from dlx.data.targets import TargetCodec
from dlx.errors import UsageError
from dlx.prepare import Pipeline

Make = Callable[..., Any]
RNG = np.random.default_rng(5)
SIZE, ROWS = 12, 40
LISTS = [RNG.integers(0, SIZE - 1, i % 7).tolist() for i in range(ROWS)]
COUNTS = np.array([np.bincount(np.array(row, int), minlength=SIZE) for row in LISTS])
TRAIN = np.arange(0, ROWS, 2)
ALL = np.arange(ROWS)


def written(column: Any) -> np.ndarray[Any, Any]:
    """Sparse rows written out."""
    assert isinstance(column, Sparse)
    found = np.zeros((len(column), column.size))
    rows = np.repeat(np.arange(len(column)), np.diff(column.offsets))
    found[rows, column.indices] = 1 if column.weights is None else column.weights
    return found


def multi_hot(step: Make, samples: Samples, **options: Any) -> Any:
    return Pipeline.fit([step("multi_hot", size=SIZE, **options)], samples, TRAIN)[1]["x"]


def test_counts_are_how_often_an_id_is_there(step: Make, samples: Make, ragged: Make) -> None:
    data = samples(x=ragged(LISTS))

    found = multi_hot(step, data, mode="count")

    np.testing.assert_array_equal(written(found), COUNTS)
    assert found.weights.dtype == np.float32
    lesser = multi_hot(step, data, mode="count", sublinear=True)
    np.testing.assert_allclose(written(lesser)[COUNTS > 0], 1 + np.log(COUNTS[COUNTS > 0]))
    binary = multi_hot(step, data)
    assert binary.weights is None
    np.testing.assert_array_equal(binary.indices, found.indices)


def test_tf_idf_is_its_formula(step: Make, samples: Make, ragged: Make) -> None:
    data = samples(x=ragged([[1, 1, 2], [2], [2, 3]]))
    steps = [step("multi_hot", size=4, mode="tf_idf")]

    fitted, columns = Pipeline.fit(steps, data, np.arange(2))

    assert fitted.steps[0].state == {"rows": 2, "rows_with": [0, 1, 2, 0]}
    rare, common, new = log(3 / 2) + 1, 1.0, log(3) + 1
    found = written(columns["x"])
    length = sqrt((2 * rare) ** 2 + common**2)
    np.testing.assert_allclose(found[0], [0, 2 * rare / length, common / length, 0], rtol=1e-6)
    np.testing.assert_allclose(found[1], [0, 0, 1, 0])
    np.testing.assert_allclose(found[2, 3] / found[2, 2], new / common, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("sublinear", [False, True])
def test_tf_idf_is_scikit_learns(step: Make, samples: Make, ragged: Make, sublinear: bool) -> None:
    from sklearn.feature_extraction.text import TfidfTransformer

    found = multi_hot(step, samples(x=ragged(LISTS)), mode="tf_idf", sublinear=sublinear)

    oracle = TfidfTransformer(sublinear_tf=sublinear).fit(COUNTS[TRAIN])
    np.testing.assert_allclose(written(found), oracle.transform(COUNTS).toarray(), rtol=1e-6)


def labelled(samples: Samples, ids: Any) -> Samples:
    samples.columns["label"] = Dense(np.asarray(ids))  # type: ignore[index]
    return samples


CODECS = {"label": TargetCodec("binary", 1, ("bad", "good"))}


def chain(step: Make, size: int = SIZE, **options: Any) -> list[Chosen]:
    return [step("multi_hot", size=size), step("naive_bayes", **options)]


@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_naive_bayes_weighs_by_log_count_ratios(
    step: Make, samples: Make, ragged: Make, alpha: float
) -> None:
    data = labelled(samples(x=ragged([[1, 1, 2], [2], [1], [1, 3]])), [1, 0, 1, 1])

    fitted, columns = Pipeline.fit(chain(step, 4, alpha=alpha), data, np.arange(3), CODECS)

    assert fitted.steps[1].state == {
        "classes": ["bad", "good"],
        "rows_with": [[0, 0, 1, 0], [0, 2, 1, 0]],
    }
    bad, good = np.array([[0, 0, 1, 0], [0, 2, 1, 0]]) + alpha
    ratios = np.log(good / good.sum()) - np.log(bad / bad.sum())
    expected = [[0, 1, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 1]] * ratios
    np.testing.assert_allclose(written(columns["x"]), expected, rtol=1e-6)


def test_naive_bayes_multiplies_weights(step: Make, samples: Make, ragged: Make) -> None:
    data = labelled(samples(x=ragged(LISTS)), ALL % 2)
    plain = written(Pipeline.fit(chain(step), data, ALL, CODECS)[1]["x"])
    steps = [step("multi_hot", size=SIZE, mode="count"), step("naive_bayes")]

    found = written(Pipeline.fit(steps, data, ALL, CODECS)[1]["x"])

    np.testing.assert_allclose(found, plain * COUNTS, rtol=1e-6)


def test_nothing_is_learnt_from_targets_of_held_out_rows(
    step: Make, samples: Make, ragged: Make
) -> None:
    ids = np.where(np.isin(ALL, TRAIN[:9]), ALL // 2 % 2, 0)
    few, others = TRAIN[:9], np.setdiff1d(ALL, TRAIN[:9])
    states = []
    for held_out in (0, 1):
        ids[others] = held_out
        data = labelled(samples(x=ragged(LISTS)), ids.copy())
        # the ids of more rows may be known, as where protocol.train leaves some unused
        fitted, _ = Pipeline.fit(chain(step), data, TRAIN, CODECS, labelled=few)
        states.append(json.dumps([one.state for one in fitted.steps]))

    assert states[0] == states[1]
    whole = Pipeline.fit(chain(step), data, few, CODECS)[0]
    assert json.dumps([one.state for one in whole.steps]) == states[0]


def test_it_is_applied_without_a_target(
    step: Make, samples: Make, ragged: Make, tmp_path: Path
) -> None:
    data = labelled(samples(x=ragged(LISTS)), ALL % 2)
    fitted, columns = Pipeline.fit(chain(step), data, TRAIN, CODECS)
    fitted.save(tmp_path)

    again = Pipeline.load(tmp_path, ["x"]).apply(samples(x=ragged(LISTS)))

    np.testing.assert_array_equal(written(again["x"]), written(columns["x"]))


def test_the_cache_knows_whose_targets_were_learnt_from(
    step: Make, samples: Make, ragged: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SMALL_BYTES", 0)
    data = labelled(samples(x=ragged(LISTS)), ALL % 2)
    data.columns["other"] = Dense(ALL // 2 % 2)  # type: ignore[index]
    codecs = {**CODECS, "other": CODECS["label"]}

    def weights(target: str, rows: Any) -> Any:
        steps = chain(step, target=target)
        cache, known = Cache(tmp_path), (data, TRAIN, codecs)
        plain = Pipeline.fit(steps, *known, labelled=rows)[1]["x"]
        kept = [Pipeline.fit(steps, *known, cache, rows)[1]["x"] for _ in range(2)]
        assert [written(one).tolist() for one in kept] == [written(plain).tolist()] * 2
        return len(list(tmp_path.iterdir()))

    assert weights("label", TRAIN) == 1
    assert weights("other", TRAIN) == 2
    assert weights("label", TRAIN[:9]) == 3


def test_other_columns_are_refused(step: Make, samples: Make, ragged: Make) -> None:
    data = labelled(samples(x=ragged(LISTS)), ALL % 2)

    with pytest.raises(UsageError) as caught:
        Pipeline.fit([step("naive_bayes")], data, ALL, CODECS)

    assert str(caught.value) == (
        "prepare step naive_bayes got lists of ids\n"
        "  where: prepare.steps.0\n"
        "  accepted: multi-hot rows\n"
        "  try: add multi_hot before it"
    )


STEPS = "prepare={steps: [{name: multi_hot, size: 9}, {name: naive_bayes%s}]}"


@pytest.mark.parametrize(
    ("task", "option", "told"),
    [
        (
            "reuters",
            "",
            "prepare step naive_bayes: cannot learn from target topic, which is multiclass\n"
            "  where: command line: {}\n"
            "  accepted: a target that is binary",
        ),
        (
            "imdb",
            ", target: mood",
            "prepare step naive_bayes: learns from target mood, which there is not\n"
            "  where: command line: {}\n"
            "  accepted: target: sentiment\n"
            "  try: prepare.steps.1.target=sentiment",
        ),
    ],
)
def test_a_target_that_it_cannot_learn_from_is_refused_unread(
    task: str, option: str, told: str
) -> None:
    steps = STEPS % option

    with pytest.raises(UsageError) as caught:
        load([f"task={task}", steps])

    assert str(caught.value) == told.format(steps)


def test_a_sublinear_one_is_refused() -> None:
    step = "prepare.steps=[{name: multi_hot, size: 10000, sublinear: true}]"

    with pytest.raises(UsageError) as caught:
        load(["task=imdb", step])

    assert str(caught.value) == (
        "prepare step multi_hot: `sublinear` changes counts, and mode binary has none\n"
        "  where: command line: prepare.steps=[{name: multi_hot, size: 10000, sublinear: true}]\n"
        "  accepted: mode: count or tf_idf\n"
        "  try: prepare.steps.0.mode=count"
    )
