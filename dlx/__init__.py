"""dlx: deep-learning experiments from the shell, and from Python.

`import dlx; run = dlx.train("task=digits"); run.scores` does what `dlx train task=digits` does; see
`dlx.api`, which is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .api import Run, call, list_runs, load_run, resume, train

__all__ = ["Run", "__version__", "call", "list_runs", "load_run", "resume", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module `dlx` has no attribute `{name}`")
    from . import api

    return getattr(api, name)
