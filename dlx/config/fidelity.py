"""What may be asked of the judge of generated samples, and the scores that it gives. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from ..errors import Problem
from .files import Where
from .learners import ScoreSpec, has_validation
from .schema import Config
from .specs.judge import Judge

_FAR = "squared Fréchet distance of samples from rows that did not train"
_PRECISION = "share of samples that lie among rows that did not train"
_RECALL = "share of rows that did not train which lie among samples"
_KEY = "learner.judge"


def judge_of(config: Config) -> Judge | None:
    """By what the samples of a config's learner are judged; None where it makes none."""
    found = getattr(config.learner.options, "judge", None)
    return found if isinstance(found, Judge) else None


def fidelity_scores(config: Config) -> dict[str, ScoreSpec]:
    """What tells how good samples are: their distance, in every epoch; the rest at the end."""
    validates, judge = has_validation(config), judge_of(config)
    held = "val" if validates else "test"
    space = ""
    if judge and judge.run:  # in a replay it is named by its path
        space = f", in the last hidden layer of run {'/'.join(PurePath(judge.run).parts[-2:])}"
    return {
        f"{held}/frechet": ScoreSpec(
            "min", judged=validates, each_epoch=validates, meaning=_FAR + space
        ),
        f"{held}/precision": ScoreSpec("max", each_epoch=False, meaning=_PRECISION + space),
        f"{held}/recall": ScoreSpec("max", each_epoch=False, meaning=_RECALL + space),
    }


def check_judge(config: Config, where: Where) -> Iterator[Problem]:
    """A classifier that no run gives, and a run that nobody reads."""
    judge = judge_of(config)
    if judge is None:
        return
    if judge.features == "classifier" and not judge.run:
        what = f"`{_KEY}.features` is classifier, but `{_KEY}.run` names none"
        accepted = f"a finished run of a classifier of {config.dataset.name}"
        yield Problem(what, where(("learner", "judge", "features")), accepted, f"{_KEY}.run=last")
    if judge.features == "pca" and judge.run:
        what = f"`{_KEY}.run` is {judge.run}, but `{_KEY}.features` is pca, which reads no run"
        yield Problem(what, where(("learner", "judge", "run")), hint=f"{_KEY}.features=classifier")
