"""What a workflow leaves: a run folder with `workflow/<step>.json`, so that it can go on later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..config.commands import Workflow
from ..config.load import Loaded, digest
from ..config.names import plural
from ..errors import Problem, RunError, UsageError
from ..files import is_there, make_folder, read_json, remove_file, sweep_temporaries
from ..running.start import marks_in
from ..runs.files import cannot_write, plain, write_json
from ..runs.folder import all_runs, check_writable, create, name_of, read_status, write_status
from ..runs.lines import Lines, sum_of
from ..runs.lock import busy, hold, try_to_hold

UNFINISHED = ("running", "paused", "interrupted", "failed", "refused")


class Record:
    """The evidence of each step in a run folder.

    Args:
        folder: the run folder.
        loaded: the config that was typed.
        fresh: whether it was made just now, so that nothing in it is worth keeping yet.
        marks: the experiment that it is of, for its status.
    """

    def __init__(
        self,
        folder: Path,
        loaded: Loaded,
        fresh: bool = False,
        marks: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.folder, self.loaded, self.fresh, self.marks = folder, loaded, fresh, dict(marks)
        self._steps = folder / "workflow"
        self.trials = Lines(self._steps / "trials.jsonl")
        self.capacity_steps = Lines(self._steps / "ladder.jsonl")

    @property
    def name(self) -> str:
        """The run's name below the root."""
        return name_of(self.folder)

    @property
    def digest(self) -> str:
        """What two commands must share for the second to go on where the first stopped."""
        return digest(replace(self.loaded.config, workflow=Workflow()))

    def output_of(self, number: int) -> dict[str, Any] | None:
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
            known = found.pop("sum", None)  # an older version wrote none
            if known not in (None, sum_of(found)):
                raise ValueError("its checksum is wrong")
            return {key: found[key] for key in keys}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"the record cannot be read: {error}"
            hint = f"delete {file.name}; the same command then runs the missing steps again"
            raise RunError(Problem(what, str(file), hint=hint)) from error

    def forget_after(self, number: int) -> None:
        """Takes away what rests on a step that is about to be done anew."""
        later = [str(n) for n in range(number + 1, 8)]
        for name in [*later, *(["chosen"] if number < 7 else [])]:
            with suppress(FileNotFoundError):
                remove_file(self._file(name))
        for lines, owner in ((self.capacity_steps, 6), (self.trials, 7)):
            if number < owner:
                lines.clear()

    def write(self, name: str, evidence: dict[str, Any]) -> None:
        """Keeps a piece of evidence."""
        kept = plain(evidence)
        write_json(self._file(name), {**kept, "sum": sum_of(kept)})

    def mend(self) -> list[str]:
        """Takes away what a killed process or a power cut spoilt; told, a line each."""
        sweep_temporaries(self.folder)
        told = []
        for lines in (self.capacity_steps, self.trials):
            if lost := lines.mend():
                many, name = plural(lost, "line"), lines.file.name
                told.append(f"{many} of {name} damaged: run again; kept as {name}.damaged")
        scaled = self.output_of(6)
        if scaled is not None and scaled["facts"].get("rungs") != len(self.capacity_steps.read()):
            told.append("ladder.jsonl has lost its end: step 6 continues from there")
            remove_file(self._file("6"))
        return told

    def is_over(self) -> bool:
        """Whether the last step and its report are there: there is nothing to resume."""
        return is_there(self._file("7")) and is_there(self.folder / "report.html")

    def status(self, state: str, **more: Any) -> None:
        """Writes `status.json`."""
        config = self.loaded.config
        status = {
            "run": self.name,
            "task": config.task,
            "title": config.about.title,
            "verb": "workflow",
            "state": state,
            "workflow_digest": self.digest,
            "overrides": self.loaded.shown,
            "seed": config.seed,
            "sample": config.dataset.options.sample,
            **self.marks,
            **more,
        }
        write_status(self.folder, status)

    def _file(self, name: str) -> Path:
        return self._steps / f"{name}.json"


@contextmanager
def open_workflow(loaded: Loaded, marks: Mapping[str, str]) -> Iterator[Record]:
    """The newest unfinished workflow of a config, else a new one; nobody else may write to it.

    Args:
        loaded: the config.
        marks: the experiment that was typed; an unfinished one keeps its own.

    Raises:
        UsageError: the folder of runs cannot be written to.
    """
    root = Path(loaded.config.run.root)
    check_writable(root)
    for folder in reversed(all_runs(root)):
        status = read_status(folder) or {}
        record = Record(folder, loaded, marks={**marks, **marks_in(status)})
        if status.get("workflow_digest") != record.digest:
            continue
        state = status.get("state")
        if state in UNFINISHED or (state == "done" and not record.is_over()):
            with try_to_hold(folder) as mine:
                if not mine:
                    raise busy(folder, "workflow")
                yield record
                return
    folder = create(root, loaded.config.task, digest(loaded.config))
    try:
        make_folder(folder / "workflow")
    except OSError as error:
        raise UsageError(cannot_write(folder, error)) from error
    with hold(folder):
        record = Record(folder, loaded, fresh=True, marks=marks)
        record.status("running")
        yield record
