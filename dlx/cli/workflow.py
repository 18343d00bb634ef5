"""The verb `dlx workflow`: the seven steps from a problem to one test score."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import Any

from ..errors import Problem, UsageError
from .console import SAMPLE, say, say_json
from .hydra_flags import add_flags, marks_of
from .report import build_at_end

EXAMPLES = """examples:
  dlx workflow task=digits
  dlx workflow task=digits workflow.until=5
  dlx workflow task=imdb workflow.trials=6 workflow.budget_minutes=5
  dlx help workflow.look_again

The same command continues where an earlier one stopped. A test set that a workflow was evaluated
on is not evaluated again (exit code 4), unless you set workflow.look_again=true.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print only the results, as JSON")


def run(args: argparse.Namespace) -> int:
    """Walks the steps, and says what each found."""
    from ..config.learners import require_ability
    from ..config.load import load

    if not args.overrides:
        from .train import answer_no_task

        return answer_no_task(args)
    loaded = load(args.overrides, args.config_dir)
    require_ability(loaded.config, "workflow", loaded.tree.where)
    if loaded.config.from_run.run:
        what = "dlx workflow compares models of several sizes, each trained from fresh weights"
        raise UsageError(Problem(what, loaded.tree.where(("from_run",)), "no from_run"))
    if getattr(loaded.config.protocol.options, "train", None) is not None:
        what = "dlx workflow trains its final model on all rows outside the test set"
        here = loaded.tree.where(("protocol", "train"))
        raise UsageError(Problem(what, here, "no protocol.train", "protocol.train=null"))
    from ..data.origins import find_files
    from ..files import read_json
    from ..report import build
    from ..workflow.steps import steps_of
    from ..workflow.walk import walk
    from ..workflow.watcher import Watcher
    from .panels import panels

    steps = steps_of(loaded.config)
    with closing(Watcher() if args.json else panels([step.title for step in steps])) as watcher:
        folder = walk(find_files(loaded), steps, watcher, args.config_dir, marks_of(args))
    page = build_at_end(build, folder)
    report = read_json(folder / "report.json")
    if args.json:
        say_json(_answer(folder, report))
    else:
        _show(report, page)
    return 0


def _answer(folder: Path, report: dict[str, Any]) -> dict[str, Any]:
    """What `--json` prints."""
    known = {key: report.get(key) for key in ("sample", "answer", "baselines", "power", "stamps")}
    steps = report["workflow"]["steps"]
    return {"run": report["run"], "folder": str(folder), **known, "steps": steps}


def _show(report: dict[str, Any], page: Path | None) -> None:
    """The answer in a few lines, and where the report lies."""
    from .train import show_verdict

    say("")
    show_verdict(report)
    for stamp in report.get("stamps", []):
        say(f"warning: {stamp}")
    if report.get("sample"):
        say(SAMPLE)
    if report["workflow"]["steps"][-1]["state"] == "left out":
        say(f"search for better settings, and train: {report['onward']}")
    elif report["state"] == "paused":
        say("the same command without workflow.until continues from here")
    else:
        say(f"repeat the final training: {report['workflow']['final']['command']}")
    if page is not None:
        say(f"report: {page}")
