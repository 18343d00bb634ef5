"""A config trained once more: its folder is not kept, its look at the test part is counted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.load import Loaded
from ..data.origins import locate_files
from ..running.earlier import ANEW, Before
from ..running.run import Run, Say
from ..running.train import train
from ..runs import ledger
from ..runs.log import silent
from ..runs.members import pin_members
from ..runs.source import pin_source
from ..training.callbacks import Callback


@contextmanager
def replay(
    loaded: Loaded,
    root: Path,
    name: str,
    say: Say = silent,
    watchers: Sequence[Callback] = (),
    threads: dict[str, Any] | None = None,
    original: Path | None = None,
    before: Before = ANEW,
) -> Iterator[Run]:
    """The finished run, whose folder lasts as long as this is entered.

    Args:
        loaded: the config; a run that it starts from is one below its `run.root`.
        root: the folder of runs in whose ledger the look is written down, as a replay.
        name: what is replayed, for the ledger.
        say: told what is being done, a line at a time.
        watchers: further callbacks, such as a progress bar.
        threads: a thread count and how it was chosen, in place of `trainer.threads`.
        original: the folder of the run that is replayed, which is told of the look.
        before: what it computed by.

    Raises:
        UsageError: the config cannot be run on these data or this machine.
        RunError: the training failed.
    """
    with tempfile.TemporaryDirectory(prefix="dlx-replay-") as place:
        here = Path(loaded.config.run.root)
        config = pin_members(pin_source(locate_files(loaded.config), here), here)
        config = replace(config, run=replace(config.run, root=place, watch=False))
        run = train(replace(loaded, config=config), say, watchers, threads=threads, before=before)
        if run.facts.get("looks") and not run.data.samples.sample:
            root.mkdir(parents=True, exist_ok=True)
            ledger.record(root, run.data.test_rows, name, "reproduce", folder=original)
        yield run
