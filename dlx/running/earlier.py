"""What a run folder tells of the process that began it: for those who go on, or try again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ..config.extras import find_missing
from ..config.files import read_saved
from ..config.load import digest, tell_plugins
from ..config.schema import MAX_THREADS, Config
from ..errors import Problem, RunError, UsageError
from ..files import read_json
from ..sources.data import Data, split_digest
from ..training.accumulation import Change

T = TypeVar("T")
EACH = "dlx moved each parameter by itself: Adam, momentum and clip_norm round differently now"
BITS = ("dlx", "python", "torch", "numpy", "cpu", "device", "gpu", "cpu_capability", "threads")
"""What the bits of a result may depend on beside config and data."""


@dataclass(frozen=True)
class Before:
    """What an earlier process computed by, and bits depend on: to be done again so.

    Attributes:
        eval_batch: rows a batch in validation and test; 0: as the sizes of the model say.
        accumulate: where each stage, by its number, came to compute steps in more parts.
    """

    eval_batch: int = 0
    accumulate: Mapping[int, Sequence[Change]] = field(default_factory=dict)


ANEW = Before()


@dataclass(frozen=True)
class Earlier:
    """What a run folder says of itself.

    Attributes:
        folder: the run folder.
        status: its `status.json`.
        environment: its `environment.json`.
        data: its `data.json`.
        report: its `report.json`.
    """

    folder: Path
    status: Mapping[str, Any]
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    report: Mapping[str, Any]

    @property
    def state(self) -> str:
        """Its state: "done", "interrupted", ..."""
        return str(self.status.get("state", "unknown"))

    @property
    def done(self) -> bool:
        """Whether it came to its end."""
        return bool(self.status.get("state") == "done")

    @property
    def threads(self) -> dict[str, Any]:
        """Its thread count, and how it was chosen.

        Raises:
            RunError: it is not a count.
        """
        found = self.environment.get("threads_chosen")
        if isinstance(found, dict):
            count = found.get("count")
            if type(count) is int and 1 <= count <= MAX_THREADS:
                return found
        raise RunError(Problem("environment.json has no thread count", str(self.folder)))

    @property
    def scores(self) -> list[dict[str, Any]]:
        """The scores of its report: each with name, value and interval.

        Raises:
            RunError: the report holds none.
        """
        found = self.entry("report", "scores", list)
        if not all(map(is_score, found)):
            raise RunError(Problem("report.json has no scores", str(self.folder)))
        return found

    def entry(self, record: str, key: str, kind: type[T]) -> T:
        """What stands at a key of "status", "environment", "data" or "report".

        Raises:
            RunError: nothing of this kind does.
        """
        found = getattr(self, record).get(key)
        if not isinstance(found, kind):
            raise RunError(Problem(f"{record}.json has no {key}", str(self.folder)))
        return found

    def get_or(self, record: str, key: str, default: T) -> T:
        """The same; the default where nothing of its kind is told."""
        found = getattr(self, record).get(key)
        return found if type(found) is type(default) else default

    def check_needs(self, config: Config) -> None:
        """What the run used of the user's own must be allowed now, and packages installed.

        Raises:
            UsageError: a plugin is not allowed, or a package is missing.
        """
        shown = f"{self.folder.name}/config.yaml"
        values, _ = read_saved(self.folder / "config.yaml", shown)
        quiet = replace(config, run=replace(config.run, watch=False))  # nothing is logged again
        lacking = tell_plugins(values, config.plugins, shown)
        if lacking := [*lacking, *find_missing(quiet, lambda _: shown)]:
            raise UsageError(*lacking)

    def check_config(self, config: Config) -> None:
        """The config must be the one that the run was begun with.

        Raises:
            UsageError: it is another.
        """
        self.check_needs(config)
        known = self.status.get("config_digest")
        if known is not None and known != digest(config):
            what = "config.yaml has changed since the start of this run"
            hint = "restore it, or start a new run; dlx resume takes changes on the command line"
            raise UsageError(Problem(what, str(self.folder), f"digest {known}", hint))

    @property
    def eval_batch(self) -> int:
        """Rows a batch of its validation and test; 0 where it does not say: as its config has it.

        Raises:
            RunError: it is not a count.
        """
        found = self.environment.get("eval_batch_size", 0)
        if type(found) is int and found >= 0:
            return found
        where = str(self.folder)
        raise RunError(Problem("environment.json: eval_batch_size is not a count", where))

    @property
    def accumulate(self) -> dict[int, list[Change]]:
        """Where its stages, by number, came to compute steps in more parts.

        Raises:
            RunError: the report does not say it in numbers.
        """
        try:
            return read_changes(self.report.get("accumulate", {}))
        except (AttributeError, TypeError, ValueError) as error:
            where = str(self.folder)
            raise RunError(Problem("report.json: accumulate is not in numbers", where)) from error

    def check_data(self, data: Data) -> None:
        """The data, and how they are cut, must be those that the run was trained on.

        Raises:
            UsageError: they are others; with both digests.
        """
        pairs = {"digest": data.samples.digest, "split_digest": split_digest(data)}
        for key, found in pairs.items():
            known = self.data.get(key)
            if found != known and not (key == "digest" and data.samples.is_known_as(known)):
                what = "the dataset is" if key == "digest" else "the split is"
                raise UsageError(
                    Problem(
                        f"{what} different from what this run was trained on",
                        str(self.folder),
                        f"digest {known}",
                        f"found {found}; train again",
                    )
                )

    def find_changes(self, now: Mapping[str, Any]) -> list[str]:
        """What is no longer as it was, of all that bits may depend on, in an environment."""
        changed = [
            f"{name} is {now[name]}, not {self.environment.get(name)}"
            for name in BITS
            if now[name] != self.environment.get(name)
        ]
        was: Mapping[str, Any] = self.get_or("environment", "packages", {})
        for name, one in now.get("packages", {}).items():
            if one != was.get(name):
                changed.append(f"{name} is {one}, not {was.get(name)}")
        return changed if "flat_below" in self.environment else [*changed, EACH]


def is_score(one: object) -> bool:
    """Whether a file tells of a score as dlx does; a score may be undefined."""
    if not isinstance(one, dict) or not isinstance(one.get("name"), str) or "value" not in one:
        return False
    ends = one.get("interval")
    pair = ends is None or (isinstance(ends, list) and len(ends) == 2)
    numbers = [one.get("value"), *(ends or ())] if pair else ["none"]
    return all(n is None or type(n) in (int, float) for n in numbers)


def read_changes(found: Any) -> dict[int, list[Change]]:
    """Where stages came to compute steps in more parts, as JSON has it.

    Raises:
        AttributeError, TypeError, ValueError: it is something else.
    """
    return {
        int(number): [(int(step), max(1, int(parts))) for step, parts in changes]
        for number, changes in found.items()
    }


def read_earlier(folder: Path) -> Earlier:
    """Reads what a run folder says of itself.

    Raises:
        UsageError: it is a workflow's that has not come to its final model.
        RunError: a file is missing or damaged.
    """
    status = _read(folder / "status.json")
    if status.get("verb") == "workflow" and "config_digest" not in status:
        onward = str(status.get("onward") or "")
        what = f"this workflow is {status.get('state', 'unknown')}, and has no final model yet"
        if onward:
            what = "this workflow has no final model: its learner leaves the last step out"
        hint = onward or "the same dlx workflow command continues it"
        raise UsageError(Problem(what, str(folder), hint=hint))
    names = ("environment", "data", "report")
    return Earlier(folder, status, *(_read(folder / f"{name}.json") for name in names))


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = read_json(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        what = f"{file.name} cannot be read: {reason}"
        raise RunError(Problem(what, str(file.parent), hint="train again")) from error
    if not isinstance(found, dict):
        raise RunError(
            Problem((f"{file.name} is not a record"), str(file.parent), hint="train again")
        )
    return found
