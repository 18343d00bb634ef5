"""The verb `dlx tasks`: what can be trained, and the command to type."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from ..config.files import BadFile, scan
from ..config.paths import group_files, is_name, search_path, unusable_files
from ..problem import PROBLEMS
from ..runs.files import mapping
from .console import say, say_json, show_table, warn

EXAMPLES = """examples:
  dlx tasks
  dlx tasks --json
"""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options to its parser."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.add_argument("--config-dir", "-cd", metavar="DIR", help="folder of your own configs")


def run(args: argparse.Namespace) -> int:
    """Lists the tasks."""
    found = tasks(getattr(args, "config_dir", None))
    if getattr(args, "json", False):
        say_json(found)
        return 0
    for folder in search_path(getattr(args, "config_dir", None)):
        for problem in unusable_files(folder, "task"):
            warn("\n".join(problem.lines()))
    titles = ("task", "problem", "dataset", "rows", "data", "time", "result", "description")
    keys = ("task", "problem", "dataset", "rows", "state", "time", "result", "title")
    show_table(titles, [[str(task[key]) for key in keys] for task in found], right=("rows",))
    say("")
    say("train one with: dlx train task=NAME          for example: dlx train task=digits")
    say("without its data: dlx data fetch DATASET, or dlx train task=NAME dataset.sample=true")
    return 0


def tasks(config_dir: str | None = None) -> list[dict[str, Any]]:
    """Every task on the search path: problem or learner, dataset, size, state of its data ..."""
    found: dict[str, dict[str, Any]] = {}
    for folder in search_path(config_dir):
        for name, file in group_files(folder, "task").items():
            if name not in found and is_name(name):
                found[name] = _describe(name, _read(name, file))
    return list(found.values())


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


def _describe(name: str, values: dict[str, Any]) -> dict[str, Any]:
    from ..config.specs import DATASETS
    from ..data.store import state_of

    about = mapping(values.get("about"))
    dataset = str(mapping(values.get("dataset")).get("name", ""))
    types = [str(mapping(t).get("problem")) for t in mapping(values.get("targets")).values()]
    known = [t for t in types if t in PROBLEMS]
    titles = [PROBLEMS[t].title for t in known] if len(known) < 2 else known  # the table is wide
    learner = str(mapping(values.get("learner")).get("name", ""))
    entry = DATASETS.entries.get(dataset)
    options: Any = _place(entry.options, mapping(values.get("dataset"))) if entry else None
    return {
        "task": name,
        "title": str(about.get("title", "")),
        "problem": " + ".join(titles) or learner,
        "dataset": dataset,
        "rows": options.rows if options else "",
        "state": state_of(dataset, options) if options else "",
        "time": str(about.get("time", "")),
        "result": str(about.get("result", "")),
        "command": f"dlx train task={name}",
    }
