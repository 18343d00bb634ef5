"""Which runs predict, and which columns new rows must have: known before torch is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from ..config.learners import spec_of
from ..config.load import load_saved
from ..config.schema import Config
from ..config.specs.tables import TOGETHER, Table
from ..errors import Problem, UsageError
from ..prepare.pipeline import Pipeline
from ..runs.files import list_in, mapping
from ..runs.folder import name_of, read_status

_SHAPE = re.compile(r"numbers of shape \(rows((?:, \d+)*),?\)")
_INSTEAD = {
    "language_model": "dlx generate {run}",
    "word_vectors": "dlx report {run}",
}
"""What to type instead, by the learner; of any other its pictures are in the report."""


@dataclass(frozen=True)
class Wanted:
    """One input, as new rows must have it.

    Attributes:
        name: of the input.
        kind: of its column, as the file of the training data had it.
        columns: of a table that hold it, in order.
        shape: of a row of numbers; () of one number, and of anything else.
        values: of columns of categories, those that the training rows had often enough.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    shape: tuple[int, ...] = ()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


def require_predicting(run: Path, plugins: Sequence[str] = ()) -> Config:
    """The config of a finished run that predicts.

    Args:
        run: the run folder.
        plugins: packages that the user allows now.

    Raises:
        UsageError: it is not finished, or its learner predicts nothing; with what to type instead.
    """
    status = read_status(run) or {}
    state = status.get("state", "unknown")
    if status.get("verb") == "workflow" and "config_digest" not in status:
        from ..running.earlier import read_earlier  # imports torch

        read_earlier(run)  # tells why it has no final model
    if state != "done":
        hint = f"dlx resume {run.name}" if state in ("interrupted", "running") else "dlx runs"
        what = f"run {name_of(run.resolve())} is {state}: it has no final weights"
        raise UsageError(Problem(what, str(run), "a finished run", hint))
    config = load_saved(run / "config.yaml", f"{run.name}/config.yaml", plugins)
    if "predict" not in spec_of(config).can:
        learner = config.learner.name
        what = f"run {name_of(run.resolve())} has learner {learner}, which predicts nothing of new"
        what += " rows"
        hint = _INSTEAD.get(learner, "dlx report {run}").format(run=run.name)
        accepted = "a run of learner supervised or ensemble"
        raise UsageError(Problem(what, str(run), accepted, hint))
    return config


def list_wanted(config: Config, pipeline: Pipeline, data: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """What new rows must have, an entry for each column of a frame.

    Args:
        config: of the run, which names the columns of a table of the user's own.
        pipeline: its fitted preparation.
        data: its `data.json`, which names the features of narrow tables.
    """
    raw = {one.of or name: one for name, one in pipeline.raw.items()}
    options = config.dataset.options
    if isinstance(options, Table):
        beside = {together: options.columns_of(holds) for holds, together in TOGETHER.items()}
        named = {name: beside.get(name, (name,)) for name in raw}
        return tuple(_want_own(name, one.kind, named[name], pipeline) for name, one in raw.items())
    return tuple(
        _want(name, one.kind, one.holds, list(features_in(data, name))) for name, one in raw.items()
    )


def _want_own(name: str, kind: str, columns: tuple[str, ...], pipeline: Pipeline) -> Wanted:
    """An input of a table of the user's own."""
    shape = (len(columns),) if kind == "dense" else ()
    steps = [one for one in pipeline.steps if one.name == kind == "categories"]
    told = [mapping(one) for step in steps for one in list_in(mapping(step.state), "columns")]
    values = {str(one.get("name")): frozenset(map(str, list_in(one, "values"))) for one in told}
    return Wanted(name, kind, columns, shape, values)


def _want(name: str, kind: str, holds: str, features: list[str]) -> Wanted:
    found = _SHAPE.fullmatch(holds)
    if kind != "dense" or found is None:
        return Wanted(name, kind, (name,))
    shape = tuple(map(int, re.findall(r"\d+", found[1])))
    many = prod(shape)
    if len(features) == many and all(features):
        return Wanted(name, kind, tuple(features), shape)
    numbered = tuple(f"{name}_{place}" for place in range(many))
    return Wanted(name, kind, numbered if shape else (name,), shape)


def features_in(data: Mapping[str, Any], name: str) -> Iterator[str]:
    """The names of an input's features, as a run's `data.json` has them."""
    for one in profile_of(data, name):
        yield str(one.get("feature", ""))


def profile_of(data: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """What a run's `data.json` says of each feature of an input."""
    profile = data.get("profile")
    columns = profile.get("columns") if isinstance(profile, Mapping) else None
    for one in columns if isinstance(columns, list) else ():
        if isinstance(one, Mapping) and one.get("column") == name:
            yield one
