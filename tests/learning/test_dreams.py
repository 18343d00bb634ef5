"""Learners of a picture keep their contract, and compute what the book's formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import built, loaded, trained
from torch import Tensor

from dlx.errors import UsageError
from dlx.learning.dream import Dream, octaves_of
from dlx.learning.picture import as_shown, resize
from dlx.learning.style import Style, gram, variation
from dlx.testing import check_learner

COMMON = ("dataset.sample=true", "trainer.threads=1", "trainer.device=cpu")
DREAM = (
    *("task=deepdream", "learner.octaves=2", "trainer.steps_per_epoch=3", "dataset.size=[48,64]"),
    *("learner.layers={features.1: 1, features.3: 2, features.9: 0, features.12: 0}", *COMMON),
)
STYLE = ("task=style", "trainer.epochs=2", "learner.content={features.4: 1}", *COMMON)
SHALLOW = "learner.style={features.1: 1, features.4: 2, features.7: 0, features.10: 0}"


def dream(*overrides: str) -> tuple[Dream, Any, Any]:
    """One at its start, its fold and its training."""
    _, _, fold, training = built(*overrides, base=DREAM)
    assert isinstance(training.learner, Dream)
    return training.learner, fold, training


def style(*overrides: str) -> tuple[Style, Any, Any]:
    _, _, fold, training = built(*overrides, base=STYLE)
    assert isinstance(training.learner, Style)
    return training.learner, fold, training


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("optimizer.lr=0.02",),
        ("optimizer={name: adam, lr: 0.02}", "learner.start=noise"),
        ("learner.stop_above=0.3", "learner.clip=false"),
        ("optimizer={name: lbfgs, max_iter: 3}", "learner.normalise=false"),
    ],
    ids=" ".join,
)
def test_a_dream_keeps_its_contract(overrides: tuple[str, ...]) -> None:
    check_learner(*DREAM, *overrides)


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("trainer.steps_per_epoch=3",),
        ("optimizer={name: adam, lr: 0.02}", "learner.start=noise", "trainer.steps_per_epoch=3"),
        ("learner.units=book", "trainer.steps_per_epoch=2", "learner.clip=false"),
    ],
    ids=" ".join,
)
def test_style_keeps_its_contract(overrides: tuple[str, ...]) -> None:
    check_learner(*STYLE, SHALLOW, *overrides)


def test_octaves_grow_to_the_pictures_own_size() -> None:
    options = loaded("learner.octaves=3", "trainer.epochs=3", base=DREAM).config.learner.options
    assert octaves_of(options, (350, 350)) == [(178, 178), (250, 250), (350, 350)]


def test_a_dream_moves_along_its_gradient_and_gets_back_what_shrinking_lost() -> None:
    learner, fold, training = dream("learner.clip=false", "optimizer.lr=0.01")
    given = learner._original
    batches = training.source.epoch(0)
    next(batches)
    first = learner.picture.pixels.detach().clone()
    assert torch.equal(first, resize(given, (34, 45)))

    pixels = first.clone().requires_grad_()
    answers = learner.looking(pixels)
    objective = sum(
        weight * answers[name][..., 2:-2, 2:-2].square().sum() / answers[name].numel()
        for name, weight in {"features.1": 1.0, "features.3": 2.0}.items()
    )
    assert isinstance(objective, Tensor)
    objective.backward()  # type: ignore[no-untyped-call]
    slope = pixels.grad
    assert slope is not None
    training.step(training.source.probe())
    moved = first + 0.01 * slope / slope.abs().mean()
    torch.testing.assert_close(learner.picture.pixels.detach(), moved)
    assert training.train_meters.scores()["train/objective"] == pytest.approx(objective.item())

    next(training.source.epoch(1))
    grown = learner.picture.pixels.detach().clone()
    torch.testing.assert_close(grown, resize(moved, (48, 64)))
    lost = given - resize(resize(given, (34, 45)), (48, 64))
    torch.testing.assert_close(learner.shown(), grown + lost)
    found = learner.validate(fold)["picture/objective"]
    answers = learner.looking(as_shown(grown + lost))
    assert found == pytest.approx(float(learner._objective(answers)))


def test_the_step_that_finds_the_end_of_an_octave_is_taken_back() -> None:
    learner, _, training = dream("learner.stop_above=1e-6", "trainer.steps_per_epoch=5")
    for epoch in (0, 1):
        start = None
        for many, batch in enumerate(training.source.epoch(epoch), start=1):
            start = learner.picture.pixels.detach().clone()
            training.step(batch)
            assert many == 1
        assert start is not None
        assert torch.equal(learner.picture.pixels.detach(), start)


def test_the_parts_of_style_are_the_books() -> None:
    learner, fold, _ = style(
        SHALLOW, "learner.units=book", "learner.variation=2", "learner.content={features.4: 3}"
    )
    drawn = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0))
    answers = learner.looking(drawn)
    batch = fold.train.batch(0, 1)
    content, other = (batch.inputs[name][0] / 255 for name in ("content", "style"))
    far = (answers["features.4"] - learner.looking(content)["features.4"]).square().sum()
    found = learner._losses_of(drawn)
    assert float(found["content"]) == pytest.approx(3 * float(far), rel=1e-5)

    misfit = 0.0
    for name, weight in {"features.1": 1, "features.4": 2}.items():
        rows, wanted = (a[name][0].flatten(1) for a in (answers, learner.looking(other)))
        squares = (rows @ rows.T - wanted @ wanted.T).square().sum()
        misfit += weight * float(squares) / (4 * 9 * (48 * 64) ** 2)
    assert float(found["style"]) == pytest.approx(misfit, rel=1e-4)

    levels = (255 * drawn).double().numpy()
    down = np.square(levels[:, :-1, :-1] - levels[:, 1:, :-1])
    across = np.square(levels[:, :-1, :-1] - levels[:, :-1, 1:])
    assert float(found["variation"]) == pytest.approx(2 * ((down + across) ** 1.25).sum(), rel=1e-5)
    assert float(found["loss"]) == pytest.approx(sum(float(v) for v in [*found.values()][1:]))


def test_relative_parts_are_shares_of_what_is_wanted() -> None:
    learner, fold, _ = style(SHALLOW, "learner.variation=0.5")
    at_content = learner._losses_of(learner._content)
    assert float(at_content["content"]) == 0
    assert float(at_content["variation"]) == pytest.approx(0.5)
    answers = learner.looking(learner._style)
    assert all(float(learner._misfit(answers[name], name)) == 0 for name in learner.parts["style"])
    scores = learner.validate(fold)
    assert scores["picture/loss"] == pytest.approx(float(at_content["loss"]))
    evaluations = {one.score: one for one in learner.evaluations(fold, "picture")}
    assert list(evaluations) == [f"picture/{n}" for n in ("loss", "content", "style", "variation")]
    names = [one.name for one in evaluations["picture/style"].baselines]
    assert names == ["content as given", "noise"]


def test_gram_and_variation_of_what_is_plain() -> None:
    answers = torch.tensor([[[[1.0, 2.0]], [[0.0, 3.0]]]])
    assert gram(answers).tolist() == [[2.5, 3.0], [3.0, 4.5]]
    assert variation(torch.ones(3, 4, 4), 1.25) == 0


REFUSED = {
    "learner.layers={features.99: 1}": (
        "`learner.layers` has `features.99`, but squeezenet1_1 has no such layer",
        "did you mean features.9?",
    ),
    "learner.network=null and dataset.sample=false": (
        "learner dream has no network to look with: `learner.network` is null",
        "from_run=last",
    ),
    "learner.network=vit_b_16 and learner.weights=random": (
        "`learner.network` is vit_b_16, which takes pictures of one size only",
        "learner.network=squeezenet1_1",
    ),
    "learner.layers={features.1: 0, features.3: 0}": (
        "all layers of `learner.layers` count 0, so none has a gradient to the picture",
        "",
    ),
    "dataset.name=picture_pair": (
        "learner dream works on image, but dataset picture_pair has content, style",
        "dataset.name=picture",
    ),
    "trainer.average.name=ema": (
        "learner dream keeps the picture of the last step, and averages none",
        "trainer.average=none",
    ),
    "optimizer={name: lbfgs}": (
        "optimizer lbfgs needs the gradient as it is, but `learner.normalise` divides it by its "
        "size",
        "learner.normalise=false",
    ),
    "protocol=train_test": ("learner dream does not read `protocol`", "'~protocol'"),
    "callbacks.early_stopping={}": (
        "callbacks.early_stopping needs a score to monitor, but learner dream has none",
        "'~callbacks.early_stopping'",
    ),
}


@pytest.mark.parametrize("typed", REFUSED)
def test_what_contradicts_is_refused(typed: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(*typed.split(" and "), base=DREAM)
    told = {problem.what: problem.hint for problem in caught.value.problems}
    what, hint = REFUSED[typed]
    assert told.get(what) == hint


def test_pictures_and_octaves_that_are_too_small_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        built("learner.octaves=12", "trainer.epochs=12", base=DREAM)
    (problem,) = caught.value.problems
    assert problem.what == "octave 1 of 12 is 1 x 1, too small for squeezenet1_1 (random)"
    assert problem.hint == "learner.octaves=1, or dataset.size=400"


def test_fewer_epochs_than_octaves_are_told_of() -> None:
    (note,) = loaded("trainer.epochs=1", base=DREAM).notes
    told = "an octave is an epoch, and 1 of 2 octaves are done"
    assert note == f"{told}: the picture stays smaller than it is given"


def test_a_search_is_refused_as_no_row_is_held_out(cli: Any) -> None:
    found = cli("tune", *DREAM)
    assert found.code == 2
    what = "a search compares validation scores, but learner dream is judged by the picture that it"
    assert found.err.startswith(f"error: {what} makes\n")


def test_a_layer_without_a_gradient_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, fold, _ = dream()
    blind = learner.looking.network
    monkeypatch.setattr(blind, "forward", lambda pixels: type(blind).forward(blind, 0 * pixels))
    with pytest.raises(UsageError) as caught:
        learner.source(fold, 0)
    (problem,) = caught.value.problems
    told = "layer features.1 of squeezenet1_1 (random) has no gradient to the picture"
    assert problem.what == told


def test_a_run_is_judged_beside_the_picture_and_noise() -> None:
    run = trained("trainer.steps_per_epoch=1", base=DREAM)
    answer = run.facts["answer"]
    assert answer is not None
    assert (answer["score"], answer["part"]) == ("picture/objective", "picture")
    assert [one["name"] for one in run.facts["baselines"]] == ["picture as given", "noise"]
    assert "(measured on 1 picture)" in run.facts["power"]["text"]
    assert run.facts["protocol"]["name"] == "none"
    kept = {one.name for one in (run.folder / "artifacts").iterdir()}
    assert kept == {"picture-1.png", "picture-2.png", "picture.png", "film.png", "given.png"}
