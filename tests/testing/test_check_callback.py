"""Every callback keeps its contract; a broken one is told which clause it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from dlx.config.extras import is_installed
from dlx.config.load import load
from dlx.config.specs import CALLBACKS
from dlx.running.callbacks import RunCallback
from dlx.running.stage import Stage
from dlx.running.staging import callbacks_of
from dlx.testing import BrokenContract, check_callback
from dlx.training.callbacks import Callback
from dlx.training.training import Training

BUSY = {
    "early_stopping": ("callbacks.early_stopping.patience=1", "optimizer.lr=1", "trainer.epochs=4"),
    "time_limit": ("callbacks.time_limit.minutes=10",),
}
"""What makes a callback act, by name."""


@pytest.mark.parametrize("name", CALLBACKS.entries)
def test_every_callback_keeps_the_contract(name: str) -> None:
    if not all(map(is_installed, CALLBACKS.entries[name].needs)):
        pytest.skip(f"{name} is not installed")
    options = BUSY.get(name, (f"callbacks={name}",))
    own = [one for one in options if one.startswith("callbacks")]
    rest = [one for one in options if not one.startswith("callbacks")]

    def make() -> Callback:
        (found,) = callbacks_of(load(["task=wine", *own]).config).values()
        return found

    check_callback(make, *rest)


class Broken(RunCallback):
    """Each subclass breaks one clause."""

    found = ""
    """What is told of it."""
    changes: tuple[str, ...] = ()


class TakesNoScores(Broken):
    found = "broken: every hook can be called, in order\n  found: KeyError: 'val/beauty'"

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        assert scores["val/beauty"] > 0


class FailsAtTheEnd(Broken):
    found = "broken: every hook can be called, in order\n  found: FileNotFoundError: no picture"

    def on_run_end(self, run: Any, state: str) -> None:
        raise FileNotFoundError("no picture")


class ActsWhileItWatches(Broken):
    watches_only = True
    found = "broken: what only watches changes no bit of a run\n  found: body.0.weight differs"

    def on_stage_end(self, stage: Stage) -> None:
        with torch.no_grad():
            next(stage.training.model.parameters()).mul_(1.01)


class RemembersASet(Broken):
    found = (
        "broken: state_dict() is something that JSON can hold\n"
        "  found: TypeError: Object of type set is not JSON serializable"
    )

    def state_dict(self) -> dict[str, Any]:
        return {"seen": {1}}


class StopsAfterFive(Broken):
    """What breaks is what it remembers."""

    changes = ("trainer.epochs=3",)
    steps = 0

    def on_step_end(self, training: Training) -> None:
        self.steps += 1
        if self.steps == 5:
            training.progress.stop = "five steps"


class ForgetsWhatItSaw(StopsAfterFive, Broken):
    found = (
        "broken: stopped after step 2 and resumed, it is the training that never stopped\n"
        "  found: learner/body.0.weight differs"
    )


class RestoresNothing(StopsAfterFive, Broken):
    found = "broken: load_state_dict() puts back what state_dict() gave\n  found: steps differs"

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps}


BROKEN = [one for one in Broken.__subclasses__() if one.found]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.__name__)
def test_a_broken_callback_is_told_its_clause(broken: type[Broken]) -> None:
    with pytest.raises(BrokenContract) as caught:
        check_callback(broken, *broken.changes)

    assert str(caught.value) == broken.found
