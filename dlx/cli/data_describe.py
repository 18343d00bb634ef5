"""The command `dlx data describe`: what data of the user's own hold, and what is guessed."""

from __future__ import annotations

import argparse
import shlex

from .beginning import add_wishes, may_ask, open_wished, settle, tell
from .console import say, say_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the action's options to its parser."""
    add_wishes(parser)


def run(args: argparse.Namespace) -> int:
    """Shows what `dlx init` would write, and writes nothing.

    Raises:
        UsageError: the data cannot be read.
    """
    command = shlex.join(["dlx", "data", *args.line])
    subject, rule = open_wished(args, command)
    if args.target:
        settle(subject, args.target, command, may_ask(args.json))
    description = subject.describe()
    if args.json:
        say_json({"kind": rule, **description.plain()})
        return 0
    tell(description, rule)
    say("")
    say("next:")
    asked = [] if args.target or not subject.choices() else ["--target", "COLUMN"]
    say(f"  {shlex.join(['dlx', 'init', *args.line[1:], *asked])}")
    return 0
