"""Settings that a verb changes for the whole process are put back, and nothing asks for colour."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator

import pytest

from dlx.config.specs import TABLES


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
