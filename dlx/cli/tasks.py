"""The verb `dlx tasks`: what can be trained, and the command to type."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ..config.branches import BRANCHES
from ..config.fields import Component, import_code
from ..config.files import BadFile, scan
from ..config.names import find_nearest, join_names
from ..config.paths import group_files, is_name, search_path, unusable_files
from ..errors import Problem, UsageError
from ..problem import PROBLEMS
from ..runs.files import mapping
from .console import say, say_json, show_groups, warn

EXAMPLES = """examples:
  dlx tasks
  dlx tasks --long              with datasets, rows and results
  dlx tasks reinforcement       those of a branch of learning
  dlx tasks mnist self-super    those with all these words, or parts of words
  dlx tasks --json
"""
SHORT = {"task": "task", "data": "state", "time": "brief", "description": "title"}
LONG = {name: name for name in ("task", "dataset", "rows", "data", "time", "result", "description")}
LONG |= {"data": "state", "description": "title"}
"""Columns of the table, and what of a task stands in each."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    told = "a branch of learning, or a part of a name, problem, learner, dataset or description"
    parser.add_argument("words", nargs="*", metavar="WORD", help=told)
    parser.add_argument("--long", "-l", action="store_true", help="datasets, rows and results too")
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.add_argument("--config-dir", "-cd", metavar="DIR", help="folder of your own configs")


def run(args: argparse.Namespace) -> int:
    """Lists the tasks.

    Raises:
        UsageError: there is no task of these words.
    """
    config_dir = getattr(args, "config_dir", None)
    found = _select(tasks(config_dir), getattr(args, "words", ()))
    if getattr(args, "json", False):
        say_json(found)
        return 0
    for folder in search_path(config_dir):
        for problem in unusable_files(folder, "task"):
            warn("\n".join(problem.lines()))
    columns = LONG if getattr(args, "long", False) else SHORT
    groups = {
        heading: [[_cell(task, key) for key in columns.values()] for task in group]
        for heading, group in group_tasks(found).items()
    }
    show_groups(tuple(columns), groups, right=("rows",))
    names = [task["task"] for task in found]
    first = [facts.first.rpartition("=")[2] for facts in BRANCHES.values()]
    example = next((name for name in first if name in names), names[0])
    say("")
    say(f"train one with: dlx train task=NAME          for example: dlx train task={example}")
    say("without its data: dlx data fetch DATASET, or dlx train task=NAME dataset.sample=true")
    for extra in sorted({task["state"] for task in found if task["state"].startswith("dlx[")}):
        say(f"without {extra}: pip install '{extra}'")
    say("more: dlx tasks --long, dlx tasks WORD, dlx help branches")
    return 0


def tasks(config_dir: str | None = None) -> list[dict[str, Any]]:
    """Every task on the search path: branch, problem, dataset, size, state of its data ..."""
    found: dict[str, dict[str, Any]] = {}
    for folder in search_path(config_dir):
        for name, file in group_files(folder, "task").items():
            if name not in found and is_name(name):
                found[name] = _describe(name, _read(name, file))
    return list(found.values())


def group_tasks(found: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Tasks by branch and problem, as "supervised: binary classification", in the book's order."""
    branches, titles = list(BRANCHES), [row.title for row in PROBLEMS.values()]

    def place(task: dict[str, Any]) -> tuple[int, int, str]:
        problem = task["problem"]
        known = titles.index(problem) if problem in titles else len(titles)
        return branches.index(task["branch"]), known, problem

    groups: dict[str, list[dict[str, Any]]] = {}
    for task in sorted(found, key=place):
        heading = ": ".join(filter(None, (task["branch"], task["problem"])))
        groups.setdefault(heading, []).append(task)
    return groups


def _select(found: list[dict[str, Any]], words: Sequence[str]) -> list[dict[str, Any]]:
    """The tasks that have all the words; the name of a branch means that branch alone."""
    for word in words:
        left = [task for task in found if _matches(task, word.casefold())]
        if not left:
            raise UsageError(_none_of(word, found))
        found = left
    return found


def _matches(task: dict[str, Any], word: str) -> bool:
    if word in BRANCHES:
        return bool(task["branch"] == word)
    keys = ("task", "branch", "problem", "learner", "dataset", "title")
    return any(word in str(task[key]).casefold() for key in keys)


def _none_of(word: str, found: list[dict[str, Any]]) -> Problem:
    """No task has a word, of those that had the words before it."""
    branches = list(dict.fromkeys(task["branch"] for task in found))
    near = find_nearest(word, [*branches, *(task["task"] for task in found)])
    accepted = f"{join_names(branches)}, or a part of a name, problem, dataset or description"
    hint = f"dlx tasks {near}" if near else "dlx tasks"
    return Problem(f"there is no task of `{word}`", "command line", accepted, hint)


def _cell(task: dict[str, Any], key: str) -> str:
    return re.split("; |, ", task["time"])[0] if key == "brief" else str(task[key])


def values_of(task: str) -> dict[str, Any]:
    """What a task's file holds; empty where there is none."""
    for folder in search_path(None):
        if file := group_files(folder, "task").get(task):
            return _read(task, file)
    return {}


def _read(name: str, file: Path) -> dict[str, Any]:
    """A task file's values; the table has no room for what is wrong with one."""
    try:
        scan(file, file.name)
        values = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except (BadFile, OSError, ValueError, yaml.YAMLError):
        why = f"cannot be read: dlx config task={name} says why"
        return {"about": {"title": why}}
    return mapping(values)


def _place(kind: Any, written: dict[str, Any]) -> Any:
    """A dataset with the files that a task names, and its other options as they are."""
    known = {field.name for field in fields(kind)} & {*kind.places}
    return kind(**{key: written[key] for key in known if isinstance(written.get(key), str)})


def _of_learner(name: str) -> tuple[str, str]:
    """The branch of a learner, and what it learns; a plugin's is not known here."""
    from ..config.specs.learners import LEARNERS

    if name not in LEARNERS.entries:
        return "other", name
    options: Any = LEARNERS.entries[name].options
    spec = import_code(options.spec)
    return spec.branch, spec.problem or name


def _tell_state(name: str, entry: Component, options: Any) -> str:
    """What is there of a dataset; the extra that it needs, where that is not installed."""
    from ..config.extras import is_installed
    from ..data.store import state_of

    missing = not all(map(is_installed, entry.needs))
    return f"dlx[{entry.extra}]" if missing and entry.extra else state_of(name, options)


def _describe(name: str, values: dict[str, Any]) -> dict[str, Any]:
    from ..config.specs import DATASETS

    about = mapping(values.get("about"))
    dataset = str(mapping(values.get("dataset")).get("name", ""))
    types = [str(mapping(t).get("problem")) for t in mapping(values.get("targets")).values()]
    known = [t for t in types if t in PROBLEMS]
    titles = [PROBLEMS[t].title for t in known] if len(known) < 2 else known  # the table is wide
    learner = str(mapping(values.get("learner")).get("name", "supervised" if types else ""))
    branch, problem = _of_learner(learner)
    entry = DATASETS.entries.get(dataset)
    options: Any = _place(entry.options, mapping(values.get("dataset"))) if entry else None
    return {
        "task": name,
        "title": str(about.get("title", "")),
        "branch": branch,
        "problem": " + ".join(titles) or problem,
        "learner": learner,
        "dataset": dataset,
        "rows": options.rows if options else "",
        "state": _tell_state(dataset, entry, options) if entry else "",
        "time": str(about.get("time", "")),
        "result": str(about.get("result", "")),
        "command": f"dlx train task={name}",
    }
