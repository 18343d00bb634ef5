"""The same command gives the same bits in another process, whatever its hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from dlx.cli.main import main

TRAIN = ["task=imdb_raw", "dataset.sample=true", "trainer.epochs=2", "model.dropout=0.3"]
TRAIN += ["trainer.threads=1", "--quiet"]
"""Words are counted, sorted and looked up on the way to the ids."""


def another_process(root: Path) -> None:
    """Trains in a process of its own, as a user would start it, with a hash seed of its own."""
    command = [sys.executable, "-m", "dlx", "train", *TRAIN, f"run.root={root.name}"]
    seed = "42" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run(command, env=environment, cwd=root.parent, check=True)


def evidence(root: Path) -> dict[str, bytes]:
    """What must not differ by a bit."""
    (run,) = root.glob("*/*-*")
    (weights,) = (run / "checkpoints" / "last").glob("weights-*")
    names = ("metrics.jsonl", "predictions.csv", "prepare/pipeline.json", "data.json")
    return {"weights": weights.read_bytes(), **{n: (run / n).read_bytes() for n in names}}


def test_another_process_gives_the_same_bits(folders: Path) -> None:
    roots = [folders / "first", folders / "second"]
    assert main(["train", *TRAIN, f"run.root={roots[0].name}"]) == 0
    another_process(roots[1])

    first, second = map(evidence, roots)
    assert second == first
    assert first["metrics.jsonl"].count(b"\n") >= 2


def test_what_the_vocabulary_covers_is_told_in_log_and_report(folders: Path) -> None:
    root = folders / "told"
    assert main(["train", *TRAIN, "trainer.epochs=1", f"run.root={root.name}"]) == 0
    (run,) = root.glob("*/*-*")

    told = "review: vocabulary: 66 of 66 different tokens, 100.0% of all in the training texts"
    report = json.loads((run / "report.json").read_text())
    assert any(note.startswith(told) for note in report["notes"])
    assert told in (run / "log.txt").read_text()
