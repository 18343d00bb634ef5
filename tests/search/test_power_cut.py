"""A study whose file a power cut spoilt ends with the trials of one that had none."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.live import Silent
from dlx.search.tune import run_tune
from dlx.search.tune_plan import plan_tune

SEARCH = (
    *("task=wine", "trainer.threads=1", "trainer.epochs=2", "tune.trials=5", "tune.startup=2"),
    *("trainer.batch_size=8,4", "trainer.accumulate=1,8", "optimizer.lr=tag(log,interval(1e-3,1))"),
)
Spoil = Callable[[bytes], bytes | None]


class Ear(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__(5)
        self.heard: list[str] = []

    def on_message(self, text: str) -> None:
        self.heard.append(text)


def searched(storage: str, runner: Any) -> tuple[list[Any], str]:
    """What a search in this folder tried and what it gave, and what was told."""
    plan, ear = plan_tune([*SEARCH, f"tune.storage={storage}", "tune.pruner=median"]), Ear()
    outcome, _ = run_tune(plan, runner(None), ear)
    trials = [(t["trial"], t["state"], t["changed"], t["value"]) for t in outcome["trials"]]
    return trials, " ".join(ear.heard)


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, runner: Any
) -> dict[str, tuple[Path, list[Any]]]:
    """A search that came to its end, in each kind of file."""
    found = {}
    for storage in ("journal", "sqlite"):
        place = tmp_path_factory.mktemp(storage)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            found[storage] = (place, searched(storage, runner)[0])
    return found


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


CUTS: dict[str, Spoil] = {
    "gone": lambda _: None,
    "empty": lambda _: b"",
    "half": lambda data: data[: len(data) // 2],
    "without its last lines": lambda data: b"".join(lines(data)[:-3]),
    "with a zeroed end": lambda data: data[:-700] + bytes(700),
    "with a zeroed end and what came later": lambda data: data[:-700] + bytes(699) + b"\n",
    "with a flipped byte": lambda data: data[: len(data) // 2] + b"~" + data[len(data) // 2 + 1 :],
    "with a huge number": lambda data: data + b'{"op_code":' + b"9" * 5000 + b"}\n",
}


FEW = [("half", "journal"), ("with a flipped byte", "journal"), ("gone", "sqlite")]
REST = [one for one in itertools.product(CUTS, ("journal", "sqlite")) if one not in FEW]


@pytest.mark.parametrize(
    ("how", "storage"), [*FEW, *(pytest.param(*one, marks=pytest.mark.slow) for one in REST)]
)
def test_a_spoilt_study_ends_with_the_same_trials(
    whole: dict[str, tuple[Path, list[Any]]],
    here: Path,
    runner: Any,
    storage: str,
    how: str,
) -> None:
    place, trials = whole[storage]
    shutil.copytree(place / "runs", here / "runs")
    (file,) = (here / "runs" / "sweeps").glob(f"*/study.{storage}")
    before = file.read_bytes()
    spoilt = CUTS[how](before)
    if spoilt is None:
        file.unlink()
    else:
        file.write_bytes(spoilt)
    runs = sorted((here / "runs" / "wine").iterdir())

    found, told = searched(storage, runner)

    assert found == trials
    assert sorted((here / "runs" / "wine").iterdir()) == runs  # nothing is trained a second time
    if how in ("gone", "empty", "half"):
        assert told.startswith("the study had lost its last entries: ")
    assert searched(storage, runner) == (trials, "")
