"""What `dlx init` and `dlx data describe` have in common: flags, questions, what is shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Problem, UsageError
from .console import console, say, show_table, warn
from .streams import is_screen

if TYPE_CHECKING:
    from ..beginning.described import Description, Subject
    from ..beginning.posing import AmbiguousError

MOST = 40
"""Columns and guesses that are shown; more are in the task file, and in --json."""


def add_wishes(parser: argparse.ArgumentParser) -> None:
    """Adds the path and what the user may say of it."""
    add = parser.add_argument
    told = "a table, or several with one header; a folder of pictures or texts, a folder a class"
    add("paths", nargs="+", metavar="PATH", type=Path, help=told)
    told = "column to predict; PROBLEM: binary, multiclass, multilabel, regression (repeatable)"
    add("--target", action="append", default=[], metavar="COLUMN[=PROBLEM]", help=told)
    told = "what a column holds: number, category, text, date, identifier, skip (repeatable)"
    add("--type", action="append", default=[], metavar="COLUMN=TYPE", help=told)
    told = "what else a cell says where its value is missing, as 'k. A.' (repeatable)"
    add("--missing", action="append", default=[], metavar="TEXT", help=told)
    add("--group", metavar="COLUMN", help="rows with the same value stay together; '': none do")
    add("--time", metavar="COLUMN", help="column that orders the rows in time; '': none does")
    told = "what PATH holds: table, series, images, texts (default: what it looks like)"
    add("--kind", default="", metavar="KIND", help=told)
    add("--json", action="store_true", help="print JSON, for scripts")


def open_wished(args: argparse.Namespace, command: str) -> tuple[Subject, str]:
    """Reads what lies at the path, with the user's wishes.

    Raises:
        UsageError: it cannot be read, or a wish is none.
    """
    from ..beginning.described import Wishes
    from ..beginning.kinds import open_subject

    types = dict(_split_type(one) for one in args.type)
    wishes = Wishes(types, args.group, args.time, command, tuple(args.missing))
    return open_subject([path.expanduser() for path in args.paths], wishes, args.kind)


def _split_type(typed: str) -> tuple[str, str]:
    from ..beginning.described import HOLDS
    from ..config.names import join_names

    column, _, type_ = typed.rpartition("=")
    if not column or type_ not in HOLDS:
        what = f"`{typed}` says of no column what it holds"
        raise UsageError(Problem(what, "--type", f"COLUMN=TYPE; {join_names(HOLDS)}"))
    return column, type_


def may_ask(as_json: bool) -> bool:
    """Whether somebody is there to answer."""
    return not as_json and sys.stdin.isatty() and is_screen()


def settle(subject: Subject, targets: Sequence[str], command: str, asks: bool) -> None:
    """Says what is to be predicted; asks for what is not clear where somebody is there.

    Raises:
        UsageError: it is not said, or cannot be.
    """
    from ..beginning.posing import AmbiguousError, refuse_without

    asked = [*targets]
    if not asked and (choices := subject.choices()):
        if not asks:
            raise refuse_without(choices, command)
        asked = [_ask("which column is to be predicted?", choices)]
    while True:
        try:
            subject.settle(asked)
        except AmbiguousError as error:
            if not asks:
                raise
            answer = f"{error.target}={_ask_which(error)}"
            asked = [answer if one == error.target else one for one in asked]
        else:
            return


def _ask(question: str, choices: Sequence[str]) -> str:
    from rich.prompt import Prompt

    return Prompt.ask(question, choices=[*choices], console=console())


def _ask_which(error: AmbiguousError) -> str:
    say(error.problems[0].what)
    for option, told in error.options.items():
        say(f"  {option}: {told}")
    return _ask("which?", [*error.options])


def tell(description: Description, rule: str) -> None:
    """Shows what is held and guessed; what is worth a question stands last, as a warning."""
    say(description.title)
    say(f"  {rule}")
    rows = description.rows
    if rows:
        say("")
        show_table(description.titles, rows[:MOST], description.right)
    if len(rows) > MOST:
        say(f"and {len(rows) - MOST:,} more, with --json")
    quiet = [one for one in description.guesses if not one.asks]
    if quiet:
        say("")
    for one in quiet[:MOST]:
        say(str(one))
    if len(quiet) > MOST:
        say(f"and {len(quiet) - MOST:,} more guesses, with --json")
    for one in (one for one in description.guesses if one.asks):
        warn(f"{one.what} {one.rule}")
