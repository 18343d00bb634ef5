"""The section on how far predictions can be trusted: intervals and sets, and the surest rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from . import charts
from .blocks import Block, Section, Table, Text
from .read import Run, amount, finite, get, mappings
from .words import NONE, PARTS, between, number

SIZES = {
    "interval": "width",
    "set": "classes in a set",
    "labels": "labels in a set",
}
WRONG = {
    "interval": "mean absolute error",
    "set": "accuracy",
    "labels": "share of labels that are right",
}
_EACH = 6
"""Numbers of a row whose widths are told one by one."""


def trust(run: Run) -> Section:
    """How often intervals and sets hold the truth, and what it is worth not to answer some rows."""
    found = get(run.report, "trust", dict)
    targets = get(found, "targets", dict)
    blocks: list[Block] = [Text(_say(found))] if targets else []
    for name in targets:
        one = get(targets, name, dict)
        title = f"{name}: " if len(targets) > 1 else ""
        blocks += [_levels(one, title), *_risk(found, one, title)]
    return Section("trust", "How far its predictions can be trusted", blocks)


def _say(found: Mapping[str, Any]) -> list[str]:
    of, folds = f"errors on {number(amount(found, 'rows'))} validation rows", amount(found, "folds")
    if folds is not None and folds > 1:
        of += f" of {number(folds)} folds, each answered by the model that had it not"
    told = [
        f"The intervals and sets of dlx predict come from the {of} (split conformal prediction): "
        "of rows like these they hold the truth as often as is asked for."
    ]
    targets = get(found, "targets", dict)
    if any(get(get(targets, name, dict), "kind", str) == "set" for name in targets):
        told.append(
            "A set of classes always holds the answer: where the answer alone is right more often "
            "than is asked for, so is the set."
        )
    if found.get("time") is True:
        told.append(
            "The rows are in time: where what follows is unlike the validation rows, intervals and "
            "sets hold the truth less often."
        )
    if found.get("chosen") is True:
        told.append(
            "The same rows chose the epoch, so answers to them are a little too good, and new rows "
            "may be held a little less often than is asked for: see what test rows show."
        )
    alarms = amount(found, "alarms")
    if alarms is not None:
        seen = (
            ", or features are far from those of all training rows"
            if found.get("space") is True
            else ""
        )
        told.append(
            "dlx predict also says which rows are unlike the training rows: values are out of "
            f"range or were never seen{seen}. {alarms:.1%} of the validation rows are called so, "
            "which are false alarms."
        )
    return told


def _levels(one: Mapping[str, Any], title: str) -> Table:
    """What was asked for beside what was observed on test rows."""
    kind = get(one, "kind", str)
    rows = []
    for level in mappings(one, "levels"):
        sizes = [finite(size) for size in get(level, "size", list)]
        low, high = amount(level, "low"), amount(level, "high")
        ends = None if low is None or high is None else (low, high)
        asked = number(amount(level, "level"))
        rows.append([asked, number(amount(level, "observed")), between(ends), _size(sizes)])
    size = SIZES.get(kind, "size")
    head = ("asked for", "observed", "95% interval", size)
    rows_of = get(one, "rows", list)
    few = f", from {number(rows_of[0])} validation rows" if len(rows_of) == 1 else ""
    seen = any("observed" in level for level in mappings(one, "levels"))
    few += ", observed on the test set" if seen else ""
    shown = {"interval": "Intervals", "set": "Sets of classes", "labels": "Sets of labels"}
    return Table(f"{title}{shown.get(kind, kind)}{few}", head, rows, wide=False)


def _size(sizes: list[float]) -> str:
    if not sizes or not all(np.isfinite(sizes)):
        return "too few rows" if sizes else NONE
    if len(sizes) > _EACH:
        return f"{number(min(sizes))} to {number(max(sizes))}"
    return ", ".join(map(number, sizes))


def _risk(found: Mapping[str, Any], one: Mapping[str, Any], title: str) -> list[Block]:
    """How good the surest answers are, by the share of rows that is answered."""
    kind = get(one, "kind", str)
    answered = [finite(share) for share in get(found, "answered", list)]
    risk = [finite(value) for value in get(one, "risk", list)]
    if not risk or len(risk) != len(answered) or not np.isfinite(risk).all():
        return []
    values = risk if kind == "interval" else [1 - value for value in risk]
    name = WRONG.get(kind, "risk")
    columns = {
        "share of rows answered": tuple(f"{share:.7g}" for share in answered),
        name: tuple(f"{value:.7g}" for value in values),
    }
    part = PARTS.get(get(found, "part", str), "")
    by = "distance in feature space" if kind == "interval" else "probability"
    told = f"{title}{name} of the surest {part} rows, by {by}"
    return [charts.lines(columns, f"{told[0].upper()}{told[1:]}")]
