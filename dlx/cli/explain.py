"""The command `dlx explain RUN`: what the network of a finished run sees, as pictures on a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Problem, UsageError
from ..explain.methods import METHODS, require_methods
from ..runs.folder import MEANT, find
from .console import SAMPLE, looks_text, say, say_json

if TYPE_CHECKING:
    from ..explain.pieces import Explanation

MOST = 3
"""Files of a method that are told one by one."""

EXAMPLES = """examples:
  dlx explain last
  dlx explain last --method gradcam --row 12 --row 40
  dlx explain last cat.jpg --layer body.6
  dlx explain last --text 'a dull film with a great end'
  dlx explain last --method filters --layer body.0 --out filters

methods:
{methods}
"""
EXAMPLES = EXAMPLES.format(
    methods="\n".join(f"  {name:<14} {one.about}" for name, one in METHODS.items())
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=MEANT)
    add("files", metavar="FILE", nargs="*", default=[], help="pictures or texts to look at")
    add(
        "--row",
        metavar="N",
        type=int,
        action="append",
        default=[],
        help="a row of the dataset to look at; may be repeated (default: a few that validate)",
    )
    add("--text", metavar="TEXT", action="append", default=[], help="a text to look at")
    add("--layer", default="", metavar="NAME", help="the layer to look at, as body.3")
    add("--class", dest="label", default="", metavar="NAME", help="the class to speak of")
    add(
        "--method",
        metavar="NAME",
        action="append",
        default=[],
        help="what to show, see below; may be repeated (default: all that is quick and fits)",
    )
    add(
        "--baseline",
        default="",
        metavar="NAME",
        help="what integrated and occlusion compare with: black, blurred or mean (default: black "
        "for pictures, an empty text, the mean of training rows)",
    )
    add("--out", metavar="DIR", help="where to write (default: explain/ in the run folder)")
    add("--weights", choices=["best", "last"], help="which checkpoint (default: as dlx test)")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Explains a run, and prints what was written where."""
    require_methods(args.method)
    if args.out and Path(args.out).exists() and not Path(args.out).is_dir():
        raise UsageError(Problem("it is no folder", args.out, "--out DIR, a folder or a new name"))
    folder = find(Path(args.root), args.run)
    from ..explain.opened import open_run
    from ..explain.run import FOLDER, PAGE, explain, index_of, keep
    from ..report.explained import build_explanation

    opened = open_run(folder, args.weights, args.plugins)
    files = [Path(file) for file in args.files]
    given = files, args.row, args.layer, args.label, args.baseline, args.text
    found = explain(opened, args.method, *given)
    out = Path(args.out) if args.out else folder / FOLDER
    kept = keep(found, out)
    page = build_explanation(out / PAGE, found)
    if args.json:
        say_json({**index_of(found), "page": str(page), "sample": found.sample})
    else:
        _tell(found, kept, page)
    return 0


def _tell(found: Explanation, kept: list[Path], page: Path) -> None:
    every = list(zip(found.pieces, kept, strict=True))
    for method in dict.fromkeys(piece.method for piece in found.pieces):
        mine = [one for one in every if one[0].method == method]
        for piece, file in mine[:MOST]:
            say(f"{file.name}: {piece.title}{_facts(piece.facts())}")
            for side, words in piece.strongest().items():
                say(f"  {side}: {', '.join(f'{word} {weight:+.2g}' for word, weight in words)}")
        if len(mine) > MOST:
            say(f"  and {len(mine) - MOST} more of {method}, on the page")
    for name, why in found.skipped.items():
        say(f"{name} was left out: {why}")
    say(f"weights: {found.weights} of {found.run}")
    if found.sample:
        say(SAMPLE)
    elif found.looks:
        say(looks_text(found.looks, found.looks_rows))
    for warning in found.warnings:
        say(f"warning: {warning}")
    say(f"explanation: {page}")


def _facts(facts: dict[str, object]) -> str:
    """What it is of, each but the row or file with its name: "row 3, class dog, score 0.3"."""
    told = {n: f"{one:.4g}" if isinstance(one, float) else str(one) for n, one in facts.items()}
    named = [text if name == "of" else f"{name} {text}" for name, text in told.items()]
    return f" ({', '.join(named)})" if named else ""
