"""Config files of the user's own: where they are found, what wins, defaults lists, own groups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.config.load import load
from dlx.config.paths import find_shipped

Told = Callable[..., str]
Write = Callable[[str, str], Path]
MODELS = ", ".join(sorted(file.stem for file in (find_shipped("configs") / "model").iterdir()))
GOOD = "dataset: {name: mnist}\ntargets: {digit: {problem: multiclass}}\n"


def plain(*arguments: str, config_dir: str | None = None) -> dict[str, Any]:
    return load(arguments, config_dir).plain()


def test_a_users_file_wins_over_dlxs_own(write: Write) -> None:
    write("model/convnet", "name: convnet\nchannels: [8]\n")
    write("task/digits", GOOD + "seed: 3\n")
    loaded = load(["task=digits", "model=convnet"])
    assert loaded.config.dataset.name == "mnist"
    assert loaded.config.seed == 3
    assert loaded.config.model.options.channels == (8,)
    assert loaded.tree.where(("seed",)) == "configs/task/digits.yaml:3"
    assert (
        loaded.tree.where(("model", "channels"))
        == "configs/model/convnet.yaml:2 (by model=convnet)"
    )


def test_the_users_folder_wins_over_config_dir_and_that_over_dlxs(write: Write, here: Path) -> None:
    write("task/one", GOOD + "seed: 1\n")
    (here / "more" / "task").mkdir(parents=True)
    for name, seed in [("one", 2), ("two", 2), ("digits", 2)]:
        (here / "more" / "task" / f"{name}.yaml").write_text(GOOD + f"seed: {seed}\n")
    seeds = [
        plain(f"task={t}", config_dir="more")["seed"] for t in ("one", "two", "digits", "wine")
    ]
    assert seeds == [1, 2, 2, 0]
    assert plain("task=digits")["dataset"]["name"] == "digits"


def test_config_dir_that_is_no_folder(told: Told) -> None:
    assert told("task=digits", config_dir="nowhere") == (
        "--config-dir nowhere is not a folder\n"
        "  accepted: a folder with groups such as task/ and model/"
    )


def test_a_file_in_config_dir_is_named_as_it_lies(told: Told, here: Path, tmp_path: Path) -> None:
    for folder, shown in [(here / "more", "more"), (tmp_path / "else", str(tmp_path / "else"))]:
        (folder / "task").mkdir(parents=True)
        (folder / "task" / "mine.yaml").write_text(GOOD + "sed: 1\n")
        said = told("task=mine", config_dir=str(folder))
        assert f"\n  where: {shown}/task/mine.yaml:3\n" in said


def test_a_folder_named_configs_without_groups_is_not_read(here: Path) -> None:
    (here / "configs").mkdir()
    (here / "configs" / "dlx.yaml").write_text("nonsense: 1\n")
    assert plain("task=digits")["task"] == "digits"


def test_tasks_in_sub_folders(write: Write, told: Told) -> None:
    write("task/mine/deep", GOOD)
    assert plain("task=mine/deep")["task"] == "mine/deep"
    write("task/mine/worse", GOOD + "sed: 1\n")
    assert "where: configs/task/mine/worse.yaml:3" in told("task=mine/worse")


class TestDefaultsLists:
    def test_override_in_a_task(self, write: Write) -> None:
        text = "defaults:\n  - override /model: convnet\n  - _self_\nmodel: {dense: [7]}\n"
        write("task/mine", text + GOOD)
        model = plain("task=mine")["model"]
        assert (model["name"], model["dense"]) == ("convnet", [7])
        assert plain("task=mine", "model=mlp")["model"]["name"] == "mlp"

    def test_a_task_built_on_another(self, write: Write) -> None:
        write("task/mine", "defaults: [mnist, _self_]\ntrainer: {epochs: 1}\n")
        found = plain("task=mine")
        assert found["task"] == "mine"
        assert found["dataset"]["name"] == "mnist"
        assert found["trainer"]["epochs"] == 1
        assert found["model"]["units"] == [512]

    @pytest.mark.parametrize("order", ["[mnist, override /model: convnet, _self_]"])
    def test_override_wins_over_the_task_that_it_builds_on(self, write: Write, order: str) -> None:
        write("task/mine", f"defaults: {order}\ntrainer: {{epochs: 1}}\n")
        model = plain("task=mine")["model"]
        assert model["name"] == "convnet"
        assert "units" not in model
        assert plain("task=mine", "model=mlp")["model"]["name"] == "mlp"

    def test_without_self_the_file_comes_last(self, write: Write) -> None:
        write("task/mine", "defaults: [mnist]\ntrainer: {epochs: 1}\n")
        assert plain("task=mine")["trainer"]["epochs"] == 1

    @pytest.mark.parametrize(
        ("defaults", "expected"),
        [
            (
                "[override /model: convnett]",
                "there is no model `convnett`\n  where: configs/task/mine.yaml:1\n"
                f"  accepted: {MODELS}; "
                "of a plugin: model.name=convnett plugins=[PACKAGE]\n"
                "  try: model=convnet",
            ),
            (
                "[override /modell: convnet]",
                "there is no group `modell`\n  where: configs/task/mine.yaml:1\n"
                "  accepted: task, dataset, prepare, protocol, learner, model, loss, optimizer, "
                "schedule, metrics, trainer, callbacks\n  try: did you mean /model?",
            ),
            ("[override model: convnet]", "there is no group `task/model`\n"),
            ("[nosuch]", "there is no task `nosuch`\n  where: configs/task/mine.yaml:1\n"),
            ("[/model/nosuch]", "there is no model `nosuch`\n"),
            ("[../../x]", "there is no task/../.. `x`\n"),
            ("[/model: ../task/mnist]", "there is no model `../task/mnist`\n"),
            ("[/model: '${oc.env:HOME}']", "there is no model `${oc.env:HOME}`\n"),
            (
                "[override /hydra/launcher: basic]",
                "hydra.* settings are refused: they can load and run code\n"
                "  where: configs/task/mine.yaml:1",
            ),
            ("3", "Invalid defaults list in 'task/mine', defaults must be a list (got int)\n"),
            ("[3]", "Unsupported type in defaults : int\n  where: configs/task/mine.yaml"),
            (
                "[/model: convnet]",
                "a defaults list chooses model once more\n"
                "  where: configs/task/mine.yaml\n  try: - override /model: ...",
            ),
            (
                "[mine]",
                "a defaults list refers back to its own file\n  where: configs/task/mine.yaml",
            ),
        ],
    )
    def test_mistakes(self, told: Told, write: Write, defaults: str, expected: str) -> None:
        write("task/mine", f"defaults: {defaults}\n{GOOD}")
        assert told("task=mine").startswith(expected)

    def test_each_wrong_line_is_told_with_the_rest(self, told: Told, write: Write) -> None:
        defaults = "defaults:\n  - override /model: x\n  - override /loss: y\n  - _self_\n"
        write("task/mine", defaults + GOOD + "sed: 1\n")
        said = told("task=mine", "trainer.epoch=1")
        assert [line for line in said.splitlines() if line.startswith("  where")] == [
            "  where: configs/task/mine.yaml:2",
            "  where: configs/task/mine.yaml:3",
            "  where: configs/task/mine.yaml:7",
            "  where: command line: trainer.epoch=1",
        ]

    def test_a_circle_of_two_files(self, told: Told, write: Write) -> None:
        write("task/one", "defaults: [two]\n")
        write("task/two", "defaults: [one]\n")
        assert told("task=one") == (
            "a defaults list refers back to its own file\n"
            "  where: configs/task/one.yaml, configs/task/two.yaml"
        )

    def test_optional_ones_may_lack(self, write: Write) -> None:
        write("task/mine", f"defaults: [optional /extra: nosuch, _self_]\n{GOOD}")
        assert plain("task=mine")["task"] == "mine"


class TestOwnGroups:
    @pytest.fixture(autouse=True)
    def _a_group_of_dlxs(self, here: Path) -> None:
        (here / "configs" / "task").mkdir(parents=True)

    def test_a_file_over_the_whole_tree(self, write: Write) -> None:
        write("extra/fast", "# @package _global_\nseed: 7\ntrainer: {epochs: 3}\n")
        for argument in ("extra=fast", "+extra=fast"):
            found = plain("task=mnist", argument)
            assert (found["seed"], found["trainer"]["epochs"]) == (7, 3)
        assert plain("extra=fast", "task=mnist", "seed=8")["seed"] == 8

    def test_what_it_overrides_wins_over_the_task(self, write: Write) -> None:
        text = (
            "# @package _global_\ndefaults: [override /model: convnet, override /optimizer: sgd]\n"
        )
        write("experiment/one", text + "seed: 9\n")
        found = plain("task=mnist", "experiment=one")
        assert (found["model"]["name"], found["optimizer"]["name"]) == ("convnet", "sgd")
        assert plain("task=mnist", "experiment=one", "model=mlp")["model"]["name"] == "mlp"

    def test_it_may_choose_the_task(self, write: Write, told: Told) -> None:
        write("experiment/one", "# @package _global_\ndefaults: [override /task: wine]\nseed: 9\n")
        loaded = load(["experiment=one"])
        assert (loaded.config.task, loaded.config.seed) == ("wine", 9)
        assert loaded.tree.where(("task",)) == "configs/experiment/one.yaml"
        assert plain("experiment=one", "task=mnist")["task"] == "mnist"

    def test_in_sub_folders(self, write: Write) -> None:
        write("experiment/deep/one", "# @package _global_\nseed: 9\n")
        assert plain("task=mnist", "experiment=deep/one")["seed"] == 9

    def test_mistakes(self, write: Write, told: Told) -> None:
        write("extra/fast", "x: 3\n")
        assert told("task=mnist", "extra=fast").startswith(
            "unknown key `extra.x`\n  where: configs/extra/fast.yaml:1 (by extra=fast)\n"
        )
        assert told("task=mnist", "extra=fst") == (
            "there is no extra `fst`\n  where: command line: extra=fst\n"
            "  accepted: fast\n  try: extra=fast"
        )

    def test_a_group_that_is_called_like_a_key_hides_it_not(self, write: Write) -> None:
        write("seed/x", "# @package _global_\ntest: false\n")
        assert plain("task=digits", "seed=3")["seed"] == 3
        assert plain("task=digits", "seed=x")["test"] is False

    def test_a_task_whose_name_is_a_number(self, write: Write) -> None:
        write("task/3", GOOD)
        write("task/1e3", GOOD)
        assert plain("task=3")["task"] == "3"
        assert plain("task='1e3'")["task"] == "1e3"
