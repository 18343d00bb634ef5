from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from small import REVIEWS, WINE, built, same, weights

from dlx.errors import RunError
from dlx.sources import batches
from dlx.sources.batches import Batch
from dlx.training.callbacks import Callback
from dlx.training.loop import fit, run_epoch
from dlx.training.training import Training

SGD = "optimizer={name: sgd, lr: 0.1}"


def first_batch(training: Training, fold: Any, size: int) -> Any:
    return next(fold.train.iterate_shuffled(size, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("base", [WINE, REVIEWS], ids=["dense", "multi-hot"])
@pytest.mark.parametrize("parts", [2, 3, 7, 8])
def test_micro_batches_give_the_gradient_of_the_batch(base: tuple[str, ...], parts: int) -> None:
    """Also where the parts are not of one size, and with a penalty."""
    overrides = ("trainer.batch_size=8", "model.l2=0.01", "model.l1=0.001")
    gradients, losses = [], []
    for count in (1, parts):
        _, _, fold, training = built(*overrides, f"trainer.accumulate={count}", base=base)
        training.step(first_batch(training, fold, 8))
        gradients.append([p.grad for p in training.parameters])
        losses.append(training.train_meters.scores())

    for whole, added in zip(*gradients, strict=True):
        torch.testing.assert_close(added, whole, rtol=1e-6, atol=1e-6)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_an_epoch_takes_every_row_once_and_each_epoch_has_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, fold, training = built("trainer.batch_size=8")
    fold.train.inputs["features"][:, 0] = torch.arange(len(fold.train))  # a mark for each row
    epochs: list[list[float]] = []
    step = Training.step

    def spy(self: Training, batch: Any) -> None:
        epochs[-1].extend(batch.inputs["features"][:, 0].tolist())
        step(self, batch)

    monkeypatch.setattr(Training, "step", spy)
    for _ in range(3):
        epochs.append([])
        run_epoch(training)
        training.progress.close_epoch()

    assert all(sorted(rows) == list(range(len(fold.train))) for rows in epochs)
    assert len({tuple(rows) for rows in epochs}) == 3


@pytest.mark.parametrize("base", [WINE, REVIEWS], ids=["dense", "multi-hot"])
def test_blocks_do_not_change_a_training_by_a_bit(
    monkeypatch: pytest.MonkeyPatch, base: tuple[str, ...]
) -> None:
    found = []
    for block in (1, 3_000, 1 << 30):
        monkeypatch.setattr(batches, "BLOCK_BYTES", block)
        _, _, _, training = built("trainer.batch_size=8", base=base)
        run_epoch(training)
        found.append(weights(training))

    assert same(found[0], found[1])
    assert same(found[0], found[2])


def test_multi_hot_batches_train_as_dense_ones_do() -> None:
    overrides = (SGD, "trainer.batch_size=16")
    _, _, fold, sparse = built(*overrides, base=REVIEWS)
    _, _, _, dense = built(*overrides, base=REVIEWS)
    layer = dense.model.body[0]  # type: ignore[union-attr,index]
    plain = torch.nn.Linear(*layer.weight.shape)  # type: ignore[union-attr]
    with torch.no_grad():
        plain.weight.copy_(layer.weight.t())  # type: ignore[union-attr]
        plain.bias.copy_(layer.bias)  # type: ignore[union-attr]
    dense.model.body[0] = plain  # type: ignore[union-attr,operator]
    by_hand = torch.optim.SGD(dense.model.parameters(), lr=0.1)

    for batch in fold.train.iterate_shuffled(16, torch.Generator().manual_seed(0)):
        sparse.step(batch)
        written_out = {"review": batch.inputs["review"].dense()}  # type: ignore[union-attr]
        loss = dense.learner.losses(Batch(written_out, batch.targets, batch.rows))["loss"]
        by_hand.zero_grad()
        loss.backward()
        by_hand.step()

    ours = dict(weights(sparse))
    ours["body.0.weight"] = ours["body.0.weight"].t()
    for name, tensor in weights(dense).items():
        torch.testing.assert_close(ours[name], tensor, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 7, 28, 1024])
def test_evaluation_in_parts_is_the_metric_over_the_whole(size: int) -> None:
    config, _, fold, training = built(
        "metrics={accuracy: {}, f1: {}, roc_auc: {}}", f"trainer.eval_batch_size={size}"
    )
    run_epoch(training)
    assert fold.validation is not None

    scores = training.learner.validate(fold)

    with torch.no_grad():
        logits = training.model(fold.validation.inputs)["cultivar"].double()
    chances, truth = logits.softmax(1).numpy(), fold.validation.targets["cultivar"].numpy()
    expected = {
        "val/loss": log_loss(truth, chances, labels=range(3)),
        "val/accuracy": accuracy_score(truth, chances.argmax(1)),
        "val/f1": f1_score(truth, chances.argmax(1), average="macro"),
        "val/roc_auc": roc_auc_score(truth, chances, multi_class="ovr"),
    }
    assert scores == pytest.approx(expected, rel=1e-5)
    assert config.trainer.eval_batch_size == size


def test_logits_come_in_the_order_of_the_rows() -> None:
    _, _, fold, training = built("trainer.eval_batch_size=5")
    part = fold.part("test")

    logits = training.learner.run_over(part, training.learner.meters("test"))

    training.model.eval()
    with torch.no_grad():
        expected = training.model(part.inputs)["cultivar"]
    torch.testing.assert_close(logits["cultivar"], expected)
    assert logits["cultivar"].shape == (len(part), 3)


def test_dropout_is_off_in_evaluation_and_on_in_training() -> None:
    _, _, fold, training = built("model.dropout=0.5")
    assert fold.validation is not None

    first, second = (training.learner.validate(fold) for _ in range(2))
    batch = first_batch(training, fold, 16)
    training.model.train()
    noisy = {training.learner.losses(batch)["loss"].item() for _ in range(5)}

    assert first == second
    assert len(noisy) == 5


def test_dropout_is_a_function_of_the_step() -> None:
    """What others draw from torch's generator meanwhile, and where a training began, is nothing."""
    losses = []
    for drawn in (0, 1000):
        _, _, fold, training = built("model.dropout=0.5", "trainer.batch_size=16")
        batch = first_batch(training, fold, 16)
        training.model.train()
        for _ in range(3):
            torch.rand(drawn)
            training.step(batch)
        losses.append(weights(training))

    assert same(*losses)


class Spy(Callback):
    """Writes down what it is told; interrupts or stops when asked."""

    def __init__(self, stop_at: int = 0, interrupt_at: int = 0) -> None:
        self.told: list[str] = []
        self._stop_at, self._interrupt_at = stop_at, interrupt_at

    def on_fit_start(self, training: Training) -> None:
        self.told.append("begin")

    def on_step_end(self, training: Training) -> None:
        self.told.append(f"step {training.progress.step}")
        training.progress.interrupted = training.progress.step == self._interrupt_at

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        self.told.append(f"epoch {training.progress.epoch}")
        if training.progress.epoch == self._stop_at:
            training.progress.stop = "enough"

    def on_fit_end(self, training: Training) -> None:
        self.told.append("end")


def test_callbacks_are_told_in_order() -> None:
    _, _, fold, training = built("trainer.batch_size=30")
    spy = Spy()

    fit(training, fold, [spy])

    steps = math.ceil(len(fold.train) / 30)
    first, second = ([f"step {e * steps + s + 1}" for s in range(steps)] for e in range(2))
    assert spy.told == ["begin", *first, "epoch 1", *second, "epoch 2", "end"]
    assert (training.progress.epoch, training.progress.step) == (2, 2 * steps)


def test_a_callback_stops_after_its_epoch() -> None:
    _, _, fold, training = built("trainer.epochs=9")
    spy = Spy(stop_at=3)

    fit(training, fold, [spy])

    assert training.progress.epoch == 3
    assert spy.told[-2:] == ["epoch 3", "end"]


@pytest.mark.parametrize("who", ["a callback within the epoch", "the learner"])
def test_whoever_asks_to_stop_is_heard_after_the_epoch(
    monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    _, _, fold, training = built("trainer.epochs=9", "trainer.batch_size=10")

    class Ask(Callback):
        def on_step_end(self, training: Training) -> None:
            training.progress.stop = "enough"

    if who == "the learner":
        monkeypatch.setattr(training.learner, "done", lambda: "enough")
    fit(training, fold, [] if who == "the learner" else [Ask()])

    assert (training.progress.epoch, training.progress.stop) == (1, "enough")
    assert training.progress.step == training.source.steps


def test_an_interruption_stops_after_its_step() -> None:
    _, _, fold, training = built("trainer.epochs=9", "trainer.batch_size=10")
    spy = Spy(interrupt_at=2)

    fit(training, fold, [spy])

    assert (training.progress.epoch, training.progress.step) == (0, 2)
    assert spy.told == ["begin", "step 1", "step 2", "end"]


def test_the_penalty_is_reported_apart() -> None:
    _, _, _, plain = built("model.l2=0")
    _, _, _, decayed = built("model.l2=0.05", "model.l1=0.01")

    without, with_penalty = run_epoch(plain), run_epoch(decayed)

    assert without is not None
    assert with_penalty is not None
    assert "train/penalty" not in without
    kernels = [p for n, p in weights(decayed).items() if n.startswith("body") and p.ndim > 1]
    expected = sum(0.05 * (k**2).sum() + 0.01 * k.abs().sum() for k in kernels)
    assert with_penalty["train/penalty"] == pytest.approx(float(expected), rel=1e-5)
    assert with_penalty["train/loss"] < 3  # the penalty is no part of it


NAN_AT = [1, 2, 5, 8, 15]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("at", NAN_AT)
def test_a_loss_that_is_no_number_stops_before_the_step_counts(
    monkeypatch: pytest.MonkeyPatch, at: int, bad: float
) -> None:
    _, _, fold, training = built("trainer.batch_size=8", "trainer.epochs=3")
    steps = training.source.steps
    compute = training.learner.compute
    seen: list[int] = []

    def poisoned(batch: Batch) -> Any:
        losses, logits = compute(batch)
        if training.model.training:
            seen.append(batch.rows)
            if len(seen) == at:
                losses = {"loss": losses["loss"] * bad}
        return losses, logits

    monkeypatch.setattr(training.learner, "compute", poisoned)
    with pytest.raises(RunError) as caught:
        fit(training, fold)

    what = "not a number" if math.isnan(bad) else "infinite"
    assert str(caught.value) == (
        f"the training loss is {what}\n"
        f"  where: epoch {(at - 1) // steps + 1}, step {at}\n"
        "  try: likely causes: the learning rate is too high (it is 0.002: try "
        "optimizer.lr=0.0002); gradients explode (try trainer.clip_norm=1); the inputs are not "
        "scaled (see prepare.steps)"
    )
    assert training.progress.step == at - 1
    assert len(seen) == at


def test_the_causes_are_those_of_the_config() -> None:
    _, _, fold, training = built(
        "optimizer.lr=1e30", "trainer.precision=bfloat16", "trainer.clip_value=1e30"
    )
    with pytest.raises(RunError) as caught:
        fit(training, fold)

    assert caught.value.problems[0].hint == (
        "likely causes: the learning rate is too high (it is 1e+30: try optimizer.lr=0.01); "
        "bfloat16 is too coarse (try trainer.precision=float32); "
        "the inputs are not scaled (see prepare.steps)"
    )


def test_clip_norm_bounds_a_step() -> None:
    moved = []
    for bound in ("null", "0.01"):
        _, _, fold, training = built(
            "optimizer={name: sgd, lr: 1}", "model.l2=0", f"trainer.clip_norm={bound}"
        )
        before = weights(training)
        training.step(first_batch(training, fold, 32))
        after = weights(training)
        moved.append(math.sqrt(sum(float((after[n] - before[n]).square().sum()) for n in before)))

    assert moved[0] > 0.1
    assert moved[1] == pytest.approx(0.01, rel=1e-3)


def test_clip_value_bounds_every_element() -> None:
    largest = []
    for bound in ("null", "0.001"):
        _, _, fold, training = built(
            "optimizer={name: sgd, lr: 1}", "model.l2=0", f"trainer.clip_value={bound}"
        )
        before = weights(training)
        training.step(first_batch(training, fold, 32))
        largest.append(
            max(float((p - before[n]).abs().max()) for n, p in weights(training).items())
        )

    assert largest[0] > 0.01
    assert largest[1] == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("base", [WINE, REVIEWS], ids=["dense", "multi-hot"])
def test_mixed_precision_computes_coarser_and_keeps_float32_weights(
    precision: str, base: tuple[str, ...]
) -> None:
    _, _, fold, exact = built(base=base)
    _, _, _, coarse = built(f"trainer.precision={precision}", base=base)
    batch = first_batch(exact, fold, 32)

    exact.step(batch)
    coarse.step(batch)

    losses = [t.train_meters.scores()["train/loss"] for t in (exact, coarse)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert {p.dtype for p in coarse.parameters} == {torch.float32}
    assert fold.validation is not None
    scores = coarse.learner.validate(fold)
    assert all(np.isfinite(list(scores.values())))
