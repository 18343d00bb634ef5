"""What a sweep found: each setting's mean and spread over its seeds, and the best of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..judging.intervals import Interval, hull, mean_by_rows, students_t
from .watch import Row

STATES = ("done", "pruned", "failed", "running", "waiting")


def point_of(number: int, changed: Mapping[str, Any], trials: Sequence[Row]) -> dict[str, Any]:
    """A setting as `sweep.json` holds it.

    Args:
        number: its place.
        changed: the values in which it differs, by key.
        trials: its trainings, finished or not.

    Returns:
        `value`, the mean over finished trials (None without one), `std`, `interval` and what it
        is of: "seeds" (Student's t), "folds" or "bootstrap" (of a lone trial); `baseline`, the
        mean of what the trials are to beat (None where one lacks it); means; `interquartile`, the
        mean of the middle half (None for fewer than two trials); and what it is worth beside
        simpler answers by the least of its trials: `beats`, `verdict`, `use`.
    """
    done = [t for t in trials if t["state"] == "done" and t.get("value") is not None]
    values = [t["value"] for t in done]
    ends = [end for trial in done for end in trial.get("interval") or ()]
    interval, kind = _possible(_seed_interval(done), [*values, *ends]), "seeds"
    if len(done) == 1:
        interval, kind = done[0].get("interval"), str(done[0].get("interval_of"))
    first = done[0] if done else {}
    names = [n for n in first.get("values", {}) if all(n in t["values"] for t in done)]
    return {
        "point": number,
        "changed": dict(changed),
        "value": statistics.fmean(values) if values else None,
        "std": statistics.stdev(values) if len(values) > 1 else None,
        "interval": interval,
        "interval_of": kind if interval else None,
        "interquartile": _interquartile(values),
        "n": len(values),
        "epoch": _mean(t.get("epoch") for t in done),
        "parameters": first.get("parameters"),
        "seconds": _mean(t.get("seconds") for t in done),
        "values": {name: _mean(t["values"][name] for t in done) for name in names},
        "baseline": _baseline(done),
        "trials": [t["trial"] for t in trials],
        **_find_worst_verdict(done),
    }


def _interquartile(values: Sequence[float]) -> dict[str, Any] | None:
    """The mean of the middle half of some trials, its interval, and how many it leaves out."""
    if len(values) < 2:
        return None
    from ..judging.interquartile import draw_interval, interquartile_mean

    interval = draw_interval([values])
    return {
        "mean": interquartile_mean(values),
        "interval": list(interval) if interval else None,
        "left_out": 2 * (len(values) // 4),
    }


def _baseline(done: Sequence[Row]) -> dict[str, Any] | None:
    """The mean baseline of finished trials, under the first one's name: cuts differ by seed."""
    found = [t["baseline"] for t in done if isinstance(t.get("baseline"), dict)]
    values = [one["value"] for one in found if isinstance(one.get("value"), (int, float))]
    if not values or len(values) < len(done):
        return None
    return {"name": str(found[0].get("name") or ""), "value": statistics.fmean(values)}


def _find_worst_verdict(done: Sequence[Row]) -> dict[str, Any]:
    """The verdict of the trial that is worth least beside simpler answers."""
    known = [trial for trial in done if trial.get("verdict")]
    least = min(
        known, key=lambda t: (t.get("beats") is True) - (t.get("beats") is False), default={}
    )
    return {key: least.get(key) for key in ("beats", "verdict", "use")}


def _seed_interval(done: Sequence[Row]) -> Interval | None:
    """The 95 % interval of the mean over seeds, no narrower than that of the rows of one training.

    The seeds may judge the same rows, whose luck their mean does not lessen.
    """
    values = [trial["value"] for trial in done]
    rows = [tuple(trial["interval"]) if trial.get("interval") else None for trial in done]
    return hull(students_t(values), mean_by_rows(values, rows, alike=len(values)))


def _possible(interval: Interval | None, values: Sequence[float]) -> list[float] | None:
    """An interval within 0 and 1, where scores and their own intervals seem to be of shares."""
    if interval is None or not all(0 <= value <= 1 for value in values):
        return list(interval) if interval else None
    return [max(0.0, interval[0]), min(1.0, interval[1])]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return statistics.fmean(known) if known else None


def rank_settings(points: Iterable[Mapping[str, Any]], direction: str) -> list[Mapping[str, Any]]:
    """Settings with a value, the best first; those that lost some of their seeds after the others.

    A mean over the seeds that happened to succeed would flatter a setting that fails.
    """
    sign = -1.0 if direction == "max" else 1.0
    having = [p for p in points if p["value"] is not None and math.isfinite(p["value"])]
    return sorted(having, key=lambda p: (p["n"] < len(p["trials"]), sign * p["value"]))


def front(
    points: Iterable[Mapping[str, Any]], objectives: Sequence[Mapping[str, str]]
) -> list[int]:
    """The settings that no other beats in one objective without losing in another (Pareto).

    Returns:
        Their numbers, the best by the first objective first.
    """
    signs = [-1.0 if o["direction"] == "max" else 1.0 for o in objectives]
    costs = {}
    for point in points:
        values = [point["values"].get(o["name"]) for o in objectives]
        if all(v is not None for v in values):
            costs[point["point"]] = [s * v for s, v in zip(signs, values, strict=True)]
    kept = [
        number
        for number, mine in costs.items()
        if not any(_dominates(other, mine) for other in costs.values())
    ]
    return sorted(kept, key=lambda number: costs[number])


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and list(a) != list(b)


def counts(trials: Iterable[Row]) -> dict[str, int]:
    """How many trials are in each state."""
    states = [trial["state"] for trial in trials]
    return {state: states.count(state) for state in STATES}
