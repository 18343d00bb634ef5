"""A table of one's own with numbers, categories, dates and texts, and targets of several kinds."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small import trained

from dlx.cli.main import main

RNG = np.random.default_rng(0)
ROWS = 80
TASK = {
    "dataset": {
        "name": "table",
        "columns": {
            "Area": "number",
            "Rooms": "number",
            "Town": "category",
            "Heating": "category",
            "Built": "date",
            "Note": "text",
        },
    },
    "targets": {
        "Sold": {"problem": "binary", "threshold": "best_f1"},
        "Price": {"problem": "regression", "scale": "log"},
        "Visits": {"problem": "count_regression"},
    },
    "prepare": {
        "steps": [
            {"name": "calendar", "columns": ["dates"]},
            {"name": "impute", "columns": ["numbers", "dates"], "indicator": True},
            {"name": "normal_scores", "columns": ["numbers"]},
            {"name": "standardise", "columns": ["numbers", "dates"]},
            {"name": "categories", "columns": ["categories"], "least": 3},
            {"name": "tokenize", "columns": ["Note"], "num_words": 50},
        ]
    },
    "protocol": {"name": "holdout", "validation": 0.25, "test": 0.25},
    "model": {"name": "tabular", "units": [8], "embedding": 4},
    "optimizer": {"name": "adamw", "lr": 0.01},
    "trainer": {"epochs": 2, "batch_size": 16, "threads": 1},
    "baseline": "simple",
}


def row(number: int) -> dict[str, Any]:
    area = float(RNG.integers(20, 200))
    return {
        "Area": "" if number % 9 == 0 else area,
        "Rooms": int(area // 25) + 1,
        "Town": ["Ulm", "Bonn", "Kiel", f"Village {number}"][number % 4],
        "Heating": ["gas", "oil", ""][number % 3],
        "Built": f"{1950 + number % 60}-{1 + number % 12:02d}-15",
        "Note": f"house {number} with {'garden' if number % 2 else 'no garden'}",
        "Sold": ["no", "yes"][int(area > 110)],
        "Price": area * 1000,
        "Visits": int(area // 20),
    }


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The task's settings, as the shell gives them; the table lies beside the runs."""
    folder = tmp_path_factory.mktemp("house")
    with (folder / "houses.csv").open("w", newline="") as file:
        rows = [row(number) for number in range(ROWS)]
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    settings: dict[str, Any] = json.loads(json.dumps(TASK))
    settings["dataset"]["file"] = str(folder / "houses.csv")
    (folder / "configs" / "task").mkdir(parents=True)
    (folder / "configs" / "task" / "houses.yaml").write_text(yaml.safe_dump(settings))
    return str(folder)


def test_it_trains_and_answers_new_rows(
    task: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(task)
    run = trained(base=("task=houses",))

    told = {one["name"] for one in run.facts["scores"]}
    assert {"test/Sold/accuracy", "test/Price/mae", "test/Visits/mae"} <= told
    inputs = json.loads((run.folder / "prepare" / "pipeline.json").read_text())["inputs"]
    assert inputs["categories"] == {"kind": "ids", "shape": [2], "ids": 8, "columns": True}

    new = {**row(3), "Town": "Rome", "Area": "", "Built": "2031-01-02"}
    for name in ("Sold", "Price", "Visits"):
        del new[name]
    with Path("new.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*new])
        writer.writeheader()
        writer.writerow(new)
    assert main(["predict", str(run.folder), "new.csv", "--out", "answers.csv"]) == 0

    capsys.readouterr()
    with Path("answers.csv").open() as file:
        (answer,) = csv.DictReader(file)
    assert answer["Sold"] in ("no", "yes")
    assert float(answer["Price"]) >= 0
    assert float(answer["Visits"]) >= 0
