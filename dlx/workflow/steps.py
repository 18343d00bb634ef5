"""The seven steps of the universal workflow, in their order (Chollet 2017, 4.5)."""

from __future__ import annotations

from collections.abc import Sequence

from ..config.learners import spec_of
from ..config.schema import Config
from . import episode_steps
from .data_steps import choose_protocol, define, measure, prepare_data
from .model_steps import beat_baseline, scale_up
from .tune_step import tune_and_test
from .walk import Step

STEPS = (
    Step("define the problem, assemble the data", define),
    Step("choose the measure of success", measure),
    Step("choose the evaluation protocol", choose_protocol),
    Step("prepare the data", prepare_data),
    Step("develop a model that beats a baseline", beat_baseline),
    Step("scale up until it overfits", scale_up),
    Step("regularise and tune, then test once", tune_and_test),
)
EPISODES = (
    Step("define the problem and its environment", episode_steps.define),
    Step(STEPS[1].title, episode_steps.measure),
    Step(STEPS[2].title, left_out="no rows are held out: episodes have seeds of their own"),
    Step(STEPS[3].title, left_out="the policy sees what the environment gives"),
    Step(STEPS[4].title, beat_baseline),
    Step("scale up until it solves the environment", episode_steps.scale_up),
    Step(
        "tune, then test once",
        left_out="no evaluation on a test set is to be saved: dlx tune searches, and dlx train "
        "plays fresh episodes",
    ),
)


def steps_of(config: Config) -> Sequence[Step]:
    """The seven steps of a learner that can go through them; some may be left out."""
    return EPISODES if spec_of(config).fresh == "episode" else STEPS
