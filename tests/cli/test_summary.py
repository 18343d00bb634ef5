from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def test_the_layers_are_drawn(cli: Cli) -> None:
    found = cli("summary", "task=wine", "model.units=[16,8]")

    lines = [line.split() for line in found.out.splitlines()]
    assert (found.code, found.err) == (0, "")
    assert lines[0] == ["layer", "kind", "output", "parameters"]
    assert lines[1][:3] == ["features", "input", "(dense)"]
    assert lines[1][3] == "13"
    parameters = [13 * 16 + 16, 16 * 8 + 8, 8 * 3 + 3]
    assert [int(line[-1]) for line in lines[2:-1] if line[-1] != "0"] == parameters
    assert found.out.splitlines()[-1] == f"{sum(parameters)} parameters in mlp"


def test_a_convnet_has_the_books_count(cli: Cli) -> None:
    """Chollet 2017, listing 5.3: 93,322 parameters on 28 x 28 images."""
    found = cli("summary", "task=mnist", "dataset.sample=true", "model=convnet", "--json")

    answer = json.loads(found.out)
    assert answer["parameters"] == 93_322
    assert sum(layer["parameters"] for layer in answer["layers"]) == 93_322
    shapes = [layer["output_shape"] for layer in answer["layers"]]
    assert [3, 3, 64] in shapes or [64, 3, 3] in shapes
    assert shapes[-1] == [10]


def test_nothing_is_written_or_trained(cli: Cli) -> None:
    cli("summary", "task=digits")

    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("task=wine", "model=convnet"), "model=convnet cannot take the input features"),
        (("task=mnist",), "dataset mnist: 4 of its 4 files are missing"),
        (("task=wine", "model.unit=[3]"), "model.units"),
        ((), "no task is given"),
    ],
)
def test_what_cannot_be_drawn_exits_2(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    found = cli("summary", *arguments)

    assert (found.code, found.out) == (2, "")
    assert message in found.err


def test_sizes_of_rows_of_different_length_are_those_of_the_longest(cli: Cli) -> None:
    asked = ("summary", "dataset.sample=true", "model=gru")
    told = "rows differ in length: the sizes are those of the longest\n"

    assert told in cli(*asked, "task=imdb_sequence").out
    assert told not in cli(*asked, "task=imdb", "prepare=pad").out


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_network_is_drawn_into_a_file(cli: Cli, here: Path, ending: str) -> None:
    found = cli("summary", "task=digits_vae", "--plot", f"vae.{ending}")
    assert found.out.endswith(f"drawn: vae.{ending}\n")
    assert (here / f"vae.{ending}").stat().st_size > 5000


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (
            ("--plot", "net.pdf"),
            "files that end with .pdf cannot be drawn\n  where: net.pdf\n"
            "  accepted: .svg or .png\n  try: --plot net.svg",
        ),
        (
            ("--plot", "net"),
            "files without an ending cannot be drawn\n  where: net\n"
            "  accepted: .svg or .png\n  try: --plot net.svg",
        ),
        (
            ("--plot", "none/net.svg"),
            "there is no folder none\n  where: --plot\n"
            "  accepted: a file in a folder that exists\n  try: --plot net.svg",
        ),
        (
            ("--no-shapes",),
            "--no-shapes has no effect without --plot\n  where: --no-shapes\n"
            "  accepted: --plot FILE\n  try: --plot network.svg",
        ),
    ],
)
def test_where_nothing_can_be_drawn_nothing_is_read(
    cli: Cli, here: Path, typed: tuple[str, ...], told: str
) -> None:
    found = cli("summary", "task=mnist", *typed)
    assert (found.code, found.err.strip()) == (2, f"error: {told}")
    assert not [*here.iterdir()]


@pytest.mark.parametrize(
    ("task", "layers"),
    [
        ("digits_contrastive", ["heads.projection.0", "heads.projection.2"]),
        ("gridworld", ["policy.heads.action", "value.heads.value"]),
        ("cartpole_dqn", ["value.heads.action"]),
    ],
)
def test_networks_of_learners_without_targets_are_shown_with_their_answers(
    cli: Cli, here: Path, task: str, layers: list[str]
) -> None:
    found = json.loads(cli("summary", f"task={task}", "--json", "--plot", "net.svg").out)

    rows = {row["name"]: row["parameters"] for row in found["layers"]}
    assert layers == [name for name in rows if "heads." in name and rows[name]]
    assert found["parameters"] == sum(rows.values())
    assert (here / "net.svg").stat().st_size > 5000
