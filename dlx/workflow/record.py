"""What a workflow leaves: a run folder with `workflow/<step>.json`, so that it can go on later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.load import Loaded, digest
from ..config.schema import Workflow
from ..errors import Problem, RunError, UsageError
from ..files import is_there, make_folder, parse_json, read_json, read_text, remove_file
from ..runs.files import append_bytes, cannot_write, plain, write_json
from ..runs.folder import all_runs, check_writable, create, read_status, write_status
from ..runs.lock import held, holder, tried

UNFINISHED = ("running", "paused", "interrupted", "failed", "refused")


class Record:
    """The evidence of each step in a run folder.

    Args:
        folder: the run folder.
        fresh: whether it was made just now, so that nothing in it is worth keeping yet.
    """

    def __init__(self, folder: Path, fresh: bool = False) -> None:
        self.folder, self.fresh = folder, fresh
        self._steps = folder / "workflow"
        self.trials = _Lines(self._steps / "trials.jsonl")
        self.rungs = _Lines(self._steps / "ladder.jsonl")

    @property
    def name(self) -> str:
        """The run's name below the root."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    def out(self, number: int) -> dict[str, Any] | None:
        """What a step left; None where it has not been done.

        Raises:
            RunError: it is damaged.
        """
        return self.read(str(number), ("finding", "facts"))

    def read(self, name: str, keys: Sequence[str]) -> dict[str, Any] | None:
        """A piece of evidence; None where there is none.

        Raises:
            RunError: it is damaged.
        """
        file = self._file(name)
        if not is_there(file):
            return None
        try:
            found = read_json(file)
            return {key: found[key] for key in keys}
        except (OSError, ValueError, KeyError, TypeError) as error:
            what = f"the evidence cannot be read: {error}"
            hint = f"delete {file.name}, and the same command takes what is missing again"
            raise RunError(Problem(what, str(file), hint=hint)) from error

    def forget_after(self, number: int) -> None:
        """Takes away what rests on a step that is about to be done anew."""
        later = [str(n) for n in range(number + 1, 8)]
        for name in [*later, *(["chosen"] if number < 7 else [])]:
            with suppress(FileNotFoundError):
                remove_file(self._file(name))
        for lines, owner in ((self.rungs, 6), (self.trials, 7)):
            if number < owner:
                lines.clear()

    def write(self, name: str, evidence: dict[str, Any]) -> None:
        """Keeps a piece of evidence."""
        write_json(self._file(name), evidence)

    def status(self, loaded: Loaded, state: str, **more: Any) -> None:
        """Writes `status.json`."""
        status = {
            "run": self.name,
            "task": loaded.config.task,
            "title": loaded.config.about.title,
            "verb": "workflow",
            "state": state,
            "workflow_digest": digest_of(loaded),
            "overrides": loaded.shown,
            "seed": loaded.config.seed,
            "sample": loaded.config.dataset.options.sample,
            **more,
        }
        write_status(self.folder, status)

    def _file(self, name: str) -> Path:
        return self._steps / f"{name}.json"


class _Lines:
    """A list that grows by whole lines of JSON, and drops a last line that was cut off."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> list[dict[str, Any]]:
        """Every entry so far."""
        found: list[dict[str, Any]] = []
        with suppress(FileNotFoundError):
            for line in read_text(self._file).splitlines():
                with suppress(ValueError):
                    found.append(parse_json(line))
        return found

    def clear(self) -> None:
        """Takes every entry away."""
        with suppress(FileNotFoundError):
            remove_file(self._file)

    def append(self, entry: dict[str, Any]) -> None:
        """Adds an entry.

        Raises:
            RunError: the file cannot be written.
        """
        append_bytes(self._file, (json.dumps(plain(entry), allow_nan=False) + "\n").encode())


def digest_of(loaded: Loaded) -> str:
    """What two commands must share for the second to go on where the first stopped."""
    return digest(replace(loaded.config, workflow=Workflow()))


@contextmanager
def opened(loaded: Loaded) -> Iterator[Record]:
    """The newest unfinished workflow of a config, else a new one; nobody else may write to it.

    Raises:
        UsageError: the folder of runs cannot be written to.
    """
    root = Path(loaded.config.run.root)
    check_writable(root)
    for folder in reversed(all_runs(root)):
        status = read_status(folder) or {}
        if status.get("workflow_digest") == digest_of(loaded) and status["state"] in UNFINISHED:
            with tried(folder) as mine:
                if not mine:
                    what = f"another process is at work in this workflow: {holder(folder)}"
                    hint = "wait for it, or stop it with Ctrl-C there"
                    raise UsageError(Problem(what, str(folder), hint=hint))
                yield Record(folder)
                return
    folder = create(root, loaded.config.task, digest(loaded.config))
    try:
        make_folder(folder / "workflow")
    except OSError as error:
        raise UsageError(cannot_write(folder, error)) from error
    with held(folder):
        record = Record(folder, fresh=True)
        record.status(loaded, "running")
        yield record
