"""The best of a search: declared when nobody is at work any more, and trained by one process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.console import say
from dlx.search.final import claim_final
from dlx.search.tune import study_of
from dlx.search.tune_plan import plan_tune

Cli = Callable[..., Any]
Arrange = Callable[[Callable[[], Any]], None]
RATES = "optimizer.lr=choice(0.05,0.01)"
WINE = ("task=wine", "trainer.threads=1", "trainer.epochs=2", RATES, "tune.sampler=grid")

pytestmark = pytest.mark.usefixtures("in_process")


def looks(root: str = "runs") -> int:
    file = Path(root) / "ledger.sqlite"
    return sqlite3.connect(file).execute("select count(*) from looks").fetchone()[0]


@pytest.fixture
def when_waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Lets another process do something as soon as this one waits for it."""

    def arrange(act: Callable[[], Any]) -> None:
        def says(text: str) -> None:
            say(text)
            if "another process" in text:
                act()

        monkeypatch.setattr("dlx.cli.live.say", says)
        monkeypatch.setattr("dlx.cli.tune.say", says)

    return arrange


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_a_trial_of_another_process_is_waited_for_and_may_be_the_best(
    cli: Cli, when_waiting: Arrange, storage: str
) -> None:
    plan = plan_tune([*WINE, f"tune.storage={storage}"])
    (plan.root / "sweeps" / plan.name).mkdir(parents=True)
    with study_of(plan) as other:
        other.refuse_another(plan.identity, plan.name)
        assert other.begin({"optimizer.lr": 0.05}, 2) == 0
        values = {"val/accuracy": 1.0, "val/loss": 0.0}
        facts = {"score": "val/accuracy", "value": 2.0, "values": values, "epoch": 2}
        when_waiting(lambda: other.finish(0, "done", [2.0], result=facts))
        other.rest(True)
        found = cli("tune", *WINE, f"tune.storage={storage}", "--train-best")
    assert (found.code, found.err) == (0, "")
    assert "waiting for the trials of another process" in found.out
    told = json.loads((plan.root / "sweeps" / plan.name / "sweep.json").read_text())
    assert told["counts"]["done"] == 2
    assert told["best"]["point"] == 0
    assert "optimizer.lr=0.05" in told["best"]["command"]


def test_a_process_that_may_still_begin_trials_is_waited_for(
    cli: Cli, when_waiting: Arrange
) -> None:
    plan = plan_tune(WINE)
    cli("tune", *WINE)
    with study_of(plan) as other:  # between two trials of its own
        when_waiting(lambda: other.rest(True))
        found = cli("tune", *WINE)
    assert "waiting for the trials of another process" in found.out


def test_what_another_process_leaves_when_it_dies_is_gone_on_with(
    cli: Cli, when_waiting: Arrange
) -> None:
    plan = plan_tune(WINE)
    (plan.root / "sweeps" / plan.name).mkdir(parents=True)
    with study_of(plan) as other:
        other.refuse_another(plan.identity, plan.name)
        other.begin({"optimizer.lr": 0.05}, 2, key="of no run")
        when_waiting(other.__exit__)
        found = cli("tune", *WINE)
    assert found.code == 0
    assert "2 done" in found.out


class TestTheBest:
    """One search, whose best is asked for again and again."""

    def test_is_tested_once_by_the_same_command_typed_twice(self, cli: Cli) -> None:
        first = json.loads(cli("tune", *WINE, "--train-best", "--json").out)["trained"]
        again = cli("tune", *WINE, "--train-best", "--json")
        assert json.loads(again.out)["trained"] == first
        told = cli("tune", *WINE, "--train-best").out.splitlines()
        assert told[-2].startswith(
            f"the best setting is trained already, in run {first['run']}: val/accuracy "
        )
        assert looks() == 1

    def test_is_left_to_the_process_that_trains_it(self, cli: Cli, when_waiting: Arrange) -> None:
        plan = plan_tune(WINE)
        best = json.loads(cli("tune", *WINE, "--json").out)["best"]["command"].split()[2:]
        answer = {"run": "wine/x", "scores": {"test/accuracy": 0.5}, "report": "x.html"}
        with claim_final(plan, best, print) as claim:
            when_waiting(lambda: claim.finish(answer))
            found = cli("tune", *WINE, "--train-best")
        assert found.code == 0
        assert found.out.splitlines()[-3:] == [
            "another process trains the best: waiting for its result",
            "the best setting is trained already, in run wine/x: test/accuracy 0.5000",
            "report: x.html",
        ]
        assert not Path("runs/ledger.sqlite").exists()

    @pytest.mark.parametrize("state", ["running", "done"])
    def test_is_gone_on_with_where_its_process_was_killed(self, cli: Cli, state: str) -> None:
        plan = plan_tune(WINE)
        cli("tune", *WINE, "--train-best")
        run = max(Path("runs/wine").iterdir(), key=lambda path: path.stat().st_mtime)
        status = json.loads((run / "status.json").read_text())
        (run / "status.json").write_text(json.dumps({**status, "state": state}))
        with study_of(plan) as study:  # as it stands when the process dies before it answers
            name = f"final {status['config_digest']}"
            known = study.fact(name)
            assert known.pop("answer")["run"] == status["run"]
            study.replace(name, known)
        before = sorted(Path("runs/wine").iterdir())
        found = cli("tune", *WINE, "--train-best")
        assert found.code == 0
        assert sorted(Path("runs/wine").iterdir()) == before
        assert looks() == 1
        again = "the best setting is trained already" in found.out
        assert again == (state == "done")
