"""The flags of `dlx train` that train nothing: Hydra's own, those that are refused, sweeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.config.load import load
from dlx.config.paths import find_shipped, search_path
from dlx.config.ranges import expand_sweep

Cli = Callable[..., Any]


def test_without_a_task_the_tasks_are_listed(cli: Cli, here: Path) -> None:
    for arguments in ((), ("--quiet",), ("-m",)):
        answer = cli("train", *arguments)
        assert (answer.code, answer.err) == (2, "")
        assert answer.out == cli("tasks").out
    assert list(here.iterdir()) == []


def test_without_a_task_but_with_a_value_it_is_asked_for(cli: Cli) -> None:
    answer = cli("train", "seed=1")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: no task is given\n")


@pytest.mark.parametrize("typo", ["optimiser.lr=0.01", "trainer.epoch=4", "dataset.nme=x"])
def test_a_typo_writes_nothing(cli: Cli, here: Path, typo: str) -> None:
    answer = cli("train", "task=digits", typo)
    assert (answer.code, answer.out) == (2, "")
    assert f"  where: command line: {typo}\n" in answer.err
    assert list(here.iterdir()) == []


class TestCfg:
    def test_job(self, cli: Cli, here: Path) -> None:
        for flag in (["--cfg", "job"], ["-c", "job"], ["--cfg=job"]):
            answer = cli("train", "task=digits", "seed=3", *flag)
            assert (answer.code, answer.err) == (0, "")
            assert yaml.safe_load(answer.out) == load(["task=digits", "seed=3"]).plain()
        assert list(here.iterdir()) == []

    def test_package(self, cli: Cli) -> None:
        answer = cli("train", "task=digits", "--cfg", "job", "--package", "optimizer")
        assert yaml.safe_load(answer.out) == load(["task=digits"]).plain()["optimizer"]
        assert cli("train", "task=digits", "--cfg", "job", "-p", "seed").out == "0\n"

    def test_resolve(self, cli: Cli) -> None:
        command = [
            "train",
            "task=digits",
            "seed=${trainer.accumulate}",
            "--cfg",
            "job",
            "-p",
            "seed",
        ]
        assert cli(*command).out == "${trainer.accumulate}\n"
        assert cli(*command, "--resolve").out == "1\n"

    def test_what_comes_from_the_environment_is_not_shown(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SECRET", "hunter2")
        command = ["train", "task=digits", "run.root=${oc.env:SECRET}", "--cfg", "job"]
        for more in ([], ["--resolve"]):
            assert "hunter2" not in cli(*command, *more).out

    @pytest.mark.parametrize("flag", [["--package", "trainer"], ["--resolve"], ["-p", "x"]])
    def test_flags_that_go_with_it_only(self, cli: Cli, here: Path, flag: list[str]) -> None:
        answer = cli("train", "task=digits", *flag)
        assert answer.code == 2
        assert answer.err == (
            "error: --package and --resolve go with --cfg job\n  where: command line\n"
        )
        assert list(here.iterdir()) == []

    @pytest.mark.parametrize("choice", ["hydra", "all"])
    def test_hydras_own_config_is_not_shown(self, cli: Cli, choice: str) -> None:
        answer = cli("train", "task=digits", "--cfg", choice)
        assert (answer.code, answer.out) == (2, "")


class TestInfo:
    def test_all(self, cli: Cli, here: Path) -> None:
        (here / "configs" / "task").mkdir(parents=True)
        answer = cli("train", "task=digits", "optimizer=adam", "seed=1", "--info")
        plain = load(["task=digits", "optimizer=adam", "seed=1"]).plain()
        head = (
            "search path (the first match wins):\n"
            f"  {here / 'configs'}\n"
            f"  {find_shipped('configs')}\n"
            "layers (the last one wins):\n"
            "  dlx:configs/dlx.yaml\n"
            "  dlx:configs/task/digits.yaml\n"
            "  dlx:configs/optimizer/adam.yaml\n"
            "  command line: seed=1\n"
        )
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.startswith(head)
        assert yaml.safe_load(answer.out.removeprefix(head)) == plain

    def test_parts(self, cli: Cli) -> None:
        parts = [
            cli("train", "task=digits", "-i", p).out for p in ("searchpath", "defaults", "config")
        ]
        assert "".join(parts) == cli("train", "task=digits", "--info").out

    def test_the_search_path_needs_no_task(self, cli: Cli, here: Path) -> None:
        (here / "more").mkdir()
        answer = cli("train", "--info", "searchpath", "--config-dir", "more")
        assert answer.code == 0
        assert answer.out.splitlines()[1:] == [f"  {here / 'more'}", f"  {find_shipped('configs')}"]


REFUSED = {
    "--experimental-rerun": "it unpickles a file; instead, train again from the run's config",
    "--hydra-help": "`dlx help KEY` shows dlx's keys",
    "--config-name": "the primary config is part of dlx; choose a task with task=NAME",
    "-cn": "the primary config is part of dlx; choose a task with task=NAME",
    "--config-path": "name your own folder with --config-dir",
    "-cp": "name your own folder with --config-dir",
    "--shell-completion": "`dlx completion bash` prints the script",
    "-sc": "`dlx completion bash` prints the script",
}


@pytest.mark.parametrize("verb", ["train", "config", "summary"])
@pytest.mark.parametrize("flag", REFUSED)
def test_flags_that_run_code_or_have_no_use_are_refused(
    cli: Cli, here: Path, verb: str, flag: str
) -> None:
    for more in ([], ["x"]):
        answer = cli(verb, "task=digits", flag, *more)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err == (
            f"error: {flag} is refused: {REFUSED[flag]}\n  where: command line: {flag}\n"
        )
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("flag", [["--dry-run"], ["--fail-fast"], ["--retries", "2"]])
def test_flags_of_sweeps_are_refused_elsewhere(cli: Cli, here: Path, flag: list[str]) -> None:
    answer = cli("train", "task=digits", *flag)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: {flag[0]} is for sweeps, but this command trains once\n")
    assert list(here.iterdir()) == []


class TestSweeps:
    def test_the_last_argument_varies_fastest(self, here: Path) -> None:
        found = expand_sweep(["task=digits", "seed=1,2", "model=mlp,convnet"], search_path(None))
        assert found.trials == [
            ["task=digits", "seed=1", "model=mlp"],
            ["task=digits", "seed=1", "model=convnet"],
            ["task=digits", "seed=2", "model=mlp"],
            ["task=digits", "seed=2", "model=convnet"],
        ]
        assert (found.keys, found.problems) == (["seed", "model"], [])

    def test_coupled_keys_go_together(self, here: Path) -> None:
        arguments = ["task=digits", "seed=1,2", "optimizer.lr=1,2", "trainer.epochs=3,4"]
        found = expand_sweep(arguments, search_path(None), [["seed", "trainer.epochs"]])
        assert found.trials == [
            ["task=digits", "seed=1", "optimizer.lr=1", "trainer.epochs=3"],
            ["task=digits", "seed=1", "optimizer.lr=2", "trainer.epochs=3"],
            ["task=digits", "seed=2", "optimizer.lr=1", "trainer.epochs=4"],
            ["task=digits", "seed=2", "optimizer.lr=2", "trainer.epochs=4"],
        ]

    @pytest.mark.parametrize(
        ("coupled", "what"),
        [
            (["seed", "optimizer.lr"], "zip() pairs `optimizer.lr`, but no argument gives"),
            (["seed"], "zip() takes two or more different keys"),
            (["seed", "trainer.epochs"], "different numbers of values: seed has 2, trainer.epochs"),
        ],
    )
    def test_keys_that_cannot_be_coupled(self, here: Path, coupled: list[str], what: str) -> None:
        arguments = ["task=digits", "seed=1,2", "trainer.epochs=3,4,5"]
        found = expand_sweep(arguments, search_path(None), [coupled])
        assert what in found.problems[0].what
        assert found.problems[0].where == f"command line: zip({','.join(coupled)})"

    @pytest.mark.parametrize(
        ("argument", "expected"),
        [
            ("seed=3", ["seed=3"]),
            ("seed=choice(1,2)", ["seed=1", "seed=2"]),
            ("seed=range(1,4)", ["seed=1", "seed=2", "seed=3"]),
            ("model.units=[32],[64,64]", ["model.units=[32]", "model.units=[64,64]"]),
            ("model=glob(*p)", ["model=mlp"]),
            ("model=glob([m*,la*])", ["model=layers", "model=mlp"]),
            ("trainer.clip_norm=null,1", ["trainer.clip_norm=null", "trainer.clip_norm=1"]),
            ("optimizer={name:sgd},{name:adam}", ["optimizer={name:sgd}", "optimizer={name:adam}"]),
            ("about.title='a,b','c'", ["about.title='a,b'", "about.title='c'"]),
        ],
    )
    def test_values(self, here: Path, argument: str, expected: list[str]) -> None:
        found = expand_sweep(["task=mnist", argument], search_path(None))
        assert found.problems == []
        assert found.trials == [["task=mnist", value] for value in expected]
        assert all(load(trial).config.task == "mnist" for trial in found.trials)

    @pytest.mark.parametrize(
        ("arguments", "err"),
        [
            (
                ["optimizer.lr=interval(0,1)"],
                "error: interval() has infinitely many values\n"
                "  where: command line: optimizer.lr=interval(0,1)\n"
                "  accepted: values, choice(...) or range(...)\n",
            ),
            (
                ["optimizer.lr=1,x"],
                "error: `optimizer.lr` is 'x' (text)\n"
                "  where: command line: optimizer.lr=x\n  accepted: a number > 0\n",
            ),
            (
                ["seed=range(0,1000000000000)"],
                "error: more than 10,000 trials\n  where: command line\n  accepted: fewer values\n",
            ),
            (
                ["seed=range(0,200)", "trainer.epochs=range(1,200)"],
                "error: more than 10,000 trials\n  where: command line\n  accepted: fewer values\n",
            ),
            (["optimiser=adam,sgd"], "error: unknown key `optimiser`\n"),
            (["model=mlp,x"], "error: there is no model `x`\n  where: command line: model=x\n"),
        ],
        ids=lambda x: " ".join(x) if isinstance(x, list) else "",
    )
    def test_mistakes_are_told_before_anything_is_trained(
        self, cli: Cli, here: Path, arguments: list[str], err: str
    ) -> None:
        answer = cli("train", "-m", "task=digits", *arguments)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith(err)
        assert list(here.iterdir()) == []
