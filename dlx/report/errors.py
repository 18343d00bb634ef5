"""The section on where the model errs, from `predictions.csv`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import PROBLEMS
from . import matrix_plots, plots
from .blocks import Block, Facts, Picture, Section, Table, Text
from .read import Run, get, numbers
from .words import PARTS, number, tally

_BESIDE = 3  # as many classes have their counts in a table beside the picture
_PAIRS = 10

Columns = Mapping[str, Sequence[str]]


def errors(run: Run) -> Section:
    """A confusion matrix or a scatter for each target."""
    problems = get(run.report, "problem", dict)
    named = [t for t in get(run.report, "targets", list) if isinstance(t, str)]
    targets = named or list(problems)
    blocks: list[Block] = []
    for target in targets:
        title = target if len(targets) > 1 else ""
        columns = run.predictions_of(target)
        if columns and columns["true"]:
            blocks += _show_target(run, get(problems, target, dict), columns, title)
    return Section("errors", "Predictions", blocks)


def _show_target(run: Run, problem: dict[str, Any], columns: Columns, title: str) -> list[Block]:
    row = PROBLEMS.get(get(problem, "type", str))
    classes = [str(name) for name in get(problem, "classes", list)]
    if row is None:
        return []
    if row.answer == "class":
        return _classes(run, columns, classes, title)
    return [_labels(columns, classes, title)] if row.classes else _numbers(run, columns, title)


def _prefix_title(text: str, target: str) -> str:
    return f"{target}: {text[0].lower()}{text[1:]}" if target else text


def _file(name: str, target: str) -> str:
    return f"{name}-{target}" if target else name


def _escape_names(classes: Sequence[str]) -> dict[str, str]:
    """Names as the CSV may hold them: an apostrophe keeps a spreadsheet from seeing a formula."""
    return {f"'{name}": name for name in classes if f"'{name}" not in classes}


def unescape_names(cells: Sequence[str], classes: Sequence[str]) -> list[str]:
    """A column of `predictions.csv` as names of classes."""
    marked = _escape_names(classes)
    return [marked.get(name, name) for name in cells]


def _rows(run: Run, many: int, noun: str = "row") -> str:
    split = PARTS.get(get(get(run.report, "answer", dict), "part", str))
    return tally(many, noun) + (f" of the {split} set" if split else "")


def _classes(run: Run, columns: Columns, classes: Sequence[str], target: str) -> list[Block]:
    true, predicted = (unescape_names(columns[c], classes) for c in ("true", "predicted"))
    names, counts = confusion(true, predicted, classes)
    rows, right = int(counts.sum()), int(np.trace(counts))
    many, few = len(names) > matrix_plots.MOST, len(names) <= _BESIDE
    shown, drawn = gather_classes(names, counts, matrix_plots.MOST - 1) if many else (names, counts)
    png = matrix_plots.confusion(drawn, shown)
    said = f"{number(right)} of {_rows(run, rows)} are correct"
    said += "" if many else " and lie on the diagonal"
    alt = f"Confusion matrix of {len(names)} classes: {said}."
    of = (
        f" Shown are the {len(shown) - 1} classes with the most rows, and the other classes "
        "together."
    )
    colour = f"Colour: share of the true class.{of if many else ''}"
    caption = _prefix_title(f"Confusion matrix: {said}. {colour}", target)
    blocks: list[Block] = [Picture(_file("confusion", target), png, caption, alt, wide=False)]
    if not few:
        blocks.append(_list_confusions(names, counts, target))
    if not many:
        blocks.append(_matrix(names, counts, target))
    return blocks


def confusion(
    true: Sequence[str], predicted: Sequence[str], classes: Sequence[str]
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Counts each pair of a true and a predicted class.

    Args:
        true: a name a row.
        predicted: the same length.
        classes: the names in their order; unknown ones that occur are added, sorted.

    Returns:
        All names, and the counts: rows are true classes, columns predicted ones.
    """
    pairs = Counter(zip(true, predicted, strict=True))
    seen = {name for pair in pairs for name in pair}
    names = [*dict.fromkeys(classes), *sorted(seen.difference(classes))]
    place = {name: index for index, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for (row, column), count in pairs.items():
        counts[place[row], place[column]] = count
    return names, counts


def gather_classes(
    names: Sequence[str], counts: npt.NDArray[np.int64], most: int
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The classes with the most rows in their order, and all others as one.

    Args:
        names: of the classes.
        counts: rows are true classes, columns predicted ones.
        most: as many classes stay, fewer than there are.
    """
    largest = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:most])
    place = np.full(len(names), most)
    place[largest] = range(most)
    into = np.zeros((most + 1, most + 1), np.int64)
    np.add.at(into, (place[:, None], place[None, :]), counts)
    return [*(names[at] for at in largest), f"{len(names) - most} others"], into


def _matrix(names: Sequence[str], counts: npt.NDArray[np.int64], target: str) -> Table:
    rows = [
        [name, *(number(int(count)) for count in row)]
        for name, row in zip(names, counts, strict=True)
    ]
    title = _prefix_title("Rows of each true class (down) and predicted class (across)", target)
    few = len(names) <= _BESIDE
    return Table(title, ("true", *names), rows, wide=not few, folded=not few)


def _list_confusions(names: Sequence[str], counts: npt.NDArray[np.int64], target: str) -> Table:
    """The pairs of different classes with the highest counts; the first ones where equal."""
    wrong = counts * (1 - np.eye(len(names), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    totals = counts.sum(axis=1)
    rows = []
    for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True):
        count = int(wrong[row, column])
        if count:
            share = f"{100 * count / totals[row]:.1f}%"
            rows.append([names[row], names[column], number(count), share])
    head = ("true class", "predicted as", "rows", "of the class")
    title = _prefix_title("Most often confused", target)
    return Table(title, head, rows, texts=(0, 1), wide=False)


def _labels(columns: Columns, classes: Sequence[str], target: str) -> Table:
    """Each label of a multilabel target: how often it is right, missed and made up."""
    pairs = zip(columns["true"], columns["predicted"], strict=True)
    marked = _escape_names(classes)
    sets = [(_set(true, marked), _set(predicted, marked)) for true, predicted in pairs]
    right = Counter(label for true, predicted in sets for label in true & predicted)
    missed = Counter(label for true, predicted in sets for label in true - predicted)
    made_up = Counter(label for true, predicted in sets for label in predicted - true)
    names = [*classes, *sorted((set(right) | set(missed) | set(made_up)).difference(classes))]
    rows = [[n, *map(number, (right[n], missed[n], made_up[n]))] for n in names]
    head = ("label", "found", "missed", "wrong predictions")
    return Table(_prefix_title("Labels", target), head, rows)


def _set(labels: str, marked: Mapping[str, str]) -> set[str]:
    return {marked.get(name, name) for name in labels.split("|") if name}


def _numbers(run: Run, columns: Columns, target: str) -> list[Block]:
    true, predicted = numbers(columns["true"]), numbers(columns["predicted"])
    alike = true.shape == predicted.shape  # not so where a cell of a vector is damaged
    known = np.isfinite(true) & np.isfinite(predicted) if alike else np.zeros(0, bool)
    if not known.any():
        return [Text([_prefix_title("No row has a finite true and predicted value.", target)])]
    noun = "row" if len(true) == len(columns["true"]) else "value"
    true, predicted = true[known], predicted[known]
    shown = min(len(true), plots.DOTS)
    of = f"{number(shown)} of " if shown < len(true) else ""
    said = f"{of}{_rows(run, len(true), noun)}; the dashed line is where both are equal."
    caption = _prefix_title(f"Predicted against true: {said}", target)
    off = number(float(np.median(np.abs(predicted - true))))
    alt = f"Predicted against true values: {said} Median absolute error: {off}."
    png = plots.scatter(true, predicted)
    counts = [(f"{noun}s", number(len(true)))]
    if len(known) > len(true):
        lost = number(len(known) - len(true))
        counts.append((f"{noun}s without a finite number, left out", lost))
    title = _prefix_title("Errors", target)
    facts = Facts(title, [*counts, *_distances(predicted - true)], wide=False)
    return [Picture(_file("scatter", target), png, caption, alt, wide=False), facts]


def _distances(error: npt.NDArray[np.float64]) -> list[tuple[str, str]]:
    size = np.abs(error)
    return [
        ("mean error (predicted minus true)", number(float(error.mean()))),
        ("median absolute error", number(float(np.median(size)))),
        ("90th percentile of the absolute error", number(float(np.quantile(size, 0.9)))),
        ("largest absolute error", number(float(size.max()))),
    ]
