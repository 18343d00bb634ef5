"""A finished run opened to predict: from its folder alone, whatever kind of run it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from small import trained

from dlx.data.samples import Frame
from dlx.data.targets import TargetCodec
from dlx.errors import UsageError
from dlx.running.run import Run
from dlx.runs.folder import read_status, write_status
from dlx.use.export import numbers_of
from dlx.use.outputs import Shape, columns_of
from dlx.use.predictor import Predictions, Predictor


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small classifier of wines."""
    return trained(f"run.root={tmp_path_factory.mktemp('predict') / 'runs'}")


def frame_of(run: Run) -> Frame:
    """The run's rows without their targets."""
    return Frame({"features": run.data.samples.columns["features"]})


def test_it_answers_as_the_run_did_wherever_its_folder_lies(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / run.folder.name
    shutil.copytree(run.folder, moved)
    found = Predictor.open(moved).predict(frame_of(run))["cultivar"]

    rows = run.data.split.test
    part = run.stage.fold.part("test")
    wanted = run.training.learner.answer(next(part.in_order(1000)).inputs)["cultivar"].softmax(1)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[rows], wanted.detach().numpy(), rtol=1e-6)
    assert found.names == [f"class_{one}" for one in found.probabilities.argmax(1)]


def test_an_answer_depends_on_its_row_alone(run: Run) -> None:
    predictor, frame = Predictor.open(run.folder), frame_of(run)
    whole = predictor.predict(frame)["cultivar"].probabilities
    for rows in (np.arange(1), np.arange(7), np.arange(5, 30)[::-1]):
        some = Frame({"features": frame.columns["features"].take(rows)})
        alone = predictor.predict(some)["cultivar"].probabilities
        assert whole is not None
        assert alone is not None
        np.testing.assert_allclose(alone, whole[rows], atol=1e-6)


def test_its_inputs_have_the_names_of_the_training_data(run: Run) -> None:
    (wanted,) = Predictor.open(run.folder).inputs
    assert (wanted.name, wanted.kind, wanted.shape) == ("features", "dense", (13,))
    assert wanted.columns[:2] == ("alcohol", "malic_acid")


def test_folds_without_a_final_model_answer_by_their_mean(tmp_path: Path) -> None:
    options = "protocol={name: kfold, k: 2}", "final=false", f"run.root={tmp_path}"
    numbers = ("scale=standardise", "problem=quantile_regression")
    for task in (("wine",), ("diabetes", *(f"targets.progression.{one}" for one in numbers))):
        overrides = (f"task={task[0]}", "trainer.epochs=1", "trainer.threads=1", *task[1:])
        run = trained(*options, base=overrides)
        predictor = Predictor.open(run.folder)
        (target,) = predictor.codecs
        found = predictor.predict(run.data.samples)[target]
        alone = [
            Predictor(predictor.config, [one], predictor.inputs).predict(run.data.samples)[target]
            for one in predictor.members
        ]
        mean = np.mean([numbers_of(one) for one in alone], axis=0)
        np.testing.assert_allclose(numbers_of(found), mean, rtol=1e-6)
        assert len(predictor.members) == 2


def test_each_quantile_has_a_column_of_its_own() -> None:
    codec = TargetCodec("quantile_regression", 3, quantiles=(0.05, 0.5, 0.9))
    found = codec.decode(np.array([[1, 2, 4], [3, 5, 6]], np.float32))
    columns = columns_of(Predictions({"y": found}), {"y": codec}, Shape())
    told = {name: np.asarray(values).tolist() for name, values in columns.items()}
    assert told == {"y": [2, 5], "y_q0.05": [1, 3], "y_q0.5": [2, 5], "y_q0.9": [4, 6]}


def test_no_column_takes_the_name_of_an_answer() -> None:
    """Targets may be called as what stands beside answers."""
    number = TargetCodec("regression", 1)
    names = ("unlike", "y", "y_low")
    answers = {
        name: number.decode(np.array([place, place], np.float32))
        for place, name in enumerate(names)
    }
    beside = {"y_low": [7, 7], "y_high": [8, 8], "unlike": ["why", ""]}
    columns = columns_of(Predictions(answers, beside), dict.fromkeys(names, number), Shape())
    told = {name: np.asarray(values).tolist()[0] for name, values in columns.items()}
    assert told == {"unlike": 0, "y": 1, "y_low_": 7, "y_high": 8, "y_low": 2, "unlike_": "why"}


def test_an_unfinished_run_is_refused(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "wine" / run.folder.name
    shutil.copytree(run.folder, broken)
    write_status(broken, {**(read_status(broken) or {}), "state": "interrupted"})
    with pytest.raises(UsageError) as found:
        Predictor.open(broken)
    (problem,) = found.value.problems
    assert problem.what == f"run wine/{broken.name} is interrupted: it has no final weights"
    assert problem.hint == f"dlx resume {broken.name}"
