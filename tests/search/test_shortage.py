"""A machine that lacks space fails no trial: the sweep stops, and the same command goes on."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlx.errors import RunError
from dlx.machine import shortage
from dlx.runs.files import write_json

Cli = Callable[..., Any]
WINE = ("task=wine", "trainer.threads=1", "trainer.epochs=2")
SEARCH = ("tune", *WINE, "optimizer.lr=0.05,0.01,0.02", "tune.sampler=grid")
SWEEP = ("train", "-m", *WINE, "optimizer.lr=0.05,0.01,0.02")

pytestmark = pytest.mark.usefixtures("in_process")


def outcome(root: str = "runs") -> dict[str, Any]:
    (file,) = Path(root).glob("sweeps/*/sweep.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def values(root: str) -> list[Any]:
    return [(t["trial"], t["state"], t["changed"], t["value"]) for t in outcome(root)["trials"]]


def full(code: int) -> Callable[[Path, Any], None]:
    """Writes files until the second run is to be told as done."""
    answers: list[Path] = []

    def write(file: Path, value: Any) -> None:
        if value.get("state") == "done":
            answers.append(file)
        if len(answers) >= 2 and value.get("state") == "done":
            raise RunError("report.json cannot be written") from OSError(code, "too little")
        write_json(file, value)

    return write


@pytest.mark.parametrize("command", [SEARCH, SWEEP], ids=["search", "sweep"])
@pytest.mark.parametrize("code", [pytest.param(errno.ENOSPC, marks=pytest.mark.slow), errno.EMFILE])
def test_no_trial_is_lost_to_a_full_disk(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], code: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("dlx.running.ending.write_json", full(code))
        found = cli(*command)
    assert found.code == 1
    kind = "search" if command is SEARCH else "sweep"
    where = next(Path("runs/sweeps").iterdir())
    assert found.err == (
        f"error: the {kind} stops, since no trial can be saved: report.json cannot be written\n"
        f"  where: {where}\n"
        "  try: the same command continues from what is done once the machine has enough "
        "again\n"
    )
    counts = outcome()["counts"]
    assert (counts["done"], counts["failed"]) == (1, 0)

    assert cli(*command).code == 0
    assert [t["state"] for t in outcome()["trials"]] == ["done"] * 3
    assert len(list(Path("runs/wine").iterdir())) == 3  # the second has been gone on with
    if code == errno.ENOSPC:
        cli(*command, "run.root=whole")
        assert values("runs") == values("whole")


def test_a_shortage_is_found_among_the_causes_of_an_error() -> None:
    def chained() -> Iterator[BaseException]:
        for cause in (OSError(errno.ENOSPC, "full"), OSError(errno.ENOENT, "gone"), None):
            error = RunError("cannot be written")
            error.__cause__ = cause
            yield error

    assert list(map(shortage, chained())) == ["No space left on device", "", ""]


@pytest.mark.slow
def test_a_search_in_which_every_trial_failed_says_so_and_tries_them_again(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RunError("my file is wrong")

    with monkeypatch.context() as patch:
        patch.setattr("dlx.search.worker.train", broken)
        first = cli(*SEARCH)
        again = cli(*SEARCH)
    for found in (first, again):
        assert found.code == 1
        assert (
            "3 of 3 trials failed: there is no best setting; the same command tries "
            "them again\n  optimizer.lr=0.05: my file is wrong\n"
        ) in found.out
    assert "3 trials failed before and none succeeded: tried again\n" in again.out
    mended = cli(*SEARCH)
    assert mended.code == 0
    assert outcome()["counts"]["done"] == 3
    known = [(t["changed"], t["value"]) for t in outcome()["trials"]]
    assert "3 of 3 trials are already done" in cli(*SEARCH).out
    cli(*SEARCH, "run.root=whole")
    assert known == [(t["changed"], t["value"]) for t in outcome("whole")["trials"]]
