"""Autoencoders: what is done to rows is theirs, what is scored, and what scores stand beside."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from small import built, loaded, trained

from dlx.config.learners import judged_score, monitor_of, spec_of
from dlx.config.specs.learners import Corrupt, Mask
from dlx.errors import UsageError
from dlx.learning.autoencoder import Autoencoder
from dlx.learning.corruption import Corruption, normal_of
from dlx.learning.rebuilding import NearestSeen, fit_pca
from dlx.runs.artifacts import list_artifacts
from dlx.testing import check_learner

TINY = (
    *("task=digits_autoencoder", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1"),
    *("learner.encoder.units=[8]", "learner.decoder.units=[8]", "learner.code=3"),
    *("learner.corrupt.noise=0", "learner.probe=null"),
)
TABLE = (*(*TINY, "dataset.name=wine", "prepare.steps=[{name: standardise}]", "learner.code=2"),)
NOISY = ("learner.corrupt={noise: 0.3, drop: 0.1}",)
HALF = ("learner.mask={share: 0.5, patch: 2}",)
CROSS = ("learner.loss=cross_entropy",)


def made(*overrides: str, base: tuple[str, ...] = TINY) -> tuple[Any, Autoencoder]:
    """A fold and a fresh learner."""
    *_, fold, training = built(*overrides, base=base)
    assert isinstance(training.learner, Autoencoder)
    training.learner.model.eval()
    return fold, training.learner


def masking(share: float, patch: int, *shape: int) -> Corruption:
    """Hides patches of rows."""
    return Corruption(Corrupt(), Mask(share=share, patch=patch), shape, seed=0)


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(NOISY, marks=pytest.mark.slow),
        (*NOISY, *HALF),
        pytest.param((*HALF, *CROSS, "learner.mask.scored=all"), marks=pytest.mark.slow),
        pytest.param(("protocol=kfold",), marks=pytest.mark.slow),
    ],
)
def test_it_keeps_the_contract(overrides: tuple[str, ...]) -> None:
    check_learner(*TINY, *overrides)


def test_it_keeps_the_contract_on_tables() -> None:
    check_learner(*TABLE, "learner.mask={share: 0.3, patch: 1}", "trainer.precision=bfloat16")


def test_what_is_done_to_a_row_is_its_own_and_new_in_each_epoch() -> None:
    how = Corruption(Corrupt(noise=0.5, drop=0.2), Mask(share=0.5, patch=2), (4, 6), seed=1)
    rows, numbers, filler = torch.rand(40, 4, 6), torch.arange(40) * 3, torch.full((4, 6), 9.0)
    whole = how.see(rows, numbers, filler, (0, 2))
    turned = how.see(rows.flip(0), numbers.flip(0), filler, (0, 2))
    part = how.see(rows[5:7], numbers[5:7], filler, (0, 2))
    for one, back, some in zip(whole, turned, part, strict=True):
        assert one is not None
        assert back is not None
        assert some is not None
        assert torch.equal(one, back.flip(0))
        assert torch.equal(one[5:7], some)
    others = [(0, 3), (1, 2), ()]
    assert all(not torch.equal(how.see(rows, numbers, filler, w)[0], whole[0]) for w in others)
    assert torch.equal(how.see(rows, numbers, filler)[0], how.see(rows, numbers, filler)[0])


@pytest.mark.parametrize(
    ("share", "patch", "shape", "count"),
    [(0.75, 4, (28, 28), 37), (0.5, 2, (3, 4, 8), 4), (0.3, 1, (13,), 4), (0.5, 3, (9,), 2)],
)
def test_as_many_whole_patches_are_hidden_in_every_row(
    share: float, patch: int, shape: tuple[int, ...], count: int
) -> None:
    how = masking(share, patch, *shape)
    rows, filler = torch.rand(50, *shape), torch.full(shape, 7.0)
    seen, hidden = how.see(rows, torch.arange(50), filler)
    assert hidden is not None
    assert torch.equal(seen, torch.where(hidden, filler, rows))
    places = how.patches
    assert places.unique().tolist() == [*range(how.many)]
    for row in hidden:
        inside = {int(one) for one in places[row]}
        assert len(inside) == count
        assert all(row[places == one].all() for one in inside)
    often = hidden.flatten(1).double().mean(dim=0)
    assert (often > 0).all()
    assert (often < 1).all()


@pytest.mark.parametrize("share", [0.2, 0.75])
def test_parts_hide_each_number_at_least_once(share: float) -> None:
    how, rows = masking(share, 2, 8, 6), torch.rand(3, 8, 6)
    times = sum(hidden.int() for _, hidden in how.parts(rows, torch.zeros(8, 6)))
    assert int(torch.as_tensor(times).min()) >= 1


def test_noise_and_lost_numbers_are_as_many_as_was_said() -> None:
    how = Corruption(Corrupt(noise=0.5), Mask(), (20,), seed=0)
    noise = how.see(torch.zeros(2000, 20), torch.arange(2000), torch.zeros(20))[0]
    assert float(noise.mean()) == pytest.approx(0, abs=0.01)
    assert float(noise.std()) == pytest.approx(0.5, abs=0.01)
    ends = normal_of(torch.tensor([0.0, 1 - 2.0**-24]))  # the least and the largest that is drawn
    torch.testing.assert_close(ends, torch.tensor([-5.42, 5.42]), atol=0.01, rtol=0)
    how = Corruption(Corrupt(drop=0.25), Mask(), (20,), seed=0)
    left = how.see(torch.ones(2000, 20), torch.arange(2000), torch.zeros(20))[0]
    assert float(left.mean()) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("overrides", [(), NOISY, HALF, CROSS, (*HALF, "learner.mask.scored=all")])
def test_the_loss_is_of_what_is_said_to_be_scored(overrides: tuple[str, ...]) -> None:
    fold, learner = made(*overrides)
    batch = fold.validation.batch(0, 16)
    rows = batch.inputs["image"]
    seen, hidden = learner.corruption.see(rows, batch.numbers, learner.model.filler)
    assert ("mask" in str(overrides)) == (hidden is not None)
    found = learner.model.decode(learner.model.encode({"image": seen}))
    if overrides == CROSS:
        each = F.binary_cross_entropy_with_logits(found, rows.flatten(1), reduction="none")
    else:
        each = (found - rows.flatten(1)).square()
    scored = each[hidden.flatten(1)] if overrides == HALF and hidden is not None else each
    torch.testing.assert_close(learner.losses(batch)["loss"], scored.mean())


def test_hidden_numbers_look_like_those_of_the_mean_training_row() -> None:
    fold, learner = made(*HALF)
    rows = fold.train.batch(0, len(fold.train)).inputs["image"]
    torch.testing.assert_close(learner.model.filler, rows.mean(dim=0))


def test_training_reads_corrupted_rows_and_rebuilds_those_that_augmentation_made() -> None:
    *_, fold, training = built(*HALF, "prepare.augment.image=[{shift: 0.3}]", base=TINY)
    batch = next(training.source.epoch(0))
    rows, seen = batch.inputs["image"], batch.inputs["image seen"]
    hidden = batch.inputs["image hidden"]
    plain = fold.data.samples.columns["image"].values[batch.numbers] / 16
    assert not np.array_equal(rows, plain)
    filler = training.learner.model.filler
    assert torch.equal(seen, torch.where(hidden, filler.expand_as(rows), rows))


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        pytest.param(NOISY, marks=pytest.mark.slow),
        pytest.param(HALF, marks=pytest.mark.slow),
        (*NOISY, *HALF),
        pytest.param(CROSS, marks=pytest.mark.slow),
        pytest.param((*HALF, *CROSS), marks=pytest.mark.slow),
    ],
)
def test_scores_stand_beside_rows_rebuilt_without_a_network(overrides: tuple[str, ...]) -> None:
    found = []
    for size in (7, 1000):
        fold, learner = made(*overrides, f"trainer.eval_batch_size={size}")
        found.append({one.score: one for one in learner.evaluations(fold, "val")})
    expected = {"mean row", "PCA"}
    naive = {"nearest visible pixel"} if "mask" in str(overrides) else {"row as it is read"}
    plain = overrides in ((), CROSS) or CROSS[0] in overrides
    names = {score: {b.name for b in one.baselines} for score, one in found[0].items()}
    assert names["val/loss"] == (expected if plain else expected | naive)
    hidden, whole = "mask" in str(overrides), names.get("val/reconstruction")
    assert whole == (None if hidden or not overrides else expected)
    for score, one in found[0].items():
        for mine, same in zip(
            (one.own, *one.baselines),
            (found[1][score].own, *found[1][score].baselines),
            strict=True,
        ):
            assert mine.value() == pytest.approx(same.value(), rel=1e-4)
            assert mine.value() == pytest.approx(mine.value(np.arange(mine.units)), rel=1e-5)


def test_hidden_numbers_by_pca_are_the_mean_of_the_normal_distribution_that_it_is() -> None:
    torch.manual_seed(0)
    rows = torch.randn(400, 3).double() @ torch.randn(3, 6).double() + torch.randn(400, 6) * 0.3
    mean = rows.mean(dim=0)
    pca = fit_pca(rows, mean, 3, torch.arange(6))
    hidden = torch.rand(20, 6) < 0.5
    hidden[:, 0] = False
    seen = torch.where(hidden, mean, rows[:20])
    found = pca.rebuild(seen, hidden)

    loads = pca.axes * pca.deviations
    covariance = loads @ loads.T + pca.noise * torch.eye(6)
    for row in range(20):
        at, there = hidden[row].nonzero()[:, 0], (~hidden[row]).nonzero()[:, 0]
        across = covariance[at][:, there] @ covariance[there][:, there].inverse()
        expected = mean[at] + across @ (rows[row] - mean)[there]
        torch.testing.assert_close(found[row, at], expected, rtol=1e-6, atol=1e-9)
    exact = fit_pca(rows, mean, 6, torch.arange(6)).rebuild(rows, None)
    torch.testing.assert_close(exact, rows)


def test_a_hidden_pixel_is_what_the_nearest_visible_one_is() -> None:
    seen = torch.tensor([[1.0, 2, 3, 4, 5, 6, 7, 8]]).double()  # two lines of four
    hidden = torch.tensor([[False, False, True, True, False, True, True, True]])
    found = NearestSeen((2, 4)).rebuild(seen, hidden)
    assert found[0].tolist()[:4] == [1, 2, 2, 2]
    assert found[0, 7] == 2
    assert found[0, 4] == 5


def test_errors_of_rows_are_what_the_score_is_the_mean_of() -> None:
    fold, learner = made(*NOISY)
    scores = {one.score: one.own.value() for one in learner.evaluations(fold, "val")}
    part = fold.validation
    each = learner.reconstruction_errors(part.batch(0, len(part)).inputs)
    assert each.shape == (len(part),)
    assert float(each.mean()) == pytest.approx(scores["val/reconstruction"], rel=1e-5)


def test_errors_of_rows_that_are_told_from_the_rest_are_of_hidden_numbers() -> None:
    fold, learner = made(*HALF)
    inputs = fold.validation.batch(0, 4).inputs
    total, times = torch.zeros(4, 64), torch.zeros(4, 64)
    for seen, hidden in learner.corruption.parts(inputs["image"], learner.model.filler):
        found = learner.model.decode(learner.model.encode({"image": seen}))
        total += (found - inputs["image"].flatten(1)).square() * hidden.flatten(1)
        times += hidden.flatten(1)
    torch.testing.assert_close(
        learner.reconstruction_errors(inputs), (total / times).mean(dim=1).detach()
    )


def test_features_are_the_codes_of_whole_rows() -> None:
    fold, learner = made(*HALF)
    inputs = fold.validation.batch(0, 5).inputs
    found = learner.encode(inputs)
    assert found.shape == (5, 3)
    assert not found.requires_grad
    assert torch.equal(found, learner.model.encode(inputs))


def test_every_score_has_a_meaning_and_the_loss_is_judged() -> None:
    config = loaded(*NOISY, "learner.probe={target: digit}", base=TINY).config
    scores = spec_of(config).scores(config)
    assert [*scores] == ["train/loss", "val/loss", "val/reconstruction", "val/probe"]
    assert all(one.meaning for one in scores.values())
    assert (judged_score(config), monitor_of(config)) == ("val/loss", "val/loss")
    config = loaded(*HALF, "protocol=train_test", base=TINY).config
    assert [*spec_of(config).scores(config)] == ["train/loss"]
    assert (judged_score(config), monitor_of(config)) == ("", None)


def told(*overrides: str, base: tuple[str, ...] = TINY) -> str:
    """The message of what is refused before anything is read."""
    with pytest.raises(UsageError) as caught:
        loaded(*overrides, base=base)
    return str(caught.value).partition("\n  found")[0]


@pytest.mark.parametrize(
    ("argument", "what", "accepted", "hint"),
    [
        (
            "learner.mask={share: 0.5, patch: 3}",
            "`learner.mask.patch` is 3, but image has rows of 8 x 8",
            "1, 2, 4, 8",
            "learner.mask.patch=2",
        ),
        (
            "learner.mask={share: 0.5, patch: 8}",
            "`learner.mask.patch` is 8, but then a row of image is one patch",
            "a smaller number",
            "learner.mask.patch=1",
        ),
        (
            "learner.mask={share: 0.01, patch: 2}",
            "`learner.mask.share` is 0.01, but then none of the 16 patches of a row is hidden",
            "0, or a number between 0.031 and 0.97",
            "learner.mask.share=0.5",
        ),
        (
            "learner.mask={share: 0.99, patch: 2}",
            "`learner.mask.share` is 0.99, but then each of the 16 patches is hidden",
            "0, or a number between 0.031 and 0.97",
            "learner.mask.share=0.5",
        ),
    ],
)
def test_masks_that_do_not_fit_are_refused(
    argument: str, what: str, accepted: str, hint: str
) -> None:
    message = told(argument)
    assert message.startswith(what)
    assert f"accepted: {accepted}\n" in message
    assert message.endswith(f"try: {hint}")
    loaded(argument, hint, base=TINY)


def test_cross_entropy_takes_numbers_from_0_to_1() -> None:
    message = told(*CROSS, "prepare.steps=[{name: standardise}]")
    assert message.startswith(
        "`learner.loss` is cross_entropy, which takes numbers from 0 to 1, but standardise makes"
    )
    assert message.endswith("try: learner.loss=squared_error")
    with pytest.raises(UsageError) as caught:
        built(*CROSS, "prepare.steps=[]", base=TINY)
    assert str(caught.value) == (
        "`learner.loss` is cross_entropy, but image has 0 to 16\n"
        "  where: learner.loss\n"
        "  accepted: numbers from 0 to 1, as the step scale makes them\n"
        "  try: learner.loss=squared_error"
    )


def test_words_and_several_inputs_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        built("dataset.name=imdb", "prepare.steps=[]", base=TINY)
    message = str(caught.value)
    what = "learner autoencoder makes rows of numbers, but review has rows of word ids"
    assert message.startswith(what)
    with pytest.raises(UsageError, match="learner autoencoder learns from one input, but"):
        loaded(base=("task=breast_cancer_shared", "learner=autoencoder"))


def test_a_run_leaves_what_can_be_seen(here: Path) -> None:
    run = trained(*HALF, base=TINY)
    assert {one.name for one in list_artifacts(run.folder)} == {"reconstructions", "codes"}
    table = trained("learner.corrupt.noise=1", base=TABLE)
    assert {one.name for one in list_artifacts(table.folder)} == {"errors", "codes"}
    with (table.folder / "artifacts" / "errors.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [*rows[0]] == ["number", "model", "mean row", "PCA"]
    assert len(rows) == 13
    assert rows[0]["number"] == "alcohol"
