"""Settings that a verb changes for the whole process are put back, and nothing asks for colour."""

from __future__ import annotations

import gc
import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from dlx.cli.main import main
from dlx.config.specs import TABLES

SHORT = (
    *("task=wine", "protocol=holdout", "trainer.epochs=6", "trainer.threads=1"),
    *("workflow.trials=2", "workflow.capacity_steps=2"),
)
"""A workflow of two seconds."""


@pytest.fixture(scope="session")
def short() -> tuple[str, ...]:
    """The arguments of a short workflow."""
    return SHORT


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished runs, that differ in their seed."""
    folder = tmp_path_factory.mktemp("trained")
    small = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=2")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for seed in (0, 1):
            assert main(["train", *small, f"seed={seed}", "--quiet"]) == 0
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a short workflow came to its end; its answer is in answer.json."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.chdir(place)
        assert main(["workflow", *SHORT, "--json"]) == 0
    (place / "answer.json").write_text(out.getvalue())
    return place


@pytest.fixture
def done(whole: Path, here: Path) -> Path:
    """A copy of its run folder, below the folder where the test stands."""
    shutil.copytree(whole / "runs", here / "runs")
    (run,) = here.glob("runs/wine/*-*")
    return run


@pytest.fixture(autouse=True)
def _components_as_they_were() -> Iterator[None]:
    """What a plugin adds is taken out again."""
    before = {kind: dict(table.entries) for kind, table in TABLES.items()}
    modules = set(sys.modules)
    yield
    for kind, entries in before.items():
        TABLES[kind].entries.clear()
        TABLES[kind].entries.update(entries)
    for name in ("aimless", "holes", "twins"):
        if name not in modules:
            sys.modules.pop(name, None)


@pytest.fixture(autouse=True)
def _process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""))
    collecting = gc.get_threshold()
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    yield
    gc.set_threshold(*collecting)
    if torch is not None:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode("default")
