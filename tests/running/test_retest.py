from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from small import REVIEWS, WINE, loaded, trained

from dlx.errors import Interrupted, RunError, UsageError
from dlx.running.retest import look_again
from dlx.running.run import Run
from dlx.running.train import train
from dlx.runs.seal import seal_again
from dlx.training import checkpoint
from dlx.training.callbacks import Callback
from dlx.training.training import Training

REAL = ("task=wine", "trainer.threads=1", "trainer.epochs=2")
DIGITS = (
    "task=digits",
    "dataset.sample=true",
    "trainer.threads=2",
    "trainer.epochs=1",
    "model=convnet",
    "model.channels=[8,8]",
)


def on_test(run: Run) -> list[tuple[str, float]]:
    return [(s["name"], s["value"]) for s in run.facts["scores"] if s["name"].startswith("test/")]


@pytest.mark.parametrize("base", [WINE, REVIEWS, REAL, DIGITS], ids=lambda base: base[0])
def test_the_scores_are_those_of_the_run_to_the_bit(base: tuple[str, ...]) -> None:
    run = trained(base=base)
    torch.set_num_threads(1)

    again = look_again(run.folder)

    assert [(s["name"], s["value"]) for s in again["scores"]] == on_test(run)
    assert again["run"] == run.name
    assert again["weights"] == {"name": "best", "epoch": run.facts["best_epoch"]}
    assert again["sample"] is ("dataset.sample=true" in base)
    assert torch.get_num_threads() == run.threads["count"]


@pytest.mark.parametrize(
    "changes",
    [
        ("baseline=classical",),
        ("protocol={name: kfold, k: 2, test: 0.2}", "final=true"),
        ("prepare={steps: [{name: impute}], copies: {share: 0.5}}", "baseline=classical"),
    ],
)
def test_what_the_model_must_beat_has_learnt_from_the_rows_that_it_learnt_from(
    changes: tuple[str, ...],
) -> None:
    run = trained("trainer.epochs=1", *changes, base=("task=diabetes", "trainer.threads=1"))

    again = look_again(run.folder)

    were = [s for s in run.facts["scores"] if s["name"].startswith("test/")]
    assert again["scores"] == were
    assert again["power"] == run.facts["power"]


def test_the_last_weights_can_be_asked_for() -> None:
    run = trained("trainer.epochs=15", "optimizer.lr=0.2")
    assert run.facts["best_epoch"] < 15

    last = look_again(run.folder, "last")

    assert last["weights"] == {"name": "last", "epoch": 15}


def test_every_look_is_counted() -> None:
    run = trained(base=REAL)

    assert [look_again(run.folder)["looks"] for _ in range(3)] == [2, 3, 4]


def test_runs_that_were_moved_bring_their_ledger() -> None:
    run = trained(base=REAL)
    Path("runs").rename("moved")

    again = look_again(Path("moved") / run.folder.parent.name / run.folder.name)

    assert again["looks"] == 2


def test_a_run_is_found_from_within(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained()
    monkeypatch.chdir(run.folder)

    assert look_again(Path())["run"] == run.name


class Interrupt(Callback):
    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = True


def test_an_interrupted_run_is_tested_with_its_last_weights() -> None:
    with pytest.raises(Interrupted):
        train(loaded(), lambda _: None, [Interrupt()])
    (run,) = Path("runs").glob("wine/*")

    found = look_again(run)

    assert found["weights"] == {"name": "last", "epoch": 0}
    with pytest.raises(UsageError) as caught:
        look_again(run, "best")
    assert str(caught.value) == (
        f"run {run.name} has no best weights (it is interrupted)\n"
        f"  where: {run.resolve() / 'checkpoints' / 'best'}\n"
        "  try: omit --weights"
    )


def test_a_failed_run_has_no_weights() -> None:
    with pytest.raises(RunError):
        trained("optimizer.lr=1e30")
    (run,) = Path("runs").glob("wine/*")

    with pytest.raises(UsageError) as caught:
        look_again(run)

    assert str(caught.value).splitlines()[0] == f"run {run.name} has no last weights (it is failed)"


def test_other_data_are_refused() -> None:
    run = trained()
    (run.folder / "data.json").write_text(json.dumps({"digest": "0" * 64}))
    seal_again(run.folder)

    with pytest.raises(UsageError) as caught:
        look_again(run.folder)

    assert str(caught.value) == (
        "the dataset is different from what this run was trained on\n"
        f"  where: {run.folder.resolve()}\n"
        f"  accepted: digest {'0' * 64}\n"
        f"  try: found {run.data.samples.digest}; train again"
    )


@pytest.mark.parametrize("file", ["data.json", "environment.json", "prepare/pipeline.json"])
@pytest.mark.parametrize("content", [None, "", "null", "[]x"])
def test_a_damaged_record_is_told_of(file: str, content: str | None) -> None:
    run = trained().folder
    if content is None:
        (run / file).unlink()
    else:
        (run / file).write_text(content)

    with pytest.raises(
        RunError, match=r"cannot be read|is not a record|is missing|has changed since the run ended"
    ):
        look_again(run)


def test_a_damaged_checkpoint_is_told_of() -> None:
    run = trained().folder
    (weights,) = (run / "checkpoints" / "best").glob("weights-*")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    with pytest.raises(RunError, match="the checkpoint best of step 16 is damaged"):
        look_again(run)
    assert look_again(run, "last")["weights"]["name"] == "last"


def test_weights_of_another_model_are_told_of() -> None:
    run = trained().folder
    tensors, state = checkpoint.load(run / "checkpoints" / "best")
    checkpoint.save(
        run / "checkpoints" / "best",
        {"weights": {"other": tensors["weights"]["body.0.weight"]}},
        state,
    )

    with pytest.raises(RunError) as caught:
        look_again(run)

    assert str(caught.value) == (
        "the weights do not fit the model of config.yaml\n"
        f"  where: {run.resolve()}\n"
        "  try: train again"
    )


def test_a_damaged_config_is_told_of() -> None:
    run = trained().folder
    text = (run / "config.yaml").read_text().replace("name: mlp", "name: mpl")
    (run / "config.yaml").write_text(text)

    with pytest.raises(UsageError, match=r"mpl.*\n.*config\.yaml"):
        look_again(run)


def test_the_preparation_is_that_of_the_run_not_a_new_one() -> None:
    """Its numbers are read from the folder: changed there, they change what the model sees."""
    run = trained("trainer.epochs=20", base=REAL)
    file = run.folder / "prepare" / "pipeline.json"
    saved = json.loads(file.read_text())
    state = saved["steps"][0]["state"]
    state["mean"] = [1e4] * len(state["mean"])
    file.write_text(json.dumps(saved))
    seal_again(run.folder)

    again = look_again(run.folder)

    assert dict(on_test(run))["test/accuracy"] > 0.9
    assert again["scores"][0]["value"] < 0.8


def test_a_preparation_that_makes_no_sense_is_told_before_a_look_is_counted() -> None:
    """A stranger's folder may hold anything, with the seal that fits it."""
    run = trained(base=REAL)
    file = run.folder / "prepare" / "pipeline.json"
    ledger = run.folder.parent.parent / "ledger.sqlite"
    sound, seen = file.read_text(), ledger.read_bytes()
    step = "what prepare step standardise learnt does not fit input features: "
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"steps": [{"state": {}}]}, step + "KeyError('std')"),
        ({"steps": [{"state": {"mean": "x", "std": [1.0] * 13}}]}, step + "UFuncTypeError"),
        ({"steps": [{"state": {"mean": [1.0] * 5, "std": [1.0] * 13}}]}, step + "ValueError"),
        ({"steps": [{"options": {"x": 1}}]}, step + "TypeError"),
        ({"steps": [{"name": ["x"]}]}, r"there is no prepare step `\['x'\]`"),
        ({"raw": {}}, "the fitted preparation is of no input"),
        (
            {"raw": {"cultivar": {"kind": "dense", "holds": ""}}},
            "the fitted preparation is of cultivar\n.*\n  accepted: features\n  try: train again",
        ),
    )
    for change, told in changes:
        saved = json.loads(sound)
        steps = change.pop("steps", [])
        for one, new in zip(saved["steps"], steps, strict=False):
            one |= new
        file.write_text(json.dumps(saved | change))
        seal_again(run.folder)
        with pytest.raises((RunError, UsageError), match=re.escape(told) if step in told else told):
            look_again(run.folder)
    assert ledger.read_bytes() == seen


def contents(folder: Path) -> dict[str, object]:
    """Every file of a run folder; the status as values, whose order is nothing."""
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    found: dict[str, object] = {name: path.read_bytes() for name, path in files.items()}
    return {**found, "status.json": json.loads(files["status.json"].read_text())}


def test_nothing_of_a_tested_run_is_changed() -> None:
    run = trained().folder
    shutil.copytree(run, "before")
    look_again(run)

    assert contents(run) == contents(Path("before"))


def test_the_scores_of_a_run_that_never_looked_are_kept_where_listings_find_them() -> None:
    run = trained("test=false").folder
    before = contents(run)

    found = look_again(run)["scores"]

    after = contents(run)
    status = before.pop("status.json")
    assert isinstance(status, dict)
    for known, fact in (("scores", "value"), ("directions", "direction")):
        status[known] |= {score["name"]: score[fact] for score in found}
    assert after.pop("status.json") == status
    assert after == before
