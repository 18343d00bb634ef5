"""Whatever is typed or lies in a file: an answer or a `UsageError`, never a traceback or a file."""

from __future__ import annotations

import os
import random
import string
from collections.abc import Callable
from pathlib import Path

import pytest

from dlx.config.granted import find_forbidden
from dlx.config.keys import dotted_keys
from dlx.config.load import load
from dlx.config.paths import GROUPS, search_path
from dlx.config.ranges import expand_sweep
from dlx.errors import Problem, UsageError

Make = Callable[[random.Random], str]
WORDS = r"""
    0 -1 1e999 nan -inf null true ' " \\ ${ } ${seed} ${oc.env:HOME} ${${seed}} ${oc.create:{a:1}}
    ${.x} ${oc.dict.keys:trainer} [ ] [] {} {a:1} [[1]] {name:mlp} {name:{name:mlp}} mlp adam
    digits mnist ../.. /etc/passwd a,b choice(1,2) range(0,5) interval(0,1) glob(*) sort(1,2)
    int(x) shuffle([1,2]) tag(a,1) extend_list(1) os.system __import__('os') ??? _self_ = == ~ + @
    !!python/name:os *a &a << %s {0} : hydra _target_ 0x10 1_0 .5 - --cfg ; é
"""
ATOMS = [
    *WORDS.split(),
    *["", "\0", "\n", "\x1b[2J", "\u202e", "\udcff", "\U0001f600", "a b"],
    *["9" * 4400, "a" * 5000, "[" * 40],
]
MORE_KEYS = """
    targets.digit targets.digit.problem targets.x.loss.name prepare.steps.0 prepare.steps.0.name
    prepare.steps.7.x model.units.0 model.layers.0 metrics.f1 metrics.nope callbacks.time_limit
    seed.x a.b.c hydra.run.dir hydra/job _target_ optimizer.name model.name plugins.0 . ..
"""
KEYS = [*dotted_keys(), *GROUPS, *MORE_KEYS.split(), "", "x" * 300]


def a_value(rng: random.Random) -> str:
    atoms = [rng.choice(ATOMS) for _ in range(rng.randint(1, 3))]
    return rng.choice(["{}", "{}", "[{}]", "'{}'", '"{}"', "{{a:{}}}"]).format("".join(atoms))


def an_override(rng: random.Random) -> str:
    sign = rng.choice(["", "", "", "", "+", "++", "~"])
    return f"{sign}{rng.choice(KEYS)}{rng.choice(['=', '=', '=', '', '@x='])}{a_value(rng)}"


def noise(rng: random.Random) -> str:
    alphabet = string.printable + "\0\x1béß中\udcff${}[]=~+@"
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 40)))


def some_yaml(rng: random.Random) -> str:
    lines = []
    for _ in range(rng.randint(0, 8)):
        indent = " " * rng.choice([0, 0, 0, 2, 4, 1])
        key = rng.choice([*KEYS, "defaults", "- x", "? x", "name", "<<"]).rpartition(".")[2]
        value = rng.choice([a_value(rng), noise(rng), "", "|", "[mnist, _self_]", "2020-13-45"])
        lines.append(f"{indent}{key}: {value}")
    return "\n".join(lines)


def problems_of(arguments: list[str]) -> tuple[Problem, ...]:
    """What is wrong; nothing where the config can be used. Other errors come through."""
    try:
        loaded = load(arguments)
    except UsageError as error:
        return error.problems
    return () if loaded.plain() else (Problem("empty"),)


@pytest.fixture
def same_files(here: Path) -> Callable[[], list[str]]:
    """What lies around, to be compared."""
    return lambda: sorted(str(path) for path in here.parent.rglob("*"))


@pytest.mark.parametrize("make", [an_override, noise])
@pytest.mark.parametrize("seed", range(100))
def test_arguments(
    same_files: Callable[[], list[str]], make: Make, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(seed)
    before = same_files()
    arguments = ["task=digits", *[make(rng) for _ in range(rng.randint(1, 3))]]
    for problem in problems_of(arguments):
        assert problem.what
        assert problem.where
    assert same_files() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("seed", range(60))
def test_sweeps(here: Path, seed: int) -> None:
    rng = random.Random(seed)
    arguments = ["task=digits", *[an_override(rng) for _ in range(rng.randint(1, 3))]]
    found = expand_sweep(arguments, search_path(None))
    assert len(found.trials) <= 10_001
    assert found.problems or all(len(trial) == len(arguments) for trial in found.trials)


@pytest.mark.parametrize("seed", range(80))
def test_files(here: Path, seed: int) -> None:
    rng = random.Random(seed)
    text = some_yaml(rng)
    file = here / "configs" / "task" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert all(problem.where for problem in problems_of(["task=mine"]))
    assert os.listdir(here) == ["configs"]


def test_a_strangers_file_may_name_what_lies_below_a_root_alone() -> None:
    assert find_forbidden(["dataset.folder=pets"]) == ""
    assert find_forbidden(["from_run=wine/20260101-000000-0123abcd-1", "from_run.take=[a.*]"]) == ""
    for asked in (
        "from_run=/home/somebody/run",
        "from_run.run=~/run",
        "from_run={run: a/../../b, take: [c]}",
        "dataset.folder=./pictures",
        "dataset={name: images, folder: /home/somebody}",
        "prepare.steps=[{name: run_features, run: /home/somebody/run}]",
    ):
        assert find_forbidden(["task=wine", asked]) == asked
