"""`dlx tune` from the command line."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Process

from dlx.config.names import plural

Cli = Callable[..., Any]
WINE = ("task=wine", "trainer.threads=1", "trainer.epochs=3")
SPACE = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "model.units=[8],[32]")


pytestmark = pytest.mark.usefixtures("in_process")
"""A search that is killed is another process, with workers of its own."""


def outcome(root: str = "runs") -> dict[str, Any]:
    (file,) = Path(root).glob("sweeps/*/sweep.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def values(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What a search tried and what it gave, without its clock."""
    return [(t["trial"], t["state"], t["changed"], t["value"]) for t in found["trials"]]


def test_a_search_begins_with_the_tasks_own_and_ends_with_a_command(cli: Cli) -> None:
    found = cli("tune", *WINE, "search.optimizer.lr={log:[0.001,0.1]}", "tune.trials=3")

    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0] == "3 trials by tpe: val/accuracy (max)"
    assert lines[1] == "  optimizer.lr: log 0.001 to 0.1; starts with 0.002"
    assert lines[2].endswith("; a search never uses the test set")
    assert lines[3].startswith("[1/3] optimizer.lr=0.002: val/accuracy")
    assert "3 done" in lines
    assert all("(baseline 0.3929 majority)" in line for line in lines[3:6])
    (head,) = (line for line in lines if line.startswith("trial "))
    assert lines[lines.index(head) + 1][head.index("baseline") :].startswith("0.3929  majority")
    assert any("task defaults" in line for line in lines)
    told = outcome()
    assert told["default"] == 0
    assert told["counts"]["done"] == 3
    best = told["points"][told["best"]["point"]]
    assert best["value"] == max(point["value"] for point in told["points"])
    assert lines[-2] == f"the best, evaluated on the test set once: {told['best']['command']}"
    assert lines[-3] == (
        "the final model trains on all rows outside the test set, for "
        f"{plural(int(best['epoch']), 'epoch')}, "
        "the best number on the validation set"
    )
    rate = best["changed"]["optimizer.lr"]
    assert f"optimizer.lr={rate:.6g} final=true" in told["best"]["command"]
    assert not Path("runs/ledger.sqlite").exists()
    assert Path(lines[-1].removeprefix("report: ")).is_file()


def test_the_best_is_trained_and_tested_once(cli: Cli) -> None:
    found = cli("tune", *WINE, *SPACE, "tune.trials=2", "--train-best")
    assert found.code == 0
    assert "the test set has been evaluated once (ledger in runs)" in found.out
    arguments = outcome()["best"]["command"].split()
    last = max(Path("runs/wine").iterdir())
    overrides = json.loads((last / "status.json").read_text())["overrides"]
    assert [word.strip("'") for word in arguments[2:]] == overrides


def test_where_the_final_model_trains_longer_than_the_best_trial_it_is_told(cli: Cli) -> None:
    asked = [*WINE[:2], "trainer.epochs=9", "schedule=cosine", "optimizer.lr=0.3,0.2"]
    found = cli("tune", *asked, "tune.sampler=grid", "--train-best")
    assert found.code == 0
    told = outcome()
    best = told["trials"][told["best"]["point"]]
    curve = (Path("runs") / best["run"] / "metrics.jsonl").read_text().splitlines()
    last = json.loads(curve[-1])["val/accuracy"]
    assert best["epoch"] < 9  # else there is nothing to tell
    assert (
        "the final model trains on all rows outside the test set, for all 9 epochs, since only "
        f"the last epoch of schedule cosine is final; val/accuracy was {last:.4g} there, and "
        f"{best['value']:.4g} at epoch {best['epoch']}\n"
    ) in found.out
    assert "final model: 142 rows, 9 epochs" in found.out
    page = next(Path("runs/sweeps").glob("*/report.html")).read_text()
    assert "since only the last epoch of schedule cosine is final" in page


def test_json_is_one_answer(cli: Cli) -> None:
    found = json.loads(cli("tune", *WINE, *SPACE, "tune.trials=1", "--train-best", "--json").out)
    assert found["counts"]["done"] == 1
    assert set(found["trained"]["scores"]) >= {"test/accuracy"}


@pytest.mark.slow
def test_more_trials_go_on_with_the_same_study(cli: Cli) -> None:
    cli("tune", *WINE, *SPACE, "tune.trials=2")
    before = values(outcome())
    found = cli("tune", *WINE, *SPACE, "tune.trials=4")
    assert "2 of 4 trials are already done" in found.out
    assert values(outcome())[:2] == before
    assert len(values(outcome())) == 4
    cli("tune", *WINE, *SPACE, "tune.trials=4", "run.root=at_once")
    assert values(outcome("at_once")) == values(outcome())


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_if_it_had_not_been(cli: Cli, here: Path) -> None:
    arguments = ["tune", *WINE[:2], "trainer.epochs=12", *SPACE, "tune.trials=5"]
    arguments += ["tune.pruner=median", "tune.warmup=1"]
    assert cli(*arguments, "run.root=whole").code == 0
    with Process(arguments) as process:
        process.until("[2/5]")
        process.send_signal(signal.SIGKILL)

    again = cli(*arguments)

    assert again.code == 0
    assert re.search(r"^[23] of 5 trials are already done$", again.out, re.MULTILINE)
    assert values(outcome()) == values(outcome("whole"))
    assert [t["trial"] for t in outcome()["trials"]] == list(range(5))
    assert len(list(Path("runs/wine").iterdir())) == 5


def test_trials_behind_the_others_are_given_up(cli: Cli) -> None:
    rates = "optimizer.lr=choice(0.05,0.04,0.03,0.02,0.06,1e-7)"
    asked = ["tune.sampler=grid", "tune.pruner=median", "tune.warmup=1"]
    found = cli("tune", *WINE[:2], "trainer.epochs=8", rates, *asked)
    assert found.code == 0
    assert "5 done, 1 pruned" in found.out
    given_up = outcome()["trials"][5]
    assert (given_up["state"], given_up["changed"]) == ("pruned", {"optimizer.lr": 1e-7})
    run = Path("runs") / given_up["run"]
    status = json.loads((run / "status.json").read_text())
    assert status["state"] == "pruned"
    assert "is worse than that of the others" in status["reason"]
    assert len((run / "metrics.jsonl").read_text().splitlines()) < 8


@pytest.mark.slow
def test_an_error_that_is_to_be_small_is_pruned_by_itself(cli: Cli) -> None:
    rates = "optimizer.lr=choice(0.05,0.04,0.03,0.02,0.06,1e-7)"
    asked = ["tune.sampler=grid", "tune.pruner=median", "tune.warmup=1"]
    cli("tune", *WINE[:2], "trainer.epochs=8", rates, *asked, "tune.objectives=[val/loss]")
    told = outcome()
    assert [t["state"] for t in told["trials"]] == ["done"] * 5 + ["pruned"]
    assert (told["score"], told["direction"]) == ("val/loss", "min")
    best = min(told["points"][:5], key=lambda point: point["values"]["val/loss"])
    assert told["best"]["point"] == best["point"]
    assert best["value"] == best["values"]["val/loss"]


def test_a_typed_key_is_not_searched(cli: Cli) -> None:
    found = cli("tune", *WINE, *SPACE, "search.optimizer.lr=null", "optimizer.lr=0.02", "--dry-run")
    assert found.code == 0
    assert "optimizer.lr: log" not in found.out
    both = ["search.optimizer.lr={log:[0.001,0.1]}", "search.model.l2={uniform:[0,0.1]}"]
    found = cli("tune", *WINE, *both, "optimizer.lr=0.02", "--dry-run")
    assert "note: optimizer.lr: set on the command line, so it is not searched" in found.out
    assert "optimizer.lr: log" not in found.out


def test_a_study_is_of_one_search(cli: Cli) -> None:
    cli("tune", *WINE, *SPACE, "tune.trials=1", "tune.name=mine")
    found = cli("tune", *WINE, "optimizer.lr=0.1,0.2", "tune.trials=2", "tune.name=mine")
    assert found.code == 2
    assert "the study `mine` belongs to another search" in found.err


def test_values_that_cannot_go_together_cost_one_trial(cli: Cli) -> None:
    space = ["trainer.batch_size=8,4", "trainer.accumulate=1,8", "tune.sampler=grid"]
    found = cli("tune", *WINE, *space)
    assert found.code == 0
    assert "3 done, 1 failed" in found.out
    assert "`trainer.accumulate` is 8, more than the 4 samples" in found.out


@pytest.mark.slow
def test_folds_are_given_up_too(cli: Cli) -> None:
    rates = "optimizer.lr=choice(0.05,0.04,0.03,0.02,0.06,1e-7)"
    asked = ["tune.sampler=grid", "tune.pruner=median", "tune.warmup=1", "trainer.epochs=4"]
    folds = ["protocol=kfold", "protocol.k=4"]
    assert cli("tune", *WINE[:2], *folds, rates, *asked).code == 0
    given_up = outcome()["trials"][5]
    assert given_up["state"] == "pruned"
    assert len(list((Path("runs") / given_up["run"] / "folds").iterdir())) < 4
    assert outcome()["points"][0]["interval_of"] == "folds"


def test_several_objectives_give_a_front(cli: Cli) -> None:
    asked = ["model.units=[2],[16],[64]", "tune.sampler=grid"]
    found = cli("tune", *WINE, *asked, "tune.objectives=[val/loss,parameters]")
    assert found.code == 0
    told = outcome()
    assert [goal["direction"] for goal in told["objectives"]] == ["min", "min"]
    points = {point["point"]: point["values"] for point in told["points"]}
    for number in told["front"]:
        assert not any(
            other["val/loss"] < points[number]["val/loss"]
            and other["parameters"] < points[number]["parameters"]
            for other in points.values()
        )
    assert 0 in told["front"]  # the smallest network
    assert "the Pareto front" in found.out


def test_a_grid_ends_when_it_is_exhausted(cli: Cli) -> None:
    found = cli("tune", *WINE, "optimizer.lr=0.1,0.01", "model.units=[4],[8]", "tune.sampler=grid")
    assert found.code == 0
    tried = [tuple(map(str, t["changed"].values())) for t in outcome()["trials"]]
    assert tried == [("0.1", "[4]"), ("0.1", "[8]"), ("0.01", "[4]"), ("0.01", "[8]")]


def test_failures_count_as_tried_and_are_told(cli: Cli) -> None:
    found = cli("tune", *WINE, "optimizer.lr=0.01,1e30", "tune.sampler=grid")
    assert found.code == 0
    assert "1 done, 1 failed" in found.out
    assert "  optimizer.lr=1e+30: the training loss is not a number" in found.out


class TestNothingRuns:
    def test_a_dry_run_shows_the_space(self, cli: Cli, here: Path) -> None:
        found = cli("tune", "task=digits", "--dry-run")
        assert found.code == 0
        assert "  model.dropout: choice 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6" in found.out
        assert list(here.iterdir()) == []

    @pytest.mark.parametrize(
        "storage", ["jurnal", "sqlite:////nowhere/at/all.sqlite", "postgresql://me@127.0.0.1:1/x"]
    )
    def test_a_dry_run_tries_the_storage(self, cli: Cli, here: Path, storage: str) -> None:
        found = cli("tune", *WINE, f"tune.storage={storage}", "--dry-run")
        assert (found.code, found.out) == (2, "")
        assert f"  where: tune.storage={storage}\n" in found.err
        assert list(here.iterdir()) == []

    def test_a_dry_run_makes_no_storage(self, cli: Cli, here: Path) -> None:
        assert cli("tune", *WINE, "tune.storage=sqlite:///x.sqlite", "--dry-run").code == 0
        assert list(here.iterdir()) == []

    @pytest.mark.parametrize(
        ("argument", "err"),
        [
            ("jobs=x", "error: `jobs` is 'x' (text)\n  where: command line: jobs=x\n"),
            (
                "optimizer.lr=interval(3,1)",
                "error: search: `optimizer.lr`: the low end 3 is not below the high end 1\n"
                "  where: command line: optimizer.lr=interval(3,1)\n",
            ),
        ],
    )
    def test_what_was_typed_is_named(self, cli: Cli, argument: str, err: str) -> None:
        found = cli("tune", *WINE, argument, "--dry-run")
        assert found.code == 2
        assert found.err.startswith(err)

    @pytest.mark.parametrize(
        ("arguments", "code", "err"),
        [
            (["test=true"], 4, "error: a search never uses the test set"),
            (
                ["tune.objectives=[test/accuracy]"],
                4,
                "error: `test/accuracy` cannot be an objective",
            ),
            (["seed=1,2"], 2, "error: search: `seed` cannot be searched: the best of several"),
            (["tune.objectives=[val/acc]"], 2, "error: there is no objective `val/acc`\n"),
            (["optimizer.lr=0,1"], 2, "error: `optimizer.lr` is 0\n  where: search: optimizer.lr"),
            (["optimizer.lrr=0.1,1"], 2, "error: search: unknown key `optimizer.lrr`\n"),
            (
                ["tune.sampler=grid", "search.optimizer.lr={log:[1,2]}"],
                2,
                "error: sampler grid needs choices, but `optimizer.lr` is log\n",
            ),
            (["optimizer.lr=tag(lgo,interval(0.1,1))"], 2, "error: there is no tag `lgo`\n"),
            (
                ["search.trainer.batch_size={uniform:[1,5]}"],
                2,
                "error: `trainer.batch_size` is 2.2",
            ),
            (["seeds=3"], 2, "error: a search trains each setting with one seed\n"),
            (["where=seed < 1"], 2, "error: where and zip() are for dlx train -m"),
            (["hydra/launcher=submitit_local"], 2, "error: a search runs in processes of its own"),
            (["protocol=test_as_validation"], 4, "error: settings would be compared on the test"),
            (["protocol=train_test"], 2, "error: protocol train_test has no validation set"),
            (
                ["tune.objectives=[val/loss,seconds]", "tune.pruner=median"],
                2,
                "error: trials are pruned by a single score, but the search has other or several",
            ),
            (["tune.sampler=cmaes", "jobs=2"], 2, "error: cmaes chooses each setting from the"),
            (["tune.sampler=cmaes", "seed=0", "model.units=[4],[8]"], 2, "error: cmaes searches"),
            (["tune.name=a/b"], 2, "error: `a/b` is not a valid folder name\n"),
            (
                ["tune.storage=postgresql://me:hunter2@127.0.0.1:1/x"],
                2,
                "error: `tune.storage` contains a password, and configs are saved\n",
            ),
            (["tune.storage=postgresql://me@127.0.0.1:1/x"], 2, "error: the storage cannot"),
        ],
    )
    def test_mistakes(
        self, cli: Cli, here: Path, arguments: list[str], code: int, err: str
    ) -> None:
        found = cli("tune", *WINE, *arguments, "--quiet")
        assert (found.code, found.out) == (code, "")
        assert found.err.startswith(err)
        assert "hunter2" not in found.err
        assert list(here.rglob("status.json")) == []


def test_a_space_of_the_tasks_file_and_a_note_where_it_leaves_the_task_out(
    cli: Cli, here: Path
) -> None:
    file = here / "configs" / "task" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "dataset: {name: wine}\n"
        "targets: {cultivar: {problem: multiclass}}\n"
        "search:\n  optimizer.lr: {log: [0.1, 1.0]}\n  trainer.batch_size: {int: [8, 64]}\n"
    )
    found = cli("tune", "task=mine", "--dry-run")
    lines = found.out.splitlines()
    assert "note: the task's optimizer.lr=0.001, trainer.batch_size=128 is outside" in lines[1]
    assert lines[2:4] == ["  optimizer.lr: log 0.1 to 1.0", "  trainer.batch_size: int 8 to 64"]
