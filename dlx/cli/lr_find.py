"""The verb `dlx lr-find`: which learning rate a task can take (Smith's range test)."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageError
from .console import SAMPLE, say, say_json, show_table
from .drawn import find_place, form_of
from .hydra_flags import add_flags, positive

if TYPE_CHECKING:
    from ..running.rates import Rates

EXAMPLES = """examples:
  dlx lr-find task=digits
  dlx lr-find task=mnist model=convnet --plot rates.png
  dlx lr-find task=imdb optimizer=sgd --low 1e-4 --high 100
"""
ROWS = 13
"""As many rates at most are told in lines; the picture and JSON have all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_flags(parser)
    add = parser.add_argument
    add("--low", type=_rate, default=1e-5, metavar="RATE", help="first rate (default: 1e-5)")
    add("--high", type=_rate, default=10.0, metavar="RATE", help="last rate (default: 10)")
    add(
        "--steps",
        type=positive,
        metavar="N",
        help="steps in which the rate rises (default: one pass, at least 100 and at most 1000)",
    )
    add(
        "--rule",
        choices=["tenth", "steepest"],
        default="tenth",
        help="the rate to suggest: a tenth of that where the loss is lowest, or that where it "
        "falls fastest (default: tenth)",
    )
    add(
        "--plot",
        metavar="FILE",
        help="the picture, FILE.svg or FILE.png (default: lr-find-TASK.png)",
    )
    add("--json", action="store_true", help="print JSON, for scripts")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a rate above 0, 1e6 at most")
    return rate


def run(args: argparse.Namespace) -> int:
    """Tries the rates in memory, draws the picture, and says what to type."""
    from ..config import words
    from ..data.origins import load, locate_files

    if not args.overrides:
        from .train import answer_no_task

        return answer_no_task(args)
    words.refuse(args.overrides)
    if args.low >= args.high:
        what = f"--low {args.low:g} is not below --high {args.high:g}"
        raise UsageError(Problem(what, "command line: --low", f"below {args.high:g}", "--low 1e-5"))
    if args.steps is not None and args.steps < 10:
        what = f"--steps {args.steps} is too few to see a loss fall"
        raise UsageError(Problem(what, "command line: --steps", "10 or more", "--steps 100"))
    config = locate_files(load(args.overrides, args.config_dir).config)
    file = find_place(args.plot or f"lr-find-{config.task.replace('/', '.')}.png")
    from ..running.rates import find_rates

    rates = find_rates(config, args.low, args.high, args.steps)
    _draw(file, config.task, rates)
    found = _tell(args, rates) | {"plot": str(file)}
    if args.json:
        say_json(found)
    else:
        _show(config.task, rates, found)
    return 0


def _draw(file: Path, task: str, rates: Rates) -> None:
    from ..report.canvas import stamp
    from ..report.rate_plots import draw_rates
    from ..runs.files import write_bytes

    title = f"{task}: {rates.key}.lr, {len(rates.found.rates)} steps"
    with stamp(rates.sample):
        write_bytes(file, draw_rates(title, rates.found, form_of(file)))


def _tell(args: argparse.Namespace, rates: Rates) -> dict[str, Any]:
    """What `--json` prints, but for the picture."""
    found = rates.found
    suggested = float(f"{found.suggest(args.rule):.2g}")
    return {
        "suggested": suggested,
        "rule": args.rule,
        "key": f"{rates.key}.lr",
        "now": rates.first,
        "command": _command(args, rates, suggested),
        "steepest": found.steepest,
        "lowest": found.lowest,
        "diverged": found.diverged,
        "steps": len(found.rates),
        "passes": rates.passes,
        "sample": rates.sample,
        "points": [
            {"lr": rate, "loss": loss, "smooth": float(smooth)}
            for rate, loss, smooth in zip(found.rates, found.losses, found.smooth, strict=True)
        ],
    }


def _command(args: argparse.Namespace, rates: Rates, rate: float) -> str:
    """What to type to train with a rate."""
    typed = [one for one in args.overrides if one.partition("=")[0] != f"{rates.key}.lr"]
    typed.append(f"{rates.key}.lr={rate:g}")
    if groups := rates.groups_at(rate):
        inner = ", ".join(f"{pattern}: {{lr: {own:.2g}}}" for pattern, own in groups.items())
        typed.append(f"{rates.key}.groups={{{inner}}}")
    folder = ["--config-dir", args.config_dir] if args.config_dir else []
    return shlex.join(["dlx", "train", *typed, *folder])


def _show(task: str, rates: Rates, told: dict[str, Any]) -> None:
    found, points = rates.found, told["points"]
    passes = f"{rates.passes:.2g} pass{'' if rates.passes == 1 else 'es'}"
    end = ", then the loss diverges" if found.diverged else ""
    say(f"{task}: {told['key']} raised over {told['steps']} steps ({passes}){end}")
    every = -(-len(points) // ROWS)
    rows = [(f"{one['lr']:.2g}", f"{one['smooth']:.4g}") for one in points[::every]]
    show_table(("rate", "loss"), rows, right=("rate", "loss"))
    say(f"the loss falls fastest at {found.steepest:.2g} and is lowest at {found.lowest:.2g}")
    why = "fastest fall" if told["rule"] == "steepest" else "a tenth of that with the lowest loss"
    say(f"suggested rate: {told['suggested']:g} ({why}); it is {told['now']:g} now")
    if rates.sample:
        say(SAMPLE)
    say(f"try: {told['command']}")
    say(f"picture: {told['plot']}; no run was written")
