"""The verb `dlx experiments`: the claims there are, published figures beside our own."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..config.names import listed
from ..errors import Problem, UsageError
from ..experiments import Experiment, find, names
from .console import number, say, say_json, show_table

EXAMPLES = """examples:
  dlx experiments
  dlx experiments ch4
  dlx experiments --json
  dlx train experiment=ch3.imdb
  dlx experiments record ch3.imdb
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "words",
        metavar="PART",
        nargs="*",
        help="only names with this part; or: record NAME..., to run claims and write `ours`",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Lists the experiments, or records figures of some."""
    if args.words[:1] == ["record"]:
        return _record(args.words[1:], args.json)
    if len(args.words) > 1:
        raise UsageError(Problem("one part of a name is enough", "command line", "PART"))
    args.part = "".join(args.words)
    found = [find(name) for name in names() if args.part in name]
    if not found:
        what = f"no experiment has `{args.part}` in its name"
        raise UsageError(Problem(what, "command line", listed(names()), "dlx experiments"))
    if args.json:
        say_json([_plain(one) for one in found])
        return 0
    rows = [row for one in found for row in _rows(one)]
    titles = ("experiment", "figure", "published", "ours", "± (seeds)", "what it is")
    show_table(titles, rows, right=("published", "ours"))
    say("")
    say("train one with: dlx train experiment=NAME      for example: dlx train experiment=ch3.imdb")
    return 0


def _record(wanted: list[str], as_json: bool) -> int:
    """Measures experiments over their seeds, and writes `ours` into their files."""
    if not wanted:
        raise UsageError(
            Problem("record needs a name", "command line", "dlx experiments record NAME")
        )
    from ..experiments import file_of
    from ..reproduce.claims import measure, record

    every = [(find(name), file_of(name)) for name in wanted]
    told: list[dict[str, Any]] = []
    said: Callable[[str], None] = (lambda _: None) if as_json else say
    for one, file in every:
        said(f"{one.name}: {one.title}")
        beyond = list(record(one, file, measure(one, one.seeds, Path("runs"), said)))
        for text in beyond:
            said(f"  kept as it was: {text}")
        said(f"  written to {file}")
        told.append({"name": one.name, "file": str(file), "kept": beyond})
    if as_json:
        say_json(told)
    return 3 if any(one["kept"] for one in told) else 0


def _plain(one: Experiment) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "command": f"dlx train experiment={one.name}",
        "published": dict(one.published or {}),
        "bars": dict(one.bars or {}),
        "ours": dict(one.ours or {}),
        "held": one.held(),
        "claims": [str(claim) for claim in one.claims],
    }


def _rows(one: Experiment) -> list[list[str]]:
    """A line for each figure that is published or asked for; one where there is none."""
    published, ours = one.published or {}, one.ours or {}
    shown = list(dict.fromkeys([*published, *(one.bars or {})])) or [""]
    rows = []
    for place, figure in enumerate(shown):
        mine = ours.get(figure)
        spread = f"{number(mine['std'])} ({mine['seeds']:g})" if mine else ""
        rows.append(
            [
                one.name if place == 0 else "",
                figure,
                number(published[figure]) if figure in published else "",
                number(mine["mean"]) if mine else "",
                spread,
                one.title if place == 0 else "",
            ]
        )
    return rows
