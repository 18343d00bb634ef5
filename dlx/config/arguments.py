"""Reading command-line arguments in Hydra's override grammar, and what is said of the others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from ..errors import Problem
from .check import SHELL
from .paths import NAME

_LEXER = "LexerNoViableAltException: "
MAX_CHARACTERS = 20_000
MAX_DEPTH = 32
"""Brackets within brackets, and dots in a key: Hydra's parser and dlx's own merging recurse."""


def parse(arguments: Sequence[str], problems: list[Problem]) -> list[Override]:
    """Reads arguments in Hydra's override grammar, noting those that are not in it."""
    parser = OverridesParser.create()
    overrides = []
    for argument in arguments:
        if problem := _unreadable(argument):
            problems.append(problem)
            continue
        try:
            overrides.extend(parser.parse_overrides([argument]))
        except (HydraException, ValueError) as error:
            problems.append(_grammar_problem(argument, error, parser))
    return overrides


def _grammar_problem(argument: str, error: Exception, parser: OverridesParser) -> Problem:
    detail = _grammar_message(argument, error)
    what = "cannot read the argument" + (f": {detail}" if detail else "")
    key, _, value = argument.partition("=")
    quoted = f'{key}="{value}"'
    try:
        parser.parse_overrides([quoted])
    except (HydraException, ValueError):
        hint = ""
    else:
        hint = shlex.quote(quoted) if "cannot stand" in detail else ""
    accepted = "key=value, as in optimizer.lr=0.01 or model.units=[64,64]"
    return Problem(what, SHELL + argument, accepted, hint)


def _unreadable(argument: str) -> Problem | None:
    """What keeps an argument from the parser, which is slow and recursive."""
    key, equals, _ = argument.lstrip("+~").partition("=")
    if not key.strip() or not (equals or argument.startswith("~")):
        hint = f"task={argument}" if NAME.fullmatch(argument) else ""
        return Problem(f"`{argument}` is no key=value", SHELL + argument, "key=value", hint)
    if len(argument) > MAX_CHARACTERS:
        what = f"the argument has {len(argument):,} characters"
        return Problem(what, f"{SHELL}{argument[:40]}...", f"at most {MAX_CHARACTERS:,}")
    if max(_depth(argument), key.count(".")) > MAX_DEPTH:
        what = "the argument is nested too deeply"
        return Problem(what, f"{SHELL}{argument[:40]}...", f"at most {MAX_DEPTH} levels")
    return None


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
        return "its brackets do not match"
    if found := re.search(r"(?:input|at) '(.+?)'(?: expecting|\n)", said):
        return f"`{found[1]}` cannot stand there"
    at = re.search(rf"^{_LEXER}.*\n( *)\^", said)
    place = len(at[1]) - len(_LEXER) if at else -1
    return f"`{argument[place]}` cannot stand there" if 0 <= place < len(argument) else ""


def is_plain(value: Any) -> bool:
    """Whether a value holds no sweep, as [choice(1,2)] does."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, int, float))


def hydra_refused(argument: str) -> Problem:
    """For `hydra.run.dir=x` and its kin."""
    return Problem(
        "hydra.* settings are refused: they can load and run code",
        SHELL + argument,
        "dlx's own keys; run.root for the output folder, -m for a sweep",
    )


def sweep_refused(override: Override) -> Problem:
    """For several values without `-m`."""
    argument = override.input_line or ""
    key, _, value = argument.partition("=")
    hint = f"dlx train -m ... {argument}" if override.is_sweep_override() else ""
    if override.is_choice_sweep() and "(" not in value and "." in key:
        hint += f"   or   {key}=[{value}]"
    accepted = "one value; a list in brackets; or -m to run each value"
    return Problem("several values for one key", SHELL + argument, accepted, hint)


def deletion_refused(override: Override) -> Problem | None:
    """For `~key=value`: taking a key out takes no value."""
    argument = override.input_line or ""
    key, equals, value = argument.partition("=")
    if not override.is_delete() or not equals:
        return None
    hint = f"{key}   or   {key[1:]}={value}"
    return Problem("`~key` takes a key out and has no value", SHELL + argument, "~key", hint)


def plus_refused(argument: str) -> Problem:
    """For `+key=value`, where the key is one that is known."""
    what = "`+` adds nothing here: every key there can be is in the schema"
    return Problem(what, SHELL + argument, "key=value", argument.lstrip("+"))
