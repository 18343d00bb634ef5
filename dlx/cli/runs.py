"""The verb `dlx runs`: list, filter and sort the runs; one small file is read for each."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..runs.folder import all_runs, read_status
from ..runs.lock import is_held
from .console import number, say, say_json, show_table

EXAMPLES = """examples:
  dlx runs
  dlx runs --sort val/accuracy
  dlx runs --task digits --sort val/loss --limit 5
  dlx runs --json
"""

STATES = ("done", "failed", "interrupted", "killed", "paused", "refused", "running")
_LOWER_IS_BETTER = ("loss", "mae", "mse", "rmse", "penalty")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--task", metavar="NAME", help="only runs of this task")
    add("--state", choices=STATES, help="only runs in this state")
    add("--sort", metavar="SCORE", help="best first by a score, as in val/accuracy; or `seconds`")
    add("--limit", type=_positive, metavar="N", help="the first N; the last N without --sort")
    add("--json", action="store_true", help="print JSON, for scripts")
    add("--csv", action="store_true", help="print CSV, for spreadsheets")


def run(args: argparse.Namespace) -> int:
    """Lists runs."""
    every = [status for folder in all_runs(Path(args.root)) if (status := _status(folder))]
    found = every
    if args.task:
        found = [status for status in found if status.get("task") == args.task]
    if args.state:
        found = [status for status in found if status.get("state") == args.state]
    if args.sort:
        found = _sorted(found, args.sort)
    if args.limit is not None:
        found = found[: args.limit] if args.sort else found[-args.limit :]
    if args.json:
        say_json(found)
    elif args.csv:
        _print_csv(found)
    elif not found:
        say(_nothing(args, every))
    else:
        _print_table(found, args.sort)
    return 0


def _status(folder: Path) -> dict[str, Any] | None:
    """A run's status; one that calls itself running with no process at work was killed."""
    status = read_status(folder)
    if status is not None and status.get("state") == "running" and not is_held(folder):
        status["state"] = "killed"
    return status


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def _nothing(args: argparse.Namespace, every: list[dict[str, Any]]) -> str:
    if not every:
        return f"no runs in {args.root}: dlx train task=digits makes one"
    tasks = ", ".join(sorted({str(status.get("task")) for status in every}))
    return f"none of the {len(every)} runs in {args.root} is such a one; their tasks: {tasks}"


def _score(status: dict[str, Any], name: str) -> float | None:
    value = status.get("seconds") if name == "seconds" else _scores(status).get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _scores(status: dict[str, Any]) -> dict[str, Any]:
    scores = status.get("scores")
    return scores if isinstance(scores, dict) else {}


def _sorted(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Best first; runs without the score at the end."""
    known = sorted({key for status in found for key in _scores(status)} | {"seconds"})
    if found and name not in known:
        from ..config.names import listed, nearest

        near = nearest(name, known)
        raise UsageError(
            Problem(
                f"no run has the score `{name}`",
                "--sort",
                listed(known),
                f"--sort {near}" if near else "",
            )
        )
    low = name == "seconds" or name.rpartition("/")[2] in _LOWER_IS_BETTER
    having = [s for s in found if _score(s, name) is not None]
    having.sort(key=lambda s: _score(s, name) or 0.0, reverse=not low)
    return having + [s for s in found if _score(s, name) is None]


def _print_table(found: list[dict[str, Any]], sort: str | None) -> None:
    names: dict[str, None] = {sort: None} if sort and sort != "seconds" else {}
    for status in found:
        answer = status.get("answer")
        names |= {n: None for n in _scores(status) if n.startswith("val/")}
        if isinstance(answer, dict):
            names[str(answer.get("score"))] = None
    shown = list(names)[:5]
    titles = ("run", "state", *shown, "seconds", "changed")
    rows = []
    for status in found:
        changes = [str(o) for o in status.get("overrides", []) if not str(o).startswith("task=")]
        scores = [number(_score(status, name)) for name in shown]
        sample = " (sample)" if status.get("sample") else ""
        name = str(status.get("run")) + sample
        state = str(status.get("state"))
        seconds = number(_score(status, "seconds"))
        rows.append([name, state, *scores, seconds, " ".join(changes)])
    show_table(titles, rows, right=(*shown, "seconds"))


def _print_csv(found: list[dict[str, Any]]) -> None:
    names = sorted({name for status in found for name in _scores(status)})
    plain = ("run", "task", "state", "started", "seconds", "seed", "sample")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*plain, *names, "overrides"])
    for status in found:
        values = [_text_cell(status.get(key, "")) for key in plain]
        scores = [_scores(status).get(name, "") for name in names]
        overrides = " ".join(map(str, status.get("overrides", [])))
        writer.writerow([*values, *scores, _text_cell(overrides)])


def _text_cell(value: Any) -> Any:
    """A value, and if it is a text one that no spreadsheet takes for a formula."""
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    return f"'{value}" if risky else value
