"""A table of the user's own, from its files to a task."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from ..config.names import join_names, plural
from ..errors import Problem, UsageError
from .cells import Cells
from .described import Description, Guess, Subject, Wishes
from .draft import Draft
from .drafting import draft_table
from .facts import ColumnFacts, Posed, TableFacts, shorten
from .order import find_groups, find_parts
from .posing import AmbiguousError, pose, split_asked
from .recipes import COPIES
from .steps import suggest_series
from .survey import survey

TITLES = ("column", "type", "missing", "values", "most frequent", "from", "to", "remarks")
RIGHT = ("missing", "values")


def fits(paths: Sequence[Path]) -> str:
    """Why some paths are a table; "" where they are not."""
    if any(path.is_dir() for path in paths):
        return ""
    return (
        "a row is a case" if len(paths) == 1 else f"a row of these {len(paths):,} files is a case"
    )


def open_table(paths: Sequence[Path], wishes: Wishes) -> TableSubject:
    """Reads all rows of a table.

    Raises:
        UsageError: it is none, or the user speaks of columns that it has not.
    """
    from .reading import read_cells

    return TableSubject(read_cells(paths, wishes), wishes)


class TableSubject(Subject):
    """A table that has been read.

    Args:
        cells: of the table.
        wishes: what the user says beside the path.
    """

    new = "new.csv"

    def __init__(self, cells: Cells, wishes: Wishes) -> None:
        self.cells, self.wishes = cells, wishes
        self.posed: list[Posed] = []

    def choices(self) -> tuple[str, ...]:
        """The columns that can be predicted."""
        columns, types = self.cells.columns, self.cells.types
        named = {group.column for group in find_groups(columns, types) if group.used}
        fine = (name for name, one in columns.items() if one.distinct > 1 and name not in named)
        return tuple(name for name in fine if types[name] not in ("date", "identifier"))

    def settle(self, targets: Sequence[str]) -> None:
        """Says what is to be predicted; all that is wrong is told at once."""
        posed: list[Posed] = []
        problems: list[Problem] = []
        for asked in dict.fromkeys(targets):
            try:
                posed.append(self._pose(asked))
            except AmbiguousError:
                raise
            except UsageError as error:
                problems += error.problems
        if problems:
            raise UsageError(*problems)
        self.posed = posed
        self.__dict__.pop("facts", None)

    def _pose(self, asked: str) -> Posed:
        name, problem = split_asked(asked, [*self.cells.columns], self.wishes.command)
        convert = self.cells.converts.get(name)
        column, type_ = self.cells.columns[name], self.cells.types[name]
        return pose(column, type_, problem, convert, self.wishes.command)

    @cached_property
    def facts(self) -> TableFacts:
        """What is known of the table."""
        return survey(self.cells, self.posed, self.wishes)

    def describe(self) -> Description:
        """Each column, and what is guessed."""
        facts = self.facts
        title = f"{facts.what}: {plural(facts.rows, 'row')}, {plural(len(facts.columns), 'column')}"
        if facts.profiled < facts.rows:
            title += f"; beside the types all is told of {facts.profiled:,} rows, evenly apart"
        rows = tuple(map(row_of, facts.columns))
        command = self.wishes.command
        series = suggest_series(self.cells, command)
        guesses = (*_types(facts), *guess(facts, command), *series, *self._ask_of_time())
        return Description(title, TITLES, rows, RIGHT, guesses, facts.plain())

    def _ask_of_time(self) -> Iterator[Guess]:
        """Asks whether rows that stand in time are to be cut at random."""
        numbers = {name: self.cells.numbers(name) for name in self.cells.of_type("number")}
        parts = find_parts({name: one for name, one in numbers.items() if one is not None})
        if parts and not self.facts.time and self.wishes.time is None:
            by = next(self.cells.find_numbering(), parts[0])
            told = f"{join_names(parts)} say when each was, and sets are cut at random; "
            told += f"{self.wishes.command} --time {shlex.quote(by)} cuts them in time"
            yield Guess("are rows in the order of time?", told, asks=True)

    def draft(self) -> Draft:
        """The task file."""
        if not self.posed:
            raise UsageError(Problem("nothing is to be predicted", "--target"))
        self._require_inputs()
        return draft_table(self.cells, self.facts, self.wishes)

    def _require_inputs(self) -> None:
        """Refuses a table that has nothing to learn from beside what is to be predicted."""
        posed = {one.target for one in self.posed}
        kinds = ("number", "category", "date", "text")
        if not any(name not in posed for name in self.cells.of_type(*kinds)):
            what = f"{self.cells.what} has no column to predict {join_names(sorted(posed))} from"
            accepted = "a column of numbers, categories, dates or texts beside it"
            raise UsageError(Problem(what, str(self.cells.paths[0]), accepted))


def row_of(column: ColumnFacts) -> tuple[str, ...]:
    """A column as a row of the table that tells of all of them."""
    top = f"{column.top} {column.share:.0%}" if column.top else ""
    missing = f"{column.missing:,}" if column.missing else "-"
    remarks = join_names(column.remarks)
    low, high = column.low, column.high
    return (column.name, column.type, missing, f"{column.distinct:,}", top, low, high, remarks)


def _types(facts: TableFacts) -> Iterator[Guess]:
    for column in facts.columns:
        yield Guess(f"{column.name}: {column.type}", column.rule)


def guess(facts: TableFacts, command: str) -> Iterator[Guess]:
    """What is guessed of a table as a whole."""
    types = {one.name: one.type for one in facts.columns}
    for one in facts.targets:
        yield Guess(f"{one.target} is predicted: {_tell_problem(one)}", one.rule)
        if one.missing:
            yield Guess(f"{plural(one.missing, 'row')} without {one.target}", "they are left out")
    for suspect in facts.suspects:
        asked = f"is {suspect.column} known before {suspect.target} is?"
        told = suspect.rule
        if suspect.why == "measured":
            takes = _typed(command, suspect.column, types[suspect.column])
            told += f"; it is left out: {takes} takes it"
        else:
            told += f"; it is kept: {_typed(command, suspect.column, 'skip')} leaves it out"
        yield Guess(asked, told, asks=True)
    for group in facts.groups:
        told = f"rows of one {group.column} stay together" if group.used else ""
        told = told or f"rows of one {group.column} may belong together (--group {group.column})"
        yield Guess(told, group.rule)
    if facts.time:
        used = f"sets are cut in the order of {facts.time.column}"
        may = f"sets may be cut in the order of {facts.time.column} (--time {facts.time.column})"
        yield Guess(used if facts.time.used else may, facts.time.rule)
    yield from _copies(facts)
    for note in facts.notes:
        yield Guess(note)


def _typed(command: str, column: str, type_: str) -> str:
    """A command that says what a column holds."""
    return f"{command} --type {shlex.quote(f'{column}={type_}')}"


def _copies(facts: TableFacts) -> Iterator[Guess]:
    kept = "they stay in one set (protocol.duplicates=together)"
    if facts.alike > COPIES:
        kept = f"{facts.alike:.0%} of the rows: cases alike, which may stand in two sets"
    if facts.duplicates:
        yield Guess(
            f"{plural(facts.duplicates, 'row')} equal to an earlier one in every column",
            kept,
        )
    if facts.repeated > facts.duplicates:
        told = (
            f"{plural(facts.repeated, 'row')} equal to an earlier one in all that is learned from"
        )
        other = f"; {facts.contradictory:,} of them with another target" * bool(facts.contradictory)
        yield Guess(told + other, kept)


def _tell_problem(posed: Posed) -> str:
    if not posed.classes:
        return posed.problem
    rows = sum(count for _, count in posed.classes)
    some = [f"{shorten(name)} {count / rows:.0%}" for name, count in posed.classes[:5]]
    more = f" and {len(posed.classes) - 5:,} more" if len(posed.classes) > 5 else ""
    return f"{posed.problem} ({join_names(some)}{more})"
