"""Boosted trees beside a network: in a run's report and folder, and asked again from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small import loaded, trained

from dlx.cli.main import main
from dlx.config.load import digest
from dlx.data.columns import Dense
from dlx.data.samples import Frame
from dlx.errors import DlxError
from dlx.learning.boosted import ARTIFACT, open_forest
from dlx.running.run import Run
from dlx.runs.artifacts import list_artifacts
from dlx.use.predictor import Predictor

ASKED = "baseline=boosting"
DIABETES = ("task=diabetes", "dataset.sample=true", "trainer.threads=1")


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


def test_predictions_are_theirs_where_they_are_asked_for(run: Run) -> None:
    samples, rows = run.data.samples, run.data.split.test
    frame = Frame({"features": samples.columns["features"].take(rows)})
    predictor = Predictor.open(run.folder, using="boosting")
    found = predictor.predict(frame)["cultivar"]

    forest = open_forest(run.folder)
    assert forest is not None
    logits = torch.from_numpy(forest.answer(frame)["cultivar"])
    assert found.probabilities is not None
    np.testing.assert_array_equal(found.probabilities, logits.softmax(1).numpy())
    assert (found.values == logits.argmax(1).numpy()).all()
    told = ["no intervals and no warnings: they are of the network, not of the boosted trees"]
    assert predictor.remarks() == told


def test_the_command_line_asks_for_them(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    column = run.data.samples.columns["features"]
    assert isinstance(column, Dense)
    lines = [",".join(column.names), *(",".join(map(str, row)) for row in column.values[:5])]
    (tmp_path / "new.csv").write_text("\n".join(lines) + "\n")

    root = str(run.folder.parent.parent)
    told = ["predict", run.folder.name, str(tmp_path / "new.csv"), "--root", root]
    assert main([*told, "--with", "boosting"]) == 0

    answered = [line.split(",")[1] for line in capsys.readouterr().out.splitlines()[1:]]
    found = Predictor.open(run.folder, using="boosting").predict(Frame({"features": column}))
    assert answered == found["cultivar"].names[:5]


def test_of_a_run_over_folds_the_mean_of_their_trees_is_the_answer(tmp_path: Path) -> None:
    """Numbers that a network learns standardised are in the target's own unit."""
    scaled = "targets.progression.scale=standardise"
    folds = "protocol={name: kfold, k: 2, duplicates: allow}"
    run = trained(ASKED, scaled, folds, f"run.root={tmp_path}", "trainer.epochs=1", base=DIABETES)
    frame = Frame({"features": run.data.samples.columns["features"]})
    found = Predictor.open(run.folder, using="boosting").predict(frame)["progression"]
    every = [open_forest(run.folder / "folds" / str(number)) for number in range(2)]
    answers = [one.answer(frame)["progression"][:, 0] for one in every if one is not None]

    assert len(answers) == 2
    np.testing.assert_allclose(found.values, np.mean(answers, axis=0), rtol=1e-5)


def test_a_run_without_them_says_what_to_type(tmp_path: Path) -> None:
    alone = trained(f"run.root={tmp_path}")
    with pytest.raises(DlxError) as caught:
        Predictor.open(alone.folder, using="boosting")
    assert str(caught.value) == (
        f"run {alone.name} has kept no boosted trees\n"
        f"  where: {alone.folder}\n"
        "  accepted: a run on a table that was trained with baseline=boosting\n"
        "  try: dlx train task=wine baseline=boosting"
    )


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
