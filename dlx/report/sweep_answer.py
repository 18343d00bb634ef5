"""The section of a sweep's report that answers first: the best setting, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..judging.interquartile import LEAST
from .answer import DECISIONS, TONE, VERDICT, against, labelled, marks, worn
from .blocks import Alerts, Answer, Block, Code, Facts, Section, Text
from .levers import format_value
from .read import amount, get
from .sweep_facts import Setting, Sweep, middle_told
from .sweep_tables import round_mean
from .words import between, duration, number, sentence, shorten, tally

_LONGEST = 200  # characters of a value
_OVER = {
    "seeds": "over {} (Student's t)",
    "folds": "over the folds of one training",
    "bootstrap": "of one training (by its validation rows)",
}
_CLEAN = "No trial used the test set."
_FLATTERS = "the best of them looks better than it is. Only the test set shows how good it is."


def answer(sweep: Sweep) -> Section:
    """The best setting, its score beside the baseline, and the command that trains it."""
    best = sweep.best
    alerts = Alerts(_alerts(sweep))
    if best is None:
        return Section("answer", "Answer", [Text([_explain_none(sweep)]), alerts])
    many = f", best of {tally(len(sweep.scored), 'setting')}" if len(sweep.scored) > 1 else ""
    label = f"{labelled(sweep.score, sweep.sample, sweep.fresh)}{many}"
    baseline = sweep.baseline(best)
    said, tone = _verdict(sweep, best, baseline)
    interval = list(best.interval) if best.interval else None
    scale = marks({"value": best.value, "interval": interval, "baseline": baseline})
    beside = _list_facts(sweep, best, baseline)
    hero = Answer(number(best.value), label, beside, said, tone, scale, _remarks(sweep, best))
    return Section("answer", "Answer", [hero, alerts, *_best(sweep, best)])


def _explain_none(sweep: Sweep) -> str:
    states = f" ({sweep.states})" if sweep.states else ""
    return f"There is no best setting: no trial has a score{states}."


def _verdict(sweep: Sweep, best: Setting, baseline: Mapping[str, Any]) -> tuple[str, str]:
    said, beats = get(best.facts, "verdict", str), best.facts.get("beats")
    if said and (beats is None or isinstance(beats, bool)):
        return said, TONE[beats]
    known = amount(baseline, "value")
    if known is None or not math.isfinite(known):
        return "", ""
    return VERDICT[sweep.sign * best.value < sweep.sign * known]


def _list_facts(sweep: Sweep, best: Setting, baseline: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    many, std = amount(best.facts, "n"), amount(best.facts, "std")
    if best.interval:
        over = _OVER.get(get(best.facts, "interval_of", str), "")
        name = f"95% interval {over.format(tally(many or 0, 'trial'))}".strip()
        pairs.append((name, between(best.interval)))
    if std is not None:
        pairs.append((f"standard deviation of {tally(many or 0, 'trial')}", number(std)))
    if middle := best.middle:
        told = middle_told(middle) if middle.left_out else f"the mean, of fewer than {LEAST}"
        pairs.append((f"interquartile mean of {tally(many or 0, 'trial')}", told))
    own = sweep.default
    if own is not None and own is not best and math.isfinite(own.value):
        pairs.append(("task defaults", number(own.value)))
    return [*pairs, *against({**sweep.facts, "baseline": baseline})]


def _remarks(sweep: Sweep, best: Setting) -> list[str]:
    use = get(best.facts, "use", str)
    remarks = [sentence(use)] if use else []
    remarks += [_CLEAN] if not _has_test_score(sweep) else []
    looks = _looks(sweep)
    if looks > 1:
        chosen = f"{tally(looks, 'setting')} were compared on the same validation set, so"
        remarks.append(f"{chosen} {tally(looks, 'decision')} are based on it, and {_FLATTERS}")
    if best.interval:
        close = [one for one in sweep.scored if one is not best and _is_inside(one, best)]
        if close:
            many = f"{tally(len(close), 'other setting')} {'lie' if len(close) > 1 else 'lies'}"
            remarks.append(f"{many} within its interval: which of them is best may be chance.")
    if amount(best.facts, "n") == 1:
        shown = "" if sweep.search else " (seeds=3 shows it)"  # a search trains each setting once
        remarks.append(f"It was trained once: another seed gives another value{shown}.")
    if best.lost:
        remarks.append("Not all of its trials finished: its value is that of those that did.")
    if sweep.default is best:
        remarks.append("It is the task defaults: no setting that was tried is better.")
    return remarks


def _is_inside(one: Setting, best: Setting) -> bool:
    low, high = best.interval or (math.inf, -math.inf)
    return low <= one.value <= high


def _looks(sweep: Sweep) -> int:
    """Settings whose validation scores were seen."""
    return sum(math.isfinite(one.value) or one.states["pruned"] > 0 for one in sweep.settings)


def _has_test_score(sweep: Sweep) -> bool:
    """Whether a trial has a score of a test part, which none should have."""
    rows = [*sweep.trials, *(one.facts for one in sweep.settings)]
    names = [name for row in rows for name in get(row, "values", dict)]
    return any(name.startswith("test/") for name in [sweep.score, *names])


def _alerts(sweep: Sweep) -> list[str]:
    said = []
    counts = sweep.counts
    total, looks = sum(counts.values()), _looks(sweep)
    if sweep.facts.get("state") == "running":
        waiting = f"{number(counts['done'])} of {tally(total, 'trial')} are done"
        said.append(f"Not finished: {waiting}; the best so far may change.")
    if _has_test_score(sweep):
        said.append("Some trials have test scores: that test set is no longer independent.")
    if looks > DECISIONS:
        said.append(worn(looks))
    if counts["failed"]:
        said.append(f"{number(counts['failed'])} of {tally(total, 'trial')} failed; reasons below.")
    return said


def _best(sweep: Sweep, best: Setting) -> list[Block]:
    """What the best setting is, and what to type to train it."""
    rows = [(key, shorten(format_value(value), _LONGEST)) for key, value in best.changed.items()]
    seconds = amount(best.facts, "seconds")
    more = {
        "epoch of its best weights": round_mean(amount(best.facts, "epoch")),
        "parameters": number(amount(best.facts, "parameters")),
        "time to train": duration(float(seconds)) if seconds is not None else number(None),
    }
    by = f" by {shorten(sweep.score, _LONGEST)}" if sweep.objectives else ""
    title = f"Setting {best.name}, the best{by}"
    found = get(sweep.facts, "best", dict)
    command, final = get(found, "command", str), get(found, "final", str)
    test = "test it by fresh episodes" if sweep.fresh else "evaluate it on the test set once"
    said = f"To train the final model and {test}:" if command else ""
    after = sentence(final) if command else ""
    return [Facts(title, [*rows, *more.items()]), Text([said]), Code(command), Text([after])]
