"""The verb `dlx report`: builds the report of a run, or of a sweep, again."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from ..errors import Problem, UsageError
from ..runs.folder import MEANT, find
from .console import say, say_json

EXAMPLES = """examples:
  dlx report last
  dlx report 20261124-1704
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", help=f"{MEANT}; or a sweep's folder or name")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Builds `report.html`, and prints where it lies."""
    if len(args.runs) > 1:
        what = f"a report is for one run, but {len(args.runs)} are named"
        hint = shlex.join(["dlx", "compare", *args.runs])
        raise UsageError(Problem(what, "command line", "one RUN", hint))
    from ..report import build, build_sweep
    from ..runs.seal import find_broken
    from ..search.record import find_sweep

    root, name = Path(args.root), args.runs[0]
    sweep = find_sweep(root, name)
    folder = sweep or find(root, name)
    page = build_sweep(sweep) if sweep else build(folder)
    changed = [] if sweep else find_broken(folder, weights=False)
    warnings = [f"{one}: restore it from a copy, or train again" for one in changed]
    if args.json:
        say_json({"report": str(page), "warnings": warnings})
        return 0
    say(f"report: {page}")
    for warning in warnings:
        say(f"warning: {warning}")
    return 0


def build_at_end(build: Callable[[Path], Path], folder: Path) -> Path | None:
    """Builds the report of what has been trained, whose scores are written by then.

    Args:
        build: makes the page of a folder.
        folder: of a run or a sweep.

    Returns:
        The page's path; None where it could not be made, which is a warning.
    """
    try:
        return build(folder)
    except Exception as error:  # a full disk, a drawing: nothing of the training is lost
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = f"{shlex.join(['dlx', 'report', str(folder)])} builds it again"
        sys.stderr.write(f"warning: the report was not written: {said}\n  try: {hint}\n")
        return None
