"""`targets.X.class_weights` and `targets.X.sampling`: rows that count, or are drawn, by class."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from small import WINE, built, same, trained, weights

from dlx.config.load import digest, load
from dlx.data.balance import chances, check_names, class_weights
from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.errors import UsageError
from dlx.judging.curves import diagnose
from dlx.learning.heads import heads_of
from dlx.losses import Mean
from dlx.report import build
from dlx.sources.batches import draw_order
from dlx.sources.source import RowSource
from dlx.testing import check_learner

WEIGHTS = "targets.cultivar.class_weights"
SAMPLING = "targets.cultivar.sampling"
RNG = np.random.default_rng(0)
IDS = RNG.choice(3, size=200, p=[0.7, 0.25, 0.05])
TARGET = EncodedTarget(IDS, TargetCodec("multiclass", 3, ("a", "b", "c")))


def one_batch(*overrides: str) -> tuple[Any, Any]:
    """A learner in training, and all its training rows."""
    _, _, fold, training = built("model.l2=0", *overrides)
    training.model.train()
    return training.learner, fold.train.batch(0, len(fold.train))


def gradients(learner: Any, batch: Any) -> list[torch.Tensor]:
    loss = learner.losses(batch)["loss"]
    return list(torch.autograd.grad(loss, list(learner.model.parameters())))


class TestWeights:
    def test_balanced_ones_are_scikit_learns(self) -> None:
        rows = np.arange(100)
        expected = compute_class_weight("balanced", classes=np.arange(3), y=IDS[rows])
        assert class_weights("balanced", TARGET, rows) == pytest.approx(expected)
        assert class_weights("none", TARGET, rows) == ()
        assert class_weights({"b": 2.5}, TARGET, rows) == (1, 2.5, 1)

    def test_of_a_class_without_a_row_it_is_1_and_the_others_balance(self) -> None:
        rows = np.flatnonzero(IDS < 2)
        found = class_weights("balanced", TARGET, rows)
        assert found[2] == 1
        assert np.mean([found[one] for one in IDS[rows]]) == pytest.approx(1)

    def test_each_fold_learns_its_own_from_training_rows(self) -> None:
        _, data, fold, _ = built(
            f"{WEIGHTS}=balanced", "protocol={name: kfold, k: 3, stratify: false}"
        )
        target = data.targets["cultivar"]
        own = class_weights("balanced", target, fold.rows.train)
        assert fold.targets["cultivar"].weights == own
        assert own != class_weights("balanced", target, data.split.folds[1].train)

    def test_weights_of_1_keep_every_bit(self) -> None:
        found = []
        for choice in ("none", "{class_0: 1, class_1: 1, class_2: 1}", "{class_1: 1.0}"):
            *_, training = built(f"{WEIGHTS}={choice}")
            training.model.train()
            for batch in training.source.epoch(0):
                training.step(batch)
            found.append(weights(training))
        assert same(found[0], found[1])
        assert same(found[0], found[2])

    def test_a_weight_of_3_is_three_times_the_row(self) -> None:
        learner, batch = one_batch(f"{WEIGHTS}={{class_1: 3, class_2: 2}}")
        plain, _ = one_batch()
        times = torch.tensor([1, 3, 2])[batch.targets["cultivar"]]
        more = batch.part.take(torch.repeat_interleave(torch.arange(batch.rows), times))
        whole = more.batch(0, len(more))
        pairs = zip(gradients(learner, batch), gradients(plain, whole), strict=True)
        for one, other in pairs:
            torch.testing.assert_close(one * batch.rows, other * whole.rows)

    def test_micro_batches_are_their_batch(self) -> None:
        found = []
        for parts in (1, 3):
            asked = (f"{WEIGHTS}=balanced", f"trainer.accumulate={parts}", "optimizer=sgd")
            _, _, _, training = built(*asked)
            training.model.train()
            training.step(next(training.source.epoch(0)))
            found.append(weights(training))
        for name, one in found[0].items():
            torch.testing.assert_close(one, found[1][name], rtol=1e-5, atol=1e-6)

    def test_they_act_in_training_only(self) -> None:
        learner, batch = one_batch(f"{WEIGHTS}={{class_1: 9}}")
        plain, _ = one_batch()
        assert learner.losses(batch)["loss"] > 1.5 * plain.losses(batch)["loss"]
        learner.model.eval()
        plain.model.eval()
        assert torch.equal(learner.losses(batch)["loss"], plain.losses(batch)["loss"])

    def test_of_two_classes_too(self) -> None:
        asked = "targets.diagnosis.class_weights={malignant: 2, benign: 0.5}"
        cancer = ("task=breast_cancer", "dataset.sample=true", "trainer.threads=1")
        *_, fold, training = built(asked, base=cancer)
        batch = fold.train.batch(0, len(fold.train))
        losses, logits = training.learner.compute(batch)  # type: ignore[attr-defined]
        truth, p = batch.targets["diagnosis"], logits["diagnosis"][:, 0].sigmoid()
        by_hand = torch.where(truth == 1, -0.5 * p.log(), -2 * (1 - p).log()).mean()
        torch.testing.assert_close(losses["loss"], by_hand)

    def test_a_loss_that_tells_no_rows_is_refused_with_what_it_lacks(self) -> None:
        config, _, fold, training = built(f"{WEIGHTS}=balanced")

        def loss(_options: Any, _problem: str) -> Any:
            return lambda logits, target: torch.nn.functional.cross_entropy(logits, target)

        class Chosen:
            name, options, load = "mine", None, lambda _: loss

        target = replace(config.targets["cultivar"], loss=Chosen())  # type: ignore[arg-type]
        other = replace(config, targets={"cultivar": target})
        with pytest.raises(UsageError) as caught:
            heads_of(other, fold.targets, fold.device)
        assert str(caught.value) == (
            "loss mine has no `rows(logits, target)`, the loss of each row, to be weighted\n"
            "  where: targets.cultivar.class_weights\n"
            "  accepted: a loss with that method, such as dlx.losses.Mean\n"
            "  try: targets.cultivar.class_weights=none"
        )
        assert isinstance(training.learner.heads[0].loss, Mean)  # type: ignore[attr-defined]


class TestSampling:
    @pytest.mark.parametrize(
        ("asked", "shares"),
        [("balanced", [1 / 3] * 3), ({"a": 1, "b": 2, "c": 1}, [0.25, 0.5, 0.25])],
    )
    def test_shares_converge_to_those_asked_for(self, asked: Any, shares: list[float]) -> None:
        found = chances(asked, TARGET, np.arange(200))
        assert found is not None
        assert found.sum() == pytest.approx(1)
        source = torch.Generator().manual_seed(0)
        drawn = [draw_order(200, source, torch.from_numpy(found)) for _ in range(200)]
        counts = np.bincount(IDS[torch.cat(drawn).numpy()], minlength=3)
        assert counts / counts.sum() == pytest.approx(shares, abs=0.01)
        of_one_class = np.bincount(torch.cat(drawn), minlength=200)[IDS == 2]
        assert of_one_class == pytest.approx(of_one_class.mean(), rel=0.15)

    def test_a_class_without_a_row_leaves_its_share_to_the_others(self) -> None:
        rows = np.flatnonzero(IDS < 2)
        found = chances("balanced", TARGET, rows)
        assert found is not None
        assert [found[IDS[rows] == one].sum() for one in (0, 1)] == pytest.approx([0.5, 0.5])

    def test_the_same_seed_and_epoch_give_the_same_rows_wherever_they_begin(self) -> None:
        _, _, fold, _ = built(f"{SAMPLING}=balanced")

        def numbers(seed: int, epoch: int, skip: int = 0, number: int = 0) -> list[int]:
            source = RowSource(fold.train, 16, seed, number, chances=fold.chances)
            found: list[int] = []
            for batch in source.epoch(epoch, skip):
                assert batch.part is not None
                found += batch.part.numbers[batch.start : batch.start + batch.rows].tolist()
            return found

        first = numbers(0, 0)
        assert len(first) == len(fold.train)
        assert len(set(first)) < len(first)  # with replacement
        assert numbers(0, 0) == first
        assert numbers(0, 0, skip=2) == first[32:]
        assert first not in (numbers(0, 1), numbers(1, 0), numbers(0, 0, number=1))

    def test_its_learner_resumes_at_every_step(self) -> None:
        check_learner(f"{SAMPLING}={{class_0: 1, class_1: 1, class_2: 3}}", f"{WEIGHTS}=balanced")


def test_both_are_told_where_scores_are_and_the_gap_of_unlike_losses_is_not() -> None:
    found = trained(f"{WEIGHTS}=balanced", f"{SAMPLING}=balanced", "trainer.epochs=3")

    drawn = f"of rows drawn by class ({SAMPLING})"
    assert found.facts["meanings"] == {
        "train/loss": f"weighted by class ({WEIGHTS}), {drawn}",
        "train/accuracy": drawn,
    }
    page = build(found.folder).read_text(encoding="utf-8")
    assert f"train/loss: weighted by class ({WEIGHTS}), {drawn}." in page
    assert "class weights of cultivar, in training" in page
    assert "shares of cultivar, as rows are drawn" in page
    overfit = found.facts["overfit"]
    assert (overfit["gap"], overfit["metric_gap"]) == (None, None)


def test_losses_that_are_not_alike_have_no_gap_to_overfit_by() -> None:
    epochs = np.arange(30)
    flat, falling = 0.3 + 0.4 * np.exp(-epochs / 3) + 0.0002 * epochs, np.exp(-epochs / 8)
    usual = diagnose(falling, flat, 1 - falling, 0.7 + 0 * flat)
    unlike = diagnose(falling, flat, None, None, alike=False)
    assert usual.verdict == "overfits"
    assert (unlike.verdict, unlike.gap, unlike.metric_gap) == ("fits", None, None)


NUMBERS = "scalar regression: it has numbers, not classes"


@pytest.mark.parametrize(
    ("option", "task", "target", "why"),
    [
        ("class_weights", "task=diabetes", "progression", NUMBERS),
        ("sampling", "task=diabetes", "progression", NUMBERS),
        (
            "sampling",
            "task=yeast",
            "functions",
            "multiclass, multilabel classification: a row has several labels",
        ),
    ],
)
def test_of_what_has_no_class_a_row_they_are_refused(
    option: str, task: str, target: str, why: str
) -> None:
    key = f"targets.{target}.{option}"
    with pytest.raises(UsageError) as caught:
        load([*task.split(), f"{key}=balanced"])
    assert (
        f"`{key}` needs one class a row, but {why}\n"
        f"  where: command line: {key}=balanced\n  accepted: none\n  try: {key}=none"
    ) in str(caught.value)


def test_names_that_no_class_has_are_refused_and_shares_must_be_whole() -> None:
    with pytest.raises(UsageError) as caught:
        check_names(WEIGHTS, {"beningn": 2}, ("malignant", "benign"))
    assert str(caught.value) == (
        f"`{WEIGHTS}` names beningn, but there is no such class\n"
        "  accepted: malignant, benign\n  try: did you mean benign?"
    )
    with pytest.raises(UsageError) as caught:
        built(f"{SAMPLING}={{class_1: 2, class_0: 1}}")
    assert str(caught.value) == (
        f"`{SAMPLING}` says nothing of class_2\n"
        f"  accepted: a share for every class\n  try: {SAMPLING}.class_2=1"
    )
    built(f"{SAMPLING}={{class_1: 2, class_0: 1}}", f"{SAMPLING}.class_2=1")


@pytest.mark.parametrize("option", [WEIGHTS, SAMPLING])
def test_a_config_with_them_has_another_digest(option: str) -> None:
    plain, other = (load([*WINE, *more]).config for more in ([], [f"{option}=balanced"]))
    assert digest(plain) != digest(other)
