"""The sections of a sweep's report that show pictures, and what there is to know of each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from . import evidence_plots, importance, sweep_plots
from .blocks import Block, Picture, Section, Table, Text
from .evidence_plots import Line, Slice
from .levers import is_logarithmic
from .read import evenly
from .sweep_facts import Setting, Sweep
from .sweep_lines import lines
from .sweep_plots import Fan, Trade
from .sweep_tables import round_mean
from .words import GOAL, known, number, shorten, tally
from .workflow import PANELS

_AXES = 9  # more axes are not read
_LINES = 300  # as many lines are told apart, if at all
_CURVES = 7  # as many colours
_FAINT = 30
_FAR = 50  # times the distance from the best score to the median: further out a score is cut off

Found = Sequence[Setting]


def parameters(sweep: Sweep) -> Section:
    """What the levers did to the score: parallel axes, slices, shares; and a search's progress."""
    scored = sweep.scored
    if not scored:
        return Section("parameters", "Parameters", [])
    names = [one.name for one in (sweep.lever(key, scored) for key in sweep.keys) if one.varies]
    if not names:
        said = "All finished settings are the same: there is nothing to compare."
        return Section("parameters", "Parameters", [Text([said])])
    scores, cut = clip_outliers([one.value for one in scored], sweep.sign)
    shares, rough = _shares(sweep, names, scores)
    names = sorted(names, key=lambda name: -shares.get(name, 0))
    fan = [_parallel(sweep, names)] if len(names) > 1 else []  # one lever's slice shows it all
    shown = [*lines(sweep, names), *fan, _slices(sweep, names, scores)]
    blocks = [*shown, *rough, *_progress(sweep)]
    far = f"{tally(cut, 'setting')} with a far worse {sweep.score}"
    end = f"{'lies' if cut == 1 else 'lie'} at the worst end of the pictures."
    return Section("parameters", "Parameters", [Text([f"{far} {end}" if cut else ""]), *blocks])


def clip_outliers(scores: Sequence[float], sign: float) -> tuple[list[float], int]:
    """Scores with the far worse ones cut off, which would press the rest flat, and how many."""
    costs = sign * np.array(scores)
    best, middle = float(costs.min()), float(np.median(costs))
    near = costs <= middle + _FAR * (middle - best)
    if not middle > best or near.all():
        return list(scores), 0
    end = 1.1 * float(costs[near].max()) - 0.1 * best
    return (sign * np.minimum(costs, end)).tolist(), int((~near).sum())


def _parallel(sweep: Sweep, names: Sequence[str]) -> Picture:
    scored = sweep.scored
    lost = [one for one in sweep.settings if math.isnan(one.value) and one.states["waiting"] == 0]
    kept = [*evenly(scored, _LINES), *evenly(lost, _LINES // 3)]
    scores, cut = clip_outliers(
        [one.value for one in kept if not math.isnan(one.value)], sweep.sign
    )
    scores += [math.nan] * (len(kept) - len(scores))
    best = kept.index(sweep.best) if sweep.best in kept else None
    levers = [sweep.lever(name, kept) for name in names[:_AXES]]
    fan = Fan(levers, sweep.score, scores, -sweep.sign, best, cut > 0)
    png = sweep_plots.parallel(fan)
    strong = "darker is better, the best one is thick"
    said = [f"One line per setting: {strong}; better scores are at the top."]
    if any(map(math.isnan, scores)):
        said.append("Dotted: failed or pruned.")
    if len(kept) < len(scored) + len(lost):
        of = len(scored) + len(lost)
        said.append(f"{len(kept)} of {number(of)} settings are shown, evenly spaced by rank.")
    if len(names) > _AXES:
        said.append(f"The first {_AXES} of {len(names)} parameters are shown.")
    alt = f"Parallel axes of {', '.join(names[:_AXES])} and {sweep.score}."
    return Picture("parallel", png, " ".join(said), shorten(alt, 400), broad=True)


def _slices(sweep: Sweep, names: Sequence[str], scores: Sequence[float]) -> Picture:
    scored = sweep.scored
    panels = []
    for name in names[:PANELS]:
        kept = [place for place, one in enumerate(scored) if name in one.changed]
        best = next((p for p, k in enumerate(kept) if scored[k] is sweep.best), None)
        lever = sweep.lever(name, [scored[place] for place in kept])
        panels.append(Slice(lever, [scores[place] for place in kept], best))
    png = evidence_plots.slices(sweep.score, panels)
    said = f"{sweep.score} of each setting against each parameter that varied; ringed: the best."
    if len(names) > PANELS:
        said += f" The first {PANELS} of {len(names)} parameters are shown."
    return Picture("slices", png, said, broad=len(panels) > 1)


def _shares(
    sweep: Sweep, names: Sequence[str], scores: Sequence[float]
) -> tuple[dict[str, float], list[Block]]:
    """The share of each lever, and the picture of them or why there is none."""
    scored = sweep.scored
    every = [name for name in names if all(name in one.changed for one in scored)]
    if len(scored) < importance.LEAST or len(every) < 2:
        many = f"{tally(len(scored), 'finished setting')} and {tally(len(every), 'parameter')}"
        least = f"at least {importance.LEAST} and 2 are needed"
        said = f"Parameter importance is not estimated: {many} that vary; {least}."
        return {}, [Text([said])]
    kept = evenly(scored, importance.MOST)
    values = dict(zip(scored, scores, strict=True))
    levers = [lever for name in every if (lever := sweep.lever(name, kept)).varies]
    shares = importance.shares(levers, [values[one] for one in kept])
    if not shares:
        said = "Parameter importance is not estimated: the scores hardly differ."
        return {}, [Text([said])]
    shown = dict([*shares.items()][:_AXES])
    redrawn = importance.spans(levers, [values[one] for one in kept])
    spans = {
        name: (min(shown[name], low), max(shown[name], high))
        for name, (low, high) in redrawn.items()
        if name in shown
    }
    png = sweep_plots.bars(shown, spans)
    of = f", of which {len(kept)} evenly spaced by rank" if len(kept) < len(scored) else ""
    told = ", ".join(f"{name} {share:.0%}" for name, share in shown.items())
    caption = (
        "Importance: the share of the score's variance that each parameter explains alone or with "
        f"others (fANOVA on {number(len(scored))} settings{of}). Lines: its range over "
        f"{importance.REDRAWS} bootstrap samples of these settings; parameters whose lines overlap "
        "cannot be ranked. It is valid only within the values that were tried."
    )
    return shares, [Picture("importance", png, caption, f"Importance: {told}.", wide=False)]


def curves(sweep: Sweep) -> Section:
    """Validation by epoch of the best settings, the pruned ones behind them."""
    if not sweep.scored:
        return Section("curves", "Learning curves", [])
    best = sweep.scored[:_CURVES]
    found = [(one, sweep.curve(one)) for one in best]
    told = sweep.briefs([one for one, curve in found if curve])
    drawn = [
        Line(f"{one.name}: {told[one]}", (), curve, place)
        for place, (one, curve) in enumerate(found)
        if curve
    ]
    gone = [one.name for one, curve in found if not curve]
    lost = f"their run folders are missing, or do not have {sweep.score}."
    if not drawn:
        said = f"There are no learning curves of the best settings: {lost}"
        return Section("curves", "Learning curves", [Text([said])])
    faint, partial = _pruned_curves(sweep)
    png = evidence_plots.overlaid(sweep.score, drawn, faint)
    several = any(len(sweep.runs(one)) > 1 for one in best)
    mean = ", the mean over its trials up to the shortest" if several else ""
    said = f"{sweep.score} by epoch of each of the best settings{mean}."
    behind = f" Grey: {tally(len(faint), 'pruned setting')}, as far as they fit." if faint else ""
    if partial:
        many = tally(partial, "pruned setting")
        behind += f" Not shown: {many} of which not every fold was started."
    missing = f" Not shown: {', '.join(gone)}; {lost}" if gone else ""
    picture = Picture("curves", png, said + behind + missing, said, broad=True)
    return Section("curves", "Learning curves", [picture])


def _pruned_curves(sweep: Sweep) -> tuple[list[list[float]], int]:
    """Curves of pruned settings, and how many have none as some folds are missing.

    The mean over some folds does not compare with the mean over all.
    """
    pruned = [one for one in sweep.settings if one.states["pruned"]][:_FAINT]
    found = [sweep.curve(one, "pruned", sweep.folds) for one in pruned]
    begun = sum(any(sweep.runs(one, "pruned")) for one in pruned)
    curves = [curve for curve in found if curve]
    return curves, begun - len(curves) if sweep.folds > 1 else 0


def trade(sweep: Sweep) -> Section:
    """The objectives against the first one, and the settings on the front."""
    if not sweep.objectives or not sweep.scored:
        return Section("front", "Objectives", [])
    names = [name for name, _ in sweep.objectives]
    rows = [
        [one.name, *(_objective(one, name) for name in names), one.typed]
        for one in sweep.front[:_LINES]
    ]
    title = (
        "The Pareto front: settings that no other setting improves in one objective without "
        "being worse in another"
    )
    table = Table(title, ("setting", *names, "values"), rows, texts=(0, len(names) + 1))
    pictures = [picture for name in names[1:4] if (picture := _draw_against(sweep, name))]
    return Section("front", "Objectives", [Text([_describe_front(sweep)]), table, *pictures])


def _describe_front(sweep: Sweep) -> str:
    each = [f"{name} ({GOAL.get(goal, 'direction unknown')})" for name, goal in sweep.objectives]
    many = tally(len(sweep.front), "setting")
    on = "is" if len(sweep.front) == 1 else "are"
    return (
        f"Judged by {', '.join(each)}: {many} {on} on the front; which one to use is your choice."
    )


def _objective(one: Setting, name: str) -> str:
    value = one.objective(name)
    whole = name == "parameters" and math.isfinite(value)
    return round_mean(value) if whole else known(value)


def _draw_against(sweep: Sweep, name: str) -> Picture | None:
    first = sweep.objectives[0][0]
    pairs = [(one, one.objective(name), one.objective(first)) for one in sweep.scored]
    pairs = [pair for pair in pairs if all(map(math.isfinite, pair[1:]))]
    if not pairs:
        return None
    kept = [one for one, _, _ in pairs]
    front = [kept.index(one) for one in sweep.front if one in kept]
    own = kept.index(sweep.default) if sweep.default in kept else None
    across, up = [x for _, x, _ in pairs], [y for _, _, y in pairs]
    joined, log = len(sweep.objectives) == 2, "/" not in name and is_logarithmic(across)
    trade = Trade((name, across), (first, up), front, own, joined, log)
    png = sweep_plots.tradeoff(trade)
    said = f"{first} against {name}, one dot per setting."
    if own is not None:
        said += " Ringed: the task defaults."
    return Picture(f"front-{name}", png, said, wide=False)


def _progress(sweep: Sweep) -> list[Block]:
    """The best score so far by settings tried: whether more would have helped."""
    tried = sorted(sweep.scored, key=_number)
    if not sweep.search or len(tried) < 2:
        return []
    scores, _ = clip_outliers([one.value for one in tried], sweep.sign)
    own = sweep.default.value if sweep.default else math.nan
    own = own if own in scores else math.nan  # it may lie beyond what is shown
    png = sweep_plots.draw_progress(sweep.score, scores, -sweep.sign, own)
    since = len(tried) - 1 - next(p for p, one in enumerate(tried) if one is sweep.best)
    said = f"{sweep.score} of each setting in the order tried, and the best so far."
    said += f" The last {tally(since, 'setting')} brought no improvement." if since else ""
    return [Picture("progress", png, said, wide=False)]


def _number(one: Setting) -> float:
    known = one.facts.get("point")
    return float(known) if isinstance(known, (int, float)) else math.inf
