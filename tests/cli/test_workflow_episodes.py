"""`dlx workflow` for a learner of a policy: the steps that make sense, and why others do not."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from dlx.workflow.episode_steps import judge_returns

FEW = (
    *("task=gridworld", "dataset.size=3", "dataset.max_steps=8", "dataset.copies=2"),
    *("trainer.epochs=3", "trainer.batch_size=16", "workflow.capacity_steps=2"),
    *("learner.steps_per_epoch=32", "learner.rollout=16", "learner.validation_episodes=4"),
)
LEFT_OUT = {
    3: "no rows are held out: episodes have seeds of their own",
    4: "the policy sees what the environment gives",
    7: "no evaluation on a test set is to be saved: dlx tune searches, and dlx train plays fresh "
    "episodes",
}


def test_the_steps_that_make_sense_are_taken(cli: Any, here: Path) -> None:
    answer = cli("workflow", *FEW)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    for number, reason in LEFT_OUT.items():
        place = next(n for n, line in enumerate(lines) if line.startswith(f"step {number}: "))
        assert lines[place + 1] == f"  left out: {reason}"
    assert (
        "  done: gridworld of 3 x 3 cells: chooses one of 4 actions by 9 numbers; an episode has "
        "at most 8 steps"
    ) in lines
    told = "of 4 validation and 100 test episodes of seeds of their own"
    assert f"  done: val/return (higher is better): {told}" in lines
    typed = shlex.join([one for one in FEW if not one.startswith("workflow.")])
    assert lines[-2] == (f"search for better settings, and train: dlx tune {typed} --train-best")
    answer = cli("lock", "last")
    assert answer.err.startswith(
        "error: this workflow has no final model: its learner leaves the last step out\n"
    )
    assert answer.err.endswith(f"  try: dlx tune {typed} --train-best\n")
    (file,) = here.glob("runs/gridworld/*/report.json")
    report = json.loads(file.read_text())
    steps = report["workflow"]["steps"]
    states = ["left out" if step["number"] in LEFT_OUT else "done" for step in steps]
    assert [step["state"] for step in steps] == states
    names = {name["name"] for name in steps[4]["facts"]["baselines"]}
    assert {"random policy", "best constant action"} <= names
    ladder = report["workflow"]["ladder"]
    assert [one["curve"] for one in ladder] == ["return", "return"]
    assert all(max(one["val"]) == pytest.approx(one["value"], abs=1e-6) for one in ladder)
    page = (file.parent / "report.html").read_text()
    assert "Return of each capacity step" in page
    again = cli("workflow", *FEW)
    assert again.out.count("  done before: ") == 4


def step(value: float, epoch: int, epochs: int = 10, verdict: str = "") -> dict[str, Any]:
    return {"value": value, "epoch": epoch, "epochs": epochs, "verdict": verdict}


@pytest.mark.parametrize(
    ("tried", "verdict"),
    [
        ([step(480.0, 3)], "solves"),
        ([step(470.0, 9)], "learns"),
        ([step(470.0, 3)], "settled"),
        ([step(400.0, 3, verdict="settled"), step(420.0, 3)], "settled"),
        ([step(400.0, 3, verdict="settled"), step(400.0, 3)], "no better"),
        ([step(400.0, 9, verdict="learns"), step(300.0, 3)], "settled"),
    ],
)
def test_what_a_capacity_step_tells(tried: list[dict[str, Any]], verdict: str) -> None:
    assert judge_returns(tried, 475.0)["verdict"] == verdict


def test_a_capacity_step_that_failed_tells_nothing_more() -> None:
    assert judge_returns([{"verdict": "failed", "text": "not a number"}], 475.0) == {}
