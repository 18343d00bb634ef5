"""`dlx tasks`: what can be trained, whatever lies in the user's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.config.paths import find_shipped

Cli = Callable[..., Any]
NAMES = sorted(file.stem for file in (find_shipped("configs") / "task").glob("*.yaml"))
TITLES = ["task", "problem", "dataset", "rows", "data", "time", "result", "description"]


def rows(out: str) -> dict[str, str]:
    """Name -> line, of the printed table."""
    lines = out.split("\n\n")[0].splitlines()
    assert [title for title in TITLES if title in lines[0]] == TITLES
    return {line.split(" ")[0]: line for line in lines[1:]}


def test_the_table(cli: Cli) -> None:
    answer = cli("tasks")
    assert (answer.code, answer.err) == (0, "")
    found = rows(answer.out)
    assert list(found) == NAMES
    assert "multiclass, single-label classification  digits" in found["digits"]
    assert "embedded" in found["digits"]
    assert "missing" in found["mnist"]
    assert "60,000 + 10,000" in found["mnist"]
    assert answer.out.endswith(
        "\ntrain one with: dlx train task=NAME          for example: dlx train task=digits\n"
        "without its data: dlx data fetch DATASET, or dlx train task=NAME dataset.sample=true\n"
    )


def test_as_json(cli: Cli) -> None:
    found = json.loads(cli("tasks", "--json").out)
    assert [task["task"] for task in found] == NAMES
    assert found[NAMES.index("wine")] == {
        "task": "wine",
        "title": "cultivar of a wine, 13 measurements",
        "problem": "multiclass, single-label classification",
        "dataset": "wine",
        "rows": "178",
        "state": "embedded",
        "time": "5 s",
        "result": found[NAMES.index("wine")]["result"],
        "command": "dlx train task=wine",
    }
    assert all(task["result"] and task["time"] for task in found)
    states = {task["task"]: task["state"] for task in found}
    assert (states["textgen"], states["nietzsche"]) == ("embedded", "missing")  # same dataset
    assert (states["style"], states["images"]) == ("embedded", "your own")


@pytest.mark.parametrize("flag", ["--config-dir", "-cd"])
def test_own_tasks_come_first_and_hide_dlxs(cli: Cli, here: Path, flag: str) -> None:
    for folder, names in [("configs", ["mine", "wine"]), ("more", ["other", "mine"])]:
        (here / folder / "task").mkdir(parents=True)
        for name in names:
            text = f"about: {{title: of {folder}}}\ntargets: {{a: {{problem: binary}}}}\n"
            (here / folder / "task" / f"{name}.yaml").write_text(text)
    found = rows(cli("tasks", flag, "more").out)
    assert list(found)[:3] == ["mine", "wine", "other"]
    assert found["mine"].endswith("of configs")
    assert found["wine"].endswith("of configs")
    assert found["other"].endswith("of more")
    assert "binary classification" in found["mine"]


def test_a_task_without_targets_is_listed_by_its_learner(cli: Cli, here: Path) -> None:
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "mine.yaml").write_text("learner: {name: made_up}\n")

    assert rows(cli("tasks").out)["mine"].split()[1] == "made_up"


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
UNREAD = "cannot be read: dlx config task=mine says why"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("", "mine"),
        ("hello", UNREAD),
        ("seed: [", UNREAD),
        ("[" * 10_000, UNREAD),
        (f"{BOMB}about: {{title: *a39}}\n", UNREAD),
        ("x: !!python/object/apply:os.system [touch pwned]\n", UNREAD),
        ("about: {time: 2020-13-45}\n", UNREAD),
        ("about: 3\ndataset: []\ntargets: x\n", "mine"),
        ("about: {title: [a]}\ntargets: {a: {problem: [b]}, c: 3}\ndataset: {name: {}}\n", "['a']"),
        ("defaults: [mnist]\n", "mine"),
    ],
    ids=["empty", "text", "syntax", "deep", "bomb", "tag", "date", "types", "more", "defaults"],
)
def test_a_file_of_any_kind_is_listed(cli: Cli, here: Path, text: str, last: str) -> None:
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "mine.yaml").write_text(text)
    answer = cli("tasks")
    assert (answer.code, answer.err) == (0, "")
    found = rows(answer.out)
    assert list(found) == ["mine", *NAMES]
    assert found["mine"].endswith(last)
    assert os.listdir(here) == ["configs"]


def test_what_is_no_file_is_listed_as_unreadable_and_not_waited_for(cli: Cli, here: Path) -> None:
    folder = here / "configs" / "task"
    (folder / "a.yaml").mkdir(parents=True)
    os.mkfifo(folder / "b.yaml")
    (folder / "c.yaml").symlink_to("nowhere")
    (folder / "a name.yaml").write_text("seed: 1\n")
    found = rows(cli("tasks").out)
    assert list(found) == ["a", "b", "c", *NAMES]
    assert all("cannot be read" in found[name] for name in "abc")


def test_config_dir_that_is_no_folder(cli: Cli) -> None:
    answer = cli("tasks", "--config-dir", "nowhere")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: --config-dir nowhere is not a folder\n")
