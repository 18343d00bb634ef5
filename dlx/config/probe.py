"""What may be asked of the judge of features, and the score that it gives. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import Problem
from .files import Where
from .labels import check_labels
from .learners import ScoreSpec, has_validation
from .schema import Config
from .specs.probe import Probe

KEY = "learner.probe"


def probe_of(config: Config) -> Probe | None:
    """By what the features of a config's learner are judged; None where they are not."""
    found = getattr(config.learner.options, "probe", None)
    return found if isinstance(found, Probe) else None


def probe_scores(config: Config, judged: bool = False) -> dict[str, ScoreSpec]:
    """What tells how good features are, at the end; nothing where nobody asks.

    Args:
        config: the config.
        judged: whether settings are compared by it.
    """
    probe = probe_of(config)
    if probe is None:
        return {}
    validates = has_validation(config)
    meaning = f"accuracy of a linear classifier on the features, with {probe.labels:,} labels"
    name = f"{'val' if validates else 'test'}/probe"
    return {name: ScoreSpec("max", judged and validates, each_epoch=False, meaning=meaning)}


def check_probe(config: Config, where: Where) -> Iterator[Problem]:
    """Labels that cannot judge, or would be seen."""
    probe = probe_of(config)
    if probe is None:
        return
    for one in check_labels(config, where, ("learner", "probe", "target"), probe.target):
        none = one.hint == f"{KEY}.target=null"  # the whole section is what may be null
        yield replace(one, accepted=f"{KEY}: {one.accepted}", hint=f"{KEY}=null") if none else one
