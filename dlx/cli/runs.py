"""The verb `dlx runs`: list, filter and sort the runs; one small file is read for each."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..printable import printable
from ..runs import listing
from ..runs.files import mapping, safe_cell
from ..runs.listing import STATES, Status
from .console import baseline_text, number, say, say_json, show_table
from .hydra_flags import positive
from .runs_filter import describe_no_match, filter_runs

EXAMPLES = """examples:
  dlx runs
  dlx runs task=digits state=done optimizer.lr=0.01,0.001 --sort val/accuracy --limit 5
  dlx runs --columns task,optimizer.lr,val/accuracy --csv
  dlx runs rm state=failed older=30d
  dlx runs rm last --yes

`dlx runs rm RUN...` or `dlx runs rm key=value...` deletes runs, and asks first. It keeps runs that
a sweep, a dlx.lock or a claim refers to, and runs that a process is using.
"""

_REMOVE = "rm"


_MOST_SCORES = 5
"""As many scores have a column each; of more, each run shows the one that answers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    what = (
        "key=a,b: only runs that have one of these values in a status field, a score, or a config "
        "key of the command line; older=30d: started more than 30 days ago"
    )
    add("filters", nargs="*", metavar="KEY=VALUE", help=what)
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--task", metavar="NAME", help="only runs of this task")
    add("--state", choices=STATES, help="only runs in this state")
    add(
        "--sort",
        metavar="COLUMN",
        help="by a score, best first, for example val/accuracy; or any column",
    )
    add("--reverse", action="store_true", help="in reverse order: the newest or the worst first")
    add("--limit", type=positive, metavar="N", help="the first N; the last N without --sort")
    add(
        "--columns",
        metavar="A,B",
        help="these columns, for example val/accuracy,seconds,optimizer.lr",
    )
    add("--json", action="store_true", help="print JSON, for scripts")
    add("--csv", action="store_true", help="print CSV, for spreadsheets")
    add("--yes", action="store_true", help="with rm: do not ask for confirmation")
    add("--force", action="store_true", help="with rm: also delete runs that something refers to")


def run(args: argparse.Namespace) -> int:
    """Lists runs, or removes some."""
    if args.filters[:1] == [_REMOVE]:
        from . import runs_rm

        return runs_rm.run(args)
    for flag in ("yes", "force"):
        if getattr(args, flag):
            what = f"--{flag} goes with `dlx runs rm`"
            raise UsageError(Problem(what, "command line", hint="dlx runs rm RUN"))
    every = listing.statuses(Path(args.root))
    found = filter_runs(args, args.filters, every)
    columns = _columns(args.columns, every)
    if args.sort:
        listing.check_column(every, args.sort, "--sort")
        found = listing.sort_runs(found, every, args.sort, args.reverse)
        found = found[: args.limit]
    else:
        found = found[-args.limit :] if args.limit else found
        found = found[::-1] if args.reverse else found
    if args.json:
        say_json([_pick_columns(status, columns) for status in found] if columns else found)
    elif args.csv:
        _print_csv(found, columns)
    elif not found:
        say(describe_no_match(args.root, every))
    else:
        _print_table(found, columns, args.sort)
        for status in found:
            if status.get("state") in ("damaged", "unstarted"):
                say(f"{status['run']}: {status['reason']}; {status['hint']}")
    return 0


def _columns(asked: str | None, every: Sequence[Status]) -> list[str]:
    """The columns that were asked for, the run's name before them; none if none were."""
    names = [name.strip() for name in (asked or "").split(",") if name.strip()]
    for name in names:
        listing.check_column(every, name, "--columns")
    return list(dict.fromkeys(["run", *names])) if names else []


def _pick_columns(status: Status, columns: Sequence[str]) -> dict[str, Any]:
    return {name: listing.value_of(status, name) for name in columns}


def _print_table(found: Sequence[Status], columns: Sequence[str], sort: str | None) -> None:
    if columns:
        rows = [[_cell(status, name) for name in columns] for status in found]
        numeric = [
            name
            for name in columns
            if all(isinstance(listing.value_of(s, name), (int, float, type(None))) for s in found)
        ]
        show_table(columns, rows, numeric)
        return
    names = _choose_scores(found, sort)
    beside: tuple[str, ...] = ("baseline",) if names else ()
    if len(names) > _MOST_SCORES:
        names, beside = [name for name in names if name == sort], ("score", "baseline")
    titles = ("run", "state", *names, *beside, "seconds", "changed")
    rows = []
    for status in found:
        changes = (f"{k}={v}" for k, v in listing.overrides_by_key(status).items() if k != "task")
        scored = [_cell(status, name) for name in ("state", *names)]
        known = {"score": _answer(status), "baseline": baseline_text(listing.baseline_of(status))}
        told = [known[title] or "-" for title in beside]
        cells = [_name(status), *scored, *told, _cell(status, "seconds"), " ".join(changes)]
        rows.append(cells)
    show_table(titles, rows, (*names, "seconds"))


def _choose_scores(found: Sequence[Status], sort: str | None) -> list[str]:
    """The score sorted by, those of validation, those that answer."""
    names: dict[str, None] = {sort: None} if sort and sort != "seconds" else {}
    for status in found:
        names |= {n: None for n in listing.scores_of(status) if n.startswith("val/")}
        if answer := mapping(status.get("answer")):
            names[str(answer.get("score"))] = None
    return list(names)


def _answer(status: Status) -> str:
    """The score that answers, as in "0.9721  test/accuracy"; "" of a run that has none."""
    answer = mapping(status.get("answer"))
    value = answer.get("value")
    if not isinstance(value, (int, float)):
        return ""
    return f"{number(float(value))}  {answer.get('score')}"


def _cell(status: Status, name: str) -> str:
    value = listing.value_of(status, name)
    if name == "run":
        return _name(status)
    if name in ("seed", "best_epoch") or isinstance(value, str):
        return "-" if value is None else str(value)
    return number(None if value is None else float(value))


def _name(status: Status) -> str:
    return f"{status.get('run')}{' (sample)' if status.get('sample') else ''}"


def _print_csv(found: Sequence[Status], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if columns:
        writer.writerow(columns)
        writer.writerows([_text_cell(v) for v in _pick_columns(s, columns).values()] for s in found)
        return
    names = sorted({name for status in found for name in listing.scores_of(status)})
    plain = ("run", "task", "state", "started", "seconds", "seed", "sample")
    writer.writerow([*plain, *names, listing.BASELINE, "overrides"])
    for status in found:
        values = [_text_cell(status.get(key, "")) for key in plain]
        scores = [listing.scores_of(status).get(name, "") for name in names]
        scores.append(listing.value_of(status, listing.BASELINE))
        overrides = " ".join(listing.overrides_of(status))
        writer.writerow([*values, *scores, _text_cell(overrides)])


def _text_cell(value: Any) -> Any:
    """A value, and if it is a text one that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    return printable(safe_cell(value))
