"""The verb `dlx ensemble RUN RUN`: a run that averages what finished runs predict."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..runs.folder import MEANT
from .console import say_json
from .train import answer_in, show_answer, train

EXAMPLES = """examples:
  dlx ensemble 1a2b3c4d 5e6f7a8b
  dlx ensemble 1a2b3c4d 5e6f7a8b 9c0d1e2f --weights nelder_mead
  dlx ensemble 1a2b3c4d --with linear --with boosting
  dlx ensemble last --folds
  dlx ensemble last --snapshots
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("runs", metavar="RUN", nargs="+", help=f"{MEANT}; key=value changes the whole config")
    add(
        "--weights",
        choices=["mean", "nelder_mead", "random_search"],
        default="mean",
        help="what each member counts: all the same (default), or as learnt on validation rows",
    )
    add(
        "--with",
        dest="classical",
        action="append",
        choices=["linear", "naive_bayes", "boosting"],
        default=[],
        help="a classical model joins, fitted to the training rows as the first member reads them",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--folds", action="store_true", help="the models of a run's folds")
    which.add_argument(
        "--snapshots", action="store_true", help="the weights that a run kept at its cycles' ends"
    )
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that they need")
    add("--json", action="store_true", help="print only the result, as JSON")
    add("--quiet", "-q", action="store_true", help="no progress, only the result")


def run(args: argparse.Namespace) -> int:
    """Puts the config together, and trains it: one step, in which nothing has a gradient."""
    from ..use.ensemble import compose_ensemble

    changes = [one for one in args.runs if "=" in one and not Path(one).exists()]
    loaded = compose_ensemble(
        [one for one in args.runs if one not in changes],
        Path(args.root),
        weights=args.weights,
        parts="folds" if args.folds else "snapshots" if args.snapshots else "",
        classical=args.classical,
        changes=changes,
        plugins=args.plugins,
    )
    done = train(loaded, quiet=args.quiet or args.json)
    if args.json:
        say_json(answer_in(done.folder))
    else:
        show_answer(done)
    return 0
