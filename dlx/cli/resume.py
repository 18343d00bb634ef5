"""The verb `dlx resume RUN`: goes on with a run that was broken off, or for more epochs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..runs.folder import MEANT, find, name_of
from .console import say, say_json
from .train import answer_in, show_answer, train

EXAMPLES = """examples:
  dlx resume last
  dlx resume runs/digits/20260101-120000-1a2b3c4d-1
  dlx resume 1a2b3c4d trainer.epochs=40
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=MEANT)
    add(
        "changes",
        metavar="key=value",
        nargs="*",
        help="larger trainer.epochs, trainer.device, checkpoint.*; nothing else may change",
    )
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print only the result, as JSON")
    add("--quiet", "-q", action="store_true", help="no progress, only the result")


def run(args: argparse.Namespace) -> int:
    """Goes on from the last sound checkpoint, to what an unbroken run would have given."""
    from ..running.resume import is_done, load_resumable

    found = find(Path(args.root), args.run)
    folder = found.resolve()
    loaded = load_resumable(folder, args.changes)
    if is_done(folder, loaded):
        _complete(found)
        if args.json:
            say_json(answer_in(found))
        else:
            say(f"run {name_of(folder)} is done: there is nothing to resume")
        return 0
    done = train(loaded, quiet=args.quiet or args.json, resume=folder)
    if args.json:
        say_json(answer_in(done.folder))
    else:
        show_answer(done)
    return 0


def _complete(folder: Path) -> None:
    """Builds the report of a run that was killed between its last score and the page."""
    from ..files import is_file
    from ..report import build
    from .report import build_at_end

    if not is_file(folder / "report.html"):
        build_at_end(build, folder)
