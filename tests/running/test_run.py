from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from small import WINE, loaded, rows_of, same, status_of, the_run, trained, weights

from dlx.config.load import load_saved
from dlx.config.specs import CALLBACKS
from dlx.errors import Interrupted, MethodError, RunError, UsageError
from dlx.prepare import Pipeline
from dlx.report import build
from dlx.running.train import train
from dlx.runs import ledger
from dlx.sources.shared import Shared
from dlx.training import checkpoint
from dlx.training.callbacks import Callback
from dlx.training.training import Training

REAL = ("task=wine", "trainer.threads=1", "trainer.epochs=2")
"""The embedded data: real ones, that need no network."""


def files(run: Path) -> set[str]:
    return {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}


def test_a_run_folder_holds_everything() -> None:
    run = trained().folder

    kept = [name.rpartition("/") for name in files(run) if name.startswith("checkpoints/")]
    assert sorted((folder, name.partition("-")[0]) for folder, _, name in kept) == [
        *(("checkpoints/best", kind) for kind in ("manifest", "state", "weights")),
        *(("checkpoints/last", kind) for kind in ("best", "manifest", "state", "training")),
        ("checkpoints/last", "weights"),
    ]
    assert {name for name in files(run) if not name.startswith("checkpoints/")} == {
        "artifacts.json",
        "artifacts/trust.safetensors",
        "config.yaml",
        "overrides.yaml",
        "environment.json",
        "log.txt",
        "data.json",
        "errors.json",
        "files.json",
        "metrics.jsonl",
        "owner.json",
        "predictions.csv",
        "prepare/pipeline.json",
        "report.json",
        "status.json",
        "lock",
        "losses.f32",
    }


def test_the_saved_config_is_whole_and_reads_back() -> None:
    run = trained("optimizer.lr=0.003", "run.root=elsewhere")

    saved = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert saved["optimizer"]["lr"] == 0.003
    assert saved["trainer"]["batch_size"] == 8
    assert saved["run"]["root"] == str(Path("elsewhere").resolve())
    again = load_saved(run.folder / "config.yaml", "config.yaml")
    assert again.model == run.config.model
    assert again.trainer == run.config.trainer
    overrides = yaml.safe_load((run.folder / "overrides.yaml").read_text())
    assert overrides == list(run.loaded.arguments)


def test_a_root_from_the_environment_is_saved_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_HERE", str(tmp_path / "far"))

    run = trained("run.root=${oc.env:RUNS_HERE}")

    assert run.folder.parent.parent == tmp_path / "far"
    saved = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert saved["run"]["root"] == str(tmp_path / "far")


def test_the_working_directory_never_changes(folders: Path) -> None:
    trained()

    assert Path.cwd() == folders
    assert {p.name for p in folders.iterdir()} == {"runs"}


def test_data_are_told_of() -> None:
    run = trained(base=REAL)

    known = json.loads((run.folder / "data.json").read_text())
    assert known["rows"] == {"train": 114, "val": 28, "test": 36}
    assert sum(sum(c.values()) for c in known["classes"]["cultivar"].values()) == 178
    assert known["sample"] is False
    assert known["files"][0]["name"] == "wine_data.csv"
    assert len(known["digest"]) == len(known["split_digest"]) == 64
    assert known["rule"] == run.data.split.rule
    assert known["profile"]["rows"] == 114
    alcohol = known["profile"]["columns"][0]
    values = np.asarray(run.data.samples.columns["features"])[run.data.split.folds[0].train, 0]
    assert (alcohol["feature"], alcohol["missing"], alcohol["zeros"]) == ("alcohol", 0, 0)
    assert (alcohol["low"], alcohol["high"]) == (float(values.min()), float(values.max()))


def test_the_answer_is_of_the_best_weights_on_the_test_part() -> None:
    run = trained("trainer.epochs=12", "optimizer.lr=0.1")

    losses = [row["val/loss"] for row in rows_of(run.folder)]
    best = losses.index(min(losses)) + 1
    answer = run.facts["answer"]
    assert (answer["weights"], answer["epoch"], answer["part"]) == ("best", best, "test")
    tensors, state = checkpoint.load(run.folder / "checkpoints" / "best")
    assert state["epoch"] == best
    assert same(tensors["weights"], weights(run.training))
    scores = {s["name"]: s["value"] for s in run.facts["scores"]}
    assert scores["val/loss"] == pytest.approx(min(losses), rel=1e-6)
    assert answer["value"] == scores["test/accuracy"]
    assert list(scores) == ["val/accuracy", "val/loss", "test/accuracy", "test/loss"]


def test_without_validation_the_last_weights_answer() -> None:
    run = trained("protocol=train_test", "trainer.epochs=3")

    assert (run.facts["answer"]["weights"], run.facts["answer"]["epoch"]) == ("last", 3)
    assert run.facts["best_epoch"] is None
    assert not (run.folder / "checkpoints" / "best").exists()
    assert [s["name"] for s in run.facts["scores"]] == ["test/accuracy", "test/loss"]


def test_predictions_are_those_that_were_scored() -> None:
    run = trained()

    with (run.folder / "predictions.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [int(row["row"]) for row in table] == run.data.split.test.tolist()
    right = np.mean([row["true"] == row["predicted"] for row in table])
    assert right == run.facts["answer"]["value"]
    assert all(1 / 3 <= float(row["probability"]) <= 1 for row in table)


def test_status_tells_the_answer() -> None:
    run = trained()

    status = status_of(run.folder)
    assert status["state"] == "done"
    assert status["run"] == f"wine/{run.folder.name}"
    assert status["scores"] == {s["name"]: s["value"] for s in run.facts["scores"]}
    assert status["answer"]["value"] == run.facts["answer"]["value"]
    assert status["overrides"] == list(WINE)
    assert (status["task"], status["seed"], status["sample"]) == ("wine", 0, True)


def test_the_test_part_is_looked_at_once_and_every_look_is_counted() -> None:
    looks = [trained(f"seed={seed}", base=REAL).facts["answer"]["looks"] for seed in range(3)]

    assert looks == [1, 2, 3]


def test_without_a_look_nothing_is_counted() -> None:
    run = trained("test=false", base=REAL)

    assert run.facts["answer"]["part"] == "val"
    assert run.facts["answer"]["looks"] is None
    assert not Path("runs/ledger.sqlite").exists()
    assert [s["name"] for s in run.facts["scores"]] == ["val/accuracy", "val/loss"]


def test_no_part_to_answer_on() -> None:
    run = trained("test=false", "protocol=train_test")

    assert run.facts["answer"] is None
    assert run.facts["scores"] == []
    assert not (run.folder / "predictions.csv").exists()
    assert status_of(run.folder)["state"] == "done"


def test_made_up_data_are_stamped_and_never_counted() -> None:
    run = trained()

    assert status_of(run.folder)["sample"] is True
    assert json.loads((run.folder / "report.json").read_text())["sample"] is True
    assert json.loads((run.folder / "data.json").read_text())["sample"] is True
    assert not Path("runs/ledger.sqlite").exists()


def test_the_look_is_written_down_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> list[Any]:
        raise RunError("the ledger is full")

    monkeypatch.setattr(ledger, "record", fail)
    with pytest.raises(RunError, match="the ledger is full"):
        trained(base=REAL)

    run = the_run()
    assert status_of(run)["state"] == "failed"
    assert not (run / "predictions.csv").exists()
    report = json.loads((run / "report.json").read_text())
    assert (report["state"], report.get("answer")) == ("failed", None)


def test_a_loss_that_is_no_number_fails_the_run() -> None:
    with pytest.raises(RunError, match="the training loss is not a number") as caught:
        trained("optimizer.lr=1e30")

    assert caught.value.exit_code == 1
    assert caught.value.problems[0].where == "epoch 1, step 2"
    run = the_run()
    status = status_of(run)
    assert status["state"] == "failed"
    assert status["reason"] == str(caught.value)
    assert "scores" not in status
    report = json.loads((run / "report.json").read_text())
    assert (report["state"], report.get("answer"), report.get("scores")) == ("failed", None, None)


class Poison(Callback):
    """Spoils the weights after an epoch."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self, training: Training, scores: Any) -> None:
        if training.progress.epoch == self._epoch:
            with torch.no_grad():
                training.parameters[0].fill_(float("nan"))


@pytest.mark.parametrize("epoch", [1, 3])
def test_no_checkpoint_ever_holds_nan(epoch: int) -> None:
    with pytest.raises(RunError, match="the training loss is not a number"):
        train(loaded("trainer.epochs=9"), lambda _: None, [Poison(epoch)])

    run = the_run()
    assert len(rows_of(run)) == epoch
    for folder in (run / "checkpoints").glob("*"):
        tensors, _ = checkpoint.load(folder)
        assert all(tensor.isfinite().all() for tensor in tensors["weights"].values())


def test_the_best_weights_before_a_failure_are_kept() -> None:
    with pytest.raises(RunError, match="the training loss is not a number"):
        train(loaded("trainer.epochs=9"), lambda _: None, [Poison(3)])

    tensors, state = checkpoint.load(the_run() / "checkpoints" / "best")
    assert state["epoch"] == 3
    assert all(tensor.isfinite().all() for tensor in tensors["weights"].values())


class Raise(Callback):
    """Fails in the middle of a training."""

    def __init__(self, error: BaseException, at: int = 3) -> None:
        self._error, self._at = error, at

    def on_step_end(self, training: Training) -> None:
        if training.progress.step == self._at:
            raise self._error


@pytest.mark.parametrize(
    "error", [RunError("no space"), MethodError("a leak"), UsageError("no such thing")]
)
def test_every_explained_error_is_in_the_status(error: Exception) -> None:
    with pytest.raises(type(error)):
        train(loaded(), lambda _: None, [Raise(error)])

    status = status_of(the_run())
    assert (status["state"], status["reason"]) == ("failed", str(error))


@pytest.mark.parametrize("error", [RuntimeError("a mistake in a component"), KeyError("x")])
def test_an_unexpected_error_is_in_the_status_too(error: Exception) -> None:
    with pytest.raises(type(error)):
        train(loaded(), lambda _: None, [Raise(error)])

    assert status_of(the_run())["state"] == "failed"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory: an allocation failed"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 2 B"), "DefaultCPUAllocator"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried\nmore"), "CUDA out of memory. Tried"),
    ],
)
def test_memory_that_runs_out_is_told_as_that(error: Exception, told: str) -> None:
    with pytest.raises(RunError) as caught:
        train(loaded(), lambda _: None, [Raise(error)])

    (problem,) = caught.value.problems
    assert problem.what.startswith("out of memory: ")
    assert told in problem.what
    assert problem.hint == "a smaller model, trainer.batch_size or trainer.eval_batch_size"
    assert status_of(the_run())["reason"] == str(caught.value)


def test_a_network_that_does_not_fit_into_memory_leaves_nothing(folders: Path) -> None:
    with pytest.raises(UsageError, match="the model has 170,000,000,003 parameters: with gradie"):
        trained("model.units=[10000000000]")

    assert list(folders.iterdir()) == []


class Interrupt(Callback):
    """Asks to stop after a step, as a signal does."""

    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


def test_an_interrupted_run_leaves_a_usable_folder() -> None:
    with pytest.raises(Interrupted) as caught:
        train(loaded("trainer.epochs=5", "trainer.batch_size=8"), lambda _: None, [Interrupt(17)])

    run = the_run()
    assert caught.value.exit_code == 130
    assert str(caught.value) == (
        "interrupted after epoch 2, step 17\n"
        f"  where: runs/wine/{run.name}\n"
        f"  try: dlx resume runs/wine/{run.name} continues"
    )
    assert status_of(run)["state"] == "interrupted"
    tensors, state = checkpoint.load(run / "checkpoints" / "last")
    assert (state["epoch"], state["step"]) == (2, 17)
    assert all(tensor.isfinite().all() for tensor in tensors["weights"].values())
    assert checkpoint.load(run / "checkpoints" / "best")[1]["epoch"] in (1, 2)
    report = json.loads((run / "report.json").read_text())
    assert (report["state"], report["answer"]) == ("interrupted", None)
    assert (report["epochs"], report["steps"]) == (5, 17)
    assert not (run / "predictions.csv").exists()


def test_a_second_ctrl_c_is_an_interruption_too() -> None:
    with pytest.raises(Interrupted):
        train(loaded(), lambda _: None, [Raise(KeyboardInterrupt())])

    assert status_of(the_run())["state"] == "interrupted"


def test_the_command_can_be_typed_again() -> None:
    run = trained("about.title='a title: of two words'")

    command = json.loads((run.folder / "report.json").read_text())["command"]
    assert command.endswith("""'about.title='"'"'a title: of two words'"'"''""")


def test_nothing_is_written_where_the_config_does_not_fit_the_data(folders: Path) -> None:
    with pytest.raises(UsageError, match="no feature `alcool`"):
        trained("prepare.steps=[{name: select, drop: [alcool]}]")

    assert list(folders.iterdir()) == []


def test_a_file_in_place_of_the_root_is_told_of_before_any_work(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("runs").touch()
    monkeypatch.setattr(Shared, "data", lambda *_: pytest.fail("this is work"))
    with pytest.raises(
        UsageError, match="no run folder can be made below runs: it is not a folder"
    ):
        trained()

    assert [p.name for p in folders.iterdir()] == ["runs"]


def test_a_read_only_root_is_told_of_before_any_work(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="no run folder can be made below runs: it is read-only"):
        trained()

    assert list(folders.iterdir()) == []


def test_the_fitted_preparation_gives_the_same_bits_again() -> None:
    run = trained()

    assert Pipeline.load(run.folder, ()) == run.stage.fold.pipeline


@pytest.mark.parametrize("content", ["", "{", "{}", '{"raw": {}, "steps": [1]}', "[1]", "null"])
def test_a_damaged_preparation_is_told_of(content: str) -> None:
    run = trained().folder
    (run / "prepare" / "pipeline.json").write_text(content)

    with pytest.raises(RunError, match="the fitted preparation cannot be read"):
        Pipeline.load(run, ())


def digests(run: Path) -> dict[str, str]:
    """What must be the same to the bit: the rows, the weights, the predictions."""
    found = {name: (run / name).read_bytes() for name in ("metrics.jsonl", "predictions.csv")}
    for folder in ("best", "last"):
        (path,) = (run / "checkpoints" / folder).glob("weights-*")
        found[folder] = path.read_bytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("model.dropout=0.5",),
        ("trainer.accumulate=3",),
        ("trainer.precision=bfloat16",),
        ("schedule=one_cycle", "optimizer=adamw"),
    ],
)
def test_the_same_seed_gives_the_same_bits(overrides: tuple[str, ...]) -> None:
    first = digests(trained(*overrides).folder)
    torch.manual_seed(4711)
    np.random.seed(4711)

    assert digests(trained(*overrides).folder) == first


def test_another_seed_gives_other_bits() -> None:
    first, second = (digests(trained(f"seed={seed}").folder) for seed in (0, 1))

    assert all(first[name] != second[name] for name in first)


@pytest.mark.parametrize("name", ["callbacks", "test", "eval"])
def test_what_only_watches_does_not_change_the_training(name: str) -> None:
    change = {
        "callbacks": "callbacks={early_stopping: {patience: 50}}",
        "test": "test=false",
        "eval": "trainer.eval_batch_size=7",
    }[name]

    plain, watched = trained(), trained(change)

    assert same(weights(plain.training), weights(watched.training))


def told(run: Path) -> list[str]:
    """The lines of `log.txt`, each of which must begin with the time, without it."""
    lines = (run / "log.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        time.strptime(line[:19], "%Y-%m-%d %H:%M:%S")
    return [line[21:] for line in lines]


def test_the_log_keeps_what_was_told() -> None:
    said: list[str] = []
    run = train(loaded(), said.append)

    lines = told(run.folder)
    assert [line for line in lines if not line.startswith("epoch")] == said
    assert said[0] == (
        "wine (sample data, not a result): 58 training, 14 validation, 18 test rows; "
        "mlp with 275 parameters; cpu, 1 thread"
    )
    assert said[-1] == "weights: best (epoch 2)"
    assert [line.split()[:2] for line in lines[1:3]] == [["epoch", "1"], ["epoch", "2"]]


def test_the_log_keeps_why_it_failed() -> None:
    with pytest.raises(RunError):
        trained("optimizer.lr=1e30")

    assert "failed: the training loss is not a number" in (the_run() / "log.txt").read_text()


PUSH = '''
from dataclasses import dataclass
from dlx.config.fields import Component, option
from dlx.training.callbacks import Callback


@dataclass(frozen=True, kw_only=True)
class Options:
    """Needs a token."""

    token: str = option(help="what lets it in")


class Push(Callback):
    def __init__(self, options, monitor, direction):
        assert options.token == "canary-4711"


DLX_COMPONENTS = {"callback": {"push": Component(Options, "push_plugin:Push")}}
'''


@pytest.mark.parametrize("by", ["key", "mapping", "environment"])
def test_no_secret_stands_in_a_run_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    (here / "push_plugin.py").write_text(PUSH)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setattr(CALLBACKS, "entries", dict(CALLBACKS.entries))
    monkeypatch.setenv("PUSH_TOKEN", "canary-4711")
    asked = {
        "key": "callbacks.push.token=canary-4711",
        "mapping": "callbacks.push={token: canary-4711}",
        "environment": "callbacks.push.token='${oc.env:PUSH_TOKEN}'",
    }

    run = trained("plugins=[push_plugin]", asked[by])
    build(run.folder)

    kept = [p for p in run.folder.rglob("*") if p.is_file()]
    assert len(kept) > 15
    assert not [p for p in kept if b"canary-4711" in p.read_bytes()]
