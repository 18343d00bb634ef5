"""The command `dlx export RUN`: a finished run as an ONNX graph, and what it takes and gives."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..config.extras import require_extra
from ..search.winner import OR_BEST, find_answering
from .console import say, say_json

EXAMPLES = """examples:
  dlx export last
  dlx export last --out wine.onnx --force
  dlx export last --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=OR_BEST)
    add("--out", metavar="FILE.onnx", help="the graph's file (default: the run's name, here)")
    add("--force", action="store_true", help="replace files that are there")
    add("--weights", choices=["best", "last"], help="which checkpoint (default: as dlx test)")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Writes the graph and its description, after they were checked."""
    folder = find_answering(Path(args.root), args.run)
    out = Path(args.out or f"{folder.name}.onnx")
    require_extra("dlx export", "export")
    from ..use.exported_files import require_name
    from ..use.predicting import require_predicting
    from ..use.written import require_free

    require_predicting(folder, args.plugins)
    require_name(out)
    for file in (out, out.with_suffix(".json")):
        require_free(file, args.force, folder, ())
    from ..use.export import TOLERANCE, export

    done = export(folder, out, args.weights, args.plugins, args.force)
    checked = done.checked
    if args.json:
        files = [str(file) for file in done.files]
        told = {"rows": checked.rows, "difference": dict(checked.differences)}
        say_json({"run": folder.name, "files": files, **told, "left_to_caller": list(done.left)})
        return 0
    say(
        f"equal to the run on {checked.rows}, in batches of 1 and 64: largest difference "
        f"{max(checked.differences.values()):.1e} (at most {TOLERANCE:g} is accepted)"
    )
    for one in done.left:
        say(f"left to the caller: {one}")
    for file in done.files:
        say(f"wrote {file}")
    return 0
