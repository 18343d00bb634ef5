"""Wrong commands: what they are told to type is accepted."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.main import main
from dlx.config.load import load

Cli = Callable[..., Any]

EXACT: list[tuple[tuple[str, ...], str]] = [
    (("model.units=[16,]",), "model.units=[16]"),
    (("model.units=32",), "model.units=[32]"),
    (("model.units[0]=8",), "model.units.0=8"),
    (("~model.units", "model.units[0]=8"), "model.units=[8,64]"),
    (("model.units=[4]", "model.units[7]=8"), "model.units=[4,8]"),
    (("tune.objectives[0]=val/loss",), "tune.objectives=[val/loss]"),
    (("model.layers[0]={dropout:0.5}",), "dlx help model.layers"),
    (("model.unit=[8]",), "model.units=[8]"),
    (("trainer/epochs=5",), "trainer.epochs=5"),
    (("trainer.epochs = 5",), "trainer.epochs=5"),
    (("trainer.epochs", "=", "5"), "trainer.epochs=5"),
    (("trainer.epochs=", "5"), "trainer.epochs=5"),
    (("trainer.epochs", "=5"), "trainer.epochs=5"),
    (("trainer.epochs 5",), "trainer.epochs=5"),
    (("trainer.epochs", "5"), "trainer.epochs=5"),
    (("task = digits",), "task=digits"),
    (("task", "digits"), "task=digits"),
    (("digit",), "task=digits"),
    (("--trainer.epochs=5",), "trainer.epochs=5"),
    (("--trainer.epochs", "5"), "trainer.epochs=5"),
    (("--epochs", "5"), "trainer.epochs=5"),
    (("--epochs=5",), "trainer.epochs=5"),
    (("--lr", "0.1"), "optimizer.lr=0.1"),
    (("--learning-rate", "0.1"), "optimizer.lr=0.1"),
    (("--batch-size=32",), "trainer.batch_size=32"),
    (("--epochs",), "dlx help trainer.epochs"),
    (("epochs=5",), "trainer.epochs=5"),
    (("lr=0.1",), "optimizer.lr=0.1"),
    (("learning_rate=0.1",), "optimizer.lr=0.1"),
    (("units=[8]",), "model.units=[8]"),
    (("weight_decay=0.1",), "optimizer.weight_decay=0.1"),
    (("metrics=[accuracy,f1]",), "metrics={accuracy:{},f1:{}}"),
    (("metrics=accuracy",), "metrics.accuracy={}"),
    (("callbacks=[early_stopping]",), "callbacks={early_stopping:{}}"),
    (('optimizer.groups={"*": {lr: 0.1}}',), "optimizer.groups={*: {lr: 0.1}}"),
    (
        ("optimizer.groups={'b*':{lr:1},heads.*:{lr:0}}",),
        "optimizer.groups={b*:{lr:1},heads.*:{lr:0}}",
    ),
    (("optimizer.groups.body.*.lr=0.1",), "optimizer.groups={body.*: {lr: 0.1}}"),
    (('search={"optimizer.lr":{log:[1e-3,1]}}',), "search={optimizer.lr:{log:[1e-3,1]}}"),
    (("prepare.augment.image=flip",), "prepare.augment.image=[flip]"),
    (("prepare.steps=standardise",), "prepare.steps=[{name: standardise}]"),
    (("targets.digti.scale=none",), "targets.digit.scale=none"),
    (("x.csv",), "dlx tasks"),
    (("data=x.csv",), "dlx help dataset"),
    (("data=wine",), "dlx help dataset"),
    (("optimiser=adam",), "optimizer=adam"),
    (("optimiser=nadma",), "dlx help optimizer"),
    (("optimizer.learning_rate=0.1",), "optimizer.lr=0.1"),
    (("trainer.epochs=010",), "trainer.epochs=10"),
    (("trainer.device=gpu",), ""),
    (("trainer.device=cud",), "trainer.device=cuda"),
    (("test=yes",), "test=true"),
    (("protocol.validation=1.0",), "protocol.validation=0.2"),
    (("protocol.test=1",), "protocol.test=0.2"),
    (("targets.digit.weight=0.5",), "targets.digit.weight=1"),
    (("prepare.steps.0.columns=pixels",), "prepare.steps.0.columns=[pixels]"),
    (("+trainer.epochs=5",), "trainer.epochs=5"),
    (("run.root=a~b",), 'run.root="a~b"'),
]


def hint_of(said: str) -> str:
    """What the first problem says to type, as the shell reads it."""
    first = said.partition("\nerror: ")[0]
    hint = first.partition("  try: ")[2].splitlines()
    return hint[0] if hint else ""


def follow(hint: str) -> None:
    """Types a hint: a command as it is, an argument in a config of the task."""
    words = shlex.split(hint)
    if words[0] == "dlx":
        assert main(words[1:]) == 0
    else:
        load(["task=digits", *words])


@pytest.mark.parametrize(("typed", "hint"), EXACT, ids=[" ".join(typed) for typed, _ in EXACT])
def test_a_wrong_argument_and_what_to_type(cli: Cli, typed: tuple[str, ...], hint: str) -> None:
    answer = cli("config", "task=digits", *typed)
    assert (answer.code, answer.out) == (2, "")
    found = hint_of(answer.err)
    assert shlex.split(found) == ([] if not hint else hint.split() if "dlx" in hint else [hint])
    if hint and "pixels" not in hint:  # of which digits has none; it has its own message
        follow(found)


@pytest.mark.parametrize(
    "word",
    [
        *(
            "optimizer.nam",
            "learning_rate",
            "lr",
            "max_epochs",
            "epoch",
            "bs",
            "prepare.standardis",
        ),
        *("steps", "trainer/epochs", "trainer.epochs=5", "task=digits", "units", "--epochs"),
        *("optimizr", "model.layer", "sweep.seed", "launchr", "patience", "dropuot"),
    ],
)
def test_a_word_that_help_does_not_know(cli: Cli, word: str) -> None:
    answer = cli("help", "--", word)
    assert answer.code == 2
    hint = hint_of(answer.err)
    assert hint != "dlx help"
    follow(hint)


@pytest.mark.parametrize(
    "word",
    [
        *("seeds", "jobs", "where", "zip", "launcher", "hydra/launcher", "experiment"),
        *("optimizer.name", "prepare.standardise", "model.name", "protocol.name"),
    ],
)
def test_a_word_of_the_command_line_is_explained(cli: Cli, word: str) -> None:
    answer = cli("help", word)
    assert (answer.code, answer.err) == (0, "")


FORMS: dict[str, Callable[[str, str], tuple[str, ...]]] = {
    "--key=value": lambda key, value: (f"--{key}={value}",),
    "--key value": lambda key, value: (f"--{key}", value),
    "key = value": lambda key, value: (f"{key} = {value}",),
    "key value": lambda key, value: (key, value),
    "key/value": lambda key, value: (f"{key.replace('.', '/')}={value}",),
}
VALUES = {
    "trainer.epochs": "5",
    "trainer.monitor": "val/loss",
    "trainer.device": "cpu",
    "optimizer.lr": "0.1",
    "model.dropout": "0.25",
    "run.watch": "false",
    "checkpoint.keep": "3",
    "tune.sampler": "random",
    "workflow.until": "3",
    "protocol.validation": "0.25",
    "sweep.name": "mine",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_way_to_write_a_key_leads_to_the_right_one(cli: Cli, form: str) -> None:
    for key, value in VALUES.items():
        answer = cli("config", "task=digits", *FORMS[form](key, value))
        assert answer.code == 2
        assert hint_of(answer.err) == f"{key}={value}"
        follow(hint_of(answer.err))


@pytest.mark.parametrize(
    ("typed", "lies"),
    [
        ("run.root=~/x", "x"),
        ("run.root='~/x'", "x"),
        ("run.root=~", ""),
        ("tune.storage=sqlite:///~/x/s.db", "x/s.db"),
    ],
)
def test_the_home_folder_is_that_of_the_user(
    here: Path, monkeypatch: pytest.MonkeyPatch, typed: str, lies: str
) -> None:
    monkeypatch.setenv("HOME", str(here))
    config = load(["task=digits", typed]).config
    key = typed.partition("=")[0]
    found = config.run.root if key == "run.root" else config.tune.storage
    assert found.removeprefix("sqlite:///") == str(here / lies)


def test_it_is_in_flags_as_well(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    assert f"no runs in {here}/x" in cli("runs", "--root=~/x").out


def test_a_run_of_an_earlier_version_with_a_weight_is_still_read(here: Path) -> None:
    import yaml

    from dlx.config.load import load_saved

    plain = load(["task=digits"]).plain()
    plain["targets"]["digit"]["weight"] = 0.5
    plain["protocol"]["validation"] = 1.0
    (here / "config.yaml").write_text(yaml.safe_dump(plain))
    assert load_saved(here / "config.yaml", "config.yaml").targets["digit"].weight == 0.5


@pytest.mark.parametrize("typed", ["model.units[0]=8,16", "model.units[0]=interval(8,16)"])
def test_several_values_of_an_item_in_brackets(cli: Cli, typed: str) -> None:
    for command in (("train", "-m"), ("tune",)):
        answer = cli(*command, "task=digits", typed, "--dry-run")
        assert (answer.code, answer.out) == (2, "")
        assert shlex.split(hint_of(answer.err)) == [typed.replace("[0]", ".0")]
