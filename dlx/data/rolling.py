"""Rolling origins: a protocol for rows in time of which a single stretch would say too little.

Each fold trains on the rows before its origin and validates on those after it (Tashman,
"Out-of-sample tests of forecasting accuracy", 2000).
"""

from __future__ import annotations

import numpy as np

from ..config.specs.protocols import Rolling
from ..errors import Problem, UsageError
from .protocols import (
    Fold,
    Split,
    count_rows,
    cut_test,
    end_before,
    gap_of,
    made_by_of,
    refuse_gap,
)
from .samples import Samples


def rolling(
    options: Rolling,
    samples: Samples,
    seed: int,  # noqa: ARG001 - nothing is drawn
    target: str,  # noqa: ARG001 - time does not look at classes
) -> Split:
    """The rows before the test part end with k stretches; each validates what was learnt before it.

    Raises:
        UsageError: the samples have no time, or a part would be empty.
        MethodError: the gap is shorter than the target looks ahead.
    """
    gap = gap_of(options, samples)
    order, test, test_rule = cut_test(options, samples, gap)
    each = count_rows(options.validation, len(order), "protocol.validation", samples.sample)
    first = len(order) - options.k * each
    if first - gap < 1:
        raise UsageError(_refuse_size(options, each, len(order), gap))
    places = [first + origin * each for origin in range(options.k)]
    ends = [end_before(samples, order, at, gap) for at in places]
    begins = [origin * each * (options.window == "sliding") for origin in range(options.k)]
    if any(end <= begin for begin, end in zip(begins, ends, strict=True)):
        raise refuse_gap(options, samples, "less")
    folds = tuple(
        Fold(np.sort(order[begin:end]), np.sort(order[at : at + each]))
        for begin, end, at in zip(begins, ends, places, strict=True)
    )
    trained = sorted({len(fold.train) for fold in folds})
    rule = (
        f"in time, {options.k} origins ({options.window} window): {_span(trained)} rows train, the "
        f"next {each:,} validate, a new model for each; {test_rule}"
    )
    made_by = made_by_of(options)
    return Split("rolling", folds, test, rule, made_by, made_by)


def _span(sizes: list[int]) -> str:
    return f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"


def _refuse_size(options: Rolling, each: int, rows: int, gap: int) -> Problem:
    """The error where the stretches that validate leave no row to train on."""
    room = rows - gap - 1
    left = f", less the {gap:,} that are left out between two sets," if gap else ""
    what = (
        f"{options.k} stretches of {each:,} rows validate, and the {rows:,} rows before the test "
        f"set{left} leave none to train on"
    )
    most = room // options.k
    if most < 1:
        return Problem(what, "protocol.k", "more rows, or fewer between two sets")
    accepted = f"at most {most:,} rows each"
    return Problem(
        what, "protocol.validation", accepted, f"protocol.validation={max(1, most // 2)}"
    )
