from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small import REVIEWS, built, loaded, same, trained, weights
from torch import Tensor

from dlx.config.fields import Chosen
from dlx.config.load import load
from dlx.data.columns import Input
from dlx.data.samples import Samples
from dlx.errors import UsageError
from dlx.learning.build import build_learner
from dlx.sources import data as experiment
from dlx.sources.data import read_data, season_means, split_digest
from dlx.sources.fold import prepare_fold
from dlx.sources.source import RowSource


def starts(*overrides: str) -> dict[str, Tensor]:
    return weights(built(*overrides)[3])


def test_another_layer_at_the_end_shifts_no_other_start() -> None:
    shallow, deep = starts("model.units=[8]"), starts("model.units=[8,8]")

    assert shallow.keys() < deep.keys()
    assert same({name: deep[name] for name in shallow}, shallow)


@pytest.mark.xfail(
    strict=True,
    reason="parameters are named by their place among all modules, so that a dropout or a batch "
    "normalisation moves the starts of the layers after it",
)
@pytest.mark.parametrize("change", ["model.dropout=0.5", "model.batch_norm=true"])
def test_a_layer_between_shifts_no_other_start(change: str) -> None:
    plain, changed = starts("model.units=[8,8]"), starts("model.units=[8,8]", change)

    def kernels(found: dict[str, Tensor]) -> list[Tensor]:
        return [tensor for tensor in found.values() if tensor.ndim > 1]

    for one, other in zip(kernels(plain), kernels(changed), strict=True):
        assert torch.equal(one, other)


def test_the_split_is_recorded_and_follows_the_seed() -> None:
    digests = [split_digest(read_data(loaded(f"seed={seed}").config)) for seed in (0, 0, 1)]

    assert digests[0] == digests[1] != digests[2]


def test_the_ledger_knows_the_test_rows_whatever_the_options_of_reading() -> None:
    keys = {
        read_data(loaded(f"dataset.num_words={n}", base=REVIEWS).config).test_rows.key
        for n in (10_000, 20)
    }

    assert len(keys) == 1


def test_parts_hold_the_rows_of_the_split() -> None:
    config, data, fold, _ = built()
    (rows,) = data.split.folds
    column = np.asarray(fold.columns["features"])
    assert fold.validation is not None

    parts = {
        "train": (fold.train, rows.train),
        "validation": (fold.validation, rows.validation),
        "test": (fold.part("test"), data.split.test),
    }

    for part, expected in parts.values():
        np.testing.assert_array_equal(part.inputs["features"], column[expected])
        np.testing.assert_array_equal(
            part.targets["cultivar"], np.asarray(data.samples.columns["cultivar"])[expected]
        )
    size = config.trainer.batch_size
    assert RowSource(fold.train, size, 0).steps == -(-len(rows.train) // size)


def test_preparation_is_fitted_on_the_training_part_alone() -> None:
    _, data, fold, _ = built()
    raw = np.asarray(data.samples.columns["features"], dtype=np.float64)

    (step,) = fold.pipeline.steps

    np.testing.assert_array_equal(step.state["mean"], raw[data.split.folds[0].train].mean(axis=0))


def test_preparation_may_be_fitted_on_the_rows_that_a_limit_leaves_out() -> None:
    task = ["task=wine", "protocol=holdout", "dataset.sample=true"]
    means = {}
    for asked in (
        "protocol.train=null",
        "protocol.train=9",
        "protocol.train=9 prepare.scope=unused",
    ):
        config = load([*task, *asked.split()]).config
        data = read_data(config)
        fold = prepare_fold(config, data, data.split.folds[0])
        means[asked] = fold.pipeline.steps[0].state["mean"]
        assert len(fold.train) == (9 if "9" in asked else len(data.split.folds[0].train))
    whole, few, unused = means.values()
    assert whole == unused != few


def test_held_out_rows_do_not_change_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test rows replaced by nonsense: the same weights to the bit."""
    read = experiment.read

    def spoilt(chosen: Chosen) -> Samples:
        samples = read(chosen)
        protocol = loaded().config.protocol
        test = protocol.load()(protocol.options, samples, 0, "cultivar").test
        features = np.array(samples.columns["features"])
        features[test] = 1e6
        return replace(samples, columns={**samples.columns, "features": features})

    clean = weights(trained("test=false").training)
    monkeypatch.setattr(experiment, "read", spoilt)

    assert same(weights(trained("test=false").training), clean)


def test_a_dataset_that_is_not_there_leaves_nothing_behind(folders: Path) -> None:
    with pytest.raises(UsageError, match="dataset mnist: 4 of its 4 files are missing"):
        trained(base=("task=mnist", "trainer.threads=1"))

    assert list(folders.iterdir()) == []


def test_words_are_kept_sparse_until_the_model() -> None:
    *_, fold, training = built(base=REVIEWS)

    assert fold.inputs["review"].kind == "multi_hot"
    assert training.parameters[0].shape == (10_000, 16)


def test_a_model_that_cannot_take_the_data_is_refused() -> None:
    config = load(["task=mnist", "dataset.sample=true", "model=convnet"]).config
    data = read_data(config)
    fold = prepare_fold(config, data, data.split.folds[0])

    vectors = {"features": Input("dense", (13,))}
    with pytest.raises(UsageError, match="model=convnet cannot take the input features"):
        build_learner(config, vectors, fold.targets, fold.device)


def test_a_season_is_forecast_by_the_mean_of_its_training_rows() -> None:
    seasons = np.array([0, 1, 0, 3])
    values = np.array([1, 5, 2, 9], dtype=np.float32)

    means = season_means(seasons, values, np.array([3, 0, 1, 0]))

    assert means is not None
    assert means.tolist() == [9, 1.5, 5, 1.5]
    assert season_means(seasons, values, np.array([0, 2])) is None  # no training row is of it
    assert season_means(seasons, values, np.array([4])) is None
    assert season_means(seasons[:0], values[:0], np.array([0])) is None


def test_means_of_the_hour_are_learnt_from_training_rows() -> None:
    task = ["task=beijing_windows", "dataset.sample=true"]
    data = read_data(load(task).config)
    (fold,) = data.split.folds
    target, time = (np.asarray(data.samples.columns[n]) for n in ("temperature", "time"))

    found = data.naive(fold.validation, fold.train)["temperature"]

    hours = (time + data.samples.ahead) % 24
    expected = [
        target[fold.train][hours[fold.train] == hour].mean() for hour in hours[fold.validation]
    ]
    assert found["mean of the hour"] == pytest.approx(expected, abs=1e-4)
    assert "mean of the hour in the month" in found
    tested = data.naive(data.split.test, fold.train)["temperature"]
    assert "mean of the hour in the month" not in tested  # no training row is of February
