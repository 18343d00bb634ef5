"""The same command gives the same bits in another process, whatever its hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TRAIN = ["task=imdb_raw", "dataset.sample=true", "trainer.epochs=2", "model.dropout=0.3"]
"""Words are counted, sorted and looked up on the way to the ids."""


def begin(root: Path, hash_seed: str) -> subprocess.Popen[bytes]:
    """A process of its own, as a user would start it."""
    command = [sys.executable, "-m", "dlx", "train", *TRAIN, "trainer.threads=1", "--quiet"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.Popen([*command, f"run.root={root.name}"], env=environment, cwd=root.parent)


def evidence(root: Path) -> dict[str, bytes]:
    """What must not differ by a bit."""
    (run,) = root.glob("*/*-*")
    (weights,) = (run / "checkpoints" / "last").glob("weights-*")
    names = ("metrics.jsonl", "predictions.csv", "prepare/steps.json", "data.json")
    return {"weights": weights.read_bytes(), **{n: (run / n).read_bytes() for n in names}}


def test_another_process_gives_the_same_bits(folders: Path) -> None:
    roots = [folders / "first", folders / "second"]
    running = [begin(root, seed) for root, seed in zip(roots, ("0", "42"), strict=True)]
    assert [process.wait() for process in running] == [0, 0]

    first, second = map(evidence, roots)
    assert second == first
    assert first["metrics.jsonl"].count(b"\n") >= 2
