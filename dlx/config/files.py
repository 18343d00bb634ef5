"""Reading YAML that a stranger may have written: small, without aliases or tags, with its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Any

import yaml

from ..errors import Problem
from ..files import read_bytes
from ..printable import UNPRINTABLE, printable
from .scalars import format_scalar, guess_scalar, is_divided

Path = tuple[str, ...]
"""Where a value stands in the tree: ("optimizer", "lr")."""
Where = Callable[[Path], str]
"""Gives the place where a path was written, "" where it was not."""

MAX_BYTES = 256 * 1024
MAX_DIGITS = 400
MAX_DEPTH = 64
"""Brackets within brackets; readers of YAML recurse, and some of them crash instead of raising."""
_TOO_DEEP = "the YAML is nested too deeply"
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "seq", "map")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadFile(Exception):
    """A YAML file that is not read; made of the parts of a `Problem`, which it holds."""

    def __init__(self, what: str, where: str, accepted: str = "", hint: str = "") -> None:
        self.problem = Problem(what, where, accepted, hint)
        super().__init__(str(self.problem))


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
    with _reading(shown):
        if not file.is_file():  # a pipe or a device would be waited for, or never end
            raise BadFile("is not a file" if file.exists() else "does not exist", shown)
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise BadFile(f"the file has {size:,} bytes", shown, f"at most {MAX_BYTES:,} bytes")
        text = file.read_text(encoding="utf-8")
    return _scan_text(text, shown)


def read_saved(file: FilePath, shown: str) -> tuple[Any, dict[Path, int]]:
    """Reads a YAML file in a folder that a stranger may have made (`dlx/files.py`).

    Returns:
        What it holds, and the lines as `scan` gives them.

    Raises:
        BadFile: as for `scan`; or it lies behind a link.
    """
    with _reading(shown):
        text = read_bytes(file, MAX_BYTES).decode("utf-8")
    lines = _scan_text(text, shown)
    try:
        return yaml.safe_load(text), lines
    except (ValueError, yaml.YAMLError) as error:  # as for a date in a thirteenth month
        raise BadFile(f"is not valid YAML: {error}", shown) from None


@contextmanager
def _reading(shown: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise BadFile("does not exist", shown) from None
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror}", shown) from None
    except UnicodeDecodeError as error:
        raise BadFile(f"is not UTF-8 text (byte {error.start})", shown, "YAML text") from None


def _scan_text(text: str, shown: str) -> dict[Path, int]:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            _refuse_constructs(event, shown)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise BadFile(_TOO_DEEP, _place(event, shown), f"at most {MAX_DEPTH} levels")
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _no_yaml(error, shown, text) from None
    lines: dict[Path, int] = {}
    if node is not None and not isinstance(node, yaml.MappingNode):
        raise BadFile("contains no config", shown, "key: value")
    if node is not None:
        _collect_lines(node, (), lines, shown)
    return lines


def _place(at: Any, shown: str) -> str:
    """Where an event or a node begins."""
    return f"{shown}:{at.start_mark.line + 1}"


def _refuse_constructs(event: Any, shown: str) -> None:
    where = _place(event, shown)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        what = "YAML anchors and aliases (& and *) are not supported"
        raise BadFile(what, where, hint="write the value out, or refer to it as ${other.key}")
    if found := UNPRINTABLE.search(getattr(event, "value", "")):
        what = f"a text contains the control character {printable(found[0])}"
        raise BadFile(what, where, "printable text")
    tag = getattr(event, "tag", None)
    if tag and tag.removeprefix(_CORE) not in _PLAIN_TAGS:
        raise BadFile(f"the YAML tag {tag} is not supported", where, "plain values")


def _no_yaml(error: yaml.YAMLError, shown: str, text: str) -> BadFile:
    mark = getattr(error, "problem_mark", None)
    where = f"{shown}:{mark.line + 1}" if mark else shown
    said = str(getattr(error, "problem", None) or error).partition("\n")[0]
    if "cannot start any token" in said and mark is not None and _is_tab(mark, text):
        return BadFile("a tab is used where spaces are required", where, "spaces")
    if "nesting depth" in said:  # the parser gave up before the events could be counted
        return BadFile(_TOO_DEEP, where, f"at most {MAX_DEPTH} levels")
    return BadFile(f"is not valid YAML: {said}", where)


def _collect_lines(node: Any, path: Path, lines: dict[Path, int], shown: str) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            where = _place(key, shown)
            if key.tag == f"{_CORE}int":
                _refuse_divided(key, shown)
            if key.tag.removeprefix(_CORE) not in ("str", "int"):
                said = f"the key `{key.value}`" if isinstance(key.value, str) else "a key"
                raise BadFile(f"{said} is not a text", where, "a name")
            inner = (*path, str(key.value))
            if inner in lines:
                raise BadFile(f"`{key.value}` appears twice, first in line {lines[inner]}", where)
            lines[inner] = key.start_mark.line + 1
            _collect_lines(value, inner, lines, shown)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*path, str(index))
            lines[inner] = value.start_mark.line + 1
            _collect_lines(value, inner, lines, shown)
    else:
        if node.tag == f"{_CORE}int" and len(node.value) > MAX_DIGITS:  # Python may not write it
            what = f"a number of {len(node.value):,} digits"
            raise BadFile(what, _place(node, shown), f"at most {MAX_DIGITS}")
        _refuse_divided(node, shown)


def _refuse_divided(node: Any, shown: str) -> None:
    """What YAML 1.1 makes a number or truth value of, and the shell and YAML 1.2 do not."""
    if node.tag == f"{_CORE}str" or not isinstance(node.value, str) or not is_divided(node.value):
        return
    found = guess_scalar(node.value)
    accepted = "true or false" if isinstance(found, bool) else "a number in plain decimal digits"
    hint = f"'{node.value}' if it is a text" + (
        "" if found is None else f", {format_scalar(found)} if not"
    )
    what = f"`{node.value}` is interpreted differently by different YAML parsers"
    raise BadFile(what, _place(node, shown), f"{accepted}; a text in quotes", hint)


def _is_tab(mark: Any, text: str) -> bool:
    """Whether a mistake stands at a tab."""
    line = [*text.splitlines(), ""][mark.line :][:1]
    return bool(line) and line[0][mark.column :].startswith("\t")
