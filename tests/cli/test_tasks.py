"""`dlx tasks`: what can be trained, whatever lies in the user's folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.config import extras
from dlx.config.branches import BRANCHES
from dlx.config.paths import find_shipped

Cli = Callable[..., Any]
NAMES = sorted(file.stem for file in (find_shipped("configs") / "task").glob("*.yaml"))
TITLES = ["task", "data", "time", "description"]
LONG = ["task", "dataset", "rows", "data", "time", "result", "description"]
WIDEST = 120
"""Characters of a line of the table."""


def groups(out: str, titles: list[str] = TITLES) -> dict[str, dict[str, str]]:
    """Heading -> name -> line, of the printed table."""
    head, *blocks = out.split("\n\n")[:-1]
    assert re.split("  +", head) == titles
    found = {}
    for heading, *lines in map(str.splitlines, blocks):
        found[heading] = {line.split(" ")[0]: line for line in lines}
    return found


def rows(out: str, titles: list[str] = TITLES) -> dict[str, str]:
    """Name -> line, of the printed table."""
    return {name: line for group in groups(out, titles).values() for name, line in group.items()}


def test_the_table(cli: Cli) -> None:
    answer = cli("tasks")
    assert (answer.code, answer.err) == (0, "")
    assert sorted(rows(answer.out)) == NAMES
    assert max(map(len, answer.out.splitlines())) <= WIDEST
    found = groups(answer.out)
    assert list(found)[:2] == [
        "supervised: binary classification",
        "supervised: multiclass, single-label classification",
    ]
    digits = found["supervised: multiclass, single-label classification"]["digits"]
    assert re.split("  +", digits)[1:] == [
        "embedded",
        "6 s",
        "handwritten digits, 8 x 8, from scikit-learn",
    ]
    assert re.split("  +", rows(answer.out)["mnist"])[1:3] == ["missing", "25 s"]
    assert "digits_vae" in found["self-supervised: autoencoding"]
    assert "imdb_word_vectors" in found["self-supervised: word vectors"]
    assert list(found["generative: style transfer"]) == ["style", "style_vgg19"]
    assert answer.out.endswith(
        "\ntrain one with: dlx train task=NAME          for example: dlx train task=digits\n"
        "without its data: dlx data fetch DATASET, or dlx train task=NAME dataset.sample=true\n"
        "more: dlx tasks --long, dlx tasks WORD, dlx help branches\n"
    )


def test_the_table_has_every_column_where_it_is_asked_for(cli: Cli) -> None:
    found = rows(cli("tasks", "--long").out, LONG)
    assert sorted(found) == NAMES
    told = ["mnist", "60,000 + 10,000", "missing", "25 s; convnet 100 s"]
    assert re.split("  +", found["mnist"])[1:5] == told
    assert cli("tasks", "-l").out == cli("tasks", "--long").out


def test_an_extra_that_is_not_installed_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda package: package != "gymnasium")
    answer = cli("tasks", "reinforcement")
    found = rows(answer.out)
    assert re.split("  +", found["cartpole"])[1] == "dlx[rl]"
    assert re.split("  +", found["gridworld"])[1] != "dlx[rl]"
    assert "\nwithout dlx[rl]: pip install 'dlx[rl]'\n" in answer.out
    monkeypatch.undo()
    assert "dlx[rl]" not in cli("tasks", "gridworld").out


def test_branches_are_in_the_books_order(cli: Cli) -> None:
    of_groups = [heading.partition(":")[0] for heading in groups(cli("tasks").out)]
    assert list(dict.fromkeys(of_groups)) == [one for one in BRANCHES if one in of_groups]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["supervised"], lambda task: task["branch"] == "supervised"),
        (["super"], lambda task: "super" in task["branch"]),
        (["MNIST"], lambda task: "mnist" in task["task"]),
        (["generative", "mnist"], lambda t: t["branch"] == "generative" and "mnist" in t["task"]),
        (["word_vectors"], lambda task: "word_vectors" in task["task"]),
        (["scalar"], lambda task: task["problem"] == "scalar regression"),
        (["picture_pair"], lambda task: task["dataset"] == "picture_pair"),
    ],
    ids=lambda one: "" if callable(one) else " ".join(one),
)
def test_words_select(cli: Cli, words: list[str], wanted: Callable[..., bool]) -> None:
    every = json.loads(cli("tasks", "--json").out)
    found = json.loads(cli("tasks", *words, "--json").out)
    assert found == [task for task in every if wanted(task)] != []
    shown = cli("tasks", *words).out
    assert sorted(rows(shown)) == [task["task"] for task in found]
    example = re.search("for example: dlx train task=(.*)", shown)
    assert example is not None
    assert example[1] in [task["task"] for task in found]


def test_the_example_is_where_a_branch_begins(cli: Cli) -> None:
    assert "for example: dlx train task=gridworld\n" in cli("tasks", "reinforcement").out
    assert "for example: dlx train task=imdb\n" in cli("tasks", "imdb", "word").out


def test_words_that_no_task_has(cli: Cli) -> None:
    branches = ", ".join(dict.fromkeys(t["branch"] for t in json.loads(cli("tasks", "--json").out)))
    for word, hint in (("xyzzy", "dlx tasks"), ("mnsit", "dlx tasks mnist")):
        assert cli("tasks", word).err == (
            f"error: there is no task of `{word}`\n  where: command line\n"
            "  accepted: "
            f"{branches}, or a part of a name, problem, dataset or description\n  try: {hint}\n"
        )
    assert cli("tasks", "mnist", "imdb").code == 2


def test_as_json(cli: Cli) -> None:
    found = json.loads(cli("tasks", "--json").out)
    assert [task["task"] for task in found] == NAMES
    assert found[NAMES.index("wine")] == {
        "task": "wine",
        "title": "cultivar of a wine, 13 measurements",
        "branch": "supervised",
        "problem": "multiclass, single-label classification",
        "learner": "supervised",
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
    vae = found[NAMES.index("digits_vae")]
    told = ("self-supervised", "autoencoding", "vae")
    assert (vae["branch"], vae["problem"], vae["learner"]) == told
    assert "other" not in {task["branch"] for task in found}


@pytest.mark.parametrize("flag", ["--config-dir", "-cd"])
def test_own_tasks_come_first_and_hide_dlxs(cli: Cli, here: Path, flag: str) -> None:
    for folder, names in [("configs", ["mine", "wine"]), ("more", ["other", "mine"])]:
        (here / folder / "task").mkdir(parents=True)
        for name in names:
            text = f"about: {{title: of {folder}}}\ntargets: {{a: {{problem: binary}}}}\n"
            (here / folder / "task" / f"{name}.yaml").write_text(text)
    told = groups(cli("tasks", flag, "more").out)
    found = told["supervised: binary classification"]
    assert list(found)[:3] == ["mine", "wine", "other"]
    assert found["mine"].endswith("of configs")
    assert found["wine"].endswith("of configs")
    assert found["other"].endswith("of more")


def test_a_task_without_targets_is_listed_by_its_learner(cli: Cli, here: Path) -> None:
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "mine.yaml").write_text("learner: {name: made_up}\n")

    assert list(groups(cli("tasks").out)["other: made_up"]) == ["mine"]


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
    assert sorted(found) == sorted(["mine", *NAMES])
    assert found["mine"].endswith(last)
    assert os.listdir(here) == ["configs"]


def test_what_is_no_file_is_listed_as_unreadable_and_not_waited_for(cli: Cli, here: Path) -> None:
    folder = here / "configs" / "task"
    (folder / "a.yaml").mkdir(parents=True)
    os.mkfifo(folder / "b.yaml")
    (folder / "c.yaml").symlink_to("nowhere")
    (folder / "a name.yaml").write_text("seed: 1\n")
    found = rows(cli("tasks").out)
    assert sorted(found) == sorted(["a", "b", "c", *NAMES])
    assert all("cannot be read" in found[name] for name in "abc")


def test_config_dir_that_is_no_folder(cli: Cli) -> None:
    answer = cli("tasks", "--config-dir", "nowhere")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: --config-dir nowhere is not a folder\n")
