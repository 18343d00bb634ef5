"""Dispatch: which verb was typed, and how its errors are told."""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..errors import DlxError, Problem, UsageError
from ..interrupts import raise_on_signal
from ..printable import printable_line
from ..version import __version__
from .console import say_json
from .streams import tolerate_closed_streams
from .waiting import show_waiting

VERBS = {
    "tasks": "list the tasks",
    "init": "make a task of your own data: dlx init titanic.csv --target Survived",
    "train": "train, validate and test a task: dlx train task=digits",
    "tune": "search for better settings on the validation set: dlx tune task=digits",
    "workflow": "run the seven-step workflow, up to one test score: dlx workflow task=digits",
    "resume": "continue an interrupted run: dlx resume last",
    "reproduce": "train a run again and compare it to the bit, or check a claim",
    "ensemble": "average what finished runs predict: dlx ensemble RUN RUN",
    "lock": "pin a run's data, config and digests in dlx.lock",
    "test": "evaluate a finished run on the test set",
    "predict": "what a finished run answers to new rows: dlx predict last new.csv",
    "experiments": "the book's experiments: published figures and ours",
    "runs": "list, filter and sort the runs, or delete some",
    "best": "the best run of a task by validation score: dlx best task=digits",
    "compare": "compare runs, and say which differences are significant",
    "diff": "list what differs between two runs: config, environment, data",
    "report": "build a run's report again, or print its path",
    "explain": "show what a run's network sees: dlx explain last",
    "export": "write a run as an ONNX graph, checked against it: dlx export last",
    "serve": "let a run answer over HTTP: dlx serve last",
    "lr-find": "find a learning rate by a short range test: dlx lr-find task=digits",
    "generate": "let a language model write on: dlx generate last",
    "summary": "show the layers of a task's model",
    "config": "show the complete config of a task, and where each value comes from",
    "schema": "print the schema of configs, for editors: dlx schema > dlx.schema.json",
    "help": "explain a config key: dlx help optimizer.lr",
    "data": "list, download, verify and look at datasets",
    "doctor": "check this machine's installation",
    "completion": "print a script for shell completion",
}

MAX_LINE = 1000
_PATHS = ("root", "out", "file", "junit", "config_dir", "plot")
"""Flags that name files: no shell replaces the `~` of --root=~/runs."""

USAGE = """dlx {version}: deep-learning experiments from the shell

usage: dlx COMMAND [arguments]      dlx COMMAND --help shows examples

{verbs}

start with:
  dlx train task=digits          about five seconds, no network needed
  dlx init FILE --target COLUMN  makes a task of data of your own
  dlx tasks                      lists all tasks
"""


def main(arguments: Sequence[str]) -> int:
    """Runs one command.

    With `--json` its answer, or its error, is one JSON document on standard output.

    Args:
        arguments: what was typed after `dlx`.

    Returns:
        0 done, 1 the run failed, 2 the command or config is wrong, 4 refused by the method,
        130 interrupted.
    """
    # Importing torch and reading lists make a million objects: collecting garbage after every 700
    # of them takes a fifth of the time.
    gc.set_threshold(100_000, 50, 50)
    # Read by CUDA when it starts, so it must be set before torch is imported, here or in a worker.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with tolerate_closed_streams() as out:
        code, problems = _carry_out(list(arguments))
        if problems is not None:
            _tell(problems, code, is_json(arguments))
        out.flush()
        if out.failed is not None:
            said = out.failed.strerror or str(out.failed)
            print_problems([Problem(f"the output cannot be written: {said}", "standard output")])
            return code or 1
    return code


def answer_json(arguments: Sequence[str]) -> Any:
    """What a command prints with `--json`, read back: for those who call it from Python.

    Raises:
        DlxError: as the command tells it.
        KeyboardInterrupt: it was interrupted.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        _dispatch([*arguments, "--json"])
    return json.loads(out.getvalue())


def _carry_out(arguments: list[str]) -> tuple[int, Sequence[Problem] | None]:
    """The exit code of a command, and what went wrong, if anything did."""
    try:
        with raise_on_signal():
            return _dispatch(arguments), None
    except DlxError as error:
        return error.exit_code, error.problems
    except SystemExit as stopped:  # argparse, after --help
        return int(stopped.code or 0), None
    except KeyboardInterrupt:
        return 130, ()
    except OSError as error:
        return 1, [Problem(f"{error.strerror or error}", str(error.filename or ""))]
    except (ImportError, MemoryError) as error:
        if isinstance(error, ImportError) and not _NO_ROOM.search(str(error)):
            raise
        what = f"out of memory: {error or 'an allocation failed'}"
        return 1, [Problem(what, hint="ulimit -v unlimited, or a machine with more memory")]


_NO_ROOM = re.compile("failed to map segment|[Cc]annot allocate memory")
"""What the loader says of a library, such as torch's, that the address space has no room for."""


def is_json(arguments: Sequence[str]) -> bool:
    """Whether a command is to answer in JSON; what follows `--` is no flag of it."""
    words = list(arguments)
    return "--json" in words[: words.index("--") if "--" in words else len(words)]


def _tell(problems: Sequence[Problem], code: int, as_json: bool) -> None:
    """Says why a command has ended, for people or for scripts."""
    if as_json:
        what = problems[0].what if problems else "interrupted"
        error = what if len(problems) < 2 else f"{len(problems)} problems"
        say_json({"error": error, "problems": [vars(one) for one in problems], "exit": code})
    elif problems:
        print_problems(problems)
    else:
        print("interrupted", file=sys.stderr)  # noqa: T201


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help"):
        print(usage())  # noqa: T201
        return 0
    if first in ("-V", "--version"):
        print(f"dlx {__version__}")  # noqa: T201
        return 0
    if not arguments:
        return _run("tasks", [])
    if first not in VERBS:
        raise UsageError(_unknown_verb(first))
    return _run(first, arguments[1:])


def _run(verb: str, arguments: list[str]) -> int:
    module = importlib.import_module(f".{verb.replace('-', '_')}", __package__)
    parser = _Parser(
        prog=f"dlx {verb}",
        description=VERBS[verb],
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    args = (
        parser.parse_args(arguments)
        if verb in ("data", "completion")  # sub-commands and remainders are not for intermixing
        else parser.parse_intermixed_args(arguments)
    )
    args.line = tuple(arguments)
    for name in _PATHS:
        if str(getattr(args, name, None) or "").startswith("~"):
            setattr(args, name, os.path.expanduser(getattr(args, name)))
    named = any(one.startswith("experiment=") for one in getattr(args, "overrides", ()))
    if named and not getattr(args, "multirun", False):  # a sweep may have several
        from ..experiments import expand

        args.experiment, args.overrides = expand(args.overrides)
    quiet = bool(getattr(args, "quiet", False) or getattr(args, "json", False))
    with show_waiting(quiet):
        code: int = module.run(args)
    return code


class _Parser(argparse.ArgumentParser):
    """Tells its errors as dlx tells all others."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the flags."""
        usage = " ".join(self.format_usage().split()[1:])
        hint = self._as_key(message) or f"{self.prog} --help"
        raise UsageError(Problem(message, "command line", usage, hint))

    def _as_key(self, message: str) -> str:
        """`trainer.epochs=5` for --epochs 5, where the command takes keys."""
        takes = any(action.dest == "overrides" for action in self._actions)
        unknown = message.removeprefix("unrecognized arguments: ").split()
        if not takes or unknown == message.split() or not unknown:
            return ""
        from ..config.meaning import guess_key

        flag, equals, value = unknown[0].partition("=")
        value = value if equals else "".join(unknown[1:2])
        key = guess_key(flag)
        if key is None:
            return ""
        return f"{key}={value}" if value and not value.startswith("-") else f"dlx help {key}"


def _unknown_verb(name: str) -> Problem:
    from ..config.names import find_nearest, join_names

    if "=" in name:
        hint = f"dlx train {name}"
    else:
        near = find_nearest(name, VERBS)
        hint = f"dlx {near}" if near else "dlx --help"
    return Problem(f"there is no command `{name}`", "command line", join_names(VERBS), hint)


def usage() -> str:
    """The text of `dlx --help`."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name.ljust(width)}  {text}" for name, text in VERBS.items())
    return USAGE.format(version=__version__, verbs=verbs)


def print_problems(problems: Sequence[Problem]) -> None:
    """Tells problems on standard error, in colour on a terminal."""
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    red, dim, plain = ("\033[1;31m", "\033[2m", "\033[0m") if colour else ("", "", "")
    if len(problems) > 1:
        print(f"{len(problems)} problems", file=sys.stderr)  # noqa: T201
    for problem in problems:
        first, *rest = [_short(line) for text in problem.lines() for line in text.split("\n")]
        print(f"{red}error:{plain} {first}", file=sys.stderr)  # noqa: T201
        for line in rest:
            label, colon, text = line.partition(":")
            print(f"{dim}{label}{colon}{plain}{text}", file=sys.stderr)  # noqa: T201


def _short(text: str) -> str:
    """Text that moves no cursor and fills no screen, whatever a file or an argument holds."""
    short = text if len(text) <= MAX_LINE else f"{text[:MAX_LINE]}... ({len(text):,} characters)"
    return printable_line(short)
