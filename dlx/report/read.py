"""What lies in a run folder, read for its report. Whatever is missing stays empty."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import Problem, RunError, UsageError
from ..files import fence, is_there, names_in, parse_json, read_text
from ..names import is_number
from ..printable import UNPRINTABLE
from ..runs.artifacts import PREDICTIONS, Artifact, list_artifacts
from ..runs.seal import find_broken

S = TypeVar("S")
T = TypeVar("T", str, list[Any], dict[str, Any])


@dataclass(frozen=True)
class Run:
    """A run folder's contents.

    Attributes:
        report: `report.json`; any key may be missing.
        epochs: the rows of `metrics.jsonl`, one an epoch, in order.
        predictions: the columns of `predictions.csv`, each of shape (rows,); empty without one.
        torn: whether the last row of `metrics.jsonl` was cut off, and is left out.
        folds: the same rows of each fold, in order; empty without folds.
        broken: what is no longer as it was when the run ended.
        artifacts: what the run left to be looked at, which lies below `folder`.
        folder: the run folder.
    """

    report: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...] = ()
    predictions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    torn: bool = False
    folds: tuple[tuple[Mapping[str, Any], ...], ...] = ()
    broken: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    folder: Path = Path()

    @property
    def sample(self) -> bool:
        """Whether the run were trained on synthetic sample data."""
        return bool(self.report.get("sample"))

    def curve(self, name: str) -> list[float]:
        """A measure's value in each epoch; nan where there is none that can be drawn."""
        return [finite(row.get(name)) for row in self.epochs]

    def predictions_of(self, target: str) -> dict[str, tuple[str, ...]]:
        """One target's columns: `true`, `predicted` and perhaps `probability`; or none."""
        several = "true" not in self.predictions
        names = {n: f"{target}:{n}" if several else n for n in ("true", "predicted", "probability")}
        found = {n: self.predictions[c] for n, c in names.items() if c in self.predictions}
        return found if "true" in found and "predicted" in found else {}


def read(folder: Path) -> Run:
    """Reads a run folder.

    Raises:
        UsageError: the folder holds no `report.json`.
        RunError: a file in it is damaged, or cannot be read.
    """
    report = main_facts(fence(folder) / "report.json", "run folder", "name a folder below runs/")
    epochs, torn = _epochs(folder / "metrics.jsonl")
    artifacts, changed = _artifacts(folder), tuple(find_broken(folder, weights=False))
    kept = any(one.file == PREDICTIONS.file for one in artifacts)
    predictions = _predictions(folder / PREDICTIONS.file) if kept else {}
    return Run(report, epochs, predictions, torn, _folds(folder), changed, artifacts, folder)


def main_facts(path: Path, kind: str, hint: str) -> dict[str, Any]:
    """The file that a folder cannot be reported without.

    Args:
        path: the file.
        kind: what the folder should be.
        hint: what to do where it is not.

    Raises:
        UsageError: there is no such file.
        RunError: it is damaged, or cannot be read.
    """
    if not is_there(path):
        what = f"{path.parent} is not a {kind} that can be reported: it has no {path.name}"
        raise UsageError(Problem(what, str(path), hint=hint))
    found = _json(_text(path), path)
    if not isinstance(found, dict):
        _refuse_damage(path, "contains no JSON object", "a JSON object")
    return found


def facts(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file; empty where there is none that can be read."""
    try:
        found = _json(_text(path), path) if is_there(path) else {}
    except RunError:
        return {}
    return found if isinstance(found, dict) else {}


def history(folder: Path, measure: str) -> list[list[float]]:
    """A measure's value in each epoch, once for each of a run's trainings; nan where it lacks.

    Args:
        folder: the run's, which may be missing, unfinished or damaged.
        measure: as in `metrics.jsonl`.
    """
    try:
        trainings = [_epochs(folder / "metrics.jsonl")[0], *_folds(folder)]
    except (OSError, RunError):
        return []
    values = [[finite(row.get(measure)) for row in rows] for rows in trainings]
    return [one for one in values if any(map(math.isfinite, one))]


def mean_curve(folders: Iterable[Path], measure: str, folds: int = 1) -> list[float]:
    """As `history`: the mean over runs that hold so many trainings, as far as all of them went."""
    found = [history(folder, measure) for folder in folders]
    curves = [curve for run in found if len(run) >= folds for curve in run]
    return [statistics.fmean(values) for values in zip(*curves, strict=False)]


def measures(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """What rows of `metrics.jsonl` hold of the training or the validation set, the loss first."""
    parts = dict.fromkeys(key.partition("/") for row in rows for key in row)
    names = dict.fromkeys(name for part, _, name in parts if part in ("train", "val") and name)
    return sorted(names, key=lambda name: name != "loss")


def get(tree: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """The text, list or mapping at a key; an empty one where there is none."""
    value = tree.get(key)
    return value if isinstance(value, kind) else kind()


def amount(tree: Mapping[str, Any], key: str) -> int | float | None:
    """The number at a key; None where there is none."""
    return as_number(tree.get(key))


def as_number(value: object) -> int | float | None:
    """A JSON value if it is a number, "not a number" included; None if it is anything else."""
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) > 2**63):
        return None  # beyond 2^63 nothing is measured, and float() may refuse it
    return value if isinstance(value, (int, float)) else None


def mappings(tree: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The mappings in the list at a key."""
    return [item for item in get(tree, key, list) if isinstance(item, dict)]


def span(tree: Mapping[str, Any]) -> tuple[float, float] | None:
    """The two ends of the interval in a mapping; None where there is none."""
    ends = [as_number(end) for end in get(tree, "interval", list)]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return ends[0], ends[1]


def drawn_span(tree: Mapping[str, Any]) -> tuple[float, float] | None:
    """The same, where both ends can be drawn."""
    ends = span(tree)
    return ends if ends and all(math.isfinite(finite(end)) for end in ends) else None


def finite(value: object) -> float:
    """The number, or nan where there is none that can be drawn."""
    known = as_number(value)
    return float(known) if known is not None and abs(known) < 1e100 else math.nan


def evenly(items: Sequence[S], most: int) -> list[S]:
    """As many of the items at most, evenly spaced, the first and the last among them."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).astype(np.int64)
    return [items[place] for place in places]


def numbers(cells: Iterable[str]) -> npt.NDArray[np.float64]:
    """The numbers of all cells, one after the other: a cell of a vector holds several.

    Returns:
        One a cell that holds one; nan where there is none that can be drawn.
    """
    return np.array([_float(text) for cell in cells for text in cell.split("|")], np.float64)


def _float(text: str) -> float:
    try:
        return finite(float(text))
    except ValueError:
        return math.nan


def _artifacts(folder: Path) -> tuple[Artifact, ...]:
    """What a run left to be looked at, then what each of its folds did."""
    found = list_artifacts(folder)
    for fold in _fold_names(folder):
        for one in list_artifacts(folder / "folds" / fold):
            title = f"{one.title or one.name}, fold {int(fold) + 1}"
            file = f"folds/{fold}/{one.file}"
            found.append(replace(one, name=f"{one.name}_{fold}", file=file, title=title))
    return tuple(found)


def _fold_names(folder: Path) -> list[str]:
    return sorted(filter(is_number, names_in(folder / "folds")), key=int)


def _folds(folder: Path) -> tuple[tuple[Mapping[str, Any], ...], ...]:
    """`metrics.jsonl` of each fold, by the number that its folder is named by."""
    files = (folder / "folds" / name / "metrics.jsonl" for name in _fold_names(folder))
    return tuple(_epochs(file)[0] for file in files if is_there(file))


def _epochs(path: Path) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    lines = [line for line in _text(path).split("\n") if line] if is_there(path) else []
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = _json(line, path, f", line {number}")
        except RunError:
            if number == len(lines):  # a run that was killed while it wrote: the rest still counts
                return tuple(rows), True
            raise
        if isinstance(row, dict):
            rows.append(row)
    return tuple(rows), False


def _predictions(path: Path) -> dict[str, tuple[str, ...]]:
    if not is_there(path):
        return {}
    try:
        return columns_of(_text(path))
    except ValueError as error:
        _refuse_damage(path, str(error), "the same columns in every row")


def clean(text: str) -> str:
    """A text with no character left that a page or a picture cannot show."""
    return UNPRINTABLE.sub("\ufffd", text)


def columns_of(text: str) -> dict[str, tuple[str, ...]]:
    """The columns of a CSV file by their titles.

    Raises:
        ValueError: it is damaged.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise ValueError(f"cannot be read as CSV ({error})") from error
    header = rows[0] if rows else []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise ValueError(f"is damaged: row {number} has {len(row)} of {len(header)} columns")
    return dict(zip(header, zip(*rows[1:], strict=True), strict=False))


def _text(path: Path) -> str:
    try:
        return clean(read_text(path, "replace"))
    except OSError as error:
        _refuse_damage(path, f"cannot be read: {error.strerror}", "a readable file")


def _json(text: str, path: Path, where: str = "") -> Any:
    try:
        return tree_of(text)
    except (ValueError, RecursionError) as error:
        _refuse_damage(path, f"is not JSON ({error})", "JSON", where)


def tree_of(text: str) -> Any:
    """What JSON text says, its texts as a page can show them.

    Raises:
        ValueError: it is no JSON.
    """
    return _printable(parse_json(text))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


def _refuse_damage(path: Path, what: str, accepted: str, where: str = "") -> NoReturn:
    hint = f"restore the {path.name} that the training wrote, or train again"
    raise RunError(Problem(f"{path.name} {what}", f"{path}{where}", accepted, hint))
