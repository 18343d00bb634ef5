"""Sections on what came out beside the answer: the run's notes, and all its scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..judging.classes import describe_classes, describe_meanings
from ..judging.verdict import display_name
from .blocks import Alerts, Section, Table, Text
from .read import Run, amount, get, mappings, span
from .words import GOAL, NONE, PARTS, between, measure, number


def notes(run: Run) -> Section:
    """What the run itself has to say."""
    said = [note for note in get(run.report, "notes", list) if isinstance(note, str)]
    if run.torn:
        said.append("The last line of metrics.jsonl is incomplete and is left out.")
    return Section("notes", "Notes", [Alerts([f"{one}." for one in run.broken]), Text(said)])


def scores(run: Run) -> Section:
    """Every score with its interval and its baseline."""
    rows = [_score(score) for score in mappings(run.report, "scores")]
    head = ("score", "set", "value", "95% interval", "baseline", "its name", "direction")
    table = Table("Every score of the kept weights", head, rows, texts=(0, 1, 5, 6))
    names = [get(score, "name", str) for score in mappings(run.report, "scores")]
    meant = describe_meanings(get(run.report, "meanings", dict), names)
    told = [*meant, *describe_classes(get(run.report, "problem", dict), names)]
    return Section("scores", "Scores", [table, Text(told)])


def _score(score: Mapping[str, Any]) -> list[str]:
    name, interval = get(score, "name", str), span(score)
    baseline = get(score, "baseline", dict)
    return [
        measure(name),
        PARTS.get(name.partition("/")[0], ""),
        number(amount(score, "value")),
        between(interval),
        number(amount(baseline, "value")),
        display_name(get(baseline, "name", str)) or NONE,
        GOAL.get(get(score, "direction", str), NONE),
    ]
