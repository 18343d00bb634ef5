"""Every test stands in an empty folder, and leaves torch's settings as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from alone import folders, real_data, torch_as_it_was  # noqa: F401 - fixtures
from small import trained


@pytest.fixture(scope="session")
def wines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    root = tmp_path_factory.mktemp("wines") / "runs"
    return trained(f"run.root={root}", "test=false").folder
