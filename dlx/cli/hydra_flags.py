"""The flags that people know from Hydra: those that make sense work, those that run code do not."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from ..errors import Problem, UsageError

_REFUSED = {
    "--experimental-rerun": "it unpickles a file; instead, train again from the run's config",
    "--hydra-help": "`dlx help KEY` shows dlx's keys",
    "--config-name": "the primary config is part of dlx; choose a task with task=NAME",
    "-cn": "the primary config is part of dlx; choose a task with task=NAME",
    "--config-path": "name your own folder with --config-dir",
    "-cp": "name your own folder with --config-dir",
    "--shell-completion": "`dlx completion bash` prints the script",
    "-sc": "`dlx completion bash` prints the script",
}


class _Refuse(argparse.Action):
    def __call__(self, *arguments: Any, **_: Any) -> NoReturn:
        option = str(arguments[3])
        what = f"{option} is refused: {_REFUSED[option]}"
        raise UsageError(Problem(what, f"command line: {option}"))


def positive(text: str) -> int:
    """The whole number that an option's text stands for."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number >= 1")
    return int(text)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that only look at a config."""
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="task=NAME, then KEY=VALUE to change it"
    )
    parser.add_argument("--config-dir", "-cd", metavar="DIR", help="folder of your own configs")
    for flag in _REFUSED:
        parser.add_argument(flag, action=_Refuse, nargs="?", help=argparse.SUPPRESS)


def marks_of(args: argparse.Namespace) -> dict[str, str]:
    """What the status of a run tells of the experiment that was typed, if one was."""
    experiment = getattr(args, "experiment", None)
    return {"experiment": experiment.name} if experiment else {}


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `dlx train`."""
    add_flags(parser)
    add = parser.add_argument
    add("--multirun", "-m", action="store_true", help="run every combination of key=a,b")
    add("--dry-run", action="store_true", help="with -m: print the trials and stop")
    add("--fail-fast", action="store_true", help="with -m: stop at the first trial that fails")
    add("--retries", metavar="N", help="with -m: number of times to retry a trial that crashed")
    add("--cfg", "-c", choices=["job"], help="print the config and stop")
    add("--package", "-p", metavar="KEY", help="with --cfg: only this part, for example trainer")
    add("--resolve", action="store_true", help="with --cfg: with ${...} replaced")
    add(
        "--info",
        "-i",
        nargs="?",
        const="all",
        choices=["all", "searchpath", "defaults", "config"],
        help="print where configs are found and which files this one is made of, and stop",
    )
