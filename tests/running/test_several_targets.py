"""Two targets through everything: a class and a number, told apart by name from loss to report."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from small import rows_of

from dlx.config.fields import Component
from dlx.config.load import load
from dlx.config.specs.datasets import DATASETS, Dataset
from dlx.data.reader import Reader, content_digest
from dlx.data.samples import Samples
from dlx.report import build
from dlx.running.retest import look_again
from dlx.running.run import Run
from dlx.running.train import train
from dlx.testing import check_learner

ROWS, FILE = 120, "people.csv"


@dataclass(frozen=True, kw_only=True)
class People(Dataset):
    """Made-up people with an income class and an age."""

    inputs = ("posts",)
    targets: ClassVar[dict[str, str]] = {"income": "multiclass", "age": "regression"}
    rows = "120"
    embedded = (FILE,)
    content_sha256 = "made up"
    terms = "made up"


def write(folder: Path) -> None:
    random = np.random.default_rng(0)
    posts = random.normal(size=(ROWS, 5))
    income = posts[:, :3].argmax(axis=1)
    age = 40 + 10 * posts[:, 3] + random.normal(size=ROWS)
    np.savetxt(folder / FILE, np.c_[posts, income, age], delimiter=",")


def read(options: People, folder: Path) -> Samples:
    table = np.loadtxt(folder / FILE, delimiter=",")
    return Samples(
        columns={
            "posts": table[:, :5],
            "income": table[:, 5].astype(np.int64),
            "age": table[:, 6].astype(np.float32),
        },
        inputs=("posts",),
        targets=("income", "age"),
        test=None,
        source={"content_sha256": content_digest({})},
        digest="",
        classes={"income": ("low", "middle", "high")},
    )


people = Reader(read, write)  # type: ignore[arg-type]

TASK = """
about: {title: income and age of people}
dataset: {name: people, sample: true}
targets: {income: {problem: multiclass}, age: {problem: regression, weight: 0.01}}
prepare: {steps: [{name: standardise}]}
model: {name: mlp, units: [16]}
optimizer: {name: adam, lr: 0.02}
trainer: {epochs: 3, batch_size: 16, threads: 1}
"""


@pytest.fixture(autouse=True)
def task(monkeypatch: pytest.MonkeyPatch, folders: Path) -> None:
    entry = Component(People, f"{__name__}:people")
    monkeypatch.setitem(DATASETS.entries, "people", entry)
    (folders / "configs" / "task").mkdir(parents=True)
    (folders / "configs" / "task" / "people.yaml").write_text(TASK)


def run(*overrides: str) -> Run:
    return train(load(["task=people", *overrides]), lambda _: None)


def test_every_target_has_its_scores_and_the_loss_is_their_weighted_sum() -> None:
    rows = rows_of(run().folder)

    assert set(rows[0]["hex"]) == {
        f"{part}/{name}"
        for part in ("train", "val")
        for name in ("loss", "income/loss", "income/accuracy", "age/loss", "age/mae")
    }
    for row in rows:
        for part in ("train", "val"):
            parts = row[f"{part}/income/loss"] + 0.01 * row[f"{part}/age/loss"]
            assert row[f"{part}/loss"] == pytest.approx(parts, rel=1e-5)


def test_their_learner_keeps_the_contract() -> None:
    check_learner("task=people", "model.l2=0.01")


def test_both_are_learnt() -> None:
    facts = run("trainer.epochs=60").facts

    scores = {score["name"]: score for score in facts["scores"]}
    assert scores["test/income/accuracy"]["value"] > 0.8
    assert scores["test/age/mae"]["value"] < 4
    for name in ("test/income/accuracy", "test/age/mae"):
        baseline = scores[name]["baseline"]["value"]
        assert (scores[name]["value"] > baseline) == (scores[name]["direction"] == "max")


def test_a_weight_moves_the_effort() -> None:
    light, heavy = (
        run(f"targets.age.weight={weight}", "trainer.epochs=20").facts["scores"]
        for weight in ("1e-6", "10")
    )

    def age_loss(scores: list[dict[str, Any]]) -> float:
        (found,) = (s["value"] for s in scores if s["name"] == "val/age/mae")
        return float(found)

    assert age_loss(heavy) < 0.7 * age_loss(light)


def test_the_body_is_shared_and_each_target_has_a_head() -> None:
    names = [name for name, _ in run().training.model.named_parameters()]

    assert names == [
        "body.0.weight",
        "body.0.bias",
        "heads.income.weight",
        "heads.income.bias",
        "heads.age.weight",
        "heads.age.bias",
    ]


def test_micro_batches_change_nothing() -> None:
    whole, parts = (run(f"trainer.accumulate={k}", "optimizer=sgd") for k in (1, 4))

    for one, other in zip(whole.training.parameters, parts.training.parameters, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_any_score_can_be_monitored() -> None:
    found = run("trainer.monitor=val/age/mae", "callbacks={early_stopping: {patience: 9}}")

    scores = [row["val/age/mae"] for row in rows_of(found.folder)]
    assert found.facts["best_epoch"] == scores.index(min(scores)) + 1


def test_predictions_stand_beside_the_truth_of_each_target() -> None:
    found = run()

    with (found.folder / "predictions.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == [
        "row",
        "income:true",
        "income:predicted",
        "income:probability",
        "age:true",
        "age:predicted",
    ]
    assert [int(row["row"]) for row in table] == found.data.split.test.tolist()
    right = np.mean([row["income:true"] == row["income:predicted"] for row in table])
    error = np.mean([abs(float(r["age:true"]) - float(r["age:predicted"])) for r in table])
    scores = {s["name"]: s["value"] for s in found.facts["scores"]}
    assert right == pytest.approx(scores["test/income/accuracy"])
    assert error == pytest.approx(scores["test/age/mae"], rel=1e-5)


def test_the_run_is_tested_again_and_reported() -> None:
    found = run()

    again = look_again(found.folder)
    page = build(found.folder).read_text(encoding="utf-8")

    assert [(s["name"], s["value"]) for s in again["scores"]] == [
        (s["name"], s["value"]) for s in found.facts["scores"] if s["name"].startswith("test/")
    ]
    assert "income" in page
    assert "age" in page
    known = json.loads((found.folder / "data.json").read_text())
    assert list(known["classes"]) == ["income"]


def test_one_target_of_two_is_a_task_of_its_own(folders: Path) -> None:
    text = TASK.replace("income: {problem: multiclass}, ", "").replace(", weight: 0.01", "")
    (folders / "configs" / "task" / "people.yaml").write_text(text)

    found = run()

    assert set(rows_of(found.folder)[0]["hex"]) == {
        "train/loss",
        "train/mae",
        "val/loss",
        "val/mae",
    }
