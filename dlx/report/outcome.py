"""Sections on what came out: the answer, the curves, all scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from . import plots
from .blocks import Answer, Block, Mark, Picture, Section, Table, Text
from .read import Run, amount, get, mappings, numeric
from .words import NONE, PARTS, counted, measure, number, part

_GOAL = {"max": "higher is better", "min": "lower is better"}
_VERDICT = {True: ("beats the baseline", "good"), False: ("does not beat the baseline", "bad")}
_UNTESTED = "This score is of the validation part; it is no test."
_PICKED = "The validation part also chose the epoch, so its scores flatter."
_FLATTERS = "the more looks, the more its scores flatter."


def answer(run: Run) -> Section:
    """The score, its interval, the baseline beside it, and how far to believe it."""
    found = get(run.report, "answer", dict)
    value = amount(found, "value")
    if value is None:
        stopped = run.report.get("state") == "interrupted"
        reason = "The run was interrupted before it had one." if stopped else "The run tells none."
        if get(found, "score", str):  # JSON has no NaN: it is written as null
            reason = f"{found['score']} is not a number."
        text = " ".join(filter(None, ("There is no score.", reason, _progress(run))))
        return Section("answer", "Answer", [Text([text])])
    name = get(found, "score", str)
    rows = f" on the {part(name)}" if part(name) else ""
    rows += " of the sample data" if run.sample else ""
    beats = found.get("beats")
    verdict, tone = _VERDICT[beats] if isinstance(beats, bool) else ("", "")
    label = f"{measure(name)}{rows}"
    hero = Answer(
        number(value), label, _beside(found), verdict, tone, _marks(found), _remarks(run, found)
    )
    return Section("answer", "Answer", [hero])


def _progress(run: Run) -> str:
    planned = amount(run.report, "epochs")
    of = f" of {number(planned)} planned" if planned is not None else ""
    return f"It trained for {counted(len(run.epochs), 'epoch')}{of}." if run.epochs else ""


def _interval(score: Mapping[str, Any]) -> tuple[float, float] | None:
    ends = [numeric(end) for end in get(score, "interval", list)]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return ends[0], ends[1]


def _beside(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    interval, baseline = _interval(found), get(found, "baseline", dict)
    if interval:
        pairs.append(("95% interval", f"{number(interval[0])} to {number(interval[1])}"))
    if amount(baseline, "value") is not None:
        name = get(baseline, "name", str)
        pairs.append((f"baseline: {name}" if name else "baseline", number(baseline["value"])))
    goal = _GOAL.get(get(found, "direction", str))
    return [*pairs, ("direction", goal)] if goal else pairs


def _marks(found: Mapping[str, Any]) -> list[Mark]:
    """The score, its interval and the baseline on one scale, 6% of it free at either end."""
    score, interval = amount(found, "value"), _interval(found)
    baseline = amount(get(found, "baseline", dict), "value")
    values = [float(v) for v in (score, baseline, *(interval or ())) if v is not None]
    if score is None or len(set(values)) < 2 or not all(map(math.isfinite, values)):
        return []
    low, span = min(values), max(values) - min(values)

    def at(value: float) -> float:
        return round(6 + 88 * (value - low) / span, 2)

    marks = []
    if interval:
        marks.append(Mark("interval", at(interval[0]), at(interval[1]) - at(interval[0])))
    if baseline is not None:
        marks.append(Mark("baseline", at(baseline)))
    return [*marks, Mark("score", at(score))]


def _remarks(run: Run, found: Mapping[str, Any]) -> list[str]:
    remarks = []
    interval, baseline = _interval(found), amount(get(found, "baseline", dict), "value")
    if interval and baseline is not None and interval[0] <= baseline <= interval[1]:
        remarks.append("The baseline lies inside the interval: the difference may be chance.")
    looks = amount(found, "looks")
    if get(found, "part", str) == "val":
        picked = get(found, "weights", str) == "best"
        remarks.append(f"{_UNTESTED} {_PICKED}" if picked else _UNTESTED)
    elif looks == 1:
        remarks.append("This score was made at the first look at the test part.")
    elif looks:
        remarks.append(f"This score was made at look {number(looks)} at the test part: {_FLATTERS}")
    epoch, weights = amount(found, "epoch"), get(found, "weights", str)
    monitor = get(run.report, "monitor", str)
    if weights:
        by = f" by {monitor}" if weights == "best" and monitor else ""
        at = f" (epoch {number(epoch)})" if epoch is not None else ""
        remarks.append(f"Weights: the {weights} ones{by}{at}.")
    return remarks


def notes(run: Run) -> Section | None:
    """What the run itself has to say."""
    said = [note for note in get(run.report, "notes", list) if isinstance(note, str)]
    if run.torn:
        said.append("The last row of metrics.jsonl was cut off and is left out.")
    return Section("notes", "Notes", [Text(said)]) if said else None


def curves(run: Run) -> Section | None:
    """Loss and every metric over the epochs."""
    names = dict.fromkeys(_name(key) for row in run.epochs for key in row if _name(key))
    ordered = sorted(names, key=lambda name: name != "loss")
    blocks = [_curve(run, name) for name in ordered]
    return Section("curves", "Curves", blocks) if blocks else None


def _name(key: str) -> str:
    split, _, name = key.partition("/")
    return name if split in ("train", "val") else ""


def _curve(run: Run, name: str) -> Block:
    data = plots.Curve(
        name.replace("/", ": "),
        [_epoch(row) or index for index, row in enumerate(run.epochs, start=1)],
        [_finite(row.get(f"train/{name}")) for row in run.epochs],
        [_finite(row.get(f"val/{name}")) for row in run.epochs],
        _epoch({"epoch": run.report.get("best_epoch")}),
        _baseline(run, name),
    )
    if not any(map(math.isfinite, (*data.train, *data.val))):
        return Text([f"{name}: no finite value in any epoch, so there is nothing to draw."])
    picture = plots.curve(data, run.sample)
    return Picture(f"curve-{name}", picture, _alt(data), _caption(run, data), wide=False)


def _finite(value: object) -> float:
    """The number, or nan where there is none that can be drawn."""
    known = numeric(value)
    return float(known) if known is not None and abs(known) < 1e100 else math.nan


def _epoch(row: Mapping[str, Any]) -> int | None:
    epoch = amount(row, "epoch")
    return epoch if isinstance(epoch, int) else None


def _baseline(run: Run, name: str) -> tuple[str, float] | None:
    """The first baseline of the validation score, as the line shows that part; else the test's."""
    found = mappings(run.report, "scores")
    for wanted in (f"val/{name}", f"test/{name}"):
        for score in found:
            baseline = get(score, "baseline", dict)
            value = amount(baseline, "value")
            if score.get("name") == wanted and value is not None:
                return get(baseline, "name", str) or "baseline", float(value)
    return None


def _alt(data: plots.Curve) -> str:
    """The curve in words, from its first to its last epoch."""
    said = []
    for name, values in (("training", data.train), ("validation", data.val)):
        known = [value for value in values if math.isfinite(value)]
        if known:
            said.append(f"{name} goes from {number(known[0])} to {number(known[-1])}")
    span = f"epochs {min(data.epochs)} to {max(data.epochs)}"
    return f"Curve of {data.name} over {span}: {'; '.join(said)}."


def _caption(run: Run, data: plots.Curve) -> str:
    said = []
    if data.best is not None and data.best in data.epochs:
        value = data.val[data.epochs.index(data.best)]
        monitor = get(run.report, "monitor", str)
        by = f" by {monitor}" if monitor else ""
        if math.isfinite(value):
            said.append(f"Best epoch{by}: {data.best}, where validation is {number(value)}.")
    if data.baseline is not None and not data.fits and math.isfinite(data.baseline[1]):
        side = "below" if data.baseline[1] < data.reach[0] else "above"
        shown = f"{data.baseline[0]} {number(data.baseline[1])}"
        said.append(f"The baseline, {shown}, lies far {side} the curves.")
    pairs = zip(data.train, data.val, strict=True)
    lost = sum(not any(map(math.isfinite, pair)) for pair in pairs)
    if lost:
        said.append(f"{counted(lost, 'epoch')} without a finite value.")
    return " ".join(said)


def scores(run: Run) -> Section | None:
    """Every score with its interval and its baseline."""
    rows = [_score(score) for score in mappings(run.report, "scores")]
    head = ("score", "part", "value", "95% interval", "baseline", "is", "goal")
    table = Table("Every score of the kept weights", head, rows, texts=(0, 1, 5, 6))
    return Section("scores", "Scores", [table]) if rows else None


def _score(score: Mapping[str, Any]) -> list[str]:
    name, interval = get(score, "name", str), _interval(score)
    baseline = get(score, "baseline", dict)
    return [
        measure(name),
        PARTS.get(name.partition("/")[0], ""),
        number(amount(score, "value")),
        f"{number(interval[0])} to {number(interval[1])}" if interval else NONE,
        number(amount(baseline, "value")),
        get(baseline, "name", str) or NONE,
        _GOAL.get(get(score, "direction", str), NONE),
    ]
