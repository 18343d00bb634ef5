"""The seven steps of the universal workflow, in their order (Chollet 2017, 4.5)."""

from __future__ import annotations

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
