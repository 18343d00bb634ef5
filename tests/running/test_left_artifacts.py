"""What a learner leaves after epochs: the same bytes, resumed or not; and no run fails for it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from small import loaded, the_run

from dlx import interrupts
from dlx.errors import Interrupted
from dlx.learning.supervised import Supervised
from dlx.reproduce.compare import differences
from dlx.running.resume import load_resumable
from dlx.running.train import train
from dlx.runs.artifacts import Artifacts, list_artifacts
from dlx.runs.seal import find_broken
from dlx.training.callbacks import Callback
from dlx.training.training import Training

SIZE = ("trainer.epochs=3", "checkpoint.every_epochs=2")


def leave(self: Supervised, into: Artifacts, when: str) -> None:
    """Weights and their digest: what differs wherever the training differs."""
    kernel = next(iter(self.model.parameters())).detach().numpy()
    into.texts("digest", {when: hashlib.sha256(kernel.tobytes()).hexdigest()})
    into.pictures("kernel", kernel[None, None])


class Stop(Callback):
    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


def run_of(root: str, *changes: str, stop: int = 0) -> Path:
    config = loaded(*SIZE, *changes, f"run.root={root}")
    if stop:
        with pytest.raises(Interrupted):
            train(config, lambda _: None, [Stop(stop)])
        return the_run(Path(root))
    return train(config, lambda _: None).folder


def kept(run: Path) -> dict[str, bytes]:
    return {one.file: (run / one.file).read_bytes() for one in list_artifacts(run)}


def test_a_resumed_run_leaves_what_one_leaves_that_never_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Supervised, "artifacts", leave)
    whole = run_of("whole")
    epochs = [one.epoch for one in list_artifacts(whole) if one.name == "digest"]
    assert epochs[:3] == [1, 2, 3]
    steps = json.loads((whole / "report.json").read_text())["steps"] // 3
    for at in (1, steps + 1, 3 * steps - 1):
        folder = run_of(f"stopped-{at}", stop=at)
        train(load_resumable(folder), lambda _: None, resume=folder)
        assert kept(folder) == kept(whole), at
        assert (folder / "artifacts.json").read_bytes() == (whole / "artifacts.json").read_bytes()
        assert find_broken(folder) == []
        assert differences(whole, folder) == []


@pytest.mark.parametrize("at", [("epoch", 2), ("end", None)])
def test_a_signal_while_something_is_left_stops_the_run_which_then_leaves_it(
    monkeypatch: pytest.MonkeyPatch, at: tuple[str, int | None]
) -> None:
    monkeypatch.setattr(Supervised, "artifacts", leave)
    whole = run_of("whole")

    def pressed(self: Supervised, into: Artifacts, when: str) -> None:
        if (when, into.epoch) == at:
            interrupts.stop()
        interrupts.check()  # as a pass over samples does
        leave(self, into, when)

    monkeypatch.setattr(Supervised, "artifacts", pressed)
    with pytest.raises(Interrupted):
        train(loaded(*SIZE, "run.root=stopped"), lambda _: None)
    folder = the_run(Path("stopped"))
    assert json.loads((folder / "status.json").read_text())["state"] == "interrupted"
    monkeypatch.setattr(Supervised, "artifacts", leave)
    train(load_resumable(folder), lambda _: None, resume=folder)
    assert kept(folder) == kept(whole)
    assert differences(whole, folder) == []


def test_what_a_learner_cannot_leave_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the pen is broken")

    monkeypatch.setattr(Supervised, "artifacts", fail)
    said: list[str] = []
    run = train(loaded(*SIZE), said.append)
    for epoch in (1, 2, 3):
        told = f"warning: not every artifact of epoch {epoch} is written: the pen is broken"
        assert told in said
    assert json.loads((run.folder / "status.json").read_text())["state"] == "done"


def test_folds_keep_theirs_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervised, "artifacts", leave)
    run = run_of("runs", "protocol=kfold", "protocol.k=2", "final=true")
    for folder in (run / "folds" / "0", run / "folds" / "1", run):
        assert [one.epoch for one in list_artifacts(folder)[:4:2]] == [1, 2]
    sealed = json.loads((run / "files.json").read_text())
    assert {"artifacts/kernel-1.png", "folds/1/artifacts/kernel-1.png"} <= sealed.keys()
