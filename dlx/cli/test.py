"""The verb `dlx test RUN`: one more look at the test part, with the weights of a finished run."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..config.specs.averages import describe_average
from ..runs.folder import MEANT, find
from .console import SAMPLE, looks_text, say, say_json

EXAMPLES = """examples:
  dlx test last
  dlx test runs/digits/20260101-120000-1a2b3c4d-1 --weights last
  dlx test 1a2b3c4d --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=MEANT)
    add(
        "--weights",
        choices=["best", "last"],
        help="which checkpoint (default: best if it exists, else last)",
    )
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Tests a run's weights; the look is counted in the ledger."""
    from ..running.retest import look_again

    tested = look_again(find(Path(args.root), args.run), args.weights, args.plugins)
    if args.json:
        say_json(tested)
        return 0
    from .train import show_verdict

    show_verdict(tested)
    weights = tested["weights"]
    average = describe_average(weights.get("average"))
    say(f"weights: {weights['name']} (epoch {weights['epoch']}){average} of {tested['run']}")
    if tested["sample"]:
        say(SAMPLE)
    elif "fresh" in tested:
        say(tested["fresh"])
    else:
        say(looks_text(tested["looks"], tested["looks_rows"]))
    for warning in tested["warnings"]:
        say(f"warning: {warning}")
    return 0
