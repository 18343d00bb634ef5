"""What a column poses as a target: which of two or several classes, or how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..config.names import find_nearest, join_names, plural
from ..errors import Problem, UsageError
from .coded import Coded, Numbers
from .described import correct
from .facts import Posed, shorten

FEW = 20
"""Different whole numbers up to which they may be classes as well as a quantity."""
LABELS = "|"
"""Stands between the labels of a cell that has several."""
ASKED = ("binary", "multiclass", "multilabel", "regression")
USUAL = ("target", "label", "class", "y", "outcome")
"""Names of columns that are usually the target."""


class AmbiguousError(UsageError):
    """Few whole numbers: classes or a quantity, which only the user knows.

    Attributes:
        target: the column.
        options: what it may be, with what that means.
    """

    def __init__(self, problem: Problem, target: str, options: dict[str, str]) -> None:
        super().__init__(problem)
        self.target, self.options = target, options


def split_asked(asked: str, names: Sequence[str], command: str) -> tuple[str, str]:
    """The column and the problem of `COLUMN[=PROBLEM]`; "" where it says none.

    Args:
        asked: what was typed.
        names: of the columns.
        command: what else was typed, to which a better answer is added.

    Raises:
        UsageError: there is no such column, or no such problem.
    """
    if asked in names:
        return asked, ""
    column, equals, problem = asked.rpartition("=")
    if not equals:
        column, problem = asked, ""
    if column not in names:
        near = find_nearest(column, names)
        hint = ""
        if near:
            hint = add_target(command, near, problem if problem in ASKED else "", asked)
        what, accepted = f"there is no column {column!r}", tell_names(names)
        raise UsageError(Problem(what, f"--target {asked}", accepted, hint))
    if problem and problem not in ASKED:
        what = f"{problem!r} is nothing that can be asked of a column"
        hint = add_target(command, column, old=asked)
        raise UsageError(Problem(what, f"--target {asked}", join_names(ASKED), hint))
    return column, problem


def refuse_without(names: Sequence[str], command: str) -> UsageError:
    """The refusal where nobody says what is to be predicted.

    Args:
        names: of the columns that may be.
        command: what was typed, to which the target is added.
    """
    usual = next((name for name in names if name.lower() in USUAL), names[-1] if names else "")
    what = "it is not said which column is to be predicted"
    hint = add_target(command, usual) if usual else ""
    return UsageError(Problem(what, "--target", tell_names(names), hint))


def add_target(command: str, column: str, problem: str = "", old: str = "") -> str:
    """A command that says what is to be predicted.

    Args:
        command: what was typed.
        column: the target.
        problem: what it poses; "" where that is not to be said.
        old: what the command said of it before.
    """
    told = f"{column}={problem}" if problem else column
    return correct(command, "--target", old, told)


def tell_names(names: Sequence[str], most: int = 30) -> str:
    """The columns there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return "one of the columns " + join_names(shorten(name, 40) for name in names[:most]) + more


def pose(
    column: Coded,
    type_: str,
    asked: str,
    convert: Callable[[Sequence[str]], Numbers] | None,
    command: str,
) -> Posed:
    """What a column poses.

    Args:
        column: its cells.
        type_: what it is taken for.
        asked: what the user says that it poses; "" where they do not.
        convert: gives the numbers of its texts; None where it has none.
        command: what was typed, to which an answer is added.

    Raises:
        UsageError: it cannot be a target, or not as asked.
        AmbiguousError: it may be classes or a quantity.
    """
    if problem := _unfit(column, type_):
        raise UsageError(problem)
    if asked:
        return _as_asked(column, asked, type_ == "number", command)
    values, classes = column.distinct, _classes(column)
    if convert is None and any(LABELS in text for text, _ in classes):
        return _pose_labels(column, f"cells hold several labels with {LABELS} between them")
    if values == 2:
        rule = "it has two values: " + " and ".join(shorten(text) for text, _ in classes)
        return Posed(column.name, "binary", rule, column.missing, classes)
    if convert is None:
        if refused := _too_many(column, classes, command):
            raise UsageError(refused)
        rule = f"it has {values:,} values that are no numbers"
        return Posed(column.name, "multiclass", rule, column.missing, classes)
    told = column.numbers(convert)
    told = told[np.isfinite(told)]
    if (told % 1 != 0).any():
        rule = f"it has {values:,} different numbers, not all of them whole"
        return Posed(column.name, "regression", rule, column.missing)
    if values > FEW:
        rule = f"it has {values:,} different whole numbers, more than {FEW}"
        return Posed(column.name, "regression", rule, column.missing)
    raise _ambiguous(column, classes, command)


def _pose_labels(column: Coded, rule: str) -> Posed:
    """Labels, of which a row may have none: an empty cell is an answer."""
    if column.missing:
        rule += f"; an empty cell holds none of them ({plural(column.missing, 'row')})"
    return Posed(column.name, "multilabel", rule)


def _classes(column: Coded) -> tuple[tuple[str, int], ...]:
    return tuple(column.most_frequent(len(column.texts)))


def _unfit(column: Coded, type_: str) -> Problem | None:
    """Why a column cannot be a target, whatever is asked of it."""
    name, where = column.name, f"column {column.name}"
    if not column.distinct:
        return Problem(f"{name} has no value in any row", where, "a column with values")
    if column.distinct == 1:
        only = shorten(column.most_frequent()[0][0])
        what = f"{name} has one value only, {only}: there is nothing to predict"
        return Problem(what, where, "a column with at least two values")
    if type_ == "date":
        what = f"{name} holds dates, which cannot be predicted"
        return Problem(what, where, "a column of numbers, classes or labels")
    return None


def _too_many(column: Coded, classes: Sequence[tuple[str, int]], command: str) -> Problem | None:
    """Why a column's texts are no classes; None where they are."""
    known = len(column) - column.missing
    name, where = column.name, f"column {column.name}"
    if classes[0][1] == 1:
        what = f"{name} has another value in each of {known:,} rows: none is left to learn it from"
        return Problem(what, where, "classes of at least two rows")
    if column.distinct > known / 2:
        what = f"{name} has {column.distinct:,} different texts in {known:,} rows"
        accepted = "a column of classes that have several rows each"
        return Problem(what, where, accepted, add_target(command, name, "multiclass", name))
    return None


def _as_asked(column: Coded, asked: str, numbers: bool, command: str) -> Posed:
    """What the user says that it poses, where it can."""
    name, where = column.name, f"--target {column.name}={asked}"
    rule = f"--target says {asked}"
    if asked == "regression":
        if not numbers:
            some = join_names(shorten(text) for text, _ in column.most_frequent(3))
            what = f"{name} is no column of numbers: it has {some}"
            hint = add_target(command, name, old=f"{name}={asked}")
            raise UsageError(Problem(what, where, "a column of numbers", hint))
        return Posed(name, asked, rule, column.missing)
    if asked == "multilabel":
        return _pose_labels(column, rule)
    if asked == "binary" and column.distinct != 2:
        what = f"{name} has {column.distinct:,} different values, and binary means two"
        hint = add_target(command, name, "multiclass", f"{name}={asked}")
        raise UsageError(Problem(what, where, "multiclass, or regression for numbers", hint))
    return Posed(name, asked, rule, column.missing, _classes(column))


def _ambiguous(column: Coded, classes: Sequence[tuple[str, int]], command: str) -> AmbiguousError:
    """The question that only the user can answer."""
    name = column.name
    numbers = sorted((text for text, _ in classes), key=float)
    some = join_names(numbers[:5]) + (", …" if len(numbers) > 5 else "")
    what = f"{name} has {column.distinct} different whole numbers ({some}): classes or a quantity?"
    typed = [add_target(command, name, one, name) for one in _BOTH]
    accepted = "; ".join(f"{one}: {told}" for one, told in _BOTH.items())
    hint = f"{typed[0]}   or   {typed[1]}"
    return AmbiguousError(Problem(what, f"column {name}", accepted, hint), name, dict(_BOTH))


_BOTH = {
    "multiclass": "classes, of which none is nearer to another",
    "regression": "a quantity, where 2 lies between 1 and 3",
}
