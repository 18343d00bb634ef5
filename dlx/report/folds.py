"""The section on the folds of K-fold validation: each with its scores, their mean and spread."""

from __future__ import annotations

from ..config.names import join_names
from .blocks import Section, Table
from .read import Run, amount, get, mappings
from .words import number


def folds(run: Run) -> Section:
    """A row a fold, then the mean and the standard deviation."""
    found = mappings(run.report, "folds")
    names = list(dict.fromkeys(name for fold in found for name in get(fold, "scores", dict)))
    rows = []
    for place, fold in enumerate(found):
        of, scores = get(fold, "rows", dict), get(fold, "scores", dict)
        counts = [number(amount(of, part)) for part in ("train", "val")]
        which = amount(fold, "fold")
        name = number((place if which is None else which) + 1)
        epoch = number(amount(fold, "epoch"))
        rows.append([name, *counts, epoch, *(number(amount(scores, n)) for n in names)])
    summary = get(run.report, "fold_summary", dict) if rows else {}
    for label, key in (("mean", "mean"), ("standard deviation", "std")):
        values = [number(amount(get(summary, n, dict), key)) for n in names]
        if summary:
            rows.append([label, "", "", "", *values])
    title = "Each fold trains a new model; scores at the epoch with the best mean score"
    if kept := [n for n in names if get(summary, n, dict).get("kept")]:
        title += f" ({join_names(kept)}: of each fold's own weights)"
    head = ("fold", "training rows", "validation rows", "epoch", *names)
    return Section("folds", "Folds", [Table(title, head, rows)])
