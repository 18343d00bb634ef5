"""The verb `dlx best`: the finished run with the best validation score, and how to train it."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.names import find_nearest, join_names, plural
from ..errors import MethodError, Problem, UsageError
from ..judging.verdict import display_name
from ..runs import listing
from ..runs.files import list_in, mapping, read_record
from ..runs.folder import find_named_run
from ..runs.listing import Status
from .console import baseline_text, interval_text, number, say, say_json, show_table
from .runs_filter import describe_no_match

EXAMPLES = """examples:
  dlx best task=digits
  dlx best task=imdb model=mlp --by val/loss
  dlx best task=imdb sweep=rates --json
"""

_ON_TEST = "test_as_validation"


@dataclass(frozen=True)
class Best:
    """The best run by one score.

    Attributes:
        status: its `status.json`.
        score: the score's name.
        facts: the score's entry in `report.json`: value, baseline, interval.
        stamps: what must stand beside its scores.
        among: how many finished runs have the score.
        same: how many of the others reached the same.
        on_test: how many were left out because their validation rows are test rows.
        cuts: in how many ways their data are cut into parts.
        in_folds: whether it trained a model a fold, so that the test needs one more.
    """

    status: Status
    score: str
    facts: dict[str, Any]
    stamps: list[str] = field(default_factory=list)
    among: int = 1
    same: int = 0
    on_test: int = 0
    cuts: int = 1
    in_folds: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add = parser.add_argument
    what = "only runs that have one of these values, for example task=imdb (see dlx runs)"
    add("filters", nargs="*", metavar="KEY=VALUE", help=what)
    add("--by", metavar="SCORE", help="a validation score; default: the runs' main score")
    add("--root", default="runs", metavar="DIR", help="folder of the runs (default: runs)")
    add("--json", action="store_true", help="print JSON, for scripts")


def run(args: argparse.Namespace) -> int:
    """Prints the best run."""
    _refuse_tests(args)
    every = listing.statuses(Path(args.root))
    asked = listing.parse(args.filters, every)
    found = [status for status in every if all(one.takes(status) for one in asked)]
    if not found:
        raise UsageError(Problem(describe_no_match(args.root, every), "command line"))
    runs = _list_finished(found, args.root)
    best = _best(Path(args.root), runs, args.by or _judged_score(runs))
    task = best.status.get("task")
    damaged = [s for s in every if s.get("state") == "damaged" and s.get("task") == task]
    if args.json:
        say_json({**_plain(best), "damaged": [status["run"] for status in damaged]})
        return 0
    _show(best)
    for status in damaged:
        say(f"left out: {status['run']}: {status['reason']}; {status['hint']}")
    return 0


def _refuse_tests(args: argparse.Namespace) -> None:
    """No run is picked by what it did on the test part.

    Raises:
        MethodError: it was asked for.
    """
    keys = [word.partition("=")[0] for word in args.filters]
    for name in filter(None, (args.by, *keys)):
        if name.startswith("test/"):
            where = "--by" if name == args.by else f"command line: {name}="
            what = (
                f"`{name}` is a test score, and choosing by it makes it too optimistic: the best "
                "of several is partly luck"
            )
            hint = f"--by val/{name.removeprefix('test/')}" if name == args.by else ""
            raise MethodError(Problem(what, where, "a validation score", hint))


def _list_finished(found: Sequence[Status], root: str) -> list[Status]:
    """The runs of one task that are done, on real data.

    Raises:
        UsageError: there is none, or they are of several tasks.
    """
    done = [s for s in found if s.get("state") == "done"]
    real = [s for s in done if not s.get("sample")]
    if not real:
        many = plural(len(found), "run")
        what = f"of {many} in {root}, none is finished"
        if done:
            what = f"of {many} in {root}, the finished ones were trained on synthetic sample data"
        raise UsageError(Problem(what, "command line", "a finished run on real data"))
    tasks = sorted({str(s.get("task")) for s in real})
    if len(tasks) > 1:
        what = "the runs have several tasks, whose scores cannot be compared"
        raise UsageError(
            Problem(what, "command line", join_names(tasks), f"dlx best task={tasks[0]}")
        )
    return real


def _judged_score(runs: Sequence[Status]) -> str:
    """The validation score that the runs are judged by.

    Raises:
        UsageError: they are judged by several, or by none.
    """
    answers = (status.get("answer") for status in runs)
    names = [str(a.get("score")).partition("/")[2] for a in answers if isinstance(a, dict)]
    counted = Counter(f"val/{name}" for name in names if name)
    if len(counted) == 1:
        return next(iter(counted))
    told = join_names(f"{name} ({plural(many, 'run')})" for name, many in counted.most_common())
    what = "the runs have different main scores" if counted else "no run has a main score"
    hint = f"--by {counted.most_common(1)[0][0]}" if counted else "--by val/loss"
    raise UsageError(Problem(what, "command line", told, hint))


def _best(root: Path, runs: Sequence[Status], score: str) -> Best:
    """The best run by a score, leaving out those whose validation rows are test rows.

    Raises:
        UsageError: no run has the score.
    """
    having = [s for s in runs if _value(s, score) is not None and score.startswith("val/")]
    if not having:
        known = sorted({n for s in runs for n in listing.scores_of(s) if n.startswith("val/")})
        near = find_nearest(score, known)
        what = f"no finished run has the validation score `{score}`"
        hint = f"--by {near}" if near else ""
        raise UsageError(Problem(what, "--by", join_names(known), hint))
    on_test = 0
    by_loss = listing.sort_runs(having, [], "val/loss")  # it decides between equal scores
    ranked = listing.sort_runs(by_loss, runs, score)
    folders = [find_named_run(root, status.get("run")) for status in ranked]
    for folder, status in zip(folders, ranked, strict=True):
        report = read_record(folder / "report.json")
        if mapping(report.get("protocol")).get("name") == _ON_TEST:
            on_test += 1
            continue
        value = _value(status, score)
        same = sum(_value(other, score) == value for other in ranked if other is not status)
        return Best(
            status,
            score,
            _facts(report, score, value),
            [str(one) for one in list_in(report, "stamps")],
            among=len(having) - on_test,
            same=same,
            on_test=on_test,
            cuts=len({str(read_record(f / "data.json").get("split_digest")) for f in folders}),
            in_folds=len(list_in(report, "folds")) > 1,
        )
    what = (
        "the validation rows of these runs are the test rows: their scores cannot be used to choose"
    )
    raise MethodError(Problem(what, "protocol=test_as_validation", "another protocol"))


def _value(status: Status, score: str) -> float | None:
    return listing.number_of({"scores": listing.scores_of(status)}, score)


def _facts(report: dict[str, Any], score: str, value: float | None) -> dict[str, Any]:
    """Value, baseline and interval of a score."""
    entries = (one for one in list_in(report, "scores") if isinstance(one, dict))
    found = next((one for one in entries if one.get("name") == score), {})
    interval = list_in(found, "interval")
    whole = len(interval) == 2 and all(isinstance(end, (int, float)) for end in interval)
    return {
        "value": value,
        "direction": found.get("direction"),
        "baseline": mapping(found.get("baseline")) or None,
        "interval": interval if whole else None,
    }


def _command(best: Best, look: bool = False) -> str:
    """The command that trained a run; with one look at the test part in place of none."""
    typed = listing.overrides_of(best.status)
    if look:
        typed = [one for one in typed if one != "test=false"]
        typed += ["final=true"] if best.in_folds and "final=true" not in typed else []
    return shlex.join(["dlx", "train", *typed])


def _plain(best: Best) -> dict[str, Any]:
    return {
        "run": best.status.get("run"),
        "score": best.score,
        **best.facts,
        "among": best.among,
        "same": best.same,
        "cuts": best.cuts,
        "stamps": best.stamps,
        "command": _command(best),
        "command_with_test": _command(best, look=True),
    }


def _show(best: Best) -> None:
    facts, status = best.facts, best.status
    beside = baseline_text(facts["baseline"]) or "-"
    cells = [str(status.get("run")), number(facts["value"]), interval_text(facts["interval"])]
    show_table(
        ("run", best.score, "95 % interval", "baseline"), [[*cells, beside]], right=(best.score,)
    )
    say(f"the best of {plural(best.among, 'finished run')}{_ties(best)}")
    if worth := _describe_worth(best):
        say(worth)
    if best.on_test:
        say(f"left out: {plural(best.on_test, 'run')} whose validation rows are the test rows")
    if best.cuts > 1:
        say(f"note: the data are split in {best.cuts} ways, so not all scores are on the same rows")
    for stamp in best.stamps:
        say(f"note: {stamp}")
    say(f"train it again: {_command(best)}")
    if (look := _command(best, look=True)) != _command(best):
        say(f"and evaluate it on the test set once: {look}")


def _describe_worth(best: Best) -> str:
    """What to use in its place, where its baseline is as good; "" where it is not."""
    baseline, value = best.facts["baseline"] or {}, best.facts["value"]
    known = baseline.get("value")
    if not isinstance(known, (int, float)) or value is None:
        return ""
    ahead = known - value if best.facts["direction"] == "min" else value - known
    if ahead > 0:
        return ""
    does = "better" if ahead < 0 else "as good"
    return f"{display_name(str(baseline.get('name') or 'the baseline'))} is simpler and {does}"


def _ties(best: Best) -> str:
    if not best.same:
        return ""
    others = "another reached" if best.same == 1 else f"{best.same} others reached"
    told = "" if best.score == "val/loss" else ", with no smaller val/loss"
    return f"; {others} the same score{told}"
