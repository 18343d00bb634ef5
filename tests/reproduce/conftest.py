"""A finished run of a tenth of a second, in an empty folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

TRAIN = ("task=wine", "dataset.sample=true", "trainer.threads=1", "trainer.epochs=3")


@pytest.fixture(autouse=True)
def torch_as_it_was(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training sets these for the whole process."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""))
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture
def run(cli: Any, here: Path) -> Path:
    """A finished run."""
    assert cli("train", *TRAIN).code == 0
    (found,) = here.glob("runs/*/*-*")
    return found
