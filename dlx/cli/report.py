"""The verb `dlx report`: builds the report of a run again from its folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from .console import say

EXAMPLES = """examples:
  dlx report last
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("run", metavar="RUN", help="a run folder, `last`, or a unique part of a run's name")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")


def run(args: argparse.Namespace) -> int:
    """Builds `report.html` and prints where it lies."""
    from ..report import build
    from ..runs.folder import find

    say(f"report: {build(find(Path(args.root), args.run))}")
    return 0
