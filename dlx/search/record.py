"""A sweep's folder, `<root>/sweeps/<name>/`: every trial's story in JSON lines, and the outcome."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import DlxError, Interrupted, Problem, RunError, UsageError
from ..files import fence, is_file, is_there, parse_json, read_bytes, read_json
from ..runs.files import make_folders, mapping, plain, read_record, write_json
from ..runs.folder import all_runs, name_of, read_status
from ..runs.lines import Chain, append_line

FOLDER = "sweeps"
TRIALS, OUTCOME = "trials.jsonl", "sweep.json"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")


def find_sweep(root: Path, name: str) -> Path | None:
    """The folder of a sweep by its path or its whole name; None where there is none."""
    for folder in (Path(name), root / FOLDER / name):
        with suppress(OSError, ValueError):  # too long for a path, or with a NUL
            if is_file(folder / OUTCOME) and NAME.fullmatch(folder.name):
                return fence(folder)
    return None


def folder_of(root: Path, name: str, where: str) -> Path:
    """The folder of a sweep by its name.

    Raises:
        UsageError: the name cannot be a folder's.
    """
    if not NAME.fullmatch(name):
        accepted = "at most 80 letters, digits, . _ and -"
        raise UsageError(Problem(f"`{name[:100]}` is not a valid folder name", where, accepted))
    return root / FOLDER / name


def harvest(run: Path) -> dict[str, Any] | None:
    """What a finished run gave, from its folder; None where it is not done or cannot be read."""
    status = read_status(run) or {}
    if status.get("state") != "done":
        return None
    try:
        report = read_json(run / "report.json")
        return _extract_facts(report) | {"run": name_of(run)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _extract_facts(report: Mapping[str, Any]) -> dict[str, Any]:
    answer = report["answer"] or {}
    seconds, parameters = report["seconds"]["train"], report["model"]["parameters"]
    scores = {one["name"]: one["value"] for one in report["scores"]}
    over = "folds" if len(report.get("folds") or ()) > 1 else "bootstrap"
    return {
        "state": "done",
        "score": answer.get("score"),
        "direction": answer.get("direction"),
        "value": answer.get("value"),
        "interval": answer.get("interval"),
        "interval_of": over if answer.get("interval") else None,
        "baseline": answer.get("baseline"),
        **_extract_worth(answer, report.get("power") or {}),
        "values": scores | {"parameters": parameters, "seconds": seconds},
        "epoch": answer.get("epoch"),
        "epochs": report["epochs"],
        "parameters": parameters,
        "seconds": seconds,
        "sample": bool(report.get("sample")),
    }


def _extract_worth(answer: Mapping[str, Any], power: Mapping[str, Any]) -> dict[str, Any]:
    """What the trial is worth beside simpler answers; empty of a run from before that counted."""
    if "use" not in power:
        return {}
    return {"beats": answer.get("beats"), "verdict": power["verdict"], "use": power["use"]}


def read_curve(run: Path) -> list[dict[str, Any]]:
    """The epochs of a run's curves; none where they cannot be read."""
    try:
        rows = [parse_json(line) for line in read_bytes(run / "metrics.jsonl").splitlines()]
    except (OSError, ValueError):
        return []
    return [row for row in rows if isinstance(mapping(row).get("epoch"), int)]


class Record:
    """The trials of a sweep so far, by key; each change is on the disk before it counts.

    Args:
        folder: the sweep's folder; made where it is missing.

    Raises:
        RunError: the folder cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make_folders(folder)
        fence(folder)
        self.trials: dict[str, dict[str, Any]] = {}
        self._read()

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.folder.name

    @property
    def root(self) -> Path:
        """The folder of all runs."""
        return self.folder.parent.parent

    def note(self, key: str, **facts: Any) -> None:
        """Adds facts to a trial's; a new `state` of "running" forgets how an earlier try ended.

        Raises:
            RunError: they cannot be written.
        """
        entry = plain({"key": key, **facts})
        append_line(self.folder / TRIALS, Chain().seal(entry))
        self._take(entry)

    def conclude(self, facts: Mapping[str, Any]) -> None:
        """Writes `sweep.json`, what reports and listings read.

        Raises:
            RunError: it cannot be written.
        """
        write_json(self.folder / OUTCOME, {"schema_version": 1, **facts})

    @contextmanager
    def conclude_on_interrupt(self, outcome: Callable[[str], Mapping[str, Any]]) -> Iterator[None]:
        """Concludes with the outcome so far where the work within is broken off.

        Args:
            outcome: the facts in a state; called with "interrupted".

        Raises:
            Interrupted: in place of Ctrl-C; any other error goes on as it is.
        """
        try:
            yield
        except BaseException as error:
            with suppress(DlxError):  # the first error is the one to tell
                self.conclude(outcome("interrupted"))
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted("interrupted") from None
            raise

    def outcome(self) -> dict[str, Any]:
        """`sweep.json` as it was last written; empty where there is none."""
        return read_record(self.folder / OUTCOME)

    def begun_runs(self) -> dict[tuple[int, str], Path]:
        """The newest run folder of each trial, by its number and the digest of its config."""
        found = {}
        for run in all_runs(self.root):
            status = read_status(run) if run.parent.name != FOLDER else None
            if status is not None and status.get("sweep") == self.name:
                number = status.get("trial")
                if isinstance(number, int):
                    found[number, str(status.get("config_digest"))] = run
        return found

    def _take(self, line: Mapping[str, Any]) -> None:
        known = self.trials.setdefault(line["key"], {})
        if line.get("state") == "running":
            known.clear()
        known.update(line)

    def _read(self) -> None:
        file = self.folder / TRIALS
        try:
            lines = read_bytes(file).split(b"\n") if is_there(file) else []
        except OSError as error:
            raise RunError(Problem(f"cannot be read: {error.strerror}", str(file))) from error
        for line in lines:
            with suppress(ValueError):  # damaged: its run folder tells what became of the trial
                found = Chain().unseal(line)
                if not _is_sound(found):
                    continue
                self._take(found)


_NUMBERS = ("value", "epoch", "epochs", "seconds", "parameters")


def _is_sound(line: Mapping[str, Any]) -> bool:
    """Whether a line of `trials.jsonl` holds what dlx writes: somebody may have edited it."""
    values, interval = line.get("values", {}), line.get("interval")
    numbers = [line.get(name) for name in _NUMBERS]
    if not isinstance(values, dict) or not (interval is None or _is_pair(interval)):
        return False
    numbers += [*values.values(), *(interval or ())]
    return isinstance(line.get("key"), str) and all(n is None or _is_number(n) for n in numbers)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
