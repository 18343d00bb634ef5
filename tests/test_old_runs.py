"""Run folders of the version before: still read, with the scores that they were given then.

`old_runs/` is a folder of runs as dlx wrote it when all it could train was one model by one
loss: a run of one cut, one over folds with a final model, a sweep, and an interrupted run. Derived
pages, plots and lock files are left out.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dlx.runs.seal import find_broken, is_sealed

OLD = Path(__file__).parent / "old_runs"
DIGITS = "digits/20261126-193201-90c4fdcb-1"
FOLDS = "wine/20261126-193205-8f9723f6-1"
SLOW, FAST = "diabetes/20261126-193210-605acb64-1", "diabetes/20261126-193210-53535fa5-2"
CUT = "wine/20261126-193215-088ced24-1"
RUNS = (DIGITS, FOLDS, SLOW, FAST, CUT)
SWEEP = "diabetes-8df47db0"
RATES = ("task=diabetes", "model.units=[4]", "trainer.epochs=3", "trainer.threads=1")


@pytest.fixture(autouse=True)
def torch_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A training sets these for the whole process."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""))
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture
def runs(here: Path) -> Path:
    """A copy of the old runs, where they are looked for."""
    return Path(shutil.copytree(OLD, here / "runs"))


def status(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "status.json").read_text())
    return found


def losses(run: Path) -> list[float]:
    """The losses of a run's steps, those of its folds first."""
    files = [*sorted(run.glob("folds/*/losses.f32")), run / "losses.f32"]
    return [float(x) for file in files for x in np.fromfile(file, "<f4")]


@pytest.mark.parametrize("run", RUNS)
def test_every_file_is_as_it_was_sealed(run: str) -> None:
    assert is_sealed(OLD / run)
    assert find_broken(OLD / run) == []


def test_no_file_names_a_place_on_a_machine() -> None:
    files = [file for file in OLD.rglob("*") if file.is_file()]
    places = (b"/home/", b"/root/", b"/tmp/", b"/Users/")

    assert len(files) > 100
    assert not [file for file in files if any(p in file.read_bytes() for p in places)]


def test_they_are_listed_with_their_scores(runs: Path, cli: Any) -> None:
    columns = ("state", "val/accuracy", "val/mae", "test/accuracy", "answer.baseline")

    found = cli("runs", "--csv", "--columns", ",".join(columns))

    rows = {row.pop("run"): list(row.values()) for row in csv.DictReader(found.out.splitlines())}
    assert rows == {
        DIGITS: ["done", "0.9305555555555556", "", "0.9415041782729805", "0.10264623955431755"],
        FOLDS: ["done", "0.767605633802817", "", "0.8888888888888888", "0.3888888888888889"],
        SLOW: ["done", "", "144.92990316471582", "", "60.45070422535211"],
        FAST: ["done", "", "56.90976876272282", "", "60.45070422535211"],
        CUT: ["interrupted", "", "", "", ""],
    }


def test_the_best_of_them_is_found(runs: Path, cli: Any) -> None:
    found = json.loads(cli("best", "task=diabetes", "--json").out)

    assert (found["run"], found["value"]) == (FAST, 56.90976876272282)


def test_two_of_them_are_compared(runs: Path, cli: Any) -> None:
    found = cli("compare", f"runs/{SLOW}", f"runs/{FAST}", "--json")

    assert (found.code, found.err) == (0, "")
    (pair,) = json.loads(found.out)["differences"]
    assert pair["score"] == "val/mae"
    assert pair["difference"] == pytest.approx(56.90976876272282 - 144.92990316471582)
    assert pair["interval"] == pytest.approx([-104.4, -71.56], abs=0.05)
    assert (pair["significant"], pair["better"]) == (True, True)
    assert Path("comparison.html").is_file()


def test_two_of_them_are_told_apart(runs: Path, cli: Any) -> None:
    assert cli("diff", SLOW, FAST).out == "optimizer.lr: 0.01 -> 0.1\n"


@pytest.mark.parametrize(
    ("folder", "texts"),
    [
        (DIGITS, ("0.9415", "0.9122 to 0.9614", "0.8389", "338 of 359 rows", "Worst errors")),
        (FOLDS, ("0.8889", "0.7469 to 0.9559", "0.5352", "0.7826", "0.6589", "Worst errors")),
        (FAST, ("56.91", "47.95 to 67.25", "60.45", "5,160")),
        (CUT, ("interrupted", "1.124", "0.3571")),
        (f"sweeps/{SWEEP}", ("56.91", "144.9", "60.45", "129.5 to 160.7")),
    ],
)
def test_a_page_is_made_of_each(runs: Path, cli: Any, folder: str, texts: tuple[str, ...]) -> None:
    found = cli("report", f"runs/{folder}")

    page = (runs / folder / "report.html").read_text(encoding="utf-8")
    assert (found.code, found.err) == (0, "")
    assert [text for text in texts if text not in page] == []


@pytest.mark.parametrize(("run", "looks"), [(DIGITS, 2), (FOLDS, 2)])
def test_the_kept_weights_score_what_they_did(runs: Path, cli: Any, run: str, looks: int) -> None:
    found = json.loads(cli("test", run, "--json").out)

    kept = {name: x for name, x in status(runs / run)["scores"].items() if name.startswith("test/")}
    assert {s["name"]: s["value"] for s in found["scores"]} == pytest.approx(kept, rel=1e-6)
    assert found["looks"] == looks
    assert find_broken(runs / run) == []


def test_a_finished_sweep_trains_nothing_again(runs: Path, cli: Any, in_process: None) -> None:
    before = sorted(runs.glob("*/*-*"))

    found = cli("train", "-m", *RATES, "optimizer.lr=0.01,0.1")

    assert found.code == 0
    assert "2 of 2 trials are already done" in found.out.splitlines()
    assert sorted(runs.glob("*/*-*")) == before


def test_an_interrupted_run_is_not_continued_and_stays_as_it_is(runs: Path, cli: Any) -> None:
    found = cli("resume", CUT)

    assert found.code == 2
    assert found.err.startswith(
        "error: the checkpoint was written by an earlier version of dlx: its weights can be used, "
        "but this version cannot continue its training\n  where: "
    )
    assert found.err.endswith("/checkpoints/last\n  try: train again\n")
    assert find_broken(runs / CUT) == []
    assert status(runs / CUT) == status(OLD / CUT)


@pytest.mark.parametrize("run", [DIGITS, FOLDS, FAST])
def test_trained_again_they_lose_what_they_lost(here: Path, cli: Any, run: str) -> None:
    """To what processors differ by: `dlx reproduce` compares bits, and says on which processor."""
    old = status(OLD / run)

    assert cli("train", *old["overrides"], "--quiet").code == 0

    (new,) = here.glob("runs/*/*-*")
    assert losses(new) == pytest.approx(losses(OLD / run), rel=1e-5)
    assert status(new)["config_digest"] == old["config_digest"]


@pytest.mark.parametrize(
    ("arguments", "expected", "tolerance"),
    [
        (
            ("task=imdb", "trainer.batch_size=16"),
            (0.675877, 0.660946, 0.733086, 0.679735, 0.643287, 0.641829, 0.619901, 0.594886),
            1e-5,
        ),
        (
            ("task=reuters", "trainer.batch_size=16"),
            (3.80811, 3.81285, 3.83604, 3.80732, 3.86518, 3.82003, 3.80747, 3.81281),
            1e-5,
        ),
        (
            ("task=mnist", "model=convnet", "trainer.batch_size=32"),
            (2.31335, 2.33683, 2.30744, 2.24637, 2.21396),
            5e-3,
        ),
    ],
    ids=["reviews", "newswires", "pictures"],
)
def test_a_training_on_made_up_rows_loses_what_it_always_did(
    here: Path, cli: Any, arguments: tuple[str, ...], expected: tuple[float, ...], tolerance: float
) -> None:
    """On kinds of columns that the old runs have none of.

    RMSprop divides a gradient by its own size, so that a convolution's near 0 are the processor's.
    """
    small = ("dataset.sample=true", "trainer.epochs=1", "trainer.threads=1", "--quiet")

    assert cli("train", *arguments, *small).code == 0

    (run,) = here.glob("runs/*/*-*")
    assert losses(run) == pytest.approx(list(expected), rel=tolerance)


def test_one_is_reproduced_or_it_is_said_why_not(runs: Path, cli: Any) -> None:
    found = cli("reproduce", DIGITS, "--json")

    told = json.loads(found.out)
    assert found.code == (0 if told["identical"] else 3)
    assert told["identical"] or told["differences"]
    assert told["changed"][-1] == (
        "dlx moved each parameter by itself: Adam, momentum and clip_norm round differently now"
    )
