"""Finished runs as one: what members share, what the whole scores, and that it stands alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from small import loaded, status_of, trained
from test_resume import broken_off, evidence, resumed

from dlx.cli.main import main
from dlx.config.load import Loaded, digest
from dlx.data.samples import Frame
from dlx.errors import DlxError
from dlx.reproduce.again import reproduce
from dlx.running.retest import look_again
from dlx.running.run import Run
from dlx.running.train import train
from dlx.runs.artifacts import list_artifacts
from dlx.runs.folder import name_of
from dlx.runs.members import members_of
from dlx.sources.shared import Shared
from dlx.testing import check_learner
from dlx.use.ensemble import compose_ensemble
from dlx.use.predictor import Predictor

SLOW = pytest.mark.slow
DRAWS = ("learner.draws=50",)
SCALED = "prepare.steps=[{name: scale, divide_by: 10}]"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs that differ in model and preparation."""
    folder = tmp_path_factory.mktemp("members") / "runs"
    trained(f"run.root={folder}")
    trained(f"run.root={folder}", "model.units=[5]", SCALED, "trainer.epochs=4")
    return folder


@pytest.fixture(scope="module")
def members(root: Path) -> list[Path]:
    """These runs."""
    return sorted((root / "wine").iterdir())


def composed(root: Path, runs: Sequence[Path | str], **options: Any) -> Loaded:
    """The config of an ensemble."""
    return compose_ensemble([str(getattr(run, "name", run)) for run in runs], root, **options)


def together(root: Path, runs: Sequence[Path | str], **options: Any) -> Run:
    """A finished ensemble."""
    return train(composed(root, runs, **options), lambda _: None)


@pytest.fixture(scope="module")
def whole(root: Path, members: list[Path]) -> Run:
    """The mean of both."""
    return together(root, members)


def scores_beside(run: Run, name: str) -> dict[str, float]:
    """The score of the whole, as "whole", and of each member."""
    (found,) = [one for one in run.facts["scores"] if one["name"] == name]
    beside = {one["name"]: one["value"] for one in found["beside"] if one["kind"] == "member"}
    return {"whole": found["value"], **beside}


def test_members_score_as_they_did_to_the_bit(whole: Run, members: list[Path]) -> None:
    told = status_of(members[0])["scores"], status_of(members[1])["scores"]
    for score in told[0]:
        found = scores_beside(whole, score)
        assert (found["wine_1"], found["wine_2"]) == (told[0][score], told[1][score])
    entries = [one for one in whole.facts["baselines"] if one["kind"] == "member"]
    assert [one["name"] for one in entries] == ["wine_1", "wine_2"]
    assert all(len(one["interval"]) == 2 for one in entries)
    assert whole.facts["power"]["members"].startswith("beats its best member significantly: no; ")


def test_its_answers_are_the_mean_of_probabilities(whole: Run) -> None:
    learner, part = whole.training.learner, whole.stage.fold.part("test")
    each = learner.each(part)["cultivar"]  # type: ignore[attr-defined]
    found = learner.answer(next(part.in_order(1000)).inputs)["cultivar"]

    torch.testing.assert_close(found.softmax(1), each.softmax(2).mean(0))


def test_raw_rows_are_answered_from_its_folder_alone(whole: Run, members: list[Path]) -> None:
    samples, learner = whole.data.samples, whole.training.learner
    rows = whole.data.split.test
    frame = Frame({"features": samples.columns["features"]})
    found = Predictor.open(whole.folder).predict(frame)["cultivar"]
    part = whole.stage.fold.part("test")
    wanted = learner.answer(next(part.in_order(1000)).inputs)["cultivar"].softmax(1)

    assert found.probabilities is not None
    torch.testing.assert_close(torch.from_numpy(found.probabilities[rows]), wanted)
    alone = Predictor.open(members[0]).predict(samples)["cultivar"].probabilities
    assert alone is not None
    assert alone.shape == found.probabilities.shape


@pytest.mark.slow
def test_what_it_leaves_is_as_of_any_run(whole: Run, root: Path) -> None:
    titles = [one.title for one in list_artifacts(whole.folder)]
    assert titles[-2:] == ["Members of the ensemble", "How members differ"]
    rows = (whole.folder / "artifacts" / "members.csv").read_text().splitlines()
    assert rows[0] == "member,counts,test/accuracy,test/loss,run"
    assert float(rows[3].split(",")[2]) == pytest.approx(
        scores_beside(whole, "test/accuracy")["whole"]
    )
    assert whole.facts["optimizer"] == "none: nothing has a gradient"
    command = whole.facts["command"].split()
    assert command[:2] == ["dlx", "ensemble"]
    again = compose_ensemble(command[2:4], root, weights=command[-1])
    assert digest(again.config) == digest(whole.config)
    assert reproduce(whole.folder, lambda _: None).identical


def test_its_folder_stands_alone(whole: Run, tmp_path: Path) -> None:
    """Without the members' runs, its weights, configs and preparation are all there."""
    moved = tmp_path / "elsewhere" / name_of(whole.folder)
    shutil.copytree(whole.folder, moved)
    found = {one["name"]: one["value"] for one in look_again(moved)["scores"]}

    told = status_of(whole.folder)["scores"]
    assert found == {name: value for name, value in told.items() if name.startswith("test/")}


@pytest.mark.parametrize(
    "method", ["nelder_mead", pytest.param("random_search", marks=pytest.mark.slow)]
)
def test_weights_are_learnt_on_validation_rows(
    root: Path, members: list[Path], method: str
) -> None:
    run = together(root, members, weights=method, changes=DRAWS)
    losses = scores_beside(run, "val/loss")
    counted = run.training.learner.model.weights  # type: ignore[attr-defined]

    assert losses["whole"] <= min(losses["wine_1"], losses["wine_2"]) + 1e-6
    assert float(counted.sum()) == pytest.approx(1)
    assert run.facts["notes"][0].startswith("validation scores are optimistic")
    caption = next(one.caption for one in list_artifacts(run.folder) if one.name == "members")
    assert "Learnt on either half of them and measured on the other, it is" in caption


@pytest.mark.slow
def test_an_ensemble_that_was_broken_off_is_the_one_that_never_was(
    root: Path, members: list[Path], tmp_path: Path
) -> None:
    runs = [str(one) for one in members]
    never, once = (
        compose_ensemble(runs, tmp_path / name, weights="random_search", changes=DRAWS)
        for name in ("never", "once")
    )
    train(never, lambda _: None)
    stopped = resumed(broken_off(once, 1))
    (unbroken,) = (tmp_path / "never" / "wine_ensemble").iterdir()

    (unbroken / "losses.f32").touch()
    (stopped / "losses.f32").touch()  # neither tells a loss of steps
    assert evidence(stopped) == evidence(unbroken)


@pytest.mark.slow
def test_an_ensemble_may_be_a_member(root: Path, members: list[Path], whole: Run) -> None:
    run = together(root, [whole.folder, members[0]])
    found = scores_beside(run, "test/loss")

    told = status_of(whole.folder)["scores"]["test/loss"]
    assert found["wine_ensemble"] == pytest.approx(told, abs=1e-6)
    shutil.rmtree(run.folder / "members" / "wine")
    with pytest.raises(DlxError):
        look_again(run.folder)


@pytest.mark.slow
def test_folds_are_members_without_validation(root: Path, tmp_path: Path) -> None:
    here = f"run.root={tmp_path}"
    folds = trained(here, "protocol={name: kfold, k: 3}")
    run = together(tmp_path, [folds.folder], parts="folds")

    assert [one.at for one in members_of(run.config).values()] == ["folds/0", "folds/1", "folds/2"]
    assert {one["name"] for one in run.facts["scores"]} == {"test/accuracy", "test/loss"}
    assert reproduce(run.folder, lambda _: None).identical
    problem = refused(tmp_path, [folds.folder, folds.folder.name])
    assert problem.what == f"run {name_of(folds.folder)} is named 2 times"


@pytest.mark.slow
def test_weights_at_the_ends_of_cycles_are_members(tmp_path: Path) -> None:
    how = ("trainer.epochs=4", "schedule={name: cosine, cycles: 2}", "checkpoint.snapshots=true")
    cycled = trained(f"run.root={tmp_path / 'once'}", *how, "trainer.average.name=none")
    (tmp_path / "cut").mkdir()
    config = loaded(f"run.root={tmp_path / 'cut'}", *how, "trainer.average.name=none")
    stopped = resumed(broken_off(config, 2))
    runs = together(tmp_path / "once", [cycled.folder], parts="snapshots")
    other = together(tmp_path / "cut", [stopped], parts="snapshots")

    members = members_of(runs.config)
    assert [one.at for one in members.values()] == ["snapshots/2", "snapshots/4"]
    digests = [[one.sha256 for one in members_of(r.config).values()] for r in (runs, other)]
    assert digests[0] == digests[1]
    beside = scores_beside(runs, "test/loss")
    assert beside["wine_epoch_2"] != beside["wine_epoch_4"]


def test_cycles_divide_the_epochs_and_snapshots_need_them() -> None:
    with pytest.raises(DlxError) as caught:
        loaded("trainer.epochs=4", "schedule={name: cosine, cycles: 3}")
    (problem,) = caught.value.problems
    assert (
        problem.what == "`schedule.cycles` is 3, which does not divide the 4 epochs of the training"
    )
    assert (problem.accepted, problem.hint) == (
        "1, 2, 4, or another trainer.epochs",
        "schedule.cycles=2",
    )
    with pytest.raises(DlxError) as caught:
        loaded("trainer.epochs=4", "checkpoint.snapshots=true")
    (problem,) = caught.value.problems
    told = "`checkpoint.snapshots` keeps weights at the ends of cycles, but the rate has one"
    assert (problem.what, problem.hint) == (told, "schedule=cosine schedule.cycles=4")


@pytest.mark.slow
def test_numbers_are_averaged_in_their_own_unit(tmp_path: Path) -> None:
    base = ("task=diabetes", "dataset.sample=true", "protocol.name=holdout", "trainer.epochs=2")
    base += ("trainer.threads=1", f"run.root={tmp_path}")
    trained(base=base)
    trained("targets.progression.scale=standardise", base=base)
    run = together(tmp_path, sorted((tmp_path / "diabetes").iterdir()))
    learner, part = run.training.learner, run.stage.fold.part("test")
    each = learner.each(part)["progression"]  # type: ignore[attr-defined]
    truth = part.targets["progression"]

    error = (each.mean(0)[:, 0] - truth).abs().mean()
    assert scores_beside(run, "test/mae")["whole"] == pytest.approx(float(error), rel=1e-5)
    told = [status_of(one)["scores"]["test/mae"] for one in sorted(tmp_path.glob("diabetes/*"))]
    assert [*scores_beside(run, "test/mae").values()][1:] == pytest.approx(told, rel=1e-5)


@pytest.mark.slow
def test_the_learner_keeps_its_contract(members: list[Path]) -> None:
    entries = ", ".join(f"m{i}: {{run: {run}}}" for i, run in enumerate(members))
    file = Path("configs/task/both.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(
        "dataset: {name: wine, sample: true}\ntargets: {cultivar: {problem: multiclass}}\n"
        "protocol: {name: holdout, validation: 0.2, test: 0.2}\n"
        f"learner: {{name: ensemble, weights: nelder_mead, members: {{{entries}}}}}\n"
    )
    found = members_of(loaded("task=both", base=()).config)
    assert [len(one.sha256) for one in found.values()] == [64, 64]
    check_learner("task=both")


def refused(root: Path, runs: Sequence[Path | str], **options: Any) -> Any:
    """What is wrong; nothing is written."""
    before = sorted(root.rglob("*"))
    with pytest.raises(DlxError) as caught:
        together(root, runs, **options)
    assert sorted(root.rglob("*")) == before
    return caught.value.problems[0]


def test_members_must_be_several_finished_runs_that_predict(
    root: Path, members: list[Path], tmp_path: Path
) -> None:
    one = members[0]
    alone = refused(root, [one])
    assert alone.what == f"an ensemble needs two runs or more, and only {name_of(one)} is named"
    assert alone.hint == f"dlx ensemble {one.name} RUN"
    assert refused(root, [one], parts="folds").what == f"run {name_of(one)} has no folds"
    assert refused(root, [one, one]).what == f"run {name_of(one)} is named 2 times"
    copied = tmp_path / "runs"
    shutil.copytree(root / "wine", copied / "wine")
    file = copied / "wine" / one.name / "status.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "state": "interrupted"}))
    unfinished = refused(copied, [one.name, members[1].name])
    told = f"run {name_of(one)} is interrupted: it has no final weights"
    assert (unfinished.what, unfinished.hint) == (told, f"dlx resume {one.name}")


@pytest.mark.slow
def test_a_learner_without_predictions_is_no_member(members: list[Path], tmp_path: Path) -> None:
    copied = tmp_path / "runs"
    shutil.copytree(members[0].parent, copied / "wine")
    gan = trained(
        *("task=digits_gan", "dataset.sample=true", "trainer.epochs=1", "trainer.threads=1"),
        f"run.root={copied}",
        base=(),
    ).folder
    problem = refused(copied, [members[1].name, gan.name])
    assert problem.what == f"run {name_of(gan)} has learner gan, which predicts nothing of rows"
    assert problem.accepted == "runs of learner supervised"


OTHERS = {
    "dataset": (
        ("task=breast_cancer", "dataset.sample=true", "trainer.epochs=1", "trainer.threads=1"),
        "{run} was trained on dataset breast_cancer, the first member on wine",
    ),
    "test rows": (
        ("protocol.test_seed=1",),
        "{run} has other test rows: 18, of which {shared} are among the 18 of the first member",
    ),
    "validation rows": (
        ("seed=1",),
        "{run} was trained on {shared} of the 14 validation rows that judge the ensemble",
    ),
    "data": (
        ("dataset.sample=false",),
        "{run} was trained on other data of wine: its digest is ",
    ),
}


@pytest.mark.parametrize(
    "kind", [k if k == "validation rows" else pytest.param(k, marks=SLOW) for k in OTHERS]
)
def test_members_must_be_trained_for_the_same(kind: str, members: list[Path], root: Path) -> None:
    overrides, told = OTHERS[kind]
    base = overrides if overrides[0].startswith("task=") else None
    here = f"run.root={root.parent / kind.replace(' ', '_')}"
    more = () if base else overrides
    other = trained(here, *more, base=base) if base else trained(here, *more)
    problem = refused(root, [members[0], str(other.folder)])

    before, _, after = told.partition("{shared}")
    assert problem.what.startswith(before.format(run=f"run {name_of(other.folder)}"))
    assert problem.what.endswith(after) or not after
    assert problem.where == f"learner.members.{'breast_cancer' if base else 'wine_2'}"
    assert problem.hint == ("dlx train ... seed=0" if kind == "validation rows" else "")


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that starts from one that trained on test rows."""
    here = f"run.root={tmp_path_factory.mktemp('taught')}"
    trained(here, "protocol={name: holdout, test: 4}", "trainer.epochs=1")
    return trained(here, "from_run=last", "test=false", "trainer.epochs=1").folder


def test_a_member_whose_start_has_seen_test_rows_judges_none(
    root: Path, members: list[Path], taught: Path
) -> None:
    problem = refused(root, [members[0], str(taught)])
    assert problem.what.startswith("member wine_2 started from run wine/")
    assert problem.what.endswith(" of the 18 test rows")
    assert (problem.where, problem.hint) == ("learner.members.wine_2", "test=false")


@pytest.mark.slow
def test_what_members_have_seen_is_told_whenever_they_are_scored(
    root: Path, members: list[Path], taught: Path
) -> None:
    run = together(root, [members[0], str(taught)], changes=["test=false"])
    told = [one for one in run.facts["stamps"] if one.startswith("member wine_2: started from")]
    assert told
    assert set(told) <= set(look_again(run.folder)["warnings"])


def test_trials_share_no_preparation_of_other_members(root: Path, members: list[Path]) -> None:
    shared, each = Shared(), []
    for runs in (members, members[::-1]):
        config = composed(root, runs).config
        data = shared.data(config)
        each.append(shared.fold(config, data, data.split.folds[0], 0).pipeline)
    steps = [[(one.column, one.name) for one in pipeline.steps] for pipeline in each]
    assert steps[0] != steps[1]


def test_a_member_that_was_damaged_is_told_of(members: list[Path], tmp_path: Path) -> None:
    copied = tmp_path / "runs"
    shutil.copytree(members[0].parent, copied / "wine")
    loaded_before = composed(copied, [one.name for one in members])
    file = next((copied / "wine" / members[0].name / "checkpoints" / "best").glob("weights*"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DlxError) as caught:
        train(loaded_before, lambda _: None)
    told = f"the weights of run {name_of(members[0])} are damaged: they are not those that the run"
    assert caught.value.problems[0].what == f"{told} recorded"
    assert not (copied / "wine_ensemble").exists()


@pytest.mark.slow
def test_learnt_weights_need_validation_rows(root: Path, tmp_path: Path) -> None:
    folds = trained(f"run.root={tmp_path}", "protocol={name: kfold, k: 2}")
    problem = refused(tmp_path, [folds.folder], parts="folds", weights="nelder_mead")
    told = "`learner.weights` is nelder_mead, but no rows are held out to learn on"
    assert (problem.what, problem.hint) == (told, "learner.weights=mean")


@pytest.mark.slow
def test_members_of_other_targets_are_refused(root: Path, members: list[Path]) -> None:
    positive = members[0].parent.parent.parent / "positive"
    base = ("task=breast_cancer", "dataset.sample=true", "trainer.epochs=1", "trainer.threads=1")
    base += (f"run.root={positive}",)
    first, second = trained(base=base), trained("targets.diagnosis.positive=malignant", base=base)
    problem = refused(positive, [first.folder, second.folder])
    name = name_of(second.folder)
    assert problem.what == (
        f"run {name} has `targets.diagnosis.positive` malignant, the first member empty"
    )


def test_a_classical_model_joins_one_run(root: Path, members: list[Path], tmp_path: Path) -> None:
    run = together(root, members[:1], classical=["linear"])

    assert [*scores_beside(run, "val/loss")] == ["whole", "wine", "linear"]
    moved = tmp_path / "elsewhere" / name_of(run.folder)
    shutil.copytree(run.folder, moved)
    found = {one["name"]: one["value"] for one in look_again(moved)["scores"]}
    assert found["test/loss"] == status_of(run.folder)["scores"]["test/loss"]


def test_a_classical_model_must_answer_the_targets(members: list[Path], root: Path) -> None:
    problem = refused(root, members, changes=["learner.classical=[linear]", "learner.inputs_of=a"])
    assert problem.what == "`learner.inputs_of` is a, which is no member"
    doubled = refused(root, members, changes=["learner.classical=[linear,linear]"])
    assert doubled.what == "two members are called linear"


def test_what_members_see_is_shown_of_their_own_runs(
    whole: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(whole.folder), "--method", "permutation"]) == 0
    assert main(["explain", str(whole.folder), "--method", "dead"]) == 2
    first = members_of(whole.config)["wine_1"].run
    told = f"a member of an ensemble is looked at by itself: dlx explain {first}"
    assert told in capsys.readouterr().err
