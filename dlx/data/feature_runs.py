"""The runs whose networks make features of rows: steps `run_features` of the preparation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..config.files import Path as Place
from ..config.learners import spec_of
from ..config.names import join_names
from ..config.schema import Config
from ..config.specs.features import RunFeatures
from ..config.starts import change_feature_runs
from ..errors import Problem, UsageError
from ..runs.folder import find
from ..runs.source import Source, find_finished
from .judges import read_config

KEY = "prepare.steps"


def find_features(config: Config, options: RunFeatures) -> Source:
    """The run whose network makes features of a config's rows.

    Raises:
        UsageError: there is none; or its network makes none, or of other inputs.
    """
    source = find_finished(Path(config.run.root), options.run, options.sha256, KEY)
    its, told = read_config(source, config), f"run {source.name} cannot give features: it "
    if not spec_of(its).encodes:
        what = f"{told}is of learner {its.learner.name}, whose network makes none of rows"
        accepted = "a run of a classifier, regression, autoencoder, or of contrastive learning"
        raise UsageError(Problem(what, KEY, accepted))
    inputs = its.dataset.options.inputs
    if len(inputs) > 1:
        what = f"{told}reads {join_names(inputs)} together, and a step is given one input"
        hint = f"from_run={source.name} starts from its weights"
        raise UsageError(Problem(what, KEY, "a run of one input", hint))
    offered = config.dataset.options.inputs
    for name in options.columns or offered:
        if name != inputs[0]:
            hint = f"columns: [{inputs[0]}]" if inputs[0] in offered else ""
            what = f"{told}reads {inputs[0]}, not {name}"
            raise UsageError(Problem(what, KEY, f"a run that reads {name}", hint))
    return source


def locate_features(config: Config, root: Path) -> Config:
    """A config whose steps name their runs by their folders, where these are there."""

    def locate(_: Place, options: RunFeatures) -> RunFeatures:
        with suppress(UsageError):
            return replace(options, run=str(find(root, options.run).resolve()))
        return options

    return change_feature_runs(config, locate)


def feature_runs(config: Config) -> Iterator[Source]:
    """The runs whose networks make features of a config's rows.

    Raises:
        UsageError: one is gone, or has other weights.
    """
    for step in config.prepare.steps:
        one = step.options
        if isinstance(one, RunFeatures):
            yield find_finished(Path(config.run.root), one.run, one.sha256, KEY)
