"""Components of the user's own, as the docs have them: trained, resumed, reproduced and told."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dlx.testing import check_learner

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
MODULES = ("my_parts", "my_learners", "my_learners_code")
QUICK = ("trainer.threads=1", "--quiet")


@pytest.fixture(autouse=True)
def plugins(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every file that the page names, below the folder where the test stands."""
    named = r"`([\w/]+\.(?:py|yaml))`[^`]*:\n\n```\w+\n(.*?)^```"
    for name, text in re.findall(named, PAGE.read_text(), re.DOTALL | re.MULTILINE):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    monkeypatch.syspath_prepend(here)
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


def report(folder: Path) -> dict[str, Any]:
    (run,) = folder.iterdir()
    found: dict[str, Any] = json.loads((run / "report.json").read_text())
    return found


def test_one_of_each_kind(cli: Any, here: Path) -> None:
    assert cli("train", "task=parts", *QUICK).code == 0
    found = report(here / "runs" / "parts")
    assert [score["name"] for score in found["scores"]][:2] == ["val/confidence", "val/accuracy"]
    assert [layer["kind"] for layer in found["model"]["layers"]] == [
        *("Linear", "ReLU", "Gate", "Linear")
    ]
    (note,) = here.glob("runs/parts/*/note.txt")
    assert note.read_text() == "trained: done\n"
    assert cli("reproduce", "last", "--plugins", "my_parts", "--json").code == 0


def test_a_model_is_any_module(cli: Any, here: Path) -> None:
    wide = ("task=parts", "model={name: wide, width: 8}")
    shown = json.loads(cli("summary", *wide, "--json").out)
    rows = [(layer["name"], layer["parameters"]) for layer in shown["layers"]]
    assert rows == [("body.0", 13 * 8 + 8), ("body.1", 0), ("out.cultivar", 8 * 3 + 3)]
    done = cli("train", *wide, "model.l2=0.1", "trainer.epochs=1", "trainer.threads=1")
    assert "wide with 139 parameters" in done.out
    assert '"train/penalty"' in next(here.glob("runs/parts/*/metrics.jsonl")).read_text()


def test_a_model_that_names_no_kernels_is_not_penalised(cli: Any, here: Path) -> None:
    file = here / "my_parts.py"
    file.write_text(file.read_text().replace("hidden_kernels", "kernels"))
    refused = cli("train", "task=parts", "model.name=wide", "model.l2=0.1", *QUICK)
    assert refused.code == 2
    assert "l2 is 0.1, but model wide has no `hidden_kernels()`" in refused.err


def test_a_second_loss(cli: Any, here: Path) -> None:
    mine = ("plugins=[my_learners]", "learner={name: calm, weight: 0.5}", "trainer.epochs=1")
    assert cli("train", "task=wine", *mine, *QUICK).code == 0
    (row,) = map(json.loads, next(here.glob("runs/wine/*/metrics.jsonl")).read_text().splitlines())
    assert "train/size" in row
    assert "val/size" not in row


def test_what_is_not_evaluated_is_no_score_of_folds(cli: Any, here: Path) -> None:
    file = here / "my_learners_code.py"
    file.write_text(file.read_text().replace("if not self.model.training:", "if False:"))
    mine = ("plugins=[my_learners]", "learner.name=calm", "trainer.epochs=1", "protocol=kfold")
    assert cli("train", "task=wine", *mine, "protocol.k=2", *QUICK).code == 0
    found = report(here / "runs" / "wine")
    assert "val/size" in found["fold_summary"]
    assert [score["name"] for score in found["scores"]] == ["val/accuracy", "val/loss"]
    assert all(score["baseline"] for score in found["scores"])


def test_two_networks_without_targets(cli: Any, here: Path) -> None:
    done = cli("train", "task=forge", "trainer.threads=1")
    assert done.code == 0
    assert "gan with 574 parameters" in done.out
    more = ("plugins=[my_learners]", "trainer.epochs=3", "--quiet")
    assert cli("resume", "last", *more).code == 0
    assert cli("reproduce", "last", "--plugins", "my_learners", "--json").code == 0
    assert cli("test", "last", "--plugins", "my_learners").code == 0
    found = report(here / "runs" / "forge")
    assert [score["name"] for score in found["scores"]] == ["val/distance", "test/distance"]
    assert found["model"]["name"] == "gan"
    assert "574 parameters in gan" in cli("summary", "task=forge").out
    check_learner("task=forge")


def test_its_options_are_explained(cli: Any) -> None:
    told = cli("help", "learner.gan.noise", "--plugins", "my_learners")
    assert told.out.startswith("learner.noise   (of gan)\n  random numbers that a row is made of")
    refused = cli("help", "learner", "--plugins", "my_lerners")
    assert refused.code == 2
    assert "plugin my_lerners cannot be imported" in refused.err
