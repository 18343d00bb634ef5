from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from dlx.config.learners import score_names
from dlx.config.load import load
from dlx.config.specs.pictures import Decoding
from dlx.errors import UsageError
from dlx.experiments import (
    Claim,
    Experiment,
    expand,
    figures,
    find,
    is_small_good,
    names,
    reaches,
    read,
)

CHAPTERS = [
    stem + end
    for stem, ends in {
        "ch2.mnist_dense": ("",),
        "ch3.imdb": (
            "",
            ".final",
            ".ex_depth1",
            ".ex_depth3",
            ".ex_units32",
            ".ex_units64",
            ".ex_mse",
            ".ex_tanh",
        ),
        "ch3.reuters": (
            "",
            ".final",
            ".random",
            ".sparse",
            ".bottleneck4",
            ".ex_units32",
            ".ex_units128",
            ".ex_depth1",
            ".ex_depth3",
        ),
        "ch3.boston": (".kfold100", ".kfold500", ".final"),
        "ch4.imdb": (".original", ".smaller", ".bigger", ".l2", ".l1", ".l1_l2", ".dropout"),
    }.items()
    for end in ends
]


def test_every_experiment_of_chapters_2_to_4_is_there() -> None:
    assert not set(CHAPTERS) - set(names())


@pytest.mark.parametrize("name", names())
def test_every_experiment_is_a_right_config(name: str) -> None:
    """And the other experiments that it is compared with measure the same figure."""
    one = find(name)

    loaded = load(one.arguments())

    assert loaded.config.task == one.task
    for claim in one.claims:
        assert find(claim.other).name == claim.other


SIZES = ("dataset.size", "dataset.lookback", "dataset.step", "dataset.scaled_by")
SIZES += ("trainer.steps_per_epoch", "optimizer.groups")
SIZES += ("protocol.train", "protocol.validation", "protocol.test", "protocol.gap")
VECTORS = "model.layers.0.vectors"
NARROW = (
    "learner.generator={name: mlp, units: [4]}",
    "learner.discriminator={name: mlp, units: [4]}",
)
"""Of the book's GAN, whose step of 20 rows takes a minute."""
LARGE = (
    "jena",
    "vgg",
    "xception",
    "augment_dropout",
    "gan",
    "deepdream",
    "ch8.style",
    "diffusion",
    "scene",  # yeast has the same figures
    "social",
    "textgen",
    "ch8.vae",
)
"""Parts of names of experiments that take seconds on made-up data too."""


def made_small(name: str) -> list[str]:
    """An experiment's arguments without sizes that made-up data lack, and vectors of another run.

    What the names of its figures depend on is left.
    """
    words = [one for one in find(name).arguments() if not one.startswith((*SIZES, VECTORS))]
    dataset = load(words).config.dataset.options
    if isinstance(dataset, Decoding):
        words.append("dataset.size=48")  # pixels; a convolution costs by the pixel
    if dataset.kind == "environment":
        words += ["dataset.max_steps=20", "learner.steps_per_epoch=256", "learner.test_episodes=2"]
    if find(name).task == "frogs_gan":
        words += NARROW
    embeds = any(word.startswith("task=imdb_glove") for word in words)
    return [*words, "model.layers.0={name: embedding, dim: 4}"] if embeds else words


def measured_alike(name: str) -> str:
    """What the names of an experiment's figures depend on: all but how it learns and how long."""
    one = find(name)
    plain = load(made_small(name)).plain()
    kept = ("task", "test", "final", "baseline", "targets", "protocol", "loss", "metrics")
    penalised = [bool(plain["model"].get(key)) for key in ("l1", "l2")]
    smoothed = "smoothed" in str(one.published)
    return json.dumps([{key: plain[key] for key in kept}, penalised, smoothed], sort_keys=True)


@pytest.fixture(scope="module")
def given() -> dict[str, set[str]]:
    """The names of the figures that runs gave, by what they depend on."""
    return {}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.slow if any(part in n for part in LARGE) else ())
        for n in names()
    ],
)
def test_every_published_figure_is_one_that_a_run_gives(
    name: str, cli: Any, here: Path, given: dict[str, set[str]]
) -> None:
    """On made-up data, for a few epochs of large batches; the names do not depend on these."""
    one, kind = find(name), measured_alike(name)
    if kind not in given:
        epochs = 21 if "smoothed" in str(one.published) else 3  # the task's layers are free by then
        shorter = (f"trainer.epochs={epochs}", "trainer.batch_size=128", "trainer.threads=1")
        words = (*made_small(name), f"seed={one.seeds[0]}", "dataset.sample=true")
        answer = cli("train", *words, *shorter, "--json")
        assert answer.code == 0, answer.out + answer.err
        run = here / json.loads(answer.out)["folder"]
        report = json.loads((run / "report.json").read_text())
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        given[kind] = set(figures(report, rows))

    compared = {claim.figure for claim in one.claims}
    assert not {*(one.published or {}), *(one.bars or {}), *compared} - given[kind]


def test_figures_are_good_in_the_direction_that_their_learner_says() -> None:
    """Of every task that an experiment sets a threshold for; others of the same scores follow."""
    tasks = {find(name).task: find(name) for name in names() if find(name).bars}
    directions = {task: score_names(load(one.arguments()).config) for task, one in tasks.items()}
    asked = {
        (task, figure.rpartition(".")[0] or figure)
        for task, one in tasks.items()
        for figure in one.bars
        if not figure.startswith("lead/")
    }
    known = [(task, name) for task, name in asked if name in directions[task]]
    assert known
    wrong = [one for one in known if is_small_good(one[1]) != (directions[one[0]][one[1]] == "min")]
    assert not wrong


@pytest.mark.parametrize(
    ("figure", "value", "bar", "held"),
    [
        ("val/frechet.final", 1.4, 6.2, True),
        ("test/bits", 2.4, 2.3, False),
        ("lead/test/loss", 0.2, 0.1, True),
        ("val/loss.best", 0.3, 0.2, False),
    ],
)
def test_thresholds_of_what_is_to_be_small(
    figure: str, value: float, bar: float, held: bool
) -> None:
    assert reaches(figure, value, bar) is held


def test_figures_of_a_run() -> None:
    rows = [
        {"epoch": 1, "lr": 0.1, "val/loss": 2.0, "val/accuracy": 0.5},
        {"epoch": 2, "lr": 0.1, "val/loss": 1.0, "val/accuracy": 0.7},
        {"epoch": 3, "lr": 0.1, "val/loss": 3.0, "val/accuracy": 0.6},
    ]
    half = {"name": "majority", "value": 0.5}
    report = {
        "scores": [
            {"name": "test/accuracy", "value": 0.75, "direction": "max", "baseline": half},
            {"name": "test/loss", "value": 0.25, "direction": "min", "baseline": half},
            {"name": "test/probe", "value": 0.9, "direction": "max", "baseline": None},
            {"name": "val/loss", "value": 1.0},
        ],
        "baselines": [{"name": "majority", "value": 0.4}],
        "smoothed": {"val/mae": {"minimum": 2.4, "minimum_epoch": 80}},
        "data": {"rows": {"train": 2}},
        "inputs": {"text": {"kind": "dense", "shape": [10, 11], "tokens": 9}},
        "model": {"name": "mlp", "parameters": 3466},
    }

    assert figures(report, rows) == {
        "val/loss.final": 3.0,
        "val/loss.best": 1.0,
        "val/loss.best_epoch": 2.0,
        "val/accuracy.final": 0.6,
        "val/accuracy.best": 0.7,
        "val/accuracy.best_epoch": 2.0,
        "test/accuracy": 0.75,
        "lead/test/accuracy": 0.25,
        "test/loss": 0.25,
        "lead/test/loss": 0.25,
        "test/probe": 0.9,
        "baseline/majority": 0.4,
        "val/mae.smoothed": 2.4,
        "val/mae.smoothed_epoch": 80.0,
        "model/parameters": 3466.0,
        "rows/train": 2.0,
        "input/text.axis1": 10.0,
        "input/text.axis2": 11.0,
        "input/text.tokens": 9.0,
        "epochs": 3.0,
    }


@pytest.mark.parametrize(
    ("relation", "by", "mine", "others", "holds"),
    [
        ("above", 0.0, 2.0, 1.0, True),
        ("above", 0.0, 1.0, 2.0, False),
        ("below", 0.07, 0.71, 0.80, True),
        ("below", 0.07, 0.75, 0.80, False),
        ("equal", 0.0, 1.0, 1.0, True),
        ("equal", 0.0, 1.0, 1.1, False),
    ],
)
def test_claims(relation: str, by: float, mine: float, others: float, holds: bool) -> None:
    assert Claim("val/loss.final", relation, "other", by).holds(mine, others) == holds


def test_a_claim_may_be_of_two_figures() -> None:
    overfits = Claim("val/loss.final", "above", "me", 0.1, "val/loss.best")
    ours = {name: {"mean": m, "std": 0.0, "seeds": 1} for name, m in (("a", 1.0), ("b", 2.0))}

    assert str(overfits) == "val/loss.final is above val/loss.best of me by 0.1 or more"
    with patch("dlx.experiments.find", lambda name: Experiment(name, "", "wine", ours=ours)):
        found = Experiment("me", "", "wine", ours=ours).compare(Claim("b", "above", "me", its="a"))
    assert found == (2.0, 1.0)


class TestExpand:
    def test_the_shell_wins_over_the_experiment(self) -> None:
        one, arguments = expand(["trainer.epochs=3", "experiment=ch4.imdb.l2"])

        assert one.name == "ch4.imdb.l2"
        assert arguments == [
            "task=imdb",
            "model.l2=0.001",
            "protocol=test_as_validation",
            "trainer.threads=1",
            "seed=0",
            "trainer.epochs=3",
        ]
        assert load(arguments).config.trainer.epochs == 3

    def test_a_misspelt_name(self, cli: Any) -> None:
        answer = cli("train", "experiment=ch4.imdb.dropuot")

        assert answer.code == 2
        assert "there is no experiment `ch4.imdb.dropuot`" in answer.err
        assert "try: experiment=ch4.imdb.dropout" in answer.err

    def test_no_path_gets_out_of_the_folder(self, cli: Any, here: Path) -> None:
        (here / "secret.yaml").write_text("title: x\ntask: wine\n")
        (here / "experiments").mkdir()

        answer = cli("train", "experiment=../secret")

        assert answer.code == 2
        assert "there is no experiment" in answer.err


class TestFiles:
    def test_one_of_your_own_comes_first(self, cli: Any, here: Path) -> None:
        (here / "experiments").mkdir()
        (here / "experiments" / "mine.yaml").write_text(
            "title: my own\ntask: wine\npublished: {val/accuracy.best: 0.9}\n"
        )

        answer = cli("train", "experiment=mine", "dataset.sample=true", "trainer.epochs=2")

        assert answer.code == 0, answer.err
        assert "mine: my own" in answer.out
        assert "val/accuracy.best" in answer.out

    def test_every_mistake_at_once_with_its_line(self, here: Path) -> None:
        file = here / "wrong.yaml"
        file.write_text(
            "title: x\npublishd: {a: 1}\noverrides: trainer.epochs=1\nseeds: [-1]\n"
            "claims: [{figure: val/loss.final, is: under, than: ch3.imdb}]\n"
        )

        with pytest.raises(UsageError) as told:
            read(file)

        assert [problem.lines() for problem in told.value.problems] == [
            [
                "unknown key `publishd`",
                "  where: experiments/wrong.yaml:2",
                "  accepted: title, task, overrides, seeds, source, published, bars, claims, ours",
                "  try: did you mean published?",
            ],
            ["`task` is missing", "  where: experiments/wrong.yaml", "  accepted: a text"],
            [
                "`overrides` is not a list of texts",
                "  where: experiments/wrong.yaml:3",
                "  accepted: [key=value]",
            ],
            [
                "`seeds` is not a list of seeds",
                "  where: experiments/wrong.yaml:4",
                "  accepted: [0, 1, 2]",
            ],
            [
                "a claim says `is: under`",
                "  where: experiments/wrong.yaml:5",
                "  accepted: above, below, equal",
            ],
        ]


class TestVerb:
    def test_lists_published_and_own_figures(self, cli: Any) -> None:
        answer = cli("experiments", "ch3.reuters")

        assert answer.code == 0
        assert "0.8150" in answer.out
        assert "0.8177" in answer.out

    def test_json(self, cli: Any) -> None:
        found = {one["name"]: one for one in json.loads(cli("experiments", "--json").out)}

        assert found["ch3.imdb"]["published"]["val/accuracy.best"] == 0.8908
        assert found["ch4.imdb.dropout"]["command"] == "dlx train experiment=ch4.imdb.dropout"
        assert found["ch4.imdb.dropout"]["claims"] == [
            "val/loss.final is below that of ch4.imdb.original"
        ]
