"""The section that answers first: the score, what it must beat, and how far to believe it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..config.specs.averages import describe_average
from ..judging.verdict import (
    BOOSTING,
    CHANCE,
    DATA,
    LOST,
    MEMBER,
    OPEN,
    WON,
    display_name,
    verdict_of,
)
from .blocks import Alerts, Answer, Mark, Section, Table, Text
from .read import Run, amount, get, mappings, span
from .words import GOAL, NONE, between, measure, number, part, sentence, tally

VERDICT = {True: ("beats the baseline", "good"), False: ("does not beat the baseline", "bad")}
TONE = {True: "good", False: "bad", None: "open"}
_OLD = {"has statistical power": WON, "no statistical power": LOST, "unknown": OPEN}
"""What runs from before the linear model counted say of the trivial baseline."""
_BEATEN = {True: "yes", False: "no"}
_UNTESTED = "This is a validation score, not a test score."
_PICKED = "The validation set also chose the epoch, so its scores are optimistic."
_FLATTERS = "the more evaluations, the more optimistic the scores."
DECISIONS = 50
"""As many choices by one validation part before its scores wear out."""
_Z = 1.96  # half of a 95 % interval is as many standard errors


def answer(run: Run) -> Section:
    """The score, its interval, every baseline beside it, and how far to believe it."""
    found = get(run.report, "answer", dict)
    warned, interval = Alerts(_alerts(run, found)), span(found)
    value = amount(found, "value")
    if value is None:
        return Section("answer", "Answer", [warned, Text([_no_score(run, found)])])
    fresh = bool(get(run.report, "fresh", str))
    label = labelled(get(found, "score", str), run.sample, fresh)
    beside = [("95% interval", between(interval))] if interval else []
    beside += against(found)
    said, tone = verdict(run, found)
    hero = Answer(number(value), label, beside, said, tone, marks(found), _remarks(run, found))
    return Section("answer", "Answer", [hero, warned, _baselines(run), _looks(run)])


def labelled(score: str, sample: bool, fresh: bool = False) -> str:
    """What a score measures, and on which rows, or in which episodes."""
    on = f" {'in' if fresh else 'on the'} {part(score, fresh)}" if part(score) else ""
    return f"{measure(score)}{on}{' of the sample data' if sample else ''}"


def _no_score(run: Run, found: Mapping[str, Any]) -> str:
    stopped = run.report.get("state") == "interrupted"
    reason = "The run was interrupted before it had one." if stopped else "The run recorded none."
    if get(found, "score", str):  # JSON has no NaN: it is written as null
        reason = f"{found['score']} is not a number."
    return " ".join(filter(None, ("There is no score.", reason, _progress(run))))


def _progress(run: Run) -> str:
    planned = amount(run.report, "epochs")
    of = f" of {number(planned)} planned" if planned is not None else ""
    return f"It trained for {tally(len(run.epochs), 'epoch')}{of}." if run.epochs else ""


def verdict(run: Run, found: Mapping[str, Any]) -> tuple[str, str]:
    """Against all simpler answers where that was measured, else against the one baseline."""
    listed = mappings(run.report, "baselines")
    if listed:
        known = verdict_of(listed)
        return known.text, TONE[known.beats]
    said = get(get(run.report, "power", dict), "verdict", str)
    told, beats = _OLD.get(said, said), found.get("beats")
    if told in (WON, LOST, OPEN):
        return told, {WON: "good", LOST: "bad", OPEN: "open"}[told]
    return VERDICT[beats] if isinstance(beats, bool) else ("", "")


def against(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What stands beside a score: its `baseline` and its `direction`, where they are known."""
    baseline, goal = get(found, "baseline", dict), GOAL.get(get(found, "direction", str), "")
    value, name = amount(baseline, "value"), display_name(get(baseline, "name", str))
    title = f"baseline: {name}" if name else "baseline"
    pairs = [(title, number(value) if value is not None else ""), ("direction", goal)]
    return [pair for pair in pairs if pair[1]]


def worn(decisions: float, more: str = "") -> str:
    """What so many choices by one validation set do to its scores."""
    many = tally(decisions, "decision")
    return f"{many} used the same validation set: so many choices overfit it{more}."


def marks(found: Mapping[str, Any]) -> list[Mark]:
    """The score, its interval and the baseline on one scale, 6% of it free at either end."""
    score, interval = amount(found, "value"), span(found)
    baseline = amount(get(found, "baseline", dict), "value")
    values = [float(v) for v in (score, baseline, *(interval or ())) if v is not None]
    if score is None or len(set(values)) < 2 or not all(map(math.isfinite, values)):
        return []
    low, reach = min(values), max(values) - min(values)

    def position(value: float) -> float:
        return round(6 + 88 * (value - low) / reach, 2)

    placed = []
    if interval:
        placed.append(
            Mark("interval", position(interval[0]), position(interval[1]) - position(interval[0]))
        )
    if baseline is not None:
        placed.append(Mark("baseline", position(baseline)))
    return [*placed, Mark("score", position(score))]


def _remarks(run: Run, found: Mapping[str, Any]) -> list[str]:
    use = verdict_of(mappings(run.report, "baselines")).use
    remarks = [sentence(use)] if use else []
    remarks += [sentence(one) for one in get(run.report, "told", list) if isinstance(one, str)]
    told = _describe_verdict(run, found)
    if beside := get(get(run.report, "power", dict), "members", str):
        remarks.append(sentence(beside))
    interval, baseline = span(found), amount(get(found, "baseline", dict), "value")
    if told:
        remarks.append(sentence(told))
    elif interval and baseline is not None and interval[0] <= baseline <= interval[1]:
        remarks.append("The baseline is inside the interval: the difference may be chance.")
    looks = amount(found, "looks")
    if get(found, "part", str) == "val":
        picked = get(found, "weights", str) == "best"
        remarks.append(f"{_UNTESTED} {_PICKED}" if picked else _UNTESTED)
    elif fresh := get(run.report, "fresh", str):
        remarks.append(sentence(fresh))
    elif looks == 1:
        remarks.append("This is the first evaluation on the test set.")
    elif looks:
        remarks.append(
            f"This is evaluation {number(looks)} on the test set{_describe_seen(run)}: {_FLATTERS}"
        )
    decisions = amount(run.report, "decisions")
    if decisions is not None and 0 < decisions <= DECISIONS:
        remarks.append(f"{tally(decisions, 'decision')} used the validation set so far.")
    return [*remarks, *_weights(run, found)]


def _describe_verdict(run: Run, found: Mapping[str, Any]) -> str:
    """The comparison in words; one from before the linear model counted, under today's verdict."""
    told = get(get(run.report, "power", dict), "text", str)
    for name in CHANCE:  # as earlier versions called it
        told = told.replace(f" than {name} (", f" than {display_name(name)} (")
    before, colon, rest = told.partition(": ")
    return f"{verdict(run, found)[0]}: {rest}" if before in _OLD and colon else told


def _weights(run: Run, found: Mapping[str, Any]) -> list[str]:
    epoch, weights = amount(found, "epoch"), get(found, "weights", str)
    monitor = get(run.report, "monitor", str)
    at = f" (epoch {number(epoch)})" if epoch is not None else ""
    at += describe_average(get(found, "average", str) or None)
    if weights == "folds":
        return [f"The mean over the folds at the epoch with the best mean score{at}."]
    by = f" by {monitor}" if weights == "best" and monitor else ""
    return [f"Weights: {weights}{by}{at}."] if weights else []


def _alerts(run: Run, found: Mapping[str, Any]) -> list[str]:
    """What must not be overlooked, the gravest first."""
    stamps = [s for s in get(run.report, "stamps", list) if isinstance(s, str) and s]
    warned = [sentence(stamp) for stamp in stamps]
    leaks = [get(c, "text", str) for c in mappings(run.report, "checks") if c.get("kind") == "leak"]
    warned += [f"Leak: {text}." for text in leaks if text]
    worse = _describe_drop(run, found)
    decisions = amount(run.report, "decisions")
    if decisions is not None and decisions > DECISIONS:
        warned.append(worn(decisions, _more_reliable(run)))
    return [*warned, *([worse] if worse else [])]


def _describe_drop(run: Run, found: Mapping[str, Any]) -> str:
    """Whether the test is worse than validation by more than two standard errors (book 4.5.7)."""
    told = _find_workflow_note(run)
    if told is not None:
        return sentence(told)
    reference = _validation(run, found)
    value, sign = amount(found, "value"), -1.0 if found.get("direction") == "min" else 1.0
    if reference is None or value is None or get(found, "part", str) != "test":
        return ""
    expected, error = reference
    own = span(found)
    if own:  # both scores are uncertain
        error = math.hypot(error, (own[1] - own[0]) / (2 * _Z))
    if not error > 0 or not sign * (expected - value) > 2 * error:
        return ""
    return (
        f"The test score is clearly worse than the validation score, {number(expected)}: by "
        f"{(sign * (expected - value)) / error:.1f} standard errors of the difference. "
        f"The validation set was overfitted or is too small{_more_reliable(run)}."
    )


def _more_reliable(run: Run) -> str:
    """What to type for better validation; "" where the run told none."""
    typed = get(get(run.report, "advice", dict), "more_reliable", str)
    return f"; {typed} is more reliable" if typed else ""


def _find_workflow_note(run: Run) -> str | None:
    """What step 7 said of it; "" where it found nothing, None where it was not taken."""
    for step in mappings(get(run.report, "workflow", dict), "steps"):
        warning = get(step, "facts", dict).get("warning")
        if isinstance(warning, str):
            return warning
    return None


def _validation(run: Run, found: Mapping[str, Any]) -> tuple[float, float] | None:
    """The validation score of the same name and its standard error."""
    name = get(found, "score", str).replace("test/", "val/", 1)
    for score in mappings(run.report, "scores"):
        value, interval = amount(score, "value"), span(score)
        if score.get("name") == name and value is not None and interval:
            return value, (interval[1] - interval[0]) / (2 * _Z)
    return None


def _baselines(run: Run) -> Table:
    """Every answer that needs no network, on the same rows."""
    listed = mappings(run.report, "baselines")
    rows = [_baseline(entry) for entry in listed]
    head = ("baseline", "kind", "its score", "model better by", "95% interval", "beaten")
    same = "in the same episodes" if get(run.report, "fresh", str) else "on the same rows"
    boosted = any(entry.get("kind") == BOOSTING for entry in listed)
    others = "simpler models and boosted trees" if boosted else "simpler models"
    title = f"The model compared with {others}, {same}"
    if any(entry.get("kind") == MEMBER for entry in listed):
        title = f"The ensemble compared with {others} and with its members, on the same rows"
    return Table(title, head, rows, texts=(0, 1, 5))


def _baseline(entry: Mapping[str, Any]) -> list[str]:
    interval, beaten = span(entry), entry.get("beaten")
    told = NONE if entry.get("kind") == DATA else "unknown"  # what need not be beaten
    return [
        display_name(get(entry, "name", str), whole=True),
        get(entry, "kind", str) or NONE,
        number(amount(entry, "value")),
        number(amount(entry, "difference")),
        between(interval),
        _BEATEN.get(beaten, "unknown") if isinstance(beaten, bool) else told,
    ]


def _describe_seen(run: Run) -> str:
    """How many of the test rows were evaluated before, where it is not all of them."""
    rows = get(run.report, "looks_rows", dict)
    seen, many = amount(rows, "seen"), amount(rows, "rows")
    if seen is None or many is None or seen >= many:
        return ""
    return f", {number(seen)} of whose {number(many)} rows were evaluated before"


def _looks(run: Run) -> Table:
    """The looks at these test rows before this run's."""
    rows = [
        [*(get(look, key, str) for key in ("run", "verb", "at")), number(amount(look, "rows"))]
        for look in mappings(run.report, "looks_before")
    ]
    title = f"{tally(len(rows), 'earlier evaluation')} on these test rows"
    return Table(title, ("run", "command", "at", "rows"), rows, texts=(0, 1, 2), folded=True)
