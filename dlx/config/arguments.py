"""Reading command-line arguments in Hydra's override grammar, and what is said of the others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from ..errors import Problem
from .check import SHELL
from .keys import dotted_keys
from .meaning import guess_key
from .names import did_you_mean
from .paths import GROUPS, group_files, is_name, search_path

_LEXER = "LexerNoViableAltException: "
_HOME = re.compile(r"(\w+:/*)?~[\w./ -]*")
_FILE = re.compile(r"\.(csv|tsv|txt|json|jsonl|parquet|npz|npy|arff|xlsx?|zip|gz|h5|pt|py)$")
_NO_KEY = "is not a key: separate the parts by dots"
_DOTS = "key=value, as in trainer.epochs=5 or prepare.steps.0.size=5000"
MAX_CHARACTERS = 20_000
MAX_DEPTH = 32
"""Brackets within brackets, and dots in a key: Hydra's parser and dlx's own merging recurse."""


def parse(arguments: Sequence[str], problems: list[Problem]) -> list[Override]:
    """Reads arguments in Hydra's override grammar, noting those that are not in it.

    `model.units[0]=8` is read as `model.units.0=8`, and told as `bracket_problem`.
    """
    parser = OverridesParser.create()
    overrides = []
    rest = list(arguments)
    while rest:
        if pieces := count_pieces(rest):
            problems.append(_space_problem(" ".join(rest[:pieces]), "".join(rest[:pieces])))
            del rest[:pieces]
            continue
        argument = rest.pop(0)
        read = _unbracket(argument)
        if problem := _reading_problem(read):
            problems.append(problem)
            continue
        try:
            for override in parser.parse_overrides([_quote_home(read)]):
                override.input_line = argument
                overrides.append(override)
        except (HydraException, ValueError) as error:
            problems.append(_grammar_problem(argument, error, parser))
    return overrides


def _quote_home(argument: str) -> str:
    """`key=~/runs` with its value in quotes, as Hydra's grammar wants it."""
    key, equals, value = argument.partition("=")
    return f'{key}="{value}"' if equals and _HOME.fullmatch(value) else argument


def _unbracket(argument: str) -> str:
    """`model.units.0=8` for `model.units[0]=8`; any other argument as it is."""
    key, equals, value = argument.partition("=")
    meant = guess_key(key) if equals and re.search(r"\w\[\d+\]$", key) else None
    return f"{meant}={value}" if meant else argument


def bracket_problem(argument: str, hint: str) -> Problem:
    """For `model.units[0]=8`, which is typed otherwise."""
    key = argument.partition("=")[0]
    return Problem(f"`{key}` {_NO_KEY}", SHELL + argument, _DOTS, hint)


def count_pieces(words: Sequence[str]) -> int:
    """How many words are one argument with spaces around its `=`, or in its place; 0 if none."""
    first, second, third = (*words[:3], "", "", "")[:3]
    if not third and not second:
        return 0
    if "=" not in first and second == "=" and third:
        return 3
    if first.count("=") == 1 and first.endswith("=") and second and "=" not in second:
        return 2
    if "=" not in first and second.startswith("=") and len(second) > 1:
        return 2
    bare = "=" not in first + second and not second.startswith("~")
    return 2 if bare and first in (*GROUPS, *dotted_keys()) else 0


def _space_problem(written: str, joined: str) -> Problem:
    """For a key and its value with spaces between them."""
    key, equals, value = joined.partition("=")
    if not equals:
        key, _, value = written.partition(" ")
    what = f"expected key=value, got `{written}`"
    hint = shlex.quote(f"{key.strip()}={value.strip()}")
    return Problem(what, SHELL + written, "key=value, without spaces around =", hint)


def _grammar_problem(argument: str, error: Exception, parser: OverridesParser) -> Problem:
    detail = _grammar_message(argument, error)
    what = "cannot read the argument" + (f": {detail}" if detail else "")
    accepted = "key=value, as in optimizer.lr=0.01 or model.units=[64,64]"
    for instead in _suggest_arguments(argument) if "not allowed" in detail else ():
        with suppress(HydraException, ValueError):
            parser.parse_overrides([instead])
            return Problem(what, SHELL + argument, accepted, shlex.quote(instead))
    return Problem(what, SHELL + argument, accepted)


def _suggest_arguments(argument: str) -> Iterator[str]:
    """What an argument may have been meant to be.

    A pattern in a mapping, names of a mapping without quotes, a comma less, or a text in quotes.
    """
    key, _, value = argument.partition("=")
    if found := re.fullmatch(r"(optimizer\.groups)\.(.*\*.*)\.(\w+)", key):
        yield f"{found[1]}={{{found[2]}: {{{found[3]}: {value}}}}}"
    if (bare := re.sub(r"""(["'])([^"']+)\1(\s*:)""", r"\2\3", value)) != value:
        yield f"{key}={bare}"
    if (shorter := re.sub(r",\s*([\]})])", r"\1", value)) != value:
        yield f"{key}={shorter}"
    if value[:1] not in ("[", "{"):
        yield f'{key}="{value}"'


def _reading_problem(argument: str) -> Problem | None:
    """What keeps an argument from the parser, which is slow and recursive."""
    if len(argument) > MAX_CHARACTERS:
        what = f"the argument has {len(argument):,} characters"
        return Problem(what, f"{SHELL}{argument[:40]}...", f"at most {MAX_CHARACTERS:,}")
    key, equals, value = argument.lstrip("+~").partition("=")
    if not key.strip() or not (equals or argument.startswith("~")):
        return _no_pair(argument)
    if equals and (key != key.strip() or value != value.lstrip()):
        return _space_problem(argument, argument)
    if max(_depth(argument), key.count(".")) > MAX_DEPTH:
        what = "the argument is nested too deeply"
        return Problem(what, f"{SHELL}{argument[:40]}...", f"at most {MAX_DEPTH} levels")
    if set("/[") & set(key) and equals and (meant := guess_key(key)):
        hint = shlex.quote(f"{meant}={value}")
        return Problem(f"`{key}` {_NO_KEY}", SHELL + argument, _DOTS, hint)
    return None


def _no_pair(argument: str) -> Problem:
    """For what is no key=value: a task's name alone, a file, or a key without a value."""
    key, _, value = argument.strip().partition(" ")
    if value and key in dotted_keys():
        return _space_problem(argument, argument.strip())
    what = f"expected key=value, got `{argument}`"
    if _FILE.search(argument):
        what += ", a file: dlx trains tasks"
        return Problem(what, SHELL + argument, "task=NAME", "dlx tasks")
    if argument in dotted_keys():
        return Problem(what, SHELL + argument, "key=value", f"dlx help {argument}")
    if not is_name(argument):
        return Problem(what, SHELL + argument, "key=value")
    tasks = [n for root in search_path(None) for n in group_files(root, "task") if is_name(n)]
    hint = did_you_mean(argument, tasks, "task={}") or "dlx tasks"
    return Problem(what, SHELL + argument, "key=value", hint)


def _depth(text: str) -> int:
    """How many brackets are open at once, closed too early or not."""
    depth = deepest = 0
    for character in text:
        if character in "[{(":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]})":
            depth -= 1
    return deepest


def _grammar_message(argument: str, error: Exception) -> str:
    """What Hydra's parser says, in words that need no knowledge of its grammar."""
    said = str(error)
    if found := re.search(r"while evaluating '(.*)': (.*)", said):
        return f"{found[1]}: {found[2]}"
    if any(argument.count(a) != argument.count(b) for a, b in ("[]", "{}", "()")):
        return "its brackets are not balanced"
    if found := re.search(r"(?:input|at) '(.+?)'(?: expecting|\n)", said):
        return f"`{found[1]}` is not allowed there"
    at = re.search(rf"^{_LEXER}.*\n( *)\^", said)
    place = len(at[1]) - len(_LEXER) if at else -1
    return f"`{argument[place]}` is not allowed there" if 0 <= place < len(argument) else ""


def is_plain(value: Any) -> bool:
    """Whether a value holds no sweep, as [choice(1,2)] does."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def hydra_problem(argument: str) -> Problem:
    """For `hydra.run.dir=x` and its kin."""
    what = "hydra.* settings are refused: they can load and run code"
    accepted = "dlx's own keys; run.root for the output folder, -m for a sweep"
    return Problem(what, SHELL + argument, accepted)


def sweep_problem(override: Override) -> Problem:
    """For several values without `-m`."""
    argument = override.input_line or ""
    key, _, value = argument.partition("=")
    hint = f"dlx train -m ... {argument}" if override.is_sweep_override() else ""
    if override.is_choice_sweep() and "(" not in value and "." in key:
        hint += f"   or   {key}=[{value}]"
    accepted = "one value; a list in brackets; or -m to run each value"
    return Problem("several values for one key", SHELL + argument, accepted, hint)


def deletion_problem(override: Override) -> Problem | None:
    """For `~key=value`: taking a key out takes no value."""
    argument = override.input_line or ""
    key, equals, value = argument.partition("=")
    if not override.is_delete() or not equals:
        return None
    hint = f"{key}   or   {key[1:]}={value}"
    return Problem("`~key` removes a key and takes no value", SHELL + argument, "~key", hint)


def plus_problem(argument: str) -> Problem:
    """For `+key=value`, where the key is one that is known."""
    what = "`+` is not needed: all possible keys are in the schema"
    return Problem(what, SHELL + argument, "key=value", argument.lstrip("+"))
