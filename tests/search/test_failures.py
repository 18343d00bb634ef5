"""Trials of which five fail in five ways; after a fix the same command runs only those."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Process

from dlx.config.specs import OPTIMIZERS

Cli = Callable[..., Any]

PLUGIN = '''
import os
import signal
from dataclasses import dataclass
import torch
from dlx.config.fields import Component, option


@dataclass(frozen=True, kw_only=True)
class Fragile:
    """An optimizer that breaks in a way of its own."""

    lr: float = option(0.01, "learning rate", gt=0)
    how: str = option("", "how it breaks")


class Breaks(torch.optim.SGD):
    def __init__(self, parameters, lr, how):
        super().__init__(parameters, lr=lr)
        self.how = how

    def step(self, closure=None):
        if self.how == "raise":
            raise KeyError("a mistake in my own code")
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "nan":
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.data.fill_(float("nan"))
        return super().step(closure)


def build(options, parameters):
    return Breaks(parameters, options.lr, options.how)


DLX_COMPONENTS = {"optimizer": {"fragile": Component(Fragile, "fragile:build")}}
'''


@pytest.fixture(autouse=True)
def _a_plugin_of_the_tests_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPTIMIZERS, "entries", dict(OPTIMIZERS.entries))
    monkeypatch.delitem(sys.modules, "fragile", raising=False)
    monkeypatch.syspath_prepend(str(here))


def configs(here: Path, units: int, validation: str) -> None:
    """Groups of the user's own: two of their files are wrong in a way that only a run shows."""
    for group, name, text in (
        ("model", "wide", f"{{name: mlp, units: [{units}]}}"),
        ("model", "small", "{name: mlp, units: [4]}"),
        ("protocol", "odd", f"{{name: holdout, validation: {validation}}}"),
        ("protocol", "usual", "{name: holdout, validation: 0.2}"),
    ):
        file = here / "configs" / group / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def sweep(many: int) -> list[str]:
    """So many values of three coupled keys."""
    ways = ["raise", "kill", "nan", *[""] * (many - 3)]
    optimizers = [f"{{name:fragile,how:'{how}',lr:{0.01 + n / 100}}}" for n, how in enumerate(ways)]
    models = ["small"] * 3 + ["wide"] + ["small"] * (many - 4)
    protocols = ["usual"] * 4 + ["odd"] + ["usual"] * (many - 5)
    return [
        *("train", "-m", "task=wine", "plugins=[fragile]", "trainer.epochs=1", "trainer.threads=1"),
        *(f"optimizer={','.join(optimizers)}", f"model={','.join(models)}"),
        *(f"protocol={','.join(protocols)}", "zip(optimizer,model,protocol)"),
    ]


def command(arguments: list[str]) -> tuple[int, str]:
    """The exit code and output of a command with workers of its own, which may die."""
    with Process(arguments) as process:
        return process.wait(), process.printed()


def outcome(here: Path) -> dict[str, Any]:
    (file,) = here.glob("runs/sweeps/*/sweep.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize("many", [8, pytest.param(20, marks=pytest.mark.slow)])
def test_five_fail_and_only_they_run_again(cli: Cli, here: Path, many: int) -> None:
    (here / "fragile.py").write_text(PLUGIN)
    configs(here, 10_000_000_000, "100000")

    code, out = command(sweep(many))

    assert code == 1
    counted = outcome(here)["counts"]
    assert (counted["done"], counted["failed"]) == (many - 5, 5)
    reasons = {row["trial"]: row["reason"] for row in outcome(here)["trials"] if row["reason"]}
    assert reasons[0].startswith("KeyError: 'a mistake in my own code'")
    assert reasons[1].startswith(
        "its process was killed by SIGKILL; the system kills processes that use"
    )
    # a snapshot of a slow machine may look at the weights before the next loss is there
    assert reasons[2].startswith(("the training loss is not a number", "body.0.weight is not fin"))
    assert reasons[3].startswith("the model has 170,000,000,003 parameters: with gradients")
    assert "100000" in reasons[4]
    assert set(reasons) == {0, 1, 2, 3, 4}
    assert f"5 of {many} trials failed; the same command runs only these again" in out
    raised = here / "runs" / outcome(here)["trials"][0]["run"]
    assert "a mistake in my own code" in (raised / "log.txt").read_text()
    assert "Traceback" in (raised / "log.txt").read_text()
    killed = here / "runs" / outcome(here)["trials"][1]["run"]
    assert json.loads((killed / "status.json").read_text())["state"] == "failed"

    (here / "fragile.py").write_text(PLUGIN.replace("if self.how ==", "if False and self.how =="))
    configs(here, 8, "0.25")
    before = {row["trial"]: row for row in outcome(here)["trials"] if row["state"] == "done"}

    code, out = command(sweep(many))

    assert code == 0
    assert len([line for line in out.splitlines() if line.startswith("[")]) == 5
    rows = {row["trial"]: row for row in outcome(here)["trials"]}
    assert outcome(here)["counts"]["done"] == many
    assert {number: rows[number] for number in before} == before


def test_a_crash_is_tried_again_as_often_as_asked(cli: Cli, here: Path, in_process: None) -> None:
    counting = PLUGIN.replace(
        'raise KeyError("a mistake', 'self.count()\n            raise KeyError("a mistake'
    )
    counting = counting.replace(
        "    def step(",
        "    def count(self):\n"
        "        with open('tries', 'a') as stream:\n"
        "            if stream.tell() < 3:\n                stream.write('x')\n"
        "        if os.path.getsize('tries') == 3:\n            self.how = ''\n\n    def step(",
    )
    (here / "fragile.py").write_text(
        counting.replace("            raise KeyError", "            if self.how: raise KeyError")
    )
    found = cli(
        *("train", "-m", "task=wine", "plugins=[fragile]", "trainer.epochs=1", "trainer.threads=1"),
        *("optimizer={name:fragile,how:raise}", "--retries", "2"),
    )
    assert (here / "tries").read_text() == "xxx"
    assert found.code == 0
    assert outcome(here)["counts"]["done"] == 1


def test_a_worker_that_dies_when_threads_are_measured_costs_no_other_trial(
    cli: Cli, here: Path
) -> None:
    """Its successor's answers belong to the trials that they are about."""
    once = PLUGIN.replace(
        'if self.how == "kill":',
        'if self.how == "kill" and not os.path.exists("once"):\n'
        '            open("once", "w").close()',
    )
    (here / "fragile.py").write_text(once)
    rates = ",".join(f"{{name:fragile,how:kill,lr:{rate}}}" for rate in (0.1, 0.01, 0.001))
    arguments = ["task=wine", "plugins=[fragile]", "trainer.epochs=1", "model.units=[7]"]
    assert command(["train", "-m", *arguments, f"optimizer={rates}"])[0] == 0
    for row in outcome(here)["trials"]:
        status = json.loads((here / "runs" / row["run"] / "status.json").read_text())
        assert status["trial"] == row["trial"]
        assert status["scores"]["val/accuracy"] == row["value"]


def test_a_run_that_was_done_before_its_worker_died_is_done(cli: Cli, here: Path) -> None:
    from dlx.runs.folder import read_status
    from dlx.search.settle import log_failure, settle_end

    assert cli("train", "task=wine", "trainer.epochs=1", "test=false", "--quiet").code == 0
    (run,) = here.glob("runs/wine/*-*")
    status = read_status(run)
    assert status is not None
    death = {"event": "failed", "kind": "crash", "reason": "killed", "folder": None}
    assert settle_end(death, run, status["config_digest"])["event"] == "done"
    assert settle_end(death, run, "another")["event"] == "failed"
    log_failure(run, "killed", "")
    assert read_status(run) == status
