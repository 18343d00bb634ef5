"""The section on probabilities: does what is said to be 80 % sure come true in 80 of 100?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import evidence_plots
from .blocks import Block, Picture, Section, Table
from .errors import unescape_names
from .evidence_plots import Reliability
from .read import Run, get, numbers
from .words import known, number

BINS = 10


def reliability(probability: npt.NDArray[np.float64], true: npt.NDArray[np.bool_]) -> Reliability:
    """Sorts probabilities into ten bins; each holds its upper edge (Guo et al. 2017, 2).

    Args:
        probability: shape (rows,), in [0, 1].
        true: whether each came true, same shape.
    """
    place = np.clip(np.ceil(probability * BINS).astype(np.int64) - 1, 0, BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        said = np.bincount(place, probability, BINS) / rows
        came = np.bincount(place, true.astype(np.float64), BINS) / rows
    return Reliability(rows, said, came)


def calibration(run: Run) -> Section:
    """A reliability plot for each target that has classes and probabilities."""
    problems = get(run.report, "problem", dict)
    blocks: list[Block] = []
    for target in problems:
        columns = run.predictions_of(target)
        if "probability" in columns:
            title = target if len(problems) > 1 else ""
            blocks += _show_target(get(problems, target, dict), columns, title)
    return Section("calibration", "Calibration", blocks)


def _show_target(
    problem: Mapping[str, Any], columns: Mapping[str, Sequence[str]], target: str
) -> list[Block]:
    kind = get(problem, "type", str)
    classes = [str(name) for name in get(problem, "classes", list)]
    if kind == "binary" and len(classes) == 2:
        of = f"the probability of {classes[1]}"
        came = [name == classes[1] for name in unescape_names(columns["true"], classes)]
    elif kind == "multiclass":
        of = "the probability of the predicted class"
        pairs = zip(columns["true"], columns["predicted"], strict=True)
        came = [true == predicted for true, predicted in pairs]
    else:
        return []
    said = numbers(columns["probability"])
    known = (said >= 0) & (said <= 1)  # false where it is no number
    if not known.any():
        return []
    found = reliability(said[known], np.array(came)[known])
    return _show_reliability(found, of, target)


def _show_reliability(found: Reliability, of: str, target: str) -> list[Block]:
    named = f"{target}: " if target else ""
    error = f"expected calibration error {number(found.error)}"
    caption = (
        f"{named}{of} (mean confidence) and observed accuracy, in {BINS} bins of equal width; "
        f"{error} over {number(int(found.rows.sum()))} rows. On the dashed line both are equal: "
        "the probabilities are well calibrated."
    )
    caption = f"{caption[0].upper()}{caption[1:]}"
    few = (found.rows > 0) & (found.rows < evidence_plots.FEWEST)
    if few.any():
        caption += f" Hollow, with their count: bins of fewer than {evidence_plots.FEWEST} rows."
    png = evidence_plots.reliability(found)
    name = f"calibration-{target}" if target else "calibration"
    rows = [
        [f"{i / BINS:.1f} to {(i + 1) / BINS:.1f}", number(int(n)), known(said), known(came)]
        for i, (n, said, came) in enumerate(zip(found.rows, found.said, found.came, strict=True))
    ]
    head = ("probability", "rows", "mean confidence", "observed accuracy")
    title = f"{named}{error}"
    table = Table(f"{title[0].upper()}{title[1:]}", head, rows, wide=False)
    return [Picture(name, png, caption, wide=False), table]
