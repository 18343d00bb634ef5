"""The section `search`: what it may say, how it is read, and what is told of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlx.config.load import load
from dlx.config.spaces import Lever, read_space
from dlx.errors import UsageError


def test_keys_are_dotted_or_nested_and_the_shell_writes_last(here: Path) -> None:
    task = here / "configs" / "task" / "mine.yaml"
    task.parent.mkdir(parents=True)
    task.write_text(
        "dataset: {name: digits}\n"
        "targets: {digit: {problem: multiclass}}\n"
        "search:\n"
        "  optimizer.lr: {log: [0.0001, 0.1]}\n"
        "  model: {units: {choice: [[16], [64, 64], [16]]}}\n"
        "  trainer.epochs: {int: [1, 9]}\n"
    )
    config = load(
        ["task=mine", "search.model.dropout={uniform:[0,0.5]}", "search.trainer.epochs=null"]
    ).config
    assert read_space(config.search) == (
        Lever("optimizer.lr", "log", (0.0001, 0.1)),
        Lever("model.units", "choice", ([16], [64, 64])),
        Lever("model.dropout", "uniform", (0, 0.5)),
    )


@pytest.mark.parametrize(
    ("argument", "what"),
    [
        ("search.optimizer.lrr={log:[1,2]}", "search: unknown key `optimizer.lrr`"),
        ("search.seed={int:[1,2]}", "`seed` cannot be searched: the best of several seeds is luck"),
        ("search.protocol.k={int:[2,5]}", "settings must be compared on the same rows"),
        ("search.optimizer.lr={logg:[1,2]}", "there is no range `logg` (did you mean log?)"),
        ("search.optimizer.lr={log:[0,1]}", "log needs a low end above 0"),
        ("search.optimizer.lr={log:[2,1]}", "the low end 2 is not below the high end 1"),
        ("search.optimizer.lr={uniform:[1]}", "uniform takes two numbers, low and high"),
        ("search.trainer.epochs={int:[1,2.5]}", "int takes two whole numbers, low and high"),
        ("search.optimizer.lr={choice:[]}", "choice takes a list"),
        ("search.optimizer.lr=0.1", "there is no range `lr`"),
        ("search.optimizer.lr={log:[1,2],choice:[3]}", "it takes one range"),
    ],
)
def test_mistakes_are_told(here: Path, argument: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(["task=digits", argument])
    assert what in str(caught.value)
    assert argument.partition("=")[0] in str(caught.value)


@pytest.mark.parametrize(
    ("lever", "value", "holds"),
    [
        (Lever("a", "choice", ([16], [32])), [16], True),
        (Lever("a", "choice", ([16], [32])), [64], False),
        (Lever("a", "log", (0.1, 1.0)), 0.1, True),
        (Lever("a", "uniform", (0, 1)), 1.5, False),
        (Lever("a", "int", (1, 4)), 2.5, False),
        (Lever("a", "uniform", (0, 1)), True, False),
        (Lever("a", "uniform", (0, 1)), None, False),
    ],
)
def test_what_a_lever_holds(lever: Lever, value: Any, holds: bool) -> None:
    assert lever.holds(value) is holds


def test_a_list_that_is_named_by_the_user_is_a_key() -> None:
    space = ["search.prepare.augment.image={choice: [[], [flip]]}"]
    more = ["search={prepare.augment.image.0.axis: {choice: [vertical, both]}}"]
    assert [one.key for one in read_space(load(["task=digits", *space]).config.search)] == [
        "prepare.augment.image"
    ]
    assert [one.key for one in read_space(load(["task=digits", *more]).config.search)] == [
        "prepare.augment.image.0.axis"
    ]
