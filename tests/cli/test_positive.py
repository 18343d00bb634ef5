"""Which class precision and its kin are of: named in the config, told in terminal and report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
CANCER = ("task=breast_cancer", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
NAMED = "targets.diagnosis.positive=malignant"


def test_the_positive_class_is_named_and_told(cli: Cli) -> None:
    found = [cli("train", *CANCER, *more, "--quiet") for more in ([], [NAMED])]

    runs = sorted(Path("runs").glob("*/*-*"), key=lambda run: run.name.rpartition("-")[2])
    reports = [json.loads((run / "report.json").read_text()) for run in sorted(runs)]
    for out, report, run in zip(found, reports, sorted(runs), strict=True):
        positive = "malignant" if NAMED in report["overrides"] else "benign"
        told = f"precision, recall: of class {positive} (targets.diagnosis.positive)"
        assert (out.code, told in out.out) == (0, True)
        assert told in (run / "report.html").read_text()
        rows = (run / "predictions.csv").read_text().splitlines()[1:]
        pairs = [row.split(",")[1:3] for row in rows]
        there = [said for true, said in pairs if true == positive]
        scores = {one["name"]: one["value"] for one in report["scores"]}
        assert scores["test/recall"] == pytest.approx(there.count(positive) / len(there))


def test_a_class_that_is_not_there_exits_2(cli: Cli) -> None:
    found = cli("train", *CANCER, "targets.diagnosis.positive=malignent")
    assert found.code == 2
    assert found.err == (
        "error: `targets.diagnosis.positive` is malignent, but there is no such class\n"
        "  accepted: malignant, benign\n"
        "  try: targets.diagnosis.positive=malignant\n"
    )
    assert not Path("runs").exists()
    many = cli("train", "task=wine", "dataset.sample=true", "targets.cultivar.positive=a")
    assert many.code == 2
    assert "targets.cultivar.positive` is a, but multiclass, single-label" in many.err


def test_a_config_with_it_has_another_digest() -> None:
    from dlx.config.load import digest, load

    assert digest(load([*CANCER, NAMED]).config) != digest(load([*CANCER]).config)
