"""What killed processes left half written in run folders, swept by whoever comes next."""

from __future__ import annotations

from pathlib import Path

from ..files import sweep_temporaries
from .folder import all_runs, read_status
from .lock import is_held

_WHOLE = ("done", "pruned")


def sweep_below(root: Path) -> None:
    """Sweeps every run that came to no end and that nobody is at work in.

    Args:
        root: the folder of all runs.
    """
    for folder in all_runs(root):
        state = (read_status(folder) or {}).get("state")
        if state not in _WHOLE and not is_held(folder):
            sweep_temporaries(folder)
