"""Sweeps on a GPU: shared by workers, the same bits as alone, and after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.main import main

Cli = Callable[..., Any]
pytestmark = pytest.mark.gpu
DIGITS = ("task=digits", "trainer.device=cuda", "trainer.epochs=4")


def outcome(root: str = "runs") -> dict[str, Any]:
    (file,) = Path(root).glob("sweeps/*/sweep.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def curves(root: str = "runs") -> list[bytes]:
    return [(Path(root) / t["run"] / "metrics.jsonl").read_bytes() for t in outcome(root)["trials"]]


def test_workers_share_a_gpu_and_each_trial_has_the_bits_of_the_same_run_alone(
    cli: Cli, tmp_path: Path
) -> None:
    arguments = [*DIGITS, "optimizer.lr=0.01,0.001,0.003", "model.dropout=0.3"]
    assert cli("train", "-m", *arguments, "jobs=2").code == 0
    trial = outcome()["trials"][2]
    assert main(["train", *trial["arguments"], f"run.root={tmp_path}", "--quiet"]) == 0
    (alone,) = tmp_path.glob("digits/*-*")
    assert (alone / "metrics.jsonl").read_bytes() == curves()[2]
    machine = json.loads((Path("runs") / trial["run"] / "environment.json").read_text())
    assert machine["device"] == "cuda"


def test_auto_takes_a_job_a_gpu(cli: Cli) -> None:
    import torch

    from dlx.search.pool import Pool

    with Pool(None, "auto") as pool:
        assert pool.gpus == torch.cuda.device_count()
        assert pool.jobs == torch.cuda.device_count()


@pytest.mark.parametrize("model", [["model=mlp"], ["model=convnet", "model.channels=[8,16]"]])
def test_a_sweep_that_was_killed_on_a_gpu_goes_on_to_the_same_bits(
    cli: Cli, here: Path, model: list[str]
) -> None:
    arguments = [*DIGITS[:2], "trainer.epochs=20", *model, "optimizer.lr=0.01,0.001"]
    arguments += ["checkpoint.every_steps=20"]
    assert cli("train", "-m", *arguments, "run.root=whole").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "dlx", "train", "-m", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[1/2]"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert cli("train", "-m", *arguments).code == 0
    assert curves() == curves("whole")


def test_a_search_prunes_on_a_gpu(cli: Cli) -> None:
    rates = "optimizer.lr=choice(0.01,0.008,0.006,0.004,0.002,1e-9)"
    asked = ["tune.sampler=grid", "tune.pruner=median", "tune.warmup=1", "trainer.epochs=8"]
    assert cli("tune", *DIGITS[:2], rates, *asked).code == 0
    assert outcome()["trials"][5]["state"] == "pruned"
