"""`dlx config`: the whole config, parts of it, and who set each value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlx.config.load import load

Cli = Callable[..., Any]
TASKS = Path(__file__).parents[2] / "configs" / "task"


def place(task: str, key: str) -> str:
    """Where a packaged task sets a key, as `--why` tells it."""
    lines = (TASKS / f"{task}.yaml").read_text().splitlines()
    at = 1 + next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
    return f"dlx:configs/task/{task}.yaml:{at}"


LR, UNITS = place("imdb", "optimizer"), place("imdb", "model")


def test_the_whole_config_as_yaml_and_as_json(cli: Cli) -> None:
    expected = load(["task=imdb", "seed=3"]).plain()
    answer = cli("config", "task=imdb", "seed=3")
    assert (answer.code, answer.err) == (0, "")
    assert yaml.safe_load(answer.out) == expected
    assert list(yaml.safe_load(answer.out)) == list(expected)
    assert json.loads(cli("config", "task=imdb", "seed=3", "--json").out) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("seed", "0\n"),
        ("task", "digits\n"),
        ("test", "true\n"),
        ("trainer.clip_norm", "null\n"),
        ("run", "root: runs\nresume: never\nwatch: true\n"),
        ("callbacks", "{}\n"),
        ("prepare.steps.0", "name: scale\ncolumns: []\ndivide_by: 16.0\n"),
        ("prepare.steps.0.name", "scale\n"),
    ],
)
def test_a_part(cli: Cli, key: str, expected: str) -> None:
    for flag in ("--package", "-p"):
        assert cli("config", "task=digits", flag, key).out == expected


def test_flags_may_stand_between_the_overrides(cli: Cli) -> None:
    assert cli("config", "-p", "seed", "task=digits", "--json", "seed=4").out == "4\n"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("optimizer.lrr", "  try: did you mean optimizer.lr?\n"),
        ("prepare.steps.5", "  try: did you mean prepare.steps?\n"),
        ("zzz", ""),
        (".", ""),
        ("seed.x", "  try: did you mean seed?\n"),
    ],
)
@pytest.mark.parametrize("flag", ["--package", "--why"])
def test_a_key_that_is_none(cli: Cli, flag: str, key: str, hint: str) -> None:
    answer = cli("config", "task=digits", flag, key)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"error: this config has no key `{key}`\n"
        f"  accepted: a key of `dlx config`, for example optimizer.lr\n{hint}"
    )


class TestWhy:
    def test_the_chain_in_order(self, cli: Cli, here: Path) -> None:
        (here / "configs" / "optimizer").mkdir(parents=True)
        (here / "configs" / "optimizer" / "rmsprop.yaml").write_text("name: rmsprop\nlr: 0.5\n")
        answer = cli(
            "config", "task=imdb", "optimizer=rmsprop", "optimizer.lr=0.1", "--why", "optimizer.lr"
        )
        assert answer.out == (
            f"   optimizer.lr=0.001   {LR}\n"
            "   optimizer.lr=0.5   configs/optimizer/rmsprop.yaml:2 (by optimizer=rmsprop)\n"
            "-> optimizer.lr=0.1   command line: optimizer.lr=0.1\n"
        )

    def test_what_was_dropped_is_marked(self, cli: Cli) -> None:
        answer = cli("config", "task=imdb", "optimizer.name=adam", "--why", "optimizer.lr")
        assert answer.out == (
            f"   optimizer.lr=0.001   {LR}   (dropped: another component "
            "was "
            "chosen in command line: optimizer.name=adam)\n"
            "-> optimizer.lr=0.001   default of the schema (dlx help optimizer.lr)\n"
        )

    def test_what_was_taken_out_is_marked(self, cli: Cli) -> None:
        answer = cli("config", "task=imdb", "~optimizer.lr", "--why", "optimizer.lr")
        assert answer.out == (
            f"   optimizer.lr=0.001   {LR}   "
            "(dropped: removed by command line: ~optimizer.lr)\n"
            "-> optimizer.lr=0.001   default of the schema (dlx help optimizer.lr)\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "key", "expected"),
        [
            ([], "trainer.device", "auto   default of the schema (dlx help trainer.device)"),
            ([], "task", "imdb   command line: task=imdb"),
            ([], "model.units.0", f"model.units=[16, 16]   {UNITS}"),
            (
                ["seed=${trainer.epochs}"],
                "seed",
                "${trainer.epochs}   command line: seed=${trainer.epochs}",
            ),
        ],
    )
    def test_one_writer(self, cli: Cli, arguments: list[str], key: str, expected: str) -> None:
        answer = cli("config", "task=imdb", *arguments, "--why", key)
        head = "" if expected.startswith("model") else f"{key}="
        assert answer.out == f"-> {head}{expected}\n"

    def test_a_section_shows_all_that_was_written_in_it(self, cli: Cli, here: Path) -> None:
        (here / "configs" / "model").mkdir(parents=True)
        text = "# Mine.\nname: convnet\ndropout: 0.25\n"
        (here / "configs" / "model" / "convnet.yaml").write_text(text)
        why = (
            "(dropped: another component was chosen in configs/model/convnet.yaml:2 (by "
            "model=convnet))"
        )
        at = place("mnist", "model")
        answer = cli("config", "task=mnist", "model=convnet", "model.dropout=0", "--why", "model")
        assert answer.out == (
            f"   model.name=mlp   {at}   {why}\n"
            "-> model.name=convnet   configs/model/convnet.yaml:2 (by model=convnet)\n"
            f"   model.units=[512]   {at}   {why}\n"
            "   model.dropout=0.25   configs/model/convnet.yaml:3 (by model=convnet)\n"
            "-> model.dropout=0   command line: model.dropout=0\n"
        )

    def test_as_json(self, cli: Cli) -> None:
        found = json.loads(
            cli("config", "task=imdb", "optimizer.lr=0.1", "--why", "optimizer.lr", "--json").out
        )
        assert found == {
            "key": "optimizer.lr",
            "value": 0.1,
            "writers": [
                {
                    "key": "optimizer.lr",
                    "value": 0.001,
                    "where": LR,
                    "dropped": "",
                },
                {
                    "key": "optimizer.lr",
                    "value": 0.1,
                    "where": "command line: optimizer.lr=0.1",
                    "dropped": "",
                },
            ],
            "default": False,
        }


def test_config_dir(cli: Cli, here: Path) -> None:
    (here / "more" / "task").mkdir(parents=True)
    text = "defaults: [digits]\nseed: 8\n"
    (here / "more" / "task" / "mine.yaml").write_text(text)
    for flag in (["--config-dir", "more"], ["-cd", "more"], ["--config-dir=more"]):
        assert cli("config", "task=mine", *flag, "-p", "seed").out == "8\n"
    answer = cli("config", "task=mine", "--config-dir", "nowhere")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: --config-dir nowhere is not a folder\n")


def test_it_writes_nothing(cli: Cli, here: Path) -> None:
    cli("config", "task=digits")
    cli("config", "task=digits", "trainer.epoch=1")
    assert list(here.iterdir()) == []
