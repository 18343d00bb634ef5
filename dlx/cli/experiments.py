"""The command `dlx experiments`: the claims there are, one in full, a set of them trained."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from ..experiments import Claim, Experiment, find, find_matching, names
from ..runs import listing
from ..runs.log import silent
from .console import figure, number, say, say_json, show_table
from .hydra_flags import positive

EXAMPLES = """examples:
  dlx experiments
  dlx experiments ch4
  dlx experiments ch3.imdb
  dlx experiments run 'ch4.*' --dry-run
  dlx experiments --json
  dlx train experiment=ch3.imdb
  dlx experiments record ch3.imdb

`dlx experiments run PART...` trains a set, each experiment with its seeds, and plots the curves
and the published figures on one page. Finished runs are not trained again, and interrupted runs
continue.
"""
_ASIDE = ("seed=", "run.", "checkpoint.")
"""Arguments that make no other experiment."""
_HELD = {True: "yes", False: "no", None: "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to its parser."""
    add = parser.add_argument
    what = (
        "a name (shows its figures), a part of names (lists them), run PART..., or record NAME..."
    )
    add("words", metavar="PART", nargs="*", help=what)
    add("--seeds", type=positive, metavar="N", help="with run: the first N seeds of each")
    add("--dry-run", action="store_true", help="with run: print what would be trained, and stop")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Lists experiments, shows one, trains a set, or records figures."""
    verb = args.words[0] if args.words[:1] in (["run"], ["record"]) else ""
    if verb != "run" and (args.seeds or args.dry_run):
        flag = "--seeds" if args.seeds else "--dry-run"
        what = f"{flag} goes with `dlx experiments run`"
        raise UsageError(Problem(what, "command line", hint="dlx experiments run PART"))
    if verb == "run":
        from . import experiments_run

        return experiments_run.run(args)
    if verb == "record":
        return _record(args.words[1:], args.json)
    exact = bool(args.words) and {*args.words} <= {*names()}
    found = [find(name) for name in (args.words if exact else find_matching(args.words))]
    done = find_trained_seeds(Path(args.root), found)
    if args.json:
        say_json([_plain(one, done[one.name]) for one in found])
    elif exact:
        for one in found:
            _show(one, done[one.name])
    else:
        _list(found, done)
    return 0


def find_trained_seeds(root: Path, every: Sequence[Experiment]) -> dict[str, set[int]]:
    """The seeds with which each experiment was trained to its end, by what was typed."""
    seeds: dict[frozenset[str], set[int]] = {}
    for status in listing.statuses(root):
        if status.get("state") == "done" and not status.get("sample"):
            seed = status.get("seed")
            every_word = listing.overrides_of(status)
            typed = frozenset(one for one in every_word if not one.startswith(_ASIDE))
            seeds.setdefault(typed, set()).add(seed if isinstance(seed, int) else -1)
    return {one.name: seeds.get(frozenset(one.arguments()), set()) & {*one.seeds} for one in every}


def _list(found: Sequence[Experiment], done: dict[str, set[int]]) -> None:
    """A line an experiment."""
    from .experiments_time import duration, seconds_of

    rows = []
    for one in found:
        state, held = _status(one, done[one.name]), _HELD[one.is_proven()]
        rows.append([one.name, one.section, one.title, duration(seconds_of(one)), state, held])
    titles = ("experiment", "section", "what", "time", "trained here", "claim holds")
    show_table(titles, rows, right=("time",))
    say("")
    say("time: for one training on two cores; each experiment has one to five seeds")
    say("the figures of one: dlx experiments NAME     for example: dlx experiments ch3.imdb")
    say("train one:          dlx train experiment=NAME")
    say("train a set:        dlx experiments run 'ch4.*'")


def _status(one: Experiment, done: set[int]) -> str:
    if not done:
        return "-"
    return "yes" if len(done) == len(one.seeds) else f"{len(done)} of {len(one.seeds)} seeds"


def _show(one: Experiment, done: set[int]) -> None:
    """One experiment in full: every figure, bar and comparison."""
    say(f"{one.name}: {one.title}")
    if one.source:
        say(f"source: {one.source}")
    if one.about:
        say(textwrap.fill(one.about, 100))
    say(f"trained here: {_status(one, done)}")
    say("")
    ours = one.ours
    rows = [
        [
            name,
            figure(name, one.published.get(name)),
            figure(name, ours[name]["mean"]) if name in ours else "-",
            f"{number(ours[name]['std'])} ({ours[name]['seeds']:g})" if name in ours else "-",
            figure(name, one.bars.get(name)),
            _HELD[one.reaches_bar(name)],
        ]
        for name in one.list_figures()
    ]
    titles = ("figure", "published", "ours", "± (seeds)", "threshold", "reached")
    show_table(titles, rows, right=("published", "ours", "threshold"))
    for claim in one.claims:
        say(f"claim: {claim}: {_describe_comparison(one, claim)}")
    say("")
    say(f"dlx train experiment={one.name}")


def _describe_comparison(one: Experiment, claim: Claim) -> str:
    both = one.compare(claim)
    if both is None:
        return "not measured"
    holds = "holds" if claim.holds(*both) else "does not hold"
    return f"{holds} ({number(both[0])} and {number(both[1])})"


def _record(wanted: list[str], as_json: bool) -> int:
    """Measures experiments over their seeds, and writes `ours` into their files."""
    if not wanted:
        accepted = "dlx experiments record NAME"
        raise UsageError(Problem("record needs a name", "command line", accepted))
    from ..experiments import file_of
    from ..reproduce.claims import measure, record, require_data

    every = [(find(name), file_of(name)) for name in wanted]
    require_data([one for one, _ in every])
    told: list[dict[str, Any]] = []
    said = silent if as_json else say
    for one, file in every:
        said(f"{one.name}: {one.title}")
        beyond = list(record(one, file, measure(one, one.seeds, Path("runs"), said)))
        for text in beyond:
            said(f"  unchanged: {text}")
        said(f"  written to {file}")
        told.append({"name": one.name, "file": str(file), "kept": beyond})
    if as_json:
        say_json(told)
    return 3 if any(one["kept"] for one in told) else 0


def _plain(one: Experiment, done: set[int]) -> dict[str, Any]:
    from .experiments_time import seconds_of

    return {
        "name": one.name,
        "title": one.title,
        "section": one.section,
        "command": f"dlx train experiment={one.name}",
        "published": dict(one.published),
        "bars": dict(one.bars),
        "ours": dict(one.ours),
        "seconds": round(seconds_of(one), 1),
        "seeds": list(one.seeds),
        "trained": sorted(done),
        "held": one.is_proven(),
        "claims": [str(claim) for claim in one.claims],
    }
