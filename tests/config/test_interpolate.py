"""${key} and ${oc.env:NAME}: what they become, what is hidden, what is said where they fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from dlx.config.load import load, load_saved

Told = Callable[..., str]
Write = Callable[[str, str], Path]
SECRET = "hunter2-is-no-password"


@pytest.fixture(autouse=True)
def _environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setenv("RATE", "0.25")
    monkeypatch.delenv("NOT_SET", raising=False)


def plain(*arguments: str, resolve: bool = True) -> dict[str, Any]:
    return load(["task=digits", *arguments]).plain(resolve)


@pytest.mark.parametrize(
    ("argument", "section", "key", "expected"),
    [
        ("optimizer.lr=${model.dropout}", "optimizer", "lr", 0.2),
        ("trainer.epochs=${trainer.accumulate}", "trainer", "epochs", 1),
        ("trainer.eval_batch_size=${trainer.epochs}", "trainer", "eval_batch_size", 60),
        ("run.root='a${seed}b'", "run", "root", "a0b"),
        ("model.units=[${trainer.accumulate},7]", "model", "units", [1, 7]),
        ("optimizer.lr='${oc.decode:${oc.env:RATE}}'", "optimizer", "lr", 0.25),
        ("optimizer.lr='${oc.decode:${oc.env:NOT_SET,0.5}}'", "optimizer", "lr", 0.5),
        ("protocol.validation=${.test}", "protocol", "validation", 0.2),
        ("callbacks.early_stopping.patience=${seed}1", "callbacks", "early_stopping", None),
    ],
)
def test_values(argument: str, section: str, key: str, expected: object, told: Told) -> None:
    if expected is None:  # a text is no number, whatever it is made of
        assert told("task=digits", argument).startswith(
            f"`{section}.{key}.patience` is '01' (text)"
        )
    else:
        assert plain("model.dropout=0.2", "trainer.epochs=60", argument)[section][key] == expected


def test_defaults_that_no_file_writes_can_be_referred_to() -> None:
    assert plain("run.root='runs/${seed}'")["run"]["root"] == "runs/0"
    assert plain("seed=${optimizer.momentum}0", "seed=${schema_version}")["seed"] == 1


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("optimizer.rho", 0.9),
        ("targets.digit.weight", 1.0),
        ("callbacks.early_stopping.min_delta", 0.0),
        ("prepare.steps.0.divide_by", 16.0),
        ("loss.name", "auto"),
        ("model.activation", "relu"),
    ],
)
def test_defaults_of_components_can_be_referred_to(reference: str, expected: object) -> None:
    # `search` takes any value, so that each of them can be seen as it is.
    search = f"search={{optimizer.lr: {{choice: ['${{{reference}}}', 1]}}}}"
    found = plain("callbacks={early_stopping: {patience: 2}}", search)
    assert found["search"]["optimizer.lr"]["choice"] == [expected, 1]


def test_a_reference_to_no_key_suggests_one_that_there_is(told: Told) -> None:
    said = told("task=digits", "optimizer.name=adam", "model.dropout=${optimizer.rho}")
    assert said.startswith("`model.dropout` refers to `optimizer.rho`, which is not a key")
    assert said.endswith("try: did you mean ${optimizer.lr}?")


def test_a_list_keeps_what_was_written_in_it(write: Write) -> None:
    write("task/mine", "defaults: [digits, _self_]\nmodel: {name: layers}\n")
    found = plain("model.layers=[flatten, {linear: '${trainer.batch_size}'}]", "model.name=layers")
    assert found["model"]["layers"][1]["units"] == 64


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("optimizer.lr", "0.02", 0.02),
        ("optimizer.lr", "1e-3", 0.001),
        ("trainer.epochs", "3", 3),
        ("test", "false", False),
        ("model.units.0", "16", 16),
        ("about.title", "3", None),
    ],
)
def test_a_text_of_the_environment_is_the_number_it_stands_for(
    key: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALUE", text)
    typed = f"{key}='${{oc.env:VALUE}}'"
    node: Any = plain("model.units=[8]", typed)
    for part in key.split("."):
        node = node[int(part)] if part.isdecimal() else node[part]
    assert node == ("${oc.env:VALUE}" if value is None else value)


@pytest.mark.parametrize("text", ["010", "0x10", "1:20", "3.5", "many", ""])
def test_what_is_no_plain_number_is_none_from_the_environment(
    text: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALUE", text)
    said = told("task=digits", "trainer.epochs=${oc.env:VALUE}")
    assert said.endswith("accepted: a whole number >= 0")
    assert not text or text not in said.partition("\n")[0]


def test_without_resolving_the_reference_is_shown() -> None:
    arguments = ("seed=${trainer.epochs}", "run.root=${oc.env:SECRET}")
    assert plain(*arguments, resolve=False)["seed"] == "${trainer.epochs}"
    assert plain(*arguments, resolve=False)["run"]["root"] == "${oc.env:SECRET}"


def test_in_files_too(write: Write) -> None:
    text = "defaults: [digits]\nseed: ${trainer.epochs}\nabout: {title: 'for ${seed}'}\n"
    write("task/mine", text)
    found = load(["task=mine", "trainer.epochs=9"]).plain()
    assert (found["seed"], found["about"]["title"]) == (9, "for 9")


class TestEnvironment:
    def test_texts_from_it_are_used_but_not_shown(self) -> None:
        loaded = load(["task=digits", "run.root='${oc.env:SECRET}/x'"])
        assert loaded.config.run.root == f"{SECRET}/x"
        assert loaded.plain()["run"]["root"] == "${oc.env:SECRET}/x"

    def test_nor_by_way_of_another_value(self) -> None:
        loaded = load(
            ["task=digits", "about.source=${oc.env:SECRET}", "about.title='by ${about.source}'"]
        )
        assert SECRET not in str(loaded.config), "reports, listings and sweeps tell it"
        assert SECRET not in str(loaded.plain())
        assert loaded.plain()["about"]["title"] == "by ${about.source}"

    def test_numbers_and_names_are_saved_so_that_the_run_can_be_read_again(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEVICE", "cpu")
        monkeypatch.setenv("OPTIMIZER", "adam")
        loaded = load(
            [
                "task=digits",
                "optimizer.name=${oc.env:OPTIMIZER}",
                "optimizer.lr='${oc.decode:${oc.env:RATE}}'",
                "trainer.device=${oc.env:DEVICE}",
                "about.source=${oc.env:SECRET}",
            ]
        )
        saved = here / "config.yaml"
        saved.write_text(OmegaConf.to_yaml(OmegaConf.create(loaded.plain())))
        for name in ("DEVICE", "OPTIMIZER", "RATE", "SECRET"):
            monkeypatch.delenv(name)
        config = load_saved(saved, "config.yaml")
        assert config.optimizer.name == "adam"
        assert config.optimizer.options.lr == 0.25
        assert config.trainer.device == "cpu"
        assert config.about.source == "${oc.env:SECRET}"

    @pytest.mark.parametrize(
        "argument",
        [
            "trainer.device=${oc.env:SECRET}",
            "optimizer.name=${oc.env:SECRET}",
            "trainer.monitor=${oc.env:SECRET}",
            "model.units=${oc.env:SECRET}",
            "optimizer.lr='${oc.decode:${oc.env:SECRET}}'",
            "seed='${${oc.env:SECRET}}'",
            "optimizer.lr='${oc.decode:\"[${oc.env:SECRET}\"}'",
        ],
    )
    def test_mistakes_do_not_show_it(self, told: Told, argument: str) -> None:
        said = told("task=digits", argument)
        assert SECRET not in said
        assert "hunter2" not in said
        assert argument.partition("=")[0] in said

    def test_the_resolver_of_everyone_else_is_left_as_it_was(self) -> None:
        plain("run.root=${oc.env:SECRET}")
        assert OmegaConf.create({"x": "${oc.env:SECRET}"}).x == os.environ["SECRET"]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (
            "seed=${trainer.epoch}",
            "`seed` refers to `trainer.epoch`, which is not a key\n"
            "  where: command line: seed=${trainer.epoch}\n"
            "  try: did you mean ${trainer.epochs}?",
        ),
        (
            "seed=${zzz}",
            "`seed` refers to `zzz`, which is not a key\n  where: command line: seed=${zzz}",
        ),
        (
            "run.root=${oc.env:NOT_SET}",
            "`run.root` refers to the environment variable NOT_SET, which is not set\n"
            "  where: command line: run.root=${oc.env:NOT_SET}\n"
            "  try: export NOT_SET=..., or ${oc.env:NOT_SET,...}",
        ),
        (
            "run.root=${hydra:runtime.cwd}",
            "`run.root`: Unsupported interpolation type hydra\n"
            "  where: command line: run.root=${hydra:runtime.cwd}",
        ),
        (
            "seed=${seed}",
            "`seed` refers to itself, directly or through other values\n  where: command line: "
            "seed=${seed}",
        ),
        (
            "model.units=[${zzz}]",
            "`model.units` refers to `zzz`, which is not a key\n"
            "  where: command line: model.units=[${zzz}]",
        ),
        (
            'about.title="${"',
            "`about.title` is not a valid reference\n"
            '  where: command line: about.title="${"\n'
            "  accepted: ${key}, as in ${trainer.epochs}, or ${oc.env:NAME}",
        ),
    ],
)
def test_mistakes(told: Told, argument: str, expected: str) -> None:
    assert told("task=digits", argument) == expected


def test_a_circle_is_told_at_both_ends(told: Told) -> None:
    said = told("task=digits", "seed=${trainer.batch_size}", "trainer.batch_size=${seed}")
    assert said.count("refers to itself, directly or through other values") == 2
    assert said.count("\n  where: command line: ") == 2


def test_a_chain_too_long_to_follow_is_told(told: Told, write: Write) -> None:
    lines = [f"x{i}: ${{x{i + 1}}}\n" for i in range(101)]
    write("task/mine", f"defaults: [digits]\n{''.join(lines[1:])}x101: 1\n")
    assert "`x1` refers to itself" in told("task=mine")
    write("task/mine", f"defaults: [digits]\n{''.join(lines)}x101: 1\n")
    assert told("task=mine").startswith("more than 100 values refer to others\n")


def test_other_mistakes_are_told_beside_it(told: Told) -> None:
    said = told("task=digits", "seed=${zzz}", "model.name=${zzz}", "trainer.epoch=1")
    assert [line for line in said.splitlines() if not line.startswith(" ")] == [
        "`model.name` refers to `zzz`, which is not a key",
        "`seed` refers to `zzz`, which is not a key",
        "unknown key `trainer.epoch`",
    ]
