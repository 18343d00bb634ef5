"""The verb `dlx init`: from data of the user's own to a task file that can be trained."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from .beginning import add_wishes, may_ask, open_wished, settle, tell
from .console import say, say_json

if TYPE_CHECKING:
    from ..beginning.task_file import Place

EXAMPLES = """examples:
  dlx init titanic.csv --target Survived
  dlx init wines.csv --target quality=regression --type vintage=category
  dlx init january.csv february.csv --target sold --name sales
  dlx data describe titanic.csv                    the same, nothing written
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_wishes(parser)
    parser.add_argument(
        "--name", default="", metavar="NAME", help="the task's (default: the file's)"
    )
    parser.add_argument("--force", action="store_true", help="replace a task file that is there")


def run(args: argparse.Namespace) -> int:
    """Writes `configs/task/NAME.yaml`, or nothing at all.

    Raises:
        UsageError: the data cannot be read, or it is not said what is to be predicted.
    """
    from ..beginning.task_file import check_text, choose_place, fit_text, stem_of, write

    command = shlex.join(["dlx", "init", *args.line])
    place = choose_place(args.name, stem_of(args.paths), command, args.force)
    subject, rule = open_wished(args, command)
    settle(subject, args.target, command, may_ask(args.json))
    draft = subject.draft()
    draft.head = [*draft.head, *_head(place, command)]
    text = fit_text(draft)
    check_text(text, place)
    shown = write(place, text)
    todo = [f"dlx train task={place.name}", f"dlx predict last {subject.new}"]
    if args.json:
        facts = {"task": place.name, "file": shown, "next": todo, "kind": rule}
        say_json({**facts, **subject.describe().plain()})
        return 0
    tell(subject.describe(), rule)
    say("")
    if place.note:
        say(place.note)
    say(f"written: {shown}")
    say("next:")
    for line in todo:
        say(f"  {line}")
    return 0


def _head(place: Place, command: str) -> list[str]:
    return [f"Written by `{command}`.", "", f"  dlx train task={place.name}", ""]
