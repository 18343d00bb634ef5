"""Several runs side by side: one offline page, made from their folders alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..judging.verdict import display_name
from ..runs.difference import ASIDE
from . import compare_plots, evidence_plots
from .answer import verdict
from .blocks import Alerts, Block, Code, Picture, Section, Table, Text
from .compare_plots import Span
from .evidence_plots import Line
from .noise import Noise, compare_with_first, has_same_rows, list_pairs
from .page import write_page
from .read import Run, amount, drawn_span, finite, get, measures, read, span
from .seeds import config_of, flatten
from .words import GOAL, NONE, between, measure, number, part, tails


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side.

    Attributes:
        runs: as read from their folders.
        names: of the runs.
        differences: the judged scores of each against those of the first.
        warnings: why their scores may not compare.
    """

    runs: Sequence[Run]
    names: Sequence[str]
    differences: Sequence[Noise]
    warnings: Sequence[str]

    @property
    def sample(self) -> bool:
        """Whether the data of any of them were made up."""
        return any(run.sample for run in self.runs)

    def write(self, page: Path) -> Path:
        """Makes one page of them: answers, differences, settings that differ, curves overlaid.

        Args:
            page: the file to write.

        Returns:
            The path of the page.

        Raises:
            RunError: the page cannot be written.
        """
        texts = {"title": f"{len(self.runs)} runs side by side"}
        return write_page(page, (answers, settings, curves, repeat), self, texts, plots=False)


def compare(folders: Sequence[Path]) -> Comparison:
    """Puts runs side by side.

    Args:
        folders: two run folders or more.

    Raises:
        UsageError: a folder holds no `report.json`.
        RunError: a file in a folder is damaged.
    """
    runs = [read(folder) for folder in folders]
    names = [get(run.report, "run", str) or f.name for run, f in zip(runs, folders, strict=True)]
    return Comparison(runs, names, compare_with_first(runs), _alerts(runs))


def answers(found: Comparison) -> Section:
    """Score, interval, baseline and verdict of each, and why they may not compare."""
    rows = [
        _row(index, run, name)
        for index, (run, name) in enumerate(zip(found.runs, found.names, strict=True), start=1)
    ]
    head = ("run", "name", "score", "value", "95% interval", "baseline", "verdict", "looks")
    table = Table("Answers", head, rows, texts=(0, 1, 2, 6))
    blocks = (Alerts(found.warnings), table, *_intervals(found), _differences(found.differences))
    return Section("answers", "Answers", blocks)


def _intervals(found: Comparison) -> list[Block]:
    """A picture of each score that runs answer by, those that answer by it side by side."""
    answers = [get(run.report, "answer", dict) for run in found.runs]
    told = briefs(found.runs, found.names)
    blocks: list[Block] = []
    for score in dict.fromkeys(get(one, "score", str) for one in answers):
        spans = [
            Span(
                name,
                finite(one.get("value")),
                drawn_span(one),
                finite(get(one, "baseline", dict).get("value")),
            )
            for one, name in zip(answers, told, strict=True)
            if get(one, "score", str) == score and math.isfinite(finite(one.get("value")))
        ]
        if spans:
            caption = f"{score} of each run with its 95% interval, and its baseline."
            png = compare_plots.intervals(score, spans)
            blocks.append(Picture(f"intervals-{score}", png, caption, broad=True))
    return blocks


def briefs(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """Each run in a few words: its number and what tells it apart, else its name."""
    keys, flat = _find_differences(runs)
    brief = tails(keys)
    told = [" ".join(f"{brief[key]}={one.get(key, NONE)}" for key in keys) for one in flat]
    each = zip(told, names, strict=True)
    return [f"run {index}: {own or name}" for index, (own, name) in enumerate(each, start=1)]


def _find_differences(runs: Sequence[Run]) -> tuple[list[str], list[dict[str, str]]]:
    """The settings in which runs differ, and all of each; never where to run or what to call it."""
    flat = [flatten(config_of(run)) for run in runs]
    keys = dict.fromkeys(k for one in flat for k in one if k.partition(".")[0] not in ASIDE)
    return [key for key in keys if len({one.get(key, NONE) for one in flat}) > 1], flat


def _differences(differences: Sequence[Noise]) -> Table:
    """Each difference from the first setting, and whether it is significant."""
    rows = [
        [
            one.label,
            one.score,
            number(one.difference),
            between(one.interval),
            one.verdict,
            one.method or NONE,
        ]
        for one in differences
    ]
    head = ("run", "score", "difference", "95% interval", "verdict", "method")
    firsts = differences[0].against if differences else ()
    first = f"runs {', '.join(map(str, firsts))}" if len(firsts) > 1 else "run 1"
    return Table(f"Differences from {first}", head, rows, texts=(0, 1, 4, 5))


def _row(index: int, run: Run, name: str) -> list[str]:
    found = get(run.report, "answer", dict)
    score, interval, baseline = get(found, "score", str), span(found), get(found, "baseline", dict)
    against = [display_name(get(baseline, "name", str)), number(amount(baseline, "value"))]
    goal = GOAL.get(get(found, "direction", str), "")
    fresh = bool(get(run.report, "fresh", str))
    on = ", ".join(filter(None, (part(score, fresh), goal)))
    sample = " (sample data)" if run.sample else ""
    return [
        f"{index}{sample}",
        name,
        f"{measure(score)} ({on})" if on else measure(score) or NONE,
        number(amount(found, "value")),
        between(interval),
        " ".join(filter(None, against)) if baseline else NONE,
        verdict(run, found)[0] or NONE,
        number(amount(found, "looks")),
    ]


def _alerts(runs: Sequence[Run]) -> list[str]:
    """Where the scores are not of one kind on the same rows."""
    scores = {get(get(run.report, "answer", dict), "score", str) for run in runs}
    data = {_data(run, "digest") for run in runs}
    said = []
    if len({score.partition("/")[2] for score in scores}) > 1:
        said.append("The runs have different main scores: the values cannot be compared.")
    elif len(scores) > 1:
        said.append(
            "The runs are scored on different sets: only scores with the same name can be compared."
        )
    if len(data) > 1:
        said.append("The runs use different data: the values cannot be compared.")
    elif any(_data(a, "split_digest") != _data(b, "split_digest") for a, b in list_pairs(runs)):
        said.append(_other_parts(runs))
    if 0 < sum(run.sample for run in runs) < len(runs):
        said.append(
            "Some of the runs were trained on synthetic sample data: the values cannot be compared."
        )
    if _find_differences(runs)[0] == ["seed"]:
        said.append("The runs differ only in their seeds: their differences are due to chance.")
    warned = [get(run.report, "stamps", list) for run in runs]
    return [*said, *_each(warned), *_each([run.broken for run in runs])]


def _each(told: Sequence[Sequence[object]]) -> list[str]:
    """What there is to say of each run, behind its number."""
    placed = enumerate(told, start=1)
    return [f"Run {at}: {one}." for at, each in placed for one in each if isinstance(one, str)]


def _data(run: Run, key: str) -> str:
    return get(get(run.report, "data", dict), key, str)


def _other_parts(runs: Sequence[Run]) -> str:
    """What still compares where the data are cut in different ways."""
    judged = {get(get(run.report, "answer", dict), "score", str) for run in runs}
    tested = len(judged) == 1 and next(iter(judged)).startswith("test/")
    if tested and all(has_same_rows(runs[0], run) for run in runs[1:]):
        return "The validation sets have different rows: only the test scores can be compared."
    return "The data are split differently: the scores are not on the same rows."


def settings(found: Comparison) -> Section:
    """Each setting in which the runs differ, a column a run."""
    differ, flat = _find_differences(found.runs)
    rows = [[key, *(one.get(key, NONE) for one in flat)] for key in differ]
    head = ("setting", *(f"run {index}" for index in range(1, len(found.runs) + 1)))
    table = Table("Settings that differ", head, rows, texts=range(len(head)))
    same = any(flat) and not rows
    none = Text(["The configurations are the same." if same else ""])
    return Section("settings", "Settings", [none, table])


def curves(found: Comparison) -> Section:
    """Each measure over the epochs, all runs in one plot."""
    told = briefs(found.runs, found.names)
    blocks: list[Block] = []
    for key in measures(row for run in found.runs for row in run.epochs):
        lines = [
            Line(name, run.curve(f"train/{key}"), run.curve(f"val/{key}"), place)
            for place, (run, name) in enumerate(zip(found.runs, told, strict=True))
        ]
        lines = [ln for ln in lines if any(map(math.isfinite, (*ln.train, *ln.val)))]
        if lines:
            caption = f"{key} of each run: validation solid, training dotted."
            png = evidence_plots.overlaid(key, lines)
            blocks.append(Picture(f"curve-{key}", png, caption, broad=True))
    return Section("curves", "Curves", blocks)


def repeat(found: Comparison) -> Section:
    """What to type to get each of them again."""
    commands = [Code(get(run.report, "command", str)) for run in found.runs]
    return Section("repeat", "Commands", commands)
