"""Boosted trees beside a network: in a run's report and folder, and asked again from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small import loaded, trained

from dlx.config.load import digest
from dlx.data.samples import Frame
from dlx.errors import DlxError
from dlx.learning.boosted import ARTIFACT, open_forest
from dlx.running.run import Run
from dlx.runs.artifacts import list_artifacts

ASKED = "baseline=boosting"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with boosted trees beside it."""
    return trained(ASKED, f"run.root={tmp_path_factory.mktemp('boosted')}")


def beside(run: Run, score: str) -> dict[str, tuple[str, float]]:
    """Kind and value of each that a score was compared with."""
    (found,) = [one for one in run.facts["scores"] if one["name"] == score]
    return {one["name"]: (one["kind"], one["value"]) for one in found["beside"]}


def test_what_a_run_keeps_answers_as_it_was_scored(run: Run) -> None:
    samples, rows = run.data.samples, run.data.split.test
    forest = open_forest(run.folder)
    assert forest is not None
    frame = Frame({"features": samples.columns["features"].take(rows)})

    chosen = forest.answer(frame)["cultivar"].argmax(axis=1)
    truth = np.asarray(samples.columns["cultivar"])[rows]

    kind, scored = beside(run, "test/accuracy")["gradient boosting"]
    assert (kind, scored) == ("boosting", pytest.approx((chosen == truth).mean()))
    assert [one.kind for one in list_artifacts(run.folder) if one.name == ARTIFACT] == ["arrays"]
    with pytest.raises(DlxError, match="boosted trees read features, which the rows lack"):
        forest.answer(Frame({"other": samples.columns["features"]}))


def test_scores_of_the_model_are_as_without(run: Run, tmp_path: Path) -> None:
    alone = trained(f"run.root={tmp_path}")
    own = [(one["name"], one["value"]) for one in run.facts["scores"]]
    assert own == [(one["name"], one["value"]) for one in alone.facts["scores"]]
    assert "gradient boosting" not in beside(alone, "test/accuracy")
    assert open_forest(alone.folder) is None


def test_a_damaged_file_is_told_of(run: Run, tmp_path: Path) -> None:
    for name in ("artifacts.json", f"artifacts/{ARTIFACT}.safetensors"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        content = (run.folder / name).read_bytes()
        (tmp_path / name).write_bytes(content if name.endswith("json") else content[:-9])
    with pytest.raises(DlxError, match="the boosted trees cannot be read: "):
        open_forest(tmp_path)


def test_only_datasets_that_say_so_have_them_unasked() -> None:
    assert loaded("task=yeast").config.baseline == "boosting"
    assert loaded("task=yeast", "baseline=simple").config.baseline == "simple"
    plain = loaded().config
    assert plain.baseline == "simple"
    assert digest(plain) == digest(loaded("baseline=simple").config)
