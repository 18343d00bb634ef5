"""A run that starts from the weights of an earlier one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import loaded, status_of, trained
from test_resume import broken_off, evidence, resumed

from dlx.config.load import digest
from dlx.errors import MethodError, UsageError
from dlx.reproduce.again import reproduce
from dlx.running.retest import look_again
from dlx.running.run import Run
from dlx.runs.folder import name_of
from dlx.runs.source import find_source, read_weights
from dlx.search.plan import plans

NARROW = ("model.units=[4]",)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two epochs."""
    folder = tmp_path_factory.mktemp("source") / "runs"
    trained(f"run.root={folder}")
    return folder


@pytest.fixture(scope="module")
def source(root: Path) -> Path:
    """That run."""
    return next((root / "wine").iterdir())


def started(root: Path, *overrides: str) -> Run:
    """A run that starts from it."""
    return trained(f"run.root={root}", *overrides)


def weights_of(run: Path) -> dict[str, Any]:
    """The weights that a run keeps."""
    config = loaded(f"from_run={run}", f"run.root={run.parent.parent}").config
    return read_weights(find_source(config))


def refused(root: Path, *overrides: str) -> Any:
    """What is wrong; nothing is written."""
    before = sorted(root.rglob("*"))
    with pytest.raises((UsageError, MethodError)) as caught:
        started(root, *overrides)
    assert sorted(root.rglob("*")) == before
    return caught.value.problems[0]


def test_no_epoch_scores_as_its_source_to_the_bit(root: Path, source: Path) -> None:
    run = started(root, "trainer.epochs=0", f"from_run={source.name}")

    assert status_of(run.folder)["scores"] == status_of(source)["scores"]
    assert run.facts["answer"]["epoch"] == 0
    assert run.facts["from_run"]["fresh"] == []
    assert run.facts["stamps"] == []


def test_a_run_is_known_by_its_weights_whatever_it_is_called(root: Path, source: Path) -> None:
    names = (source.name, name_of(source), str(source))
    configs = [loaded(f"from_run={name}", f"run.root={root}").config for name in names]
    elsewhere = loaded(f"from_run={source}", "run.root=elsewhere").config
    other = started(root, "seed=1").folder
    plain = loaded().config

    assert {config.from_run.run for config in configs} == {name_of(source)}
    assert elsewhere.from_run.run == str(source)
    assert len({digest(config) for config in (*configs, elsewhere)}) == 1
    another = loaded(f"from_run={other}", f"run.root={root}").config
    assert len({digest(config) for config in (configs[0], another, plain)}) == 3


def test_last_is_kept_by_the_name_that_it_had(root: Path) -> None:
    last = started(root, "seed=2")
    run = started(root, "from_run=last", "trainer.epochs=1", "seed=2")

    asked = run.loaded.shown
    assert f"from_run.run={last.name}" in asked
    assert "from_run=last" not in asked
    assert status_of(run.folder)["from_run"] == {
        "run": last.name,
        "sha256": run.config.from_run.sha256,
    }
    assert loaded(*asked, base=()).config.from_run == run.config.from_run


def test_a_frozen_base_keeps_its_bits_and_the_rest_learns(root: Path, source: Path) -> None:
    before = weights_of(source)
    groups = "optimizer.groups={body.*: {from_epoch: never}}"
    run = started(root, f"from_run={source.name}", "from_run.take=[body.*]", groups)

    after = weights_of(run.folder)
    base = {name for name in before if name.startswith("body.")}
    assert {n for n in before if np.array_equal(before[n], after[n])} == base
    assert {*run.facts["from_run"]["fresh"]} == before.keys() - base


def test_what_does_not_fit_is_listed_and_the_hint_leaves_it_out(root: Path, source: Path) -> None:
    deeper = "model.units=[16,4]"
    problem = refused(root, f"from_run={source.name}", deeper)

    told = "heads.cultivar.weight is 3 x 16, here 3 x 4"
    assert problem.what == f"weights of run {name_of(source)} have other shapes: {told}"
    assert problem.hint == "from_run.take=[body.*]"
    run = started(root, f"from_run={source.name}", deeper, problem.hint, "trainer.epochs=1")
    assert run.facts["from_run"]["taken"] == 2


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (("from_run=nope",), "there is no run `nope`", "`dlx runs` lists them"),
        (("from_run.take=[a]",), "`from_run` names no run", "from_run.run=last"),
        (
            ("from_run=SOURCE", "from_run.take=[bodi.*]"),
            "the pattern `bodi.*` matches no weight of run",
            "did you mean body.*?",
        ),
        (("trainer.epochs=0",), "`trainer.epochs` is 0, so nothing would be trained", ""),
        (
            ("trainer.epochs=0", "from_run=SOURCE", "protocol={name: kfold, k: 3}"),
            "`trainer.epochs` is 0, but folds and a final model choose",
            "protocol=holdout",
        ),
        (
            ("from_run={run: SOURCE, sha256: abc}",),
            "the weights of run",
            "found ",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    root: Path, source: Path, arguments: tuple[str, ...], what: str, hint: str
) -> None:
    problem = refused(root, *(one.replace("SOURCE", source.name) for one in arguments))

    assert problem.what.startswith(what)
    assert problem.hint.startswith(hint)


def test_test_rows_that_were_training_rows_are_refused_through_every_ancestor(
    root: Path, source: Path
) -> None:
    first = started(root, "protocol={name: holdout, test: 4}", "trainer.epochs=1").folder
    problem = refused(root, f"from_run={first.name}")
    assert " test rows were training rows of run " in problem.what
    assert problem.hint == "test=false"

    second = started(root, f"from_run={first.name}", "test=false", "trainer.epochs=1")
    (stamp,) = (s for s in second.facts["stamps"] if "no test score of this run is valid" in s)
    assert stamp in look_again(second.folder)["warnings"]
    assert name_of(first) in refused(root, f"from_run={second.folder.name}").what


def test_validation_rows_that_were_training_rows_are_a_warning(root: Path, source: Path) -> None:
    same = started(root, f"from_run={source.name}", "trainer.epochs=1")
    folds = ("protocol={name: kfold, k: 3}", "trainer.epochs=1")
    other = started(root, f"from_run={source.name}", *folds)
    only = started(root, f"from_run={source.name}", *folds, "final=only")

    assert same.facts["stamps"] == only.facts["stamps"] == []
    (stamp,) = other.facts["stamps"]
    assert stamp.startswith(f"started from run {name_of(source)}, which trained on ")
    assert stamp.endswith(" validation rows: validation scores are too optimistic")


def test_weights_that_were_learnt_for_other_numbers_are_a_warning(root: Path, source: Path) -> None:
    steps = "prepare.steps=[{name: scale, divide_by: 100}]"
    other = started(root, f"from_run={source.name}", "trainer.epochs=1", steps).folder
    again = started(root, f"from_run={other.name}", "trainer.epochs=1", steps)

    (stamp,) = look_again(other)["warnings"]
    told = "with another prepare.steps: its weights were learnt for other numbers"
    assert stamp == f"started from run {name_of(source)}, {told}"
    assert again.facts["stamps"] == []


@pytest.mark.parametrize(("take", "many"), [("*", 1), ("body.*", 0)])
def test_a_head_that_was_learnt_in_another_unit_is_a_warning(
    tmp_path: Path, take: str, many: int
) -> None:
    asked = ("task=diabetes", f"run.root={tmp_path}", "trainer.epochs=1")
    scaled = trained(*asked, "targets.progression.scale=standardise").folder
    run = trained(*asked, f"from_run={scaled.name}", f"from_run.take=['{take}']")

    told = "with another targets.progression.scale: its weights were learnt for other numbers"
    assert run.facts["stamps"] == [f"started from run {name_of(scaled)}, {told}"] * many


@pytest.mark.parametrize("name", ["ema", "swa"])
def test_of_no_epochs_there_is_no_average(root: Path, source: Path, name: str) -> None:
    asked = ("trainer.epochs=0", f"trainer.average.name={name}")
    run = started(root, f"from_run={source.name}", *asked)

    assert status_of(run.folder)["scores"] == status_of(source)["scores"]
    assert "averaged" not in (run.folder / "log.txt").read_text()
    assert "average" not in look_again(run.folder)["weights"]


def test_a_resumed_run_needs_no_source_and_a_reproduced_one_does(tmp_path: Path) -> None:
    base = trained(f"run.root={tmp_path / 'whole'}", *NARROW).folder
    change = (*NARROW, f"from_run={base}", "trainer.batch_size=8", "optimizer=adam")
    whole = trained(f"run.root={tmp_path / 'whole'}", *change).folder
    config = loaded(f"run.root={tmp_path / 'broken'}", *change)
    assert reproduce(whole, lambda _: None).identical

    folder = broken_off(config, 3)
    base.rename(base.with_name("gone"))
    expected = evidence(whole)
    found = evidence(resumed(folder))
    assert found == expected
    with pytest.raises(UsageError) as caught:
        reproduce(whole, lambda _: None)
    told = f"run {name_of(base)}, from which this one started, is gone"
    assert caught.value.problems[0].what == told


def test_a_source_that_changed_is_told_where_it_is_trained_again(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    base, other = (trained(f"run.root={root}", *NARROW, f"seed={n}").folder for n in (0, 1))
    run = trained(f"run.root={root}", *NARROW, f"from_run={base.name}").folder
    shutil.rmtree(base / "checkpoints")
    shutil.copytree(other / "checkpoints", base / "checkpoints")

    with pytest.raises(UsageError) as caught:
        reproduce(run, lambda _: None)
    told = f"the weights of run {name_of(base)} have changed since they were recorded"
    assert caught.value.problems[0].what == told


def test_an_unfinished_run_is_no_source(tmp_path: Path) -> None:
    folder = broken_off(loaded(f"run.root={tmp_path}", "trainer.batch_size=8"), 1)

    problem = refused(tmp_path, f"from_run={folder.name}")
    assert problem.what.endswith("is interrupted: it has no final weights")
    assert problem.hint == f"dlx resume {folder.name} continues it"


def test_trials_of_a_sweep_start_from_the_run_that_was_there(root: Path, source: Path) -> None:
    arguments = ("task=wine", "dataset.sample=true", f"run.root={root}")
    (plan,) = plans([*arguments, f"from_run={source.name}", "optimizer.lr=0.1,0.01"])
    assert all(f"from_run.run={name_of(source)}" in trial.arguments for trial in plan.trials)

    last = started(root, "seed=3").folder
    with pytest.raises(UsageError) as caught:
        plans([*arguments, "from_run=last", "optimizer.lr=0.1,0.01"])
    assert caught.value.problems[0].hint == f"from_run={name_of(last)}"


def test_the_workflow_refuses_it(root: Path, source: Path, cli: Any) -> None:
    answer = cli("workflow", "task=wine", f"run.root={root}", f"from_run={source}")

    assert answer.code == 2
    assert "each trained from fresh weights" in answer.err


def test_the_report_tells_of_it(root: Path, source: Path, cli: Any) -> None:
    answer = cli(
        *("train", "task=wine", "dataset.sample=true", f"run.root={root}", "trainer.epochs=1"),
        *(f"from_run={source.name}", "trainer.threads=1"),
    )

    assert answer.code == 0
    assert f"starts from run {name_of(source)}: 4 weights taken" in answer.out + answer.err
    (page,) = (root / "wine").glob("*/report.html")  # the others were trained without
    assert f"run {name_of(source)}: 4 weights taken" in page.read_text()
    assert json.loads(page.with_name("report.json").read_text())["from_run"]["taken"] == 4


def test_a_part_of_a_network_is_taken_without_its_name(tmp_path: Path) -> None:
    vae = (
        *("task=digits_vae", "dataset.sample=true", "trainer.epochs=1", "trainer.threads=1"),
        *("learner.encoder.units=[8]", "learner.decoder.units=[8]", f"run.root={tmp_path}"),
    )
    first = trained("protocol.classes=digit", base=vae)
    base = (
        *("task=digits", "dataset.sample=true", "trainer.epochs=1", "trainer.threads=1"),
        *(
            f"run.root={tmp_path}",
            "model.units=[8]",
            "model.batch_norm=false",
            f"from_run={first.name}",
        ),
    )

    frozen = "optimizer.groups={body.*: {from_epoch: never}}"
    run = trained("from_run.part=encoder", frozen, base=base)

    assert run.facts["from_run"]["taken"] == 2
    assert run.facts["from_run"]["fresh"] == ["heads.digit.weight", "heads.digit.bias"]
    found, kept = weights_of(run.folder), weights_of(first.folder)
    for name in ("body.0.weight", "body.0.bias"):
        assert np.array_equal(found[name], kept[f"encoder.{name}"])
    for overrides, told in (
        (
            (),
            f"no weight of run {first.name} has the name of one of this model\n  where: from_run\n"
            "  accepted: a run of a model with body.0.weight, body.0.bias, heads.digit.weight, "
            "heads.digit.bias\n  try: from_run.part=encoder",
        ),
        (
            ("from_run.part=encode",),
            f"run {first.name} has no part `encode`\n  where: from_run.part\n"
            "  accepted: decoder, encoder\n  try: did you mean encoder?",
        ),
    ):
        with pytest.raises(UsageError) as caught:
            trained(*overrides, base=base)
        assert str(caught.value) == told
