"""The command `dlx compare`: runs side by side, and which differences are significant."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageError
from ..runs.files import list_in
from ..runs.folder import MEANT, find
from .console import SAMPLE, baseline_text, interval_text, number, say, say_json, show_table

if TYPE_CHECKING:
    from ..report import Comparison

EXAMPLES = """examples:
  dlx compare 20261124-1704 20261124-1811
  dlx compare 1704 1811 last --out dropout.html
  dlx compare 1704 last --json
"""
_PAGE = "comparison.html"
_ONE_SEED = "an interval covers the variation over {}; another seed may change a score as well"
_CHOOSE = (
    "to choose between them, use a validation score: the best of several test scores is too "
    "optimistic"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", help=f"{MEANT}; the others are compared with the first")
    add("--out", metavar="FILE", default=_PAGE, help=f"the page with the curves (default: {_PAGE})")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Prints scores and differences, and writes a page with the curves."""
    if len(args.runs) < 2:
        what = "only one run is named, and a comparison needs two"
        hint = f"dlx report {args.runs[0]}"
        raise UsageError(Problem(what, "command line", "two or more RUNs", hint))
    folders = [find(Path(args.root), name).resolve() for name in args.runs]
    if len(set(folders)) < len(folders):
        raise UsageError(Problem("the same run is named twice", " ".join(args.runs), "each once"))
    from ..report import compare

    found = compare(folders)
    page = Path(args.out)
    if args.json:
        say_json({**_plain(found), "page": str(found.write(page))})
        return 0
    _show(found)
    say(f"comparison of {len(folders)} runs: {found.write(page)}")
    return 0


def _scores(found: Comparison) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every score of every run, those of one name together: name, place of the run, facts."""
    listed = [
        (one["name"], place, one)
        for place, run in enumerate(found.runs, start=1)
        for one in list_in(run.report, "scores")
        if isinstance(one, dict) and isinstance(one.get("name"), str)
    ]
    for name in dict.fromkeys(name for name, _, _ in listed):
        yield from (one for one in listed if one[0] == name)


def _show(found: Comparison) -> None:
    for place, (name, run) in enumerate(zip(found.names, found.runs, strict=True), start=1):
        say(f"{place}  {name}  {run.report.get('command') or ''}".rstrip())
    say("")
    from ..report.read import amount, span

    rows, before = [], ""
    for name, place, facts in _scores(found):
        shown = "" if name == before else name
        before = name
        value, interval = number(amount(facts, "value")), interval_text(span(facts))
        rows.append([shown, str(place), value, interval, baseline_text(facts.get("baseline"))])
    titles = ("score", "run", "value", "95 % interval", "baseline")
    show_table(titles, rows, right=("run", "value")) if rows else say("there are no scores")
    _show_differences(found)
    if any(run.sample for run in found.runs):
        say(SAMPLE)


def _show_differences(found: Comparison) -> None:
    rows = [
        [
            one.label,
            one.score,
            f"{one.difference:+.4g}" if one.difference else "0",
            interval_text(one.interval),
            one.verdict,
            one.method,
        ]
        for one in found.differences
    ]
    if rows:
        against = f"against {', '.join(map(str, found.differences[0].against))}"
        titles = ("run", against, "difference", "95 % interval", "verdict", "method")
        say("")
        show_table(titles, rows, right=("run", "difference"))
        if all(len(one.runs) == len(one.against) == 1 for one in found.differences):
            fresh = {str(run.report.get("fresh") or "") != "" for run in found.runs}
            units = ["rows"] * (False in fresh) + ["episodes"] * (True in fresh)
            say(_ONE_SEED.format(" and ".join(units)))
        if any(one.score.startswith("test/") for one in found.differences):
            say(_CHOOSE)
    elif len(found.runs) > 1:
        say("the runs have no score on the same set: they cannot be compared")
    for warning in found.warnings:
        say(f"warning: {warning}")


def _plain(found: Comparison) -> dict[str, Any]:
    return {
        "runs": [
            {"run": name, "sample": run.sample, "scores": list_in(run.report, "scores")}
            for name, run in zip(found.names, found.runs, strict=True)
        ],
        "differences": [
            {
                "runs": [found.names[place - 1] for place in one.runs],
                "against": [found.names[place - 1] for place in one.against],
                "score": one.score,
                "difference": one.difference,
                "interval": one.interval,
                "method": one.method or None,
                "better": one.better,
                "significant": one.larger,
            }
            for one in found.differences
        ],
        "warnings": list(found.warnings),
    }
