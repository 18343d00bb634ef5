"""What the shell chooses and writes: which options stay, which are dropped, what comes first."""

from __future__ import annotations

from typing import Any

import pytest

from dlx.config.extras import extras, is_installed
from dlx.config.load import load
from dlx.config.paths import GROUPS, find_shipped

pytestmark = pytest.mark.usefixtures("here")
SHELL_GROUPS = (
    "model",
    "optimizer",
    "schedule",
    "protocol",
    "loss",
    "metrics",
    "trainer",
    "callbacks",
)


def plain(*arguments: str) -> dict[str, Any]:
    return load(arguments).plain()


def options_of(group: str) -> list[str]:
    return sorted(file.stem for file in (find_shipped("configs") / group).glob("*.yaml"))


NEEDED = {
    "graph": ("model.nodes.main={of: [image], layers: [flatten]}",),
    "convnet": ("model.channels=[8]",),
    "conv1d": ("model.channels=[8]",),
    "conv_gru": ("model.channels=[8]",),
    "pretrained": ("model.weights=random",),
    "poisson": ("targets.progression.problem=count_regression",),
    "quantile": ("targets.progression.problem=quantile_regression",),
}
"""What an option cannot be used without."""


def some_task(group: str, option: str) -> str:
    """A task that an option fits."""
    if option in ("regression", "mse", "mae", "huber", "poisson", "quantile"):
        return "diabetes"
    if option in ("chronological", "rolling"):
        return "beijing_pm25"
    if option == "pretrained":
        return "cats_vs_dogs_frozen"
    return "breast_cancer" if option == "binary_cross_entropy" else "digits"


@pytest.mark.parametrize(
    ("group", "option"), [(g, option) for g in SHELL_GROUPS for option in options_of(g)]
)
def test_an_option_on_the_shell_wins_over_the_task(group: str, option: str) -> None:
    component = extras().get(option)
    if component is not None and not all(map(is_installed, component.needs)):
        pytest.skip(f"callbacks={option} needs {component.needs}, which is not installed")
    task = some_task(group, option)
    loaded = load([f"{group}={option}", f"task={task}", *NEEDED.get(option, ())])
    assert loaded.config.task == task
    last = loaded.tree.writers[next(p for p in loaded.tree.writers if p[0] == group)][-1]
    written = [w[-1].where for p, w in loaded.tree.writers.items() if p[0] == group]
    assert any(where.endswith(f"(by {group}={option})") for where in written), last


def test_another_model_drops_the_units_of_the_tasks_own() -> None:
    model = plain("task=mnist", "model=convnet")["model"]
    assert model["name"] == "convnet"
    assert "units" not in model
    assert model["channels"] == [32, 64, 64]


def test_the_same_model_keeps_the_units_of_the_task() -> None:
    assert plain("task=mnist", "model=mlp")["model"]["units"] == [512]


@pytest.mark.parametrize("argument", ["optimizer.name=adam", "optimizer=adam"])
def test_another_optimizer_drops_the_rate_of_the_tasks_own(argument: str) -> None:
    before, after = plain("task=digits")["optimizer"], plain("task=digits", argument)["optimizer"]
    assert before["name"] == "rmsprop"
    assert before["lr"] != 0.001
    assert after == {
        "name": "adam",
        "lr": 0.001,
        "groups": {},
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": 1e-7,
        "weight_decay": 0.0,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("optimizer.name=adam", "optimizer.lr=0.5"),
        ("optimizer.lr=0.5", "optimizer.name=adam"),
        ("optimizer.lr=0.5", "optimizer=adam"),
        ("optimizer={name:adam,lr:0.5}",),
    ],
    ids=" ".join,
)
def test_what_the_shell_writes_is_kept_in_any_order(arguments: tuple[str, ...]) -> None:
    optimizer = plain("task=digits", *arguments)["optimizer"]
    assert (optimizer["name"], optimizer["lr"]) == ("adam", 0.5)


def test_a_name_that_was_only_implied_counts_as_well(here: Any) -> None:
    folder = here / "configs" / "task"
    folder.mkdir(parents=True)
    text = "dataset: {name: mnist}\ntargets: {digit: {problem: multiclass}}\nmodel: {units: [8]}\n"
    (folder / "mine.yaml").write_text(text)
    assert plain("task=mine")["model"]["units"] == [8]
    assert plain("task=mine", "model=mlp")["model"]["units"] == [8]
    assert "units" not in plain("task=mine", "model=convnet")["model"]


def test_of_one_key_written_twice_the_last_counts() -> None:
    found = plain("task=wine", "seed=1", "task=digits", "model=convnet", "seed=2", "model=mlp")
    assert (found["task"], found["seed"]) == ("digits", 2)
    assert found["model"]["name"] == "mlp"


@pytest.mark.parametrize(
    ("arguments", "key", "expected"),
    [
        (["model.units=[32,32]"], "model.units", [32, 32]),
        (["model.units=[]"], "model.units", []),
        (["trainer.clip_norm=3"], "trainer.clip_norm", 3.0),
        (["trainer.clip_norm=3", "trainer.clip_norm=null"], "trainer.clip_norm", None),
        (["trainer.threads=2"], "trainer.threads", 2),
        (["optimizer.lr=1e-4"], "optimizer.lr", 1e-4),
        (["seed=1_000"], "seed", 1000),
        (["test=False"], "test", False),
        (["about.title='a: b, c'"], "about.title", "a: b, c"),
        (['about.title="caf\u00e9"'], "about.title", "caf\u00e9"),
        (["prepare.steps.0.divide_by=8"], "prepare.steps.0.divide_by", 8.0),
        (["model.units=[1,2,3]", "model.units.1=9"], "model.units", [1, 9, 3]),
        (["trainer={epochs:3,batch_size:4}"], "trainer.epochs", 3),
        (["metrics={f1:{average:micro}}"], "metrics.f1.average", "micro"),
        (["callbacks.early_stopping={}"], "callbacks.early_stopping.patience", 5),
        (["callbacks.time_limit.minutes=5"], "callbacks.time_limit.minutes", 5.0),
        (["~optimizer.lr"], "optimizer.lr", 0.001),
        (["~optimizer"], "optimizer.name", "rmsprop"),
        (["~optimizer.lr", "optimizer.lr=7"], "optimizer.lr", 7.0),
        (["+model=convnet", "model.channels=[8]"], "model.name", "convnet"),
    ],
    ids=str,
)
def test_values(arguments: list[str], key: str, expected: object) -> None:
    node: Any = plain("task=digits", *arguments)
    for part in key.split("."):
        node = node[int(part)] if isinstance(node, list) else node[part]
    assert node == expected
    assert type(node) is type(expected)


def test_a_list_item_of_another_name_drops_the_options_of_the_first() -> None:
    steps = plain("task=digits", "prepare.steps.0.name=standardise")["prepare"]["steps"]
    assert steps == [{"name": "standardise", "columns": []}]


def test_null_turns_off_what_a_file_turned_on() -> None:
    on = plain("task=digits", "callbacks=early_stopping")["callbacks"]
    off = plain("task=digits", "callbacks=early_stopping", "callbacks.early_stopping=null")
    assert list(on) == ["early_stopping"]
    assert off["callbacks"] == {}


@pytest.mark.parametrize(
    "layers",
    [
        "[{linear:16},relu,{dropout:0.5}]",
        "[{name:linear,units:16},{name:relu},{name:dropout,rate:0.5}]",
        "[{linear:{units:16}},{relu:{}},{dropout:{rate:0.5}}]",
    ],
)
def test_layers_in_short_and_in_long_form_are_the_same(layers: str) -> None:
    found = plain("task=wine", "model=layers", f"model.layers={layers}")["model"]["layers"]
    assert found == [
        {"name": "linear", "units": 16, "bias": True},
        {"name": "relu"},
        {"name": "dropout", "rate": 0.5},
    ]


def test_every_group_is_a_key_of_the_schema() -> None:
    assert set(GROUPS) <= set(plain("task=digits"))
