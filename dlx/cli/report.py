"""The verb `dlx report`: builds the report of a run again, or puts several runs side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import Problem, UsageError
from .console import say

EXAMPLES = """examples:
  dlx report last
  dlx report 20261124-1704 20261124-1811
  dlx report 1704 1811 --out dropout.html
"""
_PAGE = "comparison.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    run = "a run folder, `last`, or a unique part of a run's name; several are put side by side"
    add("runs", metavar="RUN", nargs="+", help=run)
    add("--out", metavar="FILE", help=f"the page of several runs (default: {_PAGE})")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")


def run(args: argparse.Namespace) -> int:
    """Builds `report.html`, or one page of several runs, and prints where it lies."""
    if args.out is not None and len(args.runs) == 1:
        what = "--out names the page of several runs; that of one run lies in its folder"
        raise UsageError(Problem(what, "--out", "two RUNs or more"))
    from ..report import build, compare
    from ..runs.folder import find

    folders = [find(Path(args.root), name) for name in args.runs]
    if len(folders) == 1:
        say(f"report: {build(folders[0])}")
        return 0
    if len(set(folders)) < len(folders):
        raise UsageError(Problem("the same run is named twice", " ".join(args.runs), "each once"))
    say(f"comparison of {len(folders)} runs: {compare(folders, Path(args.out or _PAGE))}")
    return 0
