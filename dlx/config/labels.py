"""Labels that a learner is judged by and never learns from: what a config may name. No torch."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from .files import Path, Where
from .names import find_nearest, join_names
from .schema import Config

CLASSES = ("binary", "multiclass")


def check_labels(config: Config, where: Where, path: Path, name: str) -> Iterator[Problem]:
    """Whether a column is there to judge by: classes of the dataset, and no input of it.

    Args:
        config: the config.
        where: where a path was written.
        path: of the option that names the column.
        name: of the column.
    """
    dataset, key = config.dataset, ".".join(path)
    judging = [one for one, problem in dataset.options.targets.items() if problem in CLASSES]
    told, here = f"`{key}` is {name}", where(path)
    none = f"null: dataset {dataset.name} has no classes"
    accepted = f"classes of dataset {dataset.name}: {join_names(judging)}" if judging else ""
    near = find_nearest(name, judging) or (judging[0] if len(judging) == 1 else "")
    hint = f"{key}={near}" if near else "" if judging else f"{key}=null"
    if name in dataset.options.inputs:
        what = f"{told}, but that is an input: labels that the learner sees cannot judge it (leak)"
        yield Problem(what, here, accepted, hint)
    elif name not in dataset.options.targets:
        what = f"{told}, but dataset {dataset.name} has no such target"
        yield Problem(what, here, accepted or none, hint)
    elif name not in judging:
        what = f"{told}, but that is no single class: {dataset.options.targets[name]}"
        yield Problem(what, here, accepted or none, hint)
