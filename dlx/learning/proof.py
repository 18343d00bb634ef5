"""What a run's intervals, sets and sureness are worth on the rows that it was evaluated on last.

On test rows: how often an interval or set holds the truth, beside what it was asked for. On either
part: how wrong answers are, as fewer and surer ones are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ..data.targets import Answers, TargetCodec
from ..data.unlike import evenly
from ..judging import conformal, sureness
from ..judging.conformal import Scores
from ..judging.intervals import wilson
from ..judging.trusted import Trusted
from ..problem import PROBLEMS
from ..sources.device import one_thread
from ..sources.fold import FoldData
from . import space
from .trust import ANSWERED, LOOKED, Encode, answer, encode_places

LEVELS = (0.5, 0.8, 0.9, 0.95)

Array = npt.NDArray[Any]


def prove(
    trusted: Trusted,
    fold: FoldData,
    part: str,
    logits: Mapping[str, Tensor],
    encode: Encode | None,
    batch: int,
) -> dict[str, Any]:
    """What was found, as `report.json` holds it.

    Args:
        trusted: what is kept.
        fold: the rows.
        part: which of them were evaluated: "val" or "test".
        logits: of these, (rows, outputs) by target.
        encode: gives features of rows; None where there are none.
        batch: rows that are encoded at once.
    """
    rows = fold.rows_of(part)
    looked = evenly(np.arange(len(rows)), ANSWERED if trusted.space is None else LOOKED)
    near = None
    if trusted.space is not None and encode is not None and _without_classes(fold):
        features = encode_places(encode, fold.part(part), looked, batch)
        with one_thread():
            near = space.measure(features, trusted.space.arrays)
    every = answer(fold, logits, np.arange(len(rows)))
    some = answer(fold, logits, looked)
    targets = {}
    for name, scores in trusted.scores.items():
        target = fold.targets[name]
        codec, true = target.codec, target.values[rows]
        sure = sureness.confidence(fold.pipeline.targets[name], some[name], near)
        off = sureness.wrong(some[name], true[looked])
        targets[name] = {
            "kind": _kind(codec.problem),
            "rows": scores.rows.tolist(),
            "levels": [_level(codec, every[name], true, scores, one, part) for one in LEVELS],
            "risk": [] if sure is None else sureness.risk_by_share(sure, off).tolist(),
            "risk_rows": len(looked),
        }
    return {
        "rows": trusted.rows,
        "folds": trusted.folds,
        "chosen": trusted.chosen,
        "alarms": trusted.alarms,
        "space": trusted.space is not None,
        "time": bool(fold.data.samples.time),
        "part": part,
        "answered": list(sureness.ANSWERED),
        "targets": targets,
    }


def _without_classes(fold: FoldData) -> bool:
    """Whether some target has no probabilities, so that distances tell how sure its answers are."""
    return any(not PROBLEMS[one.codec.problem].classes for one in fold.targets.values())


def _kind(problem: str) -> str:
    if not PROBLEMS[problem].classes:
        return "interval"
    return "labels" if PROBLEMS[problem].answer == "labels" else "set"


def _level(
    codec: TargetCodec, said: Answers, true: Array, scores: Scores, level: float, part: str
) -> dict[str, Any]:
    """How large intervals or sets of a level are, and how often they hold the truth of test rows.

    Sizes that are not finite are None: there are too few rows for that level. Of sets of classes
    `bare` is how often they would hold the truth if the answer were not put into each.
    """
    told: dict[str, Any] = {"level": level}
    problem = codec.problem
    if said.probabilities is None:
        half = scores.bound(level)
        told["size"] = [float(2 * one) if np.isfinite(one) else None for one in half]
    else:
        told["size"] = [float(conformal.answer_set(problem, said, scores, level).sum(1).mean())]
        if not np.isfinite(scores.bound(level)).any():
            told["size"] = [None]
    if part == "test":
        held = conformal.covers(codec, said, true, scores, level)
        each = held.reshape(len(held), -1)
        shares = each.mean(axis=0)
        low, high = wilson(float(each.mean()) * len(each), max(1, len(each)))
        told |= {"observed": float(each.mean()), "low": low, "high": high}
        if len(shares) > 1:
            told["each"] = shares.tolist()
        if _kind(problem) == "set":
            bare = conformal.bare_set(said, scores, level)
            told["bare"] = float(bare[np.arange(len(true)), true.astype(np.int64)].mean())
    return told
