"""`check_step`: whether a preparation step learns from training rows alone, and only in `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.columns import Rows, as_column
from ..prepare.steps import Labels, State, Step, fit_apply_step
from .columns import content, orders
from .contract import require, require_same, through_json, working


def check_step(make: Callable[[], Step[Any]], column: Any, labels: Labels | None = None) -> None:
    """Checks every clause of the contract of preparation steps.

    Args:
        make: makes the step; one that is made anew applies what another has learnt.
        column: what it is given: a column, an array or a list of texts, of four rows at least;
            the first half trains.
        labels: of its rows, for a step that learns from a target.

    Raises:
        BrokenContract: the first clause that it does not keep.
        UsageError: the step cannot take the column.
    """
    step, given = make(), as_column(column)
    for fact in ("costly", "fitted"):
        told = getattr(step, fact, None)
        require(isinstance(told, bool), f"`{fact}` says whether it is", told)
    before, every = content(given), np.arange(len(given))
    train = every[: len(given) // 2]

    def fit(step: Any, rows: Rows) -> State:
        some = given.take(rows)
        learnt: State = step.fit(some) if labels is None else step.fit_to(some, labels.take(rows))
        return learnt

    state = fit(step, train)
    result = as_column(step.apply(given, state))
    require_same("fit() and apply() leave their column as it is", content(given), before)
    require(len(result) == len(given), "apply() gives a row for each row", len(result))
    clause = "fit() depends on its rows alone, whatever was fitted or applied before"
    for one in (step, make()):
        require_same(clause, fit(one, train), state)
    if not step.fitted:
        clause = "fit() learns nothing from rows where `fitted` is false"
        require_same(clause, fit(make(), every), state)
    clause = "fit_apply() gives what fit() and apply() give"
    learnt, both = fit_apply_step(make(), given, train, labels)
    require_same(clause, learnt, state)
    require_same(clause, content(both), content(result))
    loaded = through_json("the state is something that JSON can hold", state)
    clause = "a saved state gives a step made anew the same rows"
    with working(clause):
        again = as_column(make().apply(given, loaded))
    require_same(clause, content(again), content(result))
    clause = "apply() makes of a row the same, whatever rows are beside it"
    for rows in filter(len, orders(len(given)).values()):
        found = as_column(make().apply(given.take(rows), loaded))
        require_same(clause, content(found), content(result.take(rows)))
