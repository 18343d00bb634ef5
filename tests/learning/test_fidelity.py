"""Samples judged by what a classifier sees in them: an earlier run on the same data."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from small import loaded, trained

from dlx.cli.main import main
from dlx.config.learners import score_meanings
from dlx.config.load import digest
from dlx.errors import UsageError
from dlx.learning.build import build_learner
from dlx.learning.fidelity import thin
from dlx.learning.spaces import Seen, space_key
from dlx.running.lineage import check_lineage
from dlx.running.run import Run
from dlx.runs.folder import name_of
from dlx.sources.data import read_data
from dlx.sources.fold import prepare_fold

SHORT = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")
DIGITS = ("task=digits_gan", *SHORT)
CLASSIFIER = ("task=digits", *SHORT, "model.units=[24]", "baseline=simple")
BY = "learner.judge.features=classifier"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "runs"


@pytest.fixture(scope="module")
def classifier(root: Path) -> Run:
    return trained(f"run.root={root}", base=CLASSIFIER)


def test_the_space_is_what_the_last_hidden_layer_of_that_run_gives(
    root: Path, classifier: Run
) -> None:
    config = loaded(BY, "learner.judge.run=last", f"run.root={root}", base=DIGITS).config
    judge = config.learner.options.judge
    assert judge.run == name_of(classifier.folder)
    assert score_meanings(config)["val/frechet"].endswith(f"last hidden layer of run {judge.run}")
    fold = prepare_fold(config, (data := read_data(config)), data.split.folds[0])
    learner = build_learner(config, fold.inputs, fold.targets, fold.device)
    own = learner.evaluations(fold, "val")[0].own
    space = fold.learnt[space_key(config, judge)]
    assert isinstance(space, Seen)
    network = classifier.stage.training.learner.seeing
    rows = fold.part("val").batch(0, 7).inputs
    seen = space.look(rows["image"].flatten(1).double().numpy())
    with torch.no_grad():
        hidden = network.eval().hidden(rows)["digit"]
    np.testing.assert_allclose(seen, hidden.double().numpy())
    assert own.data.shape == (len(fold.validation), min(24, own.data.shape[1]))
    np.testing.assert_allclose(own.data[:7], space.axes.of(seen))


def test_wherever_it_lies_it_is_the_same_and_another_is_not(
    root: Path, classifier: Run, tmp_path: Path
) -> None:
    here = loaded(BY, "learner.judge.run=last", f"run.root={root}", base=DIGITS)
    moved = tmp_path / "moved" / "digits" / classifier.folder.name
    shutil.copytree(classifier.folder, moved)
    there = loaded(BY, f"learner.judge.run={moved}", base=DIGITS).config
    assert digest(there) == digest(here.config) != digest(loaded(base=DIGITS).config)
    assert f"learner.judge.run={name_of(classifier.folder)}" in here.arguments
    known = f"learner.judge.sha256={'0' * 64}"
    with pytest.raises(UsageError, match="run digits/gone, by which samples are judged, is gone"):
        loaded(BY, "learner.judge.run=digits/gone", known, f"run.root={root}", base=DIGITS)
    with pytest.raises(UsageError, match="have changed since they were recorded"):
        loaded(BY, f"learner.judge.run={moved}", known, base=DIGITS)


def test_rows_that_taught_it_are_told_of(root: Path, classifier: Run) -> None:
    name = name_of(classifier.folder)
    by = (BY, f"learner.judge.run={name}", f"run.root={root}")
    config = loaded(*by, base=DIGITS).config
    warnings = check_lineage(config, read_data(config))
    told = re.compile(
        rf"judged by run {name}, which was trained on \d+ of the (\d+) (validation|test) rows: "
        r"it may see more in them than in samples"
    )
    found = [told.fullmatch(one) for one in warnings]
    assert [one and one[2] for one in found] == ["validation", "test"]


def test_a_space_is_of_so_many_rows_at_a_time(root: Path, classifier: Run) -> None:
    """Sizes of batches may change the last bits: trials that share a fold share no such space."""
    by = (BY, f"learner.judge.run={name_of(classifier.folder)}", f"run.root={root}")
    sizes = [loaded(*by, f"trainer.eval_batch_size={n}", base=DIGITS).config for n in (50, 100)]
    one, other = (space_key(one, one.learner.options.judge) for one in sizes)
    assert one != other


@pytest.mark.slow
def test_of_the_same_split_there_is_nothing_to_tell(tmp_path: Path) -> None:
    """Rows without targets are cut without regard to classes."""
    split = "protocol={name: holdout, validation: 0.2, stratify: false}"
    every = ("dataset.sample=true", split, f"run.root={tmp_path}")
    trained(*every, "model.units=[8]", "trainer.epochs=1", base=("task=mnist",))
    scaled = ("dataset=mnist", "prepare.steps=[{name: scale, divide_by: 255}]")
    config = loaded(*every, *scaled, BY, "learner.judge.run=last", base=DIGITS).config
    assert check_lineage(config, read_data(config)) == []


@pytest.mark.slow
def test_a_run_is_reproduced_tested_again_and_part_of_a_sweep(root: Path, classifier: Run) -> None:
    name = f"learner.judge.run={name_of(classifier.folder)}"
    by = [BY, name, f"run.root={root}"]
    made = trained(*by, "learner.judge.samples=20", base=DIGITS)
    report = json.loads((made.folder / "report.json").read_text())
    assert "20 samples" in json.dumps(report["power"])
    assert main(["reproduce", str(made.folder), "--json"]) == 0
    assert main(["test", str(made.folder)]) == 0
    assert main(["train", "-m", *DIGITS, *by, "learner.noise=2,4"]) == 0


def test_fewer_samples_stand_beside_as_many_rows() -> None:
    rows = np.arange(30.0).reshape(10, 3)
    assert thin(rows, None) is rows
    assert thin(rows, 10) is rows
    assert thin(rows, 4)[:, 0].tolist() == [0, 6, 15, 21]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (BY,),
            "`learner.judge.features` is classifier, but `learner.judge.run` names none\n"
            f"  where: command line: {BY}\n"
            "  accepted: a finished run of a classifier of digits\n"
            "  try: learner.judge.run=last",
        ),
        (
            ("learner.judge.run=last",),
            "`learner.judge.run` is last, but `learner.judge.features` is pca, which reads no run\n"
            "  where: command line: learner.judge.run=last\n"
            "  try: learner.judge.features=classifier",
        ),
        (
            (BY, "learner.judge.run=NAME", "prepare.steps=[{name: scale, divide_by: 15}]"),
            "run NAME cannot judge samples: it reads other numbers: prepare.steps is "
            "[{'name': 'scale', 'columns': [], 'divide_by': 16.0}], here "
            "[{'name': 'scale', 'columns': [], 'divide_by': 15.0}]\n"
            "  where: command line: learner.judge.run=NAME\n"
            "  accepted: a classifier with the same prepare.steps\n"
            "  try: train one, then learner.judge.run=last",
        ),
        (
            (BY, "learner.judge.run=NAME", "dataset=mnist", "dataset.sample=true"),
            "run NAME cannot judge samples: it is of dataset digits\n"
            "  where: command line: learner.judge.run=NAME\n"
            "  accepted: a classifier of dataset mnist\n"
            "  try: train one, then learner.judge.run=last",
        ),
    ],
)
def test_a_judge_that_does_not_fit_is_refused(
    root: Path, classifier: Run, arguments: tuple[str, ...], message: str
) -> None:
    name = name_of(classifier.folder)
    typed = [one.replace("NAME", name) for one in arguments]
    with pytest.raises(UsageError) as caught:
        loaded(f"run.root={root}", *typed, base=DIGITS)
    assert str(caught.value) == message.replace("NAME", name)


@pytest.mark.slow
def test_a_run_of_another_learner_is_refused(tmp_path: Path) -> None:
    made = trained(f"run.root={tmp_path / 'runs'}", base=DIGITS)
    with pytest.raises(UsageError, match="cannot judge samples: it is of learner gan"):
        loaded(f"run.root={tmp_path / 'runs'}", BY, "learner.judge.run=last", base=DIGITS)
    assert made.folder.is_dir()
