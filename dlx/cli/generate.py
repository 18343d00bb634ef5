"""The command `dlx generate RUN`: a text that a finished language model writes on."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Problem, UsageError
from ..printable import printable
from ..runs.folder import MEANT, find
from .console import say, say_json, warn
from .hydra_flags import positive

if TYPE_CHECKING:
    from ..learning.writing import Drawing

EXAMPLES = """examples:
  dlx generate last --prompt 'the following '
  dlx generate last --temperature 0.5 --length 1000 --seed 1
  dlx generate last --top-p 0.9 --repetition-penalty 1.2
  dlx generate last --json > text.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to its parser."""
    add = parser.add_argument
    add("run", metavar="RUN", help=MEANT)
    add("--prompt", metavar="TEXT", help="what it follows (default: a stretch of validation rows)")
    add("--unknown", action="store_true", help="read what the run does not know as unknown")
    add("--length", type=positive, default=400, metavar="N", help="tokens (default: 400)")
    told = "logits are divided by it; 0: the most likely token each time (default: 1)"
    add("--temperature", type=float, default=1.0, metavar="T", help=told)
    add("--top-k", type=positive, metavar="K", help="draw from the K most likely tokens only")
    told = "draw from the most likely tokens that together have this chance (default: 1)"
    add("--top-p", type=float, default=1.0, metavar="P", help=told)
    told = "above 1: tokens of the last 64 become less likely (default: 1)"
    add("--repetition-penalty", type=float, default=1.0, metavar="R", help=told)
    add("--seed", type=int, default=0, metavar="S", help="of the draws (default: 0)")
    add("--weights", choices=["best", "last"], help="which checkpoint (default: as dlx test)")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--plugins", nargs="*", default=[], metavar="NAME", help="your own packages that it needs")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Writes a text to standard output, token by token."""
    _check(args)
    folder = find(Path(args.root), args.run)
    _require_text(folder, args.plugins)
    from ..learning.writing import Drawing
    from ..running.kept import open_kept
    from ..use.generate import Writer

    writer = Writer.of(open_kept(folder, args.weights, args.plugins))
    given = args.prompt
    prompt = writer.usual() if given is None else writer.number(given, args.unknown)
    way = Drawing(args.temperature, args.top_k, args.top_p, args.repetition_penalty)
    for told in (writer.warn(prompt), _tell_greedy(way)):
        if told:
            warn(told)
    text = writer.text(prompt)
    tokens = islice(writer.write(prompt, way, args.seed), args.length)
    if args.json:
        written = "".join(tokens)
        options = {**vars(way), "seed": args.seed, "weights": writer.kept.name}
        say_json({"run": folder.name, "prompt": text, "text": written, **options})
        return 0
    sys.stdout.write(printable(text))
    for token in tokens:
        sys.stdout.write(printable(token))
        sys.stdout.flush()
    say("")
    return 0


def _tell_greedy(way: Drawing) -> str:
    if way.temperature:
        return ""
    return "temperature 0 is greedy: the most likely token each time, whatever the seed"


def _check(args: argparse.Namespace) -> None:
    """Refuses numbers that nothing can be drawn by."""
    wrong = []
    if not 0 <= args.temperature < float("inf"):
        what = f"the temperature is {args.temperature:g}"
        wrong.append(Problem(what, "--temperature", "0 or more", "--temperature 0.5"))
    if not 0 < args.top_p <= 1:
        what = f"the chance of the tokens to draw from is {args.top_p:g}"
        wrong.append(Problem(what, "--top-p", "above 0, at most 1", "--top-p 0.9"))
    if not 0 < args.repetition_penalty < float("inf"):
        what = f"the penalty of repetitions is {args.repetition_penalty:g}"
        hint = "--repetition-penalty 1.2"
        wrong.append(Problem(what, "--repetition-penalty", "above 0", hint))
    if args.seed < 0:
        wrong.append(Problem(f"the seed is {args.seed}", "--seed", "0 or more", "--seed 1"))
    if wrong:
        raise UsageError(*wrong)


def _require_text(folder: Path, plugins: list[str]) -> None:
    """Refuses a run of a learner that writes no text, before torch is imported.

    Raises:
        UsageError: it is such a run.
    """
    from ..config.learners import spec_of
    from ..config.load import load_saved

    file = folder / "config.yaml"
    config = load_saved(file, f"{folder.name}/config.yaml", plugins)
    spec = spec_of(config)
    if "generate" not in spec.can or "text" not in spec.eats:
        what = f"learner {config.learner.name} writes no text"
        hint = "dlx train task=textgen"
        raise UsageError(Problem(what, str(file), "a run of learner language_model", hint))
