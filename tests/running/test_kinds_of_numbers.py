"""Targets that are counts, of very different size, or learned as quantiles."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from small import built, trained

from dlx.config.load import load
from dlx.data.targets import EncodedTarget, TargetCodec, check_scale, encode
from dlx.errors import UsageError
from dlx.learning.heads import Scale
from dlx.prepare import Pipeline
from dlx.testing import check_learner
from dlx.use.predictor import Predictor

DIABETES = ("task=diabetes", "trainer.threads=1", "trainer.epochs=2", "optimizer.lr=0.01")
PROBLEM, LOSS = "targets.progression.problem", "targets.progression.loss"
SCALE = "targets.progression.scale"
QUANTILES = (f"{PROBLEM}=quantile_regression", f"{SCALE}=standardise")
COUNTS = (f"{PROBLEM}=count_regression",)
LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished run on quantiles."""
    return trained(*QUANTILES, f"run.root={tmp_path_factory.mktemp('runs')}", base=DIABETES)


def score(run: Any, name: str) -> Any:
    return next(one for one in run.facts["scores"] if one["name"] == name)


@pytest.mark.parametrize("asked", [QUANTILES, COUNTS, (f"{SCALE}=log",)])
def test_its_learner_keeps_the_contract(asked: tuple[str, ...]) -> None:
    check_learner(*DIABETES, *asked)


def test_quantiles_are_scored_in_the_unit_of_the_target(run: Any) -> None:
    samples, rows = run.data.samples, run.data.split.test
    frame = type(samples)({n: samples.columns[n].take(rows) for n in samples.inputs}, (), ())
    said = Predictor.open(run.folder).predict(frame)["progression"]
    truth = run.data.targets["progression"].values[rows]

    assert said.quantiles is not None
    assert (np.diff(said.quantiles, axis=1) >= 0).all()
    assert (said.values == said.quantiles[:, 1]).all()
    each = [mean_pinball_loss(truth, said.quantiles[:, i], alpha=q) for i, q in enumerate(LEVELS)]
    assert score(run, "test/pinball")["value"] == pytest.approx(np.mean(each), rel=1e-5)
    mae = np.abs(truth - said.values).mean()
    assert score(run, "test/mae")["value"] == pytest.approx(mae, rel=1e-5)
    assert score(run, "test/pinball")["baseline"]["name"] == "quantiles"


def test_quantiles_stand_in_the_table_of_predictions(run: Any) -> None:
    with (run.folder / "predictions.csv").open() as file:
        first = next(csv.DictReader(file))

    low, middle, high = (float(first[f"quantile {one}"]) for one in LEVELS)
    assert low <= middle <= high
    assert middle == pytest.approx(float(first["predicted"]))


def test_a_codec_of_quantiles_is_read_back() -> None:
    codec = TargetCodec("quantile_regression", 3, (), 1, (5.0,), (2.0,), quantiles=LEVELS)
    pipeline = Pipeline({}, (), {"y": codec})

    assert Pipeline.of_plain(pipeline.plain()).targets == {"y": codec}
    said = codec.decode(np.array([[0.5, 1.0, 2.0]], np.float32))
    assert said.values.tolist() == [7.0]
    assert said.quantiles is not None
    assert said.quantiles.tolist() == [[6.0, 7.0, 9.0]]


def test_logarithms_are_undone() -> None:
    values = np.array([0, 1, 10, 1e6], np.float32)
    codec = EncodedTarget(values, TargetCodec("regression", 1)).standardise(np.arange(4), log=True)
    scale = Scale.of(codec, torch.device("cpu"))
    assert scale is not None

    assert codec.decode(codec.encode(values)).values == pytest.approx(values, rel=1e-4, abs=1e-4)
    assert codec.encode(np.array([-2.0, 0.0])).tolist() == [codec.encode(values)[0]] * 2
    learned = scale.apply(torch.from_numpy(values))
    assert learned.numpy() == pytest.approx(codec.encode(values), rel=1e-5)
    assert scale.undo(learned).numpy() == pytest.approx(values, rel=1e-4, abs=1e-4)
    assert scale.undo(torch.tensor(-99.0)) == 0


def test_a_count_is_the_exponential_of_what_the_model_gives() -> None:
    *_, fold, training = built(*COUNTS, base=DIABETES)
    learner: Any = training.learner
    head, batch = learner.heads[0], fold.train.batch(0, 5)

    logits = learner.answer(batch.inputs)["progression"]

    assert torch.equal(head.numbers(logits), logits[:, 0].exp())
    assert (fold.pipeline.decode({"progression": np.array([3.0])})["progression"].values) == 3


class _Samples:
    def __init__(self, values: Any) -> None:
        from dlx.data.columns import Dense

        self.columns, self.classes = {"y": Dense(np.asarray(values))}, dict[str, Any]()


def test_what_is_no_count_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        encode(_Samples([1.0, 2.5]), "y", "count_regression")  # type: ignore[arg-type]

    assert str(caught.value) == (
        "target y contains 2.5\n  where: first in row 1\n  accepted: counts: whole numbers from 0"
    )


def test_numbers_without_a_logarithm_are_named() -> None:
    target = EncodedTarget(np.array([1, -3, -1], np.float32), TargetCodec("regression", 1))

    with pytest.raises(UsageError) as caught:
        check_scale("targets.y", target, "log")

    assert str(caught.value) == (
        "`targets.y.scale` is log, but the numbers go down to -3\n"
        "  where: first below 0 in row 1\n  accepted: numbers from 0\n"
        "  try: targets.y.scale=standardise"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            (*COUNTS, f"{SCALE}=log"),
            f"`{SCALE}` is log, but regression of counts: its outputs are logarithms\n"
            f"  where: command line: {SCALE}=log\n  accepted: none\n  try: {SCALE}=none",
        ),
        (
            (f"{LOSS}.name=poisson",),
            "loss poisson contradicts scalar regression: it counts events: declare the problem "
            f"count_regression\n  where: command line: {LOSS}.name=poisson\n"
            f"  accepted: mse, mae, huber\n  try: {LOSS}.name=mse",
        ),
        (
            (*QUANTILES, f"{LOSS}={{name: quantile, quantiles: [0.9, 0.1]}}"),
            f"`{LOSS}.quantiles` is [0.9, 0.1]\n"
            f"  where: command line: {LOSS}={{name: quantile, quantiles: [0.9, 0.1]}}\n"
            "  accepted: numbers above 0 and below 1, in ascending order, each once\n"
            f"  try: {LOSS}.quantiles=[0.1,0.5,0.9]",
        ),
    ],
)
def test_wrong_uses_are_refused(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load([*DIABETES, *arguments])

    assert str(caught.value) == told
