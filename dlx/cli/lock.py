"""The verb `dlx lock RUN`: pins a run's data, config and digests in `dlx.lock`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..runs.folder import MEANT, find
from .console import say, say_json

EXAMPLES = """examples:
  dlx lock last
  dlx lock last --file ci/dlx.lock --name digits-small
  dlx reproduce dlx.lock
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=MEANT)
    add("--file", default="dlx.lock", metavar="FILE", help="the lock file (default: dlx.lock)")
    add("--name", metavar="NAME", help="the entry's name (default: the task's)")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Writes the entry; one of the same config gains this platform."""
    from ..reproduce.lock import pin
    from ..runs.seal import UNSEALED, is_sealed

    folder = find(Path(args.root), args.run)
    name = pin(folder, Path(args.file), args.name)
    warnings = [] if is_sealed(folder) else [UNSEALED]
    if args.json:
        say_json({"name": name, "file": args.file, "warnings": warnings})
        return 0
    for warning in warnings:
        say(f"warning: {warning}")
    say(f"pinned as {name} in {args.file}; dlx reproduce {args.file} checks it")
    return 0
