"""A table looked over: each column, what its target poses, and what may spoil what is learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..errors import Problem, UsageError
from .cells import Cells
from .coded import Codes, Numbers
from .described import Wishes
from .facts import ColumnFacts, Group, Posed, TableFacts, TimeOrder, describe_column
from .leaks import Suspect, measure, suspect_name
from .order import count_contradictions, count_copies, find_groups, find_time


def survey(cells: Cells, posed: Sequence[Posed], wishes: Wishes) -> TableFacts:
    """Everything that is guessed of a table.

    Args:
        cells: of the table.
        posed: what is to be predicted; empty where nobody has said it.
        wishes: what the user says beside it.
    """
    names = [one.target for one in posed]
    others = {name: one for name, one in cells.columns.items() if name not in names}
    groups = _wished_group(cells, wishes, [*find_groups(others, cells.types)])
    time = _wished_time(cells, wishes)
    roles = [group.column for group in groups if group.used]
    roles += [time.column] if time and time.used else []
    suspects = tuple(_suspects(cells, posed, roles))
    inputs = [others[name] for name in others if cells.types[name] not in ("identifier", "skip")]
    return TableFacts(
        cells.what,
        cells.rows,
        cells.profiled,
        tuple(_columns(cells)),
        count_copies([*cells.columns.values()]),
        count_copies(inputs),
        count_contradictions(inputs, [cells.columns[name] for name in names]),
        tuple(posed),
        suspects,
        tuple(groups),
        time,
        cells.notes,
    )


def _columns(cells: Cells) -> Iterator[ColumnFacts]:
    for name, column in cells.columns.items():
        yield describe_column(column, cells.types[name], cells.rules[name], cells.numbers(name))


def _suspects(cells: Cells, posed: Sequence[Posed], roles: Sequence[str]) -> Iterator[Suspect]:
    """Columns that may give a target away, those measured first.

    One that groups or orders rows may go with the target as it likes: no two sets share its values.
    """
    asked = {*roles, *(one.target for one in posed)}
    names = [n for n in cells.columns if n not in asked and cells.types[n] != "skip"]
    seen: set[str] = set()
    for one in posed:
        rows = np.flatnonzero(cells.columns[one.target].known)
        answers = _answers(cells, one)[rows]
        for name in (name for name in names if name not in seen):
            found = measure(name, cells.values(name)[rows], one.target, answers)
            if found:
                seen.add(name)
                yield found
    for one in posed:
        for name in (name for name in names if name not in seen):
            if found := suspect_name(name, one.target):
                seen.add(name)
                yield found


def _answers(cells: Cells, posed: Posed) -> Codes | Numbers:
    """Of each row its class's number, or its number."""
    if posed.problem == "regression":
        numbers = cells.numbers(posed.target)
        assert numbers is not None
        return numbers
    return cells.columns[posed.target].codes


def _wished_group(cells: Cells, wishes: Wishes, found: list[Group]) -> list[Group]:
    """The groups, of which only the one that the user names is used, where they name one."""
    used = [group for group in found if group.used]
    if wishes.group is None:
        # rows can be kept together by one column alone: the one that joins most of them
        chosen = min(used, key=lambda group: group.groups, default=None)
        return [replace(group, used=group is chosen) for group in found]
    if not wishes.group:
        return [replace(group, used=False) for group in found]
    column = cells.columns[wishes.group]
    largest = int(column.counts.max(initial=0))
    rule = f"--group says {wishes.group}"
    group = Group(wishes.group, column.distinct, largest, True, rule)
    others = [replace(one, used=False) for one in found if one.column != wishes.group]
    return [group, *others]


def _wished_time(cells: Cells, wishes: Wishes) -> TimeOrder | None:
    if wishes.time:
        held = cells.types[wishes.time]
        if held not in ("date", "number", "identifier"):
            what = f"column {wishes.time} is {held}, and rows are ordered by dates or numbers"
            accepted = "a column of dates, of numbers, or that numbers the rows"
            raise UsageError(Problem(what, f"--time {wishes.time}", accepted))
        return TimeOrder(wishes.time, True, f"--time says {wishes.time}")
    found = find_time(cells.dates())
    return replace(found, used=False) if found and wishes.time is not None else found
