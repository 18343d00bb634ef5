"""What is to be looked at of anomalies: the rows, and how many of the first ones are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.samples import Samples
from ..judging.evaluation import Kind
from ..judging.ranked import Marks
from ..metrics.base import Values
from ..runs.artifacts import Artifacts
from .worst import name_row, show_inputs

SHOWN = 12
_NAMED = 3
"""Columns that are named of each row, those that are farthest from the mean."""
_ALONG = 200
"""Rows from the top along which precision is drawn."""


def leave_cards(
    into: Artifacts,
    samples: Samples,
    facts: Mapping[str, Sequence[Any]],
    away: Values,
    names: Sequence[str],
) -> None:
    """The most anomalous rows as people see them, with the columns that are most unlike others'.

    Args:
        into: takes them.
        samples: the dataset.
        facts: of the rows, by name; `row` is their number in the dataset.
        away: standard deviations from the mean, (rows, columns).
        names: of the columns.
    """
    cards = []
    for place, row in enumerate(facts["row"]):
        far = np.argsort(-np.abs(away[place]), kind="stable")[:_NAMED]
        told = ", ".join(f"{names[at]} {away[place, at]:+.1f}" for at in far.tolist())
        own = {name: values[place] for name, values in facts.items()}
        own["anomaly"] = float(own["anomaly"])
        shown = show_inputs(samples, row)
        if features := shown.get("features"):
            named = [names[at] for at in far.tolist()]
            shown["features"] = {one: features[one] for one in named if one in features}
        cards.append({**own, **name_row(samples, row), "std from the mean": told, "shown": shown})
    into.cards("anomalies", {"": cards}, title="Most anomalous rows", caption="most anomalous rows")


def leave_precision(
    into: Artifacts, ranked: Mapping[tuple[str, Kind], Values], marked: Marks
) -> None:
    """The precision of the first rows, one more at a time.

    Args:
        into: takes it.
        ranked: how anomalous rows are, by name and kind of who says so.
        marked: which rows are to be found.
    """
    many = min(len(marked), _ALONG)
    lines: dict[str, Any] = {"rows at the top": np.arange(1, many + 1)}
    for (name, _), scores in ranked.items():
        if np.ptp(scores):
            found = marked[np.argsort(-scores, kind="stable")][:many].cumsum()
            lines[name] = found / np.arange(1, many + 1)
        else:
            lines[name] = np.full(many, marked.mean())
    caption = f"the share of anomalies among the rows at the top; there are {int(marked.sum()):,}"
    into.lines("precision", lines, title="Precision along the list", caption=caption)
