"""Every test stands in an empty folder, and leaves torch's settings as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


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
