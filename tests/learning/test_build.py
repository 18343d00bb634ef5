"""A learner is built by its own class, which must define what every learner does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small import loaded
from torch import Tensor

from dlx.config.fields import Chosen
from dlx.errors import UsageError
from dlx.learning.build import build_learner
from dlx.learning.learner import OneLoss
from dlx.sources.batches import Batch


class Half(OneLoss):
    """A learner whose author stopped at the loss."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": torch.zeros(())}


def test_a_class_that_leaves_out_what_every_learner_defines_is_told_what() -> None:
    config = replace(loaded().config, learner=Chosen("half", None, f"{__name__}:Half"))

    with pytest.raises(UsageError) as caught:
        build_learner(config, {}, {}, torch.device("cpu"))

    (problem,) = caught.value.problems
    assert problem.what == "learner half does not define build, evaluations"
    assert problem.where == "learner.name"
