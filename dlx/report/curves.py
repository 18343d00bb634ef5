"""The section on how training went: each measure over the epochs, and over the folds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..judging.classes import describe_meanings
from ..judging.verdict import MEMBER, display_name
from . import plots
from .blocks import Block, Picture, Section, Text
from .read import Run, amount, finite, get, mappings, measures
from .words import measure, number, sentence, tally

AT_ONCE = "none: nothing has a gradient"
"""The optimizer, as `report.json` holds it, of what is found in one step."""
_MOST = {"naive": 3, "classical": 2}
"""As many of a kind of baselines are drawn; of others the best one."""


def curves(run: Run) -> Section:
    """Loss and every metric over the epochs; none where all is found in one step."""
    once = len(run.epochs) == 1 and get(run.report, "optimizer", str) == AT_ONCE
    found = [] if once else [_curve(run, name) for name in measures(run.epochs)]
    return Section("curves", "Curves", [*found, *_smooth_mean(run)])


def _curve(run: Run, name: str) -> Block:
    data = plots.Curve(
        name.replace("/", ": "),
        [_epoch(row) or index for index, row in enumerate(run.epochs, start=1)],
        run.curve(f"train/{name}"),
        run.curve(f"val/{name}"),
        _epoch({"epoch": run.report.get("best_epoch")}),
        _bars(run, name),
        [[finite(row.get(f"val/{name}")) for row in fold] for fold in run.folds],
        _turn(run) if name == "loss" else None,
    )
    if not any(map(math.isfinite, (*data.train, *data.val))):
        return Text([f"{name}: no finite value in any epoch, so there is no plot."])
    picture = plots.curve(data)
    meant = describe_meanings(get(run.report, "meanings", dict), [f"train/{name}", f"val/{name}"])
    caption = " ".join((*map(sentence, meant), _caption(run, data))).strip()
    return Picture(f"curve-{name}", picture, caption, _alt(data), wide=False)


def _epoch(row: Mapping[str, Any]) -> int | None:
    epoch = amount(row, "epoch")
    return epoch if isinstance(epoch, int) else None


def _turn(run: Run) -> plots.Turn | None:
    """Where the validation loss turned, and how far it ended from the training loss."""
    found = get(run.report, "overfit", dict)
    epoch = _epoch(found)
    verdict = get(found, "verdict", str)
    return plots.Turn(verdict, epoch, finite(found.get("gap"))) if epoch and verdict else None


def _smooth_mean(run: Run) -> list[Block]:
    """The mean curve over the folds, smoothed as in the book (3.7), its minimum marked."""
    found = get(run.report, "smoothed", dict)
    blocks: list[Block] = []
    for name in found:
        one = get(found, name, dict)
        values = [finite(value) for value in get(one, "values", list)]
        skip, factor = amount(one, "skip"), amount(one, "factor")
        if not values or not any(map(math.isfinite, values)):
            continue
        first = skip + 1 if isinstance(skip, int) else 1
        best, at = amount(one, "minimum_epoch"), finite(one.get("minimum"))
        mark = (best, at) if isinstance(best, int) and math.isfinite(at) else None
        title = f"{measure(name)}, mean over the folds, smoothed"
        png = plots.draw_smoothed(title, range(first, first + len(values)), values, mark)
        end = f"best at epoch {mark[0]}: {number(mark[1])}" if mark else "no best epoch is known"
        how = f"smoothing factor {number(factor)}" if factor is not None else ""
        left = f"the first {first - 1} epochs left out" if first > 1 else ""
        said = "; ".join(filter(None, (end, left, how)))
        caption = f"Mean of {name} over the folds, smoothed: {said}."
        blocks.append(Picture(f"smoothed-{measure(name)}", png, caption, wide=False))
    return blocks


def _bars(run: Run, name: str) -> list[plots.Bar]:
    """What validation must beat, as the line shows that part; else what the test score must.

    The best constant, the best naive forecasts, and the classical models; of an older run the best
    of all alone.
    """
    found = mappings(run.report, "scores")
    for wanted in (f"val/{name}", f"test/{name}"):
        for score in found:
            if score.get("name") != wanted:
                continue
            listed = mappings(score, "beside") or [get(score, "baseline", dict)]
            known = [one for one in listed if amount(one, "value") is not None]
            bars = [_bar(one) for one in known if one.get("kind") != MEMBER]
            if bars:
                return _choose_bars(bars, get(score, "direction", str))
    return []


def _bar(one: Mapping[str, Any]) -> plots.Bar:
    name = display_name(get(one, "name", str)) or "baseline"
    return plots.Bar(name, finite(one.get("value")), get(one, "kind", str) or "constant")


def _choose_bars(bars: Sequence[plots.Bar], direction: str) -> list[plots.Bar]:
    """The best few of each kind, the hardest first."""
    sign = -1 if direction == "max" else 1
    ordered = sorted(bars, key=lambda bar: sign * bar.value)
    kinds = {bar.kind for bar in bars}
    first = [[b for b in ordered if b.kind == kind][: _MOST.get(kind, 1)] for kind in kinds]
    chosen = [bar for some in first for bar in some]
    return [bar for bar in ordered if bar in chosen]


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
    told = get(get(run.report, "overfit", dict), "text", str)
    if data.turn is not None and told:
        said.append(sentence(told))
    if data.log:
        said.append("Logarithmic axis: the first epochs are far above the others.")
    if data.folds and any(map(math.isfinite, data.val)):
        said.append(f"Thin: each of {len(data.folds)} folds; thick: their mean.")
    if data.best is not None and data.best in data.epochs:
        value = data.val[data.epochs.index(data.best)]
        monitor = get(run.report, "monitor", str)
        by = f" by {monitor}" if monitor else ""
        if math.isfinite(value):
            said.append(f"Best epoch{by}: {data.best}, where validation is {number(value)}.")
    for bar in data.bars:
        if bar not in data.shown and math.isfinite(bar.value):
            side = "below" if bar.value < data.reach[0] else "above"
            told = f"{bar.name} {number(bar.value)}"
            said.append(f"The baseline, {told}, is far {side} the curves.")
    pairs = zip(data.train, data.val, strict=True)
    lost = sum(not any(map(math.isfinite, pair)) for pair in pairs)
    if lost:
        said.append(f"{tally(lost, 'epoch')} without a finite value.")
    return " ".join(said)
