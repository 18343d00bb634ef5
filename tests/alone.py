"""Every test stands in an empty folder, and leaves torch's settings as they were."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

REAL = os.environ.get("DLX_DATA", "")


@pytest.fixture(autouse=True)
def folders(here: Path) -> Path:
    """The empty folder."""
    return here


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """A training sets these for the whole process."""
    threads = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real files; skips the test where there are none."""
    if not REAL:
        pytest.skip("DLX_DATA names no folder of real data")
    monkeypatch.setenv("DLX_DATA", REAL)
