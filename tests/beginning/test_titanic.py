"""From the passengers of the Titanic to a model in use: no column is a leak but a planted one."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
REAL = Path(os.environ.get("DLX_DATA", "")) / "titanic" / "titanic.csv"
pytestmark = pytest.mark.data


@pytest.fixture
def titanic(here: Path) -> Path:
    """The table, copied."""
    if not REAL.is_file():
        pytest.skip("titanic/titanic.csv is not on this machine")
    (here / "titanic.csv").write_bytes(REAL.read_bytes())
    return here / "titanic.csv"


def test_no_column_of_the_titanic_is_suspected(cli: Cli, titanic: Path) -> None:
    found = json.loads(cli("data", "describe", "titanic.csv", "--target=Survived", "--json").out)
    assert found["suspects"] == []
    types = {one["name"]: one["type"] for one in found["columns"]}
    assert types["PassengerId"] == "identifier"
    assert types["Name"] == "text"
    assert {types[name] for name in ("Age", "Fare", "SibSp", "Parch", "Pclass")} == {"number"}
    assert {types[name] for name in ("Sex", "Embarked", "Cabin", "Ticket")} == {"category"}


def test_a_planted_leak_is_named_and_left_out(cli: Cli, titanic: Path) -> None:
    with titanic.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    with titanic.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*header, "boat"])
        boats = (f"{n % 16}" if row[1] == "1" and n % 50 else "" for n, row in enumerate(rows))
        writer.writerows([*row, boat] for row, boat in zip(rows, boats, strict=True))
    answer = cli("init", "titanic.csv", "--target", "Survived")
    assert answer.err.startswith("warning: is boat known before Survived is? a rule that knows")
    assert answer.err.count("warning") == 1
    assert "    boat: skip\n" in Path("configs/task/titanic.yaml").read_text()


@pytest.mark.slow
def test_three_commands_lead_to_predictions(cli: Cli, titanic: Path) -> None:
    with titanic.open(newline="") as stream:
        rows = [*csv.DictReader(stream)][:20]
    with open("new.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, [name for name in rows[0] if name != "Survived"])
        writer.writeheader()
        writer.writerows({k: v for k, v in row.items() if k != "Survived"} for row in rows)
    assert cli("init", "titanic.csv", "--target", "Survived").code == 0
    trained = cli("train", "task=titanic", "trainer.threads=1", "--json")
    scores = json.loads(trained.out)["scores"]
    assert scores["val/accuracy"] >= 0.8
    answers = [*csv.DictReader(cli("predict", "last", "new.csv").out.splitlines())]
    right = sum(a["Survived"] == row["Survived"] for a, row in zip(answers, rows, strict=True))
    assert len(answers) == 20
    assert right >= 14
