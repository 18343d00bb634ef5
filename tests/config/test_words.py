"""dlx's own words in the arguments of a sweep."""

from __future__ import annotations

import shlex

import pytest

from dlx.config.words import refuse, sort
from dlx.errors import UsageError
from dlx.machine import cores


def test_words_are_taken_out() -> None:
    found = sort(
        [
            "task=digits",
            "seeds=3",
            "where=seed < 3",
            "zip(optimizer.lr, seed)",
            "jobs=2",
            "sweep.retries=1",
            "optimizer.lr=1,2",
        ]
    )
    assert found.arguments == ["task=digits", "optimizer.lr=1,2"]
    assert found.own == ["sweep.seeds=3", "sweep.jobs=2", "sweep.retries=1"]
    assert found.conditions == ["seed < 3"]
    assert found.coupled == [["optimizer.lr", "seed"]]


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        (["hydra/launcher=basic"], ["sweep.launcher.name=workers"]),
        (
            ["hydra.launcher.n_jobs=3", "hydra/launcher=joblib"],
            ["sweep.launcher.name=workers", f"sweep.jobs={cores()}", "sweep.jobs=3"],
        ),
        (["hydra.launcher.n_jobs=-1"], [f"sweep.jobs={cores()}"]),
        (
            ["hydra/launcher=submitit_slurm", "hydra.launcher.partition=gpu"],
            ["sweep.launcher.name=submitit_slurm", "sweep.launcher.partition=gpu"],
        ),
    ],
)
def test_hydras_launchers_are_known(arguments: list[str], own: list[str]) -> None:
    found = sort(["task=digits", *arguments])
    assert (found.arguments, found.own) == (["task=digits"], own)


def test_a_launcher_that_is_not_known() -> None:
    with pytest.raises(UsageError) as caught:
        sort(["hydra/launcher=submitit_slrm"])
    assert str(caught.value) == (
        "there is no launcher `submitit_slrm`\n"
        "  where: command line: hydra/launcher=submitit_slrm\n"
        "  accepted: basic, joblib, submitit_local, submitit_slurm\n"
        "  try: hydra/launcher=submitit_slurm"
    )


@pytest.mark.parametrize("argument", ["zip()", "zip(a", "zip( )"])
def test_a_zip_that_couples_nothing(argument: str) -> None:
    with pytest.raises(UsageError, match="names fewer than two keys"):
        sort([argument])


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("seeds=3", "seeds"),
        ("jobs=2", "jobs"),
        ("where=seed < 1", "where"),
        ("zip(a,b)", "zip"),
        ("hydra/launcher=joblib", "hydra/launcher"),
        ("sweep.seeds=3", "sweep.seeds"),
    ],
)
def test_one_training_takes_no_such_word(argument: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        refuse(["task=digits", argument])
    assert str(caught.value) == (
        f"`{word}` is for sweeps, but this command trains once\n"
        f"  where: command line: {argument}\n  try: dlx train -m ... {shlex.quote(argument)}"
    )


def test_other_arguments_are_no_words() -> None:
    arguments = ["task=digits", "seed=3", "optimizer.lr=1"]
    refuse(arguments)
    found = sort(arguments)
    assert (found.arguments, found.own, found.conditions, found.coupled) == (arguments, [], [], [])
