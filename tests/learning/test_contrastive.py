"""Contrastive learning: views of a row are its own, what tells them apart is exact, bad input."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from small import built, loaded
from torch import Tensor, nn

from dlx.config.learners import judged_score, spec_of
from dlx.errors import UsageError
from dlx.learning import contrasting
from dlx.learning.contrastive import PROJECTION, Contrastive
from dlx.runs.artifacts import Artifacts, list_artifacts
from dlx.runs.pixels import size_of
from dlx.sources.pairs import Pairs, join_views

TINY = (
    *("task=digits_contrastive", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=1"),
    *("model.channels=[4]", "model.dense=[8]", "learner.head=[8,4]", "learner.probe=null"),
)
SHOWN = ("nearest", "views")


def made(*overrides: str) -> tuple[Any, Contrastive]:
    """A fold and a fresh learner."""
    *_, fold, training = built(*overrides, base=TINY)
    assert isinstance(training.learner, Contrastive)
    return fold, training.learner


def cosines(rows: int, numbers: int = 5) -> Tensor:
    torch.manual_seed(rows)
    return contrasting.similarities(torch.randn(2 * rows, numbers, dtype=torch.float64))


def test_the_loss_is_that_of_the_paper_view_by_view() -> None:
    rows, temperature = 4, 0.3
    alike = cosines(rows).double()
    found = contrasting.nt_xent(alike, temperature)
    for view in range(2 * rows):
        partner = (view + rows) % (2 * rows)
        others = [k for k in range(2 * rows) if k != view]
        total = sum(math.exp(float(alike[view, k]) / temperature) for k in others)
        expected = -math.log(math.exp(float(alike[view, partner]) / temperature) / total)
        assert float(found[view]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_who_cannot_tell_views_apart_has_the_logarithm_of_their_number(temperature: float) -> None:
    alike = contrasting.similarities(torch.ones(14, 3))
    expected = torch.full((14,), math.log(13))
    torch.testing.assert_close(contrasting.nt_xent(alike, temperature), expected)
    assert not contrasting.finds_partner(alike).any()
    assert contrasting.uniformity(alike) == pytest.approx(0, abs=1e-6)
    assert contrasting.spread(torch.ones(6, 3)) < 1e-12
    assert contrasting.spread(torch.zeros(6, 3)) == 0


def test_partners_are_found_where_they_are_nearest() -> None:
    rows = torch.eye(3)
    apart = contrasting.similarities(torch.cat([rows, rows]))
    assert contrasting.finds_partner(apart).all()
    torch.testing.assert_close(contrasting.alignment(apart), torch.zeros(3))
    assert contrasting.uniformity(apart) == pytest.approx(-4)
    assert contrasting.spread(rows) == pytest.approx(2 / 3)
    swapped = contrasting.similarities(torch.cat([rows, rows[[0, 2, 1]]]))
    assert contrasting.finds_partner(swapped).tolist() == [True, False, False] * 2
    torch.testing.assert_close(contrasting.alignment(swapped), torch.tensor([0.0, 2.0, 2.0]))


def test_what_is_told_is_of_blocks_of_a_batch_for_the_loss_and_of_fixed_ones_for_all_else() -> None:
    torch.manual_seed(0)
    numbers = torch.randn(2 * 37, 6)
    small, large = (contrasting.tell(numbers, 0.5, size, seed=3) for size in (10, 1000))
    assert (small.found == large.found).all()
    assert small.uniformity == large.uniformity
    assert set(small.chance) == {1 / 73}
    assert set(large.least) == {math.log(73)}
    assert set(small.least) == {math.log(17), math.log(19)}  # 37 rows in 4 blocks
    whole = contrasting.nt_xent(contrasting.similarities(numbers), 0.5)
    assert large.loss.mean() == pytest.approx(float(whole.mean()), rel=1e-6)


def test_a_row_has_the_same_two_views_in_whatever_batch_and_other_ones_in_each_epoch() -> None:
    fold, learner = made()
    change = learner.change(fold, 0)
    every = torch.arange(20)
    first, second = join_views(change(fold.train.take(every), 0).batch(0, 20))["image"].view(
        2, 20, -1
    )
    assert (first != second).any(dim=1).all()
    one, other = join_views(change(fold.train.take(every[[7]]), 0).batch(0, 1))["image"].flatten(1)
    assert torch.equal(one, first[7])
    assert torch.equal(other, second[7])
    later = join_views(change(fold.train.take(every), 1).batch(0, 20))["image"].view(2, 20, -1)
    assert (later[0] != first).any(dim=1).all()
    held = Pairs.of(learner.config, fold, held=True)
    seen = join_views(held.look(fold.train.batch(0, 20)))["image"].view(2, 20, -1)
    assert (seen[0] != first).any(dim=1).all()
    assert (seen[0] != seen[1]).any(dim=1).all()


def test_a_loss_is_of_the_views_of_a_batch_or_of_the_held_ones_of_rows_without() -> None:
    fold, learner = made()
    learner.model.eval()
    batch = next(learner.source(fold, 0).epoch(0))
    alike = contrasting.similarities(learner.model(join_views(batch))[PROJECTION])
    own = learner.losses(batch)["loss"]
    torch.testing.assert_close(own, contrasting.nt_xent(alike, 0.5).mean())
    plain = fold.train.batch(0, 30)
    held = Pairs.of(learner.config, fold, held=True).look(plain)
    torch.testing.assert_close(learner.losses(plain)["loss"], learner.losses(held)["loss"])


def test_scores_do_not_depend_on_batches_of_evaluation() -> None:
    found = []
    for size in (7, 1000):
        fold, learner = made(f"trainer.eval_batch_size={size}")
        scores = learner.validate(fold)
        evaluations = learner.evaluations(fold, "val")
        assert [one.score for one in evaluations] == ["val/retrieval", "val/loss"]
        assert [one.own.value() for one in evaluations] == pytest.approx(
            [scores["val/retrieval"], scores["val/loss"]]
        )
        names = [[(b.name, b.kind) for b in one.baselines] for one in evaluations]
        others = [("raw inputs", "naive"), ("untrained", "start")]
        assert names == [[("chance", "constant"), *others], [("all alike", "constant"), *others]]
        assert evaluations[0].baselines[2].value() == evaluations[0].own.value()  # of fresh weights
        found.append(scores)
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert judged_score(learner.config) == "val/retrieval"
    assert "accumulate" not in spec_of(learner.config).can


def test_features_that_have_collapsed_end_the_training() -> None:
    for validation in ("protocol={name: holdout, validation: 0.2}", "protocol=train_test"):
        fold, learner = made(validation)
        learner.validate(fold)
        assert learner.done() == ""
        last = [one for one in learner.model.body if isinstance(one, nn.Linear)][-1]
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, -1.0)  # behind a ReLU nothing is left
        learner.validate(fold)
        assert learner.done() == "the features have collapsed (spread 0)"


def test_features_are_what_the_head_reads_and_have_the_names_of_a_classifiers() -> None:
    fold, learner = made()
    rows = fold.train.batch(0, 5).inputs
    features = learner.encode(rows)
    assert features.shape == (5, 8)
    head = learner.model.heads[PROJECTION]
    torch.testing.assert_close(head(features), learner.model(rows)[PROJECTION])
    assert [type(one) for one in head] == [nn.Linear, nn.ReLU, nn.Linear]
    model = "model={name: convnet, channels: [4], padding: same, dense: [8]}"
    *_, supervised = built(base=("task=digits", *TINY[1:4], model))
    theirs = {n: one.shape for n, one in supervised.learner.module.state_dict().items()}
    own = {n: one.shape for n, one in learner.module.state_dict().items()}
    assert {n for n in own if theirs.get(n) == own[n]} == {n for n in own if n.startswith("body.")}


def test_views_and_nearest_rows_are_shown(tmp_path: Path) -> None:
    fold, learner = made()
    learner.artifacts(Artifacts(tmp_path), "end")
    assert not list_artifacts(tmp_path)  # nothing was evaluated
    learner.evaluations(fold, "val")
    learner.artifacts(Artifacts(tmp_path), "end")
    kept = {one.name: one for one in list_artifacts(tmp_path)}
    assert {name: one.kind for name, one in kept.items()} == dict.fromkeys(SHOWN, "pictures")
    sizes = {name: size_of((tmp_path / one.file).read_bytes()) for name, one in kept.items()}
    assert sizes["views"][0] < sizes["nearest"][0]  # 6 and 12 side by side
    assert min(sizes["nearest"]) > 100


def test_rows_that_are_no_pictures_have_views_by_noise_and_by_what_is_left_out() -> None:
    wine = (
        "task=wine",
        "~targets",
        "learner={name: contrastive, head: [8], probe: null}",
        *TINY[1:4],
    )
    hint = "prepare.augment.features=[{jitter: 0.5}, {drop: 0.2}]"
    with pytest.raises(UsageError) as caught:
        loaded(base=wine)
    what = "learner contrastive needs two views of each row, but `prepare.augment.features` names"
    assert str(caught.value).startswith(f"{what} none")
    assert str(caught.value).endswith(f"try: '{hint}'")
    with pytest.raises(UsageError) as caught:
        loaded("learner.probe={target: sort}", hint, base=("task=diabetes", "~targets", *wine[2:3]))
    assert str(caught.value) == (
        "`learner.probe.target` is sort, but dataset diabetes has no such target\n"
        "  where: command line: learner.probe={target: sort}\n"
        "  accepted: learner.probe: null: dataset diabetes has no classes\n"
        "  try: learner.probe=null"
    )
    *_, fold, training = built(hint, base=wine)
    learner = training.learner
    assert isinstance(learner, Contrastive)
    views = join_views(learner.change(fold, 0)(fold.train, 0).batch(0, 50))["features"]
    assert isinstance(views, Tensor)
    first, second = views.view(2, 50, -1)
    assert float((first == 0).float().mean()) == pytest.approx(0.2, abs=0.05)
    kept = (first != 0) & (second != 0)
    assert float((first - second)[kept].std()) == pytest.approx(0.5 * 2**0.5, rel=0.1)
    assert {one.score for one in learner.evaluations(fold, "val")} == {"val/retrieval", "val/loss"}


def told(*overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        loaded(*overrides, base=TINY)
    return str(caught.value)


REFUSED = {
    "prepare.augment.image=[]": (
        "learner contrastive needs two views of each row, but `prepare.augment.image` names none",
        "augmentations of image (dlx help augmentation)",
        "'prepare.augment.image=[{shift: 0.15}, {rotate: 15}]'",
    ),
    "trainer.batch_size=1": (
        "`trainer.batch_size` is 1, but a view's partner is told from views of other rows",
        "at least 2; some hundreds are better",
        "trainer.batch_size=256",
    ),
    "learner.head=[]": (
        "`learner.head` is empty, but numbers of it are compared",
        "sizes of its layers",
        "learner.head=[64,32]",
    ),
    "trainer.accumulate=2": (
        "learner contrastive cannot compute a step in parts",
        "",
        "trainer.accumulate=1",
    ),
}


@pytest.mark.parametrize("written", REFUSED)
def test_what_leaves_nothing_to_tell_apart_is_refused_with_what_to_type(written: str) -> None:
    what, accepted, typed = REFUSED[written]
    lines = [
        what,
        f"  where: command line: {written}",
        f"  accepted: {accepted}",
        f"  try: {typed}",
    ]
    assert told(written) == "\n".join(line for line in lines if line != "  accepted: ")
    loaded(
        *[] if written == "prepare.augment.image=[]" else [written], *shlex.split(typed), base=TINY
    )
