"""The verb `dlx diff`: every config key, environment fact and data hash that differs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..runs.difference import differences
from ..runs.folder import MEANT, find
from .console import say, say_json

EXAMPLES = """examples:
  dlx diff 1704 last
  dlx diff digits/20261124-1704 digits/20261124-1811 --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("first", metavar="A", help=MEANT)
    add("second", metavar="B", help=MEANT)
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Prints one line for each difference, and nothing else."""
    root = Path(args.root)
    found = differences(find(root, args.first), find(root, args.second))
    if args.json:
        say_json([one.plain() for one in found])
    else:
        lines = [one.line() for one in found]
        say("\n".join(lines) or "no differences in config, environment or data")
    return 0
