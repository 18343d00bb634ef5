"""Reading YAML that a stranger may have written: small, without aliases or tags, with its lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import yaml

from ..errors import Problem
from ..files import read_bytes
from ..printable import UNPRINTABLE, printable
from .scalars import is_divided, meant, typed

Path = tuple[str, ...]
"""Where a value stands in the tree: ("optimizer", "lr")."""
Where = Callable[[Path], str]
"""Gives the place where a path was written, "" where it was not."""

MAX_BYTES = 256 * 1024
MAX_DIGITS = 400
MAX_DEPTH = 64
"""Brackets within brackets; readers of YAML recurse, and some of them crash instead of raising."""
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "seq", "map")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadFile(Exception):
    """A YAML file that is not read; holds the `Problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def scan(file: FilePath, shown: str) -> dict[Path, int]:
    """Checks a YAML file before anything builds objects from it.

    Args:
        file: the file to read; the user's own, so that links are followed.
        shown: how the file is named to the user.

    Returns:
        The line, from 1, of every key and list item.

    Raises:
        BadFile: it cannot be read, is too large or nested too deeply, is no YAML or no mapping,
            uses aliases (a few hundred bytes of them can fill the memory) or tags, repeats a key,
            has one that is no text, or a word that readers of YAML take for different values.
    """
    return scan_text(_read(file, shown), shown)


def scan_text(text: str, shown: str) -> dict[Path, int]:
    """Like `scan`, of what a file holds."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            _refuse_constructs(event, shown)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise BadFile(_too_deep(event, shown))
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise BadFile(_syntax_problem(error, shown, text)) from None
    lines: dict[Path, int] = {}
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise BadFile(Problem("contains no config", shown, "key: value"))
    if node is not None:
        _collect_lines(node, (), lines, shown)
    return lines


def _read(file: FilePath, shown: str) -> str:
    try:
        if not file.is_file():  # a pipe or a device would be waited for, or never end
            raise BadFile(Problem("is not a file" if file.exists() else "does not exist", shown))
        size = file.stat().st_size
        if size > MAX_BYTES:
            problem = Problem(
                f"the file has {size:,} bytes", shown, accepted=f"at most {MAX_BYTES:,} bytes"
            )
            raise BadFile(problem)
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadFile(Problem(f"cannot be read: {error.strerror}", shown)) from None
    except UnicodeDecodeError as error:
        raise BadFile(_no_text(error, shown)) from None


def read_fenced(file: FilePath, shown: str) -> str:
    """The text of a YAML file in a folder that a stranger may have made (`dlx/files.py`).

    Raises:
        BadFile: it cannot be read, lies behind a link, is too large, or is no UTF-8 text.
    """
    try:
        return read_bytes(file, MAX_BYTES).decode("utf-8")
    except FileNotFoundError:
        raise BadFile(Problem("does not exist", shown)) from None
    except OSError as error:
        raise BadFile(Problem(f"cannot be read: {error.strerror}", shown)) from None
    except UnicodeDecodeError as error:
        raise BadFile(_no_text(error, shown)) from None


def _no_text(error: UnicodeDecodeError, shown: str) -> Problem:
    return Problem(f"is not UTF-8 text (byte {error.start})", shown, accepted="YAML text")


def _too_deep(event: Any, shown: str) -> Problem:
    where = f"{shown}:{event.start_mark.line + 1}"
    return Problem("the YAML is nested too deeply", where, f"at most {MAX_DEPTH} levels")


def _refuse_constructs(event: Any, shown: str) -> None:
    line = event.start_mark.line + 1
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise BadFile(
            Problem(
                "YAML anchors and aliases (& and *) are not supported",
                f"{shown}:{line}",
                hint="write the value out, or refer to it as ${other.key}",
            )
        )
    if found := UNPRINTABLE.search(getattr(event, "value", "")):
        what = f"a text contains the control character {printable(found[0])}"
        raise BadFile(Problem(what, f"{shown}:{line}", "printable text"))
    tag = getattr(event, "tag", None)
    if tag and tag.removeprefix(_CORE) not in _PLAIN_TAGS:
        problem = Problem(f"the YAML tag {tag} is not supported", f"{shown}:{line}", "plain values")
        raise BadFile(problem)


def _syntax_problem(error: yaml.YAMLError, shown: str, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"{shown}:{mark.line + 1}" if mark else shown
    said = str(getattr(error, "problem", None) or error).partition("\n")[0]
    if "cannot start any token" in said and mark is not None and _is_tab(mark, text):
        return Problem("a tab is used where spaces are required", where, "spaces")
    if "nesting depth" in said:  # the parser gave up before the events could be counted
        return Problem("the YAML is nested too deeply", where, f"at most {MAX_DEPTH} levels")
    return Problem(f"is not valid YAML: {said}", where)


def _collect_lines(node: Any, path: Path, lines: dict[Path, int], shown: str) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == f"{_CORE}int":
                _refuse_divided(key, shown)
            if key.tag.removeprefix(_CORE) not in ("str", "int"):
                said = f"the key `{key.value}`" if isinstance(key.value, str) else "a key"
                raise BadFile(Problem(f"{said} is not a text", f"{shown}:{line}", "a name"))
            inner = (*path, str(key.value))
            if inner in lines:
                where = f"{shown}:{line}"
                raise BadFile(
                    Problem(f"`{key.value}` appears twice, first in line {lines[inner]}", where)
                )
            lines[inner] = line
            _collect_lines(value, inner, lines, shown)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*path, str(index))
            lines[inner] = value.start_mark.line + 1
            _collect_lines(value, inner, lines, shown)
    else:
        _check_scalar(node, shown)


def _check_scalar(node: Any, shown: str) -> None:
    where = f"{shown}:{node.start_mark.line + 1}"
    if node.tag == f"{_CORE}int" and len(node.value) > MAX_DIGITS:  # Python may not write it out
        what = f"a number of {len(node.value):,} digits"
        raise BadFile(Problem(what, where, f"at most {MAX_DIGITS}"))
    _refuse_divided(node, shown)


def _refuse_divided(node: Any, shown: str) -> None:
    """What YAML 1.1 makes a number or truth value of, and the shell and YAML 1.2 do not."""
    if node.tag == f"{_CORE}str" or not isinstance(node.value, str) or not is_divided(node.value):
        return
    found = meant(node.value)
    accepted = "true or false" if isinstance(found, bool) else "a number in plain decimal digits"
    hint = f"'{node.value}' if it is a text" + ("" if found is None else f", {typed(found)} if not")
    what = f"`{node.value}` is interpreted differently by different YAML parsers"
    where = f"{shown}:{node.start_mark.line + 1}"
    raise BadFile(Problem(what, where, f"{accepted}; a text in quotes", hint))


def _is_tab(mark: Any, text: str) -> bool:
    """Whether a mistake stands at a tab."""
    line = [*text.splitlines(), ""][mark.line :][:1]
    return bool(line) and line[0][mark.column :].startswith("\t")
