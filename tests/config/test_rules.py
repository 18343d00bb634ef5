"""What each section allows alone but the whole contradicts; monitors; several targets; notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from dlx.config.fields import Component
from dlx.config.learners import monitor_of, score_names
from dlx.config.load import load
from dlx.config.specs import AUGMENTATIONS, DATASETS, LOSSES, METRICS
from dlx.config.specs.datasets import Dataset
from dlx.config.supervised import loss_of, metrics_of
from dlx.problem import PROBLEMS

Told = Callable[..., str]
CLASSES = "accuracy, top_k_accuracy, precision, recall, f1, roc_auc, average_precision"


@dataclass(frozen=True, kw_only=True)
class Census(Dataset):
    """People, with an age, an income bracket and hobbies."""

    inputs = ("features", "text")
    targets: ClassVar[dict[str, str]] = {
        "age": "regression",
        "income": "multiclass",
        "hobbies": "multilabel",
        "place": "vector_regression",
        "male": "binary",
    }
    rows = "3"
    terms = "made up"


@pytest.fixture(autouse=True)
def census(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset with a target of each kind, and a task with two of them."""
    monkeypatch.setitem(DATASETS.entries, "census", Component(Census, "nowhere:census"))
    folder = here / "configs" / "task"
    folder.mkdir(parents=True)
    (folder / "people.yaml").write_text(
        "dataset: {name: census}\n"
        "targets:\n"
        "  age: {problem: regression, weight: 0.25}\n"
        "  income: {problem: multiclass}\n"
    )


CASES = {
    ("final=true", "protocol.train=20"): (
        "`final` trains on all rows outside the test set, but protocol.train leaves some out\n"
        "  where: command line: final=true\n  try: final=false, or protocol.train=null"
    ),
    ("protocol=holdout", "protocol.take=last"): (
        "`protocol.take` is last, but rows are drawn at random\n"
        "  where: command line: protocol.take=last\n  accepted: first\n"
        "  try: protocol.shuffle=false"
    ),
    ("dataset=imdb",): (
        "dataset imdb has no target `digit`\n"
        "  where: dlx:configs/task/digits.yaml:11\n  accepted: sentiment"
    ),
    ("targets.digits.problem=multiclass",): (
        "dataset digits has no target `digits`\n"
        "  where: command line: targets.digits.problem=multiclass\n"
        "  accepted: digit\n  try: did you mean digit?"
    ),
    ("~targets.digit",): (
        "`targets` is empty\n  where: command line: ~targets.digit\n  accepted: one of digit"
    ),
    ("targets.digit.problem=regression",): (
        "`targets.digit.problem` is regression, but its values are classes, not numbers\n"
        "  where: command line: targets.digit.problem=regression\n"
        "  accepted: multiclass\n  try: targets.digit.problem=multiclass"
    ),
    ("targets.digit.problem=binary",): (
        "`targets.digit.problem` is binary, but the data are multiclass, single-label "
        "classification\n"
        "  where: command line: targets.digit.problem=binary\n"
        "  accepted: multiclass\n  try: targets.digit.problem=multiclass"
    ),
    ("task=diabetes", "targets.progression.problem=binary"): (
        "`targets.progression.problem` is binary, but its values are numbers, not classes\n"
        "  where: command line: targets.progression.problem=binary\n"
        "  accepted: regression\n  try: targets.progression.problem=regression"
    ),
    ("loss=mse",): (
        "loss mse contradicts multiclass, single-label classification: "
        "class ids are labels, not quantities\n"
        "  where: dlx:configs/loss/mse.yaml:2 (by loss=mse)\n"
        "  accepted: cross_entropy\n  try: loss.name=cross_entropy"
    ),
    ("targets.digit.loss.name=binary_cross_entropy",): (
        "loss binary_cross_entropy contradicts multiclass, single-label classification: each "
        "sample has exactly one class: use cross_entropy, or declare the problem multilabel\n"
        "  where: command line: targets.digit.loss.name=binary_cross_entropy\n"
        "  accepted: cross_entropy\n  try: targets.digit.loss.name=cross_entropy"
    ),
    ("task=breast_cancer", "loss.name=cross_entropy"): (
        "loss cross_entropy contradicts binary classification: a softmax over one unit is "
        "always 1\n"
        "  where: command line: loss.name=cross_entropy\n"
        "  accepted: binary_cross_entropy, mse\n  try: loss.name=binary_cross_entropy"
    ),
    ("targets.digit.activation=sigmoid",): (
        "activation sigmoid contradicts multiclass, single-label classification "
        "(last activation: softmax, loss: cross_entropy)\n"
        "  where: command line: targets.digit.activation=sigmoid\n"
        "  accepted: auto, softmax"
    ),
    ("metrics.mae={}",): (
        "metric mae does not fit multiclass, single-label classification\n"
        f"  where: command line: metrics.mae={{}}\n  accepted: {CLASSES}"
    ),
    ("task=diabetes", "metrics.accuracy={}"): (
        "metric accuracy does not fit scalar regression\n"
        "  where: command line: metrics.accuracy={}\n  accepted: mae, mse, rmse, r2"
    ),
    ("trainer.monitor=val/acc",): (
        "`trainer.monitor` is val/acc, which no metric of this run computes\n"
        "  where: command line: trainer.monitor=val/acc\n"
        "  accepted: val/loss, val/accuracy\n"
        "  try: trainer.monitor=val/accuracy"
    ),
    ("trainer.monitor=val/f1",): (
        "`trainer.monitor` is val/f1, which no metric of this run computes\n"
        "  where: command line: trainer.monitor=val/f1\n"
        "  accepted: val/loss, val/accuracy\n  try: trainer.monitor=val/loss"
    ),
    ("protocol=train_test", "trainer.monitor=val/loss"): (
        "`trainer.monitor` is val/loss, which no metric of this run computes\n"
        "  where: command line: trainer.monitor=val/loss\n"
        "  accepted: none: no score of validation rows is there in every epoch\n"
        "  try: trainer.monitor=auto"
    ),
    ("protocol=train_test", "callbacks=early_stopping"): (
        "callbacks.early_stopping needs a score to monitor, but protocol train_test has no "
        "validation set\n"
        "  where: dlx:configs/callbacks/early_stopping.yaml:2 (by callbacks=early_stopping)\n"
        "  try: protocol=holdout"
    ),
    ("protocol=train_test", "schedule.name=plateau"): (
        "schedule needs a score to monitor, but protocol train_test has no validation set\n"
        "  where: command line: schedule.name=plateau\n  try: protocol=holdout"
    ),
    ("schedule=plateau", "schedule.monitor=val/los"): (
        "`schedule.monitor` is val/los, which no metric of this run computes\n"
        "  where: command line: schedule.monitor=val/los\n"
        "  accepted: val/loss, val/accuracy\n"
        "  try: schedule.monitor=val/loss"
    ),
    ("callbacks.early_stopping.monitor=train/acc", "protocol=train_test"): (
        "`callbacks.early_stopping.monitor` is train/acc, which no metric of this run computes\n"
        "  where: command line: callbacks.early_stopping.monitor=train/acc\n"
        "  accepted: train/loss, train/accuracy\n"
        "  try: callbacks.early_stopping.monitor=train/accuracy"
    ),
    ("schedule={name: piecewise, from_epochs: [11, 61], shares: [0.1]}",): (
        "`schedule.shares` has 1 shares, but `schedule.from_epochs` has 2 epochs\n"
        "  where: command line: schedule={name: piecewise, from_epochs: [11, 61], shares: [0.1]}\n"
        "  accepted: a share for each epoch"
    ),
    ("schedule={name: piecewise}",): (
        "`schedule.from_epochs` is empty: the rate would never change\n"
        "  where: command line: schedule={name: piecewise}\n"
        "  accepted: whole numbers >= 1\n"
        "  try: schedule.from_epochs=[11] 'schedule.shares=[0.1]'"
    ),
    ("schedule={name: piecewise, from_epochs: [11, 11], shares: [0.1, 0.01]}",): (
        "`schedule.from_epochs` is [11, 11]\n"
        "  where: command line: schedule={name: piecewise, from_epochs: [11, 11], "
        "shares: [0.1, 0.01]}\n"
        "  accepted: epochs in rising order"
    ),
    ("callbacks.early_stopping.from_epoch=61",): (
        "`callbacks.early_stopping.from_epoch` is 61, but training ends after epoch 60\n"
        "  where: command line: callbacks.early_stopping.from_epoch=61\n"
        "  accepted: a whole number from 1 to 60"
    ),
    ("callbacks.early_stopping.monitor=accuracy",): (
        "`callbacks.early_stopping.monitor` is accuracy, which no metric of this run computes\n"
        "  where: command line: callbacks.early_stopping.monitor=accuracy\n"
        "  accepted: val/loss, val/accuracy\n"
        "  try: callbacks.early_stopping.monitor=val/accuracy"
    ),
    ("prepare.steps.0.columns=[imag]",): (
        "prepare step scale: dataset digits has no input `imag`\n"
        "  where: command line: prepare.steps.0.columns=[imag]\n"
        "  accepted: image\n  try: did you mean image?"
    ),
    ("prepare.steps=[{name: tokenize, ngrams: [2, 2]}]",): (
        "prepare step tokenize: `ngrams` is [2, 2]\n"
        "  where: command line: prepare.steps=[{name: tokenize, ngrams: [2, 2]}]\n"
        "  accepted: lengths, each once\n  try: prepare.steps.0.ngrams=[1,2]"
    ),
    ("prepare.steps=[{name: tokenize, vocabulary: printable}]",): (
        "prepare step tokenize: `vocabulary: printable` is a list of characters\n"
        "  where: command line: prepare.steps=[{name: tokenize, vocabulary: printable}]\n"
        "  accepted: unit: char, with ngrams: [1]\n  try: prepare.steps.0.vocabulary=training"
    ),
    ("prepare.augment.imag=[flip]",): (
        "`prepare.augment.imag`: dataset digits has no input `imag`\n"
        "  where: command line: prepare.augment.imag=[flip]\n"
        "  accepted: image\n  try: did you mean image?"
    ),
    ("prepare.augment.image=[flip]", "prepare.steps=[{name: flatten}]"): (
        "`prepare.augment.image`: input image holds no pictures after preparation\n"
        "  where: command line: prepare.augment.image=[flip]\n"
        "  accepted: rows of shape (height, width) or (channels, height, width)\n"
        "  try: prepare.augment.image=[], or a preparation that keeps pictures"
    ),
    ("prepare.augment.image=[{turn: 40}]",): (
        "there is no augmentation `turn`\n"
        "  where: command line: prepare.augment.image=[{turn: 40}]\n"
        f"  accepted: {', '.join(AUGMENTATIONS.entries)}; one of a plugin needs plugins=[PACKAGE]"
    ),
    ("prepare.augment.image=[3]",): (
        "`prepare.augment.image.0` is 3\n"
        "  where: command line: prepare.augment.image=[3]\n"
        "  accepted: an augmentation: {name: ..., options}"
    ),
    ("trainer.accumulate=65", "trainer.batch_size=64"): (
        "`trainer.accumulate` is 65, more than the 64 samples of a batch\n"
        "  where: command line: trainer.accumulate=65\n"
        "  accepted: a whole number from 1 to trainer.batch_size (64)"
    ),
    ("trainer.average={name: swa, from_epoch: 61}",): (
        "`trainer.average.from_epoch` is 61, more than the 60 epochs of the training\n"
        "  where: command line: trainer.average={name: swa, from_epoch: 61}\n"
        "  accepted: a whole number from 1 to trainer.epochs (60)"
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), CASES.items(), ids=map(" ".join, CASES))
def test_contradictions(told: Told, arguments: tuple[str, ...], expected: str) -> None:
    assert told("task=digits", *arguments) == expected


def test_contradictions_are_told_together(told: Told) -> None:
    said = told("task=digits", "loss=mse", "trainer.monitor=x", "metrics.mae={}", "test=false")
    assert said.count("\n  where: ") == 3


def test_they_are_told_once_the_sections_are_right(told: Told) -> None:
    assert told("task=digits", "loss=mse", "seed=x").startswith("`seed` is 'x' (text)")


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("loss", [name for name in LOSSES.entries if name != "auto"])
def test_a_loss_is_allowed_or_refused_as_the_problem_table_says(
    told: Told, problem: str, loss: str
) -> None:
    row = PROBLEMS[problem]
    of_numbers = ("unit_regression", "count_regression", "quantile_regression")
    posed = "regression" if problem in of_numbers else problem
    target = next(name for name, of in Census.targets.items() if of == posed)
    arguments = [
        "task=people",
        "~targets",
        f"targets.{target}.problem={problem}",
        f"loss={loss}",
    ]
    if loss in row.refused:
        assert row.refused[loss] in told(*arguments)
    else:
        loaded = load(arguments)
        note = row.allowed.get(loss, "")
        assert loaded.notes == ((f"targets.{target}: {loss} {note}",) if note else ())


def test_the_note_for_a_second_best_loss() -> None:
    assert load(["task=breast_cancer", "loss=mse"]).notes == (
        "targets.diagnosis: mse works, but learns more slowly than binary_cross_entropy "
        "(book 3.4.5)",
    )
    assert load(["task=breast_cancer"]).notes == ()


class TestMonitors:
    def test_auto_is_the_loss_of_validation_where_there_is_one(self) -> None:
        assert monitor_of(load(["task=digits"]).config) == "val/loss"
        assert monitor_of(load(["task=digits", "protocol=train_test"]).config) is None

    def test_what_is_asked_for_wins(self) -> None:
        config = load(["task=digits", "trainer.monitor=val/accuracy"]).config
        assert monitor_of(config) == "val/accuracy"
        assert monitor_of(config, "train/loss") == "train/loss"

    @pytest.mark.parametrize("name", METRICS.entries)
    def test_each_metric_gives_a_score_with_its_direction(self, name: str) -> None:
        classes = "multiclass" in METRICS.entries[name].options.problems  # type: ignore[attr-defined]
        task = "digits" if classes else "diabetes"
        problem = "quantile_regression" if name == "pinball" else "regression"
        posed = [] if classes else [f"targets.progression.problem={problem}"]
        config = load(
            [f"task={task}", f"metrics.{name}={{}}", f"trainer.monitor=val/{name}", *posed]
        ).config
        smaller = name in ("mae", "mse", "rmse", "pinball")
        assert score_names(config) == {
            "train/loss": "min",
            f"train/{name}": "min" if smaller else "max",
            "val/loss": "min",
            f"val/{name}": "min" if smaller else "max",
        }


class TestSeveralTargets:
    def test_scores_carry_the_targets_name(self) -> None:
        assert score_names(load(["task=people"]).config) == {
            "train/loss": "min",
            "train/age/loss": "min",
            "train/age/mae": "min",
            "train/income/loss": "min",
            "train/income/accuracy": "max",
            "val/loss": "min",
            "val/age/loss": "min",
            "val/age/mae": "min",
            "val/income/loss": "min",
            "val/income/accuracy": "max",
        }

    def test_each_metric_measures_the_targets_that_it_fits(self) -> None:
        config = load(["task=people", "metrics={r2:{},f1:{},accuracy:{}}"]).config
        assert [list(metrics_of(config, t)) for t in config.targets.values()] == [
            ["r2"],
            ["f1", "accuracy"],
        ]

    def test_a_metric_that_fits_none_is_refused(self, told: Told) -> None:
        said = told("task=people", "~targets.income", "metrics.f1={}")
        assert said.startswith("metric f1 does not fit scalar regression\n")

    def test_a_target_may_have_a_loss_of_its_own(self) -> None:
        config = load(["task=people", "targets.age.loss.name=mae"]).config
        assert [loss_of(config, t).name for t in config.targets.values()] == ["mae", "auto"]
        assert [t.weight for t in config.targets.values()] == [0.25, 1.0]

    def test_a_common_loss_must_fit_all(self, told: Told) -> None:
        assert told("task=people", "loss=mse") == (
            "loss mse contradicts multiclass, single-label classification: "
            "class ids are labels, not quantities\n"
            "  where: dlx:configs/loss/mse.yaml:2 (by loss=mse)\n"
            "  accepted: cross_entropy\n  try: loss.name=cross_entropy"
        )
        loaded = load(["task=people", "loss=mse", "targets.income.loss.name=cross_entropy"])
        assert loaded.config.loss.name == "mse"

    def test_a_weight_must_be_positive(self, told: Told) -> None:
        assert told("task=people", "targets.age.weight=0") == (
            "`targets.age.weight` is 0\n  where: command line: targets.age.weight=0\n"
            "  accepted: a number > 0"
        )

    def test_monitors_of_one_target(self, told: Told) -> None:
        config = load(["task=people", "trainer.monitor=val/age/mae"]).config
        assert monitor_of(config) == "val/age/mae"
        assert "try: trainer.monitor=val/age/mae" in told("task=people", "trainer.monitor=val/mae")
