"""The entry point: dispatch, exit codes, how errors are told, and what is not imported for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dlx
from dlx.__main__ import leave_out_cwd
from dlx.cli import main as main_module
from dlx.cli.main import VERBS, main, print_problems
from dlx.errors import DlxError, Interrupted, MethodError, Problem, RunError, UsageError

Cli = Callable[..., Any]


def test_help_names_every_verb_and_the_first_thing_to_type(cli: Cli) -> None:
    for flag in ("-h", "--help"):
        answer = cli(flag)
        assert (answer.code, answer.err) == (0, "")
        assert all(f"\n  {verb} " in answer.out for verb in VERBS)
        assert "dlx train task=digits" in answer.out


def test_version(cli: Cli) -> None:
    for flag in ("-V", "--version"):
        assert cli(flag).out == f"dlx {dlx.__version__}\n"


def test_dlx_alone_lists_the_tasks(cli: Cli) -> None:
    answer = cli()
    assert answer.code == 0
    assert answer.out == cli("tasks").out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example_that_can_be_typed(cli: Cli, verb: str) -> None:
    answer = cli(verb, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"usage: dlx {verb} ")
    examples = answer.out.partition("\nexamples:\n")[2].splitlines()
    assert examples
    typed = [line.split("dlx ", 1)[1].split()[0] for line in examples if "dlx " in line]
    assert verb in typed
    assert set(typed) <= set(VERBS)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("trian", "dlx train"),
        ("TASKS", "dlx tasks"),
        ("task=digits", "dlx train task=digits"),
        ("zzz", "dlx --help"),
        ("--foo", "dlx --help"),
        ("", "dlx --help"),
    ],
)
def test_a_verb_that_is_none(cli: Cli, typed: str, hint: str) -> None:
    answer = cli(typed, "x")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        f"error: there is no command `{typed}`\n"
        "  where: command line\n"
        f"  accepted: {', '.join(VERBS)}\n"
        f"  try: {hint}\n"
    )


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("train", "task=digits", "--epochs", "4"), "unrecognized arguments: --epochs 4"),
        (("config", "task=digits", "--why"), "argument --why: expected one argument"),
        (("doctor", "x"), "unrecognized arguments: x"),
        (("help", "seed", "x"), "unrecognized arguments: x"),
        (("train", "--cfg", "hydra"), "argument --cfg/-c: invalid choice: 'hydra'"),
        (("train", "--inf"), "unrecognized arguments: --inf"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else "",
)
def test_a_flag_that_is_none(cli: Cli, arguments: tuple[str, ...], what: str) -> None:
    answer = cli(*arguments)
    assert (answer.code, answer.out) == (2, "")
    lines = answer.err.splitlines()
    assert lines[0].startswith(f"error: {what}")
    assert lines[1] == "  where: command line"
    assert lines[2].startswith(f"  accepted: dlx {arguments[0]} [-h]")
    hint = "trainer.epochs=4" if "--epochs" in arguments else f"dlx {arguments[0]} --help"
    assert lines[3] == f"  try: {hint}"


@pytest.mark.parametrize(
    ("error", "code", "err"),
    [
        (DlxError("bad"), 1, "error: bad\n"),
        (RunError("bad"), 1, "error: bad\n"),
        (UsageError("bad"), 2, "error: bad\n"),
        (MethodError("bad"), 4, "error: bad\n"),
        (Interrupted("bad"), 130, "error: bad\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            PermissionError(13, "Permission denied", "f"),
            1,
            "error: Permission denied\n  where: f\n",
        ),
        (OSError("odd"), 1, "error: odd\n"),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    err: str,
) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(main_module, "_dispatch", fail)
    assert main([]) == code
    assert capsys.readouterr() == ("", err)


class TestProblems:
    def test_one_in_all_its_parts(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_problems([Problem("what", "where", "accepted: this", "hint")])
        assert capsys.readouterr().err == (
            "error: what\n  where: where\n  accepted: accepted: this\n  try: hint\n"
        )

    def test_several_are_counted(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_problems([Problem("a"), Problem("b", hint="c\n  d")])
        assert capsys.readouterr().err == "2 problems\nerror: a\nerror: b\n  try: c\n  d\n"

    def test_as_text(self) -> None:
        error = UsageError(Problem("a", "b"), "c")
        assert str(error) == "a\n  where: b\nc"
        assert error.problems == (Problem("a", "b"), Problem("c"))

    def test_they_move_no_cursor_and_fill_no_screen(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        print_problems([Problem("\x1b[2J\x07\u202e\udcff caf\u00e9", "x" * 5000)])
        assert capsys.readouterr().err == (
            "error: \\x1b[2J\\x07\\u202e\\udcff caf\u00e9\n"
            f"  where: {'x' * 991}... (5,009 characters)\n"
        )

    @pytest.mark.parametrize("no_color", [True, False])
    def test_colours_on_a_terminal_unless_told_otherwise(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        no_color: bool,
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.delenv("NO_COLOR", raising=False)
        if no_color:
            monkeypatch.setenv("NO_COLOR", "1")
        print_problems([Problem("a", "b")])
        assert ("\x1b[" in capsys.readouterr().err) is not no_color


LIGHT = [
    ["--help"],
    ["tasks"],
    ["tasks", "--json"],
    [],
    ["completion", "bash"],
    ["completion", "words", "--", "tr"],
    ["completion", "words", "--", "compare", ""],
    ["runs"],
    ["runs", "rm", "last"],
    ["best", "task=digits"],
    ["diff", "last", "last"],
    ["train"],
    ["trian"],
]
WITHOUT_TORCH = [
    ["help", "optimizer.lr"],
    ["completion", "words", "--", "train", "task=d"],
    ["config", "task=imdb"],
    ["config", "task=imdb", "--why", "optimizer.lr"],
    ["train", "task=imdb", "--cfg", "job"],
    ["train", "task=imdb", "--info"],
    ["train", "task=imdb", "optimiser.lr=0.01"],
    ["train", "task=imdb", "trainer.epoch=4"],
    ["train", "-m", "task=imdb", "optimizer.lr=1,x"],
    ["train", "task=imdb", "--hydra-help"],
]
HEAVY = ("torch", "torchvision", "numpy", "sklearn", "matplotlib", "rich", "omegaconf", "hydra")
SCRIPT = """
import json, sys
from dlx.cli.main import main
for arguments in json.loads(sys.argv[1]):
    main(arguments)
print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""


@pytest.mark.parametrize(
    ("commands", "imported"), [(LIGHT, []), (WITHOUT_TORCH, ["omegaconf", "hydra"])]
)
def test_start_up_imports_no_torch(here: Path, commands: list[list[str]], imported: object) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, json.dumps(commands), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == imported
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["trian"]])
def test_python_dash_m_dlx_is_the_same(here: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "dlx", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == main(arguments)


def test_the_folder_one_stands_in_is_searched_for_no_packages(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m dlx` in a repository that was cloned imports none of its modules."""
    before = [place for place in sys.path if place not in ("", str(here))]
    for added in ("", str(here)):
        monkeypatch.setattr(sys, "path", [added, *before])
        leave_out_cwd()
        assert sys.path == before
    leave_out_cwd()
    assert sys.path == before
