"""The sections of a sweep's report that are tables: settings, failures, what it was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .blocks import Code, Facts, Section, Table, Text
from .levers import format_value
from .read import amount, finite, get
from .sweep_facts import UNFINISHED, Setting, Sweep, middle_told
from .words import NONE, baseline_told, between, duration, known, number, setting, shorten, tally

_SHOWN = 50  # settings that are seen at once
_MOST = 1000  # settings that are there to be unfolded
_REASONS = 20
_LISTED = 200  # failed trials
_TRACED = 10
_LONGEST = 60  # characters of a value in a cell
_KINDS = {"log": "log-uniform", "uniform": "uniform", "int": "whole numbers"}

Trial = Mapping[str, Any]


def settings(sweep: Sweep) -> Section:
    """Every setting, the best first."""
    found = sweep.settings
    if not found:
        return Section("settings", "Settings", [Text(["No settings are recorded."])])
    columns = _columns(sweep)
    rows = [[make(one) for _, make in columns] for one in found[:_MOST]]
    kept = [c for c in range(len(columns)) if any(row[c] != NONE for row in rows) or c == 0]
    head = [columns[c][0] for c in kept]
    rows = [[row[c] for c in kept] for row in rows]
    texts = [place for place, name in enumerate(head) if name in ("setting", "not finished")]
    texts += [place for place, name in enumerate(head) if _words(sweep, name)]
    best = found.index(sweep.best) if sweep.best else None
    title = f"Settings, best {shorten(sweep.score, _LONGEST)} first"
    title += "; settings with an unfinished trial come last" * any(one.lost for one in found)
    rest, left = rows[_SHOWN:], tally(len(found) - _MOST, "further setting")
    more = f"{tally(len(rest), 'more setting')}, from the {_SHOWN + 1}st on"
    blocks = [
        Table(title, head, rows[:_SHOWN], texts=texts, marked=best),
        Table(more, head, rest, texts=texts, folded=True),
        Text([f"{left} of lower rank are only in sweep.json." if len(found) > _MOST else ""]),
    ]
    return Section("settings", "Settings", blocks)


def _columns(sweep: Sweep) -> list[tuple[str, Any]]:
    """The columns' names, and what makes a cell of a setting."""

    def value_of(key: str) -> Any:
        return lambda one: (
            shorten(format_value(one.changed[key]), _LONGEST) if key in one.changed else NONE
        )

    def fact(name: str) -> Any:
        return lambda one: number(amount(one.facts, name))

    def objective(name: str) -> Any:
        return lambda one: known(one.objective(name))

    others = [name for name, _ in sweep.objectives if name not in (sweep.score, "parameters")]
    return [
        ("setting", lambda one: one.name),
        (shorten(sweep.score, _LONGEST), lambda one: known(one.value)),
        ("± std", fact("std")),
        ("95% interval", lambda one: between(one.interval)),
        ("interquartile mean", _tell_middle),
        ("baseline", lambda one: baseline_told(sweep.baseline(one))),
        *((shorten(name, _LONGEST), objective(name)) for name in others),
        *((shorten(key, _LONGEST), value_of(key)) for key in sweep.keys),
        ("trials", fact("n")),
        ("not finished", _count_unfinished),
        ("epoch", lambda one: round_mean(amount(one.facts, "epoch"))),
        ("parameters", fact("parameters")),
        ("time", lambda one: _time(amount(one.facts, "seconds"))),
    ]


def _tell_middle(one: Setting) -> str:
    """The interquartile mean with its interval; a dash where nothing is left out."""
    return middle_told(one.middle) if one.middle and one.middle.left_out else NONE


def _words(sweep: Sweep, name: str) -> bool:
    """Whether a column holds a lever whose values are no numbers."""
    keys = [key for key in sweep.keys if shorten(key, _LONGEST) == name]
    values = [one.changed[key] for one in sweep.settings for key in keys if key in one.changed]
    return bool(values) and not all(math.isfinite(finite(value)) for value in values)


def _time(seconds: float | None) -> str:
    return NONE if seconds is None else duration(float(seconds))


def round_mean(mean: float | None) -> str:
    """A mean of whole numbers, with one digit after the point if it needs any."""
    if mean is None or not math.isfinite(mean) or mean == round(mean):
        return number(int(mean) if mean is not None and math.isfinite(mean) else mean)
    return f"{mean:,.1f}"


def _count_unfinished(one: Setting) -> str:
    states = one.states
    return ", ".join(f"{states[name]} {name}" for name in UNFINISHED if states[name]) or NONE


def show_failures(sweep: Sweep) -> Section:
    """The trials that failed, by reason, with their tracebacks folded."""
    lost = [trial for trial in sweep.trials if trial.get("state") == "failed"]
    reasons: dict[str, list[Trial]] = {}
    for trial in lost:
        reason = shorten(_lines(trial), 300) or "no reason was recorded"
        reasons.setdefault(reason, []).append(trial)
    groups = sorted(reasons.items(), key=lambda group: -len(group[1]))
    rows = [
        [number(len(trials)), _examples(sweep, trials), reason]
        for reason, trials in groups[:_REASONS]
    ]
    of = tally(len(sweep.trials), "trial")
    title = f"{number(len(lost))} of {of} failed, by reason"
    rarer = f"{tally(len(groups) - _REASONS, 'rarer reason')} left out."
    first = [trials[0] for _, trials in groups if get(trials[0], "traceback", str)][:_TRACED]
    traced = [Code(get(t, "traceback", str), f"Traceback of trial {_name(t)}") for t in first]
    blocks = [
        Table(title, ("trials", "settings", "reason"), rows, texts=(1, 2)),
        Text([rarer if len(groups) > _REASONS else ""]),
        _list_trials(lost),
        *traced,
    ]
    return Section("failed", "Failed trials", blocks)


def _examples(sweep: Sweep, trials: Sequence[Trial]) -> str:
    """The settings of some trials, up to three of them."""
    each = (sweep.brief(get(trial, "changed", dict)) or "task defaults" for trial in trials)
    names = list(dict.fromkeys(each))
    more = f"; and {number(len(names) - 3)} more" if len(names) > 3 else ""
    return "; ".join(shorten(name, _LONGEST) for name in names[:3]) + more


def _label(trial: Trial) -> str:
    return shorten(setting(trial.get("changed")), 2 * _LONGEST) or "task defaults"


def _list_trials(lost: Sequence[Trial]) -> Table:
    rows = [
        [
            _name(trial),
            _label(trial),
            number(amount(trial, "seed")),
            get(trial, "run", str) or NONE,
            shorten(_lines(trial), 2 * _LONGEST) or NONE,
        ]
        for trial in lost[:_LISTED]
    ]
    many = f"The first {_LISTED}" if len(lost) > _LISTED else "Each"
    head = ("trial", "setting", "seed", "run", "reason")
    return Table(f"{many} of the failed trials", head, rows, texts=(0, 1, 3, 4), folded=True)


def _lines(trial: Trial) -> str:
    """Why it failed, on one line."""
    lines = get(trial, "reason", str).splitlines()
    return "; ".join(line.strip() for line in lines if line.strip())


def _name(trial: Trial) -> str:
    return number(amount(trial, "trial"))


def notes(sweep: Sweep) -> Section:
    """What the sweep itself has to say."""
    said = [note for note in get(sweep.facts, "notes", list) if isinstance(note, str)]
    return Section("notes", "Notes", [Text(said)])


def record(sweep: Sweep) -> Section:
    """What was asked for, and what it took."""
    facts = sweep.facts
    seconds = amount(facts, "seconds")
    rows = [
        ("state", get(facts, "state", str)),
        ("trials", sweep.states),
        ("settings", number(len(sweep.settings))),
        ("trials per setting", _format_fact(facts, "seeds")),
        ("threads per trial", _format_fact(facts, "threads")),
        ("started", get(facts, "started", str)),
        ("took", _time(seconds) if seconds is not None else ""),
    ]
    space, command = get(facts, "space", dict), get(facts, "command", str)
    said = "The command; run again, it continues with what is missing:" if command else ""
    blocks = [
        Facts("", [row for row in rows if row[1]]),
        Facts("Search space", [(key, shorten(_range(space[key]), 400)) for key in space]),
        Text([said]),
        Code(command),
    ]
    return Section("record", "Command", blocks)


def _format_fact(facts: Mapping[str, Any], key: str) -> str:
    return number(facts[key]) if amount(facts, key) is not None else ""


def _range(lever: object) -> str:
    """As in "log-uniform from 0.0001 to 0.1" and "one of [16], [64]"."""
    if not isinstance(lever, dict) or len(lever) != 1:
        return number(lever)
    kind, values = next(iter(lever.items()))
    if not isinstance(values, list):
        return f"{kind}: {format_value(values)}"
    if kind in _KINDS and len(values) >= 2:
        return f"{_KINDS[kind]} from {format_value(values[0])} to {format_value(values[1])}"
    return f"one of {', '.join(map(format_value, values))}"
