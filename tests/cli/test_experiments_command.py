"""`dlx experiments`: the list, one in full, a set trained and laid over the book's figures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlx.experiments import find, names

Cli = Callable[..., Any]
EXPERIMENT = """# Two layers are enough.
title: "wine, %(units)s units"
task: wine
overrides: ["model.units=[%(units)s]", trainer.epochs=%(epochs)s, trainer.threads=1]
seeds: [0, 1]
source: "first edition, 9.%(units)s"
%(more)s
"""
PUBLISHED = """
published: {val/accuracy.best: 0.9, val/accuracy.best_epoch: 2, val/accuracy.final: 0.8,
  train/loss.final: 0.3, val/loss.best: 0.35, val/loss.best_epoch: 3}
"""


def put(here: Path, name: str, units: int, more: str = "", epochs: int = 3) -> None:
    folder = here / "experiments"
    folder.mkdir(exist_ok=True)
    text = EXPERIMENT % {"units": units, "more": more, "epochs": epochs}
    (folder / f"{name}.yaml").write_text(text)


@pytest.fixture
def own(here: Path) -> Path:
    put(here, "mine.small", 4, PUBLISHED)
    put(here, "mine.large", 16, "bars: {val/accuracy.best: 0.5}", epochs=30)
    return here


def cells(out: str, name: str) -> list[str]:
    (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_list_has_a_line_each(cli: Cli, own: Path) -> None:
    below = "ours: {test/accuracy: {mean: 0.8, std: 0, seeds: 1}}"
    put(own, "mine.missed", 8, "bars: {test/accuracy: 0.9}\n" + below)
    found = cli("experiments")
    lines = found.out.splitlines()
    assert (found.code, found.err) == (0, "")
    heads = ("experiment", "section", "what", "time", "trained here", "claim holds")
    assert [cell.strip() for cell in lines[0].split("  ") if cell.strip()] == [*heads]
    assert [line.split()[0] for line in lines[1 : 1 + len(names())]] == names()
    assert cells(found.out, "ch4.imdb.l2")[1:] == ["4.4", "IMDB, L2 penalty", "9 s", "-", "yes"]
    assert cells(found.out, "mine.missed")[-1] == "no"
    assert cells(found.out, "mine.small")[1:4] == ["9.4", "wine, 4 units", "0 s"]
    assert max(map(len, lines)) <= 120


def test_the_time_grows_with_the_steps(cli: Cli, own: Path) -> None:
    found = {one["name"]: one for one in json.loads(cli("experiments", "--json").out)}
    assert found["mine.large"]["seconds"] == pytest.approx(10 * found["mine.small"]["seconds"], 0.3)
    assert found["ch5.mnist_convnet"]["seconds"] == 200
    assert found["ch3.boston.kfold500"]["seconds"] > found["ch3.boston.kfold100"]["seconds"]


def test_a_name_shows_every_figure_and_ours_where_nothing_is_published(cli: Cli) -> None:
    whole, ours = cli("experiments", "ch4.imdb.l2").out, cli("experiments", "ch3.imdb.ex_tanh").out
    for name in find("ch4.imdb.l2").published or {}:
        assert name in whole
    assert "L2 of 0.001 on both hidden kernels." in whole
    assert "claim: val/loss.final is below that of ch4.imdb.original: holds" in whole
    assert ours.splitlines()[-5].split() == [
        "val/accuracy.best_epoch",
        "-",
        "3.333",
        "0.5800",
        "(3)",
        "-",
        "-",
    ]


def test_a_part_lists_what_has_it(cli: Cli) -> None:
    lines = cli("experiments", "ch4.*").out.splitlines()
    its = [name for name in names() if name.startswith("ch4")]
    assert [line.split()[0] for line in lines[1 : 1 + len(its)]] == its
    assert lines[1 + len(its)] == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ch9"], "no experiment has `ch9` in its name"),
        (["run"], "no experiment is named"),
        (["run", "ch9.*"], "no experiment has `ch9.*` in its name"),
        (["ch4", "--dry-run"], "--dry-run goes with `dlx experiments run`"),
        (["--seeds", "2"], "--seeds goes with `dlx experiments run`"),
        (["run", "ch4", "--seeds", "0"], "0 is not a whole number >= 1"),
    ],
)
def test_mistakes(cli: Cli, here: Path, arguments: list[str], words: str) -> None:
    found = cli("experiments", *arguments)
    assert found.code == 2
    assert words in found.err
    assert not (here / "runs").exists()


def test_a_set_is_listed_trained_once_and_gone_on_with(cli: Cli, own: Path) -> None:
    listed = cli("experiments", "run", "mine.*", "--dry-run")
    assert listed.code == 0
    assert "4 trainings left, about" in listed.out
    assert not (own / "runs").exists()

    first = cli("experiments", "run", "mine.small", "--seeds", "1")
    assert first.code == 0, first.err
    assert "[1/1] mine.small seed=0" in first.out
    assert cells(cli("experiments", "mine").out, "mine.small")[-2] == "1 of 2 seeds"

    rest = cli("experiments", "run", "mine.small")
    assert rest.out.splitlines()[1].split() == ["mine.small", "0", "done"]
    assert "1 training left" in rest.out
    assert len([*(own / "runs" / "wine").iterdir()]) == 2
    again = json.loads(cli("experiments", "run", "mine.small", "--json").out)
    assert [one["done"] for one in again["trainings"]] == [True, True]
    assert len([*(own / "runs" / "wine").iterdir()]) == 2

    runs = [own / "runs" / one["run"] / "metrics.jsonl" for one in again["trainings"]]
    curves = [[json.loads(line) for line in run.read_text().splitlines()] for run in runs]
    mean = sum(max(row["val/accuracy"] for row in curve) for curve in curves) / 2
    html = (own / again["report"]).read_text()
    shown = re.search(r"val/accuracy\.best</td>(.*?)</tr>", html, re.DOTALL)
    assert shown is not None
    row = re.findall(r"<td[^>]*>(.*?)</td>", shown[1])
    assert row[:2] == ["0.9000", f"{mean:#.4g}"]
    assert row[3:5] == ["2", "0.3929 majority"]
    assert "<script" not in html


def test_every_run_of_an_experiment_is_found_by_its_name(
    cli: Cli, own: Path, in_process: None
) -> None:
    """Trained alone, in a set, as a trial, as the best or by a workflow; and still when resumed."""
    put(own, "mine.short", 4, epochs=1)
    named = ("experiment=mine.short", "dataset.sample=true")
    searched = ("optimizer.lr=0.1,0.2", "tune.trials=1", "--train-best")
    commands = [
        (("train", *named), 1),
        (("resume", "last", "trainer.epochs=2"), 1),
        (("train", "-m", *named, "optimizer.lr=0.1,0.3"), 3),
        (("tune", *named, *searched), 5),
        (("workflow", *named, "workflow.until=1"), 6),
        (("workflow", *named[1:], *find("mine.short").arguments(), "workflow.until=2"), 6),
        (("experiments", "run", "mine.short", "--seeds", "1"), 7),
    ]
    for command, many in commands:
        answer = cli(*command)
        assert (answer.code, answer.err) == (0, ""), command
        found = json.loads(cli("runs", "experiment=mine.short", "--json").out)
        assert len(found) == many, command
    assert len([*own.glob("runs/wine/*-*")]) == many


@pytest.mark.parametrize(
    "verb", [("experiments", "run"), ("experiments", "record"), ("reproduce",)]
)
def test_data_that_are_missing_are_told_before_the_first_training(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    for name in ("wine", "imdb", "mnist", "reuters"):
        put(here, f"mine.{name}", 4, "bars: {val/accuracy.best: 0.5}", epochs=1)
        file = here / "experiments" / f"mine.{name}.yaml"
        told = file.read_text().replace("task: wine", f"task: {name}")
        file.write_text(told.replace('"model.units=[4]", ', ""))
    monkeypatch.setattr("dlx.cli.train.train", None)  # nothing gets so far
    monkeypatch.setattr("dlx.reproduce.claims.replay", None)
    names = [f"mine.{name}" for name in ("wine", "imdb", "mnist", "reuters")]
    if verb == ("reproduce",):
        names = [f"experiments/{name}.yaml" for name in names]

    answer = cli(*verb, *names)

    assert answer.code == 2
    assert answer.err.startswith("3 problems\n")
    for name in ("imdb", "mnist", "reuters"):
        assert answer.err.count(f"error: dataset {name}: ") == 1
        assert f"  try: `dlx data fetch {name}`" in answer.err
    assert not [*here.glob("runs/*/*")]


def test_json_of_a_training_has_the_published_figures_beside_its_own(cli: Cli, own: Path) -> None:
    """A toy that is judged by no score has nothing else to show."""
    toy = json.loads(cli("train", "experiment=ch6.onehot.word", "--json").out)["experiment"]
    assert toy["name"] == "ch6.onehot.word"
    assert toy["differs"] == []
    assert toy["figures"]["input/text.axis2"] == {"published": 11, "run": 11.0}

    shown = cli("experiments", "ch6.onehot.word").out
    assert cells(shown, "input/text.axis2") == ["input/text.axis2", "11", "11", "0.000 (1)", *"--"]
