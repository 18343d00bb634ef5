"""Diffusion models: noise that is laid over rows and taken off, what guesses are judged beside."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small import built, loaded, trained

from dlx.cli.main import main
from dlx.config.learners import judged_score, monitor_of, score_names
from dlx.errors import UsageError
from dlx.learning.denoisers import Moments
from dlx.learning.diffusion import BANDS, Diffusion
from dlx.learning.noising import Noising, level_code
from dlx.running.run import Run
from dlx.runs.artifacts import list_artifacts
from dlx.runs.pixels import film_of
from dlx.testing import check_learner

TINY = (
    *("task=digits_diffusion", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2"),
    *("learner.denoiser={name: mlp, units: [16]}", "learner.jumps=5", "learner.steps=50"),
)
CPU = torch.device("cpu")


def made(*overrides: str) -> tuple[Any, Diffusion]:
    """A fold and a fresh learner."""
    *_, fold, training = built(*overrides, base=TINY)
    assert isinstance(training.learner, Diffusion)
    return fold, training.learner


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("kept") / "runs"
    return trained("learner.shown_every=1", f"run.root={root}", base=TINY)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [2, 1000])
def test_data_become_noise_step_by_step(schedule: str, steps: int) -> None:
    found = Noising.of(schedule, steps, "noise", CPU)
    assert (found.steps, float(found.data_share[0]), float(found.noise_share[0])) == (steps, 1, 0)
    torch.testing.assert_close(
        found.data_share.square() + found.noise_share.square(), torch.ones(steps + 1)
    )
    assert (found.data_share.diff() < 0).all()
    assert 0 < found.data_share[-1] < 0.05
    if (schedule, steps) == ("linear", 1000):  # the product of 1 - beta of Ho and others
        betas = np.linspace(1e-4, 0.02, 1000)
        assert float(found.data_share[-1]) ** 2 == pytest.approx(np.prod(1 - betas), rel=1e-4)


@pytest.mark.parametrize("predicts", ["noise", "velocity", "data"])
def test_the_right_answer_means_the_noise_and_the_data_there_were(predicts: str) -> None:
    noising = Noising.of("cosine", 100, predicts, CPU)
    torch.manual_seed(0)
    data, noise, step = torch.rand(20, 3) * 2 - 1, torch.randn(20, 3), torch.arange(1, 81, 4)
    noisy, right = noising.mix(data, noise, step), noising.aim(data, noise, step)
    torch.testing.assert_close(noising.noise_in(right, noisy, step), noise, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(noising.data_in(right, noisy, step), data, atol=1e-4, rtol=1e-4)
    assert noising.data_in(right + 99, noisy, step).abs().max() <= 1


@pytest.mark.parametrize("jumps", [1, 3, 50])
def test_who_knows_the_data_takes_all_noise_off(jumps: int) -> None:
    """As DDIM does: a right answer leads to the data, wherever it starts from."""
    noising = Noising.of("cosine", 50, "data", CPU)
    torch.manual_seed(0)
    data = torch.rand(4, 2, 2) * 2 - 1
    every = [*noising.remove(lambda rows, step: data, torch.randn(4, 2, 2), jumps)]
    assert len(every) == jumps
    torch.testing.assert_close(every[-1], data)


def test_samples_of_normal_rows_are_normal_with_their_variance() -> None:
    """The best answer is known there: many small jumps give back what the rows were."""
    noising = Noising.of("cosine", 400, "noise", CPU)
    spread = torch.tensor([0.1, 0.3])

    def guess(rows: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        kept, laid = noising.shares(step, rows)
        return rows * laid / (kept.square() * spread.square() + laid.square())

    torch.manual_seed(0)
    *_, found = noising.remove(guess, torch.randn(2000, 2), 200)
    assert found.std(dim=0).tolist() == pytest.approx(spread.tolist(), rel=0.1)


def test_the_linear_answer_is_the_regression_of_the_noise_on_the_rows() -> None:
    torch.manual_seed(0)
    data = torch.randn(8_000, 3) @ torch.tensor([[1.0, 2, 0], [0, 1, 1], [0, 0, 0.1]]) + 2
    zero, alone, linear = Moments.of(data.split(3000)).denoisers()
    kept, laid = torch.full((8_000, 1), 0.6), torch.full((8_000, 1), 0.8)
    noise = torch.randn_like(data)
    noisy = kept * data + laid * noise
    design = torch.cat([torch.ones(8_000, 1), noisy], dim=1).double()
    fitted = design @ torch.linalg.lstsq(design, noise.double()).solution
    found = [one.guess(noisy, kept, laid) for one in (zero, alone, linear)]
    torch.testing.assert_close(found[2].double(), fitted, atol=0.1, rtol=0)
    errors = [float((guess - noise).square().mean()) for guess in found]
    assert errors[0] > errors[1] > errors[2]


def test_the_code_of_a_level_tells_it_from_all_others() -> None:
    code = level_code(torch.arange(1001), 1000, 8)
    assert code.shape == (1001, 8)
    assert torch.cdist(code, code).fill_diagonal_(9).min() > 1e-3


def test_in_training_the_objective_is_the_error_of_what_is_predicted() -> None:
    fold, learner = made()
    _, plain = made("learner.predicts=noise")
    batch = fold.train.batch(0, 16)
    for one in (learner, plain):
        one.model.train()
        torch.manual_seed(0)
        assert [*one.losses(batch)] == (["objective", "loss"] if one is learner else ["loss"])
        assert one.losses(batch)["loss"].requires_grad == (one is plain)
    learner.model.eval()
    assert [*learner.losses(batch)] == ["loss"]


def test_what_is_laid_over_a_row_is_its_own() -> None:
    fold, learner = made()
    part = fold.validation
    order = torch.arange(len(part)).flip(0)
    learner.model.eval()
    whole = learner.compute(part.batch(0, len(part)))[1]["loss"]
    assert whole.shape == (len(part), 4)
    turned = learner.compute(part.take(order).batch(0, len(part)))[1]["loss"]
    torch.testing.assert_close(turned.flip(0), whole)
    steps = learner.steps_of(part.numbers).sort(dim=1).values
    assert (steps.min(), steps.max()) >= (1, 1)
    assert steps.max() <= 50
    assert (steps.diff(dim=1) >= 50 // 4 - 1).all()  # evenly apart on the way


def test_samples_are_those_of_their_numbers_whatever_else_is_drawn() -> None:
    _, learner = made()
    torch.manual_seed(5)
    state = torch.get_rng_state()
    found = learner.sample(30)
    assert torch.equal(torch.get_rng_state(), state)
    _, other = made("trainer.eval_batch_size=7", "trainer.batch_size=11")
    torch.testing.assert_close(other.sample(40)[:30], found)
    assert found.shape == (30, 8, 8)
    assert (float(found.min()) >= 0, float(found.max()) <= 1) == (True, True)


def test_evaluations_do_not_depend_on_their_batches() -> None:
    found = []
    for size in (7, 1000):
        fold, learner = made(f"trainer.eval_batch_size={size}")
        one, *judged = learner.evaluations(fold, "val")
        names = [other.score for other in judged]
        assert names == ["val/frechet", "val/precision", "val/recall"]
        kinds = [(other.name, other.kind) for other in one.baselines]
        assert kinds == [
            *(("zero", "constant"), ("each number alone", "constant")),
            ("linear denoiser", "classical"),
        ]
        assert one.own.value() == pytest.approx(one.own.value(np.arange(one.own.units)), rel=1e-5)
        found.append([one.value() for one in (one.own, *one.baselines)])
    np.testing.assert_allclose(*found, rtol=1e-4)
    assert found[0][1] == pytest.approx(1, rel=0.1)
    assert found[0][1] > found[0][2] > found[0][3]


def test_a_run_leaves_what_can_be_seen(run: Run) -> None:
    left = [(one.kind, one.name, one.epoch) for one in list_artifacts(run.folder)]
    assert left == [
        *(("pictures", "samples", 1), ("pictures", "samples", 2), ("pictures", "samples", None)),
        *(("film", "training", None), ("film", "denoising", None)),
        *(("pictures", "interpolation", None), ("lines", "levels", None)),
        *(("pictures", "nearest", None), ("table", "copies", None)),
    ]
    rows = list(csv.DictReader((run.folder / "artifacts/levels.csv").read_text().splitlines()))
    assert len(rows) == BANDS
    assert [*rows[0]] == [
        *("noise level", "model", "zero", "each number alone", "linear denoiser"),
    ]
    report = json.loads((run.folder / "report.json").read_text())
    names = ("loss", "frechet", "precision", "recall")
    told = [f"{part}/{name}" for part in ("val", "test") for name in names]
    assert sorted(score["name"] for score in report["scores"]) == sorted(told)
    assert (report["monitor"], report["answer"]["weights"]) == ("val/loss", "best")


def test_a_film_of_several_pictures_a_frame_is_of_their_sheets() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, 4, 1, 5, 5), dtype=np.uint8)
    with Image.open(io.BytesIO(film_of(frames, 50))) as film:
        assert (film.n_frames, film.size) == (3, (12, 12))  # type: ignore[attr-defined]


def test_the_spec_says_what_can_be_asked_of_it() -> None:
    config = loaded(base=TINY).config
    small, large = (
        ("train/objective", "train/loss", "val/loss", "val/frechet"),
        ("precision", "recall"),
    )
    expected = dict.fromkeys(small, "min") | {f"val/{name}": "max" for name in large}
    assert score_names(config) == expected
    assert (judged_score(config), monitor_of(config)) == ("val/loss", "val/loss")
    last = loaded("protocol=train_test", base=TINY).config
    assert (judged_score(last), monitor_of(last)) == ("", None)


REFUSED = {
    "learner.level=7": (
        "`learner.level` is 7\n  where: command line: learner.level=7\n"
        "  accepted: an even number\n  try: learner.level=8"
    ),
    "learner.jumps=51": (
        "`learner.jumps` is 51, but there are 50 steps\n  where: command line: learner.jumps=51\n"
        "  accepted: at most 50\n  try: learner.jumps=50"
    ),
    "dataset=beijing_pm25": (
        "learner diffusion learns from one input, but dataset beijing_pm25 has features, wind\n"
        "  where: command line: dataset.sample=true\n  accepted: a dataset of one input"
    ),
    "prepare.steps=[{name: standardise}]": (
        "learner diffusion makes numbers from 0 to 1, but standardise makes others\n"
        "  where: command line: prepare.steps=[{name: standardise}]\n"
        "  accepted: scale\n  try: 'prepare.steps=[{name: scale}]'"
    ),
}


@pytest.mark.parametrize("override", REFUSED)
def test_what_it_cannot_use_is_refused_before_anything_is_read(override: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(override, base=TINY)
    assert str(caught.value) == REFUSED[override]


def test_numbers_beyond_0_and_1_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        built("prepare.steps=[]", base=TINY)
    assert str(caught.value) == (
        "learner diffusion makes numbers from 0 to 1, but image has 0 to 16\n"
        "  where: prepare.steps\n"
        "  accepted: numbers from 0 to 1, as the step scale makes them\n"
        "  try: 'prepare.steps=[{name: scale}]', or with divide_by: 255 for bytes"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [(), ("learner.predicts=noise", "trainer.average.name=none"), ("dataset=wine",)]
)
def test_it_keeps_the_contract_of_learners(changes: tuple[str, ...]) -> None:
    steps = ("prepare.steps=[{name: scale}]",) if changes == ("dataset=wine",) else ()
    check_learner(*TINY, *changes, *steps)


@pytest.mark.slow
def test_a_run_of_it_is_reproduced_and_tested_again(run: Run) -> None:
    assert main(["reproduce", str(run.folder), "--json"]) == 0
    assert main(["test", str(run.folder)]) == 0


@pytest.mark.slow
def test_folds_and_a_final_model() -> None:
    assert main(["train", *TINY, "protocol=kfold", "protocol.k=2", "final=true", "--quiet"]) == 0
    (found,) = Path("runs").glob("*/*-*")
    assert json.loads((found / "report.json").read_text())["answer"]["score"] == "test/loss"
