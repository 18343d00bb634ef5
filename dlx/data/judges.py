"""The runs by whose networks generated samples are judged."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..config.fields import to_plain
from ..config.files import Path as Place
from ..config.load import load_saved
from ..config.schema import Config
from ..config.specs.judge import Judge
from ..config.starts import change_judges
from ..errors import Problem, UsageError
from ..runs.folder import find
from ..runs.source import Source, find_finished

KEY = "learner.judge"


def find_judge(config: Config, judge: Judge) -> Source:
    """The run that judges a config's samples.

    Raises:
        UsageError: there is none; or it is no finished classifier of the same numbers.
    """
    source = find_again(config, judge)
    its, accepted = read_config(source, config), f"a classifier of dataset {config.dataset.name}"
    told = f"run {source.name} cannot judge samples: it "
    hint = f"train one, then {KEY}.run=last"
    classes = [one.problem for one in its.targets.values() if one.problem != "regression"]
    if its.learner.name != "supervised" or not classes:
        kind = f"is of learner {its.learner.name}" if its.learner.name != "supervised" else ""
        raise UsageError(Problem(told + (kind or "predicts no classes"), KEY, accepted, hint))
    if its.dataset.name != config.dataset.name:
        raise UsageError(Problem(f"{told}is of dataset {its.dataset.name}", KEY, accepted, hint))
    if its.prepare.steps != config.prepare.steps:
        steps = [to_plain(config.prepare.steps), to_plain(its.prepare.steps)]
        what = f"{told}reads other numbers: prepare.steps is {steps[1]}, here {steps[0]}"
        raise UsageError(Problem(what, KEY, "a classifier with the same prepare.steps", hint))
    return source


def find_again(config: Config, judge: Judge) -> Source:
    """The run that judges a config's samples, with the weights that it is known by.

    Raises:
        UsageError: it is gone, not finished, or has other weights.
    """
    folder = _find(Path(config.run.root), judge)
    return find_finished(Path(config.run.root), str(folder), judge.sha256, KEY)


def _find(root: Path, judge: Judge) -> Path:
    """The folder of a run that judges samples.

    Raises:
        UsageError: there is none.
    """
    try:
        return find(root, judge.run).resolve()
    except UsageError as error:
        if not judge.sha256:
            raise
        what = f"run {judge.run}, by which samples are judged, is gone"
        accepted, hint = "it, where it was", "`dlx runs` lists those that are there"
        raise UsageError(Problem(what, f"{KEY}.run", accepted, hint)) from error


def read_config(source: Source, config: Config) -> Config:
    """The config of a run that judges samples.

    Raises:
        UsageError: it cannot be read.
    """
    file = source.folder / "config.yaml"
    return load_saved(file, f"{source.folder.name}/config.yaml", config.plugins)


def locate_judges(config: Config, root: Path) -> Config:
    """A config that names the runs that judge samples by their folders, where these are there."""

    def locate(_: Place, judge: Judge) -> Judge:
        with suppress(UsageError):
            return replace(judge, run=str(_find(root, judge)))
        return judge

    return change_judges(config, locate)


def judge_runs(config: Config) -> list[Path]:
    """The folders of the runs that judge samples.

    Raises:
        UsageError: one is gone.
    """
    found: list[Path] = []

    def note(_: Place, judge: Judge) -> Judge:
        found.append(_find(Path(config.run.root), judge))
        return judge

    change_judges(config, note)
    return found
