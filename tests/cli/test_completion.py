"""`dlx completion`: the words it offers, and that a shell takes the script."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up import put

from dlx.cli.completion import words
from dlx.cli.main import VERBS
from dlx.config.fields import options_of
from dlx.config.keys import dotted_keys
from dlx.config.paths import GROUPS, find_shipped
from dlx.config.schema import Target

Cli = Callable[..., Any]
DIGITS = "digits/20260101-120000-00000001-2"
WINE = "wine/20260101-120000-00000002-3"
pytestmark = pytest.mark.usefixtures("here")


def tasks(begun: str) -> list[str]:
    """The words of all tasks of dlx whose names begin so."""
    files = (find_shipped("configs") / "task").glob(f"{begun}*.yaml")
    return sorted(f"task={file.stem}" for file in files)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ([], list(VERBS)),
        ([""], list(VERBS)),
        (["tr"], ["train"]),
        (["r"], ["resume", "reproduce", "runs", "report"]),
        (["zzz"], []),
        (["train", "trainer.d"], ["trainer.deterministic=", "trainer.device="]),
        (["train", "task=breast"], tasks("breast")),
        (["train", "-m", "task=digits", "model=ml"], ["model=mlp"]),
        (["config", "trainer.device=c"], ["trainer.device=cpu", "trainer.device=cuda"]),
        (["summary", "test="], ["test=true", "test=false"]),
        (["tune", "task=win"], tasks("win")),
        (["data", "preview", "task=win"], tasks("win")),
        (["explain", "last", "--method", "f"], ["filters", "filters_plain"]),
        (
            ["train", "optimizer.name=ad"],
            [f"optimizer.name={n}" for n in ("adam", "adamw", "adagrad")],
        ),
        (["train", "optimizer.na"], ["optimizer.name="]),
        (["train", "callbacks.early_stopping.p"], ["callbacks.early_stopping.patience="]),
        (["train", "trainer.average=e"], []),  # which is refused
        (["train", "trainer.average.name=e"], ["trainer.average.name=ema"]),
        (["train", "trainer.average.n"], ["trainer.average.name="]),
        (["train", "learner.optimizers.generator=a"], []),
        (["train", "prepare.augment.image=f"], []),
        (
            ["train", "task=digits", "targets.d"],
            [f"targets.digit.{key}=" for key in options_of(Target)],
        ),
        (
            ["train", "task=breast_cancer_shared", "model.nodes.tumour.j"],
            ["model.nodes.tumour.join="],
        ),
        (["train", "task=nowhere", "targets.d"], []),
        (["train", "seed="], []),
        (["train", "nonsense="], []),
        (["train", "zzz"], []),
        (["train", "task=../"], []),
        (["help", "optimizer.l"], ["optimizer.line_search", "optimizer.lr"]),
        (["help", "branc"], ["branches", "branch"]),
        (["help", "reinf"], ["reinforcement"]),
        (["tasks", "sup"], ["supervised"]),
        (["tasks", "mnist_v"], ["mnist_vae"]),
        (["tasks", "-"], []),
        (["doctor", "x"], []),
        (["runs", "trainer"], []),
        (["runs", ""], ["rm", "task=", "state=", "sweep=", "seed="]),
        (["runs", "state=p"], ["state=paused", "state=pruned"]),
        (["runs", "rm", "o"], ["older="]),
        (["runs", "--l"], []),
        (["best", "t"], ["task="]),
        (["compare", "l"], []),
    ],
    ids=str,
)
def test_words(typed: list[str], expected: list[str]) -> None:
    assert words(typed) == expected


def test_all_keys_are_offered() -> None:
    offered = {word.removesuffix("=") for word in words(["train", ""])}
    assert set(dotted_keys()) | set(GROUPS) <= offered


def test_own_files_are_offered(here: Path) -> None:
    (here / "configs" / "task").mkdir(parents=True)
    (here / "configs" / "task" / "dinosaurs.yaml").write_text("not: [read")
    assert words(["train", "task=din"]) == ["task=dinosaurs"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["compare", ""], ["last", WINE, DIGITS]),
        (["diff", "last", "d"], [DIGITS]),
        (["report", "wine/"], [WINE]),
        (["export", "w"], [WINE]),
        (["serve", "l"], ["last"]),
        (["runs", "rm", "w"], [WINE]),
        (["runs", "task="], ["task=digits", "task=wine"]),
        (["best", "optimizer.lr="], ["optimizer.lr=0.1", "optimizer.lr=0.2"]),
        (["runs", "opt"], ["optimizer.lr="]),
        (["runs", "task=wine", "r"], []),
    ],
    ids=str,
)
def test_runs_and_filters_are_offered(here: Path, typed: list[str], expected: list[str]) -> None:
    put(1)
    put(2, task="wine")
    assert words(typed) == expected


def test_a_line_a_word(cli: Cli) -> None:
    answer = cli("completion", "words", "--", "train", "task=breast")
    files = sorted((find_shipped("configs") / "task").glob("breast*.yaml"))
    assert (answer.code, answer.out) == (0, "".join(f"task={file.stem}\n" for file in files))
    assert cli("completion", "words", "--", "train", "--").out == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_script_asks_for_words(cli: Cli, shell: str) -> None:
    answer = cli("completion", shell)
    assert answer.code == 0
    assert "dlx completion words -- " in answer.out
    if program := shutil.which(shell):
        command = [program, "-n", "/dev/stdin"]
        ran = subprocess.run(command, input=answer.out, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_a_shell_that_is_none(cli: Cli) -> None:
    answer = cli("completion", "csh")
    assert answer.code == 2
    assert answer.err.startswith("error: argument shell: invalid choice: 'csh'")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("dlx", "tr"), ["train"]),
        (("dlx", "train", "task=mn"), tasks("mn")),
        (("dlx", "train", "task=digits", "model=m"), ["model=mlp"]),
    ],
)
def test_bash_completes_with_it(cli: Cli, typed: tuple[str, ...], expected: list[str]) -> None:
    script = cli("completion", "bash").out
    lines = [
        f'dlx() {{ "{sys.executable}" -m dlx "$@"; }}',
        script,
        f"COMP_WORDS=({' '.join(typed)}); COMP_CWORD={len(typed) - 1}",
        "_dlx; printf '%s\\n' \"${COMPREPLY[@]}\"",
    ]
    ran = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True)
    assert (ran.stdout.split(), ran.stderr) == (expected, "")
