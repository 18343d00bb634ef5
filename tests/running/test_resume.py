"""A run that was broken off and resumed is the run that never was: to the bit, at any step."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forks import Process
from small import REVIEWS, WINE, loaded, status_of, the_run

from dlx.cli.main import main
from dlx.errors import Interrupted, RunError, UsageError
from dlx.reproduce.compare import differences
from dlx.running.resume import find_unfinished, load_resumable
from dlx.running.train import train
from dlx.runs.seal import seal_again
from dlx.state import State
from dlx.training import checkpoint, snapshot
from dlx.training.callbacks import Callback
from dlx.training.training import Training

VOLATILE = ("run", "seconds", "environment", "config", "command", "overrides")
"""What two runs of one config may tell differently: where, when, how long."""

RECIPES = {
    "mlp, dropout, rmsprop, cosine": (
        WINE,
        ("model.dropout=0.5", "model.batch_norm=true", "schedule=cosine"),
    ),
    "mlp, adam, plateau, early stopping": (
        WINE,
        (
            *("model.dropout=0.2", "optimizer={name: adam, lr: 0.03}"),
            "schedule={name: plateau, patience: 0, factor: 0.5, cuts: book, cooldown: 2}",
            *("metrics={roc_auc: {}}", "callbacks.activations={pictures: false}"),
            "callbacks.early_stopping={patience: 3, stops: past_patience, monitor: train/loss}",
        ),
    ),
    "lstm, adamw, warm-up": (
        REVIEWS,
        (
            *("prepare.steps=[{name: pad, length: 20}]", "optimizer={name: adamw, lr: 0.01}"),
            "model={name: layers, layers: [{embedding: 8}, {lstm: 8}, {dropout: 0.3}]}",
            "schedule={name: step, every: 2, warmup_epochs: 0.5}",
        ),
    ),
    "gru with recurrent dropout, rows of different length": (
        REVIEWS,
        (
            *(
                "prepare.steps=[{name: truncate, length: 20}]",
                "optimizer={name: rmsprop, lr: 0.01}",
            ),
            "model={name: recurrent, cell: gru, units: [4, 4], embedding: 4, dropout: 0.2}",
            *("model.recurrent_dropout=0.5", "model.bidirectional=sum"),
        ),
    ),
    "transformer, rows of different length": (
        REVIEWS,
        (
            *("prepare.steps=[{name: truncate, length: 20}]", "optimizer={name: adam, lr: 0.01}"),
            "model={name: transformer, embedding: 4, units: [4], length: 20, dropout: 0.3}",
        ),
    ),
    "convnet, sgd with momentum": (
        ("task=digits", "dataset.sample=true", "trainer.threads=1"),
        (
            *("model={name: convnet, channels: [4, 8], dropout: 0.3}", "schedule=constant"),
            "optimizer={name: sgd, lr: 0.05, momentum: 0.9}",
        ),
    ),
}


EACH = [
    pytest.param(name, marks=pytest.mark.slow) if "rows of different" in name else name
    for name in RECIPES
]
"""Those of which other tests have no like are tried by default."""


class Stop(Callback):
    """Asks to stop after a step, as a signal does."""

    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


def sized(base: tuple[str, ...], changes: tuple[str, ...], root: str) -> Any:
    """A run of at most 60 steps, four epochs of 15."""
    size = f"trainer.batch_size={4 if base is WINE else 8}"
    return loaded(*changes, "trainer.epochs=4", size, f"run.root={root}", base=base)


def broken_off(config: Any, at: int, watchers: tuple[Callback, ...] = ()) -> Path:
    """A run that was stopped after a step."""
    with pytest.raises(Interrupted):
        train(config, lambda _: None, [*watchers, Stop(at)])
    return the_run(Path(config.config.run.root))


def resumed(folder: Path, *changes: str, watchers: tuple[Callback, ...] = ()) -> Path:
    """The same run, gone on with."""
    train(load_resumable(folder, changes), lambda _: None, watchers, resume=folder)
    return folder


def evidence(run: Path) -> dict[str, Any]:
    """All that must be the same."""
    tensors, state = checkpoint.load(run / "checkpoints" / "last")
    state["callbacks"]["checkpoints"].pop("seconds")
    report = json.loads((run / "report.json").read_text())
    names = ("metrics.jsonl", "losses.f32", "predictions.csv", "prepare/pipeline.json", "data.json")
    names += ("artifacts.json", "errors.json")
    return {
        "tensors": {
            f"{kind}/{name}": value.numpy().tobytes()
            for kind, found in tensors.items()
            for name, value in found.items()
        },
        "state": state,
        "report": {key: value for key, value in report.items() if key not in VOLATILE},
        **{name: (run / name).read_bytes() for name in names},
    }


def steps_of(run: Path) -> int:
    return int((run / "losses.f32").stat().st_size // 4)


@pytest.mark.parametrize("recipe", EACH)
def test_resumed_at_some_steps(here: Path, recipe: str) -> None:
    check_steps(recipe, 17)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", EACH)
def test_resumed_at_every_step(here: Path, recipe: str) -> None:
    check_steps(recipe, 1)


def check_steps(recipe: str, every: int) -> None:
    whole = train(sized(*RECIPES[recipe], "whole"), lambda _: None).folder
    expected, steps = evidence(whole), steps_of(whole)
    assert 30 <= steps <= 64
    for at in range(1, steps + 1, every):
        config = sized(*RECIPES[recipe], f"at-{at}")
        assert evidence(resumed(broken_off(config, at))) == expected, at


@pytest.mark.parametrize("recipe", EACH)
def test_three_resumes_in_a_row(here: Path, recipe: str) -> None:
    expected = evidence(train(sized(*RECIPES[recipe], "whole"), lambda _: None).folder)
    folder = broken_off(sized(*RECIPES[recipe], "often"), 3)
    for at in (4, 10, 17):
        with pytest.raises(Interrupted):
            resumed(folder, watchers=(Stop(at),))

    assert evidence(resumed(folder)) == expected
    assert status_of(folder)["resumed"] == 4


FOLDS = ("protocol={name: kfold, k: 3}", "final=true", "trainer.epochs=4")
EARLY = ("callbacks.early_stopping={patience: 1, min_delta: 9}",)


def stopping(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Asks to stop after so many steps of this process, in whichever fold they are."""
    step = Training.step
    seen = 0

    def counted(self: Training, batch: Any) -> None:
        nonlocal seen
        step(self, batch)
        seen += 1
        self.progress.interrupted = seen == at

    monkeypatch.setattr(Training, "step", counted)


def in_pieces(config: Any, at: int) -> tuple[Path, int]:
    """A run over folds, stopped after so many steps and resumed until it is done."""
    resume, pieces = None, 0
    while True:
        pieces += 1
        with pytest.MonkeyPatch.context() as patch:
            stopping(patch, at)
            try:
                train(config, lambda _: None, resume=resume)
            except Interrupted:
                resume = the_run(Path(config.config.run.root))
                config = load_resumable(resume)
                continue
        return the_run(Path(config.config.run.root)), pieces


@pytest.mark.parametrize("changes", [FOLDS, (*FOLDS, *EARLY)], ids=["whole", "stopping early"])
def test_folds_and_the_final_model(changes: tuple[str, ...]) -> None:
    """Stopped in each of them; those that are done are not trained again."""
    whole = train(loaded(*changes, "run.root=whole"), lambda _: None).folder

    folder, pieces = in_pieces(loaded(*changes, "run.root=broken"), 7)

    assert pieces >= 6
    assert differences(whole, folder) == []
    keys = ("folds", "fold_summary", "scores", "answer", "stopped")
    one, other = (json.loads((run / "report.json").read_text()) for run in (whole, folder))
    assert {key: one[key] for key in keys} == {key: other[key] for key in keys}


def test_without_why_it_stopped_a_fold_would_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(loaded(*FOLDS, *EARLY, "run.root=whole"), lambda _: None).folder
    restore = snapshot.restore

    def lame(training: Training, callbacks: Any, states: snapshot.States) -> None:
        progress = State(facts={**states["progress"].facts, "stop": ""})
        restore(training, callbacks, {**states, "progress": progress})

    monkeypatch.setattr(snapshot, "restore", lame)
    folder, _ = in_pieces(loaded(*FOLDS, *EARLY, "run.root=lame"), 20)

    assert differences(whole, folder) != []


class Noise(Callback):
    """A plugin that draws from every global generator, and lets the weights feel it."""

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        drawn = random.random() + np.random.rand() + float(torch.rand(()))
        with torch.no_grad():
            training.parameters[0].add_(0.01 * drawn)


def test_generators_that_a_plugin_draws_from(here: Path) -> None:
    expected = noisy("whole", None)

    assert noisy("broken", 30) == expected


def noisy(root: str, at: int | None, changes: tuple[str, ...] = ()) -> dict[str, Any]:
    """A run with a plugin that draws; where asked stopped after a step, and resumed elsewhere."""
    random.seed(1)
    np.random.seed(1)
    config = sized(WINE, changes, root)
    if at is None:
        return evidence(train(config, lambda _: None, [Noise()]).folder)
    folder = broken_off(config, at, (Noise(),))
    random.seed(2)
    np.random.seed(2)
    torch.rand(3)
    return evidence(resumed(folder, watchers=(Noise(),)))


DROPPED = {
    "learner": 20,
    "optimizers": 20,
    "meters": 20,
    "generators": 30,
    "best": 35,
    "progress/epoch": 20,
    "progress/step": 20,
    "progress/position": 20,
    "optimizers/members": 20,
    "optimizers/rates_of_epoch": 20,
    "meters/rows": 20,
    "meters/sums": 20,
    "callbacks/recorder": 20,
    "callbacks/callbacks.early_stopping": 35,
    "callbacks/checkpoints": 35,
    "generators/python": 30,
    "generators/numpy": 30,
}
"""The tensors of every part of a checkpoint and each of its facts, and a step at which the recipe
below needs them. `progress/stop` is tried over folds, above; `optimizers/scaler` does nothing here:
half precision on a GPU alone uses it."""


def test_nothing_in_a_checkpoint_is_left_out_here(here: Path) -> None:
    folder = broken_off(sized(WINE, EVERYTHING, "runs"), 20)
    states = snapshot.unpack(*checkpoint.load(folder / "checkpoints" / "last"))

    held = {name for name, one in states.items() if one.tensors}
    held |= {f"{name}/{fact}" for name, one in states.items() for fact in one.facts}
    told = {"progress/stop", "progress/stopped_by", "optimizers/scaler"}
    assert held == (DROPPED.keys() | told) - {"best"}


@pytest.mark.parametrize("at", sorted(set(DROPPED.values())))
def test_without_a_saved_key_it_is_not_the_same(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    expected = everything("whole", None)
    assert everything("sound", at) == expected

    for key in [key for key, step in DROPPED.items() if step == at]:
        with monkeypatch.context() as patch:
            assert lacking(key, patch) != expected, key


def lacking(key: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a run comes to that is resumed without a saved key; nothing where it cannot go on."""
    recover, restore = checkpoint.recover, snapshot.restore

    def lame_recover(folder: Path) -> Any:
        tensors, state, problems = recover(folder)
        return {**tensors, "best": tensors["weights"]}, state, problems

    def lame(training: Training, callbacks: Any, states: snapshot.States) -> None:
        fresh = snapshot.take(training, callbacks)
        restore(training, callbacks, without(key, states, fresh))

    if key == "best":
        monkeypatch.setattr(checkpoint, "recover", lame_recover)
    else:
        monkeypatch.setattr(snapshot, "restore", lame)
    try:
        return everything(f"without-{key.replace('/', '-')}", DROPPED[key])
    except (RunError, KeyError, IndexError):
        return {}  # that is no silent drift


EVERYTHING = (
    *("model.dropout=0.2", "optimizer={name: adam, lr: 0.5}", "metrics={accuracy: {}}"),
    *("schedule={name: plateau, patience: 0, factor: 0.5, warmup_epochs: 1.6}",),
    *("callbacks.early_stopping={patience: 2, min_delta: 9}", "trainer.monitor=val/loss"),
)
"""Uses all that is saved."""


def everything(root: str, at: int | None) -> dict[str, Any]:
    """What a run comes to that uses all that is saved."""
    return noisy(root, at, EVERYTHING)


def without(key: str, states: snapshot.States, fresh: snapshot.States) -> snapshot.States:
    """A checkpoint in which a part's tensors, or one of its facts, are as at the start."""
    part, _, fact = key.partition("/")
    whole, new = states[part], fresh[part]
    changed = State(new.tensors, whole.facts)
    if fact:
        changed = State(whole.tensors, {**whole.facts, fact: new.facts[fact]})
    return {**states, part: changed}


class TestWhatMayChange:
    def test_more_epochs_are_as_if_asked_for_at_once(self, here: Path) -> None:
        whole = train(loaded("trainer.epochs=6", "run.root=whole"), lambda _: None).folder
        short = train(loaded("trainer.epochs=4", "run.root=short"), lambda _: None).folder

        longer = resumed(short, "trainer.epochs=6")

        assert differences(whole, longer) == []
        assert status_of(longer)["overrides"][-1] == "trainer.epochs=6"

    def test_every_other_difference_is_told_with_both_values(self, here: Path) -> None:
        run = train(loaded("trainer.epochs=4"), lambda _: None).folder

        with pytest.raises(UsageError) as caught:
            load_resumable(run, ["optimizer.lr=0.5", "model.units=[8]", "trainer.epochs=3"])

        told = [problem.what for problem in caught.value.problems]
        assert told == [
            "`model.units` is [8], but the run was started with [16]",
            "`optimizer.lr` is 0.5, but the run was started with 0.002",
            "`trainer.epochs` is 3, but the run was started with 4",
        ]

    def test_under_a_schedule_that_reckons_with_them_epochs_stay(self, here: Path) -> None:
        run = train(loaded("schedule=cosine"), lambda _: None).folder

        with pytest.raises(UsageError, match="with schedule cosine the rate of every step"):
            load_resumable(run, ["trainer.epochs=9"])

    def test_where_the_last_quarter_of_them_is_averaged_epochs_stay(self, here: Path) -> None:
        run = train(loaded("trainer.average.name=swa"), lambda _: None).folder

        with pytest.raises(UsageError, match="the epoch from which weights are averaged depends"):
            load_resumable(run, ["trainer.epochs=9"])

    def test_a_config_that_was_edited_is_not_gone_on_with(self, here: Path) -> None:
        run = broken_off(sized(WINE, (), "runs"), 3)
        file = run / "config.yaml"
        file.write_text(file.read_text().replace("batch_size: 4", "batch_size: 16"))

        with pytest.raises(UsageError, match="has changed since the start of this run"):
            load_resumable(run)

    def test_other_data_are_not_gone_on_with(self, here: Path) -> None:
        run = broken_off(sized(WINE, (), "runs"), 3)
        file = run / "data.json"
        known = json.loads(file.read_text())
        file.write_text(json.dumps({**known, "digest": "0" * 64}))
        seal_again(run)

        with pytest.raises(
            UsageError, match=("the dataset is different from what this run was trained on")
        ):
            resumed(run)


def test_another_machine_is_stamped_and_stays_so(here: Path) -> None:
    folder = broken_off(sized(WINE, (), "runs"), 3)
    file = folder / "environment.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "torch": "1.0"}))
    seal_again(folder)
    with pytest.raises(Interrupted):
        resumed(folder, watchers=(Stop(9),))

    resumed(folder)

    stamps = json.loads((folder / "report.json").read_text())["stamps"]
    assert [stamp.partition(", not 1.0")[1] for stamp in stamps] == [", not 1.0"]
    assert stamps[0].endswith("the bits may differ from those of an uninterrupted run")
    assert here.exists()


class TestDamage:
    def test_the_checkpoint_before_is_used_and_the_damaged_one_named(self, here: Path) -> None:
        whole = train(sized(WINE, (), "whole"), lambda _: None).folder
        config = sized(WINE, ("checkpoint.every_steps=7",), "broken")
        folder = broken_off(config, 24)
        newest = sorted((folder / "checkpoints" / "last").glob("manifest-*"))[-1]
        newest.write_bytes(newest.read_bytes()[:-9])

        resumed(folder)

        assert differences(whole, folder) == []
        log = (folder / "log.txt").read_text()
        assert "the checkpoint last of step 24 is damaged" in log
        assert "resumed after epoch 1, step 21" in log

    def test_where_none_is_sound_it_does_not_begin_anew(self, here: Path) -> None:
        folder = broken_off(sized(WINE, (), "runs"), 9)
        for file in (folder / "checkpoints" / "last").glob("weights-*"):
            file.write_bytes(b"bit rot")

        with pytest.raises(RunError, match="is damaged"):
            resumed(folder)

    def test_curves_that_are_not_the_checkpoints_are_refused(self, here: Path) -> None:
        folder = broken_off(sized(WINE, (), "runs"), 20)
        file = folder / "metrics.jsonl"
        file.write_text(file.read_text().replace("0.", "1.", 1))
        seal_again(folder)

        with pytest.raises(RunError, match=r"metrics.jsonl has changed since"):
            resumed(folder)


def test_bits_that_turn_and_cuts_of_a_runs_own_checkpoint(here: Path) -> None:
    assert check_damage(150) == 300


@pytest.mark.slow
def test_thousands_of_bits_that_turn_and_cuts(here: Path) -> None:
    assert check_damage(2000) == 4000


def check_damage(times: int) -> int:
    """Turns one bit, or cuts a file short, so often each; returns how often that was noticed."""
    folder = broken_off(sized(WINE, (), "runs"), 20) / "checkpoints" / "last"
    files = sorted(file for file in folder.iterdir() if file.stat().st_size)
    places = random.Random(0)
    noticed = 0
    for turn in range(2 * times):
        file = places.choice(files)
        whole = file.read_bytes()
        at = places.randrange(len(whole))
        changed = bytearray(whole)
        changed[at] ^= 1 << places.randrange(8)
        file.write_bytes(bytes(changed) if turn % 2 else whole[:at])
        try:
            checkpoint.load(folder)
        except RunError:
            noticed += 1
        file.write_bytes(whole)
    checkpoint.load(folder)
    return noticed


class TestTheVerb:
    ARGUMENTS = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=3")

    def test_a_finished_run_is_left_alone(self, cli: Any) -> None:
        cli("train", *self.ARGUMENTS)

        answer = cli("resume", "last")

        assert answer.code == 0
        assert answer.out.endswith("is done: there is nothing to resume\n")

    def test_auto_goes_on_with_the_newest_unfinished_run(self, cli: Any, here: Path) -> None:
        config = loaded(base=self.ARGUMENTS)
        folder = broken_off(config, 7)
        assert find_unfinished(config.config) == folder

        answer = cli("train", *self.ARGUMENTS, "run.resume=auto")

        assert answer.code == 0, answer.err
        assert "resumed after epoch 0, step 7" in answer.out
        assert len(list(here.glob("runs/wine/*"))) == 1
        assert find_unfinished(config.config) is None
        assert cli("train", *self.ARGUMENTS, "run.resume=auto").code == 0
        assert len(list(here.glob("runs/wine/*"))) == 2

    def test_of_two_at_once_one_wins_and_the_other_says_who(self, here: Path) -> None:
        folder = broken_off(sized(WINE, ("trainer.epochs=4",), "runs"), 7)
        with Process(["resume", str(folder)], SLOW) as first:
            first.until("in a long step")
            with pytest.raises(UsageError) as caught:
                resumed(folder)

        told = str(caught.value)
        assert told.startswith(f"another process is using this run: process {first.pid} on ")
        resumed(folder)
        assert status_of(folder)["state"] == "done"

    def test_a_killed_run_is_called_killed(self, cli: Any, here: Path) -> None:
        config = loaded(base=self.ARGUMENTS)
        folder = broken_off(config, 7)
        status = status_of(folder)
        (folder / "status.json").write_text(json.dumps({**status, "state": "running"}))

        assert "killed" in cli("runs").out
        assert cli("resume", "last").code == 0
        assert "killed" not in cli("runs").out
        assert here.exists()


SLOW = """
import time
from dlx.training.loop import Training
step = Training.step
def slow(self, batch):
    step(self, batch)
    print("in a long step", flush=True)
    time.sleep(600)
Training.step = slow
"""


KILLED = (
    *("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=100"),
    *("trainer.batch_size=8", "model.dropout=0.3", "checkpoint.every_steps=5"),
)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed on POSIX systems only")
def test_killed_at_random_moments(here: Path) -> None:
    check_kills(here, 4)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="processes are killed on POSIX systems only")
def test_killed_a_hundred_times(here: Path) -> None:
    assert check_kills(here, 100) >= 5, "several runs were needed"


def check_kills(here: Path, kills: int) -> int:
    """Kills and resumes until so many kills have hit; each finished run must be the unbroken one.

    Returns:
        How many runs came to their end.
    """
    assert main(["train", *KILLED, "run.root=whole", "-q"]) == 0
    whole = the_run(here / "whole")
    moments = random.Random(0)
    hit = finished = 0
    while hit < kills:
        root = here / f"killed-{finished}"
        ended = False
        while not ended and (hit < kills or finished == 0):
            ended = killed_once(root, moments)
            hit += not ended
        if not ended:
            with command_of(root) as process:
                assert process.wait() == 0
        folder = the_run(root)
        assert differences(whole, folder) == [], finished
        assert not list(folder.rglob("*.tmp"))
        finished += 1
    return finished


def command_of(root: Path) -> Process:
    return Process(["train", *KILLED, f"run.root={root}", "run.resume=auto"])


def killed_once(root: Path, moments: random.Random) -> bool:
    """Starts or resumes, and kills at a random moment of the training; whether it was too late."""
    with command_of(root) as process:
        process.until("\nepoch", "\nweights")  # the last epoch may have been before the last kill
        time.sleep(moments.uniform(0.0, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    return bool(status_of(the_run(root))["state"] == "done")
