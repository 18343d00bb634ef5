"""The task file of a table: what is read of it, and how it is learned."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from ..config.fields import Table, to_plain
from ..config.names import join_names, plural
from ..config.specs import DATASETS, MODELS, OPTIMIZERS, PROTOCOLS
from ..errors import Problem, UsageError
from .cells import Cells
from .described import Wishes
from .draft import Draft
from .facts import ColumnFacts, Posed, TableFacts
from .recipes import WORDS, Recipe, choose_learning, choose_metrics, choose_protocol, choose_scale

INPUTS = {"number": "numbers", "category": "categories", "date": "dates"}
"""The input that columns of a type stand in side by side; each text is one of its own."""
CODED = {"category", "text"}
"""What is learned as a vector or a weight for each value or word."""


FEWEST = 3
"""Groups of rows that can be cut into sets."""


def draft_table(cells: Cells, facts: TableFacts, wishes: Wishes) -> Draft:
    """The task file of a table, with every guess and its rule."""
    holds = choose_columns(cells, facts, wishes)
    if not {*holds.values()} - {"identifier", "skip"}:
        raise _refuse_empty(holds, facts, wishes)
    posed, rows = facts.targets, facts.rows - max(one.missing for one in facts.targets)
    group, groups = next(((one.column, one.groups) for one in facts.groups if one.used), ("", 0))
    time = facts.time.column if facts.time and facts.time.used else ""
    if group and groups < FEWEST and not time:
        raise _refuse_groups(group, groups, facts, wishes)
    recipe = Recipe()
    recipe.add("prepare", {"steps": [*_steps(holds)]})
    protocol, reason = choose_protocol(rows, posed, facts.alike, time, group, groups)
    recipe.add("protocol", _whole(PROTOCOLS, **protocol), reason)
    learning = choose_learning(rows, int(0.64 * rows), bool({*holds.values()} & CODED))
    recipe.add("model", _whole(MODELS, "tabular", **learning.model))
    recipe.add("optimizer", _whole(OPTIMIZERS, "adamw", **learning.optimizer))
    recipe.add("schedule", learning.schedule)
    recipe.add("trainer", learning.trainer, learning.reason)
    metrics, reason = choose_metrics(posed)
    if metrics:
        recipe.add("metrics", metrics, reason)
    if "kfold" in protocol["name"]:
        recipe.add("final", True, "a last model learns from all rows outside the test set")
    about = {"title": _title(posed, cells, holds), "source": ""}
    scales = {one.target: _scale(cells, one) for one in posed}
    targets = {one.target: {"problem": one.problem, **scales[one.target][0]} for one in posed}
    dataset = _dataset(cells, holds, group, time, any(one.missing for one in posed))
    draft = Draft([], {"about": about, "dataset": dataset, "targets": targets, **recipe.sections})
    _remark(draft, facts, holds, recipe)
    for name, (_, reason) in scales.items():
        draft.remark(("targets", name), reason)
    return draft


def _refuse_groups(group: str, groups: int, facts: TableFacts, wishes: Wishes) -> UsageError:
    """The refusal of rows that are too few groups to be cut into sets."""
    what = f"rows of one {group} stay together, and there are {groups} of them"
    accepted = f"{FEWEST} or more: a set to train, one to validate and one to test"
    return UsageError(Problem(what, facts.what, accepted, f"{wishes.command} --group ''"))


def _refuse_empty(holds: dict[str, str], facts: TableFacts, wishes: Wishes) -> UsageError:
    """The refusal of a table none of whose columns is an input, with why none is."""
    away = {one.column: f"gives {one.target} away" for one in facts.suspects}
    rules = {one.name: one.rule for one in facts.columns}
    told = join_names(f"{name} ({away.get(name, rules[name])})" for name in [*holds][:5])
    what = f"no column is left to learn from: {told}" if holds else "there is no other column"
    hint = ""
    if first := next(iter([name for name in holds if name in away] or holds), ""):
        hint = f"{wishes.command} --type {shlex.quote(f'{first}=category')}"
    accepted = "a column of numbers, categories, texts or dates"
    return UsageError(Problem(what, facts.what, accepted, hint))


def _whole(table: Table, name: str, **options: Any) -> dict[str, Any]:
    """A component with all of its options, so that the file says what they are."""
    written: dict[str, Any] = to_plain(table.default(name, **options)())
    return written


def choose_columns(cells: Cells, facts: TableFacts, wishes: Wishes) -> dict[str, str]:
    """What each column is read as: as it is taken for, or left out.

    A column that gives a target away is left out, and so is one that is the same in every row; one
    that groups rows is an identifier; but what the user says of a column stands.
    """
    targets = {one.target for one in facts.targets}
    given_away = {one.column for one in facts.suspects if one.why == "measured"}
    grouped = {one.column for one in facts.groups if one.used}
    found = {}
    for name, column in cells.columns.items():
        if name in targets:
            continue
        type_ = cells.types[name]
        if name in wishes.types:
            type_ = wishes.types[name]
        elif name in grouped:
            type_ = "identifier"
        elif name in given_away or column.distinct + bool(column.missing) < 2:
            type_ = "skip"
        found[name] = type_
    return found


def _dataset(
    cells: Cells, holds: dict[str, str], group: str, time: str, lacking: bool
) -> dict[str, Any]:
    """All options of the dataset, each with its value."""
    options: Any = DATASETS.entries["table"].options
    given = dict(cells.options)
    given |= {"columns": holds, "group": group, "time": time}
    given |= {"unlabelled": "skip"} if lacking else {}
    every = to_plain(options())
    every.pop("sample")
    first = {name: given[name] for name in ("file", "columns", "group", "time")}
    return {"name": "table", **first, **{n: given.get(n, one) for n, one in every.items()}}


def _steps(holds: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The steps that make numbers or ids of each input."""
    kinds = {*holds.values()}
    if "date" in kinds:
        yield {"name": "calendar", "columns": ["dates"]}
    numbers = [INPUTS[kind] for kind in ("number", "date") if kind in kinds]
    if numbers:  # new rows may lack a value where these have all of them
        yield {"name": "impute", "columns": numbers, "strategy": "median", "indicator": True}
        yield {"name": "standardise", "columns": numbers}
    if "category" in kinds:
        yield {"name": "categories", "columns": ["categories"]}
    for name in (name for name, one in holds.items() if one == "text"):
        yield {"name": "tokenize", "columns": [name], "num_words": WORDS, "min_count": 2}
        yield {"name": "multi_hot", "columns": [name], "size": WORDS, "mode": "tf_idf"}


def _scale(cells: Cells, posed: Posed) -> tuple[dict[str, str], str]:
    """How a quantity is learned, as an option of its target, and the rule; of classes nothing."""
    numbers = cells.numbers(posed.target)
    if posed.problem != "regression" or numbers is None:
        return {}, ""
    scale, reason = choose_scale(numbers)
    return {"scale": scale}, reason


def _title(posed: tuple[Posed, ...], cells: Cells, holds: dict[str, str]) -> str:
    names = join_names(one.target for one in posed)
    inputs = sum(one not in ("identifier", "skip") for one in holds.values())
    return f"{names} by {plural(inputs, 'column')} of {cells.paths[0].name}"


def _remark(draft: Draft, facts: TableFacts, holds: dict[str, str], recipe: Recipe) -> None:
    """Every guess and its rule, above the line that it stands for."""
    told = [f"{facts.what}: {plural(facts.rows, 'row')}", *facts.notes]
    draft.remark(("dataset",), *told, *_remark_rows(facts))
    suspects = {one.column: one for one in facts.suspects}
    for column in facts.columns:
        if column.name not in holds:
            continue
        path = ("dataset", "columns", column.name)
        draft.remark(path, _tell_column(column))
        if suspect := suspects.get(column.name):
            left = "left out" if holds[column.name] == "skip" else "kept"
            asked = f"{left}: is it known before {suspect.target} is?"
            draft.remark(path, f"{asked} {suspect.rule}")
    for group in facts.groups:
        key = ("dataset", "group") if group.used else ("dataset", "columns", group.column)
        may = "" if group.used else "rows with the same value may belong together (--group): "
        draft.remark(key, may + group.rule)
    if facts.time:
        key = ("dataset", "time")
        may = "" if facts.time.used else "sets may be cut in this order (--time): "
        draft.remark(key, may + facts.time.rule)
    for one in facts.targets:
        draft.remark(("targets", one.target), one.rule, _tell_classes(one))
    for section, reason in recipe.reasons.items():
        draft.remark((section,), reason)


def _remark_rows(facts: TableFacts) -> Iterator[str]:
    if facts.duplicates:
        yield f"{plural(facts.duplicates, 'row')} equal to an earlier one"
    if facts.repeated > facts.duplicates:
        yield f"{plural(facts.repeated, 'row')} equal to an earlier one in all that is an input"


def _tell_column(column: ColumnFacts) -> str:
    """A column's rule, and what else it holds, in one line."""
    told = [column.rule]
    if column.low:
        told.append(f"{column.low} to {column.high}")
    if column.missing and "missing" not in column.rule:
        told.append(f"{column.missing:,} missing")
    return "; ".join([*told, *(one for one in column.remarks if one not in column.rule)])


def _tell_classes(posed: Posed) -> str:
    if not posed.classes:
        return ""
    rows = sum(count for _, count in posed.classes)
    some = [f"{name}: {count:,} ({count / rows:.1%})" for name, count in posed.classes[:10]]
    more = f" and {len(posed.classes) - 10:,} more" if len(posed.classes) > 10 else ""
    return f"rows of each class: {join_names(some)}{more}"
