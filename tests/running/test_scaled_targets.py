"""`targets.X.scale`: learned in standard deviations, scored and predicted in the target's unit."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pytest
import torch
from small import built

from dlx.config.load import digest, load
from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.errors import RunError, UsageError
from dlx.judging.classes import describe_meanings
from dlx.learning.heads import Scale
from dlx.report import build
from dlx.running.retest import look_again
from dlx.running.run import Run
from dlx.running.train import train
from dlx.runs import seal
from dlx.sources.fold import prepare_fold
from dlx.testing import check_learner

SCALED = "targets.progression.scale=standardise"
DIABETES = ("task=diabetes", "trainer.threads=1", "trainer.epochs=3", "optimizer.lr=0.001")
RNG = np.random.default_rng(0)
TOLD = "of standardised numbers (targets.progression.scale)"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, whose lines are in `facts["said"]`."""
    root, said = tmp_path_factory.mktemp("runs"), list[str]()
    asked = [*DIABETES, SCALED, f"run.root={root}", "seed=3"]
    found = train(load(asked), said.append)
    build(found.folder)
    found.facts["notes"] += said
    return found


def scores(run: Run) -> dict[str, Any]:
    return {score["name"]: score for score in run.facts["scores"]}


@pytest.mark.parametrize("shape", [(40,), (40, 3)])
def test_what_is_encoded_and_decoded_is_what_it_was(shape: tuple[int, ...]) -> None:
    values = (RNG.normal(size=shape) * 50 + 1e4).astype(np.float32)
    values[..., -1:] = 7.0 if len(shape) > 1 else values[..., -1:]  # a column that is constant
    outputs = shape[1] if len(shape) > 1 else 1
    plain = TargetCodec("vector_regression" if outputs > 1 else "regression", outputs)
    codec = EncodedTarget(values, plain).standardise(np.arange(20))

    learned = codec.encode(values)

    assert learned[:20].reshape(20, -1).mean(axis=0) == pytest.approx(0, abs=1e-3)
    assert codec.decode(learned).values == pytest.approx(values, rel=1e-6)
    scale = Scale.of(codec, torch.device("cpu"))
    assert scale is not None
    assert scale.apply(torch.from_numpy(values)).numpy() == pytest.approx(learned, abs=1e-6)
    assert scale.undo(scale.apply(torch.from_numpy(values))).numpy() == pytest.approx(values)


def test_only_training_rows_teach_it_and_each_fold_its_own() -> None:
    values = RNG.normal(size=30).astype(np.float32)
    target = EncodedTarget(values, TargetCodec("regression", 1))
    first = target.standardise(np.arange(10))
    values[10:] = 1e6

    assert target.standardise(np.arange(10)) == first
    config, data, *_ = built(SCALED, "protocol={name: kfold, k: 2}", base=DIABETES)
    truth = data.targets["progression"].values.astype(np.float64)
    for fold in data.split.folds:
        learnt = prepare_fold(config, data, fold).targets["progression"].codec
        assert learnt.mean == (pytest.approx(truth[fold.train].mean()),)
        assert learnt.std == (pytest.approx(truth[fold.train].std()),)


def test_scores_and_predictions_are_in_the_unit_and_the_loss_is_not(run: Run) -> None:
    with (run.folder / "predictions.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    true, said = (np.array([float(row[key]) for row in table]) for key in ("true", "predicted"))
    codec, found = run.stage.fold.pipeline.targets["progression"], scores(run)
    rows = run.data.split

    assert true == pytest.approx(run.data.targets["progression"].values[rows.test])
    assert found["test/mae"]["value"] == pytest.approx(np.abs(true - said).mean(), rel=1e-5)
    mse = np.square(true - said).mean()
    assert found["test/loss"]["value"] == pytest.approx(mse / codec.std[0] ** 2, rel=1e-4)
    constant = np.square(true - codec.mean[0]).mean() / codec.std[0] ** 2
    assert found["test/loss"]["baseline"] == {"name": "mean", "value": pytest.approx(constant)}
    others = {one["name"]: one["value"] for one in run.facts["baselines"]}
    train_rows = run.data.targets["progression"].values[rows.folds[0].train]
    assert others["median"] == pytest.approx(np.abs(true - np.median(train_rows)).mean())


def test_it_is_told_wherever_the_loss_is(run: Run) -> None:
    assert f"train/loss, val/loss: {TOLD}" in run.facts["notes"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert f"val/loss, test/loss: {TOLD}" in page
    assert f"train/loss, val/loss: {TOLD}." in page
    assert "loss mse of standardised numbers" in page
    names = [*scores(run)]
    assert [*describe_meanings(run.facts["meanings"], names)] == [f"val/loss, test/loss: {TOLD}"]


def test_tested_again_it_scores_the_same_and_without_its_scale_it_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = look_again(run.folder)

    own = {s["name"]: s["value"] for s in again["scores"]}
    assert own == {name: scores(run)[name]["value"] for name in ("test/mae", "test/loss")}
    assert again["meanings"] == run.facts["meanings"]
    file = run.folder / "prepare" / "pipeline.json"
    sound = file.read_text()
    monkeypatch.setattr(seal, "check", lambda *_, **__: None)  # as a stranger's is sealed anew
    try:
        for change, said in (
            ({"mean": [], "std": []}, "lacks the scale of target progression"),
            ({"std": [0.0]}, "cannot be read: mean"),
            ({"std": ["x"]}, "cannot be read"),
            ({"mean": [1.0, 2.0]}, "cannot be read: mean"),
        ):
            kept = json.loads(sound)
            kept["targets"]["progression"] |= change
            file.write_text(json.dumps(kept))
            with pytest.raises(RunError, match=said):
                look_again(run.folder)
    finally:
        file.write_text(sound)


def test_the_least_squares_solution_is_where_both_losses_are_flat() -> None:
    """So a linear model converges to the same answers, whether its numbers are scaled or not."""
    flat = ("model.units=[]", "model.l2=0")
    answers = {}
    for scale in ("none", "standardise"):
        choice = f"targets.progression.scale={scale}"
        _, data, fold, training = built(choice, *flat, base=DIABETES)
        learner: Any = training.learner
        x = fold.train.inputs["features"].double().numpy()
        truth = data.targets["progression"].values[fold.rows.train]
        learned = fold.targets["progression"].codec.encode(truth)
        best, *_ = np.linalg.lstsq(np.c_[x, np.ones(len(x))], learned, rcond=None)
        weight, bias = training.parameters
        with torch.no_grad():
            weight.copy_(torch.from_numpy(best[:-1].reshape(1, -1)))
            bias.copy_(torch.from_numpy(best[-1:]))
        whole = fold.train.batch(0, len(fold.train))
        losses, logits = learner.compute(whole)
        steep = torch.autograd.grad(losses["loss"], [weight, bias])
        assert all(float(one.abs().max()) < 1e-3 * max(1, learned.std()) for one in steep)
        answers[scale] = learner.heads[0].answers(logits["progression"]).detach()
    torch.testing.assert_close(answers["none"], answers["standardise"], rtol=1e-4, atol=1e-2)


def test_its_learner_keeps_the_contract() -> None:
    check_learner("task=diabetes", SCALED)


@pytest.mark.parametrize(
    ("task", "target", "problem", "why"),
    [
        (
            "wine",
            "cultivar",
            "multiclass",
            "single-label classification: it has classes",
        ),
        ("breast_cancer", "diagnosis", "binary", "binary classification: it has classes"),
        (
            "diabetes",
            "progression",
            "unit_regression",
            "to values in [0, 1]: its outputs",
        ),
    ],
)
def test_of_what_has_no_scale_it_is_refused(task: str, target: str, problem: str, why: str) -> None:
    key = f"targets.{target}.scale"
    with pytest.raises(UsageError) as caught:
        load([f"task={task}", f"{key}=standardise", f"targets.{target}.problem={problem}"])
    text = str(caught.value)
    assert text.startswith(f"`{key}` is standardise, but ")
    assert why in text.partition("\n")[0]
    assert text.endswith(f"\n  accepted: none\n  try: {key}=none")


def test_a_target_too_large_for_float32_is_refused() -> None:
    from dlx.data.samples import Samples
    from dlx.data.targets import encode

    samples = Samples({"x": np.zeros((2, 1)), "y": np.array([1.0, 1e300])}, ("x",), ("y",))
    with pytest.raises(UsageError, match="target y contains 1e"):
        encode(samples, "y", "regression")


def test_where_it_is_not_asked_for_nothing_is_another() -> None:
    """Neither the digest of a config nor what is kept of the preparation."""
    plain = load([*DIABETES])
    assert digest(plain.config) != digest(load([*DIABETES, SCALED]).config)
    kept = TargetCodec("regression", 1).plain()
    assert kept == {"problem": "regression", "outputs": 1, "classes": (), "positive": 1}
