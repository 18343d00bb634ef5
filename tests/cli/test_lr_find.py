"""`dlx lr-find`: what it suggests, that it is exact, and whom it refuses."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.cli.main import main

Cli = Callable[..., Any]
WINE = ("task=wine", "trainer.threads=1")


def test_it_is_exact_and_what_it_says_can_be_typed(cli: Cli, in_process: None) -> None:
    first, second = (cli("lr-find", *WINE, "--json", "--steps", "60") for _ in range(2))
    assert (first.code, first.err, first.out) == (0, "", second.out)
    found = json.loads(first.out)
    rates = [point["lr"] for point in found["points"]]
    assert rates[0] == pytest.approx(1e-5)
    assert rates == sorted(rates)
    assert 1e-4 < found["steepest"] < found["lowest"] < 1
    assert found["suggested"] == pytest.approx(found["lowest"] / 10, rel=0.05)
    assert found["command"] == f"dlx train {' '.join(WINE)} optimizer.lr={found['suggested']:g}"
    assert [file.name for file in Path().iterdir()] == ["lr-find-wine.png"]  # no run was written
    assert Path("lr-find-wine.png").read_bytes()[:4] == b"\x89PNG"
    assert main([*shlex.split(found["command"])[1:], "trainer.epochs=1", "--quiet"]) == 0


def test_it_is_told_in_lines(cli: Cli) -> None:
    given = ("--steps", "60", "--rule", "steepest", "--plot", "rates.svg")
    found = cli("lr-find", *WINE, "optimizer.lr=0.5", *given)
    lines = found.out.splitlines()
    assert lines[0].startswith("wine: optimizer.lr raised over ")
    assert lines[1].split() == ["rate", "loss"]
    assert len(lines) < 24
    assert "(fastest fall); it is 0.5 now" in lines[-3]
    assert lines[-2].startswith("try: dlx train task=wine trainer.threads=1 optimizer.lr=0.0")
    assert lines[-1] == "picture: rates.svg; no run was written"
    assert Path("rates.svg").read_text().startswith("<?xml")


def test_a_schedule_changes_no_rate_and_groups_keep_their_proportion(cli: Cli) -> None:
    groups = "optimizer.groups={body.0.*: {lr: 0.0001}, *.bias: {weight_decay: 0.1}}"
    given = (*WINE, "optimizer.lr=0.001", groups, "--json", "--steps", "40")
    plain, scheduled = (
        json.loads(cli("lr-find", *given, *more).out) for more in ((), ("schedule=one_cycle",))
    )
    assert plain["points"] == scheduled["points"]
    typed = shlex.split(plain["command"])
    assert typed[-2] == f"optimizer.lr={plain['suggested']:g}"
    assert typed[-1] == f"optimizer.groups={{body.0.*: {{lr: {plain['suggested'] / 10:.2g}}}}}"
    assert cli("config", *typed[2:]).code == 0
    alone = json.loads(cli("lr-find", *WINE, "--json", "--steps", "40").out)
    assert alone["points"][1:] != plain["points"][1:]


REFUSED = [
    (
        ("task=digits_gan",),
        "error: learner gan has 2 optimizers, generator, discriminator: whether one's rate is too "
        "high depends on the others', so no range test tells\n"
        "  where: learner\n"
        "  accepted: a learner with one optimizer\n"
        "  try: dlx tune task=digits_gan\n",
    ),
    (
        ("task=wine", "--low", "1", "--high", "0.1"),
        "error: --low 1 is not below --high 0.1\n"
        "  where: command line: --low\n"
        "  accepted: below 0.1\n"
        "  try: --low 1e-5\n",
    ),
    (
        ("task=wine", "--steps", "3"),
        "error: --steps 3 is too few to see a loss fall\n"
        "  where: command line: --steps\n"
        "  accepted: 10 or more\n"
        "  try: --steps 100\n",
    ),
    (
        ("task=wine", "--plot", "my rates.pdf"),
        "error: files that end with .pdf cannot be drawn\n"
        "  where: my rates.pdf\n"
        "  accepted: .svg or .png\n"
        "  try: --plot 'my rates.svg'\n",
    ),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED)
def test_what_is_refused(cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    found = cli("lr-find", *arguments)
    assert (found.code, found.out, found.err) == (2, "", told)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "x"])
def test_what_is_no_rate(cli: Cli, rate: str) -> None:
    found = cli("lr-find", "task=wine", f"--low={rate}")
    assert found.code == 2
    assert f"argument --low: {rate} is not a rate above 0, 1e6 at most" in found.err


@pytest.mark.parametrize(
    ("arguments", "told", "hint"),
    [
        (("--low", "1e-9", "--high", "1e-8"), "1e-09 to 1e-08 (40 steps)", "--high 10"),
        (("--low", "1e5", "--high", "1e6"), "100000 to 1e+06 (", "--low 1000"),
    ],
)
def test_where_no_rate_lowers_the_loss(
    cli: Cli, arguments: tuple[str, ...], told: str, hint: str
) -> None:
    found = cli("lr-find", *WINE, *arguments, "--steps", "40")
    assert (found.code, found.out) == (1, "")
    first, *_, last = found.err.splitlines()
    assert first.startswith(f"error: the loss falls at no rate from {told}")
    assert last == f"  try: {hint}"
