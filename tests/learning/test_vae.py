"""A variational autoencoder: its loss is a bound, exact to repeat; what it cannot do is refused."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from small import built, loaded, rows_of, trained

from dlx.config.paths import find_shipped
from dlx.errors import UsageError
from dlx.learning import latents
from dlx.learning.pictures import kl, log_ratio
from dlx.learning.vae import Vae
from dlx.learning.weighted import weighted_bounds
from dlx.models.summary import layer_table
from dlx.runs.artifacts import Artifacts, list_artifacts
from dlx.runs.pixels import size_of

TINY = (
    *("task=digits_vae", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1"),
    *("learner.encoder.units=[8]", "learner.decoder.units=[8]"),
)


BASELINES = {"mean grey", "mean picture", "PCA", "pixels"}


def made(*overrides: str) -> tuple[Any, Vae]:
    """A fold and a fresh learner."""
    *_, fold, training = built(*overrides, base=TINY)
    assert isinstance(training.learner, Vae)
    training.learner.model.eval()
    return fold, training.learner


def test_in_training_beta_weighs_the_divergence_and_the_score_stays() -> None:
    fold, plain = made()
    _, weighed = made("learner.beta=4")
    batch = fold.train.batch(0, 16)

    assert torch.equal(plain.losses(batch)["loss"], weighed.losses(batch)["loss"])
    for one in (plain, weighed):
        one.model.train()
        torch.manual_seed(0)
        losses = one.losses(batch)
        total = losses["reconstruction"] + losses["kl"]
        torch.testing.assert_close(losses["loss"], total)
        if one is weighed:
            assert next(iter(losses)) == "objective"
            torch.testing.assert_close(losses["objective"], total + 3 * losses["kl"])


def test_the_books_terms_are_those_of_its_code() -> None:
    fold, learner = made("learner.terms=book", "learner.std=whole")
    batch = fold.train.batch(0, 16)
    pixels = batch.inputs["image"].flatten(1)
    learner.model.train()
    torch.manual_seed(0)
    found = learner.losses(batch)

    torch.manual_seed(0)
    answers = learner.model.encoder(batch.inputs)
    mean, log_variance = answers["mean"], answers["log_variance"]
    drawn = mean + log_variance.exp() * torch.randn_like(mean)
    made_of_it = learner.model.decode(drawn).sigmoid()
    taken = torch.nn.functional.binary_cross_entropy(made_of_it, pixels)
    inside = 1 + log_variance - mean.square() - log_variance.exp()
    torch.testing.assert_close(found["loss"], taken - 5e-4 * inside.mean())
    assert [*found] == ["loss", "bound", "reconstruction", "kl"]
    torch.testing.assert_close(found["bound"], found["reconstruction"] + found["kl"])
    torch.testing.assert_close(found["reconstruction"], taken * 64)
    torch.testing.assert_close(found["kl"], kl(mean, 2 * log_variance).mean())


def test_the_books_network_has_the_books_parameters() -> None:
    found = yaml.safe_load(find_shipped("experiments").joinpath("ch8.vae.yaml").read_text())
    small = ("dataset.sample=true", "trainer.threads=1")

    *_, training = built(*found["overrides"], base=(f"task={found['task']}", *small))

    assert sum(p.numel() for p in training.learner.module.parameters()) == 550_629


def test_the_bound_is_told_beside_the_books_terms_and_nearer_ones_of_several_draws() -> None:
    fold, learner = made("learner.terms=book", "learner.bound_samples=30")
    found = {one.score: one for one in learner.evaluations(fold, "val")}
    assert [*found] == ["val/loss", "val/bound", "val/mse", "val/iw_bound"]
    loose, tight = (
        {one.name: one.value() for one in (found[n].own, *found[n].baselines)}
        for n in ("val/bound", "val/iw_bound")
    )
    for name in ("model", "PCA"):
        assert tight[name] < loose[name]
    for name in ("mean grey", "mean picture", "pixels"):
        assert tight[name] == loose[name]
    _, plain = made("learner.bound_samples=1")
    plain.load_weights(learner.module.state_dict())
    first, *_, last = plain.evaluations(fold, "val")
    assert last.own.value() == pytest.approx(first.own.value(), rel=0.05)


def test_weights_that_are_all_known_have_the_likelihood_as_their_bound() -> None:
    """Of z = normal and x = z + normal, drawn from another normal: log p(x) is known."""
    torch.manual_seed(0)
    x, draws = torch.randn(50, 1).double() * 2**0.5, torch.randn(3000, 50, 1).double()

    def weigh(draw: int) -> list[torch.Tensor]:
        noise, variance = draws[draw], torch.full((50, 1), 0.8).double()
        z = x / 3 + variance.sqrt() * noise
        taken = ((x - z).square() + np.log(2 * np.pi)).sum(dim=1) / 2
        return [log_ratio(noise, z, variance.log()) - taken]

    (found,) = weighted_bounds([weigh], 3000)
    exact = ((x.square() / 2 + np.log(2 * np.pi * 2)) / 2)[:, 0].numpy()
    np.testing.assert_allclose(found, exact, atol=0.05)


def test_evaluations_do_not_depend_on_their_batches() -> None:
    found = []
    for size in (7, 1000):
        fold, learner = made(f"trainer.eval_batch_size={size}")
        evaluations = learner.evaluations(fold, "val")
        assert [one.score for one in evaluations] == ["val/loss", "val/mse"]
        for one in evaluations:
            assert {b.name for b in one.baselines} == BASELINES
            for estimate in (one.own, *one.baselines):
                every = np.arange(estimate.units)
                assert estimate.value() == pytest.approx(estimate.value(every), rel=1e-5)
        found.append([one.own.each for one in evaluations])  # type: ignore[attr-defined]
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


def test_what_is_drawn_for_a_row_is_its_own() -> None:
    fold, learner = made()
    part = fold.validation
    order = torch.arange(len(part)).flip(0)

    whole = learner.compute(part.batch(0, len(part)))[1]["loss"]
    turned = learner.compute(part.take(order).batch(0, len(part)))[1]["loss"]
    torch.testing.assert_close(turned.flip(0), whole)
    _, other = made("seed=1")
    other.load_weights(learner.module.state_dict())
    assert not torch.allclose(other.compute(part.batch(0, len(part)))[1]["loss"], whole)


def test_encoder_and_decoder_are_any_models_with_penalties_of_their_own() -> None:
    fold, learner = made(
        "learner.encoder={name: convnet, channels: [2], dense: [4]}",
        "learner.decoder={name: layers, layers: [{linear: 5}, tanh], l2: 0.5}",
    )

    (kernel,) = learner.model.decoder.hidden_kernels()  # type: ignore[operator]
    penalty = learner.penalty()
    assert penalty is not None
    torch.testing.assert_close(penalty, 0.5 * kernel.square().sum())
    names = [row.name for row in learner.layers(fold.inputs)]
    assert names[0] == "encoder.body.0"
    assert names[-1] == "decoder.heads.pixels"
    counted = sum(row.parameters for row in learner.layers(fold.inputs))
    assert counted == sum(p.numel() for p in learner.module.parameters())
    assert len(layer_table(learner.module, fold.inputs)) == 2


def test_the_plane_lies_as_its_axes_do() -> None:
    seen: list[torch.Tensor] = []

    def decode(numbers: torch.Tensor) -> torch.Tensor:
        seen.append(numbers)
        return torch.zeros(len(numbers), 4)

    latents.leave_plane(Artifacts(None), decode, (2, 2))

    (found,) = seen
    assert len(found) == latents.ACROSS**2
    corner, right, below = found[0], found[latents.ACROSS - 1], found[-latents.ACROSS]
    assert corner.tolist() == pytest.approx([-1.834, 1.834], abs=1e-3)
    assert right.tolist() == pytest.approx([1.834, 1.834], abs=1e-3)
    assert below.tolist() == pytest.approx([-1.834, -1.834], abs=1e-3)
    shares = torch.special.ndtr(found[: latents.ACROSS, 0])
    torch.testing.assert_close(shares.diff(), torch.full((14,), 1 / 15))


@pytest.mark.parametrize("many", [1, 2, 7, 8, 31, 200])
def test_each_row_of_originals_stands_above_its_reconstructions(here: Path, many: int) -> None:
    pixels = torch.linspace(0, 1, many)[:, None].expand(many, 4)

    into = Artifacts(here)
    kept: list[Any] = []
    into.pictures = lambda name, images, **about: kept.append(images)  # type: ignore[assignment]
    latents.leave_lines(into, (pixels, 1 - pixels), (2, 2), "")

    if many < 2:
        assert not kept
        return
    (images,) = kept
    across = round(len(images) ** 0.5)
    assert across**2 == len(images)
    sheet = images[:, 0, 0, 0].reshape(across // 2, 2, across)
    np.testing.assert_allclose(sheet[:, 0] + sheet[:, 1], 1, atol=1e-6)
    np.testing.assert_allclose(sheet[:, 0].ravel(), pixels[: sheet[:, 0].size, 0])


def test_a_run_leaves_what_can_be_seen() -> None:
    run = trained("trainer.epochs=5", base=TINY)

    found = {(one.name, one.epoch): one for one in list_artifacts(run.folder)}
    names = ("samples", "reconstructions", "between", "latent", "plane")
    at_the_end = {(name, None) for name in names}
    assert {*found} == at_the_end | {("samples", epoch) for epoch in (1, 2, 4)}
    for one in found.values():
        if one.kind == "pictures":
            assert min(size_of((run.folder / one.file).read_bytes())) >= 8 * 32
    rows = list(csv.reader((run.folder / found["latent", None].file).read_text().splitlines()))
    ids = run.data.samples.columns["digit"].take(run.data.split.test)
    assert rows[0] == ["latent 1", "latent 2", "digit"]
    assert [row[2] for row in rows[1:]] == sorted(map(str, np.asarray(ids).tolist()))
    first, *_, last = rows_of(run.folder)
    assert last["train/loss"] < first["train/loss"]
    assert run.facts["answer"]["score"] == "test/loss"
    assert (
        run.facts["meanings"]["val/loss"] == "negative bound on the likelihood, in nats a picture"
    )
    assert {one["name"] for one in run.facts["baselines"]} == BASELINES
    learner = "vae latent=2 encoder=mlp decoder=mlp beta=1.0 terms=nats std=half bound_samples=0"
    assert run.facts["learner"] == learner
    assert run.facts["schedule"] == "cosine final=0.0 warmup_epochs=0.0"


@pytest.mark.parametrize(("latent", "left"), [(1, set()), (3, {"latent"})])
def test_other_numbers_than_two_leave_no_plane(here: Path, latent: int, left: set[str]) -> None:
    fold, learner = made(f"learner.latent={latent}")
    learner.evaluations(fold, "val")

    learner.artifacts(Artifacts(here), "end")

    found = {one.name: one for one in list_artifacts(here)}
    assert {*found} == {"samples", "reconstructions", "between"} | left
    for name in left:  # the two that tell most
        seen = learner.run_over(fold.validation, learner.meters("val"))
        mean, spread = seen["mean"].split(1, dim=1), seen["log_variance"].split(1, dim=1)
        each = torch.stack([kl(*one).mean() for one in zip(mean, spread, strict=True)])
        told = sorted(each.topk(2).indices.tolist())
        header = (here / found[name].file).read_text().splitlines()[0]
        assert header == ",".join([*(f"latent {at + 1}" for at in told), "digit"])


REFUSED = {
    "prepare.steps=[{name: standardise}]": (
        "learner vae learns pixels from 0 to 1, but standardise makes others",
        "'prepare.steps=[{name: scale, divide_by: 255}]' for bytes",
    ),
    "prepare.steps=[{name: flatten}]": (
        "learner vae learns pictures, but flatten makes vectors of them",
        "leave it out: model mlp flattens them itself",
    ),
    "dataset=beijing_pm25": (
        "learner vae learns from one input, but dataset beijing_pm25 has features, wind",
        "",
    ),
    "model.units=[3]": ("learner vae does not read `model`", "'~model'"),
    "targets.digit.problem=multiclass": ("learner vae does not read `targets`", "'~targets'"),
    "metrics={accuracy: {}}": ("learner vae does not read `metrics`", "'~metrics'"),
    "baseline=classical": ("learner vae does not read `baseline`", "'~baseline'"),
    "learner.latent=0": ("`learner.latent` is 0", ""),
    "learner.beta=-1": ("`learner.beta` is -1", ""),
    "learner={beta: 2, terms: book}": (
        "`learner.beta` is 2, but `learner.terms` is book",
        "learner.terms=nats",
    ),
}


@pytest.mark.parametrize("override", REFUSED)
def test_what_it_cannot_use_is_refused_before_anything_is_read(override: str) -> None:
    what, hint = REFUSED[override]

    with pytest.raises(UsageError) as caught:
        loaded(override, base=TINY)

    (problem,) = caught.value.problems
    assert problem.what == what
    assert problem.hint == hint
    assert problem.where


def test_pixels_beyond_0_and_1_are_refused_and_the_hint_helps() -> None:
    with pytest.raises(UsageError) as caught:
        built("prepare.steps=[]", base=TINY)

    (problem,) = caught.value.problems
    assert problem.what == "learner vae learns pixels from 0 to 1, but image has 0 to 16"
    assert problem.hint == "'prepare.steps=[{name: scale, divide_by: 16}]'"
    built(*shlex.split(problem.hint), base=TINY)


def test_bytes_of_pictures_are_refused_likewise() -> None:
    pictures = ("dataset={name: cats_vs_dogs, size: 8, sample: true}", "targets={}")
    with pytest.raises(UsageError) as caught:
        built(*pictures, "prepare.steps=[]", base=TINY)

    (problem,) = caught.value.problems
    assert problem.hint == "'prepare.steps=[{name: scale, divide_by: 255}]'"
    built(*pictures, *shlex.split(problem.hint), base=TINY)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("dataset=wine",), "a row of features is a vector of 13"),
        (
            ("dataset=imdb", "prepare.steps=[{name: pad}]"),
            "a row of review is rows of ids of length 500",
        ),
    ],
)
def test_what_is_no_picture_is_refused(overrides: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        built(*overrides, base=TINY)

    assert told in caught.value.problems[0].what


def test_a_decoder_that_wants_pictures_is_told_under_its_key() -> None:
    with pytest.raises(UsageError) as caught:
        built("learner.decoder={name: convnet}", base=TINY)

    (problem,) = caught.value.problems
    assert problem.where == "command line: learner.decoder={name: convnet}"
    assert problem.what.startswith("learner.decoder.name=convnet cannot take the input latent")


@pytest.mark.parametrize(
    "changes", [("protocol={name: kfold, k: 2, test: 0.2}", "final=true"), ("protocol=train_test",)]
)
def test_it_trains_over_folds_and_without_validation(changes: tuple[str, ...]) -> None:
    run = trained(*changes, base=TINY)

    assert run.facts["answer"]["score"] == "test/loss"
    assert {one["name"] for one in run.facts["scores"]} >= {"test/loss", "test/mse"}
