"""`epochs.csv`, read back by Python's reader of CSV files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from watched import WINE, trained, warnings_of

from dlx.config.load import load
from dlx.errors import Interrupted
from dlx.running.resume import load_resumable
from dlx.running.train import train
from dlx.training.callbacks import Callback
from dlx.training.training import Training

LOGGED = (*WINE, "callbacks=csv_log", "trainer.threads=1", "trainer.batch_size=4")


class Stop(Callback):
    def __init__(self, at: int) -> None:
        self._at = at

    def on_step_end(self, training: Training) -> None:
        training.progress.interrupted = training.progress.step >= self._at


def table(file: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def expected(curve: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in curve.read_text("utf-8").splitlines()]
    return [{k: v for k, v in row.items() if k not in ("step", "hex")} for row in rows]


def numbers(rows: list[dict[str, str]]) -> list[dict[str, float]]:
    return [{name: float(cell) for name, cell in row.items()} for row in rows]


def test_every_epoch_is_a_row_with_every_score_to_the_bit() -> None:
    run = trained(*WINE, "callbacks={csv_log: {separator: semicolon}}", "protocol={name: kfold}")

    for number in range(4):
        fold = run.folder / "folds" / str(number)
        rows = table(fold / "epochs.csv", ";")
        assert [*rows[0]][:3] == ["epoch", "lr", "train/loss"]
        assert numbers(rows) == expected(fold / "metrics.jsonl")


@pytest.mark.parametrize("at", [1, 10, 13])
def test_a_resumed_run_has_each_epoch_once(at: int) -> None:
    with pytest.raises(Interrupted):
        train(load(LOGGED), lambda _: None, [Stop(at)])
    (run,) = Path("runs/wine").iterdir()
    with (run / "epochs.csv").open("a") as stream:
        stream.write("9,of a process that was killed after its checkpoint\n")
    train(load_resumable(run), lambda _: None, resume=run)

    assert numbers(table(run / "epochs.csv")) == expected(run / "metrics.jsonl")
    assert warnings_of(run) == []


def test_names_are_no_formulas_and_a_new_score_gets_a_column() -> None:
    run = trained(*LOGGED)
    callback = run.stage.checkpoints.callbacks["callbacks.csv_log"]
    callback.on_epoch_end(run.training, {"=val/loss": 0.5})

    rows = table(run.folder / "epochs.csv")
    assert [row["'=val/loss"] for row in rows] == ["", "", "", "0.5"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    with pytest.raises(Interrupted):
        train(load(LOGGED), lambda _: None, [Stop(1)])
    (run,) = Path("runs/wine").iterdir()
    (run / "epochs.csv").unlink()
    (run / "epochs.csv").symlink_to(target)
    train(load_resumable(run), lambda _: None, resume=run)

    assert target.read_text() == "mine"
