"""A run folder that goes away under a run is told, and is not made again half."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from small import WINE, loaded, the_run

from dlx.errors import RunError
from dlx.running.train import train
from dlx.training.callbacks import Callback
from dlx.training.training import Training


class Gone(Callback):
    """Moves or deletes the run folder."""

    def __init__(self, moved: bool) -> None:
        self._moved = moved

    def on_epoch_end(self, training: Training, scores: Mapping[str, float]) -> None:
        if training.progress.epoch == 1:
            the_run().rename("elsewhere") if self._moved else shutil.rmtree(the_run())


@pytest.mark.parametrize("every", ["every_steps=1", "every_s=1000"])
@pytest.mark.parametrize("moved", [True, False])
def test_it_is_told(here: Path, moved: bool, every: str) -> None:
    asked = loaded("trainer.epochs=3", f"checkpoint.{every}", base=WINE)

    with pytest.raises(RunError) as caught:
        train(asked, lambda _: None, [Gone(moved)])

    told = str(caught.value).splitlines()
    assert told[0].endswith(" cannot be written: its folder does not exist")
    assert told[-1].endswith("put it back; dlx resume continues")
    assert list(here.glob("runs/wine/*")) == []
