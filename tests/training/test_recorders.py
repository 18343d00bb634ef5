from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from small import built, rows_of, same, trained, weights

from dlx.config.schema import Checkpoint as Options
from dlx.errors import RunError
from dlx.training import checkpoint
from dlx.training.loop import fit
from dlx.training.recorders import Checkpoints, Recorder


def test_a_row_an_epoch_with_every_float_also_as_hex() -> None:
    run = trained("trainer.epochs=3")

    rows = rows_of(run.folder)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["step"] for row in rows] == [run.training.source.steps * e for e in (1, 2, 3)]
    for row in rows:
        assert set(row) == {"epoch", "step", "lr", "hex", *row["hex"]}
        assert set(row["hex"]) >= {"train/loss", "train/accuracy", "val/loss", "val/accuracy"}
        assert all(float.fromhex(text) == row[name] for name, text in row["hex"].items())


def test_a_score_that_is_no_number_is_null_and_its_hex_says_which(tmp_path: Path) -> None:
    *_, training = built()
    recorder = Recorder(tmp_path / "metrics.jsonl")

    recorder.on_epoch_end(training, {"val/loss": math.nan, "train/loss": math.inf})

    text = (tmp_path / "metrics.jsonl").read_text()
    row = json.loads(text, parse_constant=lambda _: pytest.fail("this is not JSON"))
    assert (row["val/loss"], row["train/loss"]) == (None, None)
    assert row["hex"] == {"val/loss": "nan", "train/loss": "inf"}


def test_a_row_holds_no_clock() -> None:
    first, second = (rows_of(trained().folder) for _ in range(2))

    assert first == second


def test_history_is_kept_without_a_file(tmp_path: Path) -> None:
    *_, training = built()
    recorder = Recorder(None)

    recorder.on_epoch_end(training, {"val/loss": 0.5})

    assert recorder.history == [{"lr": 0.002, "val/loss": 0.5}]
    assert list(tmp_path.rglob("metrics.jsonl")) == []


def test_a_full_disk_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, training = built()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(RunError) as caught:
        Recorder(tmp_path / "metrics.jsonl").on_epoch_end(training, {"train/loss": 1.0})

    assert str(caught.value) == (
        "metrics.jsonl cannot be written: No space left on device\n"
        f"  where: {tmp_path}\n"
        "  try: free some space, or choose another folder with run.root=FOLDER"
    )


@pytest.mark.parametrize(
    ("direction", "scores", "best"),
    [
        ("min", [3.0, 1.0, 2.0], 2),
        ("max", [3.0, 1.0, 2.0], 1),
        ("min", [math.nan, 5.0, math.nan], 2),
        ("min", [3.0, -math.inf, math.nan], 1),
        ("min", [1.0, 1.0, 1.0], 1),
    ],
)
def test_the_best_epoch_is_kept_and_no_nan_ever_is(
    tmp_path: Path, direction: str, scores: list[float], best: int
) -> None:
    *_, training = built()
    keep = Checkpoints(tmp_path, "val/x", direction, Options())
    copies = []
    for epoch, score in enumerate(scores, start=1):
        training.progress.epoch, training.progress.step = epoch, 10 * epoch
        with torch.no_grad():
            training.parameters[0].fill_(epoch)
        copies.append(weights(training))
        keep.on_epoch_end(training, {"val/x": score})
    keep.on_fit_end(training)

    tensors, state = checkpoint.load(tmp_path / "best")
    assert same(tensors["weights"], copies[best - 1])
    assert (state["epoch"], state["step"], state["monitor"]) == (best, 10 * best, "val/x")
    assert float.fromhex(state["score_hex"]) == state["score"] == scores[best - 1]
    last, last_state = checkpoint.load(tmp_path / "last")
    assert same(last["weights"], copies[-1])
    assert (last_state["epoch"], last_state["step"]) == (3, 30)


def test_no_number_at_all_gives_no_best(tmp_path: Path) -> None:
    *_, training = built()
    keep = Checkpoints(tmp_path / "kept", "val/x", "min", Options())

    keep.on_epoch_end(training, {"val/x": math.nan})
    keep.on_fit_end(training)

    assert keep.best is None
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["last"]


def test_without_a_monitor_the_last_weights_are_kept(tmp_path: Path) -> None:
    *_, training = built("protocol=train_test")
    keep = Checkpoints(tmp_path / "checkpoints", None, "min", Options())

    keep.on_epoch_end(training, {"train/loss": 1.0})
    keep.on_fit_end(training)

    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["last"]


def test_a_long_training_writes_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, fold, training = built("trainer.epochs=4")
    keep = Checkpoints(tmp_path / "checkpoints", "val/loss", "min", Options(every_epochs=1))
    written: list[int] = []
    save = checkpoint.save

    def spy(folder: Path, tensors: Any, state: Any, keep: int = 1) -> None:
        save(folder, tensors, state, keep)
        written.append(state["step"]) if folder.name == "last" else None

    monkeypatch.setattr(checkpoint, "save", spy)
    fit(training, fold, [keep])

    steps = training.source.steps
    assert written[:4] == [steps, 2 * steps, 3 * steps, 4 * steps]
    tensors, state = checkpoint.load(tmp_path / "checkpoints" / "last")
    assert same(tensors["weights"], weights(training))
    assert state["epoch"] == 4


def test_the_rate_in_a_row_is_one_that_the_epoch_used() -> None:
    run = trained(
        "trainer.epochs=3", "optimizer.lr=0.01", "schedule={name: step, every: 1, gamma: 0.1}"
    )

    assert [row["lr"] for row in rows_of(run.folder)] == pytest.approx([0.01, 0.001, 0.0001])
