"""What listings of runs are made of: one small status a run, filtered, sorted, in columns."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..files import names_in
from ..names import is_temporary
from .files import list_in, mapping
from .folder import MARK, all_runs, name_of, read_status
from .lock import is_held

Status = dict[str, Any]

STATES = (
    *("damaged", "done", "failed", "interrupted", "killed", "paused", "pruned", "refused"),
    *("running", "unstarted"),
)
BASELINE = "answer.baseline"
"""The column of what a run's answering score is to beat."""
FIELDS = (
    *("run", "task", "title", "verb", "state", "started", "seconds", "seed", "sample", "sweep"),
    "experiment",
    *("best_epoch", "config_digest", BASELINE),
)
"""Columns of every run, whether its status holds them or not."""

_BEFORE_THE_CONFIG = ("lock", "log.txt", "workflow")
"""What may lie in a run folder before its config does."""
_LOWER_IS_BETTER = ("loss", "mae", "mse", "rmse", "penalty")
"""Measures of earlier versions, whose runs do not say which end of a score is the best."""
_UNITS = {"min": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(min|h|d|w)")


@dataclass(frozen=True)
class Filter:
    """What `key=a,b` asks of a run.

    Attributes:
        key: a field of the status, a score, or a config key that was typed.
        values: one of them must be the run's.
    """

    key: str
    values: tuple[str, ...]

    def takes(self, status: Status) -> bool:
        """Whether a run is such a one."""
        if self.key == "older":
            begun = _start_time(status)
            return begun is not None and time.time() - begun >= age(self.values[0])
        found = value_of(status, self.key)
        return found is not None and any(_is_same(found, wanted) for wanted in self.values)


def statuses(root: Path) -> list[Status]:
    """The status of every run below a root, oldest first; also of those whose own is damaged."""
    return list(by_folder(root).values())


def by_folder(root: Path) -> dict[Path, Status]:
    """The same by the run's folder."""
    found = {folder: status_of(folder) for folder in all_runs(root)}
    return {folder: status for folder, status in found.items() if status is not None}


def status_of(folder: Path) -> Status | None:
    """A run's status; one that calls itself running with no process at work was killed.

    Returns:
        It; one of state "damaged" where it cannot be read, or "unstarted" where the run was killed
        before it had one; None where a process is about to begin, or the folder is no run's.
    """
    status = read_status(folder)
    if status is None:
        return None if is_held(folder) else _describe_without_status(folder)
    if status.get("state") == "running" and not is_held(folder):
        status["state"] = "killed"
    return status


def _describe_without_status(folder: Path) -> Status | None:
    """What a folder is that has no status which can be read."""
    names = names_in(folder)
    if MARK in names or "config.yaml" in names:
        state, reason = "damaged", f"{MARK} {'cannot be read' if MARK in names else 'is gone'}"
    elif all(name in _BEFORE_THE_CONFIG or is_temporary(name) for name in names):
        state, reason = "unstarted", "it was killed before it started"
    else:
        return None
    name = name_of(folder)
    hint = f"dlx runs rm {name} deletes it"
    return {"run": name, "task": folder.parent.name, "state": state, "reason": reason, "hint": hint}


def scores_of(status: Status) -> dict[str, Any]:
    """A run's scores by name."""
    return mapping(status.get("scores"))


def baseline_of(status: Status) -> dict[str, Any]:
    """Name and value of what the answering score is to beat; empty where a run has none."""
    return mapping(mapping(status.get("answer")).get("baseline"))


def overrides_of(status: Status) -> list[str]:
    """The arguments that were typed."""
    return [str(one) for one in list_in(status, "overrides")]


def overrides_by_key(status: Status) -> dict[str, str]:
    """What was typed, by key; the last one of a key counts."""
    pairs = (one.lstrip("+").partition("=") for one in overrides_of(status))
    return {key: value for key, equals, value in pairs if equals}


def value_of(status: Status, column: str) -> str | int | float | None:
    """What a run has in a column: a status field, a score, or a value that was typed."""
    beside = {BASELINE: baseline_of(status).get("value")}
    for place in (status, scores_of(status), overrides_by_key(status), beside):
        found = place.get(column)
        if isinstance(found, bool):
            return str(found).lower()
        if isinstance(found, (str, int, float)):
            return found
    return None


def columns_of(every: Iterable[Status]) -> list[str]:
    """Every column that some run has a value in: fields first, then scores, then what was typed."""
    scores: dict[str, None] = {}
    keys: dict[str, None] = {}
    for status in every:
        scores |= dict.fromkeys(scores_of(status))
        keys |= dict.fromkeys(overrides_by_key(status))
    return list(dict.fromkeys([*FIELDS, *sorted(scores), *sorted(keys)]))


def check_column(every: Sequence[Status], name: str, where: str) -> None:
    """Refuses a column that no run has; where there are no runs, nothing is known.

    Raises:
        UsageError: with the nearest that there is.
    """
    if not every or name in FIELDS:
        return
    known = columns_of(every)
    if name not in known:
        from ..config.names import did_you_mean, join_names

        hint = did_you_mean(name, known, f"{where} {{}}" if where.startswith("-") else "{}=...")
        raise UsageError(Problem(f"no run has `{name}`", where, join_names(known), hint))


def parse(words: Sequence[str], every: Sequence[Status]) -> list[Filter]:
    """The filters that words as `key=a,b` stand for; the runs there are say which keys there are.

    Raises:
        UsageError: a word is no filter, or asks for what no run can be.
    """
    found = []
    for word in words:
        key, equals, rest = word.partition("=")
        if not equals or not key or not rest:
            what = f"`{word}` is not a filter"
            raise UsageError(Problem(what, "command line", "key=value, for example task=digits"))
        values = tuple(_alternatives(rest))
        if key == "older":
            age(rest)
        elif key == "state":
            _check_states(values)
        else:
            check_column(every, key, f"command line: {word}")
        found.append(Filter(key, values))
    return found


def _alternatives(text: str) -> list[str]:
    """The parts of a text between commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def age(text: str) -> float:
    """The seconds that "90min", "12h", "30d" or "2w" stand for.

    Raises:
        UsageError: it is no such age.
    """
    matched = _AGE.fullmatch(text)
    if matched is None:
        accepted = "a number with min, h, d or w, for example older=30d"
        raise UsageError(Problem(f"`{text}` is not an age", "command line: older=", accepted))
    return float(matched[1]) * _UNITS[matched[2]]


def _check_states(values: Sequence[str]) -> None:
    for value in values:
        if value not in STATES:
            from ..config.names import did_you_mean, join_names

            hint = did_you_mean(value, STATES, "state={}")
            what = f"there is no state `{value}`"
            raise UsageError(Problem(what, "command line: state=", join_names(STATES), hint))


def _start_time(status: Status) -> float | None:
    """When a run began, by the name of its folder."""
    stamp = str(status.get("run")).rpartition("/")[2][:15]
    with suppress(ValueError, OverflowError):
        return time.mktime(time.strptime(stamp, "%Y%m%d-%H%M%S"))
    return None


def _is_same(found: str | int | float, wanted: str) -> bool:
    """Whether a value is the one asked for; 0.01 and 1e-2 are the same number."""
    if str(found).replace(" ", "") == wanted.replace(" ", ""):
        return True
    try:
        return float(found) == float(wanted)
    except ValueError:
        return False


def number_of(status: Status, column: str) -> float | None:
    """A run's value in a column if it is a number."""
    found = value_of(status, column)
    if isinstance(found, str):
        with suppress(ValueError):
            found = float(found)
    return None if isinstance(found, str) or found is None or found != found else float(found)


def smaller_is_better(every: Iterable[Status], score: str) -> bool:
    """Whether a score is best when smallest: as the runs say, of whichever set it is."""
    measure = score.partition("/")[2] or score
    for status in every:
        for name, direction in _directions(status).items():
            if direction in ("min", "max") and str(name).partition("/")[2] == measure:
                return bool(direction == "min")
    return score.rpartition("/")[2] in _LOWER_IS_BETTER


def _directions(status: Status) -> dict[str, Any]:
    """Each score's direction; runs of earlier versions tell it of the answering score alone."""
    answer = mapping(status.get("answer"))
    told = {str(answer.get("score")): answer.get("direction")}
    return {**told, **mapping(status.get("directions"))}


def sort_runs(
    found: Sequence[Status], every: Sequence[Status], column: str, backwards: bool = False
) -> list[Status]:
    """Runs by a column: scores best first, all else smallest first.

    Args:
        found: the runs to order.
        every: all runs; they say what is a score, and which end of it is the best.
        column: the column.
        backwards: the other way round; runs without a value stand last all the same.
    """
    scores = {name for status in every for name in scores_of(status)}
    down = column in scores and not smaller_is_better(every, column)
    numbers = [(number_of(status, column), status) for status in found]
    having = [(number, status) for number, status in numbers if number is not None]
    having.sort(key=lambda pair: pair[0], reverse=down != backwards)
    rest = [status for number, status in numbers if number is None]
    texts = [status for status in rest if value_of(status, column) is not None]
    texts.sort(key=lambda status: str(value_of(status, column)), reverse=backwards)
    nothing = [status for status in rest if value_of(status, column) is None]
    return [*(status for _, status in having), *texts, *nothing]
