"""The verb `dlx train`: train, validate and test a task; `-m` runs every combination of values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import Problem, UsageError
from ..files import read_json
from ..judging.classes import describe_classes, describe_meanings
from ..judging.verdict import display_name
from ..runs.folder import name_of
from ..runs.log import silent
from . import config as config_verb
from .console import SAMPLE, figure, interval_text, looks_text, number, say, say_json, show_table
from .hydra_flags import add_run_flags, marks_of
from .report import build_at_end

if TYPE_CHECKING:
    from ..config.load import Loaded
    from ..experiments import Experiment
    from ..running.run import Run
    from ..training.callbacks import Callback

EXAMPLES = """examples:
  dlx train task=digits
  dlx train task=imdb optimizer.lr=0.01 'model.units=[32,32]' trainer.epochs=4
  dlx train task=mnist model=convnet
  dlx train -m task=digits optimizer.lr=0.1,0.01,0.001 seeds=3
  dlx train -m task=digits 'model.units=[16],[64]' jobs=2 --dry-run
  dlx train task=imdb dataset.sample=true
  dlx help optimizer.lr
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    add_run_flags(parser)
    parser.add_argument("--json", action="store_true", help="print only the result, as JSON")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress, only the result")


def run(args: argparse.Namespace) -> int:
    """Trains, or shows the config that would be trained."""
    from ..config import words
    from ..data.origins import load

    if not args.overrides and not args.info:
        return answer_no_task(args)
    if args.multirun:
        from . import multirun

        return multirun.run(args)
    words.refuse(args.overrides)
    for flag in ("dry_run", "fail_fast", "retries"):
        if getattr(args, flag):
            name = f"--{flag.replace('_', '-')}"
            what = f"{name} is for sweeps, but this command trains once"
            raise UsageError(Problem(what, f"command line: {name}", hint="dlx train -m ..."))
    if args.info:
        return _info(args)
    loaded = load(args.overrides, args.config_dir)
    if args.cfg:
        part = config_verb.part_of(loaded.plain(resolve=args.resolve), args.package)
        say_json(part) if args.json else config_verb.print_yaml(part)
        return 0
    if args.package or args.resolve:
        raise UsageError(Problem("--package and --resolve go with --cfg job", "command line"))
    done = train(loaded, quiet=args.quiet or args.json, marks=marks_of(args))
    experiment = getattr(args, "experiment", None)
    if args.json:
        more = {"experiment": compare_published(done, experiment)} if experiment else {}
        say_json(answer_in(done.folder) | more)
    else:
        show_answer(done)
        if experiment:
            show_published(done, experiment)
    return 0


def answer_no_task(args: argparse.Namespace) -> int:
    """Answers a command without a task: with those there are.

    Raises:
        UsageError: the answer is for a script.
    """
    if args.json:
        hint = "dlx tasks lists them"
        raise UsageError(Problem("no task is given", "command line", "task=NAME", hint))
    from . import tasks

    tasks.run(args)
    return 2


def train(
    loaded: Loaded,
    quiet: bool = False,
    resume: Path | None = None,
    watchers: Sequence[Callback] = (),
    marks: Mapping[str, str] = MappingProxyType({}),
    begun: Callable[[Path], None] = lambda _: None,
) -> Run:
    """Trains a config, or goes on with a run of it, and builds the report.

    Args:
        loaded: the config.
        quiet: whether nothing is to be shown.
        resume: the run to go on with.
        watchers: further callbacks, called before the progress is shown.
        marks: what the run belongs to: further entries of its status.
        begun: told the run folder as soon as there is one.
    """
    if not quiet:
        for note in loaded.notes:
            say(f"note: {note}")
        say(f"reading and preparing {loaded.config.dataset.name}")
    from ..report import build
    from ..running.run import Trial
    from ..running.train import train as train_run
    from ..sources.shared import Shared
    from .progress import progress

    trial = Trial(Shared(keep=False), dict(marks), begun)
    if resume is None and loaded.config.run.resume == "auto":
        from ..running.resume import find_unfinished

        resume = find_unfinished(loaded.config)
    if quiet:
        done = train_run(loaded, silent, watchers, resume=resume, trial=trial)
    else:
        with closing(progress()) as shown:
            done = train_run(loaded, say, [*watchers, shown], resume=resume, trial=trial)
    build_at_end(build, done.folder)
    return done


def answer_in(folder: Path) -> dict[str, Any]:
    """What `--json` prints of a run, whichever process has trained it."""
    report = read_json(folder / "report.json")
    return {
        "run": name_of(folder),
        "folder": str(folder),
        "sample": bool(report.get("sample")),
        "answer": report["answer"],
        "power": report.get("power"),
        "scores": {score["name"]: score["value"] for score in report["scores"]},
        "report": _page_in(folder),
    }


def show_answer(run: Run) -> None:
    """Prints scores beside their baselines, how often the test part was seen, and the report."""
    say("")
    show_verdict(run.facts)
    for stamp in run.facts.get("stamps", []):
        say(f"warning: {stamp}")
    found = run.facts["answer"]
    if run.data.samples.sample:
        say(SAMPLE)
    elif "fresh" in run.facts:
        say(run.facts["fresh"])
    elif found and found["looks"]:
        told = looks_text(found["looks"], run.facts["looks_rows"])
        say(f"{told} (ledger in {run.config.run.root})")
    if page := _page_in(run.folder):
        say(f"report: {page}")


def _page_in(folder: Path) -> str | None:
    """The report of a run, where there is one."""
    page = folder / "report.html"
    return str(page) if page.is_file() else None


def show_verdict(facts: Mapping[str, Any]) -> None:
    """Prints what to use in the model's place, if anything; its scores; what they are worth."""
    power = facts.get("power") or {}
    if power.get("use"):
        say(power["use"])
    if facts.get("scores"):
        _show_scores(facts["scores"])
        names = [score["name"] for score in facts["scores"]]
        for line in describe_meanings(facts.get("meanings") or {}, names):
            say(line)
        for line in describe_classes(facts.get("problem") or {}, names):
            say(line)
    for line in filter(None, (power.get("text"), power.get("members"))):
        say(line)


def _show_scores(scores: Sequence[dict[str, Any]]) -> None:
    """Prints scores beside their baselines, as `report.json` holds them."""
    rows = []
    for score in scores:
        known = score["baseline"]
        beside = (number(known["value"]), display_name(known["name"])) if known else ("", "")
        interval = interval_text(score["interval"])
        rows.append([score["name"], number(score["value"]), interval, *beside])
    titles = ("score", "value", "95 % interval", "baseline", "")
    show_table(titles, rows, right=("value", "baseline"))


def compare_published(run: Run, experiment: Experiment) -> dict[str, Any]:
    """The published figures beside those of the run, and arguments that are not the experiment's.

    Returns:
        What `--json` prints: `name`, `differs`, and for each figure `published` and `run`.
    """
    from ..experiments import figures
    from ..report.read import read

    mine = figures(run.facts, read(run.folder).epochs)
    both = {
        name: {"published": v, "run": mine.get(name)} for name, v in experiment.published.items()
    }
    return {"name": experiment.name, "differs": _find_deviations(run, experiment), "figures": both}


def show_published(run: Run, experiment: Experiment) -> None:
    """Prints the published figures beside those of the run, where there are any."""
    found = compare_published(run, experiment)
    rows = [
        [name, figure(name, both["published"]), figure(name, both["run"])]
        for name, both in found["figures"].items()
    ]
    if rows:
        say("")
        say(f"{experiment.name}: {experiment.title} ({experiment.source})")
        if found["differs"]:
            say(f"differs from the published experiment: {' '.join(found['differs'])}")
        show_table(("figure", "published", "this run"), rows, right=("published", "this run"))


def _find_deviations(run: Run, experiment: Experiment) -> list[str]:
    """Arguments with which a run is not the experiment; another seed is."""
    asked = {*experiment.arguments()}
    aside = ("seed=", "run.", "checkpoint.", "baseline=")
    return [a for a in run.loaded.arguments if a not in asked and not a.startswith(aside)]


def _info(args: argparse.Namespace) -> int:
    """Where configs are found, and which files and arguments make this one, in order."""
    from ..config.compose import compose
    from ..config.load import load
    from ..config.paths import search_path

    folders = search_path(args.config_dir)
    found: dict[str, Any] = {}
    if args.info in ("all", "searchpath"):
        found["searchpath"] = [str(folder) for folder in folders]
    if args.info in ("all", "defaults"):
        found["defaults"] = [layer.source for layer in compose(args.overrides, folders).layers]
    if args.info in ("all", "config") and args.overrides:
        found["config"] = load(args.overrides, args.config_dir).plain()
    say_json(found) if args.json else _show_info(found)
    return 0


_INFO = {
    "searchpath": "search path (the first match wins):",
    "defaults": "layers (the last one wins):",
}


def _show_info(found: Mapping[str, Any]) -> None:
    for name, title in _INFO.items():
        for line in (title, *(f"  {one}" for one in found[name])) if name in found else ():
            say(line)
    if "config" in found:
        config_verb.print_yaml(found["config"])
