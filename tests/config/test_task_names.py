"""Tasks in sub-folders go everywhere; names that cannot be chosen are told with what to do."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.completion import words
from dlx.config.load import load

Cli = Callable[..., Any]
Told = Callable[..., str]
Write = Callable[[str, str], Path]
TASK = "defaults: [/task/wine, _self_]\n"
SMALL = ("dataset.sample=true", "trainer.threads=1", "trainer.epochs=1")


def answer(cli: Cli, *arguments: str) -> Any:
    found = cli(*arguments, "--json")
    assert found.code == 0, found.out
    return json.loads(found.out)


def test_a_task_in_a_sub_folder_goes_through_everything(
    cli: Cli, write: Write, in_process: None
) -> None:
    write("task/course/week_1", TASK)
    task = "task=course/week_1"

    trained = answer(cli, "train", task, *SMALL)
    swept = answer(cli, "train", "-m", task, *SMALL, "optimizer.lr=0.1,0.2")
    search = ("tune.trials=1", "tune.sampler=random", "search={optimizer.lr: {choice: [0.1]}}")
    tuned = answer(cli, "tune", task, *SMALL, *search)
    walked = answer(cli, "workflow", task, *SMALL, "workflow.until=2")

    every = answer(cli, "runs", task)
    assert [run["task"] for run in every] == ["course/week_1"] * len(every)
    names = {run["run"] for run in every}
    assert {trained["run"], walked["run"]} < names
    assert {trial["run"] for trial in swept["trials"]} < names
    assert {trial["run"] for trial in tuned["trials"]} < names
    assert all(Path("runs", name, "status.json").is_file() for name in names)
    assert answer(cli, "resume", trained["run"])["run"] == trained["run"]
    assert answer(cli, "reproduce", trained["run"])["identical"]
    assert answer(cli, "lock", trained["run"])["name"] == "course/week_1"
    assert answer(cli, "runs", "rm", walked["run"], "--yes")["deleted"] == [walked["run"]]


def test_it_is_listed_completed_and_suggested(cli: Cli, write: Write, told: Told) -> None:
    write("task/course/week_1", TASK)
    assert "course/week_1" in [task["task"] for task in answer(cli, "tasks")]
    assert words(["train", "task=cou"]) == ["task=course/week_1"]
    assert told("task=course/week_2").endswith("try: task=course/week_1")


@pytest.mark.parametrize("name", ["my task", "größe", "a+b", "x.yml", "-", "sub/my task"])
def test_a_name_that_cannot_be_chosen(cli: Cli, write: Write, told: Told, name: str) -> None:
    file = write(f"task/{name}", TASK)
    if name == "-":  # which can
        assert load([f"task={name}"]).config.task == name
        return
    if name.endswith(".yml"):
        file = file.rename(file.with_name(name.rpartition("/")[2]))

    asked = name.removesuffix(".yml")
    said = told(f"task='{asked}'")
    hint = said.rpartition("try: ")[2]
    assert said.startswith(f"configs/task/{name.removesuffix('.yml')}.y")
    assert "cannot be chosen: its name is not a valid config name\n" in said
    assert hint in cli("tasks").err
    assert name not in told("task=zzzzzz")  # it is not suggested

    subprocess.run(shlex.split(hint), check=True)
    (renamed,) = Path("configs/task").rglob("*.yaml")
    task = renamed.relative_to("configs/task").with_suffix("").as_posix()
    assert load([f"task={task}"]).config.task == task
