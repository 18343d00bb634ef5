"""Every command in the docs runs: here, on embedded or sample data, with two epochs."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_wine

from dlx.cli.main import VERBS, main
from dlx.config.extras import extras, is_installed
from dlx.config.specs import OPTIMIZERS
from dlx.experiments import read
from dlx.runs.folder import all_runs

TOP = Path(__file__).resolve().parent.parent
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").glob("*.md"))]
ACTING = ("gridworld", "cartpole", "acrobot", "mountain_car", "cartpole_dqn", "cartpole_reinforce")
"""Tasks in environments, which are as fast as they are short."""
AT_ONCE = ("_projection", "_anomalies", "_clusters")
"""Ends of the names of tasks whose learners find everything in one step."""
EMBEDDED = ("digits", "digit_pairs", "breast_cancer", "wine", "diabetes", "titanic")
"""Tasks whose data are here, and the one that a page makes of a table."""


def fences(language: str) -> list[tuple[str, str]]:
    """(page, block) of every fenced block in a language."""
    pattern = rf"^```{language}\n(.*?)^```"
    return [
        (page.name, block)
        for page in PAGES
        for block in re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    ]


def commands() -> list[str]:
    """Every `dlx ...` line of the shell blocks, and every one in running text, once."""
    lines = [
        line.split("#")[0].strip()
        for _, block in fences("sh")
        for part in block.splitlines()
        for line in part.split("&&")
    ]
    for page in PAGES:
        outside = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
        lines += re.findall(r"`(dlx [a-z-]+ [^`]+)`", outside)
    alone = re.compile(r"""(?:'[^']*'|"[^"]*"|(?! [|>] ).)*""")  # up to a pipe that is not quoted
    wanted = [alone.findall(line)[0] for line in lines if line.startswith("dlx ")]
    return list(dict.fromkeys(wanted))


IN_FULL = ("--train-best", "model.units=[32],[128]")
"""Sweeps and searches that have one of these words run; others are planned, and run if `slow`."""


OF_RUNS = (
    *("test", "report", "resume", "reproduce", "lock", "runs", "best", "compare", "diff"),
    *("ensemble", "generate", "predict", "export"),
)
"""Commands that ask for runs that are there."""


EARLIER = {
    "generate": ("task=textgen dataset.sample=true learner.network.units=8 learner.shown=10",),
    "task=deepdream_own": ("task=mnist model=convnet dataset.sample=true",),
    "boosting": ("task=wine baseline=boosting",),
    "learner.judge.run=last": ("task=mnist model=convnet dataset.sample=true",),
    "": ("task=wine", "task=wine optimizer.lr=0.01"),
}
"""What trained before a command that has a word: one that reads a text, pictures, or any two."""


ALONE = ("trainer.threads=1",)
"""Threads that wait for each other on a busy machine take ten times as long."""


def write_tasks(folder: Path) -> None:
    """The tasks that the pages name by their file, but those of plugins."""
    named = re.compile(r"`(configs/task/\w+\.yaml)`[^`]*:\n\n```yaml\n(.*?)^```", re.S | re.M)
    for page in PAGES:
        for file, text in named.findall(page.read_text(encoding="utf-8")):
            if "plugins:" not in text:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(text)


def write_wines(file: Path) -> None:
    """Some wines as a table without labels, which the pages call new.csv."""
    wines = load_wine()
    rows = [",".join(map(str, row)) for row in [wines.feature_names, *wines.data[::50]]]
    file.write_text("\n".join(rows) + "\n")


def write_passengers(file: Path) -> None:
    """Passengers of a made-up ship, as the table titanic.csv that the pages begin with."""
    lines = ["Survived,Pclass,Sex,Fare"]
    for row in range(60):
        sex, survived = ("female", "male")[row % 2], row % 5 < 2
        lines.append(f"{int(survived)},{1 + row % 3},{sex},{row * 7 % 50 / 4}")
    file.write_text("\n".join(lines) + "\n")


def is_planned_only(words: list[str]) -> bool:
    if words[:2] == ["experiments", "run"]:
        return "--dry-run" not in words
    several = words[0] == "tune" or "-m" in words
    return several and not any(word in words for word in IN_FULL)


def sampled(words: list[str]) -> list[str]:
    """The command on data that are here: sample data where the task has files, two epochs."""
    if words[0] == "workflow":
        few = ["trainer.epochs=3", "workflow.trials=1", "workflow.capacity_steps=1"]
        return [*words, *few, "protocol=holdout", "trainer.threads=1"]
    once = any(word.startswith("task=") and word.endswith(AT_ONCE) for word in words)
    epochs = "trainer.epochs=1" if once else "trainer.epochs=2"
    if words[0] == "tune":
        here = any(f"task={task}" in words for task in EMBEDDED) or "dataset.sample=true" in words
        return [*words, "tune.trials=2", epochs, *(() if here else ("dataset.sample=true",))]
    shows = words[:2] == ["data", "preview"]
    if not (shows or words[0] in ("train", "summary", "lr-find")) or "--info" in words:
        return words
    if any(word.startswith("experiment=") for word in words):
        return [*words, "trainer.epochs=2", "trainer.steps_per_epoch=4"]
    task = next(w.removeprefix("task=") for w in words if w.startswith("task="))
    if task not in EMBEDDED and "dataset.sample=true" not in words:
        words = [*words, "dataset.sample=true"]
    if words[0] != "train":
        return words
    if task in ACTING:
        few = ["learner.steps_per_epoch=64", "learner.test_episodes=2", "dataset.max_steps=20"]
        return [*words, "trainer.epochs=2", "learner.validation_episodes=2", *few]
    narrow = ["generator", "discriminator"] if task in ("frogs_gan", "mnist_gan") else []
    narrow = [f"learner.{network}={{name: mlp, units: [4]}}" for network in narrow]
    few = ["trainer.steps_per_epoch=2"] if task == "mnist_diffusion" else []
    few += ["protocol.k=2"] if task == "titanic" else []
    few += ["baseline=simple"] if task in ("yeast", "scene") else []  # not trees of each label
    return [*words, *ALONE, epochs, *narrow, *few]


@pytest.fixture(scope="module")
def runs_before(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[str]], Path]:
    """The `runs` that a command is typed beside; the same are trained once."""

    @cache
    def train(word: str) -> Path:
        folder = tmp_path_factory.mktemp("earlier")
        with pytest.MonkeyPatch.context() as there:
            there.chdir(folder)
            for one in EARLIER[word]:
                assert main(["train", *one.split(), *ALONE, "trainer.epochs=1", "--quiet"]) == 0
        return folder / "runs"

    return lambda words: train(next(word for word in EARLIER if word in (*words, "")))


def named(words: list[str]) -> list[str]:
    """The first two runs in place of the docs' 1704 and 1811."""
    names = dict(zip(("1704", "1811"), map(str, all_runs(Path("runs"))), strict=False))
    return [names.get(word, word) for word in words]


def test_the_docs_hold_commands() -> None:
    found = commands()
    assert len(found) > 20
    assert "dlx train task=digits" in found


SLOW = ("export",)
"""Commands that take seconds each."""


def marked() -> list[Any]:
    """The commands; of those that take long the tests are slow."""
    slow = (pytest.mark.slow,)
    return [pytest.param(one, marks=slow if one.split()[1] in SLOW else ()) for one in commands()]


@pytest.mark.parametrize("command", marked())
def test_command_runs(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runs_before: Callable[[list[str]], Path],
    in_process: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tasks(tmp_path)
    words = shlex.split(command)[1:]
    if words[:2] == ["data", "fetch"]:
        pytest.skip("downloads; tests/data/test_fetch.py fetches from a server on loopback")
    if re.search(r"KEY|DIR|NAME|FILE|HOST|RUN", command) or "my_" in command or "houses" in command:
        pytest.skip("a pattern, not a command; plugins have tests of their own")
    for name, component in extras().items():
        if f"callbacks={name}" in command and not all(map(is_installed, component.needs)):
            pytest.skip(f"{name} is not installed")
    if words[0] == "explain":
        pytest.skip("run below, of a network of pictures")
    if words[0] == "serve":
        pytest.skip("has no end: tests/use/test_serving.py starts one")
    if words[0] in OF_RUNS or any(word.endswith("run=last") for word in words):
        shutil.copytree(runs_before(words), "runs")
        words = named(words)
    if words[:2] == ["reproduce", "dlx.lock"]:
        assert main(["lock", "last"]) == 0
    write_wines(tmp_path / "new.csv")
    write_passengers(tmp_path / "titanic.csv")
    if "task=titanic" in words:
        assert main(["init", "titanic.csv", "--target", "Survived"]) == 0
    if words == ["resume", "last"]:
        words = [*words, "trainer.epochs=2"]  # else there is nothing to resume
    planned = ["--dry-run"] if is_planned_only(words) else []
    assert main([*sampled(words), *planned]) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in commands() if "dlx explain last" in one])
def test_what_a_network_sees_is_shown(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    monkeypatch.chdir(tmp_path)
    task = ["task=cats_vs_dogs", "dataset.sample=true", "dataset.size=48", "trainer.epochs=1"]
    if "--text" in command:
        task = ["task=imdb_raw", "dataset.sample=true", "trainer.epochs=1"]
    assert main(["train", *task, "trainer.threads=1", "--quiet"]) == 0
    picture = Image.fromarray(np.zeros((40, 30, 3), np.uint8))
    picture.save("cat.jpg", "JPEG")
    assert main(shlex.split(command)[1:]) == 0
    assert list(tmp_path.rglob("explain.html"))


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_sweeps_and_searches_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    words = shlex.split(command)[1:]
    if not is_planned_only(words) or "HOST" in command or words[0] == "experiments":
        pytest.skip("runs above, is a pattern, or needs real data")
    monkeypatch.chdir(tmp_path)
    write_tasks(tmp_path)
    assert main(sampled(words)) == 0


@pytest.mark.parametrize(("page", "block"), fences("yaml"))
def test_yaml_in_the_docs_is_a_config(
    page: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block, as a task of its own or laid over the task it could belong to, is accepted."""
    values = yaml.safe_load(re.sub(r"from_epoch: \d+", "from_epoch: 1", block))  # there is but one
    if "jobs" in values:
        steps = [step["run"] for step in values["jobs"]["reproduce"]["steps"] if "run" in step]
        assert {shlex.split(step)[1] for step in steps if step.startswith("dlx")} <= set(VERBS)
        return
    if "plugins" in values:
        pytest.skip("needs its plugin: tests/cli/test_own_dataset.py trains it")
    if "seeds" in values:
        (tmp_path / "claim.yaml").write_text(block)
        assert read(tmp_path / "claim.yaml").bars == values["bars"]
        return
    if "folder" in values.get("dataset", {}):
        pytest.skip("a task of its own, which a command of its page trains")
    if "age" in values.get("targets", {}):
        pytest.skip("no dataset of this version has two targets; tests/training has one made up")
    (tmp_path / "configs" / "task").mkdir(parents=True)
    digits = {"dataset": {"name": "digits"}, "targets": {"digit": {"problem": "multiclass"}}}
    whole = values if {"dataset", "learner"} <= set(values) else {**digits, **values}
    (tmp_path / "configs" / "task" / "mine.yaml").write_text(yaml.safe_dump(whole))
    monkeypatch.chdir(tmp_path)
    train = ["train", "trainer.epochs=1", "trainer.threads=1", "--quiet"]
    how = ["config"] if whole is values else train  # a whole task is trained in its own tests
    assert main([*how, "task=mine"]) == 0, page


def test_the_plugin_of_the_docs_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = next(block for _, block in fences("python") if "my_package:build" in block)
    (tmp_path / "my_package.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(OPTIMIZERS, "entries", dict(OPTIMIZERS.entries))
    monkeypatch.chdir(tmp_path)
    plugin = ["plugins=[my_package]", "task=digits", "trainer.epochs=1"]
    assert main(["train", *plugin, "optimizer.name=my_sgd", "--quiet"]) == 0
    assert main(["train", *plugin, "optimizer.name=my_sdg"]) == 2
    assert "optimizer.name=my_sgd" in capsys.readouterr().err


def test_a_callback_of_ones_own_takes_ten_lines() -> None:
    code = next(block for _, block in fences("python") if "my_stop:GoodEnough" in block)
    body = [line for line in code.splitlines() if line and not line.startswith(("from", "import"))]

    assert len(body) <= 10


def test_the_table_of_tasks_says_what_the_tasks_say(capsys: pytest.CaptureFixture[str]) -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert main(["tasks", "--json"]) == 0
    tasks = {t["task"]: (t["time"], t["result"]) for t in json.loads(capsys.readouterr().out)}
    assert {name: (time, result) for name, time, result in rows} == tasks


def test_the_tables_of_tasks_are_grouped_by_branch(capsys: pytest.CaptureFixture[str]) -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert main(["tasks", "--json"]) == 0
    branches = {one["task"]: one["branch"] for one in json.loads(capsys.readouterr().out)}
    for branch in dict.fromkeys(branches.values()):
        _, title, rest = text.partition(f"\n### {branch.capitalize()} learning\n")
        listed = re.findall(r"^\| `(\w+)` \|", re.split("^##", rest, flags=re.M)[0], re.MULTILINE)
        assert title
        assert set(listed) == {task for task, its in branches.items() if its == branch}


def test_the_tests_of_the_docs_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = next(block for _, block in fences("python") if "my_package:build" in block)
    tests = next(block for _, block in fences("python") if "check_learner" in block)
    (tmp_path / "my_package.py").write_text(plugin)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_package", raising=False)
    monkeypatch.setattr(OPTIMIZERS, "entries", dict(OPTIMIZERS.entries))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documented.py").write_text(tests)
    found = runpy.run_path(str(tmp_path / "documented.py"))
    asked = [test for name, test in found.items() if name.startswith("test_")]
    assert len(asked) == 4
    for test in asked:
        test()
