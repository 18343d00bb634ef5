from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from small import trained

from dlx.data.targets import EncodedTarget, TargetCodec
from dlx.learning.predictions import predictions
from dlx.losses import activate
from dlx.running.evidence import dump_yaml
from dlx.runs.artifacts import Artifacts

ROWS = np.array([3, 0])


def table(problem: str, values: Any, logits: Any, classes: tuple[str, ...] = ()) -> list[list[str]]:
    keep(problem, np.asarray(values), classes, torch.tensor(logits, dtype=torch.float32))
    with Path("predictions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def keep(problem: str, values: Any, classes: tuple[str, ...], logits: torch.Tensor) -> None:
    codec = TargetCodec(problem, 1, classes)
    said = codec.decode(activate(problem, logits).numpy())
    found = predictions(ROWS, {"y": EncodedTarget(values, codec)}, {"y": said})
    Artifacts(Path()).table("predictions", found)


def test_binary_predictions() -> None:
    found = table("binary", np.float32([1, 0, 0, 0]), [[2.0], [-1.0]], ("no", "yes"))

    assert found == [
        ["row", "true", "predicted", "probability"],
        ["3", "no", "yes", f"{1 / (1 + np.exp(-2)):.6g}"],
        ["0", "yes", "no", f"{1 / (1 + np.exp(1)):.6g}"],
    ]


def test_multiclass_predictions() -> None:
    found = table("multiclass", [2, 0, 0, 1], [[0.0, 0, 9], [0, 9, 0]], ("a", "b", "c"))

    assert [row[1:3] for row in found[1:]] == [["b", "c"], ["c", "b"]]
    assert all(float(row[3]) > 0.99 for row in found[1:])


def test_multilabel_predictions() -> None:
    marks = np.float32([[1, 1], [0, 0], [0, 0], [0, 1]])

    found = table("multilabel", marks, [[1.0, -1.0], [-1.0, -1.0]], ("p", "q"))

    assert found[0] == ["row", "true", "predicted", "probabilities"]
    assert [row[:3] for row in found[1:]] == [["3", "q", "p"], ["0", "p|q", ""]]
    assert found[1][3] == "0.731059|0.268941"  # of each class, whether it is predicted or not


def test_numbers() -> None:
    assert table("regression", np.float32([1.5, 0, 0, -2]), [[0.25], [7.0]]) == [
        ["row", "true", "predicted"],
        ["3", "-2", "0.25"],
        ["0", "1.5", "7"],
    ]
    assert table("vector_regression", np.float32([[1, 2]] * 4), [[0.5, 3.0], [1, 1]])[1] == [
        "3",
        "1|2",
        "0.5|3",
    ]


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\0"])
def test_no_name_of_a_class_is_a_formula(lead: str) -> None:
    names = (f"{lead}1+1", "plain")
    if lead in "\r\0":  # the csv reader takes them for the end of a line, or nothing at all
        keep("binary", np.float32([0] * 4), names, torch.zeros(2, 1))
        assert f"'{lead}1+1" in Path("predictions.csv").read_bytes().decode()
        return

    assert table("binary", np.float32([0] * 4), [[-1.0], [1.0]], names)[1][1] == f"'{lead}1+1"


@pytest.mark.parametrize("name", ["-1", "+1", "-0.5", "1e-3", "-.5", "0"])
def test_a_class_that_is_a_number_stays_one(name: str) -> None:
    names = (name, "=1")
    assert table("binary", np.float32([0] * 4), [[-1.0], [1.0]], names)[1][1:3] == [name, name]
    assert table("binary", np.float32([1] * 4), [[1.0], [1.0]], names)[1][1:3] == ["'=1", "'=1"]


def test_numbers_are_not_taken_for_formulas() -> None:
    assert table("regression", np.float32([-1.0] * 4), [[-2.0], [3.0]])[1] == ["3", "-1", "-2"]


def test_yaml_keeps_order_and_letters() -> None:
    value = {"b": 1, "a": [1.5, None, "ü", True], "c": {"text": "1e3"}}

    text = dump_yaml(value)

    assert list(yaml.safe_load(text)) == ["b", "a", "c"]
    assert yaml.safe_load(text) == value
    assert "ü" in text


def test_no_file_of_a_run_says_what_the_environment_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "canary-in-a-title")
    title = ("about.title=${oc.env:CANARY}", 'about.source="see ${about.title}"')

    run = trained("trainer.epochs=1", *title).folder

    kept = [file for file in run.rglob("*") if file.is_file()]
    assert [file.name for file in kept if b"canary-in-a-title" in file.read_bytes()] == []
    assert json.loads((run / "status.json").read_text())["title"] == "${oc.env:CANARY}"
